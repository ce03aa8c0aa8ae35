"""What takes long is written apart, so that nobody else waits for it: an erasure is many transactions.

Law: each in a thread of its own and through a connection of its own, which is to the other writing as another process
would be. What came of it is told where it is asked for, in the thread that asks.
"""

import contextlib
import queue
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, NamedTuple, TypeVar

from proxy.store.base import Item, Result, Writer
from proxy.visitors.erased import Erased

RINGS_AT_ONCE = 1_024
"""Heard with one reading: more than there are workers."""

Whose = TypeVar("Whose")


class Done(NamedTuple, Generic[Whose]):
    """What came of a batch: its results or what went wrong, and the marks of all who are erased by now."""

    whose: Whose
    results: list[Result]
    fault: Exception | None
    marks: frozenset[bytes] | None


class Apart(Generic[Whose]):
    """`bell` can be read when something was done. Nobody has more than one batch here: he waits for its answer.

    Args:
        open_writer: opens the store, and tells who was erased.
        no_marks: makes what knows nobody yet who was erased.
    """

    def __init__(self, open_writer: Callable[[Erased], Writer], no_marks: Callable[[], Erased]) -> None:
        self._open_writer = open_writer
        self._no_marks = no_marks
        self._done: queue.SimpleQueue[Done[Whose]] = queue.SimpleQueue()
        self.bell, self._ringing = socket.socketpair()
        self.bell.setblocking(False)

    def write(self, whose: Whose, items: Sequence[Item]) -> None:
        """Begin with it."""
        threading.Thread(target=self._write, args=(whose, items), daemon=True).start()

    def _write(self, whose: Whose, items: Sequence[Item]) -> None:
        erased = self._no_marks()
        try:
            with contextlib.closing(self._open_writer(erased)) as writer:
                done = Done(whose, writer.append(items), None, erased.known if erased.version else None)
        except Exception as error:  # whatever it is, somebody waits to hear of it
            done = Done(whose, [], error, None)
        self._done.put(done)
        self._ringing.send(b"d")

    def take(self) -> Iterator[Done[Whose]]:
        """What was done since."""
        with contextlib.suppress(BlockingIOError):
            self.bell.recv(RINGS_AT_ONCE)
        with contextlib.suppress(queue.Empty):
            while True:
                yield self._done.get_nowait()

    def close(self) -> None:
        """Nobody waits any more. What is under way goes on."""
        self.bell.close()
        self._ringing.close()
