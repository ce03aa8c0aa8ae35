"""How long a visitor's connection may stand still, counted in sweeps, one a second: no timers and no clock.

What stands still is told by what the visitor has acknowledged, not by how full a buffer is: a slow reader moves, an
application may fill the buffer as fast as he empties it, and megabytes can leave the kernel before ours shrinks.
"""

from __future__ import annotations

import asyncio
import fcntl
import sys
import termios
from collections.abc import Collection
from typing import Any

from proxy.http.reader import RequestReader
from proxy.http.tls import VisitorTls

HEADER_SECONDS = 20  # from the first byte of a request to the end of its head, absolute; and for a TLS handshake
STALLED_SECONDS = 60  # of an answer of which the visitor takes nothing, although there is something to take
KEEP_ALIVE_SECONDS = 75  # longer than the 60 s of common load balancers, so that they are the ones to close
LINGER_SECONDS = 5
SWEEP_SECONDS = 1

_NOTHING = -1


class Patience:
    """`is_stalled` where something waits to be written, else `is_over` where no answer is due: call one, each sweep."""

    __slots__ = ("_header_seconds", "_stalled", "_stalled_seconds", "_taken", "_waited")

    def __init__(self, *, header_seconds: float, stalled_seconds: float) -> None:
        self._header_seconds = header_seconds
        self._stalled_seconds = stalled_seconds
        self._waited = 0  # sweeps without an answer being due
        self._stalled = 0  # sweeps since the visitor took anything
        self._taken = _NOTHING  # bytes, at the last sweep that found some waiting

    def restart(self) -> None:
        """An answer has ended; the time until the next request counts from here."""
        self._waited = 0

    def is_stalled(self, transport: asyncio.Transport, written: int) -> bool:
        """`written`: bytes given to the transport so far."""
        taken = written - transport.get_write_buffer_size() - _unacknowledged(transport)
        if taken != self._taken:
            self._taken = taken
            self._stalled = 0
            return False
        self._stalled += 1
        return self._stalled >= self._stalled_seconds

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
    for connection in tuple(connections):
        connection.sweep()


def _unacknowledged(transport: asyncio.Transport) -> int:
    """Bytes in the kernel's send queue; 0 where it does not tell (it does on Linux, tcp(7) SIOCOUTQ)."""
    sock = transport.get_extra_info("socket")
    try:
        return int.from_bytes(fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4)), sys.byteorder)
    except OSError:
        return 0
