"""The body of an answer on its way to the visitor: looked at, tagged, its last byte held for the commit.

Law: a head that is kept back goes with the first piece of the body, and never alone but in `let_go` and at the end. The
last byte of a counted page waits for its commit, at most `hold_ms` (VISITS.md section 6); a page that is there at once
waits whole, one of some size not longer than a head is kept back (heads.py): what waits leaves in one write, not two.
"""

import asyncio
import logging
from collections.abc import Awaitable

from proxy.asgi import AT_ONCE, DONE, Message, Piece, Send
from proxy.page.tagging import Tagging
from proxy.tracking.heads import restate
from proxy.tracking.meaning import Watch
from proxy.tracking.policies import blocked_by_meta
from proxy.tracking.request import TrackedRequest
from proxy.tracking.sending import awaited, listing
from proxy.tracking.settings import Tracking

log = logging.getLogger("footfall.tracking")

HOLD_WHOLE_BYTES = 16 * 1024
"""A page of one chunk of at most this size waits whole for its commit;"""
HOLD_SHORTLY_BYTES = 64 * 1024
"""one of up to this size too, but not longer than a head may wait for its body: then all but its last byte goes."""
CUT_BYTES = 128 * 1024
"""A piece of at least this size that is to take the tag is cut, and only its beginning looked at and written anew,"""
BEGINNING_BYTES = 16 * 1024
"""so much of it."""


