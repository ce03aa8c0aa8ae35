"""What is recorded for an answer, and which cookies it sets: VISITS.md section 2, row by row."""

import os
import time
from dataclasses import dataclass

from proxy.intake.visits import make_visit
from proxy.page.eligibility import NOT_MODIFIED, Answer, Outcome
from proxy.store.base import OptOut
from proxy.tracking.request import TrackedRequest
from proxy.tracking.settings import Tracking
from proxy.visitors.ids import bot_id, event_id, visitor_id
from proxy.visitors.times import DAY_MS, MINUTE_MS


@dataclass(slots=True)
class Count:
    """What was done: the signed page id for the tag, the Set-Cookie value, the ticket of a visit to wait for."""

    page_id: bytes = b""
    set_cookie: bytes = b""
    ticket: int = 0


NOTHING = Count()


def record(tracking: Tracking, request: TrackedRequest, outcome: str, answer: Answer) -> Count:
    """What an HTML answer's outcome asks for."""
    if outcome == Outcome.VISIT:
        return count_visit(tracking, request, answer)
    if outcome == Outcome.BOT:
        return count_bot(tracking, request, answer)
    if outcome == Outcome.OPTED_OUT:
        return opt_out(tracking, request)
    if outcome == Outcome.PREFETCH and request.candidate:
        return uncounted(tracking, request)
    return NOTHING


def count_visit(tracking: Tracking, request: TrackedRequest, answer: Answer) -> Count:
    """A page.visit, under the cookie's uuid or a new one."""
    identity, now = request.identity, request.now_ms
    known = identity is not None
    uuid = identity.uuid if identity is not None else visitor_id(os.urandom(16))
    event, ticket = _record(
        tracking, request, answer, uuid=uuid, random=tracking.random.take(10), cookie_came_back=known
    )
    page_id = tracking.page_ids.sign(event, counted=True, visitor_new=not known, issued_minute=now // MINUTE_MS)
    if identity is not None and not identity.stale and not tracking.renew:
        return Count(page_id, b"", ticket)
    return Count(page_id, _cookie(tracking, request, uuid) if answer.status != NOT_MODIFIED else b"", ticket)


def count_bot(tracking: Tracking, request: TrackedRequest, answer: Answer) -> Count:
    """A page.visit in the lane of crawlers; nobody waits for it."""
    uuid = bot_id(request.fields.get(b"user-agent", b"").decode("latin-1"))
    _record(tracking, request, answer, uuid=uuid, random=os.urandom(10), cookie_came_back=False)
    return NOTHING


def opt_out(tracking: Tracking, request: TrackedRequest) -> Count:
    """An existing cookie is expired, an open session ends; nothing else is written."""
    if request.identity is not None:
        tracking.recorder.record(OptOut(request.identity.uuid, request.now_ms))
    count = uncounted(tracking, request) if request.asleep else Count()
    cookie = request.cookie
    if cookie is not None and (cookie.values_https if request.secure else cookie.values_http):
        count.set_cookie = tracking.cookies.expire_cookie(secure=request.secure)
    return count


def uncounted(tracking: Tracking, request: TrackedRequest) -> Count:
    """A page id that counts when the page is really shown (a prefetch), or its visitor agrees (asleep)."""
    event = event_id(request.now_ms, os.urandom(10))
    new = request.identity is None or request.asleep
    minute = request.now_ms // MINUTE_MS
    sign = tracking.page_ids.sign
    return Count(sign(event, counted=False, visitor_new=new, issued_minute=minute, asleep=request.asleep))


def _record(
    tracking: Tracking, request: TrackedRequest, answer: Answer, *, uuid: bytes, random: bytes, cookie_came_back: bool
) -> tuple[bytes, int]:
    visit = make_visit(
        request,
        tracking.cleaner,
        request.agent,
        random=random,
        uuid=uuid,
        cookie_came_back=cookie_came_back,
        now_ms=request.now_ms,
        status=answer.status,
        upstream_ms=int((time.perf_counter() - request.begun) * 1000),
        ip=tracking.network(request.scope),
    )
    return visit.id, tracking.recorder.record(visit)


def _cookie(tracking: Tracking, request: TrackedRequest, uuid: bytes) -> bytes:
    """A new visitor's cookie (not on a cross-site POST: it would replace the visitor in mid-checkout), or an old
    one's where its key was retired or every page renews it."""
    identity, today = request.identity, request.now_ms // DAY_MS
    if identity is None:
        if request.is_cross_site_post():
            return b""
        issued = today
    elif tracking.renew and identity.issued_day != today:
        issued = today
    elif identity.stale:
        issued = identity.issued_day
    else:
        return b""
    return tracking.cookies.set_cookie(uuid, issued, now_ms=request.now_ms, secure=request.secure)
