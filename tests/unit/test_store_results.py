"""Conformance of a store, 7: what came of a form, whichever of its two halves comes first (EVENTS.md section 7)."""

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stories import (
    ENGINES,
    HOST,
    MINUTE,
    SECOND,
    Engine,
    T,
    check_promises,
    confirm,
    does,
    ident,
    page,
    sends,
    sweep,
    visit,
)
from taken import some

from proxy.events.kept import read_kept
from proxy.events.results import ANSWER_BEFORE_MS, ANSWER_WITHIN_MS, outcome_of
from proxy.store.base import FormAnswer, Item, Kept
from proxy.store.sqlite.handing import WAITING_MAX
from proxy.visitors.ids import result_id, text_of
from proxy.visitors.sessions import Rules

TO = f"https://{HOST}/login"


def submit(name: str, at: int, *, to: str = TO, form: str = "login", who: str = "A", late: int = 0) -> Item:
    event = does("form.submit", name, ago=late, form=form, fields={}, to=to)
    return sends(page("P1"), who, event, at=at + late)


def answer(at: int, status: int = 302, *, path: str = "/login", who: str = "A", **more: object) -> FormAnswer:
    return FormAnswer(ident(who), T + at, HOST, path, status, **more)  # type: ignore[arg-type]


def search(name: str, at: int, *, asks: str = "/search", who: str = "A", late: int = 0, on: str = "P1") -> Item:
    """A form that is sent by GET."""
    event = does("form.submit", name, ago=late, form="search", fields={}, asks=f"https://{HOST}{asks}")
    return sends(page(on), who, event, at=at + late)


def found(name: str, at: int, *, path: str = "/search", query: str = "?q=mugs", **more: object) -> Item:
    """The page that it asks for."""
    return visit(name, str(more.pop("who", "A")), at, path=path, query=query, came_back=True, **more)  # type: ignore[arg-type]


def results(engine: Engine) -> list[dict[str, object]]:
    return [event.to_export() for event in engine.events() if event.action == "form.result"]


@pytest.fixture
def there(engine) -> Engine:
    engine.append(visit("P1", "A"), confirm("C1", page("P1"), "A"))
    return engine


@pytest.mark.parametrize("order", ["submit first", "answer first"])
def test_the_two_halves_make_one_result_whichever_comes_first(there, order):
    told, seen = submit("E1", MINUTE), answer(MINUTE + 40, redirect=f"https://{HOST}/account")
    there.append(*((told, seen) if order == "submit first" else (seen, told)))
    (row,) = results(there)
    assert row["params"] == {
        "form": "login",
        "status": 302,
        "outcome": "accepted",
        "redirect": f"https://{HOST}/account",
    }
    assert (row["id"], row["time"]) == (text_of(result_id(ident("E1"))), T + MINUTE + 40)
    assert row["label"] == "The site's answer to login: accepted" and row["lane"] == "person"
    assert len({event.session for event in there.events()}) == 1
    there.append(told, submit("E1", MINUTE))
    assert len(results(there)) == 1
    check_promises(there)


@pytest.mark.parametrize(
    ("status", "shown", "outcome"),
    [
        (200, (), "accepted"),
        (200, ("search",), "accepted"),
        (200, ("search", "login"), "rejected"),
        (303, ("login",), "accepted"),
        (404, (), "rejected"),
        (422, ("login",), "rejected"),
        (500, (), "error"),
        (503, ("login",), "error"),
    ],
)
def test_the_outcome_is_the_sites_own_answer(there, status, shown, outcome):
    there.append(submit("E1", MINUTE), answer(MINUTE, status, forms=shown))
    assert [row["params"]["outcome"] for row in results(there)] == [outcome]
    assert outcome_of(status, "login", shown) == outcome


@pytest.mark.parametrize(
    ("told", "seen"),
    [
        (submit("E1", MINUTE, to=f"https://{HOST}/search"), answer(MINUTE)),
        (submit("E1", MINUTE, to="https://other.example/login"), answer(MINUTE)),
        (submit("E1", MINUTE, to="javascript:void(0)"), answer(MINUTE)),
        (submit("E1", MINUTE), answer(MINUTE + ANSWER_WITHIN_MS + 1)),
        (submit("E1", MINUTE), answer(MINUTE - ANSWER_BEFORE_MS - 1)),
        (submit("E1", MINUTE), answer(MINUTE, who="B")),
    ],
)
@pytest.mark.parametrize("order", ["submit first", "answer first"])
def test_an_answer_to_something_else_is_no_result(there, told, seen, order):
    there.append(visit("P2", "B"))
    there.append(*((told, seen) if order == "submit first" else (seen, told)))
    assert results(there) == []


