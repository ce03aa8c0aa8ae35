"""What is answered about some sessions only is what a recount of their exported events says, filters and times at
random, also where only the latest part of a time was looked through."""

from urllib.parse import urlsplit

import pytest
import report_recount as recount
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
)
from stories import DAY, ENGINES, HOST, HOUR, MINUTE, T, confirm, does, page, sends, visit
from taken import some
from test_report_rollups import WARSAW, histories, stores

from proxy.events.event import LANES
from proxy.store.questions import (
    MOST_FILTERS,
    Began,
    CameFrom,
    CameWith,
    Did,
    Failed,
    Origin,
    Saw,
    Span,
    Touched,
    Waited,
)
from proxy.store.sqlite import choosing

QUICK = settings(max_examples=some(40), deadline=None)
NOWHERE = Saw("nowhere.example", "/")
LETTER, NO_REFERRER = (Origin(referrer, None, None, None, HOST) for referrer in ("letter.example", None))


def met_by(events, one, since, until):
    """The sessions that a filter picks."""
    if isinstance(one, CameFrom):
        return {
            event["session"] for event in events if event["action"] == "session.start" and origin_of(event) in one[0]
        }
    if isinstance(one, CameWith):
        starts = [event for event in events if event["action"] == "session.start"]
        return {event["session"] for event in starts if recount.params(event).get("source") == one.device}
    within = [event for event in events if since <= event["time"] < until and "session" in event]
    if isinstance(one, Saw):
        return {
            event["session"] for event in within if event["action"] == "page.visit" and page_of(event) == tuple(one)
        }
    if isinstance(one, Failed | Waited):
        seen = [event for event in within if event["action"] == "page.visit" and page_of(event) == (one.host, one.path)]
        return {event["session"] for event in seen if is_trouble(event, one)}
    acts = [event for event in within if event["action"] == one.action]
    return {event["session"] for event in acts if element_of(event, events) == (one.host, one.path, one.name)}


def page_of(event):
    return recount.page_of(recount.params(event)["uri"])


def is_trouble(event, one):
    status, took = recount.trouble_of(event)
    return took is not None if isinstance(one, Waited) else status == one.status


def element_of(event, events):
    return recount.element_of(event, events, HOST)[:3]


def origin_of(event):
    said = recount.params(event)
    hosts = [urlsplit(said[name]).netloc if name in said else None for name in ("referrer", "uri")]
    return Origin(hosts[0], *(said.get(f"utm_{name}") for name in ("source", "medium", "campaign")), hosts[1])


def of_some(events, filters, since, until):
    """The events, those of sessions that are not picked in no lane."""
    chosen = set.intersection(*(met_by(events, one, since, until) for one in filters))
    return [event if event.get("session") in chosen else {**event, "lane": "none"} for event in events]


def known(events):
    """Filters that pick something, some time."""
    yield NOWHERE
    for event in events:
        if "session" not in event:
            continue
        if event["action"] == "page.visit":
            yield Saw(*page_of(event))
            status, took = recount.trouble_of(event)
            if status is not None:
                yield Failed(*page_of(event), status)
            if took is not None:
                yield Waited(*page_of(event))
        elif event["action"] == "session.start":
            yield CameFrom((origin_of(event),))
            if "source" in recount.params(event):
                yield CameWith(recount.params(event)["source"])
        elif event["action"].endswith((".hover", ".click")) or event["action"].startswith("form."):
            yield Did(event["action"], *element_of(event, events))


def check(reader, events, filters, span):
    """Returns from when on the answers were whole."""
    with reader.moment(), reader.only(filters, span.since, span.until) as begun:
        assert span.since <= begun < span.until
        span = span._replace(since=begun)
        some = of_some(events, filters, begun, span.until)
        check_totals(reader, some, span)
        check_pages(reader, some, span)
        check_unconfirmed(reader, some, [(begun, span.until)], span.until - HOUR)
        check_sources(reader, some, span)
        check_troubles(reader, some, span)
        check_visitors(reader, some, span)
        check_elements(reader, some, span, HOST)
        counted = recount.totals(some, (begun, span.until, LANES[span.lane]))
        (bar,) = reader.slots([(begun, span.until)], span.lane)
        assert (bar.views, bar.visitors) == (counted["views"], counted["visitors"])
    return begun


