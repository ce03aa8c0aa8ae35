"""Stretches of a document whose text is not markup: comments, titles, raw text and scripts.

Law: `read(buffer, position)` returns (how far the buffer is settled, whether the span ended there). Unless it
ended, the bytes from there on are to be given again with more behind them; they are few, so that a span is passed
on while it is read. Pure; WHATWG HTML 13.2.5.
"""

import re
from typing import Final, Protocol

from proxy.page.markup import TOKEN

MAX_TOKEN_BYTES: Final = 64 * 1024
"""Longest tag, comment or title that is waited for; lol-html's bail-out is of the same order."""

RAW_TEXT_NAMES: Final = frozenset((b"title", b"style", b"noscript"))

# `<!-->` and `<!--->` close themselves (13.2.5.43, .44).
_COMMENT_ABRUPT: Final = re.compile(rb"<!---?+>")
_COMMENT_END: Final = re.compile(rb"--!?>")
_COMMENT_TAIL: Final = len(b"--!")
_CLOSERS: Final = {name: re.compile(rb"(?i)</" + name + rb"(?=[\t\n\f\r />])") for name in RAW_TEXT_NAMES}
_CLOSER_TAIL: Final = len(b"</noscript")  # the longest name whose following byte decides

# Script data (13.2.5.15 to .31): `<!--` opens an escape, `<script` in it a second one, in which `</script>` closes
# only that. The dashes of `<!--` may be those of `-->`, so they are not consumed.
_SCRIPT_EVENT: Final = re.compile(rb"(?i)<!(?=--)|-->|<(/?)script(?=[\t\n\f\r />])")
_PLAIN, _ESCAPED, _TWICE_ESCAPED = range(3)


class Span(Protocol):
    """What has begun and is passed until it ends."""

    def read(self, buffer: bytes, position: int) -> tuple[int, bool]: ...


class Comment:
    """Behind `<!--`, where neither `>` nor `->` follows at once (13.2.5.45 to .52)."""

    __slots__ = ()

    def read(self, buffer: bytes, position: int) -> tuple[int, bool]:
        match = _COMMENT_END.search(buffer, position)
        if match is None:
            return max(position, len(buffer) - _COMMENT_TAIL), False
        return match.end(), True


def comment_start(buffer: bytes, start: int) -> tuple[int, Comment | None]:
    """Behind the comment if it closed itself, behind its `<!--` if it is open; `start` itself if more is needed."""
    abrupt = _COMMENT_ABRUPT.match(buffer, start)
    if abrupt:
        return abrupt.end(), None
    text = start + len(b"<!--")
    if not buffer.startswith(b"<!--", start) or buffer[text:] in (b"", b"-"):
        return start, None
    return text, Comment()


class RawText:
    """Behind `<title>`, `<style>` or `<noscript>` (with scripting), up to and with the end tag."""

    __slots__ = ("_closer",)

    def __init__(self, name: bytes) -> None:
        self._closer = _CLOSERS[name]

    def read(self, buffer: bytes, position: int) -> tuple[int, bool]:
        match = self._closer.search(buffer, position)
        if match is not None:
            return _closing_tag(buffer, match.start())
        tail = buffer.rfind(b"<", max(position, len(buffer) - _CLOSER_TAIL))
        return (len(buffer) if tail < 0 else tail), False


class Script:
    """Behind `<script>`, up to and with the end tag that closes it."""

    __slots__ = ("_state",)

    def __init__(self) -> None:
        self._state = _PLAIN

    def read(self, buffer: bytes, position: int) -> tuple[int, bool]:
        for event in _SCRIPT_EVENT.finditer(buffer, position):
            mark = event[0]
            if mark == b"-->":
                self._state = _PLAIN
            elif mark == b"<!":
                self._state = self._state or _ESCAPED
            elif not event[1]:
                self._state = _TWICE_ESCAPED if self._state else _PLAIN
            elif self._state == _TWICE_ESCAPED:
                self._state = _ESCAPED
            else:
                return _closing_tag(buffer, event.start())
            position = event.end()
        return max(position, len(buffer) - _CLOSER_TAIL), False


def _closing_tag(buffer: bytes, start: int) -> tuple[int, bool]:
    match = TOKEN.match(buffer, start)
    # One that is too long is left open for the caller, who counts what is held.
    if match is None or match.end() - start > MAX_TOKEN_BYTES:
        return start, False
    return match.end(), True
