"""What is ours inside an application's lifespan: it stops in the end, whatever the application does."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from proxy.lifespan import live_inside


def test_where_ours_cannot_start_the_server_is_told_and_does_not_wait():
    async def run() -> list[str]:
        told: list[str] = []

        async def receive() -> dict[str, str]:
            return {"type": "lifespan.startup"} if not told else await asyncio.Event().wait()  # type: ignore[return-value]

        async def send(message: dict[str, str]) -> None:
            told.append(message["type"])

        def start() -> None:
            raise RuntimeError("no thread to be had")

        async def stop() -> None:
            told.append("STOP")

        async with asyncio.timeout(5):
            with pytest.raises(RuntimeError, match="no thread"):
                await live_inside(orderly, {"type": "lifespan"}, receive, send, start=start, stop=stop)
        return told

    assert asyncio.run(run()) == []


def lived(app: Callable[..., Any]) -> list[str]:
    """What happens, in order, as a server would see it."""
    happened: list[str] = []

    async def run() -> None:
        asked: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        asked.put_nowait({"type": "lifespan.startup"})

        async def send(message: dict[str, str]) -> None:
            happened.append(message["type"].removeprefix("lifespan."))

        async def stop() -> None:
            happened.append("STOP")

        scope = {"type": "lifespan"}
        life = live_inside(app, scope, asked.get, send, start=lambda: happened.append("START"), stop=stop)  # type: ignore[arg-type]
        task = asyncio.create_task(life)
        for _ in range(10):
            await asyncio.sleep(0)
        happened.append("serving")
        asked.put_nowait({"type": "lifespan.shutdown"})
        try:
            async with asyncio.timeout(5):
                await task
        except RuntimeError as error:
            happened.append(str(error))

    asyncio.run(run())
    return happened


async def orderly(scope: Any, receive: Any, send: Any) -> None:
    for event in ("startup", "shutdown"):
        assert (await receive())["type"] == f"lifespan.{event}"
        await send({"type": f"lifespan.{event}.complete"})


async def none(scope: Any, receive: Any, send: Any) -> None:
    raise RuntimeError("no lifespan here")


async def fails_to_start(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "lifespan.startup.failed"})
    raise RuntimeError("no database")


async def raises_at_the_end(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    raise RuntimeError("broken shutdown")


async def raises_while_serving(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    raise RuntimeError("lost its database")


async def says_nothing_at_the_end(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()


BEGUN = ["START", "startup.complete", "serving"]
ENDED = ["STOP", "shutdown.complete"]
LIVES = {
    orderly: [*BEGUN, *ENDED],
    none: [*BEGUN, *ENDED],
    fails_to_start: ["startup.failed", "serving"],
    raises_at_the_end: [*BEGUN, "STOP", "broken shutdown"],
    raises_while_serving: [*BEGUN, "STOP", "lost its database"],
    says_nothing_at_the_end: [*BEGUN, *ENDED],
}


@pytest.mark.parametrize("app", LIVES, ids=lambda app: app.__name__)
def test_s5_what_is_ours_stops_when_the_application_stops(app: Callable[..., Any]) -> None:
    assert lived(app) == LIVES[app]
