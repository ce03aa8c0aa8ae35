"""Where events of a time are: of each ten minutes the first and the last seq (schema_4.sql, `reach`).

Law: wider than needed is as good, as the last seq is for the events that will come next. So a row is written for
SEQS_AHEAD events at once, and a page that comes singly finds that it has nothing to write.
"""

from collections.abc import Callable, Sequence
from typing import Any

from proxy.bounded import Bounded
from proxy.store.sqlite.bulk import run_many
from proxy.store.sqlite.rollups import REACH_MS
from proxy.store.sqlite.rows import EventRow

SEQS_AHEAD = 1_024
"""A power of two. A question reads at most so many rows more than it needs."""
SLOTS = 1_000
"""Of ten minutes, remembered from one transaction to the next: a week."""


class Reached:
    """What of it one transaction changes."""

    __slots__ = ("_execute", "_known", "_seen")

    def __init__(self, execute: Callable[..., Any]) -> None:
        self._execute = execute
        self._known: Bounded[int, tuple[int, int]] = Bounded(SLOTS)
        self.clear()

    def forget(self) -> None:
        """What the table holds may have changed."""
        self._known.clear()

    def clear(self) -> None:
        """Begin anew."""
        self._seen: dict[int, tuple[int, int]] = {}

    def see(self, rows: Sequence[EventRow]) -> None:
        """Events in the order of their seqs; none of them: nothing. All of one slot are looked at once."""
        slots = {row.time // REACH_MS for row in rows}
        if len(slots) == 1:
            self._see(slots.pop(), rows[0].seq, rows[-1].seq)
            return
        for row in rows:
            self._see(row.time // REACH_MS, row.seq, row.seq)

    def _see(self, slot: int, low: int, high: int) -> None:
        first, last = self._seen.get(slot) or self._known.get(slot) or (low, 0)
        if low < first or last < high:
            self._seen[slot] = min(first, low), max(last, high | (SEQS_AHEAD - 1))

    def settle(self) -> None:
        """Write what is not in the table."""
        if self._seen:
            run_many(self._execute, "add_reach_many", [(slot, *seqs) for slot, seqs in sorted(self._seen.items())])
            for slot, seqs in self._seen.items():
                self._known.put(slot, seqs)
