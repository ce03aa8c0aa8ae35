"""Events as a table: CSV whose cells no spreadsheet will run (HTTP.md, X4)."""

import csv
import io
import json
from collections.abc import Iterable, Iterator

from proxy.events.event import EXPORT_KEYS

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_lines(rows: Iterable[dict[str, object]]) -> Iterator[str]:
    """Exported events as lines of CSV, the head first; `params` and `undefined` are JSON."""
    yield ",".join(EXPORT_KEYS)
    for row in rows:
        line = io.StringIO()
        cells = (row.get(key) for key in EXPORT_KEYS)
        csv.writer(line, lineterminator="").writerow(
            json.dumps(cell, ensure_ascii=False) if isinstance(cell, dict | list) else _defused(cell) for cell in cells
        )
        yield line.getvalue()


def _defused(cell: object) -> object:
    """A cell that a spreadsheet would run as a formula is made text (HTTP.md, X4)."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in _FORMULA else cell
