"""Conformance of a store, 3: what people do on a page, and how their sessions, views and elements come out of it."""

import contextlib
import functools
import sqlite3
import tempfile
from dataclasses import replace
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
    T,
    check_promises,
    confirm,
    confirmed,
    does,
    holds,
    ident,
    name_of,
    page,
    sends,
    sweep,
    visit,
)
from taken import some

from proxy.events.dwell import bucket_of, ms_of
from proxy.store.base import Query, Refusal
from proxy.store.sqlite.actions import REJECTIONS_KEPT
from proxy.store.sqlite.work import HISTORIES

P1, P2 = page("P1"), page("P2")


def click(name: str, label: str = "Buy", **more: object):
    return does("link.click", name, **{"name": label, "via": "mouse", **more})


def hover(name: str, dwell_ms: int, label: str = "Sale", **more: object):
    return does("banner.hover", name, **{"name": label, "dwell_ms": dwell_ms, **more})


def refusals(engine: Engine) -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(engine.place)) as raw:
        asked = "SELECT page.path, action, code, field FROM rejection JOIN page ON page.id = page ORDER BY rejection.id"
        return raw.execute(asked).fetchall()


# Where an event belongs ----------------------------------------------------------------------------------------------


def test_what_is_done_on_a_page_joins_its_session_and_names_its_view(engine):
    engine.append(visit("P1", "A"), confirm("C1", P1, "A", SECOND))
    told = engine.append(
        sends(
            P1,
            "A",
            click("E1", view="C1", ago=500, href="https://b.se/b"),
            hover("E2", 800, view="C1", ago=100, sku="S1"),
            does("form.submit", "E3", view="C1", form="letter", fields={"a": "b"}),
            at=4 * SECOND,
        )
    )
    assert told == [confirmed("A", stored=3)]
    holds(
        engine,
        """
        action         id  time  session  page  lane    name  form    dwell_ms  via    href            sku  fields
        session.start  ?   0     s1       P1    person  -     -       -         -      -               -    -
        page.visit     P1  0     s1       P1    person  -     -       -         -      -               -    -
        link.click     E1  3500  s1       P1    person  Buy   -       -         mouse  https://b.se/b  -    -
        banner.hover   E2  3900  s1       P1    person  Sale  -       800       -      -               S1   -
        form.submit    E3  4s    s1       P1    person  -     letter  -         -      -               -    {'a': 'b'}
        """,
    )
    check_promises(engine)


def test_an_event_that_comes_again_changes_nothing(engine):
    engine.append(visit("P1", "A"))
    first = sends(P1, "A", hover("E1", 800), click("E2"), at=SECOND)
    assert engine.append(first, first) == [confirmed("A", stored=2), confirmed("A", stored=0)]
    again = sends(P1, "A", hover("E1", 9_000, "Other"), click("E3"), at=2 * SECOND)
    assert engine.append(again) == [confirmed("A", stored=1)]
    holds(
        engine,
        """
        action        id  time  name  dwell_ms
        banner.hover  E1  1s    Sale  800
        """,
        Query(action="banner.hover"),
    )
    assert len(engine.events(Query(action="link.click"))) == 2


def test_an_event_before_its_page_happened_with_it_and_keeps_what_was_sent(engine):
    engine.append(visit("P1", "A", 10 * SECOND))
    engine.append(
        sends(P1, "A", click("E1", ago=60 * SECOND), click("E2", ago=-5), click("E3", ago=HOUR), at=12 * SECOND)
    )
    holds(
        engine,
        """
        id  time  received  original_ago
        E1  10s   12s       60000
        E2  12s   12s       -5
        E3  10s   12s       3600000
        """,
        Query(action="link.click"),
    )
    check_promises(engine)


