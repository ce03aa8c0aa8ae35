"""WebSockets through the proxy: raw bytes at both ends, then a server and a client that somebody else has written."""

import contextlib
import os
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import websockets.sync.client
import websockets.sync.server
from websockets.exceptions import ConnectionClosed, InvalidStatus
from whole import NAVIGATION, NGINX, Visitor, nginx, outcomes
from whole import serving as whole_serving
from wire import (
    PREFIX,
    ROOT,
    TOKEN,
    Seen,
    Wire,
    always,
    eventually,
    ok,
    origin,
    proxy_process,
    proxying,
    serving,
)

from proxy.http.forward import Forwarder
from proxy.http.gate import Gate
from proxy.http.upgrade import CLOSING_SECONDS, EARLY_BYTES
from proxy.http.upstream import Upstream

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
UPGRADES = b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
HANDSHAKE = UPGRADES + b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + KEY + b"\r\n"
GOODBYE = b"\x88\x02\x03\xe9"
HELLO = b"\x81\x85\0\0\0\0hello"
KERNEL_BYTES = 2 * sum(int(Path(f"/proc/sys/net/ipv4/tcp_{way}mem").read_text().split()[2]) for way in "rw")
"""What this machine's kernel lets wait on two connections that nobody reads: where there is much, some 70 MB."""
GROWTH_BYTES = 4 * 1024 * 1024
"""What we may hold of it besides."""


def asking(target: bytes = b"/ws", fields: bytes = b"", handshake: bytes = HANDSHAKE) -> bytes:
    return b"GET %b HTTP/1.1\r\nHost: shop.example\r\n%b%b\r\n" % (target, handshake, fields)


def switching(fields: bytes = b"") -> bytes:
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + ACCEPT + b"\r\n" + fields + b"\r\n"
    )


def tunnel(then: Callable[[Wire], object], fields: bytes = b"") -> Callable[[Wire, Seen], object]:
    """A handler that answers 101 and has the connection from then on."""

    def handle(wire: Wire, seen: Seen) -> bool:
        wire.send(switching(fields))
        then(wire)
        return False

    return handle


def echo(wire: Wire) -> None:
    """Every byte back."""
    while wire.buffer or wire.fill():
        data, wire.buffer = wire.buffer, b""
        wire.send(data)


@contextlib.contextmanager
def opened(proxy: Any, request: bytes = b"") -> Iterator[Wire]:
    """A visitor whose handshake has been answered 101."""
    wire = proxy.connect()
    try:
        wire.send(request or asking())
        line, _ = wire.head()
        assert line == b"HTTP/1.1 101 Switching Protocols"
        yield wire
    finally:
        wire.close()


# The handshake -------------------------------------------------------------------------------------------------------


def test_w1_the_101_is_upstreams_with_exactly_its_subprotocol_and_extensions() -> None:
    extras = (
        b"Sec-WebSocket-Protocol: chat.v2\r\nSec-WebSocket-Extensions: x-a; p=1,  x-b\r\nSet-Cookie: a=b\r\nX: y\r\n"
    )
    asked = threading.Event()
    release = threading.Event()

    def handle(wire: Wire, seen: Seen) -> bool:
        asked.set()
        release.wait(5)
        wire.send(switching(extras + b"Content-Length: 3\r\nKeep-Alive: 5\r\n") + b"\x81\x02hi")
        return not wire.is_closed()

    with origin(handle) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        wire.send(asking(b"/ws?a=%2f", b"Sec-WebSocket-Protocol: chat.v1, chat.v2\r\n"))
        assert asked.wait(5)
        wire.sock.settimeout(0.3)
        with pytest.raises(TimeoutError):
            wire.fill()
        wire.sock.settimeout(10)
        release.set()
        line, fields = wire.head()
        assert line == b"HTTP/1.1 101 Switching Protocols"
        assert fields == [
            (b"upgrade", b"websocket"),
            (b"connection", b"Upgrade"),
            (b"sec-websocket-accept", ACCEPT),
            (b"sec-websocket-protocol", b"chat.v2"),
            (b"sec-websocket-extensions", b"x-a; p=1,  x-b"),
            (b"set-cookie", b"a=b"),
            (b"x", b"y"),
            (b"via", b"1.1 " + TOKEN),
        ]
        assert wire.exactly(4) == b"\x81\x02hi"
        assert site.seen[0].line == b"GET /ws?a=%2f HTTP/1.1"
        assert site.seen[0].all(b"sec-websocket-protocol") == [b"chat.v1, chat.v2"]
        wire.close()


