"""The parent process: starts the others, restarts what dies, puts new ones in their place, and stops them all.

Nobody else handles signals. The first SIGTERM or SIGINT drains: every child gets SIGTERM and `drain_seconds` to finish
what it has; a second one, or the end of that time, is SIGKILL. SIGHUP reloads: a new crew is started beside the one
that serves, on the same sockets; when all of it answers, the old one is drained, and where it does not, the old one
stays. Where there is a terminal whose end SIGHUP may tell of, it drains like the others.
This module knows processes, not what they do; it says what happens through `announce`.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Sequence

from proxy.children import Job
from proxy.crew import Crew
from proxy.listening import give_up

READY_SECONDS = 30.0  # for a new crew to answer; a busy machine takes some to start four processes
MOST_LEAVING = 2  # crews that finish what they have; the next reload waits, or long answers would pile processes up
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

Renew = Callable[[], Sequence[Job] | None]


class Supervisor:
    """Keeps jobs running until a signal says stop. Use: `Supervisor(announce=...).run(jobs)`."""

    def __init__(self, *, announce: Callable[[str], None], drain_seconds: float) -> None:
        self._announce = announce
        self._drain_seconds = drain_seconds
        self._signals = 0
        self._stopping = asyncio.Event()
        self._hurry = asyncio.Event()
        self._asked = asyncio.Event()  # for a reload
        self._crews: list[Crew] = []  # that are not to end yet; the last one is on trial where there is a reload
        self._leaving: set[asyncio.Task[bool]] = set()

    def __repr__(self) -> str:
        state = "stopping" if self._stopping.is_set() else "running"
        children = (f" {name}={pid}" for crew in self._crews for name, pid in crew.children.items())
        return f"<Supervisor {state}{''.join(children)}>"

    async def run(self, jobs: Sequence[Job], *, lasting: Sequence[Job] = (), renew: Renew | None = None) -> int:
        """0 after an orderly stop, 1 if a child had to be killed or nothing would start.

        Args:
            jobs: what is replaced at a reload, on the same sockets.
            lasting: what goes on until the end.
            renew: what SIGHUP calls, in a thread: the jobs as they are to be from now on, or None where it has told why
                nothing changes. Without it SIGHUP drains.
        """
        loop = asyncio.get_running_loop()
        # nohup has SIGHUP ignored on purpose
        handled = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
        for number in handled:
            is_renewal = number == signal.SIGHUP and renew is not None
            loop.add_signal_handler(number, self._asked.set if is_renewal else self._signalled)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})  # which may have come before there was a handler
        lifeline, held = os.pipe()
        try:
            self._begin(lasting, lifeline)
            self._begin(jobs, lifeline)
            renewing = asyncio.create_task(self._renew_when_asked(renew, lifeline))
            await self._stopping.wait()
            renewing.cancel()
            await asyncio.wait({renewing})  # what it has begun is among the crews
            for job in (*lasting, *jobs):  # or visitors would queue for workers that no longer accept
                for listener in job.sockets:
                    give_up(listener)
            failed = any(crew.has_failed for crew in self._crews)
            killed = await self._end()
            if not renewing.cancelled():
                renewing.result()
        finally:
            for number in handled:
                loop.remove_signal_handler(number)
            os.close(held)
            os.close(lifeline)
        return int(killed or failed)

    def _signalled(self) -> None:
        self._signals += 1
        self._stopping.set()
        if self._signals > 1:
            self._hurry.set()

    def _begin(self, jobs: Sequence[Job], lifeline: int, *, on_trial: bool = False) -> Crew:
        crew = Crew(jobs, lifeline, announce=self._announce, over=self._stopping.set, on_trial=on_trial)
        crew.begin()
        self._crews.append(crew)
        return crew

    async def _renew_when_asked(self, renew: Renew | None, lifeline: int) -> None:
        while renew is not None:
            await self._asked.wait()
            while len(self._leaving) >= MOST_LEAVING:
                await asyncio.wait(self._leaving, return_when=asyncio.FIRST_COMPLETED)
            self._asked.clear()  # whoever asks from here on may mean what is not yet there to be read
            try:
                jobs = await asyncio.to_thread(renew)
                if jobs is not None:
                    await self._replace(jobs, lifeline)
            except Exception as wrong:  # ours to mend, or no memory just now, and no reason to stop serving
                self._announce(f"not reloaded: {wrong!r}; everything goes on as it was")

    async def _replace(self, jobs: Sequence[Job], lifeline: int) -> None:
        """The last crew by a new one, where that comes up."""
        old = self._crews[-1]
        new = self._begin(jobs, lifeline, on_trial=True)
        obstacle = await new.obstacle(READY_SECONDS)
        self._let_go(new if obstacle else old)
        if obstacle:
            self._announce(f"not reloaded: {obstacle}; everything goes on as it was")
        else:
            self._announce("reloaded: new processes serve with the new configuration")

    def _let_go(self, crew: Crew) -> None:
        self._crews.remove(crew)
        leaving = asyncio.create_task(crew.drain(self._drain_seconds, self._hurry))
        self._leaving.add(leaving)
        leaving.add_done_callback(self._left)

    def _left(self, leaving: asyncio.Task[bool]) -> None:
        if leaving.exception() is None:
            self._leaving.discard(leaving)
        else:  # kept for `_end` to raise
            self._stopping.set()

    async def _end(self) -> bool:
        """All of them at once; true if any had to be killed now. Raises what a crew has failed with."""
        for crew in tuple(self._crews):
            self._let_go(crew)
        ends = await asyncio.gather(*self._leaving, return_exceptions=True)
        for end in ends:
            if isinstance(end, BaseException):
                raise end
        return any(ends)
