"""Pages that pass piece by piece: begun on the fast path they end as on the ordinary one, whatever happens then."""

import contextlib
import select
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from test_fastpath import BASE, DATE, HTML, PAGE_ID, Side, answer, cookie_of, page, passed, request, side
from test_store_trouble import locked
from wire import Seen, Wire, eventually

from proxy.config import Config
from proxy.http.exchange import HIGH_WATER
from proxy.http.upstream import Upstream
from proxy.tracking.fastpath import Asker
from proxy.visitors.ids import PAGE_ID_CHARS

assert passed  # the fixture

PIECE = 20_000
LARGE = page(100_000)
HUGE = page(12_000_000)
RESET = struct.pack("ii", 1, 0)
"""Of SO_LINGER: a close resets."""
FRAMINGS = pytest.mark.parametrize("framing", ["length", "chunked", "close"])
PATIENT = replace(BASE, store=replace(BASE.store, hold_ms=20_000))


class Pieces:
    """A site whose page comes as it is told to: whole at first, then its head with one piece, then one by one, and last
    what ends it, if its framing has that."""

    def __init__(self, body: bytes = LARGE, size: int = PIECE, framing: str = "length") -> None:
        self.body, self.framing = body, framing
        pieces = [body[at : at + size] for at in range(0, len(body), size)]
        head = answer(body=body).removesuffix(body)
        if framing == "chunked":
            head = b"HTTP/1.1 200 OK\r\n%b%btransfer-encoding: chunked\r\n\r\n" % (DATE, HTML)
            pieces = [*(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces), b"0\r\n\r\n"]
        elif framing == "close":
            head = b"HTTP/1.1 200 OK\r\n%b%bconnection: close\r\n\r\n" % (DATE, HTML)
        self.parts = [head + pieces[0], *pieces[1:]]
        self.go_on = threading.Semaphore(0)
        self.asked = 0
        self.breaks = self.is_at_once = self.is_left = False

    def __call__(self, wire: Wire, seen: Seen) -> bool:
        self.asked += 1
        wire.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.asked == 1 or self.is_at_once:
            wire.sock.settimeout(None)
            wire.send(b"".join(self.parts))
            return self.framing != "close"
        wire.send(self.parts[0])
        for part in self.parts[1:]:
            if not self._may_go_on(wire):
                return False
            wire.send(part)
        if self.framing == "close":
            self._may_go_on(wire)
        return self.framing != "close"

    def _may_go_on(self, wire: Wire) -> bool:
        for _ in range(200):
            if self.go_on.acquire(timeout=0.05):
                break
            if select.select([wire.sock], [], [], 0)[0] and not wire.sock.recv(1, socket.MSG_PEEK):
                self.is_left = True
                return False
        if self.breaks and self.framing == "close":
            wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        return not self.breaks


class Body:
    """What comes of one, whatever its framing: `length` bytes once all is there."""

    def __init__(self, wire: Wire, fields: list[tuple[bytes, bytes]], length: int) -> None:
        self.wire, self.length = wire, length
        self._is_chunked = dict(fields).get(b"transfer-encoding") == b"chunked"
        self._left = 0
        assert self._is_chunked or int(dict(fields)[b"content-length"]) == length

    def take(self, count: int) -> bytes:
        """So much of it; less where it ends before."""
        if not self._is_chunked:
            return self.wire.exactly(count)
        got = b""
        with contextlib.suppress(ConnectionError):
            while len(got) < count:
                self._left = self._left or int(self.wire.until(b"\r\n"), 16)
                piece = self.wire.exactly(min(self._left, count - len(got)))
                if not piece:
                    break
                got, self._left = got + piece, self._left - len(piece)
                if not self._left:
                    self.wire.until(b"\r\n")
        return got

    def rest(self) -> bytes:
        """All that is still to come, to a sound end."""
        got = self.take(self.length)
        if self._is_chunked:
            assert self.wire.exactly(5) == b"0\r\n\r\n"
        return got


