"""What a transaction changes in the roll-ups: collected while rows change, written once at its end.

Law: what an event counts for is said here and nowhere else on the writing side (rollups.py has the table); a row that
changes is counted off before and on after. From the first and last time that a visitor does something on a day follow
the cells that count visitors, split around the days before and after (schema_4.sql, `presence`).
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from proxy.bounded import Bounded
from proxy.events.dwell import bucket_of
from proxy.store.sqlite.bulk import ask_many, run_many
from proxy.store.sqlite.days import Days
from proxy.store.sqlite.dictionary import (
    CLICK,
    FIELD,
    FORM_START,
    FORM_SUBMIT,
    HOVER,
    LAST_OF_TARGETS,
    START,
    VISIT,
    Dictionary,
)
from proxy.store.sqlite.fields import fields_of
from proxy.store.sqlite.reached import Reached
from proxy.store.sqlite.rollups import (
    BESIDE,
    ELEMENT_CONTEXTS,
    NEVER,
    SLOW_MS,
    UNCONFIRMED,
    VISITORS_OF,
    Kind,
    is_failed,
)
from proxy.store.sqlite.rollups import FORM_START as STARTED
from proxy.store.sqlite.rollups import FORM_SUBMIT as SUBMITTED
from proxy.store.sqlite.rows import EventRow, SessionRow
from proxy.store.sqlite.texts import SQL
from proxy.visitors.lanes import PERSON
from proxy.visitors.times import HOUR_MS

CONFIRMED, UNUSUAL = 1, 4
"""Bits of event.state: a browser told of it; a hover that was longer than usual."""
FRESH_CELLS = 8_192
"""Rows of `fresh_cell` that every question reads (half a millisecond) before they are added to `cell`."""
ASKED_OFTEN = 16
"""How often it is asked how many there are, until there are so many: other processes write some, too."""
PRESENCES = 10_000
"""Of visitors on days, remembered from one batch to the next: most who do something were there a moment ago; 2 MB."""
NOBODY = 0
"""The visitor of a row that only keeps its number (keep_seq.sql); it counts for nothing."""

# As plain numbers: a look-up in the enumeration for each costs as much as counting, and sqlite3 asks each member of one
# in vain for what it is to be stored as.
_VIEWS, _PAGE, _STATUS, _ENGAGED = int(Kind.VIEWS), int(Kind.PAGE), int(Kind.STATUS), int(Kind.ENGAGED)
_ACTION, _CLICK, _HOVER, _UNUSUAL = int(Kind.ACTION), int(Kind.CLICK), int(Kind.HOVER), int(Kind.UNUSUAL)
_FORM, _FIELD, _USED, _HOVERED = int(Kind.FORM), int(Kind.FIELD), int(Kind.USED), int(Kind.HOVERED)
_HOUR, _FAILED, _SLOW = int(Kind.HOUR), int(Kind.FAILED), int(Kind.SLOW)
_SESSIONS, _BOUNCES, _NEXT = int(Kind.SESSIONS), int(Kind.BOUNCES), int(Kind.NEXT)
_ENTRY, _SOURCE, _DEVICE = int(Kind.ENTRY), int(Kind.SOURCE), int(Kind.DEVICE)
_EXIT, _FAILED_EXIT, _SLOW_EXIT = int(Kind.EXIT), int(Kind.FAILED_EXIT), int(Kind.SLOW_EXIT)
_VISITORS_OF = {int(kind): int(visitors) for kind, visitors in VISITORS_OF.items()}

Counted = tuple[int, int, int]
"""Kind, subject, extra."""
Cell = tuple[int, int, int, int, int]
"""Kind, lane, day, subject, extra."""
There = tuple[int, int, int, int, int]
"""Visitor, kind, subject, lane, day."""


class Ledger:
    """The roll-ups of one transaction. `days`: of the store; `dictionary`: for pages, statuses and fields;
    `fresh_cells`: how many cells may wait to be added to the others."""

    __slots__ = (
        "_cells", "_days", "_dictionary", "_execute", "_fresh_cells", "_presence", "_reached", "_there", "_unasked",
        "connection",
    )  # fmt: skip

    def __init__(self, connection: Any, dictionary: Dictionary, days: Days, fresh_cells: int = FRESH_CELLS) -> None:
        self.connection = connection
        self._execute: Callable[..., Any] = connection.execute
        self._dictionary = dictionary
        self._days = days
        self._fresh_cells = self._unasked = fresh_cells
        self._reached = Reached(connection.execute)
        self._there: Bounded[There, None] = Bounded(PRESENCES)
        self.clear()

    def forget(self) -> None:
        """What is remembered beyond a transaction may not be true any more."""
        self._there.clear()
        self._reached.forget()

    def clear(self) -> None:
        """Begin anew."""
        self._cells: defaultdict[Cell, int] = defaultdict(int)
        self._presence: defaultdict[There, int] = defaultdict(int)
        self._reached.clear()

    def day_of(self, time: int) -> int:
        return self._days.of(self.connection, time)

    def count(self, row: EventRow, n: int) -> None:
        """Count an event on (`n` 1) or off (-1)."""
        if row.visitor == NOBODY:
            return
        time, lane, action = row.time, row.lane, row.action
        day, cells = self._days.of(self.connection, time), self._cells
        cells[_ACTION, lane, day, action, 0] += n
        sort, context = self._dictionary.act(action)
        if sort == VISIT:
            self._count_visit(row, lane, day, n)
        elif sort == START and row.uri is None:  # of an app, which shows no page: its visitor is there all the same
            self._presence[row.visitor, _VIEWS, 0, lane, day] += n
            self._presence[row.visitor, _HOUR, time // HOUR_MS, lane, day] += n
        elif sort <= LAST_OF_TARGETS and row.target is not None:
            self._count_target(row, sort, context, (lane, day), n)
        if n > 0:
            self._reached.see(time, row.seq)

    def _count_visit(self, row: EventRow, lane: int, day: int, n: int) -> None:
        cells, presence, visitor = self._cells, self._presence, row.visitor
        missing = UNCONFIRMED if lane == PERSON and not row.state & CONFIRMED else 0
        cells[_VIEWS, lane, day, 0, missing] += n
        presence[visitor, _VIEWS, 0, lane, day] += n
        hour = row.time // HOUR_MS
        cells[_HOUR, lane, day, hour, 0] += n
        presence[visitor, _HOUR, hour, lane, day] += n
        status = self._dictionary.status_of(row.facts)
        if status is not None:
            cells[_STATUS, lane, day, status, 0] += n
        if row.uri is not None:
            page = self._dictionary.address(row.uri).page
            cells[_PAGE, lane, day, page, missing] += n
            presence[visitor, _PAGE, page, lane, day] += n
            if status is not None and is_failed(status):
                cells[_FAILED, lane, day, page, status] += n
            if row.amount is not None and row.amount >= SLOW_MS:
                cells[_SLOW, lane, day, page, bucket_of(row.amount)] += n
            self.count_engaged(row, n)

    def count_engaged(self, row: EventRow, n: int) -> None:
        """Count how long a page.visit was in use on or off, and nothing else of it."""
        if row.engaged is None or row.uri is None or row.visitor == NOBODY:
            return
        lane, day, cells = row.lane, self._days.of(self.connection, row.time), self._cells
        bucket = bucket_of(row.engaged)
        cells[_ENGAGED, lane, day, self._dictionary.address(row.uri).page, bucket] += n
        cells[_USED, lane, day, 0, bucket] += n

    def _count_target(self, row: EventRow, sort: int, context: int, where: tuple[int, int], n: int) -> None:
        """What was done with an element or a form."""
        cells, target = self._cells, row.target or 0
        element = target * ELEMENT_CONTEXTS + context
        if sort == HOVER:
            if row.amount is not None:
                cells[_HOVER, *where, element, bucket_of(row.amount)] += n
                cells[_HOVERED, *where, element, 0] += n
                if row.state & UNUSUAL:
                    cells[_UNUSUAL, *where, element, 0] += n
        elif sort == CLICK:
            cells[_CLICK, *where, element, 0] += n
            self._presence[row.visitor, _CLICK, element, *where] += n
        elif sort != FIELD:
            cells[_FORM, *where, target, STARTED if sort == FORM_START else SUBMITTED] += n
            self._presence[row.visitor, _FORM, target, *where] += n
        if sort in (FIELD, FORM_SUBMIT) and row.more is not None:
            for name, what in fields_of(sort, row.more):
                cells[_FIELD, *where, target, self._dictionary.word(name) * 4 + what] += n

    def count_session(self, session: SessionRow, n: int, steps: Iterable[tuple[int, int, int]]) -> None:
        """Count a session, and how often a page followed another one in it, on or off."""
        day, cells = self._days.of(self.connection, session.start), self._cells
        for kind, subject, extra in self._counted_session(session):
            cells[kind, session.lane, day, subject, extra] += n
        self._count_steps(session, steps, n)

    def count_growth(self, session: SessionRow, pages: int, uri: int | None, trouble: int | None) -> None:
        """Count what has come to a session of this lane and day, of `pages` pages, the last one of this trouble."""
        lane, day, cells = session.lane, self._days.of(self.connection, session.start), self._cells
        if (pages == 1) != (session.pages == 1):
            cells[_BOUNCES, lane, day, 0, 0] += 1 if session.pages == 1 else -1
        if (uri, trouble) != (session.uri, session.trouble):
            for n, exits in ((-1, self._exits(uri, trouble)), (1, self._exits(session.uri, session.trouble))):
                for kind, subject, extra in exits:
                    cells[kind, lane, day, subject, extra] += n
        self._count_steps(session, session.steps, 1)

    def _count_steps(self, session: SessionRow, steps: Iterable[tuple[int, int, int]], n: int) -> None:
        day, cells = self._days.of(self.connection, session.start), self._cells
        for one, other, times in steps:
            cells[_NEXT, session.lane, day, one, other] += times * n

    def set_beside(self, beside: set[int], moved: Iterable[int]) -> None:
        """Told at the end: visitors of whom a browser keeps no cookie are counted beside the others, as people. Of
        those who have `moved`, there or back, what is stored moves with them."""
        presence = self._presence
        for key in [key for key in presence if key[0] in beside and key[3] == PERSON]:
            visitor, kind, subject, _, day = key
            presence[visitor, kind, subject, BESIDE, day] += presence.pop(key)
        for visitor in moved:
            to, lane = (BESIDE, PERSON) if visitor in beside else (PERSON, BESIDE)
            (text,) = self._execute(SQL["presence_of"], (visitor, lane)).fetchone()
            for kind, subject, day, n in json.loads(text):
                presence[visitor, kind, subject, lane, day] -= n
                presence[visitor, kind, subject, to, day] += n

    def settle(self) -> None:
        """Write everything."""
        self._settle_presence()
        cells = [(*key, n) for key, n in self._cells.items() if n]
        run_many(self._execute, "add_cells_many", cells)
        self._unasked += len(cells)
        if self._unasked * ASKED_OFTEN >= self._fresh_cells:
            self._unasked = 0
            if self._execute(SQL["last_fresh_cell"]).fetchone()[0] >= self._fresh_cells:
                self._execute(SQL["fold_cells"])
                self._execute(SQL["clear_fresh_cells"])
        self._reached.settle()
        self.clear()

    def _counted_session(self, session: SessionRow) -> Iterator[Counted]:
        """What a session counts for, but for what followed what."""
        yield _SESSIONS, 0, 0
        if session.pages == 1:
            yield _BOUNCES, 0, 0
        if session.entry is not None:
            yield _ENTRY, self._dictionary.address(session.entry).page, 0
        yield from self._exits(session.uri, session.trouble)
        if session.source is not None:
            yield _SOURCE, session.source, 0
        if session.device is not None:
            yield _DEVICE, session.device, 0

    def _exits(self, uri: int | None, trouble: int | None) -> Iterator[Counted]:
        """What a session counts for by its last page."""
        if uri is None:
            return
        page = self._dictionary.address(uri).page
        yield _EXIT, page, 0
        failed, is_slow = divmod(trouble or 0, 2)
        if failed:
            yield _FAILED_EXIT, page, failed
        if is_slow:
            yield _SLOW_EXIT, page, 0

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
        there = self._there
        asked = [(key, change) for key, change in changes if change < 0 or key not in there]
        texts = ask_many(self._execute, "find_presence_many", [key for key, _ in asked])
        found = [row for text in texts for row in json.loads(text)]
        for (key, change), (n, before, after) in zip(asked, found, strict=False):
            if n is None:
                self._come(key, before, after, 1)
            if (n or 0) + change != 0:
                there.put(key, None)
                continue
            there.pop(key, None)
            before, after = self._execute(SQL["find_gap"], key).fetchone()
            self._come(key, before, after, -1)
        run_many(self._execute, "add_presence_many", [(*key, n) for key, n in changes])

    def _come(self, there: There, before: int | None, after: int | None, n: int) -> None:
        """Somebody came (1) on a day between two others, or did not after all (-1)."""
        _, of, subject, lane, day = there
        kind = _VISITORS_OF[of]
        previous = NEVER if before is None else before
        self._cells[kind, lane, day, subject, previous] += n
        if after is not None:
            self._cells[kind, lane, after, subject, day] += n
            self._cells[kind, lane, after, subject, previous] -= n
