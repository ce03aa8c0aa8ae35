"""Visitors from one transaction to the next, each with its latest session.

Law: what is remembered is as the table has it. So it is forgotten after a rollback, when another connection has
written, and after whatever changes these rows otherwise than through `Work`. A batch of pages of people who were here a
moment ago then needs no look at the tables at all.
"""

from collections.abc import Iterable

from proxy.bounded import Bounded
from proxy.store.sqlite.rows import VisitorRow

VISITORS = 4_000
"""Visitors who are remembered, about a kilobyte each."""


class Remembered:
    """`of_uuid` does not know a twin's uuid, which stands for somebody else."""

    __slots__ = ("_by_id", "_by_uuid")

    def __init__(self) -> None:
        self._by_id: Bounded[int, VisitorRow] = Bounded(VISITORS)
        self._by_uuid: Bounded[bytes, VisitorRow] = Bounded(VISITORS)

    def of_uuid(self, uuid: bytes) -> VisitorRow | None:
        known = self._by_uuid.get(uuid)
        return known and self._by_id.get(known.id)

    def of_id(self, row_id: int) -> VisitorRow | None:
        return self._by_id.get(row_id)

    def put(self, visitors: Iterable[VisitorRow]) -> None:
        """Remember those who were saved."""
        for one in visitors:
            session = one.session
            if one.twin_of is None and (session is None or (session.visitor == one.id and not session.is_gone)):
                self._by_id.put(one.id, one)
                self._by_uuid.put(one.uuid, one)
            else:
                self._by_id.pop(one.id, None)

    def forget(self) -> None:
        self._by_id.clear()
        self._by_uuid.clear()
