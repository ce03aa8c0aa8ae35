"""Visitors from one transaction to the next, each with its latest session, and their latest page.visits.

Law: what is remembered is as the table has it. So it is forgotten after a rollback, when another connection has
written, and after whatever changes these rows otherwise than through `Work`. A batch of pages of people who were here a
moment ago then needs no look at the tables at all, and what they do on these pages only one for its own ids.
"""

from collections.abc import Iterable, Sequence

from proxy.bounded import Bounded
from proxy.store.sqlite.rows import EventRow, VisitorRow, id_of_row

VISITORS = 4_000
"""Visitors who are remembered, about a kilobyte each,"""
VIEWS = 8_000
"""and page.visits, half of that."""


class Remembered:
    """`of_uuid` does not know a twin's uuid, which stands for somebody else."""

    __slots__ = ("_by_id", "_by_uuid", "_seqs", "_views")

    def __init__(self) -> None:
        self._by_id: Bounded[int, VisitorRow] = Bounded(VISITORS)
        self._by_uuid: Bounded[bytes, VisitorRow] = Bounded(VISITORS)
        self._views: Bounded[int, EventRow] = Bounded(VIEWS)
        self._seqs: Bounded[bytes, int] = Bounded(VIEWS)

    def of_uuid(self, uuid: bytes) -> VisitorRow | None:
        known = self._by_uuid.get(uuid)
        return known and self._by_id.get(known.id)

    def of_id(self, row_id: int) -> VisitorRow | None:
        return self._by_id.get(row_id)

    def view(self, seq: int) -> EventRow | None:
        """A page.visit."""
        return self._views.get(seq)

    def seqs_of(self, ids: Sequence[bytes]) -> dict[bytes, int | None]:
        """The rows of page.visits, None for those that are not remembered."""
        if self._seqs.keys().isdisjoint(ids):  # as of pages that have just been asked for
            return dict.fromkeys(ids)
        views = self._views
        return {one: seq if (seq := self._seqs.get(one)) in views else None for one in ids}

    def put(self, visitors: Iterable[VisitorRow]) -> None:
        """Remember those who were saved."""
        for one in visitors:
            session = one.session
            if one.twin_of is None and (session is None or (session.visitor == one.id and not session.is_gone)):
                self._by_id.put(one.id, one)
                self._by_uuid.put(one.uuid, one)
            else:
                self._by_id.pop(one.id, None)

    def put_views(self, views: Iterable[EventRow]) -> None:
        """Remember page.visits that were saved, but for those to which a page's script has added params, which may be
        kilobytes. None is removed but by clearing away, which forgets everything."""
        kept = [one for one in views if one.more is None]
        seqs = [one.seq for one in kept]
        self._views.put_all(dict(zip(seqs, kept, strict=True)))
        self._seqs.put_all(dict(zip(map(id_of_row, kept), seqs, strict=True)))

    def forget(self) -> None:
        self._by_id.clear()
        self._by_uuid.clear()
        self._views.clear()
        self._seqs.clear()
