"""Conformance of a store, 2: confirmations, every row of VISITS.md section 3, and who is who."""

import itertools
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stories import (
    ENGINES,
    HOST,
    HOUR,
    MINUTE,
    SECOND,
    Engine,
    check_promises,
    confirm,
    confirmed,
    holds,
    ident,
    name_of,
    opt_out,
    page,
    rows,
    sweep,
    visit,
)
from taken import some

from proxy.store.base import Query, Swept
from proxy.visitors.sessions import Rules

P1 = page("P1")


# The id is forged ----------------------------------------------------------------------------------------------------


def test_a_forged_page_without_a_cookie_is_nobodys(engine):
    assert engine.append(confirm("C1", None), confirm(None, None)) == [confirmed(None), confirmed(None)]
    assert engine.events() == []


def test_a_forged_page_with_a_cookie_confirms_nothing_but_proves_the_cookie(engine):
    engine.append(visit("P1", "A"))
    assert engine.append(confirm("C1", None, "A", SECOND)) == [confirmed("A")]
    holds(
        engine,
        """
        action         id  lane    title
        session.start  ?   person  -
        page.visit     P1  person  -
        """,
    )


# Known, counted, not confirmed ---------------------------------------------------------------------------------------


def test_a_counted_page_is_confirmed_and_completed(engine):
    engine.append(visit("P1", "A", path="/a", query="?utm_source=m"), visit("P9", "B"))
    told = engine.append(
        confirm("C1", P1, "A", SECOND, path="/a", title="Home", referrer="https://x.example/", nav="reload")
    )
    assert told == [confirmed("A")]
    holds(
        engine,
        """
        action         id  time  received  visitor  lane      title  nav       referrer            uri
        session.start  ?   0     0         A        person    -      -         -                   https://shop.example/a?utm_source=m
        page.visit     P1  0     0         A        person    Home   reload    https://x.example/  https://shop.example/a
        session.start  ?   0     0         B        unproven  -      -         -                   https://shop.example/
        page.visit     P9  0     0         B        unproven  -      navigate  -                   https://shop.example/
        """,
    )


def test_a_uri_of_another_path_or_origin_does_not_replace_what_the_server_saw(engine):
    engine.append(visit("P1", "A", path="/a"), visit("P2", "A", 1, path="/b", came_back=True))
    other = confirm("C2", page("P2", new=False), "A", SECOND)._replace(
        uri="https://evil.example/b", host="evil.example"
    )
    engine.append(confirm("C1", P1, "A", SECOND, path="/z"), other)
    assert rows(engine.events(Query(action="page.visit")), ("uri", "title")) == [
        ["https://shop.example/a", "Home"],
        ["https://shop.example/b", "Home"],
    ]


def test_what_the_browser_does_not_know_stays_as_the_server_saw_it(engine):
    engine.append(visit("P1", "A", referrer="https://x.example/", facts=(("utm_source", "m"), ("method", "POST"))))
    engine.append(confirm("C1", P1, "A", SECOND, title="")._replace(uri=""))
    holds(
        engine,
        """
        action      uri                    title  referrer            nav       status  method  utm_source  upstream_ms
        page.visit  https://shop.example/  -      https://x.example/  navigate  200     POST    m           7
        """,
        Query(action="page.visit"),
    )


def test_a_confirmation_turns_its_own_page_and_session_and_no_other_page(engine):
    # Without a cookie on anything: only the page that a browser showed is proven.
    engine.append(visit("P1", "A"), visit("P2", "A", 1, path="/two"))
    engine.append(confirm("C1", P1, None, SECOND), sweep(HOUR))
    holds(
        engine,
        """
        action         id  lane
        session.start  ?   person
        page.visit     P1  person
        page.visit     P2  unproven
        session.end    ?   person
        """,
    )


def test_a_repeated_confirmation_changes_nothing_and_is_told_the_same(engine):
    engine.append(visit("P1", "A"))
    first = confirm("C1", P1, "A", SECOND)
    assert engine.append(first, first) == [confirmed("A"), confirmed("A", repeated=True)]
    before = engine.events()
    later = confirm("C1", P1, "A", HOUR, title="Other", nav="cache")
    assert engine.append(later) == [confirmed("A", repeated=True)]
    assert engine.events() == before


# Known and confirmed already -----------------------------------------------------------------------------------------


