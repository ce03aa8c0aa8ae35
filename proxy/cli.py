"""The command line: reads arguments, runs one command, returns 0 (good), 1 (a problem) or 2 (usage, configuration).

The only module that prints. What was asked for goes to standard output, everything about the running to standard
error; an error is one line. Children are started with the hidden commands `worker` and `demo-site`: their
configuration comes on standard input, their listening sockets and the parent's lifeline as descriptors.
"""

import argparse
import asyncio
import logging
import os
import shlex
import socket
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from proxy import app
from proxy.arguments import parser
from proxy.config import Config, ConfigError, keys, load
from proxy.demo import shop
from proxy.http import server
from proxy.supervisor import BindError, Job, Supervisor, bind_patiently

GOOD, PROBLEM, USAGE = 0, 1, 2
DEFAULT_FILE = Path("config.toml")
SITE_SECONDS = 2  # for the demo's shop to finish what it is sending
DRAIN_SECONDS = 35.0  # for workers, which give themselves 30 s to finish what is in flight; then they are killed
LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s[%(process)d]: %(message)s"


def main(arguments: Sequence[str] | None = None) -> int:
    given = parser(version("footfall")).parse_args(arguments)
    try:
        return COMMANDS[given.command](given)
    except ConfigError as wrong:
        return _fail(str(wrong), USAGE)
    except (BindError, app.StartError) as wrong:
        return _fail(str(wrong), PROBLEM)
    except KeyboardInterrupt:
        return PROBLEM


def serve(given: argparse.Namespace) -> int:
    config = _configuration(given, {"site.upstream": given.upstream})
    if not config.site.upstream:
        raise ConfigError("no site to front: footfall serve --upstream URL, or site.upstream in config.toml")
    return asyncio.run(_serve(config, given.workers, demo=False, hint=_again(given)))


def demo(given: argparse.Namespace) -> int:
    config = _configuration(given, {"site.upstream": "", "site.public_origin": ""})
    return asyncio.run(_serve(config, given.workers, demo=True, hint=_again(given)))


async def _serve(config: Config, workers: int, *, demo: bool, hint: str) -> int:
    if config.report.listen_address is not None:
        raise ConfigError('report.listen: this version has no report yet; only "off" can be served')
    listener = await bind_patiently(*config.site.listen_address)
    jobs = []
    if demo:
        site = await bind_patiently("127.0.0.1", 0)
        jobs.append(Job("demo shop", "demo-site", (site,)))
        config = config.with_upstream(_url(site))
    logging.basicConfig(level=logging.WARNING, format="footfall: %(message)s")
    app.prepare(config)
    jobs.append(Job("worker", "worker", (listener,), config.to_json().encode(), workers))
    for line in _welcome(config, _url(listener), demo=demo, hint=hint):
        print(line, file=sys.stderr)
    return await Supervisor(announce=_say, drain_seconds=DRAIN_SECONDS).run(jobs)


def export(given: argparse.Namespace) -> int:
    config = _configuration(given, {})
    lines = app.export(
        config,
        format=given.format,
        since_ms=given.since,
        until_ms=given.until,
        action=given.action,
        visitor=given.visitor,
        lane=given.lane,
    )
    try:
        for line in lines:
            print(line)
        sys.stdout.flush()
    except BrokenPipeError:  # `footfall export | head`; the interpreter must not try to flush again at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return GOOD


def check(given: argparse.Namespace) -> int:
    config = _configuration(given, {})
    default = Config()
    for name, _, _ in keys():
        table, _, key = name.partition(".")
        value = getattr(getattr(config, table), key)
        if value != getattr(getattr(default, table), key):
            print(f"{name} = {value!r}")
    print(f"store: {config.store_path}")
    print(f"key:   {config.key_path}")
    print("ok" if config.site.upstream else "ok, but site.upstream is empty: `footfall serve` needs --upstream")
    return GOOD


def worker(given: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.INFO, format=LOG_FORMAT)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)  # its starting and stopping is ours to tell
    config = Config.from_json(sys.stdin.read())
    return app.run_worker(config, _sockets(given), given.lifeline)


def demo_site(given: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.WARNING, format=LOG_FORMAT)
    return server.run(
        shop.app(),
        sockets=_sockets(given),
        refused=lambda host, status: None,
        lifeline=given.lifeline,
        graceful_seconds=SITE_SECONDS,
    )


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "serve": serve,
    "demo": demo,
    "export": export,
    "check": check,
    "worker": worker,
    "demo-site": demo_site,
}


def _configuration(given: argparse.Namespace, overrides: dict[str, object]) -> Config:
    path = given.config or (DEFAULT_FILE if DEFAULT_FILE.is_file() else None)
    for option, key in (("store", "store.url"), ("listen", "site.listen"), ("report", "report.listen")):
        overrides[key] = getattr(given, option, None)
    return load(path, os.environ, overrides)


def _sockets(given: argparse.Namespace) -> list[socket.socket]:
    return [socket.socket(fileno=number) for number in given.socket]


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _again(given: argparse.Namespace) -> str:
    """The export command that reads what this run writes, as one can type it here."""
    program = Path(sys.executable).with_name("footfall")
    try:
        name = str(program.relative_to(Path.cwd()))
    except ValueError:
        name = "footfall"
    options = [f" --{key} {shlex.quote(str(value))}" for key in ("config", "store") if (value := getattr(given, key))]
    return f"{name} export{''.join(options)}"


def _welcome(config: Config, address: str, *, demo: bool, hint: str) -> list[str]:
    site = "the shop, through footfall" if demo else "the site, through footfall"
    lines = [
        f"footfall {version('footfall')}",
        f"  {site:28}{_strong(address + '/')}",
        f"  {'without it':28}{config.site.upstream}/",
        f"  {'what happens is kept in':28}{config.store_path}",
        "",
    ]
    if demo:
        lines += [
            "Open the first address, look at a few products, subscribe to the newsletter, order something.",
            "Everything is made up and nothing leaves this machine. Then, in another terminal:",
        ]
    else:
        lines += ["Open the first address, look at a few pages; then, in another terminal:"]
    return [*lines, f"  {hint}", "Ctrl-C stops; what is in flight is finished first.", ""]


def _strong(text: str) -> str:
    coloured = sys.stderr.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return f"\033[1m{text}\033[0m" if coloured else text


def _say(line: str) -> None:
    print(f"footfall: {line}", file=sys.stderr, flush=True)


def _fail(line: str, code: int) -> int:
    _say(" ".join(line.split()))
    return code
