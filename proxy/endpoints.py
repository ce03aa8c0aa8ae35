"""footfall's own endpoints, under the reserved prefix: the tracker, the collector, the API and the visitor's page.

Law: these answer under raw bytes only (HTTP.md, X1 and X5): `/_footfall/%74.js` is not `/_footfall/t.js`. Nothing
here is proxied, nothing here is counted.
"""

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from proxy.asgi import ASGIApp, Receive, Scope, Send, raw_path_of
from proxy.fieldlist import FieldList
from proxy.intake.api import Api
from proxy.intake.collector import Collector, Sender
from proxy.intake.openapi import openapi
from proxy.intake.verdicts import problem
from proxy.page.eligibility import Fields, read_fields
from proxy.privacy.late import LatePage
from proxy.scripts import Script, Tracker
from proxy.tracking.asker import asker_of
from proxy.tracking.settings import Tracking

SCRIPT_MAX_AGE_SECONDS = 31_536_000
"""The tracker's address carries its version, so that browsers may keep it for a year."""


def script_path(prefix: str, tracker: Tracker) -> bytes:
    """What the tag's src says."""
    return f"{prefix}/{tracker.page.name}?v={tracker.page.version}".encode("ascii")


def part_path(prefix: str, tracker: Tracker) -> bytes:
    """Where that script imports its part from."""
    return f"{prefix}/{tracker.part.name}".encode("ascii")


def make_endpoints(
    prefix: str,
    tracker: Tracker,
    collector: Collector,
    api: Api,
    tracking: Tracking,
    privacy: LatePage | None = None,
) -> Starlette:
    """The Starlette application for everything under the prefix. `privacy`: None where the owner wants no such page."""
    document = openapi(prefix)

    async def collect(request: Request) -> Response:
        return await collector(request, _sender(tracking, request))

    async def tell(request: Request) -> Response:
        return await api.events(request, tracking.origin(request.scope, _fields(request))[1])

    async def charge(request: Request) -> Response:
        return await api.transactions(request, tracking.origin(request.scope, _fields(request))[1])

    async def describe(request: Request) -> Response:
        return JSONResponse(document)

    async def refuse(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        answer = problem(status, {404: "not_found", 405: "method"}.get(status, "error"), "nothing here takes this")
        if isinstance(error, HTTPException) and error.headers:
            answer.headers.update(error.headers)
        return answer

    app = Starlette(
        routes=[
            Route(f"{prefix}/{tracker.page.name}", serve(tracker.page), methods=["GET"]),
            Route(f"{prefix}/{tracker.part.name}", serve(tracker.part), methods=["GET"]),
            Route(f"{prefix}/events", collect, methods=["POST"]),
            Route(f"{prefix}/api/v1/events", tell, methods=["POST"]),
            Route(f"{prefix}/api/v1/transactions", charge, methods=["POST"]),
            Route(f"{prefix}/api/v1/visitors/{{uuid}}", api.visitor, methods=["GET", "DELETE"]),
            Route(f"{prefix}/api/v1/openapi.json", describe, methods=["GET"]),
            *(privacy.routes(prefix) if privacy is not None else ()),
        ],
        exception_handlers={404: refuse, 405: refuse},
    )
    app.router.redirect_slashes = False  # it would build an address from request.url
    return app


def serve(script: Script) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint for a script, to be kept for ever where the address says which version it is, by name or query."""
    etag = f'"{script.version}"'
    fresh = f"public, max-age={SCRIPT_MAX_AGE_SECONDS}, immutable"

    async def answer(request: Request) -> Response:
        current = script.version in (request.query_params.get("v"), script.name.split(".")[1])
        headers = {
            "etag": etag,
            "cache-control": fresh if current else "no-cache",
            "x-content-type-options": "nosniff",
            "vary": "Accept-Encoding",
        }
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
        gzipped = takes_gzip(request.headers.get("accept-encoding", ""))
        if gzipped:
            headers["content-encoding"] = "gzip"
        body = script.gzipped if gzipped else script.body
        return Response(body, media_type="text/javascript; charset=utf-8", headers=headers)

    return answer


def takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding value names gzip and does not forbid it (RFC 9110 section 12.5.3)."""
    for part in accepted.lower().split(","):
        coding, _, weight = part.partition(";")
        if coding.strip() == "gzip":
            return weight.replace(" ", "").rstrip("0") not in ("q=", "q=0.")
    return False


def _fields(request: Request) -> Fields:
    return read_fields(FieldList.of(request.headers.raw))


def _sender(tracking: Tracking, request: Request) -> Sender:
    """Who sends a beacon."""
    asker = asker_of(tracking, request.scope, tracking.clock_ms())
    agent = tracking.agents.read(asker.fields.get(b"user-agent", b""))
    return Sender(
        cookie=asker.uuid,
        secure=asker.secure,
        opted_out=tracking.opted_out(asker.fields, asker.cookie),
        origin=asker.origin,
        host=asker.host,
        address=asker.address,
        has_cookie=asker.has_cookie,
        session_facts=tracking.cleaner.session_facts(asker.fields, agent, ()),
        network=tracking.network(request.scope),
    )


class OwnEndpoints:
    """Routes on the raw path: Starlette would route on the decoded one."""

    __slots__ = ("_app", "_prefix")

    def __init__(self, app: ASGIApp, prefix: bytes) -> None:
        self._app = app
        self._prefix = prefix

    def takes(self, raw_path: bytes) -> bool:
        """Whether a request is ours: the prefix to the byte, at a segment's end."""
        prefix = self._prefix
        return raw_path.startswith(prefix) and raw_path[len(prefix) : len(prefix) + 1] in (b"", b"/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request of ours."""
        raw_path = raw_path_of(scope)
        await self._app({**scope, "path": raw_path.decode("latin-1"), "root_path": ""}, receive, send)
