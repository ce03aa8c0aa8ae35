"""What is remembered and configured of paths: which last answered HTML, and which are excluded.

Law: bounded, and never more than a hint: a path that was forgotten is judged by its request (VISITS.md section 1,
row 11).
"""

import re
from fnmatch import translate
from typing import TypeVar
from urllib.parse import quote

KNOWN_PATHS = 20_000
"""Paths remembered a process: 4 MB with usual ones, 12 at the most."""
KNOWN_PATH_BYTES = 512
Value = TypeVar("Value")

_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
_ESCAPE = re.compile("%[0-9a-fA-F]{2}")


class KnownPaths:
    """Whether a path last answered HTML, and why a meta in it forbade the tag, by host and path."""

    __slots__ = ("_barred", "_html")

    def __init__(self) -> None:
        self._html: dict[tuple[str, bytes], bool] = {}
        self._barred: dict[tuple[str, bytes], str] = {}

    def is_html(self, host: str, raw_path: bytes) -> bool | None:
        """Whether the path last answered HTML; None if it has not been seen."""
        return self._html.get((host, raw_path))

    def learn(self, host: str, raw_path: bytes, html: bool) -> None:
        """A path answered with a whole document (200)."""
        _keep(self._html, host, raw_path, html)

    def barred(self, host: str, raw_path: bytes) -> str:
        """Why the page of this path, when it last went whole, forbade its tag; "" if it did not, as far as is known."""
        return self._barred.get((host, raw_path), "") if self._barred else ""

    def bar(self, host: str, raw_path: bytes, reason: str) -> None:
        """A page forbade its tag for this reason, or goes with it again ("")."""
        if reason:
            _keep(self._barred, host, raw_path, reason)
        elif self._barred:
            self._barred.pop((host, raw_path), None)


def _keep(known: dict[tuple[str, bytes], Value], host: str, raw_path: bytes, value: Value) -> None:
    """Remember one more, and forget the oldest where there are too many."""
    if len(raw_path) > KNOWN_PATH_BYTES:
        return
    if len(known) >= KNOWN_PATHS and (host, raw_path) not in known:
        del known[next(iter(known))]
    known[host, raw_path] = value


class Globs:
    """Paths by shell patterns, such as `/admin/*`; `*` crosses slashes, case counts. Patterns are written as people
    read paths: what a browser escapes (RFC 3986 section 2.1) is escaped here."""

    __slots__ = ("_pattern",)

    def __init__(self, patterns: tuple[str, ...]) -> None:
        found = "|".join(translate(_upper(quote(pattern, safe=_PRINTABLE))) for pattern in patterns)
        self._pattern = re.compile(found) if patterns else None

    def match(self, raw_path: bytes) -> bool:
        """Whether any pattern matches the whole path, as it was sent, but for the case of its escapes."""
        return self._pattern is not None and self._pattern.match(_upper(raw_path.decode("latin-1"))) is not None


def _upper(path: str) -> str:
    """Escapes are the same in either case (RFC 3986 section 6.2.2.1)."""
    return _ESCAPE.sub(lambda match: match[0].upper(), path) if "%" in path else path
