"""What a store says to a visitor who asks what is held of them: the numbers, and the latest of it.

Law: it is about one uuid and costs no more than is told, however much is held; all of it is read by `Reader.export`.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from proxy.events.event import Event


class Held(NamedTuple):
    """What is held of a visitor: when it begins (UTC ms; None where nothing is held), how many sessions, page views and
    other events (of those outside any session as many as were asked for; `is_more`: there are more of them), whether
    the visitor is known as a customer, and the latest events, the latest first. Of a crawler,
    which is no visitor, nothing but that it is one."""

    since: int | None = None
    sessions: int = 0
    views: int = 0
    others: int = 0
    is_more: bool = False
    is_customer: bool = False
    latest: Sequence[Event] = ()
    is_crawler: bool = False


class HeldReader(Protocol):
    """The visitor's side of a store. Used by one thread. `held` may raise `Late` and a StoreError."""

    def held(self, uuid: bytes, latest: int) -> Held:
        """Of the visitor with this uuid (16 bytes), or, if it was a twin, of whom it turned out to be."""
        ...

    def close(self) -> None: ...  # never raises
