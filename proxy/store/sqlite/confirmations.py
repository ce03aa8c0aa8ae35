"""Confirmations as rows: what visitors/identity.py decides is carried out here, inside the transaction.

Law: no rule is decided here (VISITS.md section 3 is `whose` and `meaning`). A repeat of a confirmation changes
nothing, but its answer still says whose it is, so that a cookie lost on the way is set after all.
"""

from proxy.store.base import Confirmation, Confirmed
from proxy.store.sqlite import actions, sessions, visits
from proxy.store.sqlite.tables import Tables, ViewRow, VisitorRow
from proxy.visitors.identity import PAIR_WITHIN_MS, Known, What, Who, meaning, whose
from proxy.visitors.lanes import PERSON, PROOF_COOKIE, PROOF_SCRIPT, RETURNED
from proxy.visitors.sessions import Rules


def apply(tables: Tables, rules: Rules | None, message: Confirmation) -> Confirmed:
    """Carry out a confirmation, or the bare identity of a beacon that confirms nothing (`message.id` None)."""
    page = message.page
    seq = tables.seq_of(page.id) if page is not None else None
    view = tables.view(seq) if seq is not None else None
    known = None
    if seq is not None and view is not None:
        twin = not view.proof & RETURNED
        known = Known(seq, view.visitor, bool(view.state & visits.CONFIRMED), twin)
    repeat = tables.seq_of(message.id) if message.id is not None else None
    visitor, who = _visitor_of(tables, rules, message, known, view, repeat)
    if visitor is None:
        return Confirmed(None)
    if message.cookie is not None and not visitor.proof & PROOF_COOKIE:
        visits.prove(tables, visitor, PROOF_COOKIE)
    if message.id is not None and repeat is None:
        same = known is not None and (known.owner == visitor.id or who is Who.MERGE)
        what = meaning(page, known, same_visitor=same, now_ms=message.received)
        _show(tables, rules, message, visitor, what, seq)
    stored = actions.add_all(tables, rules, message, visitor) if message.events else 0
    if message.refusals:
        actions.refuse_all(tables, message, visitor)
    set_cookie = who in (Who.OWNER, Who.NEW)
    return Confirmed(tables.uuid_of(visitor.id), set_cookie, repeat is not None, stored)


def _visitor_of(
    tables: Tables,
    rules: Rules | None,
    message: Confirmation,
    known: Known | None,
    view: ViewRow | None,
    repeat: int | None,
) -> tuple[VisitorRow | None, Who]:
    """Whose the beacon is, as a row; makes the visitor, or moves a twin's rows, where that is what it means."""
    theirs = tables.visitor(message.cookie) if message.cookie is not None else None
    who = whose(
        message.page,
        known,
        theirs.id if theirs else None,
        has_cookie=message.cookie is not None,
        now_ms=message.received,
    )
    if who is Who.NOBODY:
        return None, who
    if who is Who.NEW:
        known_again = _made_for(tables, message, repeat)
        if known_again is not None:
            return known_again, who
    if who is Who.NEW:
        return tables.visitor(message.new_uuid) or tables.add_visitor(message.new_uuid), who
    if who is Who.OWNER and known is not None:
        return tables.visitor_at(known.owner), who
    assert message.cookie is not None
    visitor = theirs or tables.add_visitor(message.cookie)
    if who is Who.MERGE and known is not None:
        _merge(tables, rules, known.owner, visitor.id)
        visitor = tables.visitor_at(visitor.id)
    return visitor, who


def _made_for(tables: Tables, message: Confirmation, repeat: int | None) -> VisitorRow | None:
    """The visitor that this very message has made: the answer, and the cookie with it, may have been lost. Nobody else:
    an id that stands in a page, or was sent by somebody who has come back since, names no visitor."""
    if repeat is None and message.events:
        repeat = tables.seq_of(message.events[0].id)
    told = tables.view(repeat) if repeat is not None else None
    if told is None or (message.page is not None and message.id == message.page.id):
        return None
    return None if told.proof & (PROOF_COOKIE | RETURNED) else tables.visitor_at(told.visitor)


