"""A worker: the proxy's own process."""

import argparse
import logging

from proxy import app
from proxy.commands.life import life
from proxy.commands.started import begin, door, sockets, told
from proxy.config import Config
from proxy.keys import from_text


def worker(given: argparse.Namespace) -> int:
    begin(logging.INFO)
    said = told()
    config, keys = Config.from_json(said["config"]), from_text(said["keys"])
    return app.run_worker(config, keys, sockets(given), life(given), door(given))
