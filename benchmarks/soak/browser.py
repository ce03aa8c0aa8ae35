"""One connection of a browser, kept alive: asks for one thing at a time and reads all of its answer."""

import asyncio
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import httptools

ADDRESSES = 32
"""Of this machine (127.0.0.0/8 is all of it) from which visitors come: limits for one address are those of one."""
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Answer:
    status: int = 0
    fields: dict[bytes, bytes] = field(default_factory=dict)
    """Names in lower case; of several with one name, the last."""
    body: bytearray = field(default_factory=bytearray)


class Browser(asyncio.Protocol):
    """`answered(browser, answer)` is called for each whole one, `lost(browser)` when the connection is no more."""

    def __init__(self, answered: Callable[["Browser", Answer], None], lost: Callable[["Browser"], None]) -> None:
        self._answered, self._lost = answered, lost
        self._parser = httptools.HttpResponseParser(self)
        self._answer = Answer()
        self._transport = cast(asyncio.Transport, None)
        self.asked = 0

    def ask(self, request: bytes) -> None:
        self.asked += 1
        self._answer = Answer()
        self._transport.write(request)

    def close(self) -> None:
        self._transport.close()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost(self)

    # What the parser says

    def on_header(self, name: bytes, value: bytes) -> None:
        self._answer.fields[name.lower()] = value

    def on_body(self, data: bytes) -> None:
        self._answer.body += data

    def on_message_complete(self) -> None:
        self._answer.status = self._parser.get_status_code()
        self._answered(self, self._answer)


def source(number: int) -> tuple[str, int]:
    """An address to come from, any port of it."""
    return f"127.0.1.{1 + number % ADDRESSES}", 0


def reset(sock: Any) -> None:
    """The next close of this socket says so with a reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
