"""Conformance of a store, 1: visits, sessions, lanes, outcomes (store/base.py; EVENTS.md section 6)."""

import itertools
import tempfile
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stories import (
    DAY,
    ENGINES,
    HOUR,
    MINUTE,
    Engine,
    T,
    check_promises,
    confirm,
    files_at_most,
    holds,
    ident,
    opt_out,
    page,
    rows,
    sweep,
    visit,
)
from taken import some

from proxy.store.base import Query, StoreUnavailable, Swept
from proxy.store.counters import Outcomes
from proxy.store.sqlite.sessions import DUE
from proxy.visitors.sessions import Rules


def test_the_first_visit_opens_a_session(engine):
    assert engine.append(visit("P1", "A", path="/a", referrer="https://x.example/", facts=(("utm_source", "m"),))) == [
        None
    ]
    holds(
        engine,
        """
        action         id  time  received  visitor  session  page  lane      uri                     nav       status
        session.start  ?   0     0         A        s1       P1    unproven  https://shop.example/a  -         -
        page.visit     P1  0     0         A        s1       P1    unproven  https://shop.example/a  navigate  200
        """,
    )
    holds(
        engine,
        """
        action         referrer            upstream_ms  utm_source  source       trigger
        session.start  https://x.example/  -            m           WEB_DESKTOP  page.visit
        page.visit     https://x.example/  7            m           -            -
        """,
    )


def test_an_event_is_kept_once_however_often_it_comes(engine):
    batch = [visit("P1", "A"), visit("P2", "A", MINUTE, came_back=True), sweep(HOUR)]
    engine.append(*batch)
    before = engine.events()
    for again in ([*batch], [*batch, *batch], batch[:1], [visit("P1", "B", 2 * HOUR, path="/other")]):
        engine.append(*again)
    assert engine.events() == before


def test_a_repeat_within_one_batch_is_kept_once(engine):
    engine.append(visit("P1", "A"), visit("P1", "A"), visit("P1", "B", 5))
    holds(engine, "action  id\n session.start  ?\n page.visit  P1")


def test_a_batch_that_fails_leaves_nothing_and_may_be_tried_again(engine):
    engine.append(visit("P0", "A"))
    batch = [visit(f"P{number}", "A", number, path=f"/{number}" + "x" * 900) for number in range(1, 600)]
    with engine.writer() as writer:
        with files_at_most(300_000), pytest.raises(StoreUnavailable):
            writer.append(batch)
        assert len(engine.events()) == 2
        assert writer.append(batch) == [None] * len(batch)
    assert len(engine.events()) == 2 + len(batch)
    check_promises(engine)


def test_items_are_applied_in_their_order(engine):
    engine.append(visit("P1", "A"), sweep(HOUR), visit("P2", "A", HOUR, came_back=True))
    engine.append(visit("P3", "B", HOUR + 1), visit("P4", "A", HOUR + 2, came_back=True))
    holds(
        engine,
        """
        action         id  time     visitor  session
        session.start  ?   0        A        s1
        page.visit     P1  0        A        s1
        session.end    ?   0        A        s1
        session.start  ?   1h       A        s2
        page.visit     P2  1h       A        s2
        session.start  ?   3600001  B        s3
        page.visit     P3  3600001  B        s3
        page.visit     P4  3600002  A        s2
        """,
    )


def test_29_59_999_joins_and_30_00_000_does_not(engine):
    edge = 30 * MINUTE
    engine.append(visit("P1", "A"), visit("P2", "A", edge - 1, path="/two", came_back=True))
    engine.append(visit("P3", "A", 2 * edge - 1, path="/three", came_back=True))
    holds(
        engine,
        """
        action         id  time     session  reason   duration  pages  events  uri
        session.start  ?   0        s1       -        -1        -      -       https://shop.example/
        page.visit     P1  0        s1       -        -1        -      -       https://shop.example/
        page.visit     P2  1799999  s1       -        -1        -      -       https://shop.example/two
        session.end    ?   1799999  s1       timeout  1799999   2      2       https://shop.example/two
        session.start  ?   3599999  s2       -        -1        -      -       https://shop.example/three
        page.visit     P3  3599999  s2       -        -1        -      -       https://shop.example/three
        """,
    )


