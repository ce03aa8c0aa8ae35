"""What a store answers about pages that came with an error, or late: rows with names.

Law: as of answers.py. A page.visit failed where its status is 400 to 999, and was slow where the site needed a second
or more until its answer began (`upstream_ms`).
"""

from dataclasses import dataclass

from proxy.store.questions.answers import NextRow, Ranking


@dataclass(frozen=True, slots=True)
class FailedRow:
    """`views`: page.visit events of a page that failed with this status. `exits`: session.start events
    whose session has its last page.visit here, and that with this status, whenever that is."""

    host: str
    path: str
    status: int
    views: int
    exits: int


@dataclass(frozen=True, slots=True)
class SlowRow:
    """`slow`: those of all `views` of a page that were slow; `median_ms` and `p95_ms`: of their `upstream_ms` (nearest
    rank), read from a histogram (events/dwell.py): at most 4.9 % off. `exits`: session.start events whose session has
    its last page.visit here, and that a slow one, whenever that is."""

    host: str
    path: str
    slow: int
    views: int
    median_ms: int
    p95_ms: int
    exits: int


@dataclass(frozen=True, slots=True)
class Afterwards:
    """What people did after they saw a page that failed, or was slow. `views`: how often that was; of these `alone`
    were in no session, so that nothing is known; after `left` nothing came in their session; after `again` the same
    page came; and after the others another one did: `ways`, by number."""

    views: int
    alone: int
    left: int
    again: int
    ways: Ranking[NextRow]
