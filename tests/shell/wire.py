"""Both ends of the wire for tests of the shell: real sockets, raw bytes, nothing patched.

`Origin` is an upstream whose every connection runs a function of the test, `serving` the real server in a thread,
`proxying` the real proxy before an origin, `Wire` a socket that reads HTTP as it is written. All waits have an end.
"""

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from proxy.asgi import ASGIApp
from proxy.http.forward import Forwarder
from proxy.http.gate import Gate
from proxy.http.life import Life
from proxy.http.server import run
from proxy.http.upstream import Upstream

PATIENCE_SECONDS = 10.0
ROOT = Path(__file__).parents[2]
PREFIX = b"/_footfall"
TOKEN = b"footfall-test"


def eventually(condition: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> bool:
    """Polls until the condition is true; False when it has not become so in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        threading.Event().wait(0.005)
    return True


def certify(folder: Path) -> Path:
    """Makes a certificate for localhost, signed by nobody else, and its key: cert.pem and key.pem of this folder."""
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run(command, check=True, capture_output=True, cwd=folder)
    return folder


@dataclass
class Answer:
    status: int
    fields: list[tuple[bytes, bytes]]
    body: bytes
    whole: bool = True  # the body ended as its framing says

    def all(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.fields if key == name]

    def get(self, name: bytes) -> bytes | None:
        values = self.all(name)
        return values[0] if values else None


class Wire:
    """A socket with a buffer, for either end."""

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(PATIENCE_SECONDS)
        self.sock = sock
        self.buffer = b""
        self.reset = False

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def fill(self) -> bool:
        """More bytes; False at the end of the stream (`reset` tells which kind of end)."""
        try:
            data = self.sock.recv(65536)
        except ConnectionResetError:
            self.reset = True
            data = b""
        self.buffer += data
        return bool(data)

    def until(self, mark: bytes) -> bytes:
        """Everything up to and with `mark`; ConnectionError if the stream ends before it."""
        while mark not in self.buffer:
            if not self.fill():
                raise ConnectionError(f"closed after {self.buffer!r}")
        end = self.buffer.index(mark) + len(mark)
        taken, self.buffer = self.buffer[:end], self.buffer[end:]
        return taken

    def exactly(self, count: int) -> bytes:
        while len(self.buffer) < count and self.fill():
            pass
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def rest(self) -> bytes:
        while self.fill():
            pass
        taken, self.buffer = self.buffer, b""
        return taken

    def head(self) -> tuple[bytes, list[tuple[bytes, bytes]]]:
        """(first line, fields), names lower case."""
        lines = self.until(b"\r\n\r\n")[:-4].split(b"\r\n")
        fields = [line.split(b": ", 1) for line in lines[1:]]
        return lines[0], [(name.lower(), value) for name, value in fields]

    def chunks(self) -> tuple[bytes, bool]:
        body = b""
        try:
            while size := int(self.until(b"\r\n"), 16):
                piece = self.exactly(size + 2)
                body += piece[:size]
            self.until(b"\r\n")
        except (ConnectionError, ValueError):
            return body, False
        return body, True

    def answer(self, method: str = "GET") -> Answer:
        """The next answer, without 1xx."""
        line, fields = self.head()
        status = int(line.split()[1])
        if 100 <= status < 200:
            return self.answer(method)
        answer = Answer(status, fields, b"")
        length = answer.get(b"content-length")
        if method == "HEAD" or status in (204, 304):
            return answer
        if answer.get(b"transfer-encoding") == b"chunked":
            answer.body, answer.whole = self.chunks()
        elif length is not None:
            answer.body = self.exactly(int(length))
            answer.whole = len(answer.body) == int(length)
        else:
            answer.body = self.rest()
            answer.whole = not self.reset
        return answer

    def is_closed(self) -> bool:
        """Waits for the other side's end of stream."""
        return not self.buffer and not self.fill()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.sock.close()


@dataclass
class Seen:
    """What the origin has read of one request."""

    line: bytes
    fields: list[tuple[bytes, bytes]]
    body: bytes = b""
    whole: bool = True

    def all(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.fields if key == name]


@dataclass
class Origin:
    """An upstream on a port of its own. `handle(wire, seen)` answers a request; a false result ends the connection."""

    handle: Callable[[Wire, Seen], object]
    reads_body: bool = True
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0
    live: int = 0

    def __post_init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self.listener.accept()
                with self.lock:
                    self.connections += 1
                    self.live += 1
                threading.Thread(target=self._run, args=(Wire(sock),), daemon=True).start()

    def _run(self, wire: Wire) -> None:
        try:
            with contextlib.suppress(OSError):
                while self._one(wire):
                    pass
        finally:
            wire.close()
            with self.lock:
                self.live -= 1

    def _one(self, wire: Wire) -> bool:
        line, fields = wire.head()
        seen = Seen(line, fields)
        is_framed = bool(seen.all(b"transfer-encoding") or seen.all(b"content-length"))
        seen.whole = not (self.reads_body and is_framed)  # until its body has been read
        self.seen.append(seen)
        if self.reads_body:
            if seen.all(b"transfer-encoding"):
                seen.body, seen.whole = wire.chunks()
            elif lengths := seen.all(b"content-length"):
                seen.body = wire.exactly(int(lengths[0]))
                seen.whole = len(seen.body) == int(lengths[0])
        return bool(self.handle(wire, seen))

    def close(self) -> None:
        # A listener that a thread is blocked in accept() on must be shut down, or it goes on listening.
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@contextlib.contextmanager
def origin(handle: Callable[[Wire, Seen], object], *, reads_body: bool = True) -> Iterator[Origin]:
    site = Origin(handle, reads_body)
    try:
        yield site
    finally:
        site.close()


def always(data: bytes, *, keep: bool = True) -> Callable[[Wire, Seen], object]:
    """A handler that answers every request with these bytes."""

    def handle(wire: Wire, seen: Seen) -> bool:
        wire.send(data)
        return keep

    return handle


def ok(body: bytes = b"hello", fields: bytes = b"") -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: %d\r\n%b\r\n%b" % (len(body), fields, body)


@dataclass
class Served:
    """The real server in a thread of this process."""

    port: int
    refusals: list[tuple[bytes, int]]
    upstream: Upstream | None = None

    def connect(self) -> Wire:
        return Wire(socket.create_connection(("127.0.0.1", self.port)))

    def ask(self, request: bytes, method: str = "GET") -> Answer:
        """One request on a connection of its own."""
        wire = self.connect()
        try:
            wire.send(request)
            return wire.answer(method)
        finally:
            wire.close()

    def get(self, target: bytes = b"/", fields: bytes = b"") -> Answer:
        return self.ask(b"GET %b HTTP/1.1\r\nHost: shop.example\r\n%b\r\n" % (target, fields))


@contextlib.contextmanager
def serving(
    app: ASGIApp, *, graceful_seconds: int = 2, stopping: Callable[[], None] = lambda: None, **patience: Any
) -> Iterator[Served]:
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    served = Served(listener.getsockname()[1], [])
    reading, writing = os.pipe()
    codes: list[int] = []

    def target() -> None:
        refused = lambda host, status: served.refusals.append((host, status))  # noqa: E731
        limits: dict[str, Any] = {"graceful_seconds": graceful_seconds, **patience}
        codes.append(run(app, sockets=[listener], refused=refused, life=Life(reading, stopping=stopping), **limits))

    thread = threading.Thread(target=target, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        os.close(writing)
        thread.join(PATIENCE_SECONDS)
        os.close(reading)
    assert codes == [0], codes


@contextlib.contextmanager
def proxying(
    url: str, *, preserve_host: bool = True, public_origin: str = "", trusted: tuple[str, ...] = (), **limits: Any
) -> Iterator[Served]:
    """Gate and forwarder before `url`, as `footfall serve` has them, without tracking."""
    upstream = Upstream(url, **limits)
    refusals: list[tuple[bytes, int]] = []
    app = Gate(
        Forwarder(upstream, via_token=TOKEN, preserve_host=preserve_host, public_origin=public_origin),
        prefix=PREFIX,
        via_token=TOKEN,
        trusted_proxies=tuple(map(ip_network, trusted)),
        refused=lambda host, status: refusals.append((host, status)),
    )
    with serving(app) as served:
        served.upstream = upstream
        served.refusals = refusals
        yield served


_PROCESS = """
import socket, sys
from proxy.http.forward import Forwarder
from proxy.http.gate import Gate
from proxy.http.server import run
from proxy.http.upstream import Upstream
listener = socket.create_server(("127.0.0.1", 0), backlog=256)
print(listener.getsockname()[1], flush=True)
refused = lambda host, status: None
app = Gate(Forwarder(Upstream(sys.argv[1]), via_token=b"t"), prefix=b"/_footfall", via_token=b"t",
           trusted_proxies=(), refused=refused)
sys.exit(run(app, sockets=[listener], refused=refused, graceful_seconds=5))
"""


@dataclass
class Process:
    """The proxy in a process of its own, whose memory and signals are its own too."""

    popen: subprocess.Popen[str]
    port: int

    def connect(self) -> Wire:
        return Wire(socket.create_connection(("127.0.0.1", self.port)))

    def resident_bytes(self) -> int:
        pages = Path(f"/proc/{self.popen.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")


@contextlib.contextmanager
def proxy_process(url: str) -> Iterator[Process]:
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    popen = subprocess.Popen(
        [sys.executable, "-c", _PROCESS, url], stdout=subprocess.PIPE, text=True, env=environ, cwd=ROOT
    )
    try:
        assert popen.stdout is not None
        yield Process(popen, int(popen.stdout.readline()))
    finally:
        if popen.poll() is None:
            popen.terminate()
        popen.wait(PATIENCE_SECONDS)
        if popen.stdout is not None:
            popen.stdout.close()
