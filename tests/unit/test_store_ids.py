"""Conformance of a store, 9: an id is that of the first that was stored under it, whoever made it up (EVENTS.md 1)."""

import pytest
from stories import MINUTE, SECOND, T, check_promises, confirm, does, ident, page, sends, sweep, visit
from test_store_results import answer, results, submit

from proxy.events.catalogue import Rejection
from proxy.events.incoming import read_event
from proxy.store.base import Confirmation, Query, Refusal
from proxy.visitors.ids import result_id, session_end_id, text_of

P1 = page("P1")


def refuses(*ids: bytes, who: str = "A", at: int = SECOND) -> Confirmation:
    told = tuple(Refusal("a.b", "undefined_action", "action", known, ident("P1")) for known in ids)
    return sends(P1, who, at=at)._replace(refusals=told)


def click(known: bytes):
    return read_event({"id": text_of(known), "action": "link.click", "params": {"name": "Buy"}}).event


def clicks(engine) -> list[str]:
    return [event.id for event in engine.events(Query(action="link.click"))]


@pytest.mark.parametrize("together", [True, False], ids=["one batch", "two"])
def test_what_was_refused_and_comes_again_right_is_kept_once(engine, together):
    engine.append(visit("P1", "A"))
    bad, good = refuses(ident("E1")), sends(P1, "A", click(ident("E1")), at=2 * SECOND)
    for items in ((bad, good),) if together else ((bad,), (good,)):
        engine.append(*items)
    assert clicks(engine) == [text_of(ident("E1"))]
    engine.append(good, bad)
    engine.append(refuses(ident("E1"), at=3 * SECOND), good)
    assert clicks(engine) == [text_of(ident("E1"))]
    with engine.asked() as asked:
        assert len(asked.refused(T, T + MINUTE, 9).rows) == 1
    check_promises(engine)


def test_a_refused_id_is_not_that_of_a_confirmation_or_a_visit(engine):
    engine.append(visit("P0", "A"), refuses(ident("C1"), ident("P2")))
    engine.append(visit("P1", "A", SECOND, path="/a", came_back=True), visit("P2", "A", SECOND, came_back=True))
    (done,) = engine.append(confirm("C1", P1, "A", 2 * SECOND, path="/a", title="A"))
    assert not done.repeated
    views = {event.id: event.params.get("title") for event in engine.events(Query(action="page.visit"))}
    assert views == {text_of(ident(one)): title for one, title in (("P0", None), ("P1", "A"), ("P2", None))}
    check_promises(engine)


def test_who_makes_up_the_id_of_an_end_or_a_result_keeps_neither_from_being_written(engine):
    engine.append(visit("P1", "A"))
    session = bytes.fromhex(str(engine.events()[0].session).replace("-", ""))
    engine.append(refuses(session_end_id(session), result_id(ident("E1"))))
    engine.append(submit("E1", MINUTE), answer(MINUTE), sweep(99 * MINUTE))
    assert len(results(engine)) == 1
    assert [event.id for event in engine.events(Query(action="session.end"))] == [text_of(session_end_id(session))]
    check_promises(engine)


def test_no_browser_can_make_the_id_of_a_session(engine):
    engine.append(visit("P1", "A"), sends(P1, "B", does("banner.click", "E1", name="Sale"), at=MINUTE))
    for event in engine.events(Query(action="session.start")):
        assert bytes.fromhex(event.id.replace("-", ""))[:6] == event.time.to_bytes(6, "big")
        with pytest.raises(Rejection, match="only the server makes such ids"):
            click(bytes.fromhex(event.id.replace("-", "")))


def test_two_visitors_whose_first_events_are_nearly_of_one_id_have_two_sessions(engine):
    one = bytes.fromhex("0188b4d67c007000800000000000abcd")
    other = bytes.fromhex("0188b4d67c01") + one[6:]
    engine.append(sends(P1, "A", click(one), at=SECOND), sends(P1, "B", click(other), at=SECOND))
    engine.append(sweep(99 * MINUTE))
    assert len({event.id for event in engine.events(Query(action="session.start"))}) == 2
    assert len({event.id for event in engine.events(Query(action="session.end"))}) == 2
    check_promises(engine)
