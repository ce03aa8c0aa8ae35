"""The fields of pages: what changes on the way up and on the way down because a page is tagged.

Law: fields that are not named here pass in their order, byte for byte. The same transformation that is applied to a
200 is applied to its 304, since browsers overwrite the stored head (RFC 9111 section 4.3.4).

Entity tags (VISITS.md section 2): `"x"` becomes `W/"x-ff"`, `W/"x"` becomes `W/"x-ffw"`, a Last-Modified without
ETag becomes `W/"lm-<unix seconds>-ff"`; towards upstream the original is restored, strength included.
"""

import re
from email.utils import formatdate, parsedate_to_datetime

from proxy.page.eligibility import MARKER, Headers

_OURS = re.compile(rb'W/"([^"]*)-ff(w?)"')
_MEMBER = re.compile(rb'(?:W/)?"[^"]*"|\*')
_LAST_MODIFIED = re.compile(rb"lm-(\d{1,12})")
_CONDITIONALS = frozenset((b"if-none-match", b"if-modified-since"))
_RANGES = frozenset((b"range", b"if-range"))
_SHARED_FIELDS = frozenset((b"cdn-cache-control", b"surrogate-control", b"cloudflare-cdn-cache-control"))
_SHARED_DIRECTIVES = (b"public", b"s-maxage", b"proxy-revalidate")
_DIGESTS = frozenset((b"content-md5", b"digest", b"repr-digest", b"content-digest"))
VARY = (b"Sec-Fetch-Dest", b"Sec-Fetch-Mode")


def tagged_etag(etag: bytes) -> bytes:
    """The entity tag of the tagged form of a page."""
    if etag.startswith(b'W/"') and etag.endswith(b'"'):
        return etag[:-1] + b'-ffw"'
    if etag.startswith(b'"') and etag.endswith(b'"') and len(etag) > 1:
        return b"W/" + etag[:-1] + b'-ff"'
    return etag


def last_modified_etag(value: bytes) -> bytes | None:
    """The entity tag made from a Last-Modified; None where it is no date."""
    try:
        when = parsedate_to_datetime(value.decode("ascii"))
        return b'W/"lm-%d-ff"' % int(when.timestamp())
    except (ValueError, TypeError, OverflowError, UnicodeDecodeError):
        return None


def restore(members: bytes) -> tuple[list[bytes], bytes | None, bool]:
    """Map a list of entity tags back to upstream's.

    Returns:
        The members that are upstream's or came from it, the If-Modified-Since that a `lm-` tag stands for, and
        whether any member carried our suffix.
    """
    mapped: list[bytes] = []
    since, ours = None, False
    for member in _MEMBER.findall(members):
        match = _OURS.fullmatch(member)
        if match is None:
            mapped.append(member)
            continue
        ours = True
        date = _LAST_MODIFIED.fullmatch(match[1])
        if date is not None:
            since = formatdate(int(date[1]), usegmt=True).encode("ascii")
        else:
            mapped.append((b"W/" if match[2] else b"") + b'"' + match[1] + b'"')
    return mapped, since, ours


def to_upstream(headers: Headers, *, keep_ours: bool, drop_conditionals: bool, drop_range: bool) -> Headers:
    """Map the conditionals of a request back, and drop those that would revive an untagged copy.

    Args:
        keep_ours: conditionals that carry our suffix are kept (mapped back) though others are dropped.
        drop_conditionals: conditionals without our suffix are dropped (a candidate for the tag).
        drop_range: Range and If-Range are dropped (C2).
    """
    if not any(name in _CONDITIONALS or name in _RANGES or name == b"if-match" for name, _ in headers):
        return headers
    carries = any(name == b"if-none-match" and restore(value)[2] for name, value in headers)
    keep = not drop_conditionals or (keep_ours and carries)
    result: Headers = []
    since: bytes | None = None
    for name, value in headers:
        if name in _RANGES and drop_range:
            continue
        if name in _CONDITIONALS and not keep:
            continue
        if name in (b"if-none-match", b"if-match"):
            mapped, from_tag, ours = restore(value)
            if ours:
                since = from_tag if name == b"if-none-match" else since
                if mapped:
                    result.append((name, b", ".join(mapped)))
                continue
        result.append((name, value))
    if since is not None:
        result = [field for field in result if field[0] != b"if-modified-since"]
        result.append((b"if-modified-since", since))
    return result


def private(value: bytes) -> bytes:
    """A Cache-Control value that no shared cache may store, the other directives kept."""
    kept = [
        part.strip()
        for part in value.split(b",")
        if part.strip() and part.strip().lower().partition(b"=")[0].strip() not in (*_SHARED_DIRECTIVES, b"private")
    ]
    return b", ".join([b"private", *kept])


def _vary(value: bytes | None) -> bytes:
    if value is None:
        return b", ".join(VARY)
    present = value.lower()
    if b"*" in present:
        return value
    missing = [name for name in VARY if name.lower() not in present]
    return b", ".join([value, *missing]) if missing else value


def to_visitor(headers: Headers, *, tagged: bool, keep_length: bool) -> Headers:
    """The head of an HTML answer that may not be shared, and of a tagged one besides.

    Args:
        tagged: the entity tag gets our suffix, digests and Accept-Ranges go, the marker is added.
        keep_length: the Content-Length may stay (an untagged page; a 304 never has one).
    """
    result: Headers = []
    cached = varied = False
    etag: bytes | None = None
    last_modified: bytes | None = None
    for name, value in headers:
        if name == b"cache-control":
            if cached:
                continue
            everything = b", ".join(other for field, other in headers if field == b"cache-control")
            cached, value = True, private(everything)
        elif name in _SHARED_FIELDS:
            continue
        elif name == b"vary":
            if varied:
                continue
            everything = b", ".join(other for field, other in headers if field == b"vary")
            varied, value = True, _vary(everything)
        elif tagged:
            if name in _DIGESTS or name == b"accept-ranges":
                continue
            if name == b"etag":
                etag = value = tagged_etag(value)
            elif name == b"last-modified":
                last_modified = value
        if name == b"content-length" and not keep_length:
            continue
        result.append((name, value))
    if not cached:
        result.append((b"cache-control", b"private"))
    if not varied:
        result.append((b"vary", _vary(None)))
    if tagged:
        made = last_modified_etag(last_modified) if etag is None and last_modified is not None else None
        if made is not None:
            result.append((b"etag", made))
        result.append((MARKER, b"tagged"))
    return result
