"""What a store adds up by day: what became of requests, pages where the tag cannot run, and when none was held.

Law: numbers only, of nobody.
"""

from typing import NamedTuple

BLOCKED_A_DAY = 1_000
"""Pages and reasons of a day that are told apart where the tag cannot run."""
BLOCKED_KEPT = 100_000
"""The same of all days before: some three months of a day's limit, or years of a site with 50 such pages."""


class Outcomes(NamedTuple):
    """Counters to add up: `(day since 1970, host, name) -> n`."""

    counts: tuple[tuple[int, str, str, int], ...]


class BlockedPage(NamedTuple):
    """How often a page was seen on a day (since 1970) whose tag could not run for one `reason` (a text of ours), and
    when last (UTC ms). Cleaned `host` and `path`; both '' stand for any page beyond a limit."""

    day: int
    host: str
    path: str
    reason: str
    n: int
    last: int


class Blocked(NamedTuple):
    """Counters to add up. A store keeps `BLOCKED_A_DAY` rows of a day apart and, from the next day on, of all days the
    `BLOCKED_KEPT` that were seen last; the others of a day share a row a reason. So the sums stay true."""

    pages: tuple[BlockedPage, ...]


class Unheld(NamedTuple):
    """When pages were not held for their commit (VISITS.md section 6), of one process, on a day (since 1970): how many
    `times` that began, when it was so at first and at last, and when it was over for the last time, 0 where it was not;
    UTC ms. A store keeps one row a day: of all processes the sum, the earliest and the latest."""

    day: int
    times: int
    first: int
    last: int
    over: int
