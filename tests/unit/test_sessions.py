"""Sessions: 30 minutes sliding, 24 hours at most, the same whatever the order (EVENTS.md section 6, VISITS.md 7)."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.visitors.sessions import (
    MAX_MS,
    NOWHERE,
    SWEEP_GRACE_MS,
    TIMEOUT_MS,
    Close,
    Placement,
    Reason,
    Rules,
    Session,
    contains,
    ending,
    is_overdue,
    joins,
    place,
    precedes,
)

RULES = Rules()
MINUTE = 60_000
HOUR = 60 * MINUTE
T = 1_700_000_000_000


def session(start: int = 0, last: int = 0, reason: Reason = Reason.OPEN, number: int = 1) -> Session:
    return Session(number, T + start, T + last, reason)


def test_the_lengths_are_those_of_the_specification():
    assert Rules() == (30 * MINUTE, 24 * HOUR)
    assert SWEEP_GRACE_MS == MINUTE


# session, event's time, belongs to it
CONTAINS = [
    (session(), 0, True),
    (session(), TIMEOUT_MS - 1, True),  # 29:59.999
    (session(), TIMEOUT_MS, False),  # 30:00.000
    (session(), -1, False),
    (session(0, 10 * MINUTE), 10 * MINUTE + TIMEOUT_MS - 1, True),
    (session(0, 10 * MINUTE), 10 * MINUTE + TIMEOUT_MS, False),
    (session(0, 10 * MINUTE), 5 * MINUTE, True),
    (session(0, MAX_MS - 1), MAX_MS - 1, True),
    (session(0, MAX_MS - 1), MAX_MS, False),  # 24 h, though it was active a millisecond ago
    (session(0, 0, Reason.TIMEOUT), TIMEOUT_MS - 1, True),  # a late event of an ended session
    (session(0, 0, Reason.TIMEOUT), TIMEOUT_MS, False),
    (session(0, 5 * MINUTE, Reason.OPT_OUT), 5 * MINUTE, True),
    (session(0, 5 * MINUTE, Reason.OPT_OUT), 5 * MINUTE + 1, False),
    (session(0, 5 * MINUTE, Reason.IDENTITY), 5 * MINUTE + 1, False),
]


@pytest.mark.parametrize(("of", "time", "expected"), CONTAINS)
def test_which_times_a_session_contains(of, time, expected):
    assert contains(of, T + time, RULES) is expected


def opened(time: int, *closes: Close) -> Placement:
    return Placement(None, T + time, True, closes)


def joined(start: int, number: int = 1) -> Placement:
    return Placement(number, T + start, False)


# the visitor's sessions, event's time, may it open, where it goes
PLACES = [
    ([], 0, True, opened(0)),
    ([], 0, False, NOWHERE),
    ([session()], TIMEOUT_MS - 1, True, joined(0)),
    ([session()], TIMEOUT_MS - 1, False, joined(0)),
    ([session()], TIMEOUT_MS, True, opened(TIMEOUT_MS, Close(1, Reason.TIMEOUT))),
    ([session()], TIMEOUT_MS, False, NOWHERE),
    ([session(0, 0, Reason.TIMEOUT)], TIMEOUT_MS, True, opened(TIMEOUT_MS)),
    ([session(0, MAX_MS - 1)], MAX_MS, True, opened(MAX_MS, Close(1, Reason.MAX_LENGTH))),
    ([session(0, MAX_MS - TIMEOUT_MS)], MAX_MS, True, opened(MAX_MS, Close(1, Reason.TIMEOUT))),
    # an opener that arrives late: the session began earlier
    ([session(5 * MINUTE, 5 * MINUTE)], 0, True, joined(0)),
    ([session(TIMEOUT_MS - 1, TIMEOUT_MS - 1)], 0, True, joined(0)),
    ([session(TIMEOUT_MS, TIMEOUT_MS)], 0, True, opened(0)),
    ([session(5 * MINUTE, 5 * MINUTE)], 0, False, NOWHERE),
    # ... but not where it would be longer than a session may be
    ([session(1, MAX_MS - 1)], 0, True, joined(0)),
    ([session(1, MAX_MS)], 0, True, opened(0)),
    # two sessions: the later one, where both contain it
    ([session(0, 40 * MINUTE), session(45 * MINUTE, 45 * MINUTE, number=2)], 50 * MINUTE, True, joined(45 * MINUTE, 2)),
    ([session(0, 0), session(2 * HOUR, 2 * HOUR, number=2)], 10 * MINUTE, True, joined(0)),
    # a late opener between two sessions belongs to the one that still contains it
    ([session(0, 0), session(50 * MINUTE, 50 * MINUTE, number=2)], 25 * MINUTE, True, joined(0)),
    ([session(0, 0, Reason.OPT_OUT)], 1, True, opened(1)),
    ([session(0, 0, Reason.OPT_OUT)], 1, False, NOWHERE),
    # a session that begins later is not ended by an earlier event
    ([session(HOUR, HOUR)], 0, True, opened(0)),
]


@pytest.mark.parametrize(("sessions", "time", "opens", "expected"), PLACES)
def test_where_an_event_goes(sessions, time, opens, expected):
    for order in itertools.permutations(sessions):
        assert place(order, T + time, opens=opens, rules=RULES) == expected


def test_shorter_rules_are_obeyed():
    short = Rules(timeout_ms=MINUTE, max_ms=3 * MINUTE)
    assert place([session()], T + MINUTE - 1, opens=True, rules=short) == joined(0)
    assert place([session()], T + MINUTE, opens=True, rules=short).opens
    assert place([session(0, 3 * MINUTE - 1)], T + 3 * MINUTE, opens=True, rules=short).opens


# session, now, may the sweeper end it
OVERDUE = [
    (session(), TIMEOUT_MS, False),
    (session(), TIMEOUT_MS + SWEEP_GRACE_MS - 1, False),
    (session(), TIMEOUT_MS + SWEEP_GRACE_MS, True),
    (session(0, 10 * MINUTE), TIMEOUT_MS + SWEEP_GRACE_MS, False),
    (session(0, 10 * MINUTE), 10 * MINUTE + TIMEOUT_MS + SWEEP_GRACE_MS, True),
    (session(0, MAX_MS - 1), MAX_MS + SWEEP_GRACE_MS - 1, False),
    (session(0, MAX_MS - 1), MAX_MS + SWEEP_GRACE_MS, True),
    (session(0, 0), -5, False),
]


@pytest.mark.parametrize(("of", "now", "expected"), OVERDUE)
def test_the_sweeper_waits_a_minute_for_late_beacons(of, now, expected):
    assert is_overdue(of, T + now, RULES) is expected


def test_what_the_sweeper_ends_contains_nothing_that_happens_now():
    for last in (0, MINUTE, 23 * HOUR, MAX_MS - 1):
        for now in range(0, 2 * MAX_MS, 13 * MINUTE):
            if is_overdue(session(0, last), T + now, RULES):
                assert not contains(session(0, last), T + now, RULES)


def test_why_a_session_is_over():
    assert ending(session(), T + TIMEOUT_MS, RULES) is Reason.TIMEOUT
    assert ending(session(0, MAX_MS - 1), T + MAX_MS, RULES) is Reason.MAX_LENGTH


# two sessions of what turned out to be one visitor: are they one?
JOINS = [
    (session(), session(1, 1, number=2), True),
    (session(), session(TIMEOUT_MS - 1, TIMEOUT_MS - 1, number=2), True),
    (session(), session(TIMEOUT_MS, TIMEOUT_MS, number=2), False),
    (session(0, HOUR), session(MINUTE, MINUTE, number=2), True),
    (session(0, MAX_MS - 2), session(MAX_MS - 1, MAX_MS - 1, number=2), True),
    (session(0, MAX_MS - 2), session(MAX_MS - 1, MAX_MS, number=2), False),
    (session(0, 0, Reason.OPT_OUT), session(1, 1, number=2), False),
    (session(0, 0), session(1, 1, Reason.IDENTITY, number=2), False),
    (session(0, 0, Reason.TIMEOUT), session(1, 1, number=2), True),
]


@pytest.mark.parametrize(("one", "other", "expected"), JOINS)
def test_which_sessions_of_two_twins_are_one(one, other, expected):
    assert joins(one, other, RULES) is joins(other, one, RULES) is expected


class History:
    """A visitor's sessions as the rules make them, event by event: the least store there is."""

    def __init__(self, rules: Rules = RULES) -> None:
        self.rules = rules
        self.sessions: dict[int, Session] = {}
        self.ended: list[int] = []

    def happen(self, time: int, *, opens: bool = True) -> int | None:
        placement = place(tuple(self.sessions.values()), time, opens=opens, rules=self.rules)
        for close in placement.closes:
            assert close.id not in self.ended, "ended twice"
            self.ended.append(close.id)
            self.sessions[close.id] = self.sessions[close.id]._replace(reason=close.reason)
        if placement.opens:
            number = len(self.sessions) + 1
            self.sessions[number] = Session(number, time, time)
            return number
        if placement.session is not None:
            known = self.sessions[placement.session]
            self.sessions[known.id] = known._replace(start=placement.start, last=max(known.last, time))
        return placement.session

    def sweep(self, now: int) -> None:
        for known in tuple(self.sessions.values()):
            if known.reason == Reason.OPEN and is_overdue(known, now, self.rules):
                assert known.id not in self.ended, "ended twice"
                self.ended.append(known.id)
                self.sessions[known.id] = known._replace(reason=ending(known, now, self.rules))

    def spans(self) -> list[tuple[int, int]]:
        return sorted((known.start, known.last) for known in self.sessions.values())


