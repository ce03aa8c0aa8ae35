"""page.visit rows: those that the server counted, and those that a browser's confirmation adds.

Law: an id that is known already changes nothing, with one exception: a visit that a confirmation had healed before
it arrived (two worker processes) is completed with what only the server knows.
"""

from typing import NamedTuple

from proxy.store.base import Visit
from proxy.store.sqlite import sessions
from proxy.store.sqlite.tables import EventRow, Facts, Tables, VisitorRow
from proxy.visitors.lanes import PROOF_COOKIE, RETURNED, lane_of
from proxy.visitors.sessions import Rules

CONFIRMED, HEALED = 1, 2
"""Bits of event.state."""
NOT_MODIFIED = ("status", 304)
"""The fact of a visit whose title is not in the answer."""


class NewView(NamedTuple):
    """A page.visit about to be written, whoever counted it. Texts are cleaned; `facts` are its small params."""

    id: bytes
    time: int
    received: int
    lane: int
    state: int
    uri: int | None
    title: int | None
    referrer: int | None
    amount: int | None
    facts: Facts
    session_facts: Facts
    more: str | None = None
    undefined: int | None = None


def apply(tables: Tables, rules: Rules | None, visit: Visit) -> None:
    """Write a visit counted by the server. `rules` None: sessions are switched off."""
    if not tables.claim(visit.id, tables.seq + 1):
        _complete(tables, visit)
        return
    visitor = tables.visitor(visit.uuid) or tables.add_visitor(visit.uuid)
    uri = tables.uri(visit.uri, visit.host, visit.path)
    # Two processes: the visitor's second page may have been written before its first.
    came_back = visit.cookie_came_back or bool(visitor.proof & PROOF_COOKIE)
    known_title = NOT_MODIFIED in visit.facts
    view = NewView(
        visit.id,
        visit.time,
        visit.time,
        lane_of(bot=visit.bot, cookie_came_back=came_back, confirmed=False),
        0,
        uri,
        tables.execute_named("uri_title", (uri,)).fetchone()[0] if known_title else None,
        None if visit.referrer is None else tables.word(visit.referrer),
        visit.upstream_ms,
        visit.facts,
        visit.session_facts,
    )
    if visit.cookie_came_back and not visitor.proof & RETURNED:
        prove(tables, visitor, PROOF_COOKIE | RETURNED)
    add(tables, None if visit.bot else rules, visitor, view)


def add(tables: Tables, rules: Rules | None, visitor: VisitorRow, view: NewView) -> int:
    """Write a page.visit whose id was claimed for the next seq, and its session where it opens one."""
    claimed_for, session = tables.seq + 1, None
    if rules is not None:
        opener = sessions.Opener(
            random=view.id[:5:-1],  # the visit's own randomness, reversed: another id, and the same one on a retry
            received=view.received,
            lane=view.lane,
            uri=view.uri,
            referrer=view.referrer,
            facts=view.session_facts,
        )
        session = sessions.join(tables, rules, visitor, view.time, opener)
    seq = tables.next_seq()
    if seq != claimed_for:
        tables.run("move_id", (seq, view.id))
    tables.add_event(
        EventRow(
            seq,
            view.id,
            view.time,
            view.received - view.time,
            tables.word("page.visit"),
            visitor.id,
            session,
            None,
            view.lane,
            view.state,
            view.uri,
            view.title,
            view.referrer,
            view.amount,
            tables.facts(view.facts),
            None,
            view.more,
            view.undefined,
        )
    )
    if session is not None:
        sessions.touch(tables, session, sessions.Gain(view.time, view.time, events=1, pages=1, uri=view.uri))
    if session is not None and view.state & CONFIRMED:
        turn_session(tables, session)
    return seq


def turn_session(tables: Tables, session: int) -> None:
    """A session with a person's page in it is a person's."""
    tables.run("turn_session", (session, tables.word("session.start"), tables.word("session.end")))


def prove(tables: Tables, visitor: VisitorRow, proof: int) -> None:
    """The visitor's cookie came back: everything of it that was unproven is a person's."""
    tables.run("prove_visitor", (proof, visitor.id))
    if not visitor.proof & PROOF_COOKIE:
        tables.run("turn_visitor_sessions", (visitor.id,))
        tables.run("turn_visitor_loose", (visitor.id,))


def _complete(tables: Tables, visit: Visit) -> None:
    seq = tables.seq_of(visit.id)
    row = None if seq is None else tables.view(seq)
    if row is None or not row.state & HEALED:
        return
    nav = dict(tables.facts_of(row.facts)).get("nav", "navigate")
    facts = tuple((key, nav if key == "nav" else value) for key, value in visit.facts)
    referrer = None if visit.referrer is None else tables.word(visit.referrer)
    tables.run("complete_view", (visit.upstream_ms, tables.facts(facts), referrer, seq))
    visitor = tables.visitor(visit.uuid)
    if visitor is None and row.uuid != visit.uuid:
        twin = tables.add_visitor(visit.uuid)
        tables.run("set_twin", {"twin": twin.id, "other": row.visitor})
    elif visitor is not None and visit.cookie_came_back and not visitor.proof & RETURNED:
        prove(tables, visitor, PROOF_COOKIE | RETURNED)
