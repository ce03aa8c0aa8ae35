"""The secrets file: made on first start, readable by its owner only, rotated by adding a line.

Law: a secret is never logged and never leaves this process but as a signature. A file that others can read is
refused: whoever reads it can be any visitor.

One key a line, `id secret`: an id of 0 to 255 and 32 bytes in base64. The first line signs, all of them verify; to
rotate, put a new line with an unused id on top and keep the others for as long as cookies live (395 days).
"""

import base64
import binascii
import os
import secrets
import stat
from pathlib import Path

from proxy.visitors.cookie import Key

SECRET_BYTES = 32
FILE_MAX_BYTES = 16 * 1024
_HEAD = (
    "# footfall's signing keys. Keep this file secret. The first line signs, all verify; to rotate, add a line with\n"
    "# another id (0 to 255) on top and keep the old ones for 395 days.\n"
)


class KeyFileError(Exception):
    """The secrets file cannot be used; one line that names the file and says what to do."""


def load_keys(path: Path) -> tuple[Key, ...]:
    """The keys of the file, the signing one first. The file is made where there is none.

    Raises:
        KeyFileError: it cannot be read or made, others can read it, a line is malformed.
    """
    try:
        _make(path)
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(FILE_MAX_BYTES).decode("utf-8", "replace")
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}") from error
    if stat.S_IMODE(mode) & 0o077:
        raise KeyFileError(f"{path}: others can read it; run: chmod 600 {path}")
    keys = tuple(_key(path, line) for line in text.splitlines() if line.strip() and not line.startswith("#"))
    if not keys:
        raise KeyFileError(f"{path}: no key in it; remove the file to have a new one made")
    if len({key.id for key in keys}) != len(keys):
        raise KeyFileError(f"{path}: two keys have the same id")
    return keys


def _make(path: Path) -> None:
    """Make the file in one step, so that two processes that start together use the same one."""
    if path.exists():
        return
    line = f"1 {base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode('ascii')}\n"
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(_HEAD + line)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(draft)


def _key(path: Path, line: str) -> Key:
    number, _, secret = line.strip().partition(" ")
    try:
        key = Key(int(number), base64.b64decode(secret, validate=True))
    except (ValueError, binascii.Error) as error:
        raise KeyFileError(f"{path}: a line is not `id base64`") from error
    if not 0 <= key.id <= 255 or len(key.secret) < SECRET_BYTES:
        raise KeyFileError(f"{path}: a key needs an id of 0 to 255 and {SECRET_BYTES} bytes")
    return key
