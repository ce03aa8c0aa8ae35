"""Texts that repeat, as numbers: words, addresses, pages, elements, sets of params.

Law: what is remembered is true for ever (a row's id never changes), but for rows of a transaction that was rolled back:
then `forget` must be called.
"""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from proxy.bounded import Bounded
from proxy.events.labels import CONTEXTS
from proxy.store.sqlite.rollups import SLOW_MS, trouble_of
from proxy.store.sqlite.texts import SQL

CACHE_ENTRIES = 20_000
"""Of each kind remembered: about 4 MB."""
LONGEST_REMEMBERED = 200
"""Characters of a text: a longer one is looked for each time."""

WORD, URI, TARGET = 1, 2, 3
"""Kinds of texts, numbers that the store keeps (leftovers.py)."""
as_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""As short as can be; one encoder for all, since making it costs as much as using it."""

Facts = tuple[tuple[str, object], ...]

CLICK, HOVER, FORM_START, FORM_SUBMIT, FIELD, VISIT, LEAVE, START, OTHER = range(9)
LAST_OF_TARGETS = FIELD
"""Those up to here are of an element or a form."""
_SORTS = {
    "form.start": FORM_START,
    "form.submit": FORM_SUBMIT,
    "field.change": FIELD,
    "page.visit": VISIT,
    "page.leave": LEAVE,
    "session.start": START,
}


class Address(NamedTuple):
    """A uri's row of `page`, and its text."""

    page: int
    text: str


class Act(NamedTuple):
    """What sort of event an action is, as far as it is counted; the place of its context in CONTEXTS."""

    sort: int
    context: int = 0


def _act(action: str) -> Act:
    context, _, activity = action.rpartition(".")
    if context in CONTEXTS and activity in ("click", "hover"):
        return Act(CLICK if activity == "click" else HOVER, CONTEXTS.index(context))
    return Act(_SORTS.get(action, OTHER))