@contextlib.contextmanager
def begun(
    passed: list[bytes], where: Path, site: Pieces, config: Config = BASE, *, fast: bool = True
) -> Iterator[tuple[Side, Wire, Body]]:
    """A page of which the visitor has the head, and the site has sent a piece."""
    with side(where, fast=fast, site=site, config=config) as one:
        wire, body = begin(passed, one, site)
        yield one, wire, body
        wire.close()
        for _ in site.parts:
            site.go_on.release()


def begin(passed: list[bytes], one: Side, site: Pieces) -> tuple[Wire, Body]:
    told, _ = request("page", b"/plain", cookie_of(1))
    wire = one.served.connect()
    length = whole(one, wire, site)
    passed.clear()
    wire.send(told)
    body = Body(wire, wire.head()[1], length)
    assert one.front is None or eventually(lambda: passed == [b"/plain"])
    return wire, body


def whole(one: Side, wire: Wire, site: Pieces) -> int:
    """How long the page is that comes at once."""
    told, method = request("page", b"/plain", cookie_of(1))
    *_, body, read, is_whole = one.ask(wire, told, method)
    assert is_whole and read == (True, False, False)
    return len(body) + len(b'data-page=""') + PAGE_ID_CHARS


def is_tagged(body: bytes, site: Pieces) -> bool:
    tag = PAGE_ID.search(body)
    assert tag is not None
    start = body.rindex(b"<script", 0, tag.start())
    return body[:start] + body[body.index(b"</script>", start) + 9 :] == site.body


@FRAMINGS
def test_what_has_come_goes_before_the_rest_has(tmp_path: Path, passed: list[bytes], framing: str) -> None:
    site = Pieces(framing=framing)
    with begun(passed, tmp_path / "one", site) as (one, wire, body):
        start = body.take(PIECE)
        assert PAGE_ID.search(start)
        assert eventually(lambda: len(one.rows(b"/plain")) == 3)  # the visit is recorded with the beginning
        for _ in range(2):
            site.go_on.release()
            start += body.take(PIECE)
        for _ in range(9):
            site.go_on.release()
        body.length -= len(start)
        assert is_tagged(start + body.rest(), site)
        told, method = request("page", b"/plain", cookie_of(1))
        site.is_at_once = True
        assert one.ask(wire, told, method)[-1]  # the connection goes on
        assert framing == "close" or one.site.connections == 1  # and so does the one to the site


def test_what_follows_waits_for_its_turn(tmp_path: Path, passed: list[bytes]) -> None:
    site = Pieces()
    with begun(passed, tmp_path / "one", site) as (_, wire, body):
        told, _ = request("page", b"/plain", cookie_of(1))
        wire.send(told)
        time.sleep(0.05)
        assert site.asked == 2
        for _ in range(20):
            site.go_on.release()
        assert is_tagged(body.rest(), site)
        got = wire.answer()
        assert got.status == 200 and is_tagged(got.body, site)


def left(one: Side) -> Any:
    return one.rows(b"/plain"), one.outcomes()


@FRAMINGS
def test_a_visitor_who_leaves_is_not_read_for(tmp_path: Path, passed: list[bytes], framing: str) -> None:
    """T15: after half a second what goes on for nobody is given up."""
    found = []
    for fast in (True, False):
        site = Pieces(framing=framing)
        with begun(passed, tmp_path / str(fast), site, fast=fast) as (one, wire, body):
            body.take(1_000)
            wire.close()
            assert eventually(lambda: site.is_left)  # noqa: B023
            assert eventually(lambda: sum(one.outcomes().values()) == 2)
            found.append(left(one))
    assert found[0] == found[1]


def upstream_of(one: Side) -> Upstream:
    assert one.front is not None
    return one.front.fast.forwarder._upstream


