"""What the live feed's poller remembers of the store, and what it asks.

Law: used by one thread. A line is told once, and again when it has turned; what may still turn is bounded in number
and in time.
"""

import time
from collections.abc import Sequence

from proxy.events.event import LANES
from proxy.store.questions import ReportReader, Told

LOOK_SECONDS = 1.0
"""How often the poller looks whether the store's file is still the same, and tries again where it cannot be read."""
BATCH = 200
"""Lines in one message, and the most that somebody catches up on."""
LOOKED_BACK = 100
"""Lines before a watcher's last one that it may show and that may have turned meanwhile."""
UNSETTLED = 200
UNSETTLED_SECONDS = 180.0
"""A page that no browser confirmed by then is a blocked tracker's, or nobody's."""


class Poll:
    """What the poller remembers of the store: how far it is told, and which lines may still turn."""

    def __init__(self, reader: ReportReader, last: int) -> None:
        self.reader = reader
        self.last = last
        self._is_new = True
        self._change = -1
        self._look_at = time.monotonic() + LOOK_SECONDS
        self._unsettled: dict[int, tuple[float, tuple[object, ...]]] = {}

    def close(self) -> None:
        self.reader.close()

    def is_replaced(self) -> bool:
        now = time.monotonic()
        if now < self._look_at:
            return False
        self._look_at = now + LOOK_SECONDS
        return not self.reader.is_current() or self.reader.newest() < self.last

    def has_changed(self) -> bool:
        change = self.reader.change()
        changed, self._change = change != self._change, change
        return changed

    def news(self) -> tuple[tuple[Told, ...], list[Told]]:
        """(new lines, lines that are other than they were told)."""
        if self._is_new:
            self._is_new = False
            self.last = self.last if self.last >= 0 else self.reader.newest()
            self._remember(self.reader.after(max(0, self.last - LOOKED_BACK), LOOKED_BACK))
        turned = self._turned()
        lines = self.reader.after(self.last, BATCH)
        self.last = max(self.last, self.reader.newest())
        self._remember(lines)
        return lines, turned

    def missed(self, after: int) -> tuple[list[Told], list[Told]]:
        """(lines up to `after`, which may have turned; lines after it), for somebody who joins."""
        since = min(after, self.last)
        found = self.reader.after(max(0, since - LOOKED_BACK), LOOKED_BACK + BATCH)
        old = [line for line in found if line.event.seq <= after]
        return old, [line for line in found if line.event.seq > after][-BATCH:]

    def _turned(self) -> list[Told]:
        now = time.monotonic()
        for seq in [seq for seq, (until, _) in self._unsettled.items() if until < now]:
            del self._unsettled[seq]
        turned = []
        for line in self.reader.again(list(self._unsettled)):
            seq, state = line.event.seq, _state(line)
            until, before = self._unsettled[seq]
            if state != before:
                turned.append(line)
                self._unsettled[seq] = (until, state)
            if _is_settled(line):
                del self._unsettled[seq]
        return turned

    def _remember(self, lines: Sequence[Told]) -> None:
        until = time.monotonic() + UNSETTLED_SECONDS
        for line in lines:
            if not _is_settled(line):
                self._unsettled[line.event.seq] = (until, _state(line))
        while len(self._unsettled) > UNSETTLED:
            del self._unsettled[next(iter(self._unsettled))]


def _state(line: Told) -> tuple[object, ...]:
    return line.event.lane, line.event.params.get("title"), line.event.uuid


def _is_settled(line: Told) -> bool:
    """Whether it will stay as it is: it is in its lane, and a page has its title."""
    event = line.event
    return event.lane != LANES[1] and (
        event.action != "page.visit" or event.lane == LANES[0] or "title" in event.params
    )
