"""Connections accepted by one of several processes that share a socket, so that each gets about as many.

Law: whoever wakes first takes what is there, so that nobody waits for a process that is busy, dead or about to end; but
one that has more than others steps back for a moment, and takes a connection then only if no other has. Left to the
kernel, a burst goes to one process whole: it wakes all of them, and the first takes until nothing is left. So does one
that ends: whoever waits is reset with the last socket that listens, and that it is the last no process knows.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import mmap
import os
import socket
import tempfile
from collections.abc import Callable, Sequence

COURTESY_SECONDS = 0.005  # a process that is not busy has taken it by then
AT_ONCE = 8  # connections taken in one turn of the loop
LAST_AT_ONCE = 4_096  # taken at the end: twice what may wait (listening.py), so that a flood does not keep us here
SLACK = 1  # connections that one may be ahead of others
REST_SECONDS = 1.0  # where there is no descriptor or memory for one more
NUMBER_BYTES = 4

Coming = asyncio.Task[object]

log = logging.getLogger("footfall")


def make_tally(count: int) -> int:
    """For so many processes: the descriptor of memory, for each a `Tally`. Of memory, since a full disk would end who
    writes into a file that is mapped; where there is none (not Linux), an unlinked file. Raises OSError."""
    if hasattr(os, "memfd_create"):
        memory: int = os.memfd_create("footfall-tally")
        os.ftruncate(memory, count * NUMBER_BYTES)
        return memory
    with tempfile.TemporaryFile() as file:
        file.write(bytes(count * NUMBER_BYTES))
        file.flush()
        return os.dup(file.fileno())


def strike_out(tally: int, place: int) -> None:
    """This process has ended, and may not have had the time to say so. Raises nothing: it is a matter of fairness."""
    with contextlib.suppress(OSError):
        os.pwrite(tally, bytes(NUMBER_BYTES), place * NUMBER_BYTES)


class Tally:
    """How many connections each process has, in memory that all of them have mapped: a number each, n + 1 for n, and 0
    for one that is not there. `place` says whose is ours."""

    def __init__(self, descriptor: int, place: int) -> None:
        self._numbers = memoryview(mmap.mmap(descriptor, 0)).cast("i")
        self._place = place
        self._count = 0
        self._numbers[place] = 1

    def __repr__(self) -> str:
        return f"<Tally {self._place} of {list(self._numbers)}>"

    def add(self, change: int) -> None:
        self._count += change
        if self._numbers[self._place]:
            self._numbers[self._place] = self._count + 1

    def leave(self) -> None:
        self._numbers[self._place] = 0

    def is_ahead(self) -> bool:
        least = min(filter(None, self._numbers), default=0)
        return self._count + 1 > least + SLACK


def take_waiting(listener: socket.socket, made: Callable[[], asyncio.BaseProtocol]) -> list[Coming]:
    """Accepts who waits in the kernel, LAST_AT_ONCE at most. Returns tasks, to be kept until they are done, each of
    which makes a connection of `made`."""
    loop = asyncio.get_running_loop()
    coming: list[Coming] = []
    for _ in range(LAST_AT_ONCE):
        try:
            listener.setblocking(False)
            accepted, _ = listener.accept()
        except BlockingIOError:
            break
        except (InterruptedError, ConnectionAbortedError):
            continue
        except OSError as wrong:  # no descriptor for one more, or it was closed before
            log.error("who waits to be accepted cannot be: %s", wrong.strerror)
            break
        coming.append(_connecting(loop, made, accepted))
    return coming


def _connecting(
    loop: asyncio.AbstractEventLoop, made: Callable[[], asyncio.BaseProtocol], accepted: socket.socket
) -> Coming:
    accepted.setblocking(False)
    coming: Coming = loop.create_task(loop.connect_accepted_socket(made, accepted))
    coming.add_done_callback(_tell)
    return coming


def _tell(coming: Coming) -> None:
    if not coming.cancelled() and coming.exception() is not None:
        log.debug("a connection was over before it began: %s", coming.exception())


class Acceptor:
    """Makes a connection of `made` of each that is accepted on `sockets`, from now until `end`."""

    def __init__(
        self, sockets: Sequence[socket.socket], made: Callable[[], asyncio.BaseProtocol], tally: Tally
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._sockets = sockets
        self._made = made
        self._tally = tally
        self._coming: set[Coming] = set()
        self._back: dict[socket.socket, asyncio.TimerHandle] = {}
        for one in sockets:
            one.setblocking(False)
            self._loop.add_reader(one, self._ready, one)

    def end(self) -> set[Coming]:
        """Tasks of those who have no connection yet, although they are accepted."""
        self._tally.leave()
        for waiting in self._back.values():
            waiting.cancel()
        self._back.clear()
        for one in self._sockets:
            self._loop.remove_reader(one)
        return set(self._coming)

    def _ready(self, listener: socket.socket) -> None:
        for _ in range(AT_ONCE):
            if self._tally.is_ahead():
                self._step_back(listener, COURTESY_SECONDS)
                return
            if not self._accept(listener):
                return

    def reconsider(self) -> None:
        """We have fewer connections than before: we need not stand back any longer."""
        if self._back and not self._tally.is_ahead():
            for listener, waiting in self._back.items():
                waiting.cancel()
                self._loop.add_reader(listener, self._ready, listener)
            self._back.clear()

    def _step_back(self, listener: socket.socket, seconds: float) -> None:
        self._loop.remove_reader(listener)
        self._back[listener] = self._loop.call_later(seconds, self._return, listener)

    def _return(self, listener: socket.socket) -> None:
        """Nobody else has taken what is still there: whoever could is busy, or hangs."""
        del self._back[listener]
        self._loop.add_reader(listener, self._ready, listener)
        for _ in range(AT_ONCE):
            if not self._accept(listener):
                return

    def _accept(self, listener: socket.socket) -> bool:
        """Whether there may be more."""
        try:
            accepted, _ = listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return False
        except OSError as wrong:
            log.error("a connection cannot be accepted: %s", wrong.strerror)
            self._step_back(listener, REST_SECONDS)
            return False
        self._tally.add(1)  # until the protocol has counted it itself
        coming = _connecting(self._loop, self._made, accepted)
        self._coming.add(coming)
        coming.add_done_callback(self._came)
        return True

    def _came(self, coming: Coming) -> None:
        self._coming.discard(coming)
        self._tally.add(-1)
        self.reconsider()
