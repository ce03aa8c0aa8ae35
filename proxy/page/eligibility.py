"""Which request is what: VISITS.md section 1 and the gate of HTTP.md ("Where the tag goes"), as pure functions.

Law: every proxied request gets exactly one outcome, from the first row that matches; what is decided here is
decided once, from the request's fields and the head of the answer. Rows 1 to 5 (own, refused, websocket, failed,
aborted) are seen elsewhere: they have no answer of the site to judge.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from proxy.fieldlist import FieldList
from proxy.page.integrity import blocks_scripts
from proxy.page.markup import is_scannable_charset

MARKER = b"x-footfall"
"""Response field of pages that we tagged, so that two chained proxies do not tag twice."""
INTEGRITY = b"integrity-policy"


class Outcome:
    """What became of a request (VISITS.md section 1): the names that are counted. Plain strings, since a member of an
    Enum costs five times as much to hash and to read, on every request."""

    REFUSED: Final = "refused"
    WEBSOCKET: Final = "websocket"
    FAILED: Final = "failed"
    ABORTED: Final = "aborted"
    HEAD_OR_OTHER: Final = "head_or_other"
    PREFETCH: Final = "prefetch"
    REDIRECT: Final = "redirect"
    FRAGMENT: Final = "fragment"
    FRAME: Final = "frame"
    ASSET: Final = "asset"
    EXCLUDED: Final = "excluded"
    BOT: Final = "bot"
    OPTED_OUT: Final = "opted_out"
    OTHER_HTML: Final = "other_html"
    VISIT: Final = "visit"


class Standing:
    """What is known of who asks, before the answer: nothing in particular, or the outcome of rows 12 to 14."""

    ORDINARY: Final = ""
    EXCLUDED: Final = Outcome.EXCLUDED
    BOT: Final = Outcome.BOT
    OPTED_OUT: Final = Outcome.OPTED_OUT


class Kind:
    """What a request asks for: row 7; HTML for a script (row 9); a part of a page (row 10); a page to be shown; a
    navigation to what is neither; and what does not say (row 15)."""

    PREFETCH: Final = Outcome.PREFETCH
    FRAGMENT: Final = Outcome.FRAGMENT
    FRAME: Final = Outcome.FRAME
    NAVIGATION: Final = "navigation"
    ODD: Final = "odd"
    UNKNOWN: Final = "unknown"


_OF_KIND = {
    Kind.NAVIGATION: Outcome.VISIT,
    Kind.ODD: Outcome.FRAGMENT,
    Kind.UNKNOWN: Outcome.OTHER_HTML,
}

NOT_MODIFIED: Final = 304

PAGE_METHODS = frozenset(("GET", "POST", "HEAD"))
_PREFETCH_FIELDS = (b"sec-purpose", b"purpose", b"x-purpose", b"x-moz")
_PREFETCH_WORDS = (b"prefetch", b"prerender", b"preview", b"instant")
_FRAGMENT_FIELDS = frozenset(
    (b"x-requested-with", b"hx-request", b"turbo-frame", b"x-pjax", b"x-inertia", b"x-up-version")
)
_FRAME_DESTINATIONS = frozenset((b"iframe", b"frame", b"embed", b"object", b"fencedframe"))
_NAVIGATION_DESTINATIONS = frozenset((b"document", b"empty"))
_NO_DOCUMENT_STATUS = frozenset((204, 205, 206, 416))
"""No page to show; of a 416 the body tells a program that its range was wrong (C2: never touched)."""

_JOINED = {
    b"cookie": b"; ",
    b"if-none-match": b", ",
    b"if-match": b", ",
    b"accept-encoding": b", ",
    b"cache-control": b", ",
}

_TELLING = frozenset(
    (
        b"cache-control",
        b"content-disposition",
        b"content-encoding",
        b"content-security-policy",
        INTEGRITY,
        b"set-cookie",
        MARKER,
    )
)
"""Fields of an answer that say more than its kind and its length."""
_READ = "answer"
"""The fact of a list: what it says, but for policies, which are changed where they are to let the tag run."""
KINDS_REMEMBERED = 256
"""Content-Type values that were read already; a site has a few."""

Fields = dict[bytes, bytes]


def read_fields(headers: FieldList) -> Fields:
    """The request's fields by name; of repeated ones the last, but of cookies, conditions and codings all, joined.
    Not to be changed: most often it is the list's own."""
    if headers.repeated is None:
        return headers.by_name
    joined = {name: _JOINED[name].join(headers.values(name)) for name in _JOINED.keys() & headers.by_name.keys()}
    return {**headers.by_name, **joined}


