"""Statements for many rows at once.

Law: a statement in queries/ with one row of `VALUES (?, ...)` is run for any number of rows as a few statements with
that row repeated, and what is left over filled up with rows of 0, which such a statement must pass over. sqlite3
gives the interpreter lock away at every step, and beside a busy event loop getting it back is a fight that costs more
than a row; so it is steps that are saved, not rows. Where nothing is left over, nothing is passed over either, and
SQLite is spared a table of its own between the rows and the statement: on a quiet site, where each page is a
transaction, that is most of what they cost.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

from proxy.store.sqlite.texts import SQL

CHUNKS = (1, 2, 4, 6, 8, 12, 16, 24, 32, 48, 64)
"""Rows of a statement. Few sizes, so that prepared statements are used again; each is in the cache of
`STATEMENTS_CACHED` for every name, filled up and exact."""
MOST = CHUNKS[-1]
_ROW = re.compile(r"\(\?(?:, \?)*\)")
_PASSING_OVER = re.compile(r"SELECT \* FROM \((VALUES .+)\) WHERE column\d+ <> 0")
_FROM_ROW = re.compile(r"\nFROM \(VALUES \([?, ]+\)\) AS new(?=\n)")
_OF_ROW = re.compile(r"\bnew\.column(?=\d)")

Row = Sequence[object]
Filled = tuple[str, tuple[int, ...]]
"""A statement, and what fills up the rows that are left over in it."""


def _of_rows(text: str) -> list[Filled]:
    """By number of rows."""
    (row,) = _ROW.findall(text)
    columns = row.count("?")
    sizes = [CHUNKS[bisect_left(CHUNKS, number)] for number in range(MOST + 1)]
    texts = {size: text.replace(row, ", ".join([row] * size)) for size in CHUNKS}
    filled = [(texts[size], (0,) * (columns * (size - number))) for number, size in enumerate(sizes)]
    for size in CHUNKS:
        filled[size] = (_exact(texts[size], size), ())
    return filled


def _exact(text: str, size: int) -> str:
    """The same statement where no row is left over: the rows as they are; one that changes a row, by its numbers."""
    if size == 1 and _FROM_ROW.search(text):
        return _OF_ROW.sub("?", _FROM_ROW.sub("", text))
    return _PASSING_OVER.sub(r"\1", text)


_STATEMENTS = {name: _of_rows(text) for name, text in SQL.items() if name.endswith("_many")}


def run_many(execute: Callable[..., Any], name: str, rows: Sequence[Row]) -> None:
    """Run the statement `name` for all rows."""
    if not rows:
        return
    for some in _chunks(rows):
        text, rest = _STATEMENTS[name][len(some)]
        execute(text, [*chain.from_iterable(some), *rest])


def ask_many(execute: Callable[..., Any], name: str, rows: Sequence[Row]) -> Iterator[str]:
    """The one text that each of the statements answers with; those of rows of 0 may follow in the last one."""
    if not rows:
        return
    for some in _chunks(rows):
        text, rest = _STATEMENTS[name][len(some)]
        yield execute(text, [*chain.from_iterable(some), *rest]).fetchone()[0]


def _chunks(rows: Sequence[Row]) -> Iterable[Sequence[Row]]:
    return (rows,) if len(rows) <= MOST else (rows[done : done + MOST] for done in range(0, len(rows), MOST))
