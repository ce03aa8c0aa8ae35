"""What a report's reader answers about a span, held against a recount of what was exported (report_recount.py).

`events` are exported objects, `span` a Span.
"""

from dataclasses import astuple

import report_recount as recount

from proxy.events.event import LANES
from proxy.report.channels import merge
from proxy.store.questions import Cursor

ALL = 1_000


def told_of(span):
    """A Span as a recount takes it."""
    return (span.since, span.until, LANES[span.lane])


def check_totals(reader, events, span):
    totals = reader.lanes(span.since, span.until)[span.lane]
    counted = {name: getattr(totals, name) for name in ("visitors", "sessions", "views", "bounces", "cookieless")}
    assert counted == recount.totals(events, told_of(span))
    assert astuple(reader.engaged(span)) == recount.engaged(events, told_of(span))


def check_pages(reader, events, span):
    told, known = told_of(span), recount.titles(events)
    found = reader.pages(span, ALL)
    rows = {(row.host, row.path): (row.title, *astuple(row)[3:]) for row in found.rows}
    counted = recount.pages(events, told)
    for page, (title, *_) in list(counted.items()):
        if title is None and page in rows and rows[page][0] in known[page]:  # what it was called another time
            counted[page] = (rows[page][0], *counted[page][1:])
    assert rows == counted and found.total == len(rows) == len(found.rows)
    views = [row.views for row in found.rows]
    assert views == sorted(views, reverse=True)
    for page in [*rows, ("nowhere.example", "/")]:
        following = reader.next_pages(span, *page, ALL)
        steps = {(row.host, row.path): row.n for row in following.rows}
        assert steps == recount.next_pages(events, told, page) and following.total == len(steps)


def check_unconfirmed(reader, events, days, settled):
    found = reader.unconfirmed(days, settled, ALL)
    rows, _ = recount.unconfirmed(events, days[0][0], days[-1][1], settled)
    assert {(row.host, row.path): (row.views, row.unconfirmed) for row in found.rows} == rows
    assert found.total == len(rows) == len(found.rows)
    assert [row.unconfirmed for row in found.rows] == sorted((n for _, n in rows.values()), reverse=True)
    for day, edge in zip(found.days, days, strict=True):
        assert astuple(day) == (*edge, *recount.unconfirmed(events, *edge, settled)[1])
    assert reader.unconfirmed(days, settled, 1) == type(found)(found.days, found.rows[:1], found.total)


def check_sources(reader, events, span):
    sources = reader.sources(span, ALL)
    assert {astuple(row)[:-1]: row.sessions for row in sources.rows} == recount.sources(events, told_of(span))
    merged, continued = merge(sources.rows)
    sessions = recount.totals(events, told_of(span))["sessions"]
    assert sum(source.sessions for source in merged) + continued == sources.sessions == sessions


def check_troubles(reader, events, span):
    told = told_of(span)
    devices = reader.devices(span, ALL)
    assert {row.device: row.sessions for row in devices.rows} == recount.devices(events, told)
    assert devices.total == len(devices.rows)
    failed, slow = recount.troubles(events, told)
    rows = reader.failed(span, ALL)
    assert {astuple(row)[:3]: (row.views, row.exits) for row in rows.rows} == failed and rows.total == len(failed)
    assert [row.views for row in rows.rows] == sorted((row.views for row in rows.rows), reverse=True)
    rows = reader.slow(span, ALL)
    assert {astuple(row)[:2]: astuple(row)[2:] for row in rows.rows} == slow and rows.total == len(slow)
    assert reader.slow(span, 1).rows == rows.rows[:1] and reader.failed(span, 1).total == len(failed)


def check_elements(reader, events, span, host):
    hovers = reader.hovers(span, ALL)
    rows = {
        (row.host, row.path, row.name, row.action): (
            row.hovers,
            row.median_ms,
            row.p95_ms,
            row.unusual,
            row.evidence and astuple(row.evidence),
        )
        for row in hovers.rows
    }
    assert rows == recount.hovers(events, told_of(span), host) and hovers.total == len(rows)
    clicks = reader.clicks(span, ALL)
    found = {astuple(row)[:4]: (row.clicks, row.visitors) for row in clicks.rows}
    assert found == recount.clicks(events, told_of(span), host) and clicks.total == len(found)
    forms = reader.forms(span, ALL)
    shown = {
        (row.host, row.path, row.name): (
            row.started,
            row.submitted,
            row.visitors,
            {field.name: (field.changed, field.filled, field.skipped) for field in row.fields},
        )
        for row in forms.rows
    }
    assert shown == recount.forms(events, told_of(span), host) and forms.total == len(shown)


def check_visitors(reader, events, span):
    found = reader.visitors(span, None, ALL)
    rows = [
        (row.uuid, row.views, row.sessions, row.first, row.last, row.uri, row.title, row.is_cookieless)
        for row in found.rows
    ]
    counted = recount.visitors(events, told_of(span))
    assert sorted(rows, key=str) == sorted(counted, key=str) and found.total + found.cookieless == len(counted)
    assert found.cookieless == sum(row[7] for row in counted)
    assert [row[4] for row in rows] == [row[4] for row in counted]
    paged, before = [], None
    while page := reader.visitors(span, before, 2).rows:
        paged += page
        before = Cursor(page[-1].last, page[-1].key)
    assert paged == list(found.rows)
