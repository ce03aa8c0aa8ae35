"""The visitor's page, at `{prefix}/privacy`: what is held about this browser, and what can be done about it.

Law: whose it is, the believed cookie of this very request decides, and nothing else that was sent. GET and HEAD change
nothing; a POST counts as door.py says. Looking is no visit and sets no cookie. Whatever is wrong is a page in plain
words.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from proxy.intake.buckets import Buckets, network_of, take_all
from proxy.intake.recorder import Full, Recorder
from proxy.privacy.asking import LATEST_SHOWN, Download, HeldFiles, Unreadable
from proxy.privacy.door import Browser, Problem, browser_of, take_form
from proxy.privacy.late import Answer
from proxy.privacy.words import Templates
from proxy.store.base import Forget, Forgotten, OptOut
from proxy.tracking.settings import Tracking
from proxy.visitors.cookie import CONSENT_IN, CONSENT_OUT, consent_cookie
from proxy.visitors.formtokens import FormTokens

ERASE_SECONDS = 60.0
"""For a visitor's rows to go; it goes on where nobody waits any more."""
ERASURES_PER_SECOND = 5.0
"""A worker, ten times as much at once. Each is remembered for as long as its cookie could come back."""
ADDRESS_ERASURES_PER_SECOND = 0.5
"""The same of one address (IPv6: a /64): whoever makes visitors up in order to erase them."""
REQUEST_EVENTS = 50
"""As how many events a request counts for its address: some twenty a second, by default."""
RETRY_AFTER_SECONDS = 30
FILE_NAME = "your-visits.json"
FIELDS = {
    "cache-control": "no-store",
    # Not no-referrer: under it browsers send `Origin: null` with a form (Fetch, "append a request Origin header"), and
    # on plain http that is all there is to tell our own page by. Other sites are told as little.
    "referrer-policy": "same-origin",
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex, nofollow",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "interest-cohort=(), camera=(), microphone=(), geolocation=()",
    "vary": "Cookie",
}
SLOW = "What is held about this browser is still being erased. Open the page again in a few minutes to see."
FAILED = "Nothing was erased: the store cannot be written at this moment. Please try again in a minute."
UNREADABLE = (
    "What is held about this browser cannot be looked up at this moment. Nothing is lost; please try again in a minute."
)

Work = Callable[[Request, Browser], Coroutine[Any, Any, Response]]


