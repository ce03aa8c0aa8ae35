"""May the tag run under the page's Content-Security-Policy, and with which nonce.

Law: policies are respected, never changed; a tag that any enforced policy would block, or whose messages it would
block, is not inserted. Pure, and one comparison where a page has no policy.

Source: W3C CSP Level 3 (2.2 parsing, 6.7.1 script-src-elem, 6.7.2 source lists), HTTP.md "Content-Security-Policy".
Report-only policies are not given to this module.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

_BLANKS: Final = b"\t\n\f\r "
_NONCE: Final = re.compile(rb"'[nN][oO][nN][cC][eE]-([A-Za-z0-9+/_-]+={0,2})'")
_HOST_SOURCE: Final = re.compile(
    rb"(?:([A-Za-z][A-Za-z0-9+.-]*)://)?(\*|(?:\*\.)?[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?|\[[0-9A-Fa-f:.]+\])"
    rb"(?::([0-9]+|\*))?(/[^?#]*)?"
)
_SCHEME_SOURCE: Final = re.compile(rb"([A-Za-z][A-Za-z0-9+.-]*):")
_ORIGIN: Final = re.compile(rb"(https?)://(\[[0-9a-f:.]+\]|[^:/\[\]]+)(?::([0-9]+))?")
_DEFAULT_PORTS: Final = {b"http": b"80", b"https": b"443"}

_SCRIPT_DIRECTIVES: Final = (b"script-src-elem", b"script-src", b"default-src")
_CONNECT_DIRECTIVES: Final = (b"connect-src", b"default-src")
_SANDBOX_NEEDS: Final = frozenset((b"allow-scripts", b"allow-same-origin"))


@dataclass(frozen=True, slots=True)
class Verdict:
    """`allowed`: the tag may go in. `nonce`: what its nonce attribute must say, or None. `reason`: why not, or ""."""

    allowed: bool
    nonce: bytes | None
    reason: str


@dataclass(frozen=True, slots=True)
class _Site:
    """The public origin, taken apart: scheme, host and port, lower case."""

    scheme: bytes
    host: bytes
    port: bytes


_ALLOWED: Final = Verdict(True, None, "")


def decide(
    policies: Sequence[bytes],
    *,
    origin: bytes,
    script_path: bytes,
    collector_path: bytes,
    metas: Sequence[bytes] = (),
) -> Verdict:
    """Whether the tag `<script src=script_path>` may run and its tracker may send to collector_path.

    `policies`: the value of each Content-Security-Policy field, whose comma parts are policies of their own.
    `metas`: the contents of each enforced meta, references decoded; sandbox has no effect there. `origin`: the
    public one, such as b"https://shop.example"; one that is not http(s) is never matched but by `'self'` and `*`.
    Paths start with `/` and have no query. Raises nothing: what cannot be parsed is ignored, as browsers do.
    """
    if not policies and not metas:
        return _ALLOWED
    site = _site(origin)
    parsed = [(_parse(part), False) for value in policies for part in value.split(b",")]
    parsed += [(_parse(part), True) for value in metas for part in _meta_readings(value)]
    wanting: list[tuple[bytes, ...]] = []  # the nonces of each policy that lets nothing else through
    offered: tuple[bytes, ...] = ()
    for policy, is_meta in parsed:
        if not is_meta and b"sandbox" in policy:
            missing = _SANDBOX_NEEDS.difference(token.lower() for token in policy[b"sandbox"])
            if missing:
                return _blocked(b"sandbox without " + b" and ".join(sorted(missing)))
        connect, sources = _effective(policy, _CONNECT_DIRECTIVES)
        if sources is not None and not _matches(sources, site, collector_path):
            return _blocked(connect + b" blocks the collector")
        script, sources = _effective(policy, _SCRIPT_DIRECTIVES)
        if sources is None:
            continue
        nonces = tuple(match[1] for source in sources if (match := _NONCE.fullmatch(source)))
        offered = offered or nonces
        strict = any(source.lower() == b"'strict-dynamic'" for source in sources)
        if strict or not _matches(sources, site, script_path):
            if not nonces:
                return _blocked(script + b" blocks the tag")
            wanting.append(nonces)
    if not wanting:
        return Verdict(True, offered[0], "") if offered else _ALLOWED
    shared = next((nonce for nonce in wanting[0] if all(nonce in others for others in wanting)), None)
    if shared is None:
        return _blocked(b"policies with different nonces")
    return Verdict(True, shared, "")


def _blocked(reason: bytes) -> Verdict:
    return Verdict(False, None, reason.decode("ascii"))


def _meta_readings(value: bytes) -> list[bytes]:
    # The specification does not split a meta at commas, Chromium does: the tag must pass under both readings.
    return [value, *value.split(b",")] if b"," in value else [value]


def _parse(policy: bytes) -> dict[bytes, list[bytes]]:
    """Directive name (lower case) -> its tokens; the first of a name wins, what is not ASCII is ignored (2.2.1)."""
    directives: dict[bytes, list[bytes]] = {}
    for part in policy.split(b";"):
        if part.isascii() and (tokens := part.split()):
            directives.setdefault(tokens[0].lower(), tokens[1:])
    return directives


def _effective(policy: dict[bytes, list[bytes]], names: tuple[bytes, ...]) -> tuple[bytes, list[bytes] | None]:
    """The first of these directives that the policy has; None where it has none and so restricts nothing."""
    for name in names:
        if name in policy:
            return name, policy[name]
    return b"", None


def _site(origin: bytes) -> _Site:
    match = _ORIGIN.fullmatch(origin.lower())
    if match is None:
        return _Site(b"", b"", b"")
    return _Site(match[1], match[2], match[3] or _DEFAULT_PORTS[match[1]])


def _matches(sources: Sequence[bytes], site: _Site, path: bytes) -> bool:
    """Whether one source lets a URL of our own origin through (6.7.2.7); keywords but `'self'` and hashes do not."""
    return any(_source_matches(source, site, path) for source in sources)


def _source_matches(source: bytes, site: _Site, path: bytes) -> bool:
    if source == b"*" or source.lower() == b"'self'":
        return True
    if not site.host or source.startswith(b"'"):
        return False
    if match := _SCHEME_SOURCE.fullmatch(source):
        return _scheme_matches(match[1].lower(), site.scheme)
    match = _HOST_SOURCE.fullmatch(source)
    if match is None:
        return False
    scheme, host, port, source_path = match[1], match[2].lower(), match[3], match[4]
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


def _port_matches(port: bytes | None, site: _Site) -> bool:
    if port is None:
        return site.port == _DEFAULT_PORTS[site.scheme]
    return port in (b"*", site.port) or (port == b"80" and site.port == b"443" and site.scheme == b"https")


def _path_matches(allowed: bytes | None, path: bytes) -> bool:
    if not allowed or allowed == b"/":
        return True
    allowed, path = unquote_to_bytes(allowed), unquote_to_bytes(path)
    return path.startswith(allowed) if allowed.endswith(b"/") else path == allowed