def test_a_click_that_is_told_later_than_the_page_it_led_to_came_first(engine):
    home = f"https://{HOST}/"
    engine.append(visit("P1", "A"), confirm("C1", P1, "A", SECOND))
    engine.append(visit("P2", "A", MINUTE, path="/b", came_back=True, referrer=home))
    late = [click("E1", ago=40), click("E2", ago=480), does("form.submit", "E3", form="f", fields={}, ago=30)]
    engine.append(sends(P1, "A", *late, at=MINUTE + 70), sends(P1, "A", click("E4"), at=MINUTE + 600))
    engine.append(
        sends(P2, "A", click("E5", view="P2"), at=MINUTE + 90), sends(P1, "A", hover("E6", 900), at=MINUTE + 80)
    )
    times = {
        name_of(event.id): (event.time - T - MINUTE, event.params.get("original_ago")) for event in engine.events()
    }
    # Told to be after the page was asked for: before it. Before it anyway, much later, on the next page, no click: as
    # told.
    assert [times[name] for name in ("E1", "E3")] == [(-2, 40), (-1, 30)]
    assert [times[name] for name in ("E2", "E4", "E5", "E6")] == [(-410, None), (600, None), (90, None), (80, None)]
    check_promises(engine)


def test_a_page_that_is_told_later_than_the_click_that_asked_for_it_came_after_that(engine):
    engine.append(visit("P1", "A"), confirm("C1", P1, "A", SECOND))
    told = [click("E1", ago=20), does("form.submit", "E2", form="f", fields={}, ago=10), hover("E3", 900, ago=5)]
    engine.append(sends(P1, "A", *told, at=MINUTE + 30), sends(P1, "A", click("E4"), at=MINUTE + 600))
    engine.append(visit("P2", "A", MINUTE, path="/b", came_back=True, referrer=f"https://{HOST}/"))
    engine.append(visit("P3", "A", MINUTE + 5, path="/c", came_back=True, referrer=f"https://{HOST}/b"))
    times = {
        name_of(event.id): (event.time - T - MINUTE, event.received - T - MINUTE, event.params.get("original_ago"))
        for event in engine.events()
    }
    # Before the page that they asked for; no click, much later, and a page that was asked for elsewhere: as told.
    assert [times[name] for name in ("E1", "E2", "P2")] == [(-2, 30, 20), (-1, 30, 10), (0, 0, None)]
    assert [times[name] for name in ("E3", "E4", "P3")] == [(25, 30, None), (600, 600, None), (5, 5, None)]
    check_promises(engine)


def test_a_session_whose_last_click_asked_for_a_page_lasts_until_that_page(engine):
    engine.append(visit("P1", "A"), confirm("C1", P1, "A", SECOND))
    engine.append(
        sends(P1, "A", click("E1", ago=20), does("page.leave", "E2", engaged_ms=0), at=MINUTE + 30), sweep(HOUR)
    )
    engine.append(visit("P2", "A", MINUTE, path="/b", came_back=True, referrer=f"https://{HOST}/"))
    [ended] = engine.events(Query(action="session.end"))
    assert (ended.time - T, ended.params["duration_ms"]) == (MINUTE, MINUTE)
    check_promises(engine)


def test_a_session_lasts_until_what_was_told_long_before_that_click(engine):
    """Its last activity is not among what was told lately."""
    engine.append(visit("P1", "A"), confirm("C1", P1, "A", SECOND))
    engine.append(sends(P1, "A", hover("E0", 900, ago=10), at=MINUTE + 400))
    some = [hover(f"E{n}", 900, ago=395) for n in range(1, 40)]
    engine.append(sends(P1, "A", *some, click("E99"), at=MINUTE + 400), sweep(HOUR))
    engine.close()
    engine.append(visit("P2", "A", MINUTE, path="/b", came_back=True, referrer=f"https://{HOST}/"))
    [ended] = engine.events(Query(action="session.end"))
    assert ended.time - T == MINUTE + 390
    check_promises(engine)


def test_a_submit_is_never_later_than_it_was_told(engine):
    engine.append(visit("P1", "A"), confirm("C1", P1, "A", SECOND))
    engine.append(sends(P1, "A", click("E1"), at=MINUTE + 300))
    engine.append(sends(P1, "A", does("form.submit", "E2", form="f", fields={}), at=MINUTE))
    told = [(name_of(event.id), event.time - T, event.received - T) for event in engine.events()][-2:]
    assert told == [("E1", MINUTE + 300, MINUTE + 300), ("E2", MINUTE, MINUTE)]
    check_promises(engine)


