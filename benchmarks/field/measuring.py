"""The whole field: started, looked at, measured in turn.

Law: before anything is measured, each is seen to give the site's page, with one script more where it puts one in. A
ratio compares two runs of the same round. Who does not start, or does not give the page, is left out and named; who
fails later ends the benchmark. What footfall is asked for is in its store, or the run does not count.
"""

import contextlib
import http.client
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median

from benchmarks.command import Plan
from benchmarks.cpu import spent
from benchmarks.field.figures import Cell, Found, Half
from benchmarks.field.halfway import rate_of, steady
from benchmarks.field.idling import idle
from benchmarks.field.memory import highest
from benchmarks.field.peers import FILTER, GZIP, ONE, OPEN, SET_COOKIE, Peer, missing
from benchmarks.field.traffic import Traffic
from benchmarks.load import (
    ARRIVING,
    LOADERS,
    SECONDS,
    VISITORS,
    FirstAnswer,
    LoadError,
    Request,
    Timed,
    asked,
    timed,
    whole,
)
from benchmarks.load import run as load
from benchmarks.pace import Pace
from benchmarks.process import StartError
from benchmarks.rows import PAGES_APART_SECONDS, Say, Visitors, check_visits, measure_beacons
from benchmarks.servers import SMALL, Server

TRIES = 2
"""For a row of a round, until it is not disturbed."""
HALF_SECONDS, QUICK_HALF_SECONDS = 2.0, 1.0
IDLE_SECONDS, QUICK_IDLE_SECONDS = 4.0, 1.0
QUICK_SOCKETS = 100
SCRIPT = re.compile(rb"<script[^>]*/t\.js[^>]*></script>")
STRANGERS = Visitors([FirstAnswer(SET_COOKIE.replace("x", chr(ord("a") + at % 26)), b"") for at in range(VISITORS)])
"""Whose cookies mean nothing to who gets them."""


@dataclass(slots=True)
class Field:
    """Everybody who runs, by key; `visitors` of those who sign cookies; where the site is and its files are."""

    plan: Plan
    site: Server
    running: contextlib.ExitStack
    peers: dict[str, Peer] = field(default_factory=dict)
    servers: dict[str, Server] = field(default_factory=dict)
    visitors: dict[str, Visitors] = field(default_factory=dict)

    def start(self, peers: Sequence[Peer], found: Found, say: Say) -> None:
        """Those of them that are here and give the page; the others are named in `found.absent`."""
        for peer in peers:
            needed = missing(peer)
            wrong = f"{needed} is not installed" if needed else self._start(peer)
            if wrong:
                found.absent[peer.title] = wrong
                say(f"without {peer.title}: {wrong}")

    def _start(self, peer: Peer) -> str | None:
        """What keeps it from being measured."""
        with contextlib.ExitStack() as own:
            try:
                server = own.enter_context(peer.start(self.plan.programs, self.plan.where / peer.key, self.site))
                look_at(server, self.plan.where / "site", peer)
            except (StartError, LoadError) as wrong:
                if peer.key in (FILTER, GZIP, ONE):
                    raise
                return str(wrong)
            self.running.enter_context(own.pop_all())
        self.peers[peer.key], self.servers[peer.key] = peer, server
        if server.store is not None:
            self.visitors[peer.key] = Visitors.of(server, telling=peer is OPEN)
        return None

    def subjects(self, row: Traffic) -> list[tuple[Peer, Server]]:
        """Who takes this, its reference first. Beacons are taken by nginx, which passes them on, and by footfall."""
        keys = [row.reference, *(key for key in self.peers if key not in (row.reference, OPEN.key))]
        if row.row.events:
            keys = [FILTER, OPEN.key]
        return [(self.peers[key], self.servers[key]) for key in keys if key in self.servers]


def look_at(server: Server, root: Path, peer: Peer) -> None:
    """Raises LoadError where it does not give the site's page, with one script more if it `tags`."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=SECONDS)) as connection:
        fields = tuple(one for one in ARRIVING if one[0] != "accept-encoding")
        body = asked(connection, Request(SMALL, fields))[1]
    if len(SCRIPT.findall(body)) != peer.tags or SCRIPT.sub(b"", body) != (root / SMALL.lstrip("/")).read_bytes():
        raise LoadError(f"{SMALL}: {peer.title} does not give the site's page{' with one script more' * peer.tags}")


def measure(all: Field, rows: Sequence[Traffic], found: Found, rounds: int, say: Say) -> None:
    """Every row, `rounds` times after one that warms up, and everybody's memory after that."""
    pace = Pace()
    for turn in range(rounds + 1):
        for row in rows if turn % 2 else rows[::-1]:
            for again in range(TRIES if turn else 1):
                steady_before = pace.is_steady()
                measured = _round(all, row, turn)
                is_steady = pace.is_steady() and steady_before
                found.again += again > 0
                if is_steady:
                    break
            if not turn:
                continue
            found.disturbed += not is_steady
            reference = measured[0][1]
            for peer, cpu, times in measured:
                key = ONE if peer is OPEN else peer.key
                found.cells.setdefault((row.key, key), Cell()).add(cpu, reference, times)
            shown = ", ".join(f"{peer.title} {cpu:.0f}" for peer, cpu, _ in measured)
            say(f"round {turn} of {rounds}: {row.title}, us: {shown}{'' if is_steady else ' (disturbed)'}")
        if not turn:
            say("the field is warm")
    found.memory |= {key: highest(server.pid) for key, server in all.servers.items() if key != OPEN.key}


