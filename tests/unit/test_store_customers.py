"""Conformance of a store, 6: which customer a browser is, what apps and servers tell (EVENTS.md sections 6, 8)."""

import contextlib
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stories import (
    DAY,
    ENGINES,
    HOUR,
    MINUTE,
    SECOND,
    Engine,
    T,
    app,
    check_promises,
    confirm,
    does,
    holds,
    ident,
    page,
    sends,
    sweep,
    tells,
    tidy,
    visit,
)

from proxy.events.incoming import BrowserEvent
from proxy.store.base import Confirmation, Confirmed, Forget, Forgotten, Retention
from proxy.store.sqlite.writer import SqliteWriter
from proxy.visitors.customers import Customers, uuid_after
from proxy.visitors.erased import Erased
from proxy.visitors.ids import text_of
from proxy.visitors.sessions import Rules

ANN, BOB = (ident("ann-now"), ident("ann-old")), (ident("bob-now"), ident("bob-old"))
CAT = (ident("cat-now"),)


def login(name: str, at: int = 0) -> BrowserEvent:
    return does("form.submit", name, form="login", fields={"email": "x@y.example"})


def told(engine: Engine, message: Confirmation) -> Confirmed:
    (done,) = engine.append(message)
    assert isinstance(done, Confirmed)
    return done


def is_customer(engine: Engine, message: Confirmation, marks: tuple[bytes, ...], since: int = 0) -> Confirmed:
    return told(engine, message._replace(customer=marks, customer_from=since))


# Browsers ------------------------------------------------------------------------------------------------------------


def test_the_first_key_is_tied_and_the_uuid_and_its_history_stay(engine):
    engine.append(visit("P1", "A"), confirm("C1", page("P1"), "A"))
    done = is_customer(engine, sends(page("P1"), "A", login("E1"), at=MINUTE), ANN)
    assert done == Confirmed(ident("A"), False, False, 1)
    again = is_customer(engine, sends(page("P1"), "A", login("E2"), at=2 * MINUTE), ANN)
    assert again == Confirmed(ident("A"), False, False, 1)
    holds(
        engine,
        """
        action         id  time  visitor  session
        session.start  ?   0     A        s1
        page.visit     P1  0     A        s1
        form.submit    E1  1m    A        s1
        form.submit    E2  2m    A        s1
        """,
    )
    check_promises(engine)


def test_a_different_key_ends_the_session_and_makes_a_visitor_of_its_own(engine):
    engine.append(visit("P1", "A"), confirm("C1", page("P1"), "A"))
    is_customer(engine, sends(page("P1"), "A", login("E1"), at=MINUTE), ANN)
    message = sends(page("P1"), "A", does("link.click", "E2", name="Log out"), login("E3"), at=2 * MINUTE)
    done = is_customer(engine, message, BOB, since=1)
    assert done == Confirmed(uuid_after(ident("A"), BOB[0]), True, False, 2)
    assert is_customer(engine, message, BOB, since=1) == Confirmed(done.uuid, True, False, 0)
    events = {event.action: event for event in engine.events()}
    assert events["session.end"].params["reason"] == "identity"
    assert (events["session.end"].uuid, events["link.click"].uuid) == (text_of(ident("A")), text_of(ident("A")))
    submits = [event for event in engine.events() if event.action == "form.submit"]
    assert [event.uuid for event in submits] == [text_of(ident("A")), text_of(done.uuid)]
    assert submits[0].session != submits[1].session and submits[1].session is not None
    check_promises(engine)
    back = is_customer(engine, tells(login("E4"), at=3 * MINUTE)._replace(cookie=done.uuid), ANN)
    assert back.uuid not in (ident("A"), done.uuid) and back.set_cookie, "never merged"
    check_promises(engine)


@pytest.mark.parametrize("customers", [(ANN, BOB), (ANN, BOB, CAT)])
def test_tabs_with_tokens_of_several_customers_take_turns_and_end_no_session_anew(engine, customers):
    """Every answer sets the cookie of whoever has just spoken, and the next one is another customer's."""
    engine.append(visit("P1", "A"), confirm("C1", page("P1"), "A"))
    jar, uuids = ident("A"), []
    for number in range(30):
        at = number * SECOND
        message = sends(page("P1"), None, does("link.click", f"E{number}", name="Buy"), at=at)
        turn = message._replace(cookie=jar, takes_turns=True)
        done = is_customer(engine, turn, customers[number % len(customers)])
        assert done.uuid is not None and done.stored == 1 and done.set_cookie == (number > 0)
        jar = done.uuid
        uuids.append(done.uuid)
    assert uuids[0] == ident("A"), "the first key stays with the visitor"
    for place in range(len(customers)):
        later = set(uuids[len(customers) + place :: len(customers)])
        assert len(later) == 1, "from the second turn on everybody is who they were"
    assert len(set(uuids)) == len(customers) + 1, "nobody is ever merged with the first visitor"
    assert uuids[1 : len(customers)] == uuids[len(customers) + 1 : 2 * len(customers)]
    engine.append(sweep(HOUR))
    ends = [event.params["reason"] for event in engine.events() if event.action == "session.end"]
    assert ends.count("identity") == len(customers) and len(ends) < 3 * len(customers)
    check_promises(engine)


