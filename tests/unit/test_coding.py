"""Gzipped bodies: decoded, changed, encoded again, and never repaired."""

import gzip
import random
import zlib

import pytest

from proxy.page.coding import (
    MAX_RAW_BYTES,
    MAX_STEP_BYTES,
    CodingError,
    GzipDecoder,
    GzipEncoder,
    Recoder,
    is_gzip,
    narrow_accept_encoding,
)
from proxy.page.injector import Injector

TAG = b"<script async src=/t.js></script>"
PAGE = b"<!doctype html><html><head><title>a</title><link></head><body>" + b"<p>some text</p>" * 60
TAGGED = PAGE.replace(b"<link>", TAG + b"<link>")


def make_recoder(*, tag: bytes | None = TAG) -> Recoder:
    return Recoder(Injector(lambda _policies: tag, charset_declared=True, must_look_like_document=False))


def recode(recoder: Recoder, chunks: list[bytes]) -> bytes:
    return b"".join([*(piece for chunk in chunks for piece in recoder.feed(chunk)), *recoder.flush()])


def splits(data: bytes) -> list[list[bytes]]:
    two = [[data[:place], data[place:]] for place in range(len(data) + 1)]
    return [*two, [data[place : place + 1] for place in range(len(data))]]


def decoded_as_far_as_possible(data: bytes) -> bytes:
    return zlib.decompressobj(31).decompress(data)


def noise(size: int) -> bytes:
    return random.Random(1).randbytes(size)


def test_e1_page_is_tagged_at_every_split_point() -> None:
    for chunks in splits(gzip.compress(PAGE)):
        recoder = make_recoder()
        assert gzip.decompress(recode(recoder, chunks)) == TAGGED
        assert not recoder.untouched and recoder.broken is None


def test_e1_every_chunk_is_flushed() -> None:
    upstream = zlib.compressobj(6, zlib.DEFLATED, 31)
    recoder, visitor = make_recoder(), zlib.decompressobj(31)
    for part in (b"<html><head>", b"<link>", b"<body>one", b"two", b"three"):
        coded = upstream.compress(part) + upstream.flush(zlib.Z_SYNC_FLUSH)
        seen = visitor.decompress(b"".join(recoder.feed(coded)))
        assert seen == (TAG + part if part == b"<link>" else part)


def test_e1_transform_that_holds_at_the_end_still_gets_its_tag_in() -> None:
    document = b"<html><head>"
    for chunks in splits(gzip.compress(document)):
        assert gzip.decompress(recode(make_recoder(), chunks)) == document + TAG


def test_e2_page_without_a_tag_keeps_its_own_coded_bytes() -> None:
    body = gzip.compress(PAGE, 9)
    recoder = make_recoder(tag=None)
    assert recode(recoder, [body[:50], body[50:]]) != b""
    whole = make_recoder(tag=None)
    assert recode(whole, [body]) == body
    assert whole.untouched
    for chunks in splits(body):
        assert gzip.decompress(recode(make_recoder(tag=None), chunks)) == PAGE


def test_e2_empty_body_stays_empty() -> None:
    for chunks in ([], [b""]):
        recoder = make_recoder()
        assert recode(recoder, chunks) == b""
        assert recoder.untouched


def test_e2_empty_member_keeps_its_bytes() -> None:
    body = gzip.compress(b"")
    for chunks in splits(body):
        recoder = make_recoder()
        assert recode(recoder, chunks) == body
        assert recoder.untouched


@pytest.mark.parametrize(
    "body",
    [
        PAGE,
        zlib.compress(PAGE),
        zlib.compress(PAGE)[2:-4],
        b"\x1f\x8b\x07 no such method",
        b"\x1f",
        b"\x1f\x8b\x08\x00",
    ],
    ids=["plain", "zlib", "raw deflate", "method", "one byte", "cut header"],
)
def test_e2_what_is_no_gzip_passes_untouched(body: bytes) -> None:
    for chunks in splits(body):
        recoder = make_recoder()
        assert recode(recoder, chunks) == body
        assert recoder.untouched and recoder.broken is None


def test_e2_members_behind_the_tag_keep_their_bytes() -> None:
    first, second = gzip.compress(PAGE), gzip.compress(b"<p>second", 9)
    for chunks in splits(first + second):
        output = recode(make_recoder(), chunks)
        assert output.endswith(second)
        assert gzip.decompress(output) == TAGGED + b"<p>second"
        # A browser that reads only the first member sees what it saw.
        assert decoded_as_far_as_possible(output) == TAGGED


