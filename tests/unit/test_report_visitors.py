"""Who was there and what they did is the same whether few of their sessions are read or all, and equals a recount."""

import contextlib
import sqlite3
from datetime import UTC
from random import Random

import pytest
from report_checks import check_visitors
from stories import DAY, HOUR, MINUTE, SECOND, T, app, confirm, does, exported, ident, page, sends, sweep, tells, visit

from proxy.events.event import LANES
from proxy.store.base import Query
from proxy.store.questions import Cursor, Span
from proxy.store.sqlite.questions import SqliteQuestions
from proxy.store.sqlite.writer import SqliteWriter
from proxy.visitors.ids import parse_uuid, text_of
from proxy.visitors.sessions import Rules

ALL = 1_000
DAYS = 12


def stored(path, told, step=7):
    with contextlib.closing(SqliteWriter(path, durability="process", rules=Rules(), zone=UTC)) as writer:
        for begin in range(0, len(told), step):
            writer.append(told[begin : begin + step])


def some_days(source):
    """Visitors who come again and again, in and out of the order in which it was; some pages of theirs are never shown
    by a browser, or are events of no session. A browser without cookies (U) is in two lanes in one session. Apps, also
    of who never sees a page (A), open sessions without one, which may have pages later."""
    told = []
    for number in range(220):
        at, who = source.randrange(DAYS * DAY), f"V{int(source.random() ** 2 * 7)}"
        came = at + source.choice((0, 0, 0, HOUR, 30 * MINUTE))
        told.append((came, visit(f"P{number}", who, at, path=f"/{number % 5}", came_back=source.random() < 0.1)))
        shown = page(f"P{number}", at, new=False)
        if source.random() < 0.5:
            told.append((came + SECOND, confirm(f"C{number}", shown, who, at + SECOND, path=f"/{number % 5}")))
        if source.random() < 0.3:
            act = does("link.click", f"E{number}", name="Next")
            told.append((came + MINUTE, sends(shown, who, act, at=at + source.choice((MINUTE, HOUR)))))
        if source.random() < 0.3:
            told.append((at + 5 * MINUTE, visit(f"Q{number}", who, at + 5 * MINUTE)))
    for number, hours in enumerate((0, 0, 1, 30, 30, 55, 55, 80, 100, 100, 120, 120)):
        at = hours * HOUR + number * MINUTE
        told.append((at, visit(f"U{number}", f"U{number % 2}", at)))
        if number % 4 > 1:
            told.append((at + SECOND, confirm(f"D{number}", page(f"U{number}", at), None, at + SECOND)))
    for number in range(40):  # apps, of these visitors and of some who never see a page
        at, who = source.randrange(DAYS * DAY), source.choice(("V0", "V1", "A0", "A0", "A1"))
        came = at + source.choice((0, 0, HOUR, DAY))
        told.append((came, tells(app(f"S{number}", at=at, told=came), at=came, who=who)))
    told += [(at, sweep(at)) for at in range(0, DAYS * DAY, 7 * HOUR)]
    return [item for _, item in sorted(told, key=lambda one: one[0])]


@pytest.mark.parametrize("seed", range(4))
def test_visitors_with_many_sessions_are_listed_as_a_recount_has_them(tmp_path, seed):
    source, path = Random(seed), tmp_path / "store.db"
    stored(path, some_days(source))
    events = exported(path)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        days = [start for (start,) in connection.execute("SELECT start FROM day ORDER BY id")]
    pairs = [(days[0], days[-1] + DAY), (days[3], days[7]), (days[5], days[6])]
    pairs += [sorted(T + source.randrange(DAYS * DAY) for _ in range(2)) for _ in range(6)]
    pairs += [(event["time"], event["time"] + 2 * DAY) for event in source.choices(events, k=3)]
    cells, rows = SqliteQuestions(path), SqliteQuestions(path, raw=True)
    with contextlib.closing(cells), contextlib.closing(rows):
        for since, until in pairs:
            for lane in range(len(LANES)):
                span = Span(since, until, lane)
                assert cells.visitors(span, None, ALL) == rows.visitors(span, None, ALL)
                check_visitors(cells, events, span)


