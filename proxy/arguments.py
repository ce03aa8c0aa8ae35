"""What can be typed after `footfall`, and what --help says about it. Pure: parses text, opens nothing."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from proxy import typed

LANES = ("person", "unproven", "bot")  # VISITS section 5
FORMATS = ("jsonl", "csv")
AUDITED_PAGES = 50
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
    top.add_argument("--version", action="version", version=f"footfall {version}")
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

    _telling(commands)
    _caring(commands)
    return top


def _telling(commands: "argparse._SubParsersAction[Parser]") -> None:
    """The commands that tell what was recorded, and what a site's pages are going to record."""
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
    _audit(
        commands.add_parser(
            "audit",
            help="read the pages of a site, and say what is tagged there and what is tagged wrongly",
            description="Read pages of a site, following its links (GET only, one at a time), and list what is tagged "
            "with its page and line, every mistake, and forms that could be tagged. Exit code 1: there is a mistake; "
            "2: the page at URL cannot be read.",
        )
    )


def _caring(commands: "argparse._SubParsersAction[Parser]") -> None:
    """The commands that look after the store and the configuration."""
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
    command.add_argument("--visitor", metavar="UUID", type=typed.uuid, help="only this visitor")
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


def _audit(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "url", metavar="URL", type=typed.page, help="a page of the site, such as https://shop.example/"
    )
    command.add_argument(
        "--pages",
        metavar="N",
        type=typed.pages,
        default=AUDITED_PAGES,
        help=f"ask for so many at most ({AUDITED_PAGES})",
    )
    command.add_argument("--json", action="store_true", help="the same as one JSON object")
    command.add_argument("--config", metavar="FILE", type=Path, help="the site's configuration (./config.toml)")


def _doctor(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--repair", action="store_true", help="make what is counted what was recorded; recording waits meanwhile"
    )
    command.add_argument("--json", action="store_true", help="the same as one JSON object")
    _everywhere(command)


def _forget(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "visitor", metavar="UUID", type=typed.uuid, help="the visitor, as export and the report name it"
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
