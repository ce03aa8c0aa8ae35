"""A copy of a store that others write to, by SQLite's online backup (https://sqlite.org/backup.html).

Law: the copy is what the store held when the copying began, whoever writes meanwhile. One read transaction is held from
the first page to the last: without it every write of another process would start the copying anew, and beside a busy
site it would never end. In WAL mode a reader stops no writer. But the log cannot be emptied while one reads, so that it
grows by what is written meanwhile: the pauses, in which the disk is the writer's alone, are as long as the steps and no
longer.
"""

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

from proxy.store.base import StoreDamaged
from proxy.store.sqlite.connection import Connection, mapped_errors, open_any_version, open_copy

STEP_PAGES = 1_000
"""Pages copied at once: 4 MB."""
PAUSE_MOST_SECONDS = 0.25
BESIDE = ("-wal", "-shm", "-journal")
"""What SQLite may leave beside a file, and reads as a part of whatever file has that name then."""
CHECK_INTERRUPTED_EVERY = 1_000_000
"""Steps of SQLite's own machine, some hundredths of a second, after which a signal is heard."""


def copy(source: Path, target: Path, at: Callable[[str, int, int], None]) -> None:
    """Make `target`, an empty file, a copy of the store: one file in itself, in rollback mode, as reading from a medium
    that cannot be written needs it. A store of an older format is copied as it is.

    Args:
        at: told (what is done, pages done, pages in all) as often as there is news; 0 pages where they are not counted.

    Raises:
        StoreUnavailable: there is no store yet, or one of the two files cannot be read or written.
        StoreUnusable: the store is another program's.
        StoreDamaged: the store or the copy is not whole.
    """
    try:
        with (
            contextlib.closing(open_any_version(source)) as old,
            contextlib.closing(open_copy(target)) as new,
            mapped_errors(target),
        ):
            _copy_pages(old, new, at)
            new.execute("PRAGMA journal_mode = DELETE")
            at("checking the copy", 0, 0)
            wrong = _first_fault(new)
    except StoreDamaged as error:
        wrong = str(error.__cause__)
    if wrong is not None:
        raise StoreDamaged(f"{source} is damaged, its copy was checked: {wrong}")


def _copy_pages(old: Connection, new: Connection, at: Callable[[str, int, int], None]) -> None:
    old.execute("BEGIN")
    old.execute("PRAGMA schema_version").fetchone()  # the transaction begins with the first reading
    begun = time.monotonic()

    def rest(status: int, left: int, pages: int) -> None:
        nonlocal begun
        at("copying", pages - left, pages)
        if left:
            time.sleep(min(time.monotonic() - begun, PAUSE_MOST_SECONDS))
        begun = time.monotonic()

    old.backup(new, pages=STEP_PAGES, progress=rest)


def _first_fault(connection: Connection) -> str | None:
    """What is wrong with a file, in one line; None where it is whole."""
    connection.set_progress_handler(lambda: None, CHECK_INTERRUPTED_EVERY)
    lines = str(connection.execute("PRAGMA integrity_check(1)").fetchone()[0]).splitlines()
    found = [line for line in lines if not line.startswith("***")] or lines  # which begins with the database's name
    return None if found == ["ok"] else found[0]
