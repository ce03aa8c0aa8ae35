"""The SQLite writer: a batch is one transaction.

Law: nothing of a batch is kept unless all of it is (store/base.py). A failed transaction is rolled back and whatever
the dictionaries learnt in it forgotten. An item that is itself at fault (a bug of ours, a value that SQLite refuses)
is left out and reported, and the rest of the batch is kept, also the rest of what one browser sent: one bad item must
not stop the recording.
"""

import itertools
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import cast

from proxy.store.base import (
    BLOCKED_A_DAY,
    BLOCKED_KEPT,
    Blocked,
    BlockedPage,
    Confirmation,
    Confirmed,
    Item,
    OptOut,
    Outcomes,
    Result,
    StoreError,
    StoreUnavailable,
    Sweep,
    Visit,
)
from proxy.store.sqlite import confirmations, running, sessions, visits
from proxy.store.sqlite.connection import is_item_fault, mapped_errors, open_writer
from proxy.store.sqlite.tables import Tables
from proxy.visitors.sessions import Reason, Rules

CHECK_SECONDS = 1.0
"""How often the file is looked at: whether it is still the one that was opened."""

log = logging.getLogger("footfall.store")


class SqliteWriter:
    """The one writer of a process (store/base.py, `Writer`).

    Args:
        path: the database file; made where absent.
        durability: "process" survives a kill of any process, "power" a power cut as well.
        rules: lengths of sessions, or None to keep no sessions.
    """

    def __init__(self, path: Path, *, durability: str, rules: Rules | None) -> None:
        self._path = path
        self._rules = rules
        self._tables = Tables(open_writer(path, durability))
        with mapped_errors(path):
            opened = os.stat(path)
        self._file = (opened.st_dev, opened.st_ino)
        self._check_at = 0.0

    def __repr__(self) -> str:
        return f"<SqliteWriter {self._path}>"

    def append(self, batch: Sequence[Item]) -> list[Result]:
        """Apply a batch in one transaction; see store/base.py."""
        try:
            if self._rules is not None and self._write_whole(self._rules, batch):
                return [None] * len(batch)
            return self._transaction(lambda: self._apply_all(batch))
        except StoreError:
            raise
        except Exception as error:
            if not is_item_fault(error):
                raise
            return self._transaction(lambda: [self._apply_guarded(item) for item in batch])

    def close(self) -> None:
        """Close the file. Never raises."""
        try:
            self._tables.connection.close()
        except Exception as error:
            log.warning("closing %s: %s", self._path, error)

    def _write_whole(self, rules: Rules, batch: Sequence[Item]) -> bool:
        with mapped_errors(self._path):
            self._check_file()
            return running.apply_whole(self._tables, rules, batch)

    def _transaction(self, work: Callable[[], list[Result]]) -> list[Result]:
        tables = self._tables
        with mapped_errors(self._path):
            self._check_file()
            tables.begin()
            try:
                results = work()
                tables.execute("COMMIT")
            except BaseException:
                tables.forget()
                if tables.connection.in_transaction:
                    tables.execute("ROLLBACK")
                raise
        return results

    def _check_file(self) -> None:
        """A file that was moved or removed under us would take events that nobody will ever read."""
        now = time.monotonic()
        if now < self._check_at:
            return
        self._check_at = now + CHECK_SECONDS
        found = os.stat(self._path)
        if (found.st_dev, found.st_ino) != self._file:
            raise StoreUnavailable(f"{self._path}: replaced by another file; opening it")

    def _apply_all(self, batch: Sequence[Item]) -> list[Result]:
        """Apply a batch in order; visits that come one after the other, in bulk where they are plain."""
        results: list[Result] = []
        rules = self._rules
        for is_visit, items in itertools.groupby(batch, key=lambda item: isinstance(item, Visit)):
            run = list(items)
            if is_visit and rules is not None:
                left = running.apply(self._tables, rules, cast(list[Visit], run))
                self._tables.forget_seq()
                for visit in left:
                    visits.apply(self._tables, rules, visit)
                results += [None] * len(run)
            else:
                results += [self._apply(item) for item in run]
        return results

    def _apply_guarded(self, item: Item) -> Result:
        """Apply an item, or as much of it as can be."""
        if isinstance(item, Confirmation):
            return self._confirm_guarded(item)
        done = self._try(item)
        if isinstance(done, Exception):
            log.error("an event could not be stored and is lost (%s): %s", type(item).__name__, done)
            return None
        return done

    def _confirm_guarded(self, message: Confirmation) -> Confirmed:
        """Apply a message whole or, where something of it is at fault, whatever else is in it."""
        done = self._try(message)
        if isinstance(done, Confirmed):
            return done
        told: list[Confirmed] = []
        failed: list[bytes] = []
        for part in _parts(message):
            done = self._try(part)
            if isinstance(done, Confirmed):
                told.append(done)
            else:
                failed += [event.id for event in part.events] or ([part.id] if part.id is not None else [])
                log.error("what a browser sent could not be stored and is lost (it is told so): %s", done)
        return Confirmed(
            next((one.uuid for one in told), None),
            any(one.set_cookie for one in told),
            any(one.repeated for one in told),
            sum(one.stored for one in told),
            tuple(failed),
        )

    def _try(self, item: Item) -> Result | Exception:
        """Apply an item under a savepoint, so that one that is at fault takes only itself along: what is wrong then."""
        tables = self._tables
        tables.execute("SAVEPOINT item")
        seq = tables.seq
        done: Result | Exception
        try:
            done = self._apply(item)
        except Exception as error:
            if not is_item_fault(error):
                raise
            tables.execute("ROLLBACK TO item")
            tables.forget()
            tables.forget_seq(seq)
            done = error
        tables.execute("RELEASE item")
        return done

    def _apply(self, item: Item) -> Result:
        tables, rules = self._tables, self._rules
        if isinstance(item, Visit):
            visits.apply(tables, rules, item)
            return None
        if isinstance(item, Confirmation):
            return confirmations.apply(tables, rules, item)
        if isinstance(item, Sweep):
            return sessions.sweep(tables, rules, item.now) if rules is not None else 0
        if isinstance(item, Outcomes):
            for day, host, name, n in item.counts:
                tables.run("add_outcome", (day, tables.word(host), tables.word(name), n))
            return None
        if isinstance(item, Blocked):
            self._make_room_for_blocked({page.day for page in item.pages})
            for page in item.pages:
                self._add_blocked(page)
            return None
        self._opt_out(item)
        return None

    def _make_room_for_blocked(self, days: set[int]) -> None:
        """Once a day, with its first row: sorting all of them takes two tenths of a second."""
        tables = self._tables
        if not all(tables.execute_named("has_blocked", (day,)).fetchone() for day in days):
            values = {"other": tables.page("", ""), "kept": BLOCKED_KEPT}
            tables.run("fold_blocked", values)
            tables.run("remove_folded", values)

    def _add_blocked(self, page: BlockedPage) -> None:
        tables = self._tables
        values = {"day": page.day, "n": page.n, "last": page.last, "reason": tables.word(page.reason)}
        pages = {"page": tables.page(page.host, page.path), "other": tables.page("", "")}
        tables.run("add_blocked", {**values, **pages, "most": BLOCKED_A_DAY})

    def _opt_out(self, item: OptOut) -> None:
        visitor = self._tables.visitor(item.uuid)
        if visitor is not None and self._rules is not None:
            sessions.end_open(self._tables, visitor, Reason.OPT_OUT, item.time)


def _parts(message: Confirmation) -> Iterator[Confirmation]:
    """A message in pieces that can be stored without each other, in the order in which they are stored together: the
    confirmation, every event, what was refused."""
    bare = message._replace(events=(), refusals=())
    yield bare
    bare = bare._replace(id=None)
    for event in message.events:
        yield bare._replace(events=(event,))
    if message.refusals:
        yield bare._replace(refusals=message.refusals)
