"""Ranges of the report: days are from midnight to midnight where the owner lives, whatever clocks do."""

from datetime import date, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.report.ranges import (
    DAY_MS,
    HOUR_MS,
    MOST_DAYS,
    NAMES,
    Range,
    around_of,
    asked_range,
    before,
    closer,
    local,
    midnight,
    range_of,
    spanning,
    utc_days,
)

ZONES = ("UTC", "Europe/Warsaw", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Sao_Paulo")


def at(text: str, zone: tzinfo) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Warsaw", "2026-03-29", 23),
        ("Europe/Warsaw", "2026-10-25", 25),
        ("Europe/Warsaw", "2026-06-01", 24),
        ("America/New_York", "2026-03-08", 23),
        ("America/Sao_Paulo", "2018-11-04", 23),  # clocks leapt over midnight itself
    ],
)
def test_a_day_has_the_hours_that_clocks_give_it(zone, day, hours):
    place = ZoneInfo(zone)
    span = range_of("today", at(f"{day}T15:00", place), place)
    assert len(span.edges) == hours
    assert span.until - span.since == hours * HOUR_MS
    assert local(span.since, place).date() == local(span.until - 1, place).date()


def test_half_an_hour_of_daylight_saving_leaves_a_short_last_bar():
    place = ZoneInfo("Australia/Lord_Howe")
    span = range_of("today", at("2026-04-05T15:00", place), place)
    assert span.edges[-1][1] - span.edges[-1][0] == HOUR_MS // 2
    assert span.edges[-1][1] == span.until


@given(st.integers(0, 4_000_000_000_000), st.sampled_from(ZONES), st.sampled_from(sorted(NAMES)))
def test_bars_follow_each_other_without_a_gap_and_fill_the_range(now, zone, name):
    place = ZoneInfo(zone)
    span = range_of(name, now, place)
    assert span.edges[0][0] == span.since and span.edges[-1][1] == span.until
    assert all(
        before[1] == after[0] and before[0] < before[1]
        for before, after in zip(span.edges, span.edges[1:], strict=False)
    )
    days = (local(span.until - 1, place).date() - local(span.since, place).date()).days + 1
    assert days == NAMES[name][2]
    assert (span.since <= now < span.until) == (name != "yesterday")
    if span.unit == "day":
        assert len(span.edges) == days
        assert all(local(edge[0], place).hour <= 1 for edge in span.edges)


@given(st.integers(0, 4_000_000_000_000))
def test_the_machines_own_zone_works_as_any_other(now):
    span = range_of("today", now, None)
    assert span.since <= now < span.until
    assert midnight(local(now, None).date(), None) == span.since


def test_an_unknown_range_is_the_default_one():
    assert range_of("<script>", 0, ZoneInfo("UTC")).name == "today"


