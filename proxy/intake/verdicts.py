"""What is said about the events of a beacon, one by one, and the answers that say it (WIRE.md, "Beacon").

Law: a bad event takes only itself along. No answer repeats a value: what was refused may be what must never be kept.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

from starlette.responses import JSONResponse, Response

from proxy.events.catalogue import Catalogue, Rejection, Sender
from proxy.events.incoming import BrowserEvent, action_of, read_event
from proxy.events.wire import Beacon
from proxy.store.base import Confirmed, Refusal
from proxy.visitors.ids import parse_uuid

RETRY_AFTER_SECONDS = 5
NOT_STORED = "a fault of this server's, which its log names; sent again it would fail again"


class Verdicts(NamedTuple):
    """The events of a beacon: those that are taken, what is kept of the others, and what the answer says."""

    events: tuple[BrowserEvent, ...]
    refusals: tuple[Refusal, ...]
    rejected: tuple[dict[str, object], ...]
    warnings: tuple[dict[str, object], ...]


def judge(beacon: Beacon, site: str, catalogue: Catalogue, sender: Sender) -> Verdicts:
    """Read every event. `site`: the page's origin with a slash; only its own addresses can have been visited."""
    events: list[BrowserEvent] = []
    refusals: list[Refusal] = []
    rejected: list[dict[str, object]] = []
    warnings: list[dict[str, object]] = []
    for index, raw in enumerate(beacon.events):
        try:
            event, notices = read_event(raw, catalogue, sender)
            if event.action == "page.visit" and not str(dict(event.more).get("uri")).startswith(site):
                raise Rejection("bad_type", "uri", "uri is not an address of this site")
        except Rejection as error:
            refusals.append(Refusal(action_of(raw), error.code, error.field, id_in(raw, "id"), id_in(raw, "view")))
            rejected.append(rejection(index, error.code, error.field, str(error)))
            continue
        events.append(event)
        warnings += [{"index": index, "code": code, "field": field} for code, field in notices]
    return Verdicts(tuple(events), tuple(refusals), tuple(rejected), tuple(warnings))


def accepted(beacon: Beacon, verdicts: Verdicts, confirmed: Confirmed) -> Response:
    """202: what could be stored is on disk, or was there before. What a fault of ours kept from it is told as rejected
    and not asked for again: it would fail again, and take the places of what comes after it."""
    lost: tuple[dict[str, object], ...] = ()
    if confirmed.failed:
        lost = tuple(_lost(beacon, confirmed))
    duplicates = len(verdicts.events) - confirmed.stored - sum(one["index"] is not None for one in lost)
    return _answer(confirmed.stored, duplicates, verdicts.rejected + lost, verdicts.warnings)


def rejected(beacon: Beacon, reason: str) -> Response:
    """202, and nothing is taken: `no_visitor`, `opted_out`."""
    told = [rejection(None, reason, "confirm", "the page is not counted")] if beacon.showing is not None else []
    told += [
        rejection(index, reason, "", "nothing is recorded for this browser") for index in range(len(beacon.events))
    ]
    return _answer(0, 0, tuple(told), ())


def problem(status: int, code: str, message: str) -> Response:
    """A refusal of the whole request."""
    return JSONResponse({"error": code, "message": message}, status, headers={"cache-control": "no-store"})


def later(code: str, message: str) -> Response:
    """503: it is to be sent again. What of it is stored is known by its ids."""
    answer = problem(503, code, message)
    answer.headers["retry-after"] = str(RETRY_AFTER_SECONDS)
    return answer


def too_many(wait: float, message: str) -> Response:
    """429: all of it is to be sent again, in `wait` seconds."""
    answer = problem(429, "too_many", message)
    answer.headers["retry-after"] = str(math.ceil(wait))
    return answer


def _lost(beacon: Beacon, confirmed: Confirmed) -> Iterator[dict[str, object]]:
    if beacon.showing is not None and parse_uuid(beacon.showing.id) in confirmed.failed:
        yield rejection(None, "not_stored", "confirm", NOT_STORED)
    for index, raw in enumerate(beacon.events):
        if id_in(raw, "id") in confirmed.failed:
            yield rejection(index, "not_stored", "", NOT_STORED)


def rejection(index: int | None, code: str, field: str, message: str) -> dict[str, object]:
    """What an answer says of an event that is not taken; `index` None: of the page."""
    return {"index": index, "code": code, "field": field, "message": message}


def _answer(
    stored: int, duplicates: int, rejected: tuple[dict[str, object], ...], warnings: tuple[dict[str, object], ...]
) -> Response:
    return JSONResponse(
        {"accepted": stored, "duplicates": duplicates, "rejected": rejected, "warnings": warnings},
        status_code=202,
        headers={"cache-control": "no-store"},
    )


def id_in(raw: object, key: str) -> bytes | None:
    """An id of a refused event, if it is one."""
    text = raw.get(key) if isinstance(raw, dict) else None
    return parse_uuid(text) if isinstance(text, str) else None
