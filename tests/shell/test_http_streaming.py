"""Bodies on their way: streaming, back-pressure, what a body cut short looks like, and who notices who has left."""

import socket
import threading
import time

import pytest
from wire import Seen, Wire, always, eventually, ok, origin, proxy_process, proxying

REQUEST = b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n"
STALL_BYTES = 300 * 1024 * 1024
LONG_BYTES = 256 * 1024 * 1024
GROWTH_BYTES = 2 * 1024 * 1024
WARMING_BYTES = 16 * 1024 * 1024
"""What is sent before memory is first looked at, so that the buffers of a connection and what the allocator rounds up
are in both figures."""


@pytest.mark.parametrize(
    "upload",
    [
        b"Content-Length: 1000\r\n\r\nhalf",
        b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n",
    ],
)
def test_t4_an_upload_broken_off_never_looks_whole_upstream(upload: bytes) -> None:
    with origin(always(ok())) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        wire.send(b"POST /order HTTP/1.1\r\nHost: a\r\n" + upload)
        assert eventually(lambda: site.seen)
        wire.close()
        assert eventually(lambda: site.live == 0)
        assert site.seen[0].body in (b"half", b"") and not site.seen[0].whole
        assert proxy.get().status == 200


def test_t4_an_upload_that_becomes_malformed_never_looks_whole_upstream() -> None:
    with origin(always(ok())) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        wire.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
        assert eventually(lambda: site.seen)
        wire.send(b"zz\r\n")
        assert wire.answer().status == 400
        assert eventually(lambda: site.live == 0)
        assert not site.seen[0].whole


TRUNCATED = [
    b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n8\r\nabc",
]


@pytest.mark.parametrize("data", TRUNCATED)
@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
def test_t12_a_truncated_body_looks_truncated(data: bytes, version: bytes) -> None:
    with origin(always(data, keep=False)) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        wire.send(b"GET / HTTP/%b\r\nHost: a\r\n\r\n" % version)
        answer = wire.answer()
        assert answer.status == 200 and not answer.whole
        assert answer.body == b"abc" or version == b"1.0"


def test_t12_a_reset_in_a_body_without_length_looks_truncated() -> None:
    def handle(wire: Wire, seen: Seen) -> bool:
        wire.send(b"HTTP/1.1 200 OK\r\n\r\nabc")
        arrived.wait(5)
        wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        return False

    arrived = threading.Event()
    with origin(handle) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        wire.send(REQUEST)
        wire.head()
        arrived.set()
        assert wire.chunks() == (b"abc", False)


def test_t14_cancelled_requests_leak_no_connection() -> None:
    def handle(wire: Wire, seen: Seen) -> bool:
        if b"/slow" in seen.line:
            return not wire.is_closed()
        wire.send(ok())
        return True

    with origin(handle) as site, proxying(site.url) as proxy:
        upstream = proxy.upstream
        assert upstream is not None
        for _ in range(60):
            wires = [proxy.connect() for _ in range(12)]
            for wire in wires:
                wire.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
            for wire in wires:
                wire.close()
        for _ in range(100):
            assert proxy.get().status == 200
        assert eventually(lambda: upstream.busy_connections == 0), repr(upstream)
        assert eventually(lambda: site.live == upstream.open_connections), (site.live, repr(upstream))


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: 1\n\n"])
def test_t15_upstream_is_let_go_within_a_second_of_the_visitor(start: bytes) -> None:
    def handle(wire: Wire, seen: Seen) -> bool:
        wire.send(start) if start else None
        asked.set()
        wire.is_closed()
        left.append(time.monotonic())
        return False

    asked, left = threading.Event(), []
    with origin(handle) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        wire.send(REQUEST)
        assert asked.wait(5)
        if start:
            wire.head()
        closed = time.monotonic()
        wire.close()
        assert eventually(lambda: left)
        assert left[0] - closed < 1.0
        assert proxy.upstream is not None and eventually(lambda: proxy.upstream.open_connections == 0)  # type: ignore[union-attr]


