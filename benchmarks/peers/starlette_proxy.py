"""A proxy as one would write it on Starlette and httpx: it streams in both directions and passes everything on.

Law: it imports nothing of ours, for it runs in an environment of its own, under uvicorn. ORIGIN is set by
benchmarks/field/peers.py. The client is told to decode nothing: what is passed on are the site's own bytes.
"""

import contextlib
import os
from collections.abc import AsyncIterator

import httpx
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

SITE = f"http://127.0.0.1:{os.environ['ORIGIN']}"
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
HOP_BY_HOP = frozenset(
    (b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade")
)


@contextlib.asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=64)
    async with httpx.AsyncClient(base_url=SITE, limits=limits, timeout=60) as client:
        app.state.client = client
        yield


async def passed_on(request: Request) -> StreamingResponse:
    client: httpx.AsyncClient = request.app.state.client
    path = request.scope["raw_path"].decode("ascii")
    asked = client.build_request(
        request.method,
        f"{path}?{request.url.query}" if request.url.query else path,
        headers=[field for field in request.headers.raw if field[0] not in HOP_BY_HOP],
        content=None if request.method in ("GET", "HEAD") else request.stream(),
    )
    answer = await client.send(asked, stream=True)
    passed = StreamingResponse(answer.aiter_raw(), answer.status_code, background=BackgroundTask(answer.aclose))
    passed.raw_headers = [field for field in answer.headers.raw if field[0].lower() not in HOP_BY_HOP]
    return passed


app = Starlette(routes=[Route("/{path:path}", passed_on, methods=METHODS)], lifespan=lifespan)
