"""The roll-ups of schema_4.sql once more, from nothing but the rows of `event` and `session`.

Law: what is counted is rollups.py's; how, is said here without the writer's help, in SQL over all rows, so that the two
can be held against each other. Whoever calls has opened the transaction, one for writing where something is written.
Days that are there stay (days.py): which one a time is in was decided when it was first counted.

All of it writes to tables without naming their schema. TEMP tables of the same names stand before the store's: a
recount that is only to be compared goes there, and a read-only connection is enough.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta, tzinfo
from typing import TYPE_CHECKING, Any, NamedTuple

from proxy.events.dwell import bucket_of
from proxy.events.event import LANES
from proxy.events.labels import CONTEXTS
from proxy.store.sqlite.days import Days
from proxy.store.sqlite.rollups import ELEMENT_CONTEXTS, VALUES, Kind
from proxy.store.sqlite.sources import source_of
from proxy.store.sqlite.texts import SQL, statements

if TYPE_CHECKING:
    from proxy.store.sqlite.connection import Connection

SESSION_COLUMNS = tuple("lane entry source device view viewed uri trouble pages events top".split())
_ACTS = json.dumps(
    [
        [f"{context}.{what}", int(kind), place]
        for place, context in enumerate(CONTEXTS)
        for what, kind in (("click", Kind.CLICK), ("hover", Kind.HOVER))
    ]
)
_OF_PAGES = (
    *(Kind.PAGE, Kind.ENGAGED, Kind.ENTRY, Kind.EXIT, Kind.NEXT, Kind.PAGE_VISITORS),
    *(Kind.FAILED, Kind.SLOW, Kind.FAILED_EXIT, Kind.SLOW_EXIT),
)
_OF_ELEMENTS = (Kind.CLICK, Kind.HOVER, Kind.HOVERED, Kind.UNUSUAL, Kind.CLICK_VISITORS)
_OF_TARGETS = (Kind.FORM, Kind.FIELD, Kind.FORM_VISITORS)
_OF_WORDS = (Kind.ACTION, Kind.SOURCE, Kind.DEVICE)
_TEXTS = ("moment_ends", "fields", "used", "visits", "stays", "field_texts", "stay_texts", "text_words")
_ROWS = ("reach", "views", "elements", "sessions", "presence", "visitors")
STEPS = len(_TEXTS) + len(_ROWS)
"""Of counting, which take very differently long."""

Step = Callable[[], None]


class Finding(NamedTuple):
    """Something stored that is not what was counted; None where there is nothing. `table`, and `where` in it."""

    table: str
    where: str
    stored: object
    counted: object

    def __str__(self) -> str:
        stored, counted = ("nothing" if one is None else one for one in (self.stored, self.counted))
        return f"{self.table}, {self.where}: {stored} is stored, {counted} was counted"


def _quiet() -> None:
    """Nobody asks how far it is."""


def recount(connection: "Connection", zone: tzinfo | None) -> None:
    """Fill all roll-ups, and the columns that follow from other rows, from nothing."""
    with _counting(connection):
        _count_texts(connection, zone)
        _run(connection, "recount_texts_missing", "recount_text_words", "recount_clear")
        _count_rows(connection)
        _run(connection, "recount_put_engaged", "recount_put_back", "recount_put_sessions")


def differences(connection: "Connection", zone: tzinfo | None, step: Step = _quiet) -> Iterator[Finding]:
    """What is stored otherwise than it would be counted; nothing is written. `step` is called after each of `STEPS`."""
    with _counting(connection):
        _run(connection, "recount_shadow")
        _count_texts(connection, zone, step)
        _run(connection, "recount_texts_unknown")
        _count_rows(connection, step)
        for day, stored, counted in _ask(connection, "recount_diff_day"):
            yield Finding("day", _date(day), stored, counted)
        for slot, stored, counted in _ask(connection, "recount_diff_reach"):
            yield Finding("reach", f"slot {slot}", stored, counted)
        for row in _ask(connection, "recount_diff_cell"):
            yield _cell(connection, *row)
        for visitor, kind, subject, lane, day, stored, counted in _ask(connection, "recount_diff_presence"):
            where = _where(connection, kind, lane, day, subject)
            yield Finding("presence", f"visitor {visitor}, {where}", stored, counted)
        for seq, stored, counted in _ask(connection, "recount_diff_engaged"):
            yield Finding("event", f"engaged of {seq}", stored, counted)
        for seq, stored, counted in _ask(connection, "recount_diff_back"):
            yield Finding("event", f"back of {seq}", stored, counted)
        for session, *rows in _ask(connection, "recount_diff_session"):
            for column, stored, counted in zip(SESSION_COLUMNS, *map(json.loads, rows), strict=True):
                if stored != counted:
                    yield Finding("session", f"{column} of {session}", stored, counted)


def repair(connection: "Connection", zone: tzinfo | None, step: Step = _quiet) -> None:
    """Make what is stored what is counted, and write nothing else. `step` as of `differences`."""
    with _counting(connection):
        _run(connection, "fold_cells", "clear_fresh_cells", "recount_shadow")
        _count_texts(connection, zone, step)
        _run(connection, "recount_texts_missing", "recount_text_words")
        _count_rows(connection, step)
        _run(connection, "recount_mend", "recount_put_engaged", "recount_put_back", "recount_put_sessions")


@contextmanager
def _counting(connection: "Connection") -> Iterator[None]:
    connection.create_function("bucket_of", 1, bucket_of, deterministic=True)
    connection.create_function("source_of", 3, _source, deterministic=True)
    _run(connection, "recount_end", "recount_begin")  # one that was given up may have left its tables
    try:
        yield
    finally:
        _run(connection, "recount_end")


def _count_texts(connection: "Connection", zone: tzinfo | None, step: Step = _quiet) -> None:
    """The days, what follows for events and sessions themselves, and the texts that are counted by."""
    _ask(connection, "recount_moments")
    days = Days(zone)
    seen = _ask(connection, "recount_moments_seen").fetchall()
    both = [(slot, days.of(connection, low), days.of(connection, high)) for slot, low, high in seen]
    connection.executemany(SQL["recount_moment_days"], both)
    connection.execute(SQL["recount_acts"], {"acts": _ACTS})
    for name in _TEXTS:
        _ask(connection, f"recount_{name}")
        step()


def _count_rows(connection: "Connection", step: Step = _quiet) -> None:
    for name in _ROWS:
        _ask(connection, f"recount_{name}")
        step()


def _ask(connection: "Connection", name: str) -> Any:
    return connection.execute(SQL[name], VALUES)


def _run(connection: "Connection", *names: str) -> None:
    for name in names:
        for statement in statements(SQL[name]):
            connection.execute(statement)


def _source(referrer: str | None, facts: str | None, host: str | None) -> str:
    return source_of(referrer, json.loads(facts) if facts else {}, host)


# Findings in words --------------------------------------------------------------------------------------------------


def _cell(connection: "Connection", *row: Any) -> Finding:
    kind, lane, day, subject, extra, stored, counted = row
    where = _where(connection, kind, lane, day, subject)
    return Finding("cell", f"{where}, {extra}" if extra else where, stored, counted)


def _where(connection: "Connection", kind: int, lane: int, day: int, subject: int) -> str:
    known = next((one for one in Kind if one == kind), None)
    name = f"kind {kind}" if known is None else known.name
    lanes = [*LANES, "cookieless"]
    where = f"{name} of {lanes[lane] if 0 <= lane < len(lanes) else lane}, {_date(day)}"
    return f"{where}, {_name(connection, known, subject)}" if subject else where


def _name(connection: "Connection", kind: Kind | None, subject: int) -> str:
    """What a subject stands for, as far as that is known."""
    if kind in _OF_PAGES:
        row = connection.execute(SQL["name_page"], (subject,)).fetchone()
    elif kind in _OF_ELEMENTS:
        row = connection.execute(SQL["name_target"], (subject // ELEMENT_CONTEXTS,)).fetchone()
    elif kind in _OF_TARGETS:
        row = connection.execute(SQL["name_target"], (subject,)).fetchone()
    elif kind in _OF_WORDS:
        row = connection.execute(SQL["word_value"], (subject,)).fetchone()
    else:
        row = None
    return f"{subject} ({row[0]})" if row else str(subject)


def _date(day: int) -> str:
    return (date(1970, 1, 1) + timedelta(days=day)).isoformat()
