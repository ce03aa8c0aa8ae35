"""A thousand WebSockets on which nothing is said: what they cost the proxy that passes them on."""

import contextlib
import resource
import socket
import time

from benchmarks.cpu import spent
from benchmarks.field.figures import Idle
from benchmarks.field.memory import resident
from benchmarks.field.origin import SOCKET
from benchmarks.load import SECONDS, LoadError
from benchmarks.servers import Server

SOCKETS = 1_000
"""As many as footfall lets one address have at once (`limits.connections_per_address`)."""
SETTLING_SECONDS = 1.0
DESCRIPTORS = 8_192
"""A proxy has two for each WebSocket; 1,024 is what a shell gives as a rule."""
OPENING = (
    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://127.0.0.1:{port}\r\n\r\n"
)


def allow_descriptors() -> None:
    """For this process and all that it starts from now on: as many as are needed, or as the system lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def idle(server: Server, number: int, seconds: float) -> Idle:
    """What `number` of them cost, over so many seconds, of a server that was just started.

    Raises:
        LoadError: one does not open.
        CpuError: a process of the server ended.
    """
    with contextlib.ExitStack() as open_ones:
        open_ones.callback(_open(server.port).close)  # what the first one brings with it is not each one's
        time.sleep(SETTLING_SECONDS)
        before = resident(server.pid)
        for _ in range(number - 1):
            open_ones.callback(_open(server.port).close)
        time.sleep(SETTLING_SECONDS)
        each = (resident(server.pid) - before) / (number - 1)
        begun, cost = time.monotonic(), spent(server.pid)
        time.sleep(seconds)
        later, ended = spent(server.pid), time.monotonic()
        return Idle(each, later.since(cost).total_us / (ended - begun))


def _open(port: int) -> socket.socket:
    """One that is open."""
    one = socket.create_connection(("127.0.0.1", port), SECONDS)
    one.sendall(OPENING.format(path=SOCKET, port=port).encode())
    said = b""
    while b"\r\n\r\n" not in said:
        piece = one.recv(4_096)
        if not piece:
            break
        said += piece
    if not said.startswith(b"HTTP/1.1 101 "):
        one.close()
        raise LoadError(f"{SOCKET}: a WebSocket was answered {said[:60]!r}")
    return one
