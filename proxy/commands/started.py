"""What the processes that a running footfall starts have in common, each of them a hidden command.

Law: their configuration and the signing keys come on standard input, so that no list of processes shows them and all
workers have the same; their listening sockets, the parent's lifeline and the pipe on which they say that they answer
come as descriptors. Of signals, only SIGTERM and SIGINT mean them.
"""

import argparse
import contextlib
import json
import logging
import os
import signal
import socket
import sys
from typing import Any

LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s[%(process)d]: %(message)s"


def begin(level: int) -> None:
    """Log from this level on; a hang-up, which whoever signals all processes of a service sends here as well, is the
    parent's business."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
    logging.basicConfig(level=level, format=LOG_FORMAT)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)  # its starting and stopping is ours to tell


def told() -> dict[str, Any]:
    """What the parent says."""
    found: dict[str, Any] = json.load(sys.stdin)
    return found


def sockets(given: argparse.Namespace) -> list[socket.socket]:
    return [socket.socket(fileno=number) for number in given.socket or ()]


def door(given: argparse.Namespace) -> socket.socket | None:
    """This process's end of it; None where it has none (children.py, `Job`)."""
    return None if given.door is None else socket.socket(fileno=given.door)


def say_ready(pipe: int) -> None:
    """That this process answers: one byte on a pipe."""
    with contextlib.suppress(OSError):  # nobody waits for it any more
        os.write(pipe, b"r")
    os.close(pipe)
