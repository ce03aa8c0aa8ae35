"""The SQLite reader: read-only, in short steps.

Law: a long read stops the writer's checkpoints and the write-ahead log grows; so an export asks for
`STEP_EVENTS` events at a time and holds no transaction between two steps.
"""

import json
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from proxy.events.columns import amount_key, target_key
from proxy.events.event import LANES, Event
from proxy.events.labels import TEMPLATES, label_of
from proxy.events.values import INTEGER_MAX
from proxy.store.base import Query
from proxy.store.sqlite.connection import SQL, mapped_errors, open_reader
from proxy.visitors.ids import text_of
from proxy.visitors.sessions import REASON_NAMES, Reason

STEP_EVENTS = 2_000
"""Events read in one step."""


class SqliteReader:
    """Answers questions about one database file (store/base.py, `Reader`). `labels`: the templates of actions."""

    def __init__(self, path: Path, *, labels: Mapping[str, str] = TEMPLATES) -> None:
        self._path = path
        self._labels = labels
        self._connection = open_reader(path)

    def __repr__(self) -> str:
        return f"<SqliteReader {self._path}>"

    def export(self, query: Query) -> Iterator[Event]:
        """Events in `seq` order; see store/base.py. A twin's uuid answers for the visitor that it turned out to be."""
        values = {
            "since": query.since,
            "until": query.until,
            "action": query.action,
            "visitor": self._visitor(query.visitor),
            "lane": query.lane,
            "step": STEP_EVENTS,
        }
        last = query.after
        seqs = self._seqs_of(values["visitor"])
        if seqs is not None:
            yield from self._export_some(seqs[bisect_right(seqs, last) :], query)
            return
        while True:
            with mapped_errors(self._path):
                rows = self._connection.execute(SQL["export"], {**values, "seq": last}).fetchall()
            yield from (event_of(row, self._labels) for row in rows)
            if len(rows) < STEP_EVENTS:
                return
            last = rows[-1][0]

    def _seqs_of(self, visitor: object) -> Sequence[int] | None:
        """The events of a visitor; None where all events have to be looked at: nobody is asked for, or a crawler."""
        if visitor is None:
            return None
        with mapped_errors(self._path):
            row = self._connection.execute(SQL["visitor_main"], (visitor,)).fetchone()
            if row is None or row[1]:
                return [] if row is None else None
            rows = self._connection.execute(SQL["visitor_ids"], {"visitor": row[0], "visit": None})
            return array("q", (seq for seq, _, _ in rows))  # 8 MB of a million

    def _export_some(self, seqs: Sequence[int], query: Query) -> Iterator[Event]:
        since, until = query.since or 0, query.until or INTEGER_MAX
        lane = None if query.lane is None else LANES[query.lane]
        for start in range(0, len(seqs), STEP_EVENTS):
            wanted = json.dumps(list(seqs[start : start + STEP_EVENTS]))
            with mapped_errors(self._path):
                rows = self._connection.execute(SQL["report_events"], {"seqs": wanted}).fetchall()
            for event in (event_of(row[:-2], self._labels) for row in rows):
                if since <= event.time < until and query.action in (None, event.action) and lane in (None, event.lane):
                    yield event

    def outcomes(self) -> list[tuple[int, str, str, int]]:
        """Requests by (day since 1970, host, outcome) and their number."""
        with mapped_errors(self._path):
            return self._connection.execute(SQL["outcomes"]).fetchall()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _visitor(self, uuid: bytes | None) -> bytes | None:
        if uuid is None:
            return None
        with mapped_errors(self._path):
            row = self._connection.execute(SQL["visitor"], (uuid,)).fetchone()
            if row is None or row[2] is None:
                return uuid
            return bytes(self._connection.execute(SQL["visitor_uuid"], (row[2],)).fetchone()[0])


def event_of(row: tuple[Any, ...], labels: Mapping[str, str]) -> Event:
    """An event from a row of export.sql."""
    seq, raw_id, action, time, wait, uuid, session, page, lane = row[:9]
    params = _params(action, row[9:18], row[19:])
    return Event(
        seq=seq,
        id=text_of(raw_id),
        action=action,
        time=time,
        received=time + wait,
        uuid=text_of(uuid),
        lane=LANES[lane],
        session=None if session is None else text_of(session),
        page=None if page is None else text_of(page),
        params=params,
        undefined=tuple(json.loads(row[18])) if row[18] else (),
        label=label_of(action, params, labels),
    )


def _params(action: str, own: tuple[Any, ...], session: tuple[Any, ...]) -> dict[str, object]:
    uri, title, referrer, amount, facts, target, more, usual_ms, usual_n = own
    start, last, reason, pages, events, last_uri = session
    if action == "session.end":
        params = {
            "reason": REASON_NAMES.get(Reason(reason or 0)),
            "duration_ms": None if start is None else last - start,
            "pages": pages,
            "events": events,
            "uri": last_uri,
        }
    else:
        params = {target_key(action): target, "uri": uri, "title": title, "referrer": referrer}
        params |= {amount_key(action): amount} if action != "page.visit" else {}
        params |= {**(json.loads(facts) if facts else {}), **(json.loads(more) if more else {})}
        params |= {amount_key(action): amount} if action == "page.visit" else {}
        params |= {} if usual_ms is None else {"usual_ms": usual_ms, "usual_n": usual_n}
    return {key: value for key, value in params.items() if value is not None}
