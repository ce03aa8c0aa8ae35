"""Sessions as rows: what visitors/sessions.py decides is carried out here, inside the transaction.

Law: no rule is decided here. Whatever moves a session moves its session.start and session.end with it.
"""

from bisect import bisect
from typing import NamedTuple

from proxy.store.base import Swept
from proxy.store.sqlite.bulk import run_many
from proxy.store.sqlite.dictionary import Facts, as_json
from proxy.store.sqlite.rows import EventRow, SessionRow, VisitorRow
from proxy.store.sqlite.sources import source_of
from proxy.store.sqlite.work import Work
from proxy.visitors.ids import session_end_id, session_id
from proxy.visitors.lanes import PERSON
from proxy.visitors.sessions import Reason, Rules, contains, is_overdue, joins, place, seen_until, unseen_since

View = tuple[int, int, int | None]
"""A page.visit of a session: time, seq, page. No two are of one seq, so pages are never compared."""
LATEST_PAGES = 16
"""Of a session, remembered at least: a browser asks for few at once, and one of them that comes late is among these."""
NEXT = -1
DUE = 200
"""Sessions that one sweep looks at: some 8 ms, for which pages wait. There may be any number, and the next is soon."""


class Opener(NamedTuple):
    """What a session.start is made from, should one be needed. `cause`: id of the event that opens it; `view`: the
    page.visit on which it began, NEXT where that is what opens it; `ip`: the network that it came from, '' where that
    is not kept."""

    cause: bytes
    received: int
    lane: int
    uri: int | None
    referrer: str | None
    facts: Facts
    view: int | None = NEXT
    ip: str = ""


def join(work: Work, rules: Rules, visitor: VisitorRow, time: int, opener: Opener | None) -> SessionRow | None:
    """The session that an event at `time` belongs to, opened where there is none and `opener` is given.

    The session's numbers are not changed yet: `touch` and `view` do that. A session.start takes the next seq.
    """
    latest = visitor.session
    if latest is not None and contains(latest, time, rules):
        return latest
    near = (time + rules.timeout_ms, time - rules.max_ms - rules.timeout_ms)
    sessions = work.sessions_near(visitor.id, *near) if latest is not None else []
    placement = place(sessions, time, opens=opener is not None, rules=rules)
    for close in placement.closes:
        end(work, work.session(close.id), close.reason, opener.received if opener else time)
    if placement.opens and opener is not None:
        session = _open(work, visitor, time, opener)
        if latest is None or latest.start <= time:
            visitor.session = session
            visitor.is_changed = True
        return session
    if placement.session is None:
        return None
    session = work.session(placement.session)
    begin_by(work, session, placement.start)
    return session


def begin_by(work: Work, session: SessionRow, time: int) -> None:
    """A session begins no later than this."""
    if session.start > time:
        session.start = time
        move_marks(work, session, "session.start", time)


def begin_kept(work: Work, session: SessionRow, time: int) -> None:
    """The same of a session whose events come in any order: while all that is known of it are pages that were left
    without having been in use, its last activity is still to come."""
    if time < session.start == session.last and session.reason == Reason.OPEN and not session.pages:
        leaves = work.events_of(session.id, work.dictionary.word("page.leave"))
        if sum(not row.amount for row in leaves) == session.events:
            session.last = time
    begin_by(work, session, time)


def _open(work: Work, visitor: VisitorRow, time: int, opener: Opener) -> SessionRow:
    seq = work.next_seq()
    uuid = session_id(time, opener.cause + visitor.uuid)
    session = work.add_session(uuid, visitor, time)
    session.lane, session.entry, session.submitted = opener.lane, opener.uri, False
    set_origin(work, session, opener.referrer, opener.facts, opener.uri)
    dictionary = work.dictionary
    work.add_event(
        EventRow(
            seq,
            uuid,
            time,
            opener.received - time,
            dictionary.word("session.start"),
            visitor.id,
            session.id,
            seq + 1 if opener.view == NEXT else opener.view,
            opener.lane,
            0,
            opener.uri,
            None,
            None if opener.referrer is None else dictionary.word(opener.referrer),
            None,
            dictionary.facts(opener.facts),
            more=as_json({"ip": opener.ip}) if opener.ip else None,
        )
    )
    return session


def set_origin(work: Work, session: SessionRow, referrer: str | None, facts: Facts, uri: int | None) -> None:
    """Where a session came from, and with what, as words; by what its session.start says."""
    dictionary, said = work.dictionary, dict(facts)
    host = None if uri is None else dictionary.host(dictionary.address(uri).page)
    session.source, device = dictionary.word(source_of(referrer, said, host)), said.get("source")
    session.device = dictionary.word(device) if isinstance(device, str) else None


def touch(work: Work, session: SessionRow, time: int, *, keeps: bool) -> None:
    """An event that is no page joined a session; `keeps`: it moves its last activity."""
    session.events += 1
    if keeps:
        _keep(work, session, time)


def view(work: Work, session: SessionRow, row: EventRow) -> None:
    """A page.visit joined a session: between which two pages of it."""
    time, seq = row.time, row.seq
    session.events += 1
    session.pages += 1
    if time > session.last:
        set_last(work, session, time)
    tail = session.tail
    if not tail:
        tail = session.tail = _tail(work, session)
    here = (time, seq, _page(work, row.uri))
    if not tail or here > tail[-1]:
        session.view, session.viewed, session.uri = seq, time, row.uri
        session.trouble = work.dictionary.trouble_with(row.facts, row.amount)
        if tail:
            _step(session, tail[-1], here, 1)
        tail.append(here)
    elif place := bisect(tail, here):
        _between(session, tail[place - 1], here, tail[place])
        tail.insert(place, here)
    else:
        session.is_rechained = True  # it came before all that are known, and their order is read anew, once
    if len(tail) > 2 * LATEST_PAGES:
        del tail[:LATEST_PAGES]


