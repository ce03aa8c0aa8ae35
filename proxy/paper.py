"""What a command prints on: its width, its colours, and text that stays within it.

Law: prints nothing. Text from elsewhere is printed without control characters, so that nothing moves the cursor or
hides a line.
"""

import unicodedata
from collections.abc import Iterator
from typing import NamedTuple, Self

LEAST_WIDTH = 60
MOST_WIDTH = 100
"""Wider lines are hard to read across."""
_BOLD, _SOFT, _ACCENT, _PLAIN = "\033[1m", "\033[2m", "\033[32m", "\033[0m"


class Paper(NamedTuple):
    """What is printed on."""

    width: int
    colour: bool

    @classmethod
    def of(cls, width: int, colour: bool) -> Self:
        """For a terminal of so many columns."""
        return cls(max(LEAST_WIDTH, min(width, MOST_WIDTH)), colour)

    def bold(self, text: str) -> str:
        return f"{_BOLD}{text}{_PLAIN}" if self.colour else text

    def soft(self, text: str) -> str:
        return f"{_SOFT}{text}{_PLAIN}" if self.colour else text

    def accent(self, text: str) -> str:
        return f"{_ACCENT}{text}{_PLAIN}" if self.colour else text


def printable(text: str) -> str:
    """The text on one line; what cannot be printed is a question mark."""
    return "".join(char if char.isprintable() else " " if char.isspace() else "?" for char in text)


def fitted(text: str, room: int) -> str:
    """A text of exactly `room` columns: cut with an ellipsis, or filled. What cannot be printed is a question mark."""
    clean = printable(text)
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


def wrapped(text: str, room: int) -> Iterator[str]:
    """A text as lines of at most `room` columns, at least one; a word that is longer is taken apart."""
    line, used = "", 0
    for word in printable(text).split():
        wide = sum(map(columns_of, word))
        if line and used + 1 + wide > room:
            yield line
            line, used = "", 0
        if line:
            line, used = f"{line} ", used + 1
        for char in word:
            if used + columns_of(char) > room:
                yield line
                line, used = "", 0
            line, used = line + char, used + columns_of(char)
    yield line


def columns_of(char: str) -> int:
    """How many columns a terminal gives a character."""
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
