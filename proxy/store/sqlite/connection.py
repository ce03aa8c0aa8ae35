"""Opening the SQLite file: pragmas, schema version, and foreign errors mapped at this one boundary.

Law: the only module that imports sqlite3. A connection that leaves it is in WAL mode, says its durability
explicitly (builds differ in the default), waits `BUSY_TIMEOUT_MS` for another process (a writer by `begin`, which
looks more often), and has our schema. One that only copies the log (`open_copier`) waits for nobody.
"""

import errno
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import tzinfo
from pathlib import Path

from proxy.store.base import StoreDamaged, StoreError, StoreUnavailable, StoreUnusable
from proxy.store.sqlite.recount import recount
from proxy.store.sqlite.texts import MIGRATIONS, SQL, VERSION, statements

__all__ = ["SQL", "Connection"]

APPLICATION_ID = 0x466F6F74
"""Marks the file as ours ("Foot"), so that another program's database is never written to."""
_COUNTED = 9
"""The first version that counts what this one counts: an older file is counted anew."""
BUSY_TIMEOUT_MS = 5_000
POLL_MS = 1
"""How often a writer looks whether another process's transaction is over. SQLite by itself looks less and less often,
ten times a second at last: beside a process that writes all the time the other's turn came after 250 ms."""
CACHE_KIB = 32_768
CHECKPOINT_PAGES = 4_000
"""Of the write-ahead log, 16 MB, before they are copied to the database (`checkpoint`): under load twice before it
begins anew (resting.py). Each copy waits for the disk, and where that is busy, so does what is written to the log
meanwhile; with a quarter of this it did twice as often."""
CHECKPOINT_LATEST_PAGES = 4 * CHECKPOINT_PAGES
"""When SQLite does it by itself, in the middle of a batch: whoever waits for that batch waits for the disk, too."""
STATEMENTS_CACHED = 768
OWNER_ONLY = 0o600
"""A new file holds what people typed into forms; its -wal and -shm get the same mode from SQLite."""
ADVICE = "move it away, its -wal and -shm too, and a new one is made"

# Told how, sqlite3 binds None and bytes at once; else it asks their types for two attributes, in vain, each time: some
# 0.4 us, and an event has a dozen of them.
sqlite3.register_adapter(type(None), {}.get)  # type: ignore[arg-type]
sqlite3.register_adapter(bytes, bytes)

Connection = sqlite3.Connection
_SYNCHRONOUS = {"process": "NORMAL", "power": "FULL"}
OLDEST_SQLITE = (3, 38, 0)
"""The first with `->>`, which reads a batch's JSON."""
_ITEM_FAULTS = (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.ProgrammingError, sqlite3.InterfaceError)
_HOPELESS = frozenset({sqlite3.SQLITE_SCHEMA, sqlite3.SQLITE_MISMATCH})
_DAMAGED = frozenset({sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT})
_NO_TEXT = "Could not decode to UTF-8"
"""What sqlite3 says, without a code, of a text that it did not write."""


@contextmanager
def mapped_errors(path: Path) -> Iterator[None]:
    """Turns sqlite3's errors into ours; the message names the file and what SQLite said."""
    try:
        yield
    except _ITEM_FAULTS:
        raise
    except sqlite3.DatabaseError as error:
        raise _ours(error, path) from error
    except UnicodeDecodeError as error:  # what SQLite says of a spoilt schema may quote it
        raise StoreDamaged(f"{path}: database disk image is malformed; {ADVICE}") from error
    except OSError as error:
        raise StoreUnavailable(f"{path}: {error.strerror or error}") from error
    except MemoryError as error:
        raise StoreUnavailable(f"{path}: out of memory") from error


def _ours(error: sqlite3.DatabaseError, path: Path) -> StoreError:
    code, said = getattr(error, "sqlite_errorcode", 0) & 0xFF, " ".join(str(error).split())  # it may quote a statement
    if code in _DAMAGED or said.startswith(_NO_TEXT):
        return StoreDamaged(f"{path}: {said}; {ADVICE}")
    kind = StoreUnusable if code in _HOPELESS else StoreUnavailable
    return kind(f"{path}: {said}")


def is_item_fault(error: Exception) -> bool:
    """Whether an item of a batch, not the store, is to blame: a value that cannot be bound or breaks a constraint."""
    return isinstance(error, _ITEM_FAULTS) or not isinstance(error, sqlite3.Error | StoreError | OSError)


