"""What the store has to do beside the recording, of which nobody waits for an end: a small step, a rest, the next step.

Law: never in a hurry. Pages and events go first: a step waits in the same queue as they do, the next one is asked for
when it is done and a pause is over, and a full queue is a reason to wait for long.
"""

import asyncio
from collections.abc import Callable

from proxy.intake.recorder import Full, Recorder
from proxy.store.base import Sweep, Swept, Tidied, Tidy

REST_SECONDS = 0.06
"""Between two steps: six times as long as a step is meant to hold the store's lock."""
EVERY_SECONDS = 10.0
"""How often it is asked whether anything is due; every worker does, twice does no harm."""


class Chore:
    """One kind of it, in one process; `start` and `stop` from the event loop. `step`: makes what is asked for."""

    __slots__ = ("_recorder", "_step", "_task")

    def __init__(self, recorder: Recorder, step: Callable[[], Sweep | Tidy]) -> None:
        self._recorder = recorder
        self._step = step
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; the recorder has been started."""
        self._task = asyncio.get_running_loop().create_task(self._go_on())

    def stop(self) -> None:
        """Ask for no more steps."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _go_on(self) -> None:
        while True:
            more = False
            try:
                done = await self._recorder.ask(self._step())
                more = isinstance(done, Swept | Tidied) and done.more
            except Full:
                pass
            await asyncio.sleep(REST_SECONDS if more else EVERY_SECONDS)


def chores(recorder: Recorder, clock_ms: Callable[[], int]) -> tuple[Chore, ...]:
    """All that there are."""
    return Chore(recorder, lambda: Sweep(clock_ms())), Chore(recorder, lambda: Tidy(clock_ms()))
