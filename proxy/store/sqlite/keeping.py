"""Events of an export as rows (store/base.py, `Kept`).

Law: an event that is known already changes nothing. Whether it is, is looked for by its id among the events of its time
as well, since the ids that came in need not be remembered for ever. A session.start that is made of another event is
marked HEALED, and becomes the real one when that comes.
"""

import json
from collections.abc import Sequence

from proxy.events.dwell import bucket_of
from proxy.events.kept import END, LEAVE, START, VISIT, KeptEvent
from proxy.store.base import Stored
from proxy.store.sqlite import sessions
from proxy.store.sqlite.dictionary import Facts, as_json
from proxy.store.sqlite.naming import places
from proxy.store.sqlite.rollups import REACH_MS
from proxy.store.sqlite.rows import EventRow, SessionRow, VisitorRow
from proxy.store.sqlite.texts import SQL
from proxy.store.sqlite.visits import HEALED, state_of_kept, usual_of_kept
from proxy.store.sqlite.work import Work
from proxy.visitors.ids import time_of
from proxy.visitors.lanes import PERSON, PROOF_SCRIPT, VOUCHED
from proxy.visitors.sessions import REASON_NAMES, Reason

KNOWN, NEW = Stored(False), Stored(True)
NO_SESSION = Stored(False, "its session is neither in the store nor among the events before it")
ERASED = Stored(False, "its visitor was erased")
NO_REASON = Stored(False, f"reason is none of {', '.join(REASON_NAMES.values())}")

_REASONS = {name: reason for reason, name in REASON_NAMES.items()}


