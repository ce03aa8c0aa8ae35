"""Rows in, rows out: the tables of schema.sql as small typed operations on one open transaction.

Law: no rule about visitors or sessions is decided here. What the dictionaries remember is true for ever (a row's id
never changes), but for rows of a transaction that was rolled back: then `forget` must be called.
"""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from proxy.bounded import Bounded
from proxy.store.base import Visit
from proxy.store.sqlite.connection import SQL, Connection
from proxy.visitors.sessions import Session

DICTIONARY_CACHE_ENTRIES = 20_000
"""Words and URIs whose row ids are remembered, each: about 4 MB."""

Facts = tuple[tuple[str, object], ...]


class VisitorRow(NamedTuple):
    """A visitor: row `id`, `proof` bits, and the latest session, if any."""

    id: int
    proof: int
    session: Session | None


class EventRow(NamedTuple):
    """An event about to be written; column by column as in schema.sql, ids of words and uris resolved."""

    seq: int
    id: bytes
    time: int
    wait: int
    action: int
    visitor: int
    session: int | None = None
    view: int | None = None
    lane: int = 0
    state: int = 0
    uri: int | None = None
    title: int | None = None
    referrer: int | None = None
    amount: int | None = None
    facts: int | None = None
    target: int | None = None
    more: str | None = None
    undefined: int | None = None


class Place(NamedTuple):
    """Where an event happened: the page.visit's row `seq` and `time` and its `uri`, None where it is not known; the
    row of the `page`, that of "not known" at worst."""

    seq: int | None
    time: int | None
    uri: int | None
    page: int


class ViewRow(NamedTuple):
    """A stored page.visit, as far as a confirmation needs it."""

    visitor: int
    session: int | None
    state: int
    uri: int | None
    uri_text: str | None
    title: int | None
    referrer: int | None
    facts: int | None
    proof: int
    uuid: bytes


