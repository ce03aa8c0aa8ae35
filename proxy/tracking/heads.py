"""Heads that wait for the first body chunk, heads and last pieces that wait for a commit, and the clock that lets them
go.

Law: a head is kept back only to state the length that the body will have with the tag in it, or to leave in one write
with its page; where either does not come at once it goes before it (HTTP.md, S1: first byte within 50 ms). One timer
for all that wait here, and only while there are any: most are gone within the same turn of the loop. (What collects the
first pieces of a coded body has a shorter one, body.py.)
"""

import asyncio
from collections.abc import Awaitable
from typing import Protocol

from proxy.asgi import Message

TICK_SECONDS = 0.02
"""A head waits for one to two of these."""


class Waiting(Protocol):
    """What has a head to let go, or a last piece; it takes it at once, and sends it as soon as can be."""

    def let_go(self) -> Awaitable[None]: ...


class HeldHeads:
    """Whatever of a process is being kept back."""

    __slots__ = ("_fresh", "_old", "_tasks", "_timer")

    def __init__(self) -> None:
        self._fresh: set[Waiting] = set()
        self._old: set[Waiting] = set()
        self._tasks: set[asyncio.Future[None]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, waiting: Waiting) -> None:
        """Something is kept back from now on."""
        self._fresh.add(waiting)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(TICK_SECONDS, self._tick)

    def remove(self, waiting: Waiting) -> None:
        """What it waited for has come, or its application has returned."""
        self._fresh.discard(waiting)
        self._old.discard(waiting)

    def let_go(self, waiting: Waiting) -> None:
        """It has waited long enough."""
        task = asyncio.ensure_future(waiting.let_go())
        self._tasks.add(task)
        task.add_done_callback(self._gone)

    def _gone(self, task: "asyncio.Future[None]") -> None:
        """Where the visitor has left meanwhile, the application is told when it sends its next piece."""
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()

    def _tick(self) -> None:
        self._timer = None
        late, self._old, self._fresh = self._old, self._fresh, set()
        for waiting in late:
            self.let_go(waiting)
        if self._old:
            self._timer = asyncio.get_running_loop().call_later(TICK_SECONDS, self._tick)


def restate(message: Message, length: bytes | None) -> None:
    """Another Content-Length for a head that was kept back, or none."""
    message["headers"] = message["headers"].changed({b"content-length": length})
