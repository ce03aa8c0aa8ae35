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

from proxy.events.kept import read_kept
from proxy.events.results import ANSWER_BEFORE_MS, ANSWER_WITHIN_MS, outcome_of
from proxy.store.base import FormAnswer, Item, Kept
from proxy.store.sqlite.results import WAITING_MAX
from proxy.visitors.ids import result_id, text_of

TO = f"https://{HOST}/login"


def submit(name: str, at: int, *, to: str = TO, form: str = "login", who: str = "A", late: int = 0) -> Item:
    event = does("form.submit", name, ago=late, form=form, fields={}, to=to)
    return sends(page("P1"), who, event, at=at + late)


def answer(at: int, status: int = 302, *, path: str = "/login", who: str = "A", **more: object) -> FormAnswer:
    return FormAnswer(ident(who), T + at, HOST, path, status, **more)  # type: ignore[arg-type]


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


@settings(deadline=None, max_examples=60)
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
