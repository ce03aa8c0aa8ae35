"""Conformance of a store, 3: what is exported, what is refused, and what one bad item costs."""

import contextlib
import json
import sqlite3
import subprocess
import sys
from dataclasses import astuple, replace
from pathlib import Path

import pytest
from stories import (
    DAY,
    ENGINES,
    HOUR,
    MINUTE,
    SECOND,
    T,
    app,
    check_promises,
    confirm,
    confirmed,
    does,
    holds,
    ident,
    name_of,
    opt_out,
    page,
    rows,
    sends,
    sqlite,
    sweep,
    tells,
    visit,
)

from proxy.events.event import EXPORT_KEYS
from proxy.store.base import Query, Refusal, StoreUnavailable, StoreUnusable, Swept
from proxy.store.counters import BLOCKED_A_DAY, BLOCKED_KEPT, Blocked, BlockedPage, Outcomes, Unheld
from proxy.store.sqlite import connection, resting
from proxy.store.sqlite.connection import APPLICATION_ID
from proxy.store.sqlite.questions import SqliteQuestions
from proxy.store.sqlite.reader import STEP_EVENTS, SqliteReader
from proxy.store.sqlite.texts import MIGRATIONS, VERSION
from proxy.store.sqlite.writer import SqliteWriter
from proxy.visitors.sessions import Rules

P1 = page("P1")

# Export --------------------------------------------------------------------------------------------------------------


def fill(engine) -> None:
    engine.append(
        visit("P1", "A", path="/a"),
        confirm("C1", page("P1"), "A", SECOND, path="/a", title="Title A", referrer="https://x.example/"),
        visit("P2", "B", 10 * MINUTE, path="/b"),
        visit("P3", "G", 20 * MINUTE, bot=True),
        sweep(HOUR),
    )


def test_an_export_has_every_event_in_seq_order_with_its_keys_in_theirs(engine):
    fill(engine)
    told = [event.to_export() for event in engine.events()]
    for row in told:
        assert [key for key in EXPORT_KEYS if key in row] == list(row)
        assert None not in row.values() and None not in row["params"].values()
        json.dumps(row)
    assert [(row["action"], row["label"]) for row in told] == [
        ("session.start", "Started session"),
        ("page.visit", "Visited page Title A"),
        ("session.start", "Started session"),
        ("page.visit", "Visited page /b"),
        ("page.visit", "Visited page /"),
        ("session.end", "Session end"),
        ("session.end", "Session end"),
    ]
    assert [row["seq"] for row in told] == sorted(row["seq"] for row in told)
    assert told[0] == {
        "seq": told[0]["seq"],
        "id": told[0]["session"],
        "action": "session.start",
        "label": "Started session",
        "time": T,
        "received": T,
        "uuid": "00000000-0000-0000-0000-000000000041",
        "session": told[1]["session"],
        "page": told[1]["id"],
        "lane": "person",
        "params": {"uri": "https://shop.example/a", "source": "WEB_DESKTOP", "trigger": "page.visit"},
    }
    assert "session" not in told[4] and told[4]["page"] == told[4]["id"]
    assert "page" not in told[5]
    assert told[5]["params"] == {
        "reason": "timeout",
        "duration_ms": 0,
        "pages": 1,
        "events": 1,
        "uri": "https://shop.example/a",
    }


FILTERS = [
    (Query(), ["sA", "P1", "sB", "P2", "P3", "eA", "eB"]),
    (Query(action="page.visit"), ["P1", "P2", "P3"]),
    (Query(action="session.end"), ["eA", "eB"]),
    (Query(action="nothing.such"), []),
    (Query(visitor=ident("A")), ["sA", "P1", "eA"]),
    (Query(visitor=ident("Z")), []),
    (Query(lane=0), ["P3"]),
    (Query(lane=1), ["sB", "P2", "eB"]),
    (Query(lane=2), ["sA", "P1", "eA"]),
    (Query(since=T + 1), ["sB", "P2", "P3", "eB"]),
    (Query(since=T + 10 * MINUTE), ["sB", "P2", "P3", "eB"]),
    (Query(until=T + 10 * MINUTE), ["sA", "P1", "eA"]),
    (Query(since=T, until=T + 10 * MINUTE + 1, action="page.visit", lane=1), ["P2"]),
    (Query(since=T + 1, until=T + 1), []),
]


