"""Conformance of a store, 4: whatever happens, in whatever order and processes, it holds what the model says."""

import contextlib
import functools
import itertools
import tempfile
from collections import Counter
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import report_recount as recount
from counts import check_counts
from histories import histories
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st
from model import Model
from stories import (
    DAY,
    ENGINES,
    HOST,
    HOUR,
    MINUTE,
    SECOND,
    T,
    clock,
    confirm,
    does,
    holds,
    page,
    sends,
    sweep,
    visit,
)
from taken import some

from proxy.report.ranges import range_of
from proxy.store.base import Confirmation, Query, Visit
from proxy.visitors.ids import text_of

EVERY = pytest.mark.parametrize("make", [ENGINES[name] for name in sorted(ENGINES)])
QUICK = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
SIZES = st.lists(st.integers(1, 9), min_size=1, max_size=12)
"""Items of a batch, over and over,"""
TURNS = st.sampled_from(("0", "01", "00011"))
"""and which of two processes writes it: one that goes on by itself remembers more than one that hears of the other."""
WARSAW = ZoneInfo("Europe/Warsaw")
BACK_TO_WINTER = round(datetime(2023, 10, 29, 1, 30, tzinfo=WARSAW).timestamp()) * 1000 - T
"""Half an hour before the hour that comes twice: this night has 25 of them."""
RARE = dict.fromkeys(("304 paired", "session moves"), 3)
OFTEN = dict.fromkeys(
    (
        *("CONFIRM", "HEAL", "SHOW_AGAIN", "SHOW_UNCOUNTED", "healed page completed"),
        *("merge", "sessions become one", "one of them had ended", "cookie proves"),
        *("no cookie", "cookie after all"),
        *(
            "late",
            "late opener",
            "nowhere",
            "repeat",
            "cause after its effect",
            "cause before its effect",
            "session goes on after its end",
            "judged hover",
            "session of an app",
        ),
    ),
    10,
)
"""In how many of 250 histories a case has to come up, or the generator no longer looks where it hurts."""


def is_mark(event) -> bool:
    return event["action"] in ("session.start", "session.end")


def held(engine) -> dict[str, dict]:
    """What an engine exports, by id and without what is its own to choose: seq, the ids of sessions and their marks."""
    marks = engine.marks(engine.place)
    rows = [{key: value for key, value in marks.put(event).items() if key != "label"} for event in engine.events()]
    names: dict[str, str] = {}
    for row in rows:
        if "session" in row and not is_mark(row):
            names[row["session"]] = min(row["id"], names.get(row["session"], row["id"]))
    for row in rows:
        if "session" in row:
            row["session"] = names[row["session"]]
            row["id"] = f"{row['action']} of {row['session']}" if is_mark(row) else row["id"]
    assert len({row["id"] for row in rows}) == len(rows)
    return {row["id"]: row for row in rows}


def comparable(rows: dict[str, dict]) -> dict[tuple[str, str], object]:
    """Cell by cell."""
    return {(name, key): value for name, row in rows.items() for key, value in row.items() if key != "seq"}


def compare(engine, model: Model) -> None:
    found, expected = comparable(held(engine)), comparable({row["id"]: row for row in model.exported()})
    differing = sorted(cell for cell in found.keys() | expected.keys() if found.get(cell) != expected.get(cell))
    assert not differing, "\n".join(f"{c}: holds {found.get(c)}, expected {expected.get(c)}" for c in differing)


def play(engine, items, sizes, turns="01") -> Model:
    """Two processes take turns with batches, or one does all; after each one everything is as the model says, also what
    was answered."""
    model, left, newest = Model(), list(items), 0
    note("\n".join(map(told, items)))
    with engine.writer() as one, engine.writer() as other:
        for size, turn in zip(itertools.cycle(sizes), itertools.cycle(turns), strict=False):
            if not left:
                break
            number, batch, left = len(model.events), left[:size], left[size:]
            answers = [model.apply(item) for item in batch]
            assert (one, other)[int(turn)].append(batch) == answers
            compare(engine, model)
            after = [row for row in held(engine).values() if row["seq"] > newest]
            assert {row["id"] for row in after if not is_mark(row)} == {
                text_of(one.id) for one in model.events[number:]
            }
            newest = max((row["seq"] for row in after), default=newest)
    check_that_starts_come_first(held(engine))
    return model


def check_that_starts_come_first(rows: dict[str, dict]) -> None:
    """Ties in time are ordered by seq: a session.start sorts before the event that opened it (EVENTS.md section 1)."""
    starts = {row["session"]: row for row in rows.values() if row["action"] == "session.start"}
    for row in rows.values():
        if "session" in row and not is_mark(row):
            start = starts[row["session"]]
            assert (start["time"], start["seq"]) < (row["time"], row["seq"])


def told(item) -> str:
    """An item as a line of a story."""
    name = lambda raw: "-" if raw is None else raw.lstrip(b"\0").decode()  # noqa: E731
    when = clock(next(getattr(item, key) for key in ("received", "time", "now") if hasattr(item, key)) - T)
    if isinstance(item, Visit):
        marks = "back " * item.cookie_came_back + "bot " * item.bot + str(dict(item.facts)["status"])
        return f"{when:>10} visit {name(item.id)} of {name(item.uuid)} {item.path} {marks} from {item.referrer}"
    if not isinstance(item, Confirmation):
        return f"{when:>10} {type(item).__name__} {name(getattr(item, 'uuid', None))}"
    acts = [f"{one.action} {name(one.id)} on {name(one.view)} ago {one.ago_ms} {one.params}" for one in item.events]
    whose = f"cookie {name(item.cookie)} new {name(item.new_uuid)} on {item.page}"
    return f"{when:>10} confirm {name(item.id)} {whose} {item.uri} {item.title!r} {item.nav} {item.referrer} {acts}"


