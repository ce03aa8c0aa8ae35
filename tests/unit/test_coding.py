"""Coded bodies: decoded, changed, encoded again, and never repaired; the same law for every coding."""

import random
import subprocess
import sys
from pathlib import Path

import pytest
from codings import (
    EVERY,
    JOINING,
    PAGE,
    TAG,
    TAGGED,
    Framed,
    Reader,
    cut,
    make_recoder,
    pack,
    read,
    recode,
    splits,
    unpack,
    upstream,
)

from proxy.page.coding.base import MAX_STEP_BYTES, CodingError
from proxy.page.coding.br import MAX_REPLAY_BYTES
from proxy.page.coding.offered import CODINGS
from proxy.page.coding.recoder import MAX_RAW_BYTES
from proxy.page.coding.zstd import MAX_WINDOW_BYTES

JUNK = pytest.mark.parametrize(
    "junk", [b"\x00" * 600, b"\x1f", b"\x1f\x8b", b"<!-- served by -->"], ids=lambda j: j[:9].hex()
)


def noise(size: int) -> bytes:
    return random.Random(1).randbytes(size)


@EVERY
def test_e1_page_is_tagged_at_every_split_point(name: str) -> None:
    for chunks in splits(pack(name, PAGE)):
        assert unpack(name, recode(make_recoder(name), chunks)) == TAGGED


@EVERY
def test_e1_every_chunk_is_flushed(name: str) -> None:
    encoder, visitor = upstream(name), Reader(name)
    recoder = make_recoder(name)
    for part in (b"<html><head>", b"<link>", b"<body>one", b"two", b"three"):
        seen = visitor.feed(b"".join(recoder.feed(encoder.feed(part) + encoder.sync())))
        assert seen == (TAG + part if part == b"<link>" else part)
    assert not visitor.stream.failed


@pytest.mark.parametrize("name", JOINING)
def test_e1_the_end_of_a_member_is_flushed_though_another_may_follow(name: str) -> None:
    recoder, visitor = make_recoder(name), Reader(name)
    for part in (b"<html><head>", b"<title>a</title>"):
        assert visitor.feed(b"".join(recoder.feed(pack(name, part)))) == part


@EVERY
def test_e1_a_chunk_without_content_makes_no_bytes(name: str) -> None:
    encoder, recoder = upstream(name), make_recoder(name)
    list(recoder.feed(encoder.feed(PAGE) + encoder.sync()))
    assert list(recoder.feed(b"")) == []
    assert list(recoder.feed(pack(name, PAGE)[:0])) == []


@EVERY
def test_e1_a_page_of_one_chunk_is_one_piece(name: str) -> None:
    recoder = make_recoder(name)
    pieces = [*recoder.feed(pack(name, PAGE)), *recoder.flush()]
    assert len(pieces) <= 2


@EVERY
def test_e1_transform_that_holds_at_the_end_still_gets_its_tag_in(name: str) -> None:
    document = b"<html><head>"
    for chunks in splits(pack(name, document)):
        assert unpack(name, recode(make_recoder(name), chunks)) == document + TAG


@EVERY
def test_e2_page_without_a_tag_keeps_its_own_coded_bytes(name: str) -> None:
    body = pack(name, PAGE, 9)
    assert recode(make_recoder(name, tag=None), [body]) == body
    for chunks in splits(body):
        assert unpack(name, recode(make_recoder(name, tag=None), chunks)) == PAGE


@EVERY
def test_e2_empty_body_stays_empty(name: str) -> None:
    for chunks in ([], [b""]):
        assert recode(make_recoder(name), chunks) == b""


@EVERY
@pytest.mark.parametrize("junk", [b"", b"\x00\x00", b"junk behind it"], ids=repr)
def test_e2_empty_stream_keeps_its_bytes(name: str, junk: bytes) -> None:
    body = pack(name, b"") + junk
    for chunks in splits(body):
        assert recode(make_recoder(name), chunks) == body


