"""Lines and page views, one to one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.reconciling.matching import LATE_MS, Asked, Matcher, Viewed

T = 1_700_000_000_000
WINDOW = 5_000


def viewed(at, address="/p", status=200, *, post=False, outcome="visit", took=0, differs=False):
    return Viewed(T + at, address.partition("?")[0], address, status, post, outcome, took, differs)


def asked(at, address="/p", status=200, *, post=False, outcome="visit", key=""):
    return Asked(T + at // 1_000 * 1_000, address.partition("?")[0], address, status, post, outcome, key or f"{at}")


def matched(views, lines):
    """(line's key, page view's ms after T or None) of each line in the order of keys, and page views left over."""
    found, missed = [], []
    matcher = Matcher(WINDOW, lambda line, view: found.append((line.key, view and view.time - T)), missed.append)
    waiting = sorted(views)
    for line in lines:
        while waiting and waiting[0].time <= line.time + WINDOW + 1_000:
            matcher.view(waiting.pop(0))
        matcher.line(line)
        matcher.passed(line.time)
    for view in waiting:
        matcher.view(view)
    matcher.end()
    return sorted(found, key=lambda one: [line.key for line in lines].index(one[0])), [view.time - T for view in missed]


@pytest.mark.parametrize(
    ("views", "lines", "pairs", "left"),
    [
        ([viewed(200)], [asked(200)], [200], []),
        ([viewed(200)], [asked(5_100)], [200], []),
        ([viewed(200)], [asked(6_100)], [None], [200]),
        ([viewed(200), viewed(5_300)], [asked(200), asked(5_300)], [200, 5_300], []),
        ([viewed(200)], [asked(200), asked(300)], [200, None], []),
        # A second that turned between the two clocks: what is left over finds each other.
        ([viewed(950), viewed(1_100)], [asked(1_001), asked(1_101, key="b")], [1_100, 950], []),
        ([viewed(200, "/p?a=1")], [asked(200, "/p?a=2")], [None], [200]),
        ([viewed(200, "/p?a=1", differs=True)], [asked(200, "/p?a=2")], [200], []),
        # Another line has that page view for its own.
        ([viewed(200, "/p?a=1", differs=True)], [asked(200, "/p?a=2"), asked(300, "/p?a=1")], [None, 200], []),
        ([viewed(200, status=404)], [asked(200)], [None], [200]),
        ([viewed(200, post=True)], [asked(200)], [None], [200]),
        ([viewed(200, outcome="bot")], [asked(200)], [None], [200]),
        ([viewed(200, outcome="bot")], [asked(200, outcome="bot")], [200], []),
        ([viewed(200)], [asked(200, status=499)], [200], []),  # the visitor left in the middle
        ([viewed(200, "/q")], [asked(200, status=499)], [None], [200]),
        ([viewed(200, status=None)], [asked(4_000)], [200], []),  # healed
        ([viewed(200, status=None)], [asked(200, post=True)], [200], []),  # a browser tells no method
        ([viewed(200, took=30_000)], [asked(30_300)], [200], []),  # nginx: when the answer was there
        ([viewed(200, took=30_000)], [asked(200)], [200], []),  # Apache: when it was asked for
        ([viewed(200, took=30_000)], [asked(15_000)], [None], [200]),
    ],
)
def test_who_is_who(views, lines, pairs, left):
    found, missed = matched(views, lines)
    assert ([time for _, time in found], missed) == (pairs, left)


def test_lines_may_be_out_of_order_for_a_minute():
    views = [viewed(n * 1_000, f"/{n}") for n in range(100)]
    lines = [asked(n * 1_000, f"/{n}") for n in range(100)]
    lines[3:63] = lines[62:2:-1]
    found, missed = matched(views, lines)
    assert all(time is not None for _, time in found) and missed == []


def test_what_is_held_is_what_lies_within_minutes():
    matcher = Matcher(WINDOW, lambda line, view: None, lambda view: None)
    most = 0
    for second in range(3_600):
        for n in range(3):
            matcher.view(viewed(second * 1_000 + n, f"/{second}?{n}"))
        matcher.line(asked(second * 1_000, f"/{second}"))
        matcher.passed(T + second * 1_000)
        most = max(most, matcher.held)
    assert most <= 4 * (2 * LATE_MS + 5 * WINDOW) // 1_000
    assert len(matcher._shelves) <= 8 * (4 * LATE_MS) // 1_000


moments = st.integers(0, 40_000)
addresses = st.sampled_from(("/p", "/p?a", "/q"))


@given(
    st.lists(st.builds(viewed, moments, addresses, differs=st.booleans()), max_size=25),
    st.lists(st.tuples(moments, addresses), max_size=25),
)
def test_each_is_used_once_and_none_is_lost(views, told):
    lines = [asked(at, address, key=f"{n}") for n, (at, address) in enumerate(sorted(told))]
    found, missed = matched(views, lines)
    assert [key for key, _ in found] == [line.key for line in lines]
    taken = [time for _, time in found if time is not None]
    assert sorted(taken + missed) == sorted(view.time - T for view in views)
    for line, (_, time) in zip(lines, found, strict=True):
        assert time is None or -WINDOW <= time - (line.time - T) <= WINDOW + 1_000


@given(st.lists(st.tuples(moments, addresses, st.booleans()), max_size=40))
def test_a_log_of_all_page_views_is_matched_whole(told):
    """Whatever else is in it: pages of the same address that are none of ours."""
    views = [viewed(at, address) for at, address, is_ours in told if is_ours]
    lines = [asked(at, address, key=f"{n}") for n, (at, address, _) in enumerate(sorted(told))]
    found, missed = matched(views, lines)
    assert missed == [] and sum(time is not None for _, time in found) == len(views)
