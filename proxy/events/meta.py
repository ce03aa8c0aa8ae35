"""What a page says of itself, `<meta property="og:title" content="…">`: params of its page.visit (EVENTS.md section 4).

Law: pure, total, suspicious. It is cleaned as whatever a browser sends, and nothing of it is a fault: what cannot be
kept is left out, and the rest is.
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urljoin

from proxy.events.params import PARAMS_MAX, PARAMS_MAX_BYTES
from proxy.events.privacy import clean_text, clean_uri
from proxy.events.sensitive import is_sensitive_name, why_sensitive
from proxy.events.values import is_key, storable, why_sensitive_uri

PREFIXES: Final = ("og:", "product:")
"""Of the names that are kept."""
OTHERS: Final = 10
"""Params that a page.visit may have besides."""
VALUE_MAX_CHARS: Final = 1_024
PLACES: Final = frozenset(("url", "secure_url", "image", "audio", "video", "link"))
"""How a name ends whose value is an address, be it one within the site."""
_ADDRESS = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*:)?//")
"""How an address begins, under whatever name."""


def is_meta(key: str) -> bool:
    """Whether a param of a page.visit is one of these."""
    return key.startswith(PREFIXES)


def clean_meta(raw: object, page: str) -> tuple[tuple[str, str], ...]:
    """Clean params, in their order, of whatever JSON was sent as them. `page`: its address, for those within the site.

    A text of more than VALUE_MAX_CHARS is cut, as a title is; as many are kept as an event can hold."""
    kept: dict[str, str] = {}
    left = PARAMS_MAX_BYTES
    for key, value in raw.items() if isinstance(raw, Mapping) else ():
        if len(kept) == PARAMS_MAX - OTHERS:
            break
        text = clean_one(key, value, page) if isinstance(value, str) and is_key(key) and is_meta(key) else ""
        size = len(key) + len(text.encode())
        if text and size <= left:
            kept[key] = text
            left -= size
    return tuple(kept.items())


def clean_one(key: str, value: str, page: str) -> str:
    """A clean value; '' where there is none that may be kept. What is clean stays as it is."""
    if is_sensitive_name(key) or why_sensitive(key) is not None:
        return ""
    text = storable(value).strip()
    if text and (_ADDRESS.match(text) or key.rpartition(":")[2] in PLACES):
        return _address(text, page)
    text = clean_text(text, VALUE_MAX_CHARS)
    return "" if why_sensitive(text) is not None else text


def _address(text: str, page: str) -> str:
    try:
        uri = clean_uri(urljoin(page, text))
    except ValueError:  # brackets that are no address
        return ""
    if uri is None:
        return ""
    return uri.uri.partition("?")[0] if why_sensitive_uri(uri.uri) else uri.uri
