"""Whoever writes for others, in a thread, and workers that hand over to it, each with an event loop of its own."""

import asyncio
import socket
import threading
from collections.abc import Callable, Sequence
from typing import Self

import uvloop

from proxy.store.base import Item, Result, Writer
from proxy.store.handover.frames import Frames
from proxy.store.handover.giving import KNOCK, SocketGiver
from proxy.store.handover.taking import Taker
from proxy.visitors.erased import Erased

PATIENCE_SECONDS = 10.0
SECRETS = (b"a secret of thirty-two bytes....",)


class Door:
    """A pair of sockets, and whoever takes what comes through it, as often as it is started."""

    def __init__(self) -> None:
        self.giving, self.taking = socket.socketpair()
        self.threads: list[threading.Thread] = []

    def start(self, open_writer: Callable[[Erased], Writer]) -> None:
        taker = Taker(self.taking, open_writer, lambda: Erased(SECRETS))
        self.threads.append(threading.Thread(target=taker.run, daemon=True))
        self.threads[-1].start()

    def take(self) -> socket.socket:
        """The next connection that comes through it, where nobody takes them."""
        self.taking.settimeout(PATIENCE_SECONDS)
        knock, (descriptor,), _, _ = socket.recv_fds(self.taking, 1, 1)
        assert knock == KNOCK
        connection = socket.socket(fileno=descriptor)
        connection.settimeout(PATIENCE_SECONDS)
        return connection

    def end(self) -> None:
        """The last that could hand anything over is gone."""
        self.giving.close()
        for thread in self.threads:
            thread.join(PATIENCE_SECONDS)
        assert not any(thread.is_alive() for thread in self.threads)
        self.taking.close()


class Worker:
    """Hands over one batch after the other and waits for each, or several: `append` is a Writer's. After an error it
    has another connection."""

    def __init__(self, door: socket.socket, erased: Erased) -> None:
        self.erased = erased
        self._door = door
        self._loop = uvloop.new_event_loop()
        try:
            self.giver = self._loop.run_until_complete(self._open(door))
        except Exception:
            self._loop.close()
            raise

    async def _open(self, door: socket.socket) -> SocketGiver:
        return SocketGiver(door, self.erased)

    async def _reopen(self) -> None:
        if self.giver.is_closed:
            self.giver = await self._open(self._door)

    def append(self, batch: Sequence[Item]) -> list[Result]:
        return self._answer(lambda future: self.giver.give(batch, future.set_result))

    def append_all(self, batches: Sequence[Sequence[Item]]) -> list[list[Result] | Exception]:
        """What was heard of all of them, given at once, until each was answered, or one with an error."""
        heard: list[list[Result] | Exception] = []

        async def ask() -> None:
            over = asyncio.Event()
            await self._reopen()

            def answered(answer: list[Result] | Exception) -> None:
                heard.append(answer)
                if len(heard) == len(batches) or isinstance(answer, Exception):
                    over.set()

            for batch in batches:
                self.giver.give(batch, answered)
            await asyncio.wait_for(over.wait(), PATIENCE_SECONDS)

        self._loop.run_until_complete(ask())
        return heard

    def hear(self) -> list[Result]:
        """The answer to a batch that was sent by its `socket`."""

        def wait(future: asyncio.Future[list[Result] | Exception]) -> None:
            self.giver._given.append((0, future.set_result))

        return self._answer(wait)

    def _answer(self, begin: Callable[[asyncio.Future[list[Result] | Exception]], None]) -> list[Result]:
        async def ask() -> list[Result] | Exception:
            future: asyncio.Future[list[Result] | Exception] = asyncio.get_running_loop().create_future()
            await self._reopen()
            begin(future)
            return await asyncio.wait_for(future, PATIENCE_SECONDS)

        answer = self._loop.run_until_complete(ask())
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def socket(self) -> socket.socket:
        """For what a worker would not send."""
        same = self.giver._socket.dup()
        same.settimeout(PATIENCE_SECONDS)
        return same

    def close(self) -> None:
        self.giver.close()
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def read(connection: socket.socket) -> Sequence[Item]:
    """The next batch."""
    frames = Frames()
    while (batch := frames.take()) is None:
        frames.put(connection.recv(4_096))
    items: Sequence[Item] = batch
    return items
