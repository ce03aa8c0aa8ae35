"""The parent process: binds the addresses, starts the others on them, restarts what dies, and stops them all.

Nobody else handles signals. The first SIGTERM, SIGINT or SIGHUP drains: every child gets SIGTERM and
`drain_seconds` to finish what it has; a second one, or the end of that time, is SIGKILL. A child that outlives
us notices by the lifeline, a pipe of which only we hold the writing end: when we are gone it reads end of file.
This module knows processes, not what they do; it says what happens through `announce`.
"""

import asyncio
import contextlib
import errno
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proxy.errors import StartError

BACKLOG = 2_048  # connections that wait while a worker restarts; the kernel caps it at net.core.somaxconn
BIND_SECONDS = 2.0  # a killed parent's workers need a moment to notice and give the address up
BIND_RETRY_SECONDS = 0.05
UNIX = "unix:"
SOCKET_MODE = 0o660
QUICK_SECONDS = 2.0  # a child that lives less than this is started again with a growing delay
STEADY_SECONDS = 10.0  # one that lives this long has run; a busy machine takes seconds to start one that never does
FIRST_DELAY_SECONDS = 0.1
LONGEST_DELAY_SECONDS = 2.0
HOPELESS_STARTS = 5  # in a row, by the child's own exit (not by a signal), before the job ever ran steadily
MALLOC = {  # MEASURED.md: a 58 KB page costs 77 instead of 123 us when large buffers are not mapped anew
    "MALLOC_MMAP_THRESHOLD_": str(64 * 1_048_576),
    "MALLOC_TRIM_THRESHOLD_": str(256 * 1_048_576),
}
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class BindError(StartError):
    """An address that cannot be listened on, in one line."""


@dataclass(frozen=True, slots=True)
class Job:
    """`count` processes of `python -m proxy <command> --socket FD... --lifeline FD`, `stdin` on their input.

    The sockets are the supervisor's from then on: it closes them when it stops. `once`: it is done when it ends, and is
    not started again. `vital`: where it will not start, there is nothing to run for; another job is given up alone.
    """

    name: str
    command: str
    sockets: tuple[socket.socket, ...]
    stdin: bytes = b""
    count: int = 1
    once: bool = False
    vital: bool = True


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


def _give_up(listener: socket.socket) -> None:
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


def environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """What children see: ours, and malloc's settings where glibc reads them (it does so before main)."""
    try:
        libc = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (OSError, ValueError):
        libc = ""
    return {**(MALLOC if libc.startswith("glibc") else {}), **inherited}


