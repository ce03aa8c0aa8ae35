"""Ranges of time in the owner's zone: calendar days, months and hours as UTC milliseconds.

Law: a day is from midnight to midnight where the owner lives, so it has 23 or 25 hours twice a year; hours are real
hours. `zone` None is the machine's own zone. No clock is read here. A range's name is what an address says:

    today, yesterday, 7d, 30d, 90d, month     counted from now
    2026-11-05, 2026-11-01..2026-11-20        days, both inclusive
    2026-11                                   a month
    2026-11-05T1330Z                          the hour that begins then, in UTC: a clock set back has one hour twice
"""

import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import NamedTuple

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

NAMES: Mapping[str, tuple[str, int, int]] = {
    "today": ("Today", 0, 1),
    "yesterday": ("Yesterday", 1, 1),
    "7d": ("7 days", 6, 7),
    "30d": ("30 days", 29, 30),
    "90d": ("90 days", 89, 90),
}
"""Name in the address: label, how many days ago it begins, how many days it has."""
MONTH = "month"
MONTH_LABEL = "This month"
DEFAULT = "today"
MOST_DAYS = 3_660
"""Of a range: ten years. A longer one is none."""
MOST_DAILY, MOST_WEEKLY = 95, 420
"""Days of a range: up to here its bars are days, then weeks, then months."""
YEARS = range(1971, 9_000)
"""Within which every day, and the one before and after it, is a time that can be said."""

_DAYS = re.compile(r"(\d{4}-\d\d-\d\d)(?:\.\.(\d{4}-\d\d-\d\d))?", re.ASCII)
_MONTH = re.compile(r"(\d{4})-(\d\d)", re.ASCII)
_HOUR = re.compile(r"(\d{4}-\d\d-\d\dT\d{4})Z", re.ASCII)
_HOUR_FORM = "%Y-%m-%dT%H%M"


@dataclass(frozen=True, slots=True)
class Range:
    """`[since, until)` in UTC ms. `edges` are its bars, each a `unit` (a word of UNITS) or what is left of one; `days`
    are its days, the first and the last as far as it has them, or its bars where these are longer."""

    name: str
    label: str
    since: int
    until: int
    unit: str
    edges: tuple[tuple[int, int], ...]
    days: tuple[tuple[int, int], ...]


class Earlier(NamedTuple):
    """The time that a range is compared with: `[since, until)`, and what it is called (`the 7 days before`)."""

    since: int
    until: int
    label: str


class Around(NamedTuple):
    """Names of the ranges of the same length right before and right after one, None where that has not begun; and its
    own first and last day."""

    earlier: str
    later: str | None
    first: str
    last: str


