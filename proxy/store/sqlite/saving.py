"""What a transaction has changed, written: rows in bulk, then the roll-ups that follow from them.

Law: everything that `Work` knows to be new or changed is in the tables when `save` returns, and what was counted is
what a recount would find.
"""

import itertools
import json
from collections.abc import Iterable
from operator import attrgetter
from typing import Any

from proxy.store.sqlite.bulk import run_many
from proxy.store.sqlite.leftovers import clear
from proxy.store.sqlite.rows import (
    LESS_USUAL_COLUMNS,
    SESSION_COLUMNS,
    EventRow,
    SessionRow,
    event_values,
    less_usual_values,
    plain_event_values,
    seq_of_row,
    session_values,
)
from proxy.store.sqlite.texts import SQL
from proxy.store.sqlite.work import Work
from proxy.visitors.lanes import is_cookieless

VISITOR, START, REASON, PAGES, URI, LANE, ENTRY, DEVICE, TROUBLE, TOP = map(
    SESSION_COLUMNS.index, "visitor start reason pages uri lane entry device trouble top".split()
)
"""Places in what is stored of a session."""
NOTHING_LESS_USUAL = (None,) * len(LESS_USUAL_COLUMNS)
"""Of a row for which there is a shorter statement: 1.1 us, not 1.7."""

Steps = list[tuple[int, int, int]]


def save(work: Work) -> None:
    """Write everything."""
    _relink(work)
    changed = [one for one in work.sessions.values() if _is_changed(one)]
    before = {one.id: _chain(work, one.stored[TOP]) for one in changed if one.stored and _moves_steps(work, one)}
    _set_beside(work)
    _save_visitors(work)
    _save_events(work)
    _remove_events(work)
    run_many(work.execute, "add_ids_many", sorted(work.new_ids.items()))
    for session in changed:
        _count(work, session, before.get(session.id))
    _save_sessions(work, changed)
    dwells = [(target, *one) for target, buckets in sorted(work.dwells.items()) for one in sorted(buckets.items())]
    run_many(work.execute, "add_dwells_many", dwells)
    work.ledger.settle()
    if work.dictionary.noted:
        clear(work.execute, work.dictionary.noted)
        work.dictionary.noted.clear()


def _relink(work: Work) -> None:
    """The order of the events of sessions to which some came from another one, or that lost some."""
    for known, low in work.relinked.items():
        session = work.session(known)
        if session.is_gone:
            continue
        top = None if session.stored is None else session.stored[TOP]
        (text,) = work.execute(SQL["seqs_down"], {"top": top, "low": low}).fetchone()
        seqs = json.loads(text)
        work.load_events(seqs)
        rows = sorted(work.events.of_session(known), key=seq_of_row)
        below = [seq for seq in (*seqs, *map(seq_of_row, rows)) if seq < low]
        session.top = max(below, default=None)
        for row in rows:
            if row.seq >= low:
                back = None if session.top is None else row.seq - session.top
                row.is_changed |= row.back != back
                row.back, session.top = back, row.seq


def _is_changed(session: SessionRow) -> bool:
    return session.is_gone or session.is_rechained or session.stored != session_values(session)


def _moves_steps(work: Work, session: SessionRow) -> bool:
    """Whether what was counted of a session's pages has to be counted anew: an order that has changed, or another lane
    or day."""
    if session.stored is None:
        return False
    return session.is_rechained or session.is_gone or (session.stored[PAGES] > 1 and not _stays(work, session))


def _stays(work: Work, session: SessionRow) -> bool:
    """Whether a session is counted in the same lane and on the same day as before."""
    stored = session.stored
    if stored is None or stored[LANE] != session.lane:
        return False
    start = stored[START]
    return start == session.start or work.ledger.day_of(start) == work.ledger.day_of(session.start)


def _grows(work: Work, session: SessionRow) -> bool:
    """Whether all that changes in what is counted of a session is what comes to it at its end."""
    stored = session.stored
    began = (session.entry, session.source, session.device)
    return stored is not None and stored[ENTRY : DEVICE + 1] == began and _stays(work, session)


def _chain(work: Work, top: int | None) -> list[list[Any]]:
    """The page.visits of a session whose last event is `top`, as in the table: seq, time, uri, facts, amount."""
    (text,) = work.execute(SQL["chain"], {"top": top, "visit": work.visit_word}).fetchone()
    found: list[list[Any]] = json.loads(text)
    return found


