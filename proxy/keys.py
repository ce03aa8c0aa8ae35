"""The secrets file: made on first start, readable by its owner only, rotated by adding a line.

Law: a secret is never logged and never leaves footfall but as a signature. One process reads the file; `to_text` and
`from_text` hand its keys to the others, by a pipe or an unlinked file, never by arguments or the environment. A file
that others can read is refused: whoever reads it can be any visitor.

One key a line, `id secret`: an id of 0 to 255 and 32 bytes in base64. The first line signs, all of them verify; to
rotate, put a new line with an unused id on top and keep the others for as long as cookies live (395 days).
"""

import base64
import os
import re
import secrets
import stat
from collections.abc import Iterable
from pathlib import Path

from proxy.visitors.cookie import Key

SECRET_BYTES = 32
FILE_MAX_BYTES = 16 * 1024
_HEAD = (
    "# footfall's signing keys. Keep this file secret. The first line signs, all verify; to rotate, add a line with\n"
    "# another id (0 to 255) on top and keep the old ones for 395 days.\n"
)
_LINE = re.compile(r"([0-9]{1,3})[ \t]+(\S+)")


class KeyFileError(Exception):
    """The secrets file cannot be used; one line that names the file and says what to do."""


def load_keys(path: Path) -> tuple[Key, ...]:
    """The keys of the file, the signing one first. The file is made where there is none.

    Raises:
        KeyFileError: it cannot be read or made, others can read it, a line is malformed.
    """
    try:
        if not path.exists():
            _make(path)
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}") from error
    return _read(path)


def inspect(path: Path) -> str | None:
    """What is wrong with the file, in one line; None where it is good, or not there yet. Makes nothing."""
    if not os.path.lexists(path):
        return None
    try:
        _read(path)
    except KeyFileError as error:
        return str(error)
    return None


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


def _read(path: Path) -> tuple[Key, ...]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a FIFO would have us wait
        with open(descriptor, "rb") as file:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                raise KeyFileError(f"{path}: not a file")
            if stat.S_IMODE(mode) & 0o077:
                raise KeyFileError(f"{path}: others can read it; run: chmod 600 {path}")
            content = file.read(FILE_MAX_BYTES + 1)
        if len(content) > FILE_MAX_BYTES:
            raise KeyFileError(f"{path}: larger than {FILE_MAX_BYTES} bytes, not a file of keys")
        return from_text(content.decode("utf-8", "replace"))
    except IsADirectoryError:
        raise KeyFileError(f"{path}: not a file") from None
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise KeyFileError(f"{path}: {error}") from None  # the cause could hold a piece of a secret


def _make(path: Path) -> None:
    """Make the file whole in one step, so that two processes that start together use the same one."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    _write(draft)
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    except OSError:  # FAT, many network and FUSE file systems have no hard links
        try:
            _write(path)
        except FileExistsError:
            return
    finally:
        os.unlink(draft)


def _write(path: Path) -> None:
    """A new file with a new key, nobody else's to read; none is left where it cannot be written."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "w", encoding="ascii") as file:
            file.write(_HEAD + to_text([Key(1, secrets.token_bytes(SECRET_BYTES))]))
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        os.unlink(path)
        raise


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
