"""The codings `gzip` and `deflate`: one compression in two wrappings.

Law: that of base.py. `deflate` is the zlib format, as RFC 9110 8.4.1.2 says; the raw stream that some servers send
instead, and browsers accept, begins with no zlib header and is refused here at its first bytes, before any output.
So are headers whose flags browsers do not take and ISA-L does: reserved bits and a header check sum in gzip, a
preset dictionary in zlib. And those of gzip's that have more than one optional field: ISA-L 1.9.1 reads content where
there is none if a chunk ends within the first of them.

Source: RFC 1950 (zlib; 2.2: FDICT), RFC 1951 (deflate; 3.2.3: block type 3 is invalid), RFC 1952 (gzip; 2.2: members,
2.3.1: header flags).
"""

from collections.abc import Iterator
from typing import Final, cast

from proxy.page.coding.base import MAX_STEP_BYTES, Coding, CodingError

try:
    from isal import isal_zlib as zlib
except ImportError:  # a processor that ISA-L was not made for: the same, slower
    import zlib  # type: ignore[no-redef]

LEVEL: Final = 1 if zlib.__name__ == "zlib" else 2
"""A 58 KB page is decoded and encoded in 99 us by ISA-L at level 2, and in 397 us by zlib at level 1, which makes it
larger, too (12,457 bytes, not 12,095)."""

_Error: Final = cast(type[Exception], zlib.error)
_GZIP_WBITS: Final = 31
_ZLIB_WBITS: Final = 15
_DEFLATED: Final = 8
_REFUSED_IN_GZIP: Final = frozenset(
    flags for flags in range(256) if flags & 0b1110_0010 or (flags & 0b0001_1100).bit_count() > 1
)
_REFUSED_IN_ZLIB: Final = frozenset(flags for flags in range(256) if flags & 0b0010_0000)
# Where the byte of flags is, and which it must not be.
_FLAGS: Final = {_GZIP_WBITS: (3, _REFUSED_IN_GZIP), _ZLIB_WBITS: (1, _REFUSED_IN_ZLIB)}
_INVALID_BLOCK: Final = b"\x07"  # last block, of the reserved type


class InflateDecoder:
    """Decodes one gzip member or zlib stream (base.Decoder)."""

    __slots__ = ("_flags_at", "_flags_refused", "_inflate", "ended", "rest", "started", "untried")

    def __init__(self, wbits: int) -> None:
        self._inflate = zlib.decompressobj(wbits)
        self._flags_at, self._flags_refused = _FLAGS[wbits]  # from the next byte on; negative once they were seen
        self.started = False
        self.untried = True
        self.ended = False
        self.rest = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        inflate = self._inflate
        if self._flags_at >= 0:
            if self._flags_at < len(data) and data[self._flags_at] in self._flags_refused:
                raise CodingError("header with flags that are not read here", started=False)
            self._flags_at -= len(data)
        self.untried = self.untried and not data
        while not inflate.eof:
            try:
                piece = inflate.decompress(data, MAX_STEP_BYTES)
            except _Error as error:
                raise CodingError(str(error), started=self.started) from error
            data = inflate.unconsumed_tail
            if piece:
                self.started = True
                yield piece
            # A full piece may have left output inside the library even though all input is consumed.
            if not data and len(piece) < MAX_STEP_BYTES:
                break
        if inflate.eof and not self.ended:
            self.ended = True
            self.rest = inflate.unused_data


class DeflateEncoder:
    """Encodes one gzip member or zlib stream (base.Encoder)."""

    __slots__ = ("_deflate", "feed", "flush")

    def __init__(self, wbits: int) -> None:
        self._deflate = zlib.compressobj(LEVEL, _DEFLATED, wbits)
        self.feed = self._deflate.compress
        self.flush = self._deflate.flush

    def sync(self) -> bytes:
        return self._deflate.flush(zlib.Z_SYNC_FLUSH)


GZIP: Final = Coding(
    lambda: InflateDecoder(_GZIP_WBITS), lambda: DeflateEncoder(_GZIP_WBITS), joins=True, invalid=_INVALID_BLOCK
)
DEFLATE: Final = Coding(
    lambda: InflateDecoder(_ZLIB_WBITS), lambda: DeflateEncoder(_ZLIB_WBITS), joins=False, invalid=_INVALID_BLOCK
)
