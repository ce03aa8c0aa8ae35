"""Field lists in, field lists or head bytes out: what an intermediary forwards, drops and appends (RFC 9110 7.6).

Pure. Names are lower case, order and duplicates are kept, values are kept to the byte. Framing is never copied:
the request's length is decided once, here, and written anew (RFC 9112 6).
"""

import re
from collections.abc import Iterable
from itertools import product
from typing import NamedTuple

from proxy.asgi import Headers

# Deleting these from the joined names or values leaves nothing where all are well-formed (RFC 9110 5.1, 5.5): four
# times faster than a regular expression. Line breaks are counted apart.
NAME_BYTES = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
VALUE_BYTES = bytes(code for code in range(256) if code in b"\t\r\n" or (code >= 0x20 and code != 0x7F))

_DIGITS = re.compile(rb"[0-9]{1,18}")  # 1*DIGIT; 18 digits stay below 2**63

# RFC 9110 7.6.1, and what older intermediaries used. HTTP2-Settings would offer h2c for our connection (7.8).
HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-connection te trailer transfer-encoding upgrade http2-settings"
    b" proxy-authenticate proxy-authorization".split()
)
# Connection may not take these away from the site: with `Connection: cookie` a visitor would log himself out
# upstream only, and with x-forwarded-for he would hide (abused in the wild as "hop-by-hop header abuse").
_UNNAMEABLE = frozenset((b"host", b"cookie", b"authorization", b"set-cookie", b"date", b"via", b"forwarded"))
_UNNAMEABLE_PREFIXES = (b"content-", b"x-forwarded-")
_HARMLESS_CONNECTION = frozenset((b"keep-alive", b"close", b"Keep-Alive", b"Close", b"upgrade", b"Upgrade"))