@pytest.mark.parametrize(("query", "expected"), FILTERS)
def test_an_export_is_filtered_by_time_action_visitor_and_lane(engine, query, expected):
    fill(engine)
    short = {"session.start": "s", "session.end": "e"}
    found = rows(engine.events(query), ("action", "id", "visitor"))
    assert [short[action] + visitor if action in short else name for action, name, visitor in found] == expected


def test_an_export_longer_than_a_step_is_whole_and_sees_what_is_written_meanwhile(engine):
    with engine.writer() as writer, engine.reader() as reader:
        writer.append([visit(f"P{n}", "G", n, bot=True) for n in range(STEP_EVENTS + 10)])
        told = reader.export(Query(action="page.visit"))
        first = next(told)
        writer.append([visit("Q", "G", MINUTE, bot=True)])
        names = [first.id, *(event.id for event in told)]
        assert len(names) == len(set(names)) == STEP_EVENTS + 11
        again = [event.seq for event in reader.export(Query())]
        assert again == sorted(again) and len(again) == STEP_EVENTS + 11


def test_a_reader_does_not_stop_the_writer_nor_the_writer_a_reader(engine):
    with engine.writer() as writer, engine.reader() as reader:
        for number in range(5):
            writer.append([visit(f"P{number}", "A", number, came_back=number > 0)])
            assert len(list(reader.export(Query(action="page.visit")))) == number + 1


# One bad item --------------------------------------------------------------------------------------------------------

PAGE_BYTES = 4_096
SURROGATE = "\ud800"
BAD = [
    replace(visit("BAD", "A", 5), uri=f"https://shop.example/{SURROGATE}"),
    replace(visit("BAD", "A", 5), referrer=SURROGATE),
    replace(visit("BAD", "A", 5), host=SURROGATE, uri="https://other.example/"),
    replace(visit("BAD", "A", 5), facts=(("nav", SURROGATE),)),
    replace(visit("BAD", "A", 5), upstream_ms=2**70),
    replace(visit("BAD", "A", 5), upstream_ms="soon"),
    replace(visit("BAD", "A", 5), facts=(("nav", b"bytes"),)),
    confirm("BAD", page("P1"), "A", 5, title=SURROGATE),
    Outcomes(((1, SURROGATE, "visit", 1),)),
    Outcomes(((1, "a", "visit", None),)),
    Blocked((BlockedPage(1, SURROGATE, "/", "r", 1, T),)),
    Blocked((BlockedPage(1, "a", "/", "r", 2**70, T),)),
]


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_item_takes_only_itself_along(engine, caplog, bad):
    batch = [visit("P1", "A"), bad, visit("P2", "A", MINUTE, path="/b", came_back=True), confirm("C1", page("P1"), "A")]
    results = engine.append(*batch)
    assert results[0] is None and results[2] is None and results[3] == confirmed("A")
    assert results[1] in (None, confirmed(None, failed=["BAD"]))
    holds(
        engine,
        """
        action         id  session  lane    title  page
        session.start  ?   s1       person  -      P1
        page.visit     P1  s1       person  Home   P1
        page.visit     P2  s1       person  -      P2
        """,
    )
    assert "could not be stored" in caplog.text
    check_promises(engine)


BAD_ACT = replace(does("banner.click", "BAD", name="B"), more=(("sku", SURROGATE),))


def test_of_one_message_what_is_bad_is_left_out_and_the_rest_is_kept_once(engine):
    engine.append(visit("P1", "A"))
    good = [does("link.click", f"E{n}", name="L") for n in range(3)]
    refused = Refusal("a.b", "undefined_action", "", ident("R1"))
    message = confirm("C1", P1, "A", SECOND)._replace(events=(*good[:2], BAD_ACT, good[2]), refusals=(refused,))
    assert engine.append(message) == [confirmed("A", stored=3, failed=["BAD"])]
    text = """
        action         id  session  lane    title  page
        session.start  ?   s1       person  -      P1
        page.visit     P1  s1       person  Home   P1
        link.click     E0  s1       person  -      P1
        link.click     E1  s1       person  -      P1
        link.click     E2  s1       person  -      P1
        """
    holds(engine, text)
    assert engine.append(message) == [confirmed("A", repeated=True, failed=["BAD"])]
    holds(engine, text)
    healed = message._replace(events=(*good[:2], does("banner.click", "BAD", name="B", sku="1"), good[2]))
    assert engine.append(healed) == [confirmed("A", repeated=True, stored=1)]
    assert [name_of(event.id) for event in engine.events()][-2:] == ["E2", "BAD"]
    check_promises(engine)


