"""A visitor by https: counted and timed from his first byte, not waited for at the end, and nothing of his is lost."""

import contextlib
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from wire import PREFIX, TOKEN, Seen, Served, Wire, always, certify, eventually, ok, origin, serving

from proxy.http.forward import Forwarder
from proxy.http.gate import Gate
from proxy.http.limits import Limits
from proxy.http.tls import VisitorTls, server_context
from proxy.http.upstream import Upstream

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
UPGRADES = b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: localhost\r\n" + UPGRADES + b"Sec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
SWITCHING = b"HTTP/1.1 101 X\r\n" + UPGRADES + b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
MESSAGE = b"\x82\xff" + (16_000_000).to_bytes(8, "big") + b"abcd" + b"x" * 16_000_000
VERSIONS = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certify(tmp_path_factory.mktemp("tls"))


@contextmanager
def secured(certificate: Path, url: str, **more: Any) -> Iterator[Served]:
    app = Gate(
        Forwarder(Upstream(url), via_token=TOKEN),
        prefix=PREFIX,
        via_token=TOKEN,
        trusted_proxies=(),
        refused=lambda host, status: None,
    )
    with serving(app, tls=server_context(certificate / "cert.pem", certificate / "key.pem"), **more) as served:
        yield served


def trusting(certificate: Path, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=certificate / "cert.pem")
    context.minimum_version = context.maximum_version = version
    return context


def connect(served: Served, certificate: Path, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> Wire:
    sock = socket.create_connection(("127.0.0.1", served.port))
    return Wire(trusting(certificate, version).wrap_socket(sock, server_hostname="localhost"))


def are_closed(socks: list[socket.socket]) -> bool:
    """Whether all of them are at their end."""
    for sock in socks:
        sock.setblocking(False)
        try:
            if sock.recv(1):
                return False
        except BlockingIOError:
            return False
        except ConnectionError:
            continue
    return True


@VERSIONS
def test_s5_visitors_who_do_not_answer_close_notify_do_not_hold_up_a_stop(
    certificate: Path, version: ssl.TLSVersion, caplog: pytest.LogCaptureFixture
) -> None:
    with origin(always(ok())) as site:
        with secured(certificate, site.url, graceful_seconds=8) as served:
            visitors = [connect(served, certificate, version) for _ in range(3)]
            for wire in visitors:
                wire.send(REQUEST)
                assert wire.answer().body == b"hello"
            silent = socket.create_connection(("127.0.0.1", served.port))
            began = time.monotonic()
        assert time.monotonic() - began < 3
        for wire in visitors:
            assert wire.is_closed() and not wire.reset  # by close_notify: a ragged end would raise
            wire.close()
        silent.close()
    assert "timeout graceful shutdown exceeded" not in caplog.text


def test_t6_unfinished_handshakes_are_counted_and_have_an_end(certificate: Path) -> None:
    limits = Limits(connections=5)
    with origin(always(ok())) as site, secured(certificate, site.url, header_seconds=2, limits=limits) as served:
        inside = connect(served, certificate)
        began = time.monotonic()
        socks = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(8)]
        socks[1].send(b"\x16\x03\x01\x02\x00\x01")
        assert eventually(lambda: are_closed(socks[4:]), 1.0)  # over the limit: at once
        assert not are_closed(socks[:1])
        assert served.refusals == [(b"", 503)] * 4
        assert eventually(lambda: are_closed(socks[:4]), 6.0) and time.monotonic() - began >= 1.5
        inside.send(REQUEST)  # which is there, and has more time
        assert inside.answer().status == 200
        again = connect(served, certificate)
        again.send(REQUEST)
        assert again.answer().status == 200
        for wire in (inside, again):
            wire.close()


def test_t6_a_handshake_whose_hello_is_there_has_the_same_end(certificate: Path) -> None:
    with origin(always(ok())) as site, secured(certificate, site.url, header_seconds=1) as served:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = trusting(certificate).wrap_bio(incoming, outgoing, server_hostname="localhost")
        with pytest.raises(ssl.SSLWantReadError):
            tls.do_handshake()
        with socket.create_connection(("127.0.0.1", served.port)) as sock:
            sock.sendall(outgoing.read())
            sock.settimeout(5)
            while sock.recv(65536):
                pass


