"""Asking the store for visitors, beside whom a page is waiting: a few at once, each for a bounded time.

Law: a store that is slow, gone or spoilt is an `Unreadable`, whatever it was; the rest of the page does without. A
reader belongs to the thread that opened it.
"""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import islice

from proxy.store.base import Query, Reader, StoreError
from proxy.store.questions import Late
from proxy.store.questions.held import Held, HeldReader

log = logging.getLogger("footfall.privacy")

READ_SECONDS = 8.0
"""For what a page tells, its turn included."""
READERS = 2
"""Questions at once, a worker: a store that hangs takes no more threads than these."""
READERS_WAITING = 20
"""Besides, before a page is told to come back."""
LATEST_SHOWN = 50
DOWNLOADS = 2
"""At once, a worker; each has a thread of its own."""
DOWNLOAD_SECONDS = 900.0
"""For a whole file: millions of events, or a slow line. What is left out then is said in it."""
STEP_EVENTS = 500
"""Of a file, made at a time: some 200 KB, in some 10 ms."""
PAUSE_SECONDS = 0.02
"""Between two of these: whoever takes a million events must not take a worker's time from the site's pages."""


UNREADABLE = (StoreError, Late, TimeoutError, ValueError, LookupError, TypeError)
"""The last three are what rows of a spoilt file may raise."""


class Unreadable(Exception):
    """What is held cannot be told now; the message is for the log."""


class HeldFiles:
    """Answers about one store. Both callables open it; each is called in a thread, once a question."""

    def __init__(
        self,
        open_held: Callable[[], HeldReader],
        open_reader: Callable[[], Reader],
        *,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        self._seconds = read_seconds
        self._open_held = open_held
        self._open_reader = open_reader
        self._threads = ThreadPoolExecutor(READERS, "footfall-privacy")
        self._asked = 0
        self._downloads = 0

    async def held(self, uuid: bytes) -> Held:
        """What is held of a visitor, with the latest `LATEST_SHOWN` events. Raises Unreadable."""
        if self._asked >= READERS + READERS_WAITING:
            raise Unreadable("too many ask at once")
        self._asked += 1
        try:
            with _unreadable():
                answer = asyncio.get_running_loop().run_in_executor(self._threads, self._read, uuid)
                return await asyncio.wait_for(answer, self._seconds)
        finally:
            self._asked -= 1

    def _read(self, uuid: bytes) -> Held:
        with closing(self._open_held()) as reader:
            return reader.held(uuid, LATEST_SHOWN)

    async def download(self, uuid: bytes, head: Mapping[str, object]) -> "Download":
        """A JSON file of all that is held: `head`, the events in the order of their coming, and whether that is all
        (`complete`). Its first piece is made before this returns; it is to be closed. Raises Unreadable."""
        if self._downloads >= DOWNLOADS:
            raise Unreadable("too many take theirs at once")
        self._downloads += 1
        file = Download(pieces_of(self._open_reader, uuid, head), self._is_over)
        try:
            with _unreadable():
                await asyncio.wait_for(file.begin(), self._seconds)
        except BaseException:
            file.close()
            raise
        return file

    def _is_over(self) -> None:
        self._downloads -= 1


class Download:
    """The pieces of a file, made in one thread as they are taken."""

    def __init__(self, pieces: Generator[bytes, None, None], over: Callable[[], None]) -> None:
        self._pieces = pieces
        self._over = over
        self._thread = ThreadPoolExecutor(1, "footfall-privacy-file")
        self._ready: bytes | None = None
        self._is_closed = False

    async def begin(self) -> None:
        """Make the first piece."""
        self._ready = await self._next()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self._ready is not None:
            yield self._ready
            await asyncio.sleep(PAUSE_SECONDS)
            self._ready = await self._next()

    async def _next(self) -> bytes | None:
        return await asyncio.get_running_loop().run_in_executor(self._thread, next, self._pieces, None)

    def close(self) -> None:
        """No more pieces are wanted."""
        if not self._is_closed:
            self._is_closed = True
            self._thread.submit(self._pieces.close)
            self._thread.shutdown(wait=False)
            self._over()


def pieces_of(
    open_reader: Callable[[], Reader],
    uuid: bytes,
    head: Mapping[str, object],
    *,
    clock: Callable[[], float] = time.monotonic,
) -> Generator[bytes, None, None]:
    """The file, in pieces of `STEP_EVENTS` events. Where the store gives out on the way, or the time is over, it ends
    as a whole document that says so. `clock`: seconds."""
    until = clock() + DOWNLOAD_SECONDS
    with closing(open_reader()) as reader:
        events = reader.export(Query(visitor=uuid))
        some = list(islice(events, STEP_EVENTS))
        yield _json(head)[:-1] + b', "events": ['
        mark = b"\n"
        try:
            while some and clock() < until:
                yield mark + b",\n".join(_json(event.to_export()) for event in some)
                mark = b",\n"
                some = list(islice(events, STEP_EVENTS))
        except UNREADABLE:
            log.exception("a visitor's file ends early")
    yield b'\n], "complete": %b}\n' % (b"false" if some else b"true")


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


@contextmanager
def _unreadable() -> Iterator[None]:
    try:
        yield
    except UNREADABLE as wrong:
        log.warning("what is held of a visitor could not be told: %s", str(wrong) or type(wrong).__name__)
        raise Unreadable(str(wrong)) from wrong
