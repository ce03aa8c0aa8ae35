"""Charts as numbers for SVG: the server draws, no script and no style is needed.

Law: pure. Across, everything is in per cent of the width, so that a chart is as wide as its place and its texts keep
their size; downwards in pixels. Colours are the style sheet's, by class.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import NamedTuple

from proxy.report.numbers import count, day, day_label, hour_label, month_label, several
from proxy.report.ranges import MOST_DAILY, Range, local
from proxy.store.questions import Slot

HEIGHT = 220
TOP = 22
BASE = 194
"""Pixels: of the whole, to the highest line, and to the line that bars stand on."""
STEPS = (1, 2, 5)
BARS_ACROSS = 0.74
INNER_ACROSS = 0.4
WIDE_ACROSS = 0.9
"""Of the bars of a histogram."""
LEAST_PX = 1.5
"""A bar that is not nothing can be seen."""
SLIVER = 0.4
"""Per cent of a band: the least of a page that can be seen."""
SPARKS = "▁▂▃▄▅▆▇█"


class Unit(NamedTuple):
    """How bars of a length are told: what one is called, what goes before its name, what it is called on the axis and
    by itself."""

    word: str
    preposition: str
    label: Callable[[datetime], str]
    name: Callable[[int, tzinfo | None], str]


UNITS: Mapping[str, Unit] = {
    "minute": Unit("5 minutes", "at", hour_label, lambda ms, zone: hour_label(local(ms, zone))),
    "hour": Unit("hour", "at", hour_label, lambda ms, zone: hour_label(local(ms, zone))),
    "day": Unit("day", "on", day_label, day),
    "week": Unit("week", "in", day_label, lambda ms, zone: f"the week of {day(ms, zone)}"),
    "month": Unit("month", "in", month_label, lambda ms, zone: month_label(local(ms, zone))),
}
"""By what ranges.py calls them."""


@dataclass(frozen=True, slots=True)
class Bar:
    """`x`, `width`: of the slot; `bar_*`: views; `inner_*`: visitors. `tick`: '', 'major' or 'minor' (wide screens)."""

    x: float
    width: float
    bar_x: float
    bar_width: float
    bar_y: float
    bar_height: float
    inner_x: float
    inner_width: float
    inner_y: float
    inner_height: float
    middle: float
    label: str
    name: str
    tick: str
    views: int
    visitors: int


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars and horizontal lines `(y, label)`; `summary` is the chart in one sentence."""

    bars: tuple[Bar, ...]
    lines: tuple[tuple[float, str], ...]
    summary: str
    height: int = HEIGHT
    base: int = BASE


@dataclass(frozen=True, slots=True)
class Step:
    """A bar of a histogram: lengths of time from `least` on and below `below`, ms, None where it is open; `edge`: what
    stands below its left end."""

    least: int
    below: int | None
    n: int
    name: str
    edge: str
    x: float
    width: float
    bar_x: float
    bar_width: float
    bar_y: float
    bar_height: float


@dataclass(frozen=True, slots=True)
class Histogram:
    """Bars and lines as in `Chart`."""

    bars: tuple[Step, ...]
    lines: tuple[tuple[float, str], ...]
    summary: str
    height: int = HEIGHT
    base: int = BASE


@dataclass(frozen=True, slots=True)
class Mark:
    """Something on a band, per cent from its left."""

    x: float
    width: float
    kind: str


