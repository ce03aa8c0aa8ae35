"""The SQLite writer: a batch is one transaction.

Law: nothing of a batch is kept unless all of it is (store/base.py). A failed transaction is rolled back and whatever
the dictionaries learnt in it forgotten. An item that is itself at fault (a bug of ours, a value that SQLite refuses)
is left out and reported, and the rest of the batch is kept, also the rest of what one browser sent: one bad item must
not stop the recording.
"""

import contextlib
import logging
import os
import time
from collections.abc import Callable, Sequence
from datetime import tzinfo
from functools import partial
from pathlib import Path
from typing import TypeVar

from proxy.store.base import (
    Confirmation,
    Confirmed,
    Forget,
    Item,
    Kept,
    Once,
    Result,
    Retention,
    StoreError,
    StoreUnavailable,
    Tidied,
    Tidy,
)
from proxy.store.sqlite import confirmations, forgetting
from proxy.store.sqlite.applying import apply
from proxy.store.sqlite.connection import begin, is_item_fault, mapped_errors, open_writer, write_alone
from proxy.store.sqlite.days import Days
from proxy.store.sqlite.dictionary import Dictionary
from proxy.store.sqlite.keeping import Keeper
from proxy.store.sqlite.ledger import FRESH_CELLS, Ledger
from proxy.store.sqlite.resting import Rest
from proxy.store.sqlite.saving import save
from proxy.store.sqlite.staging import Staging
from proxy.store.sqlite.tidying import Tidying
from proxy.store.sqlite.work import Work
from proxy.visitors.erased import Erased
from proxy.visitors.sessions import Rules

CHECK_SECONDS = 1.0
"""How often the file is looked at: whether it is still the one that was opened."""

log = logging.getLogger("footfall.store")

Done = TypeVar("Done")


