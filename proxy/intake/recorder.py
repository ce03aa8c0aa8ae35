"""The recorder: between the event loop and the store, one writer and group commit.

Law: what was handed over is written in its order, in batches of whatever has come together meanwhile, and stays in
memory until the store has said that it holds it. Nothing here raises into a request: a full queue or a dead store
costs events, which are counted and logged once, never a page.

    event loop --record()--> pending --(somebody waits, or a while)--> thread, or another process --> wake-up
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence

from proxy.intake.blocked import BlockedPages
from proxy.intake.handed import Handed, MakeWriting, weight_of
from proxy.intake.holding import PATIENT_FROM_SECONDS, UNASKED_SECONDS, Breaker, Spells
from proxy.intake.numbering import Numbering
from proxy.store.base import FormAnswer, Item, Result, Visit
from proxy.store.counters import Blocked, Outcomes, Unheld
from proxy.visitors.times import DAY_MS

log = logging.getLogger("footfall.recorder")

COUNTS_EVERY_SECONDS = 1.0
"""Outcome counters are at most this old when they reach the store."""
COUNTED_HOSTS = 200
"""Distinct hosts counted between two flushes; a flood of made-up Host fields shares one row."""
OTHER_HOST = "(other)"


class Full(Exception):
    """The queue is full: the store has been failing or stalled for too long. Answer 503, try again later."""


Awaited = asyncio.Future[bool]
_Waiter = tuple[int, float, Awaited]
"""Ticket, deadline, and what is awaited; one is made for every page, and with names it would take a call."""


class Recorder:
    """One per process.

    Args:
        make_writing: makes who writes (writing.py, elsewhere.py), anew after each stop.
        clock_ms: UTC milliseconds.
        queue_events: most items that may wait for the store.
        hold_ms: longest time a page's last byte waits for its commit.
    """

    def __init__(
        self, make_writing: MakeWriting, *, clock_ms: Callable[[], int], queue_events: int, hold_ms: int
    ) -> None:
        self._clock_ms = clock_ms
        self._queue_events = queue_events
        self._hold_seconds = hold_ms / 1000
        self._loop: asyncio.AbstractEventLoop | None = None
        self._make_writing = make_writing
        self._writing = make_writing(self._deliver)
        self._pending: list[Item] = []
        self._wanted: list[tuple[int, asyncio.Future[Result]]] = []
        self._handed = self._committed = 0  # tickets: the last one, and the last that is stored
        self._events_handed = self._events_stored = self._pending_events = 0  # visits, and others that may be lost
        self._lost = 0
        self._waiters: deque[_Waiter] = deque()
        self._are_mixed = False  # somebody waits for an earlier ticket than one before him
        self._timer: asyncio.TimerHandle | None = None
        self._leaves_soon = False  # what is pending, at the end of this turn of the loop
        self._unasked_timer: asyncio.TimerHandle | None = None
        self._counts: dict[tuple[int, str, str], int] = {}
        self._counts_timer: asyncio.TimerHandle | None = None
        self._blocked = BlockedPages()
        self._numbering = Numbering()
        self.breaker = Breaker()
        self._spells = Spells()

    def __repr__(self) -> str:
        return f"<Recorder {self._waiting} waiting, {self._lost} lost, {self.breaker!r}>"

    @property
    def _waiting(self) -> int:
        """Events that the store does not hold yet."""
        return self._events_handed - self._events_stored

    def start(self) -> None:
        """Start writing; call from the event loop that will record. After `stop` it starts anew."""
        self._loop = asyncio.get_running_loop()
        self._leaves_soon = False
        self._end_timers()
        self._numbering = Numbering()
        if self._writing.is_over:
            self._writing = self._make_writing(self._deliver)
        self._writing.start()

    async def stop(self, patience_seconds: float) -> int:
        """Write what is waiting, for at most so long, and stop. Returns how many events were not written."""
        self._flush_counts()
        await self._writing.stop(patience_seconds)
        self._end_timers()
        for ticket, _, future in self._waiters:
            if not future.done():
                future.set_result(ticket <= self._committed)
        self._waiters.clear()
        return self._waiting

    def _end_timers(self) -> None:
        """Also those of what came after the end, perhaps in a loop that is closed by now."""
        for timer in (self._timer, self._counts_timer, self._unasked_timer):
            if timer is not None:
                timer.cancel()
        self._timer = self._counts_timer = self._unasked_timer = None

    def record(self, item: Item) -> int:
        """Hand an item over. Returns its ticket for `hold`; 0 where the queue is full and the item is lost."""
        if self._events_handed - self._events_stored >= self._queue_events:
            self._lose(1)
            if isinstance(item, Visit):
                self.count(item.host, "lost")
            return 0
        if isinstance(item, FormAnswer):
            item = self._numbering.once(item, self._clock_ms())
        self._hand(item)
        return self._handed

    async def ask(self, item: Item) -> Result:
        """Hand an item over and wait for what the store made of it: it is durable when this returns.

        Raises:
            Full: the queue is full; nothing was handed over.
        """
        assert self._loop is not None
        if self._waiting >= self._queue_events:
            raise Full
        future: asyncio.Future[Result] = self._loop.create_future()
        self._hand(item, weight_of(item))
        self._flush_soon()
        self._wanted.append((len(self._pending) - 1, future))
        return await future

    def hold(self, ticket: int, waiter: Awaited | None = None, *, patiently: bool = False) -> Awaited | None:
        """What to await for a commit, at most `hold_ms`: whether it came; or `waiter` is told. None where there is
        nothing to wait for: it is committed already, the item was lost, or the breaker is open. `patiently`: it may
        leave UNASKED_SECONDS later, where `hold_ms` is long enough for that."""
        if ticket <= self._committed or self._loop is None or not self.breaker.may_hold():
            return None
        future: Awaited = waiter or self._loop.create_future()
        deadline = self._loop.time() + self._hold_seconds
        waiters = self._waiters
        if waiters and ticket < waiters[-1][0]:
            self._are_mixed = True
        waiters.append((ticket, deadline, future))
        if ticket <= self._committed:  # by a thread, meanwhile: it may have seen nobody waiting
            self._wake()
        elif self._timer is None:
            self._timer = self._loop.call_at(deadline, self._release_late)
        patiently = patiently and self._hold_seconds > PATIENT_FROM_SECONDS
        if not patiently and ticket > self._handed - len(self._pending):  # it has not left here
            self._flush_soon()
        return future

    def count(self, host: str, outcome: str, now_ms: int | None = None) -> None:
        """Count a request by what became of it; reaches the store with the next batch. `now_ms`: when it came (UTC),
        as its visit says it; now, where there is none."""
        counts = self._counts
        key = ((self._clock_ms() if now_ms is None else now_ms) // DAY_MS, host, outcome)
        known = counts.get(key, 0)
        if not known:
            hosts = {other for _, other, _ in counts}
            if len(hosts) >= COUNTED_HOSTS and host not in hosts:
                key = (key[0], OTHER_HOST, outcome)
                known = counts.get(key, 0)
        counts[key] = known + 1
        if self._counts_timer is None:  # asked here, too: it spares nearly every request the call
            self._flush_counts_soon()

    def _flush_counts_soon(self) -> None:
        if self._counts_timer is None and self._loop is not None:
            self._counts_timer = self._loop.call_later(COUNTS_EVERY_SECONDS, self._flush_counts)

    def count_blocked(self, host: str, path: str, reason: str) -> None:
        """Count a visit whose page goes without its tag; goes to the store with the other counters."""
        self._blocked.count(host, path, reason, self._clock_ms())
        self._flush_counts_soon()

    def _hand(self, item: Item, weight: int = 1) -> None:
        if self._unasked_timer is None and self._loop is not None:
            self._flush_soon()
            self._unasked_timer = self._loop.call_later(UNASKED_SECONDS, self._flush_unasked)
        self._pending.append(item)
        self._handed += 1
        self._events_handed += weight
        self._pending_events += weight

    def _lose(self, number: int) -> None:
        if not self._lost:
            log.error("the store does not keep up and the queue is full: events are being lost; pages are served")
        self._lost += number

    def _flush_counts(self) -> None:
        """Hand the counters over; while the store fails they go on counting here."""
        self._counts_timer = None
        if not self._writing.failing:
            if self._counts:
                counts = tuple((*key, n) for key, n in self._counts.items())
                self._counts = {}
                self._add_up(Outcomes(counts))
            if self._blocked:
                self._add_up(self._blocked.take())
            if self.breaker.open:
                self._spells.see(self._clock_ms())
            for spell in self._spells.take():
                self._add_up(spell)
        self._flush()

    def _add_up(self, counters: Outcomes | Blocked | Unheld) -> None:
        self._pending.append(self._numbering.once(counters, self._clock_ms()))
        self._handed += 1

    def _flush_soon(self) -> None:
        """What has come together by the end of this turn of the loop goes to the store."""
        if not self._leaves_soon and self._loop is not None:
            self._leaves_soon = True
            self._loop.call_soon(self._flush)

    def _flush_unasked(self) -> None:
        self._unasked_timer = None
        if self._pending and self._loop is not None:
            self._unasked_timer = self._loop.call_later(UNASKED_SECONDS, self._flush_unasked)
            self._flush()

    def _flush(self) -> None:
        """Hand over what has come together."""
        self._leaves_soon = False
        if self._pending:
            handed = Handed(self._pending, self._pending_events, self._handed, self._wanted)
            self._pending, self._pending_events, self._wanted = [], 0, []
            self._writing.put(handed)

    def _release_late(self) -> None:
        """The time-out of the pages held longest: let them go, uncommitted."""
        self._timer = None
        assert self._loop is not None
        self._wake()  # the commit may have come, and its wake-up not yet
        now = self._loop.time()
        while self._waiters and self._waiters[0][1] <= now:
            _, _, future = self._waiters.popleft()
            if not future.done():
                future.set_result(False)
                self.count("", "released_unsaved")
                if self.breaker.timed_out():
                    self._spells.see(self._clock_ms(), opened=True)
                    log.error("the store answers too late: pages are no longer held for it, visits are still queued")
        if self._waiters:
            self._timer = self._loop.call_at(self._waiters[0][1], self._release_late)

    def _wake(self) -> None:
        """A batch is in the store: let its pages go. Most wait in the order in which they were recorded."""
        committed, waiting = self._committed, self._waiters
        while waiting and waiting[0][0] <= committed:
            self._release(waiting.popleft()[2])
        if not waiting:
            self._are_mixed = False
        elif self._are_mixed:
            self._waiters = deque(waiter for waiter in waiting if waiter[0] > committed)
            for ticket, _, future in waiting:
                if ticket <= committed:
                    self._release(future)

    def _release(self, future: Awaited) -> None:
        if not future.done():
            future.set_result(True)
            if self.breaker.committed():
                self._spells.see(self._clock_ms(), closed=True)
                self._flush_counts_soon()
                log.warning("the store answers in time again: pages are held for their commit")

    def _answer(self, wanted: Sequence[tuple[asyncio.Future[Result], Result]]) -> None:
        for future, result in wanted:
            if not future.done():
                future.set_result(result)
        if self._lost and self._waiting == self._pending_events:
            log.error("the queue is empty again: %d events were lost", self._lost)
            self._lost = 0
        self._wake()

    def _deliver(self, batch: list[Handed], results: list[Result]) -> None:
        answers: list[tuple[asyncio.Future[Result], Result]] = []
        start = 0
        for part in batch:
            answers += [(future, results[start + index]) for index, future in part.wanted]
            start += len(part.items)
        self._events_stored += sum(part.events for part in batch)
        self._committed = batch[-1].ticket
        if self._writing.is_in_loop:
            self._answer(answers)
        elif (answers or self._waiters or self._lost) and self._loop is not None and not self._loop.is_closed():
            try:
                self._loop.call_soon_threadsafe(self._answer, answers)
            except RuntimeError:  # the loop closed meanwhile: nobody waits any more
                pass
