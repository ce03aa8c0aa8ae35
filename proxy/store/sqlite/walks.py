"""Going through a table in small steps, by any number of processes: where the next step begins.

Law: a walk is moved in the transaction that has done the step, so that nothing is left out and nothing done twice.
"""

from collections.abc import Callable
from typing import Any

from proxy.store.sqlite.texts import SQL
from proxy.visitors.times import HOUR_MS

EVERY_MS = 6 * HOUR_MS
"""How long after it began a walk begins anew: what is kept for days need not go to the hour."""


class Walk:
    """`begun`: UTC ms; `place`: what the next step comes after, None at the end; `until`: how far it matters."""

    __slots__ = ("begun", "name", "place", "until")

    def __init__(self, name: str, begun: int, place: Any, until: int) -> None:
        self.name = name
        self.begun = begun
        self.place = place
        self.until = until

    def __repr__(self) -> str:
        return f"<Walk {self.name} at {self.place!r} of {self.until}>"


def walk_at(execute: Callable[..., Any], name: str) -> Walk | None:
    """Where a walk is; None where it was never begun."""
    row = execute(SQL["walk"], (name,)).fetchone()
    return None if row is None else Walk(name, *row)


def keep(execute: Callable[..., Any], walk: Walk) -> None:
    """The next step is where the walk is now."""
    execute(SQL["put_walk"], (walk.name, walk.begun, walk.place, walk.until))


def is_due(walk: Walk | None, now: int) -> bool:
    """Whether a walk is to be begun anew; a clock that was put back must not stop it for years."""
    return walk is None or (walk.place is None and abs(now - walk.begun) >= EVERY_MS)
