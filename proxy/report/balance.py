"""The equation: requests served are the sum of their outcomes, and those that were visits are the page views recorded.

Law: both sides are counted apart, the requests by counters when their answer began, the page views as events; what one
side has more is said, with what may be the reason, and never made up for. Days are those of the counters, in UTC.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from proxy.events.event import LANES
from proxy.report.ranges import DAY_MS, Range, utc_days
from proxy.store.questions import Late, MadeRow, ReportReader

RELEASED, LOST = "released_unsaved", "lost"
"""Counters beside the outcomes, of visits, each of which has its outcome too: pages let go before they were on disk,
and visits that found the queue full (intake/recorder.py)."""
BESIDE = (RELEASED, LOST)
SERVED, HEALED = "served", "healed"
UNHELD_NOW_MS = 60_000
"""Pages that were not held a moment ago are not held now. A process says so with the counters that it writes, every
second in which requests come; what was not said for so long is said by nobody any more."""

MEANING: Mapping[str, str] = {
    "visit": "an HTML page that a browser navigated to",
    "bot": "the same, by a crawler or without User-Agent",
    "asset": "not HTML, a download, or no document (204, 206)",
    "redirect": "the site sent the browser elsewhere (3xx)",
    "fragment": "HTML that a script of a page asked for",
    "frame": "shown in a frame within a page",
    "prefetch": "loaded in advance; counts when it is shown",
    "other_html": "HTML to a program that did not ask for it",
    "opted_out": "a page to somebody who is not to be tracked",
    "excluded": "a page whose path is in tracking.exclude",
    "head_or_other": "neither GET nor POST: HEAD, OPTIONS, PUT",
    "websocket": "a WebSocket, or the attempt",
    "failed": "no usable answer from the site (502, 503, 504)",
    "aborted": "the visitor left before the answer began",
    "refused": "refused by footfall: malformed or too large",
}
"""What an outcome is, a line each (VISITS.md section 1)."""
MADE: Mapping[str, str] = {
    "prerender": "loaded in advance, and then shown",
    "bfcache": "shown again by the back button",
    "cache": "taken from the browser's cache",
    "spa": "changed within a page, by its own script",
    "manual": "told by the page's own script",
    "consent": "agreed to on the page (or imported)",
}
"""How a page view can come without a request that is counted as a visit."""
MORE_REQUESTS: Final = (
    "counted without an event: still on its way, lost in a crash while the store was slow, erased since (footfall "
    "forget), or tracking.visits is off"
)
MORE_EVENTS: Final = (
    "more events than counts: a crash loses the counters of its last second; imported events have none; "
    "a request over midnight is in two days"
)

Model = dict[str, Any]


def balance(reader: ReportReader, span: Range, *, now_ms: int) -> Model:
    """Both sides of the equation for the days of a range, `first` to `last` since 1970. `visits` is None where its
    events are too many to be read in time. Raises StoreError."""
    first, last = utc_days(span.since, span.until)
    model: Model = {
        "range": {"name": span.name, "label": span.label, "since": span.since, "until": span.until},
        "first": first,
        "last": last,
    }
    with reader.moment():
        served = requests(reader, span, now_ms)
        return {**model, "requests": served, "visits": recorded(reader, span, served)}


def recorded(reader: ReportReader, span: Range, served: Model | None) -> Model | None:
    """The other side, of `requests`; None where it is not known in time, or that was not. Raises StoreError."""
    first, last = utc_days(span.since, span.until)
    try:
        made = reader.made(first * DAY_MS, (last + 1) * DAY_MS)
    except Late:
        return None
    return None if served is None else visits(served["rows"], made, served[LOST])


def requests(reader: ReportReader, span: Range, now_ms: int) -> Model:
    """Requests by outcome: `rows` add up to `total`. Among them `released_unsaved` pages that were let go before they
    were on disk, and `lost` visits that found the queue full. `unheld`: whether and when pages were not held at all,
    None where they always were."""
    first, last = utc_days(span.since, span.until)
    found = reader.outcomes(first, last)
    rows = [{**asdict(row), "meaning": MEANING.get(row.name, "")} for row in found if row.name not in BESIDE]
    beside = {name: sum(row.n for row in found if row.name == name) for name in BESIDE}
    return {
        "first_day": first,
        "last_day": last,
        "rows": rows,
        "total": sum(row["n"] for row in rows),
        **beside,
        "unheld": _unheld(reader, first, last, now_ms),
    }


def _unheld(reader: ReportReader, first_day: int, last_day: int, now_ms: int) -> Model | None:
    """VISITS.md section 6: the breaker's state, as those who hold pages wrote it down."""
    found = reader.unheld(first_day, last_day)
    if found is None:
        return None
    is_now = found.last > found.over and now_ms - found.last < UNHELD_NOW_MS
    return {"times": max(1, found.times), "first": found.first, "last": found.last, "now": is_now}


def visits(rows: Sequence[Mapping[str, Any]], made: Sequence[MadeRow], lost: int) -> Model:
    """The other side: page views by lane and by how they came to be known, and what requests and events differ by.
    `equations`: of people and of bots, `requests - events - lost = difference`."""
    counted = {row["name"]: row["n"] for row in rows}
    lanes = {
        lane: sum(row.n for row in made if LANES[row.lane] == lane and row.how == SERVED) for lane in reversed(LANES)
    }
    healed = sum(row.n for row in made if row.how == HEALED)
    added = {how: n for how in MADE if (n := sum(row.n for row in made if row.how == how))}
    return {
        "total": sum(row.n for row in made),
        "lanes": lanes,
        "healed": healed,
        "added": [{"how": how, "n": n, "meaning": MADE[how]} for how, n in added.items()],
        "equations": [
            _equation("visit", counted, lanes["person"] + lanes["unproven"] + healed, lost),
            _equation("bot", counted, lanes["bot"], 0),
        ],
    }


def _equation(outcome: str, counted: Mapping[str, int], events: int, lost: int) -> Model:
    difference = counted.get(outcome, 0) - events - lost
    why = "" if not difference else MORE_REQUESTS if difference > 0 else MORE_EVENTS
    return {
        "outcome": outcome,
        "requests": counted.get(outcome, 0),
        "events": events,
        "lost": lost,
        "difference": difference,
        "why": why,
    }
