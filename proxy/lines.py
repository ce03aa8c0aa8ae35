"""A file's lines, one at a time, each of a bounded length.

Law: memory is bounded by a line, whatever the file is; a line that is too long is passed over and said to be so.
"""

from collections.abc import Iterator
from typing import NamedTuple, Protocol


class Source(Protocol):
    """Where bytes come from."""

    def readline(self, size: int, /) -> bytes: ...


class Line(NamedTuple):
    """A line by its number from 1, and how many bytes have been read; `text` None: it is too long."""

    number: int
    text: bytes | None
    read: int


def lines_of(source: Source, most: int) -> Iterator[Line]:
    """Lines with their ends, of at most `most` bytes each."""
    number = read = 0
    while text := source.readline(most + 1):
        number, read = number + 1, read + len(text)
        is_long = len(text) > most
        while is_long and not text.endswith(b"\n") and (text := source.readline(most)):
            read += len(text)
        yield Line(number, None if is_long else text, read)
