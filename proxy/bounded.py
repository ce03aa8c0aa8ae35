"""A memory that cannot grow without end: a dictionary that forgets everything when it is full.

Law: only for what can be worked out again. Forgetting all at once is crude and cheap: nothing is kept in order, and a
look-up stays a dictionary's.
"""

from typing import TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Bounded(dict[Key, Value]):
    """At most `limit` entries; use `put` instead of assigning."""

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
