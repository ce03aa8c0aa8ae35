"""Pages that pass piece by piece: begun on the fast path they end as on the ordinary one, whatever happens then."""

import contextlib
import select
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from test_fastpath import BASE, PAGE_ID, Side, answer, cookie_of, page, passed, request, side
from test_store_trouble import locked
from wire import Seen, Wire, eventually

from proxy.config import Config
from proxy.http.exchange import HIGH_WATER
from proxy.http.upstream import Upstream
from proxy.tracking.fastpath import Asker

assert passed  # the fixture

PIECE = 20_000
LARGE = page(100_000)
HUGE = page(12_000_000)
PATIENT = replace(BASE, store=replace(BASE.store, hold_ms=20_000))


class Pieces:
    """A site whose page comes as it is told to: whole at first, then its head with one piece, then one by one."""

    def __init__(self, body: bytes = LARGE, size: int = PIECE) -> None:
        self.body, self.size = body, size
        self.go_on = threading.Semaphore(0)
        self.asked = self.sent = self.length = 0
        self.breaks = self.is_at_once = self.is_left = False

    def __call__(self, wire: Wire, seen: Seen) -> bool:
        self.asked += 1
        wire.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        said = answer(body=self.body)
        if self.asked == 1 or self.is_at_once:
            wire.sock.settimeout(None)
            wire.send(said)
            return True
        end = len(said) - len(self.body) + self.size
        wire.send(said[:end])
        self.sent = end
        while end < len(said):
            for _ in range(200):
                if self.go_on.acquire(timeout=0.05):
                    break
                if select.select([wire.sock], [], [], 0)[0] and not wire.sock.recv(1, socket.MSG_PEEK):
                    self.is_left = True
                    return False
            if self.breaks:
                return False
            wire.send(said[end : end + self.size])
            end += self.size
            self.sent = min(end, len(said))
        return True


