"""The grammar of the injector: HTML tokens as byte patterns, and what a `<meta>` says.

Law: a pattern matches a whole token or nothing, and never needs to look back; the tokenizer is WHATWG HTML 13.2.5, as
far as an HTML head needs it. All bytes that decide anything are < 0x40, so that no trail byte of a multi-byte charset
can be taken for one of them. Pure: bytes in, bytes out.

Quantifiers are possessive over single characters only: over groups CPython 3.11.0 to 3.11.4 restores the position
wrongly (gh-106052). A failing group cannot match in another way, so that backtracking stays linear in the token.
"""

import html
import re
from typing import Final

_WS: Final = rb"[\t\n\f\r ]"
_VALUE: Final = rb"""(?:"([^"]*+)"|'([^']*+)'|([^\t\n\f\r >"'][^\t\n\f\r >]*+)|(?=>))"""
_NAME: Final = rb"[^\t\n\f\r />][^\t\n\f\r />=]*+"
_ASSIGN: Final = _WS + rb"*+=" + _WS + rb"*+"

# A name with `=` must have its value whole: without the second branch an open quote would be read as one more name.
_ATTRIBUTES: Final = (
    rb"(?:[\t\n\f\r /]++|"
    + _NAME
    + rb"(?:"
    + _ASSIGN
    + _VALUE.replace(b"(", b"(?:").replace(b"(?:?", b"(?")
    + rb"|(?!"
    + _WS
    + rb"*+=)))*"
)
_TAG_NAME: Final = rb"[A-Za-z][^\t\n\f\r />]*+"

# Leading white space, then one token that starts at the empty group 1: start tag (group 2: name), end tag (3: name),
# doctype (4), bogus comment (no further group). A comment proper is not matched here: it may be long, and is passed on
# while it is read.
TOKEN: Final = re.compile(
    _WS
    + rb"*+()<(?:("
    + _TAG_NAME
    + rb")"
    + _ATTRIBUTES
    + rb">|/("
    + _TAG_NAME
    + rb")"
    + _ATTRIBUTES
    + rb">|!(?:(?i:(doctype))|(?!--))[^>]*+>|(?:\?|/(?![A-Za-z]))[^>]*+>)"
)
START_TAG, END_TAG, DOCTYPE = 2, 3, 4
TAG_OPEN: Final = re.compile(rb"<[A-Za-z]")
BLANKS: Final = b"\t\n\f\r "

# How most documents begin, at a fifth of the cost of reading token by token. It passes only what the tokens pass, and
# stops before anything else (any other spelling, http-equiv, an AMP mark). Group 1: what makes a head, 2: the charset.
USUAL_START: Final = re.compile(
    (
        rb"@*+(?:<!(?:doctype|DOCTYPE) html>@*+)?"
        rb"""(?:<html(?:[ ](?!amp)[a-z:-]++="[^"]*+")*>@*+)?"""
        rb"((?:<head>@*+)?(?:(?:<title>[^<]*+</title>|<meta (?:"
        rb"""(?:name|property)="[^"]*+" content="[^"]*+"|(charset="(?:utf|UTF)-8"))(?: ?/)?>)@*+)*)"""
    ).replace(b"@", _WS)
)

# White space written as a character reference is still dropped before the head (and text behind a tag).
BLANK_REFERENCE: Final = re.compile(
    rb"&(?:#(?:0*+(?:9|1[023]|32)(?![0-9])|[xX]0*+(?:9|[aAcCdD]|20)(?![0-9A-Fa-f]));?+|Tab;|NewLine;)"
)
BLANK_REFERENCE_OPEN: Final = re.compile(
    rb"&(?:#(?:0*+(?:9|10?|12|13|32?)?|[xX]0*+(?:9|[aAcCdD]|20?)?)?|T|Ta|Tab|N(?:e(?:w(?:L(?:i(?:n(?:e)?)?)?)?)?)?)?\Z"
)

# What may begin a document when no fetch header has said that this is a navigation.
DOCUMENT_STARTS: Final = frozenset((b"html", b"head", b"body", b"title", b"meta"))
# In head: what has to be read whole before it is passed.
TELLING_META: Final = re.compile(rb"(?i)charset|http-equiv")
# End tags that are not ignored before the head: they make it (13.2.6.4.2 to .4).
HEAD_MAKING_ENDS: Final = frozenset((b"head", b"body", b"html", b"br"))

# Byte order marks of UTF-16 and UTF-32, and `<` in UTF-16 without one.
WIDE_START: Final = re.compile(rb"\xfe\xff|\xff\xfe|<\x00|\x00<|\x00\x00\xfe\xff")

