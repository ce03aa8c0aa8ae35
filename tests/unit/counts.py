"""The report's numbers, counted from the model's events by hand and compared with what a store answers.

Add to `check_counts` what else a store is asked. `events` are as `Model.exported` or an export tells them; `span` is
(since, until, lane). What a number means: proxy/store/questions/answers.py.
"""

import itertools

import report_recount as recount
from report_checks import check_unconfirmed

from proxy.events.event import LANES
from proxy.store.questions import Span

ALL = 1_000
OFF = 0.05
"""A median may be read from a histogram in steps of a tenth (events/dwell.py)."""


def uniques(events, edges, lane):
    """{(first day, last day): visitors, and those of whom a browser keeps no cookie} of every range of whole days."""
    ranges = list(itertools.combinations_with_replacement(range(len(edges)), 2))
    found = {(a, b): recount.totals(events, (edges[a][0], edges[b][1], lane)) for a, b in ranges}
    return {pair: (totals["visitors"], totals["cookieless"]) for pair, totals in found.items()}


def check_counts(asked, events, parts, edges, host):
    """`asked` answers what these events say: `parts` are [(since, until)], `edges` whole days one after the other."""
    check_unconfirmed(asked, events, edges, edges[-1][1] - 36 * 3_600_000)
    for number, lane in enumerate(LANES):
        for part in parts:
            check_span(asked, events, Span(*part, number), (*part, lane), host)
        slots = [recount.totals(events, (*edge, lane)) for edge in edges]
        found = asked.slots(edges, number)
        assert [(slot.views, slot.visitors) for slot in found] == [(slot["views"], slot["visitors"]) for slot in slots]
        for (first, last), visitors in uniques(events, edges, lane).items():
            totals = asked.lanes(edges[first][0], edges[last][1])[number]
            assert (totals.visitors, totals.cookieless) == visitors


def check_span(asked, events, span, told, host):
    totals = asked.lanes(span.since, span.until)[span.lane]
    names = ("visitors", "sessions", "views", "bounces", "cookieless")
    assert {key: getattr(totals, key) for key in names} == recount.totals(events, told)
    pages = {(row.host, row.path): row for row in asked.pages(span, ALL).rows}
    shown = {page: (row.views, row.visitors, row.entries, row.exits) for page, row in pages.items()}
    expected = recount.pages(events, told)
    assert shown == {page: row[1:5] for page, row in expected.items()}
    for page, (title, *_) in expected.items():  # where none of these visits has one, an earlier one is shown
        assert title in (None, pages[page].title)
        after = {(row.host, row.path): row.n for row in asked.next_pages(span, *page, ALL).rows}
        assert after == recount.next_pages(events, told, page)
    sources = {
        (row.referrer, row.utm_source, row.utm_medium, row.utm_campaign, row.host): row.sessions
        for row in asked.sources(span, ALL).rows
    }
    assert sources == recount.sources(events, told)
    check_acts(asked, events, span, told, host)


def check_acts(asked, events, span, told, host):
    hovers = {(row.host, row.path, row.name, row.action): row for row in asked.hovers(span, ALL).rows}
    expected = recount.hovers(events, told, host)
    assert hovers.keys() == expected.keys()
    for element, (number, median, p95, unusual, evidence) in expected.items():
        row = hovers[element]
        proof = row.evidence and (row.evidence.dwell_ms, row.evidence.usual_ms, row.evidence.usual_n)
        assert (row.hovers, row.unusual, proof) == (number, unusual, evidence)
        assert abs(row.median_ms - median) <= OFF * median and abs(row.p95_ms - p95) <= OFF * p95
    clicks = asked.clicks(span, ALL).rows
    assert {(row.host, row.path, row.name, row.action): (row.clicks, row.visitors) for row in clicks} == recount.clicks(
        events, told, host
    )
    forms = {
        (row.host, row.path, row.name): (
            row.started,
            row.submitted,
            row.visitors,
            {field.name: (field.changed, field.filled, field.skipped) for field in row.fields},
        )
        for row in asked.forms(span, ALL).rows
    }
    assert forms == recount.forms(events, told, host)
