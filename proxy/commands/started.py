"""What the processes that a running footfall starts have in common, each of them a hidden command.

Law: their configuration and the signing keys come on standard input, so that no list of processes shows them and all
workers have the same; their listening sockets and the parent's lifeline come as descriptors.
"""

import argparse
import json
import logging
import socket
import sys
from typing import Any

LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s[%(process)d]: %(message)s"


def told() -> dict[str, Any]:
    """What the parent says."""
    found: dict[str, Any] = json.load(sys.stdin)
    return found


def sockets(given: argparse.Namespace) -> list[socket.socket]:
    return [socket.socket(fileno=number) for number in given.socket or ()]


def log_from(level: int) -> None:
    logging.basicConfig(level=level, format=LOG_FORMAT)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)  # its starting and stopping is ours to tell
