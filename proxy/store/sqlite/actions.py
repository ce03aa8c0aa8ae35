"""What people do on a page, as rows: hovers, clicks, forms, leaving, and visits that a page's script reports.

Law: an id that is known already changes nothing. Whether a hover was longer than usual is judged here, against what
was known of its element before it, and stored with the evidence (WIRE.md, "Unusual").
"""

import json

from proxy.events.dwell import UNUSUAL_FROM_N, bucket_of, is_unusual, quantile
from proxy.events.incoming import BrowserEvent
from proxy.store.base import Confirmation
from proxy.store.sqlite import sessions, visits
from proxy.store.sqlite.tables import EventRow, Facts, Place, Tables, VisitorRow
from proxy.visitors.lanes import PERSON, PROOF_COOKIE, PROOF_SCRIPT
from proxy.visitors.sessions import Rules, contains

UNUSUAL = 4
"""Bit of event.state."""
REJECTIONS_KEPT = 1_000
"""WIRE.md, "Beacon": the latest refused events are kept for the report."""
NO_ROW = 0
"""What the id of a refused event stands for."""
VISIT = "page.visit"
CAUSE_WITHIN_MS = 500
"""A click and the page that it asks for travel side by side, and the page may win: what is done on a page this long
after the visitor has asked for the next one is taken for what asked for it. Nobody clicks again so soon."""
CAUSES_BEFORE_MS = {".click": 2, ".submit": 1}
"""How long before that page they are put: a button's click comes before the submit that it makes, in whichever order
the two are told."""
LATEST_EVENTS = 20
"""Of a session, in which that next page is looked for."""


def add_all(tables: Tables, rules: Rules | None, message: Confirmation, visitor: VisitorRow) -> int:
    """Write the events of a message, in their order; returns how many were new."""
    # Sessions may have been opened or closed by the showing.
    acts = _Acts(tables, rules, message, tables.visitor_at(visitor.id))
    stored = sum([acts.add(event) for event in message.events])
    acts.flush()
    return stored


def refuse_all(tables: Tables, message: Confirmation, visitor: VisitorRow) -> None:
    """Keep what was refused of somebody's message, for the report, once; of nobody's nothing is kept, or anybody could
    fill the list."""
    for refusal in message.refusals:
        if refusal.id is not None and not tables.claim(refusal.id, NO_ROW):
            continue
        place = place_of(tables, message, refusal.view, visitor.id)
        values = (message.received, place.page, refusal.action, refusal.code, refusal.field)
        tables.run("add_rejection", values)
    tables.run("prune_rejections", (REJECTIONS_KEPT,))


def place_of(tables: Tables, message: Confirmation, view: bytes | None, visitor: int) -> Place:
    """The view that an event names, else the page of the tag, else a page that is not known."""
    page = message.page
    for known in (view, page.id if page is not None else None):
        place = tables.place(known, visitor) if known is not None else None
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
    before = next((ms for ending, ms in CAUSES_BEFORE_MS.items() if event.action.endswith(ending)), None)
    if before is None:
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
    return max(asked - before, place.time), (("original_ago", event.ago_ms),)


class _Acts:
    """The events of one message being written: whose they are, where they happened, and what their sessions gain, which
    is written once for all of them."""

    __slots__ = ("_gains", "_message", "_places", "_rules", "_tables", "_visitor")

    def __init__(self, tables: Tables, rules: Rules | None, message: Confirmation, visitor: VisitorRow) -> None:
        self._tables = tables
        self._rules = rules
        self._message = message
        self._visitor = visitor
        self._places: dict[bytes | None, Place] = {}
        self._gains: dict[int, sessions.Gain] = {}

    def add(self, event: BrowserEvent) -> bool:
        """Write an event; False where it is known already."""
        tables = self._tables
        claimed_for = tables.seq + 1
        if not tables.claim(event.id, claimed_for):
            return False
        place = self._place(event.view)
        if event.action == VISIT:
            self._add_visit(event, place)
        else:
            self._add(event, place, claimed_for)
        return True

    def flush(self) -> None:
        """Write what the sessions have gained."""
        for session, gain in self._gains.items():
            sessions.touch(self._tables, session, gain)
        self._gains.clear()

    def _place(self, view: bytes | None) -> Place:
        """`place_of`, remembered: most events of a message are of one view."""
        place = self._places.get(view)
        if place is None:
            place = self._places[view] = place_of(self._tables, self._message, view, self._visitor.id)
        return place

    def _session(self, event: BrowserEvent, place: Place, time: int) -> int | None:
        """The session that the event belongs to, opened where that is due."""
        if self._rules is None:
            return None
        latest = self._visitor.session
        if latest is not None and contains(latest, time, self._rules):
            return latest.id
        self.flush()
        opener = _opener(self._message, event, place) if event.opens else None
        session = sessions.join(self._tables, self._rules, self._visitor, time, opener)
        self._visitor = self._tables.visitor_at(self._visitor.id)
        return session

    def _gain(self, session: int, event: BrowserEvent, time: int) -> None:
        known = self._gains.get(session, sessions.Gain(time))
        self._gains[session] = known.with_event(time, keeps=event.keeps)
        latest = self._visitor.session
        if event.keeps and latest is not None and latest.id == session and time > latest.last:
            self._visitor = self._visitor._replace(session=latest._replace(last=time))

    def _add(self, event: BrowserEvent, place: Place, claimed_for: int) -> None:
        tables, message, visitor = self._tables, self._message, self._visitor
        time, clamped = _moment(message, event, place)
        if not clamped and event.opens and visitor.session is not None and place.seq is not None:
            time, clamped = _before_its_effect(tables, event, place, visitor.session.id, time)
        session = self._session(event, place, time)
        target = tables.target(place.page, event.name) if event.name else None
        more, state = (*event.more, *clamped), visits.CONFIRMED
        if target is not None and event.amount is not None and event.action.endswith(".hover"):
            evidence, unusual = _judge(tables, target, event.amount)
            more, state = (*more, *evidence), state | (UNUSUAL if unusual else 0)
        seq = tables.next_seq()
        if seq != claimed_for:
            tables.run("move_id", (seq, event.id))
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
                amount=event.amount,
                facts=tables.facts(event.facts),
                target=target,
                more=_json(more),
                undefined=_names(tables, event.undefined),
            )
        )
        if session is not None:
            self._gain(session, event, time)
        if not visitor.proof & (PROOF_SCRIPT | PROOF_COOKIE):
            self._prove(session)

    def _prove(self, session: int | None) -> None:
        """The confirmation was lost, but a browser is at work."""
        self._tables.run("prove_visitor", (PROOF_SCRIPT, self._visitor.id))
        self._visitor = self._visitor._replace(proof=self._visitor.proof | PROOF_SCRIPT)
        if session is not None:
            visits.turn_session(self._tables, session)

    def _add_visit(self, event: BrowserEvent, place: Place) -> None:
        """A visit that the page's own script reports (`footfall.visit`): another page without a request."""
        tables, message = self._tables, self._message
        time, clamped = _moment(message, event, place)
        said = dict(event.more)
        uri, title, referrer = (said.pop(key, None) for key in ("uri", "title", "referrer"))
        row = tables.uri(str(uri), message.host, _path_of(str(uri)))
        word = None if title is None else tables.word(str(title))
        if word is not None:
            tables.run("set_uri_title", (word, row))
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
        self.flush()
        visits.add(tables, self._rules, self._visitor, view)
        self._visitor = tables.visitor_at(self._visitor.id)


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
