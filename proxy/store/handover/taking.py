"""The writing process: what workers hand over, written in one transaction as far as it has come together.

Law: a worker hears of its batch when it is stored, or that it is not; in either case it hears. No fault of the store
ends this process, nor does a signal: it ends when nobody is left who could hand anything over.
"""

import logging
import selectors
import socket
from collections import deque
from collections.abc import Callable, Sequence

from proxy.store.base import Item, Result, StoreError, Writer
from proxy.store.handover.frames import READ_BYTES, Frames, framed
from proxy.visitors.erased import Erased

BATCH_ITEMS = 1_000
"""In one transaction; a worker hands over no more at once (intake/writing.py, BATCH_EVENTS)."""

log = logging.getLogger("footfall.store")


class Giving:
    """A worker's connection: what came of its batch, what it was not yet told, and what it knows of erased visitors."""

    __slots__ = ("erased", "frames", "saying", "socket")

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.frames = Frames()
        self.saying = b""
        self.erased = 0

    def __repr__(self) -> str:
        return f"<Giving {self.socket.fileno()}>"


class Taker:
    """Use: `run`, which returns when the other end of the door and of every connection is closed.

    Args:
        door: where connections come through; of workers (giving.py).
        open_writer: opens the store, again after a failure.
        erased: what `open_writer`'s store tells of erased visitors.
    """

    def __init__(self, door: socket.socket, open_writer: Callable[[], Writer], erased: Erased) -> None:
        self._door = door
        self._open_writer = open_writer
        self._erased = erased
        self._writer: Writer | None = None
        self._selector = selectors.DefaultSelector()
        self._handed: deque[tuple[Giving, Sequence[Item]]] = deque()

    def __repr__(self) -> str:
        return f"<Taker {len(self._handed)} waiting>"

    def run(self) -> None:
        """Write until nobody is left."""
        self._door.setblocking(False)
        self._selector.register(self._door, selectors.EVENT_READ)
        while self._selector.get_map():
            for key, events in self._selector.select():
                giving: Giving | None = key.data
                if giving is None:
                    self._open_door()
                elif events & selectors.EVENT_WRITE:
                    self._say(giving)
                else:
                    self._hear(giving)
            while self._handed:
                self._write(self._next())
        if self._writer is not None:
            self._writer.close()

    def _open_door(self) -> None:
        """One at a time: a stream gives no more of them with one reading."""
        try:
            knock, descriptors, _, _ = socket.recv_fds(self._door, 1, 1)
        except BlockingIOError:
            return
        for descriptor in descriptors:
            connection = socket.socket(fileno=descriptor)
            connection.setblocking(False)
            self._selector.register(connection, selectors.EVENT_READ, Giving(connection))
        if not knock:
            self._selector.unregister(self._door)

    def _hear(self, giving: Giving) -> None:
        try:
            data = giving.socket.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._part(giving)
            return
        giving.frames.put(data)
        items = giving.frames.take()
        if items is not None:
            self._handed.append((giving, items))

    def _next(self) -> list[tuple[Giving, Sequence[Item]]]:
        """The batches that waited longest, as many as one transaction may have."""
        batches = [self._handed.popleft()]
        items = len(batches[0][1])
        while self._handed and items + len(self._handed[0][1]) <= BATCH_ITEMS:
            batches.append(self._handed.popleft())
            items += len(batches[-1][1])
        return batches

    def _write(self, batches: Sequence[tuple[Giving, Sequence[Item]]]) -> None:
        """Write batches and tell their workers; who has no end of a connection any more is not told."""
        try:
            writer = self._writer = self._writer or self._open_writer()
            results = writer.append([item for _, items in batches for item in items])
        except Exception as error:  # whatever it is, the process must live: nobody else writes
            self._fail(error)
            kind = type(error).__name__ if isinstance(error, StoreError) else StoreError.__name__
            for giving, _ in batches:
                self._tell(giving, kind, str(error), None)
            return
        start = 0
        for giving, items in batches:
            own: list[Result] = results[start : start + len(items)]
            start += len(items)
            self._tell(giving, "", "", None if own.count(None) == len(own) else own)
        writer.rest()

    def _fail(self, error: Exception) -> None:
        """The workers say what is wrong with the store, and one of them will try again; what is wrong with us is ours
        to say."""
        if not isinstance(error, StoreError):
            log.error("a batch could not be written", exc_info=error)
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _tell(self, giving: Giving, fault: str, said: str, results: list[Result] | None) -> None:
        marks = None
        if giving.erased != self._erased.version:
            giving.erased, marks = self._erased.version, self._erased.known
        giving.saying += framed((fault, said, results, marks))
        self._say(giving)

    def _say(self, giving: Giving) -> None:
        """What is left of an answer. Its worker waits for it, and does nothing else."""
        if giving.socket.fileno() < 0:
            return
        try:
            giving.saying = giving.saying[giving.socket.send(giving.saying) :]
        except BlockingIOError:
            pass
        except OSError:
            self._part(giving)
            return
        self._selector.modify(giving.socket, selectors.EVENT_WRITE if giving.saying else selectors.EVENT_READ, giving)

    def _part(self, giving: Giving) -> None:
        self._selector.unregister(giving.socket)
        giving.socket.close()
