"""The server's own page.visit, made from a request and the head of its answer.

Law: what is read here is what VISITS.md and EVENTS.md name, cleaned before it leaves (events/privacy.py); no
address, no cookie, no body is kept.
"""

import re
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import quote

from proxy.bounded import Bounded
from proxy.events.privacy import CleanUri, clean_parts, clean_text, clean_uri
from proxy.store.base import Visit
from proxy.visitors.ids import event_id
from proxy.visitors.lanes import Agent

URI_CACHE_ENTRIES = 4_096
"""URIs remembered in their cleaned form: cleaning one with a query costs 5 us."""
REMEMBERED_BYTES = 512
"""The longest text that is remembered: 4,096 times three kinds is 6 MB at the most."""
HOST_MAX_CHARS = 255
REFERRER_MAX_BYTES = 2_048
LANGUAGE_MAX_CHARS = 35
"""The longest well-formed language tag of everyday use (RFC 5646 section 4.4.1)."""

_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*")
_PRINTABLE = "!\"#$%&'()*+,/:;<=>?@[]^`{|}~-._"

_NAVIGATE = ("nav", "navigate")
OF_A_PAGE = (_NAVIGATE, ("status", 200))
"""The facts of most."""

Facts = tuple[tuple[str, object], ...]


class Request(Protocol):
    """A navigation as the tracking sees it: public `scheme` and `host`, the path and query as sent, the request
    fields by name."""

    method: str
    scheme: str
    host: str
    raw_path: bytes
    query: bytes
    fields: dict[bytes, bytes]


class Cleaner:
    """What requests say, cleaned; each text once while it is in use."""

    __slots__ = ("_pages", "_referrers", "_sessions")

    def __init__(self) -> None:
        self._sessions: Bounded[tuple[bytes | None, bytes, str, Facts], Facts] = Bounded(URI_CACHE_ENTRIES)
        self._pages: Bounded[tuple[str, str, bytes, bytes], CleanUri] = Bounded(URI_CACHE_ENTRIES)
        self._referrers: Bounded[bytes, str | None] = Bounded(URI_CACHE_ENTRIES)

    def page(self, request: Request) -> CleanUri:
        """The address of the page that was asked for."""
        return self.page_at(request.scheme, request.host, request.raw_path, request.query)

    def page_at(self, scheme: str, host: str, raw_path: bytes, query: bytes) -> CleanUri:
        """The same, by its parts."""
        key = (scheme, host, raw_path, query)
        known = self._pages.get(key)
        if known is None:
            known = clean_parts(scheme, host, _text(raw_path), _text(query))
            if len(raw_path) + len(query) <= REMEMBERED_BYTES:
                self._pages.put(key, known)
        return known

    def referrer(self, value: bytes | None) -> str | None:
        """Where the visitor came from, cleaned; None where there is nothing usable."""
        if not value or len(value) > REFERRER_MAX_BYTES:
            return None
        if value in self._referrers:
            return self._referrers[value]
        clean = clean_uri(_text(value))
        uri = None if clean is None else clean.uri
        if len(value) <= REMEMBERED_BYTES:
            self._referrers.put(value, uri)
        return uri

    def session_facts(self, fields: Mapping[bytes, bytes], agent: Agent, utm: Facts) -> Facts:
        """The params of a session.start that this request may cause: source, language, utm_*, trigger."""
        hint, accepted = fields.get(b"sec-ch-ua-mobile"), fields.get(b"accept-language", b"")
        key = (hint, accepted, agent.source, utm)
        known = self._sessions.get(key)
        if known is None:
            source = agent.source
            if hint is not None and source.startswith("WEB_"):
                source = "WEB_MOBILE" if hint == b"?1" else "WEB_DESKTOP"
            language = _LANGUAGE.match(accepted.decode("latin-1").strip())
            spoken: Facts = (("language", language[0][:LANGUAGE_MAX_CHARS]),) if language else ()
            known = (("source", source), *spoken, *utm, ("trigger", "page.visit"))
            if len(accepted) <= REMEMBERED_BYTES:
                self._sessions.put(key, known)
        return known


def _text(raw: bytes) -> str:
    """Bytes of a target as text: ASCII as it is, everything else percent-encoded."""
    if raw.isascii():
        return raw.decode("ascii")
    return quote(raw, safe=_PRINTABLE)


def public_host(value: bytes) -> str:
    """A Host field as the key of roll-ups: lower case, cut."""
    return clean_text(value.decode("latin-1").lower(), HOST_MAX_CHARS)


def make_visit(
    request: Request,
    cleaner: Cleaner,
    agent: Agent,
    *,
    random: bytes,
    uuid: bytes,
    cookie_came_back: bool,
    now_ms: int,
    status: int,
    upstream_ms: int,
    ip: str = "",
) -> Visit:
    """The page.visit of an answer whose head has just arrived.

    Args:
        random: 10 random bytes for its id.
        uuid: the visitor; of a crawler the one that its User-Agent gives it.
        cookie_came_back: whether that visitor's cookie was on the request.
        ip: the network that it came from, '' where that is not kept.
    """
    page = cleaner.page(request)
    fields = request.fields
    facts: Facts = OF_A_PAGE if status == 200 else (_NAVIGATE, ("status", status))
    if request.method == "POST":
        facts = (*facts, ("method", "POST"))
    return Visit(
        event_id(now_ms, random),
        uuid,
        now_ms,
        page.host,
        page.path,
        page.uri,
        agent.bot,
        cookie_came_back,
        cleaner.referrer(fields.get(b"referer")),
        upstream_ms,
        (*facts, *page.utm) if page.utm else facts,
        cleaner.session_facts(fields, agent, page.utm),
        ip,
    )