def test_a_buttons_click_comes_before_the_submit_that_it_makes_in_whichever_order_they_are_told(engine):
    home = f"https://{HOST}/"
    engine.append(visit("P1", "A"), confirm("C1", P1, "A", SECOND))
    engine.append(visit("P2", "A", MINUTE, path="/b", came_back=True, referrer=home))
    submit = does("form.submit", "E1", form="f", fields={}, ago=20)
    engine.append(sends(P1, "A", submit, at=MINUTE + 40), sends(P1, "A", click("E2", ago=20), at=MINUTE + 60))
    told = sorted(engine.events(), key=lambda event: (event.time, event.seq))
    assert [name_of(event.id) for event in told][-3:] == ["E2", "E1", "P2"]
    check_promises(engine)


def test_a_click_comes_before_the_submit_that_it_makes_also_where_the_next_page_is_not_known_yet(engine):
    submit = does("form.submit", "E1", form="f", fields={}, ago=0)
    engine.append(visit("P1", "A"), visit("P2", "A", path="/b", came_back=True), confirm("C1", P1, "A", SECOND))
    engine.append(sends(P1, "A", submit, at=MINUTE + 40))
    for view, name, at, ago in [("P1", "E2", 45, 0), ("P1", "E3", 550, 0), ("P1", "E4", 60, 30), ("P2", "E5", 70, 0)]:
        engine.append(sends(page(view), "A", click(name, ago=ago, view=view), at=MINUTE + at))
    times = {
        name_of(event.id): (event.time - T - MINUTE, event.params.get("original_ago")) for event in engine.events()
    }
    # A moment after it; long after it; before it anyway; on another page.
    assert [times[name] for name in ("E1", "E2", "E3", "E4", "E5")] == [
        (40, None), (39, 0), (550, None), (30, None), (70, None)
    ]  # fmt: skip
    check_promises(engine)


def test_the_same_where_what_was_submitted_became_another_visitors(engine):
    submit = does("form.submit", "E1", form="f", fields={}, ago=0)
    with engine.writer() as writer:
        writer.append([visit("P0", "B"), visit("P1", "A", SECOND)])
        writer.append([sends(page("P1"), None, submit, at=MINUTE + 40)])
        writer.append([confirm("C1", page("P1"), "B", MINUTE + 42)])  # A was B
        writer.append([sends(page("P1"), "B", click("E2"), at=MINUTE + 45)])
    events = {name_of(event.id): event for event in engine.events()}
    assert {event.uuid for event in events.values()} == {events["P0"].uuid}
    assert events["E2"].time == events["E1"].time - 1 == T + MINUTE + 39
    check_promises(engine)


def test_a_submit_comes_after_the_click_that_makes_it_also_where_that_was_longer_on_its_way(engine):
    submit = does("form.submit", "E2", form="f", fields={}, ago=30)
    engine.append(visit("P1", "A"), confirm("C1", P1, "A", SECOND))
    engine.append(sends(P1, "A", click("E1"), at=MINUTE + 20), sends(P1, "A", submit, at=MINUTE + 40))
    told = [(name_of(event.id), event.time - T - MINUTE) for event in engine.events()][-2:]
    assert told == [("E1", 20), ("E2", 20)]
    check_promises(engine)


def test_a_view_that_is_somebody_elses_or_unknown_is_that_of_the_tag(engine):
    engine.append(visit("P1", "A"), visit("P2", "B", path="/b"))
    engine.append(sends(P1, "A", click("E1", view="P2"), click("E2", view="X9"), at=SECOND))
    assert [name_of(event.page) for event in engine.events(Query(action="link.click"))] == ["P1", "P1"]


def test_without_a_page_an_event_is_the_cookies_and_its_page_is_not_known(engine):
    engine.append(visit("P1", "A"))
    assert engine.append(sends(None, "A", hover("E1", 800), at=SECOND)) == [confirmed("A", stored=1)]
    [event] = engine.events(Query(action="banner.hover"))
    assert (event.page, event.session is not None, event.params["name"]) == (None, True, "Sale")


def test_an_event_of_a_page_returned_to_belongs_to_the_new_view(engine):
    engine.append(visit("P1", "A"), confirm("C1", P1, "A", SECOND))
    engine.append(confirm("C2", P1, "A", MINUTE, nav="bfcache")._replace(events=(click("E1", view="C2"),)))
    visits = engine.events(Query(action="page.visit"))
    [clicked] = engine.events(Query(action="link.click"))
    assert (len(visits), clicked.page) == (2, visits[1].id)


