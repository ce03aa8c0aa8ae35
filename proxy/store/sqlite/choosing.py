"""Questions about some sessions only (`ReportReader.only`, store/questions): they are picked once, then asked about.

Law: a picked session is picked whole, and its events are copied to a table of this connection that stands before the
file's own of the same name. So every question is answered from rows, by the same SQL, and means what it means without a
filter. Sessions are looked for from the end of the time on, step by step; where `ONLY_SECONDS` or `MOST_PICKED` end it,
what was found is all there is from the last step's beginning on, and that is said.
"""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import NamedTuple

from proxy.store.base import StoreError
from proxy.store.questions import (
    MOST_FILTERS,
    About,
    Began,
    CameFrom,
    CameWith,
    Did,
    Failed,
    Filter,
    Origin,
    Saw,
    Sent,
    Touched,
    Waited,
)
from proxy.store.sqlite.asking import Asking
from proxy.store.sqlite.connection import mapped_errors
from proxy.store.sqlite.rollups import REACH_MS, SLOW_MS
from proxy.store.sqlite.sources import text_of
from proxy.store.sqlite.texts import SQL, statements

ONLY_SECONDS = 1.5
"""How long is looked for sessions, but for one step: some 10 million events. Each question takes its own time after
that."""
MOST_PICKED = 150_000
"""Events that are copied, but for one step: 12 MB while a page is made, and each of its questions reads them."""
SCAN_TIMES = 15
"""How many events can be passed over while one is looked for by itself."""
STEP_EVENTS = 200_000
"""Events that a step looks through: a tenth of a second or two."""
_PICKING = {
    Saw: "only_saw",
    Did: "only_did",
    Touched: "only_touched",
    Began: "only_began",
    Failed: "only_failed",
    Waited: "only_waited",
    Sent: "only_sent",
}
WIDE_PART = 4.0
"""A slot is all over the file where its events have numbers from a quarter of those that are looked through."""


Act = Saw | Did | Touched | Began | Failed | Waited | Sent
"""What is looked for among events."""


class Step(NamedTuple):
    """Events in `[since, until)` have a seq from `low` to `high`."""

    since: int
    until: int
    low: int
    high: int


class Choosing(Asking):
    """Picks the sessions that are asked about."""

    @contextmanager
    def only(self, filters: Sequence[Filter], since: int, until: int, about: About | None = None) -> Iterator[int]:
        """See `ReportReader.only`.

        Raises:
            ValueError: there are more filters than `MOST_FILTERS`.
            RuntimeError: there is another one around it.
            Late, StoreError: as of a question.
        """
        if not filters and about is None:
            yield since
            return
        if len(filters) > MOST_FILTERS:
            raise ValueError(f"{len(filters)} filters; {MOST_FILTERS} at the most")
        if self._picked() is not None:
            raise RuntimeError("filters within filters")
        raw = self._raw
        try:
            begun = self._choose(filters, since, until, about)
            self._raw = self._are_picked = True
            yield begun
        finally:
            self._raw, self._are_picked = raw, False
            with suppress(StoreError):  # of a file that has failed, the connection is closed next
                self._run("only_end", {})

    def _choose(self, filters: Sequence[Filter], since: int, until: int, about: About | None) -> int:
        """Fill the tables; from when on they are whole."""
        ends = time.monotonic() + ONLY_SECONDS
        acts: list[Act] = [one for one in dict.fromkeys(filters) if not isinstance(one, CameFrom | CameWith)]
        acts += [about] if about is not None and about not in acts else []
        self._run("only_end", {})
        self._run("only_begin", {})
        is_from = self._come(filters, since, until)
        whole = until
        for step in self._steps(since, until):
            self._take(step, acts, is_from=is_from, is_alone=not filters)
            whole = step.since
            if time.monotonic() > ends or (self._picked() or 0) >= MOST_PICKED:
                return whole
        return since

    def _come(self, filters: Sequence[Filter], since: int, until: int) -> bool:
        """Find the sessions that came from somewhere, or with something; False where that does not matter."""
        origins = _common([one.origins for one in filters if isinstance(one, CameFrom)])
        devices = {one.device for one in filters if isinstance(one, CameWith)}
        if origins is None and not devices:
            return False
        if len(devices) <= 1:  # nobody comes with two
            sources = None if origins is None else json.dumps([text_of(origin) for origin in origins])
            device = next(iter(devices), None)
            self._run("only_came", {"sources": sources, "device": device, "since": since, "until": until})
        return True

    def _take(self, step: Step, acts: Sequence[Act], *, is_from: bool, is_alone: bool) -> None:
        """Pick the sessions that have met all filters with what was in a step; `is_alone`: and events outside any."""
        for number, act in enumerate(acts):
            values = {**step._asdict(), **act._asdict(), "filter": number, "is_from": is_from, "is_alone": is_alone}
            values["slow_ms"] = SLOW_MS
            self._run(_PICKING[type(act)], values)
        if acts:
            self._run("only_latest", {"filters": len(acts)})
        else:
            self._run("only_latest_came", {"since": step.since, "until": step.until})
        number, low, high = self._one("only_extent", {})
        self._run("only_scan" if high - low < SCAN_TIMES * number else "only_walk", {"low": low, "high": high})
        if is_alone:
            self._run("only_alone", {})
        self._run("only_next", {"is_over": not acts})

    def _steps(self, since: int, until: int) -> Iterator[Step]:
        """A time in parts, the latest first, each of some slots whose events can be looked through together. A slot
        whose events are all over the file, as after an import, is not looked through by itself."""
        slots = self._ask("only_reach", {"since": since, "until": until})
        widest = (max(row[2] for row in slots) - min(row[1] for row in slots)) / WIDE_PART if slots else 0
        end, low, high = until, 0, 0
        for slot, first, last in slots:
            begin, wider = (slot + 1) * REACH_MS, max(high, last) - min(low or first, first)
            if high and wider >= STEP_EVENTS and last - first < widest and begin < end:
                yield Step(begin, end, low, high)
                end, low, high = begin, first, last
            else:
                low, high = min(low or first, first), max(high, last)
        if high:
            yield Step(since, end, low, high)

    def _picked(self) -> int | None:
        """How many events were picked; None where all are asked about."""
        if not self._one("only_begun", {})[0]:
            return None
        return int(self._one("only_picked", {})[0])

    def _run(self, name: str, values: dict[str, object]) -> None:
        """Statements that write to tables of this connection. They are not broken off: SQLite would end the moment."""
        with mapped_errors(self._path):
            for statement in statements(SQL[name]):
                self._connection.execute(statement, values)


def _common(some: Sequence[tuple[Origin, ...]]) -> list[Origin] | None:
    """The origins that are in all of them; None where there are none of them."""
    if not some:
        return None
    return [origin for origin in dict.fromkeys(some[0]) if all(origin in one for one in some)]
