"""The coding `zstd`.

Law: that of base.py. Frames that follow each other are one body, skippable ones (which are empty) included. A window of
more than MAX_WINDOW_BYTES is refused at the frame's header, before any output: browsers refuse it, too.

Source: RFC 8878 (3.1: frames, 3.1.1.2.2: block type 3 is reserved), RFC 9659 (windows of at most 8 MB).
"""

import sys
from collections.abc import Iterator
from typing import Final

from proxy.page.coding.base import MAX_STEP_BYTES, Coding, CodingError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LEVEL: Final = 1
"""A 58 KB page is decoded and encoded in 141 us, and an encoder has 131 KB; level 3 makes it 5 % smaller, in 158 us and
822 KB."""

MAX_WINDOW_BYTES: Final = 8 * 1024 * 1024
"""What a decoder reserves for one frame at most."""

_DECODING: Final[dict[int, int]] = {zstd.DecompressionParameter.window_log_max: MAX_WINDOW_BYTES.bit_length() - 1}
_INVALID_BLOCK: Final = b"\x07\x00\x00"  # last block, of the reserved type


class ZstdDecoder:
    """Decodes one frame (base.Decoder)."""

    __slots__ = ("_decompressor", "ended", "rest", "started", "untried")

    def __init__(self) -> None:
        self._decompressor = zstd.ZstdDecompressor(options=_DECODING)
        self.started = False
        self.untried = True
        self.ended = False
        self.rest = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        self.untried = self.untried and not data
        decompressor = self._decompressor
        while not decompressor.eof:
            try:
                piece = decompressor.decompress(data, MAX_STEP_BYTES)
            except zstd.ZstdError as error:
                raise CodingError(str(error), started=self.started) from error
            data = b""
            if piece:
                self.started = True
                yield piece
            if decompressor.needs_input:
                return
        self.ended = True
        self.rest = decompressor.unused_data


class ZstdEncoder:
    """Encodes one frame (base.Encoder)."""

    __slots__ = ("_compressor", "feed", "flush")

    def __init__(self) -> None:
        self._compressor = zstd.ZstdCompressor(level=LEVEL)
        self.feed = self._compressor.compress
        self.flush = self._compressor.flush

    def sync(self) -> bytes:
        return self._compressor.flush(zstd.ZstdCompressor.FLUSH_BLOCK)


ZSTD: Final = Coding(ZstdDecoder, ZstdEncoder, joins=True, invalid=_INVALID_BLOCK)
