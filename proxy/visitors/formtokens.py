"""Tokens of forms: what a page of ours puts into its forms, so that no other page can send them.

Law: pure. A token is of one visitor (or of a browser that brings no cookie to be believed), one site and one minute; it
names nobody and opens nothing by itself. Not secret from whoever sees the page, only unforgeable.
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable

from proxy.visitors.times import MINUTE_MS

VALID_MINUTES = 60
"""For a page that lies open; then it has to be opened again."""
TOKEN_CHARS = 28
_MINUTE_BYTES = 5
_MAC_BYTES = 16


class FormTokens:
    """Signs and verifies. `secrets`: of the signing keys; the first signs, the others only verify (rotation)."""

    __slots__ = ("_keys",)

    def __init__(self, secrets: Iterable[bytes]) -> None:
        self._keys = tuple(hashlib.sha256(b"footfall form\0" + secret).digest() for secret in secrets)

    def sign(self, uuid: bytes | None, site: bytes, now_ms: int) -> str:
        """The `TOKEN_CHARS` characters for a form. `uuid`: the visitor's 16 bytes; `site`: the page's public origin."""
        minute = (now_ms // MINUTE_MS).to_bytes(_MINUTE_BYTES, "big")
        return urlsafe_b64encode(minute + _mac(self._keys[0], uuid, site, minute)).decode("ascii")

    def is_good(self, token: str, uuid: bytes | None, site: bytes, now_ms: int) -> bool:
        """Whether a token was made for this visitor on this site, at most `VALID_MINUTES` ago."""
        if len(token) != TOKEN_CHARS or not token.isascii():
            return False
        try:
            raw = urlsafe_b64decode(token)
        except ValueError:
            return False
        minute, mac = raw[:_MINUTE_BYTES], raw[_MINUTE_BYTES:]
        known = [hmac.compare_digest(_mac(key, uuid, site, minute), mac) for key in self._keys]
        age = now_ms // MINUTE_MS - int.from_bytes(minute, "big")
        # Made a minute ahead: another process's clock.
        return any(known) and -1 <= age <= VALID_MINUTES


def _mac(key: bytes, uuid: bytes | None, site: bytes, minute: bytes) -> bytes:
    return hmac.digest(key, minute + (b"\0" * 16 if uuid is None else uuid) + site, "sha256")[:_MAC_BYTES]
