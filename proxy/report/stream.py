"""The live feed's answer: server-sent events, for as long as somebody listens.

Law: it ends when the listener has gone (our server says so by `http.disconnect`, not by an error), when the watcher is
ended, and writes something every `BEAT_SECONDS`, so that a connection that is dead is found out.
"""

import asyncio

from proxy.asgi import Receive, Scope, Send
from proxy.report.live import Feed, Watcher

BEAT_SECONDS = 15.0
RETRY_MS = 1_000
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
            await send({"type": "http.response.start", "status": 200, "headers": list(FIELDS)})
            await send(_body(f"retry: {RETRY_MS}\n\n".encode()))
            while not watcher.ended:
                await send(_body(await watcher.take(BEAT_SECONDS) or b":\n\n"))
            await send(_body(b"", more=False))
        finally:
            self._feed.leave(watcher)
            leaving.cancel()

    async def _wait_for_leaving(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._watcher.end()


def _body(data: bytes, *, more: bool = True) -> dict[str, object]:
    return {"type": "http.response.body", "body": data, "more_body": more}
