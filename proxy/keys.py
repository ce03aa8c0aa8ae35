"""The secrets file: made on first start, readable by its owner only, rotated by adding a line.

Law: a secret is never logged and never leaves footfall but as a signature. One process reads the file; `to_text` and
`from_text` hand its keys to the others, by a pipe or an unlinked file, never by arguments or the environment. A file
that others can read is refused: whoever reads it can be any visitor.

One key a line, `id secret`: an id of 0 to 255 and 32 bytes in base64. The first line signs, all of them verify; to
rotate, put a new line with an unused id on top and keep the others for as long as cookies live (395 days).
"""

import base64
import re
import secrets
from collections.abc import Iterable
from pathlib import Path

from proxy import secretfile
from proxy.visitors.cookie import Key

SECRET_BYTES = 32
_HEAD = (
    "# footfall's signing keys. Keep this file secret. The first line signs, all verify; to rotate, add a line with\n"
    "# another id (0 to 255) on top and keep the old ones for 395 days.\n"
)
_LINE = re.compile(r"([0-9]{1,3})[ \t]+(\S+)")


def load_keys(path: Path) -> tuple[Key, ...]:
    """The keys of the file, the signing one first. The file is made where there is none.

    Raises:
        SecretFileError: it cannot be read or made, others can read it, a line is malformed.
    """
    return secretfile.load(path, from_text, _fresh)


def inspect(path: Path) -> str | None:
    """What is wrong with the file, in one line; None where it is good, or not there yet. Makes nothing."""
    return secretfile.inspect(path, from_text)


def to_text(keys: Iterable[Key]) -> str:
    """The keys as lines of the file; `from_text` is the reverse."""
    return "".join(f"{key.id} {base64.b64encode(key.secret).decode('ascii')}\n" for key in keys)


def from_text(text: str) -> tuple[Key, ...]:
    """The keys of a file's text. Raises ValueError, with half a sentence that quotes nothing of the text."""
    lines = [line.strip() for line in text.splitlines()]
    keys = tuple(_key(line) for line in lines if line and not line.startswith("#"))
    if not keys:
        raise ValueError("no key in it; remove the file to have a new one made")
    if len({key.id for key in keys}) != len(keys):
        raise ValueError("two keys have the same id")
    return keys


def _fresh() -> str:
    """The text of a new file, with a new key."""
    return _HEAD + to_text([Key(1, secrets.token_bytes(SECRET_BYTES))])


def _key(line: str) -> Key:
    parts = _LINE.fullmatch(line)
    try:
        secret = base64.b64decode(parts[2], validate=True) if parts else b""
    except ValueError:
        parts = None
    if parts is None:
        raise ValueError("a line is not `id base64`")
    if int(parts[1]) > 255 or len(secret) < SECRET_BYTES:
        raise ValueError(f"a key needs an id of 0 to 255 and {SECRET_BYTES} bytes")
    return Key(int(parts[1]), secret)
