"""Customers as rows: a browser is tied to the customer who uses it, and becomes another visitor with the next one.

Law: EVENTS.md section 6, "Identity". The first key is attached, and the uuid and its history stay; the same key changes
nothing; a different one ends the session, and what comes then is of a visitor of its own, never merged.
"""

from proxy.store.base import Confirmation
from proxy.store.sqlite import sessions
from proxy.store.sqlite.rows import VisitorRow
from proxy.store.sqlite.texts import SQL
from proxy.store.sqlite.work import Work
from proxy.visitors.customers import Marks, uuid_after, uuid_beside
from proxy.visitors.lanes import IDENTIFIED, VOUCHED
from proxy.visitors.sessions import Reason, Rules


def owner(work: Work, marks: Marks) -> VisitorRow | None:
    """The visitor that a customer is, for somebody who names no browser: the first that was tied to it, a new one where
    there is none; None where that one was erased. Under whichever mark, and whichever visitor is the older one: whoever
    types the customer's key afterwards, in a browser that was there before, gets nothing that is told of it."""
    tied = [row for mark in marks for row in work.execute(SQL["customer_visitor"], (mark,))]
    if tied:
        _, first = min(tied)
        return _vouch(work.visitor_at(first))
    return _visitor(work, uuid_after(b"", marks[0]), marks, vouched=True)


def identify(work: Work, rules: Rules | None, message: Confirmation, visitor: VisitorRow) -> VisitorRow | None:
    """The visitor that a browser is from now on: the one that it was, or, where it was another customer's, one of its
    own; None where that one was erased."""
    marks = message.customer
    if not visitor.proof & IDENTIFIED:
        _attach(work, visitor, marks[0])
        return visitor
    (mark,) = work.execute(SQL["customer_mark"], (visitor.id,)).fetchone() or (None,)
    if mark in marks:
        if mark != marks[0]:
            _attach(work, visitor, marks[0])
        return visitor
    uuid = (uuid_beside if message.takes_turns else uuid_after)(visitor.uuid, marks[0])
    # Once: a server that names both cannot give the browser the new uuid, and would end each session anew; so would two
    # tabs with tokens of two customers, at every turn.
    if rules is not None and work.visitor(uuid) is None and not work.heard.is_erased(uuid):
        sessions.end_open(work, visitor, Reason.IDENTITY, message.received)
    # Who came with a cookie will keep the next one as well; a server that named the uuid has none to keep.
    return _visitor(work, uuid, marks, vouched=message.cookie is not None)


def _visitor(work: Work, uuid: bytes, marks: Marks, *, vouched: bool) -> VisitorRow | None:
    known = work.visitor(uuid)
    if known is None:
        if work.heard.is_erased(uuid):
            return None
        known = work.add_visitor(uuid)
    if vouched:
        _vouch(known)
    if not known.proof & IDENTIFIED:
        _attach(work, known, marks[0])
    return known


def _vouch(visitor: VisitorRow) -> VisitorRow:
    if not visitor.proof & VOUCHED:
        visitor.proof |= VOUCHED
        visitor.is_changed = True
    return visitor


def _attach(work: Work, visitor: VisitorRow, mark: bytes) -> None:
    work.execute(SQL["put_customer"], {"mark": mark, "visitor": visitor.id, "tied": work.seq})
    visitor.proof |= IDENTIFIED
    visitor.is_changed = True
