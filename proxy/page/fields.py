"""The fields of pages: what changes on the way up and on the way down because a page is tagged.

Law: fields that are not named here pass in their order, byte for byte. The same transformation that is applied to a
200 is applied to its 304, since browsers overwrite the stored head (RFC 9111 section 4.3.4).

Entity tags (VISITS.md section 2): `"x"` becomes `W/"x~ff"`, `W/"x"` becomes `W/"x~ffw"`, a Last-Modified without
ETag becomes `W/"lm-<unix seconds>~ff"`; towards upstream the original is restored, strength included. Where the page's
policy got a nonce of ours, an `n` more (`W/"x~ffn"`) says that this copy must not be shown again: a 304 may bring the
policy without the nonce, and it would be the same one twice.
"""

import re
from collections.abc import Iterable
from email.utils import formatdate, parsedate_to_datetime
from functools import lru_cache

from proxy.fieldlist import FieldList
from proxy.page.eligibility import MARKER

_OURS = re.compile(rb'W/"([^"]*)~ff(w?)n?"')
_WITH_NONCE = re.compile(rb'W/"[^"]*~ffw?n"')
_DIRECTIVE = re.compile(rb'(?:[^",]|"(?:\\.|[^"\\])*"?)+')
_MEMBER = re.compile(rb'(?:W/)?"[^"]*"|\*')
_LAST_MODIFIED = re.compile(rb"lm-(\d{1,11})")  # with one digit more it may be a year that cannot be written
_CONDITIONALS = frozenset((b"if-none-match", b"if-modified-since"))
_RANGES = frozenset((b"range", b"if-range"))
_SHARED_FIELDS = frozenset(
    (
        b"cdn-cache-control",
        b"cloudflare-cdn-cache-control",
        b"edge-control",
        b"netlify-cdn-cache-control",
        b"surrogate-control",
        b"vercel-cdn-cache-control",
        b"x-accel-expires",
        b"x-litespeed-cache-control",
    )
)
"""What tells one shared cache to keep an answer, whatever Cache-Control says (RFC 9213, and those before it)."""
_SHARED_DIRECTIVES = (b"public", b"s-maxage", b"proxy-revalidate")
_DIGESTS = frozenset((b"content-md5", b"digest", b"repr-digest", b"content-digest"))
ETAGS_REMEMBERED = 1024
"""Entity tags and dates whose form for tagged pages is remembered: reading a date costs 7 us."""
VARY = (b"Sec-Fetch-Dest", b"Sec-Fetch-Mode")
_VARY = b", ".join(VARY)
POLICY = b"content-security-policy"
_VISITORS = "page"
"""The fact of a list: what becomes of it."""
_ADDED = {b"cache-control": b"private", b"vary": _VARY}
_ADDED_TAGGED = {**_ADDED, MARKER: b"tagged"}
_MADE_ANEW = _SHARED_FIELDS | {b"cache-control", b"vary"}
LESS_USUAL = _MADE_ANEW | _DIGESTS
"""What few pages say and a tagged one cannot; besides these only Accept-Ranges, ETag and Content-Length change."""


@lru_cache(maxsize=ETAGS_REMEMBERED)
def tagged_etag(etag: bytes, mark: bytes = b"") -> bytes:
    """The entity tag of the tagged form of a page; `mark`: b"n" where its policy got a nonce of ours."""
    if etag.startswith(b'W/"') and etag.endswith(b'"'):
        return b'%b~ffw%b"' % (etag[:-1], mark)
    if etag.startswith(b'"') and etag.endswith(b'"') and len(etag) > 1:
        return b'W/%b~ff%b"' % (etag[:-1], mark)
    return etag


@lru_cache(maxsize=ETAGS_REMEMBERED)
def last_modified_etag(value: bytes, mark: bytes = b"") -> bytes | None:
    """The entity tag made from a Last-Modified, `mark` as above; None where it is no date."""
    try:
        when = parsedate_to_datetime(value.decode("ascii"))
        return b'W/"lm-%d~ff%b"' % (int(when.timestamp()), mark)
    except (ValueError, TypeError, OverflowError, UnicodeDecodeError):
        return None


def restore(members: bytes, *, only_ours: bool = False) -> tuple[list[bytes], bytes | None, bool]:
    """Map a list of entity tags back to upstream's.

    Returns:
        The members that came from upstream's, and, but for `only_ours`, those that never were ours; the
        If-Modified-Since that a `lm-` tag stands for; and whether any member carried our suffix.
    """
    mapped: list[bytes] = []
    since, ours = None, False
    for member in _MEMBER.findall(members):
        match = _OURS.fullmatch(member)
        if match is None:
            if not only_ours:
                mapped.append(member)
            continue
        ours = True
        date = _LAST_MODIFIED.fullmatch(match[1])
        if date is not None:
            since = formatdate(int(date[1]), usegmt=True).encode("ascii")
        else:
            mapped.append((b"W/" if match[2] else b"") + b'"' + match[1] + b'"')
    return mapped, since, ours


Replacements = dict[bytes, bytes | None]
"""What becomes of request fields: a new value, or None to drop them."""

