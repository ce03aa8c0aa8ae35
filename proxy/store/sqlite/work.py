"""What one transaction knows and has changed: rows as objects, each once, read in bulk and written in bulk (saving.py).

Law: while a transaction runs, an object is the truth and the table behind it may be older; so rows are looked for in
the table and among the objects, and whatever changes a row says so here, which keeps the roll-ups true (ledger.py). No
rule about visitors, sessions or lanes is decided here.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from proxy.bounded import Bounded
from proxy.events.dwell import History
from proxy.store.base import Item
from proxy.store.sqlite.dictionary import Dictionary
from proxy.store.sqlite.heard import Heard
from proxy.store.sqlite.known import KnownEvents
from proxy.store.sqlite.ledger import Ledger
from proxy.store.sqlite.naming import named, places
from proxy.store.sqlite.rows import EventRow, SessionRow, VisitorRow, session_values
from proxy.store.sqlite.texts import SQL
from proxy.visitors.erased import Erased

HISTORIES = 2_000
"""Elements whose hovers are remembered from one batch to the next, a kilobyte each."""

Row = Sequence[Any]


class Work:
    """The rows of one transaction on `connection`. Use: `begin`, then whatever the items of the batch mean, then
    `saving.save`. `seq`: the highest that was given."""

    __slots__ = (
        "_histories", "_session_id", "_sessions_by_visitor", "_visitor_id", "_visitors_by_uuid", "connection",
        "dictionary", "dwells", "events", "execute", "gone", "heard", "ids", "ledger", "new_ids", "seq", "sessions",
        "visitors",
    )  # fmt: skip

    def __init__(self, connection: Any, dictionary: Dictionary, ledger: Ledger, erased: Erased) -> None:
        self.connection = connection
        self.execute: Callable[..., Any] = connection.execute
        self.dictionary = dictionary
        self.ledger = ledger
        self._histories: Bounded[int, History] = Bounded(HISTORIES)
        self.heard = Heard(connection.execute, erased)
        self.clear()

    def forget(self) -> None:
        """What is remembered beyond a transaction may not be true any more."""
        self._histories.clear()
        self.dictionary.forget_titles()

    def clear(self) -> None:
        """Begin anew: nothing is known."""
        self.ids: dict[bytes, int | None] = {}
        self.new_ids: dict[bytes, int] = {}
        self.events = KnownEvents()
        self.gone: dict[int, EventRow] = {}
        self.sessions: dict[int, SessionRow] = {}
        self.dwells: defaultdict[int, Counter[int]] = defaultdict(Counter)
        self.visitors: dict[int, VisitorRow] = {}
        self._visitors_by_uuid: dict[bytes, VisitorRow] = {}
        self._sessions_by_visitor: defaultdict[int, dict[int, SessionRow]] = defaultdict(dict)
        self.seq = self._session_id = self._visitor_id = 0
        self.ledger.clear()

    # Reading ---------------------------------------------------------------------------------------------------

    def begin(self, batch: Iterable[Item]) -> None:
        """Read what the items of a batch name, in as few steps as can be."""
        self.clear()
        if self.heard.of_writing():
            self.forget()
        ids, views, uuids = named(batch)
        values = {"ids": b"".join(ids), "id_places": places(ids), "uuids": b"".join(uuids)}
        found = json.loads(self.execute(SQL["load_batch"], {**values, "uuid_places": places(uuids)}).fetchone()[0])
        self.seq, self._session_id, self._visitor_id = found["seq"], found["session"], found["visitor"]
        if self.heard.of_sweeping(found["swept"]):
            self.dictionary.forget()
            self.forget()
        self.heard.of_erasing(found["erased"])
        self.dictionary.noted = set() if found["suspects"] else None
        self.ids = dict.fromkeys(ids)
        for place, seq in found["ids"]:
            self.ids[ids[place]] = seq
        for place, *row in found["visitors"]:
            self._visitors_by_uuid[uuids[place]] = self._visitor(row)
        self.load_events(seq for view in views if (seq := self.ids[view]))

    def load_events(self, seqs: Iterable[int]) -> None:
        """Read events, with their sessions and visitors."""
        missing = [seq for seq in dict.fromkeys(seqs) if seq not in self.events.by_seq and seq not in self.gone]
        if not missing:
            return
        (text,) = self.execute(SQL["load_events"], {"seqs": json.dumps(missing)}).fetchone()
        for event, own, visitor in json.loads(text):
            event[1] = bytes.fromhex(event[1])
            self.events.put(EventRow(*event))
            if own[0] is not None:
                self._session(own)
            if visitor[0] is not None:
                self._visitor(visitor)

    def _visitor(self, row: Row) -> VisitorRow:
        known = self.visitors.get(row[0])
        if known is None:
            known = VisitorRow(row[0], bytes.fromhex(row[1]), row[2])
            self.visitors[known.id] = known
            self._visitors_by_uuid.setdefault(known.uuid, known)
            if row[3] is not None:
                known.session = self._session(row[3:])
        return known

    def _session(self, row: Row) -> SessionRow:
        known = self.sessions.get(row[0])
        if known is None:
            known = self._know_session(SessionRow(row[0], bytes.fromhex(row[1]), *row[2:]))
            known.stored = session_values(known)
        return known

    def _know_session(self, session: SessionRow) -> SessionRow:
        self.sessions[session.id] = self._sessions_by_visitor[session.visitor][session.id] = session
        return session

    def event(self, seq: int) -> EventRow | None:
        """An event; None where it is gone."""
        self.load_events((seq,))
        return self.events.by_seq.get(seq)

    def visitor(self, uuid: bytes) -> VisitorRow | None:
        """The visitor of a uuid; of a twin, the visitor that it turned out to be."""
        known = self._visitors_by_uuid.get(uuid)
        if known is None:
            row = self.execute(SQL["load_visitor_by_uuid"], (uuid,)).fetchone()
            if row is None:
                return None
            known = self._visitors_by_uuid[uuid] = self._visitor(json.loads(row[0]))
        return known if known.twin_of is None else self.visitor_at(known.twin_of)

    def visitor_at(self, row_id: int) -> VisitorRow:
        """The visitor of a row id."""
        known = self.visitors.get(row_id)
        return known or self._visitor(json.loads(self.execute(SQL["load_visitor"], (row_id,)).fetchone()[0]))

    def session(self, row_id: int) -> SessionRow:
        """The session of a row id."""
        known = self.sessions.get(row_id)
        return known or self._sessions("load_session", (row_id,))[0]

    def sessions_of(self, visitor: int) -> list[SessionRow]:
        """All sessions of a visitor, by their start."""
        if not self.visitors[visitor].is_new:
            self._sessions("load_sessions_of", (visitor,))
        return self._now_of(visitor)

    def sessions_near(self, visitor: int, before: int, after: int) -> list[SessionRow]:
        """Those of a visitor's sessions that an event could belong to, or that it would end."""
        self._sessions("load_sessions_near", {"visitor": visitor, "before": before, "after": after})
        return self._now_of(visitor)

    def sessions_overdue(self, now: int, timeout: int, longest: int, most: int) -> list[SessionRow]:
        """Open sessions, among them the first that the sweeper may have to end."""
        self._sessions("load_overdue", {"now": now, "timeout": timeout, "longest": longest, "most": most})
        found = [one for one in self.sessions.values() if one.reason == 0 and not one.is_gone]
        return sorted(found, key=lambda one: one.id)

    def _sessions(self, name: str, values: object) -> list[SessionRow]:
        return [self._session(row) for row in json.loads(self.execute(SQL[name], values).fetchone()[0])]

    def _now_of(self, visitor: int) -> list[SessionRow]:
        of_visitor = self._sessions_by_visitor[visitor].values()
        found = [one for one in of_visitor if one.visitor == visitor and not one.is_gone]
        return sorted(found, key=lambda one: one.start)

    def events_of(self, session: int, action: int | None = None) -> list[EventRow]:
        """The events of a session (of one action), by time and seq."""
        self._load_seqs("seqs_of_session", {"session": session, "action": action})
        found = (row for row in self.events.of_session(session) if action in (None, row.action))
        return sorted(found, key=lambda row: (row.time, row.seq))

    def latest_of(self, session: int, number: int) -> list[EventRow]:
        """The latest events of a session, by seq."""
        self._load_seqs("seqs_latest", (session, number))
        return self.events.latest_of(session, number)

    def loose_of(self, visitor: int) -> list[EventRow]:
        """The events of a visitor outside any session, but for a crawler's."""
        self._load_seqs("seqs_loose", (visitor,))
        return self.events.loose_of(visitor)

    def unproven_of(self, visitor: int, lane: int) -> list[EventRow]:
        """The events of a visitor that are in the lane `unproven`."""
        if not self.visitors[visitor].is_new:
            self._load_seqs("seqs_unproven", {"visitor": visitor})
        return [row for row in self._known_of(visitor) if row.lane == lane]

    def unconfirmed_of(self, visitor: int, action: int, after: int) -> list[EventRow]:
        """The events of a visitor, of one action and later than a time, among them all that no browser has confirmed,
        but for a crawler's. Of a long session only these few are read."""
        if not self.visitors[visitor].is_new:
            self._load_seqs("seqs_unconfirmed", {"visitor": visitor, "action": action, "after": after})
        return [row for row in self._known_of(visitor) if row.action == action and row.time > after]

    def _known_of(self, visitor: int) -> list[EventRow]:
        """Those events of a visitor that have been read."""
        found = self.events.loose_of(visitor)
        for session in self._now_of(visitor):
            found += self.events.of_session(session.id)
        return found

    def _load_seqs(self, name: str, values: object) -> None:
        self.load_events(json.loads(self.execute(SQL[name], values).fetchone()[0]))

    def seq_of(self, event_id: bytes) -> int | None:
        """The row that an id stands for; of a refused event, which has none, 0 or below."""
        if event_id not in self.ids:
            row = self.execute(SQL["seq_of_id"], (event_id,)).fetchone()
            self.ids[event_id] = row[0] if row else None
        return self.ids[event_id]

    def history(self, target: int) -> History:
        """How long an element was hovered over so far."""
        known = self._histories.get(target)
        if known is None:
            (text,) = self.execute(SQL["dwell_history"], (target,)).fetchone()
            known = History(json.loads(text))
            for bucket, n in self.dwells[target].items():  # of this batch: one with more elements than are remembered
                known.add(bucket, n)
            self._histories.put(target, known)
        return known

    # Changing --------------------------------------------------------------------------------------------------

    def claim(self, event_id: bytes, seq: int) -> bool:
        """Take an id for the row `seq`; False where it is known already."""
        if self.seq_of(event_id) is not None:
            return False
        self.ids[event_id] = self.new_ids[event_id] = seq
        return True

    def next_seq(self) -> int:
        """The next event's place in the order of events."""
        self.seq += 1
        return self.seq

    def add_visitor(self, uuid: bytes) -> VisitorRow:
        """A visitor seen for the first time."""
        self._visitor_id += 1
        visitor = self.visitors[self._visitor_id] = VisitorRow(self._visitor_id, uuid)
        visitor.is_new = True
        self._visitors_by_uuid[uuid] = visitor
        return visitor

    def merge(self, twin: VisitorRow, other: VisitorRow) -> None:
        """A visitor turned out to be another one; whoever was taken for it is that other one too."""
        self.execute(SQL["set_twins"], (other.id, twin.id))
        for known in self.visitors.values():
            if known.twin_of == twin.id:
                known.twin_of = other.id
        twin.twin_of, twin.session = other.id, None
        twin.is_changed = True

    def add_session(self, uuid: bytes, visitor: VisitorRow, time: int) -> SessionRow:
        """A session that begins."""
        self._session_id += 1
        return self._know_session(SessionRow(self._session_id, uuid, visitor.id, time, time))

    def move_session(self, session: SessionRow, visitor: VisitorRow) -> None:
        """A session turned out to be another visitor's; its events are moved apart."""
        session.visitor = visitor.id
        self._know_session(session)

    def add_event(self, row: EventRow) -> None:
        """A new event; its id is claimed apart."""
        row.is_new = True
        self.events.put(row)
        self.ledger.count(row, 1)

    def change(self, row: EventRow, **values: object) -> None:
        """An event is known better now, or belongs elsewhere."""
        self.ledger.count(row, -1)
        for name, value in values.items():
            setattr(row, name, value)
        self.ledger.count(row, 1)
        row.is_changed = True
        if "session" in values or "visitor" in values:
            row.is_moved = True
            self.events.put(row)

    def remove_event(self, row: EventRow) -> None:
        """Remove an event for good."""
        self.ledger.count(row, -1)
        self.events.drop(row)
        if row.is_new:
            self.ids.pop(row.id, None)
            self.new_ids.pop(row.id, None)
        else:
            self.gone[row.seq] = row
