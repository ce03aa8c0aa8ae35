"""E2: gzip members with every field that a header may have, however they are cut."""

import struct
import zlib

import pytest
from codings import PAGE, TAGGED, cut, make_recoder, pack, recode, splits, unpack

FTEXT, FEXTRA, FNAME, FCOMMENT = 1, 4, 8, 16
FIELDS = {FEXTRA: struct.pack("<H", 8) + b"AP\x04\x00abcd", FNAME: b"page.html\0", FCOMMENT: b"by a tool\0"}


def member(flags: int, content: bytes) -> tuple[bytes, int]:
    """A gzip member with these fields in its header, and how long that is."""
    header = b"\x1f\x8b\x08%c\0\0\0\0\0\x03" % flags + b"".join(text for flag, text in FIELDS.items() if flags & flag)
    data = pack("deflate", content)[2:-4]
    return header + data + struct.pack("<II", zlib.crc32(content), len(content)), len(header)


@pytest.mark.parametrize("flags", [flags for flags in range(32) if not flags & 2])
def test_e2_gzip_with_any_fields_in_its_header_is_tagged_or_untouched(flags: int) -> None:
    body, header = member(flags, PAGE)
    twice = [cut(body, [first, second]) for first in range(3, header) for second in range(first, header + 30)]
    outcomes = {unpack("gzip", recode(make_recoder("gzip"), chunks)) for chunks in (*splits(body), *twice)}
    # One that has several fields is not read: ISA-L makes garbage of it if a chunk ends within the first.
    assert outcomes == {TAGGED if (flags & ~FTEXT).bit_count() < 2 else PAGE}


@pytest.mark.parametrize("flags", [0, FNAME, FNAME | FCOMMENT])
def test_e2_a_later_member_with_any_fields_in_its_header_keeps_its_content(flags: int) -> None:
    second, _ = member(flags, PAGE[30:])
    for chunks in splits(pack("gzip", PAGE[:30]) + second):
        assert unpack("gzip", recode(make_recoder("gzip"), chunks)) in (PAGE, TAGGED)
