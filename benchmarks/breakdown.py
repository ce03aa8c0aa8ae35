"""`python -m benchmarks.breakdown`: where the time goes, for the 7 KB page: footfall put together part by part.

Each step is measured in every round; what a step adds is the median of its rounds' own differences to the step
before. Threads are told apart in /proc: the first of a process is the event loop, the other one writes to the store.
"""

import contextlib
import sys
from statistics import median

from benchmarks.command import GOOD, Plan, machine, parser, run, say, versions, warn_if_busy
from benchmarks.cpu import Spent
from benchmarks.rows import ONE, TRACKED, Visitors, measure
from benchmarks.servers import SMALL, Server, footfall, origin, part, write_site
from benchmarks.table import columns

STEPS = {
    "hello": "server: the page answered from memory",
    "bare": "+ bare proxy: gate, forwarder, the connection to the site",
    "tracking": "+ tracking: cookie, decision, tag; nothing stored",
    ONE: "+ recording: commit and hold; this is `footfall serve`",
}
HEADINGS = ("7 KB page, CPU per request", "total", "added", "from - to")
THREADS = ("of `footfall serve`", "CPU per request", "of it")


def main(arguments: list[str] | None = None) -> int:
    options = parser("Where footfall's CPU time per request goes.")
    options.prog = "python -m benchmarks.breakdown"
    return run(options.parse_args(arguments), breakdown)


def breakdown(plan: Plan) -> int:
    warn_if_busy()
    with contextlib.ExitStack() as running:
        servers = start(plan, running)
        found = rounds(plan, servers)
    print(shown(found))
    told = machine(versions(plan.programs))
    print(f"\nMedians of {plan.rounds} interleaved rounds of {plan.requests:,} requests. {told}.")
    return GOOD


def start(plan: Plan, running: contextlib.ExitStack) -> dict[str, Server]:
    where = plan.where
    write_site(where / "site")
    site = running.enter_context(origin(plan.programs.nginx, where / "origin", where / "site"))
    page = where / "site" / SMALL.lstrip("/")
    servers = {kind: running.enter_context(part(where / kind, kind, site, page)) for kind in STEPS if kind != ONE}
    return {**servers, ONE: running.enter_context(footfall(where / ONE, site))}


def rounds(plan: Plan, servers: dict[str, Server]) -> dict[str, list[Spent]]:
    """By step, what each round cost; a first round warms up. Who signs cookies gets his own back."""
    visitors = {kind: Visitors.of(servers[kind]) for kind in ("tracking", ONE)}
    found: dict[str, list[Spent]] = {kind: [] for kind in STEPS}
    for turn in range(plan.rounds + 1):
        for kind in list(STEPS)[:: 1 if turn % 2 else -1]:
            cookies = visitors.get(kind, visitors[ONE]).of_round(turn)
            cost = measure(plan.programs.h2load, servers[kind], TRACKED, plan.requests, cookies).per(plan.requests)
            if turn:
                found[kind].append(cost)
                say(f"round {turn} of {plan.rounds}: {kind}: {cost.total_us:.0f} us")
    return found


def shown(found: dict[str, list[Spent]]) -> str:
    lines, before = [], [0.0] * len(found[ONE])
    for kind, title in STEPS.items():
        totals = [cost.total_us for cost in found[kind]]
        added = [now - then for now, then in zip(totals, before, strict=True)]
        lines.append(
            (title, f"{median(totals):.0f} us", f"{median(added):.0f} us", f"{min(added):.0f} - {max(added):.0f}")
        )
        before = totals
    return f"{columns(HEADINGS, lines)}\n\n{columns(THREADS, threads(found[ONE]))}"


def threads(found: list[Spent]) -> list[tuple[str, str, str]]:
    """The event loop's share and the writing thread's."""
    whole = [cost.total_us for cost in found]
    loops = [cost.main_us for cost in found]
    parts = (
        ("event loop (main threads)", loops),
        ("writing to the store (other threads)", [all - loop for all, loop in zip(whole, loops, strict=True)]),
    )
    return [
        (title, f"{median(part):.0f} us", f"{median(p / w for p, w in zip(part, whole, strict=True)):.0%}")
        for title, part in parts
    ]


if __name__ == "__main__":
    sys.exit(main())