def test_outcomes_are_asked_for_by_the_days_in_utc_that_a_range_touches():
    east = timezone(timedelta(hours=5))
    span = range_of("today", at("2026-06-02T12:00", east), east)
    first, last = utc_days(span.since, span.until)
    assert (last - first, first) == (1, at("2026-06-01T00:00", ZoneInfo("UTC")) // 86_400_000)


# What an address can say -------------------------------------------------------------------------------------------

WARSAW = ZoneInfo("Europe/Warsaw")
NOW = at("2026-11-27T14:30", WARSAW)
DAYS = st.dates(date(2015, 1, 1), date(2035, 12, 31))


def days_of(span: Range, zone: tzinfo = WARSAW) -> tuple[str, str]:
    return f"{local(span.since, zone).date()}", f"{local(span.until - 1, zone).date()}"


@pytest.mark.parametrize(
    ("name", "days", "label", "unit", "bars"),
    [
        ("2026-11-05", ("2026-11-05", "2026-11-05"), "5 November 2026", "hour", 24),
        ("2026-11-05..2026-11-05", ("2026-11-05", "2026-11-05"), "5 November 2026", "hour", 24),
        ("2026-11-01..2026-11-20", ("2026-11-01", "2026-11-20"), "1 – 20 November 2026", "day", 20),
        ("2026-11-20..2026-11-01", ("2026-11-01", "2026-11-20"), "1 – 20 November 2026", "day", 20),
        ("2026-10-30..2026-11-02", ("2026-10-30", "2026-11-02"), "30 October – 2 November 2026", "day", 4),
        ("2025-12-31..2026-01-01", ("2025-12-31", "2026-01-01"), "31 December 2025 – 1 January 2026", "day", 2),
        ("2026-02", ("2026-02-01", "2026-02-28"), "February 2026", "day", 28),
        ("2026-02-01..2026-02-28", ("2026-02-01", "2026-02-28"), "February 2026", "day", 28),
        ("month", ("2026-11-01", "2026-11-30"), "This month", "day", 30),
        ("2026-01-01..2026-06-30", ("2026-01-01", "2026-06-30"), "1 January – 30 June 2026", "week", 27),
        ("2025-01-15..2026-11-27", ("2025-01-15", "2026-11-27"), "15 January 2025 – 27 November 2026", "month", 23),
    ],
)
def test_an_address_names_days_and_months(name, days, label, unit, bars):
    span = range_of(name, NOW, WARSAW)
    assert (days_of(span), span.label, span.unit, len(span.edges)) == (days, label, unit, bars)
    assert span.edges[0][0] == span.since and span.edges[-1][1] == span.until
    assert range_of(span.name, NOW, WARSAW) == span


@pytest.mark.parametrize(
    "name",
    [
        "2026-02-30",
        "2026-13",
        "2026-00",
        "2026-11-05T2500Z",
        "2026-11-05T1200",
        "0001-01-01",
        "1970-01-01",
        "9999-12-31",
        "9999-12",
        "2016-01-01..2026-11-27",
        "2026-11-05..",
        "2026-11-05\n",
        "٢٠٢٦-11-05",
        "7D",
        "",
    ],
)
def test_what_names_no_range_is_the_default_one(name):
    assert range_of(name, NOW, WARSAW) == range_of("today", NOW, WARSAW)


def test_ten_years_are_the_longest_range():
    first = date(2016, 11, 27)
    longest = f"{first}..{first + timedelta(days=MOST_DAYS - 1)}"
    assert range_of(longest, NOW, WARSAW).unit == "month"
    assert range_of(f"{first}..{first + timedelta(days=MOST_DAYS)}", NOW, WARSAW).name == "today"


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({}, "today"),
        ({"range": "7d"}, "7d"),
        ({"from": "2026-11-01", "to": "2026-11-05", "range": "7d"}, "2026-11-01..2026-11-05"),
        ({"from": "2026-11-01"}, "2026-11-01..2026-11-01"),
        ({"to": "2026-11-05"}, "2026-11-05..2026-11-05"),
        ({"from": "soon", "to": "2026-11-05", "range": "30d"}, "30d"),
    ],
)
def test_the_form_of_days_asks_for_them(query, name):
    assert asked_range(query) == name


def test_an_hour_that_a_clock_set_back_has_twice_is_two_ranges():
    """In Warsaw 2:00 to 3:00 came twice on 25 October 2026."""
    day = range_of("2026-10-25", NOW, WARSAW)
    names = [closer(day, place, WARSAW) for place in range(len(day.edges))]
    assert len(set(names)) == 25 and names[2:4] == ["2026-10-25T0000Z", "2026-10-25T0100Z"]
    hours = [range_of(name, NOW, WARSAW) for name in names]
    assert [(hour.since, hour.until) for hour in hours] == list(day.edges)
    assert {hour.label for hour in hours[2:4]} == {"25 October 2026, 02:00 – 02:00", "25 October 2026, 02:00 – 03:00"}


@given(DAYS, st.integers(0, 1_200), st.sampled_from(ZONES))
def test_every_bar_is_a_range_of_its_own_and_all_of_them_fill_it(first, more, zone):
    """Half an hour of daylight saving is a bar that is shorter than the hour which it leads to."""
    place = ZoneInfo(zone)
    name = f"{first}..{first + timedelta(days=more)}"
    span = range_of(name, NOW, place)
    assert days_of(span, place) == (f"{first}", f"{first + timedelta(days=more)}")
    assert len(span.edges) <= 95
    for number, (since, until) in enumerate(span.edges):
        assert until == span.until or span.edges[number + 1][0] == until
        inner = range_of(closer(span, number, place), NOW, place)
        assert inner.since == since and (inner.until == until or inner.unit == "minute")
        if inner.unit == "minute":
            assert len(inner.edges) == 12 and closer(inner, 0, place) is None


# What a range is compared with ---------------------------------------------------------------------------------------


def compared(name: str, now: int = NOW) -> tuple[str, str, str]:
    earlier = before(range_of(name, now, WARSAW), now, WARSAW)
    since, until = (f"{local(ms, WARSAW):%Y-%m-%d %H:%M}" for ms in (earlier.since, earlier.until))
    return since, until, earlier.label


@pytest.mark.parametrize(
    ("name", "since", "until", "label"),
    [
        ("today", "2026-11-26 00:00", "2026-11-26 14:30", "the day before, up to 14:30"),
        ("yesterday", "2026-11-25 00:00", "2026-11-26 00:00", "the day before"),
        ("7d", "2026-11-14 00:00", "2026-11-20 14:30", "the 7 days before, up to 14:30"),
        ("month", "2026-10-01 00:00", "2026-10-27 14:30", "the month before, up to 14:30"),
        ("2026-03", "2026-02-01 00:00", "2026-03-01 00:00", "the month before"),
        ("2026-11-05", "2026-11-04 00:00", "2026-11-05 00:00", "the day before"),
        ("2026-11-10..2026-11-19", "2026-10-31 00:00", "2026-11-10 00:00", "the 10 days before"),
        ("2026-11-05T1300Z", "2026-11-05 13:00", "2026-11-05 14:00", "the hour before"),
    ],
)
def test_a_range_is_compared_with_as_much_time_before_it(name, since, until, label):
    assert compared(name) == (since, until, label)


