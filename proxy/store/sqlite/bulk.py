"""Statements for many rows at once.

Law: a statement in queries/ with one row of `VALUES (?, ...)` is run for any number of rows as a few statements with
that row repeated. sqlite3 gives the interpreter lock away at every step, and beside a busy event loop getting it back
is a fight that costs more than a row; so it is steps that are saved, not rows.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any

from proxy.store.sqlite.texts import SQL

CHUNKS = (64, 32, 16, 8, 4, 2, 1)
"""Rows of a statement. Few sizes, so that prepared statements are used again; each is in the cache of
`STATEMENTS_CACHED` for every name."""
_ROW = re.compile(r"\(\?(?:, \?)*\)")

Row = Sequence[object]


def _of_rows(name: str) -> dict[int, str]:
    text = SQL[name]
    (row,) = _ROW.findall(text)
    return {size: text.replace(row, ", ".join([row] * size)) for size in CHUNKS}


_TEXTS = {name: _of_rows(name) for name in sorted(SQL) if len(_ROW.findall(SQL[name])) == 1 and name.endswith("_many")}


def run_many(execute: Callable[..., Any], name: str, rows: Sequence[Row]) -> None:
    """Run the statement `name` for all rows."""
    texts, done, left = _TEXTS[name], 0, len(rows)
    for size in CHUNKS:
        while left >= size:
            execute(texts[size], tuple(chain.from_iterable(rows[done : done + size])))
            done += size
            left -= size


def ask_many(execute: Callable[..., Any], name: str, rows: Sequence[Row]) -> Iterator[str]:
    """The one text that each of the statements answers with."""
    texts, done, left = _TEXTS[name], 0, len(rows)
    for size in CHUNKS:
        while left >= size:
            yield execute(texts[size], tuple(chain.from_iterable(rows[done : done + size]))).fetchone()[0]
            done += size
            left -= size