@pytest.mark.parametrize(
    ("after", "joined"), [(-2_001, False), (-2_000, True), (0, True), (30_000, True), (30_001, False)]
)
@pytest.mark.parametrize("order", ["submit first", "answer first"])
def test_an_answer_comes_within_thirty_seconds(there, after, joined, order):
    """Or seems to be there a moment before the submission, which a browser tells."""
    told, seen = submit("E1", MINUTE), answer(MINUTE + after)
    there.append(*((told, seen) if order == "submit first" else (seen, told)))
    assert len(results(there)) == joined
    check_promises(there)


@pytest.mark.parametrize("together", [True, False], ids=["one batch", "two"])
@pytest.mark.parametrize("order", ["submit first", "answer first"])
def test_without_sessions_the_two_halves_make_one_result_as_well(engine, order, together):
    engine.append(visit("P1", "A"), confirm("C1", page("P1"), "A"), rules=None)
    told, seen = submit("E1", MINUTE), answer(MINUTE + 40)
    batch = (told, seen) if order == "submit first" else (seen, told)
    for items in (batch,) if together else ((one,) for one in batch):
        engine.append(*items, rules=None)
    engine.append(answer(MINUTE + 50), rules=None)
    assert [row["params"]["outcome"] for row in results(engine)] == ["accepted"]
    assert {event.session for event in engine.events()} == {None}
    check_promises(engine)


def test_each_submission_has_its_own_answer(there):
    batch = [submit("E1", MINUTE), answer(MINUTE + 10, 200, forms=("login",))]
    batch += [submit("E2", MINUTE + 5 * SECOND), answer(MINUTE + 5 * SECOND + 10, 302)]
    there.append(*batch)
    assert [row["params"]["outcome"] for row in results(there)] == ["rejected", "accepted"]
    check_promises(there)


def test_what_a_browser_tells_late_finds_its_answer(there):
    there.append(answer(MINUTE + 10, 302))
    there.append(submit("E1", MINUTE, late=10 * MINUTE))
    (row,) = results(there)
    assert (row["time"], row["received"]) == (T + MINUTE + 10, T + 11 * MINUTE)
    check_promises(there)


def test_answers_that_nothing_is_told_of_do_not_pile_up(there):
    there.append(*(answer(n * SECOND) for n in range(200)))
    there.append(answer(10 * MINUTE))
    there.append(submit("E1", 199 * SECOND))
    assert results(there) == []


def test_the_last_answer_of_a_site_does_not_wait_for_ever_either(there):
    there.append(answer(MINUTE + 10))
    there.append(sweep(MINUTE + 32 * MINUTE))
    there.append(submit("E1", MINUTE, late=29 * MINUTE))
    assert results(there) == []
    check_promises(there)


def test_whoever_posts_without_end_has_the_latest_answers_waiting(there):
    there.append(*(answer(MINUTE + n * 10, path=f"/{n}") for n in range(2 * WAITING_MAX)))
    there.append(*(submit(f"E{n}", MINUTE + n * 10, to=f"https://{HOST}/{n}") for n in range(2 * WAITING_MAX)))
    assert len(results(there)) == WAITING_MAX
    check_promises(there)


def test_a_result_outlives_an_export_and_its_import(there, tmp_path):
    there.append(submit("E1", MINUTE), answer(MINUTE + 10))
    exported = [json.loads(json.dumps(event.to_export())) for event in there.events()]
    other = ENGINES[there.name](tmp_path / "other.db")
    other.append(*(Kept(read_kept(one).event) for one in exported))
    assert results(other) == [{**row, "seq": results(other)[0]["seq"]} for row in results(there)]
    check_promises(other)
    other.close()


