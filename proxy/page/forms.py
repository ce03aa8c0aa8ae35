"""The tracked forms of a page, by their names, as its bytes go by.

Law: pure and bounded, and never in the way: it looks for one attribute, wherever it stands, and changes nothing.
"""

import html
import re

NAMES_MAX = 50
"""Told apart on one page."""
NAME_MAX_CHARS = 100
TAIL_BYTES = 512
"""Of a chunk, looked at again with the next one: longer than the attribute with a name of 100 characters."""

_FORM = re.compile(
    rb"""data-track-form[ \t\r\n]*=[ \t\r\n]*(?:"([^"]{1,400})"|'([^']{1,400})'|([^\s>"']{1,400})(?=[\s>]))""", re.I
)


class FormNames:
    """`feed` the chunks of a page; `names` are those that were found."""

    __slots__ = ("_found", "_tail")

    def __init__(self) -> None:
        self._found: dict[bytes, None] = {}  # as they are written
        self._tail = b""

    @property
    def names(self) -> tuple[str, ...]:
        """As they are meant."""
        texts = (html.unescape(raw.decode("utf-8", "replace")) for raw in self._found)
        return tuple(text.strip()[:NAME_MAX_CHARS] for text in texts)

    def feed(self, chunk: bytes) -> None:
        """Look at the next bytes of the page."""
        if len(self._found) >= NAMES_MAX:
            return
        text = self._tail + chunk
        for match in _FORM.finditer(text):
            if len(self._found) < NAMES_MAX:
                self._found[match[1] or match[2] or match[3]] = None
        self._tail = text[-TAIL_BYTES:]
