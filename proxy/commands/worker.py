"""A worker: the proxy's own process."""

import argparse
import logging

from proxy import app
from proxy.commands.started import log_from, sockets, told
from proxy.config import Config
from proxy.keys import from_text


def worker(given: argparse.Namespace) -> int:
    log_from(logging.INFO)
    said = told()
    return app.run_worker(Config.from_json(said["config"]), from_text(said["keys"]), sockets(given), given.lifeline)