def shown_once(engine: Engine) -> None:
    engine.append(visit("P1", "A", path="/a"), confirm("C1", P1, "A", 1, path="/a", title="A"))


def test_a_page_from_the_browsers_cache_is_a_new_visit(engine):
    shown_once(engine)
    assert engine.append(confirm("C2", P1, "A", MINUTE, path="/a", title="A", nav="back_forward")) == [confirmed("A")]
    holds(
        engine,
        """
        action      id  time  page  session  lane    nav       title  status
        page.visit  P1  0     P1    s1       person  navigate  A      200
        page.visit  C2  1m    C2    s1       person  cache     A      -
        """,
        Query(action="page.visit"),
    )


def test_a_page_from_the_back_forward_cache_is_a_new_visit_that_says_so(engine):
    shown_once(engine)
    engine.append(confirm("C2", P1, "A", MINUTE, path="/a", nav="bfcache"))
    engine.append(confirm("C3", P1, "A", 2 * MINUTE, path="/a", nav="bfcache"))
    engine.append(confirm("C3", P1, "A", 2 * MINUTE, path="/a", nav="bfcache"))
    assert rows(engine.events(Query(action="page.visit")), ("id", "nav")) == [
        ["P1", "navigate"],
        ["C2", "bfcache"],
        ["C3", "bfcache"],
    ]


def test_a_page_from_the_cache_after_the_session_opens_a_new_one(engine):
    shown_once(engine)
    engine.append(confirm("C2", P1, "A", HOUR, path="/a"))
    holds(
        engine,
        """
        action         id  time  session  trigger     reason
        session.start  ?   0     s1       page.visit  -
        page.visit     P1  0     s1       -           -
        session.end    ?   0     s1       -           timeout
        session.start  ?   1h    s2       page.visit  -
        page.visit     C2  1h    s2       -           -
        """,
    )


# after the 304's visit (ms), which path, whether it is the 304 that is confirmed
PAIRINGS = [
    (0, "/a", True),
    (29 * SECOND + 999, "/a", True),
    (30 * SECOND, "/a", False),
    (HOUR, "/a", False),
    (SECOND, "/b", False),
]


@pytest.mark.parametrize(("after", "path", "paired"), PAIRINGS)
def test_a_304_of_the_last_30_seconds_is_confirmed_by_the_page_that_the_browser_kept(engine, after, path, paired):
    shown_once(engine)
    at = 10 * MINUTE
    engine.append(visit("P2", "A", at, path="/a", status=304, came_back=True))
    engine.append(confirm("C2", P1, "A", at + after, path=path, title="A2", nav="reload"))
    views = rows(engine.events(Query(action="page.visit")), ("id", "title", "nav", "status"))
    if paired:
        assert views == [["P1", "A", "navigate", "200"], ["P2", "A2", "reload", "304"]]
    else:
        assert views == [["P1", "A", "navigate", "200"], ["P2", "A", "navigate", "304"], ["C2", "A2", "cache", "-"]]
    check_promises(engine)


def test_a_304_is_paired_once_and_the_latest_first(engine):
    shown_once(engine)
    for number in (2, 3):
        engine.append(visit(f"P{number}", "A", MINUTE + number, path="/a", status=304, came_back=True))
    engine.append(confirm("C2", P1, "A", MINUTE + 10, path="/a", title="new", nav="reload"))
    assert rows(engine.events(Query(action="page.visit")), ("id", "nav")) == [
        ["P1", "navigate"],
        ["P2", "navigate"],
        ["P3", "reload"],
    ]
    engine.append(confirm("C3", P1, "A", MINUTE + 11, path="/a"), confirm("C4", P1, "A", MINUTE + 12, path="/a"))
    assert [row[0] for row in rows(engine.events(Query(action="page.visit")), ("id",))] == ["P1", "P2", "P3", "C4"]


def test_another_visitors_304_is_not_paired(engine):
    shown_once(engine)
    engine.append(visit("P2", "B", MINUTE, path="/a", status=304))
    engine.append(confirm("C2", P1, "A", MINUTE + 1, path="/a"))
    assert rows(engine.events(Query(action="page.visit")), ("id", "visitor", "lane")) == [
        ["P1", "A", "person"],
        ["P2", "B", "unproven"],
        ["C2", "A", "person"],
    ]


