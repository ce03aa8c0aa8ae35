"""What a transaction has changed, written: rows in bulk, then the roll-ups that follow from them.

Law: everything that `Work` knows to be new or changed is in the tables when `save` returns, and what was counted is what
a recount would find.
"""

import itertools
import json
from collections.abc import Iterable
from typing import Any

from proxy.store.sqlite.bulk import run_many
from proxy.store.sqlite.leftovers import clear
from proxy.store.sqlite.rows import EventRow, SessionRow, event_values, session_values
from proxy.store.sqlite.texts import SQL
from proxy.store.sqlite.work import Work

Steps = list[tuple[int, int]]


def save(work: Work) -> None:
    """Write everything."""
    changed = [one for one in work.sessions.values() if _is_changed(one)]
    before = {one.id: _chain(work, one.id) for one in changed if _moves_steps(work, one)}
    _save_visitors(work)
    _save_events(work)
    _remove_events(work)
    run_many(work.execute, "add_ids_many", sorted(work.new_ids.items()))
    for session in changed:
        _count(work, session, before.get(session.id))
    _save_sessions(work, changed)
    run_many(work.execute, "add_dwells_many", [(*key, n) for key, n in sorted(work.dwells.items())])
    work.ledger.settle()
    if work.dictionary.noted:
        clear(work.execute, work.dictionary.noted)
        work.dictionary.noted.clear()


def _is_changed(session: SessionRow) -> bool:
    return session.is_gone or session.is_rechained or session.stored != session_values(session)


def _moves_steps(work: Work, session: SessionRow) -> bool:
    """Whether what was counted of a session's pages has to be counted anew: an order that has changed, or another lane
    or day."""
    if session.stored is None:
        return False
    was = SessionRow(*session.stored)  # type: ignore[arg-type]
    day_of = work.ledger.day_of
    return (
        session.is_rechained
        or session.is_gone
        or (was.pages > 1 and (was.lane != session.lane or day_of(was.start) != day_of(session.start)))
    )


def _chain(work: Work, session: int) -> list[list[Any]]:
    """The page.visits of a session as they are in the table: seq, time, uri."""
    (text,) = work.execute(SQL["chain"], (session, work.dictionary.word("page.visit"))).fetchone()
    found: list[list[Any]] = json.loads(text)
    return found


def _steps(work: Work, chain: Iterable[list[Any]]) -> Steps:
    """The pairs of different pages that follow each other."""
    pages = [work.dictionary.address(uri).page for _, _, uri in chain if uri is not None]
    return [(one, other) for one, other in itertools.pairwise(pages) if one != other]


def _count(work: Work, session: SessionRow, before: list[list[Any]] | None) -> None:
    """Count off what the session was and on what it is."""
    steps = session.steps
    if session.is_rechained or before is not None:
        after = _chain(work, session.id)
        steps = _steps(work, after)
        if after and not session.is_gone:
            session.view, session.viewed, session.uri = after[-1]
    if session.stored is not None:
        was = SessionRow(*session.stored)  # type: ignore[arg-type]
        work.ledger.count_session(was, -1, _steps(work, before or ()))
    if not session.is_gone:
        work.ledger.count_session(session, 1, steps)
    session.steps = []


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
    for row in work.events.values():
        if row.is_new:
            new.append(row)
        elif row.is_changed:
            changed.append(
                (
                    row.seq,
                    row.time,
                    row.wait,
                    row.view,
                    row.lane,
                    row.state,
                    row.uri,
                    row.title,
                    row.referrer,
                    row.amount,
                )
                + (row.facts, row.engaged)
            )
            if row.is_moved:
                moved.append((row.seq, row.visitor, row.session))
        row.is_new = row.is_changed = row.is_moved = False
    run_many(work.execute, "add_events_many", [event_values(row) for row in sorted(new, key=_seq)])
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
        if one.stored is None:
            new.append(values)
        else:
            was = SessionRow(*one.stored)  # type: ignore[arg-type]
            grown.append((one.id, one.last, one.pages, one.events, *values[8:]))
            if (was.visitor, was.start, was.reason) != (one.visitor, one.start, one.reason):
                moved.append((one.id, one.visitor, one.start, one.reason))
        one.stored, one.is_rechained = values, False
    run_many(work.execute, "add_sessions_many", new)
    run_many(work.execute, "change_sessions_many", grown)
    run_many(work.execute, "move_sessions_many", moved)
    run_many(work.execute, "remove_sessions_many", gone)


def _seq(row: EventRow) -> int:
    return row.seq
