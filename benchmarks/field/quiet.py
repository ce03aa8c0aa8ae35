"""`python -m benchmarks.field.quiet`: a WebSocket server that opens every connection and then says nothing.

Says its port, and ends with standard input. Frames are taken and dropped: nobody here sends one but to close.
"""

import asyncio
import base64
import hashlib
import re
import sys

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""RFC 6455, section 1.3."""
KEY = re.compile(rb"^sec-websocket-key: *(\S+)\r$", re.IGNORECASE | re.MULTILINE)
BACKLOG = 1_024
PIECE_BYTES = 65_536


def opened(head: bytes) -> bytes | None:
    """The answer to a request that opens a WebSocket; None where it is none."""
    key = KEY.search(head)
    if key is None:
        return None
    accepted = base64.b64encode(hashlib.sha1(key[1] + GUID).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: %b\r\n\r\n" % accepted
    )


async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        writer.write(opened(await reader.readuntil(b"\r\n\r\n")) or b"HTTP/1.1 400 Bad Request\r\n\r\n")
        while await reader.read(PIECE_BYTES):
            pass
    except (OSError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def serve() -> None:
    server = await asyncio.start_server(handle, "127.0.0.1", 0, backlog=BACKLOG)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


def main() -> int:
    asyncio.run(serve())
    return 0


if __name__ == "__main__":
    sys.exit(main())
