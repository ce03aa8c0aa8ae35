"""Field lists in, field lists or head bytes out: what an intermediary forwards, drops and appends (RFC 9110 7.6).

Pure. Names are lower case, order and duplicates are kept, values are kept to the byte. Framing is never copied:
the request's length is decided once, here, and written anew (RFC 9112 6).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import NamedTuple

from proxy.asgi import Headers
from proxy.fieldlist import FieldList

_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+")
_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
LENGTH_DIGITS = 18  # stay below 2**63
BODILESS = frozenset((204, 304))  # RFC 9112 6.3 rule 1; that nothing follows a HEAD only the request tells

# RFC 9110 7.6.1, and what older intermediaries used. HTTP2-Settings would offer h2c for our connection (7.8).
HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-connection te trailer transfer-encoding upgrade http2-settings"
    b" proxy-authenticate proxy-authorization".split()
)
# Connection may not take these away from the site: with `Connection: cookie` a visitor would log himself out
# upstream only, and with x-forwarded-for he would hide (abused in the wild as "hop-by-hop header abuse").
_UNNAMEABLE = frozenset((b"host", b"cookie", b"authorization", b"set-cookie", b"date", b"via", b"forwarded"))
_UNNAMEABLE_PREFIXES = (b"content-", b"x-forwarded-", b"sec-websocket-")
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
_CHAINS = frozenset((*_FORWARDING, b"forwarded"))
_ONLY_HOST = frozenset((b"host",))
_UPSTREAM, _PASSED = "head for upstream", "fields for the visitor"  # facts of a list
_LENGTH = frozenset((b"content-length",))
PEERS_REMEMBERED = 1024  # whose forwarding fields are kept ready
_NOTHING: frozenset[bytes] = frozenset()


class Peer(NamedTuple):
    """Who sent a request: `address` (v6 without brackets), `scheme` and `host` as the public sees them, `trusted`: its
    forwarding fields are believed and continued."""

    address: str
    scheme: str
    host: bytes
    trusted: bool


@dataclass(slots=True)
class RequestHead:
    """The head for upstream. `length`: bytes of body that must follow, 0 for none, None for chunked."""

    data: bytes
    length: int | None


def has_line_break(texts: Iterable[bytes]) -> bool:
    """Whether any of these could end its line early, or its header. Asked of what somebody else brings as a plain
    list: what is in a FieldList came through our parser, which refuses this (tests/unit/test_parser.py), and what we
    add to it holds none."""
    joined = b"".join(texts)
    return b"\n" in joined or b"\r" in joined or b"\0" in joined


def is_well_formed(fields: Iterable[tuple[bytes, bytes]]) -> bool:
    """Lower-case tokens as names, values without control characters (RFC 9110 5.1, 5.5). Asked where the parser was
    not, as above."""
    return all(_NAME.fullmatch(name) and _VALUE.fullmatch(value) for name, value in fields)


def nominated(values: Iterable[bytes]) -> frozenset[bytes]:
    """The field names that Connection's `values` declare hop-by-hop and that it may name."""
    names = {name.strip(b" \t").lower() for value in values for name in value.split(b",")}
    return frozenset(n for n in names if n not in _UNNAMEABLE and not n.startswith(_UNNAMEABLE_PREFIXES))


def _banned(fields: FieldList) -> frozenset[bytes]:
    if fields.repeated is None and fields.by_name.get(b"connection", b"close") in _HARMLESS_CONNECTION:
        return _NOTHING
    connection = [value for value in fields.values(b"connection") if value not in _HARMLESS_CONNECTION]
    return nominated(connection) if connection else _NOTHING


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
    first = values[0]
    if len(values) == 1 and first.isdigit() and len(first) <= LENGTH_DIGITS:
        return int(first)
    stripped = {value.strip(b" \t") for value in values}
    if len(stripped) > 1:
        raise ValueError("differing content-length")
    text = stripped.pop()
    if not text.isdigit() or len(text) > LENGTH_DIGITS:
        raise ValueError("content-length is not a number")
    return int(text)


