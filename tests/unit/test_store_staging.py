"""Visits that come thick and fast: stored as they came, entered many at once, and once, whoever is killed between."""

import contextlib
import itertools
import pickle
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import fields
from enum import IntEnum
from pathlib import Path

import pytest
from stories import (
    HOST,
    SECOND,
    Engine,
    T,
    check_promises,
    confirm,
    exported,
    ident,
    name_of,
    page,
    sqlite,
    sweep,
    tidy,
    visit,
)
from takers import SECRETS

from proxy.store.base import VISIT_VALUES, Confirmed, Forget, Forgotten, Item, Query, StoreUnavailable, Visit
from proxy.store.sqlite import staging
from proxy.store.sqlite.staging import BUSY_ITEMS, CALM_ITEMS, ENTER_SECONDS, STAGED_VISITS, WINDOW_SECONDS, Staging
from proxy.store.sqlite.writer import SqliteWriter
from proxy.visitors.erased import Erased
from proxy.visitors.ids import parse_uuid
from proxy.visitors.sessions import Rules

PATIENCE_SECONDS = 10.0
STEP = 0.005


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def some(number: int) -> list[Item]:
    return [visit(f"V{n}", "A", n) for n in range(number)]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def engine(tmp_path) -> Iterator[Engine]:
    engine = sqlite(tmp_path / "store.db")
    yield engine
    engine.close()


def staging_writer(place: Path) -> SqliteWriter:
    return SqliteWriter(place, durability="process", rules=Rules(), fresh_cells=40, stages=True, erased=Erased(SECRETS))


def staged(place: Path) -> int:
    with contextlib.closing(sqlite3.connect(place)) as raw:
        return int(raw.execute("SELECT count(*) FROM staged").fetchone()[0])


def busy(writer: SqliteWriter, place: Path, first: str = "W") -> list[str]:
    """Appends until something is staged; the names of all visits."""
    until, names = time.monotonic() + PATIENCE_SECONDS, []
    while time.monotonic() < until:
        batch = [f"{first}{len(names) + n}" for n in range(40)]
        names += batch
        assert writer.append([visit(name, name[-1], len(names)) for name in batch]) == [None] * len(batch)
        if staged(place):
            return names
    raise AssertionError("nothing is staged")


def stage(writer: SqliteWriter, batch: Sequence[Item], place: Path) -> None:
    """Stages these, be there a load or not."""
    writer._staging._enter_at, writer._staging._windows = time.monotonic() + PATIENCE_SECONDS, 2
    writer._staging._since = time.monotonic()
    before = staged(place)
    assert writer.append(batch) == [None] * len(batch)
    assert staged(place) == before + 1


def entered(engine: Engine) -> list[str]:
    return [name_of(event.id) for event in engine.events(Query(action="page.visit"))]


# When ----------------------------------------------------------------------------------------------------------------


def taken(clock: Clock, sizes: Sequence[int]) -> list[bool]:
    """Whether batches are staged that come every STEP seconds; each that is not is entered."""
    stage = Staging(lambda *_: None, clock)
    stage.entered()
    said = []
    for size in sizes:
        clock.now += STEP
        said.append(stage.takes(some(size)))
        if said[-1]:
            stage.put(some(size), lambda *_: None)
        else:
            stage.entered()
    return said


def under_load(clock: Clock) -> Staging:
    stage = Staging(lambda *_: None, clock)
    for _ in range(20):
        clock.now += STEP
        stage.takes(some(20))
    stage.entered()
    return stage


def test_where_little_comes_nothing_is_staged(clock):
    few = BUSY_ITEMS * STEP / WINDOW_SECONDS / 2
    assert not any(taken(clock, [int(few)] * 200))


def test_a_burst_is_not_yet_a_load(clock):
    assert not any(taken(clock, [200] * int(WINDOW_SECONDS / STEP) + [1] * 50))


