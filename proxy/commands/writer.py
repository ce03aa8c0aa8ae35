"""The writing process: writes for all workers, where there are several."""

import argparse
import logging
import signal

from proxy.commands.started import begin, door, say_ready, told
from proxy.config import Config
from proxy.files import open_writer
from proxy.keys import from_text
from proxy.store.handover.taking import Taker
from proxy.tuning import tune
from proxy.visitors.erased import Erased


def writer(given: argparse.Namespace) -> int:
    begin(logging.INFO)
    for number in (signal.SIGTERM, signal.SIGINT):  # whoever stops a service may send it to every process of it
        signal.signal(number, signal.SIG_IGN)
    said, taking = told(), door(given)
    assert taking is not None
    config = Config.from_json(said["config"])
    erased = Erased(key.secret for key in from_text(said["keys"]))
    tune()
    say_ready(given.ready)
    Taker(taking, lambda: open_writer(config, erased), erased).run()
    return 0
