"""Why the tag cannot run on a page, in plain words, and what to do about it.

Law: a reason is a text of page/policy.py (`Verdict.reason`) or page/integrity.py; one that is not known here is shown
as it is. Pure.
"""

import re
from typing import Final, NamedTuple

_META: Final = "meta: "
_POLICY: Final = "The page's Content-Security-Policy"
_META_POLICY: Final = "The Content-Security-Policy in the page's <meta>"
_EXTEND: Final = 'or set inject.csp = "extend", which adds a nonce for the tag alone'
_MOVE: Final = "or send the policy as a header field"

# What the reason says; the same in words, {0} being what the pattern found; what helps, {other} being what else does.
_WORDS: Final = (
    (
        r"(\S+) blocks the tag",
        "{policy} does not allow the tag's script ({0})",
        "Let {0} allow 'self', {other}.",
    ),
    (
        r"(\S+) blocks the tag's part for forms",
        "{policy} allows the tag's script, but not the one that it loads for forms ({0})",
        "Let {0} allow 'self' or the folder of both, {other}.",
    ),
    (
        r"(\S+) with 'strict-dynamic' blocks the tag",
        "{policy} says 'strict-dynamic' and has no nonce for the tag ({0})",
        "Add a nonce to {0}, {other}.",
    ),
    (
        r"(\S+) relies on 'unsafe-inline'",
        "{policy} does not allow the tag's script, and a nonce would stop the page's inline scripts ({0})",
        "Let {0} allow 'self'.",
    ),
    (
        r"(\S+) blocks the collector",
        "{policy} does not allow the tag to send anything ({0})",
        "Let connect-src allow 'self'.",
    ),
    (r"sandbox without (.+)", "{policy} puts the page into a sandbox without {0}", "Let sandbox say {0}."),
    (
        r"Integrity-Policy wants integrity of every script()",
        "The page's Integrity-Policy lets no script run without an integrity attribute, and the tag has none",
        "Take script out of its blocked-destinations, or send it as Integrity-Policy-Report-Only.",
    ),
    (
        r"policies with different nonces()",
        "The page has several policies, and their nonces differ",
        "Give all of them the same nonce, {other}.",
    ),
)


class Words(NamedTuple):
    """What is wrong, and what helps ('' where nothing is known)."""

    why: str
    advice: str


def words_of(reason: str) -> Words:
    """A reason as people read it."""
    is_meta, bare = reason.startswith(_META), reason.removeprefix(_META)
    more = {"policy": _META_POLICY if is_meta else _POLICY, "other": _MOVE if is_meta else _EXTEND}
    for pattern, why, advice in _WORDS:
        found = re.fullmatch(pattern, bare)
        if found is not None:
            return Words(why.format(found[1], **more), advice.format(found[1], **more))
    return Words(reason, "")
