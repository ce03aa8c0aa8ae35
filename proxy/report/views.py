"""What each address of the report answers: one short look at the store, and a page, JSON or CSV of it.

Law: nothing is counted here; what an address asks for is read by asked.py, chosen.py and ranges.py.
"""

from collections.abc import Callable, Sequence
from datetime import tzinfo
from functools import partial

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from proxy.events.event import is_action
from proxy.report import people
from proxy.report.answering import Answers, Form
from proxy.report.asked import Part, cursor_of, lane_of, part_of, text_of, wanted_of
from proxy.report.attention import EVIDENCE_SHOWN, attention, attention_table, drawn
from proxy.report.balance import balance
from proxy.report.charts import band, columns
from proxy.report.chosen import chosen_of, hovered_of, page_of
from proxy.report.defined import defined, defined_rows
from proxy.report.explore import explore, explore_table
from proxy.report.flows import draw
from proxy.report.forms import forms, forms_table
from proxy.report.live import Feed
from proxy.report.liveviews import LiveViews
from proxy.report.overview import Model, overview, refusals
from proxy.report.pages import Templates, href
from proxy.report.paths import TRAIL_PAGES, paths, paths_table
from proxy.report.ranges import Range, asked_range, before, closer, range_of
from proxy.report.sheets import (
    ASKED_FOR,
    SHEET_ROWS,
    Table,
    card_of,
    card_table,
    ranked,
    requests_table,
    search_table,
    story_table,
    visitors_table,
    whole,
)
from proxy.report.trouble import trouble, trouble_table
from proxy.store.questions import Slot

ROWS, MORE_ROWS = 8, 100
"""Rows of a list, and of one that is asked for whole."""
WAYS = 20
"""Ways through the site on their page."""


