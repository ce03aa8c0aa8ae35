"""One answer on its way to the visitor: judged at its head, recorded, tagged, and its last byte held.

Law: the outcome is decided once, at the head. The visit is handed to the recorder there, while the body streams; the
last byte (of a 304, the head) waits for the commit (VISITS.md section 6). The head is kept back only until the first
body chunk, where the Content-Length has to grow by the tag.
"""

import asyncio
import logging
from collections.abc import Awaitable
from functools import partial

from proxy.asgi import Message, Send
from proxy.fieldlist import FieldList
from proxy.page import fields as page_fields
from proxy.page.eligibility import (
    NOT_MODIFIED,
    Answer,
    Outcome,
    Standing,
    classify,
    classify_as_get,
    is_document,
    read_answer,
)
from proxy.page.eligibility import PRIVATE_OUTCOMES as PRIVATE
from proxy.page.tagging import Tagging, may_tag
from proxy.tracking.counting import record
from proxy.tracking.heads import restate
from proxy.tracking.meaning import Watch, tell
from proxy.tracking.policies import blocked_by_meta, settle
from proxy.tracking.request import TrackedRequest
from proxy.tracking.sending import awaited, listing
from proxy.tracking.settings import Tracking
from proxy.visitors.cookie import is_ours

log = logging.getLogger("footfall.tracking")

HOLD_WHOLE_BYTES = 16 * 1024
"""A page of one chunk of at most this size waits whole for its commit (one write, not two); of others the last byte."""