class SqliteWriter:
    """The one writer of a process (store/base.py, `Writer`).

    Args:
        path: the database file; made where absent.
        durability: "process" survives a kill of any process, "power" a power cut as well.
        rules: lengths of sessions, or None to keep no sessions.
        zone: in which new days begin; None is the machine's own.
        retention: how long events are kept.
        erased: is told who was erased; by its marks they are known.
        fresh_cells: how many counted cells wait to be added to the others (ledger.py).
        stages: whether visits may be entered a moment after they were stored (staging.py).
    """

    def __init__(
        self,
        path: Path,
        *,
        durability: str,
        rules: Rules | None,
        zone: tzinfo | None = None,
        retention: Retention = Retention(),  # noqa: B008
        erased: Erased | None = None,
        fresh_cells: int = FRESH_CELLS,
        stages: bool = False,
    ) -> None:
        self._path = path
        self._rules = rules
        self._connection = open_writer(path, durability, zone=zone)
        self._dictionary = Dictionary(self._connection.execute)
        self._days = Days(zone)
        ledger = Ledger(self._connection, self._dictionary, self._days, fresh_cells)
        self._work = Work(self._connection, self._dictionary, ledger, erased or Erased(()))
        self._keeper = Keeper(self._work)
        self._tidying = Tidying(retention)
        self._rest = Rest(path, self._connection, self._work.heard)
        self._staging = Staging(self._connection.execute)
        self._stages = stages
        self._has_failed = False
        self._check_at = 0.0
        try:
            with mapped_errors(path):
                opened = os.stat(path)
                self._file = (opened.st_dev, opened.st_ino)
                self._enter_old()
        except BaseException:
            self._connection.close()
            raise

    def __repr__(self) -> str:
        return f"<SqliteWriter {self._path}>"

    def append(self, batch: Sequence[Item]) -> list[Result]:
        """Apply a batch in one transaction, or stage it; see store/base.py."""
        if self._stages and self._staging.takes(batch) and not self._work.heard.has_company and self._stage(batch):
            return [None] * len(batch)
        if {Tidy, Forget}.isdisjoint(map(type, batch)):
            return self._enter(batch)
        results = iter(self._enter([item for item in batch if not isinstance(item, (Tidy, Forget))]))
        return [self._clear_away(item) if isinstance(item, (Tidy, Forget)) else next(results) for item in batch]

    def _stage(self, batch: Sequence[Item]) -> bool:
        """False where something of it is at fault: whoever enters it finds out what."""
        self._has_failed = True
        try:
            with mapped_errors(self._path):
                self._check_file()
                self._staging.put(batch, partial(write_alone, self._connection))
        except Exception as error:
            if not is_item_fault(error):
                raise
            return False
        self._has_failed = False
        self._rest.count()
        return True

    def _clear_away(self, item: Tidy | Forget) -> Result:
        try:
            self._work.forget()
            if isinstance(item, Tidy):
                return self._tidy(item)
            with mapped_errors(self._path):
                self._enter_old()
                self._work.forget()
                return forgetting.forget(self._work, self._transaction, item)
        finally:
            self._work.forget()

    def _enter_old(self) -> None:
        """Whatever waits, also of others, and of a process that was killed."""
        if self._staging.look():
            self._enter(())

    def _enter(self, batch: Sequence[Item]) -> list[Result]:
        """Apply a batch, and before it all that is staged; commit it, unless there is nothing to do.

        Pages have ids that were made a moment ago, and are not looked for: where a browser has told of one before,
        the batch is done again, and they are. Only where that fails, too, something is at fault."""
        if not batch and self._staging.is_empty:
            return []
        names_others = not {Confirmation, Kept}.isdisjoint(map(type, batch))
        for are_new in (False,) if names_others else (True, False):
            try:
                return self._entered(lambda items: self._apply_all(items, are_new=are_new), batch)  # noqa: B023
            except StoreError:
                raise
            except Exception as error:
                if not is_item_fault(error):
                    raise
        return self._entered(lambda items: [self._apply_guarded(item) for item in items], batch)

    def _entered(self, done: Callable[[Sequence[Item]], list[Result]], batch: Sequence[Item]) -> list[Result]:
        results = self._transaction(lambda: done([*self._staging.take(), *batch]))
        self._staging.entered()
        return results[len(results) - len(batch) :]

    def _tidy(self, item: Tidy) -> Result:
        """A step of clearing away. A part of the file that nobody else reads may be spoilt, and must not stop the
        recording."""
        try:
            with mapped_errors(self._path):
                self._enter_old()
                self._work.forget()
            return self._transaction(lambda: self._tidying.step(self._work, item.now))
        except Exception as error:
            log.warning("clearing away what is old has to wait: %s", error)
            return Tidied()

    def rest(self) -> float | None:
        """Between two batches; see resting.py and staging.py."""
        self._rest.take()
        return self._staging.rest(lambda: self._enter(()))

    def close(self) -> None:
        """Close the file. Never raises."""
        try:
            with contextlib.closing(self._connection):
                self._rest.close()
                if not self._has_failed:  # else whoever opens the store enters it
                    self._enter(())
        except Exception as error:
            log.warning("closing %s: %s", self._path, error)

    def _transaction(self, work: Callable[[], Done]) -> Done:
        connection = self._connection
        self._has_failed = True
        with mapped_errors(self._path):
            self._check_file()
            begin(connection)
            try:
                results = work()
                connection.execute("COMMIT")
            except BaseException:
                self._forget()
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        self._has_failed = False
        self._rest.count()
        return results

    def _forget(self) -> None:
        """What was learnt in what is rolled back may not be there."""
        self._dictionary.forget()
        self._days.forget()
        self._work.clear()
        self._work.forget()

    def _check_file(self) -> None:
        """A file that was moved or removed under us would take events that nobody will ever read."""
        now = time.monotonic()
        if now < self._check_at:
            return
        self._check_at = now + CHECK_SECONDS
        found = os.stat(self._path)
        if (found.st_dev, found.st_ino) != self._file:
            raise StoreUnavailable(f"{self._path}: replaced by another file; opening it")

    def _apply_all(self, batch: Sequence[Item], *, are_new: bool = False) -> list[Result]:
        if kept := [item.event for item in batch if isinstance(item, Kept)]:
            self._work.forget()
        self._work.begin(batch, are_new=are_new)
        if kept:
            self._keeper.begin(kept)
        results = [apply(self._work, self._rules, self._keeper, item) for item in batch]
        save(self._work)
        if not kept:
            self._work.remember()
        return results

    def _apply_guarded(self, item: Item) -> Result:
        """Apply an item, or as much of it as can be."""
        if isinstance(item, Confirmation):
            return self._confirm_guarded(item)
        done = self._try(item)
        if isinstance(done, Exception):
            kind = type(item.item if isinstance(item, Once) else item).__name__
            log.error("an event could not be stored and is lost (%s): %s", kind, done)
            return None
        return done

    def _confirm_guarded(self, message: Confirmation) -> Confirmed:
        """Apply a message whole or, where something of it is at fault, whatever else is in it."""
        done = self._try(message)
        if isinstance(done, Confirmed):
            return done
        told: list[Confirmed] = []
        failed: list[bytes] = []
        for part in confirmations.parts(message):
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
        execute = self._connection.execute
        execute("SAVEPOINT item")
        done: Result | Exception
        try:
            (done,) = self._apply_all([item])
        except Exception as error:
            if not is_item_fault(error):
                raise
            execute("ROLLBACK TO item")
            self._forget()
            done = error
        execute("RELEASE item")
        return done