def test_without_sessions_pages_are_paired_and_shown_again_all_the_same(engine):
    engine.append(
        visit("P1", "A", path="/a"),
        confirm("C1", P1, "A", 1, path="/a"),
        visit("P2", "A", MINUTE, path="/a", status=304, came_back=True),
        confirm("C2", P1, "A", MINUTE + 1, path="/a", nav="reload"),
        confirm("C3", P1, "A", HOUR, path="/a"),
        rules=None,
    )
    holds(
        engine,
        """
        action      id  session  nav       lane
        page.visit  P1  -        navigate  person
        page.visit  P2  -        reload    person
        page.visit  C3  -        cache     person
        """,
    )


# Not counted ---------------------------------------------------------------------------------------------------------


def test_a_prefetched_page_counts_when_it_is_shown_under_its_own_id(engine):
    engine.append(visit("P1", "A"))
    shown = confirm("C2", page("P2", counted=False, new=False), "A", HOUR, path="/next", title="Next")
    assert engine.append(shown, shown) == [confirmed("A"), confirmed("A", repeated=True)]
    holds(
        engine,
        """
        action      id  time  page  visitor  lane    nav        title  uri
        page.visit  P1  0     P1    A        person  navigate   -      https://shop.example/
        page.visit  P2  1h    P2    A        person  prerender  Next   https://shop.example/next
        """,
        Query(action="page.visit"),
    )
    engine.append(confirm("C3", page("P2", counted=False, new=False), "A", HOUR + 1, path="/next", nav="bfcache"))
    assert [row[0] for row in rows(engine.events(Query(action="page.visit")), ("id",))] == ["P1", "P2", "C3"]


def test_a_prefetched_page_shown_without_a_cookie_makes_a_visitor_and_sets_its_cookie(engine):
    prefetched = page("P1", counted=False)
    assert engine.append(confirm("C1", prefetched, None, SECOND, new="N")) == [confirmed("N", cookie=True)]
    again = confirm("C1", prefetched, None, 2 * SECOND, new="M")
    assert engine.append(again) == [confirmed("N", cookie=True, repeated=True)]
    holds(
        engine,
        """
        action         id  visitor  lane    nav
        session.start  ?   N        person  -
        page.visit     P1  N        person  prerender
        """,
    )


# Unknown -------------------------------------------------------------------------------------------------------------


def test_a_page_lost_in_a_crash_is_healed(engine):
    lost = page("P1", new=False)
    assert engine.append(confirm("C1", lost, "A", 29 * MINUTE, path="/a", nav="reload")) == [confirmed("A")]
    holds(
        engine,
        """
        action         id  time  visitor  session  page  lane    nav     title
        session.start  ?   29m   A        s1       P1    person  -       -
        page.visit     P1  29m   A        s1       P1    person  reload  Home
        """,
    )


def test_a_healed_page_is_completed_by_the_servers_own_visit_from_another_process(engine):
    with engine.writer() as one, engine.writer() as other:
        one.append([confirm("C1", P1, "A", SECOND, path="/a", nav="reload")])
        late = visit("P1", "A", path="/a", referrer="https://x.example/", facts=(("method", "POST"),))
        other.append([late])
        one.append([late])
    holds(
        engine,
        """
        action         id  visitor  session  lane    nav     title  status  method  upstream_ms  referrer
        session.start  ?   A        s1       person  -       -      -       -       -            -
        page.visit     P1  A        s1       person  reload  Home   200     POST    7            https://x.example/
        """,
    )
    check_promises(engine)


def test_a_page_healed_for_a_new_visitor_makes_the_servers_visitor_that_one(engine):
    # Nothing came with the beacon and the row was not there yet: N is made and gets the cookie, A turns out to be N.
    assert engine.append(confirm("C1", P1, None, SECOND, new="N")) == [confirmed("N", cookie=True)]
    engine.append(visit("P1", "A"), visit("P2", "A", 2 * SECOND, path="/b", came_back=True))
    holds(
        engine,
        """
        action         id  visitor  session  lane    status
        session.start  ?   N        s1       person  -
        page.visit     P1  N        s1       person  200
        page.visit     P2  N        s1       person  200
        """,
    )
    assert engine.events(Query(visitor=ident("A"))) == engine.events(Query(visitor=ident("N"))) != []


