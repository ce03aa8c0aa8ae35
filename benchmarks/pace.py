"""How fast the machine is right now, beside its best.

On shared hardware a core loses a third of its speed for seconds at a time, while a neighbour works on its other thread.
That does not cancel out in a ratio: who computes most loses most. The judgement knows nothing of what is measured.
"""

import os
import subprocess
import sys
import time
from statistics import median

PIECE_LOOPS = 200_000
"""About 10 ms of plain computing."""
SLOWER = 1.25
"""A machine that takes this much longer than at its best is disturbed."""
CORES = 8
"""Looked at, at most."""
PIECES = 9
"""Of work, from whose median it is told what another core's work costs one."""
SETTLING_SECONDS = 0.1


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


def crowding() -> float:
    """How many times as long a piece of work takes on one core while another one computes: 1 where they share nothing,
    some 1.5 where they are two threads of one core. Of who works with two processes at once the CPU time is longer by
    so much, and two cannot do twice as much."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        return 1.0
    alone = _usual(cores[0])
    busy = (
        f"import os\nos.sched_setaffinity(0, {{{cores[1]}}})\nwhile os.getppid() == {os.getpid()}: sum(range(10_000))"
    )
    other = subprocess.Popen([sys.executable, "-c", busy])
    try:
        time.sleep(SETTLING_SECONDS)
        return _usual(cores[0]) / alone
    finally:
        other.kill()
        other.wait()


def _usual(core: int) -> float:
    allowed = os.sched_getaffinity(0)
    try:
        return median(_piece(core) for _ in range(PIECES))
    finally:
        os.sched_setaffinity(0, allowed)
