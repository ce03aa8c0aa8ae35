"""What an event costs that comes into a full database: CPU and bytes written, in batches as a busy server has them.

Law: the events are those of the day after the month, made before the clock starts; they go into a copy, so that the
full database stays what it was.
"""

import shutil
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from benchmarks.progress import Progress
from benchmarks.store.filled import Filled, let_go, number_of_events, remove
from benchmarks.store.traffic import DAYS, Traffic, batches
from proxy.store.base import Item
from proxy.store.sqlite.writer import SqliteWriter
from proxy.visitors.sessions import Rules

BATCH_EVENTS = 64
WARM_BATCHES = 100
"""Before the clock starts: dictionaries and SQLite's cache are filled by then."""
MOST_BATCHES = 600
"""Some 38,000 events: the log is copied several times meanwhile, as in the writing process."""
IO = Path("/proc/self/io")


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one event: CPU us of the process (user and system); `handed`: bytes handed to the kernel (wchar of
    /proc/self/io), nearly all of which get to the disk, since a write-ahead log is synced before it is overwritten;
    `disk`: what the kernel says of that (write_bytes): what it made dirty in its cache, in whole folios, and 0 on a
    file system in memory. `events`: measured."""

    cpu_us: float
    disk: float
    handed: float
    events: int


def ingest(full: Filled) -> Cost:
    """Write the next day's events, or the first of them, into a copy of the full database."""
    ready = _next_day(full.traffic)
    copy = full.path.with_name(f"ingest-{full.path.name}")
    try:
        shutil.copyfile(full.path, copy)
        # What copying leaves in the system's cache are large folios, of which Linux counts all as written where a page
        # is: 80 KB an event instead of 13.
        let_go(copy)
        return _measured(copy, ready)
    finally:
        remove(copy)


def _next_day(traffic: Traffic) -> list[list[Item]]:
    found: list[list[Item]] = []
    for batch in batches(traffic.items(DAYS, DAYS + 1), BATCH_EVENTS):
        found.append(batch)
        if len(found) == WARM_BATCHES + MOST_BATCHES:
            break
    return found


def _measured(path: Path, ready: list[list[Item]]) -> Cost:
    # A day of a small size is short: half of it warms up at most.
    warm = min(WARM_BATCHES, len(ready) // 2)
    progress = Progress("into a full database", len(ready))
    with closing(SqliteWriter(path, durability="process", rules=Rules())) as writer:
        for batch in ready[:warm]:
            writer.append(batch)
            writer.rest()
        events, io, cpu = number_of_events(path), _io(), time.process_time_ns()
        for number, batch in enumerate(ready[warm:], start=warm):
            writer.append(batch)
            writer.rest()
            progress.at(number)
        cpu_ns, after = time.process_time_ns() - cpu, _io()
        added = number_of_events(path) - events
    progress.end()
    disk, handed = (after[name] - io[name] for name in ("write_bytes", "wchar"))
    return Cost(cpu_ns / 1_000 / added, disk / added, handed / added, added)


def _io() -> dict[str, int]:
    """The counters of proc_pid_io(5)."""
    return {name: int(value) for name, value in (line.split(":") for line in IO.read_text().splitlines())}
