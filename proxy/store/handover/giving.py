"""A worker's side: a `Giver` (store/base.py) that has the writing process write.

Law: what is answered with results is stored, and what is answered with an error was not kept or is not known to be: the
same batch may be tried again, which is what its ids are for. Where it had been stored after all, its results are those
of a repeat. Answers come in the order of the batches. Nothing waits, and nothing is kept but what the connection
does not take at once.
"""

import asyncio
import contextlib
import socket
from array import array
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice

from proxy.store.base import Item, Result, StoreDamaged, StoreError, StoreUnavailable, StoreUnusable
from proxy.store.handover.frames import READ_BYTES, Frames, framed
from proxy.visitors.erased import Erased

FAULTS = {kind.__name__: kind for kind in (StoreError, StoreUnavailable, StoreUnusable, StoreDamaged)}
"""What the writing process may say of the store."""
Answer = tuple[int, str, str, list[Result] | None, frozenset[bytes] | None]
"""To how many batches; whose fault it was that nothing was written, '' where it was, and what is said of it; their
results, None where all of them are; the marks of all who were erased, None where the worker knows them."""
Answered = Callable[[list[Result] | Exception], None]
KNOCK = b"w"
"""Comes with a connection."""
GONE = "the process that writes the store has ended, and is started again"


class SocketGiver:
    """A connection to the writing process, made and used in a running event loop.

    Args:
        door: through which the writing process gets connections (crew.py); it need not run yet.
        erased: is told who was erased.

    Raises:
        StoreUnavailable: too many connections wait for it already, or there is no descriptor for one more.
    """

    def __init__(self, door: socket.socket, erased: Erased) -> None:
        self._erased = erased
        self._frames = Frames()
        self._given: deque[tuple[int, Answered]] = deque()  # and not answered: how many items
        self._unsent = bytearray()
        self._loop = asyncio.get_running_loop()
        try:
            self._socket, theirs = socket.socketpair()
        except OSError as error:
            raise StoreUnavailable(f"no connection to the process that writes the store: {error.strerror}") from error
        try:
            handed = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", [theirs.fileno()]))
            door.sendmsg([KNOCK], [handed], socket.MSG_DONTWAIT)  # socket.send_fds passes no flags on before 3.12
        except OSError as error:
            self._socket.close()
            raise StoreUnavailable(f"{GONE} ({error.strerror})") from error
        finally:
            theirs.close()
        self._socket.setblocking(False)
        self._descriptor = self._socket.fileno()
        self._loop.add_reader(self._descriptor, self._hear)

    def __repr__(self) -> str:
        return f"<SocketGiver {self._socket.fileno()}>"

    def give(self, batch: Sequence[Item], answered: Answered) -> None:
        """Have a batch written; see store/base.py."""
        self._given.append((len(batch), answered))
        told = framed(batch)
        if self._unsent:
            self._unsent += told
            return
        self._unsent += told[self._sent(told) :]
        if self._unsent:
            self._loop.add_writer(self._descriptor, self._send)

    def _send(self) -> None:
        del self._unsent[: self._sent(self._unsent)]
        if not self._unsent and not self.is_closed:
            self._loop.remove_writer(self._descriptor)

    def _sent(self, told: bytes | bytearray) -> int:
        """How much of it the connection has taken; all of it where that has ended."""
        try:
            return self._socket.send(told)
        except BlockingIOError:
            return 0
        except OSError:
            self._end(StoreUnavailable(GONE))
            return len(told)

    def _hear(self) -> None:
        try:
            data = self._socket.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._end(StoreUnavailable(GONE))
            return
        self._frames.put(data)
        while not self.is_closed and (answers := self._next()):
            for results in answers:
                if self.is_closed:  # by what was given meanwhile: then the others were told of that
                    return
                _, answered = self._given.popleft()
                answered(results)

    def _next(self) -> list[list[Result]]:
        """The results of the oldest batches, as many as one answer tells of; none where no answer is whole."""
        try:
            told = self._frames.take()
            return [] if told is None else self._read(told)
        except StoreError as fault:
            self._end(fault)
        except Exception as error:  # whoever waits has to hear of it
            self._end(StoreError(f"what the process that writes the store answers cannot be read: {error!r}"))
        return []

    def _read(self, told: Answer) -> list[list[Result]]:
        """StoreError: what it says of the store. ValueError, and others: it is no answer, or not to what was given."""
        number, fault, said, results, marks = told
        if not 0 < number <= len(self._given):
            raise ValueError("an answer to nothing")
        if marks is not None:
            self._erased.put(marks)
        if fault:
            raise FAULTS[fault](said)
        sizes = [items for items, _ in islice(self._given, number)]
        if results is None:
            return [[None] * items for items in sizes]
        if len(results) != sum(sizes):
            raise ValueError("not as many results as items")
        each = iter(results)
        return [list(islice(each, items)) for items in sizes]

    def _end(self, error: StoreError) -> None:
        given, self._given = self._given, deque()
        self.close()
        if given:
            _, answered = given[0]
            answered(error)

    @property
    def is_closed(self) -> bool:
        return self._socket.fileno() < 0

    def close(self) -> None:
        """What was not answered is tried by another one. Never raises."""
        if self.is_closed:
            return
        self._given.clear()
        with contextlib.suppress(OSError, RuntimeError):  # also of a loop that is closed already
            self._loop.remove_reader(self._descriptor)
            self._loop.remove_writer(self._descriptor)
        with contextlib.suppress(OSError):
            self._socket.close()
