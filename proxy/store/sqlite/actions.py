"""What people do on a page, as rows: hovers, clicks, forms, leaving, and visits that a page's script reports.

Law: an id that is known already changes nothing. Whether a hover was longer than usual is judged here, against what
was known of its element before it, and stored with the evidence (WIRE.md, "Unusual").
"""

import json
from typing import NamedTuple

from proxy.events.dwell import UNUSUAL_FROM_N, bucket_of, is_unusual
from proxy.events.incoming import BrowserEvent
from proxy.store.base import Confirmation
from proxy.store.sqlite import causes, results, sessions, visits
from proxy.store.sqlite.dictionary import Facts, as_json
from proxy.store.sqlite.ledger import CONFIRMED, UNUSUAL
from proxy.store.sqlite.rows import NOTHING_USUAL, EventRow, SessionRow, Usual, VisitorRow
from proxy.store.sqlite.texts import SQL
from proxy.store.sqlite.work import Work
from proxy.visitors.lanes import PERSON, PROOF_COOKIE, PROOF_SCRIPT
from proxy.visitors.sessions import Rules, contains

REJECTIONS_KEPT = 1_000
"""WIRE.md, "Beacon": the latest refused events are kept for the report."""
VISIT, LEAVE, SUBMIT = "page.visit", "page.leave", "form.submit"


class Place(NamedTuple):
    """Where an event happened: its page.visit, its `uri` and `time`, None where that is not known; the row of the
    `page`, that of "not known" at worst."""

    view: EventRow | None
    time: int | None
    uri: int | None
    page: int


def add_all(
    work: Work, rules: Rules | None, message: Confirmation, visitor: VisitorRow, was: VisitorRow | None = None
) -> int:
    """Write the events of a message, in their order; returns how many were new. `was`: the visitor that has handed the
    browser on to this one (handing.py), if any."""
    acts = _Acts(work, rules, message, visitor, was or visitor)
    return sum([acts.add(event) for event in message.events])


def refuse_all(work: Work, message: Confirmation, visitor: VisitorRow) -> None:
    """Keep what was refused of somebody's message, for the report, once; of nobody's nothing is kept, or anybody could
    fill the list."""
    for refusal in message.refusals:
        if refusal.id is not None and not work.note_refused(refusal.id):
            continue
        place = place_of(work, message, refusal.view, visitor.id)
        values = (message.received, place.page, refusal.action, refusal.code, refusal.field)
        work.execute(SQL["add_rejection"], values)
    work.execute(SQL["prune_rejections"], (REJECTIONS_KEPT,))


def place_of(work: Work, message: Confirmation, view: bytes | None, visitor: int) -> Place:
    """The view that an event names, else the page of the tag, else a page that is not known."""
    page, visit = message.page, work.dictionary.word(VISIT)
    for known in (view, page.id if page is not None else None):
        seq = work.seq_of(known) if known is not None else None
        row = work.event(seq) if seq else None
        if row is not None and row.action == visit and row.visitor == visitor and row.uri is not None:
            return Place(row, row.time, row.uri, work.dictionary.address(row.uri).page)
    return Place(None, None, None, work.dictionary.page(message.host, ""))


def _moment(message: Confirmation, event: BrowserEvent, place: Place) -> tuple[int, Facts]:
    """When the event happened, never before its page.visit, and what was sent where that is not it."""
    time = message.received - event.ago_ms
    sent = event.sent_ago
    if place.time is not None and time < place.time:
        time = min(place.time, message.received)
        sent = event.ago_ms if sent is None else sent
    return time, (("original_ago", sent),) if sent is not None else ()