def open_writer(path: Path, durability: str, zone: tzinfo | None = None) -> Connection:
    """A connection for a writer, the schema brought up to date. Days of a file that has none yet are
    those of `zone`, None the machine's own.

    Raises:
        StoreUnavailable: the directory is missing, not writable, the disk is full, ...
        StoreUnusable: the file is another program's, or a newer version's.
    """
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise StoreUnusable(
            f"SQLite {sqlite3.sqlite_version} is too old: {'.'.join(map(str, OLDEST_SQLITE))} is needed"
        )
    with mapped_errors(path):
        _make(path)
        connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, cached_statements=STATEMENTS_CACHED
        )
        try:
            connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
            _check_ours(connection, path)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA synchronous = {_SYNCHRONOUS[durability]}")
            connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
            connection.execute("PRAGMA temp_store = MEMORY")
            connection.execute("PRAGMA secure_delete = ON")  # what is erased is gone; builds differ in the default
            connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_LATEST_PAGES}")
            _migrate(connection, zone)
            connection.execute(f"PRAGMA busy_timeout = {POLL_MS}")
        except BaseException:
            connection.close()
            raise
        return connection


def _make(path: Path) -> None:
    """An empty file, where there is none. OSError: there can be none, or it cannot be written.

    One that is there is not opened: to close it would end all locks that this process has on it (fcntl(2)), and another
    process's last connection would take the log away from ours."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, OWNER_ONLY))
    except FileExistsError:
        if not os.access(path, os.W_OK):
            why = errno.EROFS if os.statvfs(path).f_flag & os.ST_RDONLY else errno.EACCES
            raise OSError(why, os.strerror(why), str(path)) from None


def begin(connection: Connection) -> None:
    """Begin a transaction of a writer that is for writing at once (a deferred one fails when two processes meet), for
    at most `BUSY_TIMEOUT_MS` after another process's."""
    write_alone(connection, "BEGIN IMMEDIATE", ())


def write_alone(connection: Connection, statement: str, values: Sequence[object]) -> None:
    """Run a statement that is a transaction by itself, or begins one, just as long after another process's."""
    until = 0.0
    while True:
        try:
            connection.execute(statement, values)
            return
        except sqlite3.OperationalError as error:
            now = time.monotonic()
            until = until or now + BUSY_TIMEOUT_MS / 1000
            if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_BUSY or now >= until:
                raise


def checkpoint(connection: Connection) -> int:
    """Copy the write-ahead log to the database, as far as no reader is in the way; returns how many pages it had."""
    _, pages, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return int(pages)


def open_copier(path: Path) -> Connection:
    """For `checkpoint` and nothing else, beside an open writer, from any one thread at a time."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
    except BaseException:
        connection.close()
        raise
    return connection


def open_reader(path: Path) -> Connection:
    """A read-only connection.

    Raises:
        StoreUnavailable: there is no such file, or it cannot be read.
        StoreUnusable: the file is not ours.
    """
    connection = open_any_version(path)
    try:
        with mapped_errors(path):
            version = _version(connection)
        if version < VERSION:
            raise StoreUnavailable(
                f"{path}: of an older footfall; the next start of `footfall serve` brings it up to date"
            )
    except BaseException:
        connection.close()
        raise
    return connection


def open_any_version(path: Path) -> Connection:
    """The same, also where the file's format is an older one."""
    if not path.exists():
        raise StoreUnavailable(f"{path}: no such file; nothing has been recorded there yet")
    with mapped_errors(path):
        # Another thread than the one that opens it may ask, one at a time (asking.py, `moment`).
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
            _check_ours(connection, path)
            if _version(connection) < 1:
                raise StoreUnavailable(f"{path}: empty; nothing has been recorded there yet")
        except BaseException:
            connection.close()
            raise
        return connection


def open_copy(path: Path) -> Connection:
    """A connection to a file that nobody else knows, which becomes a copy: without any care for what is in it before
    it is whole."""
    with mapped_errors(path):
        connection = sqlite3.connect(path, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode = OFF")
            connection.execute("PRAGMA synchronous = OFF")
        except BaseException:
            connection.close()
            raise
        return connection


def _version(connection: Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _check_ours(connection: Connection, path: Path) -> None:
    owner = int(connection.execute("PRAGMA application_id").fetchone()[0])
    version = _version(connection)
    empty = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    if owner != APPLICATION_ID and not empty:
        raise StoreUnusable(f"{path}: a database of another program; name another file in store.url")
    if version > VERSION:
        raise StoreUnusable(f"{path}: written by a newer footfall (format {version}, this one knows {VERSION})")


def _migrate(connection: Connection, zone: tzinfo | None) -> None:
    """Bring the schema up to date; processes that start together take turns."""
    if _version(connection) == VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        found = _version(connection)
        for version in range(found, VERSION):
            for statement in statements(MIGRATIONS[version]):
                connection.execute(statement)
        if found < _COUNTED:
            recount(connection, zone)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
