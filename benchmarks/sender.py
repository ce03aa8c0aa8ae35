"""`python -m benchmarks.sender`: sends what h2load cannot, beacons of new events and pages asked for with fields of
their own, all made beforehand, as fast as they are answered.

Told on standard input, as JSON in one line, what to send (benchmarks/beacons.py: `sender`); says `ready`; told `go`,
sends all of it over its connections, one request at a time on each; says `good`, or what was wrong with an answer.
"""

import json
import selectors
import socket
import sys
from collections.abc import Iterator
from typing import Any

from benchmarks.beacons import PATH, Teller, bodies, headers
from benchmarks.load import INSIDE, SECONDS, LoadError
from benchmarks.servers import SMALL

END = b"\r\n\r\n"
LENGTH, CHUNKED = b"content-length: ", b"transfer-encoding: chunked"
LAST_CHUNK = b"\r\n0\r\n\r\n"


def requests(told: dict[str, Any]) -> list[bytes]:
    """Every request as it goes over the wire."""
    among = [Teller(**one) for one in told["among"]]
    if not told["events"]:
        return [page(told["port"], among[at % len(among)], f"{told['seed']}/{at}") for at in range(told["number"])]
    heads = [head(told["port"], one) for one in among]
    made = bodies(told["seed"], told["number"], among, told["events"])
    return [
        b"%bContent-Length: %d\r\n\r\n%b" % (heads[at % len(heads)], len(body), body) for at, body in enumerate(made)
    ]


def head(port: int, teller: Teller) -> bytes:
    lines = [f"POST {PATH} HTTP/1.1", f"Host: 127.0.0.1:{port}", *map(": ".join, headers(port, teller).items()), ""]
    return "\r\n".join(lines).encode()


def page(port: int, teller: Teller, before: str) -> bytes:
    """The page, asked for from a page of that path."""
    authority = f"127.0.0.1:{port}"
    fields = {name: value.format(authority=authority) for name, value in INSIDE} | {"cookie": teller.cookie}
    fields["referer"] += before
    lines = [f"GET {SMALL} HTTP/1.1", f"Host: {authority}", *map(": ".join, fields.items()), "", ""]
    return "\r\n".join(lines).encode()


def connections(port: int, number: int) -> selectors.BaseSelector:
    """So many, all of them open."""
    selector = selectors.DefaultSelector()
    for _ in range(number):
        opened = socket.create_connection(("127.0.0.1", port), SECONDS)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(opened, selectors.EVENT_READ, bytearray())
    return selector


def send_all(selector: selectors.BaseSelector, waiting: Iterator[bytes], expected: str) -> int:
    """How many were answered, all of them well. Raises LoadError at the first that was not, or was not at all."""
    status, _, word = expected.encode().partition(b" ")
    busy = done = 0
    for key in list(selector.get_map().values()):
        busy += _next(key.fileobj, waiting)
    while busy:
        ready = selector.select(SECONDS)
        if not ready:
            raise LoadError(f"no answer within {SECONDS} s")
        for key, _ in ready:
            data = key.fileobj.recv(65_536)  # type: ignore[union-attr]
            if not data:
                raise LoadError("a connection was closed before its answer")
            buffer: bytearray = key.data
            buffer += data
            if not _is_whole(buffer):
                continue
            if not buffer.startswith(b"HTTP/1.1 %b" % status) or word not in buffer:
                raise LoadError(bytes(buffer[:300]).decode("latin-1").replace("\r\n", " "))
            buffer.clear()
            done += 1
            busy -= not _next(key.fileobj, waiting)
    return done


def _next(connection: Any, waiting: Iterator[bytes]) -> bool:
    request = next(waiting, None)
    if request is not None:
        connection.sendall(request)
    return request is not None


def _is_whole(buffer: bytearray) -> bool:
    """Whether this is an answer with all of its body, whose length it says, or which is chunked; 204 has none."""
    end = buffer.find(END)
    if end < 0:
        return False
    fields = bytes(buffer[:end]).lower()
    if CHUNKED in fields:
        return buffer.endswith(LAST_CHUNK)
    at = fields.find(LENGTH)
    length = int(fields[at + len(LENGTH) :].partition(b"\r\n")[0]) if at >= 0 else 0
    return len(buffer) >= end + len(END) + length


def main() -> int:
    told = json.loads(sys.stdin.readline())
    made = requests(told)
    try:
        selector = connections(told["port"], told["connections"])
        print("ready", flush=True)
        if sys.stdin.readline().strip() == "go":
            done = send_all(selector, iter(made), told["expected"])
            print("good" if done == len(made) else f"{done} of {len(made)} were answered", flush=True)
    except (LoadError, OSError) as wrong:
        print(" ".join(str(wrong).split()) or type(wrong).__name__, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
