"""The recorder, with a real store and a real loop: holding, releasing, the full queue, the failing store, the end."""

import asyncio
import contextlib
import logging
import os
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from functools import partial
from typing import Any

import pytest
import uvloop
from stories import MINUTE, Engine, T, confirm, confirmed, does, ident, opt_out, page, rows, sends, sqlite, sweep, visit
from takers import SECRETS, Door, read

from proxy.intake.blocked import BLOCKED_PAGES
from proxy.intake.elsewhere import WritingElsewhere
from proxy.intake.handed import BATCH_EVENTS, Handed, MakeWriting
from proxy.intake.holding import PATIENT_FROM_SECONDS, PROBE_EVERY
from proxy.intake.recorder import COUNTED_HOSTS, OTHER_HOST, Full, Recorder
from proxy.intake.writing import REST_ITEMS, WritingThread
from proxy.store.base import Forget, Forgotten, Item, Query, Result, StoreUnavailable, StoreUnusable, Swept, Writer
from proxy.store.handover.frames import framed
from proxy.store.handover.giving import SocketGiver
from proxy.store.questions import BlockedRow, Unheld
from proxy.store.sqlite.questions import SqliteQuestions
from proxy.store.sqlite.writer import SqliteWriter
from proxy.visitors.erased import Erased
from proxy.visitors.sessions import Rules

PATIENCE_SECONDS = 10.0
DAY = T // 86_400_000


