"""What must not pass is refused here, before anything else looks at the request; nothing is repaired.

Pure: no clock, no I/O, no asyncio. `refuse` is a table in the shape of a function, in the order in which a request
must be distrusted: its host, its framing (RFC 9112 3.2, 6.3), then its method and its target. Field syntax is the
server's: its parser lets nothing malformed through (tests/unit/test_parser.py).
Letters are those of the tests: T7 hosts, T8 methods and `*`, F1 framing, F5 upgrades, F8 loops, X1 the prefix.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address
from urllib.parse import unquote_to_bytes

from proxy.asgi import UPGRADE, ASGIApp, Headers, Receive, Scope, Send
from proxy.bounded import Bounded
from proxy.fieldlist import FieldList
from proxy.http.errors import answer
from proxy.http.headers import Peer, content_length, value_of
from proxy.http.target import is_host
from proxy.http.websocket import asks_for_websocket, handshake_fault

TRUST_MEMORY = 4096  # addresses, and addresses with their hosts, that are remembered; forgotten all at once when full
DECODE_ROUNDS = 4  # how often a target is percent-decoded in search of the prefix; real chains of proxies do it twice

_SUSPICIOUS = re.compile(rb"[%\\;#]|//|/\.")
_DOT_SEGMENTS = (b"", b".")
_VERSIONS = frozenset(("1.0", "1.1", "2", "3"))  # "2.0" is a client that writes HTTP/2.0 into an HTTP/1 request line
_SOUND = "gate"  # the fact that nothing is wrong with the fields of a head, and that it asks for no upgrade
_PLAIN_METHODS = frozenset(("GET", "HEAD", "POST"))
_WATCHED = frozenset((b"host", b"content-length", b"transfer-encoding", b"connection", b"upgrade", b"via"))


@dataclass(frozen=True, slots=True)
class Refusal:
    """`fault` is "visitor", or "websocket" for an upgrade that is understood and that this server cannot do."""

    status: int
    reason: str
    fault: str = "visitor"


def _bad(reason: str) -> Refusal:
    return Refusal(400, reason)


def refuse(scope: Scope, prefix: bytes, via_token: bytes) -> Refusal | None:
    """Why this request is not forwarded, or None. `prefix` is our reserved path (b"/_footfall")."""
    given = scope["headers"]
    fields = given if type(given) is FieldList else FieldList.of(given)
    known = fields.facts is not None and fields.facts.get(_SOUND) == (via_token, scope["http_version"])
    raw_path: bytes = scope["raw_path"]
    if known and scope["method"] in _PLAIN_METHODS and raw_path.startswith(b"/"):
        refusal = None
    else:
        refusal = _bad_head(scope, fields, via_token)
    if refusal is None and _SUSPICIOUS.search(raw_path) is not None and is_disguised(raw_path, prefix):
        return Refusal(404, "There is nothing at this address.")
    return refusal


def _bad_head(scope: Scope, fields: FieldList, via_token: bytes) -> Refusal | None:
    """What is wrong with the request's line or its fields, but for a disguise."""
    version: str = scope["http_version"]
    if version not in _VERSIONS:
        return Refusal(505, "Only HTTP/1.0 and HTTP/1.1 are spoken here.")
    seen = {name: fields.values(name) for name in _WATCHED.intersection(fields.by_name)}
    refusal = _bad_host(seen, version) or (_bad_framing(seen, version) if len(seen) > (b"host" in seen) else None)
    if refusal is not None:
        return refusal
    method: str = scope["method"]
    raw_path: bytes = scope["raw_path"]
    if method in ("CONNECT", "TRACE"):
        return Refusal(405, f"{method} is not available here.")
    if not raw_path.startswith(b"/") and not (raw_path == b"*" and method == "OPTIONS"):
        return _bad("The request target is not a path.")
    if b"via" in seen and any(_names_token(value, via_token) for value in seen[b"via"]):
        return Refusal(508, "This request has come through here before.")
    if b"upgrade" in seen and version != "1.0" and asks_for_websocket(fields):  # RFC 9110 7.8: ignored in HTTP/1.0
        return _bad_upgrade(scope, method, fields)
    if fields.facts is not None:
        fields.facts[_SOUND] = (via_token, version)
    return None


def _bad_host(seen: dict[bytes, list[bytes]], version: str) -> Refusal | None:
    hosts = seen.get(b"host")
    if hosts is None:
        # Only HTTP/1.0 may leave it out (RFC 9112 3.2).
        return None if version == "1.0" else _bad("The Host header is missing.")
    if len(hosts) != 1 or not is_host(hosts[0]):
        return _bad("The Host header is malformed.")
    return None


def _bad_framing(seen: dict[bytes, list[bytes]], version: str) -> Refusal | None:
    codings = seen.get(b"transfer-encoding")
    lengths = seen.get(b"content-length")
    if codings is not None:
        if lengths is not None:
            return _bad("Both Content-Length and Transfer-Encoding are present.")
        if version == "1.0":
            return _bad("Transfer-Encoding does not exist in HTTP/1.0.")
        if len(codings) != 1 or codings[0].strip(b" \t").lower() != b"chunked":
            return _bad("Only the transfer coding chunked is accepted.")
    elif lengths is not None:
        try:
            content_length(lengths)
        except ValueError:
            return _bad("The Content-Length header is malformed.")
    return None


def _bad_upgrade(scope: Scope, method: str, fields: FieldList) -> Refusal | None:
    if UPGRADE not in (scope.get("extensions") or ()):
        return Refusal(501, "WebSocket connections are not supported here.", "websocket")
    fault = handshake_fault(method, fields)
    return Refusal(*fault) if fault is not None else None