@pytest.mark.parametrize("seconds", [0.0, 0.1], ids=["at once", "soon"])
def test_t15_little_of_a_long_answer_is_read_for_a_visitor_who_has_left(seconds: float) -> None:
    """However short his request has been under way. The kernels' buffers at all four ends may hold some 40 MB."""

    def handle(wire: Wire, seen: Seen) -> bool:
        wire.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % LONG_BYTES)
        try:
            for _ in range(LONG_BYTES // len(piece)):
                wire.send(piece)
                sent.append(len(piece))
        except OSError:
            left.set()
        return False

    piece, sent, left = bytes(1024 * 1024), list[int](), threading.Event()
    with origin(handle) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        wire.send(REQUEST)
        wire.head()
        time.sleep(seconds)
        wire.close()
        assert left.wait(5), "all of it was read"
        assert sum(sent) < LONG_BYTES // 4
        assert eventually(lambda: proxy.upstream.open_connections == 0)  # type: ignore[union-attr]


@pytest.mark.parametrize("count", [2, 16])
def test_t15_a_visitor_who_leaves_with_more_requests_waiting_is_noticed(count: int) -> None:
    def handle(wire: Wire, seen: Seen) -> bool:
        wire.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: 1\n\n")
        wire.is_closed()
        left.append(time.monotonic())
        return False

    left: list[float] = []
    with origin(handle) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        wire.send(REQUEST * count)
        wire.until(b"data: 1")
        closed = time.monotonic()
        wire.close()
        assert eventually(lambda: left) and left[0] - closed < 1.0
        assert proxy.upstream is not None and eventually(lambda: proxy.upstream.open_connections == 0)  # type: ignore[union-attr]
        assert len(site.seen) == 1


def test_t15_a_visitor_who_leaves_while_upstream_connects_is_noticed() -> None:
    with _full_listener() as port, proxying(f"http://127.0.0.1:{port}") as proxy:
        upstream = proxy.upstream
        assert upstream is not None
        wire = proxy.connect()
        wire.send(REQUEST)
        assert eventually(lambda: upstream.busy_connections == 1)
        wire.close()
        assert eventually(lambda: upstream.open_connections == 0, 1.5)


def _full_listener():  # type: ignore[no-untyped-def]
    """A port that neither accepts nor refuses: its queue of connections is full."""
    import contextlib

    @contextlib.contextmanager
    def full():  # type: ignore[no-untyped-def]
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
            fillers.append(filler)
        try:
            yield listener.getsockname()[1]
        finally:
            for one in (*fillers, listener):
                one.close()

    return full()


def test_s3_no_connection_in_time_is_a_504() -> None:
    with _full_listener() as port, proxying(f"http://127.0.0.1:{port}", connect_seconds=0.5) as proxy:
        started = time.monotonic()
        assert proxy.get().status == 504
        assert time.monotonic() - started < 2


@pytest.mark.parametrize("chunked", [True, False])
def test_s1_every_piece_is_there_within_50_ms(chunked: bool) -> None:
    sent: list[float] = []
    go = threading.Event()

    def handle(wire: Wire, seen: Seen) -> bool:
        framing = b"transfer-encoding: chunked\r\n" if chunked else b""
        wire.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n" + framing + b"\r\n")
        for _ in range(5):
            go.wait(5)
            go.clear()
            sent.append(time.monotonic())
            wire.send(b"9\r\ndata: 1\n\n\r\n" if chunked else b"data: 1\n\n")
        wire.send(b"0\r\n\r\n") if chunked else None
        return chunked

    with origin(handle) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        wire.send(REQUEST)
        wire.head()  # alone, before any body exists
        delays = []
        for _ in range(5):
            go.set()
            wire.until(b"data: 1\n\n\r\n")
            delays.append(time.monotonic() - sent[-1])
        assert sorted(delays)[2] < 0.05, delays
        assert wire.chunks() == (b"", True)


def test_s2_memory_stays_flat_when_the_visitor_stops_reading() -> None:
    piece = b"x" * 1024 * 1024
    sent = []

    def handle(wire: Wire, seen: Seen) -> bool:
        total = WARMING_BYTES if b"/warm" in seen.line else STALL_BYTES
        wire.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % total)
        wire.sock.settimeout(60)
        for _ in range(total // len(piece)):
            wire.send(piece)
            sent.append(len(piece))
        return True

    with origin(handle) as site, proxy_process(site.url) as process:
        warm = process.connect()
        warm.send(b"GET /warm HTTP/1.1\r\nHost: a\r\n\r\n")
        assert len(warm.answer().body) == WARMING_BYTES
        before = process.resident_bytes()
        sent.clear()
        wire = process.connect()
        wire.send(REQUEST)
        wire.head()
        assert eventually(lambda: sum(sent) > 0)
        peak = []
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            peak.append(process.resident_bytes() - before)
            threading.Event().wait(0.05)
        assert sum(sent) < STALL_BYTES / 4
        assert max(peak) < GROWTH_BYTES, max(peak)
        wire.close()


def test_s2_memory_stays_flat_when_upstream_stops_reading() -> None:
    stop = threading.Event()

    def handle(wire: Wire, seen: Seen) -> bool:
        if b"/warm" in seen.line:
            wire.exactly(WARMING_BYTES)
            wire.send(ok())
            return True
        stop.wait(20)
        return False

    piece = b"x" * 1024 * 1024
    with origin(handle, reads_body=False) as site, proxy_process(site.url) as process:
        warm = process.connect()
        warm.send(b"PUT /warm HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % WARMING_BYTES)
        warm.send(b"x" * WARMING_BYTES)
        assert warm.answer().status == 200
        before = process.resident_bytes()
        wire = process.connect()
        wire.sock.settimeout(1)
        wire.send(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % STALL_BYTES)
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < STALL_BYTES:
                wire.send(piece)
                sent += len(piece)
        assert sent < STALL_BYTES / 4
        assert process.resident_bytes() - before < GROWTH_BYTES
        wire.close()
        stop.set()


def test_s2_an_upload_that_waits_for_its_turn_is_read_no_further_than_any_other() -> None:
    def handle(wire: Wire, seen: Seen) -> bool:
        if seen.line.startswith(b"GET"):
            turn.wait(20)
        else:
            left = total - len(wire.buffer)
            wire.buffer = b""
            while left > 0 and (piece := wire.sock.recv(1024 * 1024)):
                left -= len(piece)
            lefts.append(left)
        wire.send(ok())
        return True

    lefts: list[int] = []
    turn, total = threading.Event(), 64 * 1024 * 1024  # far more than the kernels on the way hold
    with origin(handle, reads_body=False) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        wire.send(REQUEST * 3 + b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % total)
        wire.sock.settimeout(1)
        piece, sent = memoryview(bytes(1024 * 1024)), 0
        with pytest.raises(TimeoutError):
            while sent < total:
                sent += wire.sock.send(piece[: total - sent])
        assert sent < total / 2
        turn.set()
        wire.sock.settimeout(20)
        while sent < total:
            sent += wire.sock.send(piece[: total - sent])
        assert [wire.answer().status for _ in range(4)] == [200] * 4
    assert lefts == [0]


def test_s2_expect_continue_is_answered_only_once_upstream_is_there() -> None:
    fields = b"Host: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
    with origin(always(ok())) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        wire.send(b"POST / HTTP/1.1\r\n" + fields)
        assert wire.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert eventually(lambda: site.connections == 1)
        wire.send(b"hello")
        assert wire.answer().status == 200
        assert site.seen[0].body == b"hello" and site.seen[0].all(b"expect") == []
        wire.send(REQUEST)
        assert wire.answer().status == 200
        port = site.port
    with proxying(f"http://127.0.0.1:{port}") as proxy:
        wire = proxy.connect()
        wire.send(b"POST / HTTP/1.1\r\n" + fields)
        line, answered = wire.head()
        assert line.startswith(b"HTTP/1.1 502") and (b"connection", b"close") in answered


def test_s2_expect_continue_of_a_get_with_a_body_is_answered() -> None:
    with origin(always(ok())) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        wire.send(b"GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        assert wire.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        wire.send(b"hello")
        assert wire.answer().status == 200
    assert site.seen[0].body == b"hello"


@pytest.mark.parametrize("length", [b"", b"Content-Length: 0\r\n"])
def test_s2_expect_continue_without_a_body_leaves_the_connection_as_it_is(length: bytes) -> None:
    with origin(always(ok())) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        for _ in range(2):
            wire.send(b"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n" + length + b"\r\n")
            line, fields = wire.head()
            assert line == b"HTTP/1.1 200 OK" and (b"connection", b"close") not in fields
            assert wire.exactly(5) == b"hello"


def test_f3_an_early_answer_to_an_upload_is_passed_on_and_its_connection_not_reused() -> None:
    data = b"HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nbig"
    with origin(always(data), reads_body=False) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        wire.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nstart")
        answer = wire.answer()
        assert (answer.status, answer.body) == (413, b"big")
        assert proxy.upstream is not None and proxy.upstream.open_connections == 0
        # The rest of the upload is read and dropped, and the connection goes on behind it.
        wire.send(b"y" * (100000 - 5) + REQUEST)
        assert wire.answer().status == 413
    assert [seen.line for seen in site.seen] == [b"POST / HTTP/1.1", b"GET / HTTP/1.1"]


def test_f3_an_endless_upload_after_its_answer_is_cut() -> None:
    early = always(b"HTTP/1.1 413 X\r\ncontent-length: 0\r\n\r\n")
    with origin(early, reads_body=False) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        wire.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\nstart")
        assert wire.answer().status == 413
        with pytest.raises(OSError):
            for _ in range(64):
                wire.send(b"y" * 1024 * 1024)


def test_an_answer_streams_while_the_upload_still_runs() -> None:
    def handle(wire: Wire, seen: Seen) -> bool:
        wire.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        for _ in range(3):
            wire.until(b"\r\n")
            piece = wire.exactly(3)
            wire.send(b"1\r\n" + piece)
        wire.until(b"0\r\n\r\n")
        wire.send(b"0\r\n\r\n")
        return True

    with origin(handle, reads_body=False) as site, proxying(site.url) as proxy:
        wire = proxy.connect()
        wire.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        wire.head()
        for letter in (b"a", b"b", b"c"):
            wire.send(b"1\r\n" + letter + b"\r\n")
            assert wire.until(letter + b"\r\n") == b"1\r\n" + letter + b"\r\n"
        wire.send(b"0\r\n\r\n")
        assert wire.chunks() == (b"", True)
