"""Key files of the API: whoever signs with the same file's secret is believed, whatever is in it."""

import time
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from proxy.apikeys import authority_of, secret_of
from proxy.intake.authority import Refused
from proxy.tables import Api, Config

TEXT = b"a secret of thirty-two bytes, at least"
BYTES = bytes(range(0x80, 0xA0))


def bearer(secret: bytes, kind: str = "HS256") -> str:
    claims = {"aud": "footfall", "exp": int(time.time()) + 600, "sub": "ann"}
    return "Bearer " + jwt.encode(claims, secret, kind)


def takes(folder: Path, content: bytes, secret: bytes) -> bool:
    (folder / "app.key").write_bytes(content)
    authority = authority_of(Config(base=folder, api=Api(jwt_keys=("HS256:app.key",))))
    try:
        claims = authority.caller(bearer(secret)).claims
    except Refused:
        return False
    assert claims is not None
    return claims.customer == "ann"


@pytest.mark.parametrize(
    ("content", "secret"),
    [
        (TEXT, TEXT),
        (TEXT + b"\n", TEXT),  # as an editor or echo writes it
        (TEXT + b"\r\n", TEXT),
        (TEXT + b"\n\n", TEXT + b"\n\n"),
        (TEXT + b"  \n", TEXT + b"  "),
        (b" \t" + TEXT + b"\t", b" \t" + TEXT + b"\t"),
        (b"one line\n" + TEXT + b"\n", b"one line\n" + TEXT + b"\n"),
        ("Schlüssel von mindestens 32 Bytes\n".encode(), "Schlüssel von mindestens 32 Bytes".encode()),
        (BYTES + b"\n", BYTES + b"\n"),  # random bytes may end in anything
        (b"\n" + BYTES + b" ", b"\n" + BYTES + b" "),
        (BYTES + b"\0", BYTES + b"\0"),
    ],
)
def test_a_secret_is_what_the_file_has_but_for_the_newline_after_a_line_of_text(tmp_path, content, secret):
    assert takes(tmp_path, content, secret)
    assert secret_of(content) == secret
    assert not takes(tmp_path, content, secret + b"\n")


def test_a_public_key_is_read_with_any_white_space_around_it(tmp_path):
    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    signer = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for content in (pem, pem.strip(), b"\n" + pem + b"\n \n", pem.replace(b"\n", b"\r\n")):
        (tmp_path / "app.pem").write_bytes(content)
        authority = authority_of(Config(base=tmp_path, api=Api(jwt_keys=("ES256:app.pem",))))
        assert authority.caller(bearer(signer, "ES256")).claims is not None