def test_of_nobodys_events_nothing_is_kept(engine):
    refused = (Refusal("banner.hover", "missing_param", "name"),)
    assert engine.append(sends(None, None, click("E1"))._replace(refusals=refused)) == [confirmed(None)]
    assert engine.events() == []
    assert refusals(engine) == []


def test_a_new_visitors_events_without_a_cookie_are_the_pages_visitors(engine):
    engine.append(visit("P1", "A"))
    assert engine.append(sends(P1, None, click("E1"), at=SECOND)) == [confirmed("A", cookie=True, stored=1)]


def test_who_sends_again_without_a_cookie_stays_the_same_new_visitor(engine):
    old = page("P1", new=False)
    engine.append(visit("P1", "A", came_back=True))
    first = sends(old, None, click("E1"), at=SECOND, new="N1")
    assert engine.append(first) == [confirmed("N1", cookie=True, stored=1)]
    assert engine.append(first._replace(new_uuid=ident("N2"))) == [confirmed("N1", cookie=True)]


def test_no_id_that_others_can_know_gives_away_a_visitor(engine):
    """Neither a page's, which stands in the page, nor an event's of somebody who has come back since."""
    old = page("P2", new=False)
    engine.append(visit("P1", "A"), confirm("C1", P1, "A", SECOND), visit("P2", "A", MINUTE, came_back=True))
    engine.append(sends(old, "A", click("E1"), at=MINUTE))
    told = engine.append(
        confirm("P2", old, None, 2 * MINUTE, new="N1"),
        sends(old, None, click("E1"), at=2 * MINUTE, new="N2"),
        confirm("C1", old, None, 2 * MINUTE, new="N3"),
    )
    assert [name_of(None if one is None else one.uuid.hex()) for one in told] == ["N1", "N2", "N3"]


def test_a_twins_events_move_with_it(engine):
    engine.append(visit("P1", "A"), sends(P1, None, hover("E1", 700), click("E2"), at=SECOND))
    engine.append(visit("P2", "B", 2 * SECOND), confirm("C1", P1, "B", 3 * SECOND))
    assert {name_of(event.uuid) for event in engine.events()} == {"B"}
    check_promises(engine)


# Sessions ------------------------------------------------------------------------------------------------------------


def test_a_hover_after_a_long_pause_opens_a_session_on_the_page_it_happened_on(engine):
    engine.append(visit("P1", "A", path="/a"), confirm("C1", P1, "A", SECOND, path="/a"))
    engine.append(sends(P1, "A", hover("E1", 700, view="C1"), at=2 * HOUR))
    holds(
        engine,
        """
        action         time  session  page  uri                     trigger       lane
        session.start  0     s1       P1    https://shop.example/a  page.visit    person
        page.visit     0     s1       P1    https://shop.example/a  -             person
        session.end    0     s1       -     https://shop.example/a  -             person
        session.start  2h    s2       P1    -                       banner.hover  person
        banner.hover   2h    s2       P1    -                       -             person
        """.replace("P1    -                       banner.hover", "P1    https://shop.example/a  banner.hover"),
    )
    check_promises(engine)


def test_what_does_not_open_a_session_is_stored_without_one(engine):
    engine.append(visit("P1", "A"))
    engine.append(
        sends(
            P1, "A", does("page.leave", "E1", engaged_ms=900), does("form.submit", "E2", form="f", fields={}), at=HOUR
        )
    )
    events = engine.events(Query(action="page.leave")) + engine.events(Query(action="form.submit"))
    # EVENTS.md section 4: a submit opens, leaving does not; it then fits the session that the submit has opened.
    assert [event.session is None for event in events] == [True, False]
    check_promises(engine)


def test_leaving_keeps_a_session_only_where_the_page_was_in_use(engine):
    engine.append(visit("P1", "A"), confirm("C1", P1, "A", SECOND))
    engine.append(sends(P1, "A", does("page.leave", "E1", engaged_ms=0), at=10 * MINUTE))
    engine.append(sends(P1, "A", does("page.leave", "E2", engaged_ms=5_000, scroll_pct=80), at=20 * MINUTE))
    engine.append(sends(P1, "A", does("page.leave", "E3", engaged_ms=0), at=25 * MINUTE), sweep(2 * HOUR))
    [end] = engine.events(Query(action="session.end"))
    assert (end.time - T, end.params["events"], end.params["pages"]) == (20 * MINUTE, 4, 1)
    check_promises(engine)