@pytest.mark.parametrize(
    ("name", "body"),
    [
        *((name, PAGE) for name in ("gzip", "deflate", "zstd")),
        *((name, pack("gzip", PAGE)) for name in ("deflate", "zstd")),
        ("gzip", pack("deflate", PAGE)),
        ("deflate", pack("deflate", PAGE)[2:-4]),  # raw, as browsers accept it and RFC 9110 does not
        ("gzip", pack("deflate", PAGE)[2:-4]),
        ("gzip", b"\x1f\x8b\x07 no such method"),
        ("gzip", b"\x1f"),
        ("gzip", b"\x1f\x8b\x08\x00"),
        ("gzip", pack("gzip", PAGE)[:3] + b"\x20" + pack("gzip", PAGE)[4:]),  # a reserved flag
        ("gzip", pack("gzip", PAGE)[:3] + b"\x02" + pack("gzip", PAGE)[4:]),  # a check sum of the header
        ("deflate", b"\x78\xbb\x00\x00\x00\x01" + pack("deflate", PAGE)[2:]),  # a dictionary
        ("zstd", b"\x28\xb5\x2f\xfd\x23\x01\x00\x00\x00\x0d\x11\x00\x00ab"),  # a dictionary
        ("zstd", b"\x28\xb5"),
        ("zstd", b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc"),  # a skippable frame alone
        ("br", b"\x0e no such block"),
        ("br", b"\x11 no such window"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[:8].hex(),
)
def test_e2_what_is_not_coded_as_it_says_passes_untouched(name: str, body: bytes) -> None:
    for chunks in splits(body):
        assert recode(make_recoder(name), chunks) == body


@pytest.mark.parametrize("name", JOINING)
def test_e2_streams_behind_the_tag_keep_their_bytes(name: str) -> None:
    first, second = pack(name, PAGE), pack(name, b"<p>second", 9)
    for chunks in splits(first + second):
        output = recode(make_recoder(name), chunks)
        assert output.endswith(second)
        assert unpack(name, output) == TAGGED + b"<p>second"
        # A browser that reads only the first one sees what it saw.
        assert read(name, output).text == TAGGED


@pytest.mark.parametrize("name", JOINING)
def test_e2_streams_before_the_tag_are_joined(name: str) -> None:
    parts = [PAGE[:20], b"", PAGE[20:30], PAGE[30:]]
    for chunks in splits(b"".join(pack(name, part) for part in parts)):
        assert unpack(name, recode(make_recoder(name), chunks)) == TAGGED
    late = pack(name, b"") + pack(name, PAGE)
    for chunks in splits(late):
        assert unpack(name, recode(make_recoder(name), chunks)) == TAGGED


def test_e2_skippable_frames_are_read_over() -> None:
    skipped = b"\x5f\x2a\x4d\x18\x03\x00\x00\x00abc"
    for body in (skipped + pack("zstd", PAGE), pack("zstd", PAGE[:20]) + skipped + pack("zstd", PAGE[20:])):
        for chunks in splits(body):
            output = recode(make_recoder("zstd"), chunks)
            text = b"".join(read("zstd", part).text for part in (output, output.removeprefix(skipped)))
            assert TAGGED in (text, unpack("zstd", output))


@pytest.mark.parametrize("name", ["deflate", "br"])
def test_e2_a_second_stream_is_no_content_where_the_coding_has_but_one(name: str) -> None:
    start, second = b"<html><head><title>a</title>", pack(name, PAGE)
    for chunks in splits(pack(name, start) + second):
        stream = read(name, recode(make_recoder(name), chunks))
        assert (stream.text, stream.ended, stream.rest) == (start + TAG, True, second)


@EVERY
@JUNK
def test_e2_what_follows_the_end_is_kept(name: str, junk: bytes) -> None:
    for content, expected in ((PAGE, TAGGED), (b"<html><head>", b"<html><head>" + TAG)):
        for chunks in splits(pack(name, content) + junk):
            stream = read(name, recode(make_recoder(name), chunks))
            assert (stream.text, stream.ended, stream.rest) == (expected, True, junk)


def test_e2_the_end_of_a_brotli_stream_is_found_again_in_its_last_chunk() -> None:
    body = pack("br", PAGE + noise(20_000), 1)
    for chunks in ([body[:-100], body[-100:] + b"junk"], [*cut(body[:-1], [9, 5_000]), body[-1:] + b"junk"]):
        output = recode(make_recoder("br"), chunks)
        assert output.endswith(b"junk")
        assert unpack("br", output[:-4]) == TAGGED + noise(20_000)


def test_e2_a_brotli_stream_too_long_to_be_read_again_is_broken_where_its_end_cannot_be_told() -> None:
    body = pack("br", PAGE + b" " * MAX_REPLAY_BYTES, 1)
    output = recode(make_recoder("br"), [body[:-1], body[-1:] + b"junk"])
    assert output.endswith(CODINGS[b"br"].invalid)


@EVERY
@pytest.mark.parametrize("text", [b"<html><head>", b"<html><head>\n<tit"])
def test_t12_no_tag_is_put_at_the_end_of_a_body_that_is_cut_short(name: str, text: bytes) -> None:
    encoder = upstream(name)
    body = encoder.feed(text) + encoder.sync()
    stream = read(name, recode(make_recoder(name), [body]))
    assert (stream.text, stream.ended, stream.failed) == (text, False, False)


@EVERY
def test_e2_no_tag_is_put_at_the_end_of_a_corrupt_body(name: str) -> None:
    encoder = upstream(name)
    body = encoder.feed(b"<html><head>") + encoder.sync()
    stream = read(name, recode(make_recoder(name), [body, b"\x07\xff\xff\xff" * 12]))
    assert (stream.text, stream.ended, stream.failed) == (b"<html><head>", False, True)


@pytest.mark.parametrize("name", ["gzip", "deflate", "zstd"])
def test_e2_wrong_check_sum_stays_wrong(name: str) -> None:
    for content, step in ((PAGE + noise(10_000), 2_000), (PAGE, 100), (PAGE, 5_000)):
        body = bytearray(pack(name, content))
        body[-3] ^= 1
        output = recode(make_recoder(name), [bytes(body[at : at + step]) for at in range(0, len(body), step)])
        stream = read(name, output)
        assert output.endswith(CODINGS[name.encode()].invalid) or output == bytes(body)
        assert stream.failed and not stream.ended


def test_e2_window_of_8_mb_is_read_and_a_larger_one_passes_untouched() -> None:
    fitting = MAX_WINDOW_BYTES.bit_length() - 1
    for log in (fitting, fitting + 1, 27):
        encoder = Framed(1, window_log=log)
        body = encoder.feed(PAGE) + encoder.sync() + encoder.feed(PAGE) + encoder.flush()
        for chunks in ([body], [body[:3], body[3:]]):
            output = recode(make_recoder("zstd"), chunks)
            assert (output == body) == (log > fitting)


@EVERY
def test_e2_decoder_gives_out_bounded_pieces(name: str) -> None:
    decoder = CODINGS[name.encode()].decoder()
    pieces = list(decoder.feed(pack(name, b"x" * 1_000_000) + b"rest"))
    assert b"".join(pieces) == b"x" * 1_000_000
    assert max(map(len, pieces)) <= MAX_STEP_BYTES and all(pieces)
    assert decoder.ended and decoder.rest == b"rest"


@EVERY
def test_pieces_of_exactly_one_step_lose_nothing(name: str) -> None:
    for size in (MAX_STEP_BYTES // 2, MAX_STEP_BYTES - 1, MAX_STEP_BYTES, MAX_STEP_BYTES + 1, 2 * MAX_STEP_BYTES):
        decoder = CODINGS[name.encode()].decoder()
        assert len(b"".join(decoder.feed(pack(name, b"x" * size)))) == size
        assert decoder.ended


@EVERY
def test_output_that_waits_inside_the_library_is_not_forgotten(name: str) -> None:
    encoder = upstream(name, 9)
    content = b"x" * (MAX_STEP_BYTES + 300)
    body = encoder.feed(content) + encoder.sync()
    for end in range(len(body) + 1):
        decoder = CODINGS[name.encode()].decoder()
        text, expected = b"".join(decoder.feed(body[:end])), read(name, body[:end]).text
        # In the middle of a chunk one symbol may be read later.
        assert text == expected or (end < len(body) and 0 < len(expected) - len(text) <= 258)


@EVERY
def test_decoder_tells_whether_output_had_begun(name: str) -> None:
    with pytest.raises(CodingError) as early:
        list(CODINGS[name.encode()].decoder().feed(b"\x11\x22\x33\x44 not coded"))
    assert not early.value.started
    decoder = CODINGS[name.encode()].decoder()
    encoder = upstream(name)
    list(decoder.feed(encoder.feed(PAGE) + encoder.sync()))
    with pytest.raises(CodingError) as late:
        list(decoder.feed(b"\x0f\xff\xff\xff" * 9))
    assert late.value.started


@pytest.mark.parametrize(
    ("name", "header"),
    [("gzip", b"\x1f\x8b\x08\x08" + b"\x00" * 6), ("zstd", b"\x50\x2a\x4d\x18\x00\x00\x00\x70")],
)
def test_endless_header_is_not_kept(name: str, header: bytes) -> None:
    recoder = make_recoder(name)
    given = [header, *[b"n" * 10_000] * 10]
    taken = [piece for chunk in given for piece in recoder.feed(chunk)]
    assert b"".join(taken) == b"".join(given)
    assert len(b"".join(given)) > MAX_RAW_BYTES


@EVERY
def test_encoder_makes_one_stream(name: str) -> None:
    encoder = CODINGS[name.encode()].encoder()
    start = encoder.feed(b"abc") + encoder.sync()
    assert read(name, start).text == b"abc"
    assert unpack(name, start + encoder.feed(b"def") + encoder.flush()) == b"abcdef"


WITHOUT_ISAL = """
import sys
sys.modules["isal"] = None
from codings import PAGE, TAGGED, make_recoder, pack, recode, splits, unpack
from proxy.page.coding.deflate import LEVEL
assert LEVEL == 1
for name in ("gzip", "deflate"):
    for chunks in splits(pack(name, PAGE)):
        assert unpack(name, recode(make_recoder(name), chunks)) == TAGGED
"""


def test_e1_a_processor_without_isal_reads_and_writes_the_same() -> None:
    tests = Path(__file__).parent
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_ISAL],
        env={"PYTHONPATH": f"{tests}:{tests.parents[1]}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
