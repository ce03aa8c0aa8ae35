"""Visits that come thick and fast are stored as they came, and entered among the events many at once.

To enter a visit costs by the batch more than by the visit: its pages of the file, each written to the log once more,
and statements. Whoever waits for it to be stored need not wait for that.

Law: what is staged is stored, and leaves the stage in the transaction that enters it: a process that is killed loses
nothing, and what two writers take is taken once. A writer enters what it has staged before it applies anything else;
what others have staged, at its opening, before it clears anything away and whenever it enters its own. Nothing is
staged where another process writes, nor where little comes: there a visit is there to be read as soon as it is stored,
and else after ENTER_SECONDS.
"""

import io
import logging
import pickle
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from proxy.store.base import VISIT_VALUES, Item, Visit
from proxy.store.sqlite.texts import SQL

WINDOW_SECONDS = 0.02
BUSY_ITEMS = 20
"""In so many seconds, and in as many before them: 1,000 a second, of which one by one costs half of a core,"""
CALM_ITEMS = 8
"""until there are fewer than these: large pages come in bursts."""
ENTER_SECONDS = 0.025
"""After what was entered before. Four times as long saves nothing that can be measured any more."""
STAGED_VISITS = 500
"""At most so many wait; they are entered with the next batch: some 7 ms, for which other batches wait."""
PAUSE_SECONDS = 0.001
"""After a batch of ten and more is staged: what comes meanwhile is staged as one. At saturation a page of 7 KB costs
8 % less with it than with 0.4 ms, 4 % less than with 0.7, and no more than with 2."""
PAUSE_A_VISIT_SECONDS = 0.0001
"""After a smaller one: where one by one comes, nobody waits for others. At half load p50 is 0.75 ms above going direct,
as without staging, and 1.29 with twice as much."""
AGAIN_SECONDS = 1.0
"""Until it is tried again to enter, where that failed and nothing comes with which it would be."""
ID_BITS = 62
PROTOCOL = 5
"""Of pickle, which every Python reads that is new enough for us: a file outlives the one that wrote it."""

log = logging.getLogger("footfall.store")


class Staging:
    """The stage as one writer uses it. `execute`: of its connection; `clock`: seconds."""

    __slots__ = (
        "_came", "_clock", "_enter_at", "_execute", "_id", "_is_old", "_is_told", "_known", "_pause", "_since",
        "_waiting", "_windows",
    )  # fmt: skip

    def __init__(self, execute: Callable[..., Any], clock: Callable[[], float] = time.monotonic) -> None:
        self._execute = execute
        self._clock = clock
        self._id = secrets.randbits(ID_BITS)
        self._known: dict[int, Sequence[Item]] = {}  # spares reading what was staged here; the table has the say
        self._waiting = 0  # visits
        self._is_old = False  # something of another process waits
        self._is_told = False  # the log, that it cannot be entered
        self._enter_at = 0.0
        self._pause = 0.0
        self._since, self._came, self._windows = clock(), 0, 0  # of a window, and how many busy ones came before it

    def __repr__(self) -> str:
        return f"<Staging {self._waiting} waiting>"

    def takes(self, batch: Sequence[Item]) -> bool:
        """Whether a batch is to be staged. Asked once of each that comes."""
        now = self._clock()
        self._came += len(batch)
        if now - self._since >= WINDOW_SECONDS:
            is_on = now - self._since < 2 * WINDOW_SECONDS
            if is_on and self._came >= BUSY_ITEMS:
                self._windows += 1
            elif not (is_on and self._windows >= 2 and self._came >= CALM_ITEMS):
                self._windows = 0
            self._since, self._came = now, 0
        if self._windows < 2 or now >= self._enter_at or self._waiting + len(batch) > STAGED_VISITS:
            return False
        return set(map(type, batch)) == {Visit}

    def put(self, batch: Sequence[Item], write: Callable[[str, Sequence[object]], None]) -> None:
        """Stage visits. `write`: runs a statement as a transaction of its own. PicklingError: not all of what they hold
        is plain."""
        told = io.BytesIO()
        _Plain(told, PROTOCOL).dump(list(map(VISIT_VALUES, batch)))  # type: ignore[arg-type]
        self._id += 1
        write(SQL["add_staged"], (self._id, told.getvalue()))
        self._known[self._id] = batch
        self._pause = min(PAUSE_SECONDS, len(batch) * PAUSE_A_VISIT_SECONDS)
        self._waiting += len(batch)

    def look(self) -> bool:
        """Whether anything waits, perhaps of a process that was killed."""
        self._is_old = bool(self._execute(SQL["any_staged"]).fetchone()[0])
        return self._is_old

    def take(self) -> list[Item]:
        """All that waits, within the transaction that enters it."""
        if self.is_empty:
            return []
        taken: list[Item] = []
        for (one,) in self._execute(SQL["staged_ids"]).fetchall():
            taken += self._known.get(one) or self._read(one)
        self._execute(SQL["clear_staged"])
        return taken

    def _read(self, one: int) -> list[Visit]:
        """Of another process, or of one that is gone."""
        (told,) = self._execute(SQL["staged_visits"], (one,)).fetchone()
        try:
            return [Visit(*values) for values in _PlainReader(io.BytesIO(told)).load()]
        except MemoryError:
            raise
        except Exception as error:  # pickle's own are many; the rest is to be entered nevertheless
            log.error("visits that were stored cannot be read, and stay on the stage: %s", error)
            self._execute(SQL["set_staged_aside"], (one,))
            return []

    def entered(self) -> None:
        """The transaction was committed."""
        self._known.clear()
        self._waiting, self._is_old, self._is_told = 0, False, False
        self._enter_at = self._clock() + ENTER_SECONDS

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits that this writer knows of."""
        return not (self._known or self._is_old)

    def rest(self, enter: Callable[[], object]) -> float | None:
        """After a batch: `enter` what waits, where it is time. Returns after how many seconds to come again."""
        if self.is_empty:
            return None
        left = self._enter_at - self._clock()
        if left > 0:
            time.sleep(min(left, self._pause))
            return max(0.0, left - self._pause)
        try:
            enter()
        except Exception as error:  # whatever it is: the next batch meets it as well, and is told
            if not self._is_told:
                log.warning("visits that are stored wait to be entered among the events: %s", error)
                self._is_told = True
            return AGAIN_SECONDS
        return None


class _Plain(pickle.Pickler):
    """Writes values of Python's own and no others, as `_PlainReader` reads no others."""

    def reducer_override(self, value: object) -> NoReturn:
        raise pickle.PicklingError(f"{value!r} is no value of a visit")


class _PlainReader(pickle.Unpickler):
    """Reads what asks for nothing to be called: a file may come from anywhere."""

    def find_class(self, module_name: str, global_name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"{module_name}.{global_name} is no value of a visit")
