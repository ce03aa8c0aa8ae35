"""Exported events as lines of JSON, or as a table: CSV whose cells no spreadsheet will run (HTTP.md, X4), and such a
table read again."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence

from proxy.events.event import EXPORT_KEYS, Event

_NUMBERS = frozenset(("seq", "time", "received"))
_JSON = frozenset(("params", "undefined"))
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def lines_of(events: Iterable[Event], format: str) -> Iterator[str]:
    """Events as they are exported, in lines without their ends: `csv`, the head first, or `jsonl`."""
    rows = (event.to_export() for event in events)
    return csv_lines(rows) if format == "csv" else (json.dumps(row, ensure_ascii=False) for row in rows)


def csv_lines(rows: Iterable[dict[str, object]]) -> Iterator[str]:
    """Exported events as lines of CSV, the head first; `params` and `undefined` are JSON."""
    yield ",".join(EXPORT_KEYS)
    for row in rows:
        yield csv_line(row.get(key) for key in EXPORT_KEYS)


def csv_line(cells: Iterable[object], separator: str = ",") -> str:
    """A line of CSV, without its end; None is an empty cell, an object or a list is JSON."""
    line = io.StringIO()
    # Before Python 3.13 what is put in quotes are the ends of lines that this one may have, and no others.
    csv.writer(line, delimiter=separator, lineterminator="\r\n").writerow(
        json.dumps(cell, ensure_ascii=False) if isinstance(cell, dict | list) else _defused(cell) for cell in cells
    )
    return line.getvalue().removesuffix("\r\n")


def _defused(cell: object) -> object:
    """A cell that a spreadsheet would run as a formula is made text (HTTP.md, X4)."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in _FORMULA else cell


def csv_cells(line: str) -> list[str]:
    """The cells of a line; of an export none goes on in the next line. Raises ValueError."""
    try:
        (cells,) = csv.reader([line], strict=True)
    except csv.Error as error:
        raise ValueError("not a line of CSV") from error
    return cells


def from_csv(head: Sequence[str], line: str) -> dict[str, object]:
    """An exported event from its line; empty cells are absent. Raises ValueError."""
    cells = csv_cells(line)
    if len(cells) != len(head):
        raise ValueError(f"{len(cells)} cells instead of {len(head)}")
    return {key: _read(key, cell) for key, cell in zip(head, cells, strict=True) if cell}


def _read(key: str, cell: str) -> object:
    if key in _NUMBERS:
        return int(cell)
    if key in _JSON:
        return json.loads(cell)
    return cell[1:] if cell[0] == "'" and cell[1:2] in _FORMULA else cell
