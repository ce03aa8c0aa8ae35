"""`footfall events`: the actions that are defined."""

import argparse
import json

from proxy import vocabulary
from proxy.commands.given import configuration, terminal_columns
from proxy.definitions import catalogue_of
from proxy.printing import print_lines


def events(given: argparse.Namespace) -> int:
    catalogue = catalogue_of(configuration(given, {}).events)
    if given.json:
        return print_lines([json.dumps({"events": vocabulary.as_plain(catalogue)}, ensure_ascii=False)])
    return print_lines(vocabulary.in_words(catalogue, terminal_columns()))
