"""The API for apps and servers, at `{prefix}/api/v1/`: events, transactions, what is held of a visitor, its erasure.

Law: nobody is anonymous here, and no cookie is looked at. 202 after the commit, as of a beacon; a refusal of the whole
request says why in one word and one sentence (WIRE.md, "API"; EVENTS.md section 8).
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from itertools import islice
from typing import Any, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from proxy.events.catalogue import Catalogue, Rejection
from proxy.events.event import Event
from proxy.events.transactions import read_transaction
from proxy.events.wire import BadBeacon, parse_object
from proxy.intake.authority import Authority, Caller, Refused
from proxy.intake.bodies import TooLarge, read_body
from proxy.intake.buckets import Buckets
from proxy.intake.recorder import Full, Recorder
from proxy.intake.told import Told, Whose, message, whose_is
from proxy.intake.verdicts import NOT_STORED, later, problem, too_many
from proxy.store.base import Confirmed, Forget, Forgotten, Query, Reader, StoreError
from proxy.visitors.customers import Customers
from proxy.visitors.ids import parse_uuid, text_of

BODY_MAX_BYTES = 1_048_576
"""Of a request (EVENTS.md section 8)."""
BODY_SECONDS = 30.0
"""For the whole body to arrive."""
COMMIT_SECONDS = 20.0
ERASE_SECONDS = 120.0
"""For a visitor's rows to go; it goes on where nobody waits any more."""
HELD_EVENTS = 1_000
"""Of a visitor, told at once; the answer says how to go on."""
AT_ONCE_BYTES = 32_768
"""A larger body is read beside the site's other requests, one at a time: it may have work of a second in it."""
NOBODY = "nothing is recorded of this visitor: it was erased, or is a crawler"

Read = TypeVar("Read")
Answer = Coroutine[Any, Any, Response]


