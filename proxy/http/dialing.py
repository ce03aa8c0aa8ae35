"""How a connection to upstream comes about: to a name with one address or several, or to a socket of this machine.

Law: addresses of one name are tried side by side, each a little after the one before it, and the first that answers is
taken (RFC 8305): a dead one of several costs DELAY_SECONDS, not the visitor's patience. There is no limit of time here,
that is the pool's.

The only importer of aiohappyeyeballs.
"""

import asyncio
import socket

import aiohappyeyeballs

UNIX = "unix:"
DELAY_SECONDS = 0.25  # RFC 8305 section 5 recommends it
Address = str | tuple[str, int]
"""A path of a socket, or host and port."""


async def dial(loop: asyncio.AbstractEventLoop, address: Address, protocol: asyncio.Protocol) -> None:
    """Connects `protocol`. OSError: nobody is there, or there is no such name."""
    if isinstance(address, str):
        await loop.create_unix_connection(lambda: protocol, address)
        return
    host, port = address
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    if len(found) == 1:
        await loop.create_connection(lambda: protocol, *found[0][4][:2])
        return
    connected = await aiohappyeyeballs.start_connection(
        found, happy_eyeballs_delay=DELAY_SECONDS, interleave=1, loop=loop
    )
    try:
        await loop.create_connection(lambda: protocol, sock=connected)
    except BaseException:
        connected.close()
        raise
