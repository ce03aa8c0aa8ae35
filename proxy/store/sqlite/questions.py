"""The SQLite side of the report's questions (store/questions): read-only, each within its deadline.

Law: one SQL file a question. A connection serves one thread; a page's questions are asked in one short read
transaction, so that its numbers agree, and give up together after `MOMENT_SECONDS`: a long reader stops the writer's
checkpoints and the write-ahead log grows.
"""

import hashlib
import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from proxy.events.event import LANES
from proxy.events.labels import CONTEXTS
from proxy.store.base import StoreUnavailable
from proxy.store.questions import (
    BlockedRow,
    ClickRow,
    Cursor,
    Engaged,
    Evidence,
    FieldRow,
    FormRow,
    HoverRow,
    LaneTotals,
    Late,
    Origins,
    OutcomeRow,
    PageRow,
    Ranking,
    Refused,
    Slot,
    SourceRow,
    Span,
    Stay,
    Told,
    VisitorRow,
    Without,
)
from proxy.store.sqlite.connection import SQL, mapped_errors, open_reader
from proxy.store.sqlite.reader import event_of
from proxy.visitors.ids import parse_uuid, text_of
from proxy.visitors.sessions import REASON_NAMES, Reason

QUESTION_SECONDS = 5.0
"""How long one question may take; a page is not waited for longer by people, and a range can be made shorter."""
MOMENT_SECONDS = 15.0
"""How long all questions of a page may take together."""
CHECK_STEPS = 20_000
"""Steps of SQLite's machine between two looks at the clock: a few hundred microseconds."""
NO_FILE = (0, 0)
IDENTITY_CHARS = 16
"""Hexadecimal digits that tell one store from another."""
FIELDS_SHOWN = 100
"""Of one form: whoever makes up field names must not crowd out another form's."""

_HOVERS = json.dumps([f"{context}.hover" for context in CONTEXTS])
_CLICKS = json.dumps([f"{context}.click" for context in CONTEXTS])


