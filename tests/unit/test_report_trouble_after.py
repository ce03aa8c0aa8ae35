"""What people did after a page that failed, or was slow, is what a recount of their exported events says."""

import pytest
import report_recount as recount
from hypothesis import given, settings
from hypothesis import strategies as st
from report_checks import told_of
from stories import DAY, HOST, HOUR, MINUTE, SECOND, T, confirm, page, visit
from taken import some
from test_report_only import WARSAW, known, of_some
from test_report_rollups import histories, stores

from proxy.store.questions import Afterwards, Failed, NextRow, Ranking, Span, Waited
from proxy.store.sqlite import choosing

BROKEN, LATE = Failed(HOST, "/a", 503), Waited(HOST, "/a")


def check(reader, events, filters, span, of):
    """Returns from when on the answer was whole."""
    with reader.moment(), reader.only(filters, span.since, span.until, of) as begun:
        told = reader.afterwards(span._replace(since=begun), of, 100)
    picked = of_some(events, filters, begun, span.until) if filters else events
    status = of.status if isinstance(of, Failed) else None
    ways = {(row.host, row.path): row.n for row in told.ways.rows}
    counted = recount.afterwards(picked, told_of(span._replace(since=begun)), (of.host, of.path), status)
    assert (told.views, told.alone, told.left, told.again, ways) == counted and told.ways.total == len(ways)
    assert told.views == told.alone + told.left + told.again + sum(ways.values())
    return begun


@settings(max_examples=some(40), deadline=None)
@given(histories(), st.data(), st.sampled_from((1, 3, 10**6)))
def test_what_came_after_trouble_equals_a_recount(history, data, step):
    told, begin, over = history
    with stores((told, WARSAW)) as (reader, _, events, _), pytest.MonkeyPatch.context() as patch:
        patch.setattr(choosing, "STEP_EVENTS", step)
        patch.setattr(choosing, "WIDE_PART", 0.5)
        filters = list(dict.fromkeys(known(events)))
        troubles = [one for one in filters if isinstance(one, Failed | Waited)] or [BROKEN]
        chosen = data.draw(st.lists(st.sampled_from(filters), max_size=2))
        since = data.draw(st.integers(begin - DAY, over))
        span = Span(since, data.draw(st.integers(since + 1, over + DAY)), data.draw(st.integers(0, 2)))
        for of in data.draw(st.lists(st.sampled_from(troubles), min_size=1, max_size=3)):
            assert check(reader, events, chosen, span, of) == span.since


def test_people_leave_try_again_or_go_on(engine):
    """Of each page view what came next in its session is counted, whenever that was, and whatever became of it."""
    engine.append(
        visit("P1", "A", path="/a", status=503, upstream_ms=2_000),
        confirm("C1", page("P1"), "A", SECOND, path="/a"),
        visit("P2", "A", MINUTE, path="/a", status=503, came_back=True),
        visit("P3", "A", 2 * MINUTE, path="/b", came_back=True),
        visit("P4", "B", path="/a", status=503, upstream_ms=1_000),
        confirm("C4", page("P4"), "B", SECOND, path="/a"),
        visit("P5", "B", HOUR, path="/b", came_back=True),  # another session
    )
    with engine.asked() as reader:
        for of, afterwards in (
            (BROKEN, Afterwards(3, 0, 1, 1, Ranking((NextRow(HOST, "/b", 1),), 1))),
            (LATE, Afterwards(2, 0, 1, 1, Ranking((), 0))),
            (Failed(HOST, "/a", 500), Afterwards(0, 0, 0, 0, Ranking((), 0))),
            (Failed(HOST, "/c", 503), Afterwards(0, 0, 0, 0, Ranking((), 0))),
        ):
            with reader.moment(), reader.only((), T, T + DAY, of):
                assert reader.afterwards(Span(T, T + DAY, 2), of, 5) == afterwards


def test_a_crawlers_trouble_is_of_no_session(engine):
    engine.append(visit("P1", "X", path="/a", status=503, bot=True), visit("P2", "X", 1, path="/b", bot=True))
    with engine.asked() as reader, reader.moment(), reader.only((), T, T + DAY, BROKEN):
        assert reader.afterwards(Span(T, T + DAY, 0), BROKEN, 5) == Afterwards(1, 1, 0, 0, Ranking((), 0))