def _merge(tables: Tables, rules: Rules | None, twin: int, other: int) -> None:
    """A twin's rows become the other visitor's, and whatever still comes for the twin goes there too."""
    if rules is not None:
        sessions.move_all(tables, rules, twin, other)
    tables.run("give_loose_events", (other, twin))
    tables.run("set_twin", {"twin": twin, "other": other})
    visitor = tables.visitor_at(other)
    if visitor.proof & PROOF_COOKIE:
        tables.run("turn_visitor_sessions", (other,))
        tables.run("turn_visitor_loose", (other,))


def _show(
    tables: Tables, rules: Rules | None, message: Confirmation, visitor: VisitorRow, what: What, seq: int | None
) -> None:
    """Carry out what the confirmation means for the page; `message.id` is claimed for whatever row it ends at."""
    if what is What.NOTHING or message.id is None or message.page is None:
        return
    nav, asleep = message.nav, message.page.asleep
    again = what is What.SHOW_AGAIN
    # A copy that slept may come from the browser's cache as well, after a visit that the server has counted (304).
    paired = _unconfirmed(tables, visitor, message) if again or (asleep and what is What.SHOW_UNCOUNTED) else None
    if paired is not None:
        seq, what = paired, What.CONFIRM
    elif again:
        seq, nav = None, nav if nav == "bfcache" else "cache"
    elif what is What.SHOW_UNCOUNTED and not asleep:
        nav = "prerender"
    if what is What.CONFIRM and seq is not None:
        _confirm(tables, message, seq, nav)
    elif message.uri:
        own_id = message.id if again else message.page.id
        seq = _add(tables, rules, message, visitor, own_id, nav, healed=what is What.HEAL)
    if seq is not None:
        tables.claim(message.id, seq)
    tables.run("prove_visitor", (PROOF_SCRIPT, visitor.id))


def _unconfirmed(tables: Tables, visitor: VisitorRow, message: Confirmation) -> int | None:
    """The visit that the server counted when it told the browser to use its copy (304), if there is one."""
    if not message.uri:
        return None
    where = {
        "action": tables.word("page.visit"),
        "uri": tables.uri(message.uri, message.host, message.path),
        "after": message.received - PAIR_WITHIN_MS,
    }
    if visitor.session is not None:
        row = tables.execute_named("unconfirmed_in_session", {**where, "session": visitor.session.id}).fetchone()
    else:
        row = tables.execute_named("unconfirmed_loose", {**where, "visitor": visitor.id}).fetchone()
    return row[0] if row else None


def _confirm(tables: Tables, message: Confirmation, seq: int, nav: str) -> None:
    view = tables.view(seq)
    if view is None:
        return
    uri = view.uri
    if message.uri and view.uri_text and _same_page(view.uri_text, message.uri):
        uri = tables.uri(message.uri, message.host, message.path)
    title = tables.word(message.title) if message.title else view.title
    if uri is not None and message.title:
        tables.run("set_uri_title", (title, uri))
    facts = tuple((key, nav if key == "nav" else value) for key, value in tables.facts_of(view.facts))
    referrer = view.referrer if message.referrer is None else tables.word(message.referrer)
    tables.run("confirm_view", (uri, title, referrer, tables.facts(facts), seq))
    if view.session is not None:
        visits.turn_session(tables, view.session)


def _same_page(stored: str, reported: str) -> bool:
    """Whether two cleaned URIs agree in origin and path."""
    return stored.partition("?")[0] == reported.partition("?")[0]


def _add(
    tables: Tables,
    rules: Rules | None,
    message: Confirmation,
    visitor: VisitorRow,
    event_id: bytes,
    nav: str,
    *,
    healed: bool,
) -> int:
    if not tables.claim(event_id, tables.seq + 1):
        return tables.seq_of(event_id) or 0
    title = tables.word(message.title) if message.title else None
    uri = tables.uri(message.uri, message.host, message.path)
    if title is not None:
        tables.run("set_uri_title", (title, uri))
    view = visits.NewView(
        event_id,
        message.received,
        message.received,
        PERSON,
        visits.CONFIRMED | (visits.HEALED if healed else 0),
        uri,
        title,
        None if message.referrer is None else tables.word(message.referrer),
        None,
        (("nav", nav),),
        message.session_facts,
    )
    return visits.add(tables, rules, visitor, view)