class Gate:
    """A store that can be made to wait, around a real writer: what a stalled disk looks like from here."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.open = threading.Event()
        self.open.set()
        self.rested = threading.Event()
        self.rested.set()
        self.batches: list[int] = []
        self.passes = 0
        self.begun = 0
        self.fault: Exception | None = None

    def __call__(self) -> Writer:
        self.writer = self.engine.write(self.engine.place, Rules())
        return self

    def append(self, batch: Sequence[Item]) -> list[Result]:
        self.begun += 1
        while not self.open.wait(0.005):
            if self.passes:
                self.passes -= 1
                break
        if self.fault is not None:
            fault, self.fault = self.fault, None
            raise fault
        self.batches.append(len(batch))
        return self.writer.append(batch)

    def rest(self) -> None:
        self.rested.wait(PATIENCE_SECONDS)
        self.writer.rest()

    def close(self) -> None:
        self.writer.close()


class Ways:
    """Who writes: a thread, or somebody else through a door."""

    def __init__(self, way: str) -> None:
        self.way = way
        self.doors: list[Door] = []

    def __call__(self, open_writer: Callable[[], Writer]) -> MakeWriting:
        if self.way == "thread":
            return partial(WritingThread, open_writer)
        self.doors.append(door := Door())
        door.start(lambda erased: open_writer())
        return partial(WritingElsewhere, lambda: SocketGiver(door.giving, Erased(SECRETS)))

    def end(self) -> None:
        for door in self.doors:
            door.end()


@pytest.fixture(params=["thread", "elsewhere"])
def way(request) -> Iterator[Ways]:
    ways = Ways(request.param)
    yield ways
    ways.end()


@pytest.fixture
def gate(engine, way):  # which ends when the gate is open
    gate = Gate(engine)
    yield gate
    gate.open.set()


@pytest.fixture
def writing(way, gate) -> MakeWriting:
    return way(gate)


async def eventually(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - the other side is a thread
            await asyncio.sleep(0.002)


def is_committed(recorder: Recorder, ticket: int) -> bool:
    """Whether what the ticket was given for is in the store; who asks by `hold` waits for it."""
    return ticket <= recorder._committed


@contextlib.asynccontextmanager
async def recording(writing: MakeWriting, **changes: int) -> AsyncIterator[Recorder]:
    recorder = Recorder(writing, clock_ms=lambda: T, **{"queue_events": 10_000, "hold_ms": 5_000, **changes})
    recorder.start()
    try:
        yield recorder
    finally:
        await recorder.stop(PATIENCE_SECONDS)


def run(story: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(4 * PATIENCE_SECONDS):
            await story

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # as footfall itself
        runner.run(bounded())


async def held(recorder: Recorder, ticket: int) -> bool | None:
    """Holds for a ticket: whether the commit came; None where there was nothing to wait for."""
    waiting = recorder.hold(ticket)
    return None if waiting is None else await waiting


def views(engine: Engine) -> list[str]:
    return [row[0] for row in rows(engine.events(Query(action="page.visit")), ("id",))]


def unheld(engine: Engine) -> Unheld | None:
    with engine.asked() as asked:
        return asked.unheld(DAY, DAY)


# Holding -------------------------------------------------------------------------------------------------------------


def test_a_page_is_held_until_its_visit_is_on_disk(engine, gate, writing):
    async def story():
        async with recording(writing) as recorder:
            gate.open.clear()
            ticket = recorder.record(visit("P1", "A"))
            waiting = recorder.hold(ticket)
            assert waiting is not None and not is_committed(recorder, ticket)
            await asyncio.sleep(0)
            assert not waiting.done()
            gate.open.set()
            assert await waiting is True
            assert is_committed(recorder, ticket)
            assert views(engine) == ["P1"]
            assert recorder.hold(ticket) is None

    run(story())


def test_what_was_stored_under_load_is_there_to_be_read_when_nothing_comes_any_more(engine, monkeypatch, way):
    """The last of many pages wait on the stage (store/sqlite/staging.py)."""
    # As long as a busy machine takes to store the next batch, and to look.
    monkeypatch.setattr("proxy.store.sqlite.staging.WINDOW_SECONDS", 0.2)
    monkeypatch.setattr("proxy.store.sqlite.staging.ENTER_SECONDS", 2.0)

    def opened() -> Writer:
        return SqliteWriter(engine.place, durability="process", rules=Rules(), stages=True)

    def is_behind() -> bool:
        with contextlib.closing(sqlite3.connect(engine.place)) as store:
            return bool(store.execute("SELECT EXISTS (SELECT 1 FROM staged)").fetchone()[0])

    async def story():
        async with recording(way(opened)) as recorder:
            number = 0
            while not (number and is_behind()):
                tickets = [recorder.record(visit(f"P{number + n}", f"A{n}", number)) for n in range(50)]
                number += 50
                assert await held(recorder, tickets[-1]) in (True, None)
            await eventually(lambda: len(views(engine)) == number)

    run(story())


def test_a_page_does_not_wait_for_what_the_store_does_at_rest(gate, writing):
    async def story():
        async with recording(writing) as recorder:
            gate.rested.clear()
            assert await held(recorder, recorder.record(visit("P1", "A")))
            gate.rested.set()

    run(story())


def test_a_lost_item_is_not_waited_for(writing):
    async def story():
        async with recording(writing) as recorder:
            assert recorder.hold(0) is None

    run(story())


def test_everything_of_one_turn_of_the_loop_is_one_batch_and_order_is_kept(engine, gate, writing):
    async def story():
        async with recording(writing) as recorder:
            gate.open.clear()
            recorder.record(visit("P1", "A"))
            await eventually(lambda: gate.begun)  # a batch of its own
            for number in range(2, 30):
                recorder.record(visit(f"P{number}", "A", number, came_back=True))
            ticket = recorder.record(visit("P30", "A", 30, came_back=True))
            gate.open.set()
            assert await held(recorder, ticket) in (True, None)
            assert views(engine) == [f"P{number}" for number in range(1, 31)]
            assert gate.batches == [1, 29]

    run(story())


def test_pages_that_nobody_waits_for_yet_go_together_with_the_first_that_somebody_does(
    engine, gate, monkeypatch, writing
):
    monkeypatch.setattr("proxy.intake.recorder.UNASKED_SECONDS", PATIENCE_SECONDS)

    async def story():
        async with recording(writing) as recorder:
            first = recorder.record(visit("P1", "A"))
            await eventually(lambda: is_committed(recorder, first))  # after nothing, at once
            for number in range(2, 6):
                last = recorder.record(visit(f"P{number}", "A", number, came_back=True))
                await asyncio.sleep(0.02)
            assert not is_committed(recorder, first + 1) and gate.batches == [1]
            assert await held(recorder, first + 2) is True
            assert is_committed(recorder, last) and gate.batches == [1, 4]
            recorder.record(visit("P6", "A", 6, came_back=True))
            assert await recorder.ask(sweep(7)) == Swept()
            assert gate.batches == [1, 4, 2]

    run(story())


def test_whoever_is_patient_waits_for_others_but_not_for_long(engine, gate, monkeypatch, writing):
    monkeypatch.setattr("proxy.intake.recorder.UNASKED_SECONDS", 2)

    async def story():
        async with recording(writing) as recorder:
            await held(recorder, recorder.record(visit("P0", "A")))  # the store is open
            await eventually(lambda: recorder._unasked_timer is None)
            first = recorder.hold(recorder.record(visit("P1", "A", 1, came_back=True)), patiently=True)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert not recorder._pending  # after nothing, at once
            told = []
            for number in (2, 3):
                waiter = recorder.hold(
                    recorder.record(visit(f"P{number}", "A", number, came_back=True)), patiently=True
                )
                waiter.add_done_callback(told.append)
            await first
            assert not told and gate.batches == [1, 1]
            await waiter
            assert gate.batches == [1, 1, 2]
            waiter = recorder.hold(recorder.record(visit("P4", "A", 4, came_back=True)), patiently=True)
            assert await held(recorder, recorder.record(visit("P5", "A", 5, came_back=True))) is True
            assert waiter.done() and gate.batches == [1, 1, 2, 2]  # it goes with whoever is not

    run(story())


def test_nobody_is_patient_who_is_let_go_soon(engine, gate, monkeypatch, writing):
    monkeypatch.setattr("proxy.intake.recorder.UNASKED_SECONDS", PATIENCE_SECONDS)

    async def story():
        async with recording(writing, hold_ms=int(PATIENT_FROM_SECONDS * 1000)) as recorder:
            await held(recorder, recorder.record(visit("P1", "A")))
            recorder.hold(recorder.record(visit("P2", "A", 2, came_back=True)), patiently=True)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert not recorder._pending

    run(story())


def test_what_comes_after_the_end_keeps_nothing_back_in_the_next_loop(engine, writing):
    recorder = Recorder(writing, clock_ms=lambda: T, queue_events=10_000, hold_ms=5_000)

    async def first():
        recorder.start()
        await recorder.stop(PATIENCE_SECONDS)
        recorder.record(visit("P1", "A"))
        recorder.count("shop.example", "visit")

    async def second():
        recorder.start()
        ticket = recorder.record(visit("P2", "A", 2, came_back=True))
        await eventually(lambda: is_committed(recorder, ticket))
        await recorder.stop(PATIENCE_SECONDS)

    run(first())
    run(second())
    assert "P2" in views(engine) and engine.outcomes() == [(DAY, "shop.example", "visit", 1)]


def test_a_page_that_nobody_waits_for_is_stored_soon(engine, writing):
    async def story():
        async with recording(writing) as recorder:
            for number in range(1, 4):
                recorder.record(visit(f"P{number}", "A", number, came_back=True))
                await asyncio.sleep(0)
            await eventually(lambda: is_committed(recorder, 3))
            assert len(views(engine)) == 3

    run(story())


@pytest.mark.parametrize("way", ["thread"], indirect=True)
@pytest.mark.parametrize(("first", "rests"), [(REST_ITEMS, True), (1, False)])
def test_after_a_large_batch_the_thread_rests_and_what_comes_meanwhile_is_one_batch(
    engine, gate, monkeypatch, first, rests, writing
):
    monkeypatch.setattr("proxy.intake.writing.REST_SECONDS", 2.0)

    async def story():
        async with recording(writing) as recorder:
            gate.open.clear()
            for number in range(1, first + 1):
                ticket = recorder.record(visit(f"P{number}", "A", number, came_back=True))
            await eventually(lambda: gate.begun)
            asyncio.get_running_loop().call_later(1.0 if rests else 0.3, gate.open.set)  # it rests for as long
            assert await held(recorder, ticket)
            for number in range(first + 1, first + 4):
                ticket = recorder.record(visit(f"P{number}", "A", number, came_back=True))
                await asyncio.sleep(0.05)
            assert await held(recorder, ticket) in (True, None)
            assert gate.batches[0] == first and sum(gate.batches) == first + 3
            assert (len(gate.batches) == 2) is rests

    run(story())


@pytest.mark.parametrize("way", ["thread"], indirect=True)
def test_whoever_comes_alone_is_written_at_once(monkeypatch, writing):
    monkeypatch.setattr("proxy.intake.writing.REST_SECONDS", PATIENCE_SECONDS)

    async def story():
        async with recording(writing) as recorder:
            for number in range(1, 4):
                await asyncio.sleep(0.3)
                begun = time.monotonic()
                assert await held(recorder, recorder.record(visit(f"P{number}", "A", number)))
                assert time.monotonic() - begun < 1

    run(story())


def test_a_time_out_releases_the_page_counts_it_and_the_visit_is_still_stored(engine, gate, writing):
    async def story():
        async with recording(writing, hold_ms=30) as recorder:
            gate.open.clear()
            assert await held(recorder, recorder.record(visit("P1", "A"))) is False
            gate.open.set()
            await eventually(lambda: is_committed(recorder, 1))
        assert views(engine) == ["P1"]
        assert engine.outcomes() == [(DAY, "", "released_unsaved", 1)]

    run(story())


def test_a_page_is_released_by_its_own_commit_though_a_later_one_waits_before_it(gate, writing):
    async def story():
        async with recording(writing, hold_ms=2_000) as recorder:
            gate.open.clear()
            first = recorder.record(visit("P1", "A"))
            await eventually(lambda: gate.begun)  # a batch of its own
            second = recorder.record(visit("P2", "B"))
            await asyncio.sleep(0)
            later, sooner = recorder.hold(second), recorder.hold(first)
            assert later is not None and sooner is not None
            gate.passes = 1
            await eventually(lambda: is_committed(recorder, first))
            assert not is_committed(recorder, second)
            async with asyncio.timeout(1):
                assert await sooner is True
            assert not later.done()
            gate.open.set()
            assert await later is True
            assert not recorder.breaker.open

    run(story())


def test_a_visitor_who_leaves_while_held_is_in_nobodys_way(gate, writing):
    async def story():
        async with recording(writing) as recorder:
            gate.open.clear()
            tickets = [recorder.record(visit(f"P{n}", f"V{n}")) for n in range(3)]
            tasks = [asyncio.create_task(held(recorder, ticket)) for ticket in tickets]
            await asyncio.sleep(0.01)
            tasks[0].cancel()
            tasks[2].cancel()
            gate.open.set()
            assert await tasks[1] is True

    run(story())


def test_three_time_outs_in_a_row_stop_the_holding_and_a_probe_in_time_resumes_it(engine, gate, caplog, writing):
    async def story():
        engine.append(sweep(0))
        async with recording(writing, hold_ms=20) as recorder:
            gate.open.clear()
            number = 0

            def another() -> int:
                nonlocal number
                number += 1
                return recorder.record(visit(f"P{number}", "A", number, came_back=True))

            for _ in range(3):
                assert not recorder.breaker.open
                assert await held(recorder, another()) is False
            assert recorder.breaker.open
            for _ in range(PROBE_EVERY - 1):
                assert recorder.hold(another()) is None
            assert await held(recorder, another()) is False  # the probe: still stuck
            assert unheld(engine) is None  # the store is stuck: it is told when that can be written
            assert [record.levelname for record in caplog.records] == ["ERROR"]

            recorder._hold_seconds = PATIENCE_SECONDS  # in time, however long a busy machine takes
            gate.open.set()
            await eventually(lambda: is_committed(recorder, number))
            while recorder.breaker.open:
                gate.open.clear()
                waiting = recorder.hold(another())
                gate.open.set()
                if waiting is not None:
                    assert await waiting is True
            gate.open.clear()
            waiting = recorder.hold(another())
            assert waiting is not None
            gate.open.set()
            assert await waiting is True
        assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
        assert len(views(engine)) == number
        assert engine.outcomes() == [(DAY, "", "released_unsaved", 4)]
        assert unheld(engine) == Unheld(1, T, T, T)

    run(story())


def test_while_pages_are_not_held_the_store_is_told_so_with_the_requests_that_come(engine, gate, writing):
    async def story():
        now = [T]
        engine.append(sweep(0))
        recorder = Recorder(writing, clock_ms=lambda: now[0], queue_events=100, hold_ms=20)
        recorder.start()
        gate.open.clear()
        for number in range(3):
            assert await held(recorder, recorder.record(visit(f"P{number}", "A", number, came_back=True))) is False
        gate.open.set()
        await eventually(lambda: unheld(engine) == Unheld(1, T, T, 0))
        now[0] += 5_000
        recorder.count("shop.example", "visit")
        await eventually(lambda: unheld(engine) == Unheld(1, T, T + 5_000, 0))
        await recorder.stop(PATIENCE_SECONDS)

    run(story())


# Asking --------------------------------------------------------------------------------------------------------------


def test_what_is_asked_is_durable_when_it_is_answered_each_its_own(engine, writing):
    async def story():
        async with recording(writing) as recorder:
            recorder.record(visit("P1", "A"))
            answers = await asyncio.gather(
                recorder.ask(confirm("C1", page("P1"), "A")),
                recorder.ask(confirm("C2", None)),
                recorder.ask(sweep(31 * MINUTE)),
                recorder.ask(confirm("C1", page("P1"), "A")),
                recorder.ask(visit("P2", "B")),
            )
            assert answers == [confirmed("A"), confirmed(None), Swept(1), confirmed("A", repeated=True), None]
            assert views(engine) == ["P1", "P2"]

    run(story())


def test_a_question_that_is_given_up_does_not_disturb_the_others(gate, writing):
    async def story():
        async with recording(writing) as recorder:
            gate.open.clear()
            tasks = [asyncio.create_task(recorder.ask(confirm(f"C{n}", None, f"V{n}"))) for n in range(3)]
            await asyncio.sleep(0.01)
            tasks[1].cancel()
            gate.open.set()
            assert await tasks[0] == confirmed("V0")
            assert await tasks[2] == confirmed("V2")

    run(story())


# The full queue ------------------------------------------------------------------------------------------------------


def test_a_full_queue_costs_events_but_never_an_exception_and_says_so_once(engine, gate, caplog, writing):
    async def story():
        async with recording(writing, queue_events=5) as recorder:
            gate.open.clear()
            tickets = [recorder.record(visit(f"P{n}", "A", n, came_back=n > 0)) for n in range(9)]
            assert tickets == [1, 2, 3, 4, 5, 0, 0, 0, 0]
            with pytest.raises(Full):
                await recorder.ask(confirm("C1", None))
            assert "5 waiting, 4 lost" in repr(recorder)
            assert [record.getMessage() for record in caplog.records] == [
                "the store does not keep up and the queue is full: events are being lost; pages are served"
            ]
            gate.open.set()
            await eventually(lambda: is_committed(recorder, 5))
            assert recorder.record(visit("P9", "A", 9, came_back=True)) == 6
        assert views(engine) == ["P0", "P1", "P2", "P3", "P4", "P9"]
        assert engine.outcomes() == [(DAY, "shop.example", "lost", 4)]

    run(story())


def test_only_visits_that_are_lost_are_counted_as_lost_visits(engine, gate, writing):
    async def story():
        async with recording(writing, queue_events=2) as recorder:
            gate.open.clear()
            for n in range(2):
                recorder.record(visit(f"P{n}", "A", n))
            assert recorder.record(opt_out("A", 9)) == 0 == recorder.record(visit("P2", "A", 9))
            gate.open.set()
            await eventually(lambda: is_committed(recorder, 2))
        assert engine.outcomes() == [(DAY, "shop.example", "lost", 1)]

    run(story())


# The failing store ---------------------------------------------------------------------------------------------------


def test_a_store_whose_directory_appears_later_gets_everything_that_waited(tmp_path, caplog, way):
    engine = sqlite(tmp_path / "later" / "store.db")

    async def story():
        caplog.set_level(logging.WARNING)
        async with recording(way(Gate(engine)), hold_ms=20) as recorder:
            assert await held(recorder, recorder.record(visit("P1", "A"))) is False
            asked = asyncio.create_task(recorder.ask(confirm("C1", page("P1"), "A")))
            await asyncio.sleep(0.15)  # a second attempt fails too
            assert not asked.done()
            engine.place.parent.mkdir()
            assert await asked == confirmed("A")
            ticket = recorder.record(visit("P2", "A", 1, came_back=True))
            await eventually(lambda: is_committed(recorder, ticket))
        assert views(engine) == ["P1", "P2"]
        said = [record.getMessage() for record in caplog.records]
        assert len(said) == 2
        assert said[0].startswith("the store does not take events, they wait in memory: ") and "later" in said[0]
        assert said[1] == "the store takes events again: recording resumed"

    run(story())


FAULTS = [
    (StoreUnusable("a newer footfall"), True),
    (RuntimeError("a bug of ours"), False),
    (MemoryError(), False),
]


@pytest.mark.parametrize(("fault", "hopeless"), FAULTS)
def test_whatever_the_store_raises_the_batch_is_written_in_the_end(engine, gate, caplog, fault, hopeless, writing):
    async def story():
        async with recording(writing) as recorder:
            gate.fault = fault
            assert await held(recorder, recorder.record(visit("P1", "A"))) is True
            assert views(engine) == ["P1"]
        assert ("will not pass by itself" in caplog.text) is hopeless

    run(story())


def test_who_fails_to_take_results_keeps_nobody_after_him_from_being_written(engine, caplog):
    """A fault of ours."""
    ways, delivered = Ways("elsewhere"), []

    def deliver(batch: list[Handed], results: list[Result]) -> None:
        delivered.append(batch[-1].ticket)
        if len(delivered) == 1:
            raise RuntimeError("ours")

    async def story():
        writing = ways(lambda: engine.write(engine.place, Rules()))(deliver)
        writing.start()
        for number in range(1, 4):
            writing.put(Handed([visit(f"P{number}", "A", number)], 1, number, []))
        await writing.stop(PATIENCE_SECONDS)
        assert writing.is_over and repr(writing) == "<WritingElsewhere 0 under way, 0 waiting>"

    run(story())
    ways.end()
    assert delivered == [1, 2, 3]
    assert [record.message for record in caplog.records] == ["what came of a batch could not be passed on"]
    assert views(engine) == ["P1", "P2", "P3"]


def test_an_erasure_among_pages_is_answered_with_what_came_of_it_and_so_are_all_others(engine, way):
    """It is written apart and takes long: what is handed over after it must not take its answer for theirs."""

    opened = threading.Event()
    opened.set()

    def open_writer() -> Writer:
        gate = Gate(engine)
        gate.open = opened
        gate.writer = SqliteWriter(engine.place, durability="process", rules=Rules(), erased=Erased(SECRETS))
        return gate

    async def story():
        async with recording(way(open_writer)) as recorder:
            await recorder.ask(visit("P1", "A"))
            opened.clear()
            before = recorder.hold(recorder.record(visit("P2", "B", 1)))
            await asyncio.sleep(0.02)
            erasing = asyncio.create_task(recorder.ask(Forget(ident("A"), T + MINUTE)))
            await asyncio.sleep(0.02)
            beside = [asyncio.create_task(recorder.ask(confirm(f"C{n}", page(f"Q{n}"), f"V{n}", n))) for n in range(3)]
            await asyncio.sleep(0.02)
            after = recorder.hold(recorder.record(visit("P3", "B", 2)))
            await asyncio.sleep(0.02)
            opened.set()
            done = await erasing
            assert isinstance(done, Forgotten) and done.is_known
            assert await asyncio.gather(*beside) == [confirmed(f"V{n}") for n in range(3)]
            assert before is not None and await before and after is not None and await after

    run(story())
    assert set(views(engine)) == {"P2", "P3", "Q0", "Q1", "Q2"}


def test_what_is_under_way_when_the_store_fails_comes_again_in_its_order_and_is_stored_once(engine, gate, writing):
    async def story():
        async with recording(writing) as recorder:
            gate.open.clear()
            for number in range(1, 9):
                recorder.record(visit(f"P{number}", "A", number))
                recorder.count("a.example", "visit")
                if number % 2:
                    recorder._flush_counts()
                await asyncio.sleep(0.01)
            gate.passes = 1
            await eventually(lambda: gate.passes == 0)
            gate.fault = StoreUnavailable("footfall.db: full")
            gate.open.set()
            await recorder.ask(visit("P9", "A", 9))

    run(story())
    assert views(engine) == [f"P{number}" for number in range(1, 10)]
    assert engine.outcomes() == [(DAY, "a.example", "visit", 8)]


def test_who_writes_may_end_while_nothing_is_under_way_and_the_next_one_is_asked_at_once(engine, caplog):
    door = Door()

    async def story():
        async with recording(partial(WritingElsewhere, lambda: SocketGiver(door.giving, Erased(SECRETS)))) as recorder:
            waiting = recorder.hold(recorder.record(visit("P1", "A")))
            await asyncio.sleep(0)
            with door.take() as first:
                engine.append(*read(first))
                first.sendall(framed((1, "", "", None, None)))
                assert waiting is not None and await waiting is True
            await asyncio.sleep(0.05)
            door.start(lambda erased: engine.write(engine.place, Rules()))
            assert await held(recorder, recorder.record(visit("P2", "A", 1)))

    run(story())
    door.end()
    assert views(engine) == ["P1", "P2"]
    assert not caplog.records


def test_stopping_again_or_twice_at_once_waits_no_longer_than_once(engine, way, gate, writing):
    async def story():
        recorder = Recorder(writing, clock_ms=lambda: T, queue_events=10, hold_ms=20)
        recorder.start()
        gate.open.clear()
        recorder.record(visit("P1", "A"))
        begun = time.monotonic()
        assert await asyncio.gather(recorder.stop(0.3), recorder.stop(0.3)) == [1, 1]
        assert await recorder.stop(0.3) == 1
        assert time.monotonic() - begun < 1

    run(story())


# The counters --------------------------------------------------------------------------------------------------------


def test_counters_reach_the_store_with_the_next_batch(engine, writing):
    async def story():
        async with recording(writing) as recorder:
            for _ in range(3):
                recorder.count("a.example", "asset")
            recorder.count("b.example", "visit")
            await recorder.ask(visit("P1", "A"))
            await eventually(engine.outcomes)
            assert engine.outcomes() == [(DAY, "a.example", "asset", 3), (DAY, "b.example", "visit", 1)]

    run(story())


def test_counters_reach_the_store_within_about_a_second_by_themselves(engine, writing):
    async def story():
        async with recording(writing) as recorder:
            await recorder.ask(visit("P1", "A"))
            begun = asyncio.get_running_loop().time()
            recorder.count("a.example", "asset")
            recorder.count("a.example", "asset")
            await eventually(engine.outcomes)
            assert asyncio.get_running_loop().time() - begun < 2
            assert engine.outcomes() == [(DAY, "a.example", "asset", 2)]

    run(story())


def test_a_flood_of_made_up_hosts_shares_one_row(engine, writing):
    async def story():
        async with recording(writing) as recorder:
            for number in range(COUNTED_HOSTS + 50):
                recorder.count(f"h{number}.example", "asset")
            recorder.count("h0.example", "asset")
            recorder.count("h0.example", "visit")
        outcomes = engine.outcomes()
        assert sum(n for *_, n in outcomes) == COUNTED_HOSTS + 52
        assert (DAY, OTHER_HOST, "asset", 50) in outcomes
        assert (DAY, "h0.example", "asset", 2) in outcomes
        assert len({host for _, host, _, _ in outcomes}) <= COUNTED_HOSTS + 1

    run(story())


# The end -------------------------------------------------------------------------------------------------------------


def test_pages_without_their_tag_reach_the_store_with_the_counters_and_a_flood_of_them_shares_one_row(engine, writing):
    async def story():
        async with recording(writing) as recorder:
            for number in range(BLOCKED_PAGES + 30):
                for _ in range(2):
                    recorder.count("a.example", "visit")
                    recorder.count_blocked("a.example", f"/{number}", "script-src blocks the tag")

    run(story())
    with contextlib.closing(SqliteQuestions(engine.place)) as reader:
        told = reader.blocked(DAY, DAY, 1_000)
    assert (told.total, told.views) == (BLOCKED_PAGES + 1, 2 * (BLOCKED_PAGES + 30))
    assert {(row.host, row.views, row.last) for row in told.rows[1:]} == {("a.example", 2, T)}
    assert told.rows[0] == BlockedRow("", "", "script-src blocks the tag", 60, T)


def test_a_page_that_goes_without_its_tag_after_all_other_counters_went_reaches_the_store_too(engine, writing):
    async def story():
        async with recording(writing) as recorder:
            await recorder.ask(visit("P1", "A"))
            recorder.count("a.example", "visit")
            await eventually(engine.outcomes)
            recorder.count_blocked("a.example", "/by-itself", "reason")
            await eventually(told)
            recorder.count_blocked("a.example", "/at-the-end", "reason")

    def told() -> list[str]:
        with contextlib.closing(SqliteQuestions(engine.place)) as reader:
            return sorted(row.path for row in reader.blocked(DAY, DAY, 9).rows)

    run(story())
    assert told() == ["/at-the-end", "/by-itself"]


def test_stopping_writes_what_is_waiting(engine, writing):
    number = 2 * BATCH_EVENTS + 100

    async def story():
        recorder = Recorder(writing, clock_ms=lambda: T, queue_events=10_000, hold_ms=100)
        recorder.start()
        for n in range(number):
            recorder.record(visit(f"P{n}", "G", n, bot=True))
        recorder.count("a", "bot")
        assert await recorder.stop(PATIENCE_SECONDS) == 0
        assert recorder._writing.is_over
        assert not isinstance(recorder._writing, WritingThread) or not recorder._writing.is_alive()

    run(story())
    assert len(engine.events()) == number
    assert engine.outcomes() == [(DAY, "a", "bot", 1)]


def test_stopping_beside_a_dead_store_ends_and_says_how_much_was_not_written(tmp_path, caplog, way):
    async def story():
        engine = sqlite(tmp_path / "never" / "store.db")
        recorder = Recorder(way(Gate(engine)), clock_ms=lambda: T, queue_events=10, hold_ms=20)
        recorder.start()
        for n in range(3):
            recorder.record(visit(f"P{n}", "A", n))
        await eventually(lambda: caplog.records)
        assert await recorder.stop(0.1) == 3
        stopped = recorder._writing
        if isinstance(stopped, WritingThread):
            await eventually(lambda: not stopped.is_alive())
        elif isinstance(stopped, WritingElsewhere):
            assert stopped._giver is None and (stopped._again is None or stopped._again.cancelled())

    run(story())


def test_stopping_lets_go_whoever_is_still_held(gate, writing):
    async def story():
        recorder = Recorder(writing, clock_ms=lambda: T, queue_events=10, hold_ms=60_000)
        recorder.start()
        gate.open.clear()
        waiting = recorder.hold(recorder.record(visit("P1", "A")))
        assert waiting is not None
        await recorder.stop(0.05)
        async with asyncio.timeout(2):
            assert await waiting is False

    run(story())


def test_a_page_that_is_committed_while_the_recorder_stops_is_let_go(writing):
    async def story():
        recorder = Recorder(writing, clock_ms=lambda: T, queue_events=10, hold_ms=60_000)
        recorder.start()
        waiting = recorder.hold(recorder.record(visit("P1", "A")))
        assert waiting is not None
        assert await recorder.stop(PATIENCE_SECONDS) == 0
        async with asyncio.timeout(2):
            assert await waiting is True

    run(story())


def test_after_its_end_it_can_be_started_again(engine, writing):
    """A server that runs an application's lifespan twice, as test clients do, also in another event loop."""
    recorder = Recorder(writing, clock_ms=lambda: T, queue_events=100, hold_ms=5_000)

    async def story(name: str):
        recorder.start()
        waiting = recorder.hold(recorder.record(visit(name, "A", int(name[1:]))))
        assert waiting is not None and await waiting is True
        assert await recorder.stop(PATIENCE_SECONDS) == 0

    run(story("P1"))
    run(story("P2"))
    assert views(engine) == ["P1", "P2"]