def test_a_visitor_that_came_back_on_a_page_that_was_healed_first_is_nobodys_twin(engine):
    engine.append(visit("P1", "A"))
    engine.append(confirm("C2", page("P2", new=False), "A", 1, path="/b"))
    engine.append(visit("P2", "A", 0, path="/b", came_back=True))
    assert engine.append(confirm("C1", P1, "B", SECOND)) == [confirmed("B")]
    assert rows(engine.events(Query(action="page.visit")), ("id", "visitor")) == [["P1", "A"], ["P2", "A"], ["C1", "B"]]


def test_a_page_unknown_for_half_an_hour_is_shown_from_a_cache(engine):
    old = page("P1", new=False)
    engine.append(confirm("C1", old, "A", 30 * MINUTE))
    future = page("P2", 33 * MINUTE, new=False)
    engine.append(confirm("C2", future, "A", 31 * MINUTE, path="/b"))
    holds(
        engine,
        """
        action      id  time  nav
        page.visit  C1  30m   cache
        page.visit  C2  31m   cache
        """,
        Query(action="page.visit"),
    )


def test_a_page_with_an_unusable_uri_is_not_invented(engine):
    engine.append(confirm("C1", page("P1"), "A", SECOND)._replace(uri="", host="", path=""))
    assert engine.events() == []


# Whose ---------------------------------------------------------------------------------------------------------------


def test_without_a_cookie_a_new_visitors_page_is_its_owners_who_gets_the_cookie_again(engine):
    engine.append(visit("P1", "A"))
    ask = confirm("C1", P1, None, SECOND)
    assert engine.append(ask, ask) == [
        confirmed("A", cookie=True),
        confirmed("A", cookie=True, repeated=True),
    ]
    holds(
        engine,
        """
        action         id  visitor  lane    title
        session.start  ?   A        person  -
        page.visit     P1  A        person  Home
        """,
    )


def test_without_a_cookie_an_old_visitors_page_is_a_new_visitors_and_nothing_is_resurrected(engine):
    engine.append(visit("P1", "A"), visit("P2", "A", 1, path="/b", came_back=True))
    ask = confirm("C1", page("P2", new=False), None, SECOND, path="/b", new="N")
    assert engine.append(ask) == [confirmed("N", cookie=True)]
    assert engine.append(ask._replace(new_uuid=ident("M"))) == [confirmed("N", cookie=True, repeated=True)]
    assert rows(engine.events(Query(action="page.visit")), ("id", "visitor", "nav")) == [
        ["P1", "A", "navigate"],
        ["P2", "A", "navigate"],
        ["C1", "N", "cache"],
    ]


def test_another_cookie_on_an_old_visitors_page_is_a_new_visit_of_the_cookies_visitor(engine):
    engine.append(visit("P1", "A"), visit("P2", "A", 1, path="/b", came_back=True))
    assert engine.append(confirm("C1", page("P2", new=False), "B", SECOND, path="/b")) == [confirmed("B")]
    holds(
        engine,
        """
        action         id  visitor  session  lane    nav
        session.start  ?   A        s1       person  -
        page.visit     P1  A        s1       person  navigate
        page.visit     P2  A        s1       person  navigate
        session.start  ?   B        s2       person  -
        page.visit     C1  B        s2       person  cache
        """,
    )


# what came in between, when the beacon with cookie B comes, whether A was a twin of B
TWINS = [
    ((), SECOND, True),
    ((), 29 * MINUTE + 59 * SECOND, True),
    ((), 30 * MINUTE, False),
    ((visit("P2", "A", 1, path="/b", came_back=True),), SECOND, False),
    ((confirm("C0", P1, "A", 1),), SECOND, True),
    ((confirm(None, P1, "A", 1),), SECOND, True),
    ((confirm("C0", P1, None, 1),), SECOND, True),
]


@pytest.mark.parametrize(("between", "at", "twin"), TWINS)
def test_when_a_new_visitor_was_a_twin(engine, between, at, twin):
    engine.append(visit("P1", "A"), *between)
    assert engine.append(confirm("C1", P1, "B", at)) == [confirmed("B")]
    owners = {event.uuid for event in engine.events(Query(visitor=ident("A")))}
    assert owners == {event.uuid for event in engine.events(Query(visitor=ident("B" if twin else "A")))}
    check_promises(engine)


