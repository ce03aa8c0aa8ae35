"""Where the tag goes: one pass over the bytes of an HTML document, inserting once, changing nothing else.

Law: `output.replace(tag, b"", 1) == input`, and the output does not depend on how the input was cut into chunks. What
has been looked at is given out; at most the current incomplete token is held. In doubt nothing is inserted. This
module does not know HTTP: whether an answer may be tagged at all is decided before an Injector is made.

The tag becomes a child of <head>, before the first token that is neither white space, comment, <meta> nor <title>:

    before head   white space, comment, doctype, <html>, stray end tag     passed (<html amp>: give up)
                  <head>, <meta>, <title>                                  begin the head
                  anything else                                            the tag goes before it, implying a head
    in head       white space, comment, <meta>, <title>...</title>         passed
                  <link>, <script>, <style>, <noscript>                    passed only while a charset may still be
                                                                           declared within PRESCAN_BYTES
                  anything else, <base> always                             the tag goes before it
    end           in a token, or no markup at all: unchanged; else the tag goes last

Source: WHATWG HTML 13.2.5 (tokenizer), 13.2.6.4.1 to .4 (insertion modes), 13.2.3.2 (prescan).
"""

from collections.abc import Callable
from typing import Final

from proxy.page import markup
from proxy.page.spans import MAX_TOKEN_BYTES, RAW_TEXT_NAMES, RawText, Script, Span, comment_start

MAX_SCAN_BYTES: Final = 256 * 1024
"""A document that has not reached its insertion point by then is passed on as it is."""

PRESCAN_BYTES: Final = 1024
"""Browsers look for a charset declaration in this many first bytes (13.2.3.2); the tag must push none out of them."""

_UTF8_BOM: Final = b"\xef\xbb\xbf"
_MARK_STARTS: Final = (b"\xef", b"\xfe", b"\xff", b"\x00")
_NUL_OR_NOTHING: Final = (b"\x00", b"")
_MARK_BYTES: Final = 4
_HEAD_FILLERS: Final = frozenset((b"link", b"script", b"style", b"noscript", b"html", b"head"))

GAVE_UP_TOKEN: Final = "token longer than 64 KiB"
GAVE_UP_SCAN: Final = "no place for the tag in 256 KiB"
GAVE_UP_AMP: Final = "AMP document"
GAVE_UP_JSON: Final = "looks like JSON"
GAVE_UP_NO_DOCUMENT: Final = "does not start like a document"
GAVE_UP_CHARSET: Final = "charset that cannot be scanned"
GAVE_UP_END: Final = "ended before the tag's place"
GAVE_UP_NO_TAG: Final = "no tag for this page"

MakeTag = Callable[[tuple[bytes, ...]], bytes | None]


