"""The collector: beacons from browsers, at `{prefix}/events`.

Law: 202 after the commit, never before, and what a fault of our own has lost is named in it; a refusal of the whole
request says why in one word and one sentence, a refusal of a single event leaves the others alone. Same origin only, no
CORS (HTTP.md, X2; WIRE.md, "Beacon").
"""

import asyncio
import os
from collections.abc import Callable
from typing import NamedTuple

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from proxy.events.catalogue import Catalogue
from proxy.events.incoming import is_derived
from proxy.events.meta import clean_meta
from proxy.events.wire import BODY_MAX_BYTES, BadBeacon, Beacon, parse_beacon
from proxy.intake.bodies import TooLarge, read_body
from proxy.intake.buckets import Buckets, network_of, take_all
from proxy.intake.identifying import Identifier
from proxy.intake.recorder import Full, Recorder
from proxy.intake.verdicts import Verdicts, accepted, judge, later, problem, rejected, too_many
from proxy.store.base import Confirmation, Confirmed, OptOut
from proxy.visitors.cookie import CONSENT_IN, CONSENT_OUT, CookieSigner, consent_cookie
from proxy.visitors.ids import PageId, PageIds, parse_uuid, visitor_id
from proxy.visitors.times import DAY_MS

BODY_SECONDS = 10.0
"""Time for the whole body of a beacon to arrive."""
COMMIT_SECONDS = 20.0
"""Time for its commit; after that 503, and the tracker sends it again (it is idempotent by its ids)."""
BAD_TOKEN: dict[str, object] = {"index": None, "code": "bad_token", "field": "token"}
"""The warning: the page's token is expired, forged or not for us, and counts as none."""
MEDIA_TYPES = (b"text/plain", b"application/json")


class Sender(NamedTuple):
    """Who sends a beacon, as the middleware sees it: the believed cookie's uuid, whether the connection is https,
    whether a signal (GPC, DNT, the consent cookie) forbids tracking, the page's public origin and host, the address,
    whether it brought a cookie of ours at all, to be believed or not, and what is kept of the address."""

    cookie: bytes | None
    secure: bool
    opted_out: bool
    origin: bytes
    host: str
    address: str
    has_cookie: bool
    session_facts: tuple[tuple[str, object], ...]
    network: str = ""


