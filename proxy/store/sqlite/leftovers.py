"""Texts that nothing names any more: words, addresses, elements and forms, and their pages.

Law: a text is removed only when it was suspected (something that is gone has named it), everything that may name it has
been gone through since, a part at a time, and nobody has named it meanwhile: whoever writes while texts are suspected
says which ones (`Dictionary.noted`, `clear`). Other processes forget what they remember of texts when some were removed
(work.py, `begin`).
"""

import json
from collections.abc import Callable, Iterable
from typing import Any

from proxy.store.base import Tidied
from proxy.store.sqlite.dictionary import TARGET, URI, WORD
from proxy.store.sqlite.rollups import Kind
from proxy.store.sqlite.texts import SQL
from proxy.store.sqlite.walks import Walk
from proxy.store.sqlite.work import Work
from proxy.visitors.lanes import PERSON

EVENTS, SESSIONS, FREE, TITLES, COUNTERS, WORDS = range(6)
"""What is gone through, in this order: an address that is free must not keep its title."""
REMOVING = 16
"""Removing a text takes as long as looking at so many rows."""
VALUES = {"word": WORD, "uri": URI, "target": TARGET, "field": int(Kind.FIELD), "person": PERSON}
LAST = (1 << 63) - 1

Texts = dict[int, set[int]]
"""Rows by kind."""


def suspect(execute: Callable[..., Any], texts: Texts) -> None:
    """Something that has named these texts is gone."""
    for kind, ids in texts.items():
        if ids:
            execute(SQL["add_suspects"], {"kind": kind, "ids": json.dumps(sorted(ids))})
    if texts.get(URI):
        execute(SQL["add_suspect_titles"], {"word": WORD, "ids": json.dumps(sorted(texts[URI]))})


def clear(execute: Callable[..., Any], noted: Iterable[tuple[int, int]]) -> None:
    """These texts are named (again)."""
    texts: Texts = {}
    for kind, text in noted:
        texts.setdefault(kind, set()).add(text)
    for kind, ids in texts.items():
        execute(SQL["clear_suspects"], {"kind": kind, "ids": json.dumps(sorted(ids))})


def begin(work: Work, now: int) -> Walk | None:
    """A walk through everything that names texts; None where none is suspected."""
    execute = work.execute
    if not execute(SQL["ready_suspects"]).rowcount and not _is_any(execute):
        return None
    # What waits to be counted off would keep what it names.
    execute(SQL["fold_cells"])
    execute(SQL["clear_fresh_cells"])
    return Walk("texts", now, _place(EVENTS, 0), execute(SQL["top_seq"]).fetchone()[0])


def step(work: Work, walk: Walk, size: int) -> Tidied:
    """Go on by `size` rows."""
    phase, at = (int(part) for part in str(walk.place).split(":"))
    execute, removed = work.execute, 0
    if phase in (FREE, WORDS):
        remove = _remove_free if phase == FREE else _remove_words
        removed = remove(work, max(1, size // REMOVING))
        after = at if removed else None
    elif phase == COUNTERS:
        after = _look_at_day(execute, at)
    else:
        after = _look(execute, phase, at, walk.until, size)
    if not removed and not _is_any(execute):
        walk.place = None
    elif after is not None:
        walk.place = _place(phase, after)
    else:
        walk.place = None if phase == WORDS else _place(phase + 1, 0)
    return Tidied(texts=removed)


def _place(phase: int, at: int) -> str:
    return f"{phase}:{at}"


def _is_any(execute: Callable[..., Any]) -> bool:
    return bool(execute(SQL["any_suspect"]).fetchone()[0])


_TABLES = {
    EVENTS: ("event_after", "named_by_events"),
    SESSIONS: ("session_after", "named_by_sessions"),
    TITLES: ("uri_after", "named_by_uris"),
}


def _look(execute: Callable[..., Any], phase: int, at: int, until: int, size: int) -> int | None:
    """Clear what the next rows of a table name; where they end, None at the end of the table."""
    find, named = _TABLES[phase]
    row = execute(SQL[find], {"place": at, "until": until, "look": size}).fetchone()
    execute(SQL[named], {**VALUES, "place": at, "end": LAST if row is None else row[0]})
    return None if row is None else int(row[0])


def _look_at_day(execute: Callable[..., Any], at: int) -> int | None:
    (day,) = execute(SQL["day_after"], {"place": at}).fetchone()
    if day is not None:
        execute(SQL["named_by_counters"], {**VALUES, "day": day})
    return None if day is None else int(day)


def _remove_free(work: Work, most: int) -> int:
    """Remove addresses, elements and forms that nothing names, and their pages."""
    removed, pages = 0, set()
    for kind, find, names in (
        (URI, "free_uris", ("remove_uris",)),
        (TARGET, "free_targets", ("remove_dwells", "remove_targets")),
    ):
        rows = json.loads(work.execute(SQL[find], {**VALUES, "most": most}).fetchone()[0])
        pages |= {page for _, page in rows}
        removed += _remove(work, kind, [row[0] for row in rows], names)
    if pages:
        removed += work.execute(SQL["remove_pages"], (json.dumps(sorted(pages)),)).rowcount
    return removed


def _remove_words(work: Work, most: int) -> int:
    rows = json.loads(work.execute(SQL["free_words"], {**VALUES, "most": most}).fetchone()[0])
    return _remove(work, WORD, rows, ("remove_words",))


def _remove(work: Work, kind: int, ids: list[int], names: Iterable[str]) -> int:
    if ids:
        for name in names:
            work.execute(SQL[name], (json.dumps(ids),))
        clear(work.execute, [(kind, text) for text in ids])
        work.execute(SQL["swept"])
        work.dictionary.forget()
        work.forget()
    return len(ids)
