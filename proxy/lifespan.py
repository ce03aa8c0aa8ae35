"""An application's lifespan inside our own.

Law: what is ours starts when the application has started and stops when it has stopped; an application without a
lifespan is given none, and one that fails to start is left failed.
"""

import logging
from collections.abc import Awaitable, Callable

from proxy.asgi import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("footfall")


async def live_inside(
    app: ASGIApp,
    scope: Scope,
    receive: Receive,
    send: Send,
    *,
    start: Callable[[], None],
    stop: Callable[[], Awaitable[None]],
) -> None:
    """Serve a lifespan scope; see the law above."""
    started = stopped = failed = False

    async def tell(message: Message) -> None:
        nonlocal started, stopped, failed
        if message["type"] == "lifespan.startup.failed":
            failed = True
        elif message["type"] == "lifespan.startup.complete":
            started = True
            start()
        elif message["type"].startswith("lifespan.shutdown."):
            stopped = True
            await stop()
        await send(message)

    try:
        await app(scope, receive, tell)
    except Exception as error:
        if started:
            raise
        log.debug("the application has no lifespan: %s", error)
    if failed:
        return
    if not started:
        await tell({"type": "lifespan.startup.complete"})
    if not stopped:
        while (await receive())["type"] != "lifespan.shutdown":
            pass
        await tell({"type": "lifespan.shutdown.complete"})