def test_w1_f8_origin_cookie_and_forwarding_fields_go_upstream() -> None:
    with origin(tunnel(echo)) as site, proxying(site.url) as proxy:
        fields = b"Origin: https://evil.example\r\nCookie: a=1; b=2\r\nX-Forwarded-For: 9.9.9.9\r\nCookie: c=3\r\n"
        fields += b"Connection: sec-websocket-key\r\n"
        with opened(proxy, asking(fields=fields)):
            seen = site.seen[0]
            assert seen.all(b"origin") == [b"https://evil.example"]
            assert seen.all(b"cookie") == [b"a=1; b=2", b"c=3"]
            assert seen.all(b"x-forwarded-for") == [b"127.0.0.1"] and seen.all(b"x-forwarded-proto") == [b"http"]
            assert seen.all(b"host") == [b"shop.example"] and seen.all(b"via") == [b"1.1 " + TOKEN]
            assert seen.all(b"sec-websocket-key") == [KEY] and seen.all(b"sec-websocket-version") == [b"13"]


ANSWERS = {
    401: b"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic\r\nContent-Length: 4\r\n\r\nauth",
    403: b"HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nauth\r\n0\r\n\r\n",
    302: b"HTTP/1.1 302 There\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n",
    200: ok(b"<!doctype html><title>no socket here</title>"),
    426: b"HTTP/1.1 426 Other\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n",
    500: b"HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops",
    503: b"HTTP/1.1 503 Later\r\nConnection: close\r\n\r\nlater",
}


