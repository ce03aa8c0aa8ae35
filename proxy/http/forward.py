"""The ASGI application that asks upstream and streams the answer back. The site comes first: bytes pass as they came.

A short request costs one future and no task. A request with a body gets a task that carries it (answers may come
before the upload has ended), and one that lasts, or is answered with much, gets a task that waits for the visitor to
leave, since `send` of common servers neither raises nor blocks once he has.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from email.utils import formatdate
from functools import partial

from proxy.asgi import AT_ONCE, UPGRADE, Receive, Scope, Send
from proxy.fieldlist import FieldList
from proxy.http.errors import ALLOW, ProxyError, VisitorError, VisitorGone, answer
from proxy.http.exchange import Exchange
from proxy.http.headers import BODILESS, Peer, RequestHead, answer_fields, request_head, value_of
from proxy.http.origins import Origins
from proxy.http.target import is_host
from proxy.http.tunnel import carry
from proxy.http.upstream import Upstream
from proxy.http.websocket import SWITCHING, accept_of, upgrading
from proxy.passing import AHEAD

# RFC 9110 9.2.2; TRACE never gets here.
IDEMPOTENT = frozenset(("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PROPFIND", "SEARCH", "REPORT"))
# RFC 9110 15.2, 15.3.5, 15.4.5; a Content-Length there would end some connections (T11).
_BODILESS = BODILESS | {SWITCHING}


class Forwarder:
    """ASGI application in front of `upstream`, which it closes at the end of the lifespan. `via_token` is our name
    in Via, both ways. Without `preserve_host` upstream is asked under its own name, and what its answers' fields say of
    that name is said of `public_origin` ("https://shop.example"; empty: of what the request was sent to)."""

    def __init__(
        self, upstream: Upstream, *, via_token: bytes, preserve_host: bool = True, public_origin: str = ""
    ) -> None:
        self._upstream = upstream
        self._via_token = via_token
        self._origins = None if preserve_host else Origins(upstream.scheme, upstream.authority)
        self._public_origin = public_origin.encode("ascii")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._via = {b"via": b"1.1 " + via_token}

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http":
            return self._forward(scope, receive, send)
        if scope["type"] == "lifespan":
            return self._live(receive, send)
        raise RuntimeError(f"cannot forward {scope['type']}")

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._upstream.aclose()
        await send({"type": "lifespan.shutdown.complete"})

    async def _forward(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What fails before anything was sent is answered here; what fails later looks truncated."""
        method: str = scope["method"]
        target: bytes = scope["raw_path"]
        if target == b"*":
            await _answer_asterisk(send)
            return
        exchange: Exchange | None = None
        pump: asyncio.Task[None] | None = None
        try:
            exchange, length = self._begin(scope, method, target)
            if exchange.accept:
                pump = exchange.loop.create_task(carry(exchange, receive))
            else:
                exchange.watch = partial(_watch, exchange, receive)
            if not exchange.uploaded:
                pump = exchange.loop.create_task(_pump(exchange, receive, length))
            while not exchange.status and exchange.error is None:
                await exchange.changed()
            if exchange.error is not None and not exchange.status:
                raise exchange.error
            await send(self._start(exchange, scope))
            await _pass_body(exchange, send)
        except VisitorGone:
            return
        except ProxyError as error:
            accept = value_of(scope["headers"], b"accept")
            await answer(send, error.status, error.fault, error.reason, accept, method == "HEAD")
        finally:
            if exchange is not None:
                exchange.close()
            if pump is not None:
                pump.cancel()

    def head(self, scope: Scope, method: str, target: bytes) -> RequestHead:
        """What the site is asked. Raises VisitorError."""
        query: bytes = scope["query_string"]
        extensions = scope.get("extensions") or {}
        try:
            return request_head(
                method.encode("ascii"),
                # `/path?` is not `/path`, but both have an empty query_string; our server notes the difference.
                target + b"?" + query if query or "footfall.bare_query" in extensions else target,
                scope["http_version"].encode("ascii"),
                scope["headers"],
                peer=_peer(scope),
                authority=self._upstream.authority,
                via_token=self._via_token,
                preserve_host=self._origins is None,
            )
        except ValueError:
            raise VisitorError("The request is malformed.") from None

    def ask(self, loop: asyncio.AbstractEventLoop, head: bytes) -> Exchange:
        """Ask the site what may be asked again, without a body, by a head that is written."""
        return self._upstream.begin(loop, head, is_head=False, length=0, retriable=True)

    async def pass_rest(self, exchange: Exchange, receive: Receive, send: Send) -> bool:
        """Pass on the rest of an answer that has begun, as long as the visitor is there. Whether it came to its end."""
        exchange.watch = partial(_watch, exchange, receive)
        try:
            return await _pass_body(exchange, send)
        finally:
            exchange.close()

    def _begin(self, scope: Scope, method: str, target: bytes) -> tuple[Exchange, int | None]:
        extensions = scope.get("extensions") or {}
        if AHEAD in extensions:
            return extensions.pop(AHEAD)[0], 0  # and is let go with its answer
        head = self.head(scope, method, target)
        retriable = head.length == 0 and method in IDEMPOTENT
        accept = b""
        if UPGRADE in extensions:
            if head.length != 0:
                raise VisitorError("A WebSocket handshake has no body.")
            accept = accept_of(value_of(scope["headers"], b"sec-websocket-key"))
            head.data = upgrading(head.data)
        if self._loop is None:
            self._loop = asyncio.get_running_loop()  # a system call each time, as it asks whether we were forked
        exchange = self._upstream.begin(
            self._loop, head.data, is_head=method == "HEAD", length=head.length, retriable=retriable, accept=accept
        )
        return exchange, head.length

    def _start(self, exchange: Exchange, scope: Scope) -> dict[str, object]:
        status = exchange.status
        fields = self.fields(exchange, scope)
        start: dict[str, object] = {"type": "http.response.start", "status": status, "headers": fields}
        if exchange.buffered or exchange.complete:
            start[AT_ONCE] = True
        return start

    def fields(self, exchange: Exchange, scope: Scope) -> FieldList:
        """The answer's fields for the visitor; of `scope` only what the gate has said of him."""
        status = exchange.status
        keep_length = status not in _BODILESS and not exchange.chunked
        via = self._via
        if exchange.version != "1.1":  # RFC 9110 7.6.3: it names what was received
            via = {b"via": exchange.version.encode("ascii") + b" " + self._via_token}
        fields = answer_fields(exchange.fields, keep_length=keep_length, via=via)
        if b"date" not in fields.by_name and status != SWITCHING:
            # RFC 9110 6.6.1: a recipient with a clock adds it when it forwards the answer.
            fields = fields.changed({b"date": formatdate(time.time(), usegmt=True).encode("ascii")})
        if self._origins is not None and (public := self._public_origin or _origin(scope)):
            fields = self._origins.to_visitor(fields, public)
        return fields


