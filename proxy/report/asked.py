"""What the query of an address asks for: a lane, where a list goes on, how far somebody has been told.

Law: pure; whatever is odd asks for nothing, so that an address that was typed, cut off or grown old is no error.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from proxy.events.event import LANES
from proxy.store.questions import Cursor

PERSON = LANES.index("person")
INTEGER_DIGITS = 18
"""Of a number in an address: SQLite has 64 bits for it."""
LOOSE = "none"
"""In the place of a session's id: what is outside any session."""

WANTED_CHARS = 256
"""Of what is searched for: a customer's key has no more."""
LEAST_DIGITS, UUID_DIGITS = 4, 32

_BEGINNING = re.compile(r"[0-9a-fA-F]+(-[0-9a-fA-F]*)*")
_CURSOR = re.compile(f"([0-9]{{1,{INTEGER_DIGITS}}})-([0-9]{{1,{INTEGER_DIGITS}}})")
_POSITION = re.compile(f"([0-9]{{1,{INTEGER_DIGITS}}})(?:-([0-9a-f]{{1,64}}))?")

Query = Mapping[str, str]


class Part(NamedTuple):
    """Which part of a visitor's story: the latest sessions, those `before` one, or of one `session` what came `after`
    an event; with `session` LOOSE, what happened outside any `before` an event."""

    session: str | None = None
    before: Cursor | None = None
    after: Cursor | None = None

    def query(self) -> dict[str, str | None]:
        """What an address says to ask for it."""
        return {"session": self.session, "before": text_of(self.before), "after": text_of(self.after)}


class Position(NamedTuple):
    """How far somebody has been told: the seq of an event, and of which store ('' where that is not known)."""

    seq: int = 0
    store: str = ""

    def text(self) -> str:
        return f"{self.seq}-{self.store}" if self.store else str(self.seq)


def wanted_of(query: Query) -> str:
    """What is searched for: a uuid, its beginning, or what a site calls a customer."""
    return query.get("q", "").strip()[:WANTED_CHARS]


def uuids_of(text: str) -> tuple[bytes, bytes] | None:
    """The first and the last uuid that begins as a text does; None of a text that is no beginning of one, or so short
    that it is of too many."""
    digits = text.replace("-", "")
    if not _BEGINNING.fullmatch(text) or not LEAST_DIGITS <= len(digits) <= UUID_DIGITS:
        return None
    first, last = (bytes.fromhex(digits.ljust(UUID_DIGITS, end)) for end in "0f")
    return first, last


def lane_of(query: Query) -> int:
    name = query.get("lane", "")
    return LANES.index(name) if name in LANES else PERSON


def cursor_of(text: str) -> Cursor | None:
    """`<time>-<key>` of the row to go on after."""
    found = _CURSOR.fullmatch(text)
    return Cursor(int(found[1]), int(found[2])) if found else None


def text_of(cursor: Cursor | None) -> str | None:
    return None if cursor is None else f"{cursor.time}-{cursor.key}"


def part_of(query: Query) -> Part:
    session = query.get("session") or None
    before, after = (cursor_of(query.get(name, "")) for name in ("before", "after"))
    return Part(session, before) if session in (None, LOOSE) else Part(session, None, after)


def position_of(text: str) -> Position:
    """`<seq>-<store>`, as messages of the live feed and its page say it; a seq alone is of any store."""
    found = _POSITION.fullmatch(text)
    return Position(int(found[1]), found[2] or "") if found else Position()