class AnswerBody:
    """The state of one answer, as far as its body needs it."""

    __slots__ = (
        "_held",
        "_late",
        "_length",
        "_outcome",
        "_passing",
        "_pending",
        "_request",
        "_send",
        "_tagging",
        "_ticket",
        "_tracking",
        "_watch",
    )

    def __init__(self, tracking: Tracking, request: TrackedRequest, send: Send) -> None:
        self._tracking = tracking
        self._request = request
        self._send = listing(send) if request.foreign else send
        self._outcome: str | None = None
        self._tagging: Tagging | None = None
        self._pending: Message | None = None
        self._held: tuple[Message, Piece] | None = None
        self._length: bytes | None = None  # of the body as it came, where the head is kept back to say another one
        self._ticket = 0
        self._passing = False
        self._late: asyncio.Future[None] | None = None
        self._watch: Watch | None = None

    async def _end_as_it_came(self) -> None:
        """There is no more. A head that still waits goes without what was to be added: what the visitor gets is as
        truncated as what the application said."""
        self._end_watch()
        self._end_tagging()
        pending = self._take_pending()
        if pending is not None:
            restate(pending, self._length)
            await self._send(pending)

    async def let_go(self) -> None:
        """The body keeps the head waiting: send it without a length. Or the store does: send all but the last byte."""
        held, self._held = self._held, None
        pending = self._take_pending()
        if held is not None:
            self._late = asyncio.ensure_future(self._all_but_last(*held))
        elif pending is not None:
            restate(pending, None)
            self._late = asyncio.ensure_future(awaited(self._send(pending)))
        if self._late is not None:
            await self._late

    def _take_pending(self) -> Message | None:
        pending, self._pending = self._pending, None
        self._tracking.heads.remove(self)
        return pending

    def _body(self, message: Message) -> Awaitable[None]:
        chunk: Piece = message.get("body", b"")
        more: bool = message.get("more_body", False)
        tagging = self._tagging
        if self._watch is not None and (tagging is None or not tagging.coded):  # else it is seen as it is decoded
            self._watch.pass_by(bytes(chunk))
            if not more:
                self._end_watch()
        if self._late is not None and not self._late.done():
            return self._body_late(self._late, tagging, chunk, more)
        return self._body_now(tagging, chunk, more)

    async def _body_late(self, late: Awaitable[None], tagging: Tagging | None, chunk: Piece, more: bool) -> None:
        await late
        await self._body_now(tagging, chunk, more)

    def _body_now(self, tagging: Tagging | None, chunk: Piece, more: bool) -> Awaitable[None]:
        if tagging is None:
            return self._body_piece(None, chunk, more)
        if tagging.coded:
            return self._body_coded(tagging, chunk, more)
        if tagging.decided or len(chunk) < CUT_BYTES:
            return self._body_piece(tagging, self._put(tagging, chunk, more), more)
        begun = self._put(tagging, chunk[:BEGINNING_BYTES], True)
        if not tagging.decided:  # the place is further on, and the length not known before it
            chunk = b"".join((begun, self._put(tagging, chunk[BEGINNING_BYTES:], more)))
            return self._body_piece(tagging, chunk, more)
        rest = self._part(chunk, BEGINNING_BYTES)
        sent = self._body_piece(tagging, begun, True, at_once=True)
        return self._body_piece(tagging, rest, more) if sent is DONE else self._body_after(sent, tagging, rest, more)

    def _put(self, tagging: Tagging, chunk: Piece, more: bool) -> Piece:
        chunk = tagging.put(chunk, last=not more)
        if tagging.blocked or tagging.failure is not None:
            self._tell(tagging)
        return chunk

    async def _body_after(self, sent: Awaitable[None], tagging: Tagging, chunk: Piece, more: bool) -> None:
        await sent
        await self._body_piece(tagging, chunk, more)

    def _part(self, chunk: Piece, start: int, end: int | None = None) -> Piece:
        """A part of a piece, for our own server without a copy: it takes whatever has bytes."""
        return chunk[start:end] if self._request.foreign else memoryview(chunk)[start:end]

    def _body_piece(
        self, tagging: Tagging | None, chunk: Piece, more: bool, *, at_once: bool = False
    ) -> Awaitable[None]:
        """A piece that has been looked at."""
        pending = self._pending
        if pending is not None and tagging is not None:
            if more and not tagging.decided and not chunk:
                return DONE
            self._take_pending()
            if not tagging.decided:
                restate(pending, None)
            elif tagging.added != tagging.likely:
                restate(pending, b"%d" % (int(self._length or b"0") + tagging.added))
        if not more and self._ticket and not self._tracking.recorder.is_committed(self._ticket):
            return self._end_held(pending, chunk)
        return self._send_on(pending, chunk, more, at_once=at_once)

    def _send_on(self, pending: Message | None, chunk: Piece, more: bool, *, at_once: bool = False) -> Awaitable[None]:
        """A head that was kept back, if any, and a piece of body; `at_once`: after which another one follows."""
        piece: Message | None = None
        if chunk or not more:
            piece = {"type": "http.response.body", "body": chunk, "more_body": more}
            if at_once and not self._request.foreign:
                piece[AT_ONCE] = True
        if pending is None:
            return DONE if piece is None else self._send(piece)
        if piece is None:
            return self._send(pending)
        if not self._request.foreign:
            pending[AT_ONCE] = True
        sent = self._send(pending)
        return self._send(piece) if sent is DONE else self._send_after(sent, piece)

    async def _send_after(self, sent: Awaitable[None], piece: Message) -> None:
        await sent
        await self._send(piece)

    async def _body_coded(self, tagging: Tagging, chunk: Piece, more: bool) -> None:
        """A chunk of a body that is decoded and encoded again: piece by piece, so that back-pressure bounds it, with a
        turn for others in between: little input can be much to read."""
        waiting: bytes | None = None
        for piece in tagging.feed_coded(bytes(chunk), last=not more):
            if waiting is not None:
                if waiting:
                    await self._send({"type": "http.response.body", "body": waiting, "more_body": True})
                await asyncio.sleep(0)
            waiting = piece
        waiting = waiting or b""
        if not more:
            self._end_watch()
            self._end_tagging()
        if tagging.blocked or tagging.failure is not None:
            self._tell(tagging)
        if not more and self._ticket and not self._tracking.recorder.is_committed(self._ticket):
            await self._end_held(None, waiting)
        elif waiting or not more:
            await self._send({"type": "http.response.body", "body": waiting, "more_body": more})

    def _end_watch(self) -> None:
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.end()

    def _end_tagging(self) -> None:
        tagging, self._tagging = self._tagging, None
        if tagging is not None:
            tagging.end()

    def _tell(self, tagging: Tagging) -> None:
        """Why a page goes without its tag: to the report, or to the log."""
        if tagging.blocked:
            blocked_by_meta(self._tracking, self._request, self._outcome, tagging.blocked)
            tagging.blocked = ""
        if tagging.failure is not None:
            log.error("a page could not be tagged; it is served as it is", exc_info=tagging.failure)
            tagging.failure = None

    async def _end_held(self, pending: Message | None, chunk: Piece) -> None:
        """The end of a page whose visit is not on disk yet: its last byte waits."""
        waiter = self._tracking.recorder.hold(self._ticket)
        if waiter is None:
            await self._send_on(pending, chunk, False)
            return
        if pending is not None and len(chunk) <= HOLD_WHOLE_BYTES:
            await waiter
        elif pending is not None and len(chunk) <= HOLD_SHORTLY_BYTES:
            if not await self._waited(waiter, pending, chunk):
                pending, chunk = None, chunk[-1:]
        else:
            await self._all_but_last(pending, chunk)
            pending, chunk = None, chunk[-1:]
            await waiter
        await self._send_on(pending, chunk, False)

    async def _waited(self, waiter: Awaitable[bool], pending: Message, chunk: Piece) -> bool:
        """Whether the commit came, or was given up, before the page had to be let go."""
        self._held = pending, chunk
        self._tracking.heads.add(self)
        try:
            await waiter
        finally:
            whole, self._held = self._held is not None, None
            self._tracking.heads.remove(self)
        if not whole and self._late is not None:
            await self._late
        return whole

    async def _all_but_last(self, pending: Message | None, chunk: Piece) -> None:
        if pending is not None:
            await self._send(pending)
        if len(chunk) > 1:
            await self._send({"type": "http.response.body", "body": self._part(chunk, 0, -1), "more_body": True})
