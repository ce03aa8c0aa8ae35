"""What is counted: the kinds of cells, and what an event or a session counts for.

Law: pure. A cell is `(kind, lane, day, subject, extra) -> n` (schema_4.sql); the day is that of the event's time, for a
kind of a session that of its start, in both cases the lane is their own. Whatever changes a row that counts takes
away what it counted for and adds what it counts for now: that is how late events, twins and lanes move (VISITS.md 3, 5,
7). `element` stands for `target * ELEMENT_CONTEXTS + place of the action's context in events/labels.py, CONTEXTS`.

| kind | counts | subject | extra |
|---|---|---|---|
| VIEWS | page.visit | 0 | UNCONFIRMED, or 0 |
| HOUR | page.visit | hour of its time, since 1970 in UTC | 0 |
| PAGE | page.visit with a uri | page | UNCONFIRMED, or 0 |
| STATUS | page.visit with a status | its status | 0 |
| FAILED | page.visit with a uri and a status from FAILED_FROM to FAILED_TO | page | its status |
| SLOW | page.visit with a uri and an amount of SLOW_MS or more | page | bucket of the amount |
| ENGAGED | page.visit with `engaged` and a uri | page | bucket of `engaged` |
| ACTION | every event | word of the action | 0 |
| CLICK | `<context>.click` with a target | element | 0 |
| HOVER | `<context>.hover` with a target and an amount | element | bucket of the amount |
| UNUSUAL | those that were longer than usual | element | 0 |
| USED | the same as ENGAGED, of all pages | 0 | bucket of `engaged` |
| HOVERED | the same as HOVER, however long | element | 0 |
| FORM | form.start, form.submit with a target | target | FORM_START, FORM_SUBMIT |
| FIELD | with a target: field.change with a text `field`; form.submit, for each key of `fields` and of `skipped` | \
target | word of the field's name * 4 + FIELD_CHANGED, FIELD_FILLED, FIELD_SKIPPED |
| SESSIONS | sessions | 0 | 0 |
| BOUNCES | sessions with one page.visit | 0 | 0 |
| ENTRY | sessions with an entry | page of its entry | 0 |
| EXIT | sessions with a last page | that page | 0 |
| SOURCE | sessions with a source | its word | 0 |
| DEVICE | sessions with a device | its word | 0 |
| FAILED_EXIT | sessions whose last page.visit counts for FAILED | page | its status |
| SLOW_EXIT | sessions whose last page.visit counts for SLOW | page | 0 |
| NEXT | of a session's page.visits by time and seq, two that follow each other, of different pages | the one's page | \
the other's page |
| VISITORS | visitors of VIEWS, and of session.start without a uri | 0 | \
the day before on which they were there, or NEVER |
| HOUR_VISITORS | the same of HOUR | hour | the same; an hour can be of two days |
| PAGE_VISITORS | visitors of PAGE | page | the same |
| CLICK_VISITORS | visitors of CLICK | element | the same |
| FORM_VISITORS | visitors of FORM, either extra | target | the same |

UNCONFIRMED: in the lane `person`, because its visitor's cookie came back, and no browser has confirmed it. The page
views of a day or page are those of either extra. What is confirmed moves from one to the other: no kind of its own, no
row more for what never is but where a page has both.

Visitors of whom a browser keeps no cookie (visitors/lanes.py, `is_cookieless`) are visitors of the lane BESIDE where
they would be of `person`: in `presence`, and so in the cells that count visitors. Nothing else is of that lane: their
page views and whatever they do are people's. Whose cookie comes after all moves, with all days (ledger.py); most people
never are of it, since their first message brings the cookie, and cost nothing.

A session.start without a uri is of a session that no page has opened, but an app: whoever has one is a visitor, though
none of its events counts as a page view.

A `source` is a JSON list: the referrer's host, utm_source, utm_medium, utm_campaign of the session.start, and the host
of its uri, null where there is none.
"""

from collections.abc import Mapping
from enum import IntEnum

from proxy.events.labels import CONTEXTS
from proxy.visitors.lanes import PERSON
from proxy.visitors.times import HOUR_MS

ELEMENT_CONTEXTS = 16
NEVER = -1
BESIDE = 3
UNCONFIRMED = 1
FORM_START, FORM_SUBMIT = 1, 2
FIELD_CHANGED, FIELD_FILLED, FIELD_SKIPPED = 1, 2, 3
REACH_MS = 600_000
"""Of a row of `reach`."""
FAILED_FROM, FAILED_TO = 400, 999
"""Statuses that say that a page is not what was asked for (RFC 9110 sections 15.5, 15.6), and those that are none."""
SLOW_MS = 1_000
"""A page is slow where the site needs so long until its answer begins: past a second, people's flow of thought is
interrupted."""

assert len(CONTEXTS) <= ELEMENT_CONTEXTS


class Kind(IntEnum):
    """Numbers that the store keeps: never given to something else."""

    VIEWS = 1
    PAGE = 2
    STATUS = 3
    ENGAGED = 4
    ACTION = 5
    CLICK = 6
    HOVER = 7
    UNUSUAL = 8
    FORM = 9
    FIELD = 10
    USED = 11
    HOVERED = 12
    HOUR = 13
    FAILED = 14
    SLOW = 15
    SESSIONS = 16
    BOUNCES = 17
    ENTRY = 18
    EXIT = 19
    SOURCE = 20
    NEXT = 21
    DEVICE = 22
    FAILED_EXIT = 23
    SLOW_EXIT = 24
    VISITORS = 32
    PAGE_VISITORS = 33
    CLICK_VISITORS = 34
    FORM_VISITORS = 35
    HOUR_VISITORS = 36


VISITORS_OF = {
    Kind.VIEWS: Kind.VISITORS,
    Kind.HOUR: Kind.HOUR_VISITORS,
    Kind.PAGE: Kind.PAGE_VISITORS,
    Kind.CLICK: Kind.CLICK_VISITORS,
    Kind.FORM: Kind.FORM_VISITORS,
}
"""Kinds whose visitors are counted, and the kind of those cells."""

VALUES: Mapping[str, int] = {
    **{kind.name.lower(): int(kind) for kind in Kind},
    "never": NEVER,
    "person": PERSON,
    "beside": BESIDE,
    "unconfirmed": UNCONFIRMED,
    "element_contexts": ELEMENT_CONTEXTS,
    "reach_ms": REACH_MS,
    "hour_ms": HOUR_MS,
    "failed_from": FAILED_FROM,
    "failed_to": FAILED_TO,
    "slow_ms": SLOW_MS,
    "form_start": FORM_START,
    "form_submit": FORM_SUBMIT,
    "field_changed": FIELD_CHANGED,
    "field_filled": FIELD_FILLED,
    "field_skipped": FIELD_SKIPPED,
}
"""These, as SQL takes them: by name."""


def is_failed(status: int | None) -> bool:
    """Whether a page came with an error."""
    return status is not None and FAILED_FROM <= status <= FAILED_TO


def trouble_of(status: int | None, upstream_ms: int | None) -> int | None:
    """What went wrong with a page.visit, as one number: twice its status where it failed, and one more where it was
    slow; None where nothing did."""
    failed = status if status is not None and FAILED_FROM <= status <= FAILED_TO else 0
    return 2 * failed + (upstream_ms is not None and upstream_ms >= SLOW_MS) or None