def expected_spans(times: list[int], rules: Rules) -> list[tuple[int, int]]:
    """The definition, in its plainest form, for events in the order of their times."""
    spans: list[tuple[int, int]] = []
    for time in sorted(times):
        if spans and time < spans[-1][1] + rules.timeout_ms and time < spans[-1][0] + rules.max_ms:
            spans[-1] = (spans[-1][0], time)
        else:
            spans.append((time, time))
    return spans


GAPS = st.one_of(
    st.integers(0, 2 * TIMEOUT_MS),
    st.sampled_from([0, 1, TIMEOUT_MS - 1, TIMEOUT_MS, TIMEOUT_MS + 1, TIMEOUT_MS + SWEEP_GRACE_MS, MAX_MS]),
)


@given(st.lists(GAPS, max_size=60))
def test_events_in_their_order_make_the_sessions_of_the_definition(gaps):
    times = [T + gap for gap in itertools.accumulate(gaps)]
    history = History()
    for time in times:
        history.happen(time)
    assert history.spans() == expected_spans(times, RULES)
    assert len(history.ended) == max(0, len(history.sessions) - 1)


@given(st.lists(st.tuples(GAPS, st.booleans()), max_size=40))
def test_a_sweeper_at_any_time_changes_no_session(moves):
    plain, swept = History(), History()
    now = T
    for gap, sweeps in moves:
        now += gap
        if sweeps:
            swept.sweep(now)
        plain.happen(now)
        swept.happen(now)
    assert plain.spans() == swept.spans()
    swept.sweep(now + MAX_MS)
    assert sorted(swept.ended) == sorted(swept.sessions)


