"""The head of a tagged page waits for its first body chunk, not longer, and never for nothing."""

import threading
import time
from collections.abc import Iterator

import pytest
from test_full_path import connect, request
from whole import Serving, serving, untagged
from wire import Origin, Seen, Wire, origin

PAGE = b"<!doctype html><html><head><title>A</title><link rel=a></head><body>hello</body></html>"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n\r\n" % len(PAGE)
BODY_AFTER_SECONDS = 0.6
LARGE = 700_000
"""Bytes of a page that arrives in pieces of up to 256 KiB: of each only the beginning is written anew."""
FIRST_BYTE_SECONDS = 0.3  # S1 says 0.05; a busy machine may take longer to wake up


@pytest.fixture
def slow(tmp_path) -> Iterator[tuple[Origin, Serving]]:
    def handle(wire: Wire, seen: Seen) -> bool:
        wire.send(HEAD)
        target = seen.line.split()[1]
        if target == b"/cut":
            return False
        if target == b"/late":
            threading.Event().wait(BODY_AFTER_SECONDS)
        wire.send(PAGE)
        return True

    with origin(handle) as site, serving(tmp_path, site.port) as served:
        yield site, served


def test_s1_a_head_whose_body_is_late_goes_ahead_without_a_length(slow):
    _, served = slow
    wire = connect(served)
    begun = time.monotonic()
    wire.send(request(b"/late"))
    line, fields = wire.head()
    assert time.monotonic() - begun < FIRST_BYTE_SECONDS
    assert line.startswith(b"HTTP/1.1 200") and (b"transfer-encoding", b"chunked") in fields
    body, whole = wire.chunks()
    assert whole and untagged(body)[0] == PAGE and untagged(body)[1] is not None


def test_a_head_whose_body_is_there_states_the_length_with_the_tag(slow):
    _, served = slow
    wire = connect(served)
    wire.send(request(b"/now"))
    answer = wire.answer()
    assert answer.get(b"content-length") == b"%d" % len(answer.body) and untagged(answer.body)[0] == PAGE


def test_t12_a_page_cut_off_before_its_first_byte_looks_cut_off(slow):
    _, served = slow
    wire = connect(served)
    wire.send(request(b"/cut"))
    line, fields = wire.head()
    assert line.startswith(b"HTTP/1.1 200") and (b"content-length", b"%d" % len(PAGE)) in fields
    assert wire.rest() == b""


def large_page(before_the_tag: int) -> bytes:
    start = (
        b"<!doctype html><html><head>" + (b"<!--%b-->" % (b"c" * 93)) * (before_the_tag // 100) + b"<link rel=a><body>"
    )
    return start + b"%07d " * ((LARGE - len(start)) // 8) % tuple(range((LARGE - len(start)) // 8))


@pytest.mark.parametrize("before_the_tag", [0, 16_300, 16_400, 40_000, 100_000, 250_000])
@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_a_large_page_is_whole_wherever_its_tag_goes(tmp_path, before_the_tag, framing):
    page = large_page(before_the_tag)
    start = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n"

    def handle(wire: Wire, seen: Seen) -> bool:
        if framing == "chunked":
            pieces = b"".join(
                b"%x\r\n%b\r\n" % (len(p), p) for p in (page[i : i + 300_000] for i in range(0, LARGE, 300_000))
            )
            wire.send(start + b"Transfer-Encoding: chunked\r\n\r\n" + pieces + b"0\r\n\r\n")
            return True
        wire.send(
            start + (b"Content-Length: %d\r\n\r\n" % len(page) if framing == "length" else b"Connection: close\r\n\r\n")
        )
        wire.send(page)
        return framing == "length"

    with origin(handle) as site, serving(tmp_path, site.port) as served:
        wire = connect(served)
        for _ in range(3):
            wire.send(request(b"/large"))
            body = wire.answer().body
            assert untagged(body)[0] == page and untagged(body)[1] is not None
            assert body.index(b"<script") == page.index(b"<link")
        wire.send(request(b"/large").replace(b"HTTP/1.1", b"HTTP/1.0"))
        _, _, body = wire.rest().partition(b"\r\n\r\n")
        assert untagged(body)[0] == page and untagged(body)[1] is not None


@pytest.mark.parametrize("sent", [100_000, 300_000, -1])
def test_t12_a_large_page_cut_off_gives_what_there_was_and_looks_cut_off(tmp_path, sent):
    page = large_page(0)

    def handle(wire: Wire, seen: Seen) -> bool:
        wire.send(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n\r\n" % len(page)
        )
        wire.send(page[:sent])
        return False

    with origin(handle) as site, serving(tmp_path, site.port) as served:
        wire = connect(served)
        wire.send(request(b"/large"))
        wire.head()
        assert untagged(wire.rest())[0] == page[:sent]
