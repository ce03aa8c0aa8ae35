"""What can be typed after `footfall`, and what --help says about it. Pure: parses text, opens nothing."""

import argparse
from collections.abc import Sequence
from typing import NoReturn

from proxy import options, typed

CHILDREN = (
    "worker",
    "writer",
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

    serve = commands.add_parser(
        "serve",
        help="stand in front of a site",
        description="Stand in front of a site. SIGTERM and Ctrl-C finish what is in flight, then end. SIGHUP reads the "
        "configuration again and puts new processes in the place of the old ones, without losing a request; where "
        "footfall was started in a terminal, it ends.",
    )
    serve.add_argument("--upstream", metavar="URL", help="the site, such as http://127.0.0.1:3000")
    options.running(serve)

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
    options.running(demo)

    _telling(commands)
    _caring(commands)
    _configuring(commands)
    return top


def _telling(commands: "argparse._SubParsersAction[Parser]") -> None:
    """The commands that tell what was recorded, and what a site's pages are going to record."""
    options.report(
        commands.add_parser(
            "report",
            help="print what visitors did, a page of the report, or where it is read",
            description="Print a summary of what visitors did in the last days, or another page of the report.",
        )
    )
    options.export(
        commands.add_parser("export", help="print what was recorded", description="Print what was recorded.")
    )
    options.import_(
        commands.add_parser(
            "import",
            help="put what was exported into a store",
            description="Put the events of an export, JSON lines or CSV, into the store, while footfall runs. What is "
            "there already is passed over: an import that was interrupted is begun again with the same file.",
        )
    )
    options.audit(
        commands.add_parser(
            "audit",
            help="read the pages of a site, and say what is tagged there and what is tagged wrongly",
            description="Read pages of a site, following its links (GET only, one at a time), and list what is tagged "
            "with its page and line, every mistake, and forms that could be tagged. Exit code 1: there is a mistake; "
            "2: the page at URL cannot be read.",
        )
    )


def _caring(commands: "argparse._SubParsersAction[Parser]") -> None:
    """The commands that look after the store."""
    options.backup(
        commands.add_parser(
            "backup",
            help="copy the store while it is in use",
            description="Copy the store into FILE while footfall runs. The copy has everything that was recorded "
            "before the copying began, and is checked before it gets its name.",
        )
    )
    options.forget(
        commands.add_parser(
            "forget",
            help="erase a visitor and all that is held of it",
            description="Erase a visitor while footfall runs: its events, sessions and whatever else only it has left "
            "behind. What still comes of it is not taken, and its cookie counts as none. Copies beside the store that "
            "still have it are named.",
        )
    )
    options.doctor(
        commands.add_parser(
            "doctor",
            help="check the store against itself, and repair what is counted",
            description="Check that the store's file is whole, that everything in it leads somewhere, and that what is "
            "counted is what was recorded, while footfall runs. Exit code 1: something was found.",
        )
    )

    options.reconcile(
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
    options.everywhere(events)

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
    options.everywhere(check)


def _children() -> argparse.ArgumentParser:
    top = Parser(prog="footfall")
    commands = top.add_subparsers(dest="command", required=True, parser_class=Parser)
    for name in CHILDREN:
        child = commands.add_parser(name)
        child.add_argument("--socket", type=int, action="append")
        child.add_argument("--lifeline", type=int, required=True)
        child.add_argument("--ready", type=int, required=True)
        child.add_argument("--tally", type=int)
        child.add_argument("--place", type=int)
        child.add_argument("--door", type=int)
    return top