class Keeper:
    """Keeps events of exports in the transactions of `work`."""

    __slots__ = ("_sessions", "_starts", "_waiting", "_work")

    def __init__(self, work: Work) -> None:
        self._work = work
        self._sessions: dict[bytes, SessionRow] = {}
        self._starts: dict[bytes, KeptEvent] = {}
        self._waiting: dict[bytes, EventRow] = {}

    def begin(self, events: Sequence[KeptEvent]) -> None:
        """A transaction begins: find what is known of the events' ids, pages and sessions."""
        self._sessions, self._waiting, self._starts = {}, {}, {}
        ids: dict[bytes, None] = {}
        slots: dict[int, None] = {}
        for event in events:
            if event.action == START and event.session is not None:
                self._starts[event.session] = event
            slots[event.time // REACH_MS] = None
            for one in (event.id, event.page, event.session):
                if one is not None:
                    ids[one] = None
                    slots[time_of(one) // REACH_MS] = None
        values = {"ids": b"".join(ids), "places": places(list(ids)), "slots": json.dumps(list(slots))}
        (text,) = self._work.execute(SQL["find_kept"], values).fetchone()
        found = {bytes.fromhex(digits): seq for digits, seq in json.loads(text)}
        self._work.ids.update({one: seq for one, seq in found.items() if self._work.ids.get(one) is None})
        self._work.load_events(found.values())

    def keep(self, event: KeptEvent) -> Stored:
        """Keep one event."""
        if self._work.visitor(event.uuid) is None and self._work.heard.is_erased(event.uuid):
            return ERASED
        if event.action == START:
            return self._keep_start(event)
        if event.action == END:
            return self._keep_end(event)
        work = self._work
        known = work.seq_of(event.id)
        if known is not None:
            row = work.event(known) if known else None
            if row is not None and row.session is not None and event.session is not None:
                self._sessions.setdefault(event.session, work.session(row.session))
            return KNOWN
        session = self._session(event)
        if session is None and event.session is not None:
            session = self._open(event)
        self._add(event, self._visitor(event) if session is None else work.visitor_at(session.visitor), session)
        return NEW

    # Sessions --------------------------------------------------------------------------------------------------

    def _session(self, event: KeptEvent) -> SessionRow | None:
        """The event's session, or the one that it became a part of, where that is known."""
        work, uuid = self._work, event.session
        if uuid is None:
            return None
        found = self._sessions.get(uuid)
        if found is None:
            start = work.event(seq) if (seq := work.seq_of(uuid)) else None
            if start is not None and start.session is not None:
                found = work.session(start.session)
            elif (visitor := work.visitor(event.uuid)) is not None:
                found = next((one for one in work.sessions_of(visitor.id) if one.uuid == uuid), None)
        if found is None or found.is_gone:
            return None
        self._sessions[uuid] = found
        return found

    def _begin(self, event: KeptEvent) -> SessionRow:
        """A session that is not known yet, without its session.start."""
        assert event.session is not None
        visitor = self._visitor(event)
        session = self._work.add_session(event.session, visitor, event.time)
        session.lane = event.lane
        self._sessions[event.session] = session
        if visitor.session is None or visitor.session.start <= session.start:
            visitor.session, visitor.is_changed = session, True
        return session

    def _open(self, event: KeptEvent) -> SessionRow:
        """A session of which an event is told first: its session.start comes later, in this batch or not."""
        session = self._begin(event)
        if session.uuid not in self._starts:
            view = self._view(event.page)
            uri = self._uri(event) if event.action == VISIT else None if view is None else view.uri
            row = self._start_row(event, session, uri, (("trigger", event.action),))
            row.id, row.state = session.uuid, HEALED
            self._add_start(session, row, event.referrer)
            self._link(row, event.id if event.action == VISIT else event.page)
        return session

    def _keep_start(self, event: KeptEvent) -> Stored:
        work, uuid = self._work, event.session or b""
        self._starts.pop(uuid, None)
        session = self._session(event) or self._absorbed(event) or self._begin(event)
        starts = work.events_of(session.id, work.dictionary.word(START))
        known = starts[0] if starts else None
        if known is not None and not known.state & HEALED:
            if known.view is None:  # its page was cut off, and comes now
                self._link(known, event.page)
            return KNOWN
        sessions.begin_kept(work, session, event.time)
        if event.lane == PERSON:
            sessions.turn(work, session)
        row = self._start_row(event, session, self._uri(event), event.facts)
        row.more = as_json(dict(event.more)) if event.more else None
        if known is None:
            self._add_start(session, row, event.referrer)
        else:
            work.change(
                known,
                **{name: getattr(row, name) for name in ("id", "wait", "state", "uri", "referrer", "facts", "more")},
            )
            work.execute(SQL["rename_event"], (event.id, known.seq))
            self._describe(session, known, event.referrer)
        self._link(row if known is None else known, event.page)
        return NEW

    def _link(self, start: EventRow, page: bytes | None) -> None:
        """A session.start is of a page, which may be the next event."""
        view = self._view(page)
        if view is not None:
            self._work.change(start, view=view.seq)
        elif page is not None:
            self._waiting[page] = start

    def _absorbed(self, event: KeptEvent) -> SessionRow | None:
        """The session that a session.start which is not of its own session any more, or the page on which it began, is
        of: this one became a part of it."""
        work = self._work
        start, view = self._view(event.id), self._view(event.page)
        row = start if start is not None else view if view is not None and view.time >= event.time else None
        if row is None or row.session is None:
            return None
        found = self._sessions[event.session or b""] = work.session(row.session)
        return found

    def _start_row(self, event: KeptEvent, session: SessionRow, uri: int | None, facts: Facts) -> EventRow:
        dictionary = self._work.dictionary
        return EventRow(
            0,
            event.id,
            session.start,
            event.received - session.start,
            dictionary.word(START),
            session.visitor,
            session.id,
            lane=session.lane,
            uri=uri,
            referrer=None if event.referrer is None else dictionary.word(event.referrer),
            facts=dictionary.facts(facts),
        )

    def _add_start(self, session: SessionRow, row: EventRow, referrer: str | None) -> None:
        row.seq = self._work.next_seq()
        self._work.add_event(row)
        self._work.ids[row.id] = row.seq
        self._describe(session, row, referrer)

    def _describe(self, session: SessionRow, start: EventRow, referrer: str | None) -> None:
        """What a session takes from its session.start."""
        facts = self._work.dictionary.facts_of(start.facts)
        session.entry = start.uri
        sessions.set_origin(self._work, session, referrer, facts, start.uri)

    def _keep_end(self, event: KeptEvent) -> Stored:
        work, reason = self._work, _REASONS.get(event.reason)
        if reason is None:
            return NO_REASON
        session = self._session(event)
        if session is None:
            return NO_SESSION
        if session.reason != Reason.OPEN:
            return KNOWN
        session.last = max(session.last, event.time)
        sessions.end(work, session, reason, event.received)
        return NEW

    # Events ----------------------------------------------------------------------------------------------------

    def _add(self, event: KeptEvent, visitor: VisitorRow, session: SessionRow | None) -> None:
        work, dictionary = self._work, self._work.dictionary
        view = self._view(event.page) if event.action != VISIT else None
        more, usual = usual_of_kept(event)
        if session is not None:
            sessions.begin_kept(work, session, event.time)
        seq = work.next_seq()
        work.claim(event.id, seq)
        row = EventRow(
            seq,
            event.id,
            event.time,
            event.received - event.time,
            dictionary.word(event.action),
            visitor.id,
            None if session is None else session.id,
            None if view is None else view.seq,
            event.lane,
            state_of_kept(event, usual),
            self._uri(event),
            dictionary.word(event.title) if event.title else None,
            None if event.referrer is None else dictionary.word(event.referrer),
            event.amount,
            dictionary.facts(event.facts),
            self._target(event, view, session),
            as_json(more) if more else None,
            dictionary.word(json.dumps(event.undefined)) if event.undefined else None,
            None,
            *usual,
        )
        work.add_event(row)
        if event.lane == PERSON and not visitor.proof:
            visitor.proof, visitor.is_changed = PROOF_SCRIPT | VOUCHED, True
        self._follow(event, row, view)
        if session is None:
            return
        if event.action == VISIT:
            sessions.view(work, session, row)
        else:
            sessions.touch(work, session, event.time, keeps=event.keeps)
        if event.lane == PERSON:
            sessions.turn(work, session)

    def _follow(self, event: KeptEvent, row: EventRow, view: EventRow | None) -> None:
        """What follows from an event elsewhere."""
        work, dictionary = self._work, self._work.dictionary
        if event.action == VISIT:
            waiting = self._waiting.pop(event.id, None)
            if waiting is not None:
                work.change(waiting, view=row.seq)
            if row.title is not None and row.uri is not None and dictionary.title(row.uri) is None:
                dictionary.set_title(row.uri, row.title)
        elif event.action == LEAVE and view is not None and row.amount is not None:
            if view.action == dictionary.word(VISIT):
                work.engage(view, row.amount)
        elif event.action.endswith(".hover") and row.target is not None and row.amount is not None:
            bucket = bucket_of(row.amount)
            work.history(row.target).add(bucket)
            work.dwells[row.target][bucket] += 1

    def _visitor(self, event: KeptEvent) -> VisitorRow:
        return self._work.visitor(event.uuid) or self._work.add_visitor(event.uuid)

    def _view(self, page: bytes | None) -> EventRow | None:
        seq = None if page is None else self._work.seq_of(page)
        return self._work.event(seq) if seq else None

    def _uri(self, event: KeptEvent) -> int | None:
        return self._work.dictionary.uri(event.uri, event.host, event.path) if event.uri else None

    def _target(self, event: KeptEvent, view: EventRow | None, session: SessionRow | None) -> int | None:
        """An element of the page that it is on; where that is not known, of "not known which" of the session's host."""
        if not event.name:
            return None
        dictionary = self._work.dictionary
        if view is not None and view.uri is not None:
            return dictionary.target(dictionary.address(view.uri).page, event.name)
        uri = None if session is None else session.uri or session.entry
        host = "" if uri is None else dictionary.host(dictionary.address(uri).page)
        return dictionary.target(dictionary.page(host, ""), event.name)
