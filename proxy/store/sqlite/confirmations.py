"""Confirmations as rows: what visitors/identity.py decides is carried out here, inside the transaction.

Law: no rule is decided here (VISITS.md section 3 is `whose` and `meaning`). A repeat of a confirmation changes
nothing, but its answer still says whose it is, so that a cookie lost on the way is set after all.
"""

from collections.abc import Iterator

from proxy.store.base import Confirmation, Confirmed
from proxy.store.sqlite import actions, customers, handing, results, sessions, visits
from proxy.store.sqlite.ledger import CONFIRMED
from proxy.store.sqlite.rows import WAITS, EventRow, VisitorRow
from proxy.store.sqlite.texts import SQL
from proxy.store.sqlite.work import Work
from proxy.visitors.identity import PAIR_WITHIN_MS, Known, What, Who, meaning, whose
from proxy.visitors.lanes import IDENTIFIED, PERSON, PROOF_COOKIE, PROOF_SCRIPT, RETURNED
from proxy.visitors.sessions import Rules


def apply(work: Work, rules: Rules | None, message: Confirmation) -> Confirmed:
    """Carry out a confirmation, or the bare identity of a beacon that confirms nothing (`message.id` None)."""
    page = message.page
    view = _view(work, page.id) if page is not None else None
    known = None
    if _is_of_erased(work, message, view):
        return Confirmed(None)
    if view is not None:
        may_be_twin = not work.visitor_at(view.visitor).proof & (RETURNED | IDENTIFIED)
        known = Known(view.seq, view.visitor, bool(view.state & CONFIRMED), may_be_twin)
    repeat = work.seq_of(message.id) if message.id is not None else None
    visitor, who = _visitor_of(work, rules, message, known, repeat)
    if visitor is None:
        return Confirmed(None)
    if message.cookie is not None and not visitor.proof & PROOF_COOKIE:
        visits.prove(work, visitor, PROOF_COOKIE)
    if message.id is not None and repeat is None:
        same = known is not None and (known.owner == visitor.id or who is Who.MERGE)
        what = meaning(page, known, same_visitor=same, now_ms=message.received)
        _show(work, rules, message, visitor, what, view)
    stored, owner, was = 0, visitor, None
    if message.customer:
        before, since = message.events[: message.customer_from], message.events[message.customer_from :]
        stored = actions.add_all(work, rules, message._replace(events=before), visitor)
        identified = customers.identify(work, rules, message, visitor)
        if identified is None:
            return Confirmed(None)
        owner, message = identified, message._replace(events=since)
        # What names both without a page is no browser.
        if owner is not visitor and page is not None and not message.takes_turns:
            was = visitor
            handing.hand(work, visitor, owner, message.received - (since[0].ago_ms if since else 0))
    if message.events:
        stored += actions.add_all(work, rules, message, owner, was)
    if message.described:
        visits.describe(work, actions.place_of(work, message, message.described_view, owner.id).view, message)
    if message.asked is not None:
        results.meant(work, owner, message)
    if message.refusals:
        actions.refuse_all(work, message, owner)
    has_other = message.cookie is not None and work.visitor(message.cookie) is not owner
    return Confirmed(owner.uuid, has_other or who in (Who.OWNER, Who.NEW), repeat is not None, stored)


def _is_of_erased(work: Work, message: Confirmation, view: EventRow | None) -> bool:
    """Whether it comes from somebody who was erased: by the cookie, or from a page that they had open."""
    cookie, page = message.cookie, message.page
    if cookie is not None and work.visitor(cookie) is None and work.heard.is_erased(cookie):
        return True
    return page is not None and view is None and work.heard.is_erased(page.id)


def _view(work: Work, event_id: bytes) -> EventRow | None:
    """The row that an id stands for."""
    seq = work.seq_of(event_id)
    return work.event(seq) if seq else None