def test_a_session_ends_after_24_hours_of_activity(engine):
    engine.append(*(visit(f"P{n}", "A", n * 20 * MINUTE, came_back=n > 0) for n in range(74)))
    ends = [event for event in engine.events() if event.action == "session.end"]
    assert [(end.time - T, end.params["reason"], end.params["pages"]) for end in ends] == [
        (DAY - 20 * MINUTE, "max_length", 72)
    ]
    check_promises(engine)


def test_the_sweeper_ends_what_is_overdue_once_and_says_how_many(engine):
    engine.append(visit("P1", "A"), visit("P2", "B", 10 * MINUTE))
    edge = 31 * MINUTE
    assert engine.append(sweep(edge - 1)) == [Swept(0)]
    assert engine.append(sweep(edge)) == [Swept(1)]
    assert engine.append(sweep(edge), sweep(edge + 10 * MINUTE), sweep(DAY)) == [Swept(0), Swept(1), Swept(0)]
    holds(
        engine,
        """
        action         visitor  time  received  reason
        session.start  A        0     0         -
        page.visit     A        0     0         -
        session.start  B        10m   10m       -
        page.visit     B        10m   10m       -
        session.end    A        0     31m       timeout
        session.end    B        10m   41m       timeout
        """,
    )


def test_any_number_of_sessions_ends_in_steps_of_which_none_takes_long(engine):
    late = 2 * DUE + 50
    engine.append(*(visit(f"P{n}", f"V{n}", n) for n in range(late)), visit("PX", "X", 20 * MINUTE))
    steps = [engine.append(sweep(32 * MINUTE)) for _ in range(4)]
    assert steps == [[Swept(DUE, True)], [Swept(DUE, True)], [Swept(50)], [Swept()]]
    assert len(engine.events(Query(action="session.end"))) == late
    check_promises(engine)


def test_a_session_that_goes_on_is_not_looked_at_again_before_it_may_be_over(engine):
    """However many there are: or each sweep of a busy site would look at all of them."""
    many = range(DUE + 50)
    engine.append(*(visit(f"P{n}", f"V{n}") for n in many))
    engine.append(*(visit(f"Q{n}", f"V{n}", 20 * MINUTE, came_back=True) for n in many))
    assert [engine.append(sweep(31 * MINUTE)) for _ in range(3)] == [[Swept(0, True)], [Swept()], [Swept()]]
    assert engine.append(sweep(51 * MINUTE - 1)) == [Swept()]
    assert [engine.append(sweep(51 * MINUTE)) for _ in range(2)] == [[Swept(DUE, True)], [Swept(50)]]
    check_promises(engine)


@pytest.mark.parametrize("rules", [Rules(), Rules(timeout_ms=2 * HOUR, max_ms=HOUR)])
def test_a_session_that_was_looked_at_is_over_to_the_millisecond(engine, rules):
    """By the longest that a session may be, too, although its last activity was a moment ago."""
    longest, every = rules.max_ms, 20 * MINUTE
    for time in range(0, longest, every):
        engine.append(visit(f"P{time}", "A", time, came_back=time > 0), rules=rules)
        assert engine.append(sweep(time + 61_000), rules=rules) == [Swept()]
    edge = longest + MINUTE
    assert engine.append(sweep(edge - 1), sweep(edge), rules=rules) == [Swept(), Swept(1)]
    check_promises(engine)


def test_a_shorter_time_out_holds_for_sessions_that_were_looked_at_by_a_longer_one(engine):
    engine.append(visit("P1", "A"), visit("P2", "A", 20 * MINUTE, came_back=True))
    assert engine.append(sweep(31 * MINUTE)) == [Swept()]
    shorter = Rules(timeout_ms=15 * MINUTE)
    assert engine.append(sweep(36 * MINUTE - 1), sweep(36 * MINUTE), rules=shorter) == [Swept(), Swept(1)]


def test_a_late_event_moves_the_end_that_was_written_already(engine):
    engine.append(visit("P1", "A"), sweep(31 * MINUTE))
    engine.append(visit("P2", "A", 29 * MINUTE, path="/late", came_back=True))
    holds(
        engine,
        """
        action         id  time  received  session  lane    pages  duration  uri
        session.start  ?   0     0         s1       person  -      -1        https://shop.example/
        page.visit     P1  0     0         s1       person  -      -1        https://shop.example/
        session.end    ?   29m   31m       s1       person  2      29m       https://shop.example/late
        page.visit     P2  29m   29m       s1       person  -      -1        https://shop.example/late
        """,
    )
    check_promises(engine)


