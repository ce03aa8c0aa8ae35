"""Conformance of a store, 7: a browser that never stores the cookie is a new visitor on each page, in a count beside
the visitors (VISITS.md section 3). Whatever happens in between, the counts are those of a recount from the rows."""

import contextlib
import sqlite3

import pytest
import report_walks
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stories import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    T,
    check_promises,
    confirm,
    does,
    ident,
    page,
    sends,
    sqlite,
    sweep,
    tidy,
    visit,
)
from taken import some
from test_import import exported, take
from test_store_customers import ANN, BOB, app, tells

from proxy.store.base import Forget, Retention
from proxy.store.questions import Span
from proxy.store.sqlite.connection import open_reader
from proxy.store.sqlite.writer import SqliteWriter
from proxy.visitors.erased import Erased
from proxy.visitors.lanes import PERSON, is_cookieless
from proxy.visitors.sessions import Rules

QUICK = settings(max_examples=some(30), deadline=None, suppress_health_check=[HealthCheck.too_slow])


def shows(number, *, cookie=None, at=0, path="/"):
    """A page of a new visitor, and what it says when it is shown."""
    return (
        visit(f"P{number}", f"V{number}", at, path=path),
        confirm(f"C{number}", page(f"P{number}", at), cookie, at + 200, path=path),
    )


def people(engine, since=-DAY, until=30 * DAY):
    """(visitors, those of whom a browser keeps no cookie) of the lane of people."""
    with engine.asked() as asked:
        totals = asked.lanes(T + since, T + until)[PERSON]
        return totals.visitors, totals.cookieless


def test_who_brings_the_cookie_with_the_first_message_is_a_visitor_also_if_nothing_follows(engine):
    engine.append(*shows(1, cookie="V1"))
    assert people(engine) == (1, 0)


def test_who_never_brings_it_is_counted_beside_the_visitors_once_a_page(engine):
    engine.append(*shows(1), *shows(2, at=MINUTE), *shows(3, at=2 * MINUTE), *shows(4, cookie="V4"))
    assert people(engine) == (1, 3)
    with engine.asked() as asked:
        span = Span(T - DAY, T + 30 * DAY, PERSON)
        [row] = asked.pages(span, 9).rows
        assert (row.views, row.visitors) == (4, 1)
        assert sum(slot.visitors for slot in asked.slots([(span.since, span.until)], PERSON)) == 1
        assert asked.people(T) == 1
        found = asked.visitors(span, None, 9)
        assert (found.total, found.cookieless) == (1, 3)
        assert sorted(row.is_cookieless for row in found.rows) == [False, True, True, True]
    check_promises(engine)


def test_a_page_an_element_and_a_form_that_only_they_use_are_shown_with_no_visitors(engine):
    acts = (does("link.click", "E1", name="Buy"), does("form.start", "E2", form="order"))
    engine.append(*shows(1, path="/range"), sends(page("P1"), None, *acts, at=SECOND))
    with engine.asked() as asked:
        for span in (Span(T - 30 * DAY, T + 30 * DAY, PERSON), Span(T - 1, T + HOUR, PERSON)):
            assert [(row.path, row.views, row.visitors) for row in asked.pages(span, 9).rows] == [("/range", 1, 0)]
            assert [(row.name, row.clicks, row.visitors) for row in asked.clicks(span, 9).rows] == [("Buy", 1, 0)]
            assert [(row.name, row.started, row.visitors) for row in asked.forms(span, 9).rows] == [("order", 1, 0)]


@pytest.mark.parametrize(
    "later",
    [
        sends(page("P1"), "V1", does("page.leave", "E9", engaged_ms=1), at=3 * DAY + MINUTE),
        confirm("C9", page("P1"), "V1", 3 * DAY + MINUTE, nav="bfcache"),
        visit("P9", "V1", 3 * DAY + MINUTE, came_back=True),
    ],
)
def test_whose_cookie_comes_after_all_was_a_visitor_on_every_day(engine, later):
    """A page that stays open: the answer to its first message brought the cookie, days pass before the next one."""
    made = does("page.visit", "E1", uri="https://shop.example/b")
    engine.append(*shows(1), sends(page("P1"), None, made, at=3 * DAY), *shows(2))
    days = [(-DAY, 2 * DAY), (2 * DAY, 5 * DAY), (-DAY, 5 * DAY)]
    assert [people(engine, *span) for span in days] == [(0, 2), (0, 1), (0, 2)]
    engine.append(later)
    assert [people(engine, *span) for span in days] == [(1, 1), (1, 0), (1, 1)]
    check_promises(engine)


def test_two_processes_agree_on_who_brought_it(engine):
    with engine.writer() as one, engine.writer() as other:
        one.append(shows(1))
        other.append(shows(2))
        assert people(engine) == (0, 2)
        other.append([sends(page("P1"), "V1", does("link.click", "E1", name="x"), at=MINUTE)])
        one.append([sends(page("P1"), "V1", does("link.click", "E2", name="x"), at=2 * MINUTE)])
        one.append([visit("P3", "V1", 3 * MINUTE, came_back=True)])
        assert people(engine) == (1, 1)
    check_promises(engine)


def test_a_twin_without_a_cookie_is_nobody_once_it_turned_out_to_be_somebody(engine):
    engine.append(*shows(1), *shows(2, cookie="V2"))
    assert people(engine) == (1, 1)
    engine.append(sends(page("P1"), "V2", does("link.click", "E1", name="x"), at=MINUTE))
    assert people(engine) == (1, 0)
    check_promises(engine)


