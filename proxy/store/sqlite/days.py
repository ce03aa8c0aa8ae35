"""Which day a time is in: the calendar of the site's zone, as far as the table `day` does not know better.

Law: days are in the order of their times, do not overlap, and one that is there only grows (schema_4.sql). So what is
known of a day stays true, whoever writes it, but for what was rolled back: then `forget` must be called. Another zone
changes nothing of the days that are there: it makes the next ones longer or shorter.
"""

from bisect import bisect_right, insort
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, NamedTuple

from proxy.store.sqlite.texts import SQL

if TYPE_CHECKING:
    from proxy.store.sqlite.connection import Connection

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAYS_KNOWN = 1_000
"""Days whose times are remembered: whoever writes needs two or three."""
_FIRST = date(1970, 1, 1).toordinal()
_MS = timedelta(milliseconds=1)


class Day(NamedTuple):
    """A row of `day`; ordered by time."""

    start: int
    until: int
    id: int


class Days:
    """The days of a store, in the calendar of `zone`; None is the machine's own."""

    __slots__ = ("_known", "_latest", "_zone")

    def __init__(self, zone: tzinfo | None) -> None:
        self._zone = zone
        self._known: list[Day] = []
        self._latest = Day(0, 0, 0)

    def of(self, connection: "Connection", time: int) -> int:
        """The id of the day that a time (UTC ms) is in, made or grown where it is not there yet."""
        start, until, known = self._latest
        if start <= time < until:
            return known
        place = bisect_right(self._known, time, key=_start) - 1
        if place < 0 or time >= self._known[place].until:
            return self._look_up(connection, time)
        self._latest = self._known[place]
        return self._latest.id

    def forget(self) -> None:
        """Some of the days that are known may not have been kept."""
        self._known = []
        self._latest = Day(0, 0, 0)

    def _look_up(self, connection: "Connection", time: int) -> int:
        before = after = None
        for number, start, until in connection.execute(SQL["day_around"], {"time": time}):
            if start > time:
                after = Day(start, until, number)
            else:
                before = Day(start, until, number)
        if before is not None and time < before.until:
            day = before
        else:
            day = day_at(time, self._zone, before, after)
            connection.execute(SQL["put_day"], (day.id, day.start, day.until))
        self._remember(day)
        return day.id

    def _remember(self, day: Day) -> None:
        self._known = [known for known in self._known if known.id != day.id][-DAYS_KNOWN:]
        insort(self._known, day)
        self._latest = day


def day_at(time: int, zone: tzinfo | None, before: Day | None = None, after: Day | None = None) -> Day:
    """The day of a time that no day has yet. `before`, `after`: the days next to it, which it must not touch; one of
    them, grown, where the date is already there, or would not be between theirs (a zone further west or east)."""
    date = date_of(time, zone)
    # Where clocks leap in an odd way, a time may be beyond the midnights of its date.
    start, until = min(time, midnight(date, zone)), max(time + 1, midnight(date + 1, zone))
    if before is not None:
        start = max(start, before.until)
        if date <= before.id:
            start, date = before.start, before.id
    if after is not None:
        until = min(until, after.start)
        if date >= after.id:
            until, date = after.until, after.id
    return Day(start, until, date)


def date_of(time: int, zone: tzinfo | None) -> int:
    """The date of a time (UTC ms), as days since 1970."""
    return (EPOCH + time * _MS).astimezone(zone).toordinal() - _FIRST


def midnight(day: int, zone: tzinfo | None) -> int:
    """When a date begins, UTC ms; where clocks leap over midnight, the moment of the leap."""
    found = date.fromordinal(day + _FIRST)
    return round(datetime(found.year, found.month, found.day, tzinfo=zone).timestamp()) * 1000


def _start(day: Day) -> int:
    return day.start
