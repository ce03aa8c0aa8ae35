"""What a writer does between two batches: it lets other processes write, and has the write-ahead log copied.

Law: nothing here fails; what could not be copied is copied later.
"""

import logging
import time
from pathlib import Path

from proxy.store.sqlite.checkpointing import Checkpointer
from proxy.store.sqlite.connection import CHECKPOINT_LATEST_PAGES, CHECKPOINT_PAGES, Connection, checkpoint
from proxy.store.sqlite.heard import Heard

FIRST_REST_COMMITS = 60
"""Batches before the write-ahead log is first copied; from then on about as many as CHECKPOINT_PAGES have."""

MOST_REST_COMMITS = 250
"""and at most so many: the log is every process's, and one that writes little judges by its own few batches."""

ANEW_PAGES = CHECKPOINT_LATEST_PAGES // 2
"""Of the log, 32 MB, from which on the writer copies what is left itself, right after most of it was copied: the log
begins anew then. It waits for the disk twice, 4 ms, in the best moment that there is: a busy disk took 250 to 600."""

BUSY_DISK_PAGES = CHECKPOINT_LATEST_PAGES * 3 // 4
"""From which on it does so beside a busy disk, too."""

COURTESY_SECONDS = 0.004
"""Between two batches where other processes write, too: each of them looks a few times meanwhile whether the file is
free (POLL_MS), and what comes is in the next batch. Two workers, 1,200 pages a second: p99 23 ms; with 1.5 ms 47, with
8 ms 42, and without it, by SQLite's own way of waiting, 254."""

log = logging.getLogger("footfall.store")


class Rest:
    """Of one writer."""

    __slots__ = ("_after", "_checkpointer", "_commits", "_connection", "_copied", "_heard", "_pages", "_path")

    def __init__(self, path: Path, connection: Connection, heard: Heard) -> None:
        self._path, self._connection, self._heard = path, connection, heard
        self._checkpointer = Checkpointer(path)
        self._commits, self._after = 0, FIRST_REST_COMMITS
        self._copied = 0  # batches that are being copied, or were and were not looked at
        self._pages = 0  # of the log, when it was copied before

    def count(self) -> None:
        """A batch was written."""
        self._commits += 1

    def take(self) -> None:
        """Wait for nothing but, now and then, the disk."""
        if self._heard.has_company:
            time.sleep(COURTESY_SECONDS)
        if self._checkpointer.is_busy:
            return
        if self._copied:
            self._look(self._checkpointer.pages)
        if self._commits >= self._after:
            self._copied, self._commits = self._commits, 0
            self._checkpointer.begin()

    def _look(self, pages: int) -> None:
        """At a log of so many pages, most of which were copied a moment ago."""
        grown = pages - self._pages if pages > self._pages else pages
        self._after = min(max(1, self._copied * CHECKPOINT_PAGES // max(1, grown)), MOST_REST_COMMITS)
        self._copied, self._pages = 0, pages
        if pages >= (ANEW_PAGES if self._checkpointer.was_quick else BUSY_DISK_PAGES):
            self._finish()

    def _finish(self) -> None:
        try:
            checkpoint(self._connection)
        except Exception as error:
            log.warning("%s: what was stored could not be copied from the log to the database: %s", self._path, error)

    def close(self) -> None:
        """What is being copied is waited for."""
        self._checkpointer.close()
