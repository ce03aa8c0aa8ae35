"""The SQLite reader: read-only, in short steps.

Law: a long read stops the writer's checkpoints and the write-ahead log grows; so an export asks for
`STEP_EVENTS` events at a time and holds no transaction between two steps.
"""

import json
from array import array
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from proxy.events.columns import amount_key, target_key
from proxy.events.event import LANES, Event
from proxy.events.labels import TEMPLATES, label_of
from proxy.store.base import Query
from proxy.store.sqlite.connection import SQL, mapped_errors, open_reader
from proxy.store.sqlite.rollups import VALUES
from proxy.visitors.ids import text_of
from proxy.visitors.sessions import REASON_NAMES, Reason

STEP_EVENTS = 2_000
"""Events read in one step."""
EVER = 2**62
"""Unix ms, and a seq, that no event reaches."""


class SqliteReader:
    """Answers questions about one database file (store/base.py, `Reader`). `labels`: the templates of actions."""

    def __init__(self, path: Path, *, labels: Mapping[str, str] = TEMPLATES) -> None:
        self._path = path
        self._labels = labels
        self._connection = open_reader(path)

    def __repr__(self) -> str:
        return f"<SqliteReader {self._path}>"

    def export(self, query: Query) -> Iterator[Event]:
        """Events in `seq` order; see store/base.py. Of a visitor, or with an `until`, those that were there when it
        began. A twin's uuid answers for the visitor that it turned out to be."""
        asked: dict[str, object] = query._asdict()
        if query.visitor is not None:
            [row] = self._ask("visitor_main", (query.visitor,)) or [None]
            if row is None:
                return
            asked["visitor"], is_crawler = row
            if not is_crawler:
                yield from self._export_own(asked, query.after)
                return
        low, high = self._reach(query)
        last = max(low - 1, query.after)
        while True:
            rows = self._ask("export", {**asked, "seq": last, "high": high, "step": STEP_EVENTS})
            yield from (event_of(row, self._labels) for row in rows)
            if len(rows) < STEP_EVENTS:
                return
            last = rows[-1][0]

    def _export_own(self, asked: Mapping[str, object], after: int) -> Iterator[Event]:
        """The events of somebody who is no crawler: they are not looked for among all others'."""
        [(text,)] = self._ask("export_seqs", asked)
        seqs = array("q", (seq for seq in json.loads(text) if seq > after))  # 8 MB of a million
        for begin in range(0, len(seqs), STEP_EVENTS):
            rows = self._ask("report_events", {"seqs": json.dumps(list(seqs[begin : begin + STEP_EVENTS]))})
            yield from (event_of(row[:-2], self._labels) for row in rows)

    def outcomes(self) -> list[tuple[int, str, str, int]]:
        """Requests by (day since 1970, host, outcome) and their number."""
        return self._ask("outcomes", ())

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _reach(self, query: Query) -> tuple[int, int]:
        """Between which seqs the events of a query's time are so far; to an end that is open more may come."""
        since, until = -EVER if query.since is None else query.since, EVER if query.until is None else query.until
        [(low, high)] = self._ask("report_reach", {**VALUES, "since": since, "until": until})
        return low, EVER if query.until is None else high

    def _ask(self, name: str, values: Mapping[str, object] | Sequence[object]) -> list[Any]:
        with mapped_errors(self._path):
            return self._connection.execute(SQL[name], values).fetchall()


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