async def _pass_body(exchange: Exchange, send: Send) -> bool:
    """Whether it came to its end; where upstream truncated it, the server makes it look truncated."""
    while True:
        complete, failed = exchange.complete, exchange.error is not None
        body = exchange.take()
        if complete and not exchange.buffered:
            await send({"type": "http.response.body", "body": body, "more_body": False})
            return True
        if body:
            await send({"type": "http.response.body", "body": body, "more_body": True})
        if failed and not exchange.buffered:
            return False
        if not exchange.buffered and not exchange.complete and exchange.error is None:
            await exchange.changed()


async def _pump(exchange: Exchange, receive: Receive, length: int | None) -> None:
    """`_carry`, after which the exchange never waits for a body that nobody brings."""
    try:
        await _carry(exchange, receive, length)
    except Exception:
        exchange.fail(VisitorGone())
        raise


async def _carry(exchange: Exchange, receive: Receive, length: int | None) -> None:
    """Carries the request body upstream piece by piece. An upload that breaks off is never ended normally (T4)."""
    left = length
    # The visitor waits with the body for `100 Continue`, which `receive` sends: upstream must be there first (S2).
    await exchange.ready_to_upload()
    more = True
    while more and exchange.error is None and not exchange.complete:
        message = await receive()
        if message["type"] == "http.disconnect":
            exchange.fail(VisitorGone())
            return
        body: bytes = message.get("body", b"")
        more = message.get("more_body", False)
        if left is not None:
            left -= len(body)
            if left < 0 or (left > 0 and not more):
                exchange.fail(VisitorError("The request body does not have the length that was announced."))
                return
            more = left > 0
        if body or not more:
            exchange.upload(body, last=not more)
            await exchange.ready_to_upload()


async def _watch(exchange: Exchange, receive: Receive) -> None:
    """Waits for the visitor to leave, and then ends the exchange (T15)."""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            exchange.fail(VisitorGone())
            return


def _peer(scope: Scope) -> Peer:
    """As our gate has introduced it; of a request that did not come through it, as it introduces itself."""
    peer: Peer | None = (scope.get("extensions") or {}).get("footfall.peer")
    if peer is not None:
        return peer
    client = scope.get("client") or ("", 0)
    return Peer(client[0], scope["scheme"], value_of(scope["headers"], b"host"), False)


def _origin(scope: Scope) -> bytes:
    """Where the request was sent to, as the public sees it; empty where it does not say so (HTTP/1.0)."""
    peer = _peer(scope)
    return b"%b://%b" % (peer.scheme.encode("ascii"), peer.host) if is_host(peer.host) else b""


async def _answer_asterisk(send: Send) -> None:
    """`OPTIONS *` asks about this server, not about any page of the site (RFC 9110 9.3.7)."""
    fields = [(b"allow", ALLOW), (b"content-length", b"0"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