@QUICK
@given(histories(), st.data(), st.sampled_from((1, 3, 10**6)))
def test_what_is_asked_about_some_sessions_is_what_their_events_say(history, data, step):
    told, begin, over = history
    with stores((told, WARSAW)) as (reader, _, events, _), pytest.MonkeyPatch.context() as patch:
        patch.setattr(choosing, "STEP_EVENTS", step)
        patch.setattr(choosing, "WIDE_PART", 0.5)
        filters = data.draw(st.lists(st.sampled_from(list(dict.fromkeys(known(events)))), min_size=1, max_size=3))
        since = data.draw(st.integers(begin - DAY, over))
        span = Span(since, data.draw(st.integers(since + 1, over + DAY)), data.draw(st.integers(0, 2)))
        assert check(reader, events, filters, span) == span.since


@QUICK
@given(histories(), st.data(), st.integers(1, 30))
def test_what_was_not_looked_through_is_said(history, data, most):
    """Where a limit ends it, the rest is as if the time had begun later."""
    told, begin, over = history
    with stores((told, WARSAW)) as (reader, _, events, _), pytest.MonkeyPatch.context() as patch:
        patch.setattr(choosing, "STEP_EVENTS", 1)
        patch.setattr(choosing, "WIDE_PART", 0.5)
        patch.setattr(choosing, "MOST_PICKED", most)
        filters = data.draw(st.lists(st.sampled_from(list(dict.fromkeys(known(events)))), min_size=1, max_size=2))
        check(reader, events, filters, Span(begin - DAY, over + DAY, 2))


@pytest.fixture
def shop(engine):
    """Two sessions of A, the first from elsewhere, and one of B; what the second clicks is on a page of B's, too."""
    engine.append(
        visit("P1", "A", referrer="https://letter.example/"),
        confirm("C1", page("P1"), "A", 1, title="Home"),
        visit("P2", "B", MINUTE, path="/range"),
        confirm("C2", page("P2", MINUTE), "B", MINUTE + 1, path="/range"),
        visit("P3", "A", 3 * HOUR, path="/range", came_back=True),
        sends(page("P3", 3 * HOUR, new=False), "A", does("banner.click", "E1", name="Sale"), at=3 * HOUR + MINUTE),
        visit("P4", "X", 3 * HOUR, path="/range", bot=True),
    )
    return engine


def views(engine, *filters, since=0, until=DAY):
    with engine.asked() as reader, reader.moment(), reader.only(filters, T + since, T + until):
        return [row.views for row in reader.lanes(T + since, T + until)]


@pytest.mark.parametrize(
    ("filters", "people"),
    [
        ((), 3),
        ((Saw(HOST, "/range"),), 2),
        ((Saw(HOST, "/"),), 1),
        ((CameFrom((LETTER,)),), 1),
        ((CameFrom((NO_REFERRER,)),), 2),
        ((Did("banner.click", HOST, "/range", "Sale"),), 1),
        ((Did("link.click", HOST, "/range", "Sale"),), 0),
        ((Saw(HOST, "/range"), Did("banner.click", HOST, "/range", "Sale")), 1),
        ((Saw(HOST, "/"), Saw(HOST, "/range")), 0),
        ((CameFrom((LETTER,)), CameFrom((NO_REFERRER,))), 0),
        ((CameFrom((LETTER, NO_REFERRER)), CameFrom((NO_REFERRER,))), 2),
        ((NOWHERE,), 0),
    ],
)
def test_filters_pick_whole_sessions_and_several_those_of_all(shop, filters, people):
    found = views(shop, *filters)
    assert sum(found[1:]) == people
    assert found[0] == (0 if filters else 1)  # a crawler has no session


def test_a_page_is_looked_for_in_the_time_that_is_asked_about(shop):
    assert sum(views(shop, Saw(HOST, "/range"), until=2 * HOUR)) == 1
    assert sum(views(shop, Saw(HOST, "/"), since=HOUR)) == 0


