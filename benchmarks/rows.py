"""The rows of the table and how each is measured: rounds that take every subject once, in turn, and count what came in.

Law: a figure is CPU per request of a subject's whole process tree; a ratio compares two runs of the same round, so
that what else the machine does meets both. A run whose page visits or events are not all in the store, or more than
all, ends the benchmark.
"""

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import beacons
from benchmarks.cpu import Spent, spent
from benchmarks.load import ARRIVING, INSIDE, LOADERS, VISITORS, FirstAnswer, Request, first_visits
from benchmarks.load import IMAGE as IMAGE_FIELDS
from benchmarks.load import run as load
from benchmarks.pace import Pace
from benchmarks.servers import IMAGE, MEDIUM, SMALL, Server
from proxy.store.base import Query
from proxy.store.sqlite.reader import SqliteReader

COMMIT_SECONDS = 10.0
POLL_SECONDS = 0.02
TRIES = 4
"""For a pair of runs, until none is disturbed."""
BEACON_SHARE = 4
PAGES_APART_SECONDS = 0.002
"""Visits are told apart from the run before by their time, in milliseconds."""

Say = Callable[[str], None]


class CountError(Exception):
    """The store does not hold what was asked for; one line."""


@dataclass(frozen=True, slots=True)
class Row:
    """`subject` names who answers; `visits` how many page.visits a request makes where there is a store, `events` how
    many events it tells: 0, or it is a beacon. `unlike`: no two of its requests have the same fields."""

    title: str
    subject: str
    request: Request
    returning: bool
    visits: int
    is_reference: bool = False
    events: int = 0
    unlike: bool = False

    def requests(self, of_a_page: int) -> int:
        """How many in a run, where there are `of_a_page` of pages: a beacon takes several times as long."""
        return max(1, of_a_page // BEACON_SHARE) if self.events else of_a_page


PAGE = Request(SMALL, INSIDE)
BEACON = Request(beacons.PATH, beacons.FIELDS)
ONE, TWO, BARE, OPEN, PEER = "one", "two", "bare", "open", "nginx"
TRACKED = Row("7 KB page, returning visitors", ONE, PAGE, True, 1)
TEN = Row("beacon of ten events, returning visitors", OPEN, BEACON, True, 0, events=10)
ROWS = (
    TRACKED,
    Row("7 KB page, first visits", ONE, Request(SMALL, ARRIVING), False, 1),
    Row("58 KB page, returning visitors", ONE, Request(MEDIUM, INSIDE), True, 1),
    Row("100 KB image, returning visitors", ONE, Request(IMAGE, IMAGE_FIELDS), True, 0),
    TEN,
    Row("7 KB page, bare proxy: nothing tracked", BARE, PAGE, True, 0, is_reference=True),
    Row("7 KB page, returning visitors, 2 workers", TWO, PAGE, True, 1, is_reference=True),
    Row("7 KB page, fields never seen before", ONE, PAGE, True, 1, is_reference=True, unlike=True),
    Row("beacon of one event, returning visitors", OPEN, BEACON, True, 0, is_reference=True, events=1),
)


@dataclass(slots=True)
class Figures:
    """Of one row: CPU us per request, ours and the peer's, a pair a round; visits or events stored, checked run by run;
    how many pairs were measured again because the machine was disturbed, and how many are disturbed all the same."""

    row: Row
    ours: list[float] = field(default_factory=list)
    peers: list[float] = field(default_factory=list)
    stored: int = 0
    again: int = 0
    disturbed: int = 0


class Visitors:
    """Returning visitors that take turns: everybody has been here once, for real, and is shown the page still."""

    def __init__(self, answers: Sequence[FirstAnswer], tellers: Sequence[beacons.Teller] = ()) -> None:
        self._cookies = [answer.cookie for answer in answers]
        self.tellers = tellers

    @classmethod
    def of(cls, server: Server, *, telling: bool = False) -> "Visitors":
        """`telling`: their browsers have confirmed the page, and events may follow."""
        answers = first_visits(server.port, Request(SMALL, ARRIVING), VISITORS)
        return cls(answers, beacons.tellers(server.port, answers) if telling else ())

    def of_round(self, turn: int) -> list[str]:
        """LOADERS of them, others than in the rounds before as long as there are any."""
        start = turn * LOADERS % len(self._cookies)
        return self._cookies[start : start + LOADERS]


def measure(h2load: str, server: Server, row: Row, requests: int, cookies: Sequence[str | None]) -> Spent:
    """One run: what it cost, its visits counted.

    Raises:
        CountError, LoadError, CpuError: the run does not count.
    """
    time.sleep(PAGES_APART_SECONDS)
    since = time.time_ns() // 1_000_000
    before = spent(server.pid)
    load(h2load, server.port, row.request, requests, cookies)
    if server.store is not None:
        check_visits(server.store, since, row, requests, LOADERS if row.returning else requests)
    return spent(server.pid).since(before)


def check_visits(store: Path, since: int, row: Row, requests: int, people: int) -> None:
    """Exactly as many page.visits as requests, of as many visitors as there were. Raises CountError."""
    wanted = (requests * row.visits, people * row.visits)
    deadline = time.monotonic() + COMMIT_SECONDS
    while (found := _visits(store, since)) != wanted:
        if time.monotonic() > deadline or found[0] > wanted[0]:
            raise CountError(
                f"{row.title}: stored are {found[0]} page visits of {found[1]} visitors,"
                f" asked for were {wanted[0]} of {wanted[1]}"
            )
        time.sleep(POLL_SECONDS)


def _visits(store: Path, since: int) -> tuple[int, int]:
    """Page visits since then, and how many different visitors made them."""
    with contextlib.closing(SqliteReader(store)) as reader:
        uuids = [event.uuid for event in reader.export(Query(since=since, action="page.visit"))]
    return len(uuids), len(set(uuids))


def measure_beacons(server: Server, row: Row, requests: int, tellers: Sequence[beacons.Teller], seed: int) -> Spent:
    """One run of beacons: what it cost, its events counted.

    Raises:
        CountError, LoadError, CpuError: the run does not count.
    """
    expected = "204" if server.store is None else f'202 "accepted":{row.events},'
    with beacons.sender(server.port, seed, requests, tellers, row.events, expected) as sender:
        time.sleep(PAGES_APART_SECONDS)
        since = time.time_ns() // 1_000_000
        before = spent(server.pid)
        sender.go()
        cost = spent(server.pid).since(before)
    if server.store is not None:
        check_events(server.store, since, row, beacons.bodies(seed, requests, tellers, row.events))
    return cost


def measure_unlike(server: Server, row: Row, requests: int, cookies: Sequence[str], seed: int) -> Spent:
    """One run of pages, each asked for from another one: what it cost, its visits counted. Raises as `measure`."""
    among = [beacons.Teller(cookie, "", "") for cookie in cookies]
    with beacons.sender(server.port, seed, requests, among, 0, "200 data-page=") as sender:
        time.sleep(PAGES_APART_SECONDS)
        since = time.time_ns() // 1_000_000
        before = spent(server.pid)
        sender.go()
        if server.store is not None:
            check_visits(server.store, since, row, requests, len(cookies))
        return spent(server.pid).since(before)


def check_events(store: Path, since: int, row: Row, told: Sequence[bytes]) -> None:
    """Every event of these beacons exactly once. Their answers came after the commit: there is nothing to wait for."""
    with contextlib.closing(SqliteReader(store)) as reader:
        stored = Counter(event.id for event in reader.export(Query(since=since - beacons.AGO_MS)))
    wanted = beacons.ids(told)
    found, times = sum(one in stored for one in wanted), sum(stored[one] for one in wanted)
    if not found == times == len(wanted):
        raise CountError(f"{row.title}: of {len(wanted)} events {found} are stored, {times} times in all")


def rounds(
    h2load: str,
    servers: dict[str, Server],
    visitors: dict[str, Visitors],
    *,
    number: int,
    requests: int,
    say: Say,
    rows: Sequence[Row] = ROWS,
    tries: int = TRIES,
) -> Iterator[Figures]:
    """All rows, `number` times each after one warm-up of everything. `servers` by `Row.subject`, and PEER; `tries` for
    a pair of runs."""
    figures = [Figures(row) for row in rows]
    pace = Pace()
    for turn in range(number + 1):
        for figure in figures if turn % 2 else figures[::-1]:
            row, pair = figure.row, (servers[figure.row.subject], servers[PEER])
            count = row.requests(requests)
            for again in range(tries if turn else 1):
                measured = _measured(h2load, row, count, visitors, turn)
                ours, peer, steady = _measure_pair(measured, pair, count, pace)
                figure.stored += count * max(row.visits, row.events) if pair[0].store is not None else 0
                figure.again += again > 0
                if steady:
                    break
            if turn:
                figure.ours.append(ours)
                figure.peers.append(peer)
                figure.disturbed += not steady
                note = "" if steady else " (disturbed)"
                say(f"round {turn} of {number}: {row.title}: {ours:.0f} us, nginx {peer:.0f} us{note}")
        if not turn:
            say("everything is warm")
    yield from figures


def _measured(
    h2load: str, row: Row, requests: int, visitors: dict[str, Visitors], turn: int
) -> Callable[[Server], Spent]:
    """How one run of a row is measured, at either of a pair."""
    # a cookie means something to the process that signed it; the others are sent somebody's all the same
    theirs = visitors.get(row.subject, visitors[ONE])
    if row.events:
        seed = time.time_ns()  # another one, and so other ids, in every run that anybody ever makes
        return lambda server: measure_beacons(server, row, requests, theirs.tellers, seed)
    cookies = theirs.of_round(turn) if row.returning else [None] * LOADERS
    if row.unlike:
        return lambda server: measure_unlike(server, row, requests, theirs.of_round(turn), time.time_ns())
    return lambda server: measure(h2load, server, row, requests, cookies)


def _measure_pair(
    measured: Callable[[Server], Spent], pair: tuple[Server, Server], requests: int, pace: Pace
) -> tuple[float, float, bool]:
    """CPU us per request, ours and the peer's right before it, and whether the machine was undisturbed."""
    steady = pace.is_steady()
    ours, peer = pair
    theirs = measured(peer).total_us / requests
    own = measured(ours).total_us / requests
    return own, theirs, pace.is_steady() and steady


def released_unsaved(store: Path) -> int:
    """Pages that were not held until their commit because it took too long (the recorder counts them)."""
    with contextlib.closing(SqliteReader(store)) as reader:
        return sum(number for _, _, outcome, number in reader.outcomes() if outcome == "released_unsaved")
