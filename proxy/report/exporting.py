"""A visitor's events as a file, in an answer that is made while it is taken.

Law: memory is bounded by a piece, however much there is. The first piece is made before the answer begins, so that a
store that cannot be read is said to be so; one that fails later breaks the connection off, so that what has come cannot
be taken for all. One thread makes all pieces of a file: a reader belongs to the thread that opened it.
"""

import asyncio
import logging
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import islice

from proxy.asgi import Receive, Scope, Send
from proxy.events.event import Event
from proxy.events.table import lines_of
from proxy.store.base import StoreError

PIECE_LINES = 500
"""Some 200 KB, in some 10 ms."""
TYPES = {"jsonl": b"application/jsonl", "csv": b"text/csv; charset=utf-8"}

Events = Generator[Event, None, None]

log = logging.getLogger("footfall.report")


def fields_of(uuid: str, format: str) -> list[tuple[bytes, bytes]]:
    """The head's fields of a file: a name without anything in it that a visitor sent."""
    name = f'attachment; filename="footfall-{uuid}.{format}"'
    return [(b"content-type", TYPES[format]), (b"content-disposition", name.encode("ascii"))]


class Export:
    """An ASGI answer. `over` is called once, when nobody takes more of it."""

    def __init__(self, events: Callable[[], Events], uuid: str, format: str, over: Callable[[], None]) -> None:
        self._fields = fields_of(uuid, format)
        self._pieces = _pieces(events, format)
        self._thread = ThreadPoolExecutor(1, "footfall-export")
        self._over = over
        self._first: bytes | None = None

    async def begin(self) -> None:
        """Make the first piece; raises a StoreError. What has not begun is to be closed."""
        self._first = await self._next()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        leaving = asyncio.create_task(_leaving(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self._fields})
            piece = self._first
            while piece is not None and not leaving.done():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                piece = await self._next()
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except StoreError as wrong:
            log.error("an export was broken off: %s", wrong)  # not whole, and our server closes the connection over it
        finally:
            leaving.cancel()
            self.close()

    async def _next(self) -> bytes | None:
        return await asyncio.get_running_loop().run_in_executor(self._thread, next, self._pieces, None)

    def close(self) -> None:
        """No more pieces are wanted."""
        self._thread.submit(self._pieces.close)  # after the piece that is being made, in its thread
        self._thread.shutdown(wait=False)
        self._over()


def _pieces(events: Callable[[], Events], format: str) -> Generator[bytes, None, None]:
    with closing(events()) as found:
        lines = lines_of(found, format)
        while some := list(islice(lines, PIECE_LINES)):
            yield "".join(f"{line}\n" for line in some).encode("utf-8", "replace")


async def _leaving(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
