"""What is said of one element that people hover over is what a recount of the exported events says, in whatever time,
with filters and without, also where only the latest part of a time was looked through."""

from collections import Counter
from contextlib import nullcontext

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


def asked(engine, element, since, until, *, lane="person", limit=ALL, picked=False):
    """An element in [since, until), ms after T: by itself, or of the sessions that are picked in that time."""
    about = Touched(*element[1:])
    with (
        engine.asked() as reader,
        reader.moment(),
        reader.only((), T + since, T + until, about) if picked else nullcontext(),
    ):
        return reader.attention(Span(T + since, T + until, LANES.index(lane)), element, EDGES, limit)


@pytest.mark.parametrize("picked", [False, True], ids=["by itself", "picked"])
def test_a_time_within_a_session_has_only_what_was_in_it(sale, picked):
    one = asked(sale, SALE, 25 * SECOND, 45 * SECOND, picked=picked)
    assert (one.hovers, one.visitors, one.steps, one.unusual) == (1, 1, (0, 0, 0, 0, 1, 0), 1)
    assert [long.dwell_ms for long in one.longest] == [8_000] and (one.clicked, one.clicks, one.views) == (0, 0, 0)
    assert one.following.pages.rows == (NextRow(HOST, "/", 1),)  # that page was seen later
    one = asked(sale, SALE, 40 * SECOND, 50 * SECOND + 1, picked=picked)
    assert (one.hovers, one.clicked, one.clicks, one.views) == (1, 1, 1, 0)
    assert [long.dwell_ms for long in one.longest] == [9_000]
    one = asked(sale, SALE, MINUTE, 3 * MINUTE + 1, picked=picked)
    assert (one.hovers, one.median_ms, one.views) == (0, None, 2) and one.following.left == 0


@pytest.mark.parametrize("lane", ["bot", "unproven"])
def test_of_another_lane_there_are_only_its_own(sale, lane):
    one = asked(sale, SALE, 0, DAY, lane=lane)
    assert (one.hovers, one.visitors, one.unusual, one.longest, sum(one.steps)) == (0, 0, 0, (), 0)
    assert (one.clicks, one.views) == (0, 1 if lane == "bot" else 0)
    assert (one.following.pages.rows, one.following.left, one.following.alone) == ((), 0, 0)


def test_what_else_is_done_on_an_element_of_that_name_is_not_its_hovers(sale):
    own = page("P4", 3 * MINUTE, new=False)
    before = asked(sale, SALE, 0, DAY)
    sale.append(
        *(
            sends(own, "A", does("link.hover", f"N{n}", name=name, dwell_ms=500), at=4 * MINUTE + n)
            for n, name in enumerate(["Sale"] * 11 + ["Home"] * 3)
        ),
        sends(own, "A", does("link.hover", "N20", name="Sale", dwell_ms=20_000), at=5 * MINUTE),
        sends(own, "A", does("link.click", "N21", name="Sale"), at=5 * MINUTE),
        sends(own, "A", does("banner.click", "N22", name="Home"), at=5 * MINUTE),
    )
    assert asked(sale, SALE, 0, DAY) == before
    link = asked(sale, Did("link.hover", *SALE[1:]), 0, DAY)
    assert (link.hovers, link.visitors, link.clicks, link.clicked) == (12, 1, 1, 0)
    assert [long.dwell_ms for long in link.longest] == [20_000] and link.following.left == 12


def test_hovers_of_one_length_are_told_in_their_order_and_those_of_no_session_with_none(sale):
    own = page("P4", 3 * MINUTE, new=False)
    sale.append(
        sends(own, "A", hover("L3", 9_000, clicked=False), at=5 * MINUTE),
        sends(own, "A", hover("L4", 9_000), at=4 * MINUTE + 1),
    )
    sale.append(sends(page("P5", HOUR), "B", hover("L5", 9_500), at=HOUR + 9 * MINUTE), rules=None)
    one = asked(sale, SALE, 0, DAY)
    assert (one.hovers, one.unusual, one.clicked) == (17, 6, 1)
    assert [(long.dwell_ms, (long.time - T) // SECOND, long.session is None) for long in one.longest] == [
        (60_000, 62 * 60, False),
        (9_500, 69 * 60, True),
        (9_000, 50, False),
        (9_000, 5 * 60, False),
        (9_000, 4 * 60, False),
        (8_000, 30, False),
    ]
    assert (one.following.left, one.following.alone) == (3, 1)


def test_what_came_next_is_a_page_view_later_in_the_same_session(engine):
    """C, D and E are there at the same time; what C does on the page before is no view of it, one of D's hovers is told
    late, and another one comes at the very time of a view that is known already."""
    for who in "CDE":
        at, own = HOUR, f"{who}1"
        engine.append(
            visit(own, who, at, path="/range"),
            confirm(f"{who}2", page(own, at), who, at + 1, path="/range"),
            sends(page(own, at), who, hover(f"{who}3", 900), at=at + MINUTE),
        )
    engine.append(
        visit("C4", "C", HOUR + 6 * MINUTE, path="/z", came_back=True),
        visit("D4", "D", HOUR + 4 * MINUTE, path="/b", came_back=True),
        visit("E4", "E", HOUR + 5 * MINUTE, path="/z", came_back=True),
        visit("C5", "C", HOUR + 7 * MINUTE, path="/range", came_back=True),
        sends(page("C5", HOUR + 7 * MINUTE, new=False), "C", hover("C6", 900), at=HOUR + 8 * MINUTE),
        sends(page("C4", HOUR + 6 * MINUTE, new=False), "C", does("link.click", "C7", name="Z"), at=HOUR + 9 * MINUTE),
    )
    one = asked(engine, SALE, 0, DAY)
    assert one.following.pages.rows == (NextRow(HOST, "/z", 2), NextRow(HOST, "/b", 1)) and one.following.left == 1
    few = asked(engine, SALE, 0, DAY, limit=1).following
    assert few.pages.rows == (NextRow(HOST, "/z", 2),) and few.pages.total == 2
    engine.append(
        sends(page("D1", HOUR), "D", hover("D5", 900), at=HOUR + 3 * MINUTE),
        sends(page("E1", HOUR), "E", hover("E5", 900), at=HOUR + 5 * MINUTE),
    )
    one = asked(engine, SALE, 0, DAY)
    assert [(row.path, row.n) for row in one.following.pages.rows] == [("/b", 2), ("/z", 2)]
    assert (one.hovers, one.following.left) == (6, 2)


def test_browsers_that_keep_no_cookie_are_counted_beside_the_visitors(sale):
    for n in range(2):
        at, own = 2 * HOUR + n * MINUTE, f"R{n}"
        sale.append(
            visit(own, own, at, path="/range"),
            confirm(f"S{n}", page(own, at), None, at + 1, path="/range"),
            sends(page(own, at), None, hover(f"U{n}", 900), at=at + SECOND),
        )
    one = asked(sale, SALE, 0, DAY)
    assert (one.hovers, one.visitors, one.cookieless) == (16, 2, 2)


def test_of_what_nobody_hovered_over_there_is_nothing(sale):
    with sale.asked() as reader:
        one = reader.attention(Span(T, T + DAY, 2), NOTHING, EDGES, 2)
    assert (one.hovers, one.median_ms, one.p95_ms, one.steps) == (0, None, None, (0,) * 6)
    assert one.longest == one.following.pages.rows == () and one.following.left == 0
