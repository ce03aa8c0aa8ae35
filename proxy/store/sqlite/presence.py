"""Who did what on which days, and from that, how many visitors any range of days had (schema_4.sql, `presence`).

Law: what counts visitors follows from the days on which each was there: a day more splits the gap between the one
before and the one after it, a day less closes one. Of a visitor one day at a time: the next one finds it written.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from proxy.bounded import Bounded
from proxy.store.sqlite.bulk import ask_many, run_many
from proxy.store.sqlite.rollups import BESIDE, NEVER, VISITORS_OF
from proxy.store.sqlite.texts import SQL
from proxy.visitors.lanes import PERSON

PRESENCES = 10_000
"""Of visitors on days, remembered from one batch to the next: most who do something were there a moment ago; 2 MB."""

_VISITORS_OF = {int(kind): int(visitors) for kind, visitors in VISITORS_OF.items()}

There = tuple[int, int, int, int, int]
"""Visitor, kind, subject, lane, day."""
Cells = defaultdict[tuple[int, int, int, int, int], int]
"""Of the ledger: counts by kind, lane, day, subject, extra."""


class Presence:
    """What of it one transaction changes: `changes` are added to how often somebody did something on a day."""

    __slots__ = ("_execute", "_there", "changes")

    def __init__(self, execute: Callable[..., Any]) -> None:
        self._execute = execute
        self._there: Bounded[There, None] = Bounded(PRESENCES)
        self.clear()

    def __repr__(self) -> str:
        return f"<Presence {len(self.changes)} changes>"

    def forget(self) -> None:
        """What the table holds may have changed."""
        self._there.clear()

    def clear(self) -> None:
        """Begin anew."""
        self.changes: defaultdict[There, int] = defaultdict(int)

    def set_beside(self, beside: set[int], moved: Iterable[int]) -> None:
        """Told at the end: visitors of whom a browser keeps no cookie are counted beside the others, as people. Of
        those who have `moved`, there or back, what is stored moves with them."""
        presence = self.changes
        for key in [key for key in presence if key[0] in beside and key[3] == PERSON]:
            visitor, kind, subject, _, day = key
            presence[visitor, kind, subject, BESIDE, day] += presence.pop(key)
        for visitor in moved:
            to, lane = (BESIDE, PERSON) if visitor in beside else (PERSON, BESIDE)
            (text,) = self._execute(SQL["presence_of"], (visitor, lane)).fetchone()
            for kind, subject, day, n in json.loads(text):
                presence[visitor, kind, subject, lane, day] -= n
                presence[visitor, kind, subject, to, day] += n

    def settle(self, cells: Cells) -> None:
        """Write everything, and count the visitors."""
        left = sorted((key, n) for key, n in self.changes.items() if n)
        while left:
            now: dict[tuple[int, int, int, int], tuple[There, int]] = {}
            later = []
            for key, n in left:
                if key[:4] in now:
                    later.append((key, n))
                else:
                    now[key[:4]] = (key, n)
            self._settle_days(list(now.values()), cells)
            left = later

    def _settle_days(self, changes: list[tuple[There, int]], cells: Cells) -> None:
        there = self._there
        asked = [(key, change) for key, change in changes if change < 0 or key not in there]
        texts = ask_many(self._execute, "find_presence_many", [key for key, _ in asked])
        found = [row for text in texts for row in json.loads(text)]
        for (key, change), (n, before, after) in zip(asked, found, strict=False):
            if n is None:
                _come(cells, key, before, after, 1)
            if (n or 0) + change != 0:
                there.put(key, None)
                continue
            there.pop(key, None)
            before, after = self._execute(SQL["find_gap"], key).fetchone()
            _come(cells, key, before, after, -1)
        run_many(self._execute, "add_presence_many", [(*key, n) for key, n in changes])


def _come(cells: Cells, there: There, before: int | None, after: int | None, n: int) -> None:
    """Somebody came (1) on a day between two others, or did not after all (-1)."""
    _, of, subject, lane, day = there
    kind = _VISITORS_OF[of]
    previous = NEVER if before is None else before
    cells[kind, lane, day, subject, previous] += n
    if after is not None:
        cells[kind, lane, after, subject, day] += n
        cells[kind, lane, after, subject, previous] -= n