@contextlib.contextmanager
def begun(
    passed: list[bytes], where: Path, site: Pieces, config: Config = BASE, *, fast: bool = True
) -> Iterator[tuple[Side, Wire]]:
    """A page of which the visitor has the head, and the site has sent a piece."""
    with side(where, fast=fast, site=site, config=config) as one:
        wire = begin(passed, one, site)
        yield one, wire
        wire.close()
        for _ in range(len(LARGE) // site.size):
            site.go_on.release()


def begin(passed: list[bytes], one: Side, site: Pieces) -> Wire:
    told, method = request("page", b"/plain", cookie_of(1))
    wire = one.served.connect()
    assert one.ask(wire, told, method)[3] == (True, False, False)
    passed.clear()
    wire.send(told)
    site.length = int(dict(wire.head()[1])[b"content-length"])
    assert site.length > len(site.body)
    assert one.front is None or eventually(lambda: passed == [b"/plain"])
    return wire


def is_tagged(body: bytes, site: Pieces) -> bool:
    tag = PAGE_ID.search(body)
    assert tag is not None
    start = body.rindex(b"<script", 0, tag.start())
    return body[:start] + body[body.index(b"</script>", start) + 9 :] == site.body


def test_what_has_come_goes_before_the_rest_has(tmp_path: Path, passed: list[bytes]) -> None:
    site = Pieces()
    with begun(passed, tmp_path / "one", site) as (one, wire):
        start = wire.exactly(PIECE)
        assert PAGE_ID.search(start)
        assert eventually(lambda: len(one.rows(b"/plain")) == 3)  # the visit is recorded with the beginning
        for _ in range(2):
            site.go_on.release()
            start += wire.exactly(PIECE)
        for _ in range(9):
            site.go_on.release()
        assert is_tagged(start + wire.exactly(site.length - len(start)), site)
        told, method = request("page", b"/plain", cookie_of(1))
        site.is_at_once = True
        assert one.ask(wire, told, method)[-1]  # the connection goes on
        assert one.site.connections == 1  # and so does the one to the site


def test_what_follows_waits_for_its_turn(tmp_path: Path, passed: list[bytes]) -> None:
    site = Pieces()
    with begun(passed, tmp_path / "one", site) as (_, wire):
        told, _ = request("page", b"/plain", cookie_of(1))
        wire.send(told)
        time.sleep(0.05)
        assert site.asked == 2
        for _ in range(20):
            site.go_on.release()
        assert is_tagged(wire.exactly(site.length), site)
        got = wire.answer()
        assert got.status == 200 and is_tagged(got.body, site)


def left(one: Side) -> Any:
    return one.rows(b"/plain"), one.outcomes()


def test_a_visitor_who_leaves_is_not_read_for(tmp_path: Path, passed: list[bytes]) -> None:
    """T15: after half a second what goes on for nobody is given up."""
    found = []
    for fast in (True, False):
        site = Pieces()
        with begun(passed, tmp_path / str(fast), site, fast=fast) as (one, wire):
            wire.exactly(1_000)
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
        with begun(passed, tmp_path / str(size), site) as (one, wire):
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


def test_a_site_that_breaks_off_is_not_repaired(tmp_path: Path, passed: list[bytes]) -> None:
    found = []
    for fast in (True, False):
        site = Pieces()
        with begun(passed, tmp_path / str(fast), site, fast=fast) as (one, wire):
            site.go_on.release()
            wire.exactly(PIECE * 2)
            site.breaks = True
            site.go_on.release()
            rest = wire.exactly(site.length)
            assert wire.is_closed()
            assert eventually(lambda: sum(one.outcomes().values()) == 2)
            found.append((len(rest), left(one)))
    assert found[0] == found[1]


@pytest.mark.parametrize("ends", [True, False])
def test_a_server_that_stops_meanwhile(tmp_path: Path, passed: list[bytes], ends: bool) -> None:
    """It waits for the page, but not for ever."""
    found = []
    for fast in (True, False):
        site = Pieces()
        with side(tmp_path / str(fast), fast=fast, site=site) as one:
            wire = begin(passed, one, site)
            for _ in range(20 if ends else 0):
                threading.Timer(0.3, site.go_on.release).start()
            stopping = time.monotonic()
        assert time.monotonic() - stopping < 8
        body = wire.exactly(site.length)
        assert wire.is_closed()
        wire.close()
        assert is_tagged(body, site) if ends else PIECE <= len(body) < len(LARGE)
        found.append(left(one))
    assert found[0] == found[1]


@pytest.mark.parametrize("reads_on", [True, False])
def test_a_visitor_who_is_slow_slows_the_site(tmp_path: Path, passed: list[bytes], reads_on: bool) -> None:
    """What he does not take is not read, and nothing is lost."""
    site = Pieces(HUGE, len(HUGE))
    site.is_at_once = True
    with side(tmp_path / "one", fast=True, site=site) as one:
        told, method = request("page", b"/plain", cookie_of(1))
        wire = one.served.connect()
        assert one.ask(wire, told, method)[-1]
        wire.close()
        passed.clear()
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
        sock.connect(("127.0.0.1", one.served.port))
        wire = Wire(sock)
        wire.send(told)
        length = int(dict(wire.head()[1])[b"content-length"])
        assert eventually(lambda: passed == [b"/plain"])
        upstream = upstream_of(one)
        (exchange,) = [one.exchange for one in upstream._connections if one.exchange is not None]
        assert eventually(lambda: exchange.is_paused) and exchange.buffered <= 2 * HIGH_WATER
        if reads_on:
            body = bytearray(wire.buffer)
            while len(body) < length and (more := wire.sock.recv(1 << 20)):
                body += more
            assert is_tagged(bytes(body), site)
        wire.close()
        assert eventually(lambda: upstream.busy_connections == 0)
        assert eventually(lambda: len(one.rows(b"/plain")) == 3)


def test_the_end_of_a_page_waits_for_its_commit(tmp_path: Path, passed: list[bytes]) -> None:
    """Where that is late all but the last byte goes."""
    site = Pieces()
    with side(tmp_path / "one", fast=True, site=site, config=PATIENT) as one:
        told, method = request("page", b"/plain", cookie_of(1))
        wire = one.served.connect()
        assert one.ask(wire, told, method)[-1]
        passed.clear()
        with locked(one.config.store_path):
            wire.send(told)
            length = int(dict(wire.head()[1])[b"content-length"])
            for _ in range(20):
                site.go_on.release()
            body = wire.exactly(length - 1)
            assert len(body) == length - 1 and not wire.buffer and passed
            wire.sock.settimeout(0.1)
            with pytest.raises(TimeoutError):
                wire.fill()
        wire.sock.settimeout(10)
        assert is_tagged(body + wire.exactly(1), site)
        wire.close()


def test_who_leaves_while_the_end_is_held_holds_nothing(
    tmp_path: Path, passed: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxy.tracking.heads.TICK_SECONDS", 60)  # nothing is let go by the clock
    site = Pieces()
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


def test_a_visitor_who_says_no_more_gets_all_of_it(
    tmp_path: Path, passed: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxy.http.halfclosed.HALF_CLOSED_SECONDS", 5)
    site = Pieces()
    with begun(passed, tmp_path / "one", site) as (_, wire):
        wire.sock.shutdown(socket.SHUT_WR)
        for _ in range(20):
            site.go_on.release()
        assert is_tagged(wire.exactly(site.length), site) and wire.is_closed()


def test_a_place_that_is_not_in_the_first_piece(tmp_path: Path, passed: list[bytes]) -> None:
    site = Pieces(size=20)
    with side(tmp_path / "one", fast=True, site=site) as one:
        told, method = request("page", b"/plain", cookie_of(1))
        wire = one.served.connect()
        assert one.ask(wire, told, method)[-1]
        passed.clear()
        wire.send(told)
        assert eventually(lambda: any(one.exchange and one.exchange.status for one in upstream_of(one)._connections))
        for _ in range(len(LARGE) // 20 + 1):
            site.go_on.release()
        got = wire.answer()
        assert got.whole and is_tagged(got.body, site) and not passed
        wire.close()


def test_a_fault_of_ours_ends_the_page_and_nothing_else(
    tmp_path: Path, passed: list[bytes], monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    site = Pieces()
    with begun(passed, tmp_path / "one", site) as (one, wire):
        hold = Asker.hold
        monkeypatch.setattr(Asker, "hold", lambda *_: 1 // 0)
        for _ in range(20):
            site.go_on.release()
        assert len(wire.exactly(site.length)) < site.length and wire.is_closed()
        assert "a page could not be sent" in caplog.text
        monkeypatch.setattr(Asker, "hold", hold)
        site.is_at_once = True
        other = one.served.connect()
        told, method = request("page", b"/plain", cookie_of(1))
        assert one.ask(other, told, method)[-1]
        other.close()