_TAG_START: Final = re.compile(rb"<" + _TAG_NAME)
_ATTRIBUTE: Final = re.compile(rb"(" + _NAME + rb")(?:" + _ASSIGN + _VALUE + rb")?")
_AMP: Final = re.compile(rb"(?:amp|\xe2\x9a\xa1(?:\xef\xb8\x8f)?)(?:4ads|4email)?")
_CONTENT_CHARSET: Final = re.compile(
    rb"""(?i)charset[\t\n\f\r ]*=[\t\n\f\r ]*(?:"([^"]*)"|'([^']*)'|([^\t\n\f\r ;"'][^\t\n\f\r ;]*))"""
)
# Labels that a browser acts on. A label missing here only makes the tag go in later (within PRESCAN_BYTES).
_KNOWN_CHARSET: Final = re.compile(
    rb"utf-?8|unicode-1-1-utf-8|utf-16(?:le|be)?|us-ascii|ascii|latin-?[1-69]|l[1-69]|iso-?8859-?\d{1,2}(?:-[ei])?|"
    rb"iso_8859-\d{1,2}|(?:x-)?cp125\d|windows-(?:125\d|874|949|31j)|tis-620|macintosh|x-mac-(?:roman|cyrillic)|"
    rb"ibm866|cp866|koi8?-?[ru]?|gbk|x-gbk|gb2312|gb_2312-80|gb18030|big5(?:-hkscs)?|"
    rb"(?:x-)?sjis|shift[-_]jis|ms_kanji|(?:x-)?euc-jp|euc-kr|ks_c_5601-1987|ksc5601"
)
# Stateful encodings, in which a byte < 0x40 can be half a letter; browsers that do not know one show nothing at all.
_STATEFUL: Final = rb"iso-2022-.*|csiso2022.*|hz.*|replacement"
_STATEFUL_CHARSET: Final = re.compile(_STATEFUL)
# Those, and the ones whose `<` is more than that byte, which only a Content-Type can mean: where a meta can be read and
# names UTF-16, browsers take it for UTF-8 (13.2.3.2).
_UNSCANNABLE_CHARSET: Final = re.compile(
    _STATEFUL + rb"|utf-?(?:16|32|7).*|(?:iso-10646-)?ucs-.*|(?:cs)?unicode(?:feff|fffe)?"
)


def attributes(tag: bytes) -> dict[bytes, bytes]:
    """Attributes of one whole start tag `<name ...>`: lower-case names, values with references decoded, first one wins.

    References outside a quoted value of a strange charset are decoded as UTF-8; other bytes are kept as they are.
    """
    found: dict[bytes, bytes] = {}
    name_end = _TAG_START.match(tag)
    # The closing `>` stays in reach: an empty value is recognised by it.
    for name, double, single, bare in _ATTRIBUTE.findall(tag, name_end.end() if name_end else 0):
        found.setdefault(name.lower(), unescape(double or single or bare))
    return found


def unescape(value: bytes) -> bytes:
    """Decode character references of an attribute value (as text: `&copy=1` is decoded too, which no CSP contains)."""
    if b"&" not in value:
        return value
    return html.unescape(value.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")


def is_amp(tag: bytes) -> bool:
    """Whether this `<html>` tag marks an AMP document, which any further script makes invalid."""
    return any(_AMP.fullmatch(name) for name in attributes(tag))


def meta_charset(meta: dict[bytes, bytes]) -> bytes | None:
    """The label a `<meta>` declares (13.2.3.2, prescan), lower case; None where it declares none."""
    label = meta.get(b"charset")
    if label is None and meta.get(b"http-equiv", b"").lower() == b"content-type":
        match = _CONTENT_CHARSET.search(meta.get(b"content", b""))
        label = (match[1] or match[2] or match[3]) if match else None
    return label.strip(BLANKS).lower() if label else None


def is_known_charset(label: bytes) -> bool:
    """Whether browsers act on this label, so that a later declaration no longer counts."""
    return _KNOWN_CHARSET.fullmatch(label) is not None


def is_stateful_charset(label: bytes) -> bool:
    """Whether bytes of the charset that a `<meta>` declares cannot be scanned (ISO-2022-*, HZ)."""
    return _STATEFUL_CHARSET.fullmatch(label) is not None


def is_scannable_charset(label: bytes) -> bool:
    """Whether bytes of the charset that a Content-Type declares can be scanned."""
    return _UNSCANNABLE_CHARSET.fullmatch(label) is None


def meta_policy(meta: dict[bytes, bytes]) -> bytes | None:
    """The Content-Security-Policy that a `<meta>` enforces; None where it has none."""
    if meta.get(b"http-equiv", b"").lower() != b"content-security-policy":
        return None
    return meta.get(b"content", b"").strip(BLANKS) or None
