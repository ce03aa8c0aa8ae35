"""The writing process: what workers hand over, written in one transaction as far as it has come together.

Law: a worker hears of its batch when it is stored, or that it is not; in either case it hears, at the least by the end
of its connection. No fault of the store ends this process, nor does what one worker sends, nor a signal: it ends when
nobody is left who could hand anything over.
"""

import logging
import selectors
import socket
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice

from proxy.store.base import Forget, Item, Result, StoreError, Writer
from proxy.store.handover.apart import Apart
from proxy.store.handover.frames import READ_BYTES, Frames, framed
from proxy.visitors.erased import Erased

BATCH_ITEMS = 1_000
"""In one transaction; as many a worker has under way, and one batch more (intake/elsewhere.py), of which none is taken
apart."""

log = logging.getLogger("footfall.store")


class Giving:
    """A worker's connection: what has come of its batches, what it was not yet told, and what it knows of erased
    visitors. `is_refused`: it was told of a fault, after which it gives all of it anew by another connection."""

    __slots__ = ("erased", "frames", "is_refused", "saying", "socket")

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.frames = Frames()
        self.saying = b""
        self.erased = 0
        self.is_refused = False

    def __repr__(self) -> str:
        return f"<Giving {self.socket.fileno()}>"


class Taker:
    """Use: `run`, which returns when the other end of the door and of every connection is closed.

    Args:
        door: where connections come through; of workers (giving.py).
        open_writer: opens the store, again after a failure, and tells who was erased.
        no_marks: makes what knows nobody yet who was erased.
    """

    def __init__(
        self, door: socket.socket, open_writer: Callable[[Erased], Writer], no_marks: Callable[[], Erased]
    ) -> None:
        self._door = door
        self._open_writer = open_writer
        self._erased = no_marks()
        self._writer: Writer | None = None
        self._selector = selectors.DefaultSelector()
        self._handed: deque[tuple[Giving, Sequence[Item]]] = deque()
        self._apart: Apart[Giving] = Apart(open_writer, no_marks)
        self._again: float | None = None  # until the writer wants to rest once more, where nothing comes
        self._said = ""

    def __repr__(self) -> str:
        return f"<Taker {len(self._handed)} waiting>"

    def run(self) -> None:
        """Write until nobody is left."""
        self._door.setblocking(False)
        self._selector.register(self._door, selectors.EVENT_READ)
        self._selector.register(self._apart.bell, selectors.EVENT_READ)
        while len(self._selector.get_map()) > 1:
            self._listen(self._again)
            if not self._handed and self._again is not None and self._writer is not None:
                self._again = self._writer.rest()
            while self._handed:
                self._listen(0)  # what has come meanwhile may go with it
                self._write(self._next())
        self._apart.close()
        if self._writer is not None:
            self._writer.close()

    def _listen(self, seconds: float | None) -> None:
        """Hear who has something to say within that time; None is for ever."""
        for key, events in self._selector.select(seconds):
            giving: Giving | None = key.data
            if key.fileobj is self._door:
                self._open_door()
            elif giving is None:
                self._tell_of_what_was_apart()
            elif events & selectors.EVENT_WRITE:
                self._say(giving)
            else:
                self._hear(giving)

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
        if giving.is_refused:
            return
        giving.frames.put(data)
        while (items := self._next_of(giving)) is not None:
            if Forget not in set(map(type, items)):
                self._handed.append((giving, items))
                continue
            try:
                self._apart.write(giving, items)
            except RuntimeError as error:  # no room for one more thread
                self._tell_fault(giving, error)

    def _next_of(self, giving: Giving) -> Sequence[Item] | None:
        try:
            items: Sequence[Item] | None = giving.frames.take()
        except Exception as error:  # of another version, where the files were changed under us
            self._say_once("what a worker has handed over cannot be read", error)
            self._part(giving)
            return None
        return items

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
        self._again = None
        try:
            writer = self._writer = self._writer or self._open_writer(self._erased)
            results = writer.append([item for _, items in batches for item in items])
        except Exception as error:  # whatever it is, the process must live: nobody else writes
            # Nobody waits for a store that refuses everything once more for each worker, nor for it to be closed.
            for giving in dict.fromkeys(giving for giving, _ in (*batches, *self._handed)):
                self._tell_fault(giving, error)
            self._handed.clear()
            failed, self._writer = self._writer, None
            if failed is not None:
                failed.close()
            return
        self._said = ""
        each = None if results.count(None) == len(results) else iter(results)
        answers: dict[Giving, tuple[int, list[Result]]] = {}
        for giving, items in batches:
            number, told = answers.get(giving) or (0, [])
            told += islice(each, len(items)) if each is not None else ()
            answers[giving] = number + 1, told
        for giving, (number, told) in answers.items():
            self._tell(giving, number, "", "", None if told.count(None) == len(told) else told)
        self._again = writer.rest()

    def _tell_of_what_was_apart(self) -> None:
        for done in self._apart.take():
            if done.marks is not None:
                self._erased.put(done.marks)
            if done.fault is not None:
                self._tell_fault(done.whose, done.fault)
            else:
                self._tell(done.whose, 1, "", "", done.results)

    def _tell_fault(self, giving: Giving, fault: Exception) -> None:
        """The workers say what is wrong with the store, and will try again, all that they have given and in its order;
        what is wrong with us is ours to say."""
        giving.is_refused = True
        if isinstance(fault, StoreError):
            self._tell(giving, 1, type(fault).__name__, str(fault), None)
        else:
            self._say_once("a batch could not be written", fault)
            self._tell(giving, 1, StoreError.__name__, str(fault), None)

    def _say_once(self, what: str, error: Exception) -> None:
        """Until something was written again: workers try again for as long as it lasts."""
        if self._said != repr(error):
            self._said = repr(error)
            log.error("%s", what, exc_info=error)

    def _tell(self, giving: Giving, number: int, fault: str, said: str, results: list[Result] | None) -> None:
        """What came of its oldest batches, so many of them."""
        marks = None
        if giving.erased != self._erased.version:
            giving.erased, marks = self._erased.version, self._erased.known
        try:
            giving.saying += framed((number, fault, said, results, marks))
        except Exception as error:  # a fault of ours; its worker hears that it does not hear
            self._say_once("what came of a batch cannot be told", error)
            self._part(giving)
            return
        self._say(giving)

    def _say(self, giving: Giving) -> None:
        """What is left of its answers. Its worker takes them before it gives much more."""
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
        if giving.socket.fileno() < 0:
            return
        self._selector.unregister(giving.socket)
        giving.socket.close()
