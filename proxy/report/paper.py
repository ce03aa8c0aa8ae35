"""Lines for a terminal: tables, columns and colours.

Law: what visitors sent is printed without control characters, so that no title moves the cursor or hides a line; every
line fits the width.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from proxy.report import numbers

LEAST_WIDTH = 60
MOST_WIDTH = 100
"""Wider lines are hard to read across."""
LATE = "  took longer than five seconds; ask for fewer days"
_BOLD, _SOFT, _ACCENT, _PLAIN = "\033[1m", "\033[2m", "\033[32m", "\033[0m"


class Paper(NamedTuple):
    """What is printed on."""

    width: int
    colour: bool

    def bold(self, text: str) -> str:
        return f"{_BOLD}{text}{_PLAIN}" if self.colour else text

    def soft(self, text: str) -> str:
        return f"{_SOFT}{text}{_PLAIN}" if self.colour else text

    def accent(self, text: str) -> str:
        return f"{_ACCENT}{text}{_PLAIN}" if self.colour else text


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


def ends(paper: Paper, name: str, middle: str, right: str) -> str:
    rest = max(0, paper.width - len(name) - len(middle))
    return paper.bold(name) + paper.soft(middle) + f"{plain(right):>{rest}}"


def plain(text: str) -> str:
    return text.replace(numbers.THIN, " ")


def fitted(text: str, room: int) -> str:
    """A text of exactly `room` columns: cut with an ellipsis, or filled. What cannot be printed is a question mark."""
    clean = "".join(char if char.isprintable() else " " if char.isspace() else "?" for char in plain(text))
    taken: list[str] = []
    used = 0
    for char in clean:
        wide = columns_of(char)
        if used + wide > room:
            while taken and used + 1 > room:
                used -= columns_of(taken.pop())
            taken.append("…")
            used += 1
            break
        taken.append(char)
        used += wide
    return "".join(taken) + " " * max(0, room - used)


def columns_of(char: str) -> int:
    """How many columns a terminal gives a character."""
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
