"""Changing a body that is gzipped: decode, transform, encode again, chunk by chunk.

Law: nothing is repaired. What the visitor decodes is what they would have decoded without us, but for the
transform; what was corrupt stays corrupt and what was cut short stays cut short. As long as nothing of a body has
been given out, its own bytes are kept and go out untouched if they are no gzip or if the transform has nothing to
do. A step of output is at most MAX_STEP_BYTES, however well the input was compressed.

    Recoder   nothing given out yet   no gzip, or decided and not injected   the body's own bytes to the end
                                      else                                   decode, transform, encode; then flush
              a member has ended      the transform has decided              ours ends, then the body's own bytes
                                      it has not                             the next member is joined to ours
              corrupt or cut short                                           an invalid block, or no end

Source: RFC 1952 (gzip; members, 2.2), RFC 1951 (3.2.3: block type 3 is invalid), RFC 9110 8.4.1.3 and 12.5.3.
"""

import re
import zlib
from collections.abc import Iterator
from typing import Final, Protocol

MAX_STEP_BYTES: Final = 64 * 1024
"""Longest piece a decoder gives out at once; a bomb of 1:1000 is met by as many steps."""

MAX_RAW_BYTES: Final = 64 * 1024
"""Input kept back while a member has given no output; only a gzip header with endless fields gets there."""

ENCODER_LEVEL: Final = 1
"""zlib level 1: 68 us for a 7 KB page, decoding included."""

_GZIP_WBITS: Final = 16 + zlib.MAX_WBITS
_INVALID_BLOCK: Final = b"\x07"  # last block, of the reserved type: every decoder stops here with an error
_BLANKS: Final = b" \t"
_ZERO_Q: Final = re.compile(rb"(?i)q=0(?:\.0{0,3})?")
_GZIP_NAMES: Final = (b"gzip", b"x-gzip")
_IDENTITY: Final = b"identity"


class CodingError(Exception):
    """The coded body is not what it says it is; `started` tells whether decoded bytes had already been given out."""

    def __init__(self, reason: str, *, started: bool) -> None:
        super().__init__(reason)
        self.started = started


