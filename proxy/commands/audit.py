"""`footfall audit`: what of a site is tagged, and what is wrong with the tags."""

import argparse
import sys
from importlib.metadata import version

from proxy import auditing
from proxy.commands.given import columns, configuration
from proxy.definitions import catalogue_of
from proxy.printing import PROBLEM, USAGE, fail, print_lines, progress
from proxy.screen import has_colour


def audit(given: argparse.Namespace) -> int:
    config = configuration(given, {})
    try:
        with progress() as at:
            found = auditing.audit(
                given.url,
                catalogue=catalogue_of(config.events),
                prefix=config.site.prefix,
                pages=given.pages,
                version=version("footfall"),
                at=at,
            )
    except auditing.Unreachable as wrong:
        return fail(str(wrong), USAGE)
    if given.json:
        printed = print_lines([auditing.as_json(found)])
    else:
        printed = print_lines(auditing.in_words(found, width=columns(), colour=has_colour(sys.stdout)))
    return PROBLEM if found.mistakes else printed
