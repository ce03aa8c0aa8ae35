"""A store looked over: whether the file is whole, whether everything in it leads somewhere, and whether what is counted
is what its rows say.

Law: `examine` writes nothing and sees one state of the store, whoever writes meanwhile. What can be counted anew `mend`
makes right, in one transaction of a writer; of anything else nobody knows what it was. A reader that stays keeps the
write-ahead log from being emptied: it grows by what is written meanwhile.
"""

import contextlib
import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import tzinfo
from pathlib import Path
from typing import NamedTuple

from proxy.store.base import StoreDamaged
from proxy.store.sqlite.connection import Connection, mapped_errors, open_reader, open_writer
from proxy.store.sqlite.copying import CHECK_INTERRUPTED_EVERY
from proxy.store.sqlite.days import midnight
from proxy.store.sqlite.recount import STEPS, differences, repair
from proxy.store.sqlite.texts import SQL

FAULTS_SHOWN = 20
"""Of a file that is not whole."""
PATIENCE_MS = 60_000
"""A repair waits so long for its turn beside those who write."""
LOG = "-wal"

At = Callable[[str, int, int], None]


class Found(NamedTuple):
    """Something of one table that is not right: what about it, in words, and whether counting makes it right."""

    table: str
    words: str
    mends: bool


class Several(NamedTuple):
    """All of a table that is not right: how many there are, the first of them, how many of all counting makes right."""

    table: str
    number: int
    first: tuple[str, ...]
    mends: int


class Examination(NamedTuple):
    """`faults`: of the file itself, in words; where there are any nothing else was looked at. `findings`: by table.
    `sizes`: (table, bytes); '' stands for what cannot be told apart. `log`: of the write-ahead log bytes, and Unix
    seconds of its last writing. `foreign_days`: days that begin at another time than in the zone."""

    faults: tuple[str, ...]
    findings: tuple[Several, ...]
    sizes: tuple[tuple[str, int], ...]
    log: tuple[int, float] | None
    days: int
    foreign_days: int


def examine(path: Path, zone: tzinfo | None, *, most: int, at: At) -> Examination:
    """Look a store over.

    Args:
        most: findings of a table that are told in words.
        at: told (what is done, steps done, steps in all).

    Raises:
        StoreUnavailable: there is none, or it cannot be read.
        StoreUnusable: it is another program's.
    """
    with contextlib.closing(open_reader(path)) as reader, mapped_errors(path):
        reader.set_progress_handler(lambda: None, CHECK_INTERRUPTED_EVERY)  # or a signal would not be heard
        reader.execute("BEGIN")
        at("checking the file", 0, 0)
        log = _log(path)
        if faults := _faults(reader, path):
            return Examination(faults, (), (), log, 0, 0)
        found: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
        first: defaultdict[str, list[str]] = defaultdict(list)
        for one in _findings(reader, zone, at):
            found[one.table][0] += 1
            found[one.table][1] += one.mends
            if len(first[one.table]) < most:
                first[one.table].append(one.words)
        at("measuring the tables", 0, 0)
        days = reader.execute(SQL["all_days"]).fetchall()
        return Examination(
            (),
            tuple(Several(table, n, tuple(first[table]), mends) for table, (n, mends) in found.items()),
            _sizes(reader),
            log,
            len(days),
            sum(start != midnight(day, zone) for day, start in days),
        )


def mend(path: Path, durability: str, zone: tzinfo | None, at: At, *, patience_ms: int = PATIENCE_MS) -> None:
    """Make what is stored what is counted, in one transaction; other processes wait meanwhile.

    Raises:
        StoreUnavailable: somebody else wrote all the time, or the disk is full; nothing was changed.
    """
    with contextlib.closing(open_writer(path, durability, zone)) as writer, mapped_errors(path):
        writer.execute(f"PRAGMA busy_timeout = {patience_ms}")
        at("waiting for those who write", 0, 0)
        writer.execute("BEGIN IMMEDIATE")
        try:
            repair(writer, zone, _steps("repairing", at))
            writer.execute("COMMIT")
        except BaseException:
            if writer.in_transaction:
                writer.execute("ROLLBACK")
            raise


