"""Who may use the API: servers by their keys, apps by tokens.

Law: a key is known by its hash only, and compared without telling how much of it was right. What is wrong is said; the
key or token itself is in no answer and no log.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import NamedTuple

from proxy.intake.claims import BadToken, Claims, Verifier

KEY_PREFIX = "ffk_"
"""By which a server's key is told from a token, and found where it should not be."""
KEY_BYTES = 32
HEADER_MAX_CHARS = 4_200
"""Of an Authorization field: the longest token, and its scheme."""


class Refused(Exception):
    """Nobody who may: the answer's status, and why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Caller(NamedTuple):
    """Who calls: a server of that name ('' for an app), or whom an app's token names (None for a server)."""

    server: str
    claims: Claims | None


class Authority:
    """Judges `Authorization` fields. `servers`: names by the SHA-256 (hexadecimal) of their keys."""

    def __init__(self, tokens: Verifier, servers: Mapping[str, str]) -> None:
        self.tokens = tokens
        self._servers = dict(servers)

    def caller(self, field: str) -> Caller:
        """Who calls.

        Raises:
            Refused: 401 for nobody we know.
        """
        scheme, _, credentials = field.partition(" ")
        if scheme.lower() != "bearer" or not credentials.strip() or len(field) > HEADER_MAX_CHARS:
            raise Refused(401, "Authorization: Bearer with a token, or with a server's key, is needed")
        credentials = credentials.strip()
        if credentials.startswith(KEY_PREFIX):
            return Caller(self._server(credentials), None)
        try:
            return Caller("", self.tokens.read(credentials))
        except BadToken as wrong:
            raise Refused(401, str(wrong)) from None

    def server(self, field: str) -> str:
        """The name of the server that calls.

        Raises:
            Refused: 401 for nobody we know, 403 for an app.
        """
        caller = self.caller(field)
        if not caller.server:
            raise Refused(403, "this takes a server's key, not a visitor's token")
        return caller.server

    def _server(self, key: str) -> str:
        found, hashed = "", hash_of(key)
        for known, name in self._servers.items():
            if hmac.compare_digest(known, hashed):
                found = name
        if not found:
            raise Refused(401, "this server's key is not known here")
        return found


def new_key() -> str:
    """A key for a server."""
    return KEY_PREFIX + secrets.token_urlsafe(KEY_BYTES)


def hash_of(key: str) -> str:
    """What is kept of a key: it is long and random, so that one hash is enough."""
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