@pytest.mark.parametrize("polite", [True, False], ids=["close_notify", "without"])
@VERSIONS
def test_w1_a_visitors_last_bytes_reach_an_upstream_that_is_slow(
    certificate: Path, version: ssl.TLSVersion, polite: bool
) -> None:
    left = threading.Event()
    got: list[tuple[int, bool]] = []

    def handle(wire: Wire, seen: Seen) -> bool:
        wire.send(SWITCHING)
        left.wait(10)
        count = 0
        while wire.fill():
            count += len(wire.buffer)
            wire.buffer = b""
        got.append((count, wire.reset))
        return False

    with origin(handle) as site, secured(certificate, site.url) as served:
        wire = connect(served, certificate, version)
        wire.send(HANDSHAKE)
        wire.until(b"\r\n\r\n")
        threading.Timer(1.0, left.set).start()  # all buffers on the way are full by then
        wire.send(MESSAGE)
        if polite:
            wire.sock.settimeout(0.01)
            with contextlib.suppress(TimeoutError, ssl.SSLError):  # whether he is answered is not what is asked here
                wire.sock.unwrap()  # type: ignore[attr-defined]
        wire.close()
        assert eventually(lambda: got)
        assert got == [(len(MESSAGE), False)]


@pytest.mark.parametrize("polite", [True, False], ids=["close_notify", "without"])
@VERSIONS
def test_t15_a_visitor_who_only_stops_asking_gets_his_answer(
    certificate: Path, version: ssl.TLSVersion, polite: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxy.http.halfclosed.HALF_CLOSED_SECONDS", 5)  # what a busy machine may take for 0.2 s
    asked, release = threading.Event(), threading.Event()

    def handle(wire: Wire, seen: Seen) -> bool:
        asked.set()
        release.wait(5)
        wire.send(ok())
        return True

    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = trusting(certificate, version).wrap_bio(incoming, outgoing, server_hostname="localhost")
    with (
        origin(handle) as site,
        secured(certificate, site.url) as served,
        socket.create_connection(("127.0.0.1", served.port), 10) as sock,
    ):
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                sock.sendall(outgoing.read())
                incoming.write(sock.recv(65536))
        tls.write(REQUEST)
        if polite:
            with pytest.raises(ssl.SSLError):
                tls.unwrap()
        sock.sendall(outgoing.read())
        assert asked.wait(5)
        sock.shutdown(socket.SHUT_WR)
        threading.Timer(0.2, release.set).start()
        while data := sock.recv(65536):
            incoming.write(data)
        answer = b""
        while piece := _read(tls):
            answer += piece
        assert answer.endswith(b"\r\n\r\nhello")


def _read(tls: ssl.SSLObject) -> bytes:
    try:
        return tls.read(65536)
    except ssl.SSLZeroReturnError:
        return b""


@VERSIONS
@pytest.mark.parametrize("size", [500_000, 4_000_000])
def test_an_early_answer_to_an_upload_is_not_lost(certificate: Path, version: ssl.TLSVersion, size: int) -> None:
    def handle(wire: Wire, seen: Seen) -> bool:
        wire.send(b"HTTP/1.1 413 X\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig")
        wire.rest()
        return False

    with origin(handle, reads_body=False) as site, secured(certificate, site.url) as served:
        wire = connect(served, certificate, version)
        wire.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size)
        try:
            for _ in range(size // 50_000):
                wire.send(b"x" * 50_000)
                threading.Event().wait(0.005)
        except OSError:
            assert size > 1_000_000
        answer = wire.answer()
        assert (answer.status, answer.body) == (413, b"big")
        wire.close()


# The layer alone -----------------------------------------------------------------------------------------------------


class _Wire:
    """As much of a transport as the layer uses."""

    def __init__(self) -> None:
        self.sent = b""
        self.said: list[str] = []

    def write(self, data: bytes) -> None:
        assert "eof" not in self.said
        self.sent += data

    def write_eof(self) -> None:
        self.said.append("eof")

    def close(self) -> None:
        self.said.append("close")

    abort = close

    def is_closing(self) -> bool:
        return "close" in self.said


class _Inner:
    def __init__(self) -> None:
        self.got = b""
        self.ends = 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.got += data

    def eof_received(self) -> bool:
        self.ends += 1
        return True


def shaken(certificate: Path, version: ssl.TLSVersion) -> tuple[Any, _Inner, _Wire, ssl.SSLObject, ssl.MemoryBIO]:
    """A layer whose handshake came byte by byte, and its visitor."""
    inner, wire = _Inner(), _Wire()
    layer: Any = VisitorTls(inner, server_context(certificate / "cert.pem", certificate / "key.pem"))  # type: ignore[arg-type]
    layer.connection_made(wire)
    layer.write(b"before there is anybody")
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = trusting(certificate, version).wrap_bio(incoming, outgoing, server_hostname="localhost")
    for _ in range(4):
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        hello = outgoing.read()
        for place in range(len(hello)):
            layer.data_received(hello[place : place + 1])
        incoming.write(wire.sent)
        wire.sent = b""
    assert layer.is_ready
    return layer, inner, wire, tls, outgoing


@VERSIONS
def test_what_arrives_is_the_same_at_every_split(certificate: Path, version: ssl.TLSVersion) -> None:
    layer, inner, wire, tls, outgoing = shaken(certificate, version)
    for pieces in ([b"GET / HTTP/1.1\r\n\r\n"], [b"a", b"bc"], [b"x" * 20_000]):
        for step in (1, 2, 3, 5, 17, 1_000, 10**9):
            for piece in pieces:
                tls.write(piece)
            data = outgoing.read()
            inner.got = b""
            for place in range(0, len(data), step):
                layer.data_received(data[place : place + step])
            assert inner.got == b"".join(pieces)
    tls.write(b"last")
    with pytest.raises(ssl.SSLError):
        tls.unwrap()
    layer.data_received(outgoing.read())
    assert inner.got.endswith(b"last") and inner.ends == 1
    assert layer.eof_received() is True and inner.ends == 1
    layer.write(b"still")
    layer.writelines([b"", b"one", b"", b"two"])
    layer.write_eof()
    layer.write(b"nobody hears this")
    layer.writelines([b"nor this"])
    layer.close()
    assert wire.said == ["eof", "close"]


@VERSIONS
def test_after_our_own_end_what_comes_is_still_read(certificate: Path, version: ssl.TLSVersion) -> None:
    layer, inner, wire, tls, outgoing = shaken(certificate, version)
    layer.write_eof()
    for _ in range(3):
        tls.write(b"x" * 30_000)
        layer.data_received(outgoing.read())
    assert len(inner.got) == 90_000 and wire.said == ["eof"]
    layer.data_received(b"\x17\x03\x03\x00\x20" + b"?" * 32)  # a record that is none
    assert wire.said == ["eof", "close"]


class Speaker:
    """A visitor who has his TLS apart from his socket, so that he can send what no TLS library would."""

    def __init__(self, served: Served, certificate: Path, version: ssl.TLSVersion) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = trusting(certificate, version).wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")
        self.wire = served.connect()
        while True:
            try:
                self.tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self.flush()
                self.incoming.write(self.wire.sock.recv(65536))
        self.flush()

    def flush(self, behind: bytes = b"") -> None:
        self.wire.send(self.outgoing.read() + behind)


FORGED = b"\x17\x03\x03\x00\x20" + b"?" * 32


@pytest.mark.parametrize("request_", [REQUEST, b"GET / HTTP/1.1\r\n\r\n"], ids=["answered", "refused"])
@VERSIONS
def test_a_forged_record_is_nobodys_error(
    certificate: Path, version: ssl.TLSVersion, request_: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with origin(always(ok())) as site, secured(certificate, site.url) as served:
        for _ in range(5):
            visitor = Speaker(served, certificate, version)
            visitor.tls.write(request_)
            visitor.flush(FORGED)
            assert visitor.wire.rest() is not None
        assert connect(served, certificate).sock.fileno() > 0
    assert caplog.messages == []


@VERSIONS
def test_what_comes_behind_close_notify_is_not_kept(certificate: Path, version: ssl.TLSVersion) -> None:
    release = threading.Event()

    def handle(wire: Wire, seen: Seen) -> bool:
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
        release.wait(10)
        return False

    piece = bytes(1024 * 1024)
    with origin(handle) as site, secured(certificate, site.url) as served:
        visitor = Speaker(served, certificate, version)
        visitor.tls.write(REQUEST)
        visitor.flush()
        assert visitor.wire.sock.recv(1) != b""  # the answer has begun
        with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLError):
            visitor.tls.unwrap()
        visitor.flush()
        before = _resident_bytes()
        with contextlib.suppress(OSError):  # he may be let go at any time
            for _ in range(64):
                visitor.wire.send(piece)
        assert _resident_bytes() - before < 16 * len(piece)
        release.set()


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
