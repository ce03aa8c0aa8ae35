"""The command line: reads arguments, runs one command, returns 0 (good), 1 (a problem) or 2 (usage, configuration).

The only module that prints. What was asked for goes to standard output, everything about the running to standard
error; an error is one line. Children are started with the hidden commands `worker` and `demo-site`: their
configuration and the signing keys come on standard input, so that no list of processes shows them and all workers
have the same; their listening sockets and the parent's lifeline come as descriptors.
"""

import argparse
import asyncio
import json
import logging
import os
import shlex
import socket
import sys
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

from proxy import app
from proxy.arguments import parse
from proxy.config import Config, ConfigError, load
from proxy.config import keys as known_keys
from proxy.demo import shop
from proxy.http import server
from proxy.keys import from_text, to_text
from proxy.supervisor import BindError, Job, Supervisor, bind_patiently

GOOD, PROBLEM, USAGE = 0, 1, 2
DEFAULT_FILE = Path("config.toml")
SITE_SECONDS = 2  # for the demo's shop to finish what it is sending
DRAIN_SECONDS = 35.0  # for workers, which give themselves 30 s to finish what is in flight; then they are killed
LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s[%(process)d]: %(message)s"


def main(arguments: Sequence[str] | None = None) -> int:
    given = parse(sys.argv[1:] if arguments is None else arguments, version("footfall"))
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
    listener = await bind_patiently(*config.site.listen_address)
    jobs = []
    if demo:
        site = await bind_patiently("127.0.0.1", 0)
        jobs.append(Job("demo shop", "demo-site", (site,)))
        config = config.with_upstream(_url(site))
    logging.basicConfig(level=logging.WARNING, format="footfall: %(message)s")
    told = {"config": config.to_json(), "keys": to_text(app.prepare(config))}
    jobs.append(Job("worker", "worker", (listener,), json.dumps(told).encode(), workers))
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
    return _print(lines)


def check(given: argparse.Namespace) -> int:
    config = _configuration(given, {})
    problems = app.inspect(config)
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
    printed = _print(lines)
    for problem in problems:
        _fail(problem, PROBLEM)
    return PROBLEM if problems else printed


def worker(given: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.INFO, format=LOG_FORMAT)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)  # its starting and stopping is ours to tell
    told = json.load(sys.stdin)
    config, keys = Config.from_json(told["config"]), from_text(told["keys"])
    return app.run_worker(config, keys, _sockets(given), given.lifeline)


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


def _print(lines: Iterable[str]) -> int:
    """What was asked for, on standard output. A reader that has seen enough, as in `export | head`, is no problem."""
    try:
        for line in lines:
            print(line)
        print(end="", flush=True)
    except OSError as wrong:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter's last flush fails as well
        if isinstance(wrong, BrokenPipeError):
            return GOOD
        return _fail(f"cannot write to standard output: {wrong.strerror}", PROBLEM)
    return GOOD


def _say(line: str) -> None:
    print(f"footfall: {line}", file=sys.stderr, flush=True)


def _fail(line: str, code: int) -> int:
    _say(" ".join(line.split()))
    return code