def _visitor_of(
    work: Work, rules: Rules | None, message: Confirmation, known: Known | None, repeat: int | None
) -> tuple[VisitorRow | None, Who]:
    """Whose the beacon is, as a row; makes the visitor, or moves a twin's rows, where that is what it means."""
    if message.customer and message.cookie is None and message.page is None:
        return customers.owner(work, message.customer), Who.COOKIE
    theirs = _of_cookie(work, message, known) if message.cookie is not None else None
    who = whose(
        message.page,
        known,
        theirs.id if theirs else None,
        has_cookie=message.cookie is not None,
        now_ms=message.received,
    )
    if who is Who.NOBODY or (message.page is None and theirs is not None and _is_crawler(work, theirs)):
        return None, Who.NOBODY
    if who is Who.NEW:
        known_again = _made_for(work, message, repeat)
        if known_again is not None:
            return known_again, who
        return work.visitor(message.new_uuid) or work.add_visitor(message.new_uuid), who
    if who is Who.OWNER and known is not None:
        return work.visitor_at(known.owner), who
    assert message.cookie is not None
    visitor = theirs or work.add_visitor(message.cookie)
    if who is Who.MERGE and known is not None:
        _merge(work, rules, work.visitor_at(known.owner), visitor)
    return visitor, who


def _of_cookie(work: Work, message: Confirmation, known: Known | None) -> VisitorRow | None:
    """The cookie's visitor. Where the browser has become another one, and has not got its cookie yet, that one: of what
    the site has answered, and on pages that were that one's already."""
    theirs = work.visitor(message.cookie) if message.cookie is not None else None
    if theirs is None or (message.asked is None and known is None):
        return theirs
    now = handing.owner(work, theirs, message.received)
    return now if known is None or known.owner == now.id else theirs


def _is_crawler(work: Work, visitor: VisitorRow) -> bool:
    """A server may name any uuid, also a crawler's: of it no person's events are kept, which nobody could erase. Who
    has been proven to be somebody is none, and is not asked about."""
    return not visitor.proof and bool(work.execute(SQL["is_crawler"], (visitor.id,)).fetchone()[0])


def _made_for(work: Work, message: Confirmation, repeat: int | None) -> VisitorRow | None:
    """The visitor that this very message has made: the answer, and the cookie with it, may have been lost. Nobody else:
    an id that stands in a page, or was sent by somebody who has come back since, names no visitor."""
    if repeat is None and message.events:
        repeat = work.seq_of(message.events[0].id)
    told = work.event(repeat) if repeat else None
    if told is None or (message.page is not None and message.id == message.page.id):
        return None
    owner = work.visitor_at(told.visitor)
    return None if owner.proof & (PROOF_COOKIE | RETURNED) else owner


def _merge(work: Work, rules: Rules | None, twin: VisitorRow, other: VisitorRow) -> None:
    """A twin's rows become the other visitor's, and whatever still comes for the twin goes there too."""
    sessions.move_all(work, rules, twin, other)
    for row in work.loose_of(twin.id):
        work.change(row, visitor=other.id)
    work.merge(twin, other)
    work.execute(SQL["move_form_answers"], {"twin": twin.id, "other": other.id})
    other.proof |= twin.proof & WAITS
    if other.proof & PROOF_COOKIE:
        visits.turn_all(work, other)