class Dictionary:
    """The tables word, uri, page and target of one connection. `noted`: texts that something is about to name, as
    (kind, row); None where nobody asks."""

    __slots__ = (
        *("_acts", "_addresses", "_execute", "_facts", "_sets", "_statuses", "_targets", "_titles", "_troubles"),
        *("_uris", "_words"),
        "noted",
    )

    def __init__(self, execute: Callable[..., Any]) -> None:
        self._execute = execute
        self.noted: set[tuple[int, int]] | None = None
        self._words: Bounded[str, int] = Bounded(CACHE_ENTRIES)
        self._uris: Bounded[str, int] = Bounded(CACHE_ENTRIES)
        self._addresses: Bounded[int, Address] = Bounded(CACHE_ENTRIES)
        self._facts: Bounded[Facts, int] = Bounded(CACHE_ENTRIES)
        self._sets: Bounded[int, Facts] = Bounded(CACHE_ENTRIES)
        self._statuses: Bounded[int, tuple[int | None]] = Bounded(CACHE_ENTRIES)
        self._troubles: Bounded[int | None, tuple[int | None, int | None]] = Bounded(CACHE_ENTRIES)
        self._targets: Bounded[tuple[int, str], int] = Bounded(CACHE_ENTRIES)
        self._titles: Bounded[int, int] = Bounded(CACHE_ENTRIES)
        self._acts: Bounded[int, Act] = Bounded(CACHE_ENTRIES)

    def forget(self) -> None:
        """Drop what is remembered; after a rollback some of it may not exist."""
        self._words.clear()
        self._uris.clear()
        self._addresses.clear()
        self._facts.clear()
        self._sets.clear()
        self._statuses.clear()
        self._troubles.clear()
        self._targets.clear()
        self._acts.clear()
        self._titles.clear()

    def word(self, text: str) -> int:
        """The row of a text."""
        known = self._words.get(text)
        if known is None:
            row = self._execute(SQL["word_id"], (text,)).fetchone()
            known = row[0] if row else self._execute(SQL["add_word"], (text,)).lastrowid
            if len(text) <= LONGEST_REMEMBERED:
                self._words.put(text, known)
        if self.noted is not None:
            self.noted.add((WORD, known))
        return known

    def text(self, word: int | None) -> str | None:
        """The text of a row."""
        if word is None:
            return None
        row = self._execute(SQL["word_value"], (word,)).fetchone()
        return row[0] if row else None

    def facts(self, facts: Facts) -> int | None:
        """The row of a set of params."""
        if not facts:
            return None
        known = self._facts.get(facts)
        if known is None:
            text = as_json(dict(facts))
            known = self.word(text)
            if len(text) <= LONGEST_REMEMBERED:
                self._facts.put(facts, known)
        if self.noted is not None:
            self.noted.add((WORD, known))
        return known

    def facts_of(self, word: int | None) -> Facts:
        """The set of params of a row."""
        if word is None:
            return ()
        known = self._sets.get(word)
        if known is None:
            text = self.text(word) or "{}"
            known = tuple(json.loads(text).items())
            if len(text) <= LONGEST_REMEMBERED:
                self._sets.put(word, known)
        return known

    def status_of(self, facts: int | None) -> int | None:
        """The status among the params of a row."""
        if facts is None:
            return None
        known = self._statuses.get(facts)
        if known is None:
            status = dict(self.facts_of(facts)).get("status")
            known = self._statuses.put(facts, (status,) if type(status) is int else (None,))
        return known[0]

    def trouble_with(self, facts: int | None, upstream_ms: int | None) -> int | None:
        """What went wrong with a page.visit that has these params, as a number (rollups.py)."""
        known = self._troubles.get(facts)
        if known is None:
            status = self.status_of(facts)
            known = self._troubles.put(facts, (trouble_of(status, 0), trouble_of(status, SLOW_MS)))
        return known[upstream_ms is not None and upstream_ms >= SLOW_MS]

    def act(self, action: int) -> Act:
        """What sort of event the action of a row is."""
        known = self._acts.get(action)
        return known or self._acts.put(action, _act(self.text(action) or ""))

    def uri(self, text: str, host: str, path: str) -> int:
        """The row of a cleaned URI, of the page (host and path) that it shows."""
        known = self._uris.get(text)
        if known is None:
            row = self._execute(SQL["uri_id"], (text,)).fetchone()
            known = row[0] if row else self._execute(SQL["add_uri"], (self.page(host, path), text)).lastrowid
            self._uris.put(text, known)
        if self.noted is not None:
            self.noted.add((URI, known))
        return known

    def address(self, uri: int) -> Address:
        """What a URI's row says."""
        known = self._addresses.get(uri)
        return known or self._addresses.put(uri, Address(*self._execute(SQL["uri_address"], (uri,)).fetchone()))

    def title(self, uri: int) -> int | None:
        """The title that a browser last reported for a URI."""
        title: int | None = self._execute(SQL["uri_title"], (uri,)).fetchone()[0]
        if self.noted is not None and title is not None:
            self.noted.add((WORD, title))
        return title

    def set_title(self, uri: int, title: int) -> None:
        """A browser reported a title."""
        if self._titles.get(uri) != title:
            self._execute(SQL["set_uri_title"], (title, uri))
            self._titles.put(uri, title)

    def forget_titles(self) -> None:
        """Somebody else has written: only a title that is known to be there need not be written again."""
        self._titles.clear()

    def page(self, host: str, path: str) -> int:
        """The row of a page; of the path '' the one that stands for "not known which"."""
        row = self._execute(SQL["page_id"], (host, path)).fetchone()
        return int(row[0] if row else self._execute(SQL["add_page"], (host, path)).lastrowid)

    def host(self, page: int) -> str:
        """The host of a page's row."""
        return str(self._execute(SQL["page_host"], (page,)).fetchone()[0])

    def target_name(self, target: int) -> str:
        """What the row of an element or a form is called."""
        return str(self._execute(SQL["target_name"], (target,)).fetchone()[0])

    def target(self, page: int, name: str) -> int:
        """The row of an element or a form of a page."""
        known = self._targets.get((page, name))
        if known is None:
            row = self._execute(SQL["target_id"], (page, name)).fetchone()
            known = row[0] if row else self._execute(SQL["add_target"], (page, name)).lastrowid
            self._targets.put((page, name), known)
        if self.noted is not None:
            self.noted.add((TARGET, known))
        return known
