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

MAX_STEPS: Final = 16
"""Steps after which others get a turn: 1 MiB of content, some ms."""


class Transform(Protocol):
    """What a Recoder does to the decoded bytes, such as an Injector: once `decided`, feed changes nothing any more."""

    decided: bool
    injected: bool

    def feed(self, chunk: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...
    def release(self) -> bytes: ...


class Recoder:
    """Sans-I/O: a coded body in, the same body with its content transformed out. `feed`s, then `flush` once.

    `untouched`: no byte of the body was changed so far; after the first piece given out it stays as it is.
    `broken`: why the input could not be decoded to its end once output had begun; the visitor's decoder then fails
    there, too.
    """

    __slots__ = (
        "_coding",
        "_decoder",
        "_encoder",
        "_passing",
        "_raw",
        "_transform",
        "_unsynced",
        "broken",
        "untouched",
    )

    def __init__(self, transform: Transform, coding: Coding) -> None:
        self._transform = transform
        self._coding = coding
        self._decoder = coding.decoder()
        self._encoder: Encoder | None = None  # from the first output on
        self._unsynced = False  # it has been fed since its last sync
        self._raw = b""  # input of a stream that has given no output yet
        self._passing = False
        self.broken: str | None = None
        self.untouched = True

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
        if self._passing or self.broken is not None:
            return
        if self._raw or self._encoder is None:
            yield self._pass_raw(self._transform.flush)
        elif self._decoder.untried:
            yield self._end(self._transform.flush())
        else:
            self.broken = "coded stream is cut short"
            yield self._sync(self._transform.release())

    def _feed(self, chunk: bytes) -> Iterator[bytes]:
        while chunk and not self._passing and self.broken is None:
            if not self._decoder.started:
                self._raw += chunk
            try:
                yield from self._recode(chunk)
            except CodingError as error:
                if not error.started:
                    yield self._pass_raw(self._transform.flush)
                    return
                self.broken = str(error)
                yield self._sync(self._transform.release()) + self._coding.invalid
                return
            if self._passing:
                return
            chunk = self._next_stream()
            if self._passing:
                yield self._end(b"" if self._transform.decided else self._transform.flush())
            elif len(self._raw) > MAX_RAW_BYTES:
                yield self._pass_raw(self._transform.release)
                return
        if self._passing:
            yield chunk
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
                self.untouched = False
            self._raw = b""
            self._unsynced = True
            yield encoder.feed(out)

    def _next_stream(self) -> bytes:
        """What of the chunk is still to be read, once a stream has ended."""
        decoder = self._decoder
        if not decoder.ended:
            return b""
        if not self._coding.joins or (self._encoder is not None and self._transform.decided):
            self._passing = True
            if self._encoder is None:  # no content at all
                rest, self._raw = self._raw, b""
                return rest
            return decoder.rest
        self._decoder = self._coding.decoder()
        if self._raw and decoder.rest:
            # An empty stream: what follows is added again when it is read.
            self._raw = self._raw[: -len(decoder.rest)]
        return decoder.rest

    def _pass_raw(self, finish: Callable[[], bytes]) -> bytes:
        """From here on the body's own bytes; what was encoded so far is a stream of its own before them."""
        self._passing = True
        raw, self._raw = self._raw, b""
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
