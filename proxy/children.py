"""The processes that a running footfall starts, each by a hidden command.

Law: their configuration and the signing keys come on standard input, so that no list of processes shows them and all
workers have the same; their listening sockets and the parent's lifeline come as descriptors.
"""

import argparse
import json
import logging
import os
import socket
import sys
from collections.abc import Callable
from importlib.metadata import version

from proxy import app, reporting
from proxy.config import Config
from proxy.demo import shop, visitors
from proxy.http import server
from proxy.keys import from_text
from proxy.printing import say

WALK_SECONDS = 60.0  # for the simulated visitors: "within a minute the report has something to show"
SITE_SECONDS = 2  # for the demo's shop to finish what it is sending
LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s[%(process)d]: %(message)s"


def worker(given: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.INFO, format=LOG_FORMAT)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)  # its starting and stopping is ours to tell
    told = json.load(sys.stdin)
    config, keys = Config.from_json(told["config"]), from_text(told["keys"])
    return app.run_worker(config, keys, _sockets(given), given.lifeline)


def report_site(given: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.INFO, format=LOG_FORMAT)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    told = json.load(sys.stdin)
    config = Config.from_json(told["config"])
    return reporting.run_report(
        config,
        told["token"],
        told["site"],
        version("footfall"),
        _sockets(given),
        given.lifeline,
        customer_keys=[bytes.fromhex(key) for key in told["customers"]],
    )


def demo_visitors(given: argparse.Namespace) -> int:
    told = json.load(sys.stdin)
    return visitors.walk(
        told["address"], told["visitors"], WALK_SECONDS, seed=os.getpid(), say=say, lifeline=given.lifeline
    )


def demo_site(given: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.WARNING, format=LOG_FORMAT)
    return server.run(
        shop.app(),
        sockets=_sockets(given),
        refused=lambda host, status: None,
        lifeline=given.lifeline,
        graceful_seconds=SITE_SECONDS,
    )


CHILDREN: dict[str, Callable[[argparse.Namespace], int]] = {
    "worker": worker,
    "report-site": report_site,
    "demo-visitors": demo_visitors,
    "demo-site": demo_site,
}


def _sockets(given: argparse.Namespace) -> list[socket.socket]:
    return [socket.socket(fileno=number) for number in given.socket or ()]
