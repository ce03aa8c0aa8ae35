"""Who asks for the visitor's page, and whether a form of it may be believed.

Law: a form counts only where the browser says that a page of this origin has sent it, and its token is of the visitor
whose cookie came with it. Whatever is refused is a `Problem`, in words for whoever reads it.
"""

import asyncio
from typing import NamedTuple
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request

from proxy.intake.bodies import TooLarge, read_body
from proxy.page.eligibility import Kind, kind_of
from proxy.tracking.asker import Asker, asker_of
from proxy.tracking.settings import Refusal, Tracking
from proxy.visitors.formtokens import FormTokens

FORM_BYTES = 4_096
FORM_FIELDS = 10
FORM_SECONDS = 10.0
"""For a form's body to arrive."""
FORM = "application/x-www-form-urlencoded"


class State:
    """Whether a browser is recorded, and if not, why, beside what `Refusal` says of it: it has no cookie yet (NEW), or
    one that counts no more (LOST); it is a program (BOT); nothing is recorded here at all (OFF)."""

    RECORDED = "recorded"
    NEW = "new"
    LOST = "lost"
    BOT = "bot"
    OFF = "off"


class Browser(NamedTuple):
    """Who asks, a `State` or `Refusal`, and when (UTC ms)."""

    asker: Asker
    state: str
    now_ms: int

    @property
    def may_stop(self) -> bool:
        return self.state in (State.RECORDED, State.NEW, State.LOST)

    @property
    def may_agree(self) -> bool:
        return self.state in (Refusal.SAID_NO, Refusal.NOT_ASKED)


class Problem(Exception):
    """The request cannot be granted: `status`, a `title` and a sentence or two; `later`: it may be tried again."""

    def __init__(self, status: int, title: str, text: str, *, later: bool = False) -> None:
        super().__init__(text)
        self.status = status
        self.title = title
        self.text = text
        self.later = later


STRANGE = "Nothing was changed. If you meant to do this, open the page and use its button."
CHANGED = (
    "Nothing was changed. The page had been open for long, or this browser's cookie has changed since. "
    "Open the page again and use its button."
)


def browser_of(tracking: Tracking, request: Request) -> Browser:
    """Who asks, read as a page request is. Raises Problem where it would be shown inside another page."""
    now = tracking.clock_ms()
    asker = asker_of(tracking, request.scope, now)
    if kind_of(asker.fields) == Kind.FRAME:
        raise Problem(403, "Not inside another page", "For your safety this page is only shown in a window of its own.")
    state = tracking.refusal(asker.fields, asker.cookie)
    if not tracking.visits:
        state = State.OFF
    elif state == Refusal.NONE and tracking.agents.read(asker.fields.get(b"user-agent", b"")).bot:
        state = State.BOT
    elif state == Refusal.NONE:
        state = State.RECORDED if asker.uuid is not None else State.LOST if asker.has_cookie else State.NEW
    return Browser(asker, state, now)


async def take_form(request: Request, browser: Browser, tokens: FormTokens) -> dict[str, str]:
    """The fields of a form of ours. Raises Problem: another page has sent it, or it was not made for this visitor."""
    if not _is_ours(request, browser.asker.origin):
        raise Problem(403, "This did not come from this site", STRANGE)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise Problem(415, "This is no form", STRANGE)
    try:
        body = await asyncio.wait_for(read_body(request, FORM_BYTES), FORM_SECONDS)
    except (TimeoutError, ClientDisconnect):
        raise Problem(408, "That took too long", STRANGE) from None
    except TooLarge:
        raise Problem(413, "This form is too large", STRANGE) from None
    try:
        form = dict(parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=FORM_FIELDS))
    except ValueError:
        raise Problem(400, "This is no form", STRANGE) from None
    if not tokens.is_good(form.get("token", ""), browser.asker.uuid, browser.asker.origin, browser.now_ms):
        raise Problem(403, "This page is out of date", CHANGED)
    return form


def _is_ours(request: Request, origin: bytes) -> bool:
    """As beacons are taken (intake/collector.py): Sec-Fetch-Site says so (https://www.w3.org/TR/fetch-metadata/), or,
    where it is absent (plain http to a name that is not local), Origin is the public one. Neither: nobody's."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    return request.headers.get("origin", "").lower().encode("latin-1") == origin
