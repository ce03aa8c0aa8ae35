"""Heads that came before, to the byte: they are not parsed again. Pure.

Law: only a head whose parsing nothing but its own bytes decides, and behind which the parser would stand where it stood
before: the fields of a GET or HEAD that came alone, all of an answer whose length is stated, or that is chunked and
keeps its connection (answers.py). What is remembered is what the parser made of the same bytes; whatever is less plain
is the parser's each time.

Browsers repeat themselves (all images of a page are asked for with the same fields), and so do sites (a page that many
look at in the same second has one head). A head that came before costs a look-up.
"""

from __future__ import annotations

import re

from proxy.bounded import Bounded
from proxy.fieldlist import FieldList

HEADS_REMEMBERED = 1024  # of requests, and of answers: some 10 MB each at the most, what is known of them included
HEAD_BYTES = 2048  # the longest of them
HEAD_FIELDS = 40  # of one; many small ones would take three times as much
HEAD_END = b"\r\n\r\n"

# One that no parser could read otherwise. A target in absolute form, or with bytes that are escaped in URLs, is not.
_REQUEST_LINE = re.compile(rb"(GET|HEAD) (/[!-;=?-\[\]_a-z|~]*) HTTP/1\.1")
_NOT_PLAIN = frozenset((b"content-length", b"transfer-encoding", b"upgrade", b"expect"))
_METHODS = {b"GET": "GET", b"HEAD": "HEAD"}


def is_plain(block: bytes, fields: FieldList) -> bool:
    """Whether `block` is a line for each of `fields`, and nothing behind their end: the only reading that there is of
    it (a parser may take a bare line feed for the end of a line)."""
    lines = block.count(b"\r\n")
    if len(fields) > HEAD_FIELDS or fields.repeated is not None or not block.endswith(HEAD_END):
        return False
    return lines == block.count(b"\n") == len(fields) + 2


class KnownRequests:
    """The fields of requests that came alone, by what follows their line."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: Bounded[bytes, FieldList] = Bounded(HEADS_REMEMBERED)

    def find(self, data: bytes) -> tuple[str, bytes, FieldList] | None:
        """Method, target and fields of the request that `data` is; None: it has to be parsed."""
        line = data.find(b"\r\n")
        fields = self._known.get(data[line:]) if len(data) - line <= HEAD_BYTES else None
        if fields is None:
            return None
        found = _REQUEST_LINE.fullmatch(data, 0, line)
        return None if found is None else (_METHODS[found[1]], found[2], fields)

    def block(self, data: bytes) -> bytes:
        """What `keep` takes of a head that is all of `data`; empty where it is not one to be kept."""
        line = data.find(b"\r\n")
        is_short = line > 0 and len(data) - line <= HEAD_BYTES
        return data[line:] if is_short and _REQUEST_LINE.fullmatch(data, 0, line) else b""

    def keep(self, block: bytes, fields: FieldList) -> None:
        """The parser found these fields in it, and that the connection goes on."""
        connection = fields.by_name.get(b"connection", b"keep-alive")
        if is_plain(block, fields) and _NOT_PLAIN.isdisjoint(fields.by_name) and connection.lower() == b"keep-alive":
            self._known.put(block, fields.kept())
