"""Databases with a month of traffic in them, made once for a size and kept where that is wanted.

Law: a database is filled by the store's own writer, in larger batches than the product's. It is used again only where
its note says that it is whole, of the same traffic and of the same schema; what is measured never changes it.
"""

import json
import os
import time
from contextlib import closing
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from benchmarks.command import say
from benchmarks.progress import Progress
from benchmarks.store.traffic import END, START, Traffic, batches
from proxy.store.base import Confirmation, Item, StoreError, Sweep, Swept, Tidied, Tidy, Visit
from proxy.store.sqlite.connection import open_reader
from proxy.store.sqlite.texts import VERSION
from proxy.store.sqlite.tidying import REST_MS
from proxy.store.sqlite.writer import SqliteWriter
from proxy.visitors.sessions import Rules

FILL_EVENTS = 20_000
"""Of a batch: each page of the file that it touches is written once for all of them."""
SAMPLED = 2_000
"""Visits and messages that are looked at to tell whether the generator makes what it made."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A database file of so many events. `fill_us`: CPU of an event while it was filled, `per_second`: events written
    a second of the clock, both of the writer alone."""

    path: Path
    traffic: Traffic
    events: int
    bytes: int
    fill_us: float
    per_second: float


def filled(traffic: Traffic, folder: Path) -> Filled:
    """The database of this traffic in `folder`: the one that is there, or a new one."""
    path = folder / f"events-{traffic.events}-seed-{traffic.seed}.db"
    found = _kept(path, traffic)
    if found is not None:
        say(f"{path.name}: kept, {found.events:,} events")
        return found
    folder.mkdir(parents=True, exist_ok=True)
    remove(path)
    made = _made(path, traffic)
    say(f"{path.name}: {made.events:,} events, {made.per_second:,.0f} a second")
    return made


def remove(path: Path) -> None:
    """A database and what is beside it."""
    for beside in (path, _note(path), Path(f"{path}-wal"), Path(f"{path}-shm")):
        beside.unlink(missing_ok=True)


def let_go(path: Path) -> None:
    """Ask the system to forget a file's pages; those that are not on the disk yet go there first."""
    if not path.exists():
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(handle)


def number_of_events(path: Path) -> int:
    with closing(open_reader(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM event").fetchone()[0])


def _made(path: Path, traffic: Traffic) -> Filled:
    """The note is written last: what was interrupted has none, and is made again."""
    progress = Progress(f"filling {traffic.events:,}", traffic.events)
    cpu_ns = wall_ns = 0
    with closing(SqliteWriter(path, durability="process", rules=Rules())) as writer:
        for batch in batches(traffic.items(), FILL_EVENTS):
            cpu, wall = time.process_time_ns(), time.monotonic_ns()
            writer.append(batch)
            _clear_away(writer, batch[-1])
            cpu_ns += time.process_time_ns() - cpu
            wall_ns += time.monotonic_ns() - wall
            progress.at(round(traffic.events * _share(batch[-1])))
    progress.end()
    events = number_of_events(path)
    made = Filled(path, traffic, events, os.stat(path).st_size, cpu_ns / 1_000 / events, events * 1e9 / wall_ns)
    _note(path).write_text(json.dumps({**_facts(made), **_mark(traffic)}, indent=1) + "\n")
    return made


def _clear_away(writer: SqliteWriter, item: Item) -> None:
    """What is due by an item, as beside a server it is done little by little: sessions that are over, ids that no
    repeat is expected of."""
    now = _moment(item)
    while now is not None and isinstance(swept := writer.append([Sweep(now)])[0], Swept) and swept.more:
        pass
    while now is not None:
        (done,) = writer.append([Tidy(now)])
        now = now + REST_MS if isinstance(done, Tidied) and done.more else None


def _share(item: Item) -> float:
    """Of the month, how much has passed by an item."""
    return min(1.0, ((_moment(item) or START) - START) / (END - START))


def _moment(item: Item) -> int | None:
    return item.time if isinstance(item, Visit) else getattr(item, "received", None)


def _note(path: Path) -> Path:
    return path.with_suffix(".json")


def _mark(traffic: Traffic) -> dict[str, object]:
    """What a database must agree in to be used again. The generator is told by what it makes."""
    sample, seen = sha256(), 0
    for item in traffic.items():
        sample.update(repr(item).encode())
        seen += isinstance(item, Visit | Confirmation)
        if seen == SAMPLED:
            break
    return {"traffic": asdict(traffic), "schema": VERSION, "sample": sample.hexdigest()}


def _facts(made: Filled) -> dict[str, object]:
    return {key: value for key, value in asdict(made).items() if key not in ("path", "traffic")}


def _kept(path: Path, traffic: Traffic) -> Filled | None:
    """What is there and fits; a line says why it does not."""
    try:
        told = json.loads(_note(path).read_text())
        facts = {key: told[key] for key in ("events", "bytes", "fill_us", "per_second")}
        there = number_of_events(path)
    except (OSError, ValueError, KeyError, StoreError):
        return None
    mark = _mark(traffic)
    odd = [key for key, value in mark.items() if told.get(key) != value]
    if odd or there != facts["events"]:
        say(f"{path.name}: {' and '.join(odd) or 'number of events'} changed; it is made again")
        return None
    return Filled(path, traffic, **facts)
