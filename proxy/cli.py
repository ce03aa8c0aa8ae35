"""The command line: reads arguments, runs one command, returns 0 (good), 1 (a problem) or 2 (usage, configuration).

What it prints, printing.py does; what the processes do that it starts, children.py.
"""

import argparse
import asyncio
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from proxy import apikeys, app, auditing, certificates, files, forgetting, importing, reporting, serving, vocabulary
from proxy import backup as backups
from proxy import doctor as doctors
from proxy.arguments import parse
from proxy.checks import socket_path
from proxy.children import CHILDREN
from proxy.config import Config, ConfigError, load
from proxy.config import keys as known_keys
from proxy.definitions import catalogue_of, quoted
from proxy.printing import draw, fail, is_wanted, print_error, print_lines, progress, say
from proxy.progress import CLEARED
from proxy.reconciling import run as reconciling
from proxy.reconciling import telling
from proxy.reconciling.run import Options
from proxy.screen import has_colour
from proxy.secretfile import SecretFileError
from proxy.store.base import StoreError
from proxy.supervisor import BindError

GOOD, PROBLEM, USAGE = 0, 1, 2
DEFAULT_FILE = Path("config.toml")
SUMMARY_COLUMNS = 80  # where nobody says how wide the terminal is
BAD_LINES_SHOWN = 20  # of an import; all of them are counted


def main(arguments: Sequence[str] | None = None) -> int:
    given = parse(sys.argv[1:] if arguments is None else arguments, version("footfall"))
    try:
        return COMMANDS[given.command](given)
    except ConfigError as wrong:
        return fail(str(wrong), USAGE)
    except (BindError, files.StartError, SecretFileError) as wrong:
        return fail(str(wrong), PROBLEM)
    except KeyboardInterrupt:
        return PROBLEM


def serve(given: argparse.Namespace) -> int:
    config = _configuration(given, {"site.upstream": given.upstream})
    if not config.site.upstream:
        raise ConfigError("no site to front: footfall serve --upstream URL, or site.upstream in config.toml")
    return asyncio.run(serving.serve(config, given))


def demo(given: argparse.Namespace) -> int:
    config = _configuration(given, {"site.upstream": "", "site.public_origin": ""})
    if given.visitors and (config.tls.cert_file or socket_path(config.site.listen)):
        raise ConfigError("--visitors: simulated visitors walk by plain http over TCP only")
    return asyncio.run(serving.serve(config, given))


def report(given: argparse.Namespace) -> int:
    config = _configuration(given, {})
    try:
        chosen = reporting.read_filters(given.only)
    except ValueError as wrong:
        raise ConfigError(f"--only: {wrong}") from None
    if given.address:
        if config.report.listen_address is None:
            raise ConfigError("report.listen is off: there is no report in a browser")
        if not config.report.listen_address[1]:
            raise ConfigError("report.listen has port 0: only the running footfall knows the address; it printed it")
        return print_lines([f"http://{config.report.listen}/?token={reporting.load_token(config.token_path)}"])
    try:
        return print_lines(
            reporting.summarise(
                config,
                days=given.days,
                chosen=chosen,
                as_json=given.json,
                width=_columns(),
                colour=has_colour(sys.stdout),
            )
        )
    except StoreError as wrong:
        return fail(str(wrong), PROBLEM)


def export(given: argparse.Namespace) -> int:
    config = _configuration(given, {})
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


def backup(given: argparse.Namespace) -> int:
    config = _configuration(given, {})
    with progress() as at:
        size = backups.backup(config.store_path, given.file, force=given.force, at=at)
    say(f"{given.file}: {size / 1_000_000:,.1f} MB, whole")
    return GOOD


def forget(given: argparse.Namespace) -> int:
    receipt = forgetting.forget(_configuration(given, {}), given.visitor, app.now_ms())
    printed = print_lines([json.dumps(receipt.as_json())] if given.json else receipt.lines())
    return printed if receipt.is_whole else PROBLEM


def doctor(given: argparse.Namespace) -> int:
    config = _configuration(given, {})
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


def import_export(given: argparse.Namespace) -> int:
    config = _configuration(given, {})
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


def events(given: argparse.Namespace) -> int:
    catalogue = catalogue_of(_configuration(given, {}).events)
    if given.json:
        return print_lines([json.dumps({"events": vocabulary.as_plain(catalogue)}, ensure_ascii=False)])
    return print_lines(vocabulary.in_words(catalogue, shutil.get_terminal_size((SUMMARY_COLUMNS, 1)).columns))


def key(given: argparse.Namespace) -> int:
    secret, line = apikeys.make_key(given.name)
    say("the key, for the server to send as `Authorization: Bearer`; it is shown this once and kept nowhere:")
    printed = print_lines([secret])
    say("into config.toml, beside others that are there already:")
    print_error(f'[api]\nserver_keys = ["{line}"]')
    return printed


def audit(given: argparse.Namespace) -> int:
    config = _configuration(given, {})
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
        printed = print_lines(auditing.in_words(found, width=_columns(), colour=has_colour(sys.stdout)))
    return PROBLEM if found.mistakes else printed


def check(given: argparse.Namespace) -> int:
    config = _configuration(given, {})
    found = [reporting.inspect_token(config.token_path), certificates.inspect_tls(config), apikeys.inspect(config)]
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


def reconcile(given: argparse.Namespace) -> int:
    config = _configuration(given, {})
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
        found = reconciling.reconcile(config, given.file, options, now_ms=app.now_ms(), at=at)
    said = [telling.as_json(found, name, given.lines)] if given.json else telling.lines_of(found, name, given.lines)
    return max(print_lines(said), GOOD if found.is_explained else PROBLEM)


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "serve": serve,
    "demo": demo,
    "report": report,
    "export": export,
    "import": import_export,
    "audit": audit,
    "backup": backup,
    "forget": forget,
    "doctor": doctor,
    "events": events,
    "key": key,
    "reconcile": reconcile,
    "check": check,
    **CHILDREN,
}


def _columns() -> int:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else SUMMARY_COLUMNS


def _configuration(given: argparse.Namespace, overrides: dict[str, object]) -> Config:
    path = given.config or (DEFAULT_FILE if DEFAULT_FILE.is_file() else None)
    for option, key in (("store", "store.url"), ("listen", "site.listen"), ("report", "report.listen")):
        overrides[key] = getattr(given, option, None)
    return load(path, os.environ, overrides)
