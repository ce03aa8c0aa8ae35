"""Charts, bands and numbers: what is drawn is what was counted."""

import re
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.report.charts import BASE, TOP, band, columns, sparkline, top_of
from proxy.report.numbers import THIN, change, count, length, link_of, path_of, points, points_between
from proxy.report.ranges import range_of
from proxy.store.questions import Slot

UTC = ZoneInfo("UTC")
NOON = 1_700_049_600_000


def chart_of(views, name="today"):
    span = range_of(name, NOON, UTC)
    slots = [Slot(*edge, n, n // 2) for edge, n in zip(span.edges, views, strict=True)]
    return columns(slots, span, UTC)


@given(st.lists(st.integers(0, 10**9), min_size=24, max_size=24))
def test_bars_stand_on_the_base_and_stay_below_the_highest_line(views):
    chart = chart_of(views)
    for bar, n in zip(chart.bars, views, strict=True):
        assert bar.bar_y >= TOP - 0.01 and bar.bar_y + bar.bar_height == pytest.approx(BASE, abs=0.02)
        assert (bar.bar_height > 0) == (n > 0)
        assert bar.inner_height <= bar.bar_height
        assert bar.x <= bar.bar_x < bar.inner_x and bar.bar_x + bar.bar_width <= bar.x + bar.width + 0.01
    assert chart.bars[-1].x + chart.bars[-1].width == pytest.approx(100, abs=0.1)


@pytest.mark.parametrize(
    ("now", "then", "told"),
    [
        (112, 100, "↑ 12 %"),
        (88, 100, "↓ 12 %"),
        (100.4, 100, "as before"),
        (0, 7, "↓ 100 %"),
        (3, 0, ""),
        (None, 5, ""),
        (5, None, ""),
        (1_099, 100, "↑ 999 %"),
        (50_000, 100, "↑ 999+ %"),
        (0.33, 0.30, "↑ 10 %"),
    ],
)
def test_a_change_is_told_in_per_cent_of_what_was_before(now, then, told):
    assert change(now, then).replace(THIN, " ") == told


@pytest.mark.parametrize(
    ("now", "then", "number", "told"),
    [
        (0.47, 0.44, 3, "+3 points"),
        (0.43, 0.44, -1, "−1 point"),
        (0.44, 0.44, 0, "as before"),
        (0.03, 0, 3, "+3 points"),
        (0, 1, -100, "−100 points"),
        (None, 0.5, None, ""),
        (0.5, None, None, ""),
    ],
)
def test_a_change_of_a_share_is_told_in_points(now, then, number, told):
    assert points_between(now, then) == number
    assert points(number).replace(THIN, " ") == told


@pytest.mark.parametrize("name", ["2026-11-05T1300Z", "2025-01-01..2025-12-31", "2020-01-01..2026-11-01"])
def test_bars_of_any_length_have_names_and_few_labels(name):
    chart = chart_of([1] * len(range_of(name, NOON, UTC).edges), name)
    assert len({bar.name for bar in chart.bars}) == len(chart.bars)
    assert 1 <= len([bar for bar in chart.bars if bar.tick == "major"]) <= 7


@given(st.integers(0, 10**12))
def test_the_highest_line_is_round_and_not_far_above(highest):
    top, distance = top_of(highest)
    assert top >= highest and top % distance == 0 and 2 <= top // distance <= 4
    assert re.fullmatch(r"[125]0*", str(distance))
    assert top <= max(4, 2.5 * highest)


def test_nothing_at_all_is_drawn_without_bars():
    chart = chart_of([0] * 24)
    assert all(bar.bar_height == 0 for bar in chart.bars) and chart.summary == "0 page views"


def test_the_chart_says_in_words_what_it_shows():
    views = [0] * 24
    views[9], views[10] = 3, 1_200
    assert chart_of(views).summary == f"1{count(1_000)[1]}203 page views, most of them ({count(1_200)}) at 10:00"


@pytest.mark.parametrize(("name", "labels"), [("today", 8), ("7d", 7), ("30d", 6), ("90d", 6)])
def test_labels_are_few_enough_to_be_read(name, labels):
    chart = chart_of([1] * len(range_of(name, NOON, UTC).edges), name)
    assert len([bar for bar in chart.bars if bar.tick]) == labels
    assert 1 <= len([bar for bar in chart.bars if bar.tick == "major"]) <= 7


@given(st.lists(st.integers(0, 10**9), max_size=100))
def test_a_sparkline_has_a_character_a_value_and_its_lowest_is_nothing(values):
    line = sparkline(values)
    assert len(line) == len(values)
    for value, char in zip(values, line, strict=True):
        assert (char == "▁") == (value == 0)
        assert value < max(values) or value == 0 or char == "█"


@given(st.lists(st.tuples(st.integers(0, 1_000), st.sampled_from(("visit", "click", "session"))), max_size=20))
def test_marks_stay_on_their_band(moments):
    for mark in band(sorted(moments), 0, 1_000, 1_000):
        assert mark.x >= 0 and mark.x + mark.width <= 100.01


def test_a_session_of_one_moment_is_one_page():
    assert [mark.kind for mark in band([(5, "session"), (5, "visit")], 5, 5, 5)] == ["page-even"]


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (None, "–"),
        (0, "0 ms"),
        (999, "999 ms"),
        (1_000, "1.0 s"),
        (8_249, "8.2 s"),
        (59_949, "59.9 s"),
        (59_950, "1 min"),
        (65_000, "1 min 5 s"),
        (3_599_400, "59 min 59 s"),
        (3_599_500, "1 h"),
        (7_800_000, "2 h 10 min"),
        (86_400_000, "1 d"),
        (100 * 86_400_000 + 3_600_000, "100 d 1 h"),
    ],
)
def test_lengths_of_time_as_people_say_them(ms, text):
    assert length(ms).replace("\N{NARROW NO-BREAK SPACE}", " ") == text


@given(st.integers(0, 10**11))
def test_every_length_has_a_short_text(ms):
    assert re.fullmatch(r"[0-9.]+.(ms|s|min|h|d)( [0-9]+.(s|min|h))?", length(ms))


def test_counts_have_spaces_that_do_not_break():
    assert count(1_234_567) == "1\N{NARROW NO-BREAK SPACE}234\N{NARROW NO-BREAK SPACE}567" and count(None) == "–"


@pytest.mark.parametrize(
    "uri",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " javascript:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,<script>",
        "vbscript:x",
        "//evil.example/",
        "/path",
        "ftp://x/",
        "http://x/\n",
        "https://x /",
        "",
        None,
        5,
        {"a": 1},
    ],
)
def test_only_http_and_https_become_links(uri):
    assert link_of(uri) is None


def test_addresses_become_links_and_places():
    assert link_of("https://shop.example/a?b=<c>") == "https://shop.example/a?b=<c>"
    assert path_of("https://shop.example/a?b=1") == "/a?b=1" and path_of("https://shop.example") == "/"
    assert path_of("http://[broken/") == "http://[broken/" and path_of(None) == "–"