def test_a_refused_event_of_the_same_id_does_not_stand_for_one_that_could_not_be_stored(engine):
    engine.append(visit("P1", "A"))
    refused = Refusal("a.b", "undefined_action", "", ident("BAD"))
    message = confirm("C1", P1, "A", SECOND)._replace(events=(BAD_ACT,), refusals=(refused,))
    assert engine.append(message) == [confirmed("A", failed=["BAD"])]


def test_a_bad_confirmation_does_not_take_the_events_along_nor_make_its_visitor_twice(engine):
    shown = page("P1", counted=False, new=False)
    act = does("link.click", "E1", name="L")
    message = confirm("C1", shown, None, SECOND, title=SURROGATE)._replace(events=(act,))
    assert engine.append(message) == [confirmed("N", cookie=True, stored=1, failed=["C1"])]
    again = message._replace(new_uuid=ident("M"), title="Home")
    assert engine.append(again) == [confirmed("N", cookie=True)]
    assert rows(engine.events(), ("action", "id", "visitor")) == [
        ["session.start", "?", "N"],
        ["link.click", "E1", "N"],
        ["page.visit", "P1", "N"],
    ]


def test_after_a_bad_item_the_writer_goes_on_and_a_good_one_of_the_same_id_is_taken(engine):
    with engine.writer() as writer:
        writer.append([replace(visit("P1", "A"), uri=SURROGATE), visit("P2", "B", path="/b")])
        writer.append([visit("P1", "A", path="/b")])
        writer.append([visit("P3", "A", 1, path="/c", came_back=True)])
    assert rows(engine.events(Query(action="page.visit")), ("id", "uri")) == [
        ["P2", "https://shop.example/b"],
        ["P1", "https://shop.example/b"],
        ["P3", "https://shop.example/c"],
    ]


def test_texts_that_only_look_dangerous_are_kept_to_the_letter(engine):
    title = "'; DROP TABLE event; -- {title} \\u0000 \"=cmd|' /C calc'!A0\" 𝄞 ‮"
    engine.append(visit("P1", "A"), confirm("C1", page("P1"), "A", title=title))
    assert engine.events(Query(action="page.visit"))[0].params["title"] == title


# What is refused -----------------------------------------------------------------------------------------------------


def test_a_missing_directory_may_appear_later(tmp_path):
    engine = sqlite(tmp_path / "later" / "store.db")
    with pytest.raises(StoreUnavailable, match=r"later/store\.db"):
        engine.append(visit("P1", "A"))
    with pytest.raises(StoreUnavailable, match="nothing has been recorded"):
        engine.events()
    (tmp_path / "later").mkdir()
    engine.append(visit("P1", "A"))
    assert len(engine.events()) == 2


def test_a_directory_in_the_files_place_is_unavailable(tmp_path):
    (tmp_path / "store.db").mkdir()
    with pytest.raises(StoreUnavailable):
        sqlite(tmp_path / "store.db").append(visit("P1", "A"))


def test_a_store_that_somebody_else_is_writing_to_may_be_tried_again(engine, monkeypatch):
    with engine.writer() as writer:
        writer.append([visit("P1", "A")])
        other = sqlite3.connect(engine.place, isolation_level=None)
        other.execute("PRAGMA busy_timeout = 0")
        monkeypatch.setattr(connection, "BUSY_TIMEOUT_MS", 20)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="locked"):
            writer.append([visit("P2", "B")])
        other.execute("ROLLBACK")
        other.close()
        writer.append([visit("P2", "B")])
    assert len(engine.events()) == 4


WRITES_ALWAYS = """
import os, sys, time
from pathlib import Path
from proxy.store.base import Visit
from proxy.store.sqlite.writer import SqliteWriter
from proxy.visitors.ids import event_id, visitor_id
from proxy.visitors.sessions import Rules
at, batches = time.time_ns() // 1_000_000, []
for _ in range(100):
    what = (at, "shop.example", "/", "https://shop.example/", False, False, None, 5, (("status", 200),), ())
    batches.append([Visit(event_id(at, os.urandom(10)), visitor_id(os.urandom(16)), *what) for _ in range(300)])
other = SqliteWriter(Path(sys.argv[1]), durability="process", rules=Rules())
for batch in batches:
    other.append(batch)
    print(flush=True)
    other.rest()
"""


