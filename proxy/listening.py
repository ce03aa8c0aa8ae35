"""The addresses that are listened on: bound once, in the parent, and handed to whoever serves on them.

Law: a socket is bound here and given up here; an address that cannot be had is a BindError of one line.
"""

import asyncio
import contextlib
import errno
import os
import socket
import stat

from proxy.errors import StartError

BACKLOG = 2_048  # connections that wait while a worker restarts; the kernel caps it at net.core.somaxconn
BIND_SECONDS = 2.0  # a killed parent's workers need a moment to notice and give the address up
BIND_RETRY_SECONDS = 0.05
UNIX = "unix:"
SOCKET_MODE = 0o660


class BindError(StartError):
    """An address that cannot be listened on, in one line."""


def bind(host: str, port: int) -> socket.socket:
    """One listening socket for all workers; port 0 takes any free one, `unix:/path` as the host is a socket of this
    machine. Raises BindError."""
    if host.startswith(UNIX):
        return _bind_path(host.removeprefix(UNIX))
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as wrong:
        reason = wrong.strerror if isinstance(wrong, OSError) else "not a host name"
        raise BindError(f"cannot listen on {where}: {reason}") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as wrong:
        listener.close()
        raise BindError(f"cannot listen on {where}: {os.strerror(wrong.errno or 0)}") from wrong
    listener.setblocking(False)
    return listener


def _bind_path(path: str) -> socket.socket:
    """A socket in the file system. One that a killed process has left behind is replaced, one in use is not; who may
    connect is who may enter its folder, and of these the owner and the group."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if _is_left_behind(path):
            os.unlink(path)
        listener.bind(path)
        os.chmod(path, SOCKET_MODE)
        listener.listen(BACKLOG)
    except OSError as wrong:
        listener.close()
        raise BindError(f"cannot listen on {UNIX}{path}: {os.strerror(wrong.errno or 0)}") from wrong
    listener.setblocking(False)
    return listener


def _is_left_behind(path: str) -> bool:
    """Whether there is a socket that nobody listens on."""
    try:
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            return False
    except FileNotFoundError:
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(path) == errno.ECONNREFUSED


def give_up(listener: socket.socket) -> None:
    """Close it, and take its name out of the file system."""
    path = listener.getsockname() if listener.family == socket.AF_UNIX else ""
    listener.close()
    if path:
        with contextlib.suppress(OSError):
            os.unlink(path)


async def bind_patiently(host: str, port: int) -> socket.socket:
    """`bind`, tried for BIND_SECONDS where the address is still in use."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + BIND_SECONDS
    while True:
        try:
            return bind(host, port)
        except BindError:
            if port == 0 or loop.time() > deadline:
                raise
        await asyncio.sleep(BIND_RETRY_SECONDS)
