"""What one transaction changes, on top of what it knows (reading.py): read in bulk and written in bulk (saving.py).

Law: whatever changes a row says so here, which keeps the roll-ups true (ledger.py). No rule about visitors, sessions or
lanes is decided here.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from proxy.bounded import Bounded
from proxy.events.dwell import History
from proxy.store.base import Item
from proxy.store.sqlite.dictionary import FORM_SUBMIT, Dictionary
from proxy.store.sqlite.heard import Heard
from proxy.store.sqlite.ledger import Ledger
from proxy.store.sqlite.naming import named, places
from proxy.store.sqlite.reading import Reading
from proxy.store.sqlite.rows import EventRow, SessionRow, VisitorRow
from proxy.store.sqlite.texts import SQL
from proxy.visitors.erased import Erased

VISITED = "page.visit"
HISTORIES = 2_000
"""Elements whose hovers are remembered from one batch to the next, a kilobyte each."""


class Work(Reading):
    """The rows of one transaction on `connection`. Use: `begin`, then whatever the items of the batch mean, then
    `saving.save`. `seq`: the highest that was given; `visit_word`: the row of page.visit."""

    __slots__ = (
        "_has_suspects", "_histories", "_is_current", "_session_id", "_visitor_id", "connection", "dictionary",
        "dwells", "heard", "ledger", "new_ids", "relinked", "seq", "visit_word",
    )  # fmt: skip

    def __init__(self, connection: Any, dictionary: Dictionary, ledger: Ledger, erased: Erased) -> None:
        self.connection = connection
        self.dictionary = dictionary
        self.ledger = ledger
        self._histories: Bounded[int, History] = Bounded(HISTORIES)
        self.heard = Heard(connection.execute, erased)
        self.seq = self._session_id = self._visitor_id = self.visit_word = 0
        self._has_suspects = self._is_current = False
        super().__init__(connection.execute)

    def forget(self) -> None:
        """What is remembered beyond a transaction may not be true any more."""
        self._is_current = False
        self.remembered.forget()
        self._histories.clear()
        self.ledger.forget()
        self.dictionary.forget_titles()

    def remember(self) -> None:
        """What was saved is as the tables have it."""
        self.remembered.put(self.visitors.values())
        visit, known, remembered = self.visit_word, self.ids, self.remembered.view
        # Not what was read otherwise, unless it is remembered: its id may be forgotten by now, and is to stay so.
        self.remembered.put_views(
            row
            for row in self.events.by_seq.values()
            if row.action == visit and (known.get(row.id) == row.seq or remembered(row.seq))
        )

    def clear(self) -> None:
        """Begin anew: nothing is known."""
        super().clear()
        self.new_ids: dict[bytes, int] = {}
        self.dwells: defaultdict[int, Counter[int]] = defaultdict(Counter)
        self.relinked: dict[int, int] = {}
        self.ledger.clear()

    def begin(self, batch: Iterable[Item], *, are_new: bool = False) -> None:
        """Read what the items of a batch name, in as few steps as can be. `are_new`: nothing has their ids yet."""
        self.clear()
        if self.heard.of_writing():
            self.forget()
        ids, views, uuids = named(batch)
        self.ids = self.remembered.seqs_of(ids)
        unknown = [uuid for uuid in uuids if not self.recall(uuid)]
        if unknown or not are_new or not self._is_current:
            self._look_up([] if are_new else [event for event in ids if self.ids[event] is None], unknown)
        self.dictionary.noted = set() if self._has_suspects else None
        self.visit_word = self.dictionary.word(VISITED)  # noted, and not as it was before others cleared away
        self.load_events(seq for view in views if (seq := self.ids[view]))

    def _look_up(self, ids: Sequence[bytes], uuids: Sequence[bytes]) -> None:
        values = {"ids": b"".join(ids), "id_places": places(ids), "uuids": b"".join(uuids)}
        found = json.loads(self.execute(SQL["load_batch"], {**values, "uuid_places": places(uuids)}).fetchone()[0])
        self.seq, self._session_id, self._visitor_id = found["seq"], found["session"], found["visitor"]
        self._has_suspects = bool(found["suspects"])
        if self.heard.of_sweeping(found["swept"]):
            self.dictionary.forget()
            self.forget()
        self.heard.of_erasing(found["erased"])
        self._is_current = True
        for place, seq in found["ids"]:
            self.ids[ids[place]] = seq
        for place, *row in found["visitors"]:
            self._visitors_by_uuid[uuids[place]] = self._visitor(row)

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

    def claim(self, event_id: bytes, seq: int) -> bool:
        """Take an id for the row `seq`; False where it is known already."""
        known = self.known_as(event_id)
        if known is not None:
            if known > 0:
                return False
            self.execute(SQL["remove_ids_many"], (event_id,))
        self.ids[event_id] = self.new_ids[event_id] = seq
        return True

    def note_refused(self, event_id: bytes) -> bool:
        """Remember an id of what was refused; False where it is known already, be it as that of an event. Whoever made
        it up has not taken it from anybody: `claim` does not care."""
        if self.known_as(event_id) is not None:
            return False
        self.ids[event_id] = self.new_ids[event_id] = -self.seq
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

    def add_event(self, row: EventRow, session: SessionRow | None = None) -> None:
        """A new event; its id is claimed apart. `session`: the one that it names, for whoever has it at hand."""
        row.is_new = True
        if session is None and row.session is not None:
            session = self.session(row.session)
        if session is not None:
            row.back = None if session.top is None else row.seq - session.top
            session.top = row.seq
            if session.submitted is False and self.dictionary.act(row.action).sort == FORM_SUBMIT:
                session.submitted = True
        self.events.put(row)
        self.ledger.count(row, 1)

    def add_view(self, row: EventRow, session: SessionRow | None) -> None:
        """A new page.visit, whose id is claimed here; `session` as of `add_event`."""
        seq, event_id = row.seq, row.id
        if self.ids.get(event_id, seq) is None:  # looked for, and new: as most often
            self.ids[event_id] = self.new_ids[event_id] = seq
        else:
            self.claim(event_id, seq)
        row.is_new = True
        if session is not None:
            row.back = None if session.top is None else seq - session.top
            session.top = seq
        self.events.put(row)
        self.ledger.count_view(row, 1)

    def change(self, row: EventRow, **values: object) -> None:
        """An event is known better now, or belongs elsewhere."""
        self.ledger.count(row, -1)
        if "time" in values:
            self.events.lift(row)
        if "session" in values:
            self._unlink(row)
            row.back = None
        for name, value in values.items():
            setattr(row, name, value)
        self.ledger.count(row, 1)
        if "time" in values:
            self.ledger.reach((row,))
        if "session" in values:
            self._unlink(row)
            if known := self.sessions.get(row.session or 0):
                known.submitted = None
        row.is_changed = True
        row.is_moved |= "session" in values or "visitor" in values
        if row.is_moved or "time" in values:
            self.events.put(row)

    def engage(self, view: EventRow, ms: int) -> None:
        """A page.visit was in use for so much longer. What else it counts for stays: a third of what `change` costs."""
        self.ledger.count_engaged(view, -1)
        view.engaged = (view.engaged or 0) + ms
        self.ledger.count_engaged(view, 1)
        view.is_changed = True

    def _unlink(self, row: EventRow) -> None:
        """The events of a session are to be put in their order again, from this one on."""
        if row.session is not None:
            self.relinked[row.session] = min(row.seq, self.relinked.get(row.session, row.seq))

    def remove_event(self, row: EventRow) -> None:
        """Remove an event for good."""
        self.ledger.count(row, -1)
        self._unlink(row)
        self.events.drop(row)
        if row.is_new:
            self.ids.pop(row.id, None)
            self.new_ids.pop(row.id, None)
        else:
            self.gone[row.seq] = row
