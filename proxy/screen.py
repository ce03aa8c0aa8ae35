"""What `serve` and `demo` say at their start, for whoever looks at the screen.

Law: a password is shown on a terminal only; a log is no place for it. Colours are left out where they are not wanted.
"""

import argparse
import os
import shlex
import socket
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TextIO

from proxy.checks import UNIX
from proxy.tables import Config


def url_of(listener: socket.socket, scheme: str = "http") -> str:
    if listener.family == socket.AF_UNIX:
        return f"{UNIX}{listener.getsockname()}"
    host, port = listener.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def welcome(config: Config, address: str, report: str, given: argparse.Namespace) -> list[str]:
    demo = given.command == "demo"
    where = report.partition("//")[2].partition("/")[0]  # with its port, also where that was left to the system
    where = where if given.report or where != config.report.listen else ""
    lines = [
        f"footfall {version('footfall')}",
        f"  {'the shop, through footfall' if demo else 'the site, through footfall':28}{_strong(_page(address))}",
        f"  {'without it':28}{_page(config.site.upstream)}",
    ]
    if report:
        # Where nobody looks at the screen this goes into a log, which is no place for a password.
        shown = report if demo or sys.stderr.isatty() else report.partition("?")[0]
        lines.append(f"  {'what visitors do':28}{_strong(shown)}")
        if shown != report:
            lines.append(f"  {'its way in':28}{_again(given, 'report --address', where)}")
    lines += [f"  {'what happens is kept in':28}{config.store_path}", ""]
    if demo:
        lines += [
            "Open the first address, look at a few products, subscribe to the newsletter, order something.",
            "Everything is made up and nothing leaves this machine. In another terminal:",
        ]
    else:
        lines += ["Open the first address, look at a few pages. In another terminal:"]
    return [
        *lines,
        f"  {_again(given, 'report', where)}",
        f"  {_again(given, 'export')}",
        "Ctrl-C stops; what is in flight is finished first.",
        "",
    ]


def _again(given: argparse.Namespace, command: str, report: str = "") -> str:
    """The command that reads what this run writes, as one can type it here. `report`: where its report is, said where
    the configuration does not say so."""
    program = Path(sys.executable).with_name("footfall")
    try:
        name = str(program.relative_to(Path.cwd()))
    except ValueError:
        name = "footfall"
    named = {"config": given.config, "store": given.store, "report": report}
    options = [f" --{key} {shlex.quote(str(value))}" for key, value in named.items() if value]
    return f"{name} {command}{''.join(options)}"


def _page(address: str) -> str:
    return address if address.startswith(UNIX) else f"{address}/"


def _strong(text: str) -> str:
    return f"\033[1m{text}\033[0m" if has_colour(sys.stderr) else text


def has_colour(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
