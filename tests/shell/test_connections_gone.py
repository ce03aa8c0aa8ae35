"""A connection that has ended is freed there and then: what holds on to itself waits for the collector of cycles, which
comes seldom (proxy/tuning.py), and seldom enough for tens of megabytes to what it once found alive."""

import contextlib
import gc
from collections import Counter
from collections.abc import Iterator

import pytest
from test_visitor_tls import HANDSHAKE, REQUEST, SWITCHING, connect, secured
from wire import Seen, Wire, certify, eventually, ok, origin, proxying

from proxy.http.connection import Connection
from proxy.http.cycle import Cycle
from proxy.http.exchange import Exchange
from proxy.http.reader import RequestReader
from proxy.http.server import ServerProtocol
from proxy.http.tls import UpstreamTls, VisitorTls
from proxy.http.upgrade import UpgradeCycle

KINDS = (ServerProtocol, RequestReader, Cycle, UpgradeCycle, Exchange, Connection, VisitorTls, UpstreamTls)
TIMES = 5
UPLOAD = b"POST /up HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf"
CHUNK = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def alive() -> Counter[str]:
    return Counter(type(one).__name__ for one in gc.get_objects() if type(one) in KINDS)


def answer(wire: Wire, seen: Seen) -> bool:
    """By its target: whole, by a WebSocket, in part, or not at all. What is not whole waits for the other side."""
    target = seen.line.split()[1]
    if target == b"/":
        wire.send(ok(fields=b"connection: close\r\n"))
        return False
    wire.send({b"/ws": SWITCHING, b"/part": CHUNK}.get(target, b""))
    wire.rest()
    return False


def ask(target: bytes) -> bytes:
    return REQUEST.replace(b" / ", b" %b " % target)


@pytest.mark.parametrize(
    "request_, expected",
    [
        (b"", b""),
        (REQUEST[:20], b""),
        (REQUEST, b"hello"),
        (REQUEST * 2, b"hello"),
        (b"\x00\r\n\r\n", b"400"),
        (UPLOAD, b""),
        (ask(b"/late"), b""),
        (ask(b"/part"), b"hello"),
        (HANDSHAKE, b"101"),
    ],
    ids=["nothing", "half a head", "answered", "answered twice", "malformed", "upload", "late", "part", "websocket"],
)
def test_nothing_is_left_of_it(request_, expected):
    with origin(answer) as site, proxying(site.url) as proxy:
        leave(proxy.connect, request_, expected)
        assert eventually(lambda: site.live == 0)


@pytest.mark.parametrize(
    "request_, expected",
    [(b"", b""), (REQUEST, b"hello"), (HANDSHAKE, b"101")],
    ids=["nothing", "answered", "websocket"],
)
def test_nothing_is_left_of_it_by_https(tmp_path, request_, expected):
    certify(tmp_path)
    with origin(answer) as site, secured(tmp_path, site.url) as proxy:
        leave(lambda: connect(proxy, tmp_path), request_, expected)


def leave(arrive, request_, expected):
    """Somebody comes, asks, waits for what he expects and leaves; a few times."""
    with uncollected():
        before = alive()
        for _ in range(TIMES):
            wire = arrive()
            wire.send(request_)
            wire.until(expected)
            assert expected or eventually(lambda: alive() > before)  # he has been noticed
            wire.close()
        assert eventually(lambda: alive() <= before), alive() - before
