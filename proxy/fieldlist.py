"""Header fields that know themselves by name.

Law: what passes keeps its order, its repeats and its bytes, and what is asked of a head is asked by name. Nothing is
changed in place: a change makes another list. Nearly every head has each field once, and then a dictionary is all it
takes, since that keeps the order as well.

A head that came before, to the byte, is the same list again (`kept`): whoever reads such a list leaves in `facts` what
he made of it, and is spared the work the next time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from types import MappingProxyType
from typing import Any

Field = tuple[bytes, bytes]
NOTHING: Mapping[bytes, bytes] = MappingProxyType({})


class FieldList:
    """Fields as ASGI has them, an iterable of pairs, names in lower case. `by_name` has the last value of each name;
    `repeated` is all of them in order where a name stands there more than once, else None. `facts`: what follows from
    the fields, by a name of whoever found it; None where the list is not kept, and finding it again costs less."""

    __slots__ = ("by_name", "facts", "repeated")

    def __init__(self, by_name: dict[bytes, bytes], repeated: list[Field] | None = None) -> None:
        self.by_name = by_name
        self.repeated = repeated
        self.facts: dict[object, Any] | None = None

    def kept(self) -> FieldList:
        """This list, from now on one that is kept."""
        self.facts = {}
        return self

    @staticmethod
    def of(headers: Iterable[Field]) -> FieldList:
        """The list itself where it is one already."""
        if isinstance(headers, FieldList):
            return headers
        fields = [(name, value) for name, value in headers]
        by_name = dict(fields)
        return FieldList(by_name, fields if len(by_name) != len(fields) else None)

    def __iter__(self) -> Iterator[Field]:
        return iter(self.by_name.items() if self.repeated is None else self.repeated)

    def __len__(self) -> int:
        return len(self.by_name if self.repeated is None else self.repeated)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Iterable) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<FieldList {list(self)}>"

    def values(self, name: bytes) -> list[bytes]:
        """All values of `name`, in order."""
        if name not in self.by_name:
            return []
        return [self.by_name[name]] if self.repeated is None else [value for key, value in self.repeated if key == name]

    def without(self, names: AbstractSet[bytes]) -> Iterable[Field]:
        """The fields of all other names."""
        if self.repeated is not None:
            return [field for field in self.repeated if field[0] not in names]
        left = self.by_name.copy()
        for name in names:
            left.pop(name, None)
        return left.items()

    def changed(self, changes: Mapping[bytes, bytes | None], added: Mapping[bytes, bytes] = NOTHING) -> FieldList:
        """With `changes` carried out and `added` behind them: the first of a name takes its new value and its repeats
        go, None drops the name, a value for a name that was not there is appended."""
        if self.repeated is None:
            by_name = self.by_name.copy()
            for name, value in changes.items():
                if value is None:
                    by_name.pop(name, None)
                else:
                    by_name[name] = value
            count = len(by_name) + len(added)
            by_name.update(added)
            if len(by_name) == count:
                return FieldList(by_name)
        return FieldList.of([*self._changed(changes), *added.items()])

    def _changed(self, changes: Mapping[bytes, bytes | None]) -> Iterable[Field]:
        left = dict(changes)
        for name, value in self:
            if name not in changes:
                yield name, value
            elif (new := left.pop(name, None)) is not None:
                yield name, new
        yield from ((name, new) for name, new in left.items() if new is not None)


class Collected:
    """The fields that a parser has found so far; `add` is its callback, `take` begins anew."""

    __slots__ = ("_again", "_by_name")

    def __init__(self) -> None:
        self._by_name: dict[bytes, bytes] = {}
        self._again: list[tuple[int, Field]] = []  # fields of a name that was there before, with their places

    def __len__(self) -> int:
        return len(self._by_name) + len(self._again)

    def add(self, name: bytes, value: bytes) -> None:
        """One field, its name as it was sent."""
        name = name.lower()
        if name in self._by_name:
            self._again.append((len(self), (name, value)))
        else:
            self._by_name[name] = value

    def forget(self) -> None:
        """Drops what was added since the last time (trailers)."""
        if self._by_name:
            self._by_name, self._again = {}, []

    def take(self) -> FieldList:
        """What was added since the last time."""
        by_name, again = self._by_name, self._again
        self._by_name = {}
        if not again:
            return FieldList(by_name)
        self._again = []
        fields = list(by_name.items())
        for place, field in again:
            fields.insert(place, field)
        by_name.update(field for _, field in again)
        return FieldList(by_name, fields)