def local(ms: int, zone: tzinfo | None) -> datetime:
    """A moment as the owner's clock shows it."""
    return datetime.fromtimestamp(ms // 1000, zone).astimezone(zone) + timedelta(milliseconds=ms % 1000)


def midnight(day: date, zone: tzinfo | None) -> int:
    """When a day begins, UTC ms. Where clocks leap over midnight, the moment of the leap."""
    return round(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()) * 1000


def range_of(name: str, now_ms: int, zone: tzinfo | None) -> Range:
    """The range that a name in an address means; an unknown name means the default one."""
    today = local(now_ms, zone).date()
    if name == MONTH:
        return replace(_days(*_month_of(today), zone), name=MONTH, label=MONTH_LABEL)
    if found := _hour_of(name, zone) or _days_named(name, zone):
        return found
    label, ago, number = NAMES.get(name, NAMES[DEFAULT])
    first = today - timedelta(days=ago)
    span = _days(first, first + timedelta(days=number - 1), zone)
    return replace(span, name=name if name in NAMES else DEFAULT, label=label)


def asked_range(query: Mapping[str, str]) -> str:
    """The name of the range that an address asks for: `range`, or the days `from` and `to` of its form; one of these
    alone is that day."""
    first, last = query.get("from", "") or query.get("to", ""), query.get("to", "") or query.get("from", "")
    return f"{first}..{last}" if _days_of(f"{first}..{last}") else query.get("range", DEFAULT)


def spanning(since_ms: int, until_ms: int, zone: tzinfo | None) -> Range:
    """Any range: in hours up to two days, else in calendar days."""
    starts, day = [since_ms], local(since_ms, zone).date()
    while (start := midnight(day := day + timedelta(days=1), zone)) < until_ms:
        starts.append(start)
    days = tuple(zip(starts, [*starts[1:], until_ms], strict=True))
    if until_ms - since_ms <= 2 * DAY_MS:
        return Range("", "", since_ms, until_ms, "hour", tuple(_steps(since_ms, until_ms, HOUR_MS)), days)
    return Range("", "", since_ms, until_ms, "day", days, days)


def utc_days(since: int, until: int) -> tuple[int, int]:
    """The first and the last day since 1970 in UTC that a range touches: outcomes are counted by those."""
    return since // DAY_MS, max(since, until - 1) // DAY_MS


# Around a range ---------------------------------------------------------------------------------------------------


def before(span: Range, now_ms: int, zone: tzinfo | None) -> Earlier:
    """What a range is compared with: as many days, the month, or the hour before it; of a range that is still going on,
    up to the same time of day, and of one that is still to come nothing."""
    if span.unit == "minute" or not span.name:
        length = span.until - span.since
        done = max(0, min(length, now_ms - span.since))
        words = "the hour before" if span.unit == "minute" else "the same length before"
        return Earlier(span.since - length, span.since - length + done, words)
    first, last = _own_days(span, zone)
    if _is_whole_month(span, first, last):
        begin, end = _month_of(first - timedelta(days=1))
        words = "the month before"
    else:
        begin, end = first - (last - first) - timedelta(days=1), first - timedelta(days=1)
        number = (last - first).days + 1
        words = "the day before" if number == 1 else f"the {number} days before"
    since, until = midnight(begin, zone), midnight(end + timedelta(days=1), zone)
    if now_ms < span.since:
        until = since
    elif now_ms < span.until:
        now = local(now_ms, zone)
        then = datetime.combine(begin + (now.date() - first), now.time(), zone)
        done = max(since, round(then.timestamp() * 1000))
        if done < until:  # else the month before is shorter, and was over by then
            until = done
            words += f", up to {now:%H:%M}"
    return Earlier(since, until, words)


def around_of(name: str, now_ms: int, zone: tzinfo | None) -> Around:
    """What is around the range of a name."""
    span = range_of(name, now_ms, zone)
    first, last = _own_days(span, zone)
    earlier, later = _neighbours(span, first, last)
    return Around(earlier, later if span.until <= now_ms else None, f"{first}", f"{last}")


def _neighbours(span: Range, first: date, last: date) -> tuple[str, str]:
    """Names of the ranges of the same length right before and right after one."""
    if span.unit == "minute":
        return _hour_name(span.since - HOUR_MS), _hour_name(span.since + HOUR_MS)
    if _is_whole_month(span, first, last):
        return _days_name(*_month_of(first - timedelta(days=1))), _days_name(*_month_of(last + timedelta(days=1)))
    length = last - first + timedelta(days=1)
    return _days_name(first - length, last - length), _days_name(first + length, last + length)


def closer(span: Range, place: int, zone: tzinfo | None) -> str | None:
    """The name of the range that the bar at a place is; None where nothing closer is shown."""
    since, until = span.edges[place]
    if span.unit == "minute":
        return None
    if span.unit == "hour":
        return _hour_name(since)
    return _days_name(local(since, zone).date(), local(until - 1, zone).date())


# How ----------------------------------------------------------------------------------------------------------------


def _days_of(name: str) -> tuple[date, date] | None:
    """The first and the last day of a name that says days or a month."""
    try:
        if found := _MONTH.fullmatch(name):
            first, last = _month_of(date(int(found[1]), int(found[2]), 1))
        elif found := _DAYS.fullmatch(name):
            first, last = sorted(date.fromisoformat(text) for text in (found[1], found[2] or found[1]))
        else:
            return None
    except (ValueError, OverflowError):  # 30 February, December 9999
        return None
    is_bearable = first.year in YEARS and last.year in YEARS and (last - first).days < MOST_DAYS
    return (first, last) if is_bearable else None


def _days_named(name: str, zone: tzinfo | None) -> Range | None:
    """The range of a name that says days or a month; None where none of them was (Samoa had no 30 December 2011)."""
    days = _days_of(name)
    span = _days(*days, zone) if days else None
    return span if span and span.edges else None


def _hour_of(name: str, zone: tzinfo | None) -> Range | None:
    found = _HOUR.fullmatch(name)
    if not found:
        return None
    try:
        begin = datetime.strptime(found[1], _HOUR_FORM).replace(tzinfo=UTC)
    except ValueError:  # 25 o'clock
        return None
    if begin.year not in YEARS:
        return None
    since = int(begin.timestamp()) * 1000
    until = since + HOUR_MS
    label = f"{day_text(local(since, zone).date())}, {local(since, zone):%H:%M} – {local(until, zone):%H:%M}"
    return Range(name, label, since, until, "minute", tuple(_steps(since, until, 5 * MINUTE_MS)), ((since, until),))


def _hour_name(since: int) -> str:
    return f"{datetime.fromtimestamp(since // 1000, UTC):{_HOUR_FORM}}Z"


def _days(first: date, last: date, zone: tzinfo | None) -> Range:
    """Calendar days, in bars of which there are not too many."""
    number = (last - first).days + 1
    since, until = midnight(first, zone), midnight(last + timedelta(days=1), zone)
    name, label = _days_name(first, last), days_text(first, last)
    if number == 1:
        return Range(name, label, since, until, "hour", tuple(_steps(since, until, HOUR_MS)), ((since, until),))
    unit = "day" if number <= MOST_DAILY else "week" if number <= MOST_WEEKLY else "month"
    starts, day = [], first
    while day <= last:
        starts.append(midnight(day, zone))
        day = _NEXT[unit](day)
    edges = tuple((begin, end) for begin, end in itertools.pairwise([*starts, until]) if begin < end)
    return Range(name, label, since, until, unit, edges, edges)


def _next_month(day: date) -> date:
    return _month_of(day)[1] + timedelta(days=1)


_NEXT: Mapping[str, Callable[[date], date]] = {
    "day": lambda day: day + timedelta(days=1),
    "week": lambda day: day + timedelta(days=7 - day.weekday()),
    "month": _next_month,
}
"""When the next bar begins: weeks begin on Mondays."""


def _own_days(span: Range, zone: tzinfo | None) -> tuple[date, date]:
    return local(span.since, zone).date(), local(span.until - 1, zone).date()


def _month_of(day: date) -> tuple[date, date]:
    """The first and the last day of the month that a day is in."""
    first = day.replace(day=1)
    return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def _is_month(first: date, last: date) -> bool:
    return (first, last) == _month_of(first)


def _is_whole_month(span: Range, first: date, last: date) -> bool:
    """Whether a range means a month: the last 30 days never do, though they may happen to be one."""
    return span.name not in NAMES and _is_month(first, last)


def _days_name(first: date, last: date) -> str:
    if _is_month(first, last):
        return f"{first:%Y-%m}"
    return f"{first}" if first == last else f"{first}..{last}"


def day_text(day: date) -> str:
    return f"{day.day} {day:%B} {day.year}"


def days_text(first: date, last: date) -> str:
    """`5 November 2026`, `1 – 20 November 2026`, `November 2026`."""
    if _is_month(first, last):
        return f"{first:%B %Y}"
    if first == last:
        return day_text(first)
    if first.year != last.year:
        return f"{day_text(first)} – {day_text(last)}"
    return f"{first.day}{'' if first.month == last.month else f' {first:%B}'} – {day_text(last)}"


def _steps(since: int, until: int, step: int) -> list[tuple[int, int]]:
    return [(start, min(start + step, until)) for start in range(since, until, step)]