def test_a_visitor_in_two_lanes_is_counted_in_each(engine):
    """Its cookie is not known to be kept, and an earlier page of it was seen by nobody."""
    engine.append(visit("P1", "V1"), *shows(2))
    engine.append(confirm("C9", page("P9", new=False), None, at=MINUTE, new="V1"))
    with engine.asked() as asked:
        totals = asked.lanes(T - DAY, T + DAY)
        assert [(row.visitors, row.cookieless) for row in totals] == [(0, 0), (1, 0), (0, 2)]
    check_promises(engine)


def test_whom_a_server_names_is_no_matter_of_cookies(engine):
    made = app("E1", at=0, told=0)
    engine.append(tells(made, at=0, customer=ANN), tells(app("E2", at=0, told=0), at=0, who="W"))
    engine.append(visit("P1", "A"), confirm("C1", page("P1"), "A")._replace(customer=ANN))
    # Another customer on the same browser: a visitor of its own, whose cookie is on its way.
    engine.append(sends(page("P1"), "A", does("link.click", "E3", name="x"), at=MINUTE)._replace(customer=BOB))
    with contextlib.closing(open_reader(engine.place)) as reader:
        assert not [proof for (proof,) in reader.execute("SELECT proof FROM visitor") if is_cookieless(proof)]
    # Who is known by a form alone is no better known to keep one.
    engine.append(visit("P2", "B"), confirm("C2", page("P2"))._replace(customer=BOB))
    # A, whom a page showed, and three whose sessions no page opened.
    assert people(engine) == (4, 1)


def test_of_an_imported_visitor_it_is_not_known_and_none_is_counted_beside(tmp_path):
    old, new = sqlite(tmp_path / "old.db"), sqlite(tmp_path / "new.db")
    old.append(*shows(1), *shows(2, cookie="V2"))
    assert people(old) == (1, 1)
    take(new, exported(old))
    assert people(new) == (2, 0)
    take(old, exported(new))  # nothing that is known changes
    assert people(old) == (1, 1)
    check_promises(new)


@QUICK
@given(report_walks.steps(), st.sets(st.integers(0, 13)), st.integers(1, 9), st.booleans())
def test_it_stays_true_while_visitors_are_erased_and_events_are_kept_no_longer(
    tmp_path_factory, walk, without, size, forgets
):
    """Of some pages nobody brings a cookie; then some visitors go, a few events at a time."""
    engine = sqlite(tmp_path_factory.mktemp("store") / "store.db")
    told, over = report_walks.items(walk)
    told = [item._replace(cookie=None) if _number_of(item) in without else item for item in told]
    kept = Retention() if forgets else Retention(2, {"page.visit": 1, "link.click": None})
    erased = Erased((b"a secret of thirty-two bytes....",))
    writer = SqliteWriter(engine.place, durability="process", rules=Rules(), retention=kept, erased=erased)
    with contextlib.closing(writer):
        for begin in range(0, len(told), size):
            writer.append(told[begin : begin + size])
        check_promises(engine)
        for uuid in {event.uuid for event in engine.events() if event.lane != "bot"} if forgets else ():
            writer.append([Forget(bytes.fromhex(uuid.replace("-", "")), T + over)])
            check_promises(engine)
        for days in range(0 if forgets else 4):
            tidy(writer, over + days * DAY)
            check_promises(engine, thinned=True)
    assert people(engine) == (0, 0)


def _number_of(item):
    return int(item.page.id.lstrip(b"\0")[1:]) if getattr(item, "page", None) is not None else None


def test_the_store_and_the_rule_say_the_same_of_every_proof(engine):
    engine.append(sweep(0))
    with contextlib.closing(sqlite3.connect(engine.place)) as raw:
        proofs = range(64)
        raw.executemany(
            "INSERT INTO visitor (id, uuid, proof) VALUES (?, ?, ?)", [(n + 1, ident(f"{n}"), n) for n in proofs]
        )
        found = {id - 1 for (id,) in raw.execute("SELECT id FROM cookieless")}
    assert found == set(filter(is_cookieless, proofs))


def test_in_a_store_of_format_7_customers_are_visitors_and_who_brought_no_cookie_is_counted_beside(tmp_path):
    old = tmp_path / "store.db"
    engine = sqlite(old)
    engine.append(*shows(1), *shows(2), *shows(3, cookie="V3"))
    with contextlib.closing(sqlite3.connect(old)) as raw:
        raw.execute("UPDATE visitor SET proof = proof | 8 WHERE id = 2")
        raw.execute("UPDATE presence SET lane = 2")  # as format 7 has counted them
        raw.execute("DELETE FROM cell WHERE lane = 3")
        raw.execute("DROP VIEW cookieless")
        raw.execute("DROP TABLE unheld")
        raw.execute("DROP TABLE staged")
        raw.execute("DROP TABLE sender")
        raw.execute("DROP INDEX customer_tied")
        raw.execute("ALTER TABLE customer DROP COLUMN tied")
        raw.execute("DROP INDEX session_open")
        raw.execute("ALTER TABLE session DROP COLUMN seen")
        raw.execute("CREATE INDEX session_open ON session (start) WHERE reason = 0")
        raw.execute("ALTER TABLE session DROP COLUMN device")
        raw.execute("ALTER TABLE session DROP COLUMN trouble")
        raw.execute("PRAGMA user_version = 7")
        raw.commit()
    engine.close()
    engine.append(sweep(MINUTE))
    assert people(engine) == (2, 1)
    check_promises(engine)
