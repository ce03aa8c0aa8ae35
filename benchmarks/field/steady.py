"""`python -m benchmarks.field.steady`: asks for a page so many times a second, evenly, and says how long answers took.

Law: an answer's time begins when its request was due, not when it could be sent: who is slow cannot slow the asking
down. Told on standard input, as JSON in one line: port, requests (as they go over the wire, taken in turn), rate a
second, seconds, connections. Says, as JSON: `took`, microseconds of every answer, `seconds` that all of it took; or
`wrong`.
"""

import json
import select
import socket
import sys
import time
from typing import Any

from benchmarks.load import SECONDS, LoadError
from benchmarks.sender import END, LENGTH

READ_BYTES = 262_144
LAST = b"0\r\n\r\n"
"""Of an answer in chunks, without trailers."""


def asked(port: int, requests: list[bytes], rate: float, seconds: float, number: int) -> tuple[list[int], float]:
    """Microseconds of every answer, and the seconds until the last. Raises LoadError where one is not 200, or late."""
    idle = [_connected(port) for _ in range(number)]
    busy: dict[socket.socket, tuple[float, bytearray]] = {}
    total, sent, took = max(1, round(rate * seconds)), 0, list[int]()
    room = memoryview(bytearray(READ_BYTES))  # one for all: to make it for each reading costs more than to read
    begun = time.monotonic()
    while len(took) < total:
        now = time.monotonic()
        while idle and sent < total and (due := begun + sent / rate) <= now:
            connection = idle.pop()
            connection.sendall(requests[sent % len(requests)])
            busy[connection] = due, bytearray()
            sent += 1
        wait = begun + sent / rate - time.monotonic() if idle and sent < total else SECONDS
        # not a selector: those wait for whole milliseconds
        ready, _, _ = select.select(list(busy), (), (), max(0.0, wait))
        if not ready and wait == SECONDS:
            raise LoadError(f"no answer within {SECONDS} s")
        for connection in ready:
            due, buffer = busy[connection]
            if _is_answered(connection, buffer, room):
                took.append(round((time.monotonic() - due) * 1_000_000))
                del busy[connection]
                idle.append(connection)
    return took, time.monotonic() - begun


def _connected(port: int) -> socket.socket:
    opened = socket.create_connection(("127.0.0.1", port), SECONDS)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return opened


def _is_answered(connection: socket.socket, buffer: bytearray, room: memoryview) -> bool:
    """Whether that was the last of it. Raises LoadError."""
    came = connection.recv_into(room)
    buffer += room[:came]
    if not came or not buffer.startswith(b"HTTP/1.1 200"[: len(buffer)]):
        raise LoadError(bytes(buffer[:100]).decode("latin-1").replace("\r\n", " ") or "closed before its answer")
    end = buffer.find(END)
    if end < 0:
        return False
    fields = bytes(buffer[:end]).lower() + b"\r\n"
    at = fields.find(b"\r\n" + LENGTH)
    if at < 0:
        return buffer.endswith(LAST)
    length = int(fields[at + 2 + len(LENGTH) :].partition(b"\r\n")[0])
    return len(buffer) >= end + len(END) + length


def main() -> int:
    told: dict[str, Any] = json.loads(sys.stdin.readline())
    requests = [request.encode("latin-1") for request in told["requests"]]
    try:
        took, seconds = asked(told["port"], requests, told["rate"], told["seconds"], told["connections"])
        print(json.dumps({"took": took, "seconds": seconds}), flush=True)
    except (LoadError, OSError) as wrong:
        print(json.dumps({"wrong": " ".join(str(wrong).split()) or type(wrong).__name__}), flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