def request_head(
    method: bytes,
    target: bytes,
    version: bytes,
    headers: Headers,
    *,
    peer: Peer,
    authority: bytes,
    via_token: bytes,
    preserve_host: bool = True,
) -> RequestHead:
    """The head for upstream in one pass. `target` goes out as it is; `version` (b"1.1") is what the visitor spoke;
    `authority` is upstream's own: the Host where that is not preserved, or where HTTP/1.0 has none. ValueError: bad
    framing, or a line break in a value."""
    fields = FieldList.of(headers)
    ready = fields.facts.get(_UPSTREAM) if fields.facts is not None else None
    if ready is not None and ready[0] is peer and ready[1] == (version, via_token, authority, preserve_host):
        return RequestHead(method + b" " + target + ready[2], 0)
    handled = _REQUEST_HANDLED.intersection(fields.by_name)
    host = fields.by_name.get(b"host", authority) if preserve_host else authority
    lines = list(map(b": ".join, fields.without(handled)))
    length: int | None = 0
    if handled == _ONLY_HOST:
        lines += _forwarding(peer)
    else:
        lines, length = _frame(fields, lines)
        lines += _chained({name: fields.values(name) for name in handled & _CHAINS}, peer)
    lines.append(b"via: " + version + b" " + via_token)
    if fields is not headers and has_line_break((method, target, host, *lines)):
        raise ValueError("line break in a field")
    rest = b" HTTP/1.1\r\nhost: %b\r\n%b\r\n\r\n" % (host, b"\r\n".join(lines))
    if fields.facts is not None and length == 0:
        fields.facts[_UPSTREAM] = (peer, (version, via_token, authority, preserve_host), rest)
    return RequestHead(b"%b %b%b" % (method, target, rest), length)


def _frame(fields: FieldList, lines: list[bytes]) -> tuple[list[bytes], int | None]:
    """The lines that Connection leaves, with those that say how long the body is, and its length (None: chunked)."""
    # Ours is the next hop that must answer 100-continue (RFC 9110 10.1.1); any other expectation is upstream's affair.
    lines += [b"expect: " + value for value in fields.values(b"expect") if value.lower() != b"100-continue"]
    banned = _banned(fields)
    if banned:
        lines = [line for line in lines if line.partition(b":")[0] not in banned]
    length = content_length(fields.values(b"content-length"))
    if b"transfer-encoding" in fields.by_name:
        if length is not None:
            raise ValueError("both content-length and transfer-encoding")
        return [*lines, b"transfer-encoding: chunked"], None
    return ([*lines, b"content-length: %d" % length], length) if length is not None else (lines, 0)


@lru_cache(maxsize=PEERS_REMEMBERED)
def _forwarding(peer: Peer) -> tuple[bytes, ...]:
    """X-Forwarded-*, begun anew (F8)."""
    address = [b"x-forwarded-for: " + peer.address.encode("ascii")] if peer.address else []
    host = [b"x-forwarded-host: " + peer.host] if peer.host else []
    return (*address, b"x-forwarded-proto: " + peer.scheme.encode("ascii"), *host)


def _chained(chains: dict[bytes, list[bytes]], peer: Peer) -> Iterable[bytes]:
    """The same where the request brought such fields: continued for a trusted peer, begun anew for any other.
    `Forwarded` (RFC 7239) is only written where the request had one, so that a stale or forged one never stands
    alone."""
    before = chains.get(b"x-forwarded-for", []) if peer.trusted else []
    lines = list(_forwarding(peer))
    if before and peer.address:
        lines[0] = b"x-forwarded-for: " + b", ".join([*before, peer.address.encode("ascii")])
    elif before:
        lines.insert(0, b"x-forwarded-for: " + b", ".join(before))
    if b"forwarded" in chains:
        address = peer.address.encode("ascii") or b"unknown"
        node = b'"[%b]"' % address if ":" in peer.address else address
        # A host with a port holds a colon, which only a quoted string may (RFC 7239 4).
        element = b'for=%b;proto=%b;host="%b"' % (node, peer.scheme.encode("ascii"), peer.host)
        lines.append(b"forwarded: " + b", ".join([*(chains[b"forwarded"] if peer.trusted else ()), element]))
    return lines


def answer_fields(fields: FieldList, *, keep_length: bool, via: Mapping[bytes, bytes]) -> FieldList:
    """Upstream's fields for the visitor. `keep_length`: the body (or the HEAD) has the length that Content-Length
    states; else it is dropped and the server frames the body anew."""
    facts = fields.facts
    ready = facts.get(_PASSED) if facts is not None else None
    if ready is not None and ready[0] is via and ready[1] is keep_length:
        passed: FieldList = ready[2]
        return passed
    dropped = HOP_BY_HOP.intersection(fields.by_name) | _banned(fields)
    if not keep_length:
        dropped |= _LENGTH
    passed = fields.changed(dict.fromkeys(dropped), via)
    if facts is not None:
        facts[_PASSED] = (via, keep_length, passed.kept())
    return passed
