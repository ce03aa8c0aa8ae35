"""What is answered from the cells of whole days is what the events' rows say, and what a recount in Python says."""

import contextlib
import dataclasses
import itertools
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import pytest
import report_recount
from hypothesis import given, settings
from hypothesis import strategies as st
from report_checks import (
    check_elements,
    check_pages,
    check_sources,
    check_totals,
    check_troubles,
    check_unconfirmed,
    check_visitors,
    told_of,
)
from report_walks import items, steps
from stories import DAY, HOST, HOUR, MINUTE, T, confirm, does, exported, ident, page, sends, visit
from taken import some

from proxy.events.event import LANES
from proxy.report.ranges import midnight, range_of
from proxy.store.base import Confirmation, Sweep, Visit
from proxy.store.questions import Cursor, Span
from proxy.store.sqlite.questions import SqliteQuestions
from proxy.store.sqlite.writer import SqliteWriter
from proxy.visitors.sessions import Rules

ALL = 1_000
OTHER_HOST = "blog.example"
QUICK = settings(max_examples=some(25), deadline=None)
WARSAW, NEW_YORK, KATHMANDU = map(ZoneInfo, ("Europe/Warsaw", "America/New_York", "Asia/Kathmandu"))
SPRING, AUTUMN = datetime(2024, 3, 30, 18, tzinfo=WARSAW), datetime(2024, 10, 26, 18, tzinfo=WARSAW)
"""Some hours before a night in which clocks change."""


@st.composite
def histories(draw, begins=(T,)):
    """Items of some days, on two hosts, with twins that are found out: a walk that is told slowly."""
    slower, twins = draw(st.sampled_from((1, 20, 60))), draw(st.sets(st.integers(0, 13)))
    walk = [dataclasses.replace(step, wait=step.wait * slower) for step in draw(steps())]
    told, over = items(walk)
    first = draw(st.sampled_from(begins))
    return [_moved(_of_a_twin(_hosted(item), twins), first - T) for item in told], first, first + over


def _hosted(item):
    """A third of the pages are on another host; the host of a page that is not known is always the first."""
    name = _name(item)
    if name is None or int(name[1:]) % 3 or (isinstance(item, Confirmation) and item.id is None):
        return item
    if isinstance(item, Visit):
        return dataclasses.replace(item, host=OTHER_HOST, uri=item.uri.replace(HOST, OTHER_HOST))
    return item._replace(host=item.host and OTHER_HOST, uri=item.uri.replace(HOST, OTHER_HOST))


def _of_a_twin(item, places):
    """A page of a new visitor is shown by a browser with the cookie of another one."""
    shows = isinstance(item, Confirmation) and item.id is not None
    twin = shows and item.page.visitor_new and int(_name(item)[1:]) in places
    return item._replace(cookie=ident("V0")) if twin else item


def _name(item):
    if isinstance(item, Visit):
        return item.id.lstrip(b"\0").decode()
    return item.page.id.lstrip(b"\0").decode() if isinstance(item, Confirmation) and item.page is not None else None


