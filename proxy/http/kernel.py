"""What is told to the kernel and asked of it about a connection, past the event loop. No awaiting.

Law: it must work without an answer. Linux gives all of them for TCP and for sockets of this machine; elsewhere a count
is 0 and a state unknown, and whoever asks does without.
"""

import asyncio
import fcntl
import select
import socket
import struct
import sys
import termios

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_ENDED = getattr(select, "POLLRDHUP", 0)


def reset(transport: asyncio.Transport) -> None:
    """Ends the connection with a reset, and with it what the kernel still holds to be sent."""
    sock = transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()


def unacknowledged(transport: asyncio.Transport) -> int:
    """Bytes that were sent and that the peer has not taken (tcp(7) SIOCOUTQ)."""
    return _count(_number(transport), termios.TIOCOUTQ)


def unread(transport: asyncio.Transport) -> int:
    """Bytes that the peer has sent and we have not read."""
    return _count(_number(transport), termios.FIONREAD)


def peer_state(transport: asyncio.Transport) -> tuple[bool, bool]:
    """(the peer has ended his direction, he has reset the connection), whatever is still unread before that."""
    number = _number(transport)
    if not _ENDED or number < 0:
        return False, False
    asked = select.poll()
    asked.register(number, _ENDED)
    state = next((state for _, state in asked.poll(0)), 0)
    return bool(state & _ENDED), bool(state & select.POLLERR)


def _number(transport: asyncio.Transport) -> int:
    number: int = transport.get_extra_info("socket").fileno()
    return number


def _count(number: int, queue: int) -> int:
    try:
        return int.from_bytes(fcntl.ioctl(number, queue, bytes(4)), sys.byteorder)
    except (OSError, ValueError):  # ValueError: it is closed
        return 0
