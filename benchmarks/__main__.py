"""`python -m benchmarks`: CPU per request beside nginx's `sub_filter`, paired in the same run, as a table; then the
same site behind other proxies (benchmarks/field).

Exit codes: 0 good; 1 a problem, or the tracked 7 KB page costs more than RATIO_LIMIT times nginx; 2 wrong usage, or a
program is missing.
"""

import argparse
import contextlib
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.command import GOOD, PROBLEM, Plan, UsageError, machine, parser, run, say, versions, warn_if_busy
from benchmarks.field.run import Choice, check, words
from benchmarks.field.run import run as field
from benchmarks.field.told import brief, whole
from benchmarks.load import ARRIVING, CONNECTIONS, IMAGE, INSIDE, LOADERS, VISITORS
from benchmarks.pace import SLOWER
from benchmarks.pairing import pair_of
from benchmarks.rows import BARE, ONE, OPEN, PEER, TEN, TRACKED, TRIES, TWO, Figures, Visitors, released_unsaved, rounds
from benchmarks.servers import ROOT, SMALL, UNLIMITED, Server, footfall, origin, part, write_site
from benchmarks.table import PEERS, ratio, replaced, table

RATIO_LIMIT = 4.5
README = ROOT / "README.md"
PERFORMANCE = ROOT / "docs" / "performance.md"
OWN_FIELDS = 1
"""Host, which h2load adds; a cookie is another one."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where the tables are written to."""

    readme: Path
    performance: Path

    def check(self, *, alone: bool) -> None:
        """Raises UsageError where one has no markers; `alone`: only the first table is written."""
        needed = [(self.readme, "bench")]
        if not alone:
            needed += [(self.readme, PEERS), (self.performance, PEERS)]
        for path, name in needed:
            if not path.is_file() or replaced(path.read_text(), "", name) is None:
                raise UsageError(
                    f"{path.name} has no place for the table: a pair of markers, {name}:start and {name}:end"
                )

    def write(self, path: Path, text: str, name: str) -> None:
        path.write_text(replaced(path.read_text(), text, name) or "")
        say(f"{path.name} has the {'table' if name != PEERS else 'other proxies'}")


def main(arguments: list[str] | None = None) -> int:
    options = parser("CPU per request of footfall beside nginx sub_filter, as a ratio; then all that other proxies do.")
    options.add_argument("--write", action="store_true", help="put the tables into README.md and docs/performance.md")
    options.add_argument("--no-peers", action="store_true", help="footfall beside nginx, and no other proxies")
    options.add_argument("--only", type=words, default=[], metavar="NAMES", help="of the other tables, these proxies")
    options.add_argument("--row", type=words, default=[], metavar="NAMES", help="of the other tables, this traffic")
    options.add_argument("--readme", type=Path, default=README, help=argparse.SUPPRESS)
    options.add_argument("--performance", type=Path, default=PERFORMANCE, help=argparse.SUPPRESS)
    given = options.parse_args(arguments)
    choice = Choice(given.only, given.row)
    places = Places(given.readme, given.performance) if given.write else None
    return run(given, lambda plan: everything(plan, places, choice, alone=given.no_peers))


def everything(plan: Plan, places: Places | None, choice: Choice, *, alone: bool) -> int:
    """footfall beside nginx, unless something else was chosen; then the field, unless it was not wanted."""
    check(choice)
    some = bool(choice.only or choice.rows)
    if some and (places is not None or alone):
        raise UsageError("--only and --row measure a part of the tables: not with --write, nor with --no-peers")
    if places is not None:
        places.check(alone=alone)
    warn_if_busy()
    begun = time.monotonic()
    code = GOOD if some else bench(plan, places)
    if not alone:
        told = field(plan, choice)
        text = whole(told)
        print(text if some else f"\n{text}")
        if places is not None:
            places.write(places.readme, brief(told), PEERS)
            places.write(places.performance, text, PEERS)
    say(f"took {time.monotonic() - begun:.0f} s")
    return code


