"""Where footfall can be reached and what it can reach: TLS on either side, sockets of this machine, IPv6, names with
several addresses. `footfall serve` as a process, certificates made by openssl, clients of the standard library."""

import asyncio
import contextlib
import http.client
import os
import re
import signal
import socket
import ssl
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from wire import PATIENCE_SECONDS, ROOT, Seen, Wire, certify, eventually, origin

from proxy.http.dialing import DELAY_SECONDS, dial
from proxy.store.base import Query
from proxy.store.sqlite.reader import SqliteReader

PAGE = b"<!doctype html><html><head><title>Site</title></head><body>hello</body></html>"
LARGE = 3_000_000
BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Accept": "text/html",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Mode": "navigate",
}


class _Site(BaseHTTPRequestHandler):
    """Says in a field of the answer what it was told of the visitor."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length) if length else b"x" * LARGE if self.path == "/large" else PAGE
        self.send_response(200)
        told = [self.headers.get(name, "-") for name in ("X-Forwarded-Proto", "X-Forwarded-For", "Host")]
        self.send_header("X-Told", " ".join(told))
        self.send_header("Content-Type", "text/html" if body is PAGE else "application/octet-stream")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def address_string(self) -> str:
        return "-"

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextlib.contextmanager
def site(address: str = "127.0.0.1", context: ssl.SSLContext | None = None) -> Iterator[str]:
    """A site that answers at an address or a path; what `site.upstream` says for it."""

    class Server(ThreadingHTTPServer):
        address_family = socket.AF_UNIX if "/" in address else socket.AF_INET6 if ":" in address else socket.AF_INET
        daemon_threads = True

        def server_bind(self) -> None:
            self.socket.bind(self.server_address)
            self.server_name, self.server_port = "site", 0

    server = Server(address if "/" in address else (address, 0), _Site)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    port = "" if "/" in address else server.socket.getsockname()[1]
    scheme = "http" if context is None else "https"
    try:
        yield (
            f"unix:{address}"
            if "/" in address
            else f"{scheme}://{f'[{address}]' if ':' in address else address}:{port}"
        )
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost, signed by nobody else, and its key, in cert.pem and key.pem of this folder."""
    return certify(tmp_path_factory.mktemp("tls"))


