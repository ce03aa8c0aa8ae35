"""Asking one SQLite file on the report's behalf: read-only, each question within its deadline.

Law: one SQL file a question. A connection serves one thread; a page's questions are asked in one short read
transaction, so that its numbers agree, and give up together after `MOMENT_SECONDS`: a long reader stops the writer's
checkpoints and the write-ahead log grows. Another connection may be given the same moment, for another thread: SQLite
lets go of the interpreter while it looks, so two questions take the time of one where there are two cores.

A question about a span is answered from the cells of its days (rollups.py; `report_<question>_days.sql`) where it has
every day that it touches as a whole, and else from the rows of the events of that time (`report_<question>.sql`), which
`reach` finds. Both ways give the same answer; `raw` has the rows asked always.
"""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Self

from proxy.events.dwell import bucket_of
from proxy.events.labels import TEMPLATES
from proxy.store.base import StoreError, StoreUnavailable
from proxy.store.questions import Cursor, Late
from proxy.store.sqlite.connection import SQL, mapped_errors, open_reader
from proxy.store.sqlite.rollups import VALUES

QUESTION_SECONDS = 5.0
"""How long one question may take; a page is not waited for longer by people, and a range can be made shorter."""
MOMENT_SECONDS = 15.0
"""How long all questions of a page may take together."""
CHECK_STEPS = 20_000
"""Steps of SQLite's machine between two looks at the clock: a few hundred microseconds."""
PICKED_KIB = 65_536
"""Of tables of this connection (choosing.py) that are kept in memory; what sorting needs goes to a file."""
NO_FILE = (0, 0)
SAME_TRIES = 3
"""How often two connections try to see the same state: a writer commits some times a second, and a try takes 0.1 ms."""


class Extent(NamedTuple):
    """The days from `first` to `last` that a span touches, none where last is before first; `whole`: all of each."""

    first: int
    last: int
    whole: bool


class Asking:
    """One database file that is asked. `labels`: the templates of actions."""

    def __init__(
        self,
        path: Path,
        *,
        labels: Mapping[str, str] = TEMPLATES,
        question_seconds: float = QUESTION_SECONDS,
        raw: bool = False,
    ) -> None:
        self._path = path
        self._labels = labels
        self._seconds = question_seconds
        self._deadline = self._moment_ends = float("inf")
        # Before it is opened: of a file that is replaced in between, what is known is then not current.
        self._file = file_of(path)
        self._connection = open_reader(path)
        self._connection.execute(f"PRAGMA temp.cache_size = -{PICKED_KIB}")
        self._connection.set_progress_handler(self._is_late, CHECK_STEPS)
        self._connection.create_function("bucket_of", 1, bucket_of, deterministic=True)
        self._raw = raw
        self._are_picked = False  # the events of whole sessions are asked, and no others (choosing.py)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._path}>"

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def is_current(self) -> bool:
        """Whether the path still names the file that was opened."""
        return NO_FILE != self._file == file_of(self._path)

    def change(self) -> int:
        """See `ReportReader.change`."""
        with mapped_errors(self._path):
            [(number,)] = self._connection.execute("PRAGMA data_version").fetchall()
        return int(number)

    @contextmanager
    def moment(self, *, beside: bool = False) -> Iterator[Self]:
        """See `ReportReader.moment`: one read transaction around several questions."""
        with ExitStack() as ended:
            other = self._open_same(ended) if beside else None
            if other is None:
                self._begin()
                ended.callback(self._end)
            yield other or self

    def _open_same(self, ended: ExitStack) -> Self | None:
        """Begins one moment for this connection and for another one, and returns that; None where there can be none, or
        others wrote in between each time. What the other one says of changes is the same before and after this one has
        begun. `ended` ends what is begun."""
        try:
            other = type(self)(self._path, labels=self._labels, question_seconds=self._seconds, raw=self._raw)
        except StoreError:
            return None  # a file that has lost its name since, say: this connection still reads it
        with ExitStack() as opened:
            opened.callback(other.close)
            for _ in range(SAME_TRIES):
                before = other.change()
                with ExitStack() as begun:
                    self._begin()
                    begun.callback(self._end)
                    self.change()  # a transaction sees what is there when it reads first
                    other._begin()
                    begun.callback(other._end)
                    if other.change() == before and self._file == other._file:
                        ended.push(opened.pop_all())
                        ended.push(begun.pop_all())
                        return other
        return None

    def _begin(self) -> None:
        with mapped_errors(self._path):
            self._connection.execute("BEGIN")
        self._moment_ends = time.monotonic() + MOMENT_SECONDS

    def _end(self) -> None:
        self._moment_ends = float("inf")
        with mapped_errors(self._path):
            # Where the disk or the memory gave out, SQLite has ended the transaction by itself.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def _is_late(self) -> bool:
        return time.monotonic() > self._deadline

    def _ask(self, name: str, values: dict[str, object]) -> list[Any]:
        self._deadline = min(time.monotonic() + self._seconds, self._moment_ends)
        if self._is_late():
            raise Late(name)
        try:
            with mapped_errors(self._path):
                return self._connection.execute(SQL[name], {**VALUES, **values}).fetchall()
        except StoreUnavailable:
            if self._is_late():
                raise Late(name) from None
            raise
        finally:
            self._deadline = float("inf")

    def _one(self, name: str, values: dict[str, object]) -> Any:
        rows = self._ask(name, values)
        return rows[0] if rows else None

    def _extent(self, since: int, until: int) -> Extent:
        first, last, whole = self._one("report_extent", {"since": since, "until": until})
        return Extent(first, last, bool(whole) and not self._raw)

    def _reach(self, since: int, until: int) -> dict[str, object]:
        """A time, and between which seqs its events are."""
        low, high = self._one("report_reach", {"since": since, "until": until})
        return {"since": since, "until": until, "low": low, "high": high}

    def _ask_of(self, name: str, since: int, until: int, values: dict[str, object]) -> list[Any]:
        """The answer to a question about a span, from the days that it has or from the rows."""
        extent = self._extent(since, until)
        if extent.whole:
            return self._ask(f"{name}_days", {**values, "first": extent.first, "last": extent.last})
        return self._ask(name, {**values, **self._reach(since, until)})


def file_of(path: Path) -> tuple[int, int]:
    try:
        found = os.stat(path)
    except OSError:
        return NO_FILE
    return found.st_dev, found.st_ino


def total_of(rows: Sequence[Any]) -> int:
    return int(rows[0][-1]) if rows else 0


def on(cursor: Cursor | None) -> dict[str, object]:
    """Where a list goes on, as its question takes it."""
    return {"time": None, "key": None} if cursor is None else cursor._asdict()
