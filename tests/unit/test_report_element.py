"""What is said of one element that people hover over is what a recount of the exported events says, in whatever time,
with filters and without, also where only the latest part of a time was looked through."""

from collections import Counter

import pytest
import report_recount as recount
from hypothesis import given, settings
from hypothesis import strategies as st
from report_recount import params
from stories import DAY, HOST, HOUR, MINUTE, SECOND, T, confirm, does, page, sends, visit
from taken import some
from test_report_only import known, of_some
from test_report_rollups import WARSAW, histories, stores

from proxy.events.event import LANES
from proxy.store.questions import Did, LongHover, NextRow, Span, Touched
from proxy.store.sqlite import choosing

QUICK = settings(max_examples=some(40), deadline=None)
EDGES = (300, 1_000, 2_000, 5_000, 60_000)
NOTHING = Did("banner.hover", "nowhere.example", "/", "Nothing")
ALL = 1_000


def counted(events, span, element):
    """An Attention, in plain Python: (its numbers, its longest hovers, {page: n} of what came next, left, alone)."""
    within = (span.since, span.until, LANES[span.lane])

    def of(action):
        found = recount.within(events, within, action)
        return [event for event in found if recount.element_of(event, events, HOST) == (*element[1:], action)]

    hovers = of(element.action)
    lasted = [params(event)["dwell_ms"] for event in hovers]
    steps = [sum(low <= ms < high for ms in lasted) for low, high in zip((0, *EDGES), (*EDGES, 10**9), strict=True)]
    unusual = [event for event in hovers if recount.is_long(params(event))]
    unusual.sort(key=lambda event: (-params(event)["dwell_ms"], event["seq"]))
    views = [
        event
        for event in recount.within(events, within, "page.visit")
        if recount.page_of(params(event)["uri"]) == element[1:3]
    ]
    numbers = {
        "hovers": len(hovers),
        "visitors": len(recount.who(hovers)),
        "cookieless": len(recount.cookieless(hovers)),
        "median_ms": recount.told(recount.rank(lasted, 50)),
        "p95_ms": recount.told(recount.rank(lasted, 95)),
        "steps": tuple(steps),
        "unusual": len(unusual),
        "clicked": sum(params(event).get("clicked") is True for event in hovers),
        "clicks": len(of(element.action.replace(".hover", ".click"))),
        "views": len(views),
    }
    longest = [
        LongHover(*(params(event)[key] for key in ("dwell_ms", "usual_ms", "usual_n")), *whose(event))
        for event in unusual
    ]
    return numbers, longest, *led_to(events, hovers, element[1:3])


def whose(event):
    return event["time"], event["uuid"], event.get("session")


def led_to(events, hovers, own):
    """({page: how many hovers it came next after}, hovers after which none came, hovers in no session)"""
    visits, found, alone = recount.visits_of_sessions(events), Counter(), 0
    for hover in hovers:
        if "session" not in hover:
            alone += 1
            continue
        later = [
            recount.page_of(params(visit)["uri"])
            for visit in visits[hover["session"]]
            if (visit["time"], visit["seq"]) > (hover["time"], hover["seq"])
        ]
        found[next((place for place in later if place != own), None)] += 1
    return {place: n for place, n in found.items() if place}, found[None], alone


def check(reader, events, span, element):
    one = reader.attention(span, element, EDGES, ALL)
    numbers, longest, pages, left, alone = counted(events, span, element)
    assert {name: getattr(one, name) for name in numbers} == numbers
    assert list(one.longest) == longest
    rows = one.following.pages.rows
    assert {(row.host, row.path): row.n for row in rows} == pages and one.following.pages.total == len(rows)
    assert list(rows) == sorted(rows, key=lambda row: (-row.n, row.host, row.path))
    assert (one.following.left, one.following.alone) == (left, alone)
    assert one.hovers == sum(row.n for row in rows) + left + alone == sum(one.steps)
    few = reader.attention(span, element, EDGES, 1)
    assert few.longest == one.longest[:1] and few.following.pages.rows == rows[:1]
    assert few.following.pages.total == len(rows)


def hovered(events):
    """What people hovered over, some time."""
    yield NOTHING
    for event in events:
        if event["action"].endswith(".hover"):
            *where, action = recount.element_of(event, events, HOST)
            yield Did(action, *where)


