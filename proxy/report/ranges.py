"""Ranges of time in the owner's zone: calendar days and hours as UTC milliseconds.

Law: a day is from midnight to midnight where the owner lives, so it has 23 or 25 hours twice a year; hours are real
hours. `zone` None is the machine's own zone. No clock is read here.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

NAMES: Mapping[str, tuple[str, int, int]] = {
    "today": ("Today", 0, 1),
    "yesterday": ("Yesterday", 1, 1),
    "7d": ("7 days", 6, 7),
    "30d": ("30 days", 29, 30),
    "90d": ("90 days", 89, 90),
}
"""Name in the address: label, how many days ago it begins, how many days it has."""
DEFAULT = "today"


@dataclass(frozen=True, slots=True)
class Range:
    """`[since, until)` in UTC ms; `edges` are its bars; `hourly` whether these are hours or days; `days` are its days,
    the first and the last as far as it has them."""

    name: str
    label: str
    since: int
    until: int
    hourly: bool
    edges: tuple[tuple[int, int], ...]
    days: tuple[tuple[int, int], ...]


def local(ms: int, zone: tzinfo | None) -> datetime:
    """A moment as the owner's clock shows it."""
    return datetime.fromtimestamp(ms // 1000, zone).astimezone(zone) + timedelta(milliseconds=ms % 1000)


def midnight(day: date, zone: tzinfo | None) -> int:
    """When a day begins, UTC ms. Where clocks leap over midnight, the moment of the leap."""
    return round(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()) * 1000


def range_of(name: str, now_ms: int, zone: tzinfo | None) -> Range:
    """The range that a name in an address means; an unknown name means the default one."""
    name = name if name in NAMES else DEFAULT
    label, ago, days = NAMES[name]
    today = local(now_ms, zone).date()
    starts = [midnight(today + timedelta(days=n - ago), zone) for n in range(days + 1)]
    dates = tuple(itertools.pairwise(starts))
    edges = dates if days > 1 else _hours(starts[0], starts[1])
    return Range(name, label, starts[0], starts[-1], days == 1, edges, dates)


def spanning(since_ms: int, until_ms: int, zone: tzinfo | None) -> Range:
    """Any range: in hours up to two days, else in calendar days."""
    starts, day = [since_ms], local(since_ms, zone).date()
    while (start := midnight(day := day + timedelta(days=1), zone)) < until_ms:
        starts.append(start)
    days = tuple(zip(starts, [*starts[1:], until_ms], strict=True))
    hourly = until_ms - since_ms <= 2 * DAY_MS
    return Range("", "", since_ms, until_ms, hourly, _hours(since_ms, until_ms) if hourly else days, days)


def _hours(since: int, until: int) -> tuple[tuple[int, int], ...]:
    return tuple((start, min(start + HOUR_MS, until)) for start in range(since, until, HOUR_MS))


def utc_days(since: int, until: int) -> tuple[int, int]:
    """The first and the last day since 1970 in UTC that a range touches: outcomes are counted by those."""
    return since // DAY_MS, max(since, until - 1) // DAY_MS
