"""Clearing away, a small step at a time: what is due, and how much of it.

Law: a step is one transaction, and takes as many rows as the steps before it could do in `STEP_SECONDS`. Between two
steps, whichever processes take them, others may write for `REST_MS`. Where a step begins is in the store (walks.py).
"""

import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from proxy.store.base import Retention, Tidied
from proxy.store.sqlite import forgetting, leftovers, pruning, retention
from proxy.store.sqlite.walks import Walk, is_due, keep, walk_at
from proxy.store.sqlite.work import Work

STEP_SECONDS = 0.008
"""How long a step is meant to hold the lock."""
REST_MS = 50
LEAST, FIRST, MOST = 8, 64, 4_000
"""Rows that a step may take, and those that the first one takes."""


class Task(NamedTuple):
    """A kind of clearing away: `begin(work, now)` makes a new walk, if there is cause for one, `step(work, walk, size)`
    moves it."""

    name: str
    begin: Callable[[Work, int], Walk | None]
    step: Callable[[Work, Walk, int], Tidied]


class Tidying:
    """The steps of one process; `kept`: how long events are."""

    __slots__ = ("_sizes", "_tasks")

    def __init__(self, kept: Retention) -> None:
        tasks = [Task("ids", pruning.begin, pruning.step)]
        if retention.is_needed(kept):
            tasks.append(Task("events", partial(retention.begin, kept), partial(retention.step, kept)))
        tasks.append(Task("texts", leftovers.begin, leftovers.step))
        self._tasks = tuple(tasks)
        self._sizes: defaultdict[str, int] = defaultdict(lambda: FIRST)

    def __repr__(self) -> str:
        return f"<Tidying {dict(self._sizes)}>"

    def step(self, work: Work, now: int) -> Tidied:
        """Take the next step that is due, in the transaction that is open."""
        last = walk_at(work.execute, "step")
        if last is not None and abs(now - last.begun) < REST_MS:
            return Tidied(more=True)
        if forgetting.step(work) is not None:  # whoever began it was killed
            keep(work.execute, Walk("step", now, None, 0))
            return Tidied(more=True)
        for task in self._tasks:
            done = self._step(task, work, now)
            if done is not None:
                keep(work.execute, Walk("step", now, None, 0))
                return done._replace(more=True)
        return Tidied()

    def _step(self, task: Task, work: Work, now: int) -> Tidied | None:
        """The next step of a task; None where nothing is due."""
        walk = walk_at(work.execute, task.name)
        if walk is None or is_due(walk, now):
            walk = task.begin(work, now)
        if walk is None or walk.place is None:
            return None
        begun = time.monotonic()
        size = self._sizes[task.name]
        done = task.step(work, walk, size)
        self._sizes[task.name] = _next_size(size, time.monotonic() - begun)
        keep(work.execute, walk)
        return done


def _next_size(size: int, seconds: float) -> int:
    """Twice as many where a step was quick, half where it was slow."""
    if seconds > STEP_SECONDS:
        return max(LEAST, size // 2)
    return min(MOST, size * 2) if seconds < STEP_SECONDS / 3 else size
