"""One GET of a page, and the clock over it.

Law: asks for HTML with nothing that could make anything of it: no cookie, no sign-in, no body; a redirect is told, not
followed. Whatever the other side does, it takes at most ANSWER_SECONDS and PAGE_BYTES, and what is wrong is said in a
few words of our own. `Sec-GPC` is sent so that a footfall in front of the site counts no visitor.

The clock is the process's own alarm: it also ends what Python is busy with, and works on the main thread only.
"""

import contextlib
import http.client
import re
import signal
import socket
import ssl
from collections.abc import Iterator
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from proxy.audit.crawling import MOVED, Answer, Unreadable
from proxy.audit.links import place_of
from proxy.page.coding.base import CodingError
from proxy.page.coding.offered import coding_of
from proxy.page.markup import is_known_charset

ANSWER_SECONDS: Final = 15.0
"""For a page, from connecting to its last byte."""
READING_SECONDS: Final = 15.0
"""For looking through it, once it is here."""
PAGE_BYTES: Final = 2 * 1_048_576
SCAN_BYTES: Final = 1_024
"""Of a page, in which it says what its charset is (WHATWG HTML 13.2.3.2)."""
HTML: Final = frozenset(("text/html", "application/xhtml+xml"))
_CHARSET: Final = re.compile(r"""charset\s*=\s*["']?([^\s;"']+)""", re.IGNORECASE)
_DECLARED: Final = re.compile(rb"""<meta\b[^>]{0,500}?charset\s*=\s*["']?([^\s;"'/>]{1,40})""", re.IGNORECASE)
_MARKS: Final = ((b"\xef\xbb\xbf", "utf-8"), (b"\xfe\xff", "utf-16-be"), (b"\xff\xfe", "utf-16-le"))


class _Late(BaseException):
    """Not an Exception: no library may take it for one of its own."""


@contextlib.contextmanager
def within(seconds: float, why: str) -> Iterator[None]:
    """Ends what is inside after so many seconds with Unreadable(why)."""
    armed = [True]

    def ring(number: int, frame: object) -> None:
        if armed:
            raise _Late

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)  # again, should the first one be lost in a destructor
    try:
        yield
    except _Late:
        raise Unreadable(why) from None
    finally:
        armed.clear()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class Fetcher:
    """Fetches pages under the name `footfall-audit/VERSION`."""

    def __init__(self, version: str) -> None:
        self._fields = {
            "User-Agent": f"footfall-audit/{version}",
            "Accept": "text/html,application/xhtml+xml",
            "Accept-Encoding": "identity",
            "Sec-GPC": "1",
            "Connection": "close",
        }
        self._tls = ssl.create_default_context()

    def fetch(self, url: str) -> Answer:
        """The page at an address that links.py has resolved. Raises Unreadable."""
        with within(ANSWER_SECONDS, f"no whole answer within {ANSWER_SECONDS:.0f} s"):
            try:
                return self._ask(url)
            except http.client.HTTPException:
                raise Unreadable("the answer is no good HTTP, or was cut off") from None
            except OSError as wrong:
                raise Unreadable(_in_words(wrong)) from None

    def _ask(self, url: str) -> Answer:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        connection = (
            http.client.HTTPSConnection(host, port, context=self._tls)
            if parts.scheme == "https"
            else http.client.HTTPConnection(host, port)
        )
        with contextlib.closing(connection):
            connection.request("GET", place_of(url), headers=self._fields)
            answer = connection.getresponse()
            location = answer.headers.get("Location") or ""
            if answer.status in MOVED and location:
                return Answer("", _as_utf8(location))
            _check(answer)
            body = answer.read(PAGE_BYTES + 1)
            if len(body) > PAGE_BYTES:
                raise Unreadable(_TOO_LARGE)
            if answer.length:
                raise http.client.IncompleteRead(body)
        return Answer(decoded(_plain(body, answer.headers.get("Content-Encoding")), answer.headers.get("Content-Type")))


_TOO_LARGE: Final = f"larger than {PAGE_BYTES // 1_048_576} MiB"


def _check(answer: http.client.HTTPResponse) -> None:
    """Whether it is a page."""
    if not 200 <= answer.status < 300:
        try:
            phrase = f" {HTTPStatus(answer.status).phrase}"
        except ValueError:
            phrase = ""
        raise Unreadable(f"{answer.status}{phrase}")
    kind = (answer.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
    if kind not in HTML:
        raise Unreadable(f"not HTML: {kind[:60] or 'it does not say what it is'}")


def _plain(body: bytes, coding: str | None) -> bytes:
    """Some sites compress what they were asked not to."""
    if not coding or coding.strip().lower() == "identity":
        return body
    known = coding_of(coding.encode("latin-1", "replace"))
    if known is None:
        raise Unreadable("coded in a way that is not known here")
    decoder, plain = known.decoder(), bytearray()
    try:
        for piece in decoder.feed(body):
            plain += piece
            if len(plain) > PAGE_BYTES:
                raise Unreadable(_TOO_LARGE)
    except CodingError:
        raise Unreadable("not coded as it says") from None
    return bytes(plain)


def decoded(body: bytes, content_type: str | None) -> str:
    """A page's text, in the charset that its mark, its field or its own start says; else UTF-8, or what was usual
    before. Bytes that mean nothing in it are replaced."""
    for mark, name in _MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(name, "replace")
    found = _CHARSET.search(content_type or "")
    declared = _DECLARED.search(body[:SCAN_BYTES])
    label = (found[1].encode("ascii", "replace") if found else declared[1] if declared else b"").lower()
    # A page whose own words can be read is not in UTF-16 (WHATWG HTML 13.2.3.2).
    if is_known_charset(label) and (found or not label.startswith(b"utf-16")):
        with contextlib.suppress(LookupError):
            return body.decode(label.decode("ascii"), "replace")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return body.decode("windows-1252", "replace")


def _as_utf8(field: str) -> str:
    """A field that http.client has read as Latin-1."""
    return field.encode("latin-1", "replace").decode("utf-8", "replace")


def _in_words(wrong: OSError) -> str:
    if isinstance(wrong, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {wrong.verify_message}"
    if isinstance(wrong, ssl.SSLError):
        return "no TLS connection can be made"
    if isinstance(wrong, socket.gaierror):
        return "there is no host of this name"
    if isinstance(wrong, ConnectionRefusedError):
        return "nobody answers there (connection refused)"
    return (wrong.strerror or "the connection was lost").lower()