def _steps(work: Work, chain: Iterable[list[Any]]) -> Steps:
    """The pairs of different pages that follow each other."""
    pages = [work.dictionary.address(uri).page for _, _, uri, *_ in chain if uri is not None]
    return [(one, other, 1) for one, other in itertools.pairwise(pages) if one != other]


def _count(work: Work, session: SessionRow, before: list[list[Any]] | None) -> None:
    """Count off what the session was and on what it is."""
    stored, steps = session.stored, session.steps
    if before is None and stored is not None and not session.is_rechained and _grows(work, session):
        work.ledger.count_growth(session, stored[PAGES], stored[URI], stored[TROUBLE])
        session.steps = []
        return
    if session.is_rechained or before is not None:
        session.tail = []
        after = _chain(work, session.top)
        steps = _steps(work, after)
        if not session.is_gone:  # all its pages may be gone before it
            session.view, session.viewed, session.uri, facts, amount = after[-1] if after else (None,) * 5
            session.trouble = work.dictionary.trouble_with(facts, amount)
    if stored is not None:
        work.ledger.count_session(SessionRow(*stored), -1, _steps(work, before or ()))
    if not session.is_gone:
        work.ledger.count_session(session, 1, steps)
    session.steps = []


_changeable = attrgetter(*"seq time wait view lane state uri title referrer amount facts engaged back more".split())
"""What change_events_many.sql takes."""


def _set_beside(work: Work) -> None:
    """Who is counted beside the visitors (visitors/lanes.py), and who was not before, or is not any more. All visitors
    of events that were read or written are known (reading.py)."""
    beside, moved = set(), []
    for one in work.visitors.values():
        now = is_cookieless(one.proof)
        if now:
            beside.add(one.id)
        if now is not one.is_beside:
            moved.append(one.id)
            one.is_beside = now
    if beside or moved:
        work.ledger.set_beside(beside, moved)


def _save_visitors(work: Work) -> None:
    new, changed = [], []
    for one in work.visitors.values():
        values = (one.proof, one.session.id if one.session is not None else None, one.twin_of)
        if one.is_new:
            new.append((one.id, one.uuid, *values))
        elif one.is_changed:
            changed.append((one.id, *values))
        one.is_new = one.is_changed = False
    run_many(work.execute, "add_visitors_many", new)
    run_many(work.execute, "change_visitors_many", changed)


def _save_events(work: Work) -> None:
    new: list[EventRow] = []
    changed, moved = [], []
    for row in work.events.by_seq.values():
        if row.is_new:
            new.append(row)
        elif row.is_changed:
            changed.append(_changeable(row))
            if row.is_moved:
                moved.append((row.seq, row.visitor, row.session))
        row.is_new = row.is_changed = row.is_moved = False
    new.sort(key=seq_of_row)
    work.ledger.reach(new)
    plain, other = [], []
    for row in new:
        if less_usual_values(row) == NOTHING_LESS_USUAL:
            plain.append(plain_event_values(row))
        else:
            other.append(event_values(row))
    run_many(work.execute, "add_plain_events_many", plain)
    run_many(work.execute, "add_events_many", other)
    run_many(work.execute, "change_events_many", changed)
    run_many(work.execute, "move_events_many", moved)


def _remove_events(work: Work) -> None:
    """The highest one leaves its number behind, so that none is given twice."""
    if not work.gone:
        return
    (top,) = work.execute(SQL["top_seq"]).fetchone()
    if top in work.gone:
        work.execute(SQL["keep_seq"], (top,))
    run_many(work.execute, "remove_events_many", [(seq,) for seq in sorted(work.gone) if seq != top])


def _save_sessions(work: Work, changed: list[SessionRow]) -> None:
    new, gone, moved, grown = [], [], [], []
    for one in changed:
        if one.is_gone:
            gone += [(one.id,)] if one.stored is not None else []
            continue
        values = session_values(one)
        stored = one.stored
        if stored is None:
            new.append(values)
        else:
            grown.append((one.id, one.last, one.pages, one.events, *values[URI:]))
            if (stored[VISITOR], stored[START], stored[REASON]) != (one.visitor, one.start, one.reason):
                moved.append((one.id, one.visitor, one.start, one.reason))
        one.stored, one.is_rechained = values, False
    run_many(work.execute, "add_sessions_many", new)
    run_many(work.execute, "change_sessions_many", grown)
    run_many(work.execute, "move_sessions_many", moved)
    run_many(work.execute, "remove_sessions_many", gone)
