"""Sends, wrapped: for servers that take a list of fields for granted, for applications that take a coroutine for
granted, and for one that goes on by itself."""

from collections.abc import Awaitable

from proxy.asgi import Message, Send


def listing(send: Send) -> Send:
    """For servers and middlewares around us that take a list for granted."""

    async def send_lists(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": list(message.get("headers", ()))}
        await send(message)

    return send_lists


def coroutine(send: Send) -> Send:
    """For applications of others, some of which make a task of what they send."""

    async def send_by_coroutine(message: Message) -> None:
        await send(message)

    return send_by_coroutine


async def awaited(sending: Awaitable[None]) -> None:
    """A coroutine of what may only be awaitable, to be made a task."""
    await sending
