"""The report as an application: its addresses, and one short look at the store for each of its pages.

Law: a page and its `.json` are made from one object. A page opens the store anew, in a worker thread, and closes it:
so a file that was replaced is read as it is now, and no connection is shared. What goes wrong with the store is said
on a page that tells what to do; an owner never sees a traceback.
"""

import asyncio
import json
from collections.abc import Callable, Iterable
from datetime import tzinfo
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from proxy.asgi import ASGIApp, Receive, Scope, Send
from proxy.report import people
from proxy.report.access import Access
from proxy.report.asked import Part, Position, cursor_of, lane_of, part_of, position_of, text_of
from proxy.report.balance import balance
from proxy.report.charts import band, columns
from proxy.report.chosen import chosen_of
from proxy.report.guard import Guard
from proxy.report.live import Feed
from proxy.report.overview import Model, overview, refusals
from proxy.report.pages import HERE, Templates, href
from proxy.report.poll import skipped_by
from proxy.report.ranges import DEFAULT, Range, range_of
from proxy.report.stream import Stream
from proxy.store.base import StoreError, StoreUnusable
from proxy.store.questions import Late, ReportReader, Slot

READERS = 4
"""Pages that read the store at the same time; more wait."""
ROWS, MORE_ROWS = 8, 100
"""Rows of a list, and of one that is asked for whole."""
LIVE_SHOWN = 60

Look = Callable[[ReportReader], Model | None]
Trouble = StoreError | Late


class Report:
    """The report, guarded; an ASGI application. `stop` ends its live streams, for a server that is about to end."""

    def __init__(self, app: ASGIApp, feed: Feed) -> None:
        self._app = app
        self._feed = feed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)

    @property
    def watchers(self) -> int:
        """How many people watch the live feed."""
        return self._feed.watchers

    def stop(self) -> None:
        """End all live streams; may be called from any thread."""
        self._feed.stop()


def make_report(
    open_reader: Callable[[], ReportReader],
    *,
    token: str,
    hosts: Iterable[str] | None,
    zone: tzinfo | None,
    clock_ms: Callable[[], int],
    site: str,
    version: str,
) -> Report:
    """The report's application.

    Args:
        open_reader: opens the store; may raise a StoreError.
        token: what must be shown to read anything.
        hosts: the names, without port, that it answers to; None: those of this machine (DNS rebinding).
        zone: in which days begin; None: the machine's.
        clock_ms: UTC milliseconds.
        site: the site's address, as it is to be shown.
        version: footfall's.
    """
    templates = Templates(zone=zone, clock_ms=clock_ms, site=site, version=version)
    feed = Feed(open_reader, templates.shown, clock_ms)
    views = Views(open_reader, templates, feed, zone=zone, clock_ms=clock_ms)
    app = Starlette(
        routes=[
            *views.both("/", views.overview, "/overview.json", "/index.json"),
            *views.both("/visitors", views.visitors, "/visitors.json"),
            *views.both("/visitors/{uuid:str}", views.visitor, "/visitors/{uuid:str}.json"),
            *views.both("/live", views.live, "/live.json"),
            *views.both("/requests", views.requests, "/requests.json"),
            *views.both("/rejected", views.rejected, "/rejected.json"),
            Route("/live/stream", views.stream),
            Route("/live/clock.json", views.clock),
            Mount("/static", StaticFiles(directory=HERE / "static")),
        ],
        exception_handlers={HTTPException: views.problem, Exception: views.failed},
    )
    return Report(Guard(app, access=Access(token), hosts=hosts, sign_in=views.sign_in), feed)


