"""What a transaction changes in the roll-ups: collected while rows change, written once at its end.

Law: what an event counts for is said here and nowhere else on the writing side (rollups.py has the table); a row that
changes is counted off before and on after. How many visitors there were follows from their days (presence.py).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from proxy.events.dwell import bucket_of
from proxy.store.sqlite.bulk import run_many
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
from proxy.store.sqlite.presence import Cells, Presence
from proxy.store.sqlite.reached import Reached
from proxy.store.sqlite.rollups import (
    ELEMENT_CONTEXTS,
    SLOW_MS,
    UNCONFIRMED,
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

Counted = tuple[int, int, int]
"""Kind, subject, extra."""
View = tuple[int, int, int, int, int, int | None, int | None]
"""What is counted of a page view: action, lane, whether it is confirmed, day, hour, facts, uri."""
Viewer = tuple[int, int, int, int, int | None]
"""And of whose it is: visitor, lane, day, hour, uri."""


class Ledger:
    """The roll-ups of one transaction. `days`: of the store; `dictionary`: for pages, statuses and fields;
    `fresh_cells`: how many cells may wait to be added to the others."""

    __slots__ = (
        "_cells", "_days", "_dictionary", "_execute", "_fresh_cells", "_presence", "_reached", "_unasked",
        "_viewers", "_views", "connection",
    )  # fmt: skip

    def __init__(self, connection: Any, dictionary: Dictionary, days: Days, fresh_cells: int = FRESH_CELLS) -> None:
        self.connection = connection
        self._execute: Callable[..., Any] = connection.execute
        self._dictionary = dictionary
        self._days = days
        self._fresh_cells = self._unasked = fresh_cells
        self._reached = Reached(connection.execute)
        self._presence = Presence(connection.execute)
        self.clear()

    def forget(self) -> None:
        """What is remembered beyond a transaction may not be true any more."""
        self._presence.forget()
        self._reached.forget()

    def clear(self) -> None:
        """Begin anew."""
        self._cells: Cells = defaultdict(int)
        self._presence.clear()
        self._views: defaultdict[View, int] = defaultdict(int)
        self._viewers: defaultdict[Viewer, int] = defaultdict(int)
        self._reached.clear()

    def day_of(self, time: int) -> int:
        return self._days.of(self.connection, time)

    def count(self, row: EventRow, n: int) -> None:
        """Count an event on (`n` 1) or off (-1)."""
        if row.visitor == NOBODY:
            return
        sort, context = self._dictionary.act(row.action)
        if sort == VISIT:
            self.count_view(row, n)
            return
        time, lane, action = row.time, row.lane, row.action
        day = self._days.of(self.connection, time)
        self._cells[_ACTION, lane, day, action, 0] += n
        if sort == START and row.uri is None:  # of an app, which shows no page: its visitor is there all the same
            self._presence.changes[row.visitor, _VIEWS, 0, lane, day] += n
            self._presence.changes[row.visitor, _HOUR, time // HOUR_MS, lane, day] += n
        elif sort <= LAST_OF_TARGETS and row.target is not None:
            self._count_target(row, sort, context, (lane, day), n)

    def count_view(self, row: EventRow, n: int) -> None:
        """The same of a page.visit."""
        time, lane, uri, amount = row.time, row.lane, row.uri, row.amount
        day, hour = self._days.of(self.connection, time), time // HOUR_MS
        self._views[row.action, lane, row.state & CONFIRMED, day, hour, row.facts, uri] += n
        self._viewers[row.visitor, lane, day, hour, uri] += n
        if amount is not None and amount >= SLOW_MS and uri is not None:
            self._cells[_SLOW, lane, day, self._dictionary.address(uri).page, bucket_of(amount)] += n
        if row.engaged is not None:
            self.count_engaged(row, n)

    def reach(self, rows: Sequence[EventRow]) -> None:
        """These events, in the order of their seqs, are new or have another time: whoever looks for it finds them."""
        self._reached.see(rows)

    def _unfold(self) -> None:
        """What page views count for, once for all that are alike: under load many are."""
        cells, presence, dictionary = self._cells, self._presence.changes, self._dictionary
        for (action, lane, confirmed, day, hour, facts, uri), n in self._views.items():
            missing = UNCONFIRMED if lane == PERSON and not confirmed else 0
            cells[_ACTION, lane, day, action, 0] += n
            cells[_VIEWS, lane, day, 0, missing] += n
            cells[_HOUR, lane, day, hour, 0] += n
            status = dictionary.status_of(facts)
            if status is not None:
                cells[_STATUS, lane, day, status, 0] += n
            if uri is not None:
                page = dictionary.address(uri).page
                cells[_PAGE, lane, day, page, missing] += n
                if status is not None and is_failed(status):
                    cells[_FAILED, lane, day, page, status] += n
        for (visitor, lane, day, hour, uri), n in self._viewers.items():
            presence[visitor, _VIEWS, 0, lane, day] += n
            presence[visitor, _HOUR, hour, lane, day] += n
            if uri is not None:
                presence[visitor, _PAGE, dictionary.address(uri).page, lane, day] += n
        self._views.clear()
        self._viewers.clear()

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
            self._presence.changes[row.visitor, _CLICK, element, *where] += n
        elif sort != FIELD:
            cells[_FORM, *where, target, STARTED if sort == FORM_START else SUBMITTED] += n
            self._presence.changes[row.visitor, _FORM, target, *where] += n
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
        """See presence.py."""
        self._unfold()
        self._presence.set_beside(beside, moved)

    def settle(self) -> None:
        """Write everything."""
        self._unfold()
        self._presence.settle(self._cells)
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
