"""The head of a tagged page waits for its first body chunk, and its last piece for its commit: not longer, and never
for nothing."""

import contextlib
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator

import pytest
from test_full_path import connect, request
from whole import Serving, serving, untagged
from wire import Seen, Wire, origin

PAGE = b"<!doctype html><html><head><title>A</title><link rel=a></head><body>hello</body></html>"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n\r\n" % len(PAGE)
LARGE = 700_000
"""Bytes of a page that arrives in pieces of up to 256 KiB: of each only the beginning is written anew."""
FIRST_BYTE_SECONDS = 0.3  # S1 says 0.05; a busy machine may take longer to wake up


@pytest.fixture
def slow(tmp_path) -> Iterator[tuple[threading.Event, Serving]]:
    """The event says that a late body may come."""
    may_come = threading.Event()

    def handle(wire: Wire, seen: Seen) -> bool:
        target = seen.line.split()[1]
        if target == b"/cut":
            wire.sock.sendall(HEAD, socket.MSG_MORE)  # leaves with the connection's end
            return False
        if target == b"/late":
            wire.send(HEAD)
            assert may_come.wait(30)
            wire.send(PAGE)
        else:
            wire.send(HEAD + PAGE)
        return True

    with origin(handle) as site, serving(tmp_path, site.port) as served:
        yield may_come, served


def test_s1_a_head_whose_body_is_late_goes_ahead_without_a_length(slow):
    may_come, served = slow
    wire = connect(served)
    begun = time.monotonic()
    wire.send(request(b"/late"))
    line, fields = wire.head()
    assert time.monotonic() - begun < FIRST_BYTE_SECONDS
    may_come.set()
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


@pytest.mark.parametrize("last", [b"<p>and its end", b""])
def test_a_last_piece_waits_for_its_commit_and_goes_before_long_but_for_its_last_byte(tmp_path, last):
    first_is_there = threading.Event()

    def handle(wire: Wire, seen: Seen) -> bool:
        wire.send(HEAD.partition(b"Content-Length")[0] + b"Transfer-Encoding: chunked\r\n\r\n")
        wire.send(b"%x\r\n%b\r\n" % (len(PAGE), PAGE))
        assert first_is_there.wait(10)
        wire.send(b"%x\r\n%b\r\n0\r\n\r\n" % (len(last), last) if last else b"0\r\n\r\n")
        return True

    with origin(handle) as site, serving(tmp_path, site.port, store__hold_ms="20000") as served:
        wire = connect(served)
        for is_stuck in (False, True, False):
            first_is_there.clear()
            with contextlib.closing(sqlite3.connect(served.store, isolation_level=None, timeout=10)) as other:
                if is_stuck:
                    other.execute("BEGIN IMMEDIATE")  # and does not come to an end
                wire.send(request(b"/"))
                wire.head()
                first = wire.exactly(int(wire.until(b"\r\n"), 16) + 2)[:-2]
                first_is_there.set()
                if is_stuck and last:
                    assert wire.exactly(len(last) + 4)[3:-2] == last[:-1]
                if is_stuck:
                    wire.sock.settimeout(0.3)
                    with pytest.raises(TimeoutError):
                        wire.sock.recv(1)
                    wire.sock.settimeout(10)
                    other.execute("ROLLBACK")
            rest, whole = wire.chunks()
            assert whole and untagged(first)[0] == PAGE and rest == (last[-1:] if is_stuck else last)
        wire.close()


def large_page(before_the_tag: int) -> bytes:
    comments = (b"<!--%b-->" % (b"c" * 93)) * (before_the_tag // 100)
    start = b"<!doctype html><html><head>" + comments + b"<link rel=a><body>"
    number = (LARGE - len(start)) // 8
    return start + b"%07d " * number % tuple(range(number))


PAGES = {place: large_page(place) for place in (0, 16_300, 16_400, 40_000, 100_000, 250_000)}
"""By where the tag goes."""


def send_large(wire: Wire, seen: Seen) -> bool:
    """`/framing/place`, or `/cut/bytes`: so many of a page that says how long it is."""
    _, framing, number = seen.line.split()[1].split(b"/")
    page = PAGES[0 if framing == b"cut" else int(number)]
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n"
    if framing == b"chunked":
        pieces = [page[start : start + 300_000] for start in range(0, len(page), 300_000)]
        framed = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
        wire.send(head + b"Transfer-Encoding: chunked\r\n\r\n" + framed + b"0\r\n\r\n")
        return True
    head += b"Connection: close\r\n\r\n" if framing == b"close" else b"Content-Length: %d\r\n\r\n" % len(page)
    wire.send(head + (page[: int(number)] if framing == b"cut" else page))
    return framing == b"length"


@pytest.fixture(scope="module")
def large(tmp_path_factory) -> Iterator[Serving]:
    with origin(send_large) as site, serving(tmp_path_factory.mktemp("large"), site.port) as served:
        yield served


@pytest.mark.parametrize("place", PAGES)
@pytest.mark.parametrize("framing", [b"length", b"chunked", b"close"])
def test_a_large_page_is_whole_wherever_its_tag_goes(large, place, framing):
    target, page = b"/%b/%d" % (framing, place), PAGES[place]
    wire = connect(large)
    for _ in range(3):
        wire.send(request(target))
        body = wire.answer().body
        assert untagged(body)[0] == page and untagged(body)[1] is not None
        assert body.index(b"<script") == page.index(b"<link")
    wire.send(request(target).replace(b"HTTP/1.1", b"HTTP/1.0"))
    _, _, body = wire.rest().partition(b"\r\n\r\n")
    assert untagged(body)[0] == page and untagged(body)[1] is not None


@pytest.mark.parametrize("sent", [100_000, 300_000, -1])
def test_t12_a_large_page_cut_off_gives_what_there_was_and_looks_cut_off(large, sent):
    wire = connect(large)
    wire.send(request(b"/cut/%d" % sent))
    _, fields = wire.head()
    body = wire.rest()
    assert untagged(body)[0] == PAGES[0][:sent] and len(body) < int(dict(fields)[b"content-length"])
