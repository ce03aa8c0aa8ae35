"""From a question about the store to an answer: the same object as a page, as JSON or as CSV.

Law: a page, its `.json` and its `.csv` are made from one object. A page opens the store anew, in a worker thread, and
closes it: so a file that was replaced is read as it is now, and no connection is shared. What goes wrong with the store
is said on a page that tells what to do; an owner never sees a traceback.
"""

import asyncio
import json
from collections.abc import Callable
from enum import StrEnum

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from proxy.report.asked import Query
from proxy.report.overview import Model
from proxy.report.pages import Templates
from proxy.report.sheets import Table, separator_of
from proxy.store.base import StoreError, StoreUnusable
from proxy.store.questions import Late, ReportReader

READERS = 4
"""Pages that read the store at the same time; more wait."""

Look = Callable[[ReportReader], Model | None]
Trouble = StoreError | Late
Sheet = Callable[[Model], Table]
"""An answer as a table; raises Late where a part of it was too slow."""
NOTHING_ASKED: Query = {}


class Form(StrEnum):
    """How an answer is to be; what an address of it ends in."""

    PAGE = ""
    JSON = ".json"
    CSV = ".csv"


def form_of(path: str) -> Form:
    """The form that an address asks for."""
    path = path.removesuffix("l") if path.endswith(".jsonl") else path
    return next((form for form in (Form.JSON, Form.CSV) if path.endswith(form)), Form.PAGE)


def _no_sheet(model: Model) -> Table:
    """Of what is no table."""
    raise HTTPException(404)


class Answers:
    """Asks the store, and answers."""

    def __init__(self, open_reader: Callable[[], ReportReader], templates: Templates) -> None:
        self._open_reader = open_reader
        self._templates = templates
        self._turns = asyncio.Semaphore(READERS)

    async def look(self, look: Look) -> Model | Trouble:
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

    def answer(
        self,
        template: str,
        model: Model | Trouble,
        form: Form,
        sheet: Sheet = _no_sheet,
        query: Query = NOTHING_ASKED,
        **values: object,
    ) -> Response:
        """A model in a form. `query` is the address's, which may say what is to be between the cells of its sheet;
        `values` are what only its page needs."""
        if isinstance(model, Trouble):
            return self.trouble(model, form)
        if form == Form.CSV:
            try:
                table = sheet(model)
                rows = table.text(separator_of(query)).encode("utf-8", "replace")
                return Response(rows, media_type="text/csv", headers=table.fields())
            except Late as wrong:
                return self.trouble(wrong, form)
        if form == Form.JSON:
            text = json.dumps(model, ensure_ascii=False, indent=1)
            return Response(text.encode("utf-8", "replace"), media_type="application/json")
        return self.page(template, 200, model=model, **values)

    def trouble(self, wrong: Trouble, form: Form) -> Response:
        """What is said of a store that gives no answer."""
        kind = "late" if isinstance(wrong, Late) else "unavailable"
        kind = "unusable" if isinstance(wrong, StoreUnusable) else kind
        message = "the question took too long" if kind == "late" else str(wrong)
        if form != Form.PAGE:
            return JSONResponse({"error": f"store_{kind}", "message": message}, 503)
        return self.page("trouble.html", 200, kind=kind, message=message)

    def page(self, template: str, status: int, **values: object) -> Response:
        """A page of its own."""
        return Response(self._templates.render(template, **values), status, media_type="text/html")

    # What is not as it should be -------------------------------------------------------------------------------

    def sign_in(self, request: Request, place: str, wrong: bool) -> Response:
        status = 401 if wrong or request.url.path != "/sign-in" else 200
        return self.page("sign_in.html", status, place=place, wrong=wrong)

    async def problem(self, request: Request, wrong: Exception) -> Response:
        status = wrong.status_code if isinstance(wrong, HTTPException) else 500
        answer = self.page("problem.html", status, code=status)
        if form_of(request.url.path) != Form.PAGE:
            error = "not_found" if status == 404 else "refused"
            answer = JSONResponse({"error": error, "message": f"{status}"}, status)
        answer.headers.update((wrong.headers if isinstance(wrong, HTTPException) else None) or {})
        return answer

    async def failed(self, request: Request, wrong: Exception) -> Response:
        if form_of(request.url.path) != Form.PAGE:
            return JSONResponse({"error": "failed", "message": "500"}, 500)
        return self.page("problem.html", 500, code=500)