def _names_token(via: bytes, token: bytes) -> bool:
    """Is `token` the received-by of any element of a Via value (RFC 9110 7.6.3)?"""
    return any(len(words) > 1 and words[1] == token for words in map(bytes.split, via.split(b",")))


def is_reserved(raw_path: bytes, prefix: bytes) -> bool:
    """Segment-exact on raw bytes: b"/_footfall" and b"/_footfall/x", never b"/_footfallx"."""
    return raw_path == prefix or raw_path.startswith(prefix + b"/")


def is_disguised(raw_path: bytes, prefix: bytes) -> bool:
    """Does a path that is not under the prefix become it when some server decodes or normalises it?

    Every round of decoding is judged, since what is one path to us may be decoded again behind us.
    """
    if is_reserved(raw_path, prefix):
        return False
    path = raw_path
    for _ in range(DECODE_ROUNDS):
        if is_reserved(_normal(path), prefix):
            return True
        decoded = unquote_to_bytes(path)
        if decoded == path:
            return False
        path = decoded
    return is_reserved(_normal(path), prefix)


def _normal(path: bytes) -> bytes:
    """Without dot segments, empty segments, path parameters, fragment; backslashes are slashes (RFC 3986 5.2.4)."""
    segments: list[bytes] = []
    for segment in path.partition(b"#")[0].partition(b"?")[0].replace(b"\\", b"/").split(b"/"):
        name = segment.partition(b";")[0]
        if name == b"..":
            del segments[-1:]
        elif name not in _DOT_SEGMENTS:
            segments.append(name)
    return b"/" + b"/".join(segments)


class Gate:
    """ASGI middleware: refuses by `refuse`, and tells the application behind it who the peer is.

    `scope["extensions"]["footfall.peer"]` becomes the immediate peer (a `Peer` of headers.py); where
    `trusted_proxies` hold the immediate peer (`trusts_unix`: one without an address, on a unix socket),
    scope["client"] and scope["scheme"] are what it forwards.
    `refused(host, status)` is called once for each refusal of what is not under the prefix.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        prefix: bytes,
        via_token: bytes,
        trusted_proxies: tuple[IPv4Network | IPv6Network, ...],
        trusts_unix: bool = False,
        refused: Callable[[bytes, int], None],
    ) -> None:
        self._app = app
        self._prefix = prefix
        self._via_token = via_token
        self._networks = trusted_proxies
        self._trusts_somebody = bool(trusted_proxies) or trusts_unix
        self._refused = refused
        self._trust: dict[str, bool] = {"": trusts_unix}  # who connects to a socket of this machine has no address
        self._peers: Bounded[tuple[str, str, bytes], Peer] = Bounded(TRUST_MEMORY)  # not trusted ones

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http":
            refusal = refuse(scope, self._prefix, self._via_token)
            if refusal is not None:
                headers: Headers = scope["headers"]
                if not is_reserved(scope["raw_path"], self._prefix):
                    self._refused(value_of(headers, b"host"), refusal.status)
                accept, head = value_of(headers, b"accept"), scope["method"] == "HEAD"
                return answer(send, refusal.status, refusal.fault, refusal.reason, accept, head)
            self._introduce(scope)
        return self._app(scope, receive, send)

    def admits(self, scope: Scope) -> bool:
        """Whether this passes; then the scope says who the peer is. Nothing is answered or counted."""
        if refuse(scope, self._prefix, self._via_token) is not None:
            return False
        self._introduce(scope)
        return True

    def _introduce(self, scope: Scope) -> None:
        """Says in the scope, which the server has made for this request alone, who the peer is."""
        client = scope.get("client") or ("", 0)
        headers: Headers = scope["headers"]
        host = (headers if type(headers) is FieldList else FieldList.of(headers)).by_name.get(b"host", b"")
        if self._trusts_somebody and self._trusts(client[0]):
            host = self._believe(scope, headers, client) or host
            peer = Peer(client[0], scope["scheme"], host, True)
        else:
            key = (client[0], scope["scheme"], host)
            peer = self._peers.get(key) or self._peers.put(key, Peer(*key, False))
        extensions = scope.get("extensions")
        if extensions is None:
            extensions = scope["extensions"] = {}
        extensions["footfall.peer"] = peer

    def _believe(self, scope: Scope, headers: Headers, peer: tuple[str, int]) -> bytes:
        """Takes scheme and client from a trusted peer's fields; returns the public host it forwards, or empty."""
        chain = b",".join([value for name, value in headers if name == b"x-forwarded-for"])
        client = peer[0]
        # From the right: each address was written by the one after it, so the first untrusted one is the visitor,
        # and whatever stands left of it is his own word.
        for element in reversed(chain.decode("latin-1").split(",")):
            address = element.strip()
            if not _is_address(address):
                break
            client = address
            if not self._trusts(address):
                break
        scope["client"] = (client, peer[1] if client == peer[0] else 0)
        scheme = _last(headers, b"x-forwarded-proto").lower()
        if scheme in (b"http", b"https"):
            scope["scheme"] = scheme.decode("ascii")
        host = _last(headers, b"x-forwarded-host")
        return host if is_host(host) else b""

    def _trusts(self, address: str) -> bool:
        known = self._trust.get(address)
        if known is None:
            if len(self._trust) >= TRUST_MEMORY:
                self._trust = {"": self._trust[""]}
            known = self._trust[address] = self._is_member(address)
        return known

    def _is_member(self, address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        mapped = getattr(parsed, "ipv4_mapped", None)
        return any((mapped or parsed) in network for network in self._networks)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _last(headers: Headers, name: bytes) -> bytes:
    """The last element of a list field: the one the immediate peer wrote."""
    values = [value for key, value in headers if key == name]
    return values[-1].rpartition(b",")[2].strip(b" \t") if values else b""
