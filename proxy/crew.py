"""The processes of one configuration: started together, started again where one dies, and drained together.

Law: it knows processes, not what they do, and no signal reaches it but through `drain`. It says what happens through
`announce`. Who takes what others hand over through the crew's door is started again however often it ends, and ends
after all others: by the door, of which nobody has the other end any more.
"""

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Sequence
from typing import Any

from proxy.children import Job, ending, send, start
from proxy.http.accepting import make_tally, strike_out

QUICK_SECONDS = 2.0  # a child that lives less than this is started again with a growing delay
STEADY_SECONDS = 10.0  # one that lives this long has run; a busy machine takes seconds to start one that never does
FIRST_DELAY_SECONDS = 0.1
LONGEST_DELAY_SECONDS = 2.0
HOPELESS_STARTS = 5  # in a row, by the child's own exit (not by a signal), before the job ever ran steadily
LAST_SECONDS = 5.0  # for who takes what the others hand over, once they have ended


class Crew:
    """Use: `begin`, then `drain`. `over` is called when there is nothing left to run for: a vital job does not start
    (`has_failed`), or starting itself has failed, which `drain` raises.

    `on_trial`: until all are ready, the end of a vital one is the end of the trial: it is not started again.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        lifeline: int,
        *,
        announce: Callable[[str], None],
        over: Callable[[], None],
        on_trial: bool = False,
    ) -> None:
        self.jobs = tuple(jobs)
        self._over = over
        self.has_failed = False
        self._lifeline = lifeline
        self._announce = announce
        self._on_trial = on_trial
        self._verdict = asyncio.Event()  # all are ready, or it is known that they will not be
        self._obstacle = ""
        self._children: dict[str, asyncio.subprocess.Process] = {}
        self._unready: set[str] = set()
        self._steady: set[Job] = set()
        self._stopping = asyncio.Event()
        self._emptying = asyncio.Event()  # nobody is left to hand anything over
        self._hurry = False
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._takers: list[str] = []
        self._tallies: list[int | None] = []
        self._doors: dict[str, socket.socket] = {}

    def __repr__(self) -> str:
        return f"<Crew{''.join(f' {name}={pid}' for name, pid in self.children.items())}>"

    @property
    def children(self) -> dict[str, int]:
        """Names and process ids."""
        return {name: child.pid for name, child in self._children.items()}

    def begin(self) -> None:
        """Starts them. OSError: none was started, there is not even room to count them."""
        try:
            for job in self.jobs:
                self._tallies.append(make_tally(job.count) if job.count > 1 else None)
            if any(job.door for job in self.jobs):
                self._doors["giving"], self._doors["taking"] = socket.socketpair()
        except OSError:
            self._close()
            raise
        for job, tally in zip(self.jobs, self._tallies, strict=True):
            for place in range(job.count):
                name = f"{job.name} {place + 1}" if job.count > 1 else job.name
                if not job.once:
                    self._unready.add(name)
                keeper = asyncio.create_task(self._keep(name, job, place, tally))
                keeper.add_done_callback(self._kept)
                self._keepers[name] = keeper
                if job.door == "taking":
                    self._takers.append(name)

    async def obstacle(self, seconds: float) -> str:
        """'' when all are ready, else who is not within that time, or has ended instead. The trial is over then."""
        try:
            await asyncio.wait_for(self._verdict.wait(), seconds)
        except TimeoutError:
            self._obstacle = f"{min(self._unready)} was not ready after {seconds:.0f} s"
        self._on_trial = False
        return self._obstacle

    def _kept(self, keeper: asyncio.Task[None]) -> None:
        """One that fails leaves a child without anybody to start it again: that is an end, not a silence."""
        if keeper.cancelled() or keeper.exception() is not None:
            self._over()

    def _is_ready(self, name: str) -> None:
        self._unready.discard(name)
        if not self._unready:
            self._verdict.set()

    def _close(self) -> None:
        for tally in self._tallies:
            if tally is not None:
                os.close(tally)
        for door in self._doors.values():
            door.close()

    async def _keep(self, name: str, job: Job, place: int, tally: int | None) -> None:
        """Start one child, wait for its end, start it again; until we stop."""
        loop = asyncio.get_running_loop()
        quick = hopeless = 0
        stopping = self._emptying if job.door == "taking" else self._stopping
        door = self._doors[job.door].fileno() if job.door else None
        while not stopping.is_set():
            started = loop.time()
            try:
                child = await start(job, place, tally, door, self._lifeline, lambda: self._is_ready(name))
            except OSError as wrong:  # no process or memory to be had just now
                if stopping.is_set():
                    return
                self._announce(f"{name} cannot be started: {wrong.strerror}")
                await _rest(stopping, LONGEST_DELAY_SECONDS)
                continue
            self._children[name] = child
            if stopping.is_set():  # the signal came while it was being started
                send(child, signal.SIGKILL if self._hurry else signal.SIGTERM)
            steady = loop.call_later(STEADY_SECONDS, self._steady.add, job)
            status = await child.wait()
            steady.cancel()
            del self._children[name]
            if tally is not None:
                strike_out(tally, place)
            if stopping.is_set() or self._is_settled(name, job, status):
                return
            lived = loop.time() - started
            quick = 0 if lived >= QUICK_SECONDS else quick + 1
            hopeless = hopeless + 1 if lived < STEADY_SECONDS and status > 0 else 0
            if hopeless >= HOPELESS_STARTS and job not in self._steady and job.door != "taking":
                self._give_up(name, job, status)
                return
            delay = min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2 ** min(quick - 1, 9)) if quick else 0.0
            self._announce(f"{name} ended after {lived:.1f} s ({ending(status)}); starting it again")
            await _rest(stopping, delay)

    def _is_settled(self, name: str, job: Job, status: int) -> bool:
        """Whether nothing is to be started again."""
        if job.once:
            if status:
                self._announce(f"{name} ended ({ending(status)})")
            return True
        if self._on_trial and job.vital:
            self._obstacle = self._obstacle or f"{name}: {ending(status)}"
            self._verdict.set()
            return job.door != "taking"  # the others may have something to hand over
        if not job.vital:  # nobody waits for it
            self._is_ready(name)
        return False

    def _give_up(self, name: str, job: Job, status: int) -> None:
        self._announce(f"{name} does not start: {ending(status)}")
        if job.vital:
            self.has_failed = True
            self._over()

    async def drain(self, seconds: float, hurry: asyncio.Event) -> bool:
        """Ask all to end, then insist, after that time or when `hurry` is set; true if any had to be killed. Who takes
        what the others hand over ends after them. Raises what has failed in keeping them."""
        self._stopping.set()
        self._on_trial = False
        for name, child in self._children.items():
            if name not in self._takers:
                send(child, signal.SIGTERM)
        killed = await self._ended([name for name in self._keepers if name not in self._takers], seconds, hurry)
        self._emptying.set()
        for door in self._doors.values():
            door.close()
        killed |= await self._ended(self._takers, LAST_SECONDS, hurry)
        self._close()
        for keeper in self._keepers.values():
            keeper.result()
        return killed

    async def _ended(self, names: Sequence[str], seconds: float, hurry: asyncio.Event) -> bool:
        """These end by themselves or, after that time or when `hurry` is set, are killed; true if any had to be."""
        hurried = asyncio.create_task(hurry.wait())
        everyone = asyncio.gather(*(self._keepers[name] for name in names), return_exceptions=True)
        either: set[asyncio.Future[Any]] = {hurried, everyone}
        await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        hurried.cancel()
        self._hurry = True  # whoever is only now being started is too late as well
        stuck = [name for name in names if name in self._children]
        for name in stuck:
            send(self._children[name], signal.SIGKILL)
            self._announce(f"{name} did not end in time and is killed")
        await everyone
        return bool(stuck)


async def _rest(stopping: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stopping.wait(), seconds)
    except TimeoutError:
        return