@given(st.lists(st.integers(0, TIMEOUT_MS - 1), min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_parallel_first_events_in_any_order_are_one_session(times, random):
    random.shuffle(times)
    history = History()
    for time in times:
        history.happen(T + time)
    assert history.spans() == [(T + min(times), T + max(times))]


@given(st.lists(GAPS, min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_in_any_order_every_event_has_one_session_that_holds_its_time_and_none_ends_twice(gaps, random):
    times = [T + gap for gap in itertools.accumulate(gaps)]
    random.shuffle(times)
    history = History()
    numbers = [history.happen(time) for time in times]
    for time, number in zip(times, numbers, strict=True):
        assert number is not None
        known = history.sessions[number]
        assert known.start <= time <= known.last < known.start + RULES.max_ms


@given(st.lists(st.tuples(GAPS, st.booleans()), max_size=30))
def test_what_may_not_open_a_session_joins_one_or_stays_outside(moves):
    history = History()
    now = T
    for gap, opens in moves:
        now += gap
        before = dict(history.sessions)
        number = history.happen(now, opens=opens)
        if not opens:
            assert len(history.sessions) == len(before)
            assert (number is not None) == any(contains(known, now, RULES) for known in before.values())


def test_a_late_event_moves_the_last_activity_of_the_session_that_holds_its_time():
    history = History()
    assert history.happen(T) == 1
    assert history.happen(T + HOUR) == 2
    assert history.happen(T + 29 * MINUTE, opens=False) == 1
    assert history.spans() == [(T, T + 29 * MINUTE), (T + HOUR, T + HOUR)]
    assert history.ended == [1]


def test_midnight_cuts_nothing_and_a_day_of_activity_is_cut_once():
    history = History()
    for minute in range(0, 25 * 60, 20):
        history.happen(T + minute * MINUTE)
    assert history.spans() == [(T, T + MAX_MS - 20 * MINUTE), (T + MAX_MS, T + MAX_MS + 40 * MINUTE)]
    assert history.sessions[1].reason == Reason.MAX_LENGTH


def test_a_late_opener_precedes_a_session_by_less_than_a_time_out():
    assert precedes(session(TIMEOUT_MS - 1, TIMEOUT_MS - 1), T, RULES)
    assert not precedes(session(TIMEOUT_MS, TIMEOUT_MS), T, RULES)
    assert not precedes(session(0, 0), T, RULES)
