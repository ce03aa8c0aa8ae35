"""The demo's shop, an upstream like any other."""

import argparse
import logging

from proxy.commands.life import life
from proxy.commands.started import begin, sockets
from proxy.demo import shop
from proxy.http import server

SITE_SECONDS = 2  # to finish what it is sending


def demo_site(given: argparse.Namespace) -> int:
    begin(logging.WARNING)
    return server.run(
        shop.app(),
        sockets=sockets(given),
        refused=lambda host, status: None,
        life=life(given),
        graceful_seconds=SITE_SECONDS,
    )
