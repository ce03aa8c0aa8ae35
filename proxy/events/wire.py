"""The beacon: bytes from a browser become a `Beacon`, or a `BadBeacon` that says what is wrong (WIRE.md).

Law: pure, total, suspicious. Whatever the bytes are, the result is a Beacon with bounded, clean text or a BadBeacon;
unknown top-level keys are ignored, so that older pages keep working.
"""

import json
import math
from typing import Any, NamedTuple

from proxy.events.privacy import clean_title, clean_uri

BODY_MAX_BYTES = 32 * 1024
EVENTS_MAX = 50
JSON_DEPTH_MAX = 8
"""Of all but the events: what is deeper than the parser goes, some hundred levels, is no JSON."""
TITLE_MAX_CHARS = 1024
PAGE_MAX_CHARS = 43
"""Of a page id (WIRE.md, "Tag"); what is longer is none."""
TOKEN_MAX_CHARS = 4096
"""A longer one is none: cut, it could not be verified."""
CONSENTS = frozenset(("in", "out"))
VERSION = 1
NAVS = frozenset(("navigate", "reload", "back_forward", "prerender", "bfcache", "cache"))
"""What a browser may report as the way a page came to be shown; `manual` and `spa` are events of their own."""


class BadBeacon(Exception):
    """A beacon that cannot be taken at all: `code` for machines, the message for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Showing(NamedTuple):
    """`confirm`: a page is shown. `id` is 32 hex digits with or without hyphens; the texts are clean, `uri` and
    `referrer` empty where unusable; `host`, `path` and the campaign's `utm` are those of `uri`."""

    id: str
    uri: str
    host: str
    path: str
    title: str
    referrer: str
    nav: str
    utm: tuple[tuple[str, str], ...] = ()


class Meta(NamedTuple):
    """`meta`: of the showing `view` (32 hex digits with or without hyphens), raw."""

    view: str
    params: object


class Beacon(NamedTuple):
    """One message of the tracker. `page` is what the tag carries, unverified; `events` are raw objects; `consent` is
    "in" or "out" where the visitor just said so, else ""; `token` is the site's JWT, unverified, "" without one; `meta`
    is what a page says of itself."""

    page: str
    showing: Showing | None
    events: tuple[Any, ...]
    consent: str = ""
    token: str = ""
    meta: Meta | None = None


def parse_beacon(body: bytes) -> Beacon:
    """Read a beacon.

    Raises:
        BadBeacon: not JSON, not an object, another version, too deep, too many events, a malformed `confirm`.
    """
    document = parse_object(body)
    if document.get("v") != VERSION or document["v"] is True:
        raise BadBeacon("bad_version", f"v is not {VERSION}")
    events = document.get("events", [])
    if not isinstance(events, list):
        raise BadBeacon("bad_beacon", "events is not a list")
    if len(events) > EVENTS_MAX:
        raise BadBeacon("too_many_events", f"more than {EVENTS_MAX} events")
    consent, token = _string(document, "consent"), _string(document, "token")
    return Beacon(
        page=_page(document),
        showing=_showing(document.get("confirm")),
        events=tuple(events),
        consent=consent if consent in CONSENTS else "",
        token=token if len(token) <= TOKEN_MAX_CHARS else "",
        meta=_meta(document.get("meta")),
    )


def parse_object(body: bytes) -> dict[str, Any]:
    """A body that is one JSON object. How deep its `events` are nested is judged event by event, so that a bad one
    takes only itself along.

    Raises:
        BadBeacon: it is not, or is nested too deep.
    """
    try:
        document = json.loads(body, parse_constant=_no_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise BadBeacon("bad_json", "the body is not JSON") from error
    if not isinstance(document, dict):
        raise BadBeacon("bad_beacon", "the body is not a JSON object")
    if _is_deeper({key: value for key, value in document.items() if key != "events"}, JSON_DEPTH_MAX):
        raise BadBeacon("too_deep", f"the body is nested deeper than {JSON_DEPTH_MAX}")
    return document


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"{digits[:20]} is out of range")
    return number


def _is_deeper(value: object, depth: int) -> bool:
    if isinstance(value, dict):
        return depth == 0 or any(_is_deeper(item, depth - 1) for item in value.values())
    if isinstance(value, list):
        return depth == 0 or any(_is_deeper(item, depth - 1) for item in value)
    return False


def _showing(confirm: object) -> Showing | None:
    if confirm is None:
        return None
    if not isinstance(confirm, dict):
        raise BadBeacon("bad_confirm", "confirm is not an object")
    uri = clean_uri(_string(confirm, "uri"))
    referrer = clean_uri(_string(confirm, "referrer"))
    nav = _string(confirm, "nav")
    return Showing(
        id=_string(confirm, "id"),
        uri=uri.uri if uri else "",
        host=uri.host if uri else "",
        path=uri.path if uri else "",
        title=clean_title(_string(confirm, "title"), TITLE_MAX_CHARS),
        referrer=referrer.uri if referrer else "",
        nav=nav if nav in NAVS else "navigate",
        utm=uri.utm if uri else (),
    )


def _meta(meta: object) -> Meta | None:
    """What is malformed is none: nothing else of the message depends on it."""
    return Meta(_string(meta, "view"), meta.get("params")) if isinstance(meta, dict) else None


def _string(document: dict[str, Any], key: str) -> str:
    value = document.get(key, "")
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else ""


def _page(document: dict[str, Any]) -> str:
    page = _string(document, "page")
    return page if len(page) <= PAGE_MAX_CHARS else ""