class Responder:
    """The state of one answer."""

    __slots__ = (
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
        self._length: bytes | None = None  # of the body as it came, where the head is kept back to say another one
        self._ticket = 0
        self._passing = False
        self._late: asyncio.Future[None] | None = None
        self._watch: Watch | None = None

    def send(self, message: Message) -> Awaitable[None]:
        """What the application says."""
        if self._passing:
            return self._send(message)
        if message["type"] == "http.response.body":
            return self._body(message)
        if message["type"] == "http.response.start":
            return self._start(message)
        return self._send(message)

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left for `finish`, which spares the usual answer a coroutine."""
        return self._outcome is not None and self._pending is None and self._watch is None

    async def finish(self) -> None:
        """The application has returned, or failed. A head that still waits goes as it came: what the visitor gets is
        as truncated as what the application said."""
        if self._outcome is None:
            self._count(Outcome.WEBSOCKET if self._request.upgrade else Outcome.ABORTED)
        self._end_watch()
        pending = self._take_pending()
        if pending is not None:
            restate(pending, self._length)
            await self._send(pending)

    async def let_go(self) -> None:
        """The body keeps the head waiting: send it without a length."""
        pending = self._take_pending()
        if pending is not None:
            restate(pending, None)
            self._late = asyncio.ensure_future(awaited(self._send(pending)))
            await self._late

    def _take_pending(self) -> Message | None:
        pending, self._pending = self._pending, None
        self._tracking.heads.remove(self)
        return pending

    # The head ----------------------------------------------------------------------------------------------------

    async def _start(self, message: Message) -> None:
        try:
            given = message.get("headers", ())
            headers = FieldList.of(given)
            if headers is not given and not self._request.foreign:
                self._send = listing(self._send)  # for our server, too, a FieldList is what its own parser made
            message = {**message, "headers": headers}
            message["headers"] = self._judge(message, headers)
        except Exception:
            log.exception("an answer could not be judged; it is served as it is")
            self._tagging, self._ticket, self._length = None, 0, None
            if self._outcome is None:
                self._count(Outcome.FAILED)
        self._passing = self._tagging is None and not self._ticket and self._watch is None
        if self._length is not None:
            self._pending = message
            self._tracking.heads.add(self)
            return
        if self._ticket and message["status"] == NOT_MODIFIED:
            waiter = self._tracking.recorder.hold(self._ticket)
            if waiter is not None:
                await waiter
        await self._send(message)

    def _judge(self, message: Message, headers: FieldList) -> FieldList:
        """The head as the visitor gets it."""
        if self._request.upgrade:
            self._count(Outcome.WEBSOCKET)  # row 3, before any that looks at the answer
            return self._without_our_cookies(headers)
        fault = message.get("fault")
        if fault is not None:
            self._count(Outcome.REFUSED if fault == "visitor" else Outcome.FAILED)
            return headers
        tracking, request, answer = self._tracking, self._request, read_answer(message["status"], headers)
        known = tracking.known.is_html(request.host, request.raw_path)
        if answer.status == 200 and request.method == "GET" and known is not answer.html:
            tracking.known.learn(request.host, request.raw_path, answer.html)
        document = is_document(answer, request.fields, known)
        standing = request.standing(tracking) if document else Standing.ORDINARY
        outcome = classify(request.method, request.fields, request.kind, standing, answer, known)
        self._count(outcome)
        self._watch = tell(tracking, request, outcome, answer, headers)
        if answer.set_cookies:
            headers = self._without_our_cookies(headers)
        as_get = outcome
        if request.method == "HEAD":
            as_get = classify_as_get(request.fields, request.kind, standing, answer, known)
        if not (document and as_get in PRIVATE and tracking.visits):
            return headers
        return self._page(headers, outcome, as_get, answer)

    def _page(self, headers: FieldList, outcome: str, as_get: str, answer: Answer) -> FieldList:
        """The head of an HTML answer that must not be shared; records the visit and prepares the tag."""
        tracking, request = self._tracking, self._request
        shown = as_get in (Outcome.VISIT, Outcome.PREFETCH) or (request.asleep and as_get == Outcome.OPTED_OUT)
        taggable = request.candidate and tracking.inject and shown
        tagged = taggable and (answer.status == NOT_MODIFIED or may_tag(answer, request.fields))
        policies, nonce = answer.policies, None
        if tagged and (policies or answer.integrity or answer.status == NOT_MODIFIED):
            headers, verdict = settle(tracking, request, outcome, answer, headers)
            tagged, nonce = verdict.allowed, verdict.nonce
        count = record(tracking, request, outcome, answer)
        self._ticket = count.ticket
        length = answer.length
        if tagged and count.page_id and answer.status != NOT_MODIFIED:
            self._tagging = tagging = Tagging(
                tracking.sites.site(request.scheme, request.host),
                count.page_id,
                answer,
                place=partial(tracking.usual.place, request.host, request.raw_path),
                must_look_like_document=b"sec-fetch-mode" not in request.fields,
                nonce=nonce,
            )
            tagging.watch = self._watch
            tracking.known.bar(request.host, request.raw_path, "")
            if answer.coding:
                length = None
            elif length is not None and length.isdigit():
                self._length = length
                length = b"%d" % (int(length) + tagging.likely)
        elif tagged and request.method == "HEAD":
            length = None
        return page_fields.to_visitor(
            headers,
            tagged=tagged,
            length=length,
            cookie=count.set_cookie,
            asleep=request.asleep,
            extended=answer.policies is not policies,
        )

    def _without_our_cookies(self, headers: FieldList) -> FieldList:
        """F7: an upstream's cookie of our name is dropped; every other Set-Cookie keeps its place."""
        if b"set-cookie" not in headers.by_name:
            return headers
        ours = (self._tracking.cookies.name_http, self._tracking.cookies.name_https)
        return FieldList.of(field for field in headers if field[0] != b"set-cookie" or not is_ours(field[1], ours))

    def _count(self, outcome: str) -> None:
        self._outcome = outcome
        self._tracking.recorder.count(self._request.host, outcome)

    # The body ----------------------------------------------------------------------------------------------------

    async def _body(self, message: Message) -> None:
        chunk: bytes = message.get("body", b"")
        more: bool = message.get("more_body", False)
        tagging = self._tagging
        if self._watch is not None and (tagging is None or not tagging.coded):  # else it is seen as it is decoded
            self._watch.pass_by(chunk)
            if not more:
                self._end_watch()
        if self._late is not None and not self._late.done():
            await self._late
        if tagging is not None:
            if tagging.coded:
                await self._body_coded(tagging, chunk, more)
                return
            chunk = tagging.put(chunk, last=not more)
            if tagging.blocked or tagging.failure is not None:
                self._tell(tagging)
        pending = self._pending
        if pending is not None and tagging is not None:
            if more and not tagging.decided and not chunk:
                return
            self._take_pending()
            if not tagging.decided:
                restate(pending, None)
            elif tagging.added != tagging.likely:
                restate(pending, b"%d" % (int(self._length or b"0") + tagging.added))
        if not more and self._ticket and not self._tracking.recorder.is_committed(self._ticket):
            await self._end_held(pending, chunk)
            return
        if pending is not None:
            await self._send(pending)
        if chunk or not more:
            await self._send({"type": "http.response.body", "body": chunk, "more_body": more})

    async def _body_coded(self, tagging: Tagging, chunk: bytes, more: bool) -> None:
        """A chunk of a body that is decoded and encoded again: piece by piece, so that back-pressure bounds it, with a
        turn for others in between: little input can be much to read."""
        waiting: bytes | None = None
        for piece in tagging.feed_coded(chunk, last=not more):
            if waiting is not None:
                if waiting:
                    await self._send({"type": "http.response.body", "body": waiting, "more_body": True})
                await asyncio.sleep(0)
            waiting = piece
        waiting = waiting or b""
        if not more:
            self._end_watch()
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

    def _tell(self, tagging: Tagging) -> None:
        """Why a page goes without its tag: to the report, or to the log."""
        if tagging.blocked:
            blocked_by_meta(self._tracking, self._request, self._outcome, tagging.blocked)
            tagging.blocked = ""
        if tagging.failure is not None:
            log.error("a page could not be tagged; it is served as it is", exc_info=tagging.failure)
            tagging.failure = None

    async def _end_held(self, pending: Message | None, chunk: bytes) -> None:
        """The end of a page whose visit is not on disk yet: its last byte waits."""
        if pending is None or len(chunk) > HOLD_WHOLE_BYTES:
            if pending is not None:
                await self._send(pending)
                pending = None
            if len(chunk) > 1:
                await self._send({"type": "http.response.body", "body": chunk[:-1], "more_body": True})
                chunk = chunk[-1:]
        waiter = self._tracking.recorder.hold(self._ticket)
        if waiter is not None:
            await waiter
        if pending is not None:
            await self._send(pending)
        await self._send({"type": "http.response.body", "body": chunk, "more_body": False})
