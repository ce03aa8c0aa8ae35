"""Requests as they arrive on one connection: the request parser, and what it must not decide alone.

It checks the limits of F4 and hides from the parser what that would refuse or misread: targets with high bytes,
trailers (which would join the request's fields), upgrades nobody serves (which would swallow the body). Behind a
request for a WebSocket nothing is read as a request any more, whatever its answer.
"""

from __future__ import annotations

import re
from typing import Protocol

from proxy.fieldlist import Collected, FieldList
from proxy.http.cycle import Cycle
from proxy.http.errors import ProxyError, VisitorError
from proxy.http.headers import value_of
from proxy.http.limits import DEFAULTS, Limits
from proxy.http.parser import CallbackError, ParserError, RequestParser, UnknownMethod, Upgrade
from proxy.http.target import disguise
from proxy.http.websocket import asks_for_websocket

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_STARTS_WITH_TOKEN = re.compile(_TOKEN)
_REQUEST_LINE = re.compile(rb"(?:\r\n)*" + _TOKEN + rb" [^\x00-\x20\x7f]+ HTTP/1\.[01]\r\n")


class Owner(Protocol):
    """The connection: what the reader tells it."""

    def accept(
        self, method: str, version: str, target: bytes, headers: FieldList, *, keep_alive: bool, expects_continue: bool
    ) -> Cycle:
        """A request has begun; its body goes to the cycle. ProxyError: it is refused."""

    def refuse(self, status: int, reason: str) -> None:
        """What arrives is no request."""

    def hold(self) -> None:
        """Enough body is held: read no more for now."""

    def beyond(self, data: bytes) -> None:
        """Bytes behind the last request of the connection."""

    def discard(self, count: int) -> None:
        """Bytes that nobody wants any more."""