@pytest.mark.parametrize(("came", "is_load"), [(CALM_ITEMS, True), (CALM_ITEMS - 1, False)])
def test_a_load_that_has_begun_goes_on_with_less(clock, came, is_load):
    said = taken(clock, [20] * 20 + [came] + [0, 0, 0, came] * 10)
    assert any(said[:20]) and any(said[40:]) is is_load


def test_under_load_visits_are_staged_and_entered_in_between(clock):
    said = taken(clock, [20] * 200)
    assert said.index(True) * STEP == pytest.approx(2 * WINDOW_SECONDS, abs=2 * STEP)
    steps = [number for number, is_staged in enumerate(said) if not is_staged and number > said.index(True)]
    gaps = {later - one for one, later in itertools.pairwise(steps)}
    assert max(gaps) * STEP <= ENTER_SECONDS + STEP and min(gaps) > 1


def test_what_is_staged_is_bounded(clock):
    stage = under_load(clock)
    number = 0
    while stage.takes(some(40)):
        stage.put(some(40), lambda *_: None)
        number += 40
    assert number == STAGED_VISITS - STAGED_VISITS % 40


@pytest.mark.parametrize("other", [confirm("C1", page("P1"), "A"), sweep(1)])
def test_a_batch_with_anything_else_is_not_staged(clock, other):
    stage = under_load(clock)
    assert stage.takes(some(20)) and not stage.takes([*some(20), other])


# What ----------------------------------------------------------------------------------------------------------------


def test_what_is_staged_comes_to_the_same(engine, tmp_path):
    with contextlib.closing(staging_writer(engine.place)) as writer:
        names = busy(writer, engine.place)
        more = [visit(f"X{n}", f"B{n % 7}", n * 100, path=f"/{n % 3}", status=200 + n % 2 * 204) for n in range(90)]
        for n in range(0, 90, 10):
            writer.append(more[n : n + 10])
            writer.rest()
    plain = sqlite(tmp_path / "plain.db")
    for n in range(0, len(names), 40):
        plain.append(*(visit(name, name[-1], n + 40) for name in names[n : n + 40]))
    for n in range(0, 90, 10):
        plain.append(*more[n : n + 10])
    assert staged(engine.place) == 0
    assert exported(engine.place) == exported(plain.place)
    check_promises(engine)
    plain.close()


def test_what_waits_is_entered_though_nothing_comes_any_more(engine):
    with contextlib.closing(staging_writer(engine.place)) as writer:
        names = busy(writer, engine.place)
        assert len(entered(engine)) < len(names)
        begun = time.monotonic()
        while (seconds := writer.rest()) is not None:
            assert time.monotonic() < begun + PATIENCE_SECONDS
            time.sleep(seconds)
        assert entered(engine) == names and staged(engine.place) == 0


def test_a_confirmation_finds_the_page_that_is_staged(engine):
    with contextlib.closing(staging_writer(engine.place)) as writer:
        name = busy(writer, engine.place)[-1]
        (told,) = writer.append([confirm("C1", page(name), name[-1], SECOND, title="Shown")])
        assert isinstance(told, Confirmed) and not told.repeated
        labels = [event.to_export()["label"] for event in engine.events() if name_of(event.id) == name]
        assert labels == ["Visited page Shown"]
        check_promises(engine)


def test_who_is_erased_is_erased_with_what_is_staged(engine):
    with contextlib.closing(staging_writer(engine.place)) as writer:
        name = busy(writer, engine.place)[-1]
        (told,) = writer.append([Forget(ident(name[-1]), T + SECOND)])
        assert isinstance(told, Forgotten) and told.is_known
        assert name not in entered(engine) and staged(engine.place) == 0
        assert all(parse_uuid(event.uuid) != ident(name[-1]) for event in engine.events())
        check_promises(engine)


