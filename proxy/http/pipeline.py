"""The requests of one connection that wait for their turn behind the one being answered (RFC 9112 9.3.2).

Law: a visitor is read for as long as little of his is held, whoever's turn it is, since only who is read is seen to
leave (T15). Pure.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from proxy.http.errors import VisitorError

if TYPE_CHECKING:
    from proxy.http.cycle import Cycle

READ_AHEAD = 16  # requests held before reading pauses
PIPELINED_REQUESTS = 256  # and that one read may bring


class Pipeline(deque["Cycle"]):
    """In their order; the last one may still be arriving."""

    @property
    def is_full(self) -> bool:
        """Enough is held: no more should be read."""
        return len(self) >= READ_AHEAD or (len(self) > 0 and self[-1].is_full)

    def wait(self, cycle: Cycle) -> None:
        """Puts it last. VisitorError: too many wait already."""
        if len(self) >= PIPELINED_REQUESTS:
            raise VisitorError("Too many requests at once.")
        self.append(cycle)

    def give_up(self, cycle: Cycle | None) -> None:
        """It has broken in its own body, if it is still arriving: its turn must not come."""
        if self and self[-1] is cycle and not cycle.is_received:
            self.pop()
