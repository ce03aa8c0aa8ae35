"""One answer on its way to the visitor: judged at its head, recorded, tagged, and its last byte held.

Law: the outcome is decided once, at the head. The visit is handed to the recorder there, while the body streams; the
last byte (of a 304, the head) waits for the commit (VISITS.md section 6). The head is kept back only until the first
body chunk, where the Content-Length has to grow by the tag, for a millisecond where the body is coded, and with a page
that waits whole (body.py).
"""

import logging
from collections.abc import Awaitable
from functools import partial

from proxy.asgi import AT_ONCE, DONE, Message
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
from proxy.tracking.body import AnswerBody
from proxy.tracking.counting import record
from proxy.tracking.meaning import tell
from proxy.tracking.policies import settle
from proxy.tracking.sending import listing
from proxy.visitors.cookie import is_ours

log = logging.getLogger("footfall.tracking")


class Responder(AnswerBody):
    """One answer, from its head on."""

    __slots__ = ()

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
        if self._tagging is not None and self._tagging.coded:
            return False
        return self._outcome is not None and self._pending is None and self._watch is None

    async def finish(self) -> None:
        """The application has returned, or failed."""
        if self._outcome is None:
            self._count(Outcome.WEBSOCKET if self._request.upgrade else Outcome.ABORTED)
        await self._end_as_it_came()

    # The head ----------------------------------------------------------------------------------------------------

    def _start(self, message: Message) -> Awaitable[None]:
        try:
            given = message.get("headers", ())
            headers = given if type(given) is FieldList else FieldList.of(given)
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
        comes_at_once = False  # the first piece of the body
        if not self._passing:
            # It is not said to the server: what follows may wait, for more of the page, or for its commit.
            comes_at_once = message.pop(AT_ONCE, False)
        is_coded = self._tagging is not None and self._tagging.coded
        if self._length is not None or (is_coded and comes_at_once):
            self._pending = message
            if not comes_at_once:
                self._list()
            return DONE
        if self._ticket and message["status"] == NOT_MODIFIED:
            return self._start_held(message)
        return self._send(message)

    async def _start_held(self, message: Message) -> None:
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
        method, status = request.method, answer.status
        known = tracking.known.is_html(request.host, request.raw_path)
        if status == 200 and known is not answer.html and method == "GET":
            tracking.known.learn(request.host, request.raw_path, answer.html)
        document = is_document(answer, request.fields, known)
        standing = request.standing(tracking) if document else Standing.ORDINARY
        outcome = as_get = classify(method, request.kind, standing, status, document=document)
        if method == "HEAD":
            as_get = classify_as_get(request.kind, standing, status, document=document)
        self._count(outcome)
        if tracking.rules or request.query or method != "GET":  # a plain GET is no form, and means nothing
            self._watch = tell(tracking, request, outcome, answer, headers)
        if answer.set_cookies:
            headers = self._without_our_cookies(headers)
        if not (document and as_get in PRIVATE and tracking.visits):
            return headers
        return self._page(headers, outcome, as_get, answer)

    def _page(self, headers: FieldList, outcome: str, as_get: str, answer: Answer) -> FieldList:
        """The head of an HTML answer that must not be shared; records the visit and prepares the tag."""
        tracking, request = self._tracking, self._request
        shown = as_get in (Outcome.VISIT, Outcome.PREFETCH) or (request.asleep and as_get == Outcome.OPTED_OUT)
        taggable = request.candidate and tracking.inject and shown
        is_whole = answer.status != NOT_MODIFIED
        tagged = taggable and (not is_whole or (request.transforms and may_tag(answer)))
        policies, nonce = answer.policies, None
        if tagged and (policies or answer.integrity or not is_whole):
            headers, verdict = settle(tracking, request, outcome, answer, headers)
            tagged, nonce = verdict.allowed, verdict.nonce
        count = record(tracking, request, outcome, answer)
        self._ticket = count.ticket
        length = answer.length
        if tagged and count.page_id and is_whole:
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
        self._tracking.recorder.count(self._request.host, outcome, self._request.now_ms)
