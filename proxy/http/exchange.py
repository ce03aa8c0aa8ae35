"""One request and its answer on their way through upstream: the meeting point of forwarder and connection.

The connection writes into it from its callbacks, the forwarder reads from it, and neither waits for the other
except by `changed()`. No timers here: `touched` and `begun` are ticks of the pool's clock (upstream.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from proxy.asgi import Piece
from proxy.fieldlist import FieldList
from proxy.http.errors import ProxyError
from proxy.passing import Waiter

if TYPE_CHECKING:
    from proxy.http.answers import AnswerHead
    from proxy.http.connection import Connection

# Bytes of body held for a visitor who reads slower than upstream writes; then reading from upstream pauses. One read
# of uvloop brings up to 256 KiB, so at most twice that is held.
HIGH_WATER = 256 * 1024
PIECE_BYTES = 32 * 1024  # from this size on a piece is cut without copying it
JOINED_BYTES = 128 * 1024  # pieces of more than this in all are taken one by one: a copy costs more than another write
# An answer of which so much was passed on is no short one, however little time that took: what came for a visitor who
# has left would be read as fast as upstream can write, and thrown away.
WATCH_BYTES = 1024 * 1024
NO_FIELDS = FieldList({})


class Exchange:
    """`status` is 0 until the head is there; `version` ("1.1") is the answer's; `length` is the body's bytes, or None
    for `chunked` and for a body that ends with the connection; `complete`: all of the body has been received;
    `buffered`: bytes not taken yet. `error` ends it: before the head there is no answer, after it a truncated one.
    `accept`: the request asks for a WebSocket, and a 101 with this Sec-WebSocket-Accept makes the exchange a tunnel,
    which ends with the connection.

    `watch`, if set, is started as a task once the request is not a short one, by the pool's clock or by WATCH_BYTES of
    answer, and its body is sent: it waits for the visitor to leave.
    """

    __slots__ = (
        "_chunks",
        "_paused",
        "_taken",
        "_waiter",
        "_writable",
        "accept",
        "begun",
        "buffered",
        "chunked",
        "chunked_upload",
        "complete",
        "connection",
        "error",
        "fields",
        "head",
        "is_head",
        "length",
        "loop",
        "opening",
        "retriable",
        "status",
        "touched",
        "uploaded",
        "version",
        "watch",
        "watcher",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        head: bytes,
        *,
        is_head: bool,
        length: int | None,
        retriable: bool,
        now: int,
        accept: bytes = b"",
    ) -> None:
        self.loop = loop
        self.head = head
        self.is_head = is_head
        self.accept = accept
        self.chunked_upload = length is None
        self.uploaded = length == 0
        self.retriable = retriable
        self.begun = self.touched = now
        self.connection: Connection | None = None
        self.opening: asyncio.Task[None] | None = None
        self.watch: Callable[[], Coroutine[Any, Any, None]] | None = None
        self.watcher: asyncio.Task[None] | None = None
        self.status = 0
        self.version = ""
        self.fields = NO_FIELDS
        self.length: int | None = None
        self.chunked = False
        self.complete = False
        self.error: ProxyError | None = None
        self._chunks: list[Piece] = []
        self.buffered = 0
        self._paused = False
        self._taken = 0
        self._waiter: Waiter | None = None
        self._writable: asyncio.Future[None] | None = None

    def __repr__(self) -> str:
        state = "failed" if self.error else "complete" if self.complete else "answering" if self.status else "waiting"
        return (
            f"<Exchange {self.head.partition(b' HTTP/')[0].decode('latin-1')} {state} {self.status} {self.buffered}B>"
        )

    # The connection's side -------------------------------------------------------------------------------------

    def begin_answer(self, head: AnswerHead) -> None:
        """The head has arrived."""
        self.status, self.version, self.fields, self.length, self.chunked, _ = head

    def put(self, chunk: Piece) -> None:
        """One piece of body. Whoever calls this wakes the forwarder afterwards, once for all pieces of a read."""
        self._chunks.append(chunk)
        self.buffered += len(chunk)

    def wake(self) -> None:
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)

    def is_full(self) -> bool:
        """More is buffered than may be; from now on `take` resumes the connection's reading."""
        if self.buffered > HIGH_WATER:
            self._paused = True
        return self._paused

    @property
    def is_paused(self) -> bool:
        """The visitor is the one who is slow."""
        return self._paused

    def fail(self, error: ProxyError) -> None:
        """Ends the exchange; the first reason counts. Its connection is aborted, never reused."""
        if self.error is None and not self.complete:
            self.error = error
        self._release()
        self.wake()

    def writable(self) -> None:
        """The connection is there, or takes bytes again."""
        waiter = self._writable
        if waiter is not None:
            self._writable = None
            if not waiter.done():
                waiter.set_result(None)

    # The forwarder's side --------------------------------------------------------------------------------------

    def changed(self) -> asyncio.Future[None]:
        """Await this for the head, more body, the end or an error. One waiter at a time."""
        waiter: asyncio.Future[None] = self.loop.create_future()
        self._waiter = waiter
        return waiter

    def tell(self, waiter: Waiter | None) -> None:
        """The same for who is told, once."""
        self._waiter = waiter

    def take(self) -> Piece:
        """Body that has arrived since the last call, all of it unless its pieces are large; when there is no more
        (`buffered`), there is room for more."""
        chunks = self._chunks
        if not chunks:
            return b""
        if len(chunks) == 1:
            body: Piece = chunks.pop()
        elif self.buffered > JOINED_BYTES and self.buffered >= PIECE_BYTES * len(chunks):
            body = chunks.pop(0)
        else:
            body = b"".join(chunks)
            chunks.clear()
        self.buffered -= len(body)
        self._taken += len(body)
        if self._taken > WATCH_BYTES:
            self.watch_visitor()
        if self._paused and not self.buffered:
            self._paused = False
            if self.connection is not None:
                self.connection.resume()
        return body

    def put_back(self, body: Piece) -> None:
        """What was taken last, for somebody else to take. Reading goes on if that made room for more, until the next
        read finds too much."""
        self._chunks.insert(0, body)
        self.buffered += len(body)
        self._taken -= len(body)

    def watch_visitor(self) -> None:
        """From now on, if nobody else hears him: who carries his upload does."""
        if self.watch is not None and self.uploaded:
            self.watcher = self.loop.create_task(self.watch())
            self.watch = None

    async def ready_to_upload(self) -> None:
        """Returns once a connection takes bytes (or the exchange has ended)."""
        while self.error is None and not self.complete and (self.connection is None or self.connection.is_stalled):
            self._writable = self.loop.create_future()
            await self._writable

    def upload(self, data: bytes, *, last: bool) -> None:
        """Sends request body in the framing its head has announced. After the end of the exchange: nothing."""
        connection = self.connection
        if connection is None or self.uploaded:
            return
        self.uploaded = last
        if self.chunked_upload:
            # An empty chunk would end the body.
            framed = b"%x\r\n%b\r\n" % (len(data), data) if data else b""
            data = framed + b"0\r\n\r\n" if last else framed
        connection.write(data)

    def pass_on(self, data: bytes) -> None:
        """Bytes of a tunnel."""
        if self.connection is not None:
            self.connection.write(data)

    def end_upload(self) -> None:
        """The end of what goes upstream through a tunnel."""
        if self.connection is not None:
            self.connection.end_writing()

    def close(self) -> None:
        """No more interest in the answer: what has not completed is aborted. Idempotent."""
        if self.connection is not None or self.opening is not None or self._writable is not None:
            self._release()
        if self.watcher is not None:
            self.watcher.cancel()
        self.watch = None
        if self.error is not None:
            self.error.__traceback__ = None  # whose frames hold us

    def _release(self) -> None:
        if self.opening is not None:
            self.opening.cancel()
            self.opening = None
        connection = self.connection
        if connection is not None:
            self.connection = None
            connection.abort()
        self.writable()
