"""Who may take the fast path (http/fastpath.py, passing.py), and what becomes of his pages there.

Law: what is decided and recorded here is what the ordinary path (request.py, responder.py, counting.py) would for the
same request and the same answer, to the byte and to the row. Whoever would get a cookie, or something else than the
page with its tag, is not for here; nor is an answer whose policies do not let the tag run as they are, or that brings
a cookie of our name, or a site with rules. A page that is coded passes if it is there whole, and of no great size.
"""

import asyncio
import time
from functools import partial
from typing import NamedTuple, cast

from proxy.asgi import Piece, Scope
from proxy.bounded import Bounded
from proxy.fieldlist import FieldList
from proxy.intake.visits import OF_A_PAGE, Facts
from proxy.page import fields as page_fields
from proxy.page.coding.base import Coding
from proxy.page.coding.offered import coding_of
from proxy.page.coding.whole import recoded
from proxy.page.eligibility import Answer, Kind, Outcome, read_answer, wants_html
from proxy.page.tagging import decide, may_tag, tag_of
from proxy.page.usual import HEAD_BYTES
from proxy.passing import OK, Held, Page
from proxy.store.base import Visit
from proxy.tracking.body import COLLECT_BYTES, HOLD_SHORTLY_BYTES, HOLD_WHOLE_BYTES
from proxy.tracking.meaning import ID_BYTES
from proxy.tracking.request import TrackedRequest
from proxy.tracking.settings import Tracking
from proxy.visitors.cookie import is_ours
from proxy.visitors.ids import PAGE_ID_CHARS, event_id
from proxy.visitors.times import MINUTE_MS

_TAKES = "tagged"
"""The fact of an answer's list of fields, as the visitor would get them without us: a `Takes`."""


ADDRESSES = 1_024
"""Of which it is remembered that a coded page was read in vain,"""
VAIN = 30
"""and so often none is read any more: what was read here in vain is read once more on the ordinary path."""
Vain = Bounded[tuple[str, bytes], int]


class Takes(NamedTuple):
    """For the pages of which site an answer's fields were read; those of the tagged page, None where it is not for
    here; whether they name the charset, and the length of a body that is not coded; how it is coded; the nonce of the
    tag; how many bytes the tag has."""

    site: object
    headers: FieldList | None
    declared: bool
    has_length: bool
    coding: Coding | None
    nonce: bytes | None
    added: int


class Pages:
    """Of everybody who is tracked."""

    def __init__(self, tracking: Tracking) -> None:
        self._tracking = tracking
        self._is_on = tracking.visits and tracking.inject and not (tracking.renew or tracking.rules)
        self._vain: Vain = Bounded(ADDRESSES)

    def may_ask(self, headers: FieldList) -> bool:
        """Whether it is a page that is asked for, whole, and by somebody who may have been here."""
        by_name = headers.by_name
        is_known = by_name.get(b"cookie", b"").find(self._tracking.cookies.name_http) >= 0
        if not (self._is_on and is_known and page_fields.CONCERNED.isdisjoint(by_name)):
            return False
        mode = by_name.get(b"sec-fetch-mode")
        return wants_html(by_name) if mode is None else mode == b"navigate"

    def knows(self, raw_path: bytes, headers: FieldList) -> bool:
        """Whether a path is that of a page."""
        tracking = self._tracking
        host = tracking.origin({}, headers.by_name)[1]
        return tracking.known.is_html(host, raw_path) is True and not tracking.exclude.match(raw_path)

    def asker(self, scope: Scope) -> "tuple[Asker, Scope] | None":
        """See passing.py: who asks for a page, if his pages are for here."""
        tracking = self._tracking
        request = TrackedRequest(tracking, scope)
        asked = request.asked
        is_plain = asked.plain and asked.kind == Kind.NAVIGATION and request.transforms and not request.foreign
        if not (is_plain and request.candidate and not request.asleep and request.identity is not None):
            return None
        return Asker(tracking, request, self._vain), request.scope


