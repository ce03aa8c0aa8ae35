"""One socket, several processes: each gets about as many connections, and nobody waits for one that does not take."""

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import Iterator

import pytest

from proxy.http.accepting import AT_ONCE, COURTESY_SECONDS, NUMBER_BYTES, SLACK, Acceptor, Tally, make_tally, strike_out


@pytest.fixture
def shared() -> Iterator[int]:
    descriptor = make_tally(3)
    yield descriptor
    os.close(descriptor)


class Protocol(asyncio.Protocol):
    def __init__(self, acceptor: "Counting") -> None:
        self.acceptor = acceptor

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.acceptor.made.append(transport)
        self.acceptor.tally.add(1)

    def connection_lost(self, exc: Exception | None) -> None:
        self.acceptor.tally.add(-1)
        self.acceptor.reconsider()


class Counting(Acceptor):
    """As one process has it; several of them in this one share its loop."""

    def __init__(self, listener: socket.socket, tally: Tally) -> None:
        self.made: list[asyncio.BaseTransport] = []
        self.listener, self.tally = listener, tally
        super().__init__([listener], lambda: Protocol(self), tally)


async def until(condition) -> None:
    deadline = asyncio.get_running_loop().time() + 10
    while not condition():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.001)


@contextlib.asynccontextmanager
async def listening(backlog: int = 256):
    with socket.create_server(("127.0.0.1", 0), backlog=backlog) as listener:
        visitors = []

        def visit(count: int) -> None:
            visitors.extend(socket.create_connection(listener.getsockname()) for _ in range(count))

        yield listener, visit
        for visitor in visitors:
            visitor.close()


def test_who_is_not_there_is_not_waited_for(shared):
    alone = Tally(shared, 0)
    alone.add(5)
    assert not alone.is_ahead()
    other = Tally(shared, 1)
    assert alone.is_ahead() and not other.is_ahead()
    other.add(5 - SLACK)
    assert not alone.is_ahead()
    other.add(-1)
    assert alone.is_ahead()
    strike_out(shared, 1)
    assert not alone.is_ahead()
    assert repr(alone) == "<Tally 0 of [6, 0, 0]>"
    alone.leave()
    alone.add(1)
    assert os.pread(shared, 3 * NUMBER_BYTES, 0) == bytes(3 * NUMBER_BYTES)


def test_a_burst_is_shared_evenly(shared):
    async def run() -> list[int]:
        async with listening() as (listener, visit):
            visit(96)
            crew = [Counting(listener.dup(), Tally(shared, place)) for place in range(3)]
            await until(lambda: sum(len(one.made) for one in crew) == 96)
            for one in crew:
                one.end()
                one.listener.close()
            return [len(one.made) for one in crew]

    counts = asyncio.run(run())
    assert max(counts) <= 40, counts  # where a turn of the loop takes longer than the courtesy, not just SLACK apart


def test_one_that_takes_nothing_is_waited_for_a_moment_only(shared):
    class Standing(Counting):
        moments = 0

        def _return(self, listener: socket.socket) -> None:
            self.moments += 1
            super()._return(listener)

    async def run() -> tuple[float, int]:
        loop = asyncio.get_running_loop()
        busy = Tally(shared, 1)
        async with listening() as (listener, visit):
            here = Standing(listener, Tally(shared, 0))
            visit(5 * AT_ONCE)
            began = loop.time()
            await until(lambda: len(here.made) == 5 * AT_ONCE)
            here.end()
            assert not busy.is_ahead()
            return loop.time() - began, here.moments

    seconds, moments = asyncio.run(run())
    assert seconds >= COURTESY_SECONDS and 1 <= moments <= 6


def test_who_has_fewer_again_takes_at_once(shared, monkeypatch):
    monkeypatch.setattr("proxy.http.accepting.COURTESY_SECONDS", 60.0)  # no time brings it back here

    async def run() -> None:
        Tally(shared, 1)
        async with listening() as (listener, visit):
            here = Counting(listener, Tally(shared, 0))
            visit(SLACK + 1)
            await until(lambda: len(here.made) == SLACK + 1)
            visit(1)
            await until(lambda: here._back)
            here.made[0].close()
            here.made[1].close()
            await until(lambda: not here._back)
            await until(lambda: len(here.made) == SLACK + 2)
            here.end()

    asyncio.run(run())


def test_who_stopped_accepting_leaves_what_comes_to_the_others(shared):
    async def run() -> None:
        async with listening() as (listener, visit):
            first = Counting(listener, Tally(shared, 0))
            first.end()
            visit(4)
            await asyncio.sleep(0.02)
            assert first.made == []
            second = Counting(listener, Tally(shared, 1))
            await until(lambda: len(second.made) == 4)
            second.end()

    asyncio.run(run())


def test_without_a_descriptor_it_rests_and_goes_on(shared, caplog):
    class Full:
        """A listener that has no descriptor left, once."""

        def __init__(self, listener: socket.socket) -> None:
            self.listener, self.refused = listener, False

        def fileno(self) -> int:
            return self.listener.fileno()

        def setblocking(self, flag: bool) -> None:
            self.listener.setblocking(flag)

        def accept(self) -> tuple[socket.socket, object]:
            if not self.refused:
                self.refused = True
                raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
            return self.listener.accept()

    async def run() -> None:
        async with listening() as (listener, visit):
            here = Counting(Full(listener), Tally(shared, 0))
            visit(1)
            await until(lambda: here.made)
            here.end()

    asyncio.run(run())
    assert "a connection cannot be accepted: Too many open files" in caplog.text
