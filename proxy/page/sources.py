"""What a source list of a Content-Security-Policy lets through.

Law: pure, and nothing raises: what cannot be parsed matches nothing, as in browsers. `Target` is a place of our own; of
other places nothing is asked.

Source: W3C CSP Level 3, 2.3.1 (the grammar of sources), 6.7.2 (matching them), 6.7.3.2 (inline scripts).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

NONE: Final = b"'none'"
STRICT_DYNAMIC: Final = b"'strict-dynamic'"
UNSAFE_INLINE: Final = b"'unsafe-inline'"

_NONCE: Final = re.compile(rb"'[nN][oO][nN][cC][eE]-([A-Za-z0-9+/_-]+={0,2})'")
_HASH: Final = re.compile(rb"(?i)'sha(?:256|384|512)-[a-z0-9+/_-]+={0,2}'")
_HOST_SOURCE: Final = re.compile(
    rb"(?:([A-Za-z][A-Za-z0-9+.-]*)://)?(\*|(?:\*\.)?[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?|\[[0-9A-Fa-f:.]+\])"
    rb"(?::([0-9]+|\*))?(/[^?#]*)?"
)
_SCHEME_SOURCE: Final = re.compile(rb"([A-Za-z][A-Za-z0-9+.-]*):")
_ORIGIN: Final = re.compile(rb"(https?)://(\[[0-9a-f:.]+\]|[^:/\[\]]+)(?::([0-9]+))?")
_DEFAULT_PORTS: Final = {b"http": b"80", b"https": b"443"}


@dataclass(frozen=True, slots=True)
class Origin:
    """The public origin, taken apart: scheme, host and port, lower case; empty where it is not http(s)."""

    scheme: bytes
    host: bytes
    port: bytes


def read_origin(origin: bytes) -> Origin:
    """`https://shop.example` taken apart; one that is not http(s) is never matched but by `'self'` and `*`."""
    match = _ORIGIN.fullmatch(origin.lower())
    if match is None:
        return Origin(b"", b"", b"")
    return Origin(match[1], match[2], match[3] or _DEFAULT_PORTS[match[1]])


def nonces(sources: Sequence[bytes]) -> tuple[bytes, ...]:
    """The nonces of a list, in its order."""
    return tuple(match[1] for source in sources if (match := _NONCE.fullmatch(source)))


def has(sources: Sequence[bytes], keyword: bytes) -> bool:
    """Whether a keyword (lower case) is in the list."""
    return any(source.lower() == keyword for source in sources)


def allows_all_inline(sources: Sequence[bytes]) -> bool:
    """Whether the list lets every inline script run (6.7.3.2): one nonce more, and it would let none."""
    return has(sources, UNSAFE_INLINE) and not (
        has(sources, STRICT_DYNAMIC) or any(_NONCE.fullmatch(source) or _HASH.fullmatch(source) for source in sources)
    )


def match(sources: Sequence[bytes], origin: Origin, path: bytes) -> bool:
    """Whether one source lets a URL of our own origin through (6.7.2.7); keywords but `'self'` and hashes do not."""
    return any(_source_matches(source, origin, path) for source in sources)


def _source_matches(source: bytes, site: Origin, path: bytes) -> bool:
    if source == b"*" or source.lower() == b"'self'":
        return True
    if not site.host or source.startswith(b"'"):
        return False
    if found := _SCHEME_SOURCE.fullmatch(source):
        return _scheme_matches(found[1].lower(), site.scheme)
    found = _HOST_SOURCE.fullmatch(source)
    if found is None:
        return False
    scheme, host, port, source_path = found[1], found[2].lower(), found[3], found[4]
    # Without a scheme the source has that of the page, which is ours.
    return (
        (scheme is None or _scheme_matches(scheme.lower(), site.scheme))
        and _host_matches(host, site.host)
        and _port_matches(port, site)
        and _path_matches(source_path, path)
    )


def _scheme_matches(allowed: bytes, scheme: bytes) -> bool:
    # A source may be met by the secure form of its scheme (6.7.2.9).
    return allowed == scheme or (allowed == b"http" and scheme == b"https")


def _host_matches(pattern: bytes, host: bytes) -> bool:
    if pattern == b"*":
        return True
    if pattern.startswith(b"*."):
        return host.endswith(pattern[1:]) and len(host) > len(pattern) - 1
    return pattern == host


def _port_matches(port: bytes | None, site: Origin) -> bool:
    if port is None:
        return site.port == _DEFAULT_PORTS[site.scheme]
    return port in (b"*", site.port) or (port == b"80" and site.port == b"443" and site.scheme == b"https")


def _path_matches(allowed: bytes | None, path: bytes) -> bool:
    if not allowed or allowed == b"/":
        return True
    allowed, path = unquote_to_bytes(allowed), unquote_to_bytes(path)
    return path.startswith(allowed) if allowed.endswith(b"/") else path == allowed