def test_what_was_seen_next_is_of_those_sessions_and_in_the_order_of_time(engine):
    """A's page in the middle is told last, B is not picked, C began before, D's same page again is no step."""
    told = [
        visit("C1", "C", -MINUTE, path="/about", came_back=True),
        visit("A1", "A", path="/", came_back=True),
        visit("A2", "A", 2 * MINUTE, path="/sale", came_back=True),
        visit("B1", "B", 3 * MINUTE, path="/", came_back=True),
        visit("B2", "B", 4 * MINUTE, path="/gone", came_back=True),
        visit("C2", "C", 5 * MINUTE, path="/sale", came_back=True),
        visit("C3", "C", 5 * MINUTE + 1, path="/", came_back=True),
        visit("C4", "C", 6 * MINUTE, path="/gone", came_back=True),
        *(
            visit(f"D{n}", "D", (1 + n) * 10_000, path=path, came_back=True)
            for n, path in enumerate(("/", "/", "/sale"))
        ),
    ]
    late = does("page.visit", "A3", uri=f"https://{HOST}/range", nav="spa", ago=2 * MINUTE)
    engine.append(*told, sends(page("A1"), "A", late, at=3 * MINUTE))
    span, of = Span(T, T + DAY, LANES.index("person")), (HOST, "/")
    with engine.asked() as reader, reader.moment():
        alone = {row.path: row.n for row in reader.next_pages(span, *of, 10).rows}
        with reader.only([Saw(HOST, "/sale")], T, T + DAY):
            following = reader.next_pages(span, *of, 10)
            assert {row.path: row.n for row in following.rows} == {"/range": 1, "/sale": 1} and following.total == 2
            first = reader.next_pages(span, *of, 1)
            assert (first.rows, first.total) == (following.rows[:1], 2)
        assert {row.path: row.n for row in reader.next_pages(span, *of, 10).rows} == alone
    assert alone == {"/range": 1, "/sale": 1, "/gone": 1}


def test_all_is_there_again_afterwards(shop):
    with shop.asked() as reader:
        for _ in range(2):
            before = reader.lanes(T, T + DAY)
            with reader.moment(), reader.only([NOWHERE], T, T + DAY):
                assert not any(row.views for row in reader.lanes(T, T + DAY))
            assert reader.lanes(T, T + DAY) == before and sum(row.views for row in before) == 4


def test_filters_within_filters_are_refused(shop):
    with shop.asked() as reader, reader.only([Saw(HOST, "/")], T, T + DAY):
        before = reader.lanes(T, T + DAY)
        with pytest.raises(RuntimeError), reader.only([NOWHERE], T, T + DAY):
            pass
        assert reader.lanes(T, T + DAY) == before


def test_a_session_is_there_up_to_its_last_moment_and_no_longer(engine):
    engine.append(visit("P1", "A"), visit("P2", "A", 10 * MINUTE, path="/b", came_back=True), visit("P3", "B", HOUR))
    source = CameFrom((NO_REFERRER,))
    assert sum(views(engine, source, since=10 * MINUTE, until=HOUR)) == 1
    with engine.asked() as reader, reader.only([source], T + 50 * MINUTE, T + DAY):
        assert reader._picked() == 2


def test_a_time_that_was_imported_later_is_looked_through_once(tmp_path, monkeypatch):
    """Then most slots have events of nearly all numbers."""
    engine = ENGINES["sqlite"](tmp_path / "store.db")
    for n in range(2):
        engine.append(*(visit(f"P{n}.{at}", f"V{at}", at * HOUR + n, path=f"/{n}") for at in range(100)))
    monkeypatch.setattr(choosing, "STEP_EVENTS", 20)
    with engine.asked() as reader:
        steps = list(reader._steps(T, T + 100 * HOUR))
        assert len(steps) < 10 and (steps[0].until, steps[-1].since) == (T + 100 * HOUR, T)
        assert [step.since for step in steps[:-1]] == [step.until for step in steps[1:]]


def picked(engine, *filters, about, since=0, until=DAY):
    """Actions of the events that a question is about, in their order."""
    with engine.asked() as reader, reader.moment(), reader.only(filters, T + since, T + until, about):
        rows = reader._connection.execute(
            "SELECT value FROM temp.event JOIN word ON word.id = event.action ORDER BY event.time, event.seq"
        )
        return [row[0] for row in rows]


FIRST = ["session.start", "page.visit"]
CLICKED = ["session.start", "page.visit", "banner.click"]


@pytest.mark.parametrize(
    ("about", "filters", "actions"),
    [
        (Began(), (), [*FIRST, "session.end", *FIRST, *CLICKED]),
        (Saw(HOST, "/range"), (), [*FIRST, "session.start", "page.visit", "page.visit", "banner.click"]),
        (Saw(HOST, "/range"), (CameFrom((NO_REFERRER,)),), [*FIRST, *CLICKED]),
        (Touched(HOST, "/range", "Sale"), (), [*FIRST, "session.start", "page.visit", "page.visit", "banner.click"]),
        (Touched(HOST, "/elsewhere", "Sale"), (), []),
    ],
)
def test_what_is_asked_about_picks_as_a_filter_does_and_by_itself_what_is_in_no_session(shop, about, filters, actions):
    assert picked(shop, *filters, about=about) == actions


def test_more_filters_than_anybody_needs_are_refused(shop):
    with (
        shop.asked() as reader,
        pytest.raises(ValueError, match="8 at the most"),
        reader.only([NOWHERE] * (MOST_FILTERS + 1), T, T + DAY),
    ):
        pass
