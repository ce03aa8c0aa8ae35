"""VISITS.md section 3: both tables, as tables."""

import pytest

from proxy.visitors.identity import (
    FUTURE_MS,
    HEAL_WITHIN_MS,
    PAIR_WITHIN_MS,
    TWIN_WITHIN_MS,
    Known,
    What,
    Who,
    meaning,
    whose,
)
from proxy.visitors.ids import MINUTE_MS, PageId

NOW = 30_000_000 * MINUTE_MS
A, B = 1, 2


def page(*, counted: bool = True, new: bool = True, age_ms: int = 0) -> PageId:
    return PageId(bytes(16), counted, new, (NOW - age_ms) // MINUTE_MS)


def known(*, owner: int = A, confirmed: bool = False, twin: bool = True) -> Known:
    return Known(7, owner, confirmed, twin)


FRESH, OLD = page(), page(new=False)
LAST_TWIN, TOO_LATE = page(age_ms=29 * MINUTE_MS), page(age_ms=30 * MINUTE_MS)

# page, what the store knows of it, row of the cookie's visitor, a cookie came, whose
WHOSE = [
    # a forged page, or none: the cookie or nobody
    (None, None, None, False, Who.NOBODY),
    (None, None, None, True, Who.COOKIE),
    (None, None, B, True, Who.COOKIE),
    # the cookie on the beacon is the truth
    (FRESH, known(), A, True, Who.COOKIE),
    (FRESH, None, B, True, Who.COOKIE),
    (OLD, known(), B, True, Who.COOKIE),
    (OLD, None, None, True, Who.COOKIE),
    # A was new at the page, cookie B: a twin ...
    (FRESH, known(), B, True, Who.MERGE),
    (FRESH, known(), None, True, Who.MERGE),
    (FRESH, known(confirmed=True), B, True, Who.MERGE),
    (LAST_TWIN, known(), B, True, Who.MERGE),
    # ... unless half an hour has passed, or it came back on another page
    (TOO_LATE, known(), B, True, Who.COOKIE),
    (FRESH, known(twin=False), B, True, Who.COOKIE),
    # no cookie: the visitor that was new at the page, else a new one
    (FRESH, known(), None, False, Who.OWNER),
    (FRESH, known(confirmed=True, twin=False), None, False, Who.OWNER),
    (TOO_LATE, known(), None, False, Who.OWNER),
    (OLD, known(), None, False, Who.NEW),
    (FRESH, None, None, False, Who.NEW),
    (OLD, None, None, False, Who.NEW),
    (page(counted=False), None, None, False, Who.NEW),
]


@pytest.mark.parametrize(("of", "row", "cookie", "has_cookie", "expected"), WHOSE)
def test_whose_a_beacon_is(of, row, cookie, has_cookie, expected):
    assert whose(of, row, cookie, has_cookie=has_cookie, now_ms=NOW) is expected


# page, what the store knows of it, same visitor, what the confirmation does
MEANING = [
    (None, None, False, What.NOTHING),
    (FRESH, known(), True, What.CONFIRM),
    (OLD, known(), True, What.CONFIRM),
    (page(age_ms=90 * MINUTE_MS), known(), True, What.CONFIRM),
    (FRESH, known(), False, What.SHOW_AGAIN),
    (FRESH, known(confirmed=True), True, What.SHOW_AGAIN),
    (FRESH, known(confirmed=True), False, What.SHOW_AGAIN),
    (page(counted=False), None, False, What.SHOW_UNCOUNTED),
    (page(counted=False, age_ms=90 * MINUTE_MS), None, False, What.SHOW_UNCOUNTED),
    (page(counted=False), known(confirmed=True), True, What.SHOW_AGAIN),
    (FRESH, None, False, What.HEAL),
    (page(age_ms=29 * MINUTE_MS), None, False, What.HEAL),
    (page(age_ms=30 * MINUTE_MS), None, False, What.SHOW_AGAIN),
    (page(age_ms=-MINUTE_MS), None, False, What.HEAL),
    (page(age_ms=-2 * MINUTE_MS), None, False, What.SHOW_AGAIN),
]


@pytest.mark.parametrize(("of", "row", "same", "expected"), MEANING)
def test_what_a_confirmation_does(of, row, same, expected):
    assert meaning(of, row, same_visitor=same, now_ms=NOW) is expected


def test_the_limits_are_those_of_the_specification():
    assert (HEAL_WITHIN_MS, TWIN_WITHIN_MS, PAIR_WITHIN_MS, FUTURE_MS) == (1_800_000, 1_800_000, 30_000, 60_000)


def test_the_last_millisecond_counts():
    fresh = page()
    assert meaning(fresh, None, same_visitor=False, now_ms=fresh.issued_ms + HEAL_WITHIN_MS - 1) is What.HEAL
    assert meaning(fresh, None, same_visitor=False, now_ms=fresh.issued_ms + HEAL_WITHIN_MS) is What.SHOW_AGAIN
    assert whose(fresh, known(), B, has_cookie=True, now_ms=fresh.issued_ms + TWIN_WITHIN_MS - 1) is Who.MERGE
    assert whose(fresh, known(), B, has_cookie=True, now_ms=fresh.issued_ms + TWIN_WITHIN_MS) is Who.COOKIE
