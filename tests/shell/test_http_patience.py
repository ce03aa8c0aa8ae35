"""Visitors who stand still, who have nothing more to ask, and who have left: who is waited for, and how long."""

import asyncio
import contextlib
import logging
import socket
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from wire import Seen, Served, Wire, always, eventually, ok, origin, proxying, serving

from proxy.asgi import Message, Receive, Scope, Send
from proxy.http.forward import Forwarder
from proxy.http.limits import Limits
from proxy.http.patience import LINGER_SECONDS
from proxy.http.tunnel import ENDING_SECONDS
from proxy.http.upstream import Upstream

REQUEST = b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n"
BODY = b"x" * 16 * 1024 * 1024  # more than all buffers on the way hold


@contextlib.contextmanager
def forwarding(url: str, **patience: Any) -> Iterator[Served]:
    upstream = Upstream(url)
    with serving(Forwarder(upstream, via_token=b"t"), **patience) as served:
        served.upstream = upstream
        yield served


def small_receiver(port: int) -> Wire:
    """A visitor whose own kernel takes little on his behalf."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
    sock.connect(("127.0.0.1", port))
    return Wire(sock)


def test_t6_a_head_that_never_ends_is_cut_however_busily_it_comes() -> None:
    with origin(always(ok())) as site, forwarding(site.url, header_seconds=1) as proxy:
        dripping, idle = proxy.connect(), proxy.connect()
        dripping.send(b"GET / HTTP/1.1\r\nHost: a\r\n")
        dripping.sock.settimeout(0.05)
        started = time.monotonic()
        with pytest.raises(ConnectionError):
            while time.monotonic() - started < 10:
                dripping.send(b"X: y\r\n")
                with contextlib.suppress(TimeoutError):
                    if not dripping.fill():
                        raise ConnectionResetError
        assert time.monotonic() - started < 5
        assert site.seen == []
        idle.send(REQUEST)  # a connection between requests has more time
        assert idle.answer().status == 200


def test_t6_a_visitor_who_stops_reading_frees_upstream() -> None:
    with origin(always(ok(BODY))) as site, forwarding(site.url, body_idle_seconds=1) as proxy:
        upstream = proxy.upstream
        assert upstream is not None
        wire = small_receiver(proxy.port)
        wire.send(REQUEST)
        assert eventually(lambda: upstream.busy_connections == 1)
        assert eventually(lambda: upstream.busy_connections == 0), repr(upstream)
        assert eventually(lambda: site.live == 0)
        assert len(wire.rest()) < len(BODY) and wire.reset


def test_t6_an_answer_given_whole_to_the_transport_is_not_kept_for_ever_either() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": BODY})

    with serving(app, body_idle_seconds=1) as served:
        wire = small_receiver(served.port)
        wire.send(REQUEST)
        wire.head()
        sizes = []

        def is_cut() -> bool:
            # Sent once more and answered only by a connection that is gone: nothing is read in between.
            with contextlib.suppress(OSError):
                wire.send(b"\r\n")
                return False
            sizes.append(len(wire.rest()))
            return True

        assert eventually(is_cut)
        assert sizes[0] < len(BODY)


def test_s5_an_upload_that_was_answered_early_does_not_hold_up_a_stop() -> None:
    stopping = threading.Event()

    def handle(wire: Wire, seen: Seen) -> bool:
        stopping.wait(5)
        wire.send(b"HTTP/1.1 413 X\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig")
        wire.rest()
        return False

    with origin(handle, reads_body=False) as site:
        with forwarding(site.url, graceful_seconds=30, stopping=stopping.set) as proxy:
            wire = proxy.connect()
            wire.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nabc")
            assert eventually(lambda: site.seen)
            began = time.monotonic()
        assert time.monotonic() - began < LINGER_SECONDS + 3
        assert wire.answer().body == b"big"
        wire.close()


def test_t6_a_slow_reader_is_left_alone() -> None:
    with origin(always(ok(BODY))) as site, forwarding(site.url, body_idle_seconds=2) as proxy:
        wire = small_receiver(proxy.port)
        wire.send(REQUEST)
        wire.head()
        started = time.monotonic()
        while time.monotonic() - started < 5:
            assert wire.exactly(16 * 1024)
            threading.Event().wait(0.1)
        assert site.live == 1 and not wire.reset
        wire.close()


def test_t6_an_event_stream_with_nothing_to_send_is_left_alone() -> None:
    def handle(wire: Wire, seen: Seen) -> bool:
        wire.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: 1\n\n")
        quiet.wait(3.5)
        wire.send(b"data: 2\n\n")
        return False

    quiet = threading.Event()
    with origin(handle) as site, forwarding(site.url, body_idle_seconds=1, header_seconds=1) as proxy:
        assert proxy.get().body == b"data: 1\n\ndata: 2\n\n"


@pytest.mark.parametrize("count", [1, 3])
def test_t15_a_visitor_who_only_stops_asking_gets_his_answers(count: int) -> None:
    with origin(always(ok())) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        wire.send(REQUEST * count)
        wire.sock.shutdown(socket.SHUT_WR)
        answers = [wire.answer() for _ in range(count)]
        assert [answer.body for answer in answers] == [b"hello"] * count
        assert wire.is_closed()


def test_t15_a_half_closed_visitor_is_waited_for_while_his_answer_moves(monkeypatch) -> None:
    monkeypatch.setattr("proxy.http.halfclosed.HALF_CLOSED_SECONDS", 1.5)

    def handle(wire: Wire, seen: Seen) -> bool:
        wire.send(b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n")
        for _ in range(12):  # longer than he is waited for while nothing moves
            wire.send(b"x")
            pause.wait(0.2)
        return True

    pause = threading.Event()
    with origin(handle) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        wire.send(REQUEST)
        wire.sock.shutdown(socket.SHUT_WR)
        assert wire.answer().body == b"x" * 12 and wire.is_closed()


def test_t15_a_half_closed_visitor_gets_no_half_answer_that_looks_whole() -> None:
    def handle(wire: Wire, seen: Seen) -> bool:
        wire.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n")
        return not wire.is_closed()

    with origin(handle) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        wire.send(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n")
        wire.sock.shutdown(socket.SHUT_WR)
        assert not wire.answer().whole
        assert eventually(lambda: site.live == 0)


def test_t4_an_upload_half_closed_in_its_middle_is_a_visitor_who_has_left() -> None:
    with origin(always(ok())) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        wire.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf")
        assert eventually(lambda: site.seen)
        wire.sock.shutdown(socket.SHUT_WR)
        assert wire.is_closed()
        assert eventually(lambda: site.live == 0) and not site.seen[0].whole


UPLOAD = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n"
UPGRADES = b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: a\r\n" + UPGRADES + b"Sec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
SWITCHING = b"HTTP/1.1 101 X\r\n" + UPGRADES + b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"


def leave_by_reset(wire: Wire) -> None:
    wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    wire.close()


LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the kernel does not tell")


@LINUX
@pytest.mark.parametrize(("request_", "answer"), [(UPLOAD, b""), (HANDSHAKE, SWITCHING)], ids=["upload", "websocket"])
def test_t15_a_visitor_who_resets_while_upstream_takes_nothing_is_noticed(request_: bytes, answer: bytes) -> None:
    hold = threading.Event()

    def handle(wire: Wire, seen: Seen) -> bool:
        wire.send(answer)
        hold.wait(30)
        return False

    with origin(handle, reads_body=False) as site, forwarding(site.url) as proxy:
        upstream = proxy.upstream
        assert upstream is not None
        wire = proxy.connect()
        wire.send(request_)
        if answer:
            wire.head()
        wire.sock.settimeout(1.0)
        with pytest.raises(TimeoutError):  # all buffers on the way are full
            while True:
                wire.send(b"x" * 65536)
        assert upstream.busy_connections == 1
        leave_by_reset(wire)
        assert eventually(lambda: upstream.busy_connections == 0, 2.5), repr(upstream)
        hold.set()


@LINUX
@pytest.mark.parametrize(
    ("request_", "answer", "seconds"),
    [(UPLOAD, b"", 2.0), (HANDSHAKE, SWITCHING, ENDING_SECONDS + 1)],
    ids=["upload", "websocket"],
)
def test_t15_a_visitor_who_ends_while_nothing_is_taken_is_noticed(
    request_: bytes, answer: bytes, seconds: float
) -> None:
    """Only as far as his end can reach us: his kernel keeps it behind what does not fit into ours."""
    taken, gone = threading.Event(), threading.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        if answer:
            await send({"type": "http.response.start", "status": 101, "headers": []})
        taken.set()
        try:
            await asyncio.sleep(60)
        finally:
            gone.set()

    with serving(app) as served:
        wire = served.connect()
        wire.send(request_)
        assert taken.wait(5)
        if answer:
            wire.head()
        wire.send(b"x" * 100_000)
        threading.Event().wait(0.2)
        wire.send(b"x" * 10_000)  # reading has paused
        began = time.monotonic()
        wire.close()
        assert gone.wait(seconds + 2)
        assert time.monotonic() - began >= seconds - 1


def test_t15_a_visitor_who_has_sent_all_is_waited_for_while_it_is_taken(monkeypatch) -> None:
    monkeypatch.setattr("proxy.http.patience.ENDED_SECONDS", 2)  # a machine that stands still makes two looks one turn

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        more = True
        while more:
            more = (await receive())["more_body"]
            await asyncio.sleep(0.5 if more else 0)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
        await send({"type": "http.response.body", "body": b"hello"})

    with serving(app) as served:
        wire = served.connect()
        wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        wire.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n" + b"x" * 3_000_000)
        wire.sock.settimeout(30)
        began = time.monotonic()
        wire.sock.shutdown(socket.SHUT_WR)
        assert wire.answer().body == b"hello"
        assert time.monotonic() - began > 2.5  # longer than one is waited for of whom nothing is taken


@pytest.mark.parametrize("is_there", [True, False])
def test_an_application_that_raises_because_the_visitor_has_left_prints_nothing(
    is_there: bool, caplog: pytest.LogCaptureFixture
) -> None:
    asked, raised = threading.Event(), threading.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        message: Message = await receive()
        asked.set()
        if not is_there:
            message = await receive()
        raised.set()
        raise RuntimeError(message["type"])

    with caplog.at_level(logging.INFO, "footfall.http"), serving(app) as served:
        wire = served.connect()
        wire.send(REQUEST)
        if is_there:
            assert wire.answer().status == 500
        else:
            assert asked.wait(5)
            wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            wire.close()
        assert raised.wait(5)
    assert ["the application failed" in record.message for record in caplog.records] == [True] * is_there


def test_t6_there_are_so_many_connections_and_who_is_there_goes_on() -> None:
    with origin(always(ok())) as site, forwarding(site.url, limits=Limits(connections=3)) as proxy:
        inside = [proxy.connect() for _ in range(3)]
        for wire in inside:
            wire.send(REQUEST)
            assert wire.answer().status == 200
        outside = proxy.connect()
        answer = outside.answer()
        assert (answer.status, answer.get(b"retry-after"), answer.get(b"connection")) == (503, b"2", b"close")
        assert outside.is_closed() and proxy.refusals == [(b"", 503)]
        for wire in inside:
            wire.send(REQUEST)
            assert wire.answer().status == 200
        inside.pop().close()
        assert eventually(lambda: proxy.get().status == 200)
        assert len(site.seen) == 7


def test_t6_one_address_cannot_take_the_place_of_all() -> None:
    limits = Limits(connections=10, connections_per_address=2)
    with origin(always(ok())) as site, forwarding(site.url, limits=limits) as proxy:
        slow = [proxy.connect() for _ in range(4)]
        statuses = [wire.answer().status for wire in slow[2:]]
        assert statuses == [503, 503]
        other = Wire(socket.create_connection(("127.0.0.1", proxy.port), source_address=("127.0.0.2", 0)))
        other.send(REQUEST)
        assert other.answer().status == 200
        for wire in slow:
            wire.close()
        assert eventually(lambda: proxy.get().status == 200)


def test_f4_the_limits_of_a_head_are_those_that_were_given() -> None:
    limits = Limits(header_bytes=2_000, header_fields=20, target_bytes=300)
    with origin(always(ok())) as site, forwarding(site.url, limits=limits) as proxy:
        assert [proxy.get(b"/" + b"a" * count).status for count in (299, 300)] == [200, 414]
        assert [proxy.get(b"/", b"X: y\r\n" * count).status for count in (19, 20)] == [200, 431]
        assert [proxy.get(b"/", b"X: " + b"y" * count + b"\r\n").status for count in (1_900, 2_100)] == [200, 431]
