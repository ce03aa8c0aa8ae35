"""What is told of one form is what a recount of its sessions' exported events says, filters and times at random."""

from dataclasses import astuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_checks import told_of
from report_recount import form_use
from stories import DAY, HOST, HOUR, MINUTE, SECOND, T, confirm, does, ident, page, sends, visit
from taken import some
from test_report_only import element_of, known, of_some
from test_report_rollups import WARSAW, histories, stores

from proxy.store.base import FormAnswer
from proxy.store.questions import Span, Step, Touched
from proxy.store.sqlite import choosing

ALL = 1_000
QUICK = settings(max_examples=some(40), deadline=None)
STEPS = ("seen", "started", "submitted", "accepted", "rejected", "error")
TO = f"https://{HOST}/letter"


def forms_of(events):
    """Forms that somebody used, some time, and one that nobody did."""
    acts = [event for event in events if event["action"].startswith(("form.", "field."))]
    return [Touched(HOST, "/", "nothing"), *dict.fromkeys(Touched(*element_of(event, events)) for event in acts)]


def check(reader, events, span, form):
    found = reader.form(span, *form, ALL)
    told = form_use(events, told_of(span), form, HOST)
    assert {name: astuple(getattr(found, name)) for name in STEPS} == told["steps"]
    assert {(row.outcome, row.status): row.results for row in found.statuses} == told["statuses"]
    assert {row.name: astuple(row)[1:] for row in found.fields.rows} == told["fields"]
    assert {row.field: row.views for row in found.left.rows} == told["left"]
    assert found.left_views == sum(told["left"].values())
    assert (found.fields.total, found.left.total) == (len(told["fields"]), len(told["left"]))
    few = reader.form(span, *form, 1)
    assert (few.fields.rows, few.fields.total) == (found.fields.rows[:1], found.fields.total)
    assert (few.left.rows, few.left.total, few.left_views) == (
        found.left.rows[:1],
        found.left.total,
        found.left_views,
    )


@QUICK
@given(histories(), st.data(), st.sampled_from((1, 10**6)))
def test_a_form_is_told_as_its_sessions_events_say(history, data, step):
    told, begin, over = history
    with stores((told, WARSAW)) as (reader, _, events, _), pytest.MonkeyPatch.context() as patch:
        patch.setattr(choosing, "STEP_EVENTS", step)
        form = data.draw(st.sampled_from(forms_of(events)))
        filters = data.draw(st.lists(st.sampled_from(list(dict.fromkeys(known(events)))), max_size=2))
        since = data.draw(st.integers(begin - DAY, over))
        span = Span(since, data.draw(st.integers(since + 1, over + DAY)), data.draw(st.integers(0, 2)))
        with reader.moment(), reader.only(filters, span.since, span.until, form) as begun:
            assert begun == span.since
            check(reader, of_some(events, filters, *span[:2]) if filters else events, span, form)


@QUICK
@given(histories(), st.data(), st.integers(1, 30))
def test_what_was_not_looked_through_is_said(history, data, most):
    """Where a limit ends it, the rest is as if the time had begun later."""
    told, begin, over = history
    with stores((told, WARSAW)) as (reader, _, events, _), pytest.MonkeyPatch.context() as patch:
        patch.setattr(choosing, "STEP_EVENTS", 1)
        patch.setattr(choosing, "MOST_PICKED", most)
        form = data.draw(st.sampled_from(forms_of(events)))
        span = Span(begin - DAY, over + DAY, 2)
        with reader.moment(), reader.only([], span.since, span.until, form) as begun:
            check(reader, events, span._replace(since=begun), form)


def use(engine, *, since=0, until=DAY):
    form = Touched(HOST, "/", "letter")
    with engine.asked() as reader, reader.moment(), reader.only([], T + since, T + until, form):
        return reader.form(Span(T + since, T + until, 2), *form, ALL)


def test_who_keeps_no_cookie_is_beside_the_visitors(engine):
    """Told by a script of a page that made its visitor, and by no cookie since."""
    start = does("form.start", "E1", form="letter")
    engine.append(
        visit("P1", "A"),
        confirm("C1", page("P1"), None, SECOND),
        sends(page("P1"), None, start, does("field.change", "E2", form="letter", field="a", filled=True), at=MINUTE),
    )
    found = use(engine)
    assert (found.seen, found.started) == (Step(1, 0, 1), Step(1, 0, 1))
    assert astuple(found.fields.rows[0])[:4] == ("a", 1, 0, 1)


def test_the_sites_answer_is_told_by_outcome_and_status(engine):
    engine.append(visit("P1", "A"), confirm("C1", page("P1"), "A", SECOND))
    for n, status in enumerate((422, 422, 503, 302)):
        at = (n + 1) * MINUTE
        submit = does("form.submit", f"E{n}", form="letter", fields={}, to=TO)
        engine.append(
            sends(page("P1"), "A", submit, at=at), FormAnswer(ident("A"), T + at + 100, HOST, "/letter", status)
        )
    found = use(engine)
    assert (found.submitted.events, found.accepted.events, found.rejected.events, found.error.events) == (4, 1, 2, 1)
    assert [astuple(row) for row in found.statuses] == [("rejected", 422, 2), ("accepted", 302, 1), ("error", 503, 1)]


def test_a_form_that_was_sent_on_its_page_was_not_left_there(engine):
    """Nor was it, where it was changed once more after that; on a page that is not known, nobody can tell."""

    def change(event, field, at, of="P1"):
        what = does("field.change", event, form="letter", field=field, filled=True)
        return sends(page(of, 0 if of == "P1" else HOUR, new=of == "P1"), "A", what, at=at)

    engine.append(visit("P1", "A"), confirm("C1", page("P1"), "A", SECOND), change("E1", "a", MINUTE))
    assert [astuple(row) for row in use(engine).left.rows] == [("a", 1)]
    engine.append(sends(page("P1"), "A", does("form.submit", "E2", form="letter", fields={}), at=2 * MINUTE))
    engine.append(change("E3", "b", 3 * MINUTE))
    assert use(engine).left.rows == () and use(engine).left_views == 0
    # Told of the time before it was sent, it was left.
    assert [astuple(row) for row in use(engine, until=2 * MINUTE).left.rows] == [("a", 1)]
    engine.append(visit("P2", "A", HOUR, came_back=True), change("E4", "b", HOUR + 2, "P2"))
    engine.append(change("E5", "c", HOUR + 1, "P2"))
    assert [astuple(row) for row in use(engine).left.rows] == [("b", 1)]
