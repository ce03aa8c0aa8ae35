"""The commands that look after the store: export, import, backup, forget, doctor."""

import argparse
import json
import sys
import time

from proxy import backup as backups
from proxy import doctor as doctors
from proxy import files, forgetting, importing
from proxy.clock import now_ms
from proxy.commands.given import configuration
from proxy.printing import GOOD, PROBLEM, draw, is_wanted, print_lines, progress, say
from proxy.progress import CLEARED
from proxy.screen import has_colour

BAD_LINES_SHOWN = 20  # of an import; all of them are counted


def export(given: argparse.Namespace) -> int:
    config = configuration(given, {})
    lines = files.export(
        config,
        format=given.format,
        since_ms=given.since,
        until_ms=given.until,
        action=given.action,
        visitor=given.visitor,
        lane=given.lane,
    )
    return print_lines(lines)


def import_export(given: argparse.Namespace) -> int:
    config = configuration(given, {})
    name = "standard input" if given.file == importing.STDIN else given.file
    said = 0

    def complain(number: int, why: str) -> None:
        nonlocal said
        said += 1
        if said <= BAD_LINES_SHOWN:
            draw(CLEARED if has_colour(sys.stderr) else "")
            say(f"{name}, line {number}: {why}")

    with progress() as at:
        done = importing.import_all(config, given.file, at=at, complain=complain)
    say(f"{name}: {', '.join(importing.in_words(done))}")
    return PROBLEM if done.bad else GOOD


def backup(given: argparse.Namespace) -> int:
    config = configuration(given, {})
    with progress() as at:
        size = backups.backup(config.store_path, given.file, force=given.force, at=at)
    say(f"{given.file}: {size / 1_000_000:,.1f} MB, whole")
    return GOOD


def forget(given: argparse.Namespace) -> int:
    receipt = forgetting.forget(configuration(given, {}), given.visitor, now_ms())
    printed = print_lines([json.dumps(receipt.as_json())] if given.json else receipt.lines())
    return printed if receipt.is_whole else PROBLEM


def doctor(given: argparse.Namespace) -> int:
    config = configuration(given, {})
    with progress() as at:
        left = found = doctors.look(config, at)
    if not given.json:
        print_lines(doctors.in_words(found))
    is_repaired = doctors.can_be_repaired(found) and (given.repair or (not given.json and is_wanted(doctors.QUESTION)))
    if is_repaired:
        with progress() as at:
            doctors.repair(config, at)
            left = doctors.look(config, at)
    now = time.time()
    if given.json:
        lines = [doctors.as_json(config.store_path, found, left if is_repaired else None, now)]
    else:
        lines = [*(doctors.repaired_in_words(found, left) if is_repaired else ()), *doctors.sizes_in_words(left, now)]
    return print_lines(lines) if doctors.is_well(left) else max(print_lines(lines), PROBLEM)
