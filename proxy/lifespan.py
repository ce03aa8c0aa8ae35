"""An application's lifespan inside our own.

Law: what is ours starts when the application has started and stops when it has stopped, in whatever way; an application
without a lifespan is given none, and one that fails to start is left failed.
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
    started = asked = stopped = failed = False
    broken: Exception | None = None

    async def hear() -> Message:
        nonlocal asked
        message = await receive()
        asked = asked or message["type"] == "lifespan.shutdown"
        return message

    async def tell(message: Message) -> None:
        nonlocal started, stopped, failed
        if message["type"] == "lifespan.startup.failed":
            failed = True
        elif message["type"] == "lifespan.startup.complete":
            start()
            started = True
        elif message["type"].startswith("lifespan.shutdown."):
            stopped = True
            await stop()
        await send(message)

    try:
        await app(scope, hear, tell)
    except Exception as error:
        if started:
            broken = error
        else:
            log.debug("the application has no lifespan: %s", error)
    if failed:
        return
    if not started:
        await tell({"type": "lifespan.startup.complete"})
    while not (asked or stopped):  # until then requests are served, and recorded
        await hear()
    if broken is not None:
        if not stopped:
            await stop()
        raise broken
    if not stopped:
        await tell({"type": "lifespan.shutdown.complete"})
