"""Rows as objects: what a transaction has read and what it will write.

Law: an object is a row of one table, column by column as in schema.sql; nothing here knows SQL or decides anything.
`Session` also is what visitors/sessions.py asks about.
"""

from operator import attrgetter
from typing import Any

from proxy.visitors.lanes import is_cookieless
from proxy.visitors.sessions import Reason

EVENT_COLUMNS = (
    "seq id time wait action visitor session view lane state uri title referrer amount facts target more undefined "
    "engaged usual_ms usual_n back"
).split()
LESS_USUAL_COLUMNS = "view target more undefined engaged usual_ms usual_n".split()
"""NULL in a page.visit as its server tells of it, and in most rows of a busy site."""
SESSION_COLUMNS = (
    "id uuid visitor start last reason pages events uri lane entry source device view viewed trouble top"
).split()

Usual = tuple[int, int] | tuple[None, None]
"""Of a hover, what was known of its element before it: `usual_ms`, `usual_n`."""
NOTHING_USUAL: Usual = (None, None)
OPEN = int(Reason.OPEN)
"""A plain number, as all that is stored,"""
HARD_ENDS = frozenset(map(int, (Reason.IDENTITY, Reason.OPT_OUT)))
"""as these are."""

WAITS, HANDED = 32, 64
"""Bits of visitor.proof beside those of what was proven (visitors/lanes.py): has lately submitted a form that asks for
a page, which has not come yet (results.py); the browser has lately become another visitor (handing.py)."""

event_values = attrgetter(*EVENT_COLUMNS)
plain_event_values = attrgetter(*(name for name in EVENT_COLUMNS if name not in LESS_USUAL_COLUMNS))
less_usual_values = attrgetter(*LESS_USUAL_COLUMNS)
session_values = attrgetter(*SESSION_COLUMNS)
seq_of_row = attrgetter("seq")
id_of_row = attrgetter("id")
time_of_row = attrgetter("time")
place_of_row = attrgetter("time", "seq")


class EventRow:
    """An event. `is_new`: not in the table yet; `is_changed`, `is_moved` (to another visitor or session): to be
    written again."""

    __slots__ = (*EVENT_COLUMNS, "is_changed", "is_moved", "is_new")

    def __init__(
        self,
        seq: int,
        id: bytes,
        time: int,
        wait: int,
        action: int,
        visitor: int,
        session: int | None = None,
        view: int | None = None,
        lane: int = 0,
        state: int = 0,
        uri: int | None = None,
        title: int | None = None,
        referrer: int | None = None,
        amount: int | None = None,
        facts: int | None = None,
        target: int | None = None,
        more: str | None = None,
        undefined: int | None = None,
        engaged: int | None = None,
        usual_ms: int | None = None,
        usual_n: int | None = None,
        back: int | None = None,
    ) -> None:
        self.seq = seq
        self.id = id
        self.time = time
        self.wait = wait
        self.action = action
        self.visitor = visitor
        self.session = session
        self.view = view
        self.lane = lane
        self.state = state
        self.uri = uri
        self.title = title
        self.referrer = referrer
        self.amount = amount
        self.facts = facts
        self.target = target
        self.more = more
        self.undefined = undefined
        self.engaged = engaged
        self.usual_ms = usual_ms
        self.usual_n = usual_n
        self.back = back
        self.is_new = self.is_changed = self.is_moved = False

    def __repr__(self) -> str:
        return f"<EventRow {self.seq} action={self.action} session={self.session}>"


class SessionRow:
    """A session. `stored`: the columns as they are in the table, None where it is not there yet. `steps`: pairs of
    pages that followed each other since (1) or did not after all (-1); `is_rechained`: they are to be found again from
    its visits. `is_gone`: to be removed. `tail`: its last page.visits as (time, seq, page), as far as they are known
    without a gap; none where that has to be begun anew. `submitted`: whether a form was submitted in it; None where
    nobody knows."""

    __slots__ = (*SESSION_COLUMNS, "is_gone", "is_rechained", "steps", "stored", "submitted", "tail")

    def __init__(
        self,
        id: int,
        uuid: bytes,
        visitor: int,
        start: int,
        last: int,
        reason: int = OPEN,
        pages: int = 0,
        events: int = 0,
        uri: int | None = None,
        lane: int = 0,
        entry: int | None = None,
        source: int | None = None,
        device: int | None = None,
        view: int | None = None,
        viewed: int | None = None,
        trouble: int | None = None,
        top: int | None = None,
    ) -> None:
        self.id = id
        self.uuid = uuid
        self.visitor = visitor
        self.start = start
        self.last = last
        self.reason = reason
        self.pages = pages
        self.events = events
        self.uri = uri
        self.lane = lane
        self.entry = entry
        self.source = source
        self.device = device
        self.view = view
        self.viewed = viewed
        self.trouble = trouble
        self.top = top
        self.stored: tuple[Any, ...] | None = None
        self.steps: list[tuple[int, int, int]] = []
        self.tail: list[tuple[int, int, int | None]] = []
        self.submitted: bool | None = None
        self.is_rechained = self.is_gone = False

    def __repr__(self) -> str:
        return f"<SessionRow {self.id} visitor={self.visitor} pages={self.pages}>"

    @property
    def hard_end(self) -> bool:
        """Whether nothing later than the last activity can still belong to it."""
        return self.reason in HARD_ENDS


class VisitorRow:
    """A visitor: `proof` bits, and the latest session, if any. `twin_of`: the row that it turned out to be.
    `is_beside`: counted as one of whom a browser keeps no cookie, as the tables have it."""

    __slots__ = ("id", "is_beside", "is_changed", "is_new", "proof", "session", "twin_of", "uuid")

    def __init__(self, id: int, uuid: bytes, proof: int = 0, session: SessionRow | None = None) -> None:
        self.id = id
        self.uuid = uuid
        self.proof = proof
        self.session = session
        self.twin_of: int | None = None
        self.is_beside = is_cookieless(proof)
        self.is_new = self.is_changed = False

    def __repr__(self) -> str:
        return f"<VisitorRow {self.id} proof={self.proof}>"