def top_of(highest: int) -> tuple[int, int]:
    """(a round number not below `highest`, the distance between lines): two to five lines."""
    size = 1
    while True:
        for step in STEPS:
            if highest <= 4 * step * size:
                distance = step * size
                lines = max(2, -(-highest // distance))
                return lines * distance, distance
        size *= 10


def columns(slots: Sequence[Slot], span: Range, zone: tzinfo | None) -> Chart:
    """Views and visitors over time: a wide bar with a narrow one in it."""
    top, distance = top_of(max((slot.views for slot in slots), default=0))
    width = 100 / max(1, len(slots))
    every = _every(len(slots), span.unit)
    bars = tuple(_bar(slot, place, width, top, every, span, zone) for place, slot in enumerate(slots))
    lines = tuple((_y(value, top), count(value)) for value in range(distance, top + 1, distance))
    views = sum(slot.views for slot in slots)
    best = max(bars, key=lambda bar: bar.views, default=None)
    summary = several(views, "page view", "page views")
    if best is not None and best.views:
        summary += f", most of them ({count(best.views)}) {UNITS[span.unit].preposition} {best.name}"
    return Chart(bars, lines, summary)


def _bar(
    slot: Slot,
    place: int,
    width: float,
    top: int,
    every: tuple[int, int],
    span: Range,
    zone: tzinfo | None,
) -> Bar:
    x = place * width
    begin = local(slot.since, zone)
    major, minor = every
    number = begin.hour if span.unit == "hour" else place
    tick = "major" if number % major == 0 else "minor" if number % minor == 0 else ""
    height, inner = _height(slot.views, top), _height(slot.visitors, top)
    return Bar(
        x=round(x, 3),
        width=round(width, 3),
        bar_x=round(x + width * (1 - BARS_ACROSS) / 2, 3),
        bar_width=round(width * BARS_ACROSS, 3),
        bar_y=round(BASE - height, 2),
        bar_height=height,
        inner_x=round(x + width * (1 - INNER_ACROSS) / 2, 3),
        inner_width=round(width * INNER_ACROSS, 3),
        inner_y=round(BASE - inner, 2),
        inner_height=inner,
        middle=round(x + width / 2, 3),
        label=UNITS[span.unit].label(begin),
        name=UNITS[span.unit].name(slot.since, zone),
        tick=tick,
        views=slot.views,
        visitors=slot.visitors,
    )


def _y(value: int, top: int) -> float:
    return round(BASE - (BASE - TOP) * value / top, 2)


def _height(value: int, top: int) -> float:
    return 0 if not value else max(LEAST_PX, round((BASE - TOP) * value / top, 2))


def histogram(steps: Sequence[tuple[int, int | None, int]], of: tuple[str, str]) -> Histogram:
    """How often lengths of time were: (least, below, n) as in `Step`, the shortest first; `of`: one and several."""
    top, distance = top_of(max((n for _, _, n in steps), default=0))
    width = 100 / max(1, len(steps))
    bars = tuple(_step(one, place * width, width, top) for place, one in enumerate(steps))
    lines = tuple((_y(value, top), count(value)) for value in range(distance, top + 1, distance))
    all_n, most = sum(n for _, _, n in steps), max(bars, key=lambda bar: bar.n, default=None)
    summary = several(all_n, *of)
    return Histogram(bars, lines, f"{summary}, most of them {most.name} ({count(most.n)})" if most else summary)


def span_name(least: int, below: int | None) -> str:
    """Lengths from `least` ms on, and below another one where there is one."""
    return f"{least / 1000:g} s or longer" if below is None else f"{least / 1000:g}–{below / 1000:g} s"


def _step(one: tuple[int, int | None, int], x: float, width: float, top: int) -> Step:
    least, below, n = one
    edge, height = f"{least / 1000:g}", _height(n, top)
    return Step(
        least,
        below,
        n,
        name=span_name(least, below),
        edge=edge,
        x=round(x, 3),
        width=round(width, 3),
        bar_x=round(x + width * (1 - WIDE_ACROSS) / 2, 3),
        bar_width=round(width * WIDE_ACROSS, 3),
        bar_y=round(BASE - height, 2),
        bar_height=height,
    )


def _every(number: int, unit: str) -> tuple[int, int]:
    """Which bars have a label: (on every screen, on wide ones too)."""
    if unit == "hour":
        return 6, 3
    steps = ((8, (1, 1)), (12, (4, 2)), (31, (10, 5)), (MOST_DAILY, (30, 15)))
    return next((step for most, step in steps if number <= most), (-(-number // 4), -(-number // 8)))


def sparkline(values: Sequence[int]) -> str:
    """One character a value; the lowest is for nothing at all."""
    highest = max(values, default=0)
    if not highest:
        return SPARKS[0] * len(values)
    return "".join(SPARKS[0] if not value else SPARKS[-(-value * 7 // highest)] for value in values)


def band(moments: Sequence[tuple[int, str]], start: int, last: int, until: int) -> tuple[Mark, ...]:
    """A session as a band: every page from when it was opened to the next, the last one to `until`, and a mark for
    everything else."""
    whole = max(1, last - start)

    def at(ms: int) -> float:
        return round(min(100.0, max(0.0, 100 * (ms - start) / whole)), 2)

    pages = [at(time) for time, kind in moments if kind == "visit"]
    marks = [
        Mark(min(x, 100 - SLIVER), round(max(SLIVER, end - x), 2), "page-even" if place % 2 == 0 else "page-odd")
        for place, (x, end) in enumerate(zip(pages, [*pages[1:], at(until)], strict=False))
    ]
    marks += [Mark(at(time), 0, kind) for time, kind in moments if kind not in ("visit", "session")]
    return tuple(marks)
