"""How fast the machine is right now, beside its best.

On shared hardware a core loses a third of its speed for seconds at a time, while a neighbour works on its other thread.
That does not cancel out in a ratio: who computes most loses most. The judgement knows nothing of what is measured.
"""

import os
import time

PIECE_LOOPS = 200_000
"""About 10 ms of plain computing."""
SLOWER = 1.25
"""A machine that takes this much longer than at its best is disturbed."""
CORES = 8
"""Looked at, at most."""


class Pace:
    """`is_steady` is asked before and after a measurement."""

    def __init__(self) -> None:
        self._cores = sorted(os.sched_getaffinity(0))[:CORES]
        self._best = min(_slowest(self._cores) for _ in range(10))

    def is_steady(self) -> bool:
        now = _slowest(self._cores)
        self._best = min(self._best, now)
        return now <= self._best * SLOWER


def _slowest(cores: list[int]) -> float:
    """CPU seconds of a piece of work on the slowest core."""
    allowed = os.sched_getaffinity(0)
    try:
        return max(_piece(core) for core in cores)
    finally:
        os.sched_setaffinity(0, allowed)


def _piece(core: int) -> float:
    os.sched_setaffinity(0, {core})
    begun, total = time.thread_time(), 0
    for number in range(PIECE_LOOPS):
        total += number & 3
    return time.thread_time() - begun
