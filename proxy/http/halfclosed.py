"""An answer whose visitor has ended his side of the connection (T15).

Law: that may mean that he has left, and then upstream is to be let go within a second, or that he only has nothing more
to ask (`nc -N`, some health checks). Only writing can tell whether anybody is left to read: an answer that does not
move is not waited for. By TLS it is the same, whether he has said close_notify or not.
"""

import asyncio
from collections.abc import Callable

from proxy.http.cycle import Cycle

HALF_CLOSED_SECONDS = 0.5


def watch_half_closed(
    loop: asyncio.AbstractEventLoop,
    transport: asyncio.Transport,
    now: Callable[[], tuple[Cycle | None, int]],
    written: int | None = None,
) -> None:
    """Cut the answer off where nothing of it was written for so long. `now` says which answer is under way, if any, and
    how many bytes were written so far."""
    cycle, so_far = now()
    if cycle is None or transport.is_closing():
        return
    if written == so_far and not transport.get_write_buffer_size():
        cycle.cut()
    else:
        loop.call_later(HALF_CLOSED_SECONDS, watch_half_closed, loop, transport, now, so_far)