def test_what_ends_before_leaves_the_connection_to_others(
    tmp_path: Path, passed: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxy.http.upstream._WATCH_TICKS", 1_000)
    for size in (PIECE, len(LARGE) - 1):
        site = Pieces(size=size)
        with begun(passed, tmp_path / str(size), site) as (one, wire, _):
            wire.close()
            for _ in range(20):
                site.go_on.release()
            assert eventually(lambda: upstream_of(one).busy_connections == 0)
            site.is_at_once = True
            other = one.served.connect()
            told, method = request("page", b"/plain", cookie_of(1))
            assert one.ask(other, told, method)[-1]
            other.close()
            assert one.site.connections == 1


@FRAMINGS
def test_a_site_that_breaks_off_is_not_repaired(tmp_path: Path, passed: list[bytes], framing: str) -> None:
    found = []
    for fast in (True, False):
        site = Pieces(framing=framing)
        with begun(passed, tmp_path / str(fast), site, fast=fast) as (one, wire, body):
            site.go_on.release()
            body.take(PIECE * 2)
            site.breaks = True
            site.go_on.release()
            rest = body.take(body.length)
            assert wire.is_closed()
            assert eventually(lambda: sum(one.outcomes().values()) == 2)
            found.append((len(rest), left(one)))
    assert found[0] == found[1]


@FRAMINGS
@pytest.mark.parametrize("ends", [True, False])
def test_a_server_that_stops_meanwhile(tmp_path: Path, passed: list[bytes], ends: bool, framing: str) -> None:
    """It waits for the page, but not for ever."""
    found = []
    for fast in (True, False):
        site = Pieces(framing=framing)
        with side(tmp_path / str(fast), fast=fast, site=site) as one:
            wire, body = begin(passed, one, site)
            for _ in range(20 if ends else 0):
                threading.Timer(0.3, site.go_on.release).start()
            stopping = time.monotonic()
        assert time.monotonic() - stopping < 8
        got = body.rest() if ends else body.take(body.length)
        assert wire.is_closed()
        wire.close()
        assert is_tagged(got, site) if ends else PIECE <= len(got) < len(LARGE)
        found.append(left(one))
    assert found[0] == found[1]


@FRAMINGS
@pytest.mark.parametrize("reads_on", [True, False])
def test_a_visitor_who_is_slow_slows_the_site(
    tmp_path: Path, passed: list[bytes], reads_on: bool, framing: str
) -> None:
    """What he does not take is not read, and nothing is lost."""
    site = Pieces(HUGE, len(HUGE), framing)
    site.is_at_once = True
    with side(tmp_path / "one", fast=True, site=site) as one:
        told, _ = request("page", b"/plain", cookie_of(1))
        wire = one.served.connect()
        length = whole(one, wire, site)
        wire.close()
        passed.clear()
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
        sock.connect(("127.0.0.1", one.served.port))
        wire = Wire(sock)
        wire.send(told)
        body = Body(wire, wire.head()[1], length)
        assert eventually(lambda: passed == [b"/plain"])
        upstream = upstream_of(one)
        (exchange,) = [one.exchange for one in upstream._connections if one.exchange is not None]
        assert eventually(lambda: exchange.is_paused) and exchange.buffered <= 2 * HIGH_WATER
        if reads_on:
            come = bytearray(wire.buffer)
            while len(come) < length or (framing != "length" and not come.endswith(b"0\r\n\r\n")):
                come += wire.sock.recv(1 << 20)
            wire.buffer = bytes(come)
            assert is_tagged(body.rest(), site)
        wire.close()
        assert eventually(lambda: upstream.busy_connections == 0)
        assert eventually(lambda: len(one.rows(b"/plain")) == 3)


@FRAMINGS
def test_the_end_of_a_page_waits_for_its_commit(tmp_path: Path, passed: list[bytes], framing: str) -> None:
    """Where that is late all goes but for the last byte, or for what says that it was the last one."""
    site = Pieces(framing=framing)
    with side(tmp_path / "one", fast=True, site=site, config=PATIENT) as one:
        told, _ = request("page", b"/plain", cookie_of(1))
        wire = one.served.connect()
        length = whole(one, wire, site)
        passed.clear()
        with locked(one.config.store_path):
            wire.send(told)
            body = Body(wire, wire.head()[1], length)
            for _ in range(len(site.parts) - 1 - (framing == "chunked")):
                site.go_on.release()
            got = body.take(length - (framing == "length"))
            assert len(got) == length - (framing == "length") and not wire.buffer and passed
            site.go_on.release()  # what ends it, where it is not its length
            wire.sock.settimeout(0.1)
            with pytest.raises(TimeoutError):
                wire.fill()
        wire.sock.settimeout(10)
        body.length -= len(got)
        assert is_tagged(got + body.rest(), site)
        wire.close()


def test_a_last_piece_of_some_size_does_not_wait_whole(
    tmp_path: Path, passed: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxy.tracking.heads.TICK_SECONDS", 60)  # nothing is let go by the clock
    monkeypatch.setattr("proxy.tracking.fastpath.HOLD_SHORTLY_BYTES", PIECE // 100)
    site = Pieces()
    with begun(passed, tmp_path / "one", site, PATIENT) as (one, wire, body), locked(one.config.store_path):
        told, _ = request("page", b"/plain", cookie_of(1))
        for _ in site.parts:
            site.go_on.release()
        assert is_tagged(body.rest(), site)  # its visit was stored before
        wire.send(told)
        body = Body(wire, wire.head()[1], body.length)
        for _ in site.parts:
            site.go_on.release()
        assert len(body.take(body.length - 1)) == body.length - 1
        wire.sock.settimeout(0.1)
        with pytest.raises(TimeoutError):
            wire.fill()


@FRAMINGS
def test_who_leaves_while_the_end_is_held_holds_nothing(
    tmp_path: Path, passed: list[bytes], monkeypatch: pytest.MonkeyPatch, framing: str
) -> None:
    monkeypatch.setattr("proxy.tracking.heads.TICK_SECONDS", 60)  # nothing is let go by the clock
    site = Pieces(framing=framing)
    with side(tmp_path / "one", fast=True, site=site, config=PATIENT) as one:
        told, method = request("page", b"/plain", cookie_of(1))
        wire = one.served.connect()
        assert one.ask(wire, told, method)[-1] and one.front is not None
        tracking = one.front.fast._askers._tracking  # type: ignore[attr-defined]
        passed.clear()
        with locked(one.config.store_path):
            wire.send(told)
            wire.head()
            for _ in range(20):
                site.go_on.release()
            assert eventually(lambda: tracking.recorder._waiters and tracking.heads._fresh) and passed
            wire.close()
        assert eventually(lambda: len(one.rows(b"/plain")) == 3)
        assert eventually(lambda: not (tracking.heads._fresh or tracking.recorder._waiters))


@FRAMINGS
def test_a_visitor_who_says_no_more_gets_all_of_it(
    tmp_path: Path, passed: list[bytes], monkeypatch: pytest.MonkeyPatch, framing: str
) -> None:
    monkeypatch.setattr("proxy.http.halfclosed.HALF_CLOSED_SECONDS", 5)
    site = Pieces(framing=framing)
    with begun(passed, tmp_path / "one", site) as (_, wire, body):
        wire.sock.shutdown(socket.SHUT_WR)
        for _ in range(20):
            site.go_on.release()
        assert is_tagged(body.rest(), site) and wire.is_closed()


@FRAMINGS
def test_a_place_that_is_not_in_the_first_piece(tmp_path: Path, passed: list[bytes], framing: str) -> None:
    site = Pieces(page(2_000), 20, framing)
    with side(tmp_path / "one", fast=True, site=site) as one:
        told, method = request("page", b"/plain", cookie_of(1))
        wire = one.served.connect()
        assert one.ask(wire, told, method)[-1]
        passed.clear()
        wire.send(told)
        assert eventually(lambda: any(one.exchange and one.exchange.status for one in upstream_of(one)._connections))
        for _ in site.parts:
            site.go_on.release()
        got = wire.answer()
        assert got.whole and is_tagged(got.body, site) and not passed
        wire.close()


def test_a_fault_of_ours_ends_the_page_and_nothing_else(
    tmp_path: Path, passed: list[bytes], monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    site = Pieces()
    with begun(passed, tmp_path / "one", site) as (one, wire, body):
        hold = Asker.hold
        monkeypatch.setattr(Asker, "hold", lambda *_: 1 // 0)
        for _ in range(20):
            site.go_on.release()
        assert len(body.take(body.length)) < body.length and wire.is_closed()
        assert "a page could not be sent" in caplog.text
        monkeypatch.setattr(Asker, "hold", hold)
        site.is_at_once = True
        other = one.served.connect()
        told, method = request("page", b"/plain", cookie_of(1))
        assert one.ask(other, told, method)[-1]
        other.close()
