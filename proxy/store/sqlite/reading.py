"""What one transaction knows: rows of events, sessions and visitors as objects, each once, however they are looked for.

Law: while a transaction runs, an object is the truth and the table behind it may be older; so rows are looked for in
the table and among the objects. Only reads; work.py changes.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from proxy.store.sqlite.known import KnownEvents
from proxy.store.sqlite.remembered import Remembered
from proxy.store.sqlite.rows import EventRow, SessionRow, VisitorRow, session_values
from proxy.store.sqlite.texts import SQL

Row = Sequence[Any]
LATEST_SEEN = 500
"""Of what was told of a session, looked through for a page that a browser shows again: a third of a millisecond."""
LATEST_TOLD = 32
"""Of what was told of a session since an event, in the table and in this transaction: so many are looked through."""


class Reading:
    """The rows of one transaction. `execute`: of its connection; `remembered`: visitors of the ones before."""

    __slots__ = (
        "_sessions_by_visitor", "_visitors_by_uuid", "events", "execute", "gone", "ids", "remembered", "sessions",
        "visitors",
    )  # fmt: skip

    def __init__(self, execute: Callable[..., Any]) -> None:
        self.execute = execute
        self.remembered = Remembered()
        self.clear()

    def clear(self) -> None:
        """Begin anew: nothing is known."""
        self.ids: dict[bytes, int | None] = {}
        self.events = KnownEvents()
        self.gone: dict[int, EventRow] = {}
        self.sessions: dict[int, SessionRow] = {}
        self.visitors: dict[int, VisitorRow] = {}
        self._visitors_by_uuid: dict[bytes, VisitorRow] = {}
        self._sessions_by_visitor: defaultdict[int, dict[int, SessionRow]] = defaultdict(dict)

    def _recall_view(self, seq: int) -> bool:
        """Whether an event is known already, or a page.visit is known from before, with its visitor and session."""
        if seq in self.events.by_seq or seq in self.gone:
            return True
        view = self.remembered.view(seq)
        owner = None if view is None else self.remembered.of_id(view.visitor)
        if view is None or owner is None:
            return False
        latest = None if owner.session is None else owner.session.id
        if view.session not in (None, latest) and view.session not in self.sessions:
            return False
        self._know_visitor(owner)
        self.events.put(view)
        return True

    def recall(self, uuid: bytes) -> bool:
        """Whether a visitor is known from before."""
        visitor = self.remembered.of_uuid(uuid)
        return visitor is not None and bool(self._know_visitor(visitor))

    def _know_visitor(self, visitor: VisitorRow) -> VisitorRow:
        self.visitors[visitor.id] = visitor
        self._visitors_by_uuid.setdefault(visitor.uuid, visitor)
        if visitor.session is not None:
            self._know_session(visitor.session)
        return visitor

    def load_events(self, seqs: Iterable[int]) -> None:
        """Read events, with their sessions and visitors."""
        missing = [seq for seq in dict.fromkeys(seqs) if not self._recall_view(seq)]
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
        if known is not None:
            return known
        known = self.remembered.of_id(row[0])
        if known is None:
            known = VisitorRow(row[0], bytes.fromhex(row[1]), row[2])
            known.session = self._session(row[3:]) if row[3] is not None else None
        return self._know_visitor(known)

    def _session(self, row: Row) -> SessionRow:
        known = self.sessions.get(row[0])
        if known is not None:
            return known
        owner = self.remembered.of_id(row[2])
        if owner is not None and owner.session is not None and owner.session.id == row[0]:
            self._know_visitor(owner)
            return owner.session
        known = self._know_session(SessionRow(row[0], bytes.fromhex(row[1]), *row[2:]))
        known.stored = session_values(known)
        return known

    def _know_session(self, session: SessionRow) -> SessionRow:
        self.sessions[session.id] = self._sessions_by_visitor[session.visitor][session.id] = session
        return session

    def event(self, seq: int) -> EventRow | None:
        """An event; None where it is gone."""
        known = self.events.by_seq.get(seq)  # most often: what a batch names was read at its beginning
        if known is None:
            self.load_events((seq,))
            known = self.events.by_seq.get(seq)
        return known

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

    def sessions_due(self, before: int, most: int) -> list[SessionRow]:
        """The first sessions that were open, and that the sweeper has not looked at since."""
        return self._sessions("load_due", {"before": before, "most": most})

    def sessions_open(self) -> list[SessionRow]:
        """Those that are, of all that are known."""
        found = [one for one in self.sessions.values() if one.reason == 0 and not one.is_gone]
        return sorted(found, key=lambda one: one.id)

    def _sessions(self, name: str, values: object) -> list[SessionRow]:
        return [self._session(row) for row in json.loads(self.execute(SQL[name], values).fetchone()[0])]

    def _now_of(self, visitor: int) -> list[SessionRow]:
        of_visitor = self._sessions_by_visitor[visitor].values()
        found = [one for one in of_visitor if one.visitor == visitor and not one.is_gone]
        return sorted(found, key=lambda one: (one.start, one.id))

    def events_of(self, session: int, action: int | None = None) -> list[EventRow]:
        """The events of a session (of one action), by time and seq."""
        self._load_seqs("seqs_of_session", {"session": session, "action": action})
        found = (row for row in self.events.of_session(session) if action in (None, row.action))
        return sorted(found, key=lambda row: (row.time, row.seq))

    def latest_of(self, session: int, number: int) -> list[EventRow]:
        """The latest events of a session, by time and seq."""
        self._load_seqs("seqs_latest", (session, number))
        return self.events.latest_of(session, number)

    def told_since(self, session: int, seq: int, after: int, until: int, action: int | None = None) -> list[EventRow]:
        """What was told of a session since an event, and happened after a time and until another one (of an action)."""
        values = {"session": session, "seq": seq, "after": after, "until": until, "action": action}
        self._load_seqs("seqs_told", {**values, "most": LATEST_TOLD})
        found = self.events.between(session, after, until, LATEST_TOLD)
        return [row for row in found if row.seq > seq and action in (None, row.action)]

    def loose_of(self, visitor: int) -> list[EventRow]:
        """The events of a visitor outside any session, but for a crawler's."""
        self._load_seqs("seqs_loose", (visitor,))
        return self.events.loose_of(visitor)

    def loose_since(self, visitor: int, action: int, after: int, until: int) -> list[EventRow]:
        """The events of a visitor outside any session, of an action, after a time and until another one, the latest
        first."""
        self._load_seqs("seqs_loose_told", {"visitor": visitor, "action": action, "after": after, "until": until})
        known = self.events.loose_of(visitor)
        found = [row for row in known if row.action == action and after < row.time <= until]
        return sorted(found, key=lambda row: (row.time, row.seq), reverse=True)

    def unproven_of(self, visitor: int, lane: int) -> list[EventRow]:
        """The events of a visitor that are in the lane `unproven`."""
        if not self.visitors[visitor].is_new:
            self._load_seqs("seqs_unproven", {"visitor": visitor})
        return [row for row in self._known_of(visitor) if row.lane == lane]

    def unconfirmed_of(self, visitor: int, action: int, after: int) -> list[EventRow]:
        """The events of a visitor, of one action and later than a time, among them all that no browser has confirmed,
        but for a crawler's. Of a long session only these few are read, of the `LATEST_SEEN` that were told last."""
        if not self.visitors[visitor].is_new:
            values = {"visitor": visitor, "action": action, "after": after}
            self._load_seqs("seqs_unconfirmed", {**values, "most": LATEST_SEEN})
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
        """The row that an id stands for; None of a refused event, which has none."""
        seq = self.known_as(event_id)
        return None if seq is None or seq <= 0 else seq

    def known_as(self, event_id: bytes) -> int | None:
        """The same; 0 or less of an event that was refused, whose id is not taken: it may come again and be right."""
        if event_id not in self.ids:
            row = self.execute(SQL["seq_of_id"], (event_id,)).fetchone()
            self.ids[event_id] = row[0] if row else None
        return self.ids[event_id]
