"""How long elements are usually hovered over: a histogram in steps of 10 %, and what is longer than usual.

Law: pure arithmetic on whole milliseconds. A histogram is (bucket, n) pairs, so that any number of processes can add
to it in the store; a quantile read from it is at most 4.9 % off the exact one (EVENTS.md section 4).
"""

import math
from bisect import bisect_right
from collections.abc import Sequence

from proxy.events.catalogue import DWELL_MAX_MS

UNUSUAL_FROM_N = 10
"""Fewer hovers make no habit."""
UNUSUAL_MIN_MS = 1_500
"""Shorter than this is never remarkable."""
UNUSUAL_TIMES = 2


def _lower_bounds() -> tuple[int, ...]:
    """The least ms of each bucket: whole numbers, each a tenth more than the one before (rounded down), at least 1."""
    bounds = [0]
    while bounds[-1] < DWELL_MAX_MS:
        bounds.append(max(bounds[-1] + 1, bounds[-1] * 11 // 10))
    return tuple(bounds[:-1])


_LOWER = _lower_bounds()
BUCKETS = len(_LOWER)


def _middles() -> tuple[int, ...]:
    """The harmonic mean of a bucket's ends is equally far from both, in per cent: 0.1 / 2.1 at most, and rounding."""
    uppers = (*(bound - 1 for bound in _LOWER[1:]), DWELL_MAX_MS)
    return (0, *(round(2 * low * up / (low + up)) for low, up in zip(_LOWER[1:], uppers[1:], strict=True)))


_MIDDLE = _middles()


def bucket_of(ms: int) -> int:
    """The bucket, from 0, of a dwell time. What is longer than is measured counts as the longest."""
    return max(0, bisect_right(_LOWER, ms) - 1)


def ms_of(bucket: int) -> int:
    """The time that stands for a bucket: at most 4.9 % off every whole ms in it."""
    return _MIDDLE[min(max(bucket, 0), BUCKETS - 1)]


def quantile(histogram: Sequence[tuple[int, int]], q: float) -> int:
    """The time in ms that the share `q` (0 to 1) of all hovers does not exceed, from (bucket, n) sorted by bucket;
    0 of an empty histogram. By the nearest rank: the median of four is the second."""
    rank = max(1, math.ceil(q * sum(n for _, n in histogram) - 1e-9))
    for bucket, n in histogram:
        rank -= n
        if rank <= 0:
            return ms_of(bucket)
    return 0


class History:
    """A histogram that knows its median at any time, as `quantile(histogram, 0.5)` would find it: looking for it among
    sixty buckets costs more than storing the hover."""

    __slots__ = ("_below", "_counts", "_middle", "n")

    def __init__(self, histogram: Sequence[tuple[int, int]]) -> None:
        self._counts = [0] * BUCKETS
        self.n = self._middle = self._below = 0
        for bucket, n in histogram:
            self.add(bucket, n)

    def add(self, bucket: int, n: int = 1) -> None:
        """More hovers of a bucket."""
        self._counts[bucket] += n
        self.n += n
        if bucket < self._middle:
            self._below += n
        rank, counts = (self.n + 1) // 2, self._counts
        while rank > self._below + counts[self._middle]:
            self._below += counts[self._middle]
            self._middle += 1
        while rank <= self._below:
            self._middle -= 1
            self._below -= counts[self._middle]

    @property
    def median_ms(self) -> int:
        """0 where there is no hover."""
        return ms_of(self._middle) if self.n else 0


def is_unusual(dwell_ms: int, usual_ms: int, usual_n: int) -> bool:
    """Whether a hover is longer than usual, against the median and number of those known before it."""
    return usual_n >= UNUSUAL_FROM_N and dwell_ms >= max(UNUSUAL_MIN_MS, UNUSUAL_TIMES * usual_ms)
