"""The tracking middleware: around any ASGI application, a forwarder or somebody's own.

Law: the site comes first. A request that cannot become a page passes with nothing but our cookie cut out; a page is
changed as VISITS.md section 2 says; and whatever fails in here, the application's answer reaches the visitor.

`Tracking` holds configuration only; each request has a `Responder` that holds its state. The decisions are page/'s
(eligibility, fields, tagging) and visitors/'s; this module calls them in their order.
"""

import os
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from proxy.intake.recorder import Recorder
from proxy.intake.visits import Request, Uris, make_visit, public_host
from proxy.page import fields as page_fields
from proxy.page.coding import narrow_accept_encoding
from proxy.page.eligibility import (
    PRIVATE_OUTCOMES,
    Answer,
    Fields,
    Headers,
    Outcome,
    Standing,
    classify,
    classify_as_get,
    is_taggable,
    may_be_page,
    read_answer,
    read_fields,
)
from proxy.page.paths import Globs, KnownPaths
from proxy.page.tagging import Site, Tagging, can_decode, headers_allow
from proxy.store.base import OptOut
from proxy.visitors.cookie import CONSENT_NAME, DAY_MS, CookieSigner, Identity, cut, is_ours, values_of
from proxy.visitors.ids import MINUTE_MS, PageId, PageIds, bot_id, visitor_id
from proxy.visitors.lanes import Agent, Agents

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

HOLD_WHOLE_BYTES = 16 * 1024
"""A page that is one chunk of at most this size waits whole for its commit (one write instead of two); of a larger
one only the last byte waits."""
PEER = "footfall.peer"


@dataclass(frozen=True, slots=True)
class Tracking:
    """What every request needs; one per process."""

    recorder: Recorder
    cookies: CookieSigner
    page_ids: PageIds
    clock_ms: Callable[[], int]
    prefix: bytes
    script: bytes
    public_origin: str
    exclude: Globs
    visits: bool = True
    renew: bool = False
    gpc: bool = True
    dnt: bool = False
    inject: bool = True
    agents: Agents = field(default_factory=Agents)
    uris: Uris = field(default_factory=Uris)
    known: KnownPaths = field(default_factory=KnownPaths)

    def origin(self, scope: Scope, fields: Fields) -> tuple[str, str]:
        """The public scheme and host of a request (WIRE.md, "public origin")."""
        if self.public_origin:
            scheme, _, host = self.public_origin.partition("://")
            return scheme, host
        peer = scope.get("extensions", {}).get(PEER) if scope.get("extensions") else None
        host_field = peer["host"] if peer is not None else fields.get(b"host", b"")
        return scope.get("scheme", "http"), public_host(host_field)

    def identify(self, fields: Fields, *, secure: bool, now_ms: int) -> Identity | None:
        """The visitor of the request's cookie, if it can be believed."""
        cookie = fields.get(b"cookie")
        if cookie is None:
            return None
        values = values_of(cookie, self.cookies.name(secure))
        return self.cookies.read(values, now_ms) if values else None

    def opted_out(self, fields: Fields) -> bool:
        """VISITS.md section 4: a signal that forbids tracking."""
        if self.gpc and fields.get(b"sec-gpc", b"").strip() == b"1":
            return True
        if self.dnt and fields.get(b"dnt", b"").strip() == b"1":
            return True
        cookie = fields.get(b"cookie", b"")
        return CONSENT_NAME in cookie and b"out" in values_of(cookie, CONSENT_NAME)[:1]

    def standing(self, fields: Fields, raw_path: bytes) -> Standing:
        """Rows 12 to 14 of VISITS.md section 1."""
        if self.exclude.match(raw_path):
            return Standing.EXCLUDED
        if self.agents.read(fields.get(b"user-agent", b"")).bot:
            return Standing.BOT
        return Standing.OPTED_OUT if self.opted_out(fields) else Standing.ORDINARY