def test_a_late_event_moves_the_end_of_its_session(engine):
    engine.append(visit("P1", "A"), sweep(HOUR))
    engine.append(sends(P1, "A", click("E1", ago=20 * MINUTE), at=25 * MINUTE + 10))
    [end] = engine.events(Query(action="session.end"))
    assert (end.time - T, end.params["events"]) == (5 * MINUTE + 10, 2)
    check_promises(engine)


@pytest.mark.parametrize("swept_at", [None, 31 * MINUTE - 1, 31 * MINUTE], ids=["never", "too early", "already"])
def test_a_late_beacon_gives_the_same_end_whether_the_sweeper_was_there_before_it(engine, swept_at):
    engine.append(visit("P1", "A"), confirm("C1", P1, "A", SECOND))
    if swept_at is not None:
        engine.append(sweep(swept_at))
    left = does("page.leave", "E1", ago=2 * MINUTE, engaged_ms=40_000)
    engine.append(sends(P1, "A", left, at=31 * MINUTE), sweep(3 * HOUR))
    holds(
        engine,
        """
        action         id  time  reason   duration  pages  events
        session.start  ?   0     -        -1        -      -
        page.visit     P1  0     -        -1        -      -
        session.end    ?   29m   timeout  29m       1      2
        page.leave     E1  29m   -        -1        -      -
        """,
        ordered=False,
    )
    check_promises(engine)


def test_an_event_that_cannot_be_stored_opens_no_session(engine):
    """Both are written or neither is."""
    broken = replace(click("E1"), more=(("sku", "\ud800"),))
    assert engine.append(visit("P1", "A"), sends(P1, "A", broken, at=HOUR)) == [None, confirmed("A", failed=["E1"])]
    assert [event.action for event in engine.events()] == ["session.start", "page.visit"]
    engine.append(sends(P1, "A", click("E1"), at=HOUR))
    told = [(event.action, event.time - T) for event in engine.events() if event.time > T]
    assert told == [("session.start", HOUR), ("link.click", HOUR)]
    check_promises(engine)


def test_without_sessions_events_are_stored_all_the_same(engine):
    assert engine.append(visit("P1", "A"), sends(P1, "A", click("E1")), rules=None) == [None, confirmed("A", stored=1)]
    assert [event.session for event in engine.events()] == [None, None]


def test_a_twins_sessions_move_with_it_also_when_sessions_have_been_switched_off_since(engine):
    engine.append(visit("P1", "A"), visit("P2", "B", SECOND))
    engine.append(confirm("C2", page("P2"), "A", 2 * SECOND), rules=None)
    engine.append(confirm("C3", page("P2"), "B", 3 * SECOND), rules=None)
    assert {name_of(event.uuid) for event in engine.events()} == {"A"}
    check_promises(engine)


def test_a_page_whose_confirmation_was_lost_is_a_persons_when_something_is_done_on_it(engine):
    engine.append(visit("P1", "A"), sends(P1, None, click("E1"), at=SECOND))
    lanes = {event.action: event.lane for event in engine.events()}
    assert (lanes["link.click"], lanes["session.start"]) == ("person", "person")


def test_the_last_page_of_a_session_that_a_click_opened_is_told_however_it_was_written(engine):
    """In bulk, beside others, or alone: the same session.end."""
    engine.append(visit("P1", "A"), confirm("C1", P1, "A", SECOND), visit("P0", "B"), confirm("C0", page("P0"), "B", 1))
    for who, of in (("A", None), ("B", None)):
        engine.append(sends(of, who, click(f"E{who}"), at=2 * HOUR))
    late = [visit(f"L{who}", who, 2 * HOUR - SECOND, path="/b", came_back=True) for who in "AB"]
    engine.append(late[0])
    engine.append(late[1], sweep(2 * HOUR))
    engine.append(sweep(4 * HOUR))
    ends = [event.params.get("uri") for event in engine.events(Query(action="session.end"))][2:]
    assert ends == [f"https://{HOST}/b"] * 2


