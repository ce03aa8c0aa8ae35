"""Identity: what a browser's confirmation of a page means, and whose it is.

Law: this is VISITS.md section 3 as two pure functions. `whose` decides the visitor (the cookie on the beacon is the
truth; a visitor that was new at the page may have been a twin), `meaning` decides what becomes of the page id. Both
are given what the store has just read inside its transaction.
"""

from enum import Enum, auto
from typing import NamedTuple

from proxy.visitors.ids import PageId
from proxy.visitors.times import MINUTE_MS

HEAL_WITHIN_MS = 30 * MINUTE_MS
"""A page id that the store does not know is healed if it is younger than this: its row was lost in a crash."""
TWIN_WITHIN_MS = 30 * MINUTE_MS
"""A visitor that was new at a page can turn out to be somebody's twin for this long."""
PAIR_WITHIN_MS = 30_000
"""How long ago the server may have counted (answering 304) what a browser now shows from its cache."""
FUTURE_MS = MINUTE_MS
"""Page ids carry whole minutes; one that claims to be from further ahead than this is not believed."""


class Known(NamedTuple):
    """What the store knows of a page id: its row's `seq`, its visitor's row id `owner`, whether it is `confirmed`
    already, and whether that visitor may still be a twin (no customer key, never returned on another page)."""

    seq: int
    owner: int
    confirmed: bool
    owner_may_be_twin: bool


class Who(Enum):
    """Whose a beacon is."""

    NOBODY = auto()
    COOKIE = auto()
    OWNER = auto()
    MERGE = auto()
    NEW = auto()


class What(Enum):
    """What a confirmation does."""

    NOTHING = auto()
    CONFIRM = auto()
    HEAL = auto()
    SHOW_UNCOUNTED = auto()
    SHOW_AGAIN = auto()


def whose(page: PageId | None, known: Known | None, cookie: int | None, *, has_cookie: bool, now_ms: int) -> Who:
    """Whose a beacon is.

    Args:
        page: its page id, None where there is none or it is forged.
        known: what the store knows of that page id.
        cookie: row id of the cookie's visitor, None where the store has not seen that visitor yet.
        has_cookie: whether a believed cookie came with the beacon.

    Returns:
        NOBODY (rejected as `no_visitor`), COOKIE (the cookie's visitor), OWNER (the page's visitor, who gets the
        cookie again), MERGE (the page's visitor was a twin of the cookie's: its rows move), NEW (a new uuid).
    """
    if page is None:
        return Who.COOKIE if has_cookie else Who.NOBODY
    if has_cookie:
        twin = (
            known is not None
            and known.owner != cookie
            and page.visitor_new
            and known.owner_may_be_twin
            and now_ms - page.issued_ms < TWIN_WITHIN_MS
        )
        return Who.MERGE if twin else Who.COOKIE
    return Who.OWNER if known is not None and page.visitor_new else Who.NEW


def meaning(page: PageId | None, known: Known | None, *, same_visitor: bool, now_ms: int) -> What:
    """What the confirmation of a page id does.

    Args:
        same_visitor: whether the page's visitor is the one decided by `whose` (a merged twin is).

    Returns:
        NOTHING (forged), CONFIRM (the row becomes a person's), HEAL (the row was lost and is made again with this
        id), SHOW_UNCOUNTED (a prefetched page is shown: a new visit with this id), SHOW_AGAIN (from a cache: the
        visit that the server counted a moment ago, else a new one).
    """
    if page is None:
        return What.NOTHING
    if known is not None:
        return What.CONFIRM if not known.confirmed and same_visitor else What.SHOW_AGAIN
    if not page.counted:
        return What.SHOW_UNCOUNTED
    age = now_ms - page.issued_ms
    return What.HEAL if -FUTURE_MS <= age < HEAL_WITHIN_MS else What.SHOW_AGAIN