class Views:
    """What each address answers."""

    def __init__(
        self,
        open_reader: Callable[[], ReportReader],
        templates: Templates,
        feed: Feed,
        *,
        zone: tzinfo | None,
        clock_ms: Callable[[], int],
    ) -> None:
        self._open_reader = open_reader
        self._templates = templates
        self._feed = feed
        self._zone = zone
        self._clock_ms = clock_ms
        self._turns = asyncio.Semaphore(READERS)

    def both(self, page: str, view: Callable[..., Any], *json_paths: str) -> list[Route]:
        """A page's address and that of its JSON, which comes first: a uuid's pattern would take it."""
        return [
            *(Route(path, partial(view, plain=True)) for path in json_paths),
            Route(page, partial(view, plain=False)),
        ]

    # Pages -----------------------------------------------------------------------------------------------------

    async def overview(self, request: Request, *, plain: bool) -> Response:
        query, span, now = request.query_params, self._range(request), self._clock_ms()
        limit = MORE_ROWS if query.get("rows") == "all" else ROWS
        answer = await self._look(
            partial(
                overview,
                span=span,
                lane=lane_of(query),
                chosen=chosen_of(query.multi_items()),
                limit=MORE_ROWS if plain else limit,
                now_ms=now,
            )
        )
        if plain or isinstance(answer, Trouble):
            return self._answer("overview.html", answer, plain=plain)
        series = answer["series"]
        chart = series and columns([Slot(**slot) for slot in series], span, self._zone)
        shown = {"chart": chart, "hourly": span.hourly, "whole": limit == MORE_ROWS, "most": MORE_ROWS}
        return self._answer("overview.html", answer, plain=plain, **shown)

    async def visitors(self, request: Request, *, plain: bool) -> Response:
        query = request.query_params
        before = cursor_of(query.get("before", ""))
        chosen = chosen_of(query.multi_items())
        look = partial(people.visitors, span=self._range(request), lane=lane_of(query), before=before, chosen=chosen)
        return self._answer("visitors.html", await self._look(look), plain=plain, before=text_of(before))

    async def visitor(self, request: Request, *, plain: bool) -> Response:
        uuid, part = request.path_params["uuid"], part_of(request.query_params)
        answer = await self._look(partial(people.visitor, uuid=uuid, part=part, now_ms=self._clock_ms()))
        if isinstance(answer, dict) and answer["visitor"] != uuid:  # a twin, or another spelling
            path = f"/visitors/{answer['visitor']}{'.json' if plain else ''}"
            return RedirectResponse(href(path, **part.query()), 303)
        return self._answer("visitor.html", answer, plain=plain, band=_band, part=part, is_whole=part == Part())

    async def live(self, request: Request, *, plain: bool) -> Response:
        position = position_of(request.query_params.get("after", "")) if plain else Position()
        answer = await self._look(partial(self._latest, position=position))
        if plain or isinstance(answer, Trouble):
            return self._answer("live.html", answer, plain=plain)
        lines = [self._templates.shown(line, answer["several_hosts"]) for line in reversed(answer["lines"])]
        return self._answer("live.html", answer, plain=plain, shown=lines)

    def _latest(self, reader: ReportReader, position: Position) -> Model:
        """The latest events after a position, and how many there are besides; the latest of all where nobody was told
        anything, or of another store."""
        with reader.moment():
            newest = Position(reader.newest(), reader.identity())
            after = position.seq if position.store in ("", newest.store) else 0
            lines = reader.after(after, LIVE_SHOWN)
            skipped = skipped_by(reader, after, len(lines)) if after and len(lines) == LIVE_SHOWN else 0
            several = reader.has_several_hosts()
        return {
            "now": self._clock_ms(),
            "newest": newest.seq,
            "after": newest.text(),
            "several_hosts": several,
            "skipped": skipped,
            "lines": [people.line_of(line) for line in lines],
        }

    async def rejected(self, request: Request, *, plain: bool) -> Response:
        answer = await self._look(partial(refusals, limit=MORE_ROWS))
        return self._answer("rejected.html", answer, plain=plain)

    async def requests(self, request: Request, *, plain: bool) -> Response:
        answer = await self._look(partial(balance, span=self._range(request), now_ms=self._clock_ms()))
        return self._answer("requests.html", answer, plain=plain)

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

    # What is not as it should be -------------------------------------------------------------------------------

    def sign_in(self, request: Request, place: str, wrong: bool) -> Response:
        return self._page(
            "sign_in.html", 401 if wrong or request.url.path != "/sign-in" else 200, place=place, wrong=wrong
        )

    async def problem(self, request: Request, wrong: Exception) -> Response:
        status = wrong.status_code if isinstance(wrong, HTTPException) else 500
        answer = self._page("problem.html", status, code=status)
        if request.url.path.endswith(".json"):
            error = "not_found" if status == 404 else "refused"
            answer = JSONResponse({"error": error, "message": f"{status}"}, status)
        answer.headers.update((wrong.headers if isinstance(wrong, HTTPException) else None) or {})
        return answer

    async def failed(self, request: Request, wrong: Exception) -> Response:
        if request.url.path.endswith(".json"):
            return JSONResponse({"error": "failed", "message": "500"}, 500)
        return self._page("problem.html", 500, code=500)

    # How ---------------------------------------------------------------------------------------------------------

    async def _look(self, look: Look) -> Model | Trouble:
        """What a question of ours says about the store; 404 where that is nothing."""
        async with self._turns:
            answer = await run_in_threadpool(self._read, look)
        if answer is None:
            raise HTTPException(404)
        return answer

    def _read(self, look: Look) -> Model | Trouble | None:
        try:
            reader = self._open_reader()
        except StoreError as wrong:
            return wrong
        try:
            return look(reader)
        except (StoreError, Late) as wrong:
            return wrong
        finally:
            reader.close()

    def _answer(self, template: str, answer: Model | Trouble, *, plain: bool, **values: object) -> Response:
        if isinstance(answer, Trouble):
            kind = "late" if isinstance(answer, Late) else "unavailable"
            kind = "unusable" if isinstance(answer, StoreUnusable) else kind
            message = "the question took too long" if kind == "late" else str(answer)
            if plain:
                return JSONResponse({"error": f"store_{kind}", "message": message}, 503)
            return self._page("trouble.html", 200, kind=kind, message=message)
        if plain:
            return Response(
                json.dumps(answer, ensure_ascii=False, indent=1).encode("utf-8", "replace"),
                media_type="application/json",
            )
        return self._page(template, 200, model=answer, **values)

    def _page(self, template: str, status: int, **values: object) -> Response:
        return Response(self._templates.render(template, **values), status, media_type="text/html")

    def _range(self, request: Request) -> Range:
        return range_of(request.query_params.get("range", DEFAULT), self._clock_ms(), self._zone)


def _band(session: Model) -> object:
    moments = [(line["time"], line["kind"]) for line in session["story"]]
    until = session["story"][-1]["time"] if session["more"] else session["last"]
    return band(moments, session["start"], session["last"], until)