@contextlib.contextmanager
def empty(make):
    with tempfile.TemporaryDirectory() as folder:
        yield make(Path(folder) / "store.db")


@EVERY
@settings(QUICK, max_examples=some(100))
@given(histories(), SIZES, TURNS)
def test_it_holds_what_the_model_says(make, items, sizes, turns):
    with empty(make) as engine:
        play(engine, items, sizes, turns)


@EVERY
@settings(QUICK, max_examples=some(25))
@given(histories(clock_back=True), SIZES)
def test_it_does_also_when_the_clock_is_set_back_an_hour(make, items, sizes):
    with empty(make) as engine:
        play(engine, items, sizes)


def counted(engine, model: Model, now: int) -> None:
    """What the report asks, of the whole and of a part, in days of Warsaw."""
    edges = range_of("7d", now + DAY, WARSAW).edges
    middle = sorted(held.time for held in model.events)[len(model.events) // 2] if model.events else now
    events = model.exported()
    with engine.asked() as asked:
        check_counts(asked, events, [(0, 2**60), (middle - MINUTE, middle + 10 * MINUTE)], edges, HOST)


@EVERY
@settings(QUICK, max_examples=some(30))
@given(histories(), SIZES, TURNS)
def test_the_report_counts_what_the_model_holds(make, items, sizes, turns):
    with empty(make) as engine:
        counted(engine, play(engine, items, sizes, turns), T)


@EVERY
@settings(QUICK, max_examples=some(15))
@given(histories(start=BACK_TO_WINTER), SIZES)
def test_it_does_also_in_the_night_that_has_25_hours(make, items, sizes):
    with empty(make) as engine:
        counted(engine, play(engine, items, sizes), T + BACK_TO_WINTER)


def test_what_is_told_is_what_hurts():
    met: Counter = Counter()

    @settings(QUICK, max_examples=250, derandomize=True, database=None, phases=[Phase.generate])
    @given(histories())
    def tell(items):
        model = Model()
        for item in items:
            model.apply(item)
        met.update(case for case, times in model.cases.items() if times)

    tell()
    wanted = {**OFTEN, **RARE}
    assert {case: met[case] for case, least in wanted.items() if met[case] < least} == {}, met


# Counted by hand ------------------------------------------------------------------------------------------------------


def test_paths_through_the_site_are_counted_from_the_models_events():
    model = Model()
    for number, (who, path) in enumerate((("A", "/"), ("A", "/a"), ("A", "/a"), ("B", "/"), ("A", "/"), ("A", "/a"))):
        model.apply(visit(f"P{number}", who, number * MINUTE, path=path, came_back=True))
    rows, ever = model.exported(), (0, 2**60, "person")
    home, other = (HOST, "/"), (HOST, "/a")
    assert recount.totals(rows, ever)["bounces"] == 1
    assert {page: row[4] for page, row in recount.pages(rows, ever).items()} == {home: 1, other: 1}
    assert [recount.next_pages(rows, ever, here) for here in (home, other)] == [{other: 2}, {home: 1}]


# What histories have found --------------------------------------------------------------------------------------------


def test_the_last_page_of_a_session_is_the_latest_whenever_it_comes(engine):
    engine.append(
        visit("P1", "A", path="/a"), sends(page("P1"), "A", does("link.click", "E1", name="x"), at=10 * MINUTE)
    )
    engine.append(visit("P2", "A", 5 * MINUTE, path="/b", came_back=True), sweep(DAY))
    holds(engine, "action  uri\n session.end  https://shop.example/b", Query(action="session.end"))


def test_the_last_page_of_two_sessions_that_become_one_is_the_later_page(engine):
    engine.append(visit("P1", "A", path="/a"), visit("P2", "B", 5 * MINUTE, path="/b"))
    engine.append(sends(page("P1"), None, does("link.click", "E1", name="x"), at=10 * MINUTE))
    engine.append(confirm(None, page("P1"), "B", 11 * MINUTE), sweep(DAY))
    holds(engine, "action  uri\n session.end  https://shop.example/b", Query(action="session.end"))


def test_a_session_in_which_somebody_did_something_is_a_persons_also_when_that_comes_late(engine):
    click = functools.partial(does, "link.click", name="Buy")
    engine.append(visit("P1", "A"), sends(page("P1"), None, click("E1"), at=31 * MINUTE))
    engine.append(sends(page("P1"), None, click("E2", ago=10 * MINUTE), at=32 * MINUTE))
    assert [event.lane for event in engine.events(Query(action="session.start"))] == ["person", "person"]


def test_a_304_is_paired_also_when_the_clock_was_set_back(engine):
    engine.append(visit("P1", "A", path="/a"), confirm("C1", page("P1"), "A", 1, path="/a"))
    engine.append(visit("P2", "A", -HOUR, path="/a", status=304, came_back=True))
    engine.append(confirm("C2", page("P1"), "A", SECOND - HOUR, path="/a", nav="reload"))
    holds(engine, "action  id  nav\n page.visit  P1  navigate\n page.visit  P2  reload", Query(action="page.visit"))