CONCERNED = _CONDITIONALS | _RANGES | {b"if-match"}
"""The request fields that `to_upstream` is about; without any of them it changes nothing."""


def to_upstream(
    fields: dict[bytes, bytes], *, keep_ours: bool, drop_conditionals: bool, drop_range: bool, drop_ours: bool = False
) -> Replacements:
    """Map the conditionals of a request back, and drop those that would revive an untagged copy.

    Args:
        fields: the request's fields by name, repeated ones joined.
        keep_ours: conditionals that carry our suffix are kept (mapped back) though others are dropped.
        drop_conditionals: conditionals without our suffix are dropped (a candidate for the tag).
        drop_range: Range and If-Range are dropped (C2).
        drop_ours: conditionals that carry our suffix are dropped: who is not tracked is not to be shown a tagged copy.

    Conditionals of a copy whose policy has a nonce of ours are always dropped.
    """
    changes: Replacements = {}
    if drop_range:
        changes.update({name: None for name in _RANGES if name in fields})
    if b"if-match" in fields:
        mapped, since, ours = restore(fields[b"if-match"])
        if ours:
            changes[b"if-match"] = b", ".join(mapped) or None
        if since is not None:  # the same precondition (RFC 9110 13.1.4): a write must not become one without
            changes[b"if-unmodified-since"] = since
    known = fields.get(b"if-none-match", b"")
    # Beside a copy of ours another one may be known, untagged: a 304 must not bring that one back.
    members, since, ours = restore(known, only_ours=drop_conditionals)
    if (drop_conditionals and not (keep_ours and ours)) or (ours and (drop_ours or _WITH_NONCE.search(known))):
        changes.update({name: None for name in _CONDITIONALS if name in fields})
    elif ours:
        changes[b"if-none-match"] = b", ".join(members) or None
        if since is not None:
            changes[b"if-modified-since"] = since
    return changes


def private(value: bytes) -> bytes:
    """A Cache-Control value that no shared cache may store, the other directives kept, quoted lists whole. `no-store`
    says so already (RFC 9111 5.2.2.5), and says more."""
    kept = [
        part.strip()
        for part in _DIRECTIVE.findall(value)
        if part.strip() and part.strip().lower().partition(b"=")[0].strip() not in (*_SHARED_DIRECTIVES, b"private")
    ]
    return b", ".join(kept if b"no-store" in map(bytes.lower, kept) else [b"private", *kept])


def _vary(value: bytes) -> bytes:
    present = {name.strip() for name in value.lower().split(b",")}
    if b"*" in present:
        return value
    missing = [name for name in VARY if name.lower() not in present]
    return b", ".join([value, *missing]) if missing else value


def to_visitor(
    headers: FieldList,
    *,
    tagged: bool,
    length: bytes | None,
    cookie: bytes = b"",
    asleep: bool = False,
    extended: bool = False,
) -> FieldList:
    """The head of an HTML answer that may not be shared, and of a tagged one besides.

    Args:
        tagged: the entity tag gets our suffix, digests and Accept-Ranges go, the marker is added.
        length: the Content-Length that stays; None drops it.
        cookie: the value of our Set-Cookie, or empty.
        asleep: the tag does nothing yet; its copy must not be shown again once it is to, so it has no entity tag.
        extended: its policies have a nonce of ours, and its entity tag says so.
    """
    facts = headers.facts if not (cookie or asleep or extended) else None
    key = (_VISITORS, tagged, length)
    if facts is not None and key in facts:
        known: FieldList = facts[key]
        return known
    by_name = headers.by_name
    changes: Replacements = {}
    added = _ADDED_TAGGED if tagged else _ADDED
    if b"content-length" in by_name:
        changes[b"content-length"] = length
    if not LESS_USUAL.isdisjoint(by_name):
        added = {**added, **_joined(headers)}
        changes.update(dict.fromkeys(LESS_USUAL if tagged else _MADE_ANEW))
    if tagged:
        changes[b"accept-ranges"] = None
        if asleep:
            changes[b"etag"] = None
        elif b"etag" in by_name:
            changes[b"etag"] = tagged_etag(by_name[b"etag"], b"n" if extended else b"")
        elif b"last-modified" in by_name:
            etag = last_modified_etag(by_name[b"last-modified"], b"n" if extended else b"")
            added = added if etag is None else {**added, b"etag": etag}
    if cookie:
        added = {**added, b"set-cookie": cookie}
    made = headers.changed(changes, added)
    if facts is not None:
        facts[key] = made.kept()
    return made


def with_policies(headers: FieldList, policies: Iterable[bytes]) -> FieldList:
    """The same fields with other enforced policies, as many as there are, each in its place."""
    values = iter(policies)
    return FieldList.of((name, next(values) if name == POLICY else value) for name, value in headers)


def _joined(headers: FieldList) -> dict[bytes, bytes]:
    """Cache-Control and Vary of an answer that has them."""
    caching = headers.values(b"cache-control")
    varying = headers.values(b"vary")
    return {
        b"cache-control": private(b", ".join(caching)) if caching else b"private",
        b"vary": _vary(b", ".join(varying)) if varying else _VARY,
    }
