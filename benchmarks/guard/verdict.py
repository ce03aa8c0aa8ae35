"""What was counted, beside the reference: parsed, compared, as a table. Pure: no process, no file, no printing.

The reference is JSON: what it was made with, instructions per request by the title of their row, the ratio of CPU time
to nginx's and the processor that took it. Counts compare where Python, its libraries and the kind of machine are the
same, and nowhere else; ratios where the processor is, too.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from benchmarks.table import columns

COUNT_LIMIT = 0.05
RATIO_LIMIT = 0.20
"""More than so much above the reference is too much. Counts repeat to less than 1 %; CPU time does not."""
HEADINGS = ("instructions per request", "counted", "reference", "change")
RATIO = "*7 KB page, returning visitors: CPU time, times nginx's*"
LOWEST = 0.1
_THREADS = re.compile(r"^events-\d+: (\d+)$", re.MULTILINE)
_EVENTS = re.compile(r"^events: Ir$", re.MULTILINE)


class ReferenceFault(ValueError):
    """A reference that is none; what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Reference:
    """`made_with`: names and versions; `instructions` per request, by row title; `ratio`: CPU time, ours to nginx's."""

    made_with: Mapping[str, str]
    instructions: Mapping[str, int]
    processor: str
    ratio: float

    @classmethod
    def parse(cls, text: str) -> "Reference":
        """Raises ReferenceFault."""
        try:
            told = json.loads(text)
            counts = {str(title): int(count) for title, count in told["instructions"].items()}
            made_with = {str(name): str(version) for name, version in told["made_with"].items()}
            found = cls(made_with, counts, str(told["processor"]), float(told["ratio"]))
        except KeyError as missing:
            raise ReferenceFault(f"it has no {missing.args[0]!r}") from None
        except (ValueError, TypeError, AttributeError) as wrong:
            raise ReferenceFault(f"it is not what --update writes: {wrong}") from None
        if min(found.instructions.values(), default=0) <= 0 or found.ratio <= 0:
            raise ReferenceFault("a count that is not more than 0, or none at all")
        return found

    def text(self) -> str:
        """As `parse` reads it."""
        return json.dumps(asdict(self), indent=2) + "\n"


@dataclass(frozen=True, slots=True)
class Line:
    """One figure beside its reference, which is None where there is nothing to compare with."""

    title: str
    shown: str
    reference: str
    change: float | None
    limit: float

    @property
    def is_over(self) -> bool:
        return self.change is not None and self.change > self.limit


def instructions(status: str) -> int:
    """The sum over all threads of what callgrind's `status internal` says, where it counts instructions alone.

    Raises:
        ValueError: it says something else.
    """
    threads = _THREADS.findall(status)
    if not threads or not _EVENTS.search(status):
        raise ValueError(f"valgrind does not say what it counted: {status[:100]!r}")
    return sum(map(int, threads))


def usual(windows: Sequence[int]) -> int:
    """What most stretches take at least, of many: the smallest tenth is below it.

    Work that comes by the clock, not by the request, falls into some of them (a look at the clock ten times a second,
    counters once a second, sessions every ten), into more of them the slower the machine is. What a request itself
    takes is in all of them.
    """
    return sorted(windows)[int(len(windows) * LOWEST)]


def differences(ours: Mapping[str, str], theirs: Mapping[str, str]) -> list[str]:
    """Why counts of the one cannot be compared with counts of the other; nothing, where they can."""
    names = [*ours, *(name for name in theirs if name not in ours)]
    return [
        f"{name} {ours.get(name, 'unknown')}, not {theirs.get(name, 'unknown')}"
        for name in names
        if ours.get(name) != theirs.get(name)
    ]


def lines(found: Reference, reference: Reference | None) -> list[Line]:
    """What was found, in its own order, the ratio last."""
    made = []
    for title, count in found.instructions.items():
        before = reference.instructions.get(title) if reference else None
        made.append(_line(title, count, before, "{:,.0f}", COUNT_LIMIT))
    comparable = reference is not None and reference.processor == found.processor
    return [
        *made,
        _line(RATIO, found.ratio, reference.ratio if reference and comparable else None, "{:.2f}", RATIO_LIMIT),
    ]


def _line(title: str, now: float, before: float | None, form: str, limit: float) -> Line:
    if before is None:
        return Line(title, form.format(now), "", None, limit)
    return Line(title, form.format(now), form.format(before), now / before - 1, limit)


def table(found: Sequence[Line]) -> str:
    """One line a figure, in Markdown."""
    return columns(HEADINGS, [(one.title, one.shown, one.reference, _percent(one)) for one in found])


def _percent(line: Line) -> str:
    return "" if line.change is None else f"{line.change:+.1%}"


def highest_ratio(reference: Reference, processor: str) -> float:
    """What may still be; infinite where nothing can be compared."""
    return reference.ratio * (1 + RATIO_LIMIT) if reference.processor == processor else math.inf


def judged(found: Sequence[Line]) -> list[str]:
    """What is over its limit, a sentence each."""
    return [
        f"{one.title}: {one.shown} is {one.change:.1%} more than {one.reference}; at most {one.limit:.0%} may be added"
        for one in found
        if one.is_over
    ]