def test_a_twins_session_lanes_and_late_events_become_the_other_visitors(engine):
    engine.append(
        visit("P0", "B", -10 * MINUTE, path="/before"),
        visit("P1", "A", 0, path="/checkout", facts=(("method", "POST"),)),
        visit("P2", "B", MINUTE, path="/after", came_back=True),
    )
    assert engine.append(confirm("C1", P1, "B", 2 * MINUTE, path="/checkout")) == [confirmed("B")]
    engine.append(visit("P3", "A", 3 * MINUTE, path="/late"), sweep(HOUR))
    holds(
        engine,
        """
        action         id  time  visitor  session  page  lane    pages  uri
        session.start  ?   -10m  B        s1       P0    person  -      https://shop.example/before
        page.visit     P0  -10m  B        s1       P0    person  -      https://shop.example/before
        page.visit     P1  0     B        s1       P1    person  -      https://shop.example/checkout
        page.visit     P2  1m    B        s1       P2    person  -      https://shop.example/after
        page.visit     P3  3m    B        s1       P3    person  -      https://shop.example/late
        session.end    ?   3m    B        s1       -     person  4      https://shop.example/late
        """,
    )
    assert engine.events(Query(visitor=ident("A"))) == engine.events(Query(visitor=ident("B")))
    check_promises(engine)


def test_a_twins_session_of_another_time_stays_a_session_of_its_own(engine):
    engine.append(visit("P0", "B", -3 * HOUR, path="/before"), visit("P1", "A"), sweep(10))
    engine.append(confirm("C1", P1, "B", SECOND))
    holds(
        engine,
        """
        action         id  time  visitor  session  lane
        session.start  ?   -3h   B        s1       person
        page.visit     P0  -3h   B        s1       person
        session.start  ?   0     B        s2       person
        page.visit     P1  0     B        s2       person
        session.end    ?   -3h   B        s1       person
        """,
    )
    engine.append(visit("P2", "B", MINUTE, came_back=True), sweep(HOUR))
    assert rows(engine.events(Query(action="session.end")), ("time", "pages", "visitor")) == [
        ["-3h", "1", "B"],
        ["1m", "2", "B"],
    ]
    check_promises(engine)


@pytest.mark.parametrize(("first", "second"), ["AB", "BA"])
def test_a_session_that_had_ended_and_turns_out_to_be_one_with_an_open_one_ends_once(engine, first, second):
    short = Rules(timeout_ms=5 * MINUTE)
    engine.append(visit(f"P{first}", first), visit(f"P{second}", second, MINUTE), rules=short)
    assert engine.append(sweep(6 * MINUTE), rules=short) == [Swept(1)]
    engine.append(confirm("C1", page("PA"), "B", 6 * MINUTE + 1), sweep(HOUR), sweep(2 * HOUR), rules=short)
    holds(
        engine,
        """
        action       visitor  time  pages  duration  lane
        session.end  B        1m    2      1m        person
        """,
        Query(action="session.end"),
    )
    assert [event.action for event in engine.events()].count("session.start") == 1
    check_promises(engine)


SHORT = Rules(timeout_ms=5 * MINUTE)
# what is numbered next: the next page of a running session (in bulk), a first page, a sweep's session.end
NEXT = [
    visit("P4", "B", 8 * MINUTE, came_back=True),
    visit("P4", "C", 8 * MINUTE),
    sweep(HOUR),
]


@pytest.mark.parametrize("item", NEXT)
@pytest.mark.parametrize("together", [True, False])
def test_a_number_is_never_given_again_not_even_that_of_the_highest_row_which_a_merge_removes(engine, item, together):
    engine.append(visit("P1", "A"), visit("P2", "B", 4 * MINUTE), rules=SHORT)
    engine.append(visit("P3", "B", 5 * MINUTE, came_back=True), sweep(6 * MINUTE), rules=SHORT)
    highest = engine.events()[-1]
    assert (highest.action, name_of(highest.uuid)) == ("session.end", "A")
    merge = confirm("C1", page("P1"), "B", 7 * MINUTE)
    for batch in [[merge, item]] if together else [[merge], [item]]:
        engine.append(*batch, rules=SHORT)
    known = [event for event in engine.events() if event.seq <= highest.seq]
    assert [event.action for event in known] == ["session.start", *["page.visit"] * 3]
    assert min(event.seq for event in engine.events() if event not in known) > highest.seq
    check_promises(engine)


