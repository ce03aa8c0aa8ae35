"""A log's lines added up: by day, by what they may have become, with the first few of each kind to show.

Law: pure; memory grows with the days of the log, not with its lines.
"""

from collections import Counter
from typing import Final, NamedTuple

from proxy.reconciling.judging import Verdict
from proxy.reconciling.matching import Viewed

DAY_MS: Final = 86_400_000
SHOWN_BYTES = 400
"""Of a line that is shown."""


class Group(NamedTuple):
    """Lines of a UTC day with one verdict. `edge`: -1 right after its midnight, 1 right before the next one, else 0:
    a request over midnight may be counted in the day beside."""

    day: int
    edge: int
    verdict: Verdict


class Shown(NamedTuple):
    """A line by its number, and its text."""

    number: int
    text: str


class Tally:
    """What has been read so far. `shown`: how many lines of a kind are kept to be shown; `window_ms`: how near to
    midnight an edge is."""

    def __init__(self, shown: int, window_ms: int) -> None:
        self._shown = shown
        self._window = window_ms
        self.lines = self.malformed = self.late = 0
        self.first: int | None = None
        self.last = 0
        self.matched: Counter[tuple[int, str]] = Counter()
        self.groups: Counter[Group] = Counter()
        self.edges: Counter[tuple[int, int]] = Counter()
        self.examples: dict[Group | str, list[Shown]] = {}
        self.added: Counter[str] = Counter()
        self.missed = 0
        self.missed_shown: list[Viewed] = []

    def timed(self, time: int) -> None:
        """A line of this time is there."""
        self.first = time if self.first is None else min(self.first, time)
        self.last = max(self.last, time)
        day, edge = time // DAY_MS, self._edge(time)
        if edge:
            self.edges[day, edge] += 1

    def match(self, time: int, outcome: str) -> None:
        """A line is a page view."""
        self.matched[time // DAY_MS, outcome] += 1

    def open(self, time: int, verdict: Verdict, number: int, text: bytes) -> None:
        """A line is none that is stored."""
        group = Group(time // DAY_MS, self._edge(time), verdict)
        self.groups[group] += 1
        self._keep(group, number, text)

    def bad(self, number: int, text: bytes, why: str) -> None:
        """A line cannot be read."""
        self.malformed += 1
        self._keep("malformed", number, b"%b: %b" % (why.encode(), text))

    def old(self, number: int, text: bytes) -> None:
        """A line comes too late to be compared."""
        self.late += 1
        self._keep("late", number, text)

    def miss(self, view: Viewed) -> None:
        """A page view is on no line."""
        self.missed += 1
        if len(self.missed_shown) < self._shown:
            self.missed_shown.append(view)

    def _edge(self, time: int) -> int:
        since = time % DAY_MS
        return -1 if since <= self._window else 1 if since >= DAY_MS - self._window else 0

    def _keep(self, kind: Group | str, number: int, text: bytes) -> None:
        kept = self.examples.setdefault(kind, [])
        if len(kept) < self._shown:
            kept.append(Shown(number, text[:SHOWN_BYTES].decode("utf-8", "replace")))