class Api:
    """Answers the API's requests; `host` is the public one of the request, under which events without page are kept.
    `per_visitor`: events a second of whom a token names, an app being no more to be trusted than a browser;
    `per_server`: of a server's key, far more, but not all that the site's own visits need; 0: no limit."""

    def __init__(
        self,
        recorder: Recorder,
        authority: Authority,
        catalogue: Catalogue,
        customers: Customers,
        *,
        open_reader: Callable[[], Reader],
        clock_ms: Callable[[], int],
        per_visitor: int = 0,
        per_server: int = 0,
    ) -> None:
        self._recorder = recorder
        self._authority = authority
        self._catalogue = catalogue
        self._customers = customers
        self._open_reader = open_reader
        self._clock_ms = clock_ms
        self._reading = asyncio.Semaphore(1)
        self._visitors = Buckets(per_visitor)
        self._servers = Buckets(per_server)

    async def events(self, request: Request, host: str) -> Response:
        """`POST events`: of an app, for whom its token names; of a server, for anybody."""
        return await self._guarded(self._events(request, host))

    async def transactions(self, request: Request, host: str) -> Response:
        """`POST transactions`, of a server."""
        return await self._guarded(self._transactions(request, host))

    async def visitor(self, request: Request) -> Response:
        """`visitors/{uuid}`, for a server. GET: all that is held, in pages of `HELD_EVENTS`; DELETE: a receipt of what
        went."""
        return await self._guarded(self._erase(request) if request.method == "DELETE" else self._held(request))

    async def _guarded(self, answer: Answer) -> Response:
        try:
            return await answer
        except Refused as wrong:
            refusal = problem(wrong.status, {401: "unauthorized", 403: "forbidden"}[wrong.status], str(wrong))
            if wrong.status == 401:
                refusal.headers["www-authenticate"] = 'Bearer realm="footfall"'
            return refusal
        except _Problem as wrong:
            return problem(wrong.status, wrong.code, str(wrong))
        except _TooMany as wrong:
            return too_many(wrong.wait, "more events than are taken of one sender; send them again later")
        except BadBeacon as wrong:
            return problem(400, wrong.code, str(wrong))
        except (Full, TimeoutError):
            return later("overloaded", "the store does not keep up; send it again later")
        except StoreError:
            return later("unavailable", "the store cannot be read now; ask again later")

    def _caller(self, request: Request) -> Caller:
        return self._authority.caller(request.headers.get("authorization", ""))

    def _server(self, request: Request) -> str:
        return self._authority.server(request.headers.get("authorization", ""))

    def _pace(self, caller: Caller, sent: object) -> None:
        """Count a request, and how much is sent with it, taken or not. Raises _TooMany: nothing of it is taken."""
        number = 1 + (len(sent) if isinstance(sent, list) else 0)
        now, claims = asyncio.get_running_loop().time(), caller.claims
        if claims is None:
            wait = self._servers.take(caller.server, number, now)
        else:
            wait = self._visitors.take(claims.uuid or claims.customer, number, now)
        if wait:
            raise _TooMany(wait)

    async def _document(self, request: Request) -> tuple[dict[str, Any], int]:
        """The body, and how large it is."""
        media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media != "application/json":
            raise _Problem(415, "media_type", "Content-Type is not application/json")
        if "content-encoding" in request.headers:
            raise _Problem(415, "coded", "bodies are not compressed")
        try:
            body = await asyncio.wait_for(read_body(request, BODY_MAX_BYTES), BODY_SECONDS)
        except TimeoutError:
            raise _Problem(408, "timeout", "the body did not arrive in time") from None
        except ClientDisconnect:
            raise _Problem(400, "disconnected", "the body broke off") from None
        except TooLarge:
            raise _Problem(413, "too_large", f"the body is larger than {BODY_MAX_BYTES} bytes") from None
        return await self._beside(len(body), lambda: parse_object(body)), len(body)

    async def _beside(self, size: int, read: Callable[[], Read]) -> Read:
        """What is made of a body of so many bytes."""
        if size <= AT_ONCE_BYTES:
            return read()
        async with self._reading:
            return await run_in_threadpool(read)

    async def _events(self, request: Request, host: str) -> Response:
        caller = self._caller(request)
        document, size = await self._document(request)
        self._pace(caller, document.get("events"))
        now = self._clock_ms()
        told = Told(caller.claims, self._catalogue, self._customers, now)
        await self._beside(size, lambda: told.read(document))
        everybody = list(dict.fromkeys((*told.groups, *told.refusals)))
        done = await asyncio.wait_for(
            asyncio.gather(*(self._tell(told, whose, host, now) for whose in everybody)), COMMIT_SECONDS
        )
        if any(one is None for one in done):
            return later("not_stored", "not all could be stored; send it again later")
        return _accepted(told, sum(filter(None, done)))

    async def _tell(self, told: Told, whose: Whose, host: str, now: int) -> int | None:
        """Store what is told of one visitor: how many events were new, None where the store gave no answer."""
        events = told.groups.get(whose, [])
        item = message(whose, host, now, [event for _, event in events], told.refusals.get(whose, ()))
        result = await self._recorder.ask(item)
        if not isinstance(result, Confirmed):
            return None
        for index, event in events:
            if event.id in result.failed:
                told.lose(index, "not_stored", "", NOT_STORED)
            elif result.uuid is None:
                told.lose(index, "no_visitor", "client", NOBODY)
        return result.stored

    async def _transactions(self, request: Request, host: str) -> Response:
        caller = Caller(self._server(request), None)
        document, size = await self._document(request)
        self._pace(caller, document.get("products"))
        now = self._clock_ms()
        try:
            whose = whose_is(document, None, self._customers)
            transaction = await self._beside(size, lambda: read_transaction(document, self._catalogue, now))
        except Rejection as wrong:
            answer = {"error": wrong.code, "field": wrong.field, "message": str(wrong)}
            return JSONResponse(answer, 422, headers={"cache-control": "no-store"})
        item = message(whose, host, now, transaction.events)
        result = await asyncio.wait_for(self._recorder.ask(item), COMMIT_SECONDS)
        if not isinstance(result, Confirmed) or result.failed:
            return later("not_stored", "it could not be stored; send it again later")
        if result.uuid is None:
            return problem(404, "no_visitor", NOBODY)
        warnings = [{"code": notice.code, "field": field} for field, notice in transaction.warnings]
        stored = result.stored
        told = {"accepted": stored, "duplicates": len(transaction.events) - stored, "warnings": warnings}
        return JSONResponse(told, 202, headers={"cache-control": "no-store"})

    async def _held(self, request: Request) -> Response:
        uuid = self._visitor(request)
        after = request.query_params.get("after", "0")
        if not after.isascii() or not after.isdigit() or len(after) > 18:
            raise _Problem(400, "bad_after", "after is not a seq that an answer has told")
        events = await run_in_threadpool(self._read_held, uuid, int(after))
        if not events and after == "0":
            raise _Problem(404, "no_visitor", "nothing is held of this visitor")
        is_more = len(events) == HELD_EVENTS
        told = {
            "visitor": text_of(uuid),
            "events": [event.to_export() for event in events],
            "next": events[-1].seq if is_more else None,
        }
        return JSONResponse(told, headers={"cache-control": "no-store"})

    def _read_held(self, uuid: bytes, after: int) -> list[Event]:
        reader = self._open_reader()
        try:
            return list(islice(reader.export(Query(visitor=uuid, after=after)), HELD_EVENTS))
        finally:
            reader.close()

    async def _erase(self, request: Request) -> Response:
        uuid = self._visitor(request)
        done = await asyncio.wait_for(self._recorder.ask(Forget(uuid, self._clock_ms())), ERASE_SECONDS)
        if not isinstance(done, Forgotten):
            return later("not_erased", "the visitor could not be erased; ask again later")
        if done.is_crawler:
            raise _Problem(409, "crawler", "a crawler, not a visitor; nothing was erased")
        if not done.is_known and not done.was_erased:
            raise _Problem(404, "no_visitor", "nothing is held of this visitor")
        return JSONResponse(receipt_of(uuid, done), headers={"cache-control": "no-store"})

    def _visitor(self, request: Request) -> bytes:
        self._pace(Caller(self._server(request), None), None)
        uuid = parse_uuid(request.path_params["uuid"])
        if uuid is None:
            raise _Problem(404, "bad_id", "this is no visitor's UUID")
        return uuid


def receipt_of(uuid: bytes, done: Forgotten) -> dict[str, object]:
    """What went, for whoever asked for it."""
    return {
        "visitor": text_of(uuid),
        "was_known": done.is_known,
        "was_erased": done.was_erased,
        "uuids": [text_of(one) for one in done.uuids],
        "events": dict(done.events),
        "sessions": done.sessions,
        "ids": done.ids,
        "texts": done.texts,
        "log_emptied": done.is_flushed,
    }


class _Problem(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class _TooMany(Exception):
    """Somebody sends more than is taken; `wait`: seconds until it is worth coming back."""

    def __init__(self, wait: float) -> None:
        super().__init__()
        self.wait = wait


def _accepted(told: Told, stored: int) -> Response:
    taken = sum(map(len, told.groups.values()))
    answer: Mapping[str, object] = {
        "accepted": stored,
        "duplicates": taken - stored - told.lost,
        "rejected": sorted(told.rejected, key=lambda one: int(str(one["index"]))),
        "warnings": told.warnings,
    }
    return JSONResponse(answer, 202, headers={"cache-control": "no-store"})