def test_an_ended_session_that_goes_on_is_not_received_before_it_ended(engine):
    engine.append(visit("P1", "A"), sweep(31 * MINUTE), visit("P2", "A", 29 * MINUTE, came_back=True))
    engine.append(visit("P3", "A", 58 * MINUTE, came_back=True))
    check_promises(engine)


def test_a_first_event_that_arrives_late_moves_the_start(engine):
    engine.append(visit("P2", "A", 5 * MINUTE, path="/two", came_back=True))
    engine.append(visit("P1", "A", 0, path="/one"))
    holds(
        engine,
        """
        action         id  time  session
        session.start  ?   0     s1
        page.visit     P2  5m    s1
        page.visit     P1  0     s1
        """,
    )
    engine.append(sweep(HOUR))
    holds(engine, "action  time  duration  pages\n session.end  5m  5m  2", Query(action="session.end"))


HISTORY = [
    visit("P1", "A"),
    visit("P2", "A", 10 * MINUTE, came_back=True),
    visit("P3", "A", 25 * MINUTE, came_back=True),
    visit("P4", "A", 26 * MINUTE, came_back=True),
]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_in_any_order_and_from_two_writers_there_is_one_session_and_everything_is_a_persons(engine, order):
    with engine.writer() as one, engine.writer() as other:
        for turn, index in enumerate(order):
            (one, other)[turn % 2].append([HISTORY[index]])
        one.append([sweep(2 * HOUR)])
        other.append([sweep(2 * HOUR)])
    holds(
        engine,
        """
        action         id  time  visitor  session  lane    pages
        session.start  ?   0     A        s1       person  -
        page.visit     P1  0     A        s1       person  -
        page.visit     P2  10m   A        s1       person  -
        page.visit     P3  25m   A        s1       person  -
        page.visit     P4  26m   A        s1       person  -
        session.end    ?   26m   A        s1       person  4
        """,
        ordered=False,
    )
    check_promises(engine)


ITEMS = st.one_of(
    st.builds(
        lambda number, who, at, back: visit(f"P{number}", who, at, path=f"/{number % 3}", came_back=back),
        st.integers(0, 30),
        st.sampled_from("AB"),
        st.integers(0, 5 * HOUR) | st.integers(0, 12).map(lambda n: n * 10 * MINUTE),
        st.booleans(),
    ),
    st.builds(
        lambda number, of, who, at, new: confirm(
            f"C{number}", page(f"P{of}", at, new=new), who, at, path=f"/{of % 3}", new=f"N{number}"
        ),
        st.integers(0, 20),
        st.integers(0, 30),
        st.sampled_from(["A", "B", None]),
        st.integers(0, 5 * HOUR),
        st.booleans(),
    ),
    st.builds(sweep, st.integers(0, 6 * HOUR)),
    st.builds(opt_out, st.sampled_from("AB"), st.integers(0, 6 * HOUR)),
)


@pytest.mark.parametrize("make", [ENGINES[name] for name in sorted(ENGINES)])
@settings(max_examples=some(80), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(ITEMS, max_size=6), max_size=8))
def test_whatever_comes_from_two_processes_every_session_starts_once_and_ends_once(make, batches):
    with tempfile.TemporaryDirectory() as folder:
        engine: Engine = make(Path(folder) / "store.db")
        with engine.writer() as one, engine.writer() as other:
            for turn, batch in enumerate(batches):
                (one, other)[turn % 2].append(batch)
            check_promises(engine)
            ids = {event.id for event in engine.events()}
            for batch in batches:
                one.append(batch)
            assert {event.id for event in engine.events() if event.action == "page.visit"} <= ids
            other.append([sweep(3 * DAY)])
        check_promises(engine)
        kept = engine.events()
        assert {e.session for e in kept if e.session} == {e.session for e in kept if e.action == "session.end"}


WALK = st.lists(
    st.tuples(
        st.sampled_from("AAABBC"),
        st.sampled_from([0, 1, 1, 1000, MINUTE, MINUTE, 29 * MINUTE, 30 * MINUTE, -MINUTE, 20 * HOUR]),
        st.sampled_from([True, True, True, True, True, False]),
        st.sampled_from([200, 200, 200, 304]),
        st.sampled_from(["new", "new", "new", "new", "again", "bot", "confirm", "sweep", "opt out"]),
    ),
    max_size=30,
)


