"""page.visit rows: those that the server counted, those that a browser's confirmation adds, and imported ones' state.

Law: an id that is known already changes nothing, with one exception: a visit that a confirmation had healed before
it arrived (two worker processes) is completed with what only the server knows.
"""

from typing import NamedTuple

from proxy.events.dwell import is_unusual
from proxy.events.kept import VISIT, KeptEvent
from proxy.events.meta import is_meta
from proxy.events.values import INTEGER_MAX
from proxy.store.base import Confirmation, Visit
from proxy.store.sqlite import causes, handing, sessions
from proxy.store.sqlite.dictionary import Facts
from proxy.store.sqlite.ledger import CONFIRMED, UNUSUAL
from proxy.store.sqlite.rows import HANDED, NOTHING_USUAL, EventRow, Usual, VisitorRow
from proxy.store.sqlite.work import Work
from proxy.visitors.lanes import PERSON, PROOF_COOKIE, RETURNED, UNPROVEN, lane_of
from proxy.visitors.sessions import Rules, contains

HEALED, ANSWERS = 2, 8
"""Bits of event.state, as CONFIRMED is; ANSWERS: the page is what the site answered to a form."""
NOT_MODIFIED = ("status", 304)
"""The fact of a visit whose title is not in the answer."""
SHOWN_NAVS = frozenset(("prerender", "bfcache", "cache", "manual", "spa"))
"""Page views that only a browser tells of."""


class NewView(NamedTuple):
    """A page.visit about to be written of which a browser tells: a person's. Texts are cleaned; `facts` are its small
    params."""

    id: bytes
    time: int
    received: int
    state: int
    uri: int
    title: int | None
    referrer: str | None
    facts: Facts
    session_facts: Facts
    more: str | None = None
    undefined: int | None = None
    ip: str = ""


def apply(work: Work, rules: Rules | None, visit: Visit) -> VisitorRow | None:
    """Write a visit counted by the server; whose it is, None where that is not known. `rules` None: sessions are
    switched off."""
    seq = work.known_as(visit.id)
    if seq is not None and seq > 0:
        _complete(work, visit, seq)
        known = work.visitor(visit.uuid)
        return known and handing.owner(work, known, visit.time)
    visitor = work.visitor(visit.uuid)
    if visitor is None:
        if work.heard.is_erased(visit.uuid):
            return None
        visitor = work.add_visitor(visit.uuid)
    if visitor.proof & HANDED:  # else `owner` finds the same, after a few steps more
        visitor = handing.owner(work, visitor, visit.time)
    # Two processes: the visitor's second page may have been written before its first.
    came_back = visit.cookie_came_back or bool(visitor.proof & PROOF_COOKIE)
    lane = lane_of(bot=visit.bot, cookie_came_back=came_back, confirmed=False)
    if visit.cookie_came_back and not visitor.proof & RETURNED:
        prove(work, visitor, PROOF_COOKIE | RETURNED)
    _write(work, None if visit.bot else rules, visitor, visit, lane)
    return visitor


def _write(work: Work, rules: Rules | None, visitor: VisitorRow, visit: Visit, lane: int) -> None:
    """Write a visit counted by the server whose id is not known yet, and its session where it opens one. Most
    page.visits come this way."""
    dictionary, time, facts = work.dictionary, visit.time, visit.facts
    uri = dictionary.uri(visit.uri, visit.host, visit.path)
    title = dictionary.title(uri) if NOT_MODIFIED in facts else None
    session = None if rules is None else visitor.session
    if rules is not None and (session is None or not contains(session, time, rules)):
        begun = _session_facts(facts, visit.session_facts)
        opener = sessions.Opener(visit.id, time, lane, uri, visit.referrer, begun, ip=visit.ip)
        session = sessions.join(work, rules, visitor, time, opener)
    referrer = None if visit.referrer is None else dictionary.word(visit.referrer)
    row = EventRow(
        work.next_seq(),
        visit.id,
        time,
        0,
        work.visit_word,
        visitor.id,
        None if session is None else session.id,
        None,
        lane,
        0,
        uri,
        title,
        referrer,
        visit.upstream_ms,
        dictionary.facts(facts),
    )
    work.add_view(row, session)
    if session is not None:
        sessions.view(work, session, row)
        if session.last > time:  # seldom
            causes.put_first(work, session, row)


