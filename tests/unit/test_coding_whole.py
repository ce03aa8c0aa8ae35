"""A coded page that is there whole: what comes is what the injector's way would give, or nothing."""

import pytest
from codings import EVERY, JOINING, PAGE, TAG, TAGGED, make_recoder, pack, recode, unpack

from proxy.page.coding.base import MAX_STEP_BYTES, Decoder
from proxy.page.coding.offered import CODINGS
from proxy.page.coding.whole import CONTENT_BYTES, recoded
from proxy.page.usual import usual_place

MASKS = (0x01, 0x10, 0x80, 0xFF)
MORE = b"<p>some text that is compressed well</p>"


def find(start: bytes) -> int | None:
    return usual_place(start, charset_declared=True)


def made(name: str, body: bytes) -> bytes:
    return recoded(body, CODINGS[name.encode()], find, TAG)


@EVERY
def test_it_is_the_page_with_its_tag(name: str) -> None:
    assert unpack(name, made(name, pack(name, PAGE))) == TAGGED


@pytest.mark.parametrize("name", JOINING)
def test_streams_that_follow_each_other_are_one_page(name: str) -> None:
    body = pack(name, PAGE[:30]) + pack(name, PAGE[30:])
    assert made(name, body) == b""  # nobody knows the place before more of it is there
    assert unpack(name, made(name, pack(name, PAGE) + pack(name, MORE))) == TAGGED + MORE


@EVERY
def test_cut_or_corrupt_anywhere_it_is_what_the_other_way_gives(name: str) -> None:
    body = pack(name, PAGE)
    bodies = [body[:end] for end in range(len(body) + 1)]
    bodies += [body[:at] + bytes((body[at] ^ mask,)) + body[at + 1 :] for at in range(len(body)) for mask in MASKS]
    passed = 0
    for one in (*bodies, body + body, body + b"more", PAGE):
        got = made(name, one)
        assert got in (b"", recode(make_recoder(name), [one]))
        passed += bool(got)
    assert passed >= 2


@EVERY
@pytest.mark.parametrize("page", [b"", b"<p>hello</p>", PAGE.replace(b"<head>", b"<head><!-- a -->"), PAGE[:40]])
def test_a_page_that_is_less_usual_is_nothing(name: str, page: bytes) -> None:
    assert made(name, pack(name, page)) == b""


@EVERY
def test_a_larger_page_is_what_the_other_way_gives(name: str) -> None:
    body = pack(name, PAGE + MORE * 5_000)
    assert made(name, body) == recode(make_recoder(name), [body])


@EVERY
def test_no_more_is_read_than_others_can_wait_for(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read = 0
    kind = type(CODINGS[name.encode()].decoder())
    feed = kind.feed

    def counted(self: Decoder, data: bytes):  # type: ignore[no-untyped-def]
        nonlocal read
        for piece in feed(self, data):  # type: ignore[arg-type]
            read += len(piece)
            yield piece

    body = pack(name, PAGE + MORE * 1_000_000)
    monkeypatch.setattr(kind, "feed", counted)
    assert made(name, body) == b""
    assert CONTENT_BYTES < read <= CONTENT_BYTES + MAX_STEP_BYTES
