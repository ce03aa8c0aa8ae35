"""Conformance of a store, 6: what one process remembers from batch to batch is what another one would read.

Each story is told twice, by a process that goes on and by a new one for every batch; what the store holds is the same,
and counted as its rows say.
"""

import contextlib
import itertools

import pytest
from stories import DAY, ENGINES, HOUR, MINUTE, SECOND, T, confirm, does, ident, opt_out, page, sends, sweep, visit

from proxy.store.base import Query, Retention, Tidy
from proxy.store.sqlite import remembered
from proxy.visitors.ids import text_of

P1, P2 = page("P1"), page("P2")
LONG = 40 * DAY


def pages(who: str, prefix: str, times, **how):
    return [visit(f"{prefix}{n}", who, at, path=f"/{n % 5}", came_back=True, **how) for n, at in enumerate(times)]


STORIES = {
    "pages in any order": [
        pages("A", "P", range(0, 40 * SECOND, SECOND)),
        pages("A", "L", [30_500, 20_500, 39_500, 500]),  # among the last pages, before them, first of all
        pages("A", "M", [30_600, 30_400, 41_000]),
    ],
    "two sessions turn out to be one, and a page comes late": [
        [visit("P1", "A", path="/1"), visit("P2", "B", 10 * SECOND, path="/2", came_back=True)],
        [visit("P3", "A", 20 * SECOND, path="/3"), visit("P4", "B", 30 * SECOND, path="/4", came_back=True)],
        [confirm("C1", P1, "B", 31 * SECOND, path="/1")],
        [visit("P5", "B", 15 * SECOND, path="/5", came_back=True)],
        [visit("P6", "A", 25 * SECOND, path="/6"), visit("P7", "B", 5 * SECOND, path="/7", came_back=True)],
    ],
    "a twin of a twin": [
        [visit("P1", "A"), visit("P2", "B", 1, path="/b"), visit("P3", "C", 2, path="/c")],
        [confirm("C1", P1, "B", SECOND)],
        [confirm("C2", P2, "C", 2 * SECOND, path="/b")],
        [visit("P4", "A", MINUTE, path="/d", came_back=True)],
        [visit("P5", "B", MINUTE + 1, path="/e", came_back=True)],
    ],
    "a browser tells of a page before the server": [
        [visit("P1", "A", came_back=True)],
        [confirm("C2", P2, "A", MINUTE, path="/b", title="B")],
        [visit("P2", "A", MINUTE - SECOND, path="/b", came_back=True), visit("P3", "A", MINUTE, came_back=True)],
        [visit("P3", "A", MINUTE, came_back=True), visit("P4", "A", MINUTE + 1, came_back=True)],
    ],
    "sessions end, and are gone on with": [
        pages("A", "P", [0, SECOND]) + pages("B", "Q", [0]),
        [sweep(HOUR)],
        pages("A", "R", [2 * SECOND]),  # late
        [opt_out("B", 3 * SECOND)],
        pages("B", "S", [4 * SECOND]) + pages("A", "T", [2 * HOUR]),
        [sends(page("P0"), "A", does("link.click", "E1", name="Buy"), at=2 * HOUR + SECOND)],
    ],
    "a page turns out to be a person's": [
        [visit("P1", "A", path="/1"), visit("P2", "A", SECOND, path="/2")],
        [visit("P3", "A", 2 * SECOND, path="/3", came_back=True)],
        [confirm("C1", P1, "A", 3 * SECOND, path="/1", query="a=1")],
        [visit("P4", "A", SECOND + 1, path="/4", came_back=True)],
    ],
    "what is old is cleared away, but for texts that come again": [
        pages("A", "P", range(0, 5 * SECOND, SECOND)),
        pages("B", "Q", [LONG - MINUTE]),
        *itertools.chain.from_iterable(
            ([Tidy(T + LONG + n * MINUTE)], [visit(f"R{n}", "B", LONG + n * MINUTE, path=f"/{n % 5}", came_back=True)])
            for n in range(20)
        ),
    ],
}


def told(engine, batches, *, anew: bool):
    kept = Retention(days=30)
    with contextlib.ExitStack() as open_ones:
        writer = open_ones.enter_context(engine.writer(kept=kept))
        for batch in batches:
            if anew:
                open_ones.close()
                writer = open_ones.enter_context(engine.writer(kept=kept))
            writer.append(batch)
    assert engine.recount(engine.place) == []
    return engine.events(Query())


@pytest.mark.parametrize("make", [ENGINES[name] for name in sorted(ENGINES)])
@pytest.mark.parametrize("story", STORIES)
def test_who_remembers_knows_what_others_read(make, story, tmp_path):
    batches = STORIES[story]
    remembered = told(make(tmp_path / "one.db"), batches, anew=False)
    assert remembered == told(make(tmp_path / "each.db"), batches, anew=True)
    assert remembered


@pytest.mark.parametrize("make", [ENGINES[name] for name in sorted(ENGINES)])
def test_what_another_process_writes_is_heard_of(make, tmp_path):
    engine = make(tmp_path / "store.db")
    with engine.writer() as one, engine.writer() as other:
        for number, writer in zip(range(30), itertools.cycle((one, one, other)), strict=False):
            writer.append(pages("A", f"P{number}", [number * SECOND, number * SECOND - 5_500]))
    assert engine.recount(engine.place) == []
    ends = {event.session for event in engine.events(Query()) if event.action == "page.visit"}
    assert len(ends) == 1


def test_what_happened_in_the_first_minutes_of_1970_is_found(engine):
    """A machine without a battery for its clock begins there, and so may an export."""
    engine.append(visit("P1", "A", SECOND - T))
    assert engine.recount(engine.place) == []


@pytest.mark.parametrize(
    "late",
    [
        confirm("C1", P1, "A", 2 * MINUTE, title="Home"),
        sends(P1, "A", does("page.leave", "E1", engaged_ms=500), at=2 * MINUTE),
    ],
)
def test_a_page_that_was_read_again_is_remembered_as_it_is_now(engine, monkeypatch, late):
    """Its visitor was forgotten, and comes back on another page, which makes all its pages a person's."""
    monkeypatch.setattr(remembered, "VISITORS", 4)
    with engine.writer() as writer:
        writer.append([visit("P1", "A")])
        for n in range(5):
            writer.append([visit(f"Q{n}", f"V{n}", n)])
        writer.append([visit("P2", "A", MINUTE, path="/x", came_back=True)])
        writer.append([late])
    assert engine.recount(engine.place) == []
    assert {event.lane for event in engine.events() if event.uuid == text_of(ident("A"))} == {"person"}


def test_an_id_that_the_store_has_forgotten_is_not_remembered(tmp_path):
    """It is read once more with its visitor, ten days later, and names no page any more."""
    batches = [
        [visit("P1", "A")],
        *[[Tidy(T + 10 * DAY + 100 * n)] for n in range(40)],
        [visit("P9", "A", 10 * DAY + MINUTE, path="/x", came_back=True)],
        [confirm("C1", P1, "A", 10 * DAY + 2 * MINUTE, title="Old")],
    ]
    make = ENGINES["sqlite"]
    assert told(make(tmp_path / "one.db"), batches, anew=False) == told(make(tmp_path / "each.db"), batches, anew=True)
