"""May the tag run under the page's Content-Security-Policy, and with which nonce; what a nonce more would do to it.

Law: a tag that any enforced policy would block, or whose messages it would block, is not inserted. `decide` only reads;
`extend` adds one nonce for our tag, to policies of header fields, and nothing else: never a host, never a keyword, and
never where the nonce would change what else runs on the page. Pure, and one comparison where a page has no policy.

The tag is two scripts: the one in the page, and what that one imports where the page has a form (`part`), with the
nonce of the first (WHATWG HTML 8.1.4.2, descendant script fetch options).

    blocks                          cured by a nonce                     else
    script-src-elem, -src, default  'none', hosts, hashes, own nonces    'unsafe-inline' alone: a nonce switches it off
    connect-src, default-src        -                                    blocks the collector
    sandbox (not in a meta)         -                                    scripts, or our origin, are missing
    anything in a meta              -                                    it is read when the head is gone

Source: W3C CSP Level 3, 2.2 (parsing), 6.1.11 (script-src-elem), 6.7.1.1 (what is asked of a script request), 6.7.3.2
(inline scripts), 6.8.3 (which directive governs); HTTP.md "Content-Security-Policy". Report-only policies are not given
to this module.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from proxy.page import sources
from proxy.page.sources import Origin, read_origin

_SCRIPT_DIRECTIVES: Final = (b"script-src-elem", b"script-src", b"default-src")
_CONNECT_DIRECTIVES: Final = (b"connect-src", b"default-src")
_SANDBOX_NEEDS: Final = frozenset((b"allow-scripts", b"allow-same-origin"))
_BLANKS: Final = b"\t\n\v\f\r "


@dataclass(frozen=True, slots=True)
class Verdict:
    """`allowed`: the tag may go in. `nonce`: what its nonce attribute must say, or None. `reason`: why not, or ""; one
    of a few, which the report has words for."""

    allowed: bool
    nonce: bytes | None
    reason: str


class Extended(NamedTuple):
    """`policies`: the values of the fields with the nonce in them. `reason`: why a nonce does not help, or ""."""

    policies: tuple[bytes, ...]
    reason: str


class _Place(NamedTuple):
    """Where our scripts and the collector are."""

    origin: Origin
    script: bytes
    part: bytes | None
    collector: bytes


class _Reading(NamedTuple):
    """What one policy says of the tag. `fatal`: what blocks it whatever its nonce, or "". `obstacle`: what blocks it
    without a nonce, or "". `directive` with its `listed` sources governs our scripts."""

    fatal: str = ""
    obstacle: str = ""
    directive: bytes = b""
    listed: Sequence[bytes] = ()


ALLOWED: Final = Verdict(True, None, "")
_NONCES_DIFFER: Final = "policies with different nonces"


def decide(
    policies: Sequence[bytes],
    *,
    origin: bytes,
    script_path: bytes,
    collector_path: bytes,
    part_path: bytes | None = None,
    metas: Sequence[bytes] = (),
) -> Verdict:
    """Whether the tag `<script src=script_path>` may run and its tracker may send to collector_path.

    `policies`: the value of each Content-Security-Policy field, whose comma parts are policies of their own.
    `metas`: the contents of each enforced meta, references decoded; sandbox has no effect there. `origin`: the
    public one, such as b"https://shop.example"; one that is not http(s) is never matched but by `'self'` and `*`.
    `part_path`: the script that the first one imports, if it does. Paths start with `/` and have no query. Raises
    nothing: what cannot be parsed is ignored, as browsers do.
    """
    if not policies and not metas:
        return ALLOWED
    place = _Place(read_origin(origin), script_path, part_path, collector_path)
    parts = [(part, False) for value in policies for part in value.split(b",")]
    parts += [(part, True) for value in metas for part in _meta_readings(value)]
    wanting: list[tuple[bytes, ...]] = []  # the nonces of each policy that lets nothing else through
    offered: tuple[bytes, ...] = ()
    for part, is_meta in parts:
        reading = _read(part, place, is_meta)
        if reading.fatal:
            return _blocked(reading.fatal, is_meta)
        nonces = sources.nonces(reading.listed)
        offered = offered or nonces
        if reading.obstacle:
            if not nonces:
                return _blocked(reading.obstacle, is_meta)
            wanting.append(nonces)
    if not wanting:
        return Verdict(True, offered[0], "") if offered else ALLOWED
    shared = next((nonce for nonce in wanting[0] if all(nonce in others for others in wanting)), None)
    if shared is None:
        return _blocked(_NONCES_DIFFER, bool(metas))
    return Verdict(True, shared, "")


def extend(
    policies: Sequence[bytes],
    nonce: bytes,
    *,
    origin: bytes,
    script_path: bytes,
    collector_path: bytes,
    part_path: bytes | None = None,
) -> Extended:
    """The same policies, so that a tag with this nonce may run: it is added to each that lets the tag run by a nonce
    only, its own ones or none, in the directive that governs. A default-src that governs is copied into a script-src
    first, so that nothing but scripts gets it. Every other byte stays.

    `nonce`: base64 without `=`, made for this answer alone. Arguments else as of `decide`.
    """
    place = _Place(read_origin(origin), script_path, part_path, collector_path)
    values = []
    for value in policies:
        parts = value.split(b",")
        for index, part in enumerate(parts):
            reading = _read(part, place, False)
            if reading.fatal:
                return Extended((), reading.fatal)
            if not reading.obstacle:
                continue
            if sources.allows_all_inline(reading.listed):
                return Extended((), f"{reading.directive.decode('ascii')} relies on 'unsafe-inline'")
            if not part.isascii():  # what browsers make of it differs
                return Extended((), reading.obstacle)
            parts[index] = _with_nonce(part, reading, nonce)
        values.append(b",".join(parts))
    return Extended(tuple(values), "")


def _blocked(reason: str, is_meta: bool) -> Verdict:
    return Verdict(False, None, f"meta: {reason}" if is_meta else reason)


def _meta_readings(value: bytes) -> list[bytes]:
    # The specification does not split a meta at commas, Chromium does: the tag must pass under both readings.
    return [value, *value.split(b",")] if b"," in value else [value]


def _read(text: bytes, place: _Place, is_meta: bool) -> _Reading:
    policy = _parse(text)
    if not is_meta and b"sandbox" in policy:
        missing = _SANDBOX_NEEDS.difference(token.lower() for token in policy[b"sandbox"])
        if missing:
            return _Reading(f"sandbox without {b' and '.join(sorted(missing)).decode('ascii')}")
    name, listed = _effective(policy, _CONNECT_DIRECTIVES)
    if listed is not None and not sources.match(listed, place.origin, place.collector):
        return _Reading(f"{name.decode('ascii')} blocks the collector")
    name, listed = _effective(policy, _SCRIPT_DIRECTIVES)
    if listed is None:
        return _Reading()
    obstacle = ""
    if sources.has(listed, sources.STRICT_DYNAMIC):
        obstacle = "with 'strict-dynamic' blocks the tag"
    elif not sources.match(listed, place.origin, place.script):
        obstacle = "blocks the tag"
    elif place.part is not None and not sources.match(listed, place.origin, place.part):
        obstacle = "blocks the tag's part for forms"
    return _Reading("", obstacle and f"{name.decode('ascii')} {obstacle}", name, listed)


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


def _with_nonce(policy: bytes, reading: _Reading, nonce: bytes) -> bytes:
    """The policy with the nonce in the directive that governs. `'none'` beside anything else is an error that browsers
    report and ignore (6.7.2.7), so it goes."""
    pieces = policy.split(b";")
    index = next(n for n, piece in enumerate(pieces) if piece.split()[:1] and _name(piece) == reading.directive)
    piece, ours = pieces[index], b"'nonce-%b'" % nonce
    kept = [source for source in reading.listed if source.lower() != sources.NONE]
    if reading.directive == b"default-src":
        pieces.insert(index + 1, b" " + b" ".join([b"script-src", *kept, ours]))
    elif len(kept) < len(reading.listed):
        start = len(piece) - len(piece.lstrip(_BLANKS))
        pieces[index] = piece[:start] + b" ".join([piece.split()[0], *kept, ours])
    else:
        end = len(piece.rstrip(_BLANKS))
        pieces[index] = piece[:end] + b" " + ours + piece[end:]
    return b";".join(pieces)


def _name(piece: bytes) -> bytes:
    return piece.split()[0].lower()