class Collector:
    """Answers `POST {prefix}/events`. `per_visitor` and `per_address`: events a second, 0: no limit."""

    def __init__(
        self,
        recorder: Recorder,
        page_ids: PageIds,
        cookies: CookieSigner,
        catalogue: Catalogue,
        identifier: Identifier,
        *,
        clock_ms: Callable[[], int],
        per_visitor: int = 0,
        per_address: int = 0,
    ) -> None:
        self._recorder = recorder
        self._page_ids = page_ids
        self._cookies = cookies
        self._catalogue = catalogue
        self._identifier = identifier
        self._clock_ms = clock_ms
        self._visitors = Buckets(per_visitor)
        self._addresses = Buckets(per_address)

    async def __call__(self, request: Request, sender: Sender) -> Response:
        """Take one beacon."""
        network = network_of(sender.address)
        # What a message costs before it is known whose it is.
        refusal = check_request(request, sender.origin) or self._pace((self._addresses, network, 1))
        if refusal is not None:
            return refusal
        try:
            body = await asyncio.wait_for(read_body(request, BODY_MAX_BYTES), BODY_SECONDS)
        except TimeoutError:
            return problem(408, "timeout", "the body did not arrive in time")
        except ClientDisconnect:
            return problem(400, "disconnected", "the body broke off")
        except TooLarge:
            return problem(413, "too_large", f"the body is larger than {BODY_MAX_BYTES} bytes")
        try:
            beacon = parse_beacon(body)
        except BadBeacon as error:
            return problem(400, error.code, str(error))
        showing = beacon.showing
        if showing is not None and not _may_be_sent(parse_uuid(showing.id)):
            return problem(400, "bad_id", "confirm.id is not a UUID that a browser makes")
        if sender.opted_out or beacon.consent == "out":
            return self._opt_out(beacon, sender)
        page = self._page_ids.read(beacon.page)
        # Whoever has neither cookie nor page shares the bucket of the address: no made-up name is a visitor.
        who = sender.cookie or (network if page is None else page.id)
        number = len(beacon.events)
        refusal = self._pace((self._addresses, network, number), (self._visitors, who, 1 + number))
        if refusal is not None:
            return refusal
        try:
            return await asyncio.wait_for(self._take(beacon, sender, page), COMMIT_SECONDS)
        except (Full, TimeoutError):
            return later("overloaded", "the store does not keep up; send it again later")

    def _pace(self, *wishes: tuple[Buckets, object, int]) -> Response | None:
        """429 where somebody sends more than a person can do."""
        wait = take_all(wishes, asyncio.get_running_loop().time())
        return too_many(wait, "more events than one browser makes; send them again later") if wait else None

    def _opt_out(self, beacon: Beacon, sender: Sender) -> Response:
        """Nothing is recorded; a visitor who has just said no is forgotten by the browser, the session ends."""
        answer = rejected(beacon, "opted_out")
        if sender.cookie is not None:
            self._recorder.record(OptOut(sender.cookie, self._clock_ms()))
        if sender.has_cookie:
            answer.raw_headers.append((b"set-cookie", self._cookies.expire_cookie(secure=sender.secure)))
        if beacon.consent == "out":
            answer.raw_headers.append((b"set-cookie", consent_cookie(CONSENT_OUT, secure=sender.secure)))
        return answer

    async def _take(self, beacon: Beacon, sender: Sender, page: PageId | None) -> Response:
        now = self._clock_ms()
        bearer = self._identifier.bearer(beacon.token)
        verdicts = judge(beacon, sender.origin.decode("latin-1") + "/", self._catalogue, bearer.sender)
        if bearer.is_bad:
            verdicts = verdicts._replace(warnings=(BAD_TOKEN, *verdicts.warnings))
        message = self._message(beacon, sender, page, verdicts, now)
        customer, since = self._identifier.named(bearer, verdicts.events)
        if customer:
            message = message._replace(customer=customer, customer_from=since, takes_turns=bool(bearer.customer))
        confirmed = await self._recorder.ask(message)
        if not isinstance(confirmed, Confirmed):
            return later("not_stored", "it could not be stored; send it again later")
        if confirmed.uuid is None:
            return rejected(beacon, "not_stored" if confirmed.failed else "no_visitor")
        answer = accepted(beacon, verdicts, confirmed)
        if confirmed.set_cookie:
            value = self._cookies.set_cookie(confirmed.uuid, now // DAY_MS, now_ms=now, secure=sender.secure)
            answer.raw_headers.append((b"set-cookie", value))
        if beacon.consent == "in":
            answer.raw_headers.append((b"set-cookie", consent_cookie(CONSENT_IN, secure=sender.secure)))
        return answer

    def _message(
        self, beacon: Beacon, sender: Sender, page: PageId | None, verdicts: Verdicts, now: int
    ) -> Confirmation:
        message = Confirmation(
            page=page,
            cookie=sender.cookie,
            new_uuid=visitor_id(os.urandom(16)),
            received=now,
            host=sender.host,
            session_facts=sender.session_facts,
            ip=sender.network,
            events=verdicts.events,
            refusals=verdicts.refusals,
        )
        meta, showing = beacon.meta, beacon.showing
        if meta is not None:
            described = clean_meta(meta.params, sender.origin.decode("latin-1") + "/")
            message = message._replace(described=described, described_view=parse_uuid(meta.view))
        if showing is None:
            return message
        # Another site's address is nothing that this site's page can show.
        ours = showing.uri.startswith(sender.origin.decode("latin-1") + "/")
        return message._replace(
            id=parse_uuid(showing.id),
            uri=showing.uri if ours else "",
            path=showing.path if ours else "",
            title=showing.title,
            referrer=showing.referrer or None,
            nav=showing.nav,
            utm=showing.utm if ours else (),
        )


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


def _may_be_sent(confirm: bytes | None) -> bool:
    return confirm is not None and not is_derived(confirm)