def command(where: Path, *words: str, **settings: str) -> dict[str, object]:
    """How `footfall` is started; `settings` are keys as the environment has them."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FOOTFALL_")}
    ours = {f"FOOTFALL_{name.upper()}": value for name, value in settings.items()}
    quiet = {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "FOOTFALL_REPORT__LISTEN": "off"}
    return {"args": [sys.executable, "-m", "proxy", *words], "cwd": where, "env": {**kept, **quiet, **ours}}


@contextlib.contextmanager
def serving(where: Path, upstream: str, listen: str = "127.0.0.1:0", **settings: str) -> Iterator[str]:
    """`footfall serve`, once it listens; its own address as it says it."""
    log = where / "serve.log"
    words = ["serve", "--upstream", upstream, "--listen", listen]
    with log.open("w") as stderr:
        process = subprocess.Popen(**command(where, *words, **settings), stderr=stderr, stdout=stderr)
    try:
        told: list[str] = []

        def is_told() -> bool:
            told[:] = re.findall(r"through footfall\s+(\S+)", log.read_text())
            return bool(told) or process.poll() is not None

        assert eventually(is_told) and told, log.read_text()
        yield told[0].rstrip("/")
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_SECONDS) == 0, log.read_text()
        assert "Traceback" not in log.read_text()


class _ByPath(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("shop.example", timeout=PATIENCE_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE_SECONDS)
        self.sock.connect(self._path)


def trusting(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certificate / "cert.pem")


def speaking_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    return context


def ask(connection: http.client.HTTPConnection, path: str = "/", body: bytes | None = None, **fields: str):
    connection.request("GET" if body is None else "POST", path, body, {**BROWSER, **fields})
    answer = connection.getresponse()
    return answer, answer.read()


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


# TLS on our own listener ---------------------------------------------------------------------------------------------


def test_https_is_served_with_a_certificate_and_the_site_knows_it(tmp_path: Path, certificate: Path) -> None:
    files = {"tls__cert_file": str(certificate / "cert.pem"), "tls__key_file": str(certificate / "key.pem")}
    with site() as upstream, serving(tmp_path, upstream, **files) as url:
        assert url.startswith("https://127.0.0.1:")
        context = trusting(certificate)
        context.set_alpn_protocols(["h2", "http/1.1"])
        connection = http.client.HTTPSConnection("localhost", port_of(url), timeout=PATIENCE_SECONDS, context=context)
        answer, body = ask(connection)
        assert b"data-page=" in body and answer.getheader("X-Told", "").startswith("https 127.0.0.1 localhost:")
        cookie = answer.getheader("Set-Cookie", "")
        assert cookie.startswith("__Host-footfall=") and "; Secure" in cookie
        assert connection.sock.selected_alpn_protocol() == "http/1.1"
        assert len(ask(connection, "/large")[1]) == LARGE
        assert ask(connection, "/up", b"y" * LARGE)[1] == b"y" * LARGE
        connection.close()


def finished(tls: ssl.SSLObject) -> bool:
    """One step of the handshake."""
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


LASTING = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\nabc"
UPGRADES = b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
HANDSHAKE = UPGRADES + b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
SWITCHING = b"HTTP/1.1 101 X\r\n" + UPGRADES + b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"


@pytest.mark.parametrize(("fields", "answer"), [(b"", LASTING), (HANDSHAKE, SWITCHING)], ids=["page", "websocket"])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_visitor_who_says_close_notify_has_left(
    tmp_path: Path, certificate: Path, version: ssl.TLSVersion, fields: bytes, answer: bytes
) -> None:
    """His answer does not move, or the site ends the tunnel when he does."""
    files = {"tls__cert_file": str(certificate / "cert.pem"), "tls__key_file": str(certificate / "key.pem")}
    context = trusting(certificate)
    context.minimum_version = context.maximum_version = version

    def slow(wire: Wire, seen: Seen) -> bool:
        wire.send(answer)
        return not wire.is_closed()

    with origin(slow) as upstream, serving(tmp_path, upstream.url, **files) as url:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
        with socket.create_connection(("127.0.0.1", port_of(url)), PATIENCE_SECONDS) as sock:
            while not finished(tls):
                sock.sendall(outgoing.read())
                incoming.write(sock.recv(65536))
            tls.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n" + fields + b"\r\n")
            sock.sendall(outgoing.read())
            head = b""
            while b"\r\n\r\n" not in head:
                incoming.write(sock.recv(65536))
                with contextlib.suppress(ssl.SSLWantReadError):
                    head += tls.read()
            with contextlib.suppress(ssl.SSLError):  # wants the other's close_notify, too
                tls.unwrap()
            sock.sendall(outgoing.read())
            started = time.monotonic()
            while sock.recv(65536):
                pass
            assert eventually(lambda: upstream.live == 0, 2.0) and time.monotonic() - started < 2.0
    assert "eof_received" not in (tmp_path / "serve.log").read_text()


def test_a_visitor_without_tls_or_with_an_old_one_gets_no_page(tmp_path: Path, certificate: Path) -> None:
    both = tmp_path / "both.pem"
    both.write_text((certificate / "cert.pem").read_text() + (certificate / "key.pem").read_text())
    with site() as upstream, serving(tmp_path, upstream, tls__cert_file="both.pem") as url:
        with pytest.raises((http.client.BadStatusLine, ConnectionError)):
            ask(http.client.HTTPConnection("127.0.0.1", port_of(url), timeout=PATIENCE_SECONDS))
        old = trusting(certificate)
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        old.minimum_version = ssl.TLSVersion.TLSv1_2
        assert ask(http.client.HTTPSConnection("localhost", port_of(url), context=old))[0].status == 200
        with pytest.warns(DeprecationWarning):
            old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises((ssl.SSLError, OSError)):
            ask(http.client.HTTPSConnection("localhost", port_of(url), context=old))


WRONG: list[tuple[str, Callable[[Path], dict[str, str]], str]] = [
    ("missing", lambda where: {"tls__cert_file": "no.pem"}, "tls.cert_file: {where}/no.pem: no such file"),
    (
        "no certificate",
        lambda where: {"tls__cert_file": "text.pem"},
        "tls.cert_file: {where}/text.pem: no certificate in PEM with its key, unencrypted",
    ),
    (
        "no authorities",
        lambda where: {"tls__upstream_ca_file": "text.pem"},
        "tls.upstream_ca_file: {where}/text.pem: no certificates in PEM",
    ),
    (
        "no list",
        lambda where: {"tls__upstream_ca_file": "no.pem"},
        "tls.upstream_ca_file: {where}/no.pem: No such file",
    ),
]


@pytest.mark.parametrize(("name", "settings", "line"), WRONG, ids=[row[0] for row in WRONG])
def test_files_that_cannot_be_used_are_one_line(tmp_path: Path, name: str, settings, line: str) -> None:
    (tmp_path / "text.pem").write_text("hello\n")
    words = {"serve": ["serve", "--upstream", "http://127.0.0.1:9", "--listen", "127.0.0.1:0"], "check": ["check"]}
    for code, started in ((2, words["serve"]), (1, words["check"])):
        run = command(tmp_path, *started, **settings(tmp_path))
        done = subprocess.run(**run, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
        assert (done.returncode, done.stderr.count("\n")) == (code, 1), done.stderr
        assert line.format(where=tmp_path) in done.stderr


# TLS to the site -----------------------------------------------------------------------------------------------------


def test_an_https_site_is_verified_by_the_authorities_that_are_named(tmp_path: Path, certificate: Path) -> None:
    authorities = str(certificate / "cert.pem")
    cases = [
        ("localhost", {}, 502),
        ("localhost", {"tls__upstream_ca_file": authorities}, 200),
        ("127.0.0.1", {"tls__upstream_ca_file": authorities}, 502),
        ("127.0.0.1", {"tls__upstream_verify": "false"}, 200),
    ]
    with site(context=speaking_tls(certificate)) as upstream:
        for host, settings, status in cases:
            with serving(tmp_path, f"https://{host}:{port_of(upstream)}", **settings) as url:
                answer, _ = ask(http.client.HTTPConnection("127.0.0.1", port_of(url), timeout=PATIENCE_SECONDS))
                assert answer.status == status, (host, settings)


# Sockets of this machine, and IPv6 -----------------------------------------------------------------------------------


def test_both_sides_may_be_sockets_of_this_machine(tmp_path: Path) -> None:
    path = tmp_path / "front.sock"
    kept = {"tracking__ip": "masked"}
    with site(str(tmp_path / "site.sock")) as upstream, serving(tmp_path, upstream, f"unix:{path}", **kept) as url:
        assert url == f"unix:{path}" and stat.S_IMODE(path.stat().st_mode) == 0o660
        forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}
        answer, body = ask(_ByPath(str(path)), **forwarded)
        assert b"data-page=" in body
        assert (
            answer.getheader("X-Told") == "http - shop.example"
        )  # nobody is believed, and there is no address to tell
        assert len(ask(_ByPath(str(path)), "/large")[1]) == LARGE
    assert not path.exists()
    assert networks(tmp_path) == {None}


def test_who_connects_to_a_socket_is_believed_where_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "front.sock"
    trust = {"site__trusted_proxies": "unix, 10.0.0.0/8", "tracking__ip": "masked"}
    with site() as upstream, serving(tmp_path, upstream, f"unix:{path}", **trust):
        forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9, 10.1.2.3"}
        answer, _ = ask(_ByPath(str(path)), **forwarded)
        assert answer.getheader("X-Told", "").startswith("https 203.0.113.9, 10.1.2.3")
        assert answer.getheader("Set-Cookie", "").startswith("__Host-footfall=")
    assert networks(tmp_path) == {"203.0.113.0/24"}


def networks(where: Path) -> set[object]:
    """From which networks the sessions in a store came, as they say."""
    with contextlib.closing(SqliteReader(where / "footfall.db")) as reader:
        return {event.params.get("ip") for event in reader.export(Query(action="session.start"))}


def test_a_socket_that_was_left_behind_is_replaced_and_one_in_use_is_not(tmp_path: Path) -> None:
    path = tmp_path / "front.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    with site() as upstream, serving(tmp_path, upstream, f"unix:{path}"):
        assert ask(_ByPath(str(path)))[0].status == 200
        second = command(tmp_path, "serve", "--upstream", upstream, "--listen", f"unix:{path}")
        done = subprocess.run(**second, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
        assert done.returncode == 1 and f"cannot listen on unix:{path}: Address already in use" in done.stderr
        assert ask(_ByPath(str(path)))[0].status == 200
    path.write_text("somebody's file")
    done = subprocess.run(**second, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    assert done.returncode == 1 and path.read_text() == "somebody's file"


def test_a_site_whose_socket_is_not_there_is_a_502_until_it_is(tmp_path: Path) -> None:
    with serving(tmp_path, f"unix:{tmp_path}/site.sock") as url:
        there = http.client.HTTPConnection("127.0.0.1", port_of(url), timeout=PATIENCE_SECONDS)
        assert ask(there)[0].status == 502
        with site(str(tmp_path / "site.sock")):
            assert ask(there)[0].status == 200


def test_both_sides_may_be_ipv6(tmp_path: Path) -> None:
    with site("::1") as upstream, serving(tmp_path, upstream, "[::1]:0") as url:
        assert url.startswith("http://[::1]:")
        answer, body = ask(http.client.HTTPConnection("::1", port_of(url), timeout=PATIENCE_SECONDS))
        assert b"data-page=" in body and answer.getheader("X-Told", "").startswith("http ::1 [::1]:")


# Names with several addresses ----------------------------------------------------------------------------------------


class _Resolving(asyncio.SelectorEventLoop):
    """A loop for which every name has the addresses of `found`."""

    def __init__(self, found: list[tuple[str, int]]) -> None:
        super().__init__()
        self.found = found

    async def getaddrinfo(self, host, port, **more):  # type: ignore[no-untyped-def, override]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in self.found]


@contextlib.contextmanager
def dead() -> Iterator[tuple[str, int]]:
    """An address that takes no connection and refuses none: its queue is full."""
    with socket.socket() as listener, contextlib.ExitStack() as stack:
        listener.bind(("127.0.0.2", 0))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()


def dialled(*found: tuple[str, int]) -> tuple[str, float]:
    """Who was reached, and after how many seconds."""
    loop = _Resolving(list(found))

    class Reached(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.peer = transport.get_extra_info("peername")
            transport.close()

    reached = Reached()
    began = time.monotonic()
    try:
        loop.run_until_complete(asyncio.wait_for(dial(loop, ("site.example", 80), reached), PATIENCE_SECONDS))
        return reached.peer, time.monotonic() - began
    finally:
        loop.close()


def test_a_dead_address_of_several_costs_a_moment() -> None:
    with dead() as nobody, socket.create_server(("127.0.0.1", 0)) as live:
        peer, seconds = dialled(nobody, live.getsockname())
        assert peer == live.getsockname() and DELAY_SECONDS <= seconds < DELAY_SECONDS + 1


def test_an_address_that_refuses_costs_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as live:
        closed = socket.create_server(("127.0.0.2", 0))
        nobody = closed.getsockname()
        closed.close()
        peer, seconds = dialled(nobody, live.getsockname())
        assert peer == live.getsockname() and seconds < DELAY_SECONDS
        with pytest.raises(OSError):
            dialled(nobody, nobody)


@pytest.mark.parametrize("settings", [{"site__listen": "unix:/run/shop.sock"}, {"tls__cert_file": "cert.pem"}])
def test_simulated_visitors_walk_by_plain_http_only(tmp_path: Path, settings: dict[str, str]) -> None:
    run = command(tmp_path, "demo", "--visitors", "3", **settings)
    done = subprocess.run(**run, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1) and "--visitors" in done.stderr
