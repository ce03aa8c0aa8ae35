"""What every content coding is here: a decoder in bounded steps, an encoder that can flush, and how the two fail.

Law: sans-I/O. A decoder reads one stream (a gzip member, a zstd frame) and gives out no more than MAX_STEP_BYTES at
once, however well the input was compressed; an encoder gives bytes out in the order they went in. Neither knows what
the bytes are for.

Source: RFC 9110 8.4.1 (content codings).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

MAX_STEP_BYTES: Final = 64 * 1024
"""Longest piece a decoder gives out at once; a bomb of 1:1000 is met by as many steps."""


class CodingError(Exception):
    """The coded body is not what it says it is; `started` tells whether decoded bytes had already been given out."""

    def __init__(self, reason: str, *, started: bool) -> None:
        super().__init__(reason)
        self.started = started


class Decoder(Protocol):
    """Decodes one stream.

    `untried`: nothing was fed. `started`: it has given output. `ended`: the stream's end was reached, and its check
    sum, if it has one, was right. `rest`: what followed the end in the last chunk.
    """

    untried: bool
    started: bool
    ended: bool
    rest: bytes

    def feed(self, data: bytes, /) -> Iterator[bytes]:
        """Yield decoded pieces of 1 to MAX_STEP_BYTES; must be exhausted before the next feed. Raises CodingError."""
        ...


class Encoder(Protocol):
    """Encodes one stream. `feed` may keep some of it until `sync` or `flush`."""

    def feed(self, data: bytes, /) -> bytes:
        """Encode; the result may be empty."""
        ...

    def sync(self) -> bytes:
        """Everything fed so far becomes decodable, and the next byte begins a block."""
        ...

    def flush(self) -> bytes:
        """The stream's end."""
        ...


@dataclass(frozen=True, slots=True)
class Coding:
    """A coding that can be decoded and encoded again.

    `joins`: streams that follow each other are one body; else what follows the first one is no content. `invalid`:
    behind a sync, every decoder stops at these bytes with an error.
    """

    decoder: Callable[[], Decoder]
    encoder: Callable[[], Encoder]
    joins: bool
    invalid: bytes
