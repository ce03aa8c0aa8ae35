"""A recorder between a browser and footfall: passes every byte on, keeps what the browser said.

What is kept are whole requests, taken apart by their framing, so that a test can say "in none but this one".
"""

import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

CHUNK_BYTES = 65_536


@dataclass(slots=True)
class Relay:
    """`port` is what the browser connects to."""

    port: int = 0
    _streams: list[bytearray] = field(default_factory=list)

    def requests(self) -> list[tuple[str, bytes]]:
        """Every request so far: its first line, and all of its bytes."""
        found = []
        for stream in list(self._streams):
            rest = bytes(stream)
            while b"\r\n\r\n" in rest:
                head, _, after = rest.partition(b"\r\n\r\n")
                length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
                size = int(length[1]) if length else 0
                found.append((head.partition(b"\r\n")[0].decode("latin-1"), head + after[:size]))
                rest = after[size:]
        return found


@contextlib.contextmanager
def recorded(upstream: int) -> Iterator[Relay]:
    """A relay before the port `upstream` of this machine."""
    listener = socket.create_server(("127.0.0.1", 0))
    relay = Relay(listener.getsockname()[1])
    stop = threading.Event()

    def accept() -> None:
        while not stop.is_set():
            with contextlib.suppress(OSError):
                visitor, _ = listener.accept()
                behind = socket.create_connection(("127.0.0.1", upstream))
                kept = bytearray()
                relay._streams.append(kept)
                threading.Thread(target=_pass, args=(visitor, behind, kept), daemon=True).start()
                threading.Thread(target=_pass, args=(behind, visitor, bytearray()), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield relay
    finally:
        stop.set()
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _pass(source: socket.socket, target: socket.socket, kept: bytearray) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(CHUNK_BYTES):
            kept += chunk
            target.sendall(chunk)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
