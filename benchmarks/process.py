"""A process of a benchmark: started on a free port of 127.0.0.1, waited for, ended.

Law: it ends the process that it was given, and no other.
"""

import contextlib
import http.client
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

START_SECONDS = 20.0
STOP_SECONDS = 45.0
"""Longer than footfall gives its workers to finish (35 s)."""
POLL_SECONDS = 0.01
PORT_TRIES = 5
"""Another program may take a free port before its server does."""


class StartError(Exception):
    """Something could not be started; one line."""


@contextlib.contextmanager
def ended(process: subprocess.Popen[Any]) -> Iterator[None]:
    """Ends it, politely at first; the end of standard input is a word too."""
    try:
        yield
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def listens(port: int) -> bool:
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    return False


def answers(port: int, path: str) -> bool:
    """Whether a worker answers; footfall's own addresses are not counted as requests."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def starts(process: subprocess.Popen[bytes], is_there: Callable[[], bool], seconds: float) -> bool:
    """Whether it is there in time, and the process still runs: on its port there could be somebody else."""
    deadline = time.monotonic() + seconds
    while not is_there():
        if process.poll() is not None or time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return process.poll() is None


def last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines() if log.is_file() else []
    return lines[-1] if lines else "it says nothing"