def walked(steps) -> list:
    """A walk of three visitors as items: mostly the next page of a running session."""
    items, now = [], 0
    for number, (who, gap, came_back, status, kind) in enumerate(steps):
        now = max(0, now + gap)
        name = f"P{number}" if kind != "again" else f"P{number // 2}"
        path = f"/{number % 4}"
        if kind == "confirm":
            items.append(confirm(f"C{number}", page(f"P{number - 1}", now, new=not came_back), who, now, path=path))
        elif kind == "sweep":
            items.append(sweep(now))
        elif kind == "opt out":
            items.append(opt_out(who, now))
        else:
            referrer = f"https://x.example{path}" if number % 3 else None
            bot = kind == "bot"
            items.append(
                visit(name, who, now, path=path, came_back=came_back, status=status, bot=bot, referrer=referrer)
            )
    return items


@pytest.mark.parametrize("make", [ENGINES[name] for name in sorted(ENGINES)])
@settings(max_examples=some(80), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(WALK, st.lists(st.integers(1, 12), min_size=30, max_size=30))
def test_one_batch_or_many_the_same_rows_are_kept(make, steps, sizes):
    items = walked(steps)
    with tempfile.TemporaryDirectory() as folder:
        singly, batched = make(Path(folder) / "singly.db"), make(Path(folder) / "batched.db")
        with singly.writer() as writer:
            told = [result for item in items for result in writer.append([item])]
        left, answers = list(items), []
        with batched.writer() as writer:
            for size in sizes:
                answers += writer.append(left[:size])
                del left[:size]
        assert not left and answers == told
        one, other = (
            sorted((replace(event, seq=0) for event in engine.events()), key=lambda event: event.id)
            for engine in (singly, batched)
        )
        assert one == other
        check_promises(batched)


def test_the_next_pages_of_many_visitors_in_one_batch(engine):
    engine.append(*(visit(f"A{n}", f"V{n}", n) for n in range(4)))
    engine.append(*(visit(f"B{n}", f"V{n}", MINUTE + n, came_back=True) for n in range(3)))
    engine.append(
        visit("C0", "V0", 3 * MINUTE, path="/last", came_back=True, referrer="https://x.example/"),
        visit("C1", "V0", 2 * MINUTE, path="/late", came_back=True),  # two pages of one visitor, out of order
        visit("C2", "V1", 2 * MINUTE, path="/one", came_back=True),
        visit("C2", "V1", 2 * MINUTE, path="/one", came_back=True),  # a repeat
        visit("C3", "V2", 2 * HOUR, path="/two", came_back=True),  # a new session
        visit("C4", "V3", 2 * MINUTE, came_back=True),  # proven here
        visit("C5", "V4", 2 * MINUTE),  # seen here first
    )
    engine.append(sweep(3 * HOUR))
    holds(
        engine,
        """
        action       visitor  time  pages  events  duration  uri                        lane
        session.end  V0       3m    4      4       3m        https://shop.example/last  person
        session.end  V1       2m    3      3       119999    https://shop.example/one   person
        session.end  V2       60002  2      2       1m        https://shop.example/      person
        session.end  V2       2h    1      1       0         https://shop.example/two   person
        session.end  V3       2m    2      2       119997    https://shop.example/      person
        session.end  V4       2m    1      1       0         https://shop.example/      unproven
        """,
        Query(action="session.end"),
        ordered=False,
    )
    check_promises(engine)


def test_two_writers_at_the_same_time_agree(engine):
    def work(writer, offset):
        for number in range(40):
            who = f"V{number % 5}"
            writer.append([visit(f"P{offset}{number}", who, number * MINUTE + offset, came_back=number >= 5)])

    with engine.writer() as one, engine.writer() as other:
        threads = [threading.Thread(target=work, args=(writer, n)) for n, writer in enumerate((one, other))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        one.append([sweep(DAY)])
        other.append([sweep(DAY)])
    events = engine.events()
    count = {action: sum(event.action == action for event in events) for action in ("page.visit", "session.start")}
    assert count == {"page.visit": 80, "session.start": 5}
    check_promises(engine)


def test_a_crawler_is_one_visitor_of_its_lane_without_sessions(engine):
    engine.append(visit("P1", "G", bot=True), visit("P2", "G", HOUR, bot=True, path="/b"))
    holds(
        engine,
        """
        action      id  visitor  session  lane  page
        page.visit  P1  G        -        bot   P1
        page.visit  P2  G        -        bot   P2
        """,
    )


def test_a_cookie_that_comes_back_turns_everything_of_its_visitor(engine):
    engine.append(visit("P1", "A"), visit("P9", "B"), sweep(HOUR))
    lanes = {(event.action, event.uuid): event.lane for event in engine.events()}
    assert set(lanes.values()) == {"unproven"}
    engine.append(visit("P2", "A", 2 * HOUR, came_back=True))
    holds(
        engine,
        """
        action         visitor  time  lane
        session.start  A        0     person
        page.visit     A        0     person
        session.start  B        0     unproven
        page.visit     B        0     unproven
        session.end    A        0     person
        session.end    B        0     unproven
        session.start  A        2h    person
        page.visit     A        2h    person
        """,
    )


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_cookie_that_came_back_before_its_first_visit_was_written_proves_it_too(engine, order):
    items = [visit("P1", "A"), visit("P2", "A", 1, came_back=True)]
    for index in order:
        engine.append(items[index])
    assert {event.lane for event in engine.events()} == {"person"}


def test_without_sessions_there_are_visits_only(engine):
    engine.append(visit("P1", "A"), visit("P2", "A", DAY, came_back=True), sweep(3 * DAY), opt_out("A", 1), rules=None)
    holds(
        engine,
        """
        action      id  time  visitor  session  lane
        page.visit  P1  0     A        -        person
        page.visit  P2  24h   A        -        person
        """,
    )


def test_configured_lengths_are_obeyed(engine):
    short = Rules(timeout_ms=MINUTE, max_ms=3 * MINUTE)
    engine.append(visit("P1", "A"), visit("P2", "A", MINUTE, came_back=True), rules=short)
    assert [event.action for event in engine.events()].count("session.start") == 2


def test_opting_out_ends_the_open_session_at_its_last_activity_and_writes_nothing_else(engine):
    engine.append(visit("P1", "A"), visit("P2", "A", MINUTE, came_back=True), visit("P3", "B", MINUTE))
    engine.append(opt_out("A", 5 * MINUTE), opt_out("A", 6 * MINUTE), opt_out("Z", 6 * MINUTE))
    holds(
        engine,
        """
        action       visitor  time  received  reason   duration
        session.end  A        1m    5m        opt_out  1m
        """,
        Query(action="session.end"),
    )
    engine.append(visit("P4", "A", 7 * MINUTE, came_back=True))
    assert [event.action for event in engine.events()].count("session.start") == 3


def test_a_304_is_shown_under_the_title_that_a_browser_last_reported_for_its_uri(engine):
    engine.append(
        visit("P1", "A", path="/a"),
        confirm("C1", page("P1"), "A", path="/a", title="Old"),
        visit("P2", "A", 1, path="/a", came_back=True),
        confirm("C2", page("P2", new=False), "A", 1, path="/a", title="New"),
        visit("P3", "B", 2, path="/a", status=304),
        visit("P4", "B", 3, path="/a", came_back=True),
        visit("P5", "B", 4, path="/b", status=304, came_back=True),
    )
    assert rows(engine.events(Query(action="page.visit")), ("id", "title", "status")) == [
        ["P1", "Old", "200"],
        ["P2", "New", "200"],
        ["P3", "New", "304"],
        ["P4", "-", "200"],
        ["P5", "-", "304"],
    ]


def test_outcomes_add_up(engine):
    engine.append(Outcomes(((19_000, "a", "visit", 2), (19_000, "a", "asset", 5), (19_001, "a", "visit", 1))))
    engine.append(Outcomes(((19_000, "b", "visit", 1), (19_000, "a", "visit", 3))), Outcomes(()))
    assert engine.outcomes() == [
        (19_000, "a", "asset", 5),
        (19_000, "a", "visit", 5),
        (19_000, "b", "visit", 1),
        (19_001, "a", "visit", 1),
    ]
    assert engine.events() == []


def test_an_empty_batch_changes_nothing(engine):
    assert engine.append() == []
    assert engine.events() == []


def test_ids_are_sixteen_bytes_and_told_as_uuids(engine):
    engine.append(visit("P1", "A"))
    event = engine.events(Query(action="page.visit"))[0]
    assert event.id == f"00000000-0000-0000-0000-00000000{b'P1'.hex().rjust(4, '0')}"
    assert event.uuid == f"00000000-0000-0000-0000-0000000000{ident('A').hex()[-2:]}"
