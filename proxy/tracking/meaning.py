"""What an answer of the site says of its visitor beyond that a page was seen: events by rules, what came of a form.

Law: only of somebody whose cookie can be believed, who is no crawler, is tracked, and is where things are counted;
nobody is made a visitor by it. A body is looked at as it goes by, and never waited for.
"""

import logging
from dataclasses import replace
from urllib.parse import urljoin

from proxy.events.incoming import BrowserEvent
from proxy.events.privacy import clean_uri
from proxy.fieldlist import FieldList
from proxy.page.coding.base import CodingError
from proxy.page.coding.offered import coding_of
from proxy.page.eligibility import Answer, Kind, Outcome, Standing
from proxy.page.forms import FormNames
from proxy.store.base import ASKED, Confirmation, FormAnswer
from proxy.tracking.request import TrackedRequest
from proxy.tracking.settings import Tracking
from proxy.visitors.ids import event_id

log = logging.getLogger("footfall.tracking")

ID_BYTES = 10
"""Random ones, of an event's id."""
FORM_TYPES = (b"application/x-www-form-urlencoded", b"multipart/form-data", b"text/plain")
"""What a form is sent as (HTML 4.10.21.3)."""
LOCATION_MAX_BYTES = 2_048
DECODED_MAX_BYTES = 2_097_152
"""Of a coded page that goes by untouched, decoded only to be looked at."""


class Watch:
    """A page that answers a form, on its way to the visitor: which tracked forms it has."""

    __slots__ = ("_answer", "_decoder", "_left", "_names", "_tracking")

    def __init__(self, tracking: Tracking, answer: FormAnswer, coding: bytes) -> None:
        known = coding_of(coding)
        self._tracking = tracking
        self._answer = answer
        self._decoder = None if known is None else known.decoder()
        self._left = DECODED_MAX_BYTES
        self._names = FormNames()

    def feed(self, chunk: bytes) -> None:
        """The next bytes of the page, not coded. Raises nothing: the page goes on, whatever is found in it."""
        try:
            self._names.feed(chunk)
        except Exception:
            log.exception("a page that answers a form could not be looked at; it is served as it is")

    def pass_by(self, chunk: bytes) -> None:
        """The next bytes of a page that nobody else decodes, as they are sent."""
        decoder = self._decoder
        if decoder is None:
            self.feed(chunk)  # where they are coded in a way that is not known here, nothing is found
            return
        if self._left <= 0 or decoder.ended:
            return
        try:
            for piece in decoder.feed(chunk):
                self.feed(piece)
                self._left -= len(piece)
                if self._left <= 0:
                    return
        except Exception as error:
            self._left = 0
            if not isinstance(error, CodingError):  # else the site's own fault, which the visitor gets as it is
                log.exception("a page that answers a form could not be decoded; it is served as it is")

    def end(self) -> None:
        """There are no more."""
        self._tracking.recorder.record(self._answer._replace(forms=self._names.names))


def tell(tracking: Tracking, request: TrackedRequest, outcome: str, answer: Answer, headers: FieldList) -> Watch | None:
    """Record what an answer's head means; of a page that may be a form shown again, what is to see its body."""
    meant = tracking.rules.meant(request.method, request.raw_path, answer.status)
    is_form = _is_posted(request) if request.method == "POST" else _is_asked(request, outcome)
    if not (meant or is_form) or request.identity is None or request.standing(tracking) != Standing.ORDINARY:
        return None
    page = tracking.cleaner.page(request)
    path = page.path + ASKED if request.method == "GET" and request.query else page.path
    told = FormAnswer(request.identity.uuid, tracking.clock_ms(), page.host, path, answer.status)
    if meant:
        _record(tracking, request, told, meant)
    if not is_form:
        return None
    if request.method == "POST" and answer.html and 200 <= answer.status < 300:
        return Watch(tracking, told, answer.coding)
    tracking.recorder.record(told._replace(redirect=_redirect(headers, page.uri)))
    return None


def _is_posted(request: TrackedRequest) -> bool:
    return request.fields.get(b"content-type", b"").partition(b";")[0].strip().lower() in FORM_TYPES


def _is_asked(request: TrackedRequest, outcome: str) -> bool:
    """Whether a form that is sent by GET may have asked for this, and nothing else tells of it: a page has its
    page.visit, which the store joins with the form."""
    if not request.query or request.kind != Kind.NAVIGATION or outcome not in (Outcome.REDIRECT, Outcome.ASSET):
        return False
    return request.method == "GET" and request.fields.get(b"sec-fetch-site", b"same-origin") == b"same-origin"


def _redirect(headers: FieldList, page: str) -> str:
    location = headers.by_name.get(b"location", b"")
    if not location or len(location) > LOCATION_MAX_BYTES:
        return ""
    try:
        uri = clean_uri(urljoin(page, location.decode("latin-1")))
    except ValueError:  # brackets that are no address
        return ""
    return "" if uri is None else uri.uri


def _record(tracking: Tracking, request: TrackedRequest, answer: FormAnswer, meant: tuple[BrowserEvent, ...]) -> None:
    message = Confirmation(
        page=None,
        cookie=answer.uuid,
        new_uuid=b"",
        received=answer.time,
        host=request.host,
        session_facts=tracking.cleaner.session_facts(request.fields, request.agent, ()),
        events=tuple(replace(event, id=event_id(answer.time, tracking.random.take(ID_BYTES))) for event in meant),
        asked=(answer.host, answer.path),
        ip=tracking.network(request.scope),
    )
    tracking.recorder.record(message)
