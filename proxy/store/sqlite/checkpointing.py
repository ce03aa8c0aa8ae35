"""Copies the write-ahead log to the database, beside the writer: in a thread and through a connection of its own.

Law: the writer never waits for it, and it writes nothing else. What is committed while it copies is copied the next
time, so under load it never comes to the end of the log; only at its end can the log begin anew (resting.py).
"""

import logging
import threading
import time
from pathlib import Path

from proxy.store.sqlite.connection import checkpoint, open_copier

QUICK_SECONDS = 0.05
"""A disk that takes longer for it is busy with something else."""

log = logging.getLogger("footfall.store")


class Checkpointer:
    """Of one writer. `pages`: of the log, when it was last copied; `was_quick`: the disk was not busy then."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = open_copier(path)
        self._thread: threading.Thread | None = None
        self.pages = 0
        self.was_quick = False

    def __repr__(self) -> str:
        return f"<Checkpointer {self._path}{' now' if self.is_busy else ''}>"

    @property
    def is_busy(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def begin(self) -> None:
        """Copy what there is. Not while it `is_busy`."""
        self._thread = threading.Thread(target=self._copy, name="checkpoint", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # there is no room for one more: then the batches wait for the disk
            self._thread = None
            self._copy()

    def _copy(self) -> None:
        begun = time.monotonic()
        try:
            self.pages = checkpoint(self._connection)
        except Exception as error:  # what could not be copied is copied later
            log.warning("%s: what was stored could not be copied from the log to the database: %s", self._path, error)
        self.was_quick = time.monotonic() - begun < QUICK_SECONDS

    def close(self) -> None:
        """When it is done."""
        if self._thread is not None:
            self._thread.join()
        self._connection.close()
