"""A request that asks for a WebSocket, at the visitor's side: the extension that `asgi.UPGRADE` describes.

Law: until the application has answered 101, nothing of what the visitor sends behind his request is given to anybody
(RFC 6455 4.1: he has to wait), and any other answer is an ordinary one on a connection that ends with it. Afterwards
the bytes of both directions pass untouched, with the same back-pressure as bodies, and no time-out counts. At a
graceful stop both ends are told 1001 between two frames, and have CLOSING_SECONDS to close.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from proxy.asgi import UPGRADE, Message, Piece, Scope
from proxy.fieldlist import FieldList
from proxy.http.cycle import Cycle
from proxy.http.headers import is_well_formed
from proxy.http.tunnel import probe_peer
from proxy.http.websocket import GOING_AWAY, SWITCHING, Direction, close_frame

if TYPE_CHECKING:
    from proxy.http.server import ServerProtocol

EARLY_BYTES = 64 * 1024  # from a visitor who does not wait for the 101; more of it, and he is cut off
CLOSING_SECONDS = 5  # for both ends to answer our Close frame when we stop

_HEAD = (b"HTTP/1.1 101 Switching Protocols", b"upgrade: websocket", b"connection: Upgrade")


class UpgradeCycle(Cycle):
    """`upgraded`: the application has answered 101, and the connection is a tunnel."""

    __slots__ = ("_down", "_early", "_stopping", "_up", "upgraded")

    def __init__(self, protocol: ServerProtocol, scope: Scope, *, keep_alive: bool, expects_continue: bool) -> None:
        super().__init__(protocol, scope, keep_alive=keep_alive, expects_continue=expects_continue)
        scope["extensions"][UPGRADE] = {}
        self.upgraded = False
        self._early = b""
        self._stopping = False
        self._up = Direction(close_frame(GOING_AWAY, os.urandom(4)))
        self._down = Direction(close_frame(GOING_AWAY))

    @property
    def is_received(self) -> bool:
        """Not before his end of stream: whatever the answer, more may be on its way behind the request, and closing
        over it would reset the connection."""
        return self.upgraded and not self._more_body

    # The protocol's side ---------------------------------------------------------------------------------------

    def put(self, body: bytes) -> bool:
        if self.upgraded:
            body = self._up.feed(body)
            return bool(body) and super().put(body)
        if not self._started:
            self._early += body
            if len(self._early) > EARLY_BYTES:
                self._protocol.transport.abort()
        return False

    def put_eof(self) -> bool:
        """The visitor has ended his direction. True: the other one goes on. One who leaves before the 101 has left."""
        if self.upgraded:
            self.put_end()
        return self.upgraded and not self.complete

    def stop(self, *, is_last: bool = True) -> None:
        super().stop(is_last=is_last)
        if self.upgraded and not self._stopping:
            self._say_goodbye()
        self._stopping = True

    def _say_goodbye(self) -> None:
        """To the application as if the visitor had said it, so that it goes on upstream, and to the visitor."""
        self.flush_head()
        self._protocol.loop.call_later(CLOSING_SECONDS, self._give_up)
        upwards, downwards = self._up.stop(), self._down.stop()
        if upwards:
            super().put(upwards)
        if downwards:
            self._protocol.transport.write(downwards)

    def _give_up(self) -> None:
        self.disconnect()
        self._protocol.transport.abort()

    # Writing ---------------------------------------------------------------------------------------------------

    def _start(self, message: Message) -> None:
        if message["status"] != SWITCHING:
            super()._start(message)
            return
        given = message.get("headers", ())
        headers = FieldList.of(given)
        if headers is not given and not is_well_formed(headers):
            raise RuntimeError("a response field is malformed")
        self._started = self.upgraded = True
        self._head = b"\r\n".join((*_HEAD, *map(b": ".join, headers), b"\r\n"))
        self._more_body, self._delivered = True, False  # what comes now is no longer the request
        probe_peer(self._protocol.transport)
        early, self._early = self._early, b""
        if early:
            self.put(early)
        if self._stopping:
            self._say_goodbye()

    def _frame(self, body: Piece, more: bool, *, at_once: bool = False) -> None:
        super()._frame(self._down.feed(bytes(body)) if self.upgraded else body, more, at_once=at_once)
