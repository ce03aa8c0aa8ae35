"""A memory that cannot grow without end: a dictionary that forgets everything when it is full.

Law: only for what can be worked out again. Forgetting all at once is crude and cheap: nothing is kept in order, and a
look-up stays a dictionary's.
"""

from collections.abc import Mapping
from typing import TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Bounded(dict[Key, Value]):
    """At most `limit` entries, and what is put at once; use `put` instead of assigning."""

    __slots__ = ("_limit",)

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit

    def put(self, key: Key, value: Value) -> Value:
        """Remember, and return the value."""
        if len(self) >= self._limit and key not in self:
            self.clear()
        self[key] = value
        return value

    def put_all(self, known: Mapping[Key, Value]) -> None:
        """Remember all of these, be they more than the limit: they are as many as a batch has."""
        if len(self) >= self._limit and not known.keys() <= self.keys():
            self.clear()
        self.update(known)
