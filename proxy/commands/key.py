"""`footfall key`: a key for a server that sends events."""

import argparse

from proxy import apikeys
from proxy.printing import print_error, print_lines, say


def key(given: argparse.Namespace) -> int:
    secret, line = apikeys.make_key(given.name)
    say("the key, for the server to send as `Authorization: Bearer`; it is shown this once and kept nowhere:")
    printed = print_lines([secret])
    say("into config.toml, beside others that are there already:")
    print_error(f'[api]\nserver_keys = ["{line}"]')
    return printed
