"""What a store answers about the recording itself: what became of requests, and what is not known, and why.

Law: as of answers.py.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OutcomeRow:
    """Requests by what became of them (VISITS.md section 1)."""

    name: str
    n: int


@dataclass(frozen=True, slots=True)
class MadeRow:
    """`n` page.visit events of a lane by how they came to be known. `how`: `served`, the server counted the page;
    `healed`, that was lost in a crash and a browser told of it again; `prerender`, `bfcache`, `cache`, `spa`, `manual`,
    told by a browser alone; `consent`, told by a browser after its visitor had agreed, or imported without a status."""

    lane: int
    how: str
    n: int


@dataclass(frozen=True, slots=True)
class ViewRow:
    """A page.visit. `time` UTC ms; `uri`, `host` and `path` cleaned; `how` as in MadeRow; `status` and `took_ms`: what
    the server saw, None where only a browser told of it. `is_confirmed`: a browser told of it, too, and `uri` may be
    the one that it shows (same host and path)."""

    time: int
    host: str
    path: str
    uri: str
    lane: int
    how: str
    status: int | None
    is_post: bool
    took_ms: int | None
    is_confirmed: bool


@dataclass(frozen=True, slots=True)
class BlockedRow:
    """`views` visits to a page that went without its tag for one `reason` (page/policy.py), and when the last was, UTC
    ms. `host` and `path` are '' for all those beyond the limits (store/base.py, `Blocked`)."""

    host: str
    path: str
    reason: str
    views: int
    last: int


@dataclass(frozen=True, slots=True)
class Without:
    """The first rows of `total`; `views`: of all of them, also of those that are not among the rows."""

    rows: tuple[BlockedRow, ...]
    total: int
    views: int


@dataclass(frozen=True, slots=True)
class Unheld:
    """When pages were not held for their commit, of all processes: how many `times` that began, when it was so at first
    and at last, and when it was over for the last time (0: it was not); UTC ms. While it is so, `last` moves on with
    the requests that come."""

    times: int
    first: int
    last: int
    over: int


@dataclass(frozen=True, slots=True)
class UnconfirmedRow:
    """A page: people's page.visit events of its host and path, and those of them that no browser has confirmed."""

    host: str
    path: str
    views: int
    unconfirmed: int


@dataclass(frozen=True, slots=True)
class UnconfirmedDay:
    """The same of all pages, in `[since, until)`."""

    since: int
    until: int
    views: int
    unconfirmed: int


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """Page.visit events of the lane `person` (whatever the span's) and those of them that are in it because a cookie
    came back, while the tracker of the page never said anything: blocked, broken, or not in the page. Such a one that
    is younger than was asked for may be confirmed yet, and is in neither number. An imported one counts as confirmed
    where only a browser could have told what is known of it. `rows`: the first of `total` pages that have such views;
    `days`: as they were asked for. Of both numbers the export knows the first."""

    days: tuple[UnconfirmedDay, ...]
    rows: tuple[UnconfirmedRow, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Refused:
    """Events that were refused for one reason (code of WIRE.md, field at fault, action), of the latest 1,000 kept:
    how many, and when the last."""

    code: str
    field: str
    action: str
    host: str | None
    path: str | None
    n: int
    last: int