class Views:
    """What each address answers."""

    def __init__(
        self,
        answers: Answers,
        templates: Templates,
        feed: Feed,
        *,
        marks_of: Callable[[str], Sequence[bytes]],
        definitions: Sequence[Model],
        zone: tzinfo | None,
        clock_ms: Callable[[], int],
    ) -> None:
        self._answers = answers
        self._live = LiveViews(answers, templates, feed, clock_ms=clock_ms)
        self._marks_of = marks_of
        self._definitions = definitions
        self._zone = zone
        self._clock_ms = clock_ms

    def routes(self) -> list[Route]:
        """All addresses. Those of JSON and CSV come first: a uuid's pattern would take them."""
        pages = (
            ("/overview", "/", self.overview),
            ("/visitors", "/visitors", self.visitors),
            ("/attention", "/attention", self.attention),
            ("/search", "/search", self.search),
            ("/visitors/{uuid:str}", "/visitors/{uuid:str}", self.visitor),
            ("/paths", "/paths", self.paths),
            ("/forms", "/forms", self.forms),
            ("/errors", "/errors", self.errors),
            ("/explore", "/explore", self.explore),
            ("/live", "/live", self._live.live),
            ("/requests", "/requests", self.requests),
            ("/events", "/events", self.events),
            ("/rejected", "/rejected", self.rejected),
        )
        return [
            *(Route(f"{stem}{form}", partial(view, form=form)) for stem, _, view in pages for form in Form if form),
            Route("/index.json", partial(self.overview, form=Form.JSON)),
            *(Route(path, partial(view, form=Form.PAGE)) for _, path, view in pages),
            *self._live.routes(),
        ]

    async def overview(self, request: Request, *, form: Form) -> Response:
        query, span, now = request.query_params, self._range(request), self._clock_ms()
        card = card_of(query)
        rows = MORE_ROWS if query.get("rows") == "all" or form == Form.JSON else ROWS
        look = partial(
            overview,
            span=span,
            lane=lane_of(query),
            chosen=chosen_of(query.multi_items()),
            earlier=before(span, now, self._zone),
            wanted={ASKED_FOR.get(card, card)} if form == Form.CSV else None,
            limit=SHEET_ROWS if form == Form.CSV else rows,
            now_ms=now,
        )
        answer = await self._answers.look(look)
        shown: Model = {"whole": rows == MORE_ROWS, "most": MORE_ROWS, "unit": span.unit}
        if form == Form.PAGE and isinstance(answer, dict):
            series = answer["series"]
            slots = None if series is None else [Slot(**slot) for slot in series]
            shown["chart"] = None if slots is None else columns(slots, span, self._zone)
            # Filters may have left out the first bars, and the beginning of the next one.
            left_out = len(span.edges) - len(slots or ())
            shown["zooms"] = [closer(span, place, self._zone) for place in range(left_out, len(span.edges))]
        return self._answers.answer(
            "overview.html", answer, form, lambda model: card_table(model, card), query, **shown
        )

    async def visitors(self, request: Request, *, form: Form) -> Response:
        query = request.query_params
        before_it = cursor_of(query.get("before", ""))
        look = partial(
            people.visitors,
            **self._asked(request),
            before=before_it,
            limit=SHEET_ROWS if form == Form.CSV else people.VISITORS_SHOWN,
        )
        answer = await self._answers.look(look)
        return self._answers.answer(
            "visitors.html",
            answer,
            form,
            visitors_table,
            query,
            before=text_of(before_it),
        )

    async def attention(self, request: Request, *, form: Form) -> Response:
        query = request.query_params
        of, card = hovered_of(query.get("of", "")), query.get("card", "")
        rows = EVIDENCE_SHOWN if of and form == Form.PAGE else MORE_ROWS
        look = partial(
            attention,
            **self._asked(request),
            of=of,
            limit=SHEET_ROWS if form == Form.CSV else rows,
        )
        answer = await self._answers.look(look)
        chart = drawn(answer) if form == Form.PAGE and isinstance(answer, dict) else None
        return self._answers.answer(
            "attention.html", answer, form, lambda model: attention_table(model, card), query, chart=chart
        )

    async def search(self, request: Request, *, form: Form) -> Response:
        """Leads to the one visitor who is meant; a list where several may be, or nobody."""
        wanted = wanted_of(request.query_params)
        look = partial(people.search, wanted=wanted, marks=self._marks_of(wanted))
        answer = await self._answers.look(look)
        if isinstance(answer, dict) and len(answer["visitors"]) == 1 and form == Form.PAGE:
            return RedirectResponse(f"/visitors/{answer['visitors'][0]['uuid']}", 303)
        return self._answers.answer("search.html", answer, form, search_table, request.query_params)

    async def visitor(self, request: Request, *, form: Form) -> Response:
        query = request.query_params
        uuid, part = request.path_params["uuid"], part_of(query)
        answer = await self._answers.look(partial(people.visitor, uuid=uuid, part=part, now_ms=self._clock_ms()))
        if isinstance(answer, dict) and answer["visitor"] != uuid:  # a twin, or another spelling
            return RedirectResponse(
                href(f"/visitors/{answer['visitor']}{form}", **part.query(), sep=query.get("sep")), 303
            )
        return self._answers.answer(
            "visitor.html", answer, form, story_table, query, band=_band, part=part, is_whole=part == Part()
        )

    async def paths(self, request: Request, *, form: Form) -> Response:
        query = request.query_params
        of = page_of(query.get("of", ""))
        answer = await self._answers.look(
            partial(
                paths,
                **self._asked(request),
                of=of,
                limit=SHEET_ROWS if form == Form.CSV else MORE_ROWS if form == Form.JSON else WAYS,
            )
        )
        shown: Model = {"trail_pages": TRAIL_PAGES}
        if form == Form.PAGE and isinstance(answer, dict) and answer["flow"] is not None:
            shown["drawing"] = draw(answer["flow"], answer["of"])
        return self._answers.answer("paths.html", answer, form, paths_table, query, **shown)

    async def forms(self, request: Request, *, form: Form) -> Response:
        return await self._one_of(request, form, "forms.html", forms, forms_table)

    async def errors(self, request: Request, *, form: Form) -> Response:
        return await self._one_of(request, form, "errors.html", trouble, trouble_table)

    async def explore(self, request: Request, *, form: Form) -> Response:
        query = request.query_params
        of = query.get("of", "")
        rows = WAYS if is_action(of) and form == Form.PAGE else MORE_ROWS
        look = partial(
            explore,
            **self._asked(request),
            definitions=self._definitions,
            of=of,
            limit=SHEET_ROWS if form == Form.CSV else rows,
        )
        answer = await self._answers.look(look)
        return self._answers.answer("explore.html", answer, form, explore_table, query)

    async def rejected(self, request: Request, *, form: Form) -> Response:
        answer = await self._answers.look(partial(refusals, limit=SHEET_ROWS if form == Form.CSV else MORE_ROWS))
        return self._answers.answer("rejected.html", answer, form, ranked, request.query_params)

    async def events(self, request: Request, *, form: Form) -> Response:
        answer = await self._answers.look(partial(defined, definitions=self._definitions, limit=MORE_ROWS))
        return self._answers.answer(
            "events.html", answer, form, lambda model: whole(defined_rows(model)), request.query_params
        )

    async def requests(self, request: Request, *, form: Form) -> Response:
        answer = await self._answers.look(partial(balance, span=self._range(request), now_ms=self._clock_ms()))
        return self._answers.answer("requests.html", answer, form, requests_table, request.query_params)

    async def _one_of(
        self,
        request: Request,
        form: Form,
        template: str,
        question: Callable[..., Model],
        table: Callable[[Model, str], Table],
    ) -> Response:
        """A list, or what its address names by `of`, whose sheets are named by `card`."""
        query = request.query_params
        limit = SHEET_ROWS if form == Form.CSV else MORE_ROWS
        look = partial(question, **self._asked(request), of=query.get("of", ""), limit=limit)
        answer, card = await self._answers.look(look), query.get("card", "")
        return self._answers.answer(template, answer, form, lambda model: table(model, card), query)

    def _asked(self, request: Request) -> Model:
        """The range, lane and filters that an address asks for."""
        query = request.query_params
        return {
            "span": self._range(request),
            "lane": lane_of(query),
            "chosen": chosen_of(query.multi_items()),
        }

    def _range(self, request: Request) -> Range:
        return range_of(asked_range(request.query_params), self._clock_ms(), self._zone)


def _band(session: Model) -> object:
    moments = [(line["time"], line["kind"]) for line in session["story"]]
    until = session["story"][-1]["time"] if session["more"] else session["last"]
    return band(moments, session["start"], session["last"], until)
