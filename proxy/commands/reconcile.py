"""`footfall reconcile`: the site's own access log beside what was recorded."""

import argparse

from proxy.clock import now_ms
from proxy.commands.given import configuration
from proxy.printing import GOOD, PROBLEM, print_lines, progress
from proxy.reconciling import run as reconciling
from proxy.reconciling import telling
from proxy.reconciling.run import Options


def reconcile(given: argparse.Namespace) -> int:
    config = configuration(given, {})
    options = Options(
        side=given.side,
        hosts=tuple(name.lower() for name in given.host),
        skip=tuple(given.skip),
        whole_days=given.whole_days,
        window_ms=given.window * 1000,
        shown=given.lines,
    )
    name = "standard input" if given.file == reconciling.STDIN else str(given.file)
    with progress() as at:
        found = reconciling.reconcile(config, given.file, options, now_ms=now_ms(), at=at)
    said = [telling.as_json(found, name, given.lines)] if given.json else telling.lines_of(found, name, given.lines)
    return max(print_lines(said), GOOD if found.is_explained else PROBLEM)