def know_better(work: Work, row: EventRow) -> None:
    """More is known of a page.visit of a session, which may be its last."""
    session = None if row.session is None else work.session(row.session)
    if session is not None and session.view == row.seq:
        session.trouble = work.dictionary.trouble_with(row.facts, row.amount)


def _tail(work: Work, session: SessionRow) -> list[View]:
    if session.view is None or session.viewed is None:
        return []
    return [(session.viewed, session.view, _page(work, session.uri))]


def _page(work: Work, uri: int | None) -> int | None:
    return None if uri is None else work.dictionary.address(uri).page


def _between(session: SessionRow, before: View | None, here: View, after: View | None) -> None:
    _step(session, before, after, -1)
    _step(session, before, here, 1)
    _step(session, here, after, 1)


def _step(session: SessionRow, one: View | None, other: View | None, n: int) -> None:
    """One page followed another one, or (`n` -1) did not after all. The same page again is no step."""
    if one is None or other is None or one[2] is None or other[2] is None or one[2] == other[2]:
        return
    session.steps.append((one[2], other[2], n))


def _keep(work: Work, session: SessionRow, time: int) -> None:
    """Something happened."""
    if time > session.last:
        set_last(work, session, time)


def set_last(work: Work, session: SessionRow, time: int) -> None:
    """The last activity, and the session.end where it had ended."""
    session.last = time
    if session.reason != Reason.OPEN:
        move_marks(work, session, "session.end", time)


def move_marks(work: Work, session: SessionRow, action: str, time: int) -> None:
    """A session's start or end is told as of another time."""
    for row in work.events_of(session.id, work.dictionary.word(action)):
        work.change(row, time=time, wait=max(0, row.wait + row.time - time))


def turn(work: Work, session: SessionRow) -> None:
    """A session in which a person did something is a person's, and so are its marks."""
    if session.lane == PERSON:
        return
    session.lane = PERSON
    for action in ("session.start", "session.end"):
        for row in work.events_of(session.id, work.dictionary.word(action)):
            work.change(row, lane=PERSON)


def end(work: Work, session: SessionRow, reason: Reason, received: int) -> None:
    """End a session at its last activity. Its session.end reads its numbers from the session when it is exported."""
    session.reason = int(reason)
    event = session_end_id(session.uuid)
    if work.seq_of(event) is not None:
        return
    seq = work.next_seq()
    work.claim(event, seq)
    wait = max(0, received - session.last)
    action = work.dictionary.word("session.end")
    row = EventRow(seq, event, session.last, wait, action, session.visitor, session.id, None, session.lane)
    work.add_event(row)


def sweep(work: Work, rules: Rules, now: int) -> Swept:
    """End what is overdue, or a good number of it; what goes on is not looked at again before it may be over, however
    many there are. That is written at once: nothing else of a batch asks for it, or changes it."""
    ended = 0
    due = work.sessions_due(unseen_since(now, rules), DUE)
    for session in work.sessions_open():
        if is_overdue(session, now, rules):
            by_time = now >= session.last + rules.timeout_ms
            end(work, session, Reason.TIMEOUT if by_time else Reason.MAX_LENGTH, now)
            ended += 1
    seen = [(one.id, seen_until(one, rules)) for one in due if one.reason == Reason.OPEN]
    run_many(work.execute, "see_sessions_many", seen)
    return Swept(ended, more=len(due) == DUE)


def end_open(work: Work, visitor: VisitorRow, reason: Reason, now: int) -> None:
    """End a visitor's open sessions, whatever their age."""
    for session in work.sessions_of(visitor.id):
        if session.reason == Reason.OPEN:
            end(work, session, reason, now)


def move_all(work: Work, rules: Rules | None, twin: VisitorRow, other: VisitorRow) -> None:
    """A twin's sessions become the other visitor's; those that turn out to be one are made one. `rules` None: sessions
    have been switched off since, and stay what they are."""
    for mine in work.sessions_of(twin.id):
        theirs = work.sessions_of(other.id)
        same = next((session for session in theirs if rules is not None and joins(mine, session, rules)), None)
        rows = work.events_of(mine.id)
        if same is None:
            work.move_session(mine, other)
        else:
            rows = _without_marks(work, rows, "session.end", keep=0)
        for row in rows:
            work.change(row, visitor=other.id, session=mine.id if same is None else same.id)
        if same is not None:
            _absorb(work, mine, same)
    latest = work.sessions_of(other.id)
    other.session = latest[-1] if latest else None
    other.is_changed = True


def _absorb(work: Work, gone: SessionRow, kept: SessionRow) -> None:
    """Make two sessions one, whose events have been given to `kept` already: the earlier session.start stays."""
    kept.start, kept.last = min(kept.start, gone.start), max(kept.last, gone.last)
    kept.pages += gone.pages
    kept.events += gone.events
    gone.is_gone = kept.is_rechained = True
    starts = work.events_of(kept.id, work.dictionary.word("session.start"))
    _without_marks(work, starts, "session.start", keep=1)
    if starts:
        first, dictionary = starts[0], work.dictionary
        kept.lane, kept.entry = first.lane, first.uri
        set_origin(work, kept, dictionary.text(first.referrer), dictionary.facts_of(first.facts), first.uri)
    move_marks(work, kept, "session.end", kept.last)


def _without_marks(work: Work, rows: list[EventRow], action: str, *, keep: int) -> list[EventRow]:
    """Remove all session.start or session.end rows among these but the first ones."""
    marks = [row for row in rows if row.action == work.dictionary.word(action)][keep:]
    for row in marks:
        work.remove_event(row)
    return [row for row in rows if row not in marks]
