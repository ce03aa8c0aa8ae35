"""Sessions as rows: what visitors/sessions.py decides is carried out here, inside the transaction.

Law: no rule is decided here. Whatever moves a session moves its session.start and session.end with it.
"""

from typing import NamedTuple

from proxy.store.sqlite.tables import EventRow, Facts, Tables, VisitorRow
from proxy.visitors.ids import event_id, session_end_id
from proxy.visitors.lanes import UNPROVEN
from proxy.visitors.sessions import Reason, Rules, Session, contains, is_overdue, joins, place

NEXT = -1


class Opener:
    """What a session.start is made from, should one be needed. `view`: the page.visit on which it began, NEXT where
    that is what opens it."""

    __slots__ = ("facts", "lane", "random", "received", "referrer", "uri", "view")

    def __init__(
        self,
        *,
        random: bytes,
        received: int,
        lane: int,
        uri: int | None,
        referrer: int | None,
        facts: Facts,
        view: int | None = NEXT,
    ) -> None:
        self.random = random
        self.received = received
        self.lane = lane
        self.uri = uri
        self.referrer = referrer
        self.facts = facts
        self.view = view


def join(tables: Tables, rules: Rules, visitor: VisitorRow, time: int, opener: Opener | None) -> int | None:
    """The session that an event at `time` belongs to, opened where there is none and `opener` is given.

    The session's numbers are not changed yet: `touch` does that. A session.start takes the next seq.
    """
    latest = visitor.session
    if latest is not None and contains(latest, time, rules):
        return latest.id
    near = {"visitor": visitor.id, "before": time + rules.timeout_ms, "after": time - rules.max_ms - rules.timeout_ms}
    sessions = tables.sessions("sessions_near", near) if latest is not None else []
    placement = place(sessions, time, opens=opener is not None, rules=rules)
    for close in placement.closes:
        end(tables, close.id, close.reason, opener.received if opener else time)
    if placement.opens and opener is not None:
        session = _open(tables, visitor, time, opener)
        if latest is None or latest.start <= time:
            tables.run("set_latest_session", (session, visitor.id))
        return session
    if placement.session is not None and any(
        known.id == placement.session and known.start > placement.start for known in sessions
    ):
        start = {"time": placement.start, "session": placement.session, "action": tables.word("session.start")}
        tables.run("move_session_start", start)
    return placement.session


def _open(tables: Tables, visitor: VisitorRow, time: int, opener: Opener) -> int:
    uuid = event_id(time, opener.random)
    session = int(tables.execute_named("add_session", (uuid, visitor.id, time, time)).lastrowid)
    seq = tables.next_seq()
    tables.add_event(
        EventRow(
            seq,
            uuid,
            time,
            opener.received - time,
            tables.word("session.start"),
            visitor.id,
            session,
            seq + 1 if opener.view == NEXT else opener.view,
            opener.lane,
            0,
            opener.uri,
            None,
            opener.referrer,
            None,
            tables.facts(opener.facts),
        )
    )
    return session


class Gain(NamedTuple):
    """What events add to a session: the `first` of their times, the `last` of those that keep it going (None: none
    does), how many they are, how many of them are pages, and the page that is the last one."""

    first: int
    last: int | None = None
    events: int = 0
    pages: int = 0
    uri: int | None = None

    def with_event(self, time: int, *, keeps: bool) -> "Gain":
        """And one event more, which is no page."""
        last = self.last
        if keeps:
            last = time if last is None else max(last, time)
        return Gain(min(self.first, time), last, self.events + 1, self.pages, self.uri)


def touch(tables: Tables, session: int, gain: Gain) -> None:
    """Events joined a session: its numbers, and its session.end where it had ended."""
    values = {**gain._asdict(), "id": session}
    ended, last = tables.execute_named("touch_session", values).fetchone()
    if ended:
        tables.run("move_session_end", {"time": last, "session": session, "action": tables.word("session.end")})


def end(tables: Tables, session: int, reason: Reason, received: int) -> None:
    """End a session at its last activity. Its session.end reads its numbers from the session when it is exported."""
    start = tables.word("session.start")
    uuid, visitor, last, lane = tables.execute_named("session_end_facts", (start, session)).fetchone()
    event = session_end_id(uuid)
    seq = tables.next_seq()
    tables.run("end_session", (int(reason), session))
    if not tables.claim(event, seq):
        return
    tables.add_event(
        EventRow(
            seq,
            event,
            last,
            max(0, received - last),
            tables.word("session.end"),
            visitor,
            session,
            None,
            UNPROVEN if lane is None else lane,
        )
    )


def sweep(tables: Tables, rules: Rules, now: int) -> int:
    """End what is overdue; returns how many sessions that were."""
    ended = 0
    for session in tables.sessions("overdue", (now - min(rules.timeout_ms, rules.max_ms),)):
        if is_overdue(session, now, rules):
            over = now >= session.last + rules.timeout_ms
            end(tables, session.id, Reason.TIMEOUT if over else Reason.MAX_LENGTH, now)
            ended += 1
    return ended


def end_open(tables: Tables, visitor: VisitorRow, reason: Reason, now: int) -> None:
    """End a visitor's open sessions, whatever their age."""
    for session in tables.sessions("sessions_of", (visitor.id,)):
        if session.reason == Reason.OPEN:
            end(tables, session.id, reason, now)


def move_all(tables: Tables, rules: Rules, twin: int, other: int) -> None:
    """A twin's sessions become the other visitor's; those that turn out to be one are made one."""
    for mine in tables.sessions("sessions_of", (twin,)):
        theirs = tables.sessions("sessions_of", (other,))
        same = next((session for session in theirs if joins(mine, session, rules)), None)
        into = mine.id if same is None else same.id
        if same is None:
            tables.run("give_session", (other, mine.id))
        else:
            _remove_marks(tables, mine.id, "session.end", keep=0)
        tables.run("give_session_events", {"visitor": other, "into": into, "session": mine.id})
        if same is not None:
            _absorb(tables, mine, same)
    tables.run("find_latest_session", (other,))


def _absorb(tables: Tables, gone: Session, kept: Session) -> None:
    """Make two sessions one, whose events have been given to `kept` already: the earlier session.start stays."""
    tables.run("absorb_session", (kept.id, gone.id))
    tables.run("remove_session", (gone.id,))
    _remove_marks(tables, kept.id, "session.start", keep=1)
    when = {"time": max(gone.last, kept.last), "session": kept.id, "action": tables.word("session.end")}
    tables.run("move_session_end", when)


def _remove_marks(tables: Tables, session: int, action: str, *, keep: int) -> None:
    for (seq,) in tables.execute_named("marks_of_session", (session, tables.word(action))).fetchall()[keep:]:
        tables.remove_event(seq)