class RequestReader:
    """`cycle` is the request that is arriving, or has arrived last; None while a head is incomplete."""

    __slots__ = (
        "_collected",
        "_fed",
        "_limits",
        "_line",
        "_literal",
        "_owner",
        "_parser",
        "_replaying",
        "_upgrading",
        "_url",
        "_waiting",
        "cycle",
        "deaf",
        "head_begun",
        "on_header",
        "upgrades",
    )

    def __init__(self, owner: Owner, limits: Limits = DEFAULTS) -> None:
        self._owner = owner
        self._limits = limits
        self._collected = Collected()
        self.on_header = self._collected.add  # the parser's callback, as the methods below
        self._parser = RequestParser(self)
        self._url = b""
        self._waiting = True  # no byte of the next request has been parsed
        self._fed = 0  # bytes since the last request ended, or since its body last moved
        self._line = b""  # a request line that has not arrived whole
        self._literal: bytes | None = None  # the target as sent, where the parser must not see it
        self._upgrading = False
        self._replaying = False
        self.cycle: Cycle | None = None
        self.deaf = False  # nothing more is read as a request
        self.upgrades = False  # the last request asks for a WebSocket; no other can follow one that does
        self.head_begun = False  # set with the first byte of each head; the owner may reset it

    @property
    def is_between(self) -> bool:
        """No part of a request has arrived that is not whole."""
        return self._waiting and not self._line

    def feed(self, data: bytes) -> None:
        if self._waiting and (self._line or not data.isascii() or data.find(b"\r\n") < 0):
            data = self._prepare(data)
            if not data:
                return
        self._fed += len(data)
        self._parse(data)
        if self._waiting:
            self._fed = 0
        elif self._fed > self._limits.header_bytes + self._limits.target_bytes and not self.deaf:
            # Counted as received, so that what never ends is bounded too: a head, trailers, the extensions of one chunk
            # (RFC 9112 7.1.1 asks for a limit).
            self._owner.refuse(431, "The request header is too large.")

    def _prepare(self, data: bytes) -> bytes:
        """Waits for a whole request line, and hides a target the parser would refuse; empty while waiting.

        llhttp refuses targets with bytes above 0x7f, which some clients and links in old pages send (T2).
        """
        if not self._line:
            self.head_begun = True
        data = (self._line + data).lstrip(b"\r\n")
        self._line = b""
        if b"\r\n" not in data:
            if data and (b"\n" in data or not _STARTS_WITH_TOKEN.match(data)):
                # A TLS hello, or lines of another making: the line we would wait for never comes.
                self._owner.refuse(400, "The request is malformed.")
            elif len(data) > self._limits.target_bytes:
                self._owner.refuse(414, "The address is too long.")
            else:
                self._line = data
            return b""
        self._literal, data = disguise(data)
        return data

    def _parse(self, data: bytes) -> None:
        begins = self._waiting
        try:
            self._parser.feed_data(data)
        except Upgrade as upgrade:
            self._resume_after_upgrade(data[upgrade.args[0] :])
        except CallbackError as error:
            cause = error.__context__
            if not isinstance(cause, ProxyError):
                raise
            if not self.deaf:
                self._owner.refuse(cause.status, cause.reason)
        except ParserError as error:
            # Behind the last request of a connection anything may come.
            if self.deaf:
                return
            if begins and isinstance(error, UnknownMethod) and _REQUEST_LINE.match(data):
                self._owner.refuse(501, "This method is not known here.")
            else:
                self._owner.refuse(400, "The request is malformed.")

    def _resume_after_upgrade(self, rest: bytes) -> None:
        """An upgrade that is not taken is an ordinary request, whose body the parser has skipped (RFC 9110 7.8):
        a new parser is given a head with the same framing, and goes on behind it."""
        cycle = self.cycle
        if cycle is None or self.deaf:
            if rest:
                self._owner.beyond(rest)
            return
        headers = cycle.scope["headers"]
        coding, length = value_of(headers, b"transfer-encoding"), value_of(headers, b"content-length")
        framing = b"transfer-encoding: chunked" if coding else b"content-length: " + (length or b"0")
        self._replaying = True
        self._parser = RequestParser(self)
        self._parse(b"POST / HTTP/1.1\r\n" + framing + b"\r\n\r\n")
        if rest and not self.deaf:
            self._parse(rest)

    # The parser's callbacks ----------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if not self._replaying:
            self._url = b""
            self._collected.forget()  # the trailers of the request before
            self._waiting = False
            self.head_begun = True
            self.cycle = None

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_headers_complete(self) -> None:
        fields = self._collected.take()
        if self._replaying:
            self._replaying = self._upgrading = False
            return
        target, self._literal = self._literal or self._url, None
        limits = self._limits
        if (
            self.deaf
            or len(target) > limits.target_bytes
            or self._fed > limits.header_bytes
            or fields.repeated
            or len(fields.by_name) > limits.header_fields
        ):
            self._check(target, fields)
        parser = self._parser
        version = parser.get_http_version()
        method = parser.get_method().decode("ascii")
        self._upgrading = upgrading = parser.should_upgrade()
        keep_alive = version != "1.0" and parser.should_keep_alive()
        if upgrading:
            self.upgrades = version == "1.1" and method != "CONNECT" and asks_for_websocket(fields)
            # What follows is not HTTP, whatever the answer will be.
            keep_alive = keep_alive and method != "CONNECT" and not self.upgrades
        expects = method != "GET" and version == "1.1" and _expects_continue(fields)
        self.cycle = self._owner.accept(
            method, version, target, fields, keep_alive=keep_alive, expects_continue=expects
        )

    def on_body(self, body: bytes) -> None:
        self._fed = 0
        cycle = self.cycle
        if cycle is None or cycle.complete:
            self._owner.discard(len(body))
        elif cycle.put(body):
            self._owner.hold()

    def on_message_complete(self) -> None:
        cycle = self.cycle
        if cycle is None:
            return
        if self._upgrading and cycle.keep_alive:
            return  # the body is still to come: _resume_after_upgrade
        self._waiting = True
        cycle.put_end()
        self.deaf = self.deaf or not cycle.keep_alive

    def _check(self, target: bytes, fields: FieldList) -> None:
        """ProxyError where a limit is broken; asked only where the bytes received could have broken one."""
        if self.deaf:
            raise VisitorError("The connection takes no more requests.")
        limits = self._limits
        if len(target) > limits.target_bytes:
            raise VisitorError("The address is too long.", 414)
        size = sum(len(name) + len(value) + 4 for name, value in fields)
        if size > limits.header_bytes or len(fields) > limits.header_fields:
            raise VisitorError("The request header is too large.", 431)


def _expects_continue(fields: FieldList) -> bool:
    return b"100-continue" in [value.lower() for value in fields.values(b"expect")]
