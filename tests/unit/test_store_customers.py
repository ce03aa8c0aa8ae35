"""Conformance of a store, 6: which customer a browser is, what apps and servers tell (EVENTS.md sections 6, 8)."""

import contextlib
import itertools
import sqlite3
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stories import (
    DAY,
    ENGINES,
    HOST,
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
    opt_out,
    page,
    sends,
    sweep,
    tells,
    tidy,
    visit,
)
from taken import some

from proxy.events.incoming import BrowserEvent, made_by_server
from proxy.events.results import ANSWER_WITHIN_MS
from proxy.events.shipped import SHIPPED
from proxy.store.base import (
    Confirmation,
    Confirmed,
    Forget,
    Forgotten,
    FormAnswer,
    Item,
    Query,
    Retention,
    Visit,
)
from proxy.store.questions import Span
from proxy.store.sqlite.giving import LEFT_MAX
from proxy.store.sqlite.handing import WAITING_MAX
from proxy.store.sqlite.writer import SqliteWriter
from proxy.visitors.customers import Customers, mark_keys, uuid_after
from proxy.visitors.erased import Erased
from proxy.visitors.ids import text_of
from proxy.visitors.lanes import PERSON
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


TO = f"https://{HOST}/login"


def another(
    event: str = "E1", *, at: int = MINUTE, page_of: str = "P1", marks: tuple[bytes, ...] = BOB
) -> Confirmation:
    """In the browser of a customer somebody else logs in, after a click."""
    submit = does("form.submit", event, form="login", fields={"email": "x@y.example"}, to=TO)
    message = sends(page(page_of), "A", does("link.click", f"{event}c", name="Login"), submit, at=at)
    return message._replace(customer=marks, customer_from=1)


def means(event: str, *, at: int, path: str = "/login", action: str = "client.login") -> Confirmation:
    """What an answer of the site means by its rules."""
    made = replace(made_by_server(SHIPPED.get(action), {}), id=ident(event))  # type: ignore[arg-type]
    return sends(None, "A", made, at=at)._replace(asked=(HOST, path))


def answered(at: int, *, path: str = "/login", status: int = 302, who: bytes = b"") -> FormAnswer:
    return FormAnswer(who or ident("A"), T + at, HOST, path, status)


def posted(name: str, at: int) -> Visit:
    """The page that the site answers with instead."""
    return visit(name, "A", at, path="/login", facts=(("method", "POST"),), came_back=True)


@pytest.fixture
def ann(engine) -> Engine:
    """Somebody's browser, with a page."""
    engine.append(visit("P0", "A"), confirm("C0", page("P0"), "A"))
    is_customer(engine, sends(page("P0"), "A", login("E0"), at=1), ANN)
    engine.append(
        visit("P1", "A", at=10 * SECOND, came_back=True), confirm("C1", page("P1", new=False), "A", 10 * SECOND)
    )
    return engine


def owners(engine: Engine) -> dict[str, set[str]]:
    """Whose the events of an action are: of A, of the visitor that follows from A and Bob, of others."""
    names = {text_of(ident("A")): "A", text_of(uuid_after(ident("A"), BOB[0])): "B"}
    found: dict[str, set[str]] = {}
    for event in engine.events():
        found.setdefault(event.action, set()).add(names.get(event.uuid, "?"))
    return found


def halves(status: int) -> list[Item]:
    """A form that names another customer, and all that the site's answer to it makes."""
    first = [answered(MINUTE + 40, status=status), means("M1", at=MINUTE + 40)]
    return [another(), *first, *([posted("P2", MINUTE + 40)] if status == 200 else [])]