def test_the_queue_counts_events_and_not_the_messages_that_bring_them(engine, gate, writing):
    async def story():
        async with recording(writing, queue_events=100) as recorder:
            gate.open.clear()
            clicks = [does("link.click", f"E{n}", name="L") for n in range(50)]
            asked = [asyncio.ensure_future(recorder.ask(sends(None, "A", *clicks))) for _ in range(2)]
            await asyncio.sleep(0)
            with pytest.raises(Full):
                await recorder.ask(sends(None, "A"))
            gate.open.set()
            assert [one.stored for one in await asyncio.gather(*asked)] == [50, 0]

    run(story())


def test_what_is_made_before_a_fork_numbers_what_it_counts_apart_in_each_process(engine):
    """An application that a server loads once and then forks."""
    writing = partial(WritingThread, lambda: engine.write(engine.place, Rules()))
    recorder = Recorder(writing, clock_ms=lambda: T, queue_events=9, hold_ms=9_000)

    async def record() -> None:
        recorder.start()
        for _ in range(20):
            recorder.count("shop.example", "asset")
            await asyncio.sleep(0)
        assert await recorder.stop(PATIENCE_SECONDS) == 0

    children = []
    for _ in range(2):
        child = os.fork()
        if not child:
            try:
                asyncio.run(record())
                os._exit(0)
            finally:
                os._exit(1)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
    assert engine.outcomes() == [(DAY, "shop.example", "asset", 40)]


def test_counters_of_a_recorder_that_starts_again_are_all_kept(engine, way):
    writing = way(lambda: engine.write(engine.place, Rules()))

    async def record() -> None:
        recorder = Recorder(writing, clock_ms=lambda: T, queue_events=9, hold_ms=9)
        for _ in range(3):
            recorder.start()
            recorder.count("shop.example", "asset")
            await recorder.stop(PATIENCE_SECONDS)

    asyncio.run(record())
    assert engine.outcomes() == [(DAY, "shop.example", "asset", 3)]
