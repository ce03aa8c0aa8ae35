"""The writing thread: the only one of a process that writes to the store.

Law: a batch is whatever has come together meanwhile; it is tried until the store holds it, and only then reported. No
error ends the thread. After a batch it rests, after a large one as long as that took: where little comes it is written
at once or nearly so, and under load the batches are larger.
"""

import asyncio
import queue
import threading
import time
from collections.abc import Callable

from proxy.intake.failing import Failing
from proxy.intake.handed import BATCH_EVENTS, Deliver, Handed, items_of, size_of
from proxy.store.base import Writer

REST_ITEMS = 16
"""From this size on a batch is followed by a whole rest, below it by a part of one: few do not wait for more."""
REST_SECONDS = 0.002
"""The longest rest. Writing costs by the batch, most of that for the interpreter lock, which the thread gives away in
each statement and takes back from a busy event loop. At saturation a batch of 7 KB pages had 25 instead of 18; CPU per
page was 10 to 13 % less, of 58 KB 15 %, and as many pages a second went through or more."""


class WritingThread:
    """`deliver(batch, results)` is called in the thread, after the commit. `failing`: the store refuses everything."""

    is_in_loop = False

    def __init__(self, open_writer: Callable[[], Writer], deliver: Deliver) -> None:
        self._open_writer = open_writer
        self._deliver = deliver
        self._queue: queue.SimpleQueue[Handed | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self.failing = Failing()
        self._rests_until = 0.0
        self._again: float | None = None  # until the writer wants to rest once more, where nothing comes

    def start(self) -> None:
        """Start writing. The thread is made now: one that was made before a fork counts as ended after it, and nobody
        would wait for what it still writes."""
        self._thread = threading.Thread(target=self._write_all, name="footfall-recorder", daemon=True)
        self._thread.start()

    def is_alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def is_over(self) -> bool:
        """Whether it was stopped: a thread starts only once."""
        return self._stopping.is_set()

    def put(self, handed: Handed) -> None:
        """Hand over; from any thread."""
        self._queue.put(handed)

    async def stop(self, patience_seconds: float) -> None:
        """Write what is waiting, for at most so long, and end."""
        self._queue.put(None)
        if self._thread is not None and self._thread.is_alive():
            await asyncio.to_thread(self._thread.join, self.failing.patience(patience_seconds))
        self._stopping.set()

    def _write_all(self) -> None:
        writer: Writer | None = None
        running = True
        while running:
            handed = self._take(writer)
            resting = self._rests_until - time.monotonic()
            if resting > 0:
                time.sleep(resting)
            batch: list[Handed] = []
            size = 0
            while handed is not None:
                batch.append(handed)
                size += size_of(handed)
                if size >= BATCH_EVENTS:
                    break
                try:
                    handed = self._queue.get_nowait()
                except queue.Empty:
                    break
            running = handed is not None
            if batch:
                writer = self._write(writer, batch)
        if writer is not None:
            writer.close()

    def _take(self, writer: Writer | None) -> Handed | None:
        """What comes next."""
        while writer is not None and self._again is not None:
            try:
                return self._queue.get(timeout=self._again)
            except queue.Empty:
                self._again = writer.rest()
        return self._queue.get()

    def _write(self, writer: Writer | None, batch: list[Handed]) -> Writer | None:
        """Write a batch, however often that has to be tried, and wake whoever waits for it."""
        items = items_of(batch)
        self._again = None
        while True:
            begun = time.monotonic()
            try:
                writer = writer or self._open_writer()
                results = writer.append(items)
                break
            except Exception as error:  # whatever it is, the thread must live: it is the only one that writes
                pause = self.failing.refused(error)
                if writer is not None:
                    writer.close()
                    writer = None
                if self._stopping.wait(pause):
                    return None
        self.failing.taken()
        self._deliver(batch, results)
        now = time.monotonic()
        self._rests_until = now + min((now - begun) * min(1.0, len(items) / REST_ITEMS), REST_SECONDS)
        self._again = writer.rest()
        return writer
