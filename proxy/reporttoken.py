"""The report's password, in a file of its own.

Law: it is made on the first start, and a file that holds something else is refused, not overwritten.
"""

import re
import secrets
from pathlib import Path

from proxy import secretfile

TOKEN_BYTES = 24
_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,128}")


def load_token(path: Path) -> str:
    """The report's password, made on first start. Raises SecretFileError."""
    return secretfile.load(path, _parse_token, lambda: f"{secrets.token_urlsafe(TOKEN_BYTES)}\n")


def inspect_token(path: Path) -> str | None:
    """What is wrong with the password's file, in one line; None where it is good, or not there yet."""
    return secretfile.inspect(path, _parse_token)


def _parse_token(text: str) -> str:
    token = text.strip()
    if not _TOKEN.fullmatch(token):
        raise ValueError("must be one line of 16 to 128 letters, digits, '-' or '_'; remove it to have a new one made")
    return token
