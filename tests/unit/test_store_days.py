"""Days of the site's zone: every time has one, they do not overlap, and what was once said of a time stays true."""

import itertools
import sqlite3
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from taken import some

from proxy.report import ranges
from proxy.store.sqlite.days import Days, date_of, midnight
from proxy.store.sqlite.texts import MIGRATIONS

HOUR = 3_600_000
ZONES = ("UTC", "Europe/Warsaw", "America/New_York", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kathmandu")
ODD = ("America/Havana", "Asia/Beirut", "America/Sao_Paulo", "Pacific/Apia", "Africa/Monrovia", "America/Toronto")
"""Clocks that leap at or over midnight, that left out a day, that were minutes and seconds beside an hour."""


def store():
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(MIGRATIONS[3].split("-- Where events")[0])
    return connection


def at(zone, *moment):
    return int(datetime(*moment, tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def table(connection):
    return connection.execute("SELECT id, start, until FROM day ORDER BY id").fetchall()


def hours(connection):
    return [(until - start) / HOUR for _, start, until in table(connection)]


@pytest.mark.parametrize(("date", "length"), [((2024, 3, 31), 23), ((2024, 10, 27), 25), ((2024, 6, 1), 24)])
def test_a_day_is_from_midnight_to_midnight(date, length):
    connection, days = store(), Days(ZoneInfo("Europe/Warsaw"))
    start = at("Europe/Warsaw", *date)
    numbers = {days.of(connection, start + step) for step in (0, 1, 12 * HOUR, length * HOUR - 1)}
    assert numbers == {(datetime(*date, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)).days}
    assert hours(connection) == [length]
    assert days.of(connection, start + length * HOUR) == days.of(connection, start - 1) + 2


def test_a_zone_further_west_makes_the_running_day_longer():
    connection = store()
    noon = at("Europe/Warsaw", 2024, 6, 1, 12)
    first = Days(ZoneInfo("Europe/Warsaw")).of(connection, noon)
    days = Days(ZoneInfo("America/New_York"))
    assert days.of(connection, noon) == days.of(connection, noon + 12 * HOUR) == first
    assert days.of(connection, noon + 18 * HOUR) == first + 1
    assert hours(connection) == [30, 24]


def test_a_zone_further_east_makes_the_next_day_shorter():
    connection = store()
    noon = at("Europe/Warsaw", 2024, 6, 1, 12)
    first = Days(ZoneInfo("Europe/Warsaw")).of(connection, noon)
    days = Days(ZoneInfo("Asia/Tokyo"))
    assert days.of(connection, noon + 12 * HOUR - 1) == first
    assert days.of(connection, noon + 12 * HOUR) == first + 1
    assert hours(connection) == [24, 17]


def test_a_late_event_of_another_zone_fits_between_the_days_that_are_there():
    connection, warsaw = store(), Days(ZoneInfo("Europe/Warsaw"))
    noon = at("Europe/Warsaw", 2024, 6, 10, 12)
    before, after = warsaw.of(connection, noon), warsaw.of(connection, noon + 48 * HOUR)
    late = Days(ZoneInfo("Pacific/Kiritimati"))
    assert late.of(connection, noon + 13 * HOUR) == before + 1
    assert late.of(connection, noon + 35 * HOUR) == after  # its date is there already: it has grown
    assert late.of(connection, noon + 21 * HOUR) == before + 1
    assert hours(connection) == [24, 12, 36]


def test_what_was_rolled_back_is_forgotten():
    connection, days = store(), Days(None)
    connection.execute("BEGIN")
    days.of(connection, 10**12)
    connection.execute("ROLLBACK")
    days.forget()
    days.of(connection, 10**12)
    assert len(table(connection)) == 1


def test_what_another_process_has_made_is_found():
    connection, ours, theirs = store(), Days(ZoneInfo("Europe/Warsaw")), Days(ZoneInfo("America/New_York"))
    noon = at("Europe/Warsaw", 2024, 6, 1, 12)
    first = ours.of(connection, noon)
    assert theirs.of(connection, noon + 12 * HOUR) == first  # which makes the day longer
    assert ours.of(connection, noon + 17 * HOUR) == first
    assert ours.of(connection, noon + 18 * HOUR) == first + 1


@settings(max_examples=some(300), deadline=None)
@given(st.integers(0, 2_000_000_000_000), st.sampled_from((*ZONES, *ODD)))
def test_a_date_has_the_times_that_the_report_gives_it(time, name):
    zone = ZoneInfo(name)
    day = date_of(time, zone)
    shown = ranges.local(time, zone).date()
    assert day == (shown - datetime(1970, 1, 1).date()).days
    assert midnight(day, zone) == ranges.midnight(shown, zone)
    if midnight(day, zone) <= time < midnight(day + 1, zone):
        connection = store()
        assert Days(zone).of(connection, time) == day
        assert table(connection) == [(day, midnight(day, zone), midnight(day + 1, zone))]


MOMENTS = st.lists(
    st.tuples(st.integers(0, 12 * 24 * 4).map(lambda n: 1_711_000_000_000 + n * HOUR // 4), st.sampled_from(ZONES)),
    max_size=30,
)


@settings(max_examples=some(300), deadline=None)
@given(MOMENTS, st.booleans())
def test_days_are_in_order_do_not_overlap_and_only_grow(moments, shared):
    connection, calendars = store(), {name: Days(ZoneInfo(name)) for name in ZONES}
    said, known = {}, {}
    for time, name in moments:
        days = calendars[name] if shared else Days(ZoneInfo(name))
        said[time] = said.get(time) or days.of(connection, time)
        rows = table(connection)
        for one, two in itertools.pairwise(rows):
            assert one[2] <= two[1]
        for number, start, until in rows:
            assert start < until and (until - start) <= timedelta(days=4) / timedelta(milliseconds=1)
            old = known.get(number, (start, until))
            assert start <= old[0] and until >= old[1]
            known[number] = (start, until)
        for then, number in said.items():
            assert known[number][0] <= then < known[number][1]
            assert all(each.of(connection, then) == number for each in calendars.values())
