"""A worker's side: a `Writer` (store/base.py) that has the writing process write.

Law: what `append` returns is stored, and what it raises was not kept or is not known to be: the same batch may be tried
again, which is what its ids are for. Where it had been stored after all, its results are those of a repeat. Nothing is
kept here.
"""

import contextlib
import socket
from array import array
from collections.abc import Sequence

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


class Giver:
    """The writer of a worker.

    Args:
        door: through which the writing process gets connections (crew.py); it need not run yet.
        erased: is told who was erased.

    Raises:
        StoreUnavailable: too many connections wait for it already, or there is no descriptor for one more.
    """

    def __init__(self, door: socket.socket, erased: Erased) -> None:
        self._erased = erased
        self._frames = Frames()
        try:
            self._socket, theirs = socket.socketpair()
        except OSError as error:
            raise StoreUnavailable(f"no connection to the process that writes the store: {error.strerror}") from error
        try:
            handed = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", [theirs.fileno()]))
            door.sendmsg([KNOCK], [handed], socket.MSG_DONTWAIT)  # socket.send_fds passes no flags on before 3.12
        except OSError as error:
            self.close()
            raise StoreUnavailable(f"{GONE} ({error.strerror})") from error
        finally:
            theirs.close()

    def __repr__(self) -> str:
        return f"<Giver {self._socket.fileno()}>"

    def append(self, batch: Sequence[Item]) -> list[Result]:
        """Have a batch written; waits until it is."""
        try:
            self._socket.sendall(framed(batch))
            fault, said, results, marks = self._hear()
        except OSError as error:
            raise StoreUnavailable(GONE) from error
        if marks is not None:
            self._erased.put(marks)
        if fault:
            raise FAULTS[fault](said)
        return [None] * len(batch) if results is None else results

    def _hear(self) -> Answer:
        while (told := self._frames.take()) is None:
            data = self._socket.recv(READ_BYTES)
            if not data:
                raise ConnectionResetError
            self._frames.put(data)
        answer: Answer = told
        return answer

    def rest(self) -> None:
        """The writing process does by itself what can wait."""

    def close(self) -> None:
        """What was not answered is tried by another one. Never raises."""
        with contextlib.suppress(OSError):
            self._socket.close()
