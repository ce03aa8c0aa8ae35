"""The head of an answer from upstream: judged once, by RFC 9112 6.3, and remembered for when it comes again. Pure.

Law: an answer whose end cannot be told is broken. What is remembered was the parser's word on the same bytes
(known.py).
"""

from __future__ import annotations

from typing import NamedTuple

from proxy.bounded import Bounded
from proxy.fieldlist import FieldList
from proxy.http.errors import UpstreamBroken
from proxy.http.headers import BODILESS, content_length
from proxy.http.known import HEAD_BYTES, HEADS_REMEMBERED, is_plain
from proxy.http.websocket import SWITCHING

ANSWER_HEAD_BYTES = 128 * 1024  # nginx takes 8 KiB by default; sites with large policies and many cookies need more
INTERIM_ANSWERS = 16  # 1xx heads before the final one
# Of a chunked body without a byte of it: the extensions of one chunk, for which RFC 9112 7.1.1 asks for a limit, and
# all trailers (7.1.2).
BETWEEN_BYTES = 64 * 1024
ANSWER_FIELDS = 400  # and trailers
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"  # behind it a parser stands as behind any such head


class AnswerHead(NamedTuple):
    """`status` from 200, or 101; `version` ("1.1"); `length` is the body's bytes, None for `chunked` and for a body
    that ends with the connection; `keep`: the connection can be used again behind it."""

    status: int
    version: str
    fields: FieldList
    length: int | None
    chunked: bool
    keep: bool


def judged(status: int, version: str, keep: bool, fields: FieldList) -> AnswerHead:
    """The head as the parser has read it; `keep` is its word, too. UpstreamBroken: it cannot be believed."""
    if len(fields.repeated or fields.by_name) > ANSWER_FIELDS:
        raise UpstreamBroken("too many fields")
    if status != SWITCHING and not 200 <= status < 600:
        raise UpstreamBroken(f"status {status}")
    text = fields.by_name.get(b"content-length")  # the parser has found it to be a single number of 64 bits
    length = None if text is None or status == SWITCHING else _length(text)
    codings = [value.strip(b" \t").lower() for value in fields.values(b"transfer-encoding")]
    if not codings:
        return AnswerHead(status, version, fields, length, False, keep)
    if codings != [b"chunked"]:
        raise UpstreamBroken("transfer coding other than chunked")
    return AnswerHead(status, version, fields, None, True, keep and length is None)


def _length(text: bytes) -> int:
    try:
        return content_length([text]) or 0
    except ValueError as wrong:
        raise UpstreamBroken(str(wrong)) from None


class KnownAnswers:
    """Heads of answers with a stated length, without a body, or with a chunked one behind which the connection goes on,
    by their bytes."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: Bounded[bytes, AnswerHead] = Bounded(HEADS_REMEMBERED)

    def find(self, block: bytes) -> AnswerHead | None:
        return self._known.get(block)

    def block(self, data: bytes, end: int) -> bytes:
        """What `keep` takes of the head that `data` begins with; empty where it is not one to be kept."""
        return data[:end] if 4 <= end <= HEAD_BYTES and data.startswith(b"HTTP/1.1 ") else b""

    def keep(self, block: bytes, head: AnswerHead) -> None:
        """The parser found this head in it."""
        is_bodiless = head.status in BODILESS
        has_end = head.keep and not is_bodiless if head.chunked else head.length is not None or is_bodiless
        if has_end and is_plain(block, head.fields):
            head.fields.kept()
            self._known.put(block, head)
