"""Ranges of the report: days are from midnight to midnight where the owner lives, whatever clocks do."""

from datetime import datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.report.ranges import HOUR_MS, NAMES, local, midnight, range_of, utc_days

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
    if not span.hourly:
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