class Injector:
    """Sans-I/O scanner of one document: `feed(chunk)` any number of times, then `flush()` or `release()` once.

    `make_tag` is called at most once, with the contents of the enforced CSP metas before the insertion point,
    references decoded; None means that there is no tag for this page. `charset_declared`: the Content-Type field
    names a charset. `must_look_like_document`: give up unless the first token is a doctype or one of html, head,
    body, title, meta.

    `decided`: nothing is held any more and every further chunk is returned as the same object. `injected`: the tag
    is in. `gave_up`: why it will never be, one of the GAVE_UP constants.
    """

    __slots__ = (
        *("_declared", "_fresh", "_held", "_in_head", "_make_tag", "_marked", "_must_end", "_must_look", "_offset"),
        *("_place", "_policies", "_span", "decided", "gave_up", "injected"),
    )

    def __init__(self, make_tag: MakeTag, *, charset_declared: bool, must_look_like_document: bool) -> None:
        self._make_tag = make_tag
        self._declared = charset_declared
        self._must_look = must_look_like_document
        self._held = b""
        self._offset = 0  # of the first byte of the buffer, in the document
        self._fresh = True  # no byte order mark has been looked for
        self._marked = False  # markup has been seen that makes this a document
        self._in_head = False
        self._span: Span | None = None  # that the buffer begins in
        self._must_end = 0  # of the span, in the document
        self._place: int | None = None  # of the tag, in the buffer
        self._policies: list[bytes] = []
        self.decided = False
        self.injected = False
        self.gave_up: str | None = None

    def __repr__(self) -> str:
        state = "injected" if self.injected else self.gave_up or ("in head" if self._in_head else "before head")
        return f"<Injector {state}, {self._offset} bytes passed, {len(self._held)} held>"

    def feed(self, chunk: bytes) -> bytes:
        """Take a chunk of the document; return what can be sent now, possibly nothing."""
        if self.decided:
            return chunk
        held = self._held
        if not held:
            return self._scan(chunk)
        buffer = held + chunk
        if self._span is None and len(buffer) <= MAX_TOKEN_BYTES and b">" not in chunk and markup.TAG_OPEN.match(held):
            # A tag ends at `>`: without one there is no need to read it again from its start.
            self._held = buffer
            return b""
        return self._scan(buffer)

    def flush(self) -> bytes:
        """The document is complete: return what was held, with the tag if this is its place."""
        if self.decided:
            return b""
        held = self._held
        if held or self._span is not None or not self._marked:
            return self._give_up(held, GAVE_UP_END)
        if self._offset > MAX_SCAN_BYTES:
            return self._give_up(held, GAVE_UP_SCAN)
        return self._insert(held, 0)

    def release(self) -> bytes:
        """The document broke off: return what was held and insert nothing, so that it does not look complete."""
        return b"" if self.decided else self._give_up(self._held, GAVE_UP_END)

    def _scan(self, buffer: bytes) -> bytes:
        """Read from the start of the buffer; return what is settled and hold the rest."""
        position = self._read(buffer)
        if self.gave_up is None and self._place is not None:
            return self._insert(buffer, self._place)
        if len(buffer) - position > MAX_TOKEN_BYTES:
            self.gave_up = self.gave_up or GAVE_UP_TOKEN
        elif self._offset + position > MAX_SCAN_BYTES:
            self.gave_up = self.gave_up or GAVE_UP_SCAN
        if self.gave_up is not None:
            return self._give_up(buffer, self.gave_up)
        self._held = buffer[position:]
        self._offset += position
        return buffer[:position]

    def _read(self, buffer: bytes) -> int:
        """Pass tokens until one is incomplete (returns where it starts), `_place` is known or `gave_up` is set."""
        position = self._start(buffer) if self._fresh else 0
        if self._fresh or self.gave_up is not None:
            return 0
        match_token = markup.TOKEN.match
        # No token that ends before this is too long or too far.
        cheap_end = min(MAX_TOKEN_BYTES, MAX_SCAN_BYTES - self._offset)
        while True:
            if self._span is not None:
                position, ended = self._span.read(buffer, position)
                if self._offset + (position if ended else len(buffer)) > self._must_end:
                    self.gave_up = GAVE_UP_TOKEN
                if not ended or self.gave_up is not None:
                    return position
                self._span = None
            match = match_token(buffer, position)
            if match is None:
                position, goes_on = self._odd(buffer, position)
                if not goes_on:
                    return position
                continue
            start = match.start(1)
            position = match.end()
            if position > cheap_end and self._too_far(start, position):
                return start
            kind = match.lastindex
            if kind == markup.START_TAG:
                passed = self._start_tag(match[2].lower(), buffer, start, position)
            elif kind == markup.END_TAG:
                passed = self._end_tag(match[3].lower(), start)
            else:
                passed = True
                if kind == markup.DOCTYPE:
                    self._marked = True
                    self._must_look = False
            if not passed:
                self._place = start
            if not passed or self.gave_up is not None:
                return start

    def _start(self, buffer: bytes) -> int:
        """The first bytes of the document: byte order mark, and what is passed without a look at its tokens."""
        position = 0
        if buffer[:1] in _MARK_STARTS or buffer[1:2] in _NUL_OR_NOTHING:
            if len(buffer) < _MARK_BYTES and (buffer[:1] in _MARK_STARTS or buffer in (b"", b"<")):
                return 0
            if buffer.startswith(_UTF8_BOM):
                self._declared = True
                position = len(_UTF8_BOM)
            elif markup.WIDE_START.match(buffer):
                self.gave_up = GAVE_UP_CHARSET
        self._fresh = False
        usual = markup.USUAL_START.match(buffer, position)
        if usual is None or usual.end() > MAX_TOKEN_BYTES or buffer.find(b"<", position, usual.end()) < 0:
            return position
        self._marked = True
        self._must_look = False
        self._in_head = usual[1] != b""
        self._declared = self._declared or usual[2] is not None
        return usual.end()

    def _too_far(self, start: int, end: int) -> bool:
        if end - start > MAX_TOKEN_BYTES:
            self.gave_up = GAVE_UP_TOKEN
        elif self._offset + start > MAX_SCAN_BYTES:
            self.gave_up = GAVE_UP_SCAN
        return self.gave_up is not None

    def _in_prescan(self, start: int) -> bool:
        return not self._declared and self._offset + start < PRESCAN_BYTES

    def _start_tag(self, name: bytes, buffer: bytes, start: int, end: int) -> bool:
        """Whether the scan goes on behind this start tag."""
        self._marked = True
        if self._must_look:
            self._must_look = False
            if name not in markup.DOCUMENT_STARTS:
                self.gave_up = GAVE_UP_NO_DOCUMENT
                return True
        if name == b"meta":
            self._in_head = True
            if markup.TELLING_META.search(buffer, start, end):
                self._meta(markup.attributes(buffer[start:end]))
        elif name == b"title":
            self._in_head = True
            self._open(RawText(name), start + MAX_TOKEN_BYTES)
        elif name == b"head" and not self._in_head:
            self._in_head = True
        elif name == b"html" and not self._in_head:
            if markup.is_amp(buffer[start:end]):
                self.gave_up = GAVE_UP_AMP
        elif name in _HEAD_FILLERS and self._in_prescan(start):
            self._in_head = True
            if name == b"script":
                self._open(Script(), MAX_SCAN_BYTES - self._offset)
            elif name in RAW_TEXT_NAMES:
                self._open(RawText(name), MAX_SCAN_BYTES - self._offset)
        else:
            return False
        return True

    def _end_tag(self, name: bytes, start: int) -> bool:
        if self._must_look:
            self.gave_up = GAVE_UP_NO_DOCUMENT
        return name not in markup.HEAD_MAKING_ENDS and (not self._in_head or self._in_prescan(start))

    def _meta(self, meta: dict[bytes, bytes]) -> None:
        policy = markup.meta_policy(meta)
        if policy is not None:
            self._policies.append(policy)
        if self._declared:
            return
        label = markup.meta_charset(meta)
        if label is not None:
            self._declared = markup.is_known_charset(label)
            if markup.is_stateful_charset(label):
                self.gave_up = GAVE_UP_CHARSET

    def _odd(self, buffer: bytes, position: int) -> tuple[int, bool]:
        """What is no whole tag: (where to go on, True), or (where to stop, False)."""
        start = len(buffer) - len(buffer[position:].lstrip(markup.BLANKS))
        lead = buffer[start : start + 2]
        if lead and self._too_far(start, start):
            return start, False
        if lead == b"<!":
            text, comment = comment_start(buffer, start)
            if comment is not None:
                self._open(comment, start + MAX_TOKEN_BYTES)
            return text, text > start
        if lead in (b"", b"<") or (lead[:1] == b"<" and (lead[1:] in b"/?" or lead[1:].isalpha())):
            return start, False
        if lead[:1] == b"&" and not self._in_head:
            reference = markup.BLANK_REFERENCE.match(buffer, start)
            if reference and (reference.end() < len(buffer) or buffer.endswith(b";")):
                return reference.end(), True
            if reference or markup.BLANK_REFERENCE_OPEN.match(buffer, start):
                return start, False
        if not self._marked and lead[:1] in b"{[":
            self.gave_up = GAVE_UP_JSON
        elif self._must_look:
            self.gave_up = GAVE_UP_NO_DOCUMENT
        else:
            self._place = start
        return start, False

    def _open(self, span: Span, must_end: int) -> None:
        """Enter a span, which must end at `must_end` (in the buffer)."""
        self._span = span
        self._must_end = self._offset + must_end

    def _insert(self, buffer: bytes, place: int) -> bytes:
        # Held until the tag is there, so that release() can still give everything back if make_tag fails.
        self._held = buffer
        tag = self._make_tag(tuple(self._policies))
        if tag is None:
            return self._give_up(buffer, GAVE_UP_NO_TAG)
        self._held = b""
        self.decided = self.injected = True
        return b"".join((buffer[:place], tag, buffer[place:]))

    def _give_up(self, rest: bytes, reason: str) -> bytes:
        self._held = b""
        self.decided = True
        self.gave_up = reason
        return rest
