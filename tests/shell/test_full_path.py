"""The whole path under visitors who stop reading or leave: gate, tracking, tag, recorder and forwarder together.

The same is shown for the forwarder alone in test_http_streaming.py.
"""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_store_trouble import locked
from whole import NAVIGATION, TAG, Serving, Visitor, outcomes, serving, sites, stored, untagged
from wire import Seen, Wire, eventually, origin

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")

STALLED_MEGABYTES = 300
GROWTH_BYTES = 2 * 1024 * 1024
STALL_SECONDS = 3.0
ROUNDS, CANCELLED = 84, 120
"""10,080 visitors in all who do not wait."""
KEPT = 12
"""More connections to upstream than the requests of one visitor at a time need."""
FIELDS = b"".join(b"%b: %b\r\n" % pair for pair in NAVIGATION)


def request(target: bytes) -> bytes:
    return b"GET %b HTTP/1.1\r\nHost: shop.example\r\n%b\r\n" % (target, FIELDS)


def connect(served: Serving) -> Wire:
    return Wire(socket.create_connection(("127.0.0.1", served.port)))


@pytest.fixture(scope="module")
def large() -> Iterator[int]:
    with sites() as port:
        yield port


@pytest.mark.parametrize("kind", [b"/large", b"/coded", b"/download"], ids=["page", "coded page", "download"])
def test_s2_memory_stays_flat_when_a_visitor_stops_reading(tmp_path: Path, large: int, kind: bytes) -> None:
    with serving(tmp_path, large) as served:
        warm = Visitor(served.port)
        for _ in range(20):
            warm.navigate(b"/page")
        for _ in range(2):
            warm.navigate(kind + b"?megabytes=4")
        before = served.resident_bytes()
        wire = connect(served)
        wire.send(request(kind + b"?megabytes=%d" % STALLED_MEGABYTES))
        line, _ = wire.head()
        assert line.startswith(b"HTTP/1.1 200")
        peak, slowest = 0, 0.0
        deadline = time.monotonic() + STALL_SECONDS
        while time.monotonic() < deadline:
            begun = time.monotonic()
            assert warm.navigate(b"/page").status == 200  # the others are served meanwhile
            slowest = max(slowest, time.monotonic() - begun)
            peak = max(peak, served.resident_bytes() - before)
            threading.Event().wait(0.02)
        print(f"{kind.decode()}: {peak / 1024:.0f} KiB more, slowest page of another visitor {slowest * 1000:.0f} ms")
        if kind == b"/large":
            assert TAG.search(wire.exactly(4096))
        wire.close()
        assert peak < GROWTH_BYTES, peak
        assert slowest < 1.0
    visits = stored(served.store, "page.visit")
    assert len([visit for visit in visits if "megabytes=300" in str(visit["params"])]) == (kind != b"/download")


class Site:
    """`/slow` never answers, `/half` stops in the middle of a page, everything else is a page."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.held = 0

    def __call__(self, wire: Wire, seen: Seen) -> bool:
        body = b"<!doctype html><meta charset=utf-8><title>a</title><p>" + b"x" * 4000
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: %d\r\n\r\n" % len(body)
        if b"/slow" not in seen.line and b"/half" not in seen.line:
            wire.send(head + body)
            return True
        if b"/half" in seen.line:
            wire.send(head + body[:2000])
        with self.lock:
            self.held += 1
        try:
            return not wire.is_closed()
        finally:
            with self.lock:
                self.held -= 1


def leave(served: Serving, site: Site, number: int) -> None:
    """Visitors who leave: at once, once they have a page's head, or once upstream is busy with them."""
    wires = [connect(served) for _ in range(CANCELLED)]
    targets = [b"/slow", b"/half", b"/page"]
    for count, wire in enumerate(wires):
        wire.send(request(targets[count % 3]))
    if number % 3 == 1:
        for wire in wires[1::3]:
            wire.head()
    elif number % 3 == 2:
        assert eventually(lambda: site.held == 2 * CANCELLED // 3)
    for wire in wires:
        wire.close()


def test_t14_cancelled_requests_leak_nothing_on_the_whole_path(tmp_path: Path) -> None:
    handle = Site()
    with origin(handle) as site, serving(tmp_path, site.port) as served:
        for number in range(ROUNDS):
            leave(served, handle, number)
        visitor = Visitor(served.port)
        for _ in range(100):
            assert untagged(visitor.navigate(b"/page").body)[1] is not None
        assert eventually(lambda: handle.held == 0), handle.held
        # What is left are connections kept for the next request; those that were cancelled are closed.
        assert eventually(lambda: site.live <= KEPT), site.live
        live = site.live
        for _ in range(100):
            Visitor(served.port).navigate(b"/page")
        assert eventually(lambda: site.live <= live), (site.live, live)
        (worker,) = served.children("worker")
        descriptors = len(list(Path(f"/proc/{worker}/fd").iterdir()))
        assert descriptors < 50
        print(f"{live} connections to upstream kept, {descriptors} descriptors")
    counted = outcomes(served.store)
    assert counted.keys() <= {"aborted", "visit", "failed"} and counted.get("failed", 0) == 0, counted
    assert sum(counted.values()) == ROUNDS * CANCELLED + 200
    assert len(stored(served.store, "page.visit")) == counted["visit"]
    assert served.lines("Traceback") == []


def test_t15_a_visitor_who_leaves_while_the_last_byte_is_held_leaves_nothing_behind(tmp_path: Path) -> None:
    handle = Site()
    with origin(handle) as site, serving(tmp_path, site.port, store__hold_ms="2000") as served:
        Visitor(served.port).navigate(b"/page")
        with locked(served.store):
            for _ in range(5):
                wires = [connect(served) for _ in range(KEPT)]
                for wire in wires:
                    wire.send(request(b"/page"))
                for wire in wires:
                    wire.close()
        visitor = Visitor(served.port)
        for _ in range(100):
            assert untagged(visitor.navigate(b"/page").body)[1] is not None
        # Nobody aborted these: upstream had answered, so its connections are idle, and kept for the next requests.
        assert handle.held == 0 and site.live <= 5 * KEPT
    counted = outcomes(served.store)
    assert counted["visit"] + counted.get("aborted", 0) == 1 + 5 * KEPT + 100
    assert len(stored(served.store, "page.visit")) == counted["visit"]
