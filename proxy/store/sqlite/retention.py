"""Events that are kept no longer go, a few at a time, and with them whatever was only there because of them.

Law: store/base.py, `Retention`, says what goes. What goes is counted off like any other change (ledger.py), so that at
any time between two steps everything counted is what a recount finds. The numbers of a session stay true: it goes as a
whole, when all of it is older. Where one of its events has to go before it (its action is kept for a shorter time, or
the session is too large for one step), it counts one event less, and its beginning, its end and its source stay.

Events are gone through by seq, up to the last one that may be old enough; a walk looks at what it leaves only once.
"""

import json
from typing import NamedTuple

from proxy.store.base import Retention, Tidied
from proxy.store.sqlite.bulk import run_many
from proxy.store.sqlite.ledger import NOBODY
from proxy.store.sqlite.rollups import REACH_MS
from proxy.store.sqlite.rows import EventRow, SessionRow
from proxy.store.sqlite.saving import save
from proxy.store.sqlite.texts import SQL
from proxy.store.sqlite.walks import Walk
from proxy.store.sqlite.work import Work
from proxy.visitors.times import DAY_MS

COUNTERS_AT_ONCE = 2_000
"""Rows of the counters by day that go when a walk begins."""
REMOVING = 32
"""Removing an event takes as long as looking at so many."""
LONGEST_AGO = -(1 << 62)
"""The time before which something goes that is kept for ever."""


class Limits(NamedTuple):
    """Times (UTC ms) before which events go: of all, and of actions (words) that have their own."""

    limit: int
    own: dict[int, int]

    def of(self, row: EventRow) -> int:
        return self.own.get(row.action, self.limit)


def is_needed(retention: Retention) -> bool:
    """Whether anything goes at all."""
    return any(days is not None for days in (retention.days, *retention.by_action.values()))


