"""Events that are kept no longer go, a few at a time, and with them whatever was only there because of them.

Law: store/base.py, `Retention`, says what goes. What goes is counted off like any other change (ledger.py), so that at
any time between two steps everything counted is what a recount finds. The numbers of a session stay true: it goes as a
whole, when all of it is older. Where one of its events has to go before it (its action is kept for a shorter time, or
the session is too large for one step), it counts one event less, and its beginning, its end and its source stay.

Events are gone through by seq, up to the last one that may be old enough; a walk looks at what it leaves only once.
"""

import json

from proxy.store.base import Retention, Tidied
from proxy.store.sqlite.removing import Limits, Removing
from proxy.store.sqlite.rollups import REACH_MS
from proxy.store.sqlite.texts import SQL
from proxy.store.sqlite.walks import Walk, walk_at
from proxy.store.sqlite.work import Work
from proxy.visitors.times import DAY_MS

COUNTERS_AT_ONCE = 2_000
"""Rows of the counters by day that go when a walk begins."""
REMOVING = 32
"""Removing an event takes as long as looking at so many."""
LONGEST_AGO = -(1 << 62)
"""The time before which something goes that is kept for ever."""


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
        execute(SQL["remove_unheld"], values)
        execute(SQL["remove_rejections"], (limits.limit,))
    execute(SQL["remove_reach"], {"reach_ms": REACH_MS})
    youngest = max(limits.limit, *limits.own.values()) if limits.own else limits.limit
    until = execute(SQL["events_until"], {"time": youngest, "reach_ms": REACH_MS}).fetchone()[0]
    before = walk_at(execute, "events")
    # Never less far: whatever names an event up to there may name one that is gone.
    return Walk("events", now, 0, until if before is None else max(until, before.until))


def step(retention: Retention, work: Work, walk: Walk, size: int) -> Tidied:
    """Look at the next `size` events and remove what is due of them, fewer where there is much to remove."""
    limits = _limits(work, retention, walk.begun)
    removing = Removing(work, limits, max(1, size // REMOVING))
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
    removing.save()
    return Tidied(events=removing.events, sessions=removing.sessions)


def _limits(work: Work, retention: Retention, now: int) -> Limits:
    def limit(days: int | None) -> int:
        return LONGEST_AGO if days is None else now - days * DAY_MS

    own = {work.dictionary.word(action): limit(days) for action, days in retention.by_action.items()}
    return Limits(limit(retention.days), own)
