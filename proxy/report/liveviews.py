"""What the live page's addresses answer: the latest events, what its script asks for, and the stream of new ones.

Law: as of views.py. Whoever watches takes a place of the feed's (live.py), of which there are few.
"""

from collections.abc import Callable
from functools import partial

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from proxy.asgi import ASGIApp
from proxy.report.answering import Answers, Form, Look, Trouble
from proxy.report.asked import Position, position_of
from proxy.report.live import Feed
from proxy.report.overview import Model
from proxy.report.pages import Templates
from proxy.report.sheets import latest_table
from proxy.report.sifting import Sieve, latest, none_text, sieve_of
from proxy.report.stream import Stream


class LiveViews:
    """The live page, and what belongs to it."""

    def __init__(self, answers: Answers, templates: Templates, feed: Feed, *, clock_ms: Callable[[], int]) -> None:
        self._answers = answers
        self._templates = templates
        self._feed = feed
        self._clock_ms = clock_ms

    def routes(self) -> list[Route]:
        """The addresses that its script asks for."""
        return [
            Route("/live/stream", self.stream),
            Route("/live/lines.json", self.lines),
            Route("/live/clock.json", self.clock),
        ]

    async def live(self, request: Request, *, form: Form) -> Response:
        sieve = sieve_of(request.query_params)
        answer = await self._answers.look(self._latest(request, sieve, is_page=form == Form.PAGE))
        return self._answers.answer(
            "live.html",
            answer,
            form,
            latest_table,
            request.query_params,
            shown=self._shown(answer) if form == Form.PAGE else (),
            sieve=sieve,
            none_text=none_text(answer) if isinstance(answer, dict) else "",
        )

    async def lines(self, request: Request) -> Response:
        """What the live page would show under another filter: for its script."""
        answer = await self._answers.look(self._latest(request, sieve_of(request.query_params), is_page=True))
        if isinstance(answer, dict):
            answer = {"lines": self._shown(answer), "none": none_text(answer)}
        return self._answers.answer("", answer, Form.JSON, latest_table, request.query_params)

    def _latest(self, request: Request, sieve: Sieve, *, is_page: bool) -> Look:
        position = Position() if is_page else position_of(request.query_params.get("after", ""))
        shown, now_ms = self._templates.shown, self._clock_ms()
        return partial(latest, position=position, sieve=sieve, shown=shown, now_ms=now_ms)

    def _shown(self, answer: Model | Trouble) -> list[Model]:
        """The lines of the live page, the latest first."""
        if not isinstance(answer, dict):
            return []
        return [self._templates.shown(line, answer["several_hosts"]) for line in reversed(answer["lines"])]

    async def stream(self, request: Request) -> ASGIApp:
        if request.method == "HEAD":
            return Response(media_type="text/event-stream")
        after = request.headers.get("last-event-id") or request.query_params.get("after", "")
        watcher = self._feed.join(position_of(after))
        if watcher is None:
            message = "too many people are watching; close another live page"
            return JSONResponse({"error": "too_many_watchers", "message": message}, 503, {"retry-after": "5"})
        return Stream(self._feed, watcher)

    async def clock(self, request: Request) -> Response:
        return JSONResponse({"now": self._clock_ms()})
