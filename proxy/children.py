"""One process of those that a running footfall consists of: what it is to do, how it is started, how it has ended.

Law: a child is told everything by descriptors and its input, nothing by arguments that a list of processes would show.
One that outlives its parent notices by the lifeline, a pipe of which only the parent holds the writing end; that it
answers, it says by a byte on another pipe.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

MALLOC = {  # MEASURED.md: a 58 KB page costs 77 instead of 123 us when large buffers are not mapped anew
    "MALLOC_MMAP_THRESHOLD_": str(64 * 1_048_576),
    "MALLOC_TRIM_THRESHOLD_": str(256 * 1_048_576),
}


@dataclass(frozen=True, slots=True)
class Job:
    """`count` processes of `python -m proxy <command> --socket FD... --lifeline FD --ready FD`, `stdin` on their input.

    The sockets are the supervisor's from then on: it closes them when it stops. `once`: it is done when it ends, and is
    not started again. `vital`: where it will not start, there is nothing to run for; another job is given up alone.
    `door`: which end it gets, as `--door FD`, of a pair of sockets of its crew: through the one, connections are handed
    to whoever has the other (crew.py).
    """

    name: str
    command: str
    sockets: tuple[socket.socket, ...]
    stdin: bytes = b""
    count: int = 1
    once: bool = False
    vital: bool = True
    door: Literal["", "giving", "taking"] = ""


def environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """What children see: ours, and malloc's settings where glibc reads them (it does so before main)."""
    try:
        libc = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (OSError, ValueError):
        libc = ""
    return {**(MALLOC if libc.startswith("glibc") else {}), **inherited}


async def start(
    job: Job, place: int, tally: int | None, door: int | None, lifeline: int, ready: Callable[[], None]
) -> asyncio.subprocess.Process:
    """The process of the job that has this place among them, in `tally` too (http/accepting.py), and this end of its
    crew's door; `ready` is called once it has said that it answers. Raises OSError.

    The input is an unlinked file, not a pipe: it has no size that could block us, and no reader to wait for.
    """
    descriptors = [one.fileno() for one in job.sockets]
    arguments = [part for number in descriptors for part in ("--socket", str(number))]
    if tally is not None:
        descriptors.append(tally)
        arguments += ["--tally", str(tally), "--place", str(place)]
    if door is not None:
        descriptors.append(door)
        arguments += ["--door", str(door)]
    hearing, saying = os.pipe()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})  # for the child, until it ignores it
    try:
        with tempfile.TemporaryFile() as given:
            given.write(job.stdin)
            given.seek(0)
            child = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "proxy", job.command, *arguments, "--lifeline", str(lifeline), "--ready", str(saying)),
                stdin=given,
                stdout=subprocess.DEVNULL,
                pass_fds=(*descriptors, lifeline, saying),
                env=environment(os.environ),
                start_new_session=True,  # a Ctrl-C in the terminal reaches us alone
            )
    except BaseException:
        os.close(hearing)
        raise
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
        os.close(saying)
    asyncio.get_running_loop().add_reader(hearing, _hear, hearing, ready)
    return child


def _hear(hearing: int, ready: Callable[[], None]) -> None:
    """A byte, or the end of one that never said it."""
    said = os.read(hearing, 1)
    asyncio.get_running_loop().remove_reader(hearing)
    os.close(hearing)
    if said:
        ready()


def send(child: asyncio.subprocess.Process, number: signal.Signals) -> None:
    try:
        child.send_signal(number)
    except ProcessLookupError:
        return


def ending(status: int) -> str:
    if status >= 0:
        return f"exit code {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"
