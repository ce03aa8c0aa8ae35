"""Figures of several sizes as tables and as JSON. Pure: no clock, no process, no printing.

Growth is the exponent e of cost = events ** e, from the smallest size to the largest: 0 is a cost that stays, 1 one
that grows with the events.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from benchmarks.store.filled import Filled
from benchmarks.store.ingest import BATCH_EVENTS, Cost
from benchmarks.store.timing import Answered, Took
from benchmarks.table import columns

LATE = "late"
NO_FIGURE = "-"


@dataclass(frozen=True, slots=True)
class Measured:
    """All that was measured of one size."""

    full: Filled
    cost: Cost
    answers: tuple[Answered, ...]


def exponent(small: float, large: float, times: float) -> float | None:
    """The exponent of a cost that went from `small` to `large` while the events became `times` as many; None where
    that cannot be told."""
    if small <= 0 or large <= 0 or times <= 1:
        return None
    return math.log(large / small) / math.log(times)


def size(events: int) -> str:
    """A number as one says it: 10 M, 300 k, 2,500."""
    for unit, name in ((1_000_000, "M"), (1_000, "k")):
        if events >= 10 * unit or (events >= unit and events % unit == 0):
            return f"{round(events / unit):,} {name}" if events % unit == 0 else f"{events / unit:.1f} {name}"
    return f"{events:,}"


def tables(found: Sequence[Measured]) -> str:
    """What an event costs, then what the questions cost."""
    return f"{storing(found)}\n\n{asking(found)}"


def storing(found: Sequence[Measured]) -> str:
    headings = ("an event", *(size(one.full.traffic.events) for one in found), "growth")
    return columns(
        headings, [(title, *map(_figure, values), _growth(found, values)) for title, values in _costs(found)]
    )


def asking(found: Sequence[Measured]) -> str:
    headings = ["CPU ms of a question"]
    for one in found:
        headings += [f"{size(one.full.traffic.events)} cold", "warm"]
    lines = []
    for answers in zip(*(one.answers for one in found), strict=True):
        line = [answers[0].question]
        for answer in answers:
            part = "" if answer.days is None else f", {answer.days:.0f} d"
            line += [_ms(answer.cold), f"{_ms(answer.warm)}{part}"]
        cold, warm = ([getattr(answer, kind).cpu_ms for answer in answers] for kind in ("cold", "warm"))
        lines.append((*line, _growth(found, cold), _growth(found, warm)))
    return columns((*headings, "growth cold", "warm"), lines)


def as_data(found: Sequence[Measured]) -> dict[str, object]:
    """All figures, for programs."""
    sizes = [_data_of(one) for one in found]
    growth: dict[str, float | None] = {title: _exponent(found, values) for title, values in _costs(found)}
    for answers in zip(*(one.answers for one in found), strict=True):
        for kind in ("cold", "warm"):
            values = [getattr(answer, kind).cpu_ms for answer in answers]
            growth[f"{answers[0].question}: {kind}"] = _exponent(found, values)
    return {"sizes": sizes, "growth": growth}


def _data_of(one: Measured) -> dict[str, object]:
    database = {key: value for key, value in asdict(one.full).items() if key != "path"}
    questions = {
        each.question: {"cold": asdict(each.cold), "warm": asdict(each.warm), "days": each.days} for each in one.answers
    }
    return {"database": database, "event": asdict(one.cost), "questions": questions}


def _costs(found: Sequence[Measured]) -> list[tuple[str, list[float]]]:
    return [
        (f"CPU us, batches of {BATCH_EVENTS}", [one.cost.cpu_us for one in found]),
        (f"bytes written, batches of {BATCH_EVENTS}", [one.cost.handed for one in found]),
        (f"bytes made dirty, batches of {BATCH_EVENTS}", [one.cost.disk for one in found]),
        ("bytes of the file", [one.full.bytes / one.full.events for one in found]),
        ("CPU us while filling", [one.full.fill_us for one in found]),
        ("events a second while filling", [one.full.per_second for one in found]),
    ]


def _exponent(found: Sequence[Measured], values: Sequence[float]) -> float | None:
    return exponent(values[0], values[-1], found[-1].full.events / found[0].full.events)


def _growth(found: Sequence[Measured], values: Sequence[float]) -> str:
    found_exponent = _exponent(found, values)
    return NO_FIGURE if found_exponent is None else f"{found_exponent:.2f}"


def _figure(value: float) -> str:
    """Three digits that count, without a power of ten."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _ms(took: Took) -> str:
    return f"{_figure(took.cpu_ms)}{' ' + LATE if took.is_late else ''}"
