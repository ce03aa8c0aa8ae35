"""A WebSocket at upstream's side: bytes go on as they are, once upstream has answered 101.

Law: before the 101 nothing of what the visitor sends goes upstream (RFC 6455 4.1); afterwards nothing more of it is
taken than upstream takes, and it may be silent for as long as it likes. The other direction is the answer's body.
"""

from __future__ import annotations

import asyncio
import socket

from proxy.asgi import Receive
from proxy.http.errors import VisitorGone
from proxy.http.exchange import Exchange
from proxy.http.websocket import SWITCHING

ENDING_SECONDS = 10.0  # for upstream to end its direction after the visitor has ended his


async def carry(exchange: Exchange, receive: Receive) -> None:
    """Carries what the visitor sends for as long as `exchange` lasts, and ends it when he leaves (T15)."""
    message = await receive()  # the handshake's own end
    while message["type"] != "http.disconnect":
        message = await receive()
        if exchange.status != SWITCHING:
            break
        body = message.get("body", b"")
        if body:
            exchange.pass_on(body)
            await exchange.ready_to_upload()
        if message["type"] == "http.request" and not message.get("more_body", False):
            exchange.end_upload()
            await _wait_for_the_end(receive)
            break
    exchange.fail(VisitorGone())


def probe_peer(transport: asyncio.Transport) -> None:
    """Lets the kernel find out, in hours, that the peer of a silent tunnel is gone without a word (RFC 9293 3.8.4).
    Neither application sees that, as they would see a ping of ours."""
    sock = transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


async def _wait_for_the_end(receive: Receive) -> None:
    try:
        async with asyncio.timeout(ENDING_SECONDS):
            await receive()  # http.disconnect: the answer is complete, or the visitor gone
    except TimeoutError:
        pass
