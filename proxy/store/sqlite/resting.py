"""What a writer does between two batches: it lets other processes write, and copies the write-ahead log.

Law: nothing here fails; what could not be copied is copied later.
"""

import logging
import time
from pathlib import Path

from proxy.store.sqlite.connection import CHECKPOINT_PAGES, Connection, checkpoint
from proxy.store.sqlite.heard import Heard

FIRST_REST_COMMITS = 60
"""Batches before the write-ahead log is first copied; from then on about as many as CHECKPOINT_PAGES have."""

MOST_REST_COMMITS = 250
"""and at most so many: the log is every process's, and one that writes little judges by its own few batches."""

COURTESY_SECONDS = 0.004
"""Between two batches where other processes write, too: each of them looks a few times meanwhile whether the file is
free (POLL_MS), and what comes is in the next batch. Two workers, 1,200 pages a second: p99 23 ms; with 1.5 ms 47, with
8 ms 42, and without it, by SQLite's own way of waiting, 254."""

log = logging.getLogger("footfall.store")


class Rest:
    """Of one writer."""

    __slots__ = ("_after", "_commits", "_connection", "_heard", "_path")

    def __init__(self, path: Path, connection: Connection, heard: Heard) -> None:
        self._path, self._connection, self._heard = path, connection, heard
        self._commits, self._after = 0, FIRST_REST_COMMITS

    def count(self) -> None:
        """A batch was written."""
        self._commits += 1

    def take(self) -> None:
        """Copying waits for the disk twice, some 10 ms, now and then 300."""
        if self._heard.has_company:
            time.sleep(COURTESY_SECONDS)
        if self._commits < self._after:
            return
        try:
            pages = max(1, checkpoint(self._connection))
        except Exception as error:
            log.warning("%s: what was stored could not be copied from the log to the database: %s", self._path, error)
            pages = CHECKPOINT_PAGES
        self._after = min(max(1, self._commits * CHECKPOINT_PAGES // pages), MOST_REST_COMMITS)
        self._commits = 0