class Supervisor:
    """Keeps jobs running until a signal says stop. Use: `Supervisor(announce=...).run(jobs)`."""

    def __init__(self, *, announce: Callable[[str], None], drain_seconds: float) -> None:
        self._announce = announce
        self._drain_seconds = drain_seconds
        self._children: dict[str, asyncio.subprocess.Process] = {}
        self._signals = 0
        self._stopping = asyncio.Event()
        self._hurry = asyncio.Event()
        self._steady: set[Job] = set()
        self._failed = False

    def __repr__(self) -> str:
        state = "stopping" if self._stopping.is_set() else "running"
        return f"<Supervisor {state}{''.join(f' {name}={child.pid}' for name, child in self._children.items())}>"

    async def run(self, jobs: Sequence[Job]) -> int:
        """0 after an orderly stop, 1 if a child had to be killed or nothing would start."""
        loop = asyncio.get_running_loop()
        # nohup has SIGHUP ignored on purpose
        handled = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
        for number in handled:
            loop.add_signal_handler(number, self._signalled)
        lifeline, held = os.pipe()
        try:
            keepers = [
                asyncio.create_task(self._keep(f"{job.name} {n}" if job.count > 1 else job.name, job, lifeline))
                for job in jobs
                for n in range(1, job.count + 1)
            ]
            for keeper in keepers:
                keeper.add_done_callback(self._kept)
            await self._stopping.wait()
            for job in jobs:  # or visitors would queue for workers that no longer accept
                for listener in job.sockets:
                    _give_up(listener)
            killed = await self._drain(keepers)
        finally:
            for number in handled:
                loop.remove_signal_handler(number)
            os.close(held)
            os.close(lifeline)
        return int(killed or self._failed)

    def _kept(self, keeper: asyncio.Task[None]) -> None:
        """One that fails leaves a child without anybody to start it again: that is an end, not a silence."""
        if keeper.cancelled() or keeper.exception() is not None:
            self._stopping.set()

    def _signalled(self) -> None:
        self._signals += 1
        self._stopping.set()
        if self._signals > 1:
            self._hurry.set()

    async def _keep(self, name: str, job: Job, lifeline: int) -> None:
        """Start one child, wait for its end, start it again; until we stop."""
        loop = asyncio.get_running_loop()
        quick = hopeless = 0
        while not self._stopping.is_set():
            started = loop.time()
            try:
                child = await _start(job, lifeline)
            except OSError as wrong:  # no process or memory to be had just now
                if self._stopping.is_set():
                    return
                self._announce(f"{name} cannot be started: {wrong.strerror}")
                await self._rest(LONGEST_DELAY_SECONDS)
                continue
            self._children[name] = child
            if self._stopping.is_set():  # the signal came while it was being started
                _send(child, signal.SIGKILL if self._hurry.is_set() else signal.SIGTERM)
            steady = loop.call_later(STEADY_SECONDS, self._steady.add, job)
            status = await child.wait()
            steady.cancel()
            del self._children[name]
            if self._stopping.is_set():
                return
            if job.once:
                if status:
                    self._announce(f"{name} ended ({_ending(status)})")
                return
            lived = loop.time() - started
            quick = 0 if lived >= QUICK_SECONDS else quick + 1
            hopeless = hopeless + 1 if lived < STEADY_SECONDS and status > 0 else 0
            if hopeless >= HOPELESS_STARTS and job not in self._steady:
                self._announce(f"{name} does not start: {_ending(status)}")
                if job.vital:
                    self._failed = True
                    self._stopping.set()
                return
            delay = min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2 ** min(quick - 1, 9)) if quick else 0.0
            self._announce(f"{name} ended after {lived:.1f} s ({_ending(status)}); starting it again")
            await self._rest(delay)

    async def _rest(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    async def _drain(self, keepers: Sequence[asyncio.Task[None]]) -> bool:
        """Ask all to end, then insist; true if any had to be killed. Raises what a keeper has failed with."""
        for child in self._children.values():
            _send(child, signal.SIGTERM)
        hurry = asyncio.create_task(self._hurry.wait())
        everyone = asyncio.gather(*keepers, return_exceptions=True)
        either: set[asyncio.Future[Any]] = {hurry, everyone}
        await asyncio.wait(either, timeout=self._drain_seconds, return_when=asyncio.FIRST_COMPLETED)
        hurry.cancel()
        self._hurry.set()  # whoever is only now being started is too late as well
        stuck = list(self._children.items())
        for name, child in stuck:
            _send(child, signal.SIGKILL)
            self._announce(f"{name} did not end in time and is killed")
        for failure in await everyone:
            if failure is not None:
                raise failure
        return bool(stuck)


async def _start(job: Job, lifeline: int) -> asyncio.subprocess.Process:
    """The input is an unlinked file, not a pipe: it has no size that could block us, and no reader to wait for."""
    descriptors = [one.fileno() for one in job.sockets]
    arguments = [part for number in descriptors for part in ("--socket", str(number))]
    with tempfile.TemporaryFile() as given:
        given.write(job.stdin)
        given.seek(0)
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "proxy", job.command, *arguments, "--lifeline", str(lifeline)),
            stdin=given,
            stdout=subprocess.DEVNULL,
            pass_fds=(*descriptors, lifeline),
            env=environment(os.environ),
            start_new_session=True,  # a Ctrl-C in the terminal reaches us alone
        )


def _send(child: asyncio.subprocess.Process, number: signal.Signals) -> None:
    try:
        child.send_signal(number)
    except ProcessLookupError:
        return


def _ending(status: int) -> str:
    if status >= 0:
        return f"exit code {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"
