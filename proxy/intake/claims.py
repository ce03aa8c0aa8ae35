"""What a token says, and who reads it: the words of tokens.py for whoever takes tokens.

Law: no library. Where the configuration has no keys, none is loaded.
"""

from typing import NamedTuple, Protocol


class BadToken(Exception):
    """A token that is not taken; the message says why."""


class BadKey(ValueError):
    """A key that no token can be verified with; half a sentence."""


class Claims(NamedTuple):
    """Whom a token names: the visitor's uuid (16 bytes, None), the customer's key ('')."""

    uuid: bytes | None
    customer: str


class Verifier(Protocol):
    """Reads tokens; is true where it takes any."""

    def __bool__(self) -> bool: ...

    def read(self, token: str) -> Claims:
        """Whom a token names.

        Raises:
            BadToken: it is expired, not yet valid, forged, for somebody else, or names nobody.
        """
        ...


class NoTokens:
    """Without keys every token is a stranger's."""

    def __bool__(self) -> bool:
        return False

    def read(self, token: str) -> Claims:
        raise BadToken("no tokens are taken here: api.jwt_keys is empty")
