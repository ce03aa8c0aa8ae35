"""The report's process."""

import argparse
import logging
from importlib.metadata import version

from proxy.commands.started import log_from, sockets, told
from proxy.config import Config
from proxy.reportsite import run_report


def report_site(given: argparse.Namespace) -> int:
    log_from(logging.INFO)
    said = told()
    return run_report(
        Config.from_json(said["config"]),
        said["token"],
        said["site"],
        version("footfall"),
        sockets(given),
        given.lifeline,
        customer_keys=[bytes.fromhex(key) for key in said["customers"]],
        erasure_keys=[bytes.fromhex(key) for key in said["erasures"]],
    )