class PrivacyPage:
    """Answers everything below `{prefix}/privacy`. `per_address`: events a second, 0: no limit."""

    def __init__(
        self,
        tracking: Tracking,
        recorder: Recorder,
        files: HeldFiles,
        tokens: FormTokens,
        templates: Templates,
        *,
        per_address: int = 0,
    ) -> None:
        self._tracking = tracking
        self._recorder = recorder
        self._files = files
        self._tokens = tokens
        self._templates = templates
        self._addresses = Buckets(per_address)
        self._erasures = Buckets(ERASURES_PER_SECOND)
        self._address_erasures = Buckets(ADDRESS_ERASURES_PER_SECOND)

    def answers(self) -> list[Answer]:
        """Who answers each of PATHS, in their order."""
        works = (self._show, self._stop, self._record, self._download, self._ask_or_erase)
        return [self._guarded(work) for work in works]

    def _guarded(self, work: Work) -> Answer:
        async def answer(request: Request) -> Response:
            try:
                browser = browser_of(self._tracking, request)
                wishes = ((self._addresses, network_of(browser.asker.address), REQUEST_EVENTS),)
                self._pace(wishes, "This page is asked for too often from where you are. Please try again in a minute.")
                return await work(request, browser)
            except Problem as wrong:
                return self._problem(wrong)

        return answer

    def _problem(self, wrong: Problem) -> Response:
        answer = self._page("problem.html", wrong.status, title=wrong.title, text=wrong.text)
        if wrong.later:
            answer.headers["retry-after"] = str(RETRY_AFTER_SECONDS)
        return answer

    def _page(self, template: str, status: int = 200, **values: object) -> Response:
        body = self._templates.render(template, **values)
        fields = {**FIELDS, "content-security-policy": self._templates.policy}
        return Response(body, status, fields, "text/html; charset=utf-8")

    def _token(self, browser: Browser) -> str:
        return self._tokens.sign(browser.asker.uuid, browser.asker.origin, browser.now_ms)

    # What is shown -----------------------------------------------------------------------------------------------

    async def _show(self, request: Request, browser: Browser) -> Response:
        """The page. The buttons that stop and agree work without the store."""
        held = trouble = None
        if browser.asker.uuid is not None:
            try:
                held = await self._files.held(browser.asker.uuid)
            except Unreadable:
                trouble = UNREADABLE
        days = [] if held is None else self._templates.days(held.latest)
        answer = self._page(
            "page.html",
            503 if trouble else 200,
            browser=browser,
            held=held,
            days=days,
            trouble=trouble,
            token=self._token(browser),
            latest_shown=LATEST_SHOWN,
        )
        if trouble:
            answer.headers["retry-after"] = str(RETRY_AFTER_SECONDS)
        return answer

    async def _ask_or_erase(self, request: Request, browser: Browser) -> Response:
        return await (self._erase if request.method == "POST" else self._ask)(request, browser)

    async def _ask(self, request: Request, browser: Browser) -> Response:
        """Whether what is held is really to be erased."""
        if browser.asker.uuid is None:
            raise _nobody()
        try:
            held = await self._files.held(browser.asker.uuid)
        except Unreadable:
            held = None  # it can be erased unseen
        return self._page("erase.html", browser=browser, held=held, token=self._token(browser))

    # What is done ------------------------------------------------------------------------------------------------

    async def _stop(self, request: Request, browser: Browser) -> Response:
        """As footfall.off(): the session ends, the browser forgets our cookie and remembers a no."""
        await take_form(request, browser, self._tokens)
        if browser.asker.uuid is not None:
            self._recorder.record(OptOut(browser.asker.uuid, browser.now_ms))
        answer = self._back(request)
        if browser.asker.has_cookie:
            self._forget_cookie(answer, browser)
        self._remember(answer, browser, CONSENT_OUT)
        return answer

    async def _record(self, request: Request, browser: Browser) -> Response:
        """As footfall.on(): the browser remembers a yes. What it is then known by, the next page sets."""
        await take_form(request, browser, self._tokens)
        answer = self._back(request)
        self._remember(answer, browser, CONSENT_IN)
        return answer

    async def _download(self, request: Request, browser: Browser) -> Response:
        await take_form(request, browser, self._tokens)
        if browser.asker.uuid is None:
            raise _nobody()
        head = {"site": browser.asker.origin.decode("latin-1"), "made": browser.now_ms}
        try:
            file = await self._files.download(browser.asker.uuid, head)
        except Unreadable:
            raise Problem(503, "The file could not be made", UNREADABLE, later=True) from None
        fields = {**FIELDS, "content-disposition": f'attachment; filename="{FILE_NAME}"'}
        return _FileAnswer(file, fields)

    async def _erase(self, request: Request, browser: Browser) -> Response:
        form = await take_form(request, browser, self._tokens)
        if browser.asker.uuid is None:
            raise _nobody()
        wishes = ((self._address_erasures, network_of(browser.asker.address), 1), (self._erasures, "", 1))
        self._pace(wishes, "Nothing was erased yet: too much is being erased at once. Please try again in a minute.")
        stops = "stop" in form and browser.may_stop
        try:
            wish = self._recorder.ask(Forget(browser.asker.uuid, browser.now_ms))
            done = await asyncio.wait_for(wish, ERASE_SECONDS)
        except Full:
            done = None
        except TimeoutError:
            answer = self._problem(Problem(503, "It takes a while", SLOW, later=True))
            if stops:  # the cookie stays: by it, the page can still say what is left
                self._remember(answer, browser, CONSENT_OUT)
            return answer
        if not isinstance(done, Forgotten) or done.is_crawler:
            raise Problem(503, "It could not be erased now", FAILED, later=True)
        return self._receipt(browser, done, stops=stops)

    def _receipt(self, browser: Browser, done: Forgotten, *, stops: bool) -> Response:
        views, all_of = done.events.get("page.visit", 0), sum(done.events.values())
        marks = sum(number for action, number in done.events.items() if action.startswith("session."))
        answer = self._page(
            "receipt.html",
            browser=browser,
            done=done,
            views=views,
            others=all_of - views - marks,
            stops=stops,
        )
        self._forget_cookie(answer, browser)
        if stops:
            self._remember(answer, browser, CONSENT_OUT)
        return answer

    # How ---------------------------------------------------------------------------------------------------------

    def _pace(self, wishes: Sequence[tuple[Buckets, object, int]], text: str) -> None:
        if take_all(wishes, asyncio.get_running_loop().time()):
            raise Problem(429, "One moment, please", text, later=True)

    def _back(self, request: Request) -> Response:
        """To the page, so that loading it again sends no form again."""
        here = str(request.scope["path"]).rpartition("/")[0]
        return Response(status_code=303, headers={**FIELDS, "location": here})

    def _forget_cookie(self, answer: Response, browser: Browser) -> None:
        answer.raw_headers.append((b"set-cookie", self._tracking.cookies.expire_cookie(secure=browser.asker.secure)))

    def _remember(self, answer: Response, browser: Browser, consent: bytes) -> None:
        answer.raw_headers.append((b"set-cookie", consent_cookie(consent, secure=browser.asker.secure)))


class _FileAnswer(StreamingResponse):
    """A file that is given up when whoever takes it goes away."""

    def __init__(self, file: Download, fields: dict[str, str]) -> None:
        super().__init__(aiter(file), 200, fields, "application/json")
        self._file = file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._file.close()


def _nobody() -> Problem:
    return Problem(
        404,
        "Nothing is known of this browser",
        "It sent no cookie that something could be found by. That is so after it was erased, after recording was "
        "stopped, or before the first page was opened here.",
    )