# Two visitors, one of them with more pages, of whom one turns out to be the other: at which minute, in which order.
STORY = st.tuples(st.integers(0, 5), st.integers(0, 6), st.integers(5, 12), st.integers(0, 3), st.booleans())


def told(story) -> list[list]:
    """Batches of a story: two visitors with short sessions, a sweep, a merge, and more pages."""
    second, third, swept, later, together = story
    first = visit("P1", "A")
    others = [visit("P2", "B", second * MINUTE), visit("P3", "B", (second + third) * MINUTE, came_back=True)]
    sweeps = sweep(swept * MINUTE)
    merge = confirm("C1", page("P1"), "B", swept * MINUTE + 1)
    after = [visit(f"P4{who}", who, (swept + later) * MINUTE, came_back=who == "B") for who in "BC"]
    batches = [[first, *others], [sweeps], [merge], after[:1], after[1:], [sweep(HOUR)]]
    return (
        [[item for batch in batches[:2] for item in batch], [*batches[2], *after], batches[-1]] if together else batches
    )


@pytest.mark.parametrize("make", [ENGINES[name] for name in sorted(ENGINES)])
@settings(max_examples=some(60), deadline=None)
@given(STORY)
def test_whoever_reads_by_number_misses_nothing(make, story):
    with tempfile.TemporaryDirectory() as folder:
        engine: Engine = make(Path(folder) / "store.db")
        read: dict[str, int] = {}
        with engine.writer(SHORT) as one, engine.writer(SHORT) as other:
            for turn, batch in enumerate(told(story)):
                (one, other)[turn % 2].append(batch)
                last = max(read.values(), default=0)
                found = {event.id: event.seq for event in engine.events()}
                assert all(seq > last for name, seq in found.items() if name not in read)
                assert all(read.get(name, seq) == seq for name, seq in found.items())
                read |= found


def test_bare_identity_finds_a_twin_too(engine):
    engine.append(visit("P1", "A"), visit("P2", "B", 1, path="/b"))
    assert engine.append(confirm(None, P1, "B", SECOND)) == [confirmed("B")]
    assert rows(engine.events(Query(action="page.visit")), ("id", "visitor", "title")) == [
        ["P1", "B", "-"],
        ["P2", "B", "-"],
    ]


def test_a_twin_of_a_twin_is_the_last_one(engine):
    engine.append(visit("P1", "A"), visit("P2", "B", 1, path="/b"), visit("P3", "C", 2, path="/c"))
    engine.append(confirm("C1", P1, "B", SECOND), confirm("C2", page("P2"), "C", 2 * SECOND, path="/b"))
    engine.append(visit("P4", "A", MINUTE, path="/d", came_back=True))
    for who in "ABC":
        assert {row[0] for row in rows(engine.events(Query(visitor=ident(who))), ("visitor",))} == {"C"}
    assert [event.action for event in engine.events()].count("session.start") == 1
    check_promises(engine)


def test_the_other_way_round_is_the_same_visitor_already(engine):
    engine.append(visit("P1", "A"), visit("P2", "B", 1, path="/b"))
    engine.append(confirm("C1", P1, "B", SECOND))
    assert engine.append(confirm("C2", page("P2"), "A", 2 * SECOND, path="/b")) == [confirmed("B")]
    assert {row[0] for row in rows(engine.events(), ("visitor",))} == {"B"}
    assert [event.action for event in engine.events()].count("session.start") == 1


def test_opting_out_under_a_twins_cookie_ends_the_session_that_it_is_in(engine):
    engine.append(visit("P1", "A"), visit("P2", "B", 1), confirm("C1", P1, "B", SECOND), opt_out("A", MINUTE))
    holds(engine, "action  visitor  reason\n session.end  B  opt_out", Query(action="session.end"))


def test_without_sessions_a_twins_visits_become_the_other_visitors(engine):
    engine.append(visit("P1", "A"), visit("P2", "B", 1), confirm("C1", P1, "B", SECOND), rules=None)
    assert rows(engine.events(), ("id", "visitor", "lane")) == [["P1", "B", "person"], ["P2", "B", "person"]]