def test_e2_members_before_the_tag_are_joined() -> None:
    parts = [PAGE[:20], b"", PAGE[20:30], PAGE[30:]]
    for chunks in splits(b"".join(gzip.compress(part) for part in parts)):
        assert gzip.decompress(recode(make_recoder(), chunks)) == TAGGED
    late = gzip.compress(b"") + gzip.compress(PAGE)
    for chunks in splits(late):
        assert gzip.decompress(recode(make_recoder(), chunks)) == TAGGED


@pytest.mark.parametrize("junk", [b"\x00" * 600, b"\x1f", b"\x1f\x8b", b"<!-- served by -->"], ids=repr)
def test_e2_what_follows_the_last_member_is_kept(junk: bytes) -> None:
    for body, expected in ((gzip.compress(PAGE), TAGGED), (gzip.compress(b"<html><head>"), b"<html><head>" + TAG)):
        for chunks in splits(body + junk):
            output = recode(make_recoder(), chunks)
            assert output.endswith(junk)
            assert gzip.decompress(output.removesuffix(junk)) == expected


def test_t12_body_that_is_cut_short_stays_cut_short() -> None:
    body = gzip.compress(PAGE + noise(3000))
    for end in (200, 1000, len(body) - 8, len(body) - 1):
        recoder = make_recoder()
        output = recode(recoder, [body[:100], body[100:end]])
        visitor = zlib.decompressobj(31)
        text = visitor.decompress(output)
        assert not visitor.eof
        assert text.replace(TAG, b"", 1) == decoded_as_far_as_possible(body[:end])
        assert recoder.broken is not None


@pytest.mark.parametrize("text", [b"<html><head>", b"<html><head>\n<tit"])
def test_t12_no_tag_is_put_at_the_end_of_a_body_that_is_cut_short(text: bytes) -> None:
    upstream = zlib.compressobj(6, zlib.DEFLATED, 31)
    body = upstream.compress(text) + upstream.flush(zlib.Z_SYNC_FLUSH)
    assert decoded_as_far_as_possible(recode(make_recoder(), [body])) == text


def test_e2_corrupt_body_stays_corrupt() -> None:
    body = bytearray(gzip.compress(PAGE + noise(200_000)))
    body[100_000:100_100] = b"\xff" * 100
    bad_sum = bytearray(gzip.compress(PAGE + noise(200_000)))
    bad_sum[-5] ^= 1
    for broken in (bytes(body), bytes(bad_sum)):
        chunks = [broken[at : at + 5000] for at in range(0, len(broken), 5000)]
        recoder = make_recoder()
        output = recode(recoder, chunks)
        assert recoder.broken is not None
        with pytest.raises((zlib.error, EOFError, gzip.BadGzipFile)):
            gzip.decompress(output)
        visitor = zlib.decompressobj(31)
        with pytest.raises(zlib.error):
            visitor.decompress(output)


def test_e2_corrupt_from_the_start_passes_untouched() -> None:
    body = bytearray(gzip.compress(PAGE))
    body[-5] ^= 1
    recoder = make_recoder()
    assert recode(recoder, [bytes(body)]) == bytes(body)
    assert recoder.untouched


def test_e2_output_of_a_step_is_bounded() -> None:
    bomb = gzip.compress(PAGE + b" " * 50_000_000)
    recoder = make_recoder()
    longest, total = 0, 0
    visitor = zlib.decompressobj(31)
    for piece in recoder.feed(bomb):
        longest = max(longest, len(piece))
        text = visitor.decompress(piece)
        total += len(text)
    total += sum(len(visitor.decompress(piece)) for piece in recoder.flush())
    assert longest <= MAX_STEP_BYTES
    assert total == len(TAGGED) + 50_000_000


def test_e2_decoder_gives_out_bounded_pieces() -> None:
    decoder = GzipDecoder()
    pieces = list(decoder.feed(gzip.compress(b"x" * 1_000_000) + b"rest"))
    assert b"".join(pieces) == b"x" * 1_000_000
    assert max(map(len, pieces)) <= MAX_STEP_BYTES and all(pieces)
    assert decoder.ended and decoder.rest == b"rest"


