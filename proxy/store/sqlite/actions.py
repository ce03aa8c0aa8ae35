"""What people do on a page, as rows: hovers, clicks, forms, leaving, and visits that a page's script reports.

Law: an id that is known already changes nothing. Whether a hover was longer than usual is judged here, against what
was known of its element before it, and stored with the evidence (WIRE.md, "Unusual").
"""

import json

from proxy.events.dwell import UNUSUAL_FROM_N, bucket_of, is_unusual, quantile
from proxy.events.incoming import BrowserEvent
from proxy.store.base import Confirmation, Refusal
from proxy.store.sqlite import sessions, visits
from proxy.store.sqlite.tables import EventRow, Facts, Place, Tables, VisitorRow
from proxy.visitors.lanes import PERSON, PROOF_COOKIE, PROOF_SCRIPT
from proxy.visitors.sessions import Rules

UNUSUAL = 4
"""Bit of event.state."""
REJECTIONS_KEPT = 1_000
"""WIRE.md, "Beacon": the latest refused events are kept for the report."""
VISIT = "page.visit"
CAUSE_WITHIN_MS = 500
"""A click and the page that it asks for travel side by side, and the page may win: what is done on a page this long
after the visitor has asked for the next one is taken for what asked for it. Nobody clicks again so soon."""
LATEST_EVENTS = 20
"""Of a session, in which that next page is looked for."""


def add_all(tables: Tables, rules: Rules | None, message: Confirmation, visitor: VisitorRow) -> int:
    """Write the events of a message, in their order; returns how many were new."""
    places: dict[bytes, Place | None] = {}
    stored = 0
    for event in message.events:
        if tables.seq_of(event.id) is not None:
            continue
        # Sessions may have been opened or closed by the showing, or by the event before.
        visitor = tables.visitor_at(visitor.id)
        place = _place(tables, message, event, visitor, places)
        if event.action == VISIT:
            _add_visit(tables, rules, message, visitor, event, place)
        else:
            _add(tables, rules, message, visitor, event, place)
        stored += 1
    return stored


def refuse_all(tables: Tables, message: Confirmation, visitor: VisitorRow | None) -> None:
    """Keep what was refused of a message, for the report; of nobody's that is all of it."""
    refusals = message.refusals
    if visitor is None:
        refusals += tuple(Refusal(event.action, "no_visitor", "") for event in message.events)
    if not refusals:
        return
    place = None
    if message.page is not None and visitor is not None:
        place = tables.place(message.page.id, visitor.id)
    page = tables.page(message.host, "") if place is None else place.page
    for refusal in refusals:
        tables.run("add_rejection", (message.received, page, *refusal))
    tables.run("prune_rejections", (REJECTIONS_KEPT,))


def _place(
    tables: Tables, message: Confirmation, event: BrowserEvent, visitor: VisitorRow, known: dict[bytes, Place | None]
) -> Place:
    """The view that the event names, else the page of the tag, else a page that is not known."""
    for view in (event.view, message.page.id if message.page is not None else None):
        if view is not None:
            if known.get(view) is None:
                known[view] = tables.place(view, visitor.id)
            place = known[view]
            if place is not None:
                return place
    return Place(None, None, None, tables.page(message.host, ""))


def _moment(message: Confirmation, event: BrowserEvent, place: Place) -> tuple[int, Facts]:
    """When the event happened, never before its page.visit, and what was sent where that is not it."""
    time = message.received - event.ago_ms
    sent = event.sent_ago
    if place.time is not None and time < place.time:
        time = min(place.time, message.received)
        sent = event.ago_ms if sent is None else sent
    return time, (("original_ago", sent),) if sent is not None else ()


def _before_its_effect(tables: Tables, event: BrowserEvent, place: Place, session: int, time: int) -> tuple[int, Facts]:
    """A click, or a submit, that was told later than the page it led to: it came first all the same."""
    if not event.action.endswith((".click", ".submit")):
        return time, ()
    values = {
        "session": session,
        "latest": LATEST_EVENTS,
        "visit": tables.word(VISIT),
        "view": place.seq,
        "time": time,
        "within": CAUSE_WITHIN_MS,
        "uri": place.uri,
    }
    asked = tables.execute_named("next_page", values).fetchone()[0]
    if asked is None or place.time is None or asked <= place.time:
        return time, ()
    return asked - 1, (("original_ago", event.ago_ms),)