def test_who_is_only_on_the_stage_of_another_writer_is_found_and_erased(engine):
    with (
        contextlib.closing(staging_writer(engine.place)) as apart,
        contextlib.closing(staging_writer(engine.place)) as writer,
    ):
        busy(writer, engine.place)
        names = [f"N{n}" for n in range(5)]
        stage(writer, [visit(name, "N", n) for n, name in enumerate(names)], engine.place)
        (told,) = apart.append([Forget(ident("N"), T + SECOND)])
        assert isinstance(told, Forgotten) and told.is_known and staged(engine.place) == 0
        assert not set(names) & set(entered(engine))
        writer.append([visit("N9", "N", SECOND)])  # was on its way
    assert "N9" not in entered(engine)
    check_promises(engine)


# Whoever is in between -----------------------------------------------------------------------------------------------


def test_another_writer_enters_what_it_finds_and_nobody_twice(engine):
    with contextlib.closing(staging_writer(engine.place)) as first:
        names = busy(first, engine.place)
        with engine.writer() as other:
            assert staged(engine.place) == 0
            assert sorted(entered(engine)) == sorted(names)
            other.append([visit("O1", "O")])
        names += ["O1", *busy(first, engine.place, "Y")]
    assert sorted(entered(engine)) == sorted(names)
    check_promises(engine)


def test_what_a_killed_process_left_is_entered_by_whoever_tidies(engine):
    with engine.writer() as other, contextlib.closing(staging_writer(engine.place)) as gone:
        names = busy(gone, engine.place)
        gone._connection.close()  # as if it were killed: nothing of its own is done any more
        assert len(entered(engine)) < len(names)
        tidy(other, SECOND)
        assert sorted(entered(engine)) == sorted(names)


APPENDS_ALWAYS = """
import sys
from pathlib import Path
from stories import visit
from proxy.store.sqlite.writer import SqliteWriter
from proxy.visitors.sessions import Rules
writer = SqliteWriter(Path(sys.argv[1]), durability="process", rules=Rules(), stages=True)
for first in range(0, 10_000_000, 40):
    writer.append([visit(f"{sys.argv[2]}{first + n}", f"A{n}", first) for n in range(40)])
    print(first + 40, flush=True)
    writer.rest()
"""


def test_whatever_was_said_to_be_stored_is_there_once_after_a_kill(engine):
    names: set[str] = set()
    for letter in "abcdef":
        command = [sys.executable, "-c", APPENDS_ALWAYS, str(engine.place), letter]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": ":".join(sys.path)}
        ) as gone:
            try:
                assert gone.stdout is not None and gone.stdout.readline()
                until = time.monotonic() + PATIENCE_SECONDS
                while not staged(engine.place):
                    assert time.monotonic() < until, "nothing is staged"
            finally:
                gone.kill()
            told = [line for line in gone.stdout if line.endswith("\n")]
        number = int(told[-1]) if told else 40
        names |= {f"{letter}{n}" for n in range(number)}
        with engine.writer():
            assert staged(engine.place) == 0
        found = entered(engine)
        assert len(found) == len(set(found)) and names <= set(found)
    check_promises(engine)


def test_what_is_given_again_after_it_was_staged_is_entered_once(engine):
    """Its answer was lost on the way."""
    with contextlib.closing(staging_writer(engine.place)) as writer:
        names = busy(writer, engine.place)
        again = [visit(name, name[-1], len(names)) for name in names[-40:]]
        assert writer.append(again) == [None] * 40
        assert writer.append([*again, confirm("C1", page(names[-1]), names[-1][-1], SECOND)])[:-1] == [None] * 40
        assert sorted(entered(engine)) == sorted(names)
        check_promises(engine)


def test_beside_another_process_that_writes_nothing_is_staged(engine):
    with contextlib.closing(staging_writer(engine.place)) as writer, engine.writer() as other:
        busy(writer, engine.place)
        for number in range(50):
            other.append([visit(f"O{number}", "O", number)])
            writer.append([sweep(number)])
            assert writer._work.heard.has_company
            batch = [visit(f"Q{number}.{n}", "Q", number) for n in range(40)]
            writer.append(batch)
            assert staged(engine.place) == 0


# What goes wrong -----------------------------------------------------------------------------------------------------


