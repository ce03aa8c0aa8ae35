"""`python -m benchmarks.guard`: instructions per request, and the ratio to nginx, beside benchmarks/guard.json.

Exit codes: 0 good, or there is nothing to compare with; 1 a problem, or more than the reference allows; 2 wrong usage,
or a program is missing.
"""

import argparse
import math
import platform
import sqlite3
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.command import GOOD, PROBLEM, UsageError, find_programs, guarded, machine, positive, processor, say
from benchmarks.guard.counting import ToolError, Valgrind
from benchmarks.guard.instructions import REQUESTS, count
from benchmarks.guard.verdict import Reference, ReferenceFault, differences, highest_ratio, judged, lines, table
from benchmarks.load import whole
from benchmarks.pairing import pair_of
from benchmarks.rows import ONE, PEER, TRACKED, Visitors, rounds
from benchmarks.servers import ROOT, Runner, Server, footfall, origin, write_site
from benchmarks.table import ratio

REFERENCE = ROOT / "benchmarks" / "guard.json"
ROUNDS, RATIO_REQUESTS = 7, 2_000
RATIO_TRIES = 3
"""Somebody else's load splits footfall's batches and makes the ratio worse, never better: the best of these tells."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is counted, how much of it, with what; `where` has the files."""

    programs: dict[str, str]
    where: Path
    tree: Path
    requests: int
    rounds: int
    profile: Path | None


def main(arguments: list[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    return guarded(lambda: guard(given))


def _parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        prog="python -m benchmarks.guard",
        description="Instructions per request of footfall and its CPU time beside nginx's, beside a reference.",
    )
    options.add_argument("--update", action="store_true", help="write what is counted into the reference")
    options.add_argument(
        "--reference",
        type=Path,
        default=REFERENCE,
        metavar="FILE",
        help=f"what to compare with ({REFERENCE.relative_to(ROOT)})",
    )
    options.add_argument(
        "--tree", type=Path, default=ROOT, metavar="FOLDER", help="count another working copy's footfall (this one's)"
    )
    options.add_argument("--requests", type=positive, default=REQUESTS, help=f"pages counted of a kind ({REQUESTS})")
    options.add_argument("--rounds", type=positive, default=ROUNDS, help=f"rounds beside nginx ({ROUNDS})")
    options.add_argument(
        "--profile", type=Path, metavar="FOLDER", help="leave a profile of every row there, for callgrind_annotate"
    )
    return options


def guard(given: argparse.Namespace) -> int:
    reference = _reference(given.reference, may_be_absent=given.update)
    if not (given.tree / "proxy" / "__main__.py").is_file():
        raise UsageError(f"--tree: {given.tree} has no footfall in it")
    programs = find_programs("nginx", "h2load", "valgrind", "vgdb")
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="footfall-bench-") as where:
        plan = Plan(programs, Path(where), given.tree.resolve(), given.requests, given.rounds, given.profile)
        try:
            found = measured(plan, None if given.update else reference)
        except ToolError as wrong:
            say(str(wrong))
            return PROBLEM
    unlike = differences(found.made_with, reference.made_with) if reference else []
    shown = lines(found, None if unlike else reference)
    print(f"{table(shown)}\n\n{machine(())}.")
    say(f"took {time.monotonic() - begun:.0f} s")
    if given.update:
        given.reference.write_text(found.text())
        say(f"{given.reference.name} has these figures")
        return GOOD
    if unlike:
        say(f"nothing is compared, the reference is of something else: {'; '.join(unlike)}")
    elif reference and reference.processor != found.processor:
        say(f"the ratio is not compared: the reference is of another processor, {reference.processor}")
    for line in judged(shown):
        say(line)
    return PROBLEM if judged(shown) else GOOD


def _reference(path: Path, *, may_be_absent: bool) -> Reference | None:
    try:
        return Reference.parse(path.read_text())
    except FileNotFoundError:
        if may_be_absent:
            return None
        raise UsageError(f"{path}: there is no such file; --update writes it") from None
    except ReferenceFault as wrong:
        if may_be_absent:
            return None
        raise UsageError(f"{path}: {wrong}") from None


def measured(plan: Plan, reference: Reference | None) -> Reference:
    """All figures. A ratio that the reference allows is not measured again."""
    write_site(plan.where / "site")
    dumps = (plan.profile or plan.where / "counted").resolve()
    with origin(plan.programs["nginx"], plan.where / "origin", plan.where / "site") as site:
        tool = Valgrind(plan.programs["valgrind"], plan.programs["vgdb"], dumps)
        found = count(tool, plan.tree, plan.where, site, plan.requests, profiled=plan.profile is not None)
        enough = highest_ratio(reference, processor()) if reference else 0.0
        return Reference(made_with(), found, processor(), beside_nginx(plan, site, enough))


def beside_nginx(plan: Plan, site: Server, enough: float) -> float:
    """The ratio of `make bench` for its first row, in shorter rounds: the best of RATIO_TRIES, or the first that is
    not more than `enough`."""
    where = plan.where / "ratio"
    with (
        footfall(where / "one", site, by=Runner(plan.tree)) as one,
        pair_of(one, plan.programs["nginx"], where / "nginx", site, plan.where / "site") as peer,
    ):
        # of another tree the store may be of another version, which ours does not read
        ours = one if plan.tree == ROOT else replace(one, store=None)
        servers, visitors = {ONE: ours, PEER: peer}, {ONE: Visitors.of(one)}
        best = math.inf
        for _ in range(RATIO_TRIES):
            (figures,) = rounds(
                plan.programs["h2load"],
                servers,
                visitors,
                number=plan.rounds,
                requests=whole(RATIO_REQUESTS),
                say=lambda line: None,
                rows=(TRACKED,),
                tries=1,
            )
            best = min(best, round(ratio(figures), 2))
            if best <= enough:
                break
    return best


def made_with() -> dict[str, str]:
    """What the counts depend on besides our code and the locked libraries. The processor's model is not in it: it
    decides which copying loop the C library takes, which is little of a request."""
    return {
        "Python": f"{platform.python_version()} ({platform.python_compiler()})",
        "SQLite": sqlite3.sqlite_version,
        "C library": " ".join(platform.libc_ver()),
        "machine": platform.machine(),
    }


if __name__ == "__main__":
    sys.exit(main())