def bench(plan: Plan, places: Places | None) -> int:
    with contextlib.ExitStack() as running:
        servers, visitors = start(plan, running)
        say(f"{'; '.join(server.name for server in servers.values())}: running; warm-up, then rounds: {plan.rounds}")
        figures = list(
            rounds(plan.programs.h2load, servers, visitors, number=plan.rounds, requests=plan.requests, say=say)
        )
    late = sum(released_unsaved(server.store) for server in servers.values() if server.store)
    text = f"{table(figures)}\n\n{explained(plan, figures, late)}"
    print(text)
    if places is not None:
        places.write(places.readme, text, "bench")
    tracked = next(ratio(one) for one in figures if one.row is TRACKED)
    if tracked > RATIO_LIMIT:
        say(f"the tracked 7 KB page costs {tracked:.2f} times nginx, more than {RATIO_LIMIT}")
        return PROBLEM
    return GOOD


def start(plan: Plan, running: contextlib.ExitStack) -> tuple[dict[str, Server], dict[str, Visitors]]:
    """Everything that is measured, and returning visitors for each footfall."""
    where, nginx = plan.where, plan.programs.nginx
    write_site(where / "site")
    site = running.enter_context(origin(nginx, where / "origin", where / "site"))
    one = running.enter_context(footfall(where / "one", site))
    two = running.enter_context(footfall(where / "two", site, workers=2))
    open_one = running.enter_context(footfall(where / "open", site, settings=UNLIMITED))
    bare = running.enter_context(part(where / "bare", "bare", site, where / "site" / SMALL.lstrip("/")))
    other = running.enter_context(pair_of(one, nginx, where / "nginx", site, where / "site"))
    servers = {ONE: one, TWO: two, OPEN: open_one, BARE: bare, PEER: other}
    visitors = {ONE: Visitors.of(one), TWO: Visitors.of(two), OPEN: Visitors.of(open_one, telling=True)}
    return servers, visitors


def explained(plan: Plan, figures: list[Figures], late: int) -> str:
    """What the figures mean and how they came about."""
    again, disturbed = sum(one.again for one in figures), sum(one.disturbed for one in figures)
    pages = sum(one.stored for one in figures if not one.row.events)
    events = sum(one.stored for one in figures if one.row.events)
    ten = next(median(one.ours) for one in figures if one.row is TEN)
    visitors = min((plan.rounds + 1) * LOADERS, VISITORS)
    page, first, image = (len(fields) + OWN_FIELDS for fields in (INSIDE, ARRIVING, IMAGE))
    lines = (
        f"CPU time, user and system, of all processes of each; medians of {plan.rounds} interleaved"
        f" round{'s' * (plan.rounds > 1)} of {plan.requests:,} requests a row ({TEN.requests(plan.requests):,} of"
        " beacons), warmed. The ratio is the median of the rounds' own ratios, beside it the lowest and the highest.",
        "footfall: `footfall serve`, 1 worker, default configuration but without the report's process, everything"
        " recorded, pages held until the commit."
        " nginx: `sub_filter` puts in a tag of the same length, `Set-Cookie` added, 1 worker process, 16"
        " buffers of 16 KB (with its default ones it takes nearly twice as long on the larger bodies). Both before the"
        " same nginx, with connections kept alive.",
        f"h2load, {CONNECTIONS} connections kept alive, {LOADERS} visitors at a time with a cookie each, {visitors}"
        f" different ones in turn; a browser's {page + 1} header fields ({image + 1} for the image, {first} on a first"
        " visit, which has no cookie).",
        "h2load sends the same fields again and again, and what came before, to the byte, is not parsed again; a row"
        " has pages that are each asked for with fields of their own (Referer), by a process of ours.",
        "A beacon of ten events (seven hovers, two clicks, page.leave) is answered after its commit;"
        f" per event that is {ten / TEN.events:.0f} us. {VISITORS} visitors in turn, every event with an id of its own,"
        " sent by a process of ours that had made all of them before; the limits per visitor and address are off, since"
        " all come from one. nginx passes the same requests on to the same nginx, which answers 204 and keeps nothing:"
        " what any proxy does at least, not what a collector does.",
        f"Where a core was more than {SLOWER - 1:.0%} slower than at its best, before or after a pair of runs, the pair"
        f" was measured again, {TRIES - 1} times at most: that were {again}, and {disturbed} stayed disturbed.",
        f"Every one of the {pages:,} pages that footfall was asked for is in its store exactly once;"
        f" {late:,} of them were released by the time-out (`hold_ms`) before they were. So is every one of the"
        f" {events:,} events that it was told.",
        f"{machine(versions(plan.programs))}.",
    )
    return "\n\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
