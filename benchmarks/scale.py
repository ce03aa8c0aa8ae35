"""`python -m benchmarks.scale`: how much more two workers serve than one, on a machine that has no core for each.

All processes of footfall share the last core, the site and the load have the others. Of that core one worker and who
writes for it may use a half, two workers and who writes for them the whole: were nothing lost by sharing, they would
serve twice as much.

Law: footfall is started where it may use all cores, as on a machine that has one for each process, and is kept to one
afterwards: what it starts depends on how many it may use.
"""

import contextlib
import os
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.command import GOOD, Plan, UsageError, machine, parser, run, say, versions, warn_if_busy
from benchmarks.cpu import processes, spent
from benchmarks.load import LOADERS, timed
from benchmarks.load import run as load
from benchmarks.pace import Pace
from benchmarks.rows import PAGES_APART_SECONDS, TRACKED, TRIES, Visitors, check_visits
from benchmarks.servers import Server, footfall, origin, write_site
from benchmarks.slices import PERIOD_US, put, slice_of
from benchmarks.table import columns, replaced

SHARE = 0.5
"""Of a core, for each worker."""
WORKERS = (1, 2)
HEADINGS = ("7 KB page, returning visitors", "pages a second", "CPU per page", "p50 ms", "p99 ms")
DOCUMENT = Path("docs/performance.md")


@dataclass(slots=True)
class Served:
    """Of a number of workers, a figure a round: pages a second, CPU us a page, and two percentiles in ms."""

    per_second: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)


def main(arguments: list[str] | None = None) -> int:
    options = parser("How much more two workers serve than one, each with a half of the same core.")
    options.prog = "python -m benchmarks.scale"
    options.add_argument("--write", action="store_true", help=f"put the table into {DOCUMENT}")
    given = options.parse_args(arguments)
    return run(given, lambda plan: scale(plan, write=given.write))


def scale(plan: Plan, *, write: bool) -> int:
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise UsageError("the site and the load need a core of their own: this machine has one")
    warn_if_busy()
    with contextlib.ExitStack() as running:
        found = rounds(plan, start(plan, running, cores))
    text = told(plan, found)
    print(text)
    if write:
        changed = replaced(DOCUMENT.read_text(), text, "scale")
        if changed is None:
            raise UsageError(f"{DOCUMENT} has no place for it")
        DOCUMENT.write_text(changed)
    return GOOD


def keep_to(cores: list[int], pids: Iterable[int]) -> None:
    """These processes, with all their threads and whatever they start, from now on."""
    for pid in pids:
        for thread in os.listdir(f"/proc/{pid}/task"):
            os.sched_setaffinity(int(thread), cores)


def start(plan: Plan, running: contextlib.ExitStack, cores: list[int]) -> dict[int, tuple[Server, Visitors]]:
    others, last = cores[:-1], cores[-1:]
    running.callback(os.sched_setaffinity, 0, cores)
    write_site(plan.where / "site")
    site = running.enter_context(origin(plan.programs.nginx, plan.where / "origin", plan.where / "site"))
    keep_to(others, processes(site.pid))
    found = {}
    for workers in WORKERS:
        group = running.enter_context(slice_of(f"footfall-{workers}", SHARE * workers))
        server = running.enter_context(footfall(plan.where / str(workers), site, workers=workers))
        put(group, processes(server.pid))
        keep_to(last, processes(server.pid))
        found[workers] = server, Visitors.of(server)
    keep_to(others, [os.getpid()])  # the load's
    return found


def rounds(plan: Plan, servers: dict[int, tuple[Server, Visitors]]) -> dict[int, Served]:
    """Each in turn; the first round warms up. A round while the machine is disturbed is done again."""
    found = {workers: Served() for workers in WORKERS}
    pace = Pace()
    for turn in range(plan.rounds + 1):
        for _ in range(TRIES if turn else 1):
            steady = pace.is_steady()
            pair = {workers: once(plan, *servers[workers], turn) for workers in WORKERS[:: 1 if turn % 2 else -1]}
            if steady and pace.is_steady():
                break
        if not turn:
            continue
        for workers, figures in pair.items():
            for kept, one in zip((getattr(found[workers], name) for name in Served.__slots__), figures, strict=True):
                kept.append(one)
        say(f"round {turn} of {plan.rounds}: {', '.join(f'{pair[workers][0]:,.0f}/s' for workers in WORKERS)}")
    return found


def once(plan: Plan, server: Server, visitors: Visitors, turn: int) -> tuple[float, float, float, float]:
    """A run: pages a second, CPU us a page, p50 and p99 in ms; every visit is in the store."""
    time.sleep(PAGES_APART_SECONDS)
    logs = plan.where / "logs"
    logs.mkdir(exist_ok=True)
    since, before = time.time_ns() // 1_000_000, spent(server.pid)
    load(plan.programs.h2load, server.port, TRACKED.request, plan.requests, visitors.of_round(turn), logs)
    assert server.store is not None
    check_visits(server.store, since, TRACKED, plan.requests, LOADERS)
    cost = spent(server.pid).since(before).total_us / plan.requests
    ran = timed(logs)
    took = sorted(ran.took)
    return ran.per_second, cost, took[len(took) // 2] / 1_000, took[len(took) * 99 // 100] / 1_000


def told(plan: Plan, found: dict[int, Served]) -> str:
    lines = [
        (
            f"{workers} worker{'s' * (workers > 1)}, {SHARE * workers:.0%} of a core",
            f"{median(one.per_second):,.0f}",
            f"{median(one.cpu_us):.0f} us",
            f"{median(one.p50):.1f}",
            f"{median(one.p99):.1f}",
        )
        for workers, one in found.items()
    ]
    few, many = (found[workers].per_second for workers in WORKERS)
    times = [two / one for one, two in zip(few, many, strict=True)]
    return "\n\n".join(
        (
            columns(HEADINGS, lines),
            f"Two workers served {median(times):.2f} times as many pages a second as one ({min(times):.2f} to"
            f" {max(times):.2f}; were nothing lost by sharing, 2). All processes of footfall, who writes for the"
            f" workers too, were kept to one core, of which one worker and its writer had {SHARE:.0%}, two and theirs"
            f" the whole (cgroups, {PERIOD_US // 1_000} ms); the site and the load had the other cores to themselves."
            f" Medians of {plan.rounds} interleaved rounds of {plan.requests:,} requests; every page was stored before"
            " it was whole.",
            f"{machine(versions(plan.programs))}.",
        )
    )


if __name__ == "__main__":
    sys.exit(main())
