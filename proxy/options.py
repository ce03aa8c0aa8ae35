"""What each command takes behind its name: its options, and what --help says about them.

Law: pure; it opens nothing. A default that is said in the help is the configuration's (tests/unit/test_docs.py).
"""

import argparse
from pathlib import Path

from proxy import typed

LANES = ("person", "unproven", "bot")  # VISITS section 5
FORMATS = ("jsonl", "csv")
AUDITED_PAGES = 50
PAGES = ("overview", "visitors", "paths", "forms", "attention", "errors", "explore")


def everywhere(command: argparse.ArgumentParser) -> None:
    command.add_argument("--store", metavar="URL", help="where events are kept (sqlite:///footfall.db)")
    command.add_argument("--config", metavar="FILE", type=Path, help="the configuration (./config.toml)")


def running(command: argparse.ArgumentParser) -> None:
    command.add_argument("--listen", metavar="HOST:PORT", help="where visitors connect (127.0.0.1:8080)")
    command.add_argument("--report", metavar="HOST:PORT|off", help="where the report is read (127.0.0.1:8081)")
    command.add_argument("--workers", metavar="N", type=typed.workers, help="worker processes (1)")
    everywhere(command)


def export(command: argparse.ArgumentParser) -> None:
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
    everywhere(command)


def backup(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "file", metavar="FILE", type=typed.file, help="where the copy goes; readable by its owner only"
    )
    command.add_argument("--force", action="store_true", help="overwrite FILE where it is there already")
    everywhere(command)


def import_(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "file", metavar="FILE", type=typed.file, help="what footfall export printed; - is standard input"
    )
    everywhere(command)


def audit(command: argparse.ArgumentParser) -> None:
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


def doctor(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--repair", action="store_true", help="make what is counted what was recorded; recording waits meanwhile"
    )
    command.add_argument("--json", action="store_true", help="the same as one JSON object")
    everywhere(command)


def forget(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "visitor", metavar="UUID", type=typed.visitor, help="the visitor, as export and the report name it"
    )
    command.add_argument("--json", action="store_true", help="the receipt as one JSON object")
    everywhere(command)


def report(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "page",
        metavar="PAGE",
        nargs="?",
        choices=PAGES,
        default=PAGES[0],
        help=f"which page of the report: {', '.join(PAGES)} (overview)",
    )
    command.add_argument(
        "--of",
        metavar="THING",
        help="one thing instead of all, as the report's addresses name it: paths of a page (HOST/PATH), a form "
        "('HOST/PATH NAME'), what was hovered over (attention, 'ACTION HOST/PATH NAME'), what came after an error "
        "(errors, 'failed STATUS HOST/PATH' or 'slow HOST/PATH'), what events said (explore, ACTION)",
    )
    command.add_argument("--days", metavar="N", type=typed.days, default=7, help="so many days, today included (7)")
    command.add_argument(
        "--only",
        metavar="FILTER",
        action="append",
        default=[],
        help="only sessions that have to do with something, as the report's addresses name it: "
        "page=HOST/PATH, source=CHANNEL NAME, did=ACTION HOST/PATH NAME, device=SOURCE, failed=STATUS HOST/PATH, "
        "slow=HOST/PATH; may be given again",
    )
    command.add_argument("--report", metavar="HOST:PORT", help="where the report is read (127.0.0.1:8081)")
    command.add_argument("--json", action="store_true", help="the same numbers as one JSON object")
    command.add_argument(
        "--address", action="store_true", help="print the address that opens the report in a browser, and nothing else"
    )
    everywhere(command)


def reconcile(command: argparse.ArgumentParser) -> None:
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
    everywhere(command)
