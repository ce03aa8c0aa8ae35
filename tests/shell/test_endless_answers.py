"""What of upstream's answer has no end by itself: trailers, the extensions of one chunk, their drops."""

import contextlib
import threading
import time

import pytest
from wire import Seen, Wire, always, eventually, ok, origin, proxy_process, proxying

from proxy.http.connection import BETWEEN_BYTES

REQUEST = b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n"
GROWTH_BYTES = 8 * 1024 * 1024
"""One read of 256 KiB may hold 43,000 trailers, which are objects of 100 bytes before they are counted."""
ENDLESS_BYTES = 64 * 1024 * 1024
"""What upstream would send; the buffers of two sockets hold less than a tenth of it."""
ENDLESS = {
    "one extension": (b"3;", b"a"),
    "many extensions": (b"3", b";a=b"),
    "a quoted extension": (b'3;a="', b"x"),
    "a size of zeros": (b"", b"0"),
    "one trailer's value": (b"0\r\nx: ", b"y"),
    "one trailer's name": (b"0\r\n", b"x"),
    "many trailers": (b"0\r\n", b"x: y\r\n"),
    "the last chunk's extension": (b"0;", b"a"),
}


@pytest.mark.parametrize(("begins", "goes_on"), ENDLESS.values(), ids=ENDLESS)
@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
def test_t12_what_has_no_end_is_cut_and_looks_so(begins: bytes, goes_on: bytes, version: bytes) -> None:
    piece = goes_on * (64 * 1024 // len(goes_on))
    sent: list[int] = []

    def handle(wire: Wire, seen: Seen) -> bool:
        if b"/next" in seen.line:
            wire.send(ok(b"next"))
            return True
        wire.send(HEAD + b"3\r\nabc\r\n" + begins)
        with contextlib.suppress(OSError):
            while sum(sent) < ENDLESS_BYTES:
                wire.send(piece)
                sent.append(len(piece))
        return False

    with origin(handle) as site, proxy_process(site.url) as process:
        warm = process.connect()
        warm.send(REQUEST.replace(b"/ ", b"/next "))
        assert warm.answer().body == b"next"
        before = process.resident_bytes()
        wire = process.connect()
        wire.send(REQUEST.replace(b"1.1", version))
        answer = wire.answer()
        assert answer.status == 200 and answer.body == b"abc" and not answer.whole
        assert eventually(lambda: site.live <= 1)  # the one that /next was answered on may be kept
        assert process.resident_bytes() - before < GROWTH_BYTES
        assert sum(sent) < ENDLESS_BYTES
        warm.send(REQUEST.replace(b"/ ", b"/next "))
        assert warm.answer().body == b"next"


@pytest.mark.parametrize("trailing", [b"0;x=y\r\nx: 1\r\n", b"0\r\n"])
def test_what_fits_passes_and_the_connection_is_kept(trailing: bytes) -> None:
    long = b"a" * (BETWEEN_BYTES - 1024)
    body = b"".join(b"3;%b\r\nabc\r\n" % long for _ in range(8)) + trailing + b"y: " + long + b"\r\n\r\n"
    with origin(always(HEAD + body)) as site, proxying(site.url) as proxy:
        for _ in range(2):
            answer = proxy.get()
            assert answer.body == b"abc" * 8 and answer.whole
        assert site.connections == 1


@pytest.mark.parametrize("head_bytes", [1024, 100 * 1024])
def test_a_large_head_leaves_the_body_its_own_allowance(head_bytes: int) -> None:
    head = HEAD[:-2] + b"x: " + b"y" * head_bytes + b"\r\n\r\n"
    with origin(always(head + b"3;" + b"a" * 60_000 + b"\r\nabc\r\n0\r\n\r\n")) as site, proxying(site.url) as proxy:
        answer = proxy.get()
    assert answer.body == b"abc" and answer.whole


def test_s3_drops_without_a_byte_of_body_do_not_keep_an_answer_alive() -> None:
    done = threading.Event()

    def handle(wire: Wire, seen: Seen) -> bool:
        wire.send(HEAD + b"3\r\nabc\r\n3;")
        with contextlib.suppress(OSError):
            while not done.wait(0.1):
                wire.send(b"a")
        return False

    with origin(handle) as site, proxying(site.url, body_idle_seconds=0.5) as proxy:
        started = time.monotonic()
        answer = proxy.get()
        assert answer.body == b"abc" and not answer.whole and time.monotonic() - started < 3
        assert eventually(lambda: site.live == 0)
        done.set()


def test_s3_drops_of_body_do() -> None:
    def handle(wire: Wire, seen: Seen) -> bool:
        wire.send(HEAD)
        for _ in range(15):
            wire.send(b"1;x\r\na\r\n")
            threading.Event().wait(0.1)
        wire.send(b"0\r\n\r\n")
        return True

    with origin(handle) as site, proxying(site.url, body_idle_seconds=0.5) as proxy:
        answer = proxy.get()
    assert answer.body == b"a" * 15 and answer.whole