def _show(
    work: Work, rules: Rules | None, message: Confirmation, visitor: VisitorRow, what: What, view: EventRow | None
) -> None:
    """Carry out what the confirmation means for the page; `message.id` is claimed for whatever row it ends at."""
    if what is What.NOTHING or message.id is None or message.page is None:
        return
    nav, asleep = message.nav, message.page.asleep
    again = what is What.SHOW_AGAIN
    # A copy that slept may come from the browser's cache as well, after a visit that the server has counted (304).
    paired = _unconfirmed(work, visitor, message) if again or (asleep and what is What.SHOW_UNCOUNTED) else None
    if paired is not None:
        view, what = paired, What.CONFIRM
    elif again:
        view, nav = None, nav if nav == "bfcache" else "cache"
    elif what is What.SHOW_UNCOUNTED and not asleep:
        nav = "prerender"
    seq = None if view is None else view.seq
    if what is What.CONFIRM and view is not None:
        _confirm(work, message, view, nav)
    elif message.uri:
        own_id = message.id if again else message.page.id
        seq = _add(work, rules, message, visitor, own_id, nav, healed=what is What.HEAL)
    if seq is not None:
        work.claim(message.id, seq)
    if not visitor.proof & PROOF_SCRIPT:
        visitor.proof |= PROOF_SCRIPT
        visitor.is_changed = True


def _unconfirmed(work: Work, visitor: VisitorRow, message: Confirmation) -> EventRow | None:
    """The latest visit that the server counted when it told the browser to use its copy (304), if there is one."""
    if not message.uri:
        return None
    uri = work.dictionary.uri(message.uri, message.host, message.path)
    visit, after = work.dictionary.word("page.visit"), message.received - PAIR_WITHIN_MS
    rows = work.unconfirmed_of(visitor.id, visit, after)
    found = [row for row in rows if row.uri == uri and not row.state & CONFIRMED]
    return max(found, key=lambda row: row.seq, default=None)


def _confirm(work: Work, message: Confirmation, view: EventRow, nav: str) -> None:
    dictionary = work.dictionary
    uri, title = view.uri, view.title
    if message.uri and uri is not None and _same_page(dictionary.address(uri).text, message.uri):
        uri = dictionary.uri(message.uri, message.host, message.path)
    if message.title:
        title = dictionary.word(message.title)
        if uri is not None:
            dictionary.set_title(uri, title)
    facts = tuple((key, nav if key == "nav" else value) for key, value in dictionary.facts_of(view.facts))
    referrer = view.referrer if message.referrer is None else dictionary.word(message.referrer)
    state = view.state | CONFIRMED
    session = None if view.session is None else work.session(view.session)
    if session is not None and session.view == view.seq:
        session.uri = uri
    work.change(view, lane=PERSON, state=state, uri=uri, title=title, referrer=referrer, facts=dictionary.facts(facts))
    if session is not None:
        sessions.turn(work, session)


def _same_page(stored: str, reported: str) -> bool:
    """Whether two cleaned URIs agree in origin and path."""
    return stored.partition("?")[0] == reported.partition("?")[0]


def _add(
    work: Work,
    rules: Rules | None,
    message: Confirmation,
    visitor: VisitorRow,
    event_id: bytes,
    nav: str,
    *,
    healed: bool,
) -> int:
    known = work.seq_of(event_id)
    if known is not None:
        return known
    dictionary = work.dictionary
    title = dictionary.word(message.title) if message.title else None
    uri = dictionary.uri(message.uri, message.host, message.path)
    if title is not None:
        dictionary.set_title(uri, title)
    view = visits.NewView(
        event_id,
        message.received,
        message.received,
        CONFIRMED | (visits.HEALED if healed else 0),
        uri,
        title,
        message.referrer,
        (("nav", nav), *message.utm),
        message.session_facts,
        ip=message.ip,
    )
    return visits.add(work, rules, visitor, view).seq


def parts(message: Confirmation) -> Iterator[Confirmation]:
    """A message in pieces that can be stored without each other, in the order in which they are stored together: the
    confirmation, every event, what was refused."""
    bare = message._replace(events=(), refusals=())
    yield bare._replace(customer=()) if message.customer_from else bare
    bare = bare._replace(id=None)
    for place, event in enumerate(message.events):
        is_later = place >= message.customer_from
        yield bare._replace(events=(event,), customer=message.customer if is_later else (), customer_from=0)
    if message.refusals:
        yield bare._replace(refusals=message.refusals)