@pytest.mark.parametrize("status", [302, 200])
@pytest.mark.parametrize("elsewhere", [False, True], ids=["one process", "two"])
@pytest.mark.parametrize("order", list(itertools.permutations(range(4))), ids=lambda order: "".join(map(str, order)))
def test_what_the_site_answers_to_a_form_is_of_whom_the_form_is_whatever_comes_first(ann, status, elsewhere, order):
    items = halves(status)
    with ann.writer() as other:
        for number in (number for number in order if number < len(items)):
            if elsewhere and number % 2:
                other.append([items[number]])
            else:
                ann.append(items[number])
    found = owners(ann)
    assert found["form.result"] == found["client.login"] == {"B"} and found["link.click"] == {"A"}
    assert found["page.visit"] == ({"A", "B"} if status == 200 else {"A"})
    (end,) = [event for event in ann.events() if event.action == "session.end"]
    assert (end.params["reason"], end.time) == ("identity", T + MINUTE), "it ends with the click"
    assert len([event for event in ann.events() if event.action == "session.start"]) == 2
    rows = {event.action: event for event in ann.events() if event.uuid == text_of(uuid_after(ident("A"), BOB[0]))}
    assert len({event.session for event in rows.values()}) == 1
    assert (
        rows["form.submit"].time <= rows["form.result"].time and rows["form.submit"].time <= rows["client.login"].time
    )
    ann.append(*items)
    assert len(ann.events(Query(action="client.login"))) == len(ann.events(Query(action="form.result"))) == 1
    check_promises(ann)


@pytest.mark.parametrize("order", ["form first", "answer first"])
def test_without_sessions_the_answer_is_of_whom_the_form_is_as_well(engine, order):
    engine.append(visit("P1", "A"), confirm("C1", page("P1"), "A"), rules=None)
    with engine.writer(None) as writer:
        writer.append([sends(page("P1"), "A", login("E0"), at=1)._replace(customer=ANN)])
        form, *rest = halves(200)
        for item in (form, *rest) if order == "form first" else (*rest, form):
            writer.append([item])
    found = owners(engine)
    assert found["form.result"] == found["client.login"] == {"B"} and found["page.visit"] == {"A", "B"}
    check_promises(engine)


def test_the_page_that_answers_is_confirmed_under_either_cookie_and_the_browser_gets_the_new_one(ann):
    other = uuid_after(ident("A"), BOB[0])
    ann.append(another(), posted("P2", MINUTE + 40))
    (done,) = ann.append(confirm("C2", page("P2", MINUTE, new=False), "A", MINUTE + 90, path="/login"))
    assert done == Confirmed(other, True)
    message = confirm("C3", page("P2", MINUTE, new=False), None, MINUTE + 95, path="/login")
    assert told(ann, message._replace(cookie=other, id=None)).set_cookie is False
    visits = [event for event in ann.events() if event.action == "page.visit"]
    assert [event.uuid for event in visits[2:]] == [text_of(other)] and visits[-1].params["title"] == "Home"
    check_promises(ann)


def test_a_form_of_before_the_change_has_its_own_answer(ann):
    news = does("form.submit", "E5", form="news", fields={}, to=f"https://{HOST}/news")
    ann.append(sends(page("P1"), "A", news, at=MINUTE - 100), another(), answered(MINUTE + 20, path="/news"))
    ann.append(answered(MINUTE + 50))
    results = ann.events(Query(action="form.result"))
    other = uuid_after(ident("A"), BOB[0])
    assert [(event.params["form"], event.uuid) for event in results] == [
        ("news", text_of(ident("A"))),
        ("login", text_of(other)),
    ]
    check_promises(ann)


@pytest.mark.parametrize(
    "item",
    [
        means("M1", at=MINUTE - 20 * SECOND),
        means("M1", at=MINUTE + 40, path="/logout", action="client.logout"),
        posted("P2", MINUTE - 20 * SECOND),
        visit("P2", "A", MINUTE + 40, path="/login", came_back=True),
    ],
)
def test_what_has_nothing_to_do_with_the_form_stays_whose_it_was(ann, item):
    ann.append(item)
    before = len(ann.events())
    ann.append(another())
    assert {event.uuid for event in ann.events()[:before]} == {text_of(ident("A"))}
    check_promises(ann)


def test_a_session_that_only_the_answer_has_opened_goes_with_it(ann):
    """The browser lay idle: by the site's answer alone its old visitor would have come back for a moment."""
    at = 2 * HOUR
    ann.append(sweep(HOUR), means("M1", at=at + 40), answered(at + 40))
    assert len(ann.events(Query(action="session.start"))) == 2
    message = another(at=at)
    ann.append(message._replace(events=message.events[1:], customer_from=0))
    starts = ann.events(Query(action="session.start"))
    other = uuid_after(ident("A"), BOB[0])
    assert [event.uuid for event in starts] == [text_of(ident("A")), text_of(other)]
    assert [event.session for event in ann.events(Query(action="client.login"))] == [starts[1].session]
    assert len(ann.events(Query(action="session.end"))) == 1
    ann.append(visit("P9", "A", 3 * HOUR, came_back=True), sweep(5 * HOUR))
    check_promises(ann)


