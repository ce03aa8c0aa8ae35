"""The report's process."""

import argparse
import logging
from importlib.metadata import version

from proxy.commands.life import life
from proxy.commands.started import begin, sockets, told
from proxy.config import Config
from proxy.reportsite import run_report


def report_site(given: argparse.Namespace) -> int:
    begin(logging.INFO)
    said = told()
    return run_report(
        Config.from_json(said["config"]),
        said["token"],
        said["site"],
        version("footfall"),
        sockets(given),
        life(given),
        customer_keys=[bytes.fromhex(key) for key in said["customers"]],
        erasure_keys=[bytes.fromhex(key) for key in said["erasures"]],
    )
