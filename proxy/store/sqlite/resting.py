"""What a writer does between two batches: it lets other processes write, and has the write-ahead log copied.

Law: nothing here fails; what could not be copied is copied later.
"""

import logging
import time
from pathlib import Path

from proxy.store.sqlite.checkpointing import UNKNOWN, Checkpointer
from proxy.store.sqlite.connection import CHECKPOINT_LATEST_PAGES, CHECKPOINT_PAGES, Connection, checkpoint
from proxy.store.sqlite.heard import Heard

FIRST_REST_COMMITS = 60
"""Batches before the write-ahead log is first copied; from then on about as many as CHECKPOINT_PAGES have."""

MOST_REST_COMMITS = 500
"""and at most so many, which is what is staged in half a second (staging.py): the log is every process's, and one that
writes little judges by its own few batches."""

ANEW_PAGES = CHECKPOINT_PAGES * 7 // 4
"""Of the log, 28 MB, which is less than two copies, from which on the writer copies what is left itself, right after
most of it was copied: the log begins anew then. It waits for the disk twice, 4 ms, and once more in the next batch, in
the best moment that there is: a busy disk took 250 to 600."""

BUSY_DISK_PAGES = CHECKPOINT_LATEST_PAGES * 3 // 4
"""From which on it does so beside a busy disk, too."""

COURTESY_SECONDS = 0.004
"""Between two batches where other processes write, too: each of them looks a few times meanwhile whether the file is
free (POLL_MS), and what comes is in the next batch. Two workers, 1,200 pages a second: p99 23 ms; with 1.5 ms 47, with
8 ms 42, and without it, by SQLite's own way of waiting, 254."""

log = logging.getLogger("footfall.store")


class Rest:
    """Of one writer."""

    __slots__ = (
        "_after", "_changes", "_checkpointer", "_commits", "_connection", "_heard", "_is_asked", "_is_opened", "_pages",
        "_path",
    )  # fmt: skip

    def __init__(self, path: Path, connection: Connection, heard: Heard) -> None:
        self._path, self._connection, self._heard = path, connection, heard
        self._checkpointer: Checkpointer | None = None
        self._is_opened = False  # or was found that there can be none
        self._commits, self._after = 0, FIRST_REST_COMMITS
        self._is_asked = False  # the checkpointer, and was not looked after since
        self._pages = 0  # of the log, when it was copied before
        self._changes = 0  # rows that had been changed when last anything was copied

    def count(self) -> None:
        """A batch was written."""
        self._commits += 1

    def take(self) -> None:
        """Wait for nothing but, now and then, the disk."""
        if self._heard.has_company:
            time.sleep(COURTESY_SECONDS)
        try:
            self._copy()
        except Exception as error:
            log.warning("%s: what was stored could not be copied to the database: %s", self._path, error)

    def _copy(self) -> None:
        if self._checkpointer is None:
            self._open()
        if self._checkpointer is None or self._checkpointer.is_busy:
            return
        if self._is_asked:
            self._is_asked = False
            self._changes = self._connection.total_changes
            self._look(self._checkpointer)
        elif self._commits >= self._after and self._connection.total_changes != self._changes:
            self._is_asked = True
            self._checkpointer.begin()

    def _open(self) -> None:
        """Where there is no room for one more thread or file, SQLite goes on copying by itself."""
        if self._is_opened:
            return
        self._is_opened = True
        self._checkpointer = Checkpointer(self._path)
        # Who rests copies here, and not in the middle of a batch; checkpointing.py has the other reason.
        self._connection.execute("PRAGMA wal_autocheckpoint = 0")

    def _look(self, done: Checkpointer) -> None:
        """After what was copied: how soon again, and whether the log can begin anew."""
        commits, self._commits = self._commits, 0
        if done.pages == UNKNOWN:
            return
        grown = done.pages - self._pages if done.pages > self._pages else done.pages
        self._after = min(max(1, commits * CHECKPOINT_PAGES // max(1, grown)), MOST_REST_COMMITS)
        self._pages = done.pages
        if done.pages >= (ANEW_PAGES if done.was_quick else BUSY_DISK_PAGES):
            self._pages = 0
            checkpoint(self._connection)

    def close(self) -> None:
        """What is being copied is waited for."""
        if self._checkpointer is not None:
            self._checkpointer.close()
