"""What can be typed after `footfall`, and what --help says about it. Pure: parses text, opens nothing."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from proxy import typed

LANES = ("person", "unproven", "bot")  # VISITS section 5
FORMATS = ("jsonl", "csv")
CHILDREN = (
    "worker",
    "report-site",
    "demo-site",
    "demo-visitors",
)  # what a running footfall starts; nobody types it, so nobody is told of it

_CONFIGURATION = """\
configuration:
  ./config.toml is read where it exists, or the file that --config names. Every key can also be given in the
  environment: FOOTFALL_SITE__UPSTREAM is site.upstream. The command line wins over both.
exit codes:
  0 good   1 a problem   2 wrong usage or configuration
"""


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line; argparse would print the whole usage before it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"footfall: {message} (see {self.prog} --help)\n")


def parse(words: Sequence[str], version: str) -> argparse.Namespace:
    """What was typed, or what a parent says to its child; ends the process where it is wrong, or asks for help."""
    return (_children() if words and words[0] in CHILDREN else parser(version)).parse_args(words)


def parser(version: str) -> argparse.ArgumentParser:
    top = Parser(
        prog="footfall",
        description="A reverse proxy that records who visits a site, page by page, without touching the site.",
        epilog=_CONFIGURATION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    # The longest option is what argparse indents the commands' help by: without -V `reconcile` would not fit.
    top.add_argument("-V", "--version", action="version", version=f"footfall {version}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)

    serve = commands.add_parser("serve", help="stand in front of a site", description="Stand in front of a site.")
    serve.add_argument("--upstream", metavar="URL", help="the site, such as http://127.0.0.1:3000")
    _running(serve)

    demo = commands.add_parser(
        "demo",
        help="stand in front of a small bundled shop, to try it",
        description="Start a small bundled shop and stand in front of it, to try footfall.",
    )
    demo.add_argument(
        "--visitors",
        metavar="N",
        type=typed.visitors,
        default=0,
        help="simulated visitors who walk the shop at once (0)",
    )
    _running(demo)

    _report(
        commands.add_parser(
            "report",
            help="print what visitors did, or where the report is read",
            description="Print a summary of what visitors did in the last days.",
        )
    )
    _export(commands.add_parser("export", help="print what was recorded", description="Print what was recorded."))
    _import(
        commands.add_parser(
            "import",
            help="put what was exported into a store",
            description="Put the events of an export, JSON lines or CSV, into the store, while footfall runs. What is "
            "there already is passed over: an import that was interrupted is begun again with the same file.",
        )
    )
    _caring(commands)
    _configuring(commands)
    return top


def _caring(commands: "argparse._SubParsersAction[Parser]") -> None:
    """The commands that look after the store."""
    _backup(
        commands.add_parser(
            "backup",
            help="copy the store while it is in use",
            description="Copy the store into FILE while footfall runs. The copy has everything that was recorded "
            "before the copying began, and is checked before it gets its name.",
        )
    )
    _forget(
        commands.add_parser(
            "forget",
            help="erase a visitor and all that is held of it",
            description="Erase a visitor while footfall runs: its events, sessions and whatever else only it has left "
            "behind. What still comes of it is not taken, and its cookie counts as none. Copies beside the store that "
            "still have it are named.",
        )
    )
    _doctor(
        commands.add_parser(
            "doctor",
            help="check the store against itself, and repair what is counted",
            description="Check that the store's file is whole, that everything in it leads somewhere, and that what is "
            "counted is what was recorded, while footfall runs. Exit code 1: something was found.",
        )
    )

    _reconcile(
        commands.add_parser(
            "reconcile",
            help="set the site's own access log against what was counted",
            description="Set an access log in Combined Log Format, as nginx and Apache write it, against what was "
            "counted, and explain the difference line by line: of each line what became of it, as far as that can be "
            "told; page views one to one. Exit code 1: something is left that nothing explains.",
        )
    )


def _configuring(commands: "argparse._SubParsersAction[Parser]") -> None:
    """The commands about what is configured."""
    events = commands.add_parser(
        "events",
        help="list the events that are defined, and their params",
        description="List every event that may be sent, the site's own and footfall's: who sends it, whether it opens "
        "a session, and its params.",
    )
    events.add_argument("--json", action="store_true", help="the same as one JSON object")
    _everywhere(events)

    key = commands.add_parser(
        "key",
        help="make a key for a server that is to use the API",
        description="Make a key for a server that is to use the API: the key on standard output, and the line for "
        "api.server_keys, which has only its hash.",
    )
    key.add_argument("name", metavar="NAME", type=typed.server, help="how the key is called, such as shop")

    check = commands.add_parser(
        "check",
        help="check configuration, secrets file and store, and show what differs from the defaults",
        description="Check the configuration, the secrets file and the store where they exist, and show what differs "
        "from the defaults. Makes and changes nothing.",
    )
    _everywhere(check)


def _children() -> argparse.ArgumentParser:
    top = Parser(prog="footfall")
    commands = top.add_subparsers(dest="command", required=True, parser_class=Parser)
    for name in CHILDREN:
        child = commands.add_parser(name)
        child.add_argument("--socket", type=int, action="append")
        child.add_argument("--lifeline", type=int, required=True)
    return top


def _everywhere(command: argparse.ArgumentParser) -> None:
    command.add_argument("--store", metavar="URL", help="where events are kept (sqlite:///footfall.db)")
    command.add_argument("--config", metavar="FILE", type=Path, help="the configuration (./config.toml)")


def _running(command: argparse.ArgumentParser) -> None:
    command.add_argument("--listen", metavar="HOST:PORT", help="where visitors connect (127.0.0.1:8080)")
    command.add_argument("--report", metavar="HOST:PORT|off", help="where the report is read (127.0.0.1:8081)")
    command.add_argument("--workers", metavar="N", type=typed.workers, default=1, help="worker processes (1)")
    _everywhere(command)


def _export(command: argparse.ArgumentParser) -> None:
    command.add_argument("--format", choices=FORMATS, default="jsonl", help="jsonl (one object a line) or csv")
    command.add_argument(
        "--from", dest="since", metavar="TIME", type=typed.since, help="ISO date or time (UTC), or Unix ms: no earlier"
    )
    command.add_argument(
        "--to", dest="until", metavar="TIME", type=typed.until, help="the same: before it, a date with its whole day"
    )
    command.add_argument("--action", metavar="NAME", help="only this action, such as page.visit")
    command.add_argument("--visitor", metavar="UUID", type=typed.visitor, help="only this visitor")
    command.add_argument("--lane", choices=LANES, help="only this lane")
    _everywhere(command)


def _backup(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "file", metavar="FILE", type=typed.file, help="where the copy goes; readable by its owner only"
    )
    command.add_argument("--force", action="store_true", help="overwrite FILE where it is there already")
    _everywhere(command)


def _import(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "file", metavar="FILE", type=typed.file, help="what footfall export printed; - is standard input"
    )
    _everywhere(command)


def _doctor(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--repair", action="store_true", help="make what is counted what was recorded; recording waits meanwhile"
    )
    command.add_argument("--json", action="store_true", help="the same as one JSON object")
    _everywhere(command)


def _forget(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "visitor", metavar="UUID", type=typed.visitor, help="the visitor, as export and the report name it"
    )
    command.add_argument("--json", action="store_true", help="the receipt as one JSON object")
    _everywhere(command)


def _report(command: argparse.ArgumentParser) -> None:
    command.add_argument("--days", metavar="N", type=typed.days, default=7, help="so many days, today included (7)")
    command.add_argument(
        "--only",
        metavar="FILTER",
        action="append",
        default=[],
        help="only sessions that have to do with a page, a source or an element, as the report's addresses name it: "
        "page=HOST/PATH, source=CHANNEL NAME, did=ACTION HOST/PATH NAME; may be given again",
    )
    command.add_argument("--report", metavar="HOST:PORT", help="where the report is read (127.0.0.1:8081)")
    command.add_argument("--json", action="store_true", help="the same numbers as one JSON object")
    command.add_argument(
        "--address", action="store_true", help="print the address that opens the report in a browser, and nothing else"
    )
    _everywhere(command)


def _reconcile(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "file", metavar="LOG", type=typed.file, help="the log, or the same in gzip; - is standard input"
    )
    command.add_argument(
        "--side",
        choices=("front", "site"),
        default="front",
        help="whose log: front (of a server in front of footfall, such as nginx: it has footfall's own requests too, "
        "and answers some itself) or site (the site's behind it: it never sees footfall's own nor refused ones, and "
        "failed or aborted ones may be missing)",
    )
    command.add_argument(
        "--host", metavar="NAME", action="append", default=[], help="the log is of this host only; may be given again"
    )
    command.add_argument(
        "--skip",
        metavar="GLOB",
        action="append",
        default=[],
        help="paths that do not come through footfall, such as /static/* that nginx serves; may be given again",
    )
    command.add_argument(
        "--whole-days", action="store_true", help="the log has all lines of each day (UTC) that it touches"
    )
    command.add_argument(
        "--window",
        metavar="SECONDS",
        type=typed.window,
        default=5,
        help="how far times of the log and ours may differ (5)",
    )
    command.add_argument(
        "--lines", metavar="N", type=typed.lines, default=20, help="unexplained lines to show of each kind (20)"
    )
    command.add_argument("--json", action="store_true", help="the same as one JSON object")
    _everywhere(command)