class Transform(Protocol):
    """What a Recoder does to the decoded bytes, such as an Injector: once `decided`, feed changes nothing any more."""

    decided: bool
    injected: bool

    def feed(self, chunk: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...
    def release(self) -> bytes: ...


class GzipDecoder:
    """Decodes one gzip member.

    `untried`: nothing was fed. `started`: it has given output. `ended`: its check sum was right. `rest`: what followed.
    """

    __slots__ = ("_inflate", "ended", "rest", "started", "untried")

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(_GZIP_WBITS)
        self.started = False
        self.untried = True
        self.ended = False
        self.rest = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield decoded pieces of 1 to MAX_STEP_BYTES; must be exhausted before the next feed. Raises CodingError."""
        inflate = self._inflate
        self.untried = self.untried and not data
        while not inflate.eof:
            try:
                piece = inflate.decompress(data, MAX_STEP_BYTES)
            except zlib.error as error:
                raise CodingError(str(error), started=self.started) from error
            data = inflate.unconsumed_tail
            if piece:
                self.started = True
                yield piece
            # A full piece may have left output inside zlib even though all input is consumed.
            if not data and len(piece) < MAX_STEP_BYTES:
                break
        if inflate.eof and not self.ended:
            self.ended = True
            self.rest = inflate.unused_data

    def flush(self) -> None:
        """The input is complete: raises CodingError if the member is not."""
        if not self.ended:
            raise CodingError("gzip stream is cut short", started=self.started)


class GzipEncoder:
    """Encodes one gzip member. Bytes come out in the order they went in; `feed` may keep some until `flush`."""

    __slots__ = ("_deflate",)

    def __init__(self, level: int = ENCODER_LEVEL) -> None:
        self._deflate = zlib.compressobj(level, zlib.DEFLATED, _GZIP_WBITS)

    def feed(self, data: bytes) -> bytes:
        """Encode; the result may be empty."""
        return self._deflate.compress(data)

    def sync(self) -> bytes:
        """Everything fed so far becomes decodable (Z_SYNC_FLUSH, about 5 bytes)."""
        return self._deflate.flush(zlib.Z_SYNC_FLUSH)

    def flush(self) -> bytes:
        """The member's end, check sum included."""
        return self._deflate.flush(zlib.Z_FINISH)


class Recoder:
    """Sans-I/O: a gzipped body in, the same body with its content transformed out. `feed`s, then `flush` once.

    `untouched`: no byte of the body was changed so far; after the first piece given out it stays as it is.
    `broken`: why the input could not be decoded to its end once output had begun; the visitor's decoder then fails
    there, too.
    """

    __slots__ = ("_decoder", "_encoder", "_passing", "_raw", "_transform", "broken", "untouched")

    def __init__(self, transform: Transform) -> None:
        self._transform = transform
        self._decoder = GzipDecoder()
        self._encoder: GzipEncoder | None = None  # from the first output on
        self._raw = b""  # input of a member that has given no output yet
        self._passing = False
        self.broken: str | None = None
        self.untouched = True

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield what can be sent, in pieces; must be exhausted before the next feed. Raises nothing of its own."""
        while chunk and not self._passing and self.broken is None:
            if not self._decoder.started:
                self._raw += chunk
            try:
                yield from self._recode(chunk)
            except CodingError as error:
                if error.started:
                    self.broken = str(error)
                    yield self._tail(self._transform.release(), ended=False) + _INVALID_BLOCK
                else:
                    yield self._pass_raw()
                return
            if self._passing:
                return
            chunk = self._next_member()
            if self._passing:
                yield self._tail(b"", ended=True)
            elif len(self._raw) > MAX_RAW_BYTES:
                yield self._pass_raw()
                return
        if chunk and self._passing:
            yield chunk

    def flush(self) -> Iterator[bytes]:
        """The body is complete: yield what is left. A member cut short stays so and gets no check sum."""
        if self._passing or self.broken is not None:
            return
        if self._raw or self._encoder is None:
            yield self._pass_raw()
        elif self._decoder.untried:
            yield self._tail(self._transform.flush(), ended=True)
        else:
            self.broken = "gzip stream is cut short"
            yield self._tail(self._transform.release(), ended=False)

    def _recode(self, chunk: bytes) -> Iterator[bytes]:
        transform = self._transform
        encoder = self._encoder
        for piece in self._decoder.feed(chunk):
            out = transform.feed(piece)
            if encoder is None:
                if transform.decided and not transform.injected:
                    yield self._pass_raw()
                    return
                encoder = self._encoder = GzipEncoder()
                self.untouched = False
            self._raw = b""
            if coded := encoder.feed(out):
                yield coded
        if encoder is not None and not self._raw and not self._decoder.ended and (coded := encoder.sync()):
            yield coded

    def _next_member(self) -> bytes:
        """What of the chunk is still to be read, once a member has ended."""
        decoder = self._decoder
        if not decoder.ended:
            return b""
        if self._encoder is not None and self._transform.decided:
            self._passing = True
        self._decoder = GzipDecoder()
        if self._raw and decoder.rest:
            # An empty member: what follows is added again when it is read.
            self._raw = self._raw[: -len(decoder.rest)]
        return decoder.rest

    def _pass_raw(self) -> bytes:
        """From here on the body's own bytes; what was encoded so far is a member of its own before them."""
        self._passing = True
        raw, self._raw = self._raw, b""
        return raw if self._encoder is None else self._tail(self._transform.flush(), ended=True) + raw

    def _tail(self, content: bytes, *, ended: bool) -> bytes:
        if self._encoder is None:
            return b""
        return self._encoder.feed(content) + (self._encoder.flush() if ended else self._encoder.sync())


def is_gzip(content_encoding: bytes) -> bool:
    """Whether this Content-Encoding is exactly one gzip (`gzip, gzip`, `br` and the like are not decoded here)."""
    return content_encoding.strip(_BLANKS).lower() in _GZIP_NAMES


def narrow_accept_encoding(value: bytes | None) -> bytes | None:
    """The visitor's Accept-Encoding, less what could not be decoded here; never wider (RFC 9110 12.5.3).

    `value`: all fields of the name, joined by commas; None (no field) stays None. `*` stands for gzip where gzip
    is not named. Elements that stay keep their bytes and weights; none left: `identity`. A visitor who refuses
    identity and leaves no coding of ours gets their own value back: the answer then passes untouched.
    """
    if value is None:
        return None
    elements = [element.strip(_BLANKS) for element in value.split(b",")]
    elements = [element for element in elements if element]
    names = [element.split(b";", 1)[0].strip(_BLANKS).lower() for element in elements]
    kept: list[bytes] = []
    gzip_accepted = False
    for name, element in zip(names, elements, strict=True):
        refused = _is_refused(element)
        if name == b"*" and not refused:
            if b"gzip" in names or b"x-gzip" in names:
                continue
            element = b"gzip" + element[1:]
            name = b"gzip"
        gzip_accepted = gzip_accepted or (name in _GZIP_NAMES and not refused)
        if name in _GZIP_NAMES or name in (_IDENTITY, b"*"):
            kept.append(element)
    if kept == elements and elements:
        return value
    star_refused = any(name == b"*" and _is_refused(e) for name, e in zip(names, elements, strict=True))
    identity = [e for name, e in zip(names, elements, strict=True) if name == _IDENTITY]
    identity_refused = _is_refused(identity[0]) if identity else star_refused
    if identity_refused and not gzip_accepted:
        return value
    return b", ".join(kept) or _IDENTITY


def _is_refused(element: bytes) -> bool:
    return any(_ZERO_Q.fullmatch(part.replace(b" ", b"").replace(b"\t", b"")) for part in element.split(b";")[1:])
