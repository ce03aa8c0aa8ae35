"""Sessions: which session an event belongs to, and what becomes of the others.

Law: every rule about sessions lives here, and nothing else does: no store, no clock. The store calls `place` inside
its transaction with what it has just read, which is why any number of processes agree (EVENTS.md section 6,
VISITS.md section 7).

A session is `[start, last activity]`. An event belongs to it where its time is in `[start, last + timeout)` and
before `start + max`; at exactly `last + timeout` the session is over.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple, Protocol

from proxy.visitors.times import DAY_MS, MINUTE_MS

TIMEOUT_MS = 30 * MINUTE_MS
MAX_MS = DAY_MS
SWEEP_GRACE_MS = 60_000
"""The sweeper waits this much longer than the time-out, so that late beacons land before the end is written."""


class Rules(NamedTuple):
    """The two lengths, in ms: inactivity that ends a session, and the longest a session may be."""

    timeout_ms: int = TIMEOUT_MS
    max_ms: int = MAX_MS


class Reason(IntEnum):
    """Why a session ended. OPEN means that it has not; IDENTITY and OPT_OUT end it for good at its last activity."""

    OPEN = 0
    TIMEOUT = 1
    MAX_LENGTH = 2
    IDENTITY = 3
    OPT_OUT = 4


REASON_NAMES = {
    Reason.TIMEOUT: "timeout",
    Reason.MAX_LENGTH: "max_length",
    Reason.IDENTITY: "identity",
    Reason.OPT_OUT: "opt_out",
}


class Times(Protocol):
    """What the rules need to know of a session, whoever keeps it; as in `Session`."""

    @property
    def id(self) -> int: ...
    @property
    def start(self) -> int: ...
    @property
    def last(self) -> int: ...
    @property
    def reason(self) -> int: ...
    @property
    def hard_end(self) -> bool: ...


class Session(NamedTuple):
    """A stored session, as far as the rules need to know it; times in UTC ms."""

    id: int
    start: int
    last: int
    reason: int = Reason.OPEN

    @property
    def hard_end(self) -> bool:
        """Whether nothing later than the last activity can still belong to it."""
        return self.reason in (Reason.IDENTITY, Reason.OPT_OUT)


class Close(NamedTuple):
    """A session to be ended, at its last activity."""

    id: int
    reason: Reason


class Placement(NamedTuple):
    """Where an event goes. `session`: joined session's id, or None. `start`: the session's start after it
    (earlier than before where an opener arrived late). `opens`: a new session is to be made. `closes`: to end."""

    session: int | None
    start: int
    opens: bool
    closes: tuple[Close, ...] = ()


NOWHERE = Placement(None, 0, False)


def contains(session: Times, time: int, rules: Rules) -> bool:
    """Whether an event at `time` belongs to `session` as it stands."""
    if time < session.start or time >= session.start + rules.max_ms:
        return False
    return time <= session.last if session.hard_end else time < session.last + rules.timeout_ms


def precedes(session: Times, time: int, rules: Rules) -> bool:
    """Whether an opener at `time` is the late arrival of what began `session`: less than a time-out before it."""
    return time < session.start < time + rules.timeout_ms and session.last < time + rules.max_ms


def place(sessions: Sequence[Times], time: int, *, opens: bool, rules: Rules) -> Placement:
    """Where an event of a visitor goes.

    Args:
        sessions: the visitor's sessions that start before `time + timeout`, any order; older ones than
            `time - max - timeout` may be left out unless they are still open.
        time: when the event happened, UTC ms.
        opens: whether its action may open a session (EVENTS.md section 4).
    """
    if not sessions:
        return Placement(None, time, True) if opens else NOWHERE
    for session in sorted(sessions, key=lambda known: known.start, reverse=True):
        if contains(session, time, rules):
            return Placement(session.id, session.start, False)
    if not opens:
        return NOWHERE
    for session in sorted(sessions, key=lambda known: known.start):
        if precedes(session, time, rules):
            return Placement(session.id, time, False)
    closes = tuple(
        Close(session.id, ending(session, time, rules))
        for session in sessions
        if session.reason == Reason.OPEN and session.start <= time
    )
    return Placement(None, time, True, closes)


def ending(session: Times, now: int, rules: Rules) -> Reason:
    """Why an open session that does not contain `now` is over."""
    return Reason.TIMEOUT if now >= session.last + rules.timeout_ms else Reason.MAX_LENGTH


def is_overdue(session: Times, now: int, rules: Rules) -> bool:
    """Whether the sweeper may end an open session: its time-out and the grace for late beacons have passed."""
    return now >= over(session, rules) + SWEEP_GRACE_MS


def over(session: Times, rules: Rules) -> int:
    """When an open session is over, should nothing more be heard of it."""
    return min(session.last + rules.timeout_ms, max(session.last, session.start + rules.max_ms))


def unseen_since(now: int, rules: Rules) -> int:
    """An open session whose last activity was later than this, as far as the sweeper saw, need not be looked at."""
    return now - SWEEP_GRACE_MS - min(rules.timeout_ms, rules.max_ms)


def seen_until(session: Times, rules: Rules) -> int:
    """What the sweeper remembers of a session that goes on: `unseen_since` comes to it when it may be over. Where its
    activity turns out to have been earlier, or it may be shorter than before, it is looked at a time-out late."""
    return over(session, rules) - min(rules.timeout_ms, rules.max_ms)


def joins(mine: Times, other: Times, rules: Rules) -> bool:
    """Whether two sessions of what turned out to be one visitor are one: the later began within the earlier's
    time-out, neither was ended for good, and together they are not longer than a session may be."""
    first, second = (mine, other) if mine.start <= other.start else (other, mine)
    if first.hard_end or second.hard_end:
        return False
    return second.start < first.last + rules.timeout_ms and max(first.last, second.last) < first.start + rules.max_ms