def _round(all: Field, row: Traffic, turn: int) -> list[tuple[Peer, float, Timed | None]]:
    """Everybody once: CPU us per request, and how fast they were answered. The reference is first in what is told, and
    first or last in what is done."""
    subjects = all.subjects(row)
    told = {}
    for peer, server in subjects[:: 1 if turn % 2 else -1]:
        requests = whole(max(1, all.plan.requests // (peer.share * row.share)))
        cpu, times = _run(all, row, peer, server, requests, turn)
        told[peer.key] = (peer, cpu / requests, times)
    return [told[peer.key] for peer, _ in subjects]


def _run(all: Field, row: Traffic, peer: Peer, server: Server, requests: int, turn: int) -> tuple[float, Timed | None]:
    """One run: CPU us of it, and its answers' times; its visits counted."""
    visitors = all.visitors.get(peer.key, STRANGERS)
    if row.row.events:
        tellers = all.visitors[OPEN.key].tellers
        return measure_beacons(server, row.row, requests, tellers, seed=time.time_ns()).total_us, None
    cookies = visitors.of_round(turn) if row.row.returning else [None] * LOADERS
    request = _conditional(row, server, all.site) if row.conditional else row.row.request
    logs = all.plan.where / "logs"
    logs.mkdir(exist_ok=True)
    time.sleep(PAGES_APART_SECONDS)
    since, before = time.time_ns() // 1_000_000, spent(server.pid)
    load(all.plan.programs.h2load, server.port, request, requests, cookies, logs)
    if server.store is not None:
        people = 1 if row.one_visitor else LOADERS if row.row.returning else requests
        check_visits(server.store, since, row.row, requests, people)
    return spent(server.pid).since(before).total_us, timed(logs)


def _conditional(row: Traffic, server: Server, site: Server) -> Request:
    """With the ETag that it gives. Who gives none would never be asked so: it gets the site's, and passes a 304 on."""
    request = row.row.request
    etag = _etag(server, request) or _etag(site, request)
    return replace(request, fields=(*request.fields, ("if-none-match", etag)))


def _etag(server: Server, request: Request) -> str:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=SECONDS)) as connection:
        return asked(connection, request)[0].getheader("etag") or ""


def half_load(all: Field, found: Found, row: Traffic, rounds: int, seconds: float, say: Say) -> None:
    """Everybody at half of what they answered of this row, beside the site at the same rate."""
    for turn in range(1, rounds + 1):
        for peer, server in all.subjects(row):
            cell = found.cells[row.key, peer.key]
            half = found.half.setdefault(peer.key, Half(rate_of(median(cell.per_second))))
            cookies = all.visitors.get(peer.key, STRANGERS).of_round(turn)
            direct = steady(all.site.port, cookies, half.rate, seconds)
            time.sleep(PAGES_APART_SECONDS)
            since = time.time_ns() // 1_000_000
            through = steady(server.port, cookies, half.rate, seconds)
            if server.store is not None:
                check_visits(server.store, since, row.row, through.requests, LOADERS)
            half.direct.append(direct.times)
            half.through.append(through.times)
            half.late += not through.is_held
            p50, p99 = (time / 1_000 for time in through.times)
            say(f"half load, round {turn} of {rounds}: {peer.title}: {half.rate:.0f}/s, {p50:.2f} and {p99:.2f} ms")


def idling(all: Field, found: Found, number: int, seconds: float, say: Say) -> None:
    """Everybody who passes WebSockets on, newly started."""
    for key, peer in all.peers.items():
        if peer.takes_sockets and peer is not OPEN:
            with peer.start(all.plan.programs, all.plan.where / f"{key}-sockets", all.site) as server:
                found.idle[key] = idle(server, number, seconds)
            one = found.idle[key]
            say(f"{number} WebSockets: {peer.title}: {one.bytes_each / 1024:.1f} KB each, {one.cpu_us:.0f} us/s")
