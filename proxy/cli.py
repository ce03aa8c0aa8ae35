"""The command line: reads arguments, runs one command, returns 0 (good), 1 (a problem) or 2 (usage, configuration).

What it prints, printing.py does. What a running footfall starts itself with is in children.py.
"""

import argparse
import asyncio
import json
import logging
import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from proxy import app, auditing, children, files, forgetting, importing, reporting
from proxy import backup as backups
from proxy import doctor as doctors
from proxy.arguments import parse
from proxy.checks import socket_path
from proxy.config import Config, ConfigError, load
from proxy.config import keys as known_keys
from proxy.events.catalogue import SHIPPED
from proxy.keys import to_text
from proxy.printing import draw, fail, is_wanted, print_error, print_lines, progress, say
from proxy.progress import CLEARED
from proxy.screen import has_colour, url_of, welcome
from proxy.secretfile import SecretFileError
from proxy.store.base import StoreError
from proxy.supervisor import BindError, Job, Supervisor, bind_patiently

GOOD, PROBLEM, USAGE = 0, 1, 2
DEFAULT_FILE = Path("config.toml")
SUMMARY_COLUMNS = 80  # where nobody says how wide the terminal is
BAD_LINES_SHOWN = 20  # of an import; all of them are counted
DRAIN_SECONDS = 35.0  # for workers, which give themselves 30 s to finish what is in flight; then they are killed


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
    return asyncio.run(_serve(config, given))


def demo(given: argparse.Namespace) -> int:
    config = _configuration(given, {"site.upstream": "", "site.public_origin": ""})
    if given.visitors and (config.tls.cert_file or socket_path(config.site.listen)):
        raise ConfigError("--visitors: simulated visitors walk by plain http over TCP only")
    return asyncio.run(_serve(config, given))


async def _serve(config: Config, given: argparse.Namespace) -> int:
    demo = given.command == "demo"
    if wrong := app.inspect_tls(config):
        raise ConfigError(wrong)
    listener = await bind_patiently(*config.site.listen_address)
    address = url_of(listener, "https" if config.tls.cert_file else "http")
    jobs = []
    if demo:
        site = await bind_patiently("127.0.0.1", 0)
        jobs.append(Job("demo shop", "demo-site", (site,)))
        config = config.with_upstream(url_of(site))
    logging.basicConfig(level=logging.WARNING, format="footfall: %(message)s")
    told = {"config": config.to_json(), "keys": to_text(files.prepare(config))}
    jobs.append(Job("worker", "worker", (listener,), json.dumps(told).encode(), given.workers))
    report = await _report_job(config, address, jobs)
    if demo and given.visitors:
        walk = {"address": address, "visitors": given.visitors}
        jobs.append(Job("simulated visitors", "demo-visitors", (), json.dumps(walk).encode(), once=True))
    for line in welcome(config, address, report, given):
        print_error(line)
    return await Supervisor(announce=say, drain_seconds=DRAIN_SECONDS).run(jobs)


async def _report_job(config: Config, site: str, jobs: list[Job]) -> str:
    """Adds the report's process to the jobs. Returns the address that opens it, '' where there is none: a report that
    cannot be had is no reason not to serve the site."""
    if config.report.listen_address is None:
        return ""
    try:
        token = reporting.load_token(config.token_path)
        listener = await bind_patiently(*config.report.listen_address)
    except (BindError, SecretFileError) as wrong:
        say(f"there will be no report: {wrong}")
        return ""
    told = {"config": config.to_json(), "token": token, "site": site}
    jobs.append(Job("report", "report-site", (listener,), json.dumps(told).encode(), vital=False))
    return f"{url_of(listener)}/?token={token}"


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


def audit(given: argparse.Namespace) -> int:
    config = _configuration(given, {})
    try:
        with progress() as at:
            found = auditing.audit(
                given.url,
                catalogue=SHIPPED,
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
    found = [reporting.inspect_token(config.token_path), app.inspect_tls(config)]
    problems = [*files.inspect(config), *filter(None, found)]
    default = Config()
    lines = []
    for name, _, _ in known_keys():
        table, _, key = name.partition(".")
        value = getattr(getattr(config, table), key)
        if value != getattr(getattr(default, table), key):
            lines.append(f"{name} = {value!r}")
    lines += [f"store: {config.store_path}", f"key:   {config.key_path}"]
    if not problems:
        missing = "" if config.site.upstream else ", but site.upstream is empty: `footfall serve` needs --upstream"
        lines.append(f"ok{missing}")
    printed = print_lines(lines)
    for problem in problems:
        fail(problem, PROBLEM)
    return PROBLEM if problems else printed


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
    "check": check,
    "worker": children.worker,
    "report-site": children.report_site,
    "demo-visitors": children.demo_visitors,
    "demo-site": children.demo_site,
}


def _columns() -> int:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else SUMMARY_COLUMNS


def _configuration(given: argparse.Namespace, overrides: dict[str, object]) -> Config:
    path = given.config or (DEFAULT_FILE if DEFAULT_FILE.is_file() else None)
    for option, key in (("store", "store.url"), ("listen", "site.listen"), ("report", "report.listen")):
        overrides[key] = getattr(given, option, None)
    return load(path, os.environ, overrides)