def test_a_month_so_far_is_compared_with_no_more_than_a_whole_month():
    assert compared("month", at("2026-03-31T18:00", WARSAW))[:2] == ("2026-02-01 00:00", "2026-03-01 00:00")


def test_what_is_said_of_the_time_of_day_goes_for_a_month_that_has_such_a_day_only():
    assert compared("month", at("2026-03-31T18:00", WARSAW))[2] == "the month before"
    assert compared("month", at("2026-03-28T18:00", WARSAW))[1:] == (
        "2026-02-28 18:00",
        "the month before, up to 18:00",
    )


@pytest.mark.parametrize(
    ("now", "name", "until"),
    [
        ("2026-03-29T12:00", "today", "2026-03-28 12:00"),
        ("2026-03-30T12:00", "today", "2026-03-29 12:00"),
        ("2026-10-25T12:00", "today", "2026-10-24 12:00"),
        ("2026-10-26T12:00", "7d", "2026-10-19 12:00"),
        ("2026-11-01T00:00", "2026-11-01..2026-11-02", "2026-10-30 00:00"),
    ],
)
def test_where_clocks_were_changed_it_is_the_same_time_of_day(now, name, until):
    span = compared(name, at(now, WARSAW))
    assert span[1] == until and span[2].endswith(f", up to {now[-5:]}")


def test_a_day_that_a_country_left_out_is_no_range_and_no_bar():
    """Samoa went from 29 to 31 December 2011."""
    apia = ZoneInfo("Pacific/Apia")
    assert range_of("2011-12-30", NOW, apia).name == "today"
    for name, bars in (("2011-12-29..2011-12-31", 2), ("2011-12-30..2011-12-31", 1), ("2011-12", 30)):
        span = range_of(name, NOW, apia)
        assert len(span.edges) == bars and all(since < until for since, until in span.edges)
        names = [closer(span, place, apia) for place in range(bars)]
        assert [range_of(inner, NOW, apia).since for inner in names] == [since for since, _ in span.edges]


def test_thirty_days_that_happen_to_be_a_month_are_thirty_days():
    assert compared("30d", at("2026-04-30T12:00", WARSAW))[2].startswith("the 30 days before")


def test_an_hour_that_is_going_on_is_compared_up_to_its_minute():
    assert compared("2026-11-27T1300Z")[:2] == ("2026-11-27 13:00", "2026-11-27 13:30")


def test_any_time_is_compared_with_the_same_length_before():
    earlier = before(spanning(NOW - 5 * DAY_MS, NOW, WARSAW), NOW, WARSAW)
    assert (earlier.since, earlier.until) == (NOW - 10 * DAY_MS, NOW - 5 * DAY_MS)


@given(DAYS, st.integers(0, 400), st.sampled_from(ZONES), st.integers(-500, 500))
def test_what_is_before_ends_where_the_range_begins_or_as_far_into_it(first, more, zone, days_on):
    place = ZoneInfo(zone)
    now = midnight(first + timedelta(days=days_on), place) + 10 * HOUR_MS
    span = range_of(f"{first}..{first + timedelta(days=more)}", now, place)
    earlier = before(span, now, place)
    assert earlier.since < earlier.until <= span.since or (earlier.since == earlier.until and now < span.since)
    assert earlier.until == span.since or now < span.until


@pytest.mark.parametrize("name", ["2026-11-28", "2026-12", "2026-11-28..2026-11-30", "2026-11-27T1400Z"])
def test_what_is_still_to_come_is_compared_with_nothing(name):
    since, until, _ = compared(name)
    assert since == until


@pytest.mark.parametrize(
    ("name", "earlier", "later"),
    [
        ("today", "2026-11-26", None),
        ("yesterday", "2026-11-25", "2026-11-27"),
        ("7d", "2026-11-14..2026-11-20", None),
        ("month", "2026-10", None),
        ("2026-10", "2026-09", "2026-11"),
        ("2026-11-01..2026-11-03", "2026-10-29..2026-10-31", "2026-11-04..2026-11-06"),
        ("2026-11-05T1300Z", "2026-11-05T1200Z", "2026-11-05T1400Z"),
        ("2026-11-27T1300Z", "2026-11-27T1200Z", None),
    ],
)
def test_one_steps_to_as_much_time_before_and_after(name, earlier, later):
    around = around_of(name, NOW, WARSAW)
    assert (around.earlier, around.later) == (earlier, later)
