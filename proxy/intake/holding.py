"""Holding a page's last byte until its visit is on disk: how soon that has to leave, and knowing when to stop holding
(VISITS.md section 6).

Law: sans-I/O. `Breaker` decides whether a page may wait; it never decides whether a visit is recorded.
"""

from proxy.store.counters import Unheld
from proxy.visitors.times import DAY_MS

OPEN_AFTER_TIMEOUTS = 3
"""Time-outs in a row after which pages are no longer held."""
PROBE_EVERY = 100
"""While open, one page in this many is held after all, to find out whether the store has recovered."""
UNASKED_SECONDS = 0.005
"""What nobody waits for yet, or patiently (for the end of a page that has begun), goes at once where nothing came for
so long, else after so long at the latest: pages of 755 KB come one by one, and each in a batch of its own takes twice
as much of the writer (104 us a page, not 53)."""
PATIENT_FROM_SECONDS = 10 * UNASKED_SECONDS
"""Whoever waits less than this in all is not kept waiting for it."""


class Breaker:
    """Counts time-outs in a row; open means that pages are not held."""

    __slots__ = ("_skipped", "_timeouts", "open")

    def __init__(self) -> None:
        self.open = False
        self._timeouts = 0
        self._skipped = 0

    def __repr__(self) -> str:
        return f"<Breaker {'open' if self.open else 'closed'}, {self._timeouts} time-outs in a row>"

    def may_hold(self) -> bool:
        """Whether the next page may wait for its commit."""
        if not self.open:
            return True
        self._skipped += 1
        return self._skipped % PROBE_EVERY == 0

    def timed_out(self) -> bool:
        """A held page was released by the time-out. True where this opens the breaker."""
        self._timeouts += 1
        if self.open or self._timeouts < OPEN_AFTER_TIMEOUTS:
            return False
        self.open = True
        self._skipped = 0
        return True

    def committed(self) -> bool:
        """A held page was committed in time. True where this closes the breaker."""
        was_open, self.open, self._timeouts = self.open, False, 0
        return was_open


class Spells:
    """When the breaker was open, by days in UTC, between two flushes to the store. `now_ms`: UTC ms."""

    __slots__ = ("_days",)

    def __init__(self) -> None:
        self._days: dict[int, Unheld] = {}

    def __len__(self) -> int:
        return len(self._days)

    def see(self, now_ms: int, *, opened: bool = False, closed: bool = False) -> None:
        """It is open, was opened, or was so until now."""
        day = now_ms // DAY_MS
        known = self._days.get(day, Unheld(day, 0, now_ms, now_ms, 0))
        self._days[day] = Unheld(
            day,
            known.times + opened,
            min(known.first, now_ms),
            max(known.last, now_ms),
            now_ms if closed else known.over,
        )

    def take(self) -> tuple[Unheld, ...]:
        """What was seen since the last time."""
        days, self._days = self._days, {}
        return tuple(days.values())
