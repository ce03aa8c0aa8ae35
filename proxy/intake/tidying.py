"""What has the store cleared away beside the recording: a small step, a rest, the next step.

Law: never in a hurry. Pages and events go first: a step waits in the same queue as they do, the next one is asked for
when it is done and a pause is over, and a full queue is a reason to wait for long.
"""

import asyncio
from collections.abc import Callable

from proxy.intake.recorder import Full, Recorder
from proxy.store.base import Tidied, Tidy

REST_SECONDS = 0.06
"""Between two steps: six times as long as a step is meant to hold the store's lock."""
EVERY_SECONDS = 10.0
"""How often it is asked whether anything is due."""


class Tidier:
    """One per process; `start` and `stop` from the event loop."""

    __slots__ = ("_clock_ms", "_recorder", "_task")

    def __init__(self, recorder: Recorder, clock_ms: Callable[[], int]) -> None:
        self._recorder = recorder
        self._clock_ms = clock_ms
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; the recorder has been started."""
        self._task = asyncio.get_running_loop().create_task(self._tidy())

    def stop(self) -> None:
        """Ask for no more steps."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _tidy(self) -> None:
        while True:
            more = False
            try:
                done = await self._recorder.ask(Tidy(self._clock_ms()))
                more = isinstance(done, Tidied) and done.more
            except Full:
                pass
            await asyncio.sleep(REST_SECONDS if more else EVERY_SECONDS)
