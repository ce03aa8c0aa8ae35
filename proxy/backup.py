"""`footfall backup`: a checked copy of the store under a name of its own, or nothing.

Law: under FILE there is a whole copy or what was there before. It is made as FILE.part, checked, written through to the
disk and renamed. One at a time makes it: FILE.part is locked while it is written, so that what a killed backup left is
told from one that runs.
"""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

from proxy.errors import StartError
from proxy.store.base import StoreError
from proxy.store.sqlite.copying import BESIDE, copy

OWNER_ONLY = 0o600
ATTEMPTS = 3
"""To make FILE.part, while others may be about to."""


def backup(store: Path, target: Path, *, force: bool, at: Callable[[str, int, int], None]) -> int:
    """Copy the store while it is written to.

    Args:
        force: overwrite what is under that name.
        at: told (what is done, pages done, pages in all).

    Returns:
        The copy's size in bytes.

    Raises:
        StartError: it cannot be made, or something is in its place; nothing is left of it.
    """
    draft = target.with_name(f"{target.name}.part")
    try:
        _refuse(store, target, force)
        descriptor = _claim(draft)
        try:
            copy(store, draft, at)
            os.fsync(descriptor)
            size = os.fstat(descriptor).st_size
            _refuse(store, target, force)
            os.replace(draft, target)
            _write_through(target.parent)
        finally:
            if _is(descriptor, draft):
                _remove(draft)
            os.close(descriptor)
    except StoreError as error:
        raise StartError(str(error)) from error
    except OSError as error:
        raise StartError(f"{error.filename or target}: {error.strerror}") from error
    return size


def _refuse(store: Path, target: Path, force: bool) -> None:
    """Raises StartError where a copy must not be put."""
    if not target.parent.is_dir():
        raise StartError(f"{target.parent}: no such folder; make it first")
    ours = [store.with_name(f"{store.name}{end}").resolve() for end in ("", *BESIDE)]
    if target.resolve() in ours or (target.exists() and store.exists() and target.samefile(store)):
        raise StartError(f"{target}: the store itself; name another file")
    if target.exists() and not target.is_file():
        raise StartError(f"{target}: not a file")
    if os.path.lexists(target) and not force:
        raise StartError(f"{target}: is there already; --force overwrites it")
    for end in BESIDE:
        beside = target.with_name(f"{target.name}{end}")
        if beside.exists():  # SQLite would take it for the copy's own, and spoil it
            raise StartError(f"{beside}: belongs to a database that is open or was not closed; name another file")


def _claim(draft: Path) -> int:
    """The descriptor of a new draft, ours alone. What a killed backup left goes."""
    for _ in range(ATTEMPTS):
        try:
            descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, OWNER_ONLY)
        except FileExistsError:
            left = os.open(draft, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                if _lock(left) and _is(left, draft):
                    _remove(draft)
            finally:
                os.close(left)
            continue
        if _lock(descriptor) and _is(descriptor, draft):
            return descriptor
        os.close(descriptor)
    raise StartError(f"{draft}: another backup is writing it")


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is(descriptor: int, path: Path) -> bool:
    """Whether the open file is the one of that name."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except FileNotFoundError:
        return False


def _remove(draft: Path) -> None:
    for end in ("", *BESIDE):
        draft.with_name(f"{draft.name}{end}").unlink(missing_ok=True)


def _write_through(folder: Path) -> None:
    """So that a power cut does not undo the rename."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
