"""How long a visitor's connection may stand still, counted in sweeps, one a second: no timers and no clock.

What stands still is told by what the visitor has acknowledged, not by how full a buffer is: a slow reader moves, an
application may fill the buffer as fast as he empties it, and megabytes can leave the kernel before ours shrinks.
Whether he has left while nothing is read from him only the kernel knows (T15).
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator
from typing import Any

from proxy.http.kernel import peer_state, reset, unacknowledged, unread
from proxy.http.reader import RequestReader
from proxy.http.tls import VisitorTls
from proxy.http.tunnel import ENDING_SECONDS

HEADER_SECONDS = 20  # from the first byte of a request to the end of its head, absolute; and for a TLS handshake
STALLED_SECONDS = 60  # of an answer of which the visitor takes nothing, although there is something to take
KEEP_ALIVE_SECONDS = 75  # longer than the 60 s of common load balancers, so that they are the ones to close
LINGER_SECONDS = 5
ENDED_SECONDS = 1  # for a visitor who has ended his direction and of whose request upstream takes nothing
SWEEP_SECONDS = 1

_NOTHING = -1


class Patience:
    """`ends` is called in each sweep. Of it, `is_stalled` is asked where something waits to be written, else `is_over`
    where no answer is due; before them `has_left` where reading is paused."""

    __slots__ = ("_ended", "_header_seconds", "_moved", "_stalled", "_stalled_seconds", "_taken", "_waited")

    def __init__(self, *, header_seconds: float, stalled_seconds: float) -> None:
        self._header_seconds = header_seconds
        self._stalled_seconds = stalled_seconds
        self._waited = 0  # sweeps without an answer being due
        self._stalled = 0  # sweeps since the visitor took anything
        self._taken = _NOTHING  # bytes, at the last sweep that found some waiting
        self._ended = 0  # sweeps since anything moved on a connection whose visitor has ended his direction
        self._moved: int | None = None  # bytes written less those that wait to be read, at the last such sweep

    def restart(self) -> None:
        """An answer has ended; the time until the next request counts from here."""
        self._waited = 0

    def ends(
        self,
        transport: asyncio.Transport,
        reader: RequestReader,
        *,
        written: int,
        is_held: bool,
        is_due: bool,
        is_tunnel: bool,
    ) -> bool:
        """Ends the connection where it has waited too long. While an answer `is_due`, the application's clock counts,
        unless the visitor does not take it. On a tunnel none does: its ends may be as silent as they like. `is_held`:
        nothing is read from him; `written`: bytes given to the transport so far."""
        if is_held and self.has_left(transport, written, tunnel=is_tunnel):
            reset(transport)
        elif is_tunnel:
            return False
        elif transport.get_write_buffer_size():
            if not self.is_stalled(transport, written):
                return False
            reset(transport)
        elif not is_due and self.is_over(reader, transport):
            transport.abort()
        else:
            return False
        return True

    def is_stalled(self, transport: asyncio.Transport, written: int) -> bool:
        """`written`: bytes given to the transport so far."""
        taken = written - transport.get_write_buffer_size() - unacknowledged(transport)
        if taken != self._taken:
            self._taken = taken
            self._stalled = 0
            return False
        self._stalled += 1
        return self._stalled >= self._stalled_seconds

    def has_left(self, transport: asyncio.Transport, written: int, *, tunnel: bool) -> bool:
        """The visitor has reset the connection, or ended his direction and nothing moves any more in either."""
        ended, was_reset = peer_state(transport)
        if was_reset or not ended:
            return was_reset
        moved = written - unread(transport)
        # What waits to be taken by him has its own patience, and a reset where he is gone.
        if moved != self._moved or transport.get_write_buffer_size() or unacknowledged(transport):
            self._moved = moved
            self._ended = 0
        self._ended += 1
        return self._ended > (ENDING_SECONDS if tunnel else ENDED_SECONDS)

    def is_over(self, reader: RequestReader, transport: asyncio.Transport) -> bool:
        if reader.head_begun:
            # The deadline of a head is counted from its first byte, whatever came before.
            reader.head_begun = False
            self._waited = 0
        self._waited += 1
        if reader.deaf:
            return self._waited > LINGER_SECONDS
        is_shaking = isinstance(transport, VisitorTls) and not transport.is_ready
        return self._waited > (KEEP_ALIVE_SECONDS if reader.is_between and not is_shaking else self._header_seconds)


def sweep_each_second(loop: asyncio.AbstractEventLoop, connections: Collection[Any]) -> None:
    """For as long as the loop runs: what stands still would hold up a stop, too."""
    loop.call_later(SWEEP_SECONDS, sweep_each_second, loop, connections)
    _sweep_on(loop, connections, iter(tuple(connections)))


def _sweep_on(loop: asyncio.AbstractEventLoop, connections: Collection[Any], rest: Iterator[Any]) -> None:
    """Until one has been ended; the others get their turn first. The kernel takes milliseconds to close a socket whose
    buffers are full (3 each with 8 MB on their way), and a hundred slow readers are over in the same sweep."""
    for connection in rest:
        if connection in connections and connection.sweep():
            loop.call_soon(_sweep_on, loop, connections, rest)
            return
