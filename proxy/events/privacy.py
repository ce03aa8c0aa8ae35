"""What is never kept: the cleaning of every URL before it is stored.

Law: whatever leaves this module may be written to disk, shown in the report and exported. Sensitive query values
and userinfo are replaced, fragments are dropped, and nothing is longer than `URI_MAX_CHARS` (EVENTS.md section 5,
"Never captured").
"""

import re
from dataclasses import dataclass

from proxy.events.sensitive import NUMBER_MIN, SENSITIVE_WORDS, why_sensitive, words_of

URI_MAX_CHARS = 1024
PATH_MAX_CHARS = 512
HOST_MAX_CHARS = 260
"""A name of 253 characters (RFC 1035 section 2.3.4) with a port."""
UTM_MAX_CHARS = 256
QUERY_MAX_PARAMS = 100
REMOVED = "removed"

SENSITIVE_QUERY_WORDS = SENSITIVE_WORDS | frozenset("code state auth session sid sig email key".split())

_CONTROL = re.compile(r"[\x00-\x20\x7f]")
_PERCENT = re.compile(r"%([0-9A-Fa-f]{2})")
_AUTHORITY = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)")
_ISBN = re.compile(r"(?<![0-9])97[89](?:[ -]?[0-9]){10}(?![0-9])")
_UTM_KEYS = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")


@dataclass(frozen=True, slots=True)
class CleanUri:
    """A URI that may be stored: `uri` whole, its `host` and `path` (the roll-up key), and its `utm` params."""

    uri: str
    host: str
    path: str
    utm: tuple[tuple[str, str], ...]


def unquote(text: str) -> str:
    """Percent-decoded, for judging and for display; bytes that are no UTF-8 are replaced."""
    if "%" not in text and "+" not in text:
        return text
    plain = text.replace("+", " ")
    raw = _PERCENT.sub(lambda match: chr(int(match[1], 16)), plain)
    try:
        return raw.encode("latin-1").decode("utf-8", "replace")
    except UnicodeEncodeError:
        return raw


def _clean_query(query: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    kept: list[str] = []
    utm: dict[str, str] = {}
    for part in query.split("&")[:QUERY_MAX_PARAMS]:
        name, equals, value = part.partition("=")
        plain = unquote(name)
        if equals and value and (words_of(plain) & SENSITIVE_QUERY_WORDS or _is_secret(value)):
            kept.append(f"{name}={REMOVED}")
            continue
        kept.append(part if equals or not _is_secret(name) else REMOVED)
        if plain in _UTM_KEYS and (term := clean_text(unquote(value), UTM_MAX_CHARS)):
            utm.setdefault(plain, term)
    return "&".join(kept), tuple(utm.items())


def _is_secret(value: str) -> bool:
    """Whether a query's value looks like what is never kept: a form that is sent by GET has it there."""
    plain = unquote(value)
    # A clock's time has the digits of a card, and one in ten passes for one.
    is_clock = plain.isdecimal() and len(plain) <= len(str(NUMBER_MIN)) and int(plain) < NUMBER_MIN
    return not is_clock and why_sensitive(plain) is not None


def clean_title(title: str, max_chars: int) -> str:
    """A page's title made fit for storing; nothing where it has in it what is never kept (a receipt, a search).

    Books are spared: their numbers (ISBN, 978 and 979) are no cards', and one in ten would pass for one.
    """
    text = clean_text(title, max_chars)
    return "" if why_sensitive(_ISBN.sub("", text)) is not None else text


def clean_uri(uri: str) -> CleanUri | None:
    """An absolute http(s) URI made fit for storing, or None where it is not one.

    Userinfo and fragment are dropped, sensitive values and those of sensitive names in the query are replaced by
    `removed`, control characters percent-encoded, the whole cut at `URI_MAX_CHARS` characters.
    """
    match = _AUTHORITY.match(uri)
    if match is None or match[1].lower() not in ("http", "https"):
        return None
    scheme, host = match[1].lower(), match[2].rpartition("@")[2].lower()
    if not host or len(host) > HOST_MAX_CHARS or _CONTROL.search(host):
        return None
    rest = uri[match.end() :].partition("#")[0]
    path, mark, query = rest.partition("?")
    return clean_parts(scheme, host, path or "/", query if mark else "")


def clean_parts(scheme: str, host: str, path: str, query: str) -> CleanUri:
    """`clean_uri` for a URI whose parts are known already (a proxied request). No fragment is expected."""
    utm: tuple[tuple[str, str], ...] = ()
    if query:
        query, utm = _clean_query(query)
    path = _CONTROL.sub(lambda match: f"%{ord(match[0]):02X}", path)[:PATH_MAX_CHARS]
    uri = f"{scheme}://{host}{path}"
    if query:
        uri = f"{uri}?{_CONTROL.sub(lambda match: f'%{ord(match[0]):02X}', query)}"
    return CleanUri(uri[:URI_MAX_CHARS], host, path, utm)


def clean_text(text: str, max_chars: int) -> str:
    """Text from a browser (a title, a language) made fit for storing: no control characters, trimmed, cut.

    Lone surrogates, which JSON may carry and UTF-8 cannot, are replaced.
    """
    if not text.isprintable():
        text = text.encode("utf-8", "replace").decode("utf-8")
        text = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return text.strip()[:max_chars].rstrip()
