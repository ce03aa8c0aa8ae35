"""What was measured, as data, and what is computed of it. Pure: no clock, no process.

Times are microseconds, memory is bytes.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from benchmarks.load import Timed


def percentile(sorted_values: Sequence[float], share: float) -> float:
    """The lowest of the values (already in order) that at least this share of them does not exceed. Raises
    IndexError: there are none."""
    return sorted_values[max(0, math.ceil(share * len(sorted_values)) - 1)]


@dataclass(slots=True)
class Cell:
    """One proxy under one kind of traffic, round by round: CPU per request, the reference's in the same round, answers
    a second, and every answer's time."""

    cpu: list[float] = field(default_factory=list)
    reference: list[float] = field(default_factory=list)
    per_second: list[float] = field(default_factory=list)
    took: list[int] = field(default_factory=list)

    def add(self, cpu: float, reference: float, timed: Timed | None) -> None:
        self.cpu.append(cpu)
        self.reference.append(reference)
        if timed is not None:
            self.per_second.append(timed.per_second)
            self.took += timed.took

    @property
    def ratios(self) -> list[float]:
        """Infinite where a run was too short for a clock that counts in ticks."""
        return [own / other if other else math.inf for own, other in zip(self.cpu, self.reference, strict=True)]

    @property
    def ratio(self) -> float:
        return median(self.ratios)

    @property
    def times(self) -> tuple[float, float]:
        """p50 and p99 of all rounds' answers."""
        ordered = sorted(self.took)
        return percentile(ordered, 0.5), percentile(ordered, 0.99)


@dataclass(slots=True)
class Half:
    """One proxy at half of its load: requests a second that were asked for, and round by round what p50 and p99 were,
    here and directly at the site. `late`: rounds in which less was sent than asked for."""

    rate: float
    through: list[tuple[float, float]] = field(default_factory=list)
    direct: list[tuple[float, float]] = field(default_factory=list)
    late: int = 0

    @property
    def times(self) -> tuple[float, float]:
        return median(one[0] for one in self.through), median(one[1] for one in self.through)

    @property
    def above(self) -> tuple[float, float]:
        """The medians of the rounds' own differences."""
        pairs = list(zip(self.through, self.direct, strict=True))
        return median(own[0] - site[0] for own, site in pairs), median(own[1] - site[1] for own, site in pairs)


@dataclass(frozen=True, slots=True)
class Idle:
    """Open WebSockets on which nothing is said: memory of each, and CPU per second of all."""

    bytes_each: float
    cpu_us: float


@dataclass(slots=True)
class Found:
    """Everything. `cells` by the keys of the traffic and the peer, the others by that of the peer; `absent`: titles of
    those that are left out, and why. `again` and `disturbed`: rows of a round."""

    cells: dict[tuple[str, str], Cell] = field(default_factory=dict)
    half: dict[str, Half] = field(default_factory=dict)
    memory: dict[str, int] = field(default_factory=dict)
    idle: dict[str, Idle] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    again: int = 0
    disturbed: int = 0
