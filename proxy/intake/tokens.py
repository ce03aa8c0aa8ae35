"""Tokens by which an app, or a page's own script, says who its visitor is: JSON Web Tokens (RFC 7519), verified.

Law: the only module that imports jwt. A token is good for the algorithm of its key and for no other, names us as its
audience and has an end; what is wrong with it is said without repeating it.
"""

from collections.abc import Sequence
from typing import Any

import jwt

from proxy.intake.claims import BadKey, BadToken, Claims
from proxy.visitors.customers import KEY_MAX_CHARS
from proxy.visitors.ids import parse_uuid

LEEWAY_SECONDS = 30
"""By which a clock may be wrong."""
TOKEN_MAX_CHARS = 4_096
SECRET_MIN_BYTES = 32
"""Of HS256 (RFC 7518 section 3.2: as long as the hash)."""
RSA_MIN_BITS = 2_048
"""RFC 7518 section 3.3."""
KINDS = ("HS256", "RS256", "ES256")


class Tokens:
    """Verifies. `keys`: (algorithm, secret or PEM), several during a change of keys; `audience`: our name in `aud`.

    Raises:
        BadKey: what is wrong with one of them.
    """

    def __init__(self, keys: Sequence[tuple[str, bytes]], audience: str) -> None:
        self._audience = audience
        self._keys = [(kind, _prepared(kind, secret)) for kind, secret in keys]

    def __bool__(self) -> bool:
        return bool(self._keys)

    def read(self, token: str) -> Claims:
        """Whom a token names (claims.py, `Verifier`). Raises BadToken."""
        if len(token) > TOKEN_MAX_CHARS:
            raise BadToken("the token is too long")
        return _claims(self._verified(token))

    def _verified(self, token: str) -> dict[str, object]:
        try:
            kind = jwt.get_unverified_header(token).get("alg")
        except jwt.InvalidTokenError:
            raise BadToken("this is no JSON Web Token") from None
        wrong = BadToken("the token's algorithm is none of those that are taken here")
        for known, key in self._keys:
            if known == kind:
                try:
                    return jwt.decode(
                        token,
                        key,
                        algorithms=[known],
                        audience=self._audience,
                        leeway=LEEWAY_SECONDS,
                        options={"require": ["exp", "aud"]},
                    )
                except jwt.InvalidSignatureError:
                    wrong = BadToken("the token's signature is not one of ours")
                except jwt.InvalidTokenError as error:
                    raise BadToken(_why(error, self._audience)) from None
        raise wrong


def _prepared(kind: str, secret: bytes) -> Any:
    if kind == "HS256":
        if len(secret) < SECRET_MIN_BYTES:
            raise BadKey(f"a secret of HS256 is at least {SECRET_MIN_BYTES} bytes")
        if secret.lstrip().startswith(b"-----BEGIN"):
            raise BadKey("a PEM file is no secret of HS256: whoever knows a public key could sign with it")
        return secret
    try:
        key = jwt.get_algorithm_by_name(kind).prepare_key(secret)
    except (jwt.InvalidKeyError, ValueError, TypeError):
        raise BadKey(f"must be a public key of {kind}, as PEM") from None
    if hasattr(key, "private_numbers"):
        raise BadKey("must be the public key: the private one belongs to whoever signs")
    if kind == "RS256" and key.key_size < RSA_MIN_BITS:
        raise BadKey(f"a key of RS256 has at least {RSA_MIN_BITS} bits")
    return key


def _why(error: jwt.InvalidTokenError, audience: str) -> str:
    if isinstance(error, jwt.ExpiredSignatureError):
        return "the token has expired"
    if isinstance(error, jwt.ImmatureSignatureError):
        return "the token is not valid yet"
    if isinstance(error, jwt.InvalidAudienceError):
        return f"the token is for somebody else: its aud is not {audience}"
    if isinstance(error, jwt.MissingRequiredClaimError):
        return f"the token has no {error.claim}"
    return "the token is malformed"


def _claims(claims: dict[str, object]) -> Claims:
    uuid, subject = claims.get("uuid"), claims.get("sub", "")
    visitor = None
    if uuid is not None:
        visitor = parse_uuid(uuid) if isinstance(uuid, str) else None
        if visitor is None:
            raise BadToken("the token's uuid is no UUID")
    if not isinstance(subject, str) or len(subject) > KEY_MAX_CHARS:
        raise BadToken(f"the token's sub is no text of at most {KEY_MAX_CHARS} characters")
    if visitor is None and not subject.strip():
        raise BadToken("the token names nobody: neither uuid nor sub")
    return Claims(visitor, subject.strip())
