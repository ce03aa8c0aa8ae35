"""The body of a request, counted while it streams.

Law: no more of it is kept than its reader allows; how long it may take is the reader's to say.
"""

from starlette.requests import Request


class TooLarge(Exception):
    """The body is larger than it may be."""


async def read_body(request: Request, most_bytes: int) -> bytes:
    """The whole body. Raises TooLarge, and Starlette's ClientDisconnect."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most_bytes:
            raise TooLarge
    return bytes(body)
