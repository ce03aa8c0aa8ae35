"""Files that hold a secret: made whole in one step, readable by their owner only.

Law: a file that others can read is refused, and so is whatever is not an ordinary file of modest size. No message
quotes what is in one.
"""

import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

FILE_MAX_BYTES = 16 * 1024

Content = TypeVar("Content")


class SecretFileError(Exception):
    """The file cannot be used; one line that names it and says what to do."""


def load(path: Path, parse: Callable[[str], Content], fresh: Callable[[], str]) -> Content:
    """What is in the file; it is made of `fresh()` where there is none.

    Args:
        parse: raises ValueError with half a sentence that quotes nothing.

    Raises:
        SecretFileError: it cannot be read or made, others can read it, it does not parse.
    """
    try:
        if not path.exists():
            _make(path, fresh())
    except OSError as error:
        raise SecretFileError(f"{path}: {error.strerror}") from error
    return read(path, parse)


def read(path: Path, parse: Callable[[str], Content]) -> Content:
    """What is in an existing file; raises as `load` does."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a FIFO would have us wait
        with open(descriptor, "rb") as file:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                raise SecretFileError(f"{path}: not a file")
            if stat.S_IMODE(mode) & 0o077:
                raise SecretFileError(f"{path}: others can read it; run: chmod 600 {path}")
            content = file.read(FILE_MAX_BYTES + 1)
        if len(content) > FILE_MAX_BYTES:
            raise SecretFileError(f"{path}: larger than {FILE_MAX_BYTES} bytes, not a secret")
        return parse(content.decode("utf-8", "replace"))
    except IsADirectoryError:
        raise SecretFileError(f"{path}: not a file") from None
    except OSError as error:
        raise SecretFileError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise SecretFileError(f"{path}: {error}") from None  # the cause could hold a piece of a secret


def inspect(path: Path, parse: Callable[[str], object]) -> str | None:
    """What is wrong with the file, in one line; None where it is good, or not there yet. Makes nothing."""
    if not os.path.lexists(path):
        return None
    try:
        read(path, parse)
    except SecretFileError as error:
        return str(error)
    return None


def _make(path: Path, text: str) -> None:
    """Make the file whole in one step, so that two processes that start together use the same one."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    _write(draft, text)
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    except OSError:  # FAT, many network and FUSE file systems have no hard links
        try:
            _write(path, text)
        except FileExistsError:
            return
    finally:
        os.unlink(draft)


def _write(path: Path, text: str) -> None:
    """A new file, nobody else's to read; none is left where it cannot be written."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        os.unlink(path)
        raise
