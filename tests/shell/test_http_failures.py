"""When upstream is away, slow, or closes at the wrong moment; when we stop; what is refused on the wire."""

import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator

import pytest
from wire import Seen, Wire, always, eventually, ok, origin, proxy_process, proxying

REQUEST = b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n"
ONE_SHOT = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"


def unused_port() -> int:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listener:
        return int(listener.getsockname()[1])


@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-host.invalid", "a..b", "x" * 64 + ".example"])
def test_s3_an_upstream_that_is_not_there_is_a_502(host: str) -> None:
    with proxying(f"http://{host}:{unused_port()}") as proxy:
        page = proxy.get(b"/", b"Accept: text/html,*/*\r\n")
        assert page.status == 502 and page.get(b"content-type") == b"text/html; charset=utf-8"
        assert page.get(b"cache-control") == b"no-store" and host.encode() not in page.body
        plain = proxy.get(b"/", b"Accept: application/json\r\n")
        assert json.loads(plain.body)["error"] == "bad_gateway"
        head = proxy.ask(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", "HEAD")
        assert head.status == 502 and int(head.get(b"content-length") or 0) > 0


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """(certificate, key) files for the name localhost, signed by nobody else."""
    folder = tmp_path_factory.mktemp("tls")
    cert, key = str(folder / "cert.pem"), str(folder / "key.pem")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", cert]
    subprocess.run(command, check=True, capture_output=True)
    return cert, key


@contextlib.contextmanager
def tls_origin(certificate: tuple[str, str]) -> Iterator[int]:
    """A port that speaks TLS and answers one page a connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError, ConnectionError):
                wire = Wire(context.wrap_socket(sock, server_side=True))
                wire.head()
                wire.send(ok(b"x" * 1_000_000, b"connection: close\r\n"))
                wire.close()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def test_s3_a_tls_upstream_is_verified(certificate: tuple[str, str]) -> None:
    trusting = ssl.create_default_context(cafile=certificate[0])
    with tls_origin(certificate) as port:
        with proxying(f"https://localhost:{port}", tls=trusting) as proxy:
            # Upstream closes behind each of them; nothing of their end may get lost for it.
            for _ in range(20):
                assert proxy.get().body == b"x" * 1_000_000
        with proxying(f"https://127.0.0.1:{port}", tls=trusting) as proxy:
            assert proxy.get().status == 502
        with proxying(f"https://localhost:{port}") as proxy:
            assert proxy.get().status == 502


def test_s3_no_answer_in_time_is_a_504_and_the_connection_goes() -> None:
    with origin(lambda wire, seen: wire.is_closed()) as site, proxying(site.url, response_seconds=0.5) as proxy:
        started = time.monotonic()
        answer = proxy.get()
        assert answer.status == 504 and time.monotonic() - started < 2
        assert eventually(lambda: site.live == 0)


def test_s3_a_body_that_stops_is_cut_but_an_event_stream_may_be_silent() -> None:
    def handle(wire: Wire, seen: Seen) -> bool:
        kind = b"text/event-stream" if b"sse" in seen.line else b"text/html"
        wire.send(b"HTTP/1.1 200 OK\r\ncontent-type: " + kind + b"\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n")
        if b"sse" in seen.line:
            quiet.wait(2)
            wire.send(b"0\r\n\r\n")
            return True
        return not wire.is_closed()

    quiet = threading.Event()
    with origin(handle) as site, proxying(site.url, body_idle_seconds=0.5) as proxy:
        assert proxy.get(b"/page").whole is False
        stream = proxy.get(b"/sse")
        assert stream.body == b"a" and stream.whole


def test_s3_too_many_at_once_is_a_503_with_retry_after() -> None:
    release = threading.Event()

    def handle(wire: Wire, seen: Seen) -> bool:
        release.wait(5)
        wire.send(ok())
        return True

    with origin(handle) as site, proxying(site.url, max_connections=2) as proxy:
        wires = [proxy.connect() for _ in range(2)]
        for wire in wires:
            wire.send(REQUEST)
        assert eventually(lambda: len(site.seen) == 2)
        answer = proxy.get()
        assert answer.status == 503 and answer.get(b"retry-after") is not None
        release.set()
        assert [wire.answer().status for wire in wires] == [200, 200]
        assert proxy.get().status == 200


def test_s3_an_upload_that_stops_coming_is_the_visitors_408() -> None:
    with origin(always(ok())) as site, proxying(site.url, response_seconds=0.5) as proxy:
        wire = proxy.connect()
        wire.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf")
        assert wire.answer().status == 408
        assert eventually(lambda: site.live == 0) and not site.seen[0].whole


def closing_second(method_counts: list[bytes]):  # type: ignore[no-untyped-def]
    """A handler that answers the first request of each connection and closes at the second without a word."""

    def handle(wire: Wire, seen: Seen) -> bool:
        method_counts.append(seen.line.split()[0])
        if getattr(wire, "used", False):
            return False
        wire.used = True  # type: ignore[attr-defined]
        wire.send(ok())
        return True

    return handle


@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"PUT", b"DELETE", b"OPTIONS"])
def test_s4_an_idempotent_request_is_sent_once_more_on_a_new_connection(method: bytes) -> None:
    seen: list[bytes] = []
    with origin(closing_second(seen)) as site, proxying(site.url) as proxy:
        assert proxy.get().status == 200
        answer = proxy.ask(method + b" / HTTP/1.1\r\nHost: a\r\n\r\n", method.decode())
        assert answer.status == 200
        assert seen == [b"GET", method, method] and site.connections == 2


@pytest.mark.parametrize(
    "request_", [b"POST / HTTP/1.1\r\nHost: a\r\n\r\n", b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"]
)
def test_s4_what_must_not_happen_twice_is_not_sent_twice(request_: bytes) -> None:
    seen: list[bytes] = []
    with origin(closing_second(seen)) as site, proxying(site.url) as proxy:
        assert proxy.get().status == 200
        assert proxy.ask(request_).status == 502
        assert len(seen) == 2


def test_s4_the_second_try_takes_the_place_of_the_first() -> None:
    seen: list[bytes] = []
    with origin(closing_second(seen)) as site, proxying(site.url, max_connections=1) as proxy:
        assert [proxy.get().status for _ in range(3)] == [200] * 3
        assert len(seen) == 5 and site.connections == 3


def test_s4_no_second_try_on_a_new_connection_or_after_the_first_byte() -> None:
    def handle(wire: Wire, seen: Seen) -> bool:
        if b"/ok" in seen.line:
            wire.send(ok())
            return True
        if b"/byte" in seen.line:
            wire.send(b"H")
        return False

    with origin(handle) as site, proxying(site.url) as proxy:
        assert proxy.get(b"/").status == 502 and len(site.seen) == 1
        assert proxy.get(b"/ok").status == 200
        assert proxy.get(b"/byte").status == 502 and len(site.seen) == 3


def test_s4_connections_closed_while_idle_are_never_used() -> None:
    def handle(wire: Wire, seen: Seen) -> bool:
        wire.send(ok())
        return False

    with origin(handle) as site, proxying(site.url) as proxy:
        for count in range(1, 20):
            assert proxy.ask(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx").status == 200
            assert proxy.upstream is not None and eventually(lambda: proxy.upstream.open_connections == 0)  # type: ignore[union-attr]
            assert site.connections == count


def test_the_pool_reuses_connections_and_says_so() -> None:
    with origin(always(ok())) as site, proxying(site.url) as proxy:
        for _ in range(20):
            assert proxy.get().status == 200
        assert site.connections == 1
        assert repr(proxy.upstream) == f"<Upstream {site.url} idle=1 busy=0 opening=0>"


def test_s5_sigterm_finishes_what_is_under_way_and_exits_with_0() -> None:
    release = threading.Event()

    def handle(wire: Wire, seen: Seen) -> bool:
        wire.send(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nabc")
        release.wait(5)
        wire.send(b"def")
        return True

    with origin(handle) as site, proxy_process(site.url) as process:
        idle, busy = process.connect(), process.connect()
        busy.send(REQUEST)
        busy.head()
        os.kill(process.popen.pid, signal.SIGTERM)
        assert idle.is_closed()
        with pytest.raises(OSError):
            process.connect().answer()
        release.set()
        assert busy.exactly(6) == b"abcdef" and busy.is_closed()
        assert process.popen.wait(10) == 0


REFUSED = [
    ("t7", 400, b"GET / HTTP/1.1\r\n\r\n"),
    ("t7", 400, b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
    ("t7", 400, b"GET / HTTP/1.1\r\nHost: \r\n\r\n"),
    ("t7", 400, b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"),
    ("t7", 400, b"GET / HTTP/1.1\r\nHost: user@host\r\n\r\n"),
    ("t7", 400, b"GET / HTTP/1.1\r\nHost: host/path\r\n\r\n"),
    ("t8", 400, b"GET * HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("t8", 405, b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("t8", 405, b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("t9", 400, b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n"),
    ("t9", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1 ;\nx\r\na\r\n0\r\n\r\n"),
    ("f1", 400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("f1", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n"),
    ("f1", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    ("f1", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    ("f1", 400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ("f1", 400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
    ("f1", 400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\na"),
    ("f1", 400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1_0\r\n\r\na"),
    ("f1", 400, b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("f1", 400, b"GET / HTTP/1.1\r\nHost: a\r\nX Y: a\r\n\r\n"),
    ("f1", 400, b"GET / HTTP/1.1\r\nHost: a\r\nX : a\r\n\r\n"),
    ("f1", 400, b"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"),
    ("f1", 400, b"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n"),
    ("f1", 400, b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"),
    ("f1", 400, b"GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("f1", 400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n"),
    ("f1", 400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(32, 64))),
    ("f1", 400, b"GET / HTTP/1.1\nHost: a\n\n"),
    ("f1", 400, b"GET / HTTP/1.1\r\nHost: a\n\n"),
    ("f1", 400, b"GET / HTTP/1.1\r\n\n"),
    ("f1", 400, b"{}"),
    ("f1", 400, b"no request\r\n"),
    ("t8", 501, b"FROB / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("t8", 501, b"get / HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("f1", 505, b"GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
    ("f4", 414, b"GET /" + b"a" * 17_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("f4", 414, b"GET /" + b"a" * 90_000),
    ("f4", 431, b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 200 + b"\r\n"),
    ("f4", 431, b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 66_000 + b"\r\n\r\n"),
    ("f4", 431, b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 90_000),
    ("f5", 426, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
    ("f8", 508, b"GET / HTTP/1.1\r\nHost: a\r\nVia: 1.1 x, 1.1 footfall-test (c)\r\n\r\n"),
    ("x1", 404, b"GET /%5ffootfall/t.js HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("x1", 404, b"GET //_footfall/t.js HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("x1", 404, b"GET /a/../_footfall HTTP/1.1\r\nHost: a\r\n\r\n"),
]


@pytest.mark.parametrize(("letter", "status", "data"), REFUSED, ids=[f"{r[0]}-{r[2][:40]!r}" for r in REFUSED])
def test_t7_t8_f1_x1_what_must_not_pass_is_refused(letter: str, status: int, data: bytes) -> None:
    with origin(always(ok())) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        wire.send(data)
        answer = wire.answer()
        assert answer.status == status, letter
        assert answer.whole and answer.get(b"cache-control") == b"no-store"
        if status in (400, 501):
            assert answer.get(b"connection") == b"close" and wire.is_closed()
        if status == 405:
            assert answer.get(b"allow") is not None
        assert site.seen == [] or not site.seen[0].whole
        assert proxy.get().status == 200


def test_f1_a_head_in_small_pieces_is_not_mistaken_for_one_with_bare_lines() -> None:
    with origin(always(ok())) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        wire.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"\r\n" + REQUEST:
            wire.send(bytes((byte,)))
        assert wire.answer().status == 200


def test_f1_nothing_behind_a_refused_request_is_read() -> None:
    smuggled = b"GET /evil HTTP/1.1\r\nHost: a\r\n\r\n"
    for data in (
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n" + smuggled,
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + smuggled,
        b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n" + smuggled,
        b"GET /fine HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + smuggled,
        b"GET /fine HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n" + smuggled,
    ):
        with origin(always(ok())) as site, proxying(site.url) as proxy:
            wire = proxy.connect()
            wire.send(data)
            wire.answer()
            assert wire.is_closed()
            assert all(b"/evil" not in seen.line for seen in site.seen)


def test_f1_a_malformed_request_waits_for_the_answers_due_before_it() -> None:
    with origin(always(ONE_SHOT)) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        wire.send(REQUEST * 3 + b"GET / HTTP/1.1\r\nHost : a\r\n\r\n")
        assert [wire.answer().status for _ in range(4)] == [200, 200, 200, 400]
        assert wire.is_closed()


def test_t4_a_body_that_breaks_before_its_turn_is_refused_in_its_turn() -> None:
    broken = b"POST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nZZ\r\n"

    def handle(wire: Wire, seen: Seen) -> bool:
        pause.wait(0.3)
        wire.send(ok())
        return True

    pause = threading.Event()
    with origin(handle) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        wire.send(REQUEST + broken)
        assert wire.answer().status == 200
        answered = time.monotonic()
        assert wire.answer().status == 400 and time.monotonic() - answered < 2
        assert wire.is_closed()
        assert [seen.line for seen in site.seen] == [b"GET / HTTP/1.1"]


def test_t15_a_visitor_who_half_closes_behind_what_is_refused_gets_both_answers(monkeypatch) -> None:
    monkeypatch.setattr("proxy.http.halfclosed.HALF_CLOSED_SECONDS", 10.0)  # what a busy machine may take for 0.3 s

    def handle(wire: Wire, seen: Seen) -> bool:
        pause.wait(0.3)
        wire.send(ok())
        return True

    pause = threading.Event()
    with origin(handle) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        wire.send(REQUEST + b"GET / HTTP/1.1\r\nHost: a\r\nno field\r\n\r\n")
        wire.sock.shutdown(socket.SHUT_WR)
        assert (wire.answer().status, wire.answer().status) == (200, 400)
        assert wire.is_closed()


def test_f4_an_upgrade_nobody_takes_brings_no_error_into_the_log(caplog: pytest.LogCaptureFixture) -> None:
    upgrade = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    with origin(always(ok())) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        wire.send(upgrade + b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 200 + b"\r\n")
        assert [wire.answer().status, wire.answer().status] == [200, 431]
        wire = proxy.connect()
        wire.send(upgrade * 300)
        statuses = [200]
        while statuses[-1] == 200:
            statuses.append(wire.answer().status)
        assert statuses[-1] == 400 and wire.is_closed()
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_t8_options_asterisk_is_answered_here() -> None:
    with origin(always(ok())) as site, proxying(site.url) as proxy:
        answer = proxy.ask(b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")
        assert answer.status == 200 and answer.get(b"allow") is not None
        assert site.seen == []


def test_t7_http_1_0_may_leave_the_host_out() -> None:
    with origin(always(ok())) as site, proxying(site.url) as proxy:
        assert proxy.ask(b"GET / HTTP/1.0\r\n\r\n").status == 200
        assert site.seen[0].all(b"host") == [f"127.0.0.1:{site.port}".encode()]


def test_refusals_are_told_with_their_host() -> None:
    with origin(always(ok())) as site, proxying(site.url) as proxy:
        proxy.get(b"/%5ffootfall")
        assert proxy.refusals == [(b"shop.example", 404)]


def test_t4_an_upload_refused_before_its_100_continue_lets_upstream_go() -> None:
    with origin(lambda wire, seen: not wire.is_closed()) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        wire.send(b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\ng\r\n")
        assert wire.answer().status == 400 and wire.is_closed()
        upstream = proxy.upstream
        assert upstream is not None
        assert eventually(lambda: upstream.busy_connections == 0, 2), repr(upstream)
        assert eventually(lambda: site.live == 0)