def test_whoever_types_another_customers_key_gets_nobodys_uuid(engine):
    """A form's field is no proof, and the uuid that a customer had on this browser shows what is held of it."""
    engine.append(visit("P1", "A"), confirm("C1", page("P1"), "A"))
    jar, uuids = ident("A"), []
    for number, marks in enumerate((ANN, BOB, ANN, BOB)):
        done = is_customer(engine, sends(page("P1"), None, login(f"E{number}"), at=number)._replace(cookie=jar), marks)
        assert done.uuid is not None
        jar = done.uuid
        uuids.append(jar)
    assert len(set(uuids)) == 4
    check_promises(engine)


def test_a_customer_is_no_twin(engine):
    engine.append(visit("P1", "A"), confirm("C1", page("P1"), "A"))
    is_customer(engine, sends(page("P1"), "A", login("E1"), at=1), ANN)
    (done,) = engine.append(confirm("C2", page("P1"), "B", 2))
    assert done.uuid == ident("B")
    assert {event.uuid for event in engine.events() if event.action == "form.submit"} == {text_of(ident("A"))}
    check_promises(engine)


def test_a_rotated_secret_makes_nobody_somebody_else(engine):
    engine.append(visit("P1", "A"))
    is_customer(engine, sends(page("P1"), "A", login("E1"), at=1), ANN[1:])
    assert is_customer(engine, sends(page("P1"), "A", login("E2"), at=2), ANN).uuid == ident("A")
    assert is_customer(engine, sends(page("P1"), "A", login("E3"), at=3), ANN[:1]).uuid == ident("A")
    check_promises(engine)


# Apps and servers ----------------------------------------------------------------------------------------------------


def test_an_app_names_a_visitor_or_a_customer_and_opens_its_sessions(engine):
    done = told(engine, tells(app("E1", at=0, told=0), at=0, who="A"))
    assert done == Confirmed(ident("A"), False, False, 1)
    by_key = told(engine, tells(app("E2", at=MINUTE, told=MINUTE), at=MINUTE, customer=ANN))
    assert by_key.uuid == uuid_after(b"", ANN[0])
    again = told(engine, tells(app("E3", at=2 * MINUTE, told=2 * MINUTE), at=2 * MINUTE, customer=ANN))
    assert again.uuid == by_key.uuid
    holds(
        engine,
        """
        action         id  time  session  lane    source      trigger
        session.start  ?   0     s1       person  MOBILE_APP  screen.view
        screen.view    E1  0     s1       person  -           -
        session.start  ?   1m    s2       person  MOBILE_APP  screen.view
        screen.view    E2  1m    s2       person  -           -
        screen.view    E3  2m    s2       person  -           -
        """,
    )
    check_promises(engine)


def test_an_app_speaks_of_the_visitor_that_its_customer_is(engine):
    engine.append(visit("P1", "A"), confirm("C1", page("P1"), "A"))
    is_customer(engine, sends(page("P1"), "A", login("E1"), at=MINUTE), ANN)
    assert told(engine, tells(app("E2", at=MINUTE, told=MINUTE), at=MINUTE, customer=ANN)).uuid == ident("A")
    assert {event.session for event in engine.events()} == {engine.events()[0].session}
    check_promises(engine)


def test_what_is_told_two_days_late_is_where_it_belongs(engine):
    engine.append(visit("P1", "A"), confirm("C1", page("P1"), "A"), sweep(HOUR))
    late = 2 * DAY
    message = tells(
        app("E1", at=10 * MINUTE, told=late),
        app("E2", at=DAY, told=late),
        app("E3", at=DAY + MINUTE, told=late),
        app("E4", at=12 * HOUR, told=late, action="entries.count"),
        at=late,
        who="A",
    )
    assert told(engine, message).stored == 4
    engine.append(sweep(late))
    ends = [event for event in engine.events() if event.action == "session.end"]
    assert sorted(event.time - T for event in ends) == [10 * MINUTE, DAY + MINUTE]
    loose = [event for event in engine.events() if event.action == "entries.count"]
    assert [event.session for event in loose] == [None], "it opens none"
    assert {event.received for event in engine.events() if event.action == "screen.view"} == {T + late}
    check_promises(engine)


def test_what_is_told_twice_is_kept_once(engine):
    message = tells(app("E1", at=0, told=HOUR), app("E2", at=MINUTE, told=HOUR), at=HOUR, customer=ANN)
    assert [told(engine, message).stored for _ in range(3)] == [2, 0, 0]
    check_promises(engine)


