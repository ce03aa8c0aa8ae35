"""Changing a body that is coded: decode, transform, encode again, chunk by chunk.

Law: nothing is repaired. What the visitor decodes is what they would have decoded without us, but for the
transform; what was corrupt stays corrupt and what was cut short stays cut short. As long as nothing of a body has
been given out, its own bytes are kept and go out untouched if they are not coded as they say or if the transform has
nothing to do. What a chunk of the body allowed to be decoded can be decoded of what was given out for it.

    Recoder   nothing given out yet   not so coded, or decided and not injected   the body's own bytes to the end
                                      else                                        decode, transform, encode; then sync
              a stream has ended      decided                                     ours ends, then the body's own bytes
                                      undecided, others may follow                the next one is joined to ours
                                      undecided, none may                         flush, then as if decided
              corrupt or cut short                                                an invalid block, or no end

Source: RFC 9110 8.4.1; RFC 1952 2.2 (gzip members) and RFC 8878 3.1 (zstd frames), which follow each other.
"""

from collections.abc import Callable, Iterator
from typing import Final, Protocol

from proxy.page.coding.base import MAX_STEP_BYTES, Coding, CodingError, Encoder

MAX_RAW_BYTES: Final = 64 * 1024
"""Input kept back while a stream has given no output; only endless header fields and skippable frames get there."""

MAX_FED_BYTES: Final = 16 * 1024
"""Input decoded at once: a library hands back what follows a stream's end as a copy, and of a chunk that is refused
brotli does not say where it went wrong."""

MAX_STEPS: Final = 16
"""Pieces of content or ends of streams after which others get a turn: 1 MiB at the most, some ms."""


class Transform(Protocol):
    """What a Recoder does to the decoded bytes, such as an Injector: once `decided`, feed changes nothing any more."""

    decided: bool
    injected: bool

    def feed(self, chunk: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...
    def release(self) -> bytes: ...


class Recoder:
    """Sans-I/O: a coded body in, the same body with its content transformed out. `feed`s, then `flush` once."""

    __slots__ = ("_broken", "_coding", "_decoder", "_encoder", "_passing", "_raw", "_transform", "_unsynced")

    def __init__(self, transform: Transform, coding: Coding) -> None:
        self._transform = transform
        self._coding = coding
        self._decoder = coding.decoder()
        self._encoder: Encoder | None = None  # from the first output on
        self._unsynced = False  # it has been fed since its last sync
        self._raw = bytearray()  # input of streams that have given no output yet
        self._passing = False
        self._broken = False  # an invalid block was the last to be given out

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield what can be sent, in few pieces: of MAX_STEP_BYTES, or as much as an encoder had kept (ISA-L 128 KiB,
        brotli 512 KiB). Must be exhausted before the next feed. Raises nothing of its own. An empty piece is nothing
        to be sent, but a good moment to let others have their turn."""
        out, steps = b"", 0
        for piece in self._feed(chunk):
            steps += 1
            if steps > MAX_STEPS or (out and len(out) + len(piece) > MAX_STEP_BYTES):
                yield out
                out, steps = piece, 0
            else:
                out = out + piece if out else piece
        if out:
            yield out

    def flush(self) -> Iterator[bytes]:
        """The body is complete: yield what is left. A stream cut short stays so and gets no check sum."""
        if self._passing or self._broken:
            return
        if self._raw or self._encoder is None:
            yield self._pass_raw(self._transform.flush)
        elif self._decoder.untried:
            yield self._end(self._transform.flush())
        else:
            yield self._sync(self._transform.release())

    def _feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield what comes of it, and an empty piece where nothing does."""
        place = 0
        while place < len(chunk) and not self._passing and not self._broken:
            data = chunk[place : place + MAX_FED_BYTES]
            place += len(data)
            if not self._decoder.started:
                self._raw += data
            try:
                yield from self._recode(data)
            except CodingError as error:
                if error.started:
                    self._broken = True
                    yield self._sync(self._transform.release()) + self._coding.invalid
                    return
                yield self._pass_raw(self._transform.flush)
            if not self._passing and self._decoder.ended:
                place -= len(self._decoder.rest)
                yield self._next_stream()
            if len(self._raw) > MAX_RAW_BYTES:
                yield self._pass_raw(self._transform.release)
        if self._passing:
            yield chunk[place:]
        elif self._unsynced:
            yield self._sync(b"")

    def _recode(self, chunk: bytes) -> Iterator[bytes]:
        transform = self._transform
        encoder = self._encoder
        for piece in self._decoder.feed(chunk):
            out = transform.feed(piece)
            if encoder is None:
                if transform.decided and not transform.injected:
                    yield self._pass_raw(transform.flush)
                    return
                encoder = self._encoder = self._coding.encoder()
            self._raw.clear()
            self._unsynced = True
            yield encoder.feed(out)

    def _next_stream(self) -> bytes:
        """A stream has ended: what is given out at once, most often nothing. What follows it is read again."""
        decoder = self._decoder
        if self._raw and decoder.rest:
            del self._raw[-len(decoder.rest) :]
        if not self._coding.joins or (self._encoder is not None and self._transform.decided):
            return self._pass_raw(self._transform.flush)
        self._decoder = self._coding.decoder()
        return b""

    def _pass_raw(self, finish: Callable[[], bytes]) -> bytes:
        """From here on the body's own bytes; what was encoded so far is a stream of its own before them."""
        self._passing = True
        raw, self._raw = bytes(self._raw), bytearray()
        return raw if self._encoder is None else self._end(finish()) + raw

    def _end(self, content: bytes) -> bytes:
        if self._encoder is None:
            return b""
        return (self._encoder.feed(content) if content else b"") + self._encoder.flush()

    def _sync(self, content: bytes) -> bytes:
        if self._encoder is None:
            return b""
        self._unsynced = False
        return (self._encoder.feed(content) if content else b"") + self._encoder.sync()