def _moved(item, by):
    if isinstance(item, Visit):
        return dataclasses.replace(item, time=item.time + by)
    if isinstance(item, Sweep):
        return Sweep(item.now + by)
    if not isinstance(item, Confirmation):
        return item
    shown = item.page and item.page._replace(issued_minute=item.page.issued_minute + by // MINUTE)
    return item._replace(received=item.received + by, page=shown)


@contextlib.contextmanager
def stores(*parts, fresh_cells=0):
    """Readers of one store, from cells and from rows, and its events; `parts` are (items, the zone in which they are
    counted); `fresh_cells`: how many may wait to be added to the others."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        for told, zone in parts:
            with contextlib.closing(
                SqliteWriter(path, durability="process", rules=Rules(), zone=zone, fresh_cells=fresh_cells)
            ) as writer:
                for begin in range(0, len(told), 7):
                    writer.append(told[begin : begin + 7])
        events = exported(path)
        with (
            contextlib.closing(SqliteQuestions(path)) as cells,
            contextlib.closing(SqliteQuestions(path, raw=True)) as rows,
        ):
            yield cells, rows, events, days_of(path)


@contextlib.contextmanager
def both(path):
    """Readers of one store, from cells and from rows."""
    cells, rows = SqliteQuestions(path), SqliteQuestions(path, raw=True)
    with contextlib.closing(cells), contextlib.closing(rows):
        yield cells, rows


def days_of(path):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT start, until FROM day ORDER BY id").fetchall()


def spans_of(days, begin, over):
    """Whole days, all and some, spans with half a day at either end, and one without any day."""
    until = days[-1][1]
    pairs = [
        (days[0][0], until),
        (days[0][0] - DAY, until + DAY),
        (begin + 1, until),
        (days[0][0], over),
        (begin, over),
    ]
    pairs += [(begin, over), days[len(days) // 2], days[-1], (days[len(days) // 2][0], until), (until, until + DAY)]
    return [Span(*pair, lane) for pair in dict.fromkeys(pairs) if pair[0] < pair[1] for lane in range(len(LANES))]


def answers(reader, span):
    """All answers about a span, with short lists and long ones."""
    lists = [reader.pages, reader.sources, reader.hovers, reader.clicks, reader.forms, reader.failed, reader.slow]
    lists += [reader.devices]
    found = [ask(span, limit) for ask in lists for limit in (1, 2, ALL)]
    found += [reader.lanes(span.since, span.until), reader.engaged(span)]
    following = [reader.next_pages(span, row.host, row.path, 2) for row in reader.pages(span, 2).rows]
    first = reader.visitors(span, None, 2)
    rest = [reader.visitors(span, Cursor(row.last, row.key), 1) for row in first.rows]
    return [*found, *following, first, *rest]


def check(cells, rows, events, spans):
    for span in spans:
        assert answers(cells, span) == answers(rows, span)
        check_totals(cells, events, span)
        check_pages(cells, events, span)
        check_sources(cells, events, span)
        check_troubles(cells, events, span)
        check_visitors(cells, events, span)
        check_elements(cells, events, span, HOST)


def check_bars(cells, rows, events, edges):
    for lane in range(len(LANES)):
        bars = cells.slots(edges, lane)
        assert bars == rows.slots(edges, lane)
        for bar, edge in zip(bars, edges, strict=True):
            counted = report_recount.totals(events, told_of(Span(*edge, lane)))
            assert (bar.since, bar.until, bar.views, bar.visitors) == (*edge, counted["views"], counted["visitors"])


@QUICK
@given(
    histories(), st.sampled_from((UTC, WARSAW, NEW_YORK, ZoneInfo("Asia/Kathmandu"))), st.sampled_from((0, 50, 10**6))
)
def test_cells_rows_and_a_recount_say_the_same(history, zone, fresh_cells):
    told, begin, over = history
    with stores((told, zone), fresh_cells=fresh_cells) as (cells, rows, events, days):
        check(cells, rows, events, spans_of(days, begin, over))
        edges = range_of("7d", over, zone).edges
        for settled in (over - HOUR, over + 1, begin - 1):
            for named in ("7d", "today"):
                for reader in (cells, rows):
                    check_unconfirmed(reader, events, range_of(named, over, zone).days, settled)
            check_unconfirmed(cells, events, [(begin + 1, over + 2)], settled)
        for bars in (
            edges,
            edges[::2],
            range_of("today", over, zone).edges,
            [(at, at + HOUR) for at in range(begin // HOUR * HOUR, over, HOUR)][:30],
            [(begin + 1, over + 2)],
            days,
            [(since, until - HOUR) for since, until in days],
        ):
            check_bars(cells, rows, events, bars)


@QUICK
@given(histories(tuple(int(then.timestamp() * 1000) for then in (SPRING, AUTUMN))))
def test_the_same_in_a_night_in_which_clocks_change(history):
    told, begin, over = history
    with stores((told, WARSAW), fresh_cells=20) as (cells, rows, events, days):
        check(cells, rows, events, spans_of(days, begin, over))
        first = datetime.fromtimestamp(begin / 1000, WARSAW).date().toordinal()
        starts = [midnight(datetime.fromordinal(first + n).date(), WARSAW) for n in range(4)]
        assert {(b - a) // HOUR for a, b in itertools.pairwise(starts)} & {23, 25}
        check_bars(cells, rows, events, list(itertools.pairwise(starts)))
        check_bars(cells, rows, events, [(at, at + HOUR) for at in range(starts[0], starts[1] + 3 * HOUR, HOUR)])
        assert all(day in itertools.pairwise(starts) for day in days if day[0] < starts[-1])


@QUICK
@given(histories(), st.permutations((UTC, WARSAW, NEW_YORK, KATHMANDU)), st.floats(0, 1))
def test_the_same_when_the_zone_has_changed_in_between(history, zones, part):
    told, begin, over = history
    middle = int(len(told) * part)
    with stores((told[:middle], zones[0]), (told[middle:], zones[1]), fresh_cells=200) as (cells, rows, events, days):
        check(cells, rows, events, spans_of(days, begin, over))
        for zone in zones:
            check_bars(cells, rows, events, range_of("7d", over, zone).edges)
        check_bars(cells, rows, events, [(at, at + HOUR) for at in range(begin // HOUR * HOUR, over, HOUR)][:30])


def test_a_list_of_visitors_is_the_same_wherever_it_goes_on(tmp_path):
    """Also where the last page views of many are at the same moment, and over days on which nobody was there."""
    told = [
        visit(f"P{n}", f"{'B' if n % 5 == 0 else 'V'}{n % 40}", n % 7 * DAY + n * n % 400 * MINUTE, bot=n % 5 == 0)
        for n in range(300)
    ]
    path = tmp_path / "store.db"
    with contextlib.closing(SqliteWriter(path, durability="process", rules=Rules(), zone=WARSAW)) as writer:
        writer.append(told)
    [first, *_, last] = days_of(path)
    with (
        contextlib.closing(SqliteQuestions(path)) as cells,
        contextlib.closing(SqliteQuestions(path, raw=True)) as rows,
    ):
        for span in (
            Span(first[0], last[1], 1),
            Span(T, T + 6 * DAY, 1),
            Span(first[0], last[1], 0),
            Span(0, T + DAY, 0),
        ):
            whole = cells.visitors(span, None, ALL)
            assert whole.total == len(whole.rows) > 0
            for limit in (1, 3):
                for reader in (cells, rows):
                    paged, before = [], None
                    while page_of := reader.visitors(span, before, limit).rows:
                        paged += page_of
                        before = Cursor(page_of[-1].last, page_of[-1].key)
                    assert paged == list(whole.rows)


def test_visitors_without_sessions_are_listed_by_their_visits(tmp_path):
    path = tmp_path / "store.db"
    with contextlib.closing(SqliteWriter(path, durability="process", rules=None, zone=UTC)) as writer:
        writer.append([visit(f"P{n}", f"V{n % 3}", n * HOUR) for n in range(7)])
    with both(path) as readers:
        for reader in readers:
            found = reader.visitors(Span(0, T + 9 * DAY, 1), None, ALL)
            assert [(row.views, row.sessions, row.last - T) for row in found.rows] == [
                (3, 0, 6 * HOUR),
                (2, 0, 5 * HOUR),
                (2, 0, 4 * HOUR),
            ]


def test_elements_that_are_equal_to_the_last_one_shown_are_ranked_by_name(tmp_path):
    path, told = tmp_path / "store.db", [visit("P1", "V1"), confirm("C1", page("P1"), "V1", 200)]
    # Longer than usual once: b, a and c, of which c was hovered over once more; the others never, d and e as often.
    number = itertools.count(1)
    for name, dwells in {
        "b": (9_000,),
        "a": (9_000,),
        "c": (9_000, 1_000),
        "e": (1_000,) * 3,
        "d": (1_000,) * 3,
    }.items():
        for dwell in (*(1_000,) * 12, *dwells):
            n = next(number)
            act = does("banner.hover", f"E{n}", name=name, dwell_ms=dwell)
            told.append(sends(page("P1"), "V1", act, at=1_000 + n))
    with contextlib.closing(SqliteWriter(path, durability="process", rules=Rules(), zone=UTC)) as writer:
        writer.append(told)
    with both(path) as (cells, rows):
        span = Span(0, T + 9 * DAY, 2)
        for limit in range(7):
            shown = [row.name for row in cells.hovers(span, limit).rows]
            assert shown == ["c", "a", "b", "d", "e"][:limit]
            assert cells.hovers(span, limit) == rows.hovers(span, limit)


@pytest.mark.parametrize("zone", [UTC, WARSAW, NEW_YORK])
def test_days_of_the_zone_are_answered_from_cells(tmp_path, zone):
    path = tmp_path / "store.db"
    with contextlib.closing(
        SqliteWriter(path, durability="process", rules=Rules(), zone=zone, fresh_cells=0)
    ) as writer:
        writer.append([visit(f"P{n}", f"V{n}", n * DAY) for n in range(3)])
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE cell SET n = n + 100")
        connection.commit()
    with contextlib.closing(SqliteQuestions(path)) as reader:
        span = range_of("7d", T + 2 * DAY, zone)
        assert reader.lanes(span.since, span.until)[1].views == 3 * 101
        assert [bar.views for bar in reader.slots(span.edges, 1)][-4:] == [0, 101, 101, 101]
        assert reader.lanes(span.since, T + 2 * DAY)[1].views == 2  # which is not a whole day


def test_a_page_is_called_what_a_browser_last_called_it_where_no_visit_in_the_span_has_a_title(tmp_path):
    path, told = tmp_path / "store.db", [visit("P1", "V1"), confirm("C1", page("P1"), "V1", 200, title="Home")]
    with contextlib.closing(SqliteWriter(path, durability="process", rules=Rules(), zone=WARSAW)) as writer:
        writer.append([*told, visit("P2", "V2", 2 * DAY), visit("P3", "V3", 2 * DAY, path="/range")])
    for raw in (False, True):
        with contextlib.closing(SqliteQuestions(path, raw=raw)) as reader:
            rows = reader.pages(Span(T + DAY, T + 3 * DAY, 1), ALL).rows
            assert {row.path: row.title for row in rows} == {"/": "Home", "/range": None}
