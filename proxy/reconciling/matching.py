"""Lines and page views, one to one: which line of a log is which page.visit.

Law: pure, and a page view explains one line at most. Both come in the order of their times, lines up to `LATE_MS` out
of it; what is held is what lies within that and the window, not the log. A line takes the earliest page view of the
same address (query included), method, status and lane in its own second; one that is left over, when all lines of that
time are known, one that is near, then one in its window, then one of the path alone: a browser's confirmation may say
another query than the request.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from proxy.page.eligibility import Outcome
from proxy.reconciling.judging import VISITOR_LEFT

LATE_MS = 60_000
"""Lines may be so much older than others before them: Apache writes a line when the answer was sent, with the time
when the request came."""
NEAR_MS = 1_500
"""Clocks, and what is done at the turn of a second, differ by less."""
SECOND_MS = 1_000
"""A line's time is a whole second."""
SLOW_MS = 1_000
"""From so long an answer on, a page view is looked for at its end as well: nginx's time is the answer's."""


class Viewed(NamedTuple):
    """A stored page.visit that the server has counted. Times UTC ms; `address` is path and query, cleaned; `status`
    None: not known (it was lost in a crash, and a browser told of it again). `may_differ`: the query may be another
    one than the request's, a browser's or one that was cut."""

    time: int
    path: str
    address: str
    status: int | None
    is_post: bool
    outcome: str
    took_ms: int = 0
    may_differ: bool = False


class Asked(NamedTuple):
    """A line that may be a page view: `path` and `address` cleaned as a page view's are. `key` is the caller's."""

    time: int
    path: str
    address: str
    status: int
    is_post: bool
    outcome: str
    key: object


class _Held:
    __slots__ = ("is_taken", "view")

    def __init__(self, view: Viewed) -> None:
        self.view = view
        self.is_taken = False


class _Shelf:
    """Page views of one kind, by time."""

    __slots__ = ("_times", "_views")

    def __init__(self) -> None:
        self._times: list[int] = []
        self._views: list[_Held] = []

    def put(self, time: int, held: _Held) -> None:
        at = len(self._times)
        while at and self._times[at - 1] > time:
            at -= 1
        self._times.insert(at, time)
        self._views.insert(at, held)

    def take(self, since: int, until: int) -> _Held | None:
        """The earliest one between two times that is not taken."""
        at = bisect_left(self._times, since)
        while at < len(self._times) and self._times[at] <= until:
            held = self._views[at]
            if not held.is_taken:
                held.is_taken = True
                return held
            del self._times[at], self._views[at]
        return None

    def forget(self, before: int) -> bool:
        """Whether nothing is left."""
        at = bisect_left(self._times, before)
        del self._times[:at], self._views[:at]
        return not self._times


class Matcher:
    """Matches. `settled(line, page view or None)` is told of every line, `missed(page view)` of every page view that no
    line was. `window_ms`: how far the times of both may be apart."""

    def __init__(
        self, window_ms: int, settled: Callable[[Asked, Viewed | None], None], missed: Callable[[Viewed], None]
    ) -> None:
        self._window = window_ms
        self._settled = settled
        self._missed = missed
        self._shelves: dict[tuple[object, ...], _Shelf] = {}
        self._views: deque[_Held] = deque()
        self._lines: deque[Asked] = deque()
        self._forgotten = 0

    @property
    def held(self) -> int:
        """How many lines and page views are in memory."""
        return len(self._views) + len(self._lines)

    def view(self, view: Viewed) -> None:
        """The next page view."""
        held = _Held(view)
        self._views.append(held)
        times = (view.time,) if view.took_ms < SLOW_MS else (view.time, view.time + view.took_ms)
        whole, any_status, path, _ = _keys(view.address, view.path, view.status, view.is_post, view.outcome)
        for key in (whole, any_status, path) if view.may_differ or view.status is None else (whole, any_status):
            shelf = self._shelves.get(key)
            if shelf is None:
                shelf = self._shelves[key] = _Shelf()
            for time in times:
                shelf.put(time, held)

    def line(self, line: Asked) -> None:
        """The next line; page views until `line.time` and a window more are known."""
        whole = _keys(line.address, line.path, line.status, line.is_post, line.outcome)[0]
        found = self._take(whole, line.time, line.time + SECOND_MS - 1)
        if found is not None:
            self._settled(line, found)
        else:
            self._lines.append(line)

    def passed(self, now: int) -> None:
        """No line that is older than `now` less `LATE_MS` comes any more."""
        oldest = now - LATE_MS - self._window
        while self._lines and self._lines[0].time < oldest:
            self._settle(self._lines.popleft())
        kept = oldest - LATE_MS - 2 * self._window
        while self._views and self._views[0].view.time + self._views[0].view.took_ms < kept:
            held = self._views.popleft()
            if not held.is_taken:
                self._missed(held.view)
        if kept - self._forgotten > LATE_MS:
            self._forgotten = kept
            self._shelves = {key: shelf for key, shelf in self._shelves.items() if not shelf.forget(kept)}

    def end(self) -> None:
        """There are no more lines, and no more page views."""
        while self._lines:
            self._settle(self._lines.popleft())
        while self._views:
            held = self._views.popleft()
            if not held.is_taken:
                self._missed(held.view)

    def _settle(self, line: Asked) -> None:
        whole, any_status, path, unknown = _keys(line.address, line.path, line.status, line.is_post, line.outcome)
        keys = (whole, whole, path, unknown) if line.status != VISITOR_LEFT else (any_status, any_status)
        windows = (min(NEAR_MS, self._window), self._window, self._window, self._window)
        taken = (
            self._take(key, line.time - window, line.time + SECOND_MS + window)
            for key, window in zip(keys, windows, strict=False)
        )
        self._settled(line, next((view for view in taken if view is not None), None))

    def _take(self, key: tuple[object, ...], since: int, until: int) -> Viewed | None:
        shelf = self._shelves.get(key)
        held = None if shelf is None else shelf.take(since, until)
        return None if held is None else held.view


def _keys(
    address: str, path: str, status: int | None, is_post: bool, outcome: str
) -> tuple[tuple[object, ...], tuple[object, ...], tuple[object, ...], tuple[object, ...]]:
    """What they may be alike by: all of it; all but the status; the path and status; the path where no status is
    known."""
    kind = (is_post, outcome)
    unknown = (path, None, False, Outcome.VISIT)
    return (address, status, *kind, "whole"), (address, "any", *kind), (path, status, *kind), unknown
