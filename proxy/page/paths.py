"""What is remembered and configured of paths: which last answered HTML, and which are excluded.

Law: bounded, and never more than a hint: a path that was forgotten is judged by its request (VISITS.md section 1,
row 11).
"""

import re
from fnmatch import translate

KNOWN_PATHS = 20_000
"""Paths remembered a process: 4 MB with usual ones, 12 at the most."""
KNOWN_PATH_BYTES = 512


class KnownPaths:
    """Whether a path last answered HTML, by host and path."""

    __slots__ = ("_html",)

    def __init__(self) -> None:
        self._html: dict[tuple[str, bytes], bool] = {}

    def is_html(self, host: str, raw_path: bytes) -> bool | None:
        """Whether the path last answered HTML; None if it has not been seen."""
        return self._html.get((host, raw_path))

    def learn(self, host: str, raw_path: bytes, html: bool) -> None:
        """A path answered with a whole document (200)."""
        if len(raw_path) > KNOWN_PATH_BYTES:
            return
        if len(self._html) >= KNOWN_PATHS and (host, raw_path) not in self._html:
            del self._html[next(iter(self._html))]
        self._html[host, raw_path] = html


class Globs:
    """Paths by shell patterns, such as `/admin/*`; `*` crosses slashes, case counts."""

    __slots__ = ("_pattern",)

    def __init__(self, patterns: tuple[str, ...]) -> None:
        self._pattern = re.compile("|".join(translate(pattern) for pattern in patterns)) if patterns else None

    def match(self, raw_path: bytes) -> bool:
        """Whether any pattern matches the whole path, as it was sent."""
        return self._pattern is not None and self._pattern.match(raw_path.decode("latin-1")) is not None
