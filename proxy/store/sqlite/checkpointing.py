"""Copies the write-ahead log to the database, beside the writer: in a thread and through a connection of its own.

Law: the writer does not wait for it before `close`, and it writes nothing else. What is committed while it copies is
copied the next time: under load it never comes to the end of the log, without which the log does not begin anew
(resting.py). It is begun only where something is known not to be copied yet: SQLite up to 3.51.2 may take frames for
copied that are not, where a checkpoint begins on a log that is copied whole while another connection's commit begins it
anew (sqlite.org/wal.html, the WAL-reset bug).
"""

import logging
import queue
import threading
import time
from pathlib import Path

from proxy.store.sqlite.connection import checkpoint, open_copier

QUICK_SECONDS = 0.05
"""A disk that takes longer for it is busy with something else."""
UNKNOWN = -1

log = logging.getLogger("footfall.store")


class Checkpointer:
    """Of one writer, which alone uses it; one thread for all of them, since to measure a process whose threads come and
    go is not possible.

    When it is no longer `is_busy`: `pages` of the log, UNKNOWN where it was not copied; `was_quick`: the disk was not
    busy with anything else.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = open_copier(path)
        self._asked: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="checkpoint", daemon=True)
        self.is_busy = False
        self.pages = UNKNOWN
        self.was_quick = False
        try:
            self._thread.start()
        except BaseException:
            self._connection.close()
            raise

    def __repr__(self) -> str:
        return f"<Checkpointer {self._path}{' at work' if self.is_busy else ''}>"

    def begin(self) -> None:
        """Copy what there is. Not while it `is_busy`."""
        self.is_busy = True
        self._asked.put(True)

    def _run(self) -> None:
        while self._asked.get():
            begun = time.monotonic()
            try:
                self.pages = checkpoint(self._connection)
            except Exception as error:  # what could not be copied is copied later
                self.pages = UNKNOWN
                log.warning("%s: what was stored could not be copied to the database: %s", self._path, error)
            self.was_quick = time.monotonic() - begun < QUICK_SECONDS
            self.is_busy = False

    def close(self) -> None:
        """When it is done."""
        self._asked.put(False)
        self._thread.join()
        self._connection.close()