@pytest.mark.parametrize("status", ANSWERS)
def test_w1_another_answer_is_passed_on_and_nothing_behind_the_request_is_read(status: int) -> None:
    release = threading.Event()

    def handle(wire: Wire, seen: Seen) -> bool:
        if b"/ws" not in seen.line:
            wire.send(ok())
            return True
        release.wait(5)
        wire.send(ANSWERS[status])
        return status != 503

    with origin(handle) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        wire.send(asking() + b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
        release.set()
        answer = wire.answer()
        assert answer.status == status and answer.whole
        assert answer.get(b"connection") == b"close" and wire.is_closed()
        if status == 200:
            assert answer.body == b"<!doctype html><title>no socket here</title>"
        if status == 401:
            assert answer.get(b"www-authenticate") == b"Basic"
        # The connection that was asked for a WebSocket carries nothing else, and the tail went nowhere.
        assert proxy.get().status == 200
        assert [seen.line.split()[1] for seen in site.seen] == [b"/ws", b"/"] and site.connections == 2


REFUSED = {
    "no key": (400, asking(handshake=UPGRADES + b"Sec-WebSocket-Version: 13\r\n")),
    "short key": (400, asking(handshake=UPGRADES + b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: YQ==\r\n")),
    "two keys": (400, asking(fields=b"Sec-WebSocket-Key: " + KEY + b"\r\n")),
    "version 777": (426, asking(handshake=HANDSHAKE.replace(b"13", b"777"))),
    "no version": (426, asking(handshake=HANDSHAKE.replace(b"Version", b"Versio"))),
    "length": (400, asking(fields=b"Content-Length: 4\r\n") + b"body"),
    "chunked": (400, asking(fields=b"Transfer-Encoding: chunked\r\n") + b"0\r\n\r\n"),
    "POST": (400, asking().replace(b"GET", b"POST")),
    "PRI": (400, asking().replace(b"GET", b"PUT") + b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "loop": (508, asking(fields=b"Via: 1.1 " + TOKEN + b"\r\n")),
    "hidden": (404, asking(b"/%5ffootfall/ws")),
}


@pytest.mark.parametrize("case", REFUSED)
def test_w1_a_handshake_that_is_none_is_refused(case: str) -> None:
    status, request = REFUSED[case]
    with origin(always(ok())) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        wire.send(request + b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
        answer = wire.answer()
        assert answer.status == status and answer.whole and wire.is_closed()
        if status == 426:
            assert answer.get(b"sec-websocket-version") == b"13" and answer.get(b"upgrade") == b"websocket"
        assert site.seen == [] and [refused for _, refused in proxy.refusals] == [status]


PRETENDED = {
    "wrong accept": switching().replace(ACCEPT, ACCEPT[::-1]),
    "no accept": switching().replace(b"Accept", b"Accep"),
    "two accepts": switching(b"Sec-WebSocket-Accept: " + ACCEPT + b"\r\n"),
    "h2c": switching().replace(b"websocket", b"h2c"),
    "no connection": switching().replace(b"Connection: Upgrade\r\n", b""),
    "no upgrade": switching().replace(b"Upgrade: websocket\r\n", b""),
    "chunked": switching(b"Transfer-Encoding: chunked\r\n"),
    "bare": b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
}


@pytest.mark.parametrize("case", PRETENDED)
def test_w1_a_101_that_does_not_answer_the_handshake_is_a_502(case: str) -> None:
    with origin(always(PRETENDED[case])) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        wire.send(asking() + HELLO)
        answer = wire.answer()
        assert answer.status == 502 and answer.whole and wire.is_closed()
        assert eventually(lambda: site.live == 0)


def test_w1_a_101_that_nobody_asked_for_is_a_502() -> None:
    with origin(always(switching())) as site, proxying(site.url) as proxy:
        assert proxy.get().status == 502
        assert proxy.get(fields=b"Upgrade: websocket\r\n").status == 502
        assert eventually(lambda: site.live == 0)


def test_w1_interim_answers_and_no_answer() -> None:
    with origin(always(b"HTTP/1.1 103 Early\r\nLink: </a>\r\n\r\n" + switching())) as site, proxying(site.url) as proxy:
        with opened(proxy):
            pass
        assert eventually(lambda: site.live == 0)
    with origin(lambda wire, seen: wire.is_closed()) as site, proxying(site.url, response_seconds=0.5) as proxy:
        assert proxy.ask(asking()).status == 504
        assert eventually(lambda: site.live == 0)
    with proxying("http://127.0.0.1:9") as proxy:
        assert proxy.ask(asking()).status == 502


# Before the 101 ------------------------------------------------------------------------------------------------------


def test_w1_what_is_sent_before_the_101_goes_upstream_after_it() -> None:
    asked, release = threading.Event(), threading.Event()
    early: list[bytes] = []

    def handle(wire: Wire, seen: Seen) -> bool:
        asked.set()
        release.wait(5)
        wire.sock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            early.append(wire.sock.recv(100))
        wire.sock.settimeout(10)
        wire.send(switching())
        echo(wire)
        return False

    with origin(handle) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        wire.send(asking() + HELLO)
        assert asked.wait(5)
        wire.send(HELLO)
        threading.Event().wait(0.2)
        release.set()
        wire.head()
        assert wire.exactly(2 * len(HELLO)) == 2 * HELLO
        assert early == []
        wire.close()


def test_w1_what_is_sent_before_the_101_is_bounded() -> None:
    with origin(lambda wire, seen: wire.is_closed()) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        wire.send(asking())
        assert eventually(lambda: site.seen)
        with contextlib.suppress(OSError):
            wire.send(b"x" * (EARLY_BYTES + 300_000))
        with contextlib.suppress(OSError):
            assert wire.is_closed()
        assert eventually(lambda: site.live == 0, 1)


def test_w1_a_visitor_who_leaves_before_the_101_frees_upstream() -> None:
    with origin(lambda wire, seen: wire.is_closed()) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        wire.send(asking())
        assert eventually(lambda: site.seen)
        wire.close()
        assert eventually(lambda: site.live == 0, 1)
        assert proxy.upstream is not None and eventually(lambda: proxy.upstream.open_connections == 0)  # type: ignore[union-attr]


def test_w1_behind_other_requests_a_handshake_waits_for_its_turn() -> None:
    release = threading.Event()

    def handle(wire: Wire, seen: Seen) -> bool:
        if b"/ws" in seen.line:
            wire.send(switching())
            echo(wire)
            return False
        release.wait(5)
        wire.send(ok())
        return True

    with origin(handle) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        wire.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 2 + asking() + HELLO)
        release.set()
        assert [wire.answer().status for _ in range(2)] == [200, 200]
        line, _ = wire.head()
        assert b" 101 " in line and wire.exactly(len(HELLO)) == HELLO
        assert len(site.seen) == 3
        wire.close()


# The tunnel ----------------------------------------------------------------------------------------------------------


def test_w1_every_byte_passes_both_ways_whatever_its_pieces() -> None:
    # Valid frames, nonsense, and what looks like HTTP.
    pieces = [HELLO, b"\x01\x03abc", b"\x80\x00", b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 30, bytes(range(256)) * 300]
    with origin(tunnel(echo)) as site, proxying(site.url) as proxy, opened(proxy) as wire:
        wire.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            for start in range(0, len(piece), 7 if len(piece) < 100 else 10_000):
                wire.send(piece[start : start + (7 if len(piece) < 100 else 10_000)])
            assert wire.exactly(len(piece)) == piece


def test_w1_the_end_of_either_side_is_the_end_of_the_other() -> None:
    ends: list[bytes] = []

    def closes(wire: Wire) -> None:
        wire.send(b"\x88\x02\x03\xe8")

    with origin(tunnel(closes)) as site, proxying(site.url) as proxy, opened(proxy) as wire:
        assert wire.rest() == b"\x88\x02\x03\xe8" and not wire.reset
        wire.close()
        assert eventually(lambda: site.live == 0)
    with origin(tunnel(lambda wire: ends.append(wire.rest()))) as site, proxying(site.url) as proxy:
        with opened(proxy) as wire:
            wire.send(HELLO)
        assert eventually(lambda: ends == [HELLO]) and eventually(lambda: site.live == 0)
        assert proxy.upstream is not None and eventually(lambda: proxy.upstream.open_connections == 0)  # type: ignore[union-attr]


def test_w1_a_visitor_who_has_ended_his_direction_still_hears_upstreams() -> None:
    def answers_at_the_end(wire: Wire) -> None:
        asked = wire.rest()
        threading.Event().wait(1.0)  # longer than a half-closed request is waited for
        wire.send(asked * 2)

    with origin(tunnel(answers_at_the_end)) as site, proxying(site.url) as proxy, opened(proxy) as wire:
        wire.send(HELLO)
        wire.sock.shutdown(socket.SHUT_WR)
        assert wire.rest() == HELLO * 2 and not wire.reset


def test_w1_an_upstream_that_breaks_off_is_not_a_clean_end() -> None:
    def resets(wire: Wire) -> None:
        wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    with origin(tunnel(resets)) as site, proxying(site.url) as proxy, opened(proxy) as wire:
        wire.rest()
        assert wire.reset


def test_w1_no_pings_and_no_timeout_on_a_silent_tunnel() -> None:
    with origin(tunnel(echo)) as site:
        upstream = Upstream(site.url, body_idle_seconds=0.5, response_seconds=0.5)
        app = Gate(
            Forwarder(upstream, via_token=TOKEN),
            prefix=PREFIX,
            via_token=TOKEN,
            trusted_proxies=(),
            refused=lambda host, status: None,
        )
        with serving(app, body_idle_seconds=1, header_seconds=1) as proxy, opened(proxy) as wire:
            wire.sock.settimeout(3)
            with pytest.raises(TimeoutError):
                wire.fill()
            wire.send(HELLO)
            assert wire.exactly(len(HELLO)) == HELLO


def flood(wire: Wire, counted: list[int], stopped: threading.Event) -> None:
    """Frames for as long as somebody takes them."""
    data = b"\x82\x7f" + (65536).to_bytes(8, "big") + bytes(65536)
    wire.sock.settimeout(0.2)
    with contextlib.suppress(OSError):
        while not stopped.is_set():
            try:
                counted[0] += wire.sock.send(data)
            except TimeoutError:
                counted[1] += 1


@pytest.mark.parametrize("towards", ["visitor", "upstream"])
def test_w1_back_pressure_holds_memory_when_one_side_stops_reading(towards: str) -> None:
    counted, stopped = [0, 0], threading.Event()

    def handle(wire: Wire) -> None:
        if towards == "visitor":
            flood(wire, counted, stopped)
        else:
            stopped.wait(10)

    with origin(tunnel(handle)) as site, proxy_process(site.url) as proxy, opened(proxy) as wire:
        before = proxy.resident_bytes()
        if towards == "upstream":
            threading.Thread(target=flood, args=(wire, counted, stopped), daemon=True).start()
        assert eventually(lambda: counted[1] >= 5)  # nobody has taken anything for a second
        stuck = counted[0]
        assert 0 < stuck < KERNEL_BYTES + GROWTH_BYTES
        assert proxy.resident_bytes() - before < GROWTH_BYTES
        if towards == "visitor":
            taken = 0
            while taken < 2 * stuck:
                assert wire.fill()
                taken += len(wire.buffer)
                wire.buffer = b""
            assert counted[0] > stuck
        stopped.set()


def test_w1_connection_caps_count_tunnels() -> None:
    with origin(tunnel(echo)) as site, proxying(site.url, max_connections=1) as proxy:
        with opened(proxy):
            assert proxy.ask(asking()).status == 503
            assert repr(proxy.upstream) == f"<Upstream {site.url} idle=0 busy=1 opening=0>"
        assert eventually(lambda: site.live == 0)
        with opened(proxy):
            pass


def test_w1_visitors_who_leave_at_any_moment_leak_nothing() -> None:
    def handle(wire: Wire, seen: Seen) -> bool:
        if b"/slow" in seen.line:
            wire.is_closed()
        elif b"/no" in seen.line:
            wire.send(ANSWERS[403])
        else:
            wire.send(switching())
            echo(wire)
        return False

    with origin(handle) as site, proxying(site.url) as proxy:
        for round_ in range(20):
            wires = [proxy.connect() for _ in range(12)]
            for number, wire in enumerate(wires):
                wire.send(asking((b"/ws", b"/slow", b"/no")[number % 3]) + HELLO[: number + round_])
            for number, wire in enumerate(wires):
                if number % 2:
                    wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                if not number % 3:
                    wire.fill()
                wire.close()
        assert proxy.upstream is not None and eventually(lambda: proxy.upstream.open_connections == 0)  # type: ignore[union-attr]
        assert eventually(lambda: site.live == 0)
        with opened(proxy) as wire:
            wire.send(HELLO)
            assert wire.exactly(len(HELLO)) == HELLO


# F5 ------------------------------------------------------------------------------------------------------------------


def test_f5_websocket_passes_alone_and_h2c_never() -> None:
    with origin(tunnel(echo)) as site, proxying(site.url) as proxy:
        handshake = HANDSHAKE.replace(b"Upgrade: websocket", b"Upgrade: h2c, websocket")
        handshake = handshake.replace(b"Connection: Upgrade", b"Connection: Upgrade, HTTP2-Settings")
        with opened(proxy, asking(fields=b"HTTP2-Settings: AAMAAABkAAQAAP__\r\n", handshake=handshake)):
            seen = site.seen[0]
            assert seen.all(b"upgrade") == [b"websocket"] and seen.all(b"connection") == [b"Upgrade"]
            assert seen.all(b"http2-settings") == []


@pytest.mark.parametrize("upgrade", [b"h2c", b"TLS/1.0", b"websocket/13", b"xwebsocket"])
def test_f5_another_upgrade_is_an_ordinary_request(upgrade: bytes) -> None:
    with origin(always(ok())) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        fields = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: " + upgrade + b"\r\nHTTP2-Settings: AAMA\r\n"
        wire.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n" + fields + b"\r\nbody")
        assert wire.answer().status == 200
        assert site.seen[0].body == b"body"
        assert not site.seen[0].all(b"upgrade") + site.seen[0].all(b"http2-settings") + site.seen[0].all(b"connection")
        wire.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert wire.answer().status == 200


def test_f5_http_1_0_knows_no_upgrade() -> None:
    with origin(always(ok())) as site, proxying(site.url) as proxy:
        answer = proxy.ask(asking().replace(b"HTTP/1.1", b"HTTP/1.0"))
        assert answer.status == 200 and site.seen[0].all(b"upgrade") == []


def test_f5_a_server_that_offers_no_upgrade_answers_501() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope = {**scope, "extensions": {}}
        await gate(scope, receive, send)

    with origin(always(ok())) as site:
        forwarder = Forwarder(Upstream(site.url), via_token=TOKEN)
        gate = Gate(forwarder, prefix=PREFIX, via_token=TOKEN, trusted_proxies=(), refused=lambda host, status: None)
        with serving(app) as proxy:
            assert proxy.ask(asking()).status == 501 and site.seen == []


# S5 ------------------------------------------------------------------------------------------------------------------


def test_s5_a_stop_says_1001_to_both_sides_and_ends_with_0() -> None:
    heard: list[bytes] = []

    def handle(wire: Wire) -> None:
        wire.send(b"\x81\x02hi")
        heard.append(wire.exactly(8))
        wire.send(b"\x88\x02\x03\xe9" + b"\x81\x04late")

    with origin(tunnel(handle)) as site, proxy_process(site.url) as proxy, opened(proxy) as wire:
        assert wire.exactly(4) == b"\x81\x02hi"
        os.kill(proxy.popen.pid, signal.SIGTERM)
        began = time.monotonic()
        assert wire.rest() == GOODBYE and not wire.reset
        wire.send(b"\x88\x82\0\0\0\0\x03\xe9")
        wire.close()
        assert proxy.popen.wait(10) == 0 and time.monotonic() - began < CLOSING_SECONDS
    (frame,) = heard
    mask = frame[2:6]
    assert frame[:2] == b"\x88\x82" and bytes(a ^ b for a, b in zip(frame[6:], mask, strict=False)) == b"\x03\xe9"


def test_s5_a_frame_under_way_is_finished_first() -> None:
    stopped = threading.Event()
    heard: list[bytes] = []

    def handle(wire: Wire) -> None:
        wire.send(b"\x81\x06one")
        stopped.wait(5)
        wire.send(b"two\x81\x05three")
        heard.append(wire.rest())

    with origin(tunnel(handle)) as site, proxy_process(site.url) as proxy, opened(proxy) as wire:
        assert wire.exactly(5) == b"\x81\x06one"
        wire.send(HELLO[:8])
        os.kill(proxy.popen.pid, signal.SIGTERM)
        assert eventually(lambda: not listening(proxy.port))
        stopped.set()
        wire.send(HELLO[8:] + HELLO)
        assert wire.exactly(7) == b"two" + GOODBYE
        wire.close()
        began = time.monotonic()
        assert proxy.popen.wait(10) == 0 and time.monotonic() - began < CLOSING_SECONDS - 1
    assert heard[0][: len(HELLO) + 2] == HELLO + b"\x88\x82" and len(heard[0]) == len(HELLO) + 8


def listening(port: int) -> bool:
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    return False


def test_s5_who_does_not_answer_the_goodbye_is_cut_off_at_the_deadline() -> None:
    deaf = threading.Event()
    with origin(tunnel(lambda wire: deaf.wait(20))) as site, proxy_process(site.url) as proxy, opened(proxy) as wire:
        began = time.monotonic()
        os.kill(proxy.popen.pid, signal.SIGTERM)
        assert wire.exactly(4) == GOODBYE
        assert proxy.popen.wait(15) == 0
        assert CLOSING_SECONDS - 1 < time.monotonic() - began < CLOSING_SECONDS + 5
        deaf.set()


def test_s5_a_handshake_under_way_is_answered_and_then_told() -> None:
    asked, release = threading.Event(), threading.Event()

    def handle(wire: Wire, seen: Seen) -> bool:
        asked.set()
        release.wait(5)
        wire.send(switching())
        wire.exactly(8)
        return False

    with origin(handle) as site, proxy_process(site.url) as proxy:
        wire = proxy.connect()
        wire.send(asking())
        assert asked.wait(5)
        os.kill(proxy.popen.pid, signal.SIGTERM)
        assert eventually(lambda: not listening(proxy.port))
        release.set()
        wire.head()
        assert wire.rest() == GOODBYE
        wire.close()
        assert proxy.popen.wait(10) == 0


# With a server and a client of somebody else's -----------------------------------------------------------------------


@contextlib.contextmanager
def library(handler: Callable[[Any], None], **options: Any) -> Iterator[int]:
    server = websockets.sync.server.serve(handler, "127.0.0.1", 0, **options)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.socket.getsockname()[1]
    finally:
        server.shutdown()
        thread.join(10)


def repeat(connection: Any) -> None:
    with contextlib.suppress(ConnectionClosed):
        for message in connection:
            connection.send(message)


def dial(port: int, path: str = "/", **options: Any) -> Any:
    return websockets.sync.client.connect(f"ws://127.0.0.1:{port}{path}", proxy=None, max_size=2**24, **options)


@pytest.mark.parametrize("compression", ["deflate", None])
def test_w1_text_stays_text_and_bytes_stay_bytes(compression: str | None) -> None:
    with (
        library(repeat, compression=compression, max_size=2**24) as port,
        proxying(f"http://127.0.0.1:{port}") as proxy,
        dial(proxy.port, compression=compression) as client,
    ):
        assert bool(client.protocol.extensions) is bool(compression)
        for message in ("", "é" * 10, b"", bytes(range(256)), "x" * 3_000_000, os.urandom(3_000_000)):
            client.send(message)
            assert client.recv(10) == message
        client.send(["in ", "three ", "pieces"])
        assert client.recv(10) == "in three pieces"
        assert client.ping().wait(10)


@pytest.mark.parametrize("code", [1000, 1001, 1011, 3000, 4999])
@pytest.mark.parametrize("who", ["visitor", "upstream"])
def test_w1_close_codes_pass_both_ways(who: str, code: int) -> None:
    heard: list[tuple[int, str]] = []

    def handler(connection: Any) -> None:
        if who == "upstream":
            connection.close(code, "so be it")
        else:
            with contextlib.suppress(ConnectionClosed):
                connection.recv()
            heard.append((connection.close_code, connection.close_reason))

    with library(handler) as port, proxying(f"http://127.0.0.1:{port}") as proxy, dial(proxy.port) as client:
        if who == "visitor":
            client.close(code, "so be it")
        else:
            with pytest.raises(ConnectionClosed):
                client.recv(10)
            heard.append((client.close_code, client.close_reason))
        assert eventually(lambda: heard == [(code, "so be it")])


def test_w1_a_refusal_of_the_library_reaches_the_library() -> None:
    def refuse(connection: Any, request: Any) -> Any:
        return connection.respond(403, "not you\n")

    with library(repeat, process_request=refuse) as port, proxying(f"http://127.0.0.1:{port}") as proxy:
        with pytest.raises(InvalidStatus) as refusal, dial(proxy.port):
            pass
        assert refusal.value.response.status_code == 403 and refusal.value.response.body == b"not you\n"


def test_w1_through_tls_upstream(tmp_path: Path) -> None:
    cert, key = str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", cert]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    trusting = ssl.create_default_context(cafile=cert)
    with (
        library(repeat, ssl=context, max_size=2**24) as port,
        proxying(f"https://localhost:{port}", tls=trusting) as proxy,
    ):
        with dial(proxy.port) as client:
            for message in ("secret", os.urandom(2_000_000)):
                client.send(message)
                assert client.recv(10) == message
        with opened(proxy) as wire:  # who ends only his direction ends both
            wire.sock.shutdown(socket.SHUT_WR)
            wire.rest()
        assert proxy.upstream is not None and eventually(lambda: proxy.upstream.open_connections == 0)  # type: ignore[union-attr]


@pytest.mark.skipif(NGINX is None, reason="needs nginx")
def test_w1_behind_nginx_as_the_documentation_has_it(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "deploy.md").read_text().partition("```nginx\n")[2].partition("```")[0]
    mapping, _, rest = text.partition("server {")
    location = rest[rest.index("location / {") : rest.rindex("}")]
    with library(repeat) as port, proxying(f"http://127.0.0.1:{port}") as proxy:
        location = location.replace("127.0.0.1:8080", f"127.0.0.1:{proxy.port}")
        with nginx(tmp_path / "nginx", http=mapping, server=location) as front, dial(front) as client:
            client.send("hello")
            assert client.recv(10) == "hello"


# With tracking -------------------------------------------------------------------------------------------------------


def test_w1_a_handshake_is_no_visit_and_is_counted_whatever_its_answer(tmp_path: Path) -> None:
    page = ok(b"<!doctype html><title>t</title><p>x").replace(b"text/plain", b"text/html")

    def handle(wire: Wire, seen: Seen) -> bool:
        if b"/ws" in seen.line:
            wire.send(switching(b"Set-Cookie: footfall=theirs\r\nSet-Cookie: theirs=1\r\n"))
            echo(wire)
            return False
        wire.send(page)
        return b"/gone" not in seen.line

    with origin(handle) as site, whole_serving(tmp_path, site.port) as served:
        visitor = Visitor(served.port)
        visitor.navigate(b"/")
        value = visitor.cookies[b"footfall"]
        wire = Wire(socket.create_connection(("127.0.0.1", served.port)))
        browser = b"".join(b"%b: %b\r\n" % field for field in NAVIGATION if not field[0].startswith(b"Sec-Fetch"))
        wire.send(asking(fields=browser + b"Cookie: a=1; footfall=" + value + b"\r\n"))
        _, fields = wire.head()
        assert [value for name, value in fields if name == b"set-cookie"] == [b"theirs=1"]
        assert site.seen[-1].all(b"cookie") == [b"a=1"]
        wire.send(HELLO)
        assert wire.exactly(len(HELLO)) == HELLO
        # A page in place of the 101: passed on as it is, and still no visit.
        answer = ask(served.port, asking(b"/page", browser))
        assert answer.status == 200 and answer.body == page.partition(b"\r\n\r\n")[2]
        assert not answer.all(b"set-cookie")
        assert ask(served.port, asking(b"/page", handshake=UPGRADES)).status == 426
        wire.close()
        expected = {"visit": 1, "websocket": 2, "refused": 1}
        assert eventually(lambda: outcomes(served.store) == expected), outcomes(served.store)


def ask(port: int, request: bytes) -> Any:
    wire = Wire(socket.create_connection(("127.0.0.1", port)))
    try:
        wire.send(request)
        return wire.answer()
    finally:
        wire.close()