def begin(retention: Retention, work: Work, now: int) -> Walk:
    """A walk through all events that may be old enough. What is counted by day goes at once, a part of it where that is
    much."""
    limits, execute = _limits(work, retention, now), work.execute
    if retention.days is not None:
        values = {"day": limits.limit // DAY_MS, "most": COUNTERS_AT_ONCE}
        execute(SQL["remove_outcomes"], values)
        execute(SQL["remove_blocked"], values)
        execute(SQL["remove_rejections"], (limits.limit,))
    execute(SQL["remove_reach"])
    youngest = max(limits.limit, *limits.own.values()) if limits.own else limits.limit
    return Walk("events", now, 0, execute(SQL["events_until"], {"time": youngest, "reach_ms": REACH_MS}).fetchone()[0])


def step(retention: Retention, work: Work, walk: Walk, size: int) -> Tidied:
    """Look at the next `size` events and remove what is due of them, fewer where there is much to remove."""
    limits = _limits(work, retention, walk.begun)
    removing = _Removing(work, limits, max(1, size // REMOVING))
    word = work.dictionary.word
    values = {"place": walk.place, "until": walk.until, "look": size}
    names = {"session_start": word("session.start"), "session_end": word("session.end")}
    due = {"limit": limits.limit, "own": json.dumps(limits.own), "most": removing.most}
    rows = json.loads(work.execute(SQL["events_due"], {**values, **names, **due}).fetchone()[0])
    place = removing.remove_due(rows, walk.place)
    if place is None and len(rows) == removing.most:
        place = rows[-1][0]
    elif place is None:
        row = work.execute(SQL["event_after"], values).fetchone()
        place = None if row is None else row[0]
    walk.place = place
    save(work)
    _remove_visitors(work, removing.visitors)
    return Tidied(events=removing.events, sessions=removing.sessions)


def _limits(work: Work, retention: Retention, now: int) -> Limits:
    def limit(days: int | None) -> int:
        return LONGEST_AGO if days is None else now - days * DAY_MS

    own = {work.dictionary.word(action): limit(days) for action, days in retention.by_action.items()}
    return Limits(limit(retention.days), own)


def _remove_visitors(work: Work, visitors: set[int]) -> None:
    """Those of whom nothing is left, and whoever turned out to be one of them."""
    rows = [(visitor,) for visitor in sorted(visitors)]
    run_many(work.execute, "remove_visitors_many", rows)
    run_many(work.execute, "remove_twins_many", rows)


class _Removing:
    """One step. `most`: how many events it may remove, unless a session of that size is the first."""

    def __init__(self, work: Work, limits: Limits, most: int) -> None:
        self._work = work
        self._limits = limits
        self.most = most
        self.events = self.sessions = 0
        self.visitors: set[int] = set()
        word = work.dictionary.word
        self._visit, self._leave = word("page.visit"), word("page.leave")
        self._marks = (word("session.start"), word("session.end"))

    def remove_due(self, due: list[tuple[int, int | None, int | None]], place: int) -> int | None:
        """Remove rows of events_due.sql in their order. Returns after which seq something is left; None: nothing is."""
        work = self._work
        work.load_events(seq for seq, session, _ in due if session is None)
        for seq, session, number in due:
            if seq not in work.gone:
                left = self.most - self.events
                if left <= 0 or (session is not None and self.events and (number or 0) > left):
                    return place
                if session is None:
                    row = work.event(seq)
                    if row is not None:
                        self._remove_act(row)
                elif not self._is_gone(session) and not self._remove_session(work.session(session), left):
                    return place
            place = seq
        return None

    def _is_gone(self, session: int) -> bool:
        known = self._work.sessions.get(session)
        return known is not None and known.is_gone

    def _remove_session(self, session: SessionRow, most: int) -> bool:
        """Remove a session that is over, or as many of its last events as may go; False where some are left."""
        work = self._work
        if session.events > most:
            acts = [row for row in work.latest_of(session.id, most + len(self._marks)) if row.action not in self._marks]
            for row in acts:
                self._remove_act(row)
            if acts:
                return session.is_gone
        self._end(session)
        return True

    def _end(self, session: SessionRow) -> None:
        """Nothing of a session is left but what has a longer time of its own."""
        work = self._work
        visitor = work.visitor_at(session.visitor)
        # Visits first: then no page.leave has to be counted off one that goes as well.
        for row in sorted(work.events_of(session.id), key=lambda row: row.action != self._visit):
            self._remove(row, longer=row.action not in self._marks)
        session.is_gone = True
        self.sessions += 1
        self.visitors.add(visitor.id)
        if visitor.session is session:
            left = work.sessions_of(visitor.id)
            visitor.session = left[-1] if left else None
            visitor.is_changed = True

    def _remove_act(self, row: EventRow) -> None:
        """Remove an event before its session, if it has one."""
        session = None if row.session is None else self._work.session(row.session)
        self._remove(row, longer=session is not None)
        if session is not None:
            session.events -= 1
            if row.action == self._visit:
                session.pages -= 1
                session.is_rechained = True
            if session.events <= 0:
                self._end(session)

    def _remove(self, row: EventRow, *, longer: bool) -> None:
        """Remove an event, or (`longer`) take it out of its session where its own time is longer."""
        work = self._work
        self.visitors.add(row.visitor)
        if longer and row.time >= self._limits.of(row):
            work.change(row, session=None, view=None if row.view in work.gone else row.view)
            return
        work.remove_event(row)
        self.events += row.visitor != NOBODY
        if row.action == self._leave and row.amount is not None and row.view:
            self._count_off_engaged(row, row.view)

    def _count_off_engaged(self, row: EventRow, seq: int) -> None:
        """The page view was in use for as long as those of its page.leave events say that are left."""
        work = self._work
        view = work.event(seq)
        if view is None or view.action != self._visit:
            return
        values = {"view": seq, "action": self._leave, "visitor": row.visitor}
        (text,) = work.execute(SQL["leaves_of"], values).fetchone()
        left = [ms for leave, ms in json.loads(text) if leave not in work.gone]
        work.change(view, engaged=sum(left) if left else None)
