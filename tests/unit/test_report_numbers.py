"""Every number of the report equals a recount of what `footfall export` says, whatever people did."""

from dataclasses import astuple
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import report_recount as recount
from hypothesis import given, settings
from hypothesis import strategies as st
from report_checks import ALL, check_elements, check_pages, check_sources, check_totals, check_visitors
from report_walks import act_of, items, steps
from stories import DAY, HOST, MINUTE, T, confirm, does, exported, page, sends, unmarked, visit
from taken import some

from proxy.events.event import LANES
from proxy.report import people
from proxy.report.asked import Part
from proxy.report.overview import overview
from proxy.report.ranges import Earlier, Range, range_of, spanning
from proxy.store.questions import Span
from proxy.store.sqlite.questions import FIELDS_SHOWN, SqliteQuestions
from proxy.store.sqlite.reader import SqliteReader
from proxy.store.sqlite.writer import SqliteWriter
from proxy.visitors.sessions import Rules

EVER = (0, 2**60)
QUICK = settings(max_examples=some(60), deadline=None)


class Place:
    """A store that was written by the real writer, as the report and as the export see it."""

    def __init__(self, told, path):
        writer = SqliteWriter(path, durability="process", rules=Rules(), zone=UTC)
        try:
            for begin in range(0, len(told), 7):
                writer.append(told[begin : begin + 7])
        finally:
            writer.close()
        reader = SqliteReader(path)
        try:
            self.events = exported(path)
            self.outcomes = reader.outcomes()
        finally:
            reader.close()
        self.reader = SqliteQuestions(path)


def asked(walk, check):
    """`check(place, when the walk is over)` on a store of its own."""
    with TemporaryDirectory() as folder:
        told, over = items(walk)
        place = Place(told, Path(folder) / "store.db")
        try:
            check(place, over)
        finally:
            place.reader.close()


