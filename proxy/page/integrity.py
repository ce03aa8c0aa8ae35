"""Integrity-Policy: may a script run that has no `integrity` attribute, as ours has none.

Law: what is no Structured Field dictionary is no policy, as in browsers; report-only policies are not given to this
module. Pure.

The tag has no such attribute because it would not help: with it (and `crossorigin`) the first script would run, and the
one that it imports for forms would not, since nothing in a page can state the integrity of an import but an import map.

Source: W3C Subresource Integrity 2, Integrity-Policy; RFC 9651 3.2, 4.2 (dictionaries). Chromium enforces it since 138,
Firefox since 145.
"""

import re
from collections.abc import Sequence
from typing import Final

REASON: Final = "Integrity-Policy wants integrity of every script"

_KEY: Final = rb"[a-z*][a-z0-9_.*-]*"
_ITEM: Final = rb'(?:"(?:[ !#-\[\]-~]|\\["\\])*"|[^][\x00-\x20\x7f-\xff",;=()]+)'
_PARAMETERS: Final = rb"(?:; *" + _KEY + rb"(?:=" + _ITEM + rb")?)*"
_INNER: Final = rb"\( *((?:" + _ITEM + _PARAMETERS + rb"(?: +|(?=\))))*)\)"
_MEMBER: Final = re.compile(rb"(" + _KEY + rb")(?:=(?:" + _INNER + rb"|" + _ITEM + rb"))?" + _PARAMETERS)
_COMMA: Final = re.compile(rb"[ \t]*,[ \t]*")
_LISTED: Final = re.compile(rb"(" + _ITEM + rb")" + _PARAMETERS)


def blocks_scripts(values: Sequence[bytes]) -> bool:
    """Whether the Integrity-Policy fields of an answer, one policy however many they are, let no script run without
    integrity."""
    policy = _read(b", ".join(values))
    return b"script" in policy.get(b"blocked-destinations", ()) and b"inline" in policy.get(b"sources", (b"inline",))


def _read(text: bytes) -> dict[bytes, Sequence[bytes]]:
    """Key -> the items of its list, none where it has another value; of a key that is repeated the last counts."""
    policy: dict[bytes, Sequence[bytes]] = {}
    text = text.strip(b" ")
    position = 0
    while member := _MEMBER.match(text, position):
        policy[member[1]] = [found[1] for found in _LISTED.finditer(member[2] or b"")]
        if member.end() == len(text):
            return policy
        comma = _COMMA.match(text, member.end())
        if comma is None:
            break
        position = comma.end()
    return {}
