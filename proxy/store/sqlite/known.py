"""The events that a transaction knows, by what they are looked for.

Law: whatever is found here costs no more than is found: what looks at all events of a batch for each of its items costs
the square of the batch.
"""

import itertools
from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Iterator

from proxy.store.sqlite.rows import EventRow, place_of_row, time_of_row


class KnownEvents:
    """Events by seq, session and visitor. A row that has moved is put once more, and found only where it is now."""

    __slots__ = ("_by_session", "_loose", "by_seq")

    def __init__(self) -> None:
        self.by_seq: dict[int, EventRow] = {}
        self._by_session: defaultdict[int, list[EventRow]] = defaultdict(list)  # in the order of time and seq
        self._loose: defaultdict[int, list[EventRow]] = defaultdict(list)

    def put(self, row: EventRow) -> None:
        """An event that was read, made or moved."""
        self.by_seq[row.seq] = row
        if row.session is None:
            self._loose[row.visitor].append(row)
        else:
            rows = self._by_session[row.session]
            if not rows or rows[-1].time < row.time:  # as most often
                rows.append(row)
            else:
                insort(rows, row, key=place_of_row)

    def lift(self, row: EventRow) -> None:
        """Take out a row whose time is about to change; then put it once more. Only marks of sessions are moved so."""
        if row.session is not None:
            self._by_session[row.session] = [one for one in self._by_session[row.session] if one is not row]

    def drop(self, row: EventRow) -> None:
        """An event that is gone."""
        del self.by_seq[row.seq]

    def of_session(self, session: int) -> list[EventRow]:
        """The events of a session, by time and seq."""
        return list(reversed(list(self._latest_first(session))))

    def latest_of(self, session: int, number: int) -> list[EventRow]:
        """The latest events of a session, by time and seq."""
        latest = [row for row, _ in zip(self._latest_first(session), range(number), strict=False)]
        return list(reversed(latest))

    def between(self, session: int, after: int, until: int, number: int) -> list[EventRow]:
        """The latest events of a session after a time and until another one."""
        rows = self._by_session[session]
        begun = bisect_right(rows, until, key=time_of_row)
        some = itertools.takewhile(lambda row: row.time > after, self._latest_first(session, begun))
        return list(itertools.islice(some, number))

    def loose_of(self, visitor: int) -> list[EventRow]:
        """The events of a visitor outside any session, but for a crawler's."""
        found = {row.seq: row for row in self._loose[visitor] if row.visitor == visitor and row.session is None}
        return [row for row in found.values() if row.lane and self.by_seq.get(row.seq) is row]

    def _latest_first(self, session: int, begun: int | None = None) -> Iterator[EventRow]:
        """From the end, or those before a place in the list."""
        last, rows = None, self._by_session[session]
        for place in range(len(rows) if begun is None else begun, 0, -1):
            row = rows[place - 1]
            if row is not last and row.session == session and self.by_seq.get(row.seq) is row:
                last = row
                yield row
