"""The collector: beacons from browsers, at `{prefix}/events`.

Law: 202 after the commit, never before; a refusal of the whole request says why in one word and one sentence, a
refusal of a single event leaves the others alone. Same origin only, no CORS (HTTP.md, X2; WIRE.md, "Beacon").
"""

import asyncio
import os
from collections.abc import Callable
from typing import NamedTuple

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from proxy.events.catalogue import Rejection, check_browser_action
from proxy.events.wire import BODY_MAX_BYTES, BadBeacon, Beacon, parse_beacon
from proxy.intake.recorder import Full, Recorder
from proxy.store.base import Confirmation, Confirmed
from proxy.visitors.cookie import CookieSigner
from proxy.visitors.ids import PageIds, parse_uuid, visitor_id
from proxy.visitors.times import DAY_MS

BODY_SECONDS = 10.0
"""Time for the whole body of a beacon to arrive."""
COMMIT_SECONDS = 20.0
"""Time for its commit; after that 503, and the tracker sends it again (it is idempotent by its ids)."""
RETRY_AFTER_SECONDS = 5
MEDIA_TYPES = (b"text/plain", b"application/json")


class Sender(NamedTuple):
    """Who sends a beacon, as the middleware sees it: the believed cookie's uuid, whether the connection is https,
    whether a signal (GPC, DNT, the consent cookie) forbids tracking, the page's public origin."""

    cookie: bytes | None
    secure: bool
    opted_out: bool
    origin: bytes
    session_facts: tuple[tuple[str, object], ...]


class Collector:
    """Answers `POST {prefix}/events`."""

    def __init__(
        self, recorder: Recorder, page_ids: PageIds, cookies: CookieSigner, *, clock_ms: Callable[[], int]
    ) -> None:
        self._recorder = recorder
        self._page_ids = page_ids
        self._cookies = cookies
        self._clock_ms = clock_ms

    async def __call__(self, request: Request, sender: Sender) -> Response:
        """Take one beacon."""
        refusal = check_request(request, sender.origin)
        if refusal is not None:
            return refusal
        try:
            body = await asyncio.wait_for(_read(request), BODY_SECONDS)
        except TimeoutError:
            return problem(408, "timeout", "the body did not arrive in time")
        except ClientDisconnect:
            return problem(400, "disconnected", "the body broke off")
        if body is None:
            return problem(413, "too_large", f"the body is larger than {BODY_MAX_BYTES} bytes")
        try:
            beacon = parse_beacon(body)
        except BadBeacon as error:
            return problem(400, error.code, str(error))
        showing = beacon.showing
        if showing is not None and parse_uuid(showing.id) is None:
            return problem(400, "bad_id", "confirm.id is not a UUID")
        if sender.opted_out:
            return accepted(beacon, "opted_out")
        try:
            return await asyncio.wait_for(self._take(beacon, sender), COMMIT_SECONDS)
        except (Full, TimeoutError):
            answer = problem(503, "overloaded", "the store does not keep up; send it again later")
            answer.headers["retry-after"] = str(RETRY_AFTER_SECONDS)
            return answer

    async def _take(self, beacon: Beacon, sender: Sender) -> Response:
        now, showing = self._clock_ms(), beacon.showing
        message = Confirmation(
            page=self._page_ids.read(beacon.page),
            cookie=sender.cookie,
            new_uuid=visitor_id(os.urandom(16)),
            received=now,
            session_facts=sender.session_facts,
        )
        if showing is not None:
            # Another site's address is nothing that this site's page can show.
            ours = showing.uri.startswith(sender.origin.decode("latin-1") + "/")
            message = message._replace(
                id=parse_uuid(showing.id),
                uri=showing.uri if ours else "",
                host=showing.host if ours else "",
                path=showing.path if ours else "",
                title=showing.title,
                referrer=showing.referrer or None,
                nav=showing.nav,
            )
        confirmed = await self._recorder.ask(message)
        if not isinstance(confirmed, Confirmed) or confirmed.uuid is None:
            return accepted(beacon, "no_visitor")
        answer = accepted(beacon, None)
        if confirmed.set_cookie:
            value = self._cookies.set_cookie(confirmed.uuid, now // DAY_MS, now_ms=now, secure=sender.secure)
            answer.raw_headers.append((b"set-cookie", value))
        return answer


def check_request(request: Request, origin: bytes) -> Response | None:
    """Whether this can be a beacon of ours at all: same origin, a media type that needs no preflight, no coding."""
    headers = dict(request.headers.raw)
    site = headers.get(b"sec-fetch-site")
    if site is not None and site != b"same-origin":
        return problem(403, "cross_origin", "beacons are taken from the site's own pages only")
    if site is None and headers.get(b"origin", b"").lower() != origin:
        return problem(403, "cross_origin", "beacons are taken from the site's own pages only")
    media = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if media not in MEDIA_TYPES:
        return problem(415, "media_type", "Content-Type is neither text/plain nor application/json")
    if b"content-encoding" in headers:
        return problem(415, "coded", "beacons are not compressed")
    return None


async def _read(request: Request) -> bytes | None:
    """The body, counted while it streams; None where it is too large."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_MAX_BYTES:
            return None
    return bytes(body)


def accepted(beacon: Beacon, reason: str | None) -> Response:
    """202: what became of the events of a beacon. `reason` rejects all of them (`no_visitor`, `opted_out`)."""
    rejected: list[dict[str, object]] = []
    if reason is not None and beacon.showing is not None:
        rejected.append({"index": None, "code": reason, "field": "confirm", "message": "the page is not counted"})
    for index, event in enumerate(beacon.events):
        code, field, text = reason or "", "", "nothing is recorded for this browser"
        if reason is None:
            try:
                check_browser_action(event.get("action") if isinstance(event, dict) else None)
                continue
            except Rejection as error:
                code, field, text = error.code, error.field, str(error)
        rejected.append({"index": index, "code": code, "field": field, "message": text})
    return JSONResponse(
        {"accepted": 0, "duplicates": 0, "rejected": rejected, "warnings": []},
        status_code=202,
        headers={"cache-control": "no-store"},
    )


def problem(status: int, code: str, message: str) -> Response:
    """A refusal of the whole request."""
    return JSONResponse({"error": code, "message": message}, status, headers={"cache-control": "no-store"})