class Asker:
    """A returning visitor's navigations with these fields, from this side."""

    __slots__ = (
        "_asked", "_host", "_ip", "_referrer", "_scheme", "_session_facts", "_site", "_tracking", "_vain",
    )  # fmt: skip

    def __init__(self, tracking: Tracking, request: TrackedRequest, vain: Vain) -> None:
        self._vain = vain
        self._tracking = tracking
        self._asked = request.asked
        self._scheme, self._host = request.scheme, request.host
        self._site = tracking.sites.site(request.scheme, request.host)
        self._referrer = tracking.cleaner.referrer(request.fields.get(b"referer"))
        self._session_facts = tracking.cleaner.session_facts(request.fields, request.agent, ())
        self._ip = tracking.network(request.scope)

    def begins(self, raw_path: bytes) -> tuple[int, bytes] | None:
        """See passing.py: whether the path is that of a page, and the cookie can still be believed."""
        tracking = self._tracking
        if tracking.known.is_html(self._host, raw_path) is not True or tracking.exclude.match(raw_path):
            return None
        now_ms = tracking.clock_ms()
        identity = self._asked.identity(now_ms)
        return None if identity is None or identity.stale else (now_ms, identity.uuid)

    def page(
        self, target: bytes, begun: float, now_ms: int, who: bytes, headers: FieldList, body: Piece, *, is_whole: bool
    ) -> Page | None:
        """See passing.py: the page with its tag. What may go wrong does before anything is recorded."""
        tracking, host = self._tracking, self._host
        raw_path, _, query = target.partition(b"?")
        takes: Takes | None = headers.facts.get(_TAKES) if headers.facts is not None else None
        if takes is None or takes.site is not self._site:
            takes = self._read(headers)
        if takes.headers is None or not self._may_pass(takes, raw_path, len(body), is_whole):
            return None
        if tracking.known.is_html(host, raw_path) is not True:  # it was, when the site was asked
            return None
        upstream_ms = int((time.perf_counter() - begun) * 1000)
        place = None
        if takes.coding is None:
            start = bytes(body[:HEAD_BYTES])
            place = tracking.usual.place(host, raw_path, start, charset_declared=takes.declared)
            if place is None:
                return None
        event = event_id(now_ms, tracking.random.take(ID_BYTES))
        page_id = tracking.page_ids.sign(event, counted=True, visitor_new=False, issued_minute=now_ms // MINUTE_MS)
        start, rest = self._tagged(raw_path, takes, body, place, tag_of(self._site, page_id, takes.nonce))
        if not rest:
            return None
        visit = self._visit(event, who, now_ms, raw_path, query, upstream_ms)
        ticket = tracking.recorder.record(visit)
        tracking.recorder.count(host, Outcome.VISIT, now_ms)
        tracking.known.bar(host, raw_path, "")
        is_small = len(start) + len(rest) <= HOLD_WHOLE_BYTES and (takes.has_length or takes.coding is not None)
        return Page(takes.headers, start, rest, ticket, not (is_whole and is_small))

    def _visit(self, event: bytes, who: bytes, now_ms: int, raw_path: bytes, query: bytes, upstream_ms: int) -> Visit:
        cleaner, asked = self._tracking.cleaner, self._asked
        page = cleaner.page_at(self._scheme, self._host, raw_path, query)
        facts: Facts = OF_A_PAGE
        session_facts = self._session_facts
        if page.utm:
            facts, session_facts = (*facts, *page.utm), cleaner.session_facts(asked.fields, asked.agent, page.utm)
        return Visit(
            event,
            who,
            now_ms,
            page.host,
            page.path,
            page.uri,
            False,
            True,
            self._referrer,
            upstream_ms,
            facts,
            session_facts,
            self._ip,
        )

    def _may_pass(self, takes: Takes, raw_path: bytes, size: int, is_whole: bool) -> bool:
        """Whether a body of this size, or one that begins with so much, can be sent from here; asked once of each."""
        if takes.coding is None:
            return not is_whole or size <= HOLD_SHORTLY_BYTES - takes.added
        key = (self._host, raw_path)
        left = self._vain.get(key, 0)
        if left and is_whole:
            self._vain.put(key, left - 1)
        return is_whole and size <= COLLECT_BYTES and not left

    def _tagged(self, raw_path: bytes, takes: Takes, body: Piece, place: int | None, tag: bytes) -> tuple[bytes, Piece]:
        """The page with its tag, in two pieces; the second one is empty where it cannot be had so."""
        if takes.coding is None:
            return bytes(body[:place]) + tag, memoryview(body)[place:]
        find = partial(self._tracking.usual.place, self._host, raw_path, charset_declared=takes.declared)
        coded = recoded(bytes(body), takes.coding, find, tag)
        if not coded:
            self._vain.put((self._host, raw_path), VAIN)
        return b"", coded

    def hold(self, page: Page, held: Held) -> bool:
        """See passing.py."""
        tracking = self._tracking
        if not page.ticket:
            return False
        if page.waits_shortly:
            tracking.heads.add(held)
        if tracking.recorder.hold(page.ticket, cast("asyncio.Future[bool]", held), patiently=held.has_started) is None:
            self.released(held)
            return False
        if len(page.rest) > HOLD_SHORTLY_BYTES:  # several reads in one piece, behind a visitor who was slow
            held.let_go()
        return True

    def released(self, held: Held) -> None:
        """See passing.py."""
        self._tracking.heads.remove(held)

    def _read(self, headers: FieldList) -> Takes:
        answer = read_answer(OK, headers)
        coding = coding_of(answer.coding) if answer.coding else None
        length = None if coding is not None else answer.length
        verdict = decide(answer.policies, self._site)
        added = len(tag_of(self._site, b"x" * PAGE_ID_CHARS, verdict.nonce))
        made = None
        if verdict.allowed and self._is_plain(answer) and (length is None or length.isdigit()):
            length = None if length is None else b"%d" % (int(length) + added)
            made = page_fields.to_visitor(headers, tagged=True, length=length)
        takes = Takes(self._site, made, bool(answer.charset), length is not None, coding, verdict.nonce, added)
        if headers.facts is not None:
            headers.facts[_TAKES] = takes
        return takes

    def _is_plain(self, answer: Answer) -> bool:
        if answer.integrity or not may_tag(answer):
            return False
        ours = (self._tracking.cookies.name_http, self._tracking.cookies.name_https)
        return not any(is_ours(one, ours) for one in answer.set_cookies)
