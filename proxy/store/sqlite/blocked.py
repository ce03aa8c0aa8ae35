"""Pages that went without their tag, as rows: so many of a day are told apart, and so many in all.

Law: a count is never lost: what is not told apart is counted as "other" (the page without host and path).
"""

from collections.abc import Callable, Iterable
from typing import Any

from proxy.store.counters import BLOCKED_A_DAY, BLOCKED_KEPT, BlockedPage
from proxy.store.sqlite.dictionary import Dictionary
from proxy.store.sqlite.texts import SQL


def add(execute: Callable[..., Any], words: Dictionary, pages: Iterable[BlockedPage]) -> None:
    """Count pages."""
    _make_room(execute, words, {page.day for page in pages})
    for page in pages:
        values = {"day": page.day, "n": page.n, "last": page.last, "reason": words.word(page.reason)}
        rows = {"page": words.page(page.host, page.path), "other": words.page("", "")}
        execute(SQL["add_blocked"], {**values, **rows, "most": BLOCKED_A_DAY})


def _make_room(execute: Callable[..., Any], words: Dictionary, days: set[int]) -> None:
    """Once a day, with its first row: sorting all of them takes two tenths of a second."""
    if not all(execute(SQL["has_blocked"], (day,)).fetchone() for day in days):
        values = {"other": words.page("", ""), "kept": BLOCKED_KEPT}
        execute(SQL["fold_blocked"], values)
        execute(SQL["remove_folded"], values)
