"""What the report does with all that is held of a visitor: it gives it out as a file, and forgets it once it has asked.

Law: the only page of the report that changes anything. What it changes, a POST does, which is taken from a form of ours
only (access.py, `is_same_origin`), whatever token it brings; a GET asks. Whatever fails is said: whose fault it is, and
what has become of the visitor.
"""

import asyncio
import logging
from collections.abc import Callable, Generator
from functools import partial
from typing import Protocol

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from proxy.asgi import ASGIApp
from proxy.events.event import Event
from proxy.report.access import is_same_origin
from proxy.report.answering import Answers, Form, Trouble
from proxy.report.exporting import TYPES, Export, fields_of
from proxy.report.guard import small_form
from proxy.report.overview import Model
from proxy.store.base import StoreError
from proxy.store.questions import Late, ReportReader
from proxy.store.questions.held import Held

EXPORTS = 2
"""Files at the same time, each with a thread of its own."""
FORGET_SECONDS = 60.0
"""Until a page says that a visitor is still being forgotten. It goes on; there may be millions of events."""
SAID = {
    "nobody": "no such visitor, or one who was forgotten",
    "crawler": "a crawler, not a visitor; nothing was forgotten",
    "not_ours": "the request does not come from a page of the report (Origin); nothing was forgotten",
    "too_large": "the form is too large; nothing was forgotten",
    "going_on": "still under way; `footfall forget` tells when it is done",
}
"""What the JSON says where the store has said nothing."""

log = logging.getLogger("footfall.report")


class Keeper(Protocol):
    """What is done for one visitor, whose uuid is one that the store has told. Each call is made in a thread, and may
    raise a StoreError."""

    def held(self, uuid: str) -> Held:
        """How much is held; without the latest events. May raise Late."""
        ...

    def export(self, uuid: str) -> Generator[Event, None, None]:
        """All events, as `footfall export --visitor` has them; of a twin, those of whom it turned out to be."""
        ...

    def forget(self, uuid: str) -> Model:
        """Erase the visitor; the receipt, as `footfall forget --json` tells it, and `is_whole`: nothing has it any
        more. Where a StoreError is raised it may have begun; whoever writes to the store does the rest then.

        Raises:
            IsCrawler, NotSearched: what they say.
        """
        ...


class IsCrawler(Exception):
    """No visitor; nothing was erased."""


class NotSearched(Exception):
    """The visitor is erased, but a file that may still have it could not be searched; the message says which."""


