"""The writing process: writes for all workers of a footfall.

Law: it stops for no signal, since whoever stops a service may send one to every process of it, and workers that finish
still need it; it ends after them (store/handover/taking.py). It is ready before the store is open: the site is served
beside a store that is not.
"""

import argparse
import logging
import signal
import socket
from functools import partial

from proxy.commands.started import begin, say_ready, told
from proxy.config import Config
from proxy.files import open_writer
from proxy.keys import from_text
from proxy.store.handover.taking import Taker
from proxy.tuning import tune
from proxy.visitors.erased import Erased


def writer(given: argparse.Namespace) -> int:
    begin(logging.INFO)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    said = told()
    config, secrets = Config.from_json(said["config"]), [key.secret for key in from_text(said["keys"])]
    tune()
    say_ready(given.ready)
    Taker(socket.socket(fileno=given.door), partial(open_writer, config), partial(Erased, secrets)).run()
    return 0