def add(work: Work, rules: Rules | None, visitor: VisitorRow, view: NewView) -> EventRow:
    """The same of a page.visit of which a browser tells."""
    session, dictionary = None, work.dictionary
    if rules is not None:
        begun = _session_facts(view.facts, view.session_facts)
        opener = sessions.Opener(view.id, view.received, PERSON, view.uri, view.referrer, begun, ip=view.ip)
        session = sessions.join(work, rules, visitor, view.time, opener)
    row = EventRow(
        work.next_seq(),
        view.id,
        view.time,
        view.received - view.time,
        work.visit_word,
        visitor.id,
        None if session is None else session.id,
        None,
        PERSON,
        view.state,
        view.uri,
        view.title,
        None if view.referrer is None else dictionary.word(view.referrer),
        None,
        dictionary.facts(view.facts),
        None,
        view.more,
        view.undefined,
    )
    work.add_view(row, session)
    if session is not None:
        sessions.view(work, session, row)
        sessions.turn(work, session)
    return row


def _session_facts(facts: Facts, session_facts: Facts) -> Facts:
    """What a page.visit's session.start says: its campaign, too."""
    if not any(key.startswith("utm_") for key, _ in facts):
        return session_facts
    known = {key for key, _ in session_facts}
    campaign = tuple((key, term) for key, term in facts if key.startswith("utm_") and key not in known)
    return (*campaign, *session_facts) if campaign else session_facts


def prove(work: Work, visitor: VisitorRow, proof: int) -> None:
    """The visitor's cookie came back: everything of it that was unproven is a person's."""
    was_proven = visitor.proof & PROOF_COOKIE
    visitor.proof |= proof
    visitor.is_changed = True
    if not was_proven:
        turn_all(work, visitor)


def turn_all(work: Work, visitor: VisitorRow) -> None:
    """All of a visitor is a person's."""
    for row in work.unproven_of(visitor.id, UNPROVEN):
        work.change(row, lane=PERSON)
    for session in work.sessions_of(visitor.id):
        session.lane = PERSON if session.lane == UNPROVEN else session.lane


def describe(work: Work, view: EventRow | None, message: Confirmation) -> None:
    """What a page says of itself becomes a part of its page.visit, once. Few-valued, since all who see a page are told
    the same."""
    if view is None:
        return
    dictionary = work.dictionary
    facts = dictionary.facts_of(view.facts)
    known = {key for key, _ in facts}
    new = [one for one in message.described if one[0] not in known]
    if not any(map(is_meta, known)):
        work.change(view, facts=dictionary.facts((*facts, *new)))


def _complete(work: Work, visit: Visit, seq: int) -> None:
    row = work.event(seq)
    if row is None or not row.state & HEALED:
        return
    dictionary = work.dictionary
    known = dictionary.facts_of(row.facts)
    nav = dict(known).get("nav", "navigate")
    facts = (
        *((key, nav if key == "nav" else value) for key, value in visit.facts),
        *(one for one in known if is_meta(one[0])),
    )
    referrer = row.referrer
    if referrer is None and visit.referrer is not None:
        referrer = dictionary.word(visit.referrer)
    work.change(
        row, state=row.state & ~HEALED, amount=visit.upstream_ms, facts=dictionary.facts(facts), referrer=referrer
    )
    sessions.know_better(work, row)
    visitor, owner = work.visitor(visit.uuid), work.visitor_at(row.visitor)
    if visitor is None and owner.uuid != visit.uuid and not work.heard.is_erased(visit.uuid):
        work.add_visitor(visit.uuid).twin_of = owner.id
    elif visitor is not None and visit.cookie_came_back and not visitor.proof & RETURNED:
        prove(work, visitor, PROOF_COOKIE | RETURNED)


def usual_of_kept(event: KeptEvent) -> tuple[dict[str, object], Usual]:
    """An exported event's own params but for the evidence of a hover, and that."""
    more = dict(event.more)
    usual, number = more.get("usual_ms"), more.get("usual_n")
    if not event.action.endswith(".hover") or type(usual) is not int or type(number) is not int:
        return more, NOTHING_USUAL
    if not 0 <= min(usual, number) <= max(usual, number) <= INTEGER_MAX:
        return more, NOTHING_USUAL
    return {key: value for key, value in more.items() if key not in ("usual_ms", "usual_n")}, (usual, number)


def state_of_kept(event: KeptEvent, usual: Usual) -> int:
    """The state of an event that comes from an export, from what only a browser could have told."""
    if event.action == VISIT:
        is_titled = event.title and NOT_MODIFIED not in event.facts
        is_shown = (dict(event.facts) | dict(event.more)).get("nav") in SHOWN_NAVS
        return CONFIRMED if event.lane == PERSON and (is_titled or is_shown) else 0
    if usual[0] is not None and is_unusual(event.amount or 0, *usual):
        return CONFIRMED | UNUSUAL
    return CONFIRMED