class _Acts:
    """The events of one message being written: whose they are, and where they happened."""

    __slots__ = ("_message", "_places", "_rules", "_visitor", "_was", "_work")

    def __init__(
        self, work: Work, rules: Rules | None, message: Confirmation, visitor: VisitorRow, was: VisitorRow
    ) -> None:
        self._work = work
        self._rules = rules
        self._message = message
        self._visitor = visitor
        self._was = was
        self._places: dict[bytes | None, Place] = {}

    def add(self, event: BrowserEvent) -> bool:
        """Write an event; False where it is known already."""
        if self._work.seq_of(event.id) is not None:
            return False
        place, visitor = self._place(event.view), self._visitor
        if not visitor.proof & (PROOF_SCRIPT | PROOF_COOKIE):  # the confirmation was lost, but a browser is at work
            visitor.proof |= PROOF_SCRIPT
            visitor.is_changed = True
        if event.action == VISIT:
            self._add_visit(event, place)
        else:
            self._add(event, place)
        return True

    def _place(self, view: bytes | None) -> Place:
        """`place_of`, remembered: most events of a message are of one view."""
        place = self._places.get(view)
        if place is None:
            place = self._places[view] = place_of(self._work, self._message, view, self._visitor.id)
        return place

    def _session(self, event: BrowserEvent, place: Place, time: int) -> SessionRow | None:
        """The session that the event belongs to, opened where that is due."""
        if self._rules is None:
            return None
        latest = self._visitor.session
        if latest is not None and contains(latest, time, self._rules):
            return latest
        opener = _opener(self._message, event, place) if event.opens else None
        return sessions.join(self._work, self._rules, self._visitor, time, opener)

    def _add(self, event: BrowserEvent, place: Place) -> None:
        work, message, visitor, dictionary = self._work, self._message, self._visitor, self._work.dictionary
        time, clamped = _moment(message, event, place)
        if not clamped and event.opens and visitor.session is not None and place.view is not None:
            time, clamped = causes.before_its_effect(work, event, place.view, visitor.session, time)
        session = self._session(event, place, time)
        target = dictionary.target(place.page, event.name) if event.name else None
        more, state, usual = (*event.more, *clamped), CONFIRMED, NOTHING_USUAL
        if target is not None and event.amount is not None and event.action.endswith(".hover"):
            usual, unusual = _judge(work, target, event.amount)
            state |= UNUSUAL if unusual else 0
        seq = work.next_seq()
        work.claim(event.id, seq)
        row = EventRow(
            seq,
            event.id,
            time,
            message.received - time,
            dictionary.word(event.action),
            visitor.id,
            None if session is None else session.id,
            None if place.view is None else place.view.seq,
            PERSON,
            state,
            amount=event.amount,
            facts=dictionary.facts(event.facts),
            target=target,
            more=_json(more),
            undefined=_names(work, event.undefined),
            usual_ms=usual[0],
            usual_n=usual[1],
        )
        work.add_event(row)
        if event.action == LEAVE and place.view is not None and event.amount is not None:
            work.engage(place.view, event.amount)
        if session is not None:
            sessions.touch(work, session, time, keeps=event.keeps)
            sessions.turn(work, session)
        if event.action == SUBMIT:
            if self._was is not visitor:
                page = place_of(work, message, event.view, self._was.id).view
                results.bring(work, self._rules, self._was, visitor, row, 0 if page is None else page.seq)
            results.submitted(work, self._rules, visitor, row)

    def _add_visit(self, event: BrowserEvent, place: Place) -> None:
        """A visit that the page's own script reports (`footfall.visit`): another page without a request."""
        work, message, dictionary = self._work, self._message, self._work.dictionary
        time, clamped = _moment(message, event, place)
        said = dict(event.more)
        uri, title, referrer = (said.pop(key, None) for key in ("uri", "title", "referrer"))
        row = dictionary.uri(str(uri), message.host, _path_of(str(uri)))
        word = None if title is None else dictionary.word(str(title))
        if word is not None:
            dictionary.set_title(row, word)
        view = visits.NewView(
            event.id,
            time,
            message.received,
            CONFIRMED,
            row,
            word,
            None if referrer is None else str(referrer),
            event.facts,
            message.session_facts,
            _json((*said.items(), *clamped)),
            _names(work, event.undefined),
            message.ip,
        )
        visits.add(work, self._rules, self._visitor, view)


def _path_of(uri: str) -> str:
    """The path of a cleaned absolute URI."""
    return "/" + uri.split("://", 1)[1].partition("/")[2].partition("?")[0]


def _judge(work: Work, target: int, dwell_ms: int) -> tuple[Usual, bool]:
    """The evidence of a hover (`usual_ms`, `usual_n`; none where too little is known of the element) and whether it
    was longer than usual. The element's history has it from now on."""
    history = work.history(target)
    number, usual = history.n, history.median_ms
    bucket = bucket_of(dwell_ms)
    history.add(bucket)
    work.dwells[target][bucket] += 1
    if number < UNUSUAL_FROM_N:
        return NOTHING_USUAL, False
    return (usual, number), is_unusual(dwell_ms, usual, number)


def _opener(message: Confirmation, event: BrowserEvent, place: Place) -> sessions.Opener:
    told = tuple((key, value) for key, value in message.session_facts if key != "trigger")
    return sessions.Opener(
        cause=event.id,
        received=message.received,
        lane=PERSON,
        uri=place.uri,
        referrer=None,
        facts=(*told, ("trigger", event.action)),
        view=None if place.view is None else place.view.seq,
        ip=message.ip,
    )


def _json(params: Facts) -> str | None:
    return as_json(dict(params)) if params else None


def _names(work: Work, names: tuple[str, ...]) -> int | None:
    return work.dictionary.word(json.dumps(names)) if names else None
