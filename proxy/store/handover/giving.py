"""A worker's side: a `Giver` (store/base.py) that has the writing process write.

Law: what is answered with results is stored, and what is answered with an error was not kept or is not known to be: the
same batch may be tried again, which is what its ids are for. Where it had been stored after all, its results are those
of a repeat. Nothing is kept here, and nothing waits.
"""

import asyncio
import contextlib
import socket
from array import array
from collections.abc import Callable, Sequence

from proxy.store.base import Item, Result, StoreDamaged, StoreError, StoreUnavailable, StoreUnusable
from proxy.store.handover.frames import READ_BYTES, Frames, framed
from proxy.visitors.erased import Erased

FAULTS = {kind.__name__: kind for kind in (StoreError, StoreUnavailable, StoreUnusable, StoreDamaged)}
"""What the writing process may say of the store."""
Answer = tuple[str, str, list[Result] | None, frozenset[bytes] | None]
"""Whose fault it was that nothing was written, '' where it was, and what is said of it; the results, None where all of
them are; the marks of all who were erased, None where the worker knows them."""
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
        self._is_sending = False
        self._items = 0
        self._answered: Callable[[list[Result] | Exception], None] | None = None
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

    def give(self, batch: Sequence[Item], answered: Callable[[list[Result] | Exception], None]) -> None:
        """Have a batch written; `answered` hears when it is, or that it is not known to be."""
        self._items, self._answered = len(batch), answered
        self._send(memoryview(framed(batch)))

    def _send(self, told: memoryview) -> None:
        try:
            told = told[self._socket.send(told) :]
        except BlockingIOError:
            pass
        except OSError as error:
            self._end(error)
            return
        if told:
            self._loop.add_writer(self._descriptor, self._send, told)
        elif self._is_sending:
            self._loop.remove_writer(self._descriptor)
        self._is_sending = bool(told)

    def _hear(self) -> None:
        try:
            data = self._socket.recv(READ_BYTES)
            if not data:
                raise ConnectionResetError
            self._frames.put(data)
            told = self._frames.take()
            if told is None:
                return
            answer = self._read(told)
        except BlockingIOError:
            return
        except Exception as error:  # also what cannot be read: whoever waits has to hear of it
            self._end(error)
            return
        self._answer(answer)

    def _read(self, told: Answer) -> list[Result] | StoreError:
        """ValueError, and others: it is no answer, or not to what was given."""
        if self._answered is None or not self._frames.is_empty:
            raise ValueError("an answer to nothing")
        fault, said, results, marks = told
        if marks is not None:
            self._erased.put(marks)
        if fault:
            return FAULTS[fault](said)
        return [None] * self._items if results is None else results

    def _end(self, error: Exception) -> None:
        self.close()
        if isinstance(error, OSError):
            self._answer(StoreUnavailable(GONE))
        else:
            self._answer(StoreError(f"what the process that writes the store answers cannot be read: {error!r}"))

    def _answer(self, answer: list[Result] | Exception) -> None:
        answered, self._answered = self._answered, None
        if answered is not None:
            answered(answer)

    @property
    def is_closed(self) -> bool:
        return self._socket.fileno() < 0

    def close(self) -> None:
        """What was not answered is tried by another one. Never raises."""
        if self.is_closed:
            return
        with contextlib.suppress(OSError, RuntimeError):  # also of a loop that is closed already
            self._loop.remove_reader(self._descriptor)
            self._loop.remove_writer(self._descriptor)
        with contextlib.suppress(OSError):
            self._socket.close()
