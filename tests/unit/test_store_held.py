"""What a store tells a visitor of what is held: the same as its export, at a price that does not grow with it."""

import contextlib

import pytest
from stories import DAY, HOUR, MINUTE, SECOND, Engine, T, confirm, does, ident, opt_out, page, sends, visit

from proxy.store.base import Forget, Query, StoreError
from proxy.store.questions import Late
from proxy.store.questions.held import Held
from proxy.store.sqlite.held import LOOSE_COUNTED, SqliteHeld
from proxy.store.sqlite.writer import SqliteWriter
from proxy.visitors.erased import Erased
from proxy.visitors.ids import text_of
from proxy.visitors.sessions import Rules

ANN = (b"ann-now".rjust(16), b"ann-old".rjust(16))


def held(engine: Engine, who: str, latest: int = 50) -> Held:
    with contextlib.closing(SqliteHeld(engine.place)) as reader:
        return reader.held(ident(who), latest)


def agrees(engine: Engine, who: str) -> Held:
    """What is told is what the export has."""
    found = held(engine, who, 1_000)
    with engine.reader() as reader:
        events = list(reader.export(Query(visitor=ident(who))))
    acts = [event for event in events if not event.action.startswith("session.")]
    assert found.views == sum(event.action == "page.visit" for event in acts)
    assert found.others == len(acts) - found.views
    assert found.sessions == len({event.session for event in events if event.session is not None})
    assert found.since == min((event.time for event in events), default=None)
    assert list(found.latest) == sorted(events, key=lambda event: (event.time, event.seq), reverse=True)
    assert not found.is_more
    return found


def test_nobody_has_nothing(engine):
    engine.append(visit("P1", "A"))
    assert held(engine, "B") == Held()


def test_sessions_page_views_and_other_events_are_told_and_nobody_elses(engine):
    engine.append(visit("P1", "A"), confirm("C1", page("P1"), "A", title="Home"))
    engine.append(sends(page("P1"), "A", does("link.click", "E1", name="On"), at=SECOND))
    engine.append(visit("P2", "A", MINUTE, path="/two", came_back=True), visit("Q1", "B", MINUTE))
    engine.append(visit("P3", "A", 2 * DAY, came_back=True), opt_out("A", 2 * DAY + SECOND))
    found = agrees(engine, "A")
    assert (found.sessions, found.views, found.others, found.since, found.is_customer) == (2, 3, 1, T, False)
    assert {event.uuid for event in found.latest} == {text_of(ident("A"))}
    assert agrees(engine, "B").views == 1


def test_the_latest_come_first_whatever_session_they_are_of(engine):
    for number in range(6):
        engine.append(visit(f"P{number}", "A", number * 2 * HOUR, path=f"/{number}", came_back=True))
    found = held(engine, "A", 4)
    assert [event.time for event in found.latest] == sorted((event.time for event in found.latest), reverse=True)
    assert [event.action for event in found.latest][:2] == ["page.visit", "session.start"]
    assert len(found.latest) == 4 and found.views == 6
    assert held(engine, "A", 1_000).latest[:1] == found.latest[:1]


def test_a_twin_is_answered_for_whom_it_turned_out_to_be(engine):
    engine.append(visit("P1", "A"), visit("P2", "B"), confirm("C2", page("P2"), "A", SECOND))
    assert held(engine, "A") == held(engine, "B")
    assert agrees(engine, "A").views == 2


def test_a_customer_is_told_that_they_are_known_and_nothing_else_of_it(engine):
    engine.append(visit("P1", "A"), confirm("C1", page("P1"), "A"), visit("P2", "B"))
    engine.append(sends(page("P1"), "A", at=SECOND)._replace(customer=ANN, customer_from=T))
    found = agrees(engine, "A")
    assert found.is_customer and not held(engine, "B").is_customer
    assert ANN[0].hex() not in repr(found) and repr(ANN[0]) not in repr(found)


def test_a_crawler_is_no_visitor(engine):
    engine.append(visit("P1", "A", bot=True))
    assert held(engine, "A") == Held(is_crawler=True)


def test_of_who_was_erased_nothing_is_told(engine):
    erased = Erased((b"a secret of thirty-two bytes....",))
    with contextlib.closing(SqliteWriter(engine.place, durability="process", rules=Rules(), erased=erased)) as writer:
        writer.append([visit("P1", "A"), confirm("C1", page("P1"), "A")])
        assert held(engine, "A").views == 1
        writer.append([Forget(ident("A"), T + MINUTE)])
    assert held(engine, "A") == Held()


def test_events_outside_any_session_are_told_too_and_counted_up_to_a_limit(engine):
    with engine.writer(rules=None) as writer:
        writer.append([visit(f"P{number:06}", "A", number, came_back=True) for number in range(3)])
        found = agrees(engine, "A")
        assert (found.sessions, found.views, found.others) == (0, 3, 0)
        for start in range(3, LOOSE_COUNTED + 10, 1_000):
            numbers = range(start, min(start + 1_000, LOOSE_COUNTED + 10))
            writer.append([visit(f"P{number:06}", "A", number, came_back=True) for number in numbers])
    found = held(engine, "A")
    assert found.is_more and found.views == LOOSE_COUNTED and len(found.latest) == 50


def test_what_it_costs_does_not_grow_with_what_is_held(engine):
    """Two thousand page views cost what two cost: counted by SQLite's own steps, not by a clock."""
    with engine.writer() as writer:
        writer.append([visit("P0", "A"), visit("Q0", "B")])
        writer.append([visit(f"P{number:05}", "A", number * SECOND, came_back=True) for number in range(1, 2_000)])
        writer.append([visit("Q1", "B", SECOND, came_back=True)])
    steps = {}
    for who in "AB":
        with contextlib.closing(SqliteHeld(engine.place)) as reader:
            taken = []
            reader._connection.set_progress_handler(lambda taken=taken: taken.append(1) and None, 10)
            assert reader.held(ident(who), 2).views == (2_000 if who == "A" else 2)
            steps[who] = len(taken)
    assert steps["A"] < 1.5 * steps["B"]


def test_a_question_that_takes_too_long_is_late(engine):
    engine.append(visit("P1", "A"))
    with contextlib.closing(SqliteHeld(engine.place, question_seconds=-1)) as reader, pytest.raises(Late):
        reader.held(ident("A"), 50)


def test_where_there_is_no_store_it_says_so(tmp_path):
    with pytest.raises(StoreError):
        SqliteHeld(tmp_path / "none.db")