def _findings(reader: Connection, zone: tzinfo | None, at: At) -> Iterator[Found]:
    at("following the references", 0, 0)
    yield from _lost(reader)
    at("adding up the sessions", 0, 0)
    yield from _sessions(reader)
    for day, start, until, before in reader.execute(SQL["examine_days"]):
        reason = f"ends at {until}" if start >= until else f"the one before ends at {before}"
        yield Found("day", f"day {day} begins at {start}, {reason}", False)
    unread = [seq for (seq,) in reader.execute(SQL["examine_texts"])]
    for seq in unread:
        yield Found("event", f"params of event {seq} cannot be read", False)
    if unread:
        yield Found("cell", "not counted: there are events that cannot be read", False)
        return
    for finding in differences(reader, zone, _steps("counting", at)):
        yield Found(finding.table, str(finding), True)


def _steps(title: str, at: At) -> Callable[[], None]:
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        at(title, done, STEPS)

    at(title, 0, STEPS)
    return step


def _faults(reader: Connection, path: Path) -> tuple[str, ...]:
    """What is wrong with the file."""
    try:
        with mapped_errors(path):
            rows = reader.execute(f"PRAGMA integrity_check({FAULTS_SHOWN})").fetchall()
    except StoreDamaged as error:
        return (str(error.__cause__),)
    lines = [line for (text,) in rows for line in str(text).splitlines()]
    faults = tuple(line for line in lines if not line.startswith("***"))  # which begins with the database's name
    return () if faults == ("ok",) else faults or tuple(lines)


def _lost(reader: Connection) -> Iterator[Found]:
    """References that lead nowhere."""
    columns: dict[tuple[str, int], str] = {}
    for table, row, to, number in reader.execute("PRAGMA foreign_key_check").fetchall():
        if (table, number) not in columns:
            columns[table, number] = reader.execute(SQL["examine_column"], (table, number)).fetchone()[0]
        column = columns[table, number]
        if (table, column) == ("event", "visitor") and reader.execute(SQL["examine_nobody"], (row,)).fetchone()[0]:
            continue
        where = "a row" if row is None else f"{table} {row}"
        yield Found(table, f"{column} of {where} is not in {to}", False)
    for seq, view in reader.execute(SQL["examine_views"]):
        yield Found("event", f"view of event {seq}, event {view}, is not there", False)
    for visitor, session in reader.execute(SQL["examine_latest"]):
        yield Found(
            "visitor", f"latest session of visitor {visitor}, {session}, is not there or somebody else's", False
        )


def _sessions(reader: Connection) -> Iterator[Found]:
    """Sessions that do not add up."""
    for row in reader.execute(SQL["examine_sessions"], {"idle": "page.leave"}):
        session, starts, ends, is_over, start, begun, first, last, ended, latest, strangers = row
        for is_wrong, words in (
            (starts != 1, f"{starts} session.start instead of one"),
            (ends != is_over, f"{ends} session.end, but it is {'over' if is_over else 'open'}"),
            (begun not in (None, start), f"begins at {start}, its session.start is of {begun}"),
            (first is not None and first < start, f"begins at {start}, an event of it is of {first}"),
            (latest is not None and latest > last, f"last activity is of {last}, an event of it is of {latest}"),
            (ended not in (None, last), f"last activity is of {last}, its session.end is of {ended}"),
            (last < start, f"begins at {start} and ends at {last}"),
            (strangers, f"{strangers} of its events are another visitor's"),
        ):
            if is_wrong:
                yield Found("session", f"session {session}: {words}", False)


def _sizes(reader: Connection) -> tuple[tuple[str, int], ...]:
    """Bytes by table; not every SQLite has `dbstat`, which knows."""
    if reader.execute("SELECT 1 FROM pragma_module_list WHERE name = 'dbstat'").fetchone():
        return tuple(reader.execute(SQL["sizes"]).fetchall())
    pages, size = (reader.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    return (("", pages * size),)


def _log(path: Path) -> tuple[int, float] | None:
    with contextlib.suppress(FileNotFoundError):
        found = os.stat(path.with_name(f"{path.name}{LOG}"))
        return found.st_size, found.st_mtime
    return None
