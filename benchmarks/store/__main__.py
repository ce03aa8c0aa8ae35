"""`python -m benchmarks.store`: databases of several sizes, what an event costs in each, what every question costs.

Exit codes: 0 good; 1 a problem; 2 wrong usage, or this system has no /proc.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.command import GOOD, UsageError, guarded, machine, positive, say, sqlite_version, warn_if_busy
from benchmarks.store.filled import FILL_EVENTS, Filled, filled
from benchmarks.store.ingest import BATCH_EVENTS, IO, ingest
from benchmarks.store.shown import LATE, Measured, as_data, tables
from benchmarks.store.timing import answered
from benchmarks.store.traffic import DAYS, Traffic
from proxy.store.sqlite.questions import QUESTION_SECONDS

SIZES = (1_000_000, 3_000_000, 10_000_000)
SEED = 5
LEAST_EVENTS = 1_000
"""Fewer, and a day of them has not one of everything."""


def main(arguments: list[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    return guarded(lambda: bench(given))


def _parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        prog="python -m benchmarks.store", description="What footfall's store costs: an event, and every question."
    )
    sizes = ", ".join(f"{one:,}" for one in SIZES)
    options.add_argument(
        "--events", type=positive, nargs="+", default=SIZES, metavar="N", help=f"sizes of databases ({sizes})"
    )
    options.add_argument("--seed", type=int, default=SEED, help=f"of the events' generator ({SEED})")
    options.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="keep the databases there, and use those that are there already"
    )
    options.add_argument("--json", action="store_true", help="print JSON instead of the tables")
    return options


def bench(given: argparse.Namespace) -> int:
    sizes = sorted(set(given.events))
    if sizes[0] < LEAST_EVENTS:
        raise UsageError(f"--events: {LEAST_EVENTS:,} at least, not {sizes[0]:,}")
    if not IO.exists():
        raise UsageError(f"written bytes are read from {IO}, which this system does not have: Linux is needed")
    warn_if_busy()
    begun = time.monotonic()
    if given.keep is not None:
        found = measured(sizes, given.seed, given.keep)
    else:
        with tempfile.TemporaryDirectory(prefix="footfall-bench-") as where:
            found = measured(sizes, given.seed, Path(where))
    if given.json:
        print(json.dumps({**as_data(found), "machine": machine((sqlite_version(),))}, indent=1))
    else:
        print(f"{tables(found)}\n\n{explained(found)}")
    say(f"took {time.monotonic() - begun:.0f} s")
    return GOOD


def measured(sizes: Sequence[int], seed: int, folder: Path) -> list[Measured]:
    """All databases first: what makes them must not stand between two sizes that are compared."""
    full: list[Filled] = [filled(Traffic(seed, events), folder) for events in sizes]
    found = []
    for one in full:
        cost = ingest(one)
        say(f"{one.path.name}: {cost.cpu_us:.0f} us an event; now the questions")
        found.append(Measured(one, cost, tuple(answered(one.path))))
    return found


def explained(found: Sequence[Measured]) -> str:
    """What the figures mean and how they came about."""
    sizes = ", ".join(f"{one.full.events:,} in {one.full.bytes / 1e6:,.0f} MB" for one in found)
    measured_events = ", ".join(f"{one.cost.events:,}" for one in found)
    no_disk = (
        " The file system is in memory: nothing went to a disk." if not any(one.cost.disk for one in found) else ""
    )
    late = any(took.is_late for one in found for answer in one.answers for took in (answer.cold, answer.warm))
    lines = (
        f"Events, as the store counts them: {sizes}. A made-up shop's {DAYS} days: the same pages at every size, and"
        " more visitors at a larger one. Written by the store's own writer, in batches of"
        f" {FILL_EVENTS:,}; one process, durability `process`.",
        f"An event in batches of {BATCH_EVENTS}: the next day's ({measured_events} of them) into a copy of the full"
        " database. CPU is the process's, user and system. Written: `wchar` of /proc/self/io, the write-ahead log and"
        " its checkpoints. Made dirty: `write_bytes`, the same as the kernel's cache sees it, in whole folios, which"
        f" can be many pages.{no_disk}",
        "A question: CPU of the process that asks it. Cold: a new connection, the file not in the system's cache;"
        " warm: asked again. Lane `person` where no other one is named."
        + (
            f" {LATE}: took more than {QUESTION_SECONDS:.0f} s by the clock, so that the report goes without it."
            if late
            else ""
        ),
        "`of` a page, a source or an element: about the sessions that have to do with it, finding them included; `d`:"
        f" for so many of the {DAYS} days, where that was all that could be looked through.",
        "Growth: the exponent from the smallest size to the largest; 0 stays, 1 grows as the events do."
        " Of events a second, less than 0 is slower.",
        f"{machine((sqlite_version(),))}.",
    )
    return "\n\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