def test_who_was_erased_is_not_made_again_by_its_key(engine):
    writer = SqliteWriter(engine.place, durability="process", rules=Rules(), erased=Erased((b"s" * 32,)))
    with contextlib.closing(writer):
        (done,) = writer.append([tells(app("E1", at=0, told=0), at=0, customer=ANN)])
        (receipt,) = writer.append([Forget(done.uuid, T + 1)])
        assert isinstance(receipt, Forgotten) and receipt.events == {"screen.view": 1, "session.start": 1}
        (again,) = writer.append([tells(app("E2", at=2, told=2), at=2, customer=ANN)])
        assert again == Confirmed(None) and engine.events() == []
        (other,) = writer.append([tells(app("E3", at=3, told=3), at=3, customer=BOB)])
        assert other.uuid is not None
    assert all(mark not in engine.place.read_bytes() for mark in ANN)


def test_a_server_that_names_another_customer_again_and_again_ends_one_session(engine):
    engine.append(visit("P0", "A"), confirm("C0", page("P0"), "A"))
    told(engine, tells(app("E0", at=1, told=1), at=1, who="A", customer=BOB))
    for number in range(1, 6):
        at = number * MINUTE
        engine.append(visit(f"P{number}", "A", at=at, came_back=True))
        told(engine, tells(app(f"E{number}", at=at + 1, told=at + 1), at=at + 1, who="A", customer=ANN))
    ends = [event for event in engine.events() if event.action == "session.end"]
    assert [event.params["reason"] for event in ends] == ["identity"]
    assert sum(event.action == "session.start" for event in engine.events()) == 3
    check_promises(engine)


def test_a_crawler_is_nobodys_customer(engine):
    engine.append(visit("B1", "BOT", bot=True))
    with engine.writer() as writer:
        (done,) = writer.append([sends(None, "BOT", app("E1", at=2, told=2), at=2)._replace(customer=ANN)])
        assert done == Confirmed(None)
    assert [event.action for event in engine.events()] == ["page.visit"]
    assert told(engine, tells(app("E2", at=3, told=3), at=3, customer=ANN)).uuid not in (None, ident("BOT"))
    check_promises(engine)


def test_who_is_gone_by_age_is_no_customer_any_more(engine):
    told(engine, tells(app("E1", at=0, told=0), at=0, customer=ANN))
    told(engine, tells(app("E2", at=60 * DAY, told=60 * DAY), at=60 * DAY, customer=BOB))
    with engine.writer(kept=Retention(30)) as writer:
        writer.append([sweep(60 * DAY)])
        tidy(writer, 60 * DAY)
    assert ANN[0] not in engine.place.read_bytes()
    assert told(engine, tells(app("E3", at=60 * DAY, told=60 * DAY), at=60 * DAY, customer=ANN)).uuid
    check_promises(engine)


# Any order, any number of processes ----------------------------------------------------------------------------------

ACTS = st.lists(
    st.tuples(
        st.sampled_from(("browser", "token", "app", "visit")),
        st.integers(0, 3),  # who
        st.sampled_from((ANN, BOB, ())),
        st.integers(0, 90),  # minutes
        st.booleans(),  # by another process
        st.booleans(),  # twice
    ),
    max_size=25,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(acts=ACTS)
@pytest.mark.parametrize("name", sorted(ENGINES))
def test_whatever_comes_the_promises_hold_and_a_visitor_is_one_customer(name, acts):
    with tempfile.TemporaryDirectory() as folder:
        engine = ENGINES[name](Path(folder) / "store.db")
        jar: dict[int, bytes] = {}  # the cookie of each browser
        owners: dict[bytes, set[bytes]] = {}
        try:
            for number, (kind, who, marks, minutes, elsewhere, twice) in enumerate(acts):
                at, cookie = minutes * MINUTE, jar.get(who, ident(f"V{who}"))
                event = app(f"E{number}", at=at, told=at)
                if kind == "visit":
                    item = visit(f"P{number}", "X", at)
                    item.uuid = cookie
                elif kind == "app":
                    item = tells(event, at=at, customer=marks or ANN)
                else:
                    item = tells(event, at=at)._replace(cookie=cookie, customer=marks, takes_turns=kind == "token")
                for _ in range(1 + twice):
                    if elsewhere:
                        with engine.writer() as writer:
                            (done,) = writer.append([item])
                    else:
                        (done,) = engine.append(item)
                    if isinstance(done, Confirmed) and done.uuid is not None:
                        if kind in ("browser", "token") and done.set_cookie:
                            jar[who] = done.uuid
                        if item.customer:
                            owners.setdefault(done.uuid, set()).add(item.customer[0])
            engine.append(sweep(DAY))
            check_promises(engine)
            assert all(len(marks) == 1 for marks in owners.values())
        finally:
            engine.close()


def test_marks_are_keyed_hashes_that_every_key_in_use_knows():
    both, old = Customers((b"new" * 8, b"old" * 8)), Customers((b"old" * 8,))
    assert both.marks("ann@shop.example")[1:] == old.marks(" ann@shop.example ")
    assert both.marks("ann@shop.example") != both.marks("Ann@shop.example")
    assert both.marks("  ") == () and {len(mark) for mark in both.marks("x" * 10_000)} == {16}
