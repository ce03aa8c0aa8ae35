"""A crew that cannot be begun: nothing of it runs, and whoever asked for it may ask again. And who takes what others
hand over: started again however often it ends, last to go."""

import asyncio
import contextlib
import os
import resource
from collections.abc import Iterator

import pytest

from proxy.children import Job
from proxy.crew import HOPELESS_STARTS, Crew


@contextlib.contextmanager
def descriptors_below(limit: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_no_descriptor_for_its_tally_leaves_nothing_behind():
    async def run() -> None:
        crew = Crew([Job("worker", "worker", (), count=2)], 0, announce=lambda text: None, over=lambda: None)
        before = os.listdir("/proc/self/fd")
        with descriptors_below(0), pytest.raises(OSError, match="Too many open files"):
            crew.begin()
        assert crew.children == {} and len(os.listdir("/proc/self/fd")) == len(before)
        assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]

    asyncio.run(run())


def crew_of(*jobs: Job, said: list[str], lifeline: int, on_trial: bool = False) -> Crew:
    return Crew(jobs, lifeline, announce=said.append, over=lambda: said.append("over"), on_trial=on_trial)


NEVER_STARTS = "no-such-command"


@pytest.mark.parametrize("on_trial", [True, False])
def test_who_takes_is_started_again_however_often_it_ends_and_never_given_up(monkeypatch, capfd, on_trial):
    """Pages are served without it, and what the others have for it must not be lost to a trial that has failed."""
    monkeypatch.setattr("proxy.crew.LONGEST_DELAY_SECONDS", 0.01)
    said: list[str] = []

    async def run() -> None:
        lifeline, held = os.pipe()
        crew = crew_of(Job("writer", NEVER_STARTS, (), door="taking"), said=said, lifeline=lifeline, on_trial=on_trial)
        crew.begin()
        if on_trial:
            assert await crew.obstacle(30) == "writer: exit code 2"
        async with asyncio.timeout(60):
            while len(said) < HOPELESS_STARTS + 2:  # noqa: ASYNC110 - who says it knows nothing of events
                await asyncio.sleep(0.01)
        assert await crew.drain(5, asyncio.Event()) is False
        os.close(held)
        os.close(lifeline)

    asyncio.run(run())
    assert {line.partition(" after")[0] for line in said} == {"writer ended"}


def test_a_crew_without_descriptors_for_its_door_leaves_nothing_behind():
    async def run() -> None:
        jobs = [Job("worker", "worker", (), count=2, door="giving"), Job("writer", "writer", (), door="taking")]
        crew = Crew(jobs, 0, announce=lambda text: None, over=lambda: None)
        before = os.listdir("/proc/self/fd")
        first, second = os.pipe()  # the lowest that are free: one for the tally, none for the door
        os.close(first)
        os.close(second)
        with descriptors_below(max(first, second)), pytest.raises(OSError, match="Too many open files"):
            crew.begin()
        assert crew.children == {} and len(os.listdir("/proc/self/fd")) == len(before)

    asyncio.run(run())
