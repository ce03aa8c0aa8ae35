"""`footfall report`: the last days on the terminal, or the address of the report in a browser."""

import argparse
import sys

from proxy import reporting, reporttoken
from proxy.commands.given import columns, configuration
from proxy.config import ConfigError
from proxy.printing import PROBLEM, fail, print_lines
from proxy.screen import has_colour
from proxy.store.base import StoreError


def report(given: argparse.Namespace) -> int:
    config = configuration(given, {})
    try:
        chosen = reporting.read_filters(given.only)
    except ValueError as wrong:
        raise ConfigError(f"--only: {wrong}") from None
    try:
        page = reporting.page_about(given.page, given.of)
    except ValueError as wrong:
        raise ConfigError(f"--of: {wrong}") from None
    if given.address:
        if config.report.listen_address is None:
            raise ConfigError("report.listen is off: there is no report in a browser")
        if not config.report.listen_address[1]:
            raise ConfigError("report.listen has port 0: only the running footfall knows the address; it printed it")
        token = reporttoken.load_token(config.token_path)
        return print_lines([reporting.address(config, given.page, given.of, token)])
    try:
        return print_lines(
            reporting.summarise(
                config,
                page=page,
                of=given.of,
                days=given.days,
                chosen=chosen,
                as_json=given.json,
                width=columns(),
                colour=has_colour(sys.stdout),
            )
        )
    except StoreError as wrong:
        return fail(str(wrong), PROBLEM)