class SqliteQuestions:
    """Answers the report's questions about one database file (store/questions, `ReportReader`).

    Raises:
        StoreUnavailable: there is no such file, it is empty, or it cannot be read now.
        StoreUnusable: the file is another program's, or a newer version's.
    """

    def __init__(self, path: Path, *, question_seconds: float = QUESTION_SECONDS) -> None:
        self._path = path
        self._seconds = question_seconds
        self._deadline = self._moment_ends = float("inf")
        # Before it is opened: of a file that is replaced in between, what is known is then not current.
        self._file = _file_of(path)
        self._connection = open_reader(path)
        self._connection.set_progress_handler(self._is_late, CHECK_STEPS)

    def __repr__(self) -> str:
        return f"<SqliteQuestions {self._path}>"

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def is_current(self) -> bool:
        """Whether the path still names the file that was opened."""
        return NO_FILE != self._file == _file_of(self._path)

    @contextmanager
    def moment(self) -> Iterator[None]:
        """One read transaction around several questions."""
        with mapped_errors(self._path):
            self._connection.execute("BEGIN")
        self._moment_ends = time.monotonic() + MOMENT_SECONDS
        try:
            yield
        finally:
            self._moment_ends = float("inf")
            with mapped_errors(self._path):
                # Where the disk or the memory gave out, SQLite has ended the transaction by itself.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def _is_late(self) -> bool:
        return time.monotonic() > self._deadline

    def _ask(self, name: str, values: dict[str, object]) -> list[Any]:
        self._deadline = min(time.monotonic() + self._seconds, self._moment_ends)
        if self._is_late():
            raise Late(name)
        try:
            with mapped_errors(self._path):
                return self._connection.execute(SQL[name], values).fetchall()
        except StoreUnavailable:
            if self._is_late():
                raise Late(name) from None
            raise
        finally:
            self._deadline = float("inf")

    def _one(self, name: str, values: dict[str, object]) -> Any:
        rows = self._ask(name, values)
        return rows[0] if rows else None

    # Totals ----------------------------------------------------------------------------------------------------

    def has_several_hosts(self) -> bool:
        return bool(self._one("report_hosts", {})[0])

    def people(self, since: int) -> int:
        return int(self._one("report_people", {"since": since})[0])

    def lanes(self, since: int, until: int) -> tuple[LaneTotals, ...]:
        found = {row[0]: row for row in self._ask("report_lanes", {"since": since, "until": until})}
        return tuple(LaneTotals(*found.get(lane, (lane, 0, 0, 0))) for lane in range(len(LANES)))

    def slots(self, edges: Sequence[tuple[int, int]], lane: int) -> tuple[Slot, ...]:
        rows = self._ask("report_slots", {"edges": json.dumps(edges), "lane": lane})
        return tuple(Slot(*edge, *row) for edge, row in zip(edges, rows, strict=True))

    def engaged(self, span: Span) -> Engaged:
        row = self._one("report_engaged", span._asdict())
        return Engaged(None, 0) if row is None else Engaged(*row)

    def outcomes(self, first_day: int, last_day: int) -> tuple[OutcomeRow, ...]:
        return tuple(OutcomeRow(*row) for row in self._ask("report_outcomes", {"first": first_day, "last": last_day}))

    # Rankings --------------------------------------------------------------------------------------------------

    def pages(self, span: Span, limit: int) -> Ranking[PageRow]:
        rows = self._ask("report_pages", {**span._asdict(), "limit": limit})
        return Ranking(tuple(PageRow(*row[:-1]) for row in rows), _total(rows))

    def sources(self, span: Span, limit: int) -> Origins:
        rows = self._ask("report_sources", {**span._asdict(), "limit": limit})
        sessions = int(rows[0][-2]) if rows else 0
        return Origins(tuple(SourceRow(*row[:-2]) for row in rows), _total(rows), sessions)

    def hovers(self, span: Span, limit: int) -> Ranking[HoverRow]:
        rows = self._ask("report_hovers", {**span._asdict(), "actions": _HOVERS, "limit": limit})
        return Ranking(tuple(_hover(row) for row in rows), _total(rows))

    def clicks(self, span: Span, limit: int) -> Ranking[ClickRow]:
        rows = self._ask("report_clicks", {**span._asdict(), "actions": _CLICKS, "limit": limit})
        return Ranking(tuple(ClickRow(*row[:-1]) for row in rows), _total(rows))

    def forms(self, span: Span, limit: int) -> Ranking[FormRow]:
        rows = self._ask("report_forms", {**span._asdict(), "limit": limit})
        asked = {**span._asdict(), "forms": json.dumps([row[0] for row in rows]), "most": FIELDS_SHOWN}
        fields: dict[int, list[FieldRow]] = {}
        for target, *field in self._ask("report_fields", asked) if rows else ():
            fields.setdefault(target, []).append(FieldRow(*field))
        found = [
            FormRow(host, path, name, started, submitted, visitors, tuple(fields.get(target, ())))
            for target, host, path, name, started, submitted, visitors, _ in rows
        ]
        return Ranking(tuple(found), _total(rows))

    def refused(self, since: int, until: int, limit: int) -> Ranking[Refused]:
        rows = self._ask("report_refused", {"since": since, "until": until, "limit": limit})
        return Ranking(tuple(Refused(*row[:-1]) for row in rows), _total(rows))

    def blocked(self, first_day: int, last_day: int, limit: int) -> Without:
        rows = self._ask("report_blocked", {"first": first_day, "last": last_day, "limit": limit})
        return Without(tuple(BlockedRow(*row[:5]) for row in rows), _total(rows), int(rows[0][5]) if rows else 0)

    # Visitors --------------------------------------------------------------------------------------------------

    def visitors(self, span: Span, before: Cursor | None, limit: int) -> Ranking[VisitorRow]:
        rows = self._ask("report_visitors", {**span._asdict(), **_on(before), "limit": limit})
        starts = {told.event.seq: told.event for told in self.again([row[8] for row in rows if row[8] is not None])}
        found = []
        for key, uuid, views, sessions, first, last, uri, title, start, _ in rows:
            began = starts.get(start)
            found.append(VisitorRow(key, text_of(uuid), views, sessions, first, last, uri, title, began))
        return Ranking(tuple(found), _total(rows))

    def visitor(self, uuid: str) -> tuple[int, str] | None:
        raw = parse_uuid(uuid)
        row = None if raw is None else self._one("report_visitor", {"uuid": raw})
        return None if row is None else (row[0], text_of(row[1]))

    def stays(self, visitor: int, before: Cursor | None, limit: int) -> tuple[Stay, ...]:
        return tuple(map(_stay, self._ask("report_stays", {"visitor": visitor, **_on(before), "limit": limit})))

    def stay_of(self, visitor: int, session: str) -> Stay | None:
        raw = parse_uuid(session)
        row = None if raw is None else self._one("report_stay_of", {"visitor": visitor, "uuid": raw})
        return None if row is None else _stay(row)

    def stay(self, session: int, after: Cursor | None, limit: int) -> tuple[Told, ...]:
        rows = self._ask("report_stay", {"session": session, **_on(after), "limit": limit})
        return self.again([seq for (seq,) in rows])

    def loose(self, visitor: int, since: int, before: Cursor | None, limit: int) -> tuple[Told, ...]:
        rows = self._ask("report_loose", {"visitor": visitor, "since": since, **_on(before), "limit": limit})
        return self.again([seq for (seq,) in reversed(rows)])

    # The live feed ---------------------------------------------------------------------------------------------

    def identity(self) -> str:
        """Of the file and of the visitor that came first: a file's number alone is used again when it is gone."""
        row = self._one("report_first_visitor", {})
        return "" if row is None else hashlib.sha256(b"%d %d %b" % (*self._file, row[0])).hexdigest()[:IDENTITY_CHARS]

    def change(self) -> int:
        with mapped_errors(self._path):
            return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def newest(self) -> int:
        return int(self._one("report_newest", {})[0])

    def after(self, seq: int, limit: int) -> tuple[Told, ...]:
        rows = self._ask("report_after", {"seq": seq, "limit": limit})
        return self.again([seq for (seq,) in reversed(rows)])

    def number_after(self, seq: int, most: int) -> int:
        return int(self._one("report_number_after", {"seq": seq, "most": most})[0])

    def again(self, seqs: Sequence[int]) -> tuple[Told, ...]:
        if not seqs:
            return ()
        rows = self._ask("report_events", {"seqs": json.dumps(list(seqs))})
        return tuple(Told(event_of(row[:-2]), *row[-2:]) for row in rows)


def _file_of(path: Path) -> tuple[int, int]:
    try:
        found = os.stat(path)
    except OSError:
        return NO_FILE
    return found.st_dev, found.st_ino


def _total(rows: Sequence[Any]) -> int:
    return int(rows[0][-1]) if rows else 0


def _on(cursor: Cursor | None) -> dict[str, object]:
    """Where a list goes on, as its question takes it."""
    return {"time": None, "key": None} if cursor is None else cursor._asdict()


def _stay(row: Any) -> Stay:
    key, uuid, start, last, reason, pages, events = row
    return Stay(key, text_of(uuid), start, last, REASON_NAMES.get(Reason(reason)), pages, events)


def _hover(row: Any) -> HoverRow:
    host, path, name, action, hovers, median, p95, unusual, dwell, usual_ms, usual_n, _ = row
    known = dwell is not None and isinstance(usual_ms, int) and isinstance(usual_n, int)
    evidence = Evidence(dwell, usual_ms, usual_n) if known else None
    return HoverRow(host, path, name, action, hovers, median, p95, unusual, evidence)