_FORWARDING = (b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host")
_ALIASED = (
    *_FORWARDING,
    b"content-length",
    b"transfer-encoding",
    b"x-forwarded-port",
    b"x-real-ip",
    b"http2-settings",
)


def _underscored(name: bytes) -> list[bytes]:
    """Every spelling of a name with at least one `_` for `-`: CGI, WSGI and PHP servers cannot tell them apart."""
    words = name.split(b"-")
    spellings = [
        words[0] + b"".join(dash + word for dash, word in zip(dashes, words[1:], strict=True))
        for dashes in product((b"-", b"_"), repeat=len(words) - 1)
    ]
    return [spelling for spelling in spellings if b"_" in spelling]


_ALIASES = frozenset(alias for name in _ALIASED for alias in _underscored(name))
# `proxy` becomes HTTP_PROXY in CGI programs, which then send their own requests through it (httpoxy, 2016).
_DROPPED = HOP_BY_HOP | _ALIASES | {b"proxy"}
_REQUEST_HANDLED = _DROPPED | {b"host", b"expect", b"content-length", b"forwarded", *_FORWARDING}
_ANSWER_HANDLED = HOP_BY_HOP | {b"content-length", b"date"}


class Peer(NamedTuple):
    """Who sent a request: `address` as text bytes (v6 without brackets), `scheme` and `host` as the public sees them,
    `trusted`: its forwarding fields are believed and continued."""

    address: bytes
    scheme: bytes
    host: bytes
    trusted: bool


class RequestHead(NamedTuple):
    """The head for upstream. `length`: bytes of body that must follow, 0 for none, None for chunked."""

    data: bytes
    length: int | None


def has_bad_syntax(headers: Headers) -> bool:
    """A name that is no lower-case token, or a value that could end its line early."""
    if not headers:
        return False
    names = [field[0] for field in headers]
    if b"" in names or b"".join(names).translate(None, NAME_BYTES):
        return True
    values = b"\n".join([field[1] for field in headers])
    return values.count(b"\n") >= len(headers) or b"\r" in values or bool(values.translate(None, VALUE_BYTES))


def nominated(values: Iterable[bytes]) -> frozenset[bytes]:
    """The field names that Connection's `values` declare hop-by-hop and that it may name."""
    names = {name.strip(b" \t").lower() for value in values for name in value.split(b",")}
    return frozenset(n for n in names if n not in _UNNAMEABLE and not n.startswith(_UNNAMEABLE_PREFIXES))


def value_of(headers: Headers, name: bytes) -> bytes:
    """The first value of `name`, or empty."""
    for key, value in headers:
        if key == name:
            return value
    return b""


def content_length(values: list[bytes]) -> int | None:
    """The length that all Content-Length `values` agree on; None for no value. ValueError: RFC 9112 6.3 forbids it."""
    if not values:
        return None
    stripped = {value.strip(b" \t") for value in values}
    if len(stripped) > 1:
        raise ValueError("differing content-length")
    text = stripped.pop()
    if not _DIGITS.fullmatch(text):
        raise ValueError("content-length is not a number")
    return int(text)


def request_head(
    method: bytes, target: bytes, version: bytes, headers: Headers, *, peer: Peer, authority: bytes, via_token: bytes
) -> RequestHead:
    """The head for upstream in one pass. `target` goes out as it is; `version` (b"1.1") is what the visitor spoke;
    `authority` stands in for a Host that HTTP/1.0 may omit. ValueError: bad framing, or a line break in a value."""
    host = authority
    handled = _REQUEST_HANDLED
    lines = list(map(b": ".join, [field for field in headers if field[0] not in handled]))
    lengths: list[bytes] = []
    chains: dict[bytes, list[bytes]] = {}
    connection: list[bytes] = []
    chunked = False
    for name, value in [field for field in headers if field[0] in handled]:
        if name == b"host":
            host = value
        elif name == b"connection":
            if value not in _HARMLESS_CONNECTION:
                connection.append(value)
        elif name == b"content-length":
            lengths.append(value)
        elif name == b"transfer-encoding":
            chunked = True
        elif name == b"expect":
            # Ours is the next hop that must answer it (RFC 9110 10.1.1); anything but this is upstream's affair.
            if value.lower() != b"100-continue":
                lines.append(b"expect: " + value)
        elif name in _FORWARDING or name == b"forwarded":
            chains.setdefault(name, []).append(value)
    if connection:
        banned = nominated(connection)
        lines = [line for line in lines if line.partition(b":")[0] not in banned]
    length = content_length(lengths)
    if chunked:
        if length is not None:
            raise ValueError("both content-length and transfer-encoding")
        lines.append(b"transfer-encoding: chunked")
    elif length is not None:
        lines.append(b"content-length: %d" % length)
    _append_forwarding(lines, chains, peer)
    lines.append(b"via: " + version + b" " + via_token)
    data = b"%b %b HTTP/1.1\r\nhost: %b\r\n%b\r\n\r\n" % (method, target, host, b"\r\n".join(lines))
    breaks = len(lines) + 3
    if data.count(b"\n") != breaks or data.count(b"\r") != breaks or b"\0" in data:
        raise ValueError("line break in a field")
    return RequestHead(data, None if chunked else length or 0)


def _append_forwarding(lines: list[bytes], chains: dict[bytes, list[bytes]], peer: Peer) -> None:
    """X-Forwarded-*: continued for a trusted peer, begun anew for any other (F8). `Forwarded` (RFC 7239) is only
    written where the request had one, so that a stale or forged one never stands alone."""
    address = peer.address
    if chains and peer.trusted and b"x-forwarded-for" in chains:
        address = b", ".join([*chains[b"x-forwarded-for"], address])
    if address:
        lines.append(b"x-forwarded-for: " + address)
    lines.append(b"x-forwarded-proto: " + peer.scheme)
    if peer.host:
        lines.append(b"x-forwarded-host: " + peer.host)
    if b"forwarded" in chains:
        node = b'"[%b]"' % peer.address if b":" in peer.address else peer.address or b"unknown"
        # A host with a port holds a colon, which only a quoted string may (RFC 7239 4).
        element = b'for=%b;proto=%b;host="%b"' % (node, peer.scheme, peer.host)
        before = chains[b"forwarded"] if peer.trusted else []
        lines.append(b"forwarded: " + b", ".join([*before, element]))


def answer_fields(fields: Headers, *, keep_length: bool, via: tuple[bytes, bytes]) -> tuple[Headers, bool]:
    """Upstream's fields for the visitor, and whether a Date is among them. `keep_length`: the body (or the HEAD)
    has the length that Content-Length states; else it is dropped and the server frames the body anew."""
    kept: Headers = []
    connection: list[bytes] = []
    dated = False
    handled = _ANSWER_HANDLED
    for field in fields:
        name = field[0]
        if name not in handled:
            kept.append(field)
        elif name == b"date":
            dated = True
            kept.append(field)
        elif name == b"content-length":
            if keep_length:
                kept.append(field)
        elif name == b"connection" and field[1] not in _HARMLESS_CONNECTION:
            connection.append(field[1])
    if connection:
        banned = nominated(connection)
        kept = [field for field in kept if field[0] not in banned]
    kept.append(via)
    return kept, dated
