"""What a transaction changes in the roll-ups: collected while rows change, written once at its end.

Law: what an event counts for is said here and nowhere else on the writing side (rollups.py has the table); a row that
changes is counted off before and on after. From the first and last time that a visitor does something on a day follow
the cells that count visitors, split around the days before and after (schema_4.sql, `presence`).
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from proxy.events.dwell import bucket_of
from proxy.store.sqlite.bulk import ask_many, run_many
from proxy.store.sqlite.days import Days
from proxy.store.sqlite.dictionary import CLICK, FIELD, FORM_START, FORM_SUBMIT, HOVER, VISIT, Dictionary
from proxy.store.sqlite.rollups import (
    ELEMENT_CONTEXTS,
    FIELD_CHANGED,
    FIELD_FILLED,
    FIELD_SKIPPED,
    NEVER,
    REACH_MS,
    VISITORS_OF,
    Kind,
)
from proxy.store.sqlite.rollups import FORM_START as STARTED
from proxy.store.sqlite.rollups import FORM_SUBMIT as SUBMITTED
from proxy.store.sqlite.rows import EventRow, SessionRow
from proxy.store.sqlite.texts import SQL

UNUSUAL = 4
"""Bit of event.state: a hover that was longer than usual."""
NOBODY = 0
"""The visitor of a row that only keeps its number (keep_seq.sql); it counts for nothing."""

Counted = tuple[Kind, int, int]
"""Kind, subject, extra."""
Cell = tuple[int, int, int, int, int]
"""Kind, lane, day, subject, extra."""
There = tuple[int, int, int, int, int]
"""Visitor, kind, subject, lane, day."""


class Ledger:
    """The roll-ups of one transaction. `days`: of the store; `dictionary`: for pages, statuses and fields."""

    __slots__ = ("_cells", "_days", "_dictionary", "_execute", "_presence", "_reach", "connection")

    def __init__(self, connection: Any, dictionary: Dictionary, days: Days) -> None:
        self.connection = connection
        self._execute: Callable[..., Any] = connection.execute
        self._dictionary = dictionary
        self._days = days
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self._cells: defaultdict[Cell, int] = defaultdict(int)
        self._presence: defaultdict[There, int] = defaultdict(int)
        self._reach: dict[int, tuple[int, int]] = {}

    def day_of(self, time: int) -> int:
        return self._days.of(self.connection, time)

    def count(self, row: EventRow, n: int) -> None:
        """Count an event on (`n` 1) or off (-1)."""
        visitor = row.visitor
        if visitor == NOBODY:
            return
        time, lane = row.time, row.lane
        day = self._days.of(self.connection, time)
        cells, presence = self._cells, self._presence
        for kind, subject, extra in self._counted(row):
            cells[kind, lane, day, subject, extra] += n
            if kind in VISITORS_OF:
                presence[visitor, kind, subject, lane, day] += n
        if n > 0:
            slot, seq = time // REACH_MS, row.seq
            first, last = self._reach.get(slot, (seq, seq))
            self._reach[slot] = (min(first, seq), max(last, seq))

    def count_session(self, session: SessionRow, n: int, pages: Iterable[tuple[int, int]]) -> None:
        """Count a session, and the pairs of pages in it that follow each other, on or off."""
        self.count_cells(session.start, session.lane, self._counted_session(session), n)
        self.count_steps(session, pages, n)

    def count_steps(self, session: SessionRow, pages: Iterable[tuple[int, int]], n: int) -> None:
        """Count pairs of pages that follow each other in a session."""
        self.count_cells(session.start, session.lane, ((Kind.NEXT, *pair) for pair in pages), n)

    def count_cells(self, time: int, lane: int, counted: Iterable[Counted], n: int) -> None:
        """Count on a day of a lane."""
        day, cells = self._days.of(self.connection, time), self._cells
        for kind, subject, extra in counted:
            cells[kind, lane, day, subject, extra] += n

    def settle(self) -> None:
        """Write everything."""
        self._settle_presence()
        cells = sorted((*key, n) for key, n in self._cells.items() if n)
        run_many(self._execute, "add_cells_many", cells)
        reach = [(slot, *seqs) for slot, seqs in sorted(self._reach.items())]
        run_many(self._execute, "add_reach_many", reach)
        self.clear()

    def _counted(self, row: EventRow) -> Iterator[Counted]:
        """What an event counts for."""
        yield Kind.ACTION, row.action, 0
        sort, context = self._dictionary.act(row.action)
        target = row.target
        if sort == VISIT:
            yield from self._counted_visit(row)
        elif target is None:
            return
        elif sort == CLICK:
            yield Kind.CLICK, target * ELEMENT_CONTEXTS + context, 0
        elif sort == HOVER:
            if row.amount is not None:
                yield Kind.HOVER, target * ELEMENT_CONTEXTS + context, bucket_of(row.amount)
                yield Kind.HOVERED, target * ELEMENT_CONTEXTS + context, 0
                if row.state & UNUSUAL:
                    yield Kind.UNUSUAL, target * ELEMENT_CONTEXTS + context, 0
        elif sort in (FORM_START, FORM_SUBMIT):
            yield Kind.FORM, target, STARTED if sort == FORM_START else SUBMITTED
        if sort in (FIELD, FORM_SUBMIT) and row.more is not None and target is not None:
            for name, what in _fields(sort, row.more):
                yield Kind.FIELD, target, self._dictionary.word(name) * 4 + what

    def _counted_visit(self, row: EventRow) -> Iterator[Counted]:
        yield Kind.VIEWS, 0, 0
        status = self._dictionary.status_of(row.facts)
        if status is not None:
            yield Kind.STATUS, status, 0
        if row.uri is not None:
            page = self._dictionary.address(row.uri).page
            yield Kind.PAGE, page, 0
            if row.engaged is not None:
                yield Kind.ENGAGED, page, bucket_of(row.engaged)
                yield Kind.USED, 0, bucket_of(row.engaged)

    def _counted_session(self, session: SessionRow) -> Iterator[Counted]:
        """What a session counts for, but for what followed what."""
        yield Kind.SESSIONS, 0, 0
        if session.pages == 1:
            yield Kind.BOUNCES, 0, 0
        if session.entry is not None:
            yield Kind.ENTRY, self._dictionary.address(session.entry).page, 0
        if session.uri is not None:
            yield Kind.EXIT, self._dictionary.address(session.uri).page, 0
        if session.source is not None:
            yield Kind.SOURCE, session.source, 0

    def _settle_presence(self) -> None:
        """Of each visitor one day at a time: what is found of a day depends on those before and after it."""
        left = sorted((key, n) for key, n in self._presence.items() if n)
        while left:
            now: dict[tuple[int, int, int, int], tuple[There, int]] = {}
            later = []
            for key, n in left:
                if key[:4] in now:
                    later.append((key, n))
                else:
                    now[key[:4]] = (key, n)
            self._settle_days(list(now.values()))
            left = later

    def _settle_days(self, changes: list[tuple[There, int]]) -> None:
        keys = [key for key, _ in changes]
        found = [row for text in ask_many(self._execute, "find_presence_many", keys) for row in json.loads(text)]
        for (key, change), (n, before, after) in zip(changes, found, strict=True):
            if n is None:
                self._come(key, before, after, 1)
            elif n + change == 0:
                before, after = self._execute(SQL["find_gap"], key).fetchone()
                self._come(key, before, after, -1)
        run_many(self._execute, "add_presence_many", [(*key, n) for key, n in changes])

    def _come(self, there: There, before: int | None, after: int | None, n: int) -> None:
        """Somebody came (1) on a day between two others, or did not after all (-1)."""
        _, of, subject, lane, day = there
        kind = VISITORS_OF[Kind(of)]
        previous = NEVER if before is None else before
        self._cells[kind, lane, day, subject, previous] += n
        if after is not None:
            self._cells[kind, lane, after, subject, day] += n
            self._cells[kind, lane, after, subject, previous] -= n


def _fields(sort: int, more: str) -> Iterator[tuple[str, int]]:
    """The fields that an event tells of, and what became of each."""
    told = json.loads(more)
    if sort == FIELD:
        if isinstance(told.get("field"), str):
            yield told["field"], FIELD_CHANGED
        return
    for key, what in (("fields", FIELD_FILLED), ("skipped", FIELD_SKIPPED)):
        fields = told.get(key)
        if isinstance(fields, dict):
            for name in fields:
                yield name, what
