"""What a store answers about the ways that sessions take through a site.

Law: as of answers.py. A session's pages are its page.visit events by time and seq; the same page again right after
itself is not counted.
"""

from dataclasses import dataclass
from typing import NamedTuple


class Place(NamedTuple):
    """A page."""

    host: str
    path: str


@dataclass(frozen=True, slots=True)
class StepRow:
    """What was seen `n` times around a page: `near`, the page right before or after it, and `far`, the one before or
    after that; None where the session had begun, or was over. Where `near` is None, `far` is."""

    near: Place | None
    far: Place | None
    n: int


@dataclass(frozen=True, slots=True)
class Flow:
    """What came before and after a page, each time that a session came to it in the span (the time and the lane are
    those of that page.visit): `times` in all. Of the rows that are not among the first the number is what is left."""

    times: int
    before: tuple[StepRow, ...]
    after: tuple[StepRow, ...]


@dataclass(frozen=True, slots=True)
class TrailRow:
    """A way through the site: the first pages of `sessions` sessions, in their order; `is_longer`: they went on."""

    pages: tuple[Place, ...]
    is_longer: bool
    sessions: int


@dataclass(frozen=True, slots=True)
class Trails:
    """The first rows of `total` ways, by sessions; `sessions`: of all of them, session.start events in the span whose
    session has a page.visit, whenever that is."""

    rows: tuple[TrailRow, ...]
    total: int
    sessions: int
