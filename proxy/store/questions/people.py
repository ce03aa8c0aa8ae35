"""What the report asks about single visitors: lists of them, and what one of them did.

Law: as of `ReportReader`, of which these questions are a part.
"""

from collections.abc import Sequence
from typing import Protocol

from proxy.store.questions.answers import Cursor, FoundRow, Span, Stay, Told, Visitors


class PeopleReader(Protocol):
    """Every method may raise `Late` and a StoreError."""

    def visitors(self, span: Span, before: Cursor | None, limit: int) -> Visitors:
        """By their last page.visit, or session of an app, the latest first; `before`: `last` and `key` of a row."""
        ...

    def visitor(self, uuid: str) -> tuple[int, str] | None:
        """(key, uuid) of a visitor; of a twin, those of the visitor that it turned out to be."""
        ...

    def customers(self, marks: Sequence[bytes], limit: int) -> tuple[FoundRow, ...]:
        """Visitors that were tied to a customer, under any of its marks (visitors/customers.py); the latest first."""
        ...

    def beginning(self, first: bytes, last: bytes, limit: int) -> tuple[FoundRow, ...]:
        """Visitors whose uuid is between two, both inclusive, in its order; of a twin, the visitor that it turned out
        to be."""
        ...

    def stays(self, visitor: int, before: Cursor | None, limit: int) -> tuple[Stay, ...]:
        """A visitor's sessions, the latest first; `before`: `start` and `key` of a row."""
        ...

    def stay_of(self, visitor: int, session: str) -> Stay | None:
        """A visitor's session by its id."""
        ...

    def stay(self, session: int, after: Cursor | None, limit: int) -> tuple[Told, ...]:
        """The events of a session, in the order in which they happened; `after`: time and seq of an event."""
        ...

    def loose(self, visitor: int, since: int, before: Cursor | None, limit: int) -> tuple[Told, ...]:
        """A visitor's latest events outside any session, in the order in which they happened; of a crawler those since
        `since`; `before`: time and seq of an event."""
        ...