class TrackingMiddleware:
    """Tracks what passes through `app`."""

    def __init__(self, app: App, tracking: Tracking) -> None:
        self.app = app
        self.tracking = tracking

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request of the site."""
        responder = Responder(self.tracking, scope, send)
        try:
            await self.app(responder.scope, receive, responder.send)
        finally:
            responder.finish()


class Responder:
    """The state of one request."""

    __slots__ = (
        "_agent",
        "_candidate",
        "_fields",
        "_host",
        "_identity",
        "_method",
        "_now",
        "_outcome",
        "_pending",
        "_raw_path",
        "_scheme",
        "_secure",
        "_send",
        "_standing",
        "_started",
        "_tagging",
        "_ticket",
        "_tracking",
        "scope",
    )

    def __init__(self, tracking: Tracking, scope: Scope, send: Send) -> None:
        self._tracking = tracking
        self._send = send
        self._method: str = scope["method"]
        raw_path = scope.get("raw_path")
        self._raw_path: bytes = raw_path if raw_path is not None else scope["path"].encode("utf-8")
        self._fields = fields = read_fields(scope["headers"])
        self._scheme, self._host = tracking.origin(scope, fields)
        self._secure = self._scheme == "https"
        self._now = tracking.clock_ms()
        self._started = time.perf_counter()
        self._identity = tracking.identify(fields, secure=self._secure, now_ms=self._now)
        self._standing: Standing | None = None
        self._outcome: Outcome | None = None
        self._candidate = False
        self._tagging: Tagging | None = None
        self._pending: Message | None = None
        self._ticket = 0
        self._agent: Agent | None = None
        if tracking.visits and may_be_page(self._method, fields, Standing.ORDINARY):
            self._candidate = self._stand() is Standing.ORDINARY
        self.scope = self._to_application(scope)

    # The request -------------------------------------------------------------------------------------------------

    def _stand(self) -> Standing:
        if self._standing is None:
            self._standing = self._tracking.standing(self._fields, self._raw_path)
        return self._standing

    def _to_application(self, scope: Scope) -> Scope:
        """The request as the application sees it: our cookie cut, conditionals mapped, codings narrowed."""
        headers: Headers = scope["headers"]
        fields, tracking, candidate = self._fields, self._tracking, self._candidate
        if b"cookie" in fields and tracking.cookies.name_http in fields[b"cookie"]:
            headers = _cut_cookies(headers, (tracking.cookies.name_http, tracking.cookies.name_https))
        headers = page_fields.to_upstream(
            headers,
            keep_ours=candidate and self._identity is not None,
            drop_conditionals=candidate,
            drop_range=candidate and tracking.known.is_html(self._host, self._raw_path) is True,
        )
        if candidate and tracking.inject:
            headers = _narrow_codings(headers, fields.get(b"accept-encoding"))
        return scope if headers is scope["headers"] else {**scope, "headers": headers}

    # The answer --------------------------------------------------------------------------------------------------

    async def send(self, message: Message) -> None:
        """What the application says."""
        if message["type"] == "http.response.start":
            await self._start(message)
        elif message["type"] == "http.response.body" and (self._ticket or self._tagging or self._pending):
            await self._body(message)
        else:
            await self._send(message)

    def finish(self) -> None:
        """The application has returned."""
        if self._outcome is None:
            self._tracking.recorder.count(self._host, Outcome.ABORTED.value)

    async def _start(self, message: Message) -> None:
        fault = message.get("fault")
        if fault is not None:
            self._count(Outcome.REFUSED if fault == "visitor" else Outcome.FAILED)
            await self._send(message)
            return
        headers: Headers = [(name.lower(), value) for name, value in message["headers"]]
        status: int = message["status"]
        answer = read_answer(status, headers)
        known = self._tracking.known.is_html(self._host, self._raw_path)
        if status == 200 and self._method == "GET":
            self._tracking.known.learn(self._host, self._raw_path, answer.html)
        html = answer.html or status == 304
        standing = self._stand() if html else Standing.ORDINARY
        outcome = classify(self._method, self._fields, standing, answer, known)
        self._count(outcome)
        headers = _without_our_cookies(headers, self._tracking.cookies)
        as_get = outcome
        if self._method == "HEAD":
            as_get = classify_as_get(self._fields, standing, answer, known)
        if html and as_get in PRIVATE_OUTCOMES and self._tracking.visits:
            headers = self._page(outcome, as_get, answer, headers)
        message = {**message, "headers": headers}
        if self._tagging is not None and not self._tagging.coded and _length(headers) is not None:
            self._pending = message
            return
        if self._ticket and status == 304:
            await self._tracking.recorder.hold(self._ticket)
        await self._send(message)

    def _count(self, outcome: Outcome) -> None:
        self._outcome = outcome
        self._tracking.recorder.count(self._host, outcome.value)

    def _page(self, outcome: Outcome, as_get: Outcome, answer: Answer, headers: Headers) -> Headers:
        """The head of an HTML answer that must not be shared; records the visit, prepares the tag."""
        set_cookies: list[bytes] = []
        page_id: PageId | None = None
        if outcome is Outcome.VISIT:
            page_id, set_cookies = self._visit(answer)
        elif outcome is Outcome.BOT:
            self._visit_of_bot(answer)
        elif outcome is Outcome.OPTED_OUT:
            set_cookies = self._opt_out()
        elif outcome is Outcome.PREFETCH and self._candidate:
            page_id = self._page_id(counted=False, visitor_new=self._identity is None)
        tagged = as_get in (Outcome.VISIT, Outcome.PREFETCH) and self._candidate and self._may_tag(answer, headers)
        if tagged and page_id is not None and answer.status != 304:
            self._tagging = self._make_tagging(page_id, answer, headers)
        coded = self._tagging is not None and self._tagging.coded
        head_of_page = tagged and self._method == "HEAD"
        headers = page_fields.to_visitor(headers, tagged=tagged, keep_length=not (coded or head_of_page))
        headers += [(b"set-cookie", value) for value in set_cookies]
        return headers

    def _may_tag(self, answer: Answer, headers: Headers) -> bool:
        """Whether the page's tagged form is what the visitor gets (of a 304: has got)."""
        if not self._tracking.inject:
            return False
        if answer.status == 304:
            return True
        no_transform = b"no-transform" in self._fields.get(b"cache-control", b"").lower()
        if is_taggable(answer, headers, no_transform) is not None:
            return False
        coding = next((value for name, value in headers if name == b"content-encoding"), b"")
        return can_decode(coding) and headers_allow(_policies(headers), self._site())

    def _site(self) -> Site:
        tracking = self._tracking
        origin = f"{self._scheme}://{self._host}".encode("latin-1", "replace")
        return Site(origin, tracking.script, tracking.prefix + b"/events")

    def _make_tagging(self, page_id: PageId, answer: Answer, headers: Headers) -> Tagging:
        coding = next((value for name, value in headers if name == b"content-encoding"), b"")
        return Tagging(
            site=self._site(),
            page_id=self._tracking.page_ids.sign(page_id),
            policies=_policies(headers),
            answer=answer,
            coded=bool(coding) and coding.strip().lower() != b"identity",
            sniff=b"sec-fetch-mode" not in self._fields,
        )

    # The visit ---------------------------------------------------------------------------------------------------

    def _page_id(self, *, counted: bool, visitor_new: bool, event: bytes | None = None) -> PageId:
        return PageId(event or os.urandom(16), counted, visitor_new, self._now // MINUTE_MS)

    def _visit(self, answer: Answer) -> tuple[PageId, list[bytes]]:
        """Hand the visit to the recorder; its page id and the cookies to set."""
        tracking, identity, now = self._tracking, self._identity, self._now
        uuid = identity.uuid if identity is not None else visitor_id(os.urandom(16))
        event = self._record(answer, uuid, cookie_came_back=identity is not None)
        cookies: list[bytes] = []
        today = now // DAY_MS
        if identity is None:
            if not self._is_cross_site_post() and answer.status != 304:
                cookies = [tracking.cookies.set_cookie(uuid, today, now_ms=now, secure=self._secure)]
        elif (identity.stale or (tracking.renew and identity.issued_day != today)) and answer.status != 304:
            issued = today if tracking.renew else identity.issued_day
            cookies = [tracking.cookies.set_cookie(uuid, issued, now_ms=now, secure=self._secure)]
        return self._page_id(counted=True, visitor_new=identity is None, event=event), cookies

    def _visit_of_bot(self, answer: Answer) -> None:
        self._record(answer, bot_id(self._fields.get(b"user-agent", b"").decode("latin-1")), cookie_came_back=False)
        self._ticket = 0

    def _record(self, answer: Answer, uuid: bytes, *, cookie_came_back: bool) -> bytes:
        tracking = self._tracking
        query: bytes = self.scope.get("query_string", b"")
        visit = make_visit(
            Request(self._method, self._scheme, self._host, self._raw_path, query, self._fields),
            tracking.uris,
            tracking.agents.read(self._fields.get(b"user-agent", b"")),
            random=os.urandom(10),
            uuid=uuid,
            cookie_came_back=cookie_came_back,
            now_ms=self._now,
            status=answer.status,
            upstream_ms=int((time.perf_counter() - self._started) * 1000),
        )
        self._ticket = tracking.recorder.record(visit)
        return visit.id

    def _opt_out(self) -> list[bytes]:
        """An existing cookie is expired, an open session ends; nothing else is written."""
        if self._identity is not None:
            self._tracking.recorder.record(OptOut(self._identity.uuid, self._now))
        name = self._tracking.cookies.name(self._secure)
        if name not in self._fields.get(b"cookie", b""):
            return []
        return [self._tracking.cookies.expire_cookie(secure=self._secure)]

    def _is_cross_site_post(self) -> bool:
        """A POST from another site, on which a Lax cookie is not sent (3-D Secure, SAML)."""
        if self._method != "POST":
            return False
        site = self._fields.get(b"sec-fetch-site")
        if site is not None:
            return site == b"cross-site"
        origin = self._fields.get(b"origin")
        return origin is not None and origin.lower() != f"{self._scheme}://{self._host}".encode("latin-1", "replace")

    # The body ----------------------------------------------------------------------------------------------------

    async def _body(self, message: Message) -> None:
        chunk: bytes = message.get("body", b"")
        more: bool = message.get("more_body", False)
        tagging = self._tagging
        if tagging is not None:
            chunk = tagging.feed(chunk)
            if not more:
                chunk += tagging.flush()
        pending = self._pending
        if pending is not None:
            if tagging is not None and not tagging.decided and more:
                if not chunk:
                    return
                pending["headers"] = [pair for pair in pending["headers"] if pair[0] != b"content-length"]
            elif tagging is not None and tagging.added:
                pending["headers"] = _lengthened(pending["headers"], tagging.added)
            self._pending = None
        if not more and self._ticket and not self._tracking.recorder.is_committed(self._ticket):
            await self._finish_held(pending, chunk)
            return
        if pending is not None:
            await self._send(pending)
        if chunk or not more:
            await self._send({"type": "http.response.body", "body": chunk, "more_body": more})

    async def _finish_held(self, pending: Message | None, chunk: bytes) -> None:
        """The end of a page whose visit is not on disk yet: its last byte waits."""
        if pending is None or len(chunk) > HOLD_WHOLE_BYTES:
            if pending is not None:
                await self._send(pending)
                pending = None
            if len(chunk) > 1:
                await self._send({"type": "http.response.body", "body": chunk[:-1], "more_body": True})
                chunk = chunk[-1:]
        await self._tracking.recorder.hold(self._ticket)
        if pending is not None:
            await self._send(pending)
        await self._send({"type": "http.response.body", "body": chunk, "more_body": False})


def _length(headers: Headers) -> bytes | None:
    return next((value for name, value in headers if name == b"content-length"), None)


def _lengthened(headers: Headers, added: int) -> Headers:
    return [
        (name, b"%d" % (int(value) + added)) if name == b"content-length" and value.isdigit() else (name, value)
        for name, value in headers
    ]


def _policies(headers: Headers) -> list[bytes]:
    return [value for name, value in headers if name == b"content-security-policy"]


def _cut_cookies(headers: Headers, names: tuple[bytes, ...]) -> Headers:
    kept: Headers = []
    for name, value in headers:
        if name == b"cookie":
            rest = cut(value, names)
            if rest is None:
                continue
            value = rest
        kept.append((name, value))
    return kept


def _without_our_cookies(headers: Headers, cookies: CookieSigner) -> Headers:
    """F7: an upstream's cookie of our name is dropped; every other Set-Cookie keeps its place."""
    ours = (cookies.name_http, cookies.name_https)
    if any(name == b"set-cookie" and is_ours(value, ours) for name, value in headers):
        return [pair for pair in headers if pair[0] != b"set-cookie" or not is_ours(pair[1], ours)]
    return headers


def _narrow_codings(headers: Headers, accepted: bytes | None) -> Headers:
    narrowed = narrow_accept_encoding(accepted)
    if narrowed == accepted or narrowed is None:
        return headers
    result: Headers = []
    for name, value in headers:
        if name != b"accept-encoding":
            result.append((name, value))
        elif narrowed:
            result.append((name, narrowed))
            narrowed = b""
    return result
