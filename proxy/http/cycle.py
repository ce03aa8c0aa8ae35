"""One request and its response at the visitor's side: `receive` and `send` of the ASGI interface.

Trimmed from what a general server must do to what this one needs: only fields that no parser of ours has read are
checked, and the head waits within its turn of the event loop for the first piece of body, so that both are one write.
Framing is decided here alone (RFC 9112 6): a length that was stated is enforced, chunked goes to HTTP/1.1 only, a
response cut short looks cut short.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from typing import TYPE_CHECKING

from proxy.asgi import AT_ONCE, DONE, ASGIApp, Message, Piece, Scope
from proxy.fieldlist import FieldList
from proxy.http.errors import page
from proxy.http.headers import BODILESS, is_well_formed, value_of
from proxy.http.heads import STATUS_LINES, written
from proxy.http.kernel import reset

if TYPE_CHECKING:
    from proxy.http.server import ServerProtocol

JOIN_BYTES = 32 * 1024  # head and body up to this size are joined; above it copying costs more than a second buffer
HEARING_SECONDS = 0.25  # for an application that is not listening to hear that the visitor has left
UPLOAD_HIGH_WATER = 64 * 1024  # bytes of request body held for the application; then reading pauses

logger = logging.getLogger("footfall.http")


class Cycle:
    """`keep_alive`: another request may follow. `complete`: the response was written whole. Upgrades: upgrade.py."""

    __slots__ = (
        "_body",
        "_chunked",
        "_delivered",
        "_head",
        "_heard",
        "_left",
        "_more_body",
        "_protocol",
        "_received",
        "_silent",
        "_started",
        "_waiter",
        "complete",
        "disconnected",
        "expects_continue",
        "keep_alive",
        "scope",
        "task",
    )

    def __init__(self, protocol: ServerProtocol, scope: Scope, *, keep_alive: bool, expects_continue: bool) -> None:
        self._protocol = protocol
        self.scope = scope
        self.keep_alive = keep_alive
        self.expects_continue = expects_continue
        self.complete = False
        self.disconnected = False
        self.task: asyncio.Task[None] | None = None
        self._body: list[bytes] = []
        self._received = 0
        self._more_body = True
        self._delivered = False  # the application has had the last piece of the request
        self._heard = False  # the application, that there is no more to come
        self._waiter: asyncio.Future[None] | None = None
        self._started = False
        self._chunked = False
        self._silent = False  # HEAD, 204, 304: no body whatever the application sends
        self._left: int | None = None  # bytes of body still owed; None: as many as come
        self._head = b""  # and what goes with it: written with a piece of body, or at the end of this turn of the loop

    @property
    def is_received(self) -> bool:
        """All of the request has arrived."""
        return not self._more_body

    @property
    def has_started(self) -> bool:
        """Some of the response may have been written."""
        return self._started

    @property
    def is_full(self) -> bool:
        """Enough of its body is held."""
        return self._received > UPLOAD_HIGH_WATER

    # The protocol's side ---------------------------------------------------------------------------------------

    def put(self, body: bytes) -> bool:
        """Request body. True: enough is held, reading should pause."""
        self._body.append(body)
        self._received += len(body)
        self.wake()
        return self.is_full

    def put_end(self) -> None:
        self._more_body = False
        self.wake()

    def stop(self, *, is_last: bool = True) -> None:
        """The server is stopping: this is the connection's last answer, if it can still say so."""
        self.keep_alive = self.keep_alive and (self._started or not is_last)

    def disconnect(self) -> None:
        self.disconnected = True
        self.wake()
        if self._body or self._more_body:
            self._protocol.loop.call_later(HEARING_SECONDS, self._insist)

    def _insist(self) -> None:
        """Whoever waits for upstream to take the request does not listen, and upstream may never take it (T15)."""
        if self.task is not None and not self._heard:
            self.task.cancel()

    def wake(self) -> None:
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)

    def start(self) -> None:
        """Its turn has come: the application is run, in a task."""
        protocol = self._protocol
        # Not by the loop's `create_task`, which makes a name, and then gives it ours: a quarter more.
        self.task = task = asyncio.Task(self._run(protocol.application), loop=protocol.loop, name="request")
        protocol.tasks.add(task)

    async def _run(self, app: ASGIApp) -> None:
        """Runs the application to its end and leaves the connection in a state that tells the truth."""
        try:
            await app(self.scope, self.receive, self.send)
        except asyncio.CancelledError:
            self.cut()  # the graceful deadline has passed
        except Exception:
            if self.disconnected:
                logger.debug("the application failed after the visitor had left", exc_info=True)
            else:
                logger.exception("the application failed")
                self._recover()
        else:
            if not self.complete:
                self._recover() if not self._started else self.cut()
        finally:
            self._protocol.on_application_end(self)

    def _recover(self) -> None:
        if self.disconnected:
            return
        if self._started:
            self.cut()
            return
        self.keep_alive = False
        fields, body = page(500, "Something went wrong here.", value_of(self.scope["headers"], b"accept"))
        self._start({"status": 500, "headers": fields})
        self._frame(body, False)
        self._end()

    def cut(self) -> None:
        """Ends a response that is not whole so that it cannot be taken for one (T12)."""
        if self.disconnected:
            return
        transport = self._protocol.transport
        if self._started and self._left is None and not self._chunked and not self._silent:
            # The visitor reads until the connection closes (HTTP/1.0): only a reset says that this is not the end.
            reset(transport)
        else:
            self.flush_head()
            transport.close()

    # ASGI ------------------------------------------------------------------------------------------------------

    async def receive(self) -> Message:
        if self.expects_continue and not (self._started or self.disconnected):
            self.expects_continue = False
            self._protocol.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        while not (self.disconnected or self.complete):
            if self._body or not (self._more_body or self._delivered):
                body = b"".join(self._body)
                self._body.clear()
                self._received = 0
                self._delivered = not self._more_body
                return {"type": "http.request", "body": body, "more_body": self._more_body}
            if not self._protocol.queue.is_full:
                self._protocol.flow.resume_reading()
            self._waiter = self._protocol.loop.create_future()
            await self._waiter
        self._heard = True
        return {"type": "http.disconnect"}

    def send(self, message: Message) -> Awaitable[None]:
        """RuntimeError: the application breaks the order of messages, its stated length or the syntax of fields."""
        if self._protocol.flow.write_paused and not self.disconnected:
            return self._send_later(message)
        self._send(message)
        return DONE

    async def _send_later(self, message: Message) -> None:
        self.flush_head()
        await self._protocol.flow.drain()
        self._send(message)

    def _send(self, message: Message) -> None:
        if self.disconnected:
            return
        if self.complete:
            raise RuntimeError("message after the end of the response")
        kind = message["type"]
        if not self._started:
            if kind != "http.response.start":
                raise RuntimeError(f"expected http.response.start, not {kind}")
            self._start(message)
            if AT_ONCE not in message:
                self._protocol.loop.call_soon(self.flush_head)
        elif kind == "http.response.body":
            body: bytes = message.get("body", b"")
            more: bool = message.get("more_body", False)
            self._frame(body, more, at_once=more and AT_ONCE in message)
            if not more:
                self._end()
        else:
            raise RuntimeError(f"expected http.response.body, not {kind}")

    def flush_head(self) -> None:
        """The head leaves in the turn of the loop that made it, with or without body."""
        if self._head and not self.disconnected:
            self._protocol.written += len(self._head)
            self._protocol.transport.write(self._head)
            self._head = b""

    # Writing ---------------------------------------------------------------------------------------------------

    def _start(self, message: Message) -> None:
        status: int = message["status"]
        given = message.get("headers", ())
        headers = given if type(given) is FieldList else FieldList.of(given)
        line = STATUS_LINES.get(status)
        if line is None:
            raise RuntimeError(f"status {status} cannot be sent")
        if headers is not given and not is_well_formed(headers):
            raise RuntimeError("a response field is malformed")
        block, length, closing = written(headers)
        # After an unanswered Expect the visitor may send his body or not (RFC 9110 10.1.1): no telling what follows.
        self.keep_alive = self.keep_alive and not closing and not self.expects_continue
        self._decide_framing(status, length)
        ours = b"\r\ntransfer-encoding: chunked" if self._chunked else b""
        if not self.keep_alive and not closing:
            ours += b"\r\nconnection: close"
        self._started = True
        self._head = b"%b%b%b\r\n\r\n" % (line, block, ours)

    def _decide_framing(self, status: int, length: int | None) -> None:
        if self.scope["method"] == "HEAD" or status in BODILESS:
            self._silent = True
        elif length is not None:
            self._left = length
        elif self.scope["http_version"] == "1.1":
            self._chunked = True
        else:
            self.keep_alive = False

    def _frame(self, body: Piece, more: bool, *, at_once: bool = False) -> None:
        before = after = b""
        if self._silent:
            body = b""
        elif self._chunked:
            if body:
                before, after = b"%x\r\n" % len(body), b"\r\n"
            if not more:
                after += b"0\r\n\r\n"
        elif self._left is not None:
            self._left -= len(body)
            if self._left < 0 or (self._left > 0 and not more):
                raise RuntimeError("the body does not have the length that was stated")
        before, self._head = self._head + before, b""
        if at_once:
            self._head = before + body + after
        else:
            self._write(before, body, after)

    def _write(self, before: bytes, body: Piece, after: bytes) -> None:
        """One write, whatever it consists of; large pieces of body are not copied."""
        self._protocol.written += len(before) + len(body) + len(after)
        if len(body) > JOIN_BYTES and (before or after):
            self._protocol.transport.writelines([part for part in (before, body, after) if part])
        elif data := (before + body + after if before or after else body):
            self._protocol.transport.write(data)

    def _end(self) -> None:
        self.complete = True
        self.wake()
        self._protocol.on_response_complete()
