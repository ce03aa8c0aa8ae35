"""The tracking middleware: the site comes first.

Law: whatever fails in here, the application's answer reaches the visitor as it is. The middleware holds
configuration only; each request has a `Responder` (responder.py) that holds its state.
"""

import logging

from proxy.asgi import ASGIApp, Receive, Scope, Send
from proxy.tracking.request import TrackedRequest, without_our_cookie
from proxy.tracking.responder import Responder
from proxy.tracking.sending import coroutine
from proxy.tracking.settings import Tracking

log = logging.getLogger("footfall.tracking")


class TrackingMiddleware:
    """Tracks what passes through `app`."""

    def __init__(self, app: ASGIApp, tracking: Tracking) -> None:
        self.app = app
        self.tracking = tracking

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request of the site."""
        try:
            request = TrackedRequest(self.tracking, scope)
        except Exception:
            log.exception("a request could not be read for tracking; it is served untracked")
            await self.app(without_our_cookie(self.tracking, scope), receive, send)
            return
        responder = Responder(self.tracking, request, send)
        try:
            await self.app(request.scope, receive, coroutine(responder.send) if request.foreign else responder.send)
        finally:
            if not responder.is_finished:
                await responder.finish()