@pytest.mark.parametrize("is_page", [False, True], ids=["a redirect", "a page"])
def test_a_session_that_the_answer_has_opened_and_a_click_is_left_in_begins_with_the_click(ann, is_page):
    at = 2 * HOUR
    ann.append(sweep(HOUR), posted("P2", at + 40) if is_page else means("M1", at=at + 40), another(at=at))
    starts = ann.events(Query(action="session.start"))[1:]
    told = {(event.uuid, event.params.get("trigger"), event.params.get("uri"), event.page) for event in starts}
    other = uuid_after(ident("A"), BOB[0])
    assert told == {
        (text_of(ident("A")), "link.click", f"https://{HOST}/", text_of(ident("P1"))),
        (text_of(other), "form.submit", None, None),
    }
    check_promises(ann)
    with ann.asked() as asked:
        rows = asked.pages(Span(T + HOUR, T + 3 * HOUR, PERSON), 9).rows
    assert [(row.path, row.views, row.entries) for row in rows] == ([("/login", 1, 0)] if is_page else [])


def test_a_page_that_is_given_comes_after_the_start_of_its_new_session(ann):
    """It was told first, and at the same moment as the form."""
    ann.append(posted("P2", MINUTE), another())
    assert owners(ann)["page.visit"] == {"A", "B"}
    check_promises(ann)


@pytest.mark.parametrize("events", [900, 1_050])
def test_nothing_leaves_a_session_that_is_too_large_to_be_read(ann, events):
    for first in range(0, events, 50):
        acts = (does("link.click", f"K{number}", name="x") for number in range(first, first + 50))
        ann.append(sends(page("P1"), "A", *acts, at=30 * SECOND))
    ann.append(posted("P2", MINUTE + 40), another())
    assert owners(ann)["page.visit"] == ({"A", "B"} if events < LEFT_MAX else {"A"})
    check_promises(ann)


def test_after_half_a_minute_the_old_cookie_is_its_own_visitors_again(ann):
    ann.append(another())
    soon, late = MINUTE + ANSWER_WITHIN_MS, MINUTE + ANSWER_WITHIN_MS + 1
    ann.append(visit("P2", "A", soon, came_back=True), visit("P3", "A", late, came_back=True), means("M1", at=late + 9))
    uuids = {event.id: event.uuid for event in ann.events()}
    assert uuids[text_of(ident("P2"))] == text_of(uuid_after(ident("A"), BOB[0]))
    assert uuids[text_of(ident("P3"))] == uuids[text_of(ident("M1"))] == text_of(ident("A"))
    ann.append(visit("P4", "A", HOUR, came_back=True), visit("P5", "A", HOUR + 1, came_back=True))
    check_promises(ann)


def test_who_says_no_in_the_moment_of_the_change_ends_the_session_that_is_there_then(ann):
    ann.append(another(), opt_out("A", MINUTE + 50))
    ends = ann.events(Query(action="session.end"))
    assert [event.params["reason"] for event in ends] == ["identity", "opt_out"]
    check_promises(ann)


def test_a_server_that_names_both_hands_nothing_over(ann):
    told(ann, tells(app("E9", at=MINUTE, told=MINUTE), at=MINUTE, who="A", customer=BOB))
    ann.append(visit("P2", "A", MINUTE + 50, came_back=True), means("M1", at=MINUTE + 60))
    uuids = {event.id: event.uuid for event in ann.events()}
    assert uuids[text_of(ident("P2"))] == uuids[text_of(ident("M1"))] == text_of(ident("A"))
    check_promises(ann)


