"""The report's lines for a terminal: tables, and lines with something at their end.

Law: what visitors sent is printed without control characters, so that no title moves the cursor or hides a line; every
line fits the width.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from proxy import paper as papers
from proxy.paper import Paper
from proxy.report import numbers

LATE = "  took longer than five seconds; ask for fewer days"


def table(
    paper: Paper, title: str, heads: Sequence[str], rows: Sequence[tuple[str, tuple[str, ...]]], card: object
) -> Iterator[str]:
    """A title with its columns at the right; a name that begins with a mark is a remark over the whole line, accented
    with NUL."""
    widths = [max(len(head), *(len(row[1][n]) for row in rows if row[1]), 6) + 2 for n, head in enumerate(heads)]
    room = paper.width - sum(widths) - 2
    yield ""
    head = "".join(f"{head:>{width}}" for head, width in zip(heads, widths, strict=True))
    yield paper.bold(fitted(title, room + 2)) + paper.soft(head)
    if card is None:
        yield LATE
    elif not rows:
        yield paper.soft("  nothing")
    for name, cells in rows:
        if not cells:
            said = f"    {fitted(name[1:], paper.width - 4).rstrip()}"
            yield paper.accent(said) if name[0] == "\0" else paper.soft(said)
            continue
        values = "".join(f"{plain(cell):>{width}}" for cell, width in zip(cells, widths, strict=True))
        yield f"  {fitted(name, room)}{values}"


def ends(paper: Paper, name: str, middle: str, right: str) -> Iterator[str]:
    """A line with something at its end; with that below it where both do not fit."""
    line, rest = paper.bold(name) + paper.soft(middle), paper.width - len(name) - len(middle)
    if right and rest < len(right) + 2:
        yield line
        line, rest = "", paper.width
    yield f"{line}{plain(right):>{max(0, rest)}}"


def plain(text: str) -> str:
    return text.replace(numbers.THIN, " ")


def fitted(text: str, room: int) -> str:
    """A text of exactly `room` columns, its thin spaces as wide as a terminal's."""
    return papers.fitted(plain(text), room)


def counts(*values: int) -> tuple[str, ...]:
    return tuple(map(numbers.count, values))


def place(row: Mapping[str, Any], model: Mapping[str, Any]) -> str:
    """Where a row's page is; with its host where a model has several."""
    return numbers.place_of(row["host"], row["path"], model["several_hosts"])


def named(name: str | None, place: str) -> str:
    return f"{name}  {place}" if name else place
