"""What asks for the steps of what the store has to do beside the recording, with a real recorder, store and loop."""

import asyncio
import contextlib
from functools import partial

from stories import DAY, MINUTE, T, sqlite, visit

from proxy.intake.chores import Chore, chores
from proxy.intake.recorder import Recorder
from proxy.intake.writing import WritingThread
from proxy.store.base import Query, Retention, Tidy
from proxy.store.sqlite.sessions import DUE
from proxy.visitors.sessions import Rules

PATIENCE_SECONDS = 10.0


def test_what_is_too_old_goes_while_it_is_recorded_and_a_stop_stops_it(tmp_path):
    engine = sqlite(tmp_path / "store.db")
    engine.append(*(visit(f"P{n}", f"V{n}", n * MINUTE) for n in range(200)))

    async def run():
        recorder = Recorder(
            partial(WritingThread, lambda: engine.write(engine.place, Rules(), Retention(10))),
            clock_ms=lambda: T + 11 * DAY,
            queue_events=1_000,
            hold_ms=250,
        )
        now = T + 11 * DAY

        def clock():
            nonlocal now
            now += 60  # two steps rest for some 50 ms
            return now

        tidier = Chore(recorder, lambda: Tidy(clock()))
        recorder.start()
        tidier.start()
        await recorder.ask(visit("P900", "V900", 11 * DAY))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(engine.events()) > 2:  # noqa: ASYNC110 - the other side is a thread
                await asyncio.sleep(0.02)
        tidier.stop()
        tidier.stop()
        assert await recorder.stop(5) == 0
        assert len(asyncio.all_tasks()) == 1

    with contextlib.closing(asyncio.Runner()) as runner:
        runner.run(run())
    assert [event.action for event in engine.events()] == ["session.start", "page.visit"]


def test_what_is_overdue_ends_step_after_step_while_it_is_recorded(tmp_path):
    """A thousand sessions a minute are no reason to fall behind."""
    engine = sqlite(tmp_path / "store.db")
    many = 3 * DUE
    engine.append(*(visit(f"P{n}", f"V{n}", n) for n in range(many)))

    async def run():
        recorder = Recorder(
            partial(WritingThread, lambda: engine.write(engine.place, Rules(), Retention())),
            clock_ms=lambda: T + DAY,
            queue_events=1_000,
            hold_ms=250,
        )
        recorder.start()
        sweeping, _ = all_chores = chores(recorder, lambda: T + DAY)
        sweeping.start()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(engine.events(Query(action="session.end"))) < many:  # noqa: ASYNC110 - the other side is a thread
                await asyncio.sleep(0.02)
        for chore in all_chores:
            chore.stop()
        assert await recorder.stop(5) == 0

    with contextlib.closing(asyncio.Runner()) as runner:
        runner.run(run())
