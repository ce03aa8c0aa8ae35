"""The events of an action and what they said are what a recount of the exported events says."""

from collections import Counter, defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_checks import told_of
from report_recount import cookieless, params, rank, who, within
from stories import DAY, HOST, MINUTE, SECOND, T, app, confirm, does, page, sends, tells, visit
from taken import some
from test_report_only import WARSAW, known, of_some
from test_report_rollups import histories, stores

from proxy.store.questions import ActionUse, Ranking, Sent, Span, ValueRow
from proxy.store.sqlite import choosing

ALL = 1_000


def counted(events, span, action):
    """((events, visitors, cookieless), {param: (events, lowest, median, highest, {(type, value): events})})"""
    found = within(events, told_of(span), action)
    values = defaultdict(Counter)
    for event in found if action != "session.end" else ():
        for name, value in params(event).items():
            values[name][(None, None) if isinstance(value, dict | list) else (type(value), value)] += 1
    said = {}
    for name, of in values.items():
        numbers = sorted(value for kind, value in of.elements() if kind in (int, float))
        shown = {key: n for key, n in of.items() if key[0] is not None}
        said[name] = (
            sum(of.values()),
            min(numbers, default=None),
            rank(numbers, 50),
            max(numbers, default=None),
            shown,
        )
    return (len(found), len(who(found)), len(cookieless(found))), said


def told(use):
    said = {}
    for one in use.params.rows:
        values = {(type(row.value), row.value): row.events for row in one.values.rows}
        assert len(values) == len(one.values.rows) == one.values.total
        said[one.name] = (one.events, one.lowest, one.median, one.highest, values)
    assert len(said) == len(use.params.rows) == use.params.total
    return (use.events, use.visitors, use.cookieless), said


@settings(max_examples=some(40), deadline=None)
@given(histories(), st.data(), st.sampled_from((1, 3, 10**6)))
def test_an_actions_events_and_what_they_said_equal_a_recount(history, data, step):
    items, begin, over = history
    with stores((items, WARSAW)) as (reader, _, events, _), pytest.MonkeyPatch.context() as patch:
        patch.setattr(choosing, "STEP_EVENTS", step)
        patch.setattr(choosing, "WIDE_PART", 0.5)
        chosen = data.draw(st.lists(st.sampled_from(list(dict.fromkeys(known(events)))), max_size=1))
        since = data.draw(st.integers(begin - DAY, over))
        span = Span(since, data.draw(st.integers(since + 1, over + DAY)), data.draw(st.integers(0, 2)))
        actions = sorted({event["action"] for event in events})
        for action in data.draw(st.lists(st.sampled_from([*actions, "no.such"]), min_size=1, max_size=4)):
            with reader.moment(), reader.only(chosen, span.since, span.until, Sent(action)) as begun:
                use = reader.action(span._replace(since=begun), action, ALL, ALL)
            picked = of_some(events, chosen, begun, span.until) if chosen else events
            assert told(use) == counted(picked, span._replace(since=begun), action), action


@settings(max_examples=some(20), deadline=None)
@given(histories(), st.data())
def test_events_are_counted_by_action(history, data):
    items, begin, over = history
    with stores((items, WARSAW)) as (cells, rows, events, days):
        for since, until in ((begin + 1, over), days[0], (days[0][0], days[-1][1])):
            for lane in range(3):
                span = Span(since, until, lane)
                own = Counter(event["action"] for event in within(events, told_of(span)))
                for reader in (cells, rows):
                    found = reader.actions(span, ALL)
                    assert {row.action: row.events for row in found.rows} == own and found.total == len(own)
                assert cells.actions(span, 2) == rows.actions(span, 2)


def test_values_are_what_they_were_and_of_many_the_first_are_told(engine):
    engine.append(
        visit("P1", "A"),
        confirm("C1", page("P1"), "A", SECOND),
        sends(
            page("P1"),
            "A",
            *(does("link.click", f"E{n}", name="Buy", via="mouse", price=n % 3, big=n > 7, tags=[n]) for n in range(9)),
            at=MINUTE,
        ),
    )
    with engine.asked() as reader, reader.moment(), reader.only((), T, T + DAY, Sent("link.click")):
        span = Span(T, T + DAY, 2)
        use = reader.action(span, "link.click", 10, 10)
        said = {one.name: one for one in use.params.rows}
        assert (use.events, use.visitors) == (9, 1)
        assert {one.value: one.events for one in said["name"].values.rows} == {"Buy": 9}
        assert [(row.value, row.events) for row in said["big"].values.rows] == [(False, 8), (True, 1)]
        price = said["price"]
        assert (price.lowest, price.median, price.highest, price.values.total) == (0, 1, 2, 3)
        assert said["price"].values.rows[0] == ValueRow(0, 3)
        assert said["name"].lowest is None
        short = reader.action(span, "link.click", 2, 1)
        assert len(short.params.rows) == 2 < short.params.total == use.params.total
        assert all(len(one.values.rows) <= 1 for one in short.params.rows)
        assert reader.action(span, "no.such", 5, 5) == ActionUse(0, 0, 0, Ranking((), 0))


def test_an_apps_events_outside_any_page_are_told(engine):
    engine.append(tells(app("E1", at=0, told=SECOND, name="Cart"), at=SECOND, who="A"))
    with engine.asked() as reader, reader.moment(), reader.only((), T - DAY, T + DAY, Sent("screen.view")):
        use = reader.action(Span(T - DAY, T + DAY, 2), "screen.view", 5, 5)
    assert use.events == 1 and use.params.rows[0].values.rows[0].value == "Cart", HOST
