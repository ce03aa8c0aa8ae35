"""S2: two gigabytes each way through the whole path, bit by bit what was sent, and memory that does not notice."""

import socket
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from whole import NAVIGATION, TAG, Serving, Visitor, serving, stored
from wire import Seen, Wire, eventually, origin

pytestmark = pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="looks into /proc")

TOTAL_BYTES = 2 * 1024**3
GROWTH_BYTES = 32 * 1024**2
PIECE_BYTES = 1024**2
HEAD = b"<!doctype html><html><head><meta charset=utf-8><title>Two gigabytes</title></head><body>"
PIECE = (bytes(range(32, 256)).replace(b"<", b"") * (PIECE_BYTES // 200))[:PIECE_BYTES]
FIELDS = b"".join(b"%b: %b\r\n" % pair for pair in NAVIGATION)


class Sum:
    """How many bytes, and their CRC-32."""

    def __init__(self) -> None:
        self.length = self.crc = 0

    def add(self, data: bytes | memoryview) -> None:
        self.length += len(data)
        self.crc = zlib.crc32(data, self.crc)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sum) and (self.length, self.crc) == (other.length, other.crc)


def send(wire: Wire, first: bytes = b"") -> Sum:
    """`first` and as many pieces as make TOTAL_BYTES."""
    sent = Sum()
    while sent.length < TOTAL_BYTES:
        piece = (first if first and not sent.length else PIECE)[: TOTAL_BYTES - sent.length]
        wire.send(piece)
        sent.add(piece)
    return sent


def receive(wire: Wire, count: int, first: bytes = b"") -> Sum:
    """`first`, and `count` bytes more, of which some may have been read already; fewer where the stream ends."""
    came = Sum()
    came.add(first)
    count += len(first)
    came.add(wire.exactly(min(count - came.length, len(wire.buffer))))
    buffer = memoryview(bytearray(PIECE_BYTES))
    while came.length < count and (size := wire.sock.recv_into(buffer, min(PIECE_BYTES, count - came.length))):
        came.add(buffer[:size])
    return came


class Site:
    """Takes an upload, and gives a file or a page of that size."""

    def __init__(self) -> None:
        self.sent = self.came = Sum()

    def __call__(self, wire: Wire, seen: Seen) -> bool:
        wire.sock.settimeout(60)
        if lengths := seen.all(b"content-length"):
            self.came = receive(wire, int(lengths[0]))
            wire.send(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
            return True
        kind, first = (b"text/html", HEAD) if b"/page" in seen.line else (b"application/octet-stream", b"")
        total = len(first or b"small") if b"/warm" in seen.line else TOTAL_BYTES
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n" % (kind, total))
        if b"/warm" in seen.line:
            wire.send(first or b"small")
        else:
            self.sent = send(wire, first)
        return True


@contextmanager
def two_gigabytes(where: Path) -> Iterator[tuple[Site, Serving, Wire]]:
    """A site, footfall in front of it, and a connection; at the end, the peak of memory in between is judged."""
    handle = Site()
    with origin(handle, reads_body=False) as site, serving(where, site.port) as served:
        visitor = Visitor(served.port)
        for _ in range(20):
            visitor.navigate(b"/page/warm")
            visitor.load(b"/warm")
        visitor.close()
        wire = Wire(socket.create_connection(("127.0.0.1", served.port)))
        wire.sock.settimeout(60)
        (worker,) = served.children("worker")
        Path(f"/proc/{worker}/clear_refs").write_text("5")
        before = memory(worker, "VmRSS")
        yield handle, served, wire
        grown = memory(worker, "VmHWM") - before
        print(f"{grown / 1024**2:.1f} MiB more at the peak")
        assert grown < GROWTH_BYTES, grown


def memory(pid: int, name: str) -> int:
    """Bytes that a process holds: VmRSS now, VmHWM at its peak since clear_refs was told 5 (proc(5))."""
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(f"{name}:")]
    return int(line.split()[1]) * 1024


def test_s2_two_gigabytes_down(tmp_path: Path) -> None:
    with two_gigabytes(tmp_path) as (site, _, wire):
        wire.send(b"GET /file HTTP/1.1\r\nHost: shop.example\r\n\r\n")
        line, fields = wire.head()
        assert line.startswith(b"HTTP/1.1 200") and (b"content-length", b"%d" % TOTAL_BYTES) in fields
        came = receive(wire, TOTAL_BYTES)
        assert eventually(lambda: site.sent == came)


def test_s2_a_page_of_two_gigabytes_with_its_tag(tmp_path: Path) -> None:
    with two_gigabytes(tmp_path) as (site, served, wire):
        wire.send(b"GET /page HTTP/1.1\r\nHost: shop.example\r\n%b\r\n" % FIELDS)
        _, fields = wire.head()
        [length] = [int(value) for name, value in fields if name == b"content-length"]
        tagged = wire.exactly(len(HEAD) + length - TOTAL_BYTES)
        assert TAG.sub(b"", tagged, count=1) == HEAD
        came = receive(wire, TOTAL_BYTES - len(HEAD), HEAD)
        assert eventually(lambda: site.sent == came)
    assert [visit["params"]["uri"] for visit in stored(served.store, "page.visit")][-1] == "http://shop.example/page"


def test_s2_two_gigabytes_up(tmp_path: Path) -> None:
    with two_gigabytes(tmp_path) as (site, _, wire):
        wire.send(b"PUT /file HTTP/1.1\r\nHost: shop.example\r\nContent-Length: %d\r\n\r\n" % TOTAL_BYTES)
        sent = send(wire)
        assert wire.answer("PUT").status == 201
        assert site.came == sent
