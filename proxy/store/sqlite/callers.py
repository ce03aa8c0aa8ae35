"""Who came: visitors, their sessions and what they did, one by one (store/questions).

Law: a list is read from its latest row on, as far as it is asked for: what that costs does not grow with the span.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from proxy.store.questions import Cursor, FoundRow, Span, Stay, Told, VisitorRow, Visitors
from proxy.store.sqlite.asking import Asking, on
from proxy.store.sqlite.reader import EVER, event_of
from proxy.store.sqlite.rollups import REACH_MS
from proxy.visitors.ids import parse_uuid, text_of, time_of
from proxy.visitors.lanes import BOT
from proxy.visitors.sessions import REASON_NAMES, Reason

WIDER_TIMES = 4
"""A list of visitors is looked for in the latest ten minutes first, then in so many times more, until it is full."""


class Callers(Asking):
    """Visitors and their stories."""

    def visitors(self, span: Span, before: Cursor | None, limit: int) -> Visitors:
        [(total, beside)] = self._ask_of("report_visitors_number", span.since, span.until, {"lane": span.lane})
        keys = self._latest(span, before, min(limit, total + beside))
        rows = self._known(span, keys) if keys else []
        starts = {told.event.seq: told.event for told in self.again([row[8] for row in rows if row[8] is not None])}
        found = []
        for key, uuid, views, sessions, first, last, uri, title, start, is_beside in rows:
            began = starts.get(start)
            row = VisitorRow(key, text_of(uuid), views, sessions, first, last, uri, title, began, bool(is_beside))
            found.append(row)
        return Visitors(tuple(found), total, beside)

    def _latest(self, span: Span, before: Cursor | None, limit: int) -> list[int]:
        """The first `limit` visitors of a span, after a row of the list, by their last page view."""
        until = span.until if before is None else min(span.until, before.time + 1)
        later: set[int] = set()
        for since in self._wider(span.since, until):
            values = {**self._reach(since, until), "lane": span.lane}
            found = [(last, visitor) for visitor, last in self._ask("report_visitors_late", values)]
            if before is not None:
                found = [row for row in found if row < before]
                new = [visitor for _, visitor in found if visitor not in later]
                later |= self._seen_in(span._replace(since=until), new)
                found = [row for row in found if row[1] not in later]
            if len(found) >= limit or since == span.since:
                return [visitor for _, visitor in found[:limit]]
        return []

    def _wider(self, first: int, until: int) -> Iterator[int]:
        """Where a search backwards from `until` has got to, again and again; the last time is `first`."""
        [(latest,)] = self._ask("report_latest_slot", {"since": first, "until": until})
        if latest is None:
            return
        slots = 1
        while (since := (latest + 1 - slots) * REACH_MS) > first:
            yield since
            slots *= WIDER_TIMES
        yield first

    def _seen_in(self, span: Span, visitors: Sequence[int]) -> set[int]:
        """Which of these have a page view in a span. Whole days are looked up, the rest is read."""
        if not visitors or span.since >= span.until:
            return set()
        first, last, start, until = self._one("report_whole_days", {"since": span.since, "until": span.until})
        if first is None or self._raw:
            parts, seen = [(span.since, span.until)], set()
        else:
            parts = [(span.since, start), (until, span.until)]
            asked = {"keys": json.dumps(visitors), "lane": span.lane, "first": first, "last": last}
            seen = {visitor for (visitor,) in self._ask("report_visitors_later_days", asked)}
        for part in parts:
            rows = self._ask("report_visitors_late", {**self._reach(*part), "lane": span.lane})
            seen.update(visitor for visitor, _ in rows)
        return seen

    def _known(self, span: Span, keys: Sequence[int]) -> list[Any]:
        """What is known of some visitors in a span."""
        asked: dict[str, object] = {"keys": json.dumps(keys), "lane": span.lane}
        if span.lane == BOT:
            return self._ask_of("report_visitors_crawling", span.since, span.until, asked)
        return self._ask("report_visitors", {**span._asdict(), **asked, "raw": self._raw})

    def visitor(self, uuid: str) -> tuple[int, str] | None:
        raw = parse_uuid(uuid)
        row = None if raw is None else self._one("report_visitor", {"uuid": raw})
        return None if row is None else (row[0], text_of(row[1]))

    def customers(self, marks: Sequence[bytes], limit: int) -> tuple[FoundRow, ...]:
        rows = [row for mark in marks for row in self._ask("report_customers", {"mark": mark, "limit": limit})]
        found = sorted((FoundRow(text_of(uuid), *times) for uuid, *times in rows), key=lambda row: row.uuid)
        return tuple(sorted(found, key=lambda row: row.last or 0, reverse=True)[:limit])

    def beginning(self, first: bytes, last: bytes, limit: int) -> tuple[FoundRow, ...]:
        rows = self._ask("report_beginning", {"first": first, "last": last, "limit": limit})
        return tuple(FoundRow(text_of(uuid), *times) for uuid, *times in rows)

    def stays(self, visitor: int, before: Cursor | None, limit: int) -> tuple[Stay, ...]:
        return tuple(map(_stay, self._ask("report_stays", {"visitor": visitor, **on(before), "limit": limit})))

    def stay_of(self, visitor: int, session: str) -> Stay | None:
        raw = parse_uuid(session)
        if raw is None:
            return None
        row = self._one("report_stay_of", {"visitor": visitor, "uuid": raw, "made": time_of(raw)})
        return None if row is None else _stay(row)

    def stay(self, session: int, after: Cursor | None, limit: int) -> tuple[Told, ...]:
        rows = self._ask("report_stay", {"session": session, **on(after), "limit": limit})
        return self.again([seq for (seq,) in rows])

    def loose(self, visitor: int, since: int, before: Cursor | None, limit: int) -> tuple[Told, ...]:
        latest = EVER if before is None else before.time
        asked = {"visitor": visitor, "since": since, "latest": latest, **on(before), "limit": limit}
        rows = self._ask("report_loose", asked)
        return self.again([seq for (seq,) in reversed(rows)])

    def again(self, seqs: Sequence[int]) -> tuple[Told, ...]:
        if not seqs:
            return ()
        rows = self._ask("report_events", {"seqs": json.dumps(list(seqs))})
        return tuple(Told(event_of(row[:-2], self._labels), *row[-2:]) for row in rows)


def _stay(row: Any) -> Stay:
    key, uuid, start, last, reason, pages, events = row
    return Stay(key, text_of(uuid), start, last, REASON_NAMES.get(Reason(reason)), pages, events)
