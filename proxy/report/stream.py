"""The live feed's answer: server-sent events, for as long as somebody listens.

Law: it ends when the listener has gone (our server says so by `http.disconnect`, not by an error), when the watcher is
ended, or when nothing of it is taken for `SEND_SECONDS`; and it writes something every `BEAT_SECONDS`, so that a
connection that is dead is found out. However it ends, the watcher's place is free.
"""

import asyncio

from proxy.asgi import Receive, Scope, Send
from proxy.report.live import Feed, Watcher

BEAT_SECONDS = 15.0
RETRY_MS = 1_000
SEND_SECONDS = 20.0
"""For one piece to find room on its way: a reader for whom this is too short takes less than 3 KB a second."""
PIECE_BYTES = 16 * 1024
"""Of what waits, given to the connection at a time: slow readers move, a piece at a time, and only dead ones do not."""
FIELDS = ((b"content-type", b"text/event-stream; charset=utf-8"), (b"x-accel-buffering", b"no"))


class Stream:
    """An ASGI answer for one watcher."""

    def __init__(self, feed: Feed, watcher: Watcher) -> None:
        self._feed = feed
        self._watcher = watcher

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        watcher = self._watcher
        leaving = asyncio.create_task(self._wait_for_leaving(receive))
        try:
            await _sent(send, {"type": "http.response.start", "status": 200, "headers": list(FIELDS)})
            await _sent(send, _body(f"retry: {RETRY_MS}\n\n".encode()))
            while not watcher.ended:
                waiting = await watcher.take(BEAT_SECONDS) or b":\n\n"
                for begin in range(0, len(waiting), PIECE_BYTES):
                    await _sent(send, _body(waiting[begin : begin + PIECE_BYTES]))
            await _sent(send, _body(b"", more=False))
        except TimeoutError:
            pass  # the answer is not whole, and our server closes the connection over it
        finally:
            self._feed.leave(watcher)
            leaving.cancel()

    async def _wait_for_leaving(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._watcher.end()


async def _sent(send: Send, message: dict[str, object]) -> None:
    async with asyncio.timeout(SEND_SECONDS):
        await send(message)


def _body(data: bytes, *, more: bool = True) -> dict[str, object]:
    return {"type": "http.response.body", "body": data, "more_body": more}
