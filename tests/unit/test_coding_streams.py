"""E2: bodies of many streams that hold nothing: no byte of what follows them is lost, and nobody waits for them."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from codings import EVERY, JOINING, PAGE, TAGGED, cut, make_injector, make_recoder, pack, recode, unpack

from proxy.page.coding.base import Decoder
from proxy.page.coding.offered import CODINGS
from proxy.page.coding.recoder import MAX_FED_BYTES, MAX_RAW_BYTES, MAX_STEPS, Recoder

SKIPPED = b"\x50\x2a\x4d\x18" + (70_000).to_bytes(4, "little") + bytes(70_000)


@pytest.mark.parametrize("start", [b"", pack("zstd", PAGE[:30])], ids=["first", "later"])
def test_e2_a_frame_behind_a_long_skippable_one_is_not_lost(start: bytes) -> None:
    page = pack("zstd", PAGE[30:] if start else PAGE)
    behind = len(start) + len(SKIPPED)
    body = start + SKIPPED + page
    for places in ([], [8], [len(start) + 8, behind], [behind - 1, behind + 1], [50_000], [MAX_RAW_BYTES], [behind]):
        assert recode(make_recoder("zstd"), cut(body, places)).endswith(SKIPPED + page)


@pytest.mark.parametrize("name", JOINING)
def test_e2_a_stream_behind_many_empty_ones_is_not_lost(name: str) -> None:
    empty = pack(name, b"")
    most = MAX_RAW_BYTES // len(empty)
    for count in (most - 400, *range(most - 15, most + 5), most + 400):
        body = empty * count + pack(name, PAGE)
        for chunks in ([body], cut(body, [1_000, 30_011]), cut(body, [len(empty) * count])):
            output = recode(make_recoder(name), chunks)
            assert output == body if count > most else unpack(name, output) == TAGGED


@pytest.mark.parametrize("name", JOINING)
def test_e2_streams_that_hold_nothing_are_read_with_turns_in_between(name: str) -> None:
    count = 3_000
    pieces = list(make_recoder(name).feed(pack(name, b"") * count))
    assert len(pieces) >= count // (MAX_STEPS + 1)
    assert not any(pieces)


@EVERY
def test_e2_what_follows_a_stream_is_not_copied_for_each_one(name: str) -> None:
    """What a library is given may be copied as often as there are streams, or read again for brotli's end."""
    fed: list[int] = []

    class Counted:
        def __init__(self, decoder: Decoder) -> None:
            self._decoder = decoder

        def feed(self, data: bytes) -> Iterator[bytes]:
            fed.append(len(data))
            return self._decoder.feed(data)

        def __getattr__(self, attribute: str) -> object:
            return getattr(self._decoder, attribute)

    coding = CODINGS[name.encode()]
    counting = replace(coding, decoder=lambda: Counted(coding.decoder()))
    body = pack(name, b"") * (3_000 if coding.joins else 1) + pack(name, PAGE) + bytes(100_000)
    recode(Recoder(make_injector(), counting), [body])
    assert fed and max(fed) <= MAX_FED_BYTES
