"""Ways through a site: what came before and after a page, and whole ways, are what the exported events say, for filters
and times at random; and a drawing shows each number once."""

import itertools
from collections import Counter

import pytest
import report_recount as recount
from hypothesis import given, settings
from hypothesis import strategies as st
from stories import DAY, HOST, MINUTE, T, visit
from taken import some
from test_report_only import known, of_some
from test_report_rollups import WARSAW, histories, stores

from proxy.events.event import LANES
from proxy.report.flows import TALL, draw
from proxy.report.paths import NODES_SHOWN, side_of
from proxy.store.questions import Began, Place, Saw, Span, StepRow
from proxy.store.sqlite import choosing
from proxy.visitors.lanes import PERSON

ALL = 1_000
QUICK = settings(max_examples=some(40), deadline=None)
PLACES = [Place(HOST, f"/{n}") for n in range(12)]


def ways(events):
    """{session: its page.visit events by time and seq, without those of the same page as the one before}"""
    found = {}
    for session, visits in recount.visits_of_sessions(events).items():
        pages = [(recount.page_of(recount.params(visit)["uri"]), visit) for visit in visits]
        found[session] = [two for one, two in itertools.pairwise([(None, None), *pages]) if one[0] != two[0]]
    return found


def flow_of(events, span, page):
    """(times, {(one step before, two steps before): n}, {(one step after, two steps after): n})"""
    before, after, times = Counter(), Counter(), 0
    here = {event["id"] for event in recount.within(events, span, "page.visit")}
    for way in ways(events).values():
        pages = [None, None, *(one for one, _ in way), None, None]
        for place, (one, seen) in enumerate(way):
            if one == page and seen["id"] in here:
                times += 1
                before[pages[place + 1], pages[place]] += 1
                after[pages[place + 3], pages[place + 4]] += 1
    return times, before, after


def trails_of(events, span, most):
    """{(first pages, whether there are more): sessions}"""
    found, known_ways = Counter(), ways(events)
    for event in recount.within(events, span, "session.start"):
        pages = tuple(page for page, _ in known_ways.get(event["session"], ()))
        if pages:
            found[pages[:most], len(pages) > most] += 1
    return found


def check(reader, events, filters, span, page):
    """Returns from when on the answers were whole."""
    for about in (Saw(*page), Began()):
        with reader.moment(), reader.only(filters, span.since, span.until, about) as begun:
            within = span._replace(since=begun)
            told = (begun, span.until, LANES[span.lane])
            # Without a page it is about sessions that began; those are in each other's way nowhere.
            picked = [*filters, *([about] if about != Began() else [])]
            chosen = of_some(events, picked, begun, span.until) if picked else events
            trails = reader.trails(within, 2, ALL)
            assert {(row.pages, row.is_longer): row.sessions for row in trails.rows} == trails_of(chosen, told, 2)
            assert trails.sessions == sum(row.sessions for row in trails.rows) and trails.total == len(trails.rows)
            if about != Began():
                flow = reader.flow(within, *page, ALL)
                times, *sides = flow_of(chosen, told, page)
                assert flow.times == times
                for rows, side in zip((flow.before, flow.after), sides, strict=True):
                    assert Counter({(row.near, row.far): row.n for row in rows}) == side
    return begun


@QUICK
@given(histories(), st.data(), st.sampled_from((1, 3, 10**6)))
def test_ways_are_those_of_the_exported_events(history, data, step):
    told, begin, over = history
    with stores((told, WARSAW)) as (reader, _, events, _), pytest.MonkeyPatch.context() as patch:
        patch.setattr(choosing, "STEP_EVENTS", step)
        patch.setattr(choosing, "WIDE_PART", 0.5)
        filters = data.draw(st.lists(st.sampled_from(list(dict.fromkeys(known(events)))), max_size=2))
        pages = sorted(recount.titles(events)) or [("nowhere.example", "/")]
        since = data.draw(st.integers(begin - DAY, over))
        span = Span(since, data.draw(st.integers(since + 1, over + DAY)), data.draw(st.integers(0, 2)))
        assert check(reader, events, filters, span, data.draw(st.sampled_from(pages))) == span.since


@QUICK
@given(histories(), st.data(), st.integers(1, 20))
def test_ways_that_were_not_looked_through_are_said(history, data, most):
    told, begin, over = history
    with stores((told, WARSAW)) as (reader, _, events, _), pytest.MonkeyPatch.context() as patch:
        patch.setattr(choosing, "STEP_EVENTS", 1)
        patch.setattr(choosing, "WIDE_PART", 0.5)
        patch.setattr(choosing, "MOST_PICKED", most)
        pages = sorted(recount.titles(events)) or [("nowhere.example", "/")]
        check(reader, events, [], Span(begin - DAY, over + DAY, 2), data.draw(st.sampled_from(pages)))


def test_a_page_counts_in_the_time_that_is_asked_about_and_its_steps_whenever_they_are(engine):
    paths = ("/", "/range", "/", "/range")
    engine.append(*(visit(f"P{n}", "A", n * MINUTE, path=path, came_back=n > 0) for n, path in enumerate(paths)))
    range_, home = Place(HOST, "/range"), Place(HOST, "/")
    with engine.asked() as reader:
        for until, times, before in ((3 * MINUTE, 1, {(home, None)}), (DAY, 2, {(home, None), (home, range_)})):
            span = Span(T + 1, T + until, PERSON)
            with reader.moment(), reader.only((), span.since, span.until, Saw(*range_)):
                flow = reader.flow(span, *range_, ALL)
            assert flow.times == times and {(row.near, row.far) for row in flow.before} == before
            assert StepRow(home, range_, 1) in flow.after


@given(st.data())
def test_a_side_adds_up_and_is_drawn_whole(data):
    place = st.sampled_from(PLACES)
    pairs = data.draw(st.dictionaries(st.tuples(place, st.none() | place), st.integers(1, 50), max_size=40))
    ended, unread = data.draw(st.integers(0, 50)), data.draw(st.integers(0, 50))
    rows = [StepRow(*pair, n) for pair, n in pairs.items()] + ([StepRow(None, None, ended)] if ended else [])
    times = sum(pairs.values()) + ended + unread
    side = side_of(rows, times)
    ends = sum(node["n"] for node in side["near"] if node["what"] == "end")
    assert sum(node["n"] for node in side["near"]) == times and ends == ended
    assert sum(node["n"] for node in side["far"]) == sum(n for _, _, n in side["links"]) == times - ended
    assert len(side["near"]) <= NODES_SHOWN + 2 and all(node["n"] > 0 for node in side["near"] + side["far"])
    for place, node in enumerate(side["near"]):
        if node["what"] != "end":
            assert sum(n for near, _, n in side["links"] if near == place) == node["n"]
    drawing = draw({"times": times, "before": side, "after": side}, {"host": HOST, "path": "/"})
    assert len(drawing.boxes) == 2 * len(side["near"]) + 2 * len(side["far"]) + 1
    inner = sum(node["what"] != "end" for node in side["near"])
    assert len(drawing.bands) == 2 * len(side["links"]) + 2 * inner
    assert all(box.y >= 0 and box.y + box.height <= drawing.height for box in drawing.boxes)
    (middle,) = [box for box in drawing.boxes if box.node["what"] == "of"]
    assert middle.height == (TALL if times else 2)