# Visits that a script reports ----------------------------------------------------------------------------------------


def test_a_visit_that_a_script_reports_is_a_view_of_its_own(engine):
    engine.append(visit("P1", "A"), confirm("C1", P1, "A", SECOND))
    made = does("page.visit", "V1", view="C1", uri="https://shop.example/app?x=1&token=t", title="App", product="S1")
    assert engine.append(sends(P1, "A", made, click("E1", view="V1"), at=MINUTE)) == [confirmed("A", stored=2)]
    holds(
        engine,
        """
        action         id  time  page  uri                                          title  nav       product
        session.start  ?   0     P1    https://shop.example/                        -      -         -
        page.visit     P1  0     P1    https://shop.example/                        Home   navigate  -
        page.visit     V1  1m    V1    https://shop.example/app?x=1&token=removed   App    manual    S1
        link.click     E1  1m    V1    -                                            -      -         -
        """,
    )
    check_promises(engine)


# Longer than usual ---------------------------------------------------------------------------------------------------


def test_a_hover_is_judged_against_what_was_known_of_its_element_before_it(engine):
    engine.append(visit("P1", "A"))
    usual = [hover(f"H{number}", 1_000) for number in range(10)]
    engine.append(
        sends(P1, "A", *usual, hover("L1", 2_500), hover("L2", 1_400), hover("O1", 9_000, "Other"), at=HOUR // 3)
    )
    events = {name_of(event.id): event.params for event in engine.events(Query(action="banner.hover"))}
    about = ms_of(bucket_of(1_000))
    assert all("usual_ms" not in events[f"H{number}"] and "usual_n" not in events[f"H{number}"] for number in range(10))
    assert (events["L1"]["usual_ms"], events["L1"]["usual_n"]) == (about, 10)
    assert (events["L2"]["usual_ms"], events["L2"]["usual_n"]) == (about, 11)
    assert "usual_ms" not in events["O1"]
    with contextlib.closing(sqlite3.connect(engine.place)) as raw:
        unusual = {bytes(row[0]) for row in raw.execute("SELECT id FROM event WHERE state & 4")}
    assert unusual == {ident("L1")}


def test_a_hover_is_judged_the_same_in_a_batch_with_more_elements_than_are_remembered(engine):
    hover = functools.partial(does, "link.hover")
    usual = [hover(f"E{one}", name="Buy", dwell_ms=1_000) for one in range(12)]
    others = [hover(f"X{one}", name=f"n{one}", dwell_ms=500) for one in range(HISTORIES + 1)]
    longer = hover("L", name="Buy", dwell_ms=9_000)
    engine.append(visit("P1", "A"), sends(page("P1"), "A", *usual, *others, longer, at=SECOND))
    (found,) = [event for event in engine.events() if event.params.get("dwell_ms") == 9_000]
    assert found.params["usual_n"] == len(usual)


def test_elements_of_one_name_on_two_pages_are_two(engine):
    engine.append(visit("P1", "A", path="/a"), visit("P2", "A", 1, path="/b", came_back=True))
    engine.append(sends(P1, "A", *(hover(f"H{number}", 500) for number in range(10)), at=SECOND))
    engine.append(sends(P2, "A", hover("X1", 5_000), at=SECOND), sends(P1, "A", hover("X2", 5_000), at=SECOND))
    events = {name_of(event.id): event.params for event in engine.events(Query(action="banner.hover"))}
    assert "usual_n" not in events["X1"] and events["X2"]["usual_n"] == 10


def test_a_repeated_hover_is_not_counted_twice_in_its_elements_history(engine):
    engine.append(visit("P1", "A"))
    message = sends(P1, "A", *(hover(f"H{number}", 500) for number in range(9)), at=SECOND)
    engine.append(message, message, sends(P1, "A", hover("X1", 9_000), at=SECOND))
    [last] = [event for event in engine.events() if name_of(event.id) == "X1"]
    assert "usual_n" not in last.params


# What was refused ----------------------------------------------------------------------------------------------------


def test_refused_events_are_kept_with_their_page_and_without_values(engine):
    engine.append(visit("P1", "A", path="/a"))
    bad = (Refusal("banner.hover", "missing_param", "name"), Refusal("", "bad_action", "action"))
    engine.append(sends(P1, "A", click("E1"), at=SECOND)._replace(refusals=bad))
    assert refusals(engine) == [("/a", "banner.hover", "missing_param", "name"), ("/a", "", "bad_action", "action")]
    assert len(engine.events(Query(action="link.click"))) == 1


def test_a_refused_event_that_comes_again_is_kept_once_and_with_its_own_view(engine):
    engine.append(visit("P1", "A", path="/a"), visit("P2", "A", 1, path="/b", came_back=True))
    bad = (Refusal("a.b", "undefined_action", "action", ident("R1"), ident("P2")),)
    message = sends(P1, "A", at=SECOND)._replace(refusals=bad)
    engine.append(message, message)
    engine.append(message)
    assert refusals(engine) == [("/b", "a.b", "undefined_action", "action")]


def test_only_the_latest_thousand_refused_events_are_kept(engine):
    engine.append(visit("P1", "A"))
    for start in range(0, REJECTIONS_KEPT + 100, 50):
        told = tuple(Refusal("a.b", "undefined_action", f"f{start + number}") for number in range(50))
        engine.append(sends(P1, "A", at=SECOND)._replace(refusals=told))
    kept = refusals(engine)
    assert (len(kept), kept[0][3], kept[-1][3]) == (REJECTIONS_KEPT, "f100", f"f{REJECTIONS_KEPT + 99}")


# Consent -------------------------------------------------------------------------------------------------------------


def test_a_sleeping_page_counts_when_its_visitor_agrees(engine):
    asleep = page("P1", counted=False)._replace(asleep=True)
    assert engine.append(confirm("C1", asleep, None, SECOND, new="N1")) == [confirmed("N1", cookie=True)]
    holds(
        engine,
        """
        action         id  visitor  nav       lane
        session.start  ?   N1       -         person
        page.visit     P1  N1       navigate  person
        """,
    )


def test_a_sleeping_copy_that_is_shown_after_a_304_confirms_the_visit_that_was_counted(engine):
    asleep = page("P1", counted=False)._replace(asleep=True)
    engine.append(visit("P9", "A", came_back=True, status=304), confirm("C1", asleep, "A", SECOND))
    holds(
        engine,
        """
        action         id  title
        session.start  ?   -
        page.visit     P9  Home
        """,
    )


# Whatever the order --------------------------------------------------------------------------------------------------

MOMENTS = st.sampled_from([0, 1, SECOND, MINUTE, 29 * MINUTE, 31 * MINUTE, 2 * HOUR])


@st.composite
def messages(draw):
    number = draw(st.integers(1, 14))
    items, at = [], 0
    for index in range(number):
        at += draw(MOMENTS)
        who = draw(st.sampled_from("AB"))
        kind = draw(st.sampled_from(("visit", "click", "leave", "hover", "sweep")))
        if kind == "visit":
            items.append(visit(f"P{index}", who, at, came_back=draw(st.booleans())))
        elif kind == "sweep":
            items.append(sweep(at))
        else:
            ago = draw(st.sampled_from([0, SECOND, 20 * MINUTE, HOUR]))
            # not new at it: a retry would rightly show that two visitors are one
            of = page(f"P{draw(st.integers(0, number))}", at, new=False)
            event = {
                "click": lambda i=index, a=ago: click(f"E{i}", ago=a),
                "leave": lambda i=index, a=ago: does(
                    "page.leave", f"E{i}", ago=a, engaged_ms=draw(st.sampled_from([0, 50]))
                ),
                "hover": lambda i=index, a=ago: hover(f"E{i}", 600, ago=a),
            }[kind]()
            items.append(sends(of, who, event, at=at))
    return items


@pytest.mark.parametrize("kind", ENGINES)
@settings(max_examples=some(60), deadline=None)
@given(messages(), st.integers(1, 4))
def test_whatever_happens_the_promises_hold_and_a_retry_of_everything_changes_nothing(kind, items, size):
    with tempfile.TemporaryDirectory() as folder:
        engine = ENGINES[kind](Path(folder) / "footfall.db")
        with engine.writer() as writer:
            for start in range(0, len(items), size):
                writer.append(items[start : start + size])
            check_promises(engine)
            before = engine.events()
            writer.append([item for item in items if not isinstance(item, type(sweep(0)))])
        assert engine.events() == before
