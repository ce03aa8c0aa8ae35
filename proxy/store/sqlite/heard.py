"""What others have done to the store since this process looked: whether they wrote, removed texts, erased somebody.

Law: asked at the beginning of every transaction that enters anything, so that nothing that is remembered is used when
it is not true any more.
"""

from collections.abc import Callable
from typing import Any

from proxy.store.sqlite.texts import SQL
from proxy.visitors.erased import Erased


class Heard:
    """`erased`: is told of the marks of all who were erased. `has_company`: another process wrote between the last two
    transactions of this one, but for what it staged."""

    __slots__ = ("_erased_at", "_execute", "_swept", "_version", "erased", "has_company")

    def __init__(self, execute: Callable[..., Any], erased: Erased) -> None:
        self._execute = execute
        self.erased = erased
        self._version: int | None = None
        self.has_company = False
        self._swept: int | None = None
        self._erased_at: int | None = None

    def of_writing(self) -> bool:
        """Whether another process has written."""
        version = self._execute("PRAGMA data_version").fetchone()[0]
        before, self._version = self._version, int(version)
        self.has_company = before not in (None, self._version)
        return before != self._version

    def of_sweeping(self, number: int | None) -> bool:
        """Whether texts were removed, whose numbers may be others' now."""
        changed, self._swept = number != self._swept, number
        return changed

    def of_erasing(self, number: int | None) -> None:
        """Look who was erased, if anybody was since."""
        if number != self._erased_at:
            self._erased_at = number
            self.erased.put(mark for (mark,) in self._execute(SQL["erased_visitors"]))

    def is_erased(self, value: bytes) -> bool:
        """Whether a uuid is of somebody who was erased, or an id of a page of theirs."""
        if self._erased_at is None:
            return False
        return any(self._execute(SQL["is_erased"], (mark,)).fetchone()[0] for mark in self.erased.marks(value))