class Tables:
    """Typed row operations on one connection."""

    __slots__ = ("_facts", "_seq", "_targets", "_uris", "_words", "connection", "execute")

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.execute: Callable[..., Any] = connection.execute
        self._words: Bounded[str, int] = Bounded(DICTIONARY_CACHE_ENTRIES)
        self._uris: Bounded[str, int] = Bounded(DICTIONARY_CACHE_ENTRIES)
        self._facts: Bounded[Facts, int] = Bounded(DICTIONARY_CACHE_ENTRIES)
        self._targets: Bounded[tuple[int, str], int] = Bounded(DICTIONARY_CACHE_ENTRIES)
        self._seq: int | None = None

    def begin(self) -> None:
        """Open the transaction: at once for writing, since a deferred one fails when two processes meet."""
        self.execute("BEGIN IMMEDIATE")
        self._seq = None

    @property
    def seq(self) -> int:
        """The highest seq so far; read once a transaction, and again after the bulk path has written."""
        if self._seq is None:
            self._seq = int(self.execute(SQL["last_seq"]).fetchone()[0])
        return self._seq

    def forget(self) -> None:
        """Drop what the dictionaries remember; after a rollback some of it may not exist."""
        self._words.clear()
        self._uris.clear()
        self._facts.clear()
        self._targets.clear()

    def next_seq(self) -> int:
        """The next event's place in the order of events."""
        self._seq = self.seq + 1
        return self._seq

    def forget_seq(self, seq: int | None = None) -> None:
        """Somebody else has numbered events in this transaction (None), or they were rolled back to `seq`."""
        self._seq = seq

    def word(self, text: str) -> int:
        """The dictionary row of a text."""
        known = self._words.get(text)
        if known is None:
            row = self.execute(SQL["word_id"], (text,)).fetchone()
            known = row[0] if row else self.execute(SQL["add_word"], (text,)).lastrowid
            self._words.put(text, known)
        return known

    def text(self, word: int | None) -> str | None:
        """The text of a dictionary row."""
        if word is None:
            return None
        row = self.execute(SQL["word_value"], (word,)).fetchone()
        return row[0] if row else None

    def facts(self, facts: Facts) -> int | None:
        """The dictionary row of a set of params."""
        if not facts:
            return None
        known = self._facts.get(facts)
        if known is None:
            known = self.word(json.dumps(dict(facts), ensure_ascii=False, separators=(",", ":")))
            self._facts.put(facts, known)
        return known

    def facts_of(self, word: int | None) -> Facts:
        """The set of params of a dictionary row."""
        text = self.text(word)
        return tuple(json.loads(text).items()) if text else ()

    def uri(self, text: str, host: str, path: str) -> int:
        """The dictionary row of a cleaned URI, of the page (host and path) that it shows."""
        known = self._uris.get(text)
        if known is None:
            row = self.execute(SQL["uri_id"], (text,)).fetchone()
            known = row[0] if row else self._add_uri(text, host, path)
            self._uris.put(text, known)
        return known

    def knows(self, visit: Visit) -> bool:
        """Whether the dictionary rows of a visit's texts are all remembered."""
        referrer = visit.referrer
        return (
            visit.uri in self._uris
            and visit.facts in self._facts
            and (referrer is None or referrer in self._words)
            and "page.visit" in self._words
        )

    def page(self, host: str, path: str) -> int:
        """The dictionary row of a page; of the path '' the one that stands for "not known which"."""
        row = self.execute(SQL["page_id"], (host, path)).fetchone()
        return int(row[0] if row else self.execute(SQL["add_page"], (host, path)).lastrowid)

    def _add_uri(self, text: str, host: str, path: str) -> int:
        return int(self.execute(SQL["add_uri"], (self.page(host, path), text)).lastrowid)

    def target(self, page: int, name: str) -> int:
        """The dictionary row of an element or a form of a page."""
        known = self._targets.get((page, name))
        if known is None:
            row = self.execute(SQL["target_id"], (page, name)).fetchone()
            known = row[0] if row else self.execute(SQL["add_target"], (page, name)).lastrowid
            self._targets.put((page, name), known)
        return known

    def place(self, view: bytes, visitor: int) -> Place | None:
        """Where an event happened that names a page.visit, or a confirmation of one; None where that is not known or
        not this visitor's."""
        seq = self.seq_of(view)
        if seq is None:
            return None
        values = {"seq": seq, "action": self.word("page.visit"), "visitor": visitor}
        row = self.execute(SQL["view_place"], values).fetchone()
        return None if row is None or row[3] is None else Place(*row)

    def visitor(self, uuid: bytes) -> VisitorRow | None:
        """The visitor of a uuid; of a twin, the visitor that it turned out to be."""
        row = self.execute(SQL["visitor"], (uuid,)).fetchone()
        if row is not None and row[2] is not None:
            row = self.execute(SQL["visitor_by_id"], (row[2],)).fetchone()
        return None if row is None else _visitor_row(row)

    def visitor_at(self, row_id: int) -> VisitorRow:
        """The visitor of a row id."""
        return _visitor_row(self.execute(SQL["visitor_by_id"], (row_id,)).fetchone())

    def uuid_of(self, row_id: int) -> bytes:
        """The uuid of a visitor's row."""
        return bytes(self.execute(SQL["visitor_uuid"], (row_id,)).fetchone()[0])

    def add_visitor(self, uuid: bytes) -> VisitorRow:
        """A visitor seen for the first time."""
        return VisitorRow(self.execute(SQL["add_visitor"], (uuid,)).lastrowid, 0, None)

    def sessions(self, name: str, parameters: object) -> list[Session]:
        """The sessions that the question `name` answers with."""
        return [Session(*row) for row in self.execute(SQL[name], parameters)]

    def claim(self, event_id: bytes, seq: int) -> bool:
        """Take an id for the row `seq`; False where it is known already."""
        return bool(self.execute(SQL["claim_id"], (event_id, seq)).rowcount)

    def seq_of(self, event_id: bytes) -> int | None:
        """The row that an id stands for."""
        row = self.execute(SQL["seq_of_id"], (event_id,)).fetchone()
        return row[0] if row else None

    def view(self, seq: int) -> ViewRow | None:
        """A stored page.visit."""
        row = self.execute(SQL["view"], (seq,)).fetchone()
        return None if row is None else ViewRow(*row)

    def add_event(self, row: EventRow) -> None:
        """Write an event."""
        self.execute(SQL["add_event"], row)

    def remove_event(self, seq: int) -> None:
        """Remove an event for good; the highest one leaves its number behind, so that none is given twice."""
        if not self.execute(SQL["keep_seq"], (seq,)).rowcount:
            self.execute(SQL["remove_event"], (seq,))

    def execute_named(self, name: str, parameters: object) -> Any:
        """The cursor of the question `name`."""
        return self.execute(SQL[name], parameters)

    def run(self, name: str, parameters: object) -> None:
        """Run the statement `name`, which answers nothing."""
        self.execute(SQL[name], parameters)


def _visitor_row(row: tuple[Any, ...]) -> VisitorRow:
    session = None if row[3] is None else Session(row[3], row[4], row[5], row[6])
    return VisitorRow(row[0], row[1], session)