@QUICK
@given(histories(), st.data(), st.sampled_from((1, 3, 10**6)))
def test_what_is_said_of_an_element_is_what_its_events_say(history, data, step):
    told, begin, over = history
    with stores((told, WARSAW)) as (reader, _, events, _), pytest.MonkeyPatch.context() as patch:
        patch.setattr(choosing, "STEP_EVENTS", step)
        patch.setattr(choosing, "WIDE_PART", 0.5)
        filters = data.draw(st.lists(st.sampled_from(list(dict.fromkeys(known(events)))), max_size=2))
        since = data.draw(st.integers(begin - DAY, over))
        span = Span(since, data.draw(st.integers(since + 1, over + DAY)), data.draw(st.integers(0, 2)))
        for element in dict.fromkeys(hovered(events)):
            about = Touched(*element[1:])
            with reader.moment(), reader.only(filters, span.since, span.until, about) as whole:
                assert whole == span.since
                check(reader, of_some(events, filters, *span[:2]) if filters else events, span, element)
            check(reader, events, span, element)


@QUICK
@given(histories(), st.data(), st.integers(1, 30))
def test_what_was_not_looked_through_is_said(history, data, most):
    told, begin, over = history
    with stores((told, WARSAW)) as (reader, _, events, _), pytest.MonkeyPatch.context() as patch:
        patch.setattr(choosing, "STEP_EVENTS", 1)
        patch.setattr(choosing, "WIDE_PART", 0.5)
        patch.setattr(choosing, "MOST_PICKED", most)
        element = data.draw(st.sampled_from(list(dict.fromkeys(hovered(events)))))
        with reader.moment(), reader.only((), begin - DAY, over + DAY, Touched(*element[1:])) as whole:
            check(reader, events, Span(whole, over + DAY, 2), element)


SALE = Did("banner.hover", HOST, "/range", "Sale")


def hover(name, ms, **params):
    return does("banner.hover", name, name="Sale", dwell_ms=ms, **params)


@pytest.fixture
def sale(engine):
    """A hovers twelve times, twice for long, goes home and back, hovers, and leaves; B hovers and goes to a product."""
    engine.append(
        visit("P1", "A", path="/range"),
        confirm("C1", page("P1"), "A", 1, path="/range"),
        *(sends(page("P1"), "A", hover(f"E{n}", 900 + n), at=(n + 1) * SECOND) for n in range(10)),
        sends(page("P1"), "A", hover("L1", 8_000), at=30 * SECOND),
        sends(page("P1"), "A", hover("L2", 9_000, clicked=True), at=50 * SECOND),
        sends(page("P1"), "A", does("banner.click", "K1", name="Sale"), at=50 * SECOND),
        visit("P2", "A", MINUTE, path="/range", came_back=True),
        visit("P3", "A", 2 * MINUTE, path="/", came_back=True),
        visit("P4", "A", 3 * MINUTE, path="/range", came_back=True),
        sends(page("P4", 3 * MINUTE, new=False), "A", hover("E20", 400), at=4 * MINUTE),
        visit("P5", "B", HOUR, path="/range"),
        confirm("C5", page("P5", HOUR), "B", HOUR + 1, path="/range"),
        sends(page("P5", HOUR), "B", hover("E30", 60_000), at=HOUR + 2 * MINUTE),
        visit("P6", "B", HOUR + 3 * MINUTE, path="/product/1", came_back=True),
        visit("P7", "X", HOUR, path="/range", bot=True),
    )
    return engine


def test_a_story_with_known_numbers(sale):
    with sale.asked() as reader, reader.moment(), reader.only((), T, T + DAY, Touched(*SALE[1:])):
        one = reader.attention(Span(T, T + DAY, LANES.index("person")), SALE, EDGES, 2)
    assert (one.hovers, one.visitors, one.cookieless) == (14, 2, 0)
    assert one.steps == (0, 11, 0, 0, 2, 1)
    assert abs(one.median_ms / 906 - 1) < 0.05 and abs(one.p95_ms / 60_000 - 1) < 0.05
    assert (one.unusual, one.clicked, one.clicks, one.views) == (3, 1, 1, 4)
    assert [long.dwell_ms for long in one.longest] == [60_000, 9_000]
    assert (one.longest[1].usual_n, one.longest[1].time) == (11, T + 50 * SECOND)
    following = one.following
    assert following.pages.rows == (NextRow(HOST, "/", 12), NextRow(HOST, "/product/1", 1))
    assert (following.pages.total, following.left, following.alone) == (2, 1, 0)


def test_of_what_nobody_hovered_over_there_is_nothing(sale):
    with sale.asked() as reader:
        one = reader.attention(Span(T, T + DAY, 2), NOTHING, EDGES, 2)
    assert (one.hovers, one.median_ms, one.p95_ms, one.steps) == (0, None, None, (0,) * 6)
    assert one.longest == one.following.pages.rows == () and one.following.left == 0