# Forms that are sent by GET ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("together", [True, False], ids=["one batch", "two processes"])
@pytest.mark.parametrize("order", ["submit first", "page first"])
@pytest.mark.parametrize("rules", [Rules(), None], ids=["sessions", "none"])
def test_the_page_that_a_form_asks_for_is_the_answer_to_it(engine, order, together, rules):
    engine.append(visit("P1", "A"), confirm("C1", page("P1"), "A"), rules=rules)
    told, seen = search("E1", MINUTE), found("P2", MINUTE + 40)
    first, second = (told, seen) if order == "submit first" else (seen, told)
    if together:
        engine.append(first, second, rules=rules)
    else:
        with engine.writer(rules) as other:
            other.append([first])
        engine.append(second, rules=rules)
    (row,) = results(engine)
    assert row["params"] == {"form": "search", "status": 200, "outcome": "accepted"}
    assert (row["id"], row["time"]) == (text_of(result_id(ident("E1"))), T + MINUTE + 40)
    assert row["page"] == text_of(ident("P1")) and len({event.session for event in engine.events()}) == 1
    engine.append(told, seen, found("P3", MINUTE + 50), confirm("C2", page("P2"), "A", MINUTE + 60), rules=rules)
    assert results(engine) == [row]
    check_promises(engine)


@pytest.mark.parametrize(
    ("status", "outcome"), [(200, "accepted"), (304, "accepted"), (404, "rejected"), (503, "error")]
)
def test_what_a_page_says_to_a_form_is_its_status(there, status, outcome):
    there.append(search("E1", MINUTE), found("P2", MINUTE, status=status))
    there.append(found("P3", 2 * MINUTE, status=status), search("E2", 2 * MINUTE))
    assert [row["params"] for row in results(there)] == [{"form": "search", "status": status, "outcome": outcome}] * 2
    check_promises(there)


def test_a_form_that_is_sent_elsewhere_by_the_site_has_been_taken(there):
    moved = answer(MINUTE + 9, 303, path="/search?", redirect=f"https://{HOST}/mugs")
    there.append(search("E1", MINUTE), moved)
    there.append(moved._replace(time=T + 2 * MINUTE), search("E2", 2 * MINUTE))
    params = {"form": "search", "status": 303, "outcome": "accepted", "redirect": f"https://{HOST}/mugs"}
    assert [row["params"] for row in results(there)] == [params, params]
    check_promises(there)


@pytest.mark.parametrize(
    ("told", "seen"),
    [
        (search("E1", MINUTE), found("P2", MINUTE, query="")),
        (search("E1", MINUTE), found("P2", MINUTE, path="/")),
        (search("E1", MINUTE), found("P2", MINUTE, facts=(("method", "POST"),))),
        (search("E1", MINUTE), found("P2", MINUTE, who="B")),
        (search("E1", MINUTE), found("P2", MINUTE + ANSWER_WITHIN_MS + 1)),
        (search("E1", MINUTE), found("P2", MINUTE - ANSWER_BEFORE_MS - 1)),
        (search("E1", MINUTE), answer(MINUTE, path="/search")),
        (submit("E1", MINUTE), answer(MINUTE, path="/login?")),
        (submit("E1", MINUTE), found("P2", MINUTE, path="/login")),
        (search("E1", MINUTE, asks="/search?x=1"), confirm("C2", page("P2", MINUTE, counted=False), "A", MINUTE)),
    ],
)
def test_another_page_is_no_answer_to_a_form(there, told, seen):
    there.append(visit("Q1", "B"))
    for batch in ((told, seen), (seen, told)):
        there.append(*batch)
        assert results(there) == []
    check_promises(there)


def test_the_page_that_a_form_is_on_is_no_answer_to_it_however_soon_it_is_sent(there):
    there.append(found("P2", MINUTE), found("P3", MINUTE + 500), search("E1", MINUTE + 900, on="P3"))
    assert results(there) == []
    there.append(found("P4", MINUTE + 950, query="?q=mugs&page=2"))
    assert [row["page"] for row in results(there)] == [text_of(ident("P3"))]
    check_promises(there)


def test_each_search_has_a_page_of_its_own(there):
    there.append(search("E1", MINUTE), search("E2", MINUTE + 100))
    there.append(found("P2", MINUTE + 200, status=404), found("P3", MINUTE + 300))
    there.append(found("P4", MINUTE + 400))
    assert [row["params"]["outcome"] for row in results(there)] == ["rejected", "accepted"]
    check_promises(there)


def test_a_search_of_somebody_who_turns_out_to_be_another_one_is_answered(there):
    there.append(visit("Q1", "B", MINUTE), search("E1", MINUTE + 10, who="B", on="Q1"))
    there.append(confirm("C2", page("Q1", MINUTE), "A", MINUTE + 20), found("P2", MINUTE + 30, who="A"))
    assert [row["uuid"] for row in results(there)] == [text_of(ident("A"))]
    check_promises(there)