def test_beside_a_process_that_writes_all_the_time_the_others_turn_comes_soon(engine):
    """Sixty small transactions are done before its hundred large ones. SQLite's own way of waiting looks less and less
    often, and finds the file taken each time."""
    with engine.writer() as writer:
        command = [sys.executable, "-c", WRITES_ALWAYS, str(engine.place)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as other:
            try:
                assert other.stdout.readline()
                for number in range(60):
                    writer.append([visit(f"P{number}", "A", number, came_back=True)])
                    writer.rest()
                assert other.poll() is None, "it was done with all of its own meanwhile"
            finally:
                other.kill()


def test_a_read_only_store_is_unavailable(engine):
    with engine.writer() as writer:
        writer.append([visit("P1", "A")])
        writer._connection.execute("PRAGMA query_only = ON")  # a file mode is no obstacle to root
        with pytest.raises(StoreUnavailable, match="readonly"):
            writer.append([visit("P2", "A")])
        writer._connection.execute("PRAGMA query_only = OFF")
        writer.append([visit("P2", "A", 1, came_back=True)])
    assert len(engine.events()) == 3


def test_an_empty_file_becomes_a_store(tmp_path):
    (tmp_path / "store.db").touch()
    engine = sqlite(tmp_path / "store.db")
    with pytest.raises(StoreUnavailable, match="nothing has been recorded"):
        engine.events()
    engine.append(visit("P1", "A"))
    assert len(engine.events()) == 2


def test_a_store_is_its_owners_only(engine):
    with engine.writer() as writer:
        writer.append([visit("P1", "A")])
        made = [engine.place, *engine.place.parent.glob(f"{engine.place.name}-*")]
        assert len(made) == 3 and {path.stat().st_mode & 0o777 for path in made} == {0o600}


def test_a_store_of_an_older_version_is_brought_up_to_date_and_until_then_said_to_be_old(tmp_path):
    old = tmp_path / "store.db"
    with contextlib.closing(sqlite3.connect(old)) as raw:
        raw.executescript((Path(connection.__file__).parent / "schema.sql").read_text())
        raw.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        raw.execute("PRAGMA user_version = 1")
        raw.execute("INSERT INTO visitor (id, uuid, proof) VALUES (1, ?, 0)", (ident("A"),))
        raw.execute("INSERT INTO word (id, value) VALUES (1, 'page.visit')")
        raw.execute("INSERT INTO page (id, host, path) VALUES (1, 'shop.example', '/')")
        raw.execute("INSERT INTO uri (id, page, value) VALUES (1, 1, 'https://shop.example/')")
        raw.execute(
            "INSERT INTO event (id, time, wait, action, visitor, lane, uri) VALUES (?, ?, 0, 1, 1, 1, 1)",
            (ident("P0"), T),
        )
        raw.commit()
    with pytest.raises(StoreUnavailable, match="of an older footfall; the next start"):
        SqliteReader(old)
    engine = ENGINES["sqlite"](old)
    engine.append(visit("P1", "A", 1))
    assert [name_of(event.id) for event in engine.events(Query(action="page.visit"))] == ["P0", "P1"]


def test_a_store_of_format_2_is_brought_up_to_date_in_place_and_loses_nothing(tmp_path):
    old = tmp_path / "store.db"
    folder = Path(connection.__file__).parent
    with contextlib.closing(sqlite3.connect(old)) as raw:
        for name in ("schema.sql", "schema_2.sql"):
            raw.executescript((folder / name).read_text())
        raw.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        raw.execute("PRAGMA user_version = 2")
        raw.execute("INSERT INTO visitor (id, uuid, proof) VALUES (1, ?, 0)", (ident("A"),))
        raw.execute("INSERT INTO word (id, value) VALUES (1, 'page.visit'), (2, 'visit'), (3, 'shop.example')")
        raw.execute("INSERT INTO page (id, host, path) VALUES (1, 'shop.example', '/')")
        raw.execute("INSERT INTO uri (id, page, value) VALUES (1, 1, 'https://shop.example/')")
        raw.execute(
            "INSERT INTO event (id, time, wait, action, visitor, lane, uri) VALUES (?, ?, 0, 1, 1, 1, 1)",
            (ident("P0"), T),
        )
        raw.execute("INSERT INTO outcome (day, host, name, n) VALUES (19000, 3, 2, 5)")
        raw.execute(
            "INSERT INTO rejection (time, page, action, code, field) VALUES (?, 1, 'a.b', 'too_long', 'x')", (T,)
        )
        raw.commit()
        before = rows_of(raw)
    with pytest.raises(StoreUnavailable, match="of an older footfall; the next start"):
        SqliteQuestions(old)
    SqliteWriter(old, durability="process", rules=None).close()
    with contextlib.closing(sqlite3.connect(old)) as raw:
        assert raw.execute("PRAGMA user_version").fetchone() == (VERSION,)
        assert rows_of(raw, before) == before
    engine = ENGINES["sqlite"](old)
    engine.append(Blocked((BlockedPage(19_000, "shop.example", "/", "reason", 2, T),)))
    assert engine.outcomes() == [(19_000, "shop.example", "visit", 5)]
    assert told_of(engine) == [("shop.example", "/", "reason", 2, T)]


def test_the_evidence_of_hovers_is_kept_when_a_store_of_format_4_is_brought_up_to_date(tmp_path):
    hovers = [does("banner.hover", f"H{n}", name="Sale", dwell_ms=800, ago=20 - n) for n in range(12)]
    telling = sends(page("P1"), "A", *hovers, does("banner.hover", "H12", name="Sale", dwell_ms=9_000), at=MINUTE)
    now = ENGINES["sqlite"](tmp_path / "now.db")
    now.append(visit("P1", "A"), confirm("C1", page("P1"), "A", 1), telling)
    assert now.events()[-1].params["usual_n"] == 12
    old = tmp_path / "old.db"
    with contextlib.closing(sqlite3.connect(old)) as raw:
        for script in MIGRATIONS[:4]:
            raw.executescript(script)
        raw.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        raw.execute("PRAGMA user_version = 4")
        raw.execute("ATTACH ? AS whole", (str(now.place),))
        for (table, *columns), rows in rows_of(raw, rows_of(raw)).items():
            assert not rows
            raw.execute(f"INSERT INTO {table} SELECT {', '.join(columns)} FROM whole.{table}")
        evidence = "json_insert(coalesce(new.more, '{}'), '$.usual_ms', new.usual_ms, '$.usual_n', new.usual_n)"
        raw.execute(
            f"UPDATE event SET more = {evidence} FROM whole.event AS new WHERE new.seq = event.seq AND new.usual_n > 0"
        )
        raw.commit()
    SqliteWriter(old, durability="process", rules=None).close()
    then = ENGINES["sqlite"](old)
    assert then.events() == now.events()
    assert then.recount(old) == []


def test_a_session_that_was_open_in_a_store_of_format_10_is_ended(tmp_path):
    engine = ENGINES["sqlite"](tmp_path / "store.db")
    engine.append(visit("P1", "A"))
    engine.close()
    with contextlib.closing(sqlite3.connect(engine.place)) as raw:
        raw.execute("DROP TABLE staged")
        raw.execute("DROP INDEX session_open")
        raw.execute("ALTER TABLE session DROP COLUMN seen")
        raw.execute("CREATE INDEX session_open ON session (start) WHERE reason = 0")
        raw.execute("PRAGMA user_version = 10")
        raw.commit()
    assert engine.append(sweep(HOUR)) == [Swept(1)]
    check_promises(engine)


def test_visitors_of_apps_are_counted_when_a_store_of_format_7_is_brought_up_to_date(tmp_path):
    now = ENGINES["sqlite"](tmp_path / "now.db")
    now.append(visit("P1", "A"), tells(app("E1", at=0, told=0), app("E2", at=2 * HOUR, told=2 * HOUR), at=0, who="B"))
    now.close()
    old = tmp_path / "old.db"
    with contextlib.closing(sqlite3.connect(old)) as raw:
        for script in MIGRATIONS[:7]:
            raw.executescript(script)
        raw.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        raw.execute("PRAGMA user_version = 7")
        raw.execute("ATTACH ? AS whole", (str(now.place),))
        raw.execute("DELETE FROM note")
        for (table, *columns), rows in rows_of(raw, rows_of(raw)).items():
            assert not rows
            raw.execute(f"INSERT INTO {table} SELECT {', '.join(columns)} FROM whole.{table}")
        # As they were counted: by page views.
        gone = "visitor IN (SELECT visitor FROM session WHERE entry IS NULL)"
        assert raw.execute(f"DELETE FROM presence WHERE {gone}").rowcount > 0
        raw.execute("DELETE FROM fresh_cell WHERE kind IN (32, 36) AND lane = 2")
        raw.commit()
    SqliteWriter(old, durability="process", rules=Rules()).close()
    then = ENGINES["sqlite"](old)
    assert then.events() == now.events()
    assert then.recount(old) == []
    with then.asked() as asked:
        assert [lane.visitors for lane in asked.lanes(T - DAY, T + 2 * DAY)] == [0, 1, 1]


def rows_of(raw, like=None):
    """{(table, its columns): rows}; those of `like` where it is given."""
    if like is None:
        tables = [name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        like = [(table, *(name for _, name, *_ in raw.execute(f"PRAGMA table_info({table})"))) for table in tables]
    return {table: raw.execute(f"SELECT {', '.join(table[1:])} FROM {table[0]}").fetchall() for table in like}


def told_of(engine, first: int = 19_000, last: int = 19_000):
    with contextlib.closing(SqliteQuestions(engine.place)) as reader:
        return [astuple(row) for row in reader.blocked(first, last, 10_000).rows]


def test_pages_without_their_tag_add_up_by_day_page_and_reason(engine):
    engine.append(
        Blocked((BlockedPage(19_000, "a", "/", "r", 2, 50), BlockedPage(19_000, "a", "/", "s", 1, 40))),
        Blocked((BlockedPage(19_000, "a", "/", "r", 3, 30), BlockedPage(19_001, "a", "/", "r", 4, 60))),
        Blocked(()),
    )
    engine.append(Blocked((BlockedPage(19_000, "b", "/x", "r", 9, 70),)))
    assert told_of(engine) == [("b", "/x", "r", 9, 70), ("a", "/", "r", 5, 50), ("a", "/", "s", 1, 40)]
    assert told_of(engine, 19_000, 19_001)[0] == ("a", "/", "r", 9, 60)
    assert told_of(engine, 19_002, 19_009) == [] and engine.events() == []
    with contextlib.closing(SqliteQuestions(engine.place)) as reader:
        few = reader.blocked(19_000, 19_001, 1)
        assert (len(few.rows), few.total, few.views) == (1, 3, 19)
        assert reader.has_several_hosts()


def test_of_a_day_only_so_many_pages_without_their_tag_are_told_apart(engine):
    many = [BlockedPage(19_000, "a", f"/{n}", "r", 1, T + n) for n in range(BLOCKED_A_DAY + 50)]
    with engine.writer() as writer:
        for start in range(0, len(many), 200):
            writer.append([Blocked(tuple(many[start : start + 200]))])
        writer.append([Blocked((many[0], many[-1], BlockedPage(19_001, "a", "/new", "r", 1, T)))])
    rows = told_of(engine)
    assert len(rows) == BLOCKED_A_DAY + 1
    assert rows[:2] == [("", "", "r", 51, T + BLOCKED_A_DAY + 49), ("a", "/0", "r", 2, T)]
    assert told_of(engine, 19_001, 19_001) == [("a", "/new", "r", 1, T)]


def fill_blocked(engine, count: int) -> None:
    """So many rows, a thousand a day, which were seen one after the other; two reasons."""
    engine.append(Blocked((BlockedPage(1, "a", "/", "r", 1, 0), BlockedPage(1, "a", "/", "s", 1, 1))))
    with contextlib.closing(sqlite3.connect(engine.place)) as raw:
        pages = ((f"/{n}",) for n in range(BLOCKED_A_DAY))
        raw.executemany("INSERT INTO page (host, path) VALUES ('a', ?)", pages)
        first = raw.execute("SELECT id FROM page WHERE path = '/0'").fetchone()[0]
        reasons = [raw.execute("SELECT id FROM word WHERE value = ?", (value,)).fetchone()[0] for value in "rs"]
        rows = (
            (18_000 + n // BLOCKED_A_DAY, first + n % BLOCKED_A_DAY, reasons[n % 2], 3, T + n) for n in range(count - 2)
        )
        raw.executemany("INSERT INTO blocked (day, page, reason, n, last) VALUES (?, ?, ?, ?, ?)", rows)
        raw.commit()


def test_of_all_days_the_pages_without_their_tag_that_were_seen_last_are_told_apart(engine):
    fill_blocked(engine, BLOCKED_KEPT + 1_300)
    with contextlib.closing(SqliteQuestions(engine.place)) as reader:
        before = [reader.blocked(day, day, 1).views for day in (1, 18_000, 18_001, 18_002)]
        everything = reader.blocked(0, 99_999, 1).views
    engine.append(Blocked((BlockedPage(18_002, "a", "/2", "r", 1, T),)))  # of a day that is known: nothing is folded
    with contextlib.closing(SqliteQuestions(engine.place)) as reader:
        assert len(reader.blocked(1, 1, 9).rows) == 2
    engine.append(Blocked((BlockedPage(19_000, "a", "/new", "r", 1, T * 2),)))
    with contextlib.closing(sqlite3.connect(engine.place)) as raw:
        (apart,) = raw.execute("SELECT count(*) FROM blocked JOIN page ON id = page WHERE path <> ''").fetchone()
        assert apart == BLOCKED_KEPT + 1
    assert told_of(engine, 1, 1) == [("", "", "r", 1, 0), ("", "", "s", 1, 1)]
    assert told_of(engine, 18_000, 18_000) == [("", "", "r", 1_500, T + 998), ("", "", "s", 1_500, T + 999)]
    told = told_of(engine, 18_001, 18_001)
    assert told[:2] == [("", "", "r", 447, T + 1_296), ("", "", "s", 447, T + 1_297)] and len(told) == 2 + 702
    assert told_of(engine, 19_000, 19_000) == [("a", "/new", "r", 1, T * 2)]
    engine.append(Blocked((BlockedPage(19_001, "a", "/new", "r", 1, T * 2),)))  # folds the next into the same rows
    assert told_of(engine, 18_001, 18_001)[:1] == [("", "", "r", 450, T + 1_298)]
    with contextlib.closing(SqliteQuestions(engine.place)) as reader:
        after = [reader.blocked(day, day, 1).views for day in (1, 18_000, 18_001, 18_002)]
        assert after == [*before[:3], before[3] + 1]
        assert reader.blocked(0, 99_999, 1).views == everything + 3


def test_when_pages_were_not_held_is_added_up_of_all_processes_a_row_a_day(engine):
    engine.append(Unheld(19_000, 1, 500, 700, 0), Unheld(19_001, 0, 800, 900, 850))
    engine.append(Unheld(19_000, 2, 400, 600, 550))
    with engine.asked() as asked:
        assert asked.unheld(18_000, 18_999) is None
        assert astuple(asked.unheld(19_000, 19_000)) == (3, 400, 700, 550)
        assert astuple(asked.unheld(19_000, 19_009)) == (3, 400, 900, 850)


def test_a_store_says_whose_and_which_version_it_is_and_is_opened_again_as_it_is(engine):
    engine.append(visit("P1", "A"))
    raw = sqlite3.connect(engine.place)
    assert raw.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    assert raw.execute("PRAGMA user_version").fetchone() == (VERSION,)
    assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    before = raw.execute("SELECT * FROM sqlite_master ORDER BY name").fetchall()
    engine.append()
    assert raw.execute("SELECT * FROM sqlite_master ORDER BY name").fetchall() == before
    assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    raw.close()


def foreign(place) -> None:
    other = sqlite3.connect(place)
    other.execute("CREATE TABLE shop (price)")
    other.execute("INSERT INTO shop VALUES (1)")
    other.commit()
    other.close()


def newer(place) -> None:
    sqlite(place).append(visit("P1", "A"))
    other = sqlite3.connect(place)
    other.execute(f"PRAGMA user_version = {VERSION + 1}")
    other.commit()
    other.close()


REFUSED = [
    (foreign, "another program"),
    (newer, "newer footfall"),
    (lambda place: place.write_bytes(b"not a database at all, but long enough to be looked at" * 40), "not a database"),
]


@pytest.mark.parametrize(("make", "said"), REFUSED)
def test_another_programs_or_a_newer_versions_file_is_refused_and_not_touched(tmp_path, make, said):
    place = tmp_path / "store.db"
    make(place)
    before = place.read_bytes()
    with pytest.raises(StoreUnusable, match=said):
        SqliteWriter(place, durability="process", rules=None)
    with pytest.raises(StoreUnusable, match=said):
        SqliteReader(place)
    assert place.read_bytes() == before
    # What SQLite leaves beside a file in WAL mode that it has only read; beside any other file, nothing.
    beside = {"store.db-shm", "store.db-wal"} if make is newer else set()
    assert {path.name for path in tmp_path.iterdir()} <= {"store.db", *beside}


def test_a_damaged_store_is_a_fault_of_the_store_and_costs_no_item(engine):
    engine.append(*(visit(f"P{n}", f"V{n}", n, path=f"/{n}") for n in range(300)))
    engine.close()
    whole = engine.place.read_bytes()
    engine.place.write_bytes(whole[:8192] + b"\xff" * (len(whole) - 8192))
    with pytest.raises((StoreUnusable, StoreUnavailable)):
        engine.append(visit("Q1", "V1", MINUTE), visit("Q2", "V2", MINUTE))


@pytest.mark.parametrize("rests", [True, False])
def test_the_log_is_copied_when_nobody_waits_and_else_later(engine, rests):
    log, most = engine.place.with_name("store.db-wal"), 0
    with engine.writer() as writer:
        for number in range(3_000):
            writer.append([visit(f"P{number}.{who}", f"V{who}", number * 100 + who) for who in range(40)])
            if rests:
                writer.rest()
            most = max(most, log.stat().st_size // PAGE_BYTES)
    if rests:
        assert most < 1.5 * resting.BUSY_DISK_PAGES
    else:
        assert resting.BUSY_DISK_PAGES < most < 1.2 * connection.CHECKPOINT_LATEST_PAGES


LAST_OF_ITS_PROCESS = """
import contextlib, sqlite3, sys
with contextlib.closing(sqlite3.connect(sys.argv[1])) as connection:
    connection.execute("SELECT count(*) FROM event").fetchone()
"""


def test_a_second_writer_of_the_process_leaves_the_first_ones_hold_on_the_file(engine):
    """An erasure apart has one (store/handover/apart.py). To close any descriptor of a file ends all locks that a
    process has on it, and whoever comes then takes himself for the last, and the log away from the first one."""
    log = engine.place.with_name("store.db-wal")
    with engine.writer() as first:
        first.append([visit("P1", "A")])
        first.rest()
        with engine.writer() as second:
            second.append([visit("P2", "A", 1)])
        before = log.stat().st_ino
        subprocess.run([sys.executable, "-c", LAST_OF_ITS_PROCESS, str(engine.place)], check=True)
        assert log.stat().st_ino == before
        first.append([visit("P3", "A", 2)])
        assert {name_of(event.id) for event in engine.events() if event.action == "page.visit"} == {"P1", "P2", "P3"}


HOLDS_THE_COPYING = """
import fcntl, sys
with open(sys.argv[1], "r+b") as shared:
    fcntl.lockf(shared, fcntl.LOCK_EX, 1, 121)  # WAL_CKPT_LOCK of SQLite's wal.c: whoever copies the log has it
    print(flush=True)
    sys.stdin.read()
"""


def test_what_another_process_keeps_from_being_copied_is_copied_later(engine, caplog):
    log, shared = engine.place.with_name("store.db-wal"), engine.place.with_name("store.db-shm")
    command = [sys.executable, "-c", HOLDS_THE_COPYING, str(shared)]
    with engine.writer() as writer:
        writer.append([visit("P0", "A")])
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
            assert other.stdout is not None and other.stdout.readline()
            for number in range(1, 400):
                writer.append([visit(f"P{number}.{who}", f"V{who}", number * 100 + who) for who in range(40)])
                writer.rest()
            other.communicate()
        grown = log.stat().st_size
        for number in range(400, 1_000):
            writer.append([visit(f"P{number}.{who}", f"V{who}", number * 100 + who) for who in range(40)])
            writer.rest()
        assert log.stat().st_size < 2 * max(grown, resting.BUSY_DISK_PAGES * PAGE_BYTES)
    assert not caplog.records
    with contextlib.closing(sqlite3.connect(engine.place)) as stored:
        assert stored.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert len(engine.events(Query(action="page.visit"))) == 1 + 999 * 40


@pytest.mark.parametrize("durability", ["process", "power"])
def test_both_durabilities_work_and_say_what_they_are(tmp_path, durability):
    writer = SqliteWriter(tmp_path / "store.db", durability=durability, rules=None)
    writer.append([visit("P1", "A"), opt_out("A", 1)])
    level = writer._connection.execute("PRAGMA synchronous").fetchone()[0]
    assert level == {"process": 1, "power": 2}[durability]
    assert "store.db" in repr(writer)
    writer.close()
    writer.close()


def test_an_end_that_is_taken_back_before_it_was_stored_leaves_no_id_behind(engine):
    """A sweep ended two sessions, which in the same batch turned out to be one: the next event gets the number of the
    end that went, and must not get its id as well."""
    twins = (visit("P1", "A"), visit("P2", "B", SECOND))
    engine.append(*twins, sweep(32 * MINUTE), confirm(None, page("P2"), "A", 29 * MINUTE))
    engine.append(visit("P3", "C", 33 * MINUTE))
    with contextlib.closing(sqlite3.connect(engine.place)) as raw:
        stored = raw.execute("SELECT hex(recent_id.id), hex(event.id) FROM recent_id LEFT JOIN event USING (seq)")
        assert [ids for ids in stored.fetchall() if ids[0] != ids[1]] == []