def spans(over):
    """The whole walk and a part of it, in every lane."""
    parts = [EVER, (T + over // 4, T + over // 4 + over // 2)]
    return [Span(*part, lane) for part in parts for lane in range(len(LANES))]


@QUICK
@given(steps())
def test_totals_and_time_in_use_equal_a_recount(walk):
    def check(place, over):
        for span in spans(over):
            check_totals(place.reader, place.events, span)
        for since in (0, T + over - 5 * MINUTE, T + over + 1):
            assert place.reader.people(since) == recount.people(place.events, since)

    asked(walk, check)


@QUICK
@given(steps())
def test_pages_and_sources_equal_a_recount(walk):
    def check(place, over):
        for span in spans(over):
            check_pages(place.reader, place.events, span)
            check_sources(place.reader, place.events, span)

    asked(walk, check)


@QUICK
@given(steps())
def test_hovers_clicks_and_forms_equal_a_recount(walk):
    def check(place, over):
        for span in spans(over):
            check_elements(place.reader, place.events, span, HOST)

    asked(walk, check)


@QUICK
@given(steps(), st.sampled_from(("Europe/Warsaw", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe")))
def test_every_bar_of_the_chart_equals_a_recount_and_the_bars_are_the_whole(walk, zone):
    def check(place, over):
        for name in ("today", "yesterday", "7d"):
            span = range_of(name, T + over, ZoneInfo(zone))
            for lane in range(len(LANES)):
                slots = place.reader.slots(span.edges, lane)
                for slot, edge in zip(slots, span.edges, strict=True):
                    told = recount.totals(place.events, (*edge, LANES[lane]))
                    assert (slot.since, slot.until, slot.views, slot.visitors) == (
                        *edge,
                        told["views"],
                        told["visitors"],
                    )
                whole = recount.totals(place.events, (span.since, span.until, LANES[lane]))
                assert sum(slot.views for slot in slots) == whole["views"]

    asked(walk, check)


@QUICK
@given(steps())
def test_visitors_and_their_stories_equal_a_recount(walk):
    def check(place, over):
        for span in spans(over):
            check_visitors(place.reader, place.events, span)
        for uuid in {event["uuid"] for event in place.events}:
            story = people.visitor(place.reader, uuid, Part(), now_ms=T + over)
            lines = [line for session in story["sessions"] for line in session["story"]] + story["loose"]
            theirs = [event for event in place.events if event["uuid"] == uuid]
            assert sorted(line["seq"] for line in lines) == [event["seq"] for event in theirs]
            by_seq = {event["seq"]: unmarked(event) for event in theirs}
            assert all(by_seq[line["seq"]].items() <= line.items() for line in lines)  # whole, as it is exported
            for session in story["sessions"]:
                moments = [(line["time"], line["seq"]) for line in session["story"]]
                assert moments == sorted(moments)

    asked(walk, check)


@QUICK
@given(steps())
def test_the_overview_is_made_of_these_numbers(walk):
    def check(place, over):
        span = range_of("today", T + over, ZoneInfo("UTC"))
        told = (span.since, span.until, "person")
        model = overview(place.reader, span, LANES.index("person"), limit=ALL, now_ms=T + over)
        totals = recount.totals(place.events, told)
        assert {name: model["totals"][name] for name in totals} == totals
        assert [row["views"] for row in model["lanes"]] == [
            recount.totals(place.events, (span.since, span.until, lane))["views"] for lane in LANES
        ]
        for limit in (0, 1, 2, ALL):
            card = overview(place.reader, span, LANES.index("person"), limit=limit, now_ms=T + over)["sources"]
            shown = sum(row["sessions"] for row in card["rows"])
            assert shown + card["others"]["sessions"] + card["continued"] == totals["sessions"]
            assert len(card["rows"]) + card["others"]["sources"] == card["total"]
        assert model["people_now"] == recount.people(place.events, T + over - 5 * MINUTE)
        assert model["late"] == [] and model["earlier"] is None
        earlier = Earlier(span.since, T + over // 2, "before")
        compared = overview(place.reader, span, LANES.index("person"), earlier=earlier, limit=0, now_ms=T + over)
        before = recount.totals(place.events, (span.since, T + over // 2, "person"))
        if before["views"] or before["visitors"] or before["sessions"]:
            assert {name: compared["earlier"]["totals"][name] for name in before} == before
            rates = [of["totals"]["bounce_rate"] for of in (compared, compared["earlier"])]
            assert compared["earlier"]["bounce_points"] == (
                None if None in rates else round(rates[0] * 100) - round(rates[1] * 100)
            )
        else:
            assert compared["earlier"] is None
        days = (span.since // DAY, (span.until - 1) // DAY)
        served = [n for day, _, _, n in place.outcomes if days[0] <= day <= days[1]]
        assert model["requests"]["total"] == sum(served)
        refused = [item for item in items(walk)[0] for _ in getattr(item, "refusals", ())]
        in_range = [item for item in refused if span.since <= item.received < span.until]
        assert model["rejected"]["events"] == len(in_range)

    asked(walk, check)


def test_a_hover_that_was_longer_than_usual_is_shown_with_its_evidence(tmp_path):
    told = [visit("P1", "V1"), confirm("C1", page("P1"), "V1", 200)]
    dwells = [1_000] * 12 + [9_000, 4_000, 1_400]
    for number, dwell in enumerate(dwells):
        act = act_of(number, "banner.hover", 0, {"name": "Spring sale", "dwell_ms": dwell})
        told.append(confirm(None, page("P1"), "V1", 1_000 * (number + 1))._replace(host=HOST, events=(act,)))
    place = Place(told, tmp_path / "store.db")
    span, counted = Span(*EVER, LANES.index("person")), (*EVER, "person")
    [row] = place.reader.hovers(span, ALL).rows
    assert (row.hovers, row.unusual) == (15, 2)
    assert row.evidence is not None and (row.evidence.dwell_ms, row.evidence.usual_n) == (9_000, 12)
    [(_, _, _, long, evidence)] = recount.hovers(place.events, counted, HOST).values()
    assert (long, evidence) == (2, astuple(row.evidence))
    place.reader.close()


def test_a_day_in_which_clocks_change_is_counted_whole(tmp_path):
    zone = ZoneInfo("Europe/Warsaw")
    noon = int(datetime(2023, 10, 29, 12, tzinfo=zone).timestamp() * 1000)
    day = range_of("today", noon, zone)
    assert len(day.edges) == 25
    told = [visit(f"E{n}", f"V{n}", edge[0] - T) for n, edge in enumerate(day.edges)]
    place = Place(told, tmp_path / "store.db")
    slots = place.reader.slots(day.edges, LANES.index("unproven"))
    assert [slot.views for slot in slots] == [1] * 25
    assert place.reader.lanes(day.since, day.until)[1].views == 25
    place.reader.close()


def test_any_span_is_cut_into_bars_that_are_the_whole():
    zone = ZoneInfo("America/New_York")
    for length in (1, MINUTE, DAY, 2 * DAY, 2 * DAY + 1, 400 * DAY):
        span: Range = spanning(T, T + length, zone)
        assert span.edges[0][0] == T and span.edges[-1][1] == T + length
        assert all(a[1] == b[0] for a, b in zip(span.edges, span.edges[1:], strict=False))


def test_made_up_field_names_of_one_form_do_not_crowd_out_anothers(tmp_path):
    odd = [
        does("form.submit", f"E{n}", form="a", fields={f"f{n}_{index}": "x" for index in range(30)}) for n in range(20)
    ]
    usual = does("form.submit", "E99", form="b", fields={"email": "x"})
    told = [visit("P1", "A"), sends(page("P1"), "A", *odd, usual, at=MINUTE), confirm("C1", page("P1"), "A", MINUTE)]
    place = Place(told, tmp_path / "store.db")
    forms = {row.name: len(row.fields) for row in place.reader.forms(Span(*EVER, LANES.index("person")), ALL).rows}
    place.reader.close()
    assert forms == {"a": FIELDS_SHOWN, "b": 1}
