"""`footfall check`: what the configuration says, and what `footfall serve` would stumble over."""

import argparse

from proxy import apikeys, certificates, files, reporttoken
from proxy.commands.given import configuration
from proxy.config import Config
from proxy.config import keys as known_keys
from proxy.definitions import quoted
from proxy.printing import PROBLEM, fail, print_lines


def check(given: argparse.Namespace) -> int:
    config = configuration(given, {})
    found = [reporttoken.inspect_token(config.token_path), certificates.inspect_tls(config), apikeys.inspect(config)]
    problems = [*files.inspect(config), *filter(None, found)]
    default = Config()
    lines = []
    for name, _, _ in known_keys():
        table, _, key = name.partition(".")
        value = getattr(getattr(config, table), key)
        if value != getattr(getattr(default, table), key):
            lines.append(f"{name} = {value!r}")
    lines += [f"events.{quoted(one.action)} is defined" for one in config.events]
    lines += [f"store: {config.store_path}", f"key:   {config.key_path}"]
    if not problems:
        missing = "" if config.site.upstream else ", but site.upstream is empty: `footfall serve` needs --upstream"
        lines.append(f"ok{missing}")
    printed = print_lines(lines)
    for problem in problems:
        fail(problem, PROBLEM)
    return PROBLEM if problems else printed