@dataclass(slots=True)
class Answer:
    """The head of an answer, as far as it decides: `status`; whether it is `html` (exactly `text/html`); the declared
    `charset` (lower case, b"" if none); whether it is an `attachment`; its content `coding` (lower case, b"" if
    none); the enforced `policies`; whether transforming it is forbidden or it was tagged before us (`untouchable`);
    its `length`, if it says so; the cookies that it sets; whether it asks for the `integrity` of every script. `whole`:
    it can be a document; `takes_tag`: it can take the tag, for all that it says itself."""

    status: int
    html: bool
    charset: bytes = b""
    attachment: bool = False
    coding: bytes = b""
    policies: tuple[bytes, ...] = ()
    untouchable: bool = False
    length: bytes | None = None
    set_cookies: tuple[bytes, ...] = ()
    integrity: bool = False
    whole: bool = field(init=False)
    takes_tag: bool = field(init=False)

    def __post_init__(self) -> None:
        self.whole = not self.attachment and self.status not in _NO_DOCUMENT_STATUS
        is_page = self.whole and self.html and self.status >= 200 and not 300 <= self.status < 400
        self.takes_tag = is_page and not self.untouchable and (not self.charset or is_scannable_charset(self.charset))


def read_answer(status: int, headers: FieldList) -> Answer:
    """Read the head of an answer. Names are in lower case, as ASGI has them; the status may be a member of some
    enumeration, which is nothing to be stored."""
    status = int(status)
    facts = headers.facts
    known: Answer | None = facts.get(_READ) if facts is not None else None
    if known is not None and known.status == status:
        return known
    by_name = headers.by_name
    html, charset = _kind(by_name.get(b"content-type", b""))
    length = by_name.get(b"content-length")
    if _TELLING.isdisjoint(by_name):
        answer = Answer(status, html, charset, length=length)
        if facts is not None:
            facts[_READ] = answer
        return answer
    # Two fields are two codings, which is one more than is decoded.
    coding = b",".join([value.strip().lower() for value in headers.values(b"content-encoding") if value.strip()])
    answer = Answer(
        status,
        html,
        charset,
        by_name.get(b"content-disposition", b"").strip().lower().startswith(b"attachment"),
        b"" if coding == b"identity" else coding,
        tuple(headers.values(b"content-security-policy")),
        MARKER in by_name or any(b"no-transform" in value.lower() for value in headers.values(b"cache-control")),
        length,
        tuple(headers.values(b"set-cookie")),
        INTEGRITY in by_name and blocks_scripts(headers.values(INTEGRITY)),
    )
    if facts is not None and not answer.policies:
        facts[_READ] = answer
    return answer


@lru_cache(maxsize=KINDS_REMEMBERED)
def _kind(content_type: bytes) -> tuple[bool, bytes]:
    """Whether it is HTML, and the charset declared."""
    kind, _, parameters = content_type.partition(b";")
    charset = b""
    for parameter in parameters.lower().split(b";"):
        name, _, value = parameter.partition(b"=")
        if name.strip() == b"charset":
            charset = value.strip().strip(b"\"'")
            break
    return kind.strip().lower() == b"text/html", charset


def is_prefetch(fields: Fields) -> bool:
    """Row 7: the request says that nobody looks at the answer yet."""
    for name in _PREFETCH_FIELDS:
        value = fields.get(name)
        if value is not None and any(word in value.lower() for word in _PREFETCH_WORDS):
            return True
    return False