@pytest.mark.parametrize("answers", ["a page", "a redirect"])
@pytest.mark.parametrize("order", ["form first", "answer first"])
def test_customers_who_take_turns_by_tokens_hand_nothing_on_whatever_comes_first(ann, answers, order):
    form = sends(page("P1"), "A", does("form.submit", "E1", form="login", fields={}, to=TO), at=MINUTE)
    if answers == "a page":
        form = form._replace(events=(does("form.submit", "E1", form="search", fields={}, asks=TO),))
    form = form._replace(customer=BOB, takes_turns=True)
    seen = visit("P2", "A", MINUTE + 40, path="/login", query="?q=1", came_back=True)
    items = [form, seen if answers == "a page" else answered(MINUTE + 40)]
    ann.append(*(items if order == "form first" else items[::-1]))
    assert "form.result" not in owners(ann) and owners(ann).get("page.visit") == {"A"}
    check_promises(ann)


def test_who_is_somebody_else_again_and_again_leaves_no_more_notes_than_are_looked_through(ann):
    """A browser that never takes the new cookie, and one that is another customer with each message."""
    other = ident("A")
    for number in range(WAITING_MAX + 20):
        ann.append(sends(page("P1"), "A", login(f"E{number}x"), at=MINUTE + number)._replace(customer=BOB))
        mark = (ident(f"m{number}"),)
        message = sends(page("P1"), None, login(f"E{number}y"), at=MINUTE + number)
        ann.append(message._replace(cookie=other, customer=mark))
        other = uuid_after(other, mark[0])
    with contextlib.closing(sqlite3.connect(ann.place)) as file:
        notes = dict(file.execute("SELECT visitor, count(*) FROM form_answer GROUP BY visitor"))
    assert max(notes.values()) == WAITING_MAX
    ann.append(visit("P2", "A", 2 * MINUTE - SECOND, came_back=True))
    check_promises(ann)


def test_who_is_erased_is_not_in_the_note_of_the_change_either(engine):
    writer = SqliteWriter(engine.place, durability="process", rules=Rules(), erased=Erased((b"s" * 32,)))
    other = uuid_after(ident("A"), BOB[0])
    with contextlib.closing(writer):
        writer.append([visit("P1", "A"), confirm("C1", page("P1"), "A")])
        writer.append([sends(page("P1"), "A", login("E0"), at=1)._replace(customer=ANN)])
        writer.append([another(), means("M1", at=MINUTE + 5)])
        writer.append([Forget(other, T + 2 * MINUTE)])
        writer.append([visit("P2", "A", MINUTE + 9, came_back=True)])
    assert {event.uuid for event in engine.events()} == {text_of(ident("A"))}
    assert other.hex().encode() not in engine.place.read_bytes() and other not in engine.place.read_bytes()


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


@pytest.mark.parametrize("retired", [0, 1], ids=["the same secret", "a secret that was rotated since"])
def test_what_is_told_of_a_customer_stays_with_the_first_who_was_tied_to_it(engine, retired):
    """Not with an older visitor who types somebody's key later: its browser shows what is held of it."""
    engine.append(visit("P1", "EVE"), confirm("C1", page("P1"), "EVE"))
    done = told(engine, tells(app("E1", at=1, told=1), at=1, customer=ANN[retired:]))
    for number in range(2, 5):
        typed = is_customer(engine, sends(page("P1"), "EVE", login(f"L{number}"), at=number), ANN)
        assert typed.uuid == ident("EVE")
        again = tells(app(f"E{number}", at=number, told=number), at=number, customer=ANN)
        assert told(engine, again).uuid == done.uuid
    check_promises(engine)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["browser first", "server first"])
def test_whom_a_server_names_is_a_visitor_though_a_browser_of_its_keeps_no_cookie(engine, order):
    form = sends(page("P1"), None, login("E1"), at=1)._replace(customer=ANN)
    items = [form, tells(app("E2", at=2, told=2), at=2, customer=ANN)]
    engine.append(visit("P1", "A"), confirm("C1", page("P1")), *(items[place] for place in order))
    with engine.asked() as asked:
        totals = asked.lanes(T - DAY, T + DAY)[PERSON]
    assert (totals.visitors, totals.cookieless) == ((1, 0) if order == (0, 1) else (1, 1))
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


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=some(60))
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
    both, old = (Customers(mark_keys(keys)) for keys in ((b"new" * 8, b"old" * 8), (b"old" * 8,)))
    assert both.marks("ann@shop.example")[1:] == old.marks(" ann@shop.example ")
    assert both.marks("ann@shop.example") != both.marks("Ann@shop.example")
    assert both.marks("  ") == () and {len(mark) for mark in both.marks("x" * 10_000)} == {16}
