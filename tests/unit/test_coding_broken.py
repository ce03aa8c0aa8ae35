"""Coded bodies that are cut or corrupt, at every byte: the visitor fails where they would have failed without us."""

import random

import pytest
from codings import EVERY, TAG, Stream, bytewise, cut, make_recoder, read, recode, unpack, upstream

from proxy.page.eligibility import Answer
from proxy.page.tagging import Site, Tagging

START, END = (
    b"<!doctype html><html><head><title>a</title>",
    b"<link></head><body><p>some text<p>and some more</body></html>",
)
PAGE = START + END
MASKS = (0x01, 0x10, 0x80, 0xFF)


def body_of(name: str) -> tuple[bytes, int]:
    """A page that an upstream flushes once, and where the first half of its bytes ends."""
    encoder = upstream(name)
    first = encoder.feed(START) + encoder.sync()
    return first + encoder.feed(END) + encoder.flush(), len(first)


def deliveries(body: bytes, half: int) -> list[list[bytes]]:
    return [[body], [body[:half], body[half:]], bytewise(body)]


def through(name: str, chunks: list[bytes]) -> tuple[bytes, Stream]:
    output = recode(make_recoder(name), chunks)
    seen = read(name, output)
    seen.text = seen.text.replace(TAG, b"", 1)
    return output, seen


@EVERY
def test_t12_a_body_cut_at_any_byte_stays_cut_there(name: str) -> None:
    body, half = body_of(name)
    for end in range(len(body)):
        direct = read(name, body[:end])
        for chunks in deliveries(body[:end], min(half, end)):
            output, seen = through(name, chunks)
            if output == body[:end]:
                continue
            assert not seen.ended and not seen.failed
            # A symbol that was cut may have been read a bit further by one library than by the other.
            assert direct.text.startswith(seen.text) and len(direct.text) - len(seen.text) <= 1, (end, chunks)


@EVERY
def test_e2_a_body_corrupt_at_any_byte_stays_corrupt_there(name: str) -> None:
    body, half = body_of(name)
    untouched = recoded = 0
    for place in range(len(body)):
        for mask in MASKS:
            corrupt = body[:place] + bytes((body[place] ^ mask,)) + body[place + 1 :]
            direct = read(name, corrupt)
            for chunks in deliveries(corrupt, half):
                output, seen = through(name, chunks)
                if output == corrupt:
                    untouched += 1
                    continue
                recoded += 1
                where = (place, mask, len(chunks))
                assert seen.ended == direct.ended, where
                if direct.ended:
                    assert (seen.text, seen.rest) == (direct.text, direct.rest), where
                else:  # what came in the same step as the error is lost to browsers, too
                    assert direct.text.startswith(seen.text), where
    assert untouched and recoded


@EVERY
def test_e2_noise_is_never_made_into_a_page(name: str) -> None:
    pick = random.Random(4)
    body, _ = body_of(name)
    for _ in range(500):
        start = pick.randrange(len(body))
        noisy = body[:start] + pick.randbytes(40)
        direct = read(name, noisy)
        output, seen = through(name, [noisy[:start], noisy[start:]])
        assert output == noisy or seen.ended == direct.ended
        assert output == noisy or direct.text.startswith(seen.text)


@EVERY
@pytest.mark.parametrize("cut", [1, 3, 4, 8])
def test_t12_a_missing_check_sum_stays_missing(name: str, cut: int) -> None:
    body, half = body_of(name)
    _, seen = through(name, [body[:half], body[half:-cut]])
    assert not seen.ended and PAGE.startswith(seen.text)


@EVERY
def test_a_tag_that_cannot_be_made_costs_a_coded_page_nothing(name: str) -> None:
    body, half = body_of(name)
    for chunks in (*deliveries(body, half), *([cut(body, [place]) for place in range(len(body))])):
        odd: bytes = "odd"  # type: ignore[assignment]  # no tag can be made of this
        tagging = Tagging(
            Site(b"https://shop.example", b"/t.js", b"/t.js", b"/events"),
            b"id",
            Answer(200, True, b"utf-8", coding=name.encode()),
            place=lambda start, charset_declared: None,
            must_look_like_document=False,
            nonce=odd,
        )
        pieces = [b"".join(tagging.feed_coded(chunk, last=False)) for chunk in chunks]
        output = b"".join([*pieces, *tagging.feed_coded(b"", last=True)])
        assert unpack(name, output) == PAGE
        assert isinstance(tagging.failure, AttributeError | TypeError) and tagging.added == 0
        assert len(chunks) > 1 or output == body