def _add(
    tables: Tables,
    rules: Rules | None,
    message: Confirmation,
    visitor: VisitorRow,
    event: BrowserEvent,
    place: Place,
) -> None:
    time, clamped = _moment(message, event, place)
    if not clamped and event.opens and visitor.session is not None and place.seq is not None:
        time, clamped = _before_its_effect(tables, event, place, visitor.session.id, time)
    session = None
    if rules is not None:
        session = sessions.join(tables, rules, visitor, time, _opener(message, event, place) if event.opens else None)
    target = tables.target(place.page, event.name) if event.name else None
    more, state = (*event.more, *clamped), visits.CONFIRMED
    if target is not None and event.amount is not None and event.action.endswith(".hover"):
        evidence, unusual = _judge(tables, target, event.amount)
        more, state = (*more, *evidence), state | (UNUSUAL if unusual else 0)
    seq = tables.next_seq()
    tables.claim(event.id, seq)
    tables.add_event(
        EventRow(
            seq,
            event.id,
            time,
            message.received - time,
            tables.word(event.action),
            visitor.id,
            session,
            place.seq,
            PERSON,
            state,
            None,
            None,
            None,
            event.amount,
            tables.facts(event.facts),
            target,
            _json(more),
            _names(tables, event.undefined),
        )
    )
    if session is not None:
        sessions.touch(tables, session, time, page=False, uri=None, keeps=event.keeps)
    if not visitor.proof & (PROOF_SCRIPT | PROOF_COOKIE):  # its confirmation was lost, but a browser is at work
        tables.run("prove_visitor", (PROOF_SCRIPT, visitor.id))
        if session is not None:
            visits.turn_session(tables, session)


def _add_visit(
    tables: Tables,
    rules: Rules | None,
    message: Confirmation,
    visitor: VisitorRow,
    event: BrowserEvent,
    place: Place,
) -> None:
    """A visit that the page's own script reports (`footfall.visit`): another page without a request."""
    time, clamped = _moment(message, event, place)
    said = dict(event.more)
    uri, title, referrer = (said.pop(key, None) for key in ("uri", "title", "referrer"))
    row = tables.uri(str(uri), message.host, _path_of(str(uri)))
    word = None if title is None else tables.word(str(title))
    if word is not None:
        tables.run("set_uri_title", (word, row))
    tables.claim(event.id, tables.seq + 1)
    view = visits.NewView(
        event.id,
        time,
        message.received,
        PERSON,
        visits.CONFIRMED,
        row,
        word,
        None if referrer is None else tables.word(str(referrer)),
        None,
        event.facts,
        message.session_facts,
        _json((*said.items(), *clamped)),
        _names(tables, event.undefined),
    )
    visits.add(tables, rules, visitor, view)


def _path_of(uri: str) -> str:
    """The path of a cleaned absolute URI."""
    return "/" + uri.split("://", 1)[1].partition("/")[2].partition("?")[0]


def _judge(tables: Tables, target: int, dwell_ms: int) -> tuple[Facts, bool]:
    """The evidence of a hover (`usual_ms`, `usual_n`; nothing where too little is known of the element) and whether it
    was longer than usual. The element's history has it from now on."""
    history = tables.execute_named("dwell_history", (target,)).fetchall()
    tables.run("add_dwell", (target, bucket_of(dwell_ms)))
    number = sum(n for _, n in history)
    if number < UNUSUAL_FROM_N:
        return (), False
    usual = quantile(history, 0.5)
    return (("usual_ms", usual), ("usual_n", number)), is_unusual(dwell_ms, usual, number)


def _opener(message: Confirmation, event: BrowserEvent, place: Place) -> sessions.Opener:
    told = tuple((key, value) for key, value in message.session_facts if key != "trigger")
    return sessions.Opener(
        random=event.id[:5:-1],
        received=message.received,
        lane=PERSON,
        uri=place.uri,
        referrer=None,
        facts=(*told, ("trigger", event.action)),
        view=place.seq,
    )


def _json(params: Facts) -> str | None:
    return json.dumps(dict(params), ensure_ascii=False, separators=(",", ":")) if params else None


def _names(tables: Tables, names: tuple[str, ...]) -> int | None:
    return tables.word(json.dumps(names)) if names else None
