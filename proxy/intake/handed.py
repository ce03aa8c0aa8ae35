"""What crosses from the recorder to whoever writes, in batches of what has come together meanwhile."""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from proxy.intake.failing import Failing
from proxy.store.base import Confirmation, Forget, Item, Result, Sweep, Tidy

BATCH_EVENTS = 1_000
"""Events in one transaction, or other items: bounds how long the write lock is held (about 20 to 40 ms)."""


def weight_of(item: Item) -> int:
    """How many events an item is, for whoever bounds a queue or a batch."""
    if isinstance(item, Confirmation):
        return 1 + len(item.events)
    return 0 if isinstance(item, (Sweep, Tidy, Forget)) else 1


class Handed(NamedTuple):
    """Items, how many of them are events, the ticket of the last one, and who waits for the results of which."""

    items: list[Item]
    events: int
    ticket: int
    wanted: list[tuple[int, asyncio.Future[Result]]]


Deliver = Callable[[list[Handed], list[Result]], None]


class Writing(Protocol):
    """Who writes: what is put is stored in its order, however often that has to be tried, and only then delivered.

    `is_in_loop`: delivering is done in the event loop. `failing`: the store refuses everything. `is_over`: it was
    stopped, and does not start again.
    """

    is_in_loop: bool
    failing: Failing

    @property
    def is_over(self) -> bool: ...
    def start(self) -> None: ...
    def put(self, handed: Handed) -> None: ...
    async def stop(self, patience_seconds: float) -> None: ...


MakeWriting = Callable[[Deliver], Writing]


def size_of(part: Handed) -> int:
    """What it counts for in a batch of BATCH_EVENTS."""
    return max(part.events, len(part.items))


def takes_long(part: Handed) -> bool:
    """Whether the store writes it apart from all else (Forget): whoever asks for that waits for its result."""
    return any(isinstance(part.items[index], Forget) for index, _ in part.wanted)


def items_of(batch: Sequence[Handed]) -> list[Item]:
    return [item for part in batch for item in part.items]
