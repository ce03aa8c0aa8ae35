"""The demo's simulated visitors."""

import argparse
import logging
import os

from proxy.commands.started import begin, told
from proxy.demo import visitors
from proxy.printing import say

WALK_SECONDS = 60.0  # "within a minute the report has something to show"


def demo_visitors(given: argparse.Namespace) -> int:
    begin(logging.WARNING)
    said = told()
    return visitors.walk(
        said["address"], said["visitors"], WALK_SECONDS, seed=os.getpid(), say=say, lifeline=given.lifeline
    )
