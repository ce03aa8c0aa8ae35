"""The rows of the table and how each is measured: rounds that take every subject once, in turn, and count what came in.

Law: a figure is CPU per request of a subject's whole process tree; a ratio compares two runs of the same round, so
that what else the machine does meets both. A run whose page visits are not all in the store, or more than all, ends
the benchmark.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

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
PAGES_APART_SECONDS = 0.002
"""Visits are told apart from the run before by their time, in milliseconds."""

Say = Callable[[str], None]


class CountError(Exception):
    """The store does not hold what was asked for; one line."""


@dataclass(frozen=True, slots=True)
class Row:
    """`subject` names who answers; `visits` how many page.visits a request makes where there is a store."""

    title: str
    subject: str
    request: Request
    returning: bool
    visits: int
    is_reference: bool = False


PAGE = Request(SMALL, INSIDE)
ONE, TWO, BARE, PEER = "one", "two", "bare", "nginx"
TRACKED = Row("7 KB page, returning visitors", ONE, PAGE, True, 1)
ROWS = (
    TRACKED,
    Row("7 KB page, first visits", ONE, Request(SMALL, ARRIVING), False, 1),
    Row("58 KB page, returning visitors", ONE, Request(MEDIUM, INSIDE), True, 1),
    Row("100 KB image, returning visitors", ONE, Request(IMAGE, IMAGE_FIELDS), True, 0),
    Row("7 KB page, bare proxy: nothing tracked", BARE, PAGE, True, 0, is_reference=True),
    Row("7 KB page, returning visitors, 2 workers", TWO, PAGE, True, 1, is_reference=True),
)


@dataclass(slots=True)
class Figures:
    """Of one row: CPU us per request, ours and the peer's, a pair a round; visits stored, checked run by run;
    how many pairs were measured again because the machine was disturbed, and how many are disturbed all the same."""

    row: Row
    ours: list[float] = field(default_factory=list)
    peers: list[float] = field(default_factory=list)
    stored: int = 0
    again: int = 0
    disturbed: int = 0


class Visitors:
    """Returning visitors that take turns: everybody has been here once, for real."""

    def __init__(self, answers: Sequence[FirstAnswer]) -> None:
        self._cookies = [answer.cookie for answer in answers]

    @classmethod
    def of(cls, server: Server) -> "Visitors":
        return cls(first_visits(server.port, Request(SMALL, ARRIVING), VISITORS))

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
        _check_visits(server.store, since, row, requests)
    return spent(server.pid).since(before)


def _check_visits(store: Path, since: int, row: Row, requests: int) -> None:
    """Exactly as many page.visits as requests, of as many visitors as there were."""
    wanted = (requests * row.visits, (LOADERS if row.returning else requests) * row.visits)
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


def rounds(
    h2load: str, servers: dict[str, Server], visitors: dict[str, Visitors], *, number: int, requests: int, say: Say
) -> Iterator[Figures]:
    """All rows, `number` times each after one warm-up of everything. `servers` by `Row.subject`, and PEER."""
    figures = [Figures(row) for row in ROWS]
    pace = Pace()
    for turn in range(number + 1):
        for figure in figures if turn % 2 else figures[::-1]:
            row, pair = figure.row, (servers[figure.row.subject], servers[PEER])
            # a cookie means something to the process that signed it; the others are sent somebody's all the same
            cookies = visitors.get(row.subject, visitors[ONE]).of_round(turn) if row.returning else [None] * LOADERS
            for again in range(TRIES if turn else 1):
                ours, peer, steady = _measure_pair(h2load, pair, row, requests, cookies, pace)
                figure.stored += requests * row.visits if pair[0].store is not None else 0
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


def _measure_pair(
    h2load: str, pair: tuple[Server, Server], row: Row, requests: int, cookies: Sequence[str | None], pace: Pace
) -> tuple[float, float, bool]:
    """CPU us per request, ours and the peer's right before it, and whether the machine was undisturbed."""
    steady = pace.is_steady()
    ours, peer = pair
    theirs = measure(h2load, peer, row, requests, cookies).total_us / requests
    own = measure(h2load, ours, row, requests, cookies).total_us / requests
    return own, theirs, pace.is_steady() and steady


def released_unsaved(store: Path) -> int:
    """Pages that were not held until their commit because it took too long (the recorder counts them)."""
    with contextlib.closing(SqliteReader(store)) as reader:
        return sum(number for _, _, outcome, number in reader.outcomes() if outcome == "released_unsaved")