def test_what_cannot_be_entered_stays_and_is_entered_when_it_can_be(engine, caplog):
    with contextlib.closing(staging_writer(engine.place)) as writer:
        names = busy(writer, engine.place)
        writer._connection.execute("PRAGMA query_only = ON")
        until = time.monotonic() + PATIENCE_SECONDS
        while writer.rest() != staging.AGAIN_SECONDS:
            assert time.monotonic() < until
        assert writer.rest() == staging.AGAIN_SECONDS
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        with pytest.raises(StoreUnavailable, match="readonly"):
            writer.append([confirm("C1", page(names[-1]), names[-1][-1], SECOND)])
        assert staged(engine.place) > 0
        writer._connection.execute("PRAGMA query_only = OFF")
        assert writer.rest() is None
        assert entered(engine) == names
        busy(writer, engine.place, "Z")
        assert entered(engine)[: len(names)] == names
    check_promises(engine)


def test_a_writer_that_failed_leaves_what_is_staged_to_the_next_one(engine):
    """Its closing is waited for by whoever has given it something."""
    writer = staging_writer(engine.place)
    names = busy(writer, engine.place)
    writer._connection.execute("PRAGMA query_only = ON")
    with pytest.raises(StoreUnavailable):
        writer.append([sweep(1)])
    writer._connection.execute("PRAGMA query_only = OFF")
    writer.close()
    assert staged(engine.place) > 0
    with engine.writer():
        assert entered(engine) == names


class Odd(IntEnum):
    """A status as an application may say it."""

    OK = 200


def test_a_visit_that_cannot_be_staged_is_entered_at_once(engine):
    with contextlib.closing(staging_writer(engine.place)) as writer:
        names = busy(writer, engine.place)
        one = visit("E1", "E", len(names), status=Odd.OK)
        assert writer.append([one, visit("E2", "E", len(names))]) == [None, None]
        assert entered(engine) == [*names, "E1", "E2"]
    check_promises(engine)


def test_a_visit_at_fault_on_the_stage_costs_no_other(engine, caplog):
    with contextlib.closing(staging_writer(engine.place)) as writer:
        names = busy(writer, engine.place)
        stage(writer, [visit("L1", "L"), visit("L2", "L", path="/\ud800"), visit("L3", "L", 1)], engine.place)
    assert entered(engine) == [*names, "L1", "L3"]
    assert "could not be stored and is lost (Visit)" in caplog.text
    check_promises(engine)


class Called:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise SystemExit('called')",)


def test_a_stage_that_says_what_to_call_is_not_believed_and_costs_nothing_else(engine, caplog):
    with contextlib.closing(staging_writer(engine.place)) as writer:
        names = busy(writer, engine.place)
        writer._connection.execute("INSERT INTO staged VALUES (1, ?)", (pickle.dumps([Called()]),))
        writer._connection.execute("INSERT INTO staged VALUES (2, ?)", (b"nothing",))
    assert entered(engine) == names and staged(engine.place) == 2, "kept, for whoever looks"
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]
    with engine.writer():  # and waits no more
        assert len(caplog.records) == 2
    assert "builtins.exec is no value of a visit" in caplog.text


def test_a_visit_on_the_stage_has_these_fields_and_no_others():
    """Whoever changes them changes the store's format: what a killed process of the version before staged is read by
    this one. A migration has to enter them, or to write them anew."""
    assert [field.name for field in fields(Visit)] == [
        "id", "uuid", "time", "host", "path", "uri", "bot", "cookie_came_back", "referrer", "upstream_ms", "facts",
        "session_facts", "ip",
    ]  # fmt: skip
    one = visit("P1", "A", 5, path="/a", referrer=f"https://{HOST}/", facts=(("utm_source", "x"),))
    told = pickle.dumps([VISIT_VALUES(one)])
    stage = Staging(lambda *_: type("Row", (), {"fetchone": lambda self: (told,)})())
    assert stage._read(1) == [one]