def test_pieces_of_exactly_one_step_lose_nothing() -> None:
    for size in (MAX_STEP_BYTES - 1, MAX_STEP_BYTES, MAX_STEP_BYTES + 1, 2 * MAX_STEP_BYTES):
        decoder = GzipDecoder()
        assert len(b"".join(decoder.feed(gzip.compress(b"x" * size)))) == size
        decoder.flush()
        assert decoder.ended


def test_output_that_waits_inside_zlib_is_not_forgotten() -> None:
    upstream = zlib.compressobj(9, zlib.DEFLATED, 31)
    body = upstream.compress(b"x" * (MAX_STEP_BYTES + 300)) + upstream.flush(zlib.Z_SYNC_FLUSH)
    for end in range(len(body) + 1):
        assert b"".join(GzipDecoder().feed(body[:end])) == decoded_as_far_as_possible(body[:end])


def test_e2_no_tag_is_put_at_the_end_of_a_corrupt_body() -> None:
    upstream = zlib.compressobj(6, zlib.DEFLATED, 31)
    body = upstream.compress(b"<html><head>") + upstream.flush(zlib.Z_SYNC_FLUSH)
    recoder = make_recoder()
    output = recode(recoder, [body, b"\xff" * 50])
    assert recoder.broken is not None
    visitor = zlib.decompressobj(31)
    assert visitor.decompress(output[:-1]) == b"<html><head>"
    with pytest.raises(zlib.error):
        visitor.decompress(output[-1:])


def test_decoder_tells_whether_output_had_begun() -> None:
    with pytest.raises(CodingError) as early:
        list(GzipDecoder().feed(b"no gzip"))
    assert not early.value.started
    decoder = GzipDecoder()
    list(decoder.feed(gzip.compress(noise(1000))[:500]))
    with pytest.raises(CodingError) as late:
        decoder.flush()
    assert late.value.started


def test_endless_header_is_not_kept() -> None:
    recoder = make_recoder()
    header = b"\x1f\x8b\x08\x08" + b"\x00" * 6
    given = [header, *[b"n" * 10_000] * 10]
    taken = [piece for chunk in given for piece in recoder.feed(chunk)]
    assert b"".join(taken) == b"".join(given)
    assert len(b"".join(given)) > MAX_RAW_BYTES
    assert recoder.untouched


def test_encoder_makes_one_member() -> None:
    encoder = GzipEncoder()
    start = encoder.feed(b"abc") + encoder.sync()
    assert decoded_as_far_as_possible(start) == b"abc"
    assert gzip.decompress(start + encoder.feed(b"def") + encoder.flush()) == b"abcdef"


@pytest.mark.parametrize(
    ("value", "expected"),
    [(b"gzip", True), (b" GZip ", True), (b"x-gzip", True), (b"gzip, gzip", False), (b"br", False), (b"", False)],
)
def test_e2_only_a_single_gzip_is_decoded(value: bytes, expected: bool) -> None:
    assert is_gzip(value) == expected


@pytest.mark.parametrize(
    ("value", "narrowed"),
    [
        (None, None),
        (b"gzip, deflate, br, zstd", b"gzip"),
        (b"gzip", b"gzip"),
        (b"GZIP ; q=0.5 ,br", b"GZIP ; q=0.5"),
        (b"gzip , identity;q=0.1", b"gzip , identity;q=0.1"),
        (b"br", b"identity"),
        (b"", b"identity"),
        (b" , ", b"identity"),
        (b"identity", b"identity"),
        (b"*", b"gzip"),
        (b"*;q=0.3, br", b"gzip;q=0.3"),
        (b"br, gzip;q=0.8, *;q=0.1", b"gzip;q=0.8"),
        (b"br;q=1.0, gzip;q=0", b"gzip;q=0"),
        (b"gzip;q=0, *", b"gzip;q=0"),
        (b"gzip, *;q=0", b"gzip, *;q=0"),
        (b"br, gzip, *;q=0", b"gzip, *;q=0"),
        (b"br, identity;q=0", b"br, identity;q=0"),
        (b"br, *;q=0", b"br, *;q=0"),
        (b"br, gzip;q=0, identity;q=0.0", b"br, gzip;q=0, identity;q=0.0"),
        (b"x-gzip, compress", b"x-gzip"),
        (b"gzip;q=0.001, br", b"gzip;q=0.001"),
    ],
)
def test_e1_accept_encoding_is_narrowed_to_what_is_decoded_and_never_wider(
    value: bytes | None, narrowed: bytes | None
) -> None:
    assert narrow_accept_encoding(value) == narrowed
