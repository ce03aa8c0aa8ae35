"""The coding `br`.

Law: that of base.py. A stream ends itself, and nothing that follows it is content. The library refuses a whole chunk
for a byte behind that end and keeps what it had decoded of it, so that the end has to be found again (`_find_end`).

Source: RFC 7932 (9.1: windows up to 16 MB; 9.2: a meta-block that is metadata has a reserved bit).
"""

from collections.abc import Iterator
from typing import Final

import brotli

from proxy.page.coding.base import MAX_STEP_BYTES, Coding, CodingError

QUALITY: Final = 2
"""A 58 KB page is decoded and encoded in 285 us; 171 at quality 1, which makes it 7 % larger, and a 755 KB page 27 %.
From 4 on twice the memory."""

WINDOW_BITS: Final = 18
"""256 KB: an encoder has 1.1 MB at the most, and 6.5 MB at 22, which makes a 755 KB page 7 % smaller."""

MAX_REPLAY_BYTES: Final = 1024 * 1024
"""A body is read again, for its end, while it and its content are together no longer than this."""

# The library's output grows by blocks of just under 32 KiB, 64 KiB and so on, and is measured only between them: one.
_STEP_BYTES: Final = MAX_STEP_BYTES // 4
_INVALID_BLOCK: Final = b"\x0e"  # not the last, metadata, and the reserved bit


class BrotliDecoder:
    """Decodes one stream (base.Decoder)."""

    __slots__ = ("_budget", "_decompressor", "_given", "_kept", "ended", "rest", "started", "untried")

    def __init__(self) -> None:
        self._decompressor = brotli.Decompressor()
        self._budget = MAX_REPLAY_BYTES
        self._kept: list[bytes] = []  # chunks before this one, while there is budget
        self._given = 0
        self.started = False
        self.untried = True
        self.ended = False
        self.rest = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        self.untried = self.untried and not data
        try:
            for piece in _decoded(self._decompressor, data):
                self.started = True
                self._given += len(piece)
                yield piece
        except brotli.error as error:
            content = self._find_end(data)
            if content is None:
                raise CodingError(str(error), started=self.started) from error
            self.started = self.started or bool(content)
            yield from (content[at : at + MAX_STEP_BYTES] for at in range(0, len(content), MAX_STEP_BYTES))
            return
        self.ended = self._decompressor.is_finished()
        self._keep(data)

    def _keep(self, data: bytes) -> None:
        if self.ended or self._given + len(data) > self._budget:
            self._kept.clear()
            self._budget = 0
        elif self._budget:
            self._kept.append(data)
            self._budget -= len(data)

    def _find_end(self, chunk: bytes) -> bytes | None:
        """Read all again, this chunk byte by byte: what of its content was not given out, if the stream ends in it."""
        if not self._budget:
            return None
        decompressor, content = brotli.Decompressor(), bytearray()
        for data in self._kept:
            for piece in _decoded(decompressor, data):
                content += piece
        for place in range(len(chunk)):
            try:
                for piece in _decoded(decompressor, chunk[place : place + 1]):
                    content += piece
                    if len(content) > MAX_REPLAY_BYTES:
                        return None
            except brotli.error:
                return None
            if decompressor.is_finished():
                self.ended = True
                self.rest = chunk[place + 1 :]
                return bytes(content[self._given :])
        return None


def _decoded(decompressor: brotli.Decompressor, data: bytes) -> Iterator[bytes]:
    """What comes out of it, in bounded pieces. Raises brotli.error."""
    while True:
        piece: bytes = decompressor.process(data, output_buffer_limit=_STEP_BYTES)
        if piece:
            yield piece
        # A full piece may have left output inside the library even though all input is consumed.
        if len(piece) < _STEP_BYTES or decompressor.is_finished():
            return
        data = b""


class BrotliEncoder:
    """Encodes one stream (base.Encoder)."""

    __slots__ = ("feed", "flush", "sync")

    def __init__(self) -> None:
        compressor = brotli.Compressor(quality=QUALITY, lgwin=WINDOW_BITS)
        self.feed = compressor.process
        self.sync = compressor.flush
        self.flush = compressor.finish


BR: Final = Coding(BrotliDecoder, BrotliEncoder, joins=False, invalid=_INVALID_BLOCK)
