"""Customers: the keys by which a site knows its people, kept as keyed hashes, and the uuids that follow from them.

Law: nothing here is a key. A mark is the HMAC-SHA256 of a customer's key under a secret of ours; marks that were made
under a retired key are recognised, and replaced by the current one's (EVENTS.md section 6, "Identity").
"""

import hashlib
import hmac
from collections.abc import Iterable

from proxy.visitors.ids import is_turn, turn_id, visitor_id

MARK_BYTES = 16
BROWSER_BYTES = 6
"""Of a uuid that customers take turns on, which stand for the browser."""
KEY_MAX_CHARS = 256
"""Of a customer's key: an address of e-mail has at most 254 (RFC 5321 section 4.5.3.1.3)."""

Marks = tuple[bytes, ...]
"""Of one customer: under the current key first, then under retired ones."""


def mark_keys(secrets: Iterable[bytes]) -> tuple[bytes, ...]:
    """What marks are made with, by the secrets of the signing keys, the current one first. Whoever has them can tell
    whether somebody is a customer, and sign nothing."""
    return tuple(hashlib.sha256(b"footfall customer\0" + secret).digest() for secret in secrets)


class Customers:
    """Makes marks. `keys`: those of `mark_keys`."""

    __slots__ = ("_keys",)

    def __init__(self, keys: Iterable[bytes]) -> None:
        self._keys = tuple(keys)

    def marks(self, key: str) -> Marks:
        """The marks of a customer's key, which is trimmed and otherwise taken as it is; none of an empty one."""
        text = key.strip()[:KEY_MAX_CHARS].encode("utf-8", "replace")
        return tuple(hmac.digest(one, text, "sha256")[:MARK_BYTES] for one in self._keys) if text else ()


def uuid_after(uuid: bytes, mark: bytes) -> bytes:
    """The uuid of a customer who comes to a browser that was somebody else's (`uuid`), or to none (b""). It follows
    from both: what is sent twice, or side by side, makes one visitor."""
    return visitor_id(hashlib.sha256(b"footfall identity\0" + uuid + mark).digest()[:16])


def uuid_beside(uuid: bytes, mark: bytes) -> bytes:
    """The same of a customer whom a token names, where several may take turns, as in two tabs that each have another
    one's: it follows from the customer and the browser alone, whoever was there in between. So there are never more
    visitors than customers, and the browser's first one. The first bytes of such a uuid are the browser's."""
    first = hashlib.sha256(b"footfall browser\0" + uuid).digest()
    browser = (uuid if is_turn(uuid) else first)[:BROWSER_BYTES]
    return turn_id(browser + hashlib.sha256(b"footfall identity\0" + browser + mark).digest()[:10])
