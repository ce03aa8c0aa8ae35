"""Which codings are decoded here, and what of a visitor's offer goes upstream.

Law: what is offered upstream is the visitor's offer less what is not decoded here, never wider; elements that stay keep
their bytes and weights (RFC 9110 12.5.3).
"""

import re
from typing import Final

from proxy.page.coding.base import Coding
from proxy.page.coding.br import BR
from proxy.page.coding.deflate import DEFLATE, GZIP
from proxy.page.coding.zstd import ZSTD

CODINGS: Final = {b"gzip": GZIP, b"x-gzip": GZIP, b"deflate": DEFLATE, b"br": BR, b"zstd": ZSTD}
"""By name in lower case; x-gzip is another name of gzip (RFC 9110 8.4.1.3)."""

_ANY: Final = b"*"
_SAME: Final = {b"x-gzip": b"gzip"}
_STANDS_FOR: Final = (b"gzip", b"deflate", b"br", b"zstd")
_IDENTITY: Final = b"identity"
_BLANKS: Final = b" \t"
_ZERO_Q: Final = re.compile(rb"(?i)q=0(?:\.0{0,3})?")


def coding_of(content_encoding: bytes) -> Coding | None:
    """The one coding that a Content-Encoding names, if it is decoded here; `gzip, gzip`, `dcb` and the like are not."""
    return CODINGS.get(content_encoding.strip(_BLANKS).lower())


def narrow_accept_encoding(value: bytes | None) -> bytes | None:
    """The visitor's Accept-Encoding, less what could not be decoded here.

    `value`: all fields of the name, joined by commas; None (no field) stays None. `*` stands for those of ours that
    are not named. None left: `identity`. A visitor who refuses identity and leaves no coding of ours gets their own
    value back: the answer then passes untouched.
    """
    if value is None:
        return None
    elements = [element.strip(_BLANKS) for element in value.split(b",")]
    elements = [element for element in elements if element]
    names = [element.split(b";", 1)[0].strip(_BLANKS).lower() for element in elements]
    kept: list[bytes] = []
    ours_accepted = False
    for name, element in zip(names, elements, strict=True):
        refused = _is_refused(element)
        if name == _ANY and not refused:
            named = {_SAME.get(other, other) for other in names}
            meant = [coding + element[len(_ANY) :] for coding in _STANDS_FOR if coding not in named]
            ours_accepted = ours_accepted or bool(meant)
            kept += meant
        elif name in CODINGS or name in (_IDENTITY, _ANY):
            ours_accepted = ours_accepted or (name in CODINGS and not refused)
            kept.append(element)
    if kept == elements and elements:
        return value
    # Identity is refused by its name, or by `*` where it is not named.
    deciding = _IDENTITY if _IDENTITY in names else _ANY
    if deciding in names and _is_refused(elements[names.index(deciding)]) and not ours_accepted:
        return value
    return b", ".join(kept) or _IDENTITY


def _is_refused(element: bytes) -> bool:
    return any(_ZERO_Q.fullmatch(part.replace(b" ", b"").replace(b"\t", b"")) for part in element.split(b";")[1:])