def test_a_session_is_found_by_its_id_whenever_it_was_made(tmp_path):
    """Also where its first page came late, or where its id has not the time of its start."""
    path = tmp_path / "store.db"
    stored(path, [*(visit(f"P{n}", "V1", n * DAY) for n in range(9)), visit("P9", "V1", 4 * DAY - 5 * MINUTE)])
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE session SET uuid = ? WHERE start = ?", (ident("S1"), T + 2 * DAY))
        connection.commit()
    with contextlib.closing(SqliteQuestions(path)) as reader:
        [key, _] = reader.visitor(text_of(ident("V1")))
        stays = reader.stays(key, None, ALL)
        assert [stay.start - T for stay in reversed(stays)] == [
            n * DAY - (5 * MINUTE if n == 4 else 0) for n in range(9)
        ]
        assert [reader.stay_of(key, stay.id) for stay in stays] == list(stays)
        assert reader.stay_of(key, text_of(ident("S2"))) is None
        assert reader.stay_of(key, "no uuid") is None
        assert reader.stay_of(key + 1, stays[0].id) is None


@pytest.mark.parametrize("apart", [SECOND, 7 * MINUTE, 5 * HOUR])
def test_the_page_views_of_a_crawler_are_found_from_the_latest_back(tmp_path, apart):
    """However often it comes; some are told later than others that happened after them."""
    source, path = Random(apart), tmp_path / "store.db"
    told = [visit(f"P{n}", f"B{n % 3}", n // 2 * apart, bot=True) for n in range(240)]
    told += [visit(f"W{n}", f"V{n}", n * apart) for n in range(120)]
    stored(path, sorted(told, key=lambda item: item.time + source.choice((0, 0, 2 * HOUR))))
    whose = sorted(
        (event for event in exported(path) if parse_uuid(event["uuid"]) == ident("B1")),
        key=lambda event: (event["time"], event["seq"]),
    )
    assert len(whose) == 80
    with contextlib.closing(SqliteQuestions(path)) as reader:
        key, _ = reader.visitor(text_of(ident("B1")))
        for since in (0, whose[30]["time"], whose[30]["time"] + 1, whose[-1]["time"] + 1):
            wanted = [event["seq"] for event in whose if event["time"] >= since]
            for limit in (1, 7, ALL):
                found, before = [], None
                while part := reader.loose(key, since, before, limit):
                    assert len(part) == min(limit, len(wanted) - len(found))
                    found = [told.event.seq for told in part] + found
                    before = Cursor(part[0].event.time, part[0].event.seq)
                assert found == wanted


def test_an_export_of_a_visitor_or_a_time_is_that_part_of_the_whole(tmp_path):
    source, path = Random(9), tmp_path / "store.db"
    crawled = [visit(f"B{n}", f"B{n % 2}", n * HOUR, bot=True) for n in range(40)]
    stored(path, [*some_days(source), *crawled])
    events = exported(path)
    times = [(None, None), (T + 2 * DAY, T + 5 * DAY), (T + 6 * DAY + 1, None), (None, T), (T, T)]
    for since, until in times:
        of_time = [event for event in events if (since or 0) <= event["time"] < (until or 2**62)]
        assert exported(path, Query(since, until)) == of_time
        for uuid in sorted({event["uuid"] for event in events}):
            raw, own = parse_uuid(uuid), [event for event in of_time if event["uuid"] == uuid]
            assert exported(path, Query(since, until, visitor=raw)) == own
            visits = [event for event in own if event["action"] == "page.visit" and event["lane"] == "unproven"]
            assert exported(path, Query(since, until, "page.visit", raw, 1)) == visits
    assert exported(path, Query(visitor=ident("Nobody"))) == []