def wants_html(fields: Fields) -> bool:
    """Whether Accept names text/html: how a navigation is known where there are no fetch fields (plain http)."""
    return b"text/html" in fields.get(b"accept", b"").lower()


def kind_of(fields: Fields) -> str:
    """What a request asks for (`Kind`), for all that it says itself."""
    if is_prefetch(fields):
        return Kind.PREFETCH
    mode = fields.get(b"sec-fetch-mode")
    if not _FRAGMENT_FIELDS.isdisjoint(fields) if mode is None else mode != b"navigate":
        return Kind.FRAGMENT
    destination = fields.get(b"sec-fetch-dest", b"document")
    if destination in _FRAME_DESTINATIONS:
        return Kind.FRAME
    if mode is None:
        return Kind.NAVIGATION if wants_html(fields) else Kind.UNKNOWN
    # `empty` is what a service worker's `fetch(event.request)` makes of `document`.
    return Kind.NAVIGATION if destination in _NAVIGATION_DESTINATIONS else Kind.ODD


def may_be_page(method: str, fields: Fields, kind: str) -> bool:
    """Whether the answer may be tagged, for all that the request says: what has to be known before it goes upstream,
    since then its conditionals, ranges and codings are made such that a taggable answer comes back."""
    if method not in PAGE_METHODS:
        return False
    # A prerendered page's images say prefetch, too; they keep their conditionals.
    return kind == Kind.NAVIGATION or (
        kind == Kind.PREFETCH and fields.get(b"sec-fetch-dest", b"document") in _NAVIGATION_DESTINATIONS
    )


def is_document(answer: Answer, fields: Fields, known_html: bool | None) -> bool:
    """What row 11 leaves: HTML to be shown, whole. Only of that a head is changed: an attachment or a 206 never is. It
    is HTML by Content-Type; for 304 by what that path last answered (`known_html`, None if it has not been seen), else
    by Accept."""
    if answer.html or answer.status != NOT_MODIFIED:
        return answer.whole and answer.html
    return answer.whole and (wants_html(fields) if known_html is None else known_html)


def classify(method: str, kind: str, standing: str, status: int, *, document: bool) -> str:
    """Rows 6 to 16, in order, for an answer of the site.

    Args:
        kind: what `kind_of` says of the request's fields.
        document: what `is_document` says of the answer.
    """
    if method not in ("GET", "POST"):
        return Outcome.HEAD_OR_OTHER
    return classify_as_get(kind, standing, status, document=document)


def classify_as_get(kind: str, standing: str, status: int, *, document: bool) -> str:
    """Rows 7 to 16: also what the GET of a HEAD request would have been (HTTP.md, C3)."""
    if kind == Kind.PREFETCH:
        return Outcome.PREFETCH
    if 300 <= status < 400 and status != NOT_MODIFIED:
        return Outcome.REDIRECT
    if kind == Kind.FRAME:  # whatever it holds, a PDF too; row 9 is HTML only
        return Outcome.FRAME
    if not document:
        return Outcome.ASSET
    if kind == Kind.FRAGMENT:
        return Outcome.FRAGMENT
    if standing:
        return standing
    return _OF_KIND[kind]


PRIVATE_OUTCOMES = frozenset(
    (
        Outcome.PREFETCH,
        Outcome.FRAGMENT,
        Outcome.FRAME,
        Outcome.BOT,
        Outcome.OPTED_OUT,
        Outcome.OTHER_HTML,
        Outcome.VISIT,
    )
)
"""Rows 7, 9, 10, 13 to 16: whose HTML answers must not be kept by a shared cache, tagged or not: a copy that a script
fetched without fetch fields would be served to the next person, untagged."""


def may_transform(fields: Fields) -> bool:
    """Whether who asks leaves it to proxies to change what he gets (C4; RFC 9111 5.2.1.6)."""
    return fields.get(b"cache-control", b"").lower().find(b"no-transform") < 0
