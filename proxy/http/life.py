"""The life of a server: it says that it answers, watches its connections and its parent, and parts from its visitors.

Law: what a visitor has asked is answered. When the server stops, an answer that has not begun says that it is the
connection's last. Where none is due, the next request may be on its way already, and closing would reset it (RFC 9112
9.5): such a connection is kept for a moment, and what is asked meanwhile is answered as its last. So is what was asked
by those who still wait to be accepted.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import partial
from socket import socket
from typing import Any

from proxy.http.accepting import Acceptor, Coming, Tally, take_waiting
from proxy.http.patience import sweep_each_second

PARTING_SECONDS = 1.0  # without anything to answer, at least; who asks more seldom has to be ready for a close
PART_EVERY_SECONDS = 0.1
PARTING_TIMES = round(PARTING_SECONDS / PART_EVERY_SECONDS) + 2
"""So often in a row a connection is found with nothing to answer, then it is closed. Once it is uvicorn that looks, and
once more is for a turn of the loop that took long."""


@dataclass(slots=True)
class Life:
    """`started`: called when the server answers; `stopping`: when it begins to stop, for answers that would not end by
    themselves. `lifeline`: the reading end of a pipe whose other end only the parent holds; where it ends, the server
    does. `tally`: where other processes accept on the same sockets."""

    lifeline: int | None = None
    started: Callable[[], None] = lambda: None
    stopping: Callable[[], None] = lambda: None
    tally: Tally | None = None
    is_ending: bool = field(default=False, init=False)
    _acceptor: Acceptor | None = field(default=None, init=False)

    def count(self, change: int) -> None:
        """That there are more connections, or fewer."""
        if self.tally is not None:
            self.tally.add(change)
            if change < 0 and self._acceptor is not None:
                self._acceptor.reconsider()

    def left(self, sockets: list[socket] | None) -> list[socket] | None:
        """The sockets on which uvicorn is to accept."""
        return sockets if self.tally is None else []

    def begin(self, server: Any, sockets: list[socket] | None) -> None:
        """uvicorn's `Server` has started."""
        loop = asyncio.get_running_loop()
        if self.tally is not None:
            self._acceptor = Acceptor(sockets or (), _protocols(server), self.tally)
        if self.lifeline is not None:
            loop.add_reader(self.lifeline, _read_lifeline, loop, self.lifeline, server)
        sweep_each_second(loop, server.server_state.connections)
        self.started()

    async def end(self, server: Any, sockets: list[socket] | None) -> None:
        """uvicorn's `Server` stops: nobody listens any more, and who waited to be accepted has a connection, as far as
        there is room for one."""
        self.is_ending = True
        self.stopping()
        _part(asyncio.get_running_loop(), server.server_state.connections)
        coming: set[Coming] = set() if self._acceptor is None else self._acceptor.end()
        made = _protocols(server)
        for listener in sockets or ():
            coming.update(take_waiting(listener, made))
            listener.close()
        for accepting in server.servers:  # uvloop's, which keep the socket of theirs open
            accepting.close()
        if coming:
            await asyncio.wait(coming)


def _protocols(server: Any) -> Callable[[], asyncio.BaseProtocol]:
    """What makes a connection's protocol, as uvicorn has it made."""
    config, state = server.config, server.server_state
    return partial(config.http_protocol_class, config, state, server.lifespan.state)


def _read_lifeline(loop: asyncio.AbstractEventLoop, lifeline: int, server: Any) -> None:
    if not os.read(lifeline, 1):
        loop.remove_reader(lifeline)
        server.should_exit = True


def _part(loop: asyncio.AbstractEventLoop, connections: Collection[Any]) -> None:
    """For as long as the loop runs: connections that were accepted last come late."""
    loop.call_later(PART_EVERY_SECONDS, _part, loop, connections)
    for connection in tuple(connections):
        connection.shutdown()
