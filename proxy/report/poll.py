"""What the live feed's poller remembers of the store, and what it asks.

Law: used by one thread. A line is told once, and again when it has turned; what may still turn is bounded in number
and in time.
"""

import time
from collections.abc import Sequence
from typing import NamedTuple

from proxy.events.event import LANES
from proxy.report.asked import Position
from proxy.store.questions import ReportReader, Told

LOOK_SECONDS = 1.0
"""How often the poller looks whether the store's file is still the same, and tries again where it cannot be read."""
BATCH = 200
"""Lines in one message, and the most that somebody catches up on."""
COUNTED = 100_000
"""The most that is counted of what is left out of a message: of more, it is only said that it is more."""
LOOKED_BACK = 100
"""Lines before a watcher's last one that it may show and that may have turned meanwhile."""
REMEMBERED = 2_000
"""Lines before the first poll, of which a page that a filter narrows may show any (sifting.py)."""
UNSETTLED = 200
UNSETTLED_SECONDS = 180.0
"""A page that no browser confirmed by then is a blocked tracker's, or nobody's."""


class News(NamedTuple):
    """`lines`: new ones, before which `skipped` are left out; `turned`: lines that are other than they were told."""

    lines: Sequence[Told]
    turned: Sequence[Told]
    skipped: int


class Poll:
    """What the poller remembers of the store: how far it is told, and which lines may still turn. `told`: how far it
    was told before this store was opened; of another store it says nothing (`is_other`), and begins anew."""

    def __init__(self, reader: ReportReader, told: Position | None) -> None:
        self.reader = reader
        self._is_new = True
        self._change = -1
        with reader.moment():
            self._store, newest = reader.identity(), reader.newest()
        self.is_other = told is not None and not self._is_of(told, newest)
        self.last = newest if told is None or self.is_other else told.seq
        self._look_at = time.monotonic() + LOOK_SECONDS
        self._unsettled: dict[int, tuple[float, tuple[object, ...]]] = {}

    def close(self) -> None:
        self.reader.close()

    @property
    def position(self) -> Position:
        """How far this store is told."""
        return Position(self.last, self._store)

    def is_gone(self) -> bool:
        """Whether what was opened is not what would be opened now, or not what it was; asked every `LOOK_SECONDS`."""
        now = time.monotonic()
        if now < self._look_at:
            return False
        self._look_at = now + LOOK_SECONDS
        return not self.reader.is_current() or self.reader.newest() < self.last

    def is_of_this(self, told: Position) -> bool:
        """Whether somebody who was told so far was told of this store."""
        return self._is_of(told, self.last)

    def _is_of(self, told: Position, newest: int) -> bool:
        return told.seq == 0 or (told.seq <= newest and told.store in ("", self._store))

    def has_changed(self) -> bool:
        change = self.reader.change()
        changed, self._change = change != self._change, change
        return changed

    def news(self) -> News:
        """What has come, and what has turned, since it was asked last."""
        if self._is_new:
            self._is_new = False
            self._remember(self.reader.after(max(0, self.last - REMEMBERED), REMEMBERED))
        if not self._store:  # until somebody comes, a store is like any other
            self._store = self.reader.identity()
        turned = self._turned()
        lines = self.reader.after(self.last, BATCH)
        skipped = self._skipped(self.last, lines)
        self.last = max(self.last, self.reader.newest())
        self._remember(lines)
        return News(lines, turned, skipped)

    def missed(self, after: int) -> News:
        """The same for somebody who was told up to `after`. Who was told nothing is given the latest lines: nothing
        that they have seen goes before them."""
        found = self.reader.after(max(0, after - LOOKED_BACK), LOOKED_BACK + BATCH)
        old = [line for line in found if line.event.seq <= after]
        new = [line for line in found if line.event.seq > after][-BATCH:]
        return News(new, old, self._skipped(after, new) if after else 0)

    def _skipped(self, after: int, lines: Sequence[Told]) -> int:
        """How many events after `after` are not among the latest lines."""
        return skipped_by(self.reader, after, len(lines)) if len(lines) == BATCH else 0

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


def skipped_by(reader: ReportReader, after: int, told: int) -> int:
    """How many events after `after` there are besides the `told` latest; COUNTED + 1 where there are more."""
    return reader.number_after(after, told + COUNTED + 1) - told


def _state(line: Told) -> tuple[object, ...]:
    return line.event.lane, line.event.params.get("title"), line.event.uuid


def _is_settled(line: Told) -> bool:
    """Whether it will stay as it is: it is in its lane, and a page has its title."""
    event = line.event
    return event.lane != LANES[1] and (
        event.action != "page.visit" or event.lane == LANES[0] or "title" in event.params
    )
