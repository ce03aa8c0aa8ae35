"""The body of an answer on its way to the visitor: looked at, tagged, its last byte held for the commit.

Law: a head that is kept back goes with the first piece of the body, and alone only where nothing can be said of that
yet: in `let_go`, at the end, and before a coded body of which much has come and nothing can be read. The last byte of a
counted page waits for its commit, at most `hold_ms` (VISITS.md section 6); a page that is there at once waits whole,
one of some size, or its last piece, not longer than a head is kept back, once more (heads.py): one write, not two.
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
HOLD_SHORTLY_BYTES = 256 * 1024
"""one of up to this size too, or the last piece of any (uvloop reads as much at once), but not longer than a head may
wait for its body: then all but its last byte goes."""
CUT_BYTES = 32 * 1024
"""A piece of at least this size that is to take the tag is cut, and only its beginning looked at and written anew,"""
BEGINNING_BYTES = 4 * 1024
"""so much of it: it is copied three times."""
COLLECT_SECONDS = 0.001
"""The first pieces of a coded body wait so long for each other, and the head for them: decoded and encoded at once they
cost less than one by one,"""
COLLECT_BYTES = 32 * 1024
"""and no longer once there are so many bytes."""


class AnswerBody:
    """The state of one answer, as far as its body needs it."""

    __slots__ = (
        "_begun", "_collected", "_collecting", "_held", "_is_listed", "_late", "_length", "_outcome",
        "_passing", "_pending", "_request", "_send", "_streams", "_tagging", "_ticket", "_tracking", "_watch",
    )  # fmt: skip

    def __init__(self, tracking: Tracking, request: TrackedRequest, send: Send) -> None:
        self._tracking = tracking
        self._request = request
        self._send = listing(send) if request.foreign else send
        self._outcome: str | None = None
        self._tagging: Tagging | None = None
        self._pending: Message | None = None
        self._begun: Piece = b""  # a piece's beginning, which goes with the rest of it
        self._collected: list[Piece] = []  # the first pieces of a coded body
        self._collecting: asyncio.TimerHandle | None = None
        self._held: tuple[Message | None, Piece] | None = None
        self._length: bytes | None = None  # of the body as it came, where the head is kept back to say another one
        self._ticket = 0
        self._passing = self._streams = False  # nothing is changed any more, nor looked at; but for the body's end
        self._is_listed = False  # among the heads that wait
        self._late: asyncio.Future[None] | None = None
        self._watch: Watch | None = None

    async def _end_as_it_came(self) -> None:
        """There is no more. A head that still waits goes without what was to be added: what the visitor gets is as
        truncated as what the application said."""
        try:
            if self._late is not None:
                await asyncio.wait((self._late,))
            if self._collecting is not None and self._tagging is not None:
                await self._recode(self._tagging, self._take_pending(), self._take_collected(), True)
        finally:
            self._end_watch()
            self._end_tagging()
        pending = self._take_pending()
        if pending is not None:
            restate(pending, self._length)
            await self._send(pending)

    def let_go(self) -> Awaitable[None]:
        """The body keeps the head waiting: it goes without a length, with what there is of one that is coded. Or the
        store does: all but the last byte goes."""
        held, self._held = self._held, None
        pending = self._take_pending()
        if self._collecting is not None and self._tagging is not None:
            self._late = asyncio.ensure_future(self._recode(self._tagging, pending, self._take_collected(), True))
        elif held is not None:
            self._late = asyncio.ensure_future(self._all_but_last(*held))
        elif pending is not None:
            restate(pending, None)
            self._late = asyncio.ensure_future(awaited(self._send(pending)))
        return DONE if self._late is None else self._late

    def _take_pending(self) -> Message | None:
        pending, self._pending = self._pending, None
        self._unlist()
        return pending

    def _list(self) -> None:
        """There is something to let go, if what it waits for does not come."""
        if not self._is_listed:
            self._is_listed = True
            self._tracking.heads.add(self)

    def _unlist(self) -> None:
        if self._is_listed:
            self._is_listed = False
            self._tracking.heads.remove(self)

    def _body(self, message: Message) -> Awaitable[None]:
        more: bool = message.get("more_body", False)
        if more and self._streams:
            return self._send(message)
        chunk: Piece = message.get("body", b"")
        tagging = self._tagging
        if self._watch is not None and (tagging is None or not tagging.coded):  # else it is seen as it is decoded
            self._watch.pass_by(bytes(chunk))
            if not more:
                self._end_watch()
        late = self._late
        if late is not None:
            if not late.done():
                return self._body_late(late, tagging, chunk, more)
            late.result()  # what went wrong is told to whoever goes on
        return self._body_now(tagging, chunk, more)

    async def _body_late(self, late: Awaitable[None], tagging: Tagging | None, chunk: Piece, more: bool) -> None:
        await late
        await self._body_now(tagging, chunk, more)

    def _body_now(self, tagging: Tagging | None, chunk: Piece, more: bool) -> Awaitable[None]:
        if tagging is not None:
            if tagging.coded:
                return self._body_coded(tagging, chunk, more)
            if not tagging.decided:
                chunk = self._put(tagging, chunk, more)
        return self._body_piece(tagging, chunk, more)

    def _put(self, tagging: Tagging, chunk: Piece, more: bool) -> Piece:
        """What can go of a piece, with the tag if this is its place."""
        if len(chunk) < CUT_BYTES or self._request.foreign:
            chunk = tagging.put(chunk, last=not more)
        else:
            begun, rest = tagging.put(chunk[:BEGINNING_BYTES], last=False), memoryview(chunk)[BEGINNING_BYTES:]
            if tagging.decided:
                self._begun, chunk = begun, rest
            else:  # the place is further on, and the length not known before it
                chunk = b"".join((begun, tagging.put(rest, last=not more)))
        if tagging.blocked or tagging.failure is not None:
            self._tell(tagging)
        return chunk

    def _body_piece(self, tagging: Tagging | None, chunk: Piece, more: bool) -> Awaitable[None]:
        """A piece that has been looked at."""
        pending = self._pending
        if pending is not None and tagging is not None:
            if more and not tagging.decided and not chunk:
                self._list()
                return DONE
            self._take_pending()
            if not tagging.decided:
                restate(pending, None)
            elif tagging.added != tagging.likely:
                restate(pending, b"%d" % (int(self._length or b"0") + tagging.added))
        if more:
            self._streams = self._watch is None and (tagging is None or tagging.decided)
            return self._send_on(pending, chunk, True)
        waiter = self._tracking.recorder.hold(self._ticket, patiently=self._streams) if self._ticket else None
        if waiter is not None:
            return self._end_held(waiter, pending, chunk)
        return self._send_on(pending, chunk, False)

    def _send_on(self, pending: Message | None, chunk: Piece, more: bool) -> Awaitable[None]:
        """A head that was kept back, if any, and a piece of body."""
        foreign = self._request.foreign
        if pending is not None and chunk and not (self._begun or foreign):
            pending[AT_ONCE] = True
            sent = self._send(pending)
            piece: Message = {"type": "http.response.body", "body": chunk, "more_body": more}
            return self._send(piece) if sent is DONE else self._send_after(sent, [piece])
        messages = [] if pending is None else [pending]
        if self._begun:
            messages.append({"type": "http.response.body", "body": self._begun, "more_body": True})
            self._begun = b""
        if chunk or not more:
            piece = {"type": "http.response.body", "body": chunk, "more_body": more}
            if not messages:
                return self._send(piece)
            messages.append(piece)
        if not foreign:
            for message in messages[:-1]:
                message[AT_ONCE] = True
        for place, message in enumerate(messages, 1):
            sent = self._send(message)
            if sent is not DONE:
                return self._send_after(sent, messages[place:])
        return DONE

    async def _send_after(self, sent: Awaitable[None], messages: list[Message]) -> None:
        await sent
        for message in messages:
            await self._send(message)

    def _body_coded(self, tagging: Tagging, chunk: Piece, more: bool) -> Awaitable[None]:
        """A piece of a body that is decoded and encoded again."""
        pending = self._pending
        if pending is not None:
            self._collected.append(chunk)
            if more and sum(map(len, self._collected)) < COLLECT_BYTES:
                if self._collecting is None:
                    heads = self._tracking.heads
                    self._collecting = asyncio.get_running_loop().call_later(COLLECT_SECONDS, heads.let_go, self)
                return DONE
            self._take_pending()
            chunk = self._take_collected()
        return self._recode(tagging, pending, chunk, more)

    def _take_collected(self) -> bytes:
        if self._collecting is not None:
            self._collecting.cancel()
        collected, self._collected, self._collecting = self._collected, [], None
        return b"".join(collected)

    async def _recode(self, tagging: Tagging, pending: Message | None, chunk: Piece, more: bool) -> None:
        """Piece by piece, so that back-pressure bounds it, with a turn for others in between: little input can be much
        to read."""
        waiting: bytes | None = None
        for piece in tagging.feed_coded(bytes(chunk), last=not more):
            if waiting is not None:
                if waiting:
                    await self._send_on(pending, waiting, True)
                    pending = None
                await asyncio.sleep(0)
            waiting = piece
        waiting = waiting or b""
        if not more:
            self._end_watch()
            self._end_tagging()
        if tagging.blocked or tagging.failure is not None:
            self._tell(tagging)
        waiter = self._tracking.recorder.hold(self._ticket) if self._ticket and not more else None
        if waiter is not None:
            await self._end_held(waiter, pending, waiting)
        elif waiting or pending is not None or not more:
            await self._send_on(pending, waiting, more)

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

    async def _end_held(self, waiter: "asyncio.Future[bool]", pending: Message | None, chunk: Piece) -> None:
        """The end of a page whose visit is not on disk yet: its last byte waits."""
        size = len(self._begun) + len(chunk)
        if pending is not None and size <= HOLD_WHOLE_BYTES:
            await waiter
        elif size > HOLD_SHORTLY_BYTES:
            try:
                await self._all_but_last(pending, chunk)
            except BaseException:
                waiter.cancel()  # nobody waits, and the store is not to be thought late
                raise
            pending, chunk = None, chunk[-1:]
            await waiter
        elif not await self._waited(waiter, pending, chunk):
            pending, chunk = None, chunk[-1:]
        await self._send_on(pending, chunk, False)

    async def _waited(self, waiter: Awaitable[bool], pending: Message | None, chunk: Piece) -> bool:
        """Whether the commit came, or was given up, before what waits for it had to be let go."""
        self._held = pending, chunk
        self._list()
        try:
            await waiter
        finally:
            whole, self._held = self._held is not None, None
            self._unlist()
        if not whole and self._late is not None:
            await self._late
        return whole

    async def _all_but_last(self, pending: Message | None, chunk: Piece) -> None:
        """Our own server takes whatever has bytes, and is spared a copy."""
        await self._send_on(pending, chunk[:-1] if self._request.foreign else memoryview(chunk)[:-1], True)