class Keeping:
    """What the addresses below a visitor's answer."""

    def __init__(
        self, answers: Answers, open_keeper: Callable[[], Keeper], clock_ms: Callable[[], int], forget_seconds: float
    ) -> None:
        self._answers = answers
        self._open_keeper = open_keeper
        self._clock_ms = clock_ms
        self._forget_seconds = forget_seconds
        self._exports = 0
        self._turn = asyncio.Lock()
        self._under_way: set[asyncio.Task[Model]] = set()

    def routes(self) -> list[Route]:
        own, both = "/visitors/{uuid:str}", ["GET", "POST"]
        return [
            *(Route(f"{own}/export.{format}", partial(self.export, format=format)) for format in TYPES),
            Route(f"{own}/forget.json", partial(self.forget, form=Form.JSON), methods=both),
            Route(f"{own}/forget", partial(self.forget, form=Form.PAGE), methods=both),
        ]

    # All of it as a file ---------------------------------------------------------------------------------------

    async def export(self, request: Request, *, format: str) -> ASGIApp:
        found = await self._answers.look(partial(_main, uuid=request.path_params["uuid"]))
        if isinstance(found, Trouble):
            return self._answers.trouble(found, Form.JSON)
        uuid = str(found["visitor"])
        if request.method == "HEAD":
            return Response(headers={name.decode(): value.decode() for name, value in fields_of(uuid, format)})
        if self._exports >= EXPORTS:
            message = "other exports are under way; ask again when one of them is done"
            return JSONResponse({"error": "too_many_exports", "message": message}, 503, {"retry-after": "5"})
        self._exports += 1
        file = Export(lambda: self._open_keeper().export(uuid), uuid, format, self._is_over)
        try:
            await file.begin()
        except StoreError as wrong:
            file.close()
            return self._answers.trouble(wrong, Form.JSON)
        except BaseException:
            file.close()
            raise
        return file

    def _is_over(self) -> None:
        self._exports -= 1

    # Forgetting ------------------------------------------------------------------------------------------------

    async def forget(self, request: Request, *, form: Form) -> Response:
        asked, is_asking = str(request.path_params["uuid"]), request.method != "POST"
        fields = request.headers
        if not is_asking:
            if not is_same_origin(fields.get("sec-fetch-site"), fields.get("origin"), fields.get("host", "")):
                return self._say("not_ours", 403, form, visitor=asked)
            if await small_form(request) is None:
                return self._say("too_large", 400, form, visitor=asked)
        found = await self._answers.look(partial(self._asked, uuid=asked, is_counted=is_asking))
        if isinstance(found, Trouble):
            if is_asking:
                return self._answers.trouble(found, form)
            return self._say("kept", 503, form, visitor=asked, message=f"{found}")
        if found["visitor"] is None:
            return self._say("nobody", 404, form, visitor=asked)
        if is_asking:
            return self._answers.answer("forget.html", found, form)
        return await self._forget(str(found["visitor"]), form)

    def _asked(self, reader: ReportReader, uuid: str, is_counted: bool) -> Model:
        """Who is meant, None where there is nobody, and, counted, what there is of them."""
        known = _main(reader, uuid)
        if known is None or not is_counted:
            return known or {"visitor": None}
        late = False
        try:
            held = self._open_keeper().held(known["visitor"])
        except Late:  # it can be forgotten uncounted
            held, late = Held(), True
        return {
            **known,
            "late": late,
            "since": held.since,
            "sessions": held.sessions,
            "views": held.views,
            "others": held.others,
            "more": held.is_more,
            "is_customer": held.is_customer,
            "is_crawler": held.is_crawler,
        }

    async def _forget(self, uuid: str, form: Form) -> Response:
        """Begun, it is not stopped, whoever goes away."""
        task = asyncio.create_task(self._in_turn(uuid))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        try:
            receipt = await asyncio.wait_for(asyncio.shield(task), self._forget_seconds)
        except TimeoutError:
            task.add_done_callback(_note)
            return self._say("going_on", 202, form, visitor=uuid)
        except IsCrawler:
            return self._say("crawler", 409, form, visitor=uuid)
        except NotSearched as wrong:
            return self._say("not_searched", 200, form, visitor=uuid, message=str(wrong))
        except StoreError as wrong:
            log.error("a visitor could not be forgotten: %s", wrong)
            return await self._failed(uuid, wrong, form)
        return self._answers.answer("forgotten.html", receipt, form, at=self._clock_ms())

    async def _in_turn(self, uuid: str) -> Model:
        async with self._turn:
            return await run_in_threadpool(lambda: self._open_keeper().forget(uuid))

    async def _failed(self, uuid: str, wrong: StoreError, form: Form) -> Response:
        """What has become of a visitor whose forgetting has failed: the store is asked, if it answers."""
        found = await self._answers.look(lambda reader: {"is_there": _main(reader, uuid) is not None})
        kind = "unknown" if isinstance(found, Trouble) else "kept" if found["is_there"] else "begun"
        return self._say(kind, 503, form, visitor=uuid, message=str(wrong))

    def _say(self, kind: str, status: int, form: Form, *, visitor: object, message: str = "") -> Response:
        """Something else than a receipt. `kind` is one of not_forgotten.html."""
        if form != Form.PAGE:
            return JSONResponse({"error": kind, "message": message or SAID[kind]}, status)
        return self._answers.page("not_forgotten.html", status, kind=kind, visitor=visitor, message=message)


def _main(reader: ReportReader, uuid: str) -> Model | None:
    known = reader.visitor(uuid)
    return None if known is None else {"visitor": known[1]}


def _note(task: asyncio.Task[Model]) -> None:
    """For the log: nobody waits for the receipt any more."""
    if not task.cancelled() and (wrong := task.exception()) is not None:
        log.error("a visitor could not be forgotten: %s", wrong)
