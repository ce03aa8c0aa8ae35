"""Clearing away, a small step at a time: what is due, and how much of it.

Law: a step is one transaction, and takes as many rows as the steps before it could do in `STEP_SECONDS`. Between two
steps, whichever processes take them, others may write for `REST_MS`. Where a step begins is in the store (walks.py).
"""

import time
from collections import defaultdict

from proxy.store.base import Retention, Tidied
from proxy.store.sqlite import pruning
from proxy.store.sqlite.walks import Walk, is_due, keep, walk_at
from proxy.store.sqlite.work import Work

STEP_SECONDS = 0.008
"""How long a step is meant to hold the lock."""
REST_MS = 50
LEAST, FIRST, MOST = 8, 64, 4_000
"""Rows that a step may take, and those that the first one takes."""


class Tidying:
    """The steps of one process; `retention`: how long events are kept."""

    __slots__ = ("_retention", "_sizes")

    def __init__(self, retention: Retention) -> None:
        self._retention = retention
        self._sizes: defaultdict[str, int] = defaultdict(lambda: FIRST)

    def __repr__(self) -> str:
        return f"<Tidying {dict(self._sizes)}>"

    def step(self, work: Work, now: int) -> Tidied:
        """Take the next step that is due, in the transaction that is open."""
        execute = work.execute
        last = walk_at(execute, "step")
        if last is not None and abs(now - last.begun) < REST_MS:
            return Tidied(more=True)
        walk = walk_at(execute, "ids")
        if walk is None or is_due(walk, now):
            walk = pruning.begin(execute, now)
        if walk.place is None:
            return Tidied()
        begun = time.monotonic()
        size = self._sizes[walk.name]
        done = pruning.step(execute, walk, size)
        self._sizes[walk.name] = _next_size(size, time.monotonic() - begun)
        keep(execute, walk)
        keep(execute, Walk("step", now, None, 0))
        return done._replace(more=True)


def _next_size(size: int, seconds: float) -> int:
    """Twice as many where a step was quick, half where it was slow."""
    if seconds > STEP_SECONDS:
        return max(LEAST, size // 2)
    return min(MOST, size * 2) if seconds < STEP_SECONDS / 3 else size
