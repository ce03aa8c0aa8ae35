"""footfall around the small site in a process of its own, whose clock can be set back: `python whole_clock.py FOLDER`.

It prints its port. From the moment that FOLDER has a file `back` its clock is an hour slow.
"""

import socket
import sys
from pathlib import Path

from whole_site import app as site

from proxy.app import Footfall
from proxy.clock import now_ms
from proxy.config import Config
from proxy.http.server import run
from proxy.tables import Limits, Store

HOUR_MS = 3_600_000


def main(where: Path) -> int:
    back = where / "back"
    # A page that is shown before its visit is stored, and lost with it, is not healed an hour before it was made.
    unhurried = Store(hold_ms=10_000)
    config = Config(
        base=where, store=unhurried, limits=Limits(visitor_events_per_second=0, address_events_per_second=0)
    )
    app = Footfall(site, config, clock_ms=lambda: now_ms() - (HOUR_MS if back.exists() else 0))
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    print(listener.getsockname()[1], flush=True)
    return run(app, sockets=[listener], refused=lambda host, status: None, graceful_seconds=1)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