def test_a_page_that_a_browser_told_of_first_is_an_answer_once_the_server_tells_of_it(there):
    there.append(
        search("E1", MINUTE), confirm("C2", page("P2", MINUTE), "A", MINUTE + 50, path="/search", query="?q=mugs")
    )
    assert results(there) == []
    there.append(found("P2", MINUTE + 40))
    assert [row["params"]["status"] for row in results(there)] == [200]
    check_promises(there)


def test_a_visitor_who_waits_for_no_answer_has_nothing_looked_for(there, tmp_path):
    """What a page costs that no form asked for: not one statement more."""
    asked: list[str] = []
    with there.writer() as writer:
        writer.append([search("E1", MINUTE), found("P2", MINUTE + 10)])
        writer._connection.set_trace_callback(asked.append)
        writer.append([found("P3", 2 * MINUTE)])  # after which it is known that nobody waits
        del asked[:]
        writer.append([found("P4", 3 * MINUTE)])
        with_query = len(asked)
        del asked[:]
        writer.append([found("P5", 4 * MINUTE, path="/", query="")])
        assert with_query <= len(asked) + 2, asked  # the address is new
        assert not [text for text in asked if "form_answer" in text]


# Any order, any number of processes ----------------------------------------------------------------------------------


@settings(deadline=None, max_examples=some(60))
@given(order=st.permutations(range(8)), elsewhere=st.lists(st.booleans(), min_size=8, max_size=8))
@pytest.mark.parametrize("name", sorted(ENGINES))
def test_any_order_over_two_processes_gives_each_submission_one_result(name, order, elsewhere):
    items: list[Item] = []
    for number, at in enumerate((0, 40, 80, 120)):
        where = f"/form{number % 2}"
        items.append(submit(f"E{number}", at * SECOND, to=f"https://{HOST}{where}"))
        items.append(answer(at * SECOND + 50, 200 + 100 * (number % 3), path=where))
    with tempfile.TemporaryDirectory() as folder:
        engine = ENGINES[name](Path(folder) / "store.db")
        try:
            engine.append(visit("P1", "A"), confirm("C1", page("P1"), "A"))
            with engine.writer() as other:
                for place, is_other in zip(order, elsewhere, strict=True):
                    if is_other:
                        other.append([items[place]])
                    else:
                        engine.append(items[place])
            found = {row["id"]: row["params"]["status"] for row in results(engine)}
            place_of = {item: place for place, item in enumerate(order)}
            for number in range(4):
                status = found.get(text_of(result_id(ident(f"E{number}"))))
                told, seen = place_of[2 * number], place_of[2 * number + 1]
                # An answer waits for a minute, by the answers that come after it.
                waited = any(seen < place_of[2 * later + 1] < told for later in range(number + 2, 4))
                assert status == 200 + 100 * (number % 3) or (status is None and waited)
            engine.append(sweep(60 * MINUTE))
            check_promises(engine)
        finally:
            engine.close()


@settings(deadline=None, max_examples=some(40))
@given(order=st.permutations(range(8)), elsewhere=st.lists(st.booleans(), min_size=8, max_size=8))
@pytest.mark.parametrize("name", sorted(ENGINES))
def test_any_order_over_two_processes_gives_each_search_its_page(name, order, elsewhere):
    items: list[Item] = []
    for number, at in enumerate((0, 40, 80, 120)):
        where = f"/form{number % 2}"
        items.append(search(f"E{number}", at * SECOND, asks=where))
        items.append(found(f"Q{number}", at * SECOND + 50, path=where, status=200 + 100 * (number % 3)))
    with tempfile.TemporaryDirectory() as folder:
        engine = ENGINES[name](Path(folder) / "store.db")
        try:
            engine.append(visit("P1", "A"), confirm("C1", page("P1"), "A"))
            with engine.writer() as other:
                for place, is_other in zip(order, elsewhere, strict=True):
                    if is_other:
                        other.append([items[place]])
                    else:
                        engine.append(items[place])
            told = {row["id"]: row["params"]["status"] for row in results(engine)}
            place_of = {item: place for place, item in enumerate(order)}
            for number in range(4):
                status = told.get(text_of(result_id(ident(f"E{number}"))))
                submitted, seen = place_of[2 * number], place_of[2 * number + 1]
                # A submission waits for a minute, by the pages that come after it.
                waited = any(submitted < place_of[2 * later + 1] < seen for later in range(number + 2, 4))
                assert status == 200 + 100 * (number % 3) or (status is None and waited)
            engine.append(sweep(60 * MINUTE))
            check_promises(engine)
        finally:
            engine.close()
