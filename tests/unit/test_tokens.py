"""Tokens of apps and pages: each algorithm that a site may choose, by its own key alone (EVENTS.md section 8)."""

import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from proxy.intake.claims import BadToken, Claims
from proxy.intake.tokens import KINDS, Tokens

SECRET = b"a secret of thirty-two bytes, at least"


def public(key) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture(scope="module")
def keys():
    """By algorithm: what signs, and what verifies."""
    signing = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    curve = ec.generate_private_key(ec.SECP256R1())
    return {"HS256": (SECRET, SECRET), "RS256": (signing, public(signing)), "ES256": (curve, public(curve))}


def signed(keys, kind: str) -> str:
    return jwt.encode({"aud": "footfall", "exp": int(time.time()) + 600, "sub": "ann"}, keys[kind][0], kind)


@pytest.mark.parametrize("kind", ["HS256", "RS256", "ES256"])
def test_each_algorithm_is_taken_by_its_own_key_and_no_other(keys, kind):
    token = signed(keys, kind)
    assert Tokens([(kind, keys[kind][1])], "footfall").read(token) == Claims(None, "ann")
    every = [(one, keys[one][1]) for one in KINDS]
    assert Tokens(every, "footfall").read(token) == Claims(None, "ann")
    with pytest.raises(BadToken, match="algorithm"):
        Tokens([one for one in every if one[0] != kind], "footfall").read(token)
    with pytest.raises(BadToken, match="signature"):
        Tokens(every, "footfall").read(token[:-8] + "AAAAAAAA")