# Three tabs are opened at once without a cookie; the browser keeps the last cookie, C, and sends it with every beacon.
TABS = [visit("P1", "A", 0, path="/1"), visit("P2", "B", 1, path="/2"), visit("P3", "C", 2, path="/3")]
BEACONS = [confirm(f"C{n}", page(f"P{n}"), "C", SECOND + n, path=f"/{n}", title=f"T{n}") for n in (1, 2, 3)]
ARRIVALS = list(itertools.permutations(range(6)))


@pytest.mark.parametrize("make", [ENGINES[name] for name in sorted(ENGINES)])
@settings(max_examples=some(60), deadline=None)
@given(st.sampled_from(ARRIVALS), st.integers(0, 63), st.integers(0, 63))
def test_three_tabs_at_once_are_one_visitor_and_one_session_in_whatever_order_and_process(
    make, order, processes, batches
):
    with tempfile.TemporaryDirectory() as folder:
        engine: Engine = make(Path(folder) / "store.db")
        items = [*TABS, *BEACONS]
        with engine.writer() as one, engine.writer() as other:
            waiting = []
            for turn, index in enumerate(order):
                waiting.append(items[index])
                if batches >> turn & 1 or turn == 5:
                    (one, other)[processes >> turn & 1].append(waiting)
                    waiting = []
            one.append([sweep(HOUR)])
            other.append([sweep(HOUR), *items])
        events = engine.events()
        assert rows(sorted(events, key=lambda event: event.params.get("title", "~")), ("visitor", "lane", "title")) == [
            ["C", "person", "T1"],
            ["C", "person", "T2"],
            ["C", "person", "T3"],
            ["C", "person", "-"],
            ["C", "person", "-"],
        ]
        assert sorted(event.params.get("status", 0) for event in events) == [0, 0, 200, 200, 200]
        assert [event.params["pages"] for event in events if event.action == "session.end"] == [3]
        for who in "ABC":
            assert engine.events(Query(visitor=ident(who))) == events
        check_promises(engine)


# What a page says of itself ------------------------------------------------------------------------------------------

SAID = (("og:type", "product"), ("product:price:amount", "19.00"))


def says(said=SAID, *, view: str | None = "C1", at: int = SECOND, who: str = "A", of: str = "P1"):
    message = confirm(None, page(of), who, at)._replace(host=HOST)
    return message._replace(described=said, described_view=None if view is None else ident(view))


def params_of(engine):
    return [event.params for event in engine.events(Query(action="page.visit"))]


@pytest.mark.parametrize("view", ["C1", "P1", None, "unknown"])
def test_what_a_page_says_of_itself_completes_its_visit_once(engine, view):
    engine.append(visit("P1", "A"), confirm("C1", page("P1"), "A", 200))
    before = engine.events()
    engine.append(says(view=view))
    (params,) = params_of(engine)
    assert params == {**before[-1].params, **dict(SAID)}
    engine.append(says(view=view), says((("og:type", "article"), ("og:title", "x")), view=view, at=2 * SECOND))
    assert params_of(engine) == [params] and len(engine.events()) == len(before)
    engine.append(confirm("C1", page("P1"), "A", 3 * SECOND), visit("P1", "A"))
    assert params_of(engine) == [params]
    check_promises(engine)


def test_a_page_that_is_shown_again_says_it_again_and_one_of_somebody_else_nothing(engine):
    engine.append(visit("P1", "A"), confirm("C1", page("P1"), "A", 200), says())
    engine.append(confirm("C2", page("P1"), "A", MINUTE, nav="bfcache"), says(view="C2", at=MINUTE))
    assert [dict(SAID).items() <= params.items() for params in params_of(engine)] == [True, True]
    engine.append(visit("P9", "B"), says((("og:type", "x"),), view="P9", who="A", at=2 * MINUTE))
    assert "og:type" not in params_of(engine)[2]
    check_promises(engine)


def test_it_stays_where_the_server_tells_of_its_page_later(engine):
    engine.append(confirm("C1", page("P1"), "A", 200), says(), visit("P1", "A"))
    (params,) = params_of(engine)
    assert params["status"] == 200 and dict(SAID).items() <= params.items()
    check_promises(engine)


def test_it_never_says_what_the_server_has_seen(engine):
    engine.append(visit("P1", "A"), confirm("C1", page("P1"), "A", 200), says((("status", "404"), ("og:type", "x"))))
    (params,) = params_of(engine)
    assert (params["status"], params["og:type"]) == (200, "x")
