"""An event that turns out to be another visitor's than was thought: it goes from one session to another (handing.py).

Law: what is left behind is as if the event had never been there: when the session began and ended, what opened it, what
it counts.
"""

from proxy.store.sqlite import sessions
from proxy.store.sqlite.dictionary import VISIT
from proxy.store.sqlite.rows import EventRow, SessionRow, VisitorRow
from proxy.store.sqlite.work import Work

LEFT_MAX = 1_000
"""Events of a session that one may leave, since all of them are read for it (a tenth of a second): in a larger one,
which is nobody's afternoon, it stays."""


def give(work: Work, row: EventRow, was: VisitorRow, visitor: VisitorRow, beside: EventRow) -> None:
    """An event turned out to be another visitor's, who was doing something (`beside`) by then: it joins that session,
    and leaves its own one as if it had never been in it."""
    left = None if row.session is None else work.session(row.session)
    if left is not None and left.events > LEFT_MAX:
        return
    # Ties are in the order of seq, and the session.start, which may have come later, is to be first.
    time = max(row.time, beside.time + (row.seq < beside.seq))
    wait = max(0, row.time + row.wait - time)
    work.change(row, visitor=visitor.id, session=beside.session, time=time, wait=wait)
    if left is not None:
        _leave(work, left, was, row)
    if beside.session is not None:
        session = work.session(beside.session)
        if work.dictionary.act(row.action).sort == VISIT:
            sessions.view(work, session, row)
        else:
            sessions.touch(work, session, time, keeps=True)
        sessions.turn(work, session)


def _leave(work: Work, session: SessionRow, owner: VisitorRow, gone: EventRow) -> None:
    """A session has lost an event, and is gone itself where that was all that it had."""
    start, end, leave = map(work.dictionary.word, ("session.start", "session.end", "page.leave"))
    rows = work.events_of(session.id)
    acts = [row for row in rows if row.action not in (start, end)]
    if not acts:
        for row in rows:
            work.remove_event(row)
        session.is_gone = True
        latest = work.sessions_of(owner.id)
        owner.session = latest[-1] if latest else None
        owner.is_changed = True
        return
    session.events -= 1
    if work.dictionary.act(gone.action).sort == VISIT:
        session.pages -= 1
        session.is_rechained = True
    for row in rows:
        if row.action == start and _has_opened(work, gone, row):
            _open_otherwise(work, session, row, acts[0])
    if session.start != acts[0].time:
        session.start = acts[0].time
        sessions.move_marks(work, session, "session.start", session.start)
    session.last = max([session.start, *(row.time for row in acts if row.action != leave or row.amount)])
    sessions.move_marks(work, session, "session.end", session.last)


def _has_opened(work: Work, gone: EventRow, start: EventRow) -> bool:
    """Whether it was this event that a session.start tells of: its page, or what the site has meant without one."""
    trigger = dict(work.dictionary.facts_of(start.facts)).get("trigger")
    return start.view == gone.seq or (start.view is None and trigger == work.dictionary.text(gone.action))


def _open_otherwise(work: Work, session: SessionRow, start: EventRow, cause: EventRow) -> None:
    """Not the event that has gone has opened a session, but what is now the first in it (`cause`), where that was."""
    dictionary = work.dictionary
    is_visit = dictionary.act(cause.action).sort == VISIT
    view = cause if is_visit else work.event(cause.view) if cause.view is not None else None
    of_page = ("utm_", "trigger")
    told = [one for one in dictionary.facts_of(start.facts) if not one[0].startswith(of_page)]
    told += [one for one in dictionary.facts_of(cause.facts) if is_visit and one[0].startswith("utm_")]
    facts = (*told, ("trigger", dictionary.text(cause.action)))
    uri, referrer = None if view is None else view.uri, cause.referrer if is_visit else None
    work.change(
        start, view=None if view is None else view.seq, uri=uri, referrer=referrer, facts=dictionary.facts(facts)
    )
    session.entry = uri
    sessions.set_origin(work, session, None if referrer is None else dictionary.text(referrer), facts, uri)
