"""Requests as they arrive on one connection: the request parser, and what it must not decide alone.

It checks the limits of F4 and hides from the parser what that would refuse or misread: targets with high bytes,
trailers (which would join the request's fields), upgrades nobody serves (which would swallow the body). Behind a
request for a WebSocket nothing is read as a request any more, whatever its answer.

High bytes in a target are only hidden where its line begins what arrives, or stands right behind a head that arrived
with its line: of pipelined requests, those without a body. Behind the rest of a body or of a head they are refused.
"""

from __future__ import annotations

import re
from typing import Protocol

from proxy.fieldlist import Collected, FieldList
from proxy.http.cycle import Cycle
from proxy.http.errors import ProxyError, VisitorError
from proxy.http.headers import value_of
from proxy.http.known import KnownRequests
from proxy.http.limits import DEFAULTS, Limits
from proxy.http.parser import CallbackError, ParserError, RequestParser, UnknownMethod, Upgrade
from proxy.http.target import disguise
from proxy.http.websocket import asks_for_websocket

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_STARTS_WITH_TOKEN = re.compile(_TOKEN)
_HEAD_END = b"\r\n\r\n"
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
        "_block",
        "_collected",
        "_fed",
        "_known",
        "_limits",
        "_line",
        "_literal",
        "_owner",
        "_parser",
        "_replaying",
        "_unmeasured",
        "_upgrading",
        "_url",
        "_waiting",
        "cycle",
        "deaf",
        "head_begun",
        "on_header",
        "upgrades",
    )

    def __init__(self, owner: Owner, limits: Limits = DEFAULTS, known: KnownRequests | None = None) -> None:
        self._owner = owner
        self._limits = limits
        self._known = known or KnownRequests()  # of all connections
        self._block = b""  # the head that is being parsed, where it may be kept
        self._collected = Collected()
        self.on_header = self._collected.add  # the parser's callback, as the methods below
        self._parser = RequestParser(self)
        self._url = b""
        self._waiting = True  # no byte of the next request has been parsed
        self._fed = 0  # bytes of all reads since the one in which the last request ended, or its body last moved
        self._unmeasured = False  # the head arriving began in that very read: how much of it is not in `_fed`
        self._line = b""  # a request line that has not arrived whole
        self._literal: bytes | None = None  # the target as sent, where the parser must not see it
        self._upgrading = False  # to what nobody serves; the body is still to come
        self._replaying = False
        self.cycle: Cycle | None = None
        self.deaf = False  # nothing more is read as a request
        self.upgrades = False  # the last request asks for a WebSocket; no other can follow one that does
        self.head_begun = False  # set with the first byte of each head; the owner may reset it

    @property
    def is_between(self) -> bool:
        """No part of a request has arrived that is not whole."""
        return self._waiting and not self._line

    def let_go(self) -> None:
        """The connection is no more. What holds on to each other is taken apart: it would wait for the collector of
        cycles, which comes seldom, and to what it finds alive more seldom still."""
        self.deaf = True
        self.cycle = None
        del self._owner, self._parser

    def feed(self, data: bytes) -> None:
        while data:
            if self.deaf:
                self._owner.beyond(data)
                return
            behind = b""
            if self._waiting:
                if not self._line:
                    known = self._known.find(data)
                    if known is not None and len(known[1]) <= self._limits.target_bytes:
                        self._repeat(*known)
                        return
                if self._line or not data.isascii() or data.find(b"\r\n") < 0:
                    data, behind = self._prepare(data)
                    if not data:
                        return
                else:
                    self._block = self._known.block(data)
            self._fed += len(data)
            data = self._parse(data) + behind
            if self._waiting:
                self._fed = 0
            elif self._fed > self._limits.header_bytes + self._limits.target_bytes and not self.deaf:
                # Counted as received, so that what never ends is bounded too: a head, trailers, the extensions of one
                # chunk (RFC 9112 7.1.1 asks for a limit).
                self._owner.refuse(431, "The request header is too large.")

    def _repeat(self, method: str, target: bytes, fields: FieldList) -> None:
        """A request that came alone, without a body, and whose head the parser has read before."""
        self.head_begun = True
        self.cycle = None
        try:
            self.cycle = cycle = self._owner.accept(
                method, "1.1", target, fields, keep_alive=True, expects_continue=False
            )
        except ProxyError as wrong:
            self._owner.refuse(wrong.status, wrong.reason)
            return
        cycle.put_end()
        self.deaf = self.deaf or not cycle.keep_alive

    def _prepare(self, data: bytes) -> tuple[bytes, bytes]:
        """Waits for a whole request line, and hides a target the parser would refuse: (what to parse, what is to be
        prepared behind it), both empty while waiting.

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
            return b"", b""
        self._literal, data = disguise(data)
        end = data.find(_HEAD_END)
        return (data, b"") if end < 0 else (data[: end + len(_HEAD_END)], data[end + len(_HEAD_END) :])

    def _parse(self, data: bytes) -> bytes:
        """Returns what the parser has left, because it stands behind an upgrade."""
        begins = self._waiting
        try:
            self._parser.feed_data(data)
            return b""
        except Upgrade as upgrade:
            rest = data[upgrade.args[0] :]
        except CallbackError as error:
            cause = error.__context__
            if not isinstance(cause, ProxyError):
                raise
            if not self.deaf:
                self._owner.refuse(cause.status, cause.reason)
            return b""
        except ParserError as error:
            if self.deaf:
                pass  # behind the last request of a connection anything may come
            elif begins and isinstance(error, UnknownMethod) and _REQUEST_LINE.match(data):
                self._owner.refuse(501, "This method is not known here.")
            else:
                self._owner.refuse(400, "The request is malformed.")
            return b""
        # Not above: what is raised where an upgrade is being handled has that for its context instead of its cause.
        if self._upgrading and self.cycle is not None:
            self._resume(self.cycle)
        return rest

    def _resume(self, cycle: Cycle) -> None:
        """An upgrade that is not taken is an ordinary request, whose body the parser has skipped (RFC 9110 7.8):
        a new parser is given a head with the same framing, and goes on behind it."""
        headers = cycle.scope["headers"]
        coding, length = value_of(headers, b"transfer-encoding"), value_of(headers, b"content-length")
        framing = b"transfer-encoding: chunked" if coding else b"content-length: " + (length or b"0")
        connection = b"keep-alive" if cycle.keep_alive else b"close"
        self._fed = 0
        self._replaying = True
        self._parser = RequestParser(self)
        self._parser.feed_data(b"POST / HTTP/1.1\r\nconnection: %b\r\n%b\r\n\r\n" % (connection, framing))

    # The parser's callbacks ----------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if not self._replaying:
            self._url = b""
            self._collected.forget()  # the trailers of the request before
            self._waiting = False
            self.head_begun = True
            self.cycle = None
            if not self._fed:
                self._unmeasured = True

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_headers_complete(self) -> None:
        fields = self._collected.take()
        block, self._block = self._block, b""
        if self._replaying:
            self._replaying = self._upgrading = False
            return
        target, self._literal = self._literal or self._url, None
        limits = self._limits
        if (
            self.deaf
            or len(target) > limits.target_bytes
            or self._fed > limits.header_bytes
            or self._unmeasured
            or fields.repeated
            or len(fields.by_name) > limits.header_fields
        ):
            self._check(target, fields)
        parser = self._parser
        version = parser.get_http_version()
        method = parser.get_method().decode("ascii")
        keep_alive = version != "1.0" and parser.should_keep_alive()
        if parser.should_upgrade():
            self.upgrades = version == "1.1" and method != "CONNECT" and asks_for_websocket(fields)
            # What follows a CONNECT or a request for a WebSocket is not HTTP, whatever the answer will be.
            self._upgrading = method != "CONNECT" and not self.upgrades
            keep_alive = keep_alive and self._upgrading
        elif block and keep_alive:
            self._known.keep(block, fields)
        expects = b"expect" in fields.by_name and version == "1.1" and _expects_continue(fields)
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
        if self._upgrading:
            return  # the body is still to come: _resume
        self._waiting = True
        self._fed = 0
        cycle.put_end()
        self.deaf = self.deaf or not cycle.keep_alive

    def _check(self, target: bytes, fields: FieldList) -> None:
        """ProxyError where a limit is broken; asked only where the bytes received could have broken one."""
        if self.deaf:
            raise VisitorError("The connection takes no more requests.")
        self._unmeasured = False
        limits = self._limits
        if len(target) > limits.target_bytes:
            raise VisitorError("The address is too long.", 414)
        size = sum(len(name) + len(value) + 4 for name, value in fields)
        if size > limits.header_bytes or len(fields) > limits.header_fields:
            raise VisitorError("The request header is too large.", 431)


def _expects_continue(fields: FieldList) -> bool:
    """Does he wait with his body for us? Without a body the expectation means nothing (RFC 9110 10.1.1)."""
    has_body = b"transfer-encoding" in fields.by_name or fields.by_name.get(b"content-length", b"").strip(b" \t0")
    return bool(has_body) and b"100-continue" in [value.lower() for value in fields.values(b"expect")]
