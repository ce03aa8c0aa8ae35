"""A recount of the roll-ups finds every kind of damage, says what it is and repairs it; it needs only the rows."""

import contextlib
import json
import re
import shutil
import sqlite3
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from stories import DAY, HOST, HOUR, MINUTE, T, confirm, does, page, sends, sweep, visit

from proxy.store.base import Query
from proxy.store.sqlite.connection import APPLICATION_ID, open_reader, open_writer
from proxy.store.sqlite.reader import SqliteReader
from proxy.store.sqlite.recount import Finding, differences, repair
from proxy.store.sqlite.rollups import REACH_MS, Kind
from proxy.store.sqlite.sources import source_of
from proxy.store.sqlite.texts import MIGRATIONS, VERSION
from proxy.store.sqlite.writer import SqliteWriter
from proxy.visitors.sessions import Rules

ZONE = ZoneInfo("Europe/Warsaw")
STORY = (
    visit("P1", "V1", facts=(("utm_source", "letter"),)),
    confirm("C1", page("P1"), "V1", 200, title="Home"),
    visit("P2", "V1", MINUTE, path="/range", came_back=True),
    confirm("C2", page("P2", MINUTE, new=False), "V1", MINUTE + 200, path="/range", title="Range"),
    sends(
        page("P2", MINUTE, new=False),
        "V1",
        does("banner.click", "E1", name="Spring sale"),
        does("banner.hover", "E2", name="Spring sale", dwell_ms=900),
        does("form.start", "E3", form="order"),
        does("field.change", "E4", form="order", field="email", filled=True),
        does("form.submit", "E5", form="order", fields={"email": "x"}, skipped={"pass": "type"}),
        does("page.leave", "E6", engaged_ms=4_000),
        at=2 * MINUTE,
    ),
    visit("P3", "V2", 2 * HOUR),
    visit("P4", "V1", 2 * DAY, came_back=True),
    visit("P5", "B1", 2 * DAY, bot=True, status=404),
    sweep(2 * DAY + 2 * HOUR),
)


EXACT_REACH = """UPDATE reach SET last = (SELECT max(seq) FROM event WHERE time / 600000 = slot)"""
"""It is written for events that are still to come, too; a recount finds those that are there."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A store whose roll-ups are right."""
    path = tmp_path_factory.mktemp("whole") / "store.db"
    with contextlib.closing(
        SqliteWriter(path, durability="process", rules=Rules(), zone=ZONE, fresh_cells=0)
    ) as writer:
        writer.append(STORY)
    assert changed(path, EXACT_REACH)
    return path


@pytest.fixture
def place(whole, tmp_path):
    return Path(shutil.copy(whole, tmp_path / "store.db"))


def findings(path):
    with contextlib.closing(open_reader(path)) as reader:
        return [str(finding) for finding in differences(reader, ZONE)]


def changed(path, statement):
    with contextlib.closing(sqlite3.connect(path)) as raw:
        number = raw.execute(statement).rowcount
        raw.commit()
        return number


def text_of(path):
    with contextlib.closing(sqlite3.connect(path)) as raw:
        return "\n".join(raw.iterdump())


# what happened to the store, and what is found
DAMAGE = (
    (
        "UPDATE cell SET n = 7 WHERE kind = 1 AND lane = 2 AND day = 19677",
        ["cell, VIEWS of person, 2023-11-16, 1: 7 is"],
    ),
    (
        "DELETE FROM cell WHERE kind = 6",
        ["cell, CLICK of person, 2023-11-14, 16 (Spring sale on shop.example/range)"],
    ),
    (
        "INSERT INTO cell VALUES (2, 0, 19676, 1, 0, 3)",
        ["cell, PAGE of bot, 2023-11-15, 1 (shop.example/): 3 is stored"],
    ),
    ("INSERT INTO cell VALUES (99, 0, 19676, 0, 0, 3)", ["cell, kind 99 of bot, 2023-11-15: 3 is stored, nothing was"]),
    (
        "DELETE FROM cell WHERE kind = 32 AND lane = 2 AND day = 19677",
        ["cell, VISITORS of person, 2023-11-16, 19675: n"],
    ),
    (
        "DELETE FROM cell WHERE kind = 10 AND extra % 4 = 3",
        ["cell, FIELD of person, 2023-11-14, 2 (order on "],
    ),
    (
        "UPDATE presence SET n = 9 WHERE visitor = 2 AND kind = 1",
        ["presence, visitor 2, VIEWS of unproven, 2023-11"],
    ),
    ("DELETE FROM presence WHERE kind = 9", ["presence, visitor 1, FORM of person, 2023-11-14, 2 (order on shop.exam"]),
    (
        "INSERT INTO presence VALUES (1, 1, 0, 2, 19676, 1)",
        ["presence, visitor 1, VIEWS of person, 2023-11-15: 1"],
    ),
    ("UPDATE event SET engaged = 1 WHERE engaged", ["event, engaged of 3: 1 is stored, 4000 was counted"]),
    ("UPDATE event SET engaged = NULL", ["event, engaged of 3: nothing is stored, 4000 was counted"]),
    ("UPDATE event SET engaged = 5 WHERE seq = 2", ["event, engaged of 2: 5 is stored, nothing was counted"]),
    ("UPDATE event SET back = NULL WHERE seq = 3", ["event, back of 3: nothing is stored, 1 was counted"]),
    ("UPDATE event SET back = 2 WHERE seq = 3", ["event, back of 3: 2 is stored, 1 was counted"]),
    ("UPDATE event SET back = 1 WHERE seq = 1", ["event, back of 1: 1 is stored, nothing was counted"]),
    ("UPDATE session SET top = 2 WHERE id = 1", ["session, top of 1: 2 is stored, 12 was counted"]),
    ("UPDATE session SET lane = 1 WHERE id = 1", ["session, lane of 1: 1 is stored, 2 was counted"]),
    ("UPDATE session SET entry = NULL WHERE id = 1", ["session, entry of 1: nothing is stored, 1 was counted"]),
    ("UPDATE session SET source = NULL WHERE id = 1", ["session, source of 1: nothing is stored"]),
    ("UPDATE session SET view = 2, viewed = 5 WHERE id = 1", ["session, view of 1: 2", "session, viewed of 1: 5"]),
    ("UPDATE session SET uri = 1 WHERE id = 1", ["session, uri of 1: 1 is stored, 2 was counted"]),
    ("UPDATE session SET pages = 1 WHERE id = 1", ["session, pages of 1: 1 is stored, 2 was counted"]),
    ("DELETE FROM reach WHERE slot = (SELECT min(slot) FROM reach)", ["reach, slot 2833333: nothing is stored"]),
    ("UPDATE reach SET last = first WHERE last > first AND slot = 2833333", ["reach, slot 2833333: 1 to 1 is stored"]),
    ("DELETE FROM day WHERE id = 19675", ["day, 2023-11-14: nothing is stored"]),
)


@pytest.mark.parametrize(("statement", "found"), DAMAGE)
def test_damage_is_found_said_and_repaired(place, statement, found):
    before = text_of(place)
    assert not findings(place)
    assert changed(place, statement)
    damaged = text_of(place)
    told = findings(place)
    assert len(told) == len(found) and all(any(one.startswith(said) for one in told) for said in found), told
    assert text_of(place) == damaged  # looking changes nothing
    with contextlib.closing(open_writer(place, "process")) as writer:
        writer.execute("BEGIN IMMEDIATE")
        repair(writer, ZONE)
        writer.execute("COMMIT")
    assert not findings(place)
    assert text_of(place) == before


def test_a_reach_that_is_wider_than_needed_is_no_damage(place):
    assert changed(place, "UPDATE reach SET first = 1, last = last + 5")
    assert not findings(place)


def test_an_event_that_nobody_counted_is_found_everywhere(place):
    assert changed(
        place,
        f"""INSERT INTO event (seq, id, time, wait, action, visitor, lane, uri)
        SELECT 1000, x'00', {T + 9 * DAY}, 0, action, visitor, lane, uri FROM event WHERE seq = 2""",
    )
    tables = Counter(one.split(",")[0] for one in findings(place))
    assert tables == {"day": 1, "reach": 1, "cell": 7, "presence": 3}


def test_who_is_counted_beside_the_visitors_and_what_is_not_confirmed_is_counted_anew(place):
    """Somebody's cookie is forgotten: it is found with all days, and put right."""
    assert changed(place, "UPDATE visitor SET proof = 1 WHERE id = 1") and changed(place, "UPDATE event SET state = 0")
    found = findings(place)
    assert {one.partition(" of ")[2].split(",")[0] for one in found if one.startswith("presence")} == {
        "person",
        "cookieless",
    }
    assert any(one.startswith("cell, VISITORS of cookieless, 2023-11-16, 19675: nothing is stored, 1") for one in found)
    assert any(
        one.startswith("cell, PAGE of person, 2023-11-14, 1 (shop.example/), 1: nothing is stored") for one in found
    )
    with contextlib.closing(open_writer(place, "process")) as writer:
        repair(writer, ZONE)
    assert not findings(place)


def test_the_row_that_keeps_a_number_counts_for_nothing(place):
    changed(place, "UPDATE event SET visitor = 0, session = NULL, lane = 0 WHERE seq = (SELECT max(seq) FROM event)")
    assert all(re.search(" ACTION of|, (back|top) of", one) for one in findings(place))


def test_a_word_that_is_missing_is_found_by_looking_and_made_by_repairing(place):
    assert changed(place, "UPDATE word SET value = 'gone' WHERE value LIKE '[null,null,null,null,%'")
    found = findings(place)
    assert len([one for one in found if one.startswith("session, source of")]) == 2
    assert len(found) == 6 and all("source of" in one or "SOURCE of" in one for one in found)
    with contextlib.closing(open_writer(place, "process")) as writer:
        repair(writer, ZONE)
    assert not findings(place)


def test_actions_and_statuses_are_counted_by_day_and_lane(whole):
    with contextlib.closing(SqliteReader(whole)) as source:
        events = list(source.export(Query()))
    lanes = {"bot": 0, "unproven": 1, "person": 2}
    first = datetime(1970, 1, 1, tzinfo=UTC).date()
    wanted = Counter()
    for event in events:
        day = (datetime.fromtimestamp(event.time / 1000, ZONE).date() - first).days
        wanted[("ACTION", lanes[event.lane], day, event.action)] += 1
        if event.action == "page.visit":
            wanted[("STATUS", lanes[event.lane], day, event.params["status"])] += 1
    with contextlib.closing(sqlite3.connect(whole)) as raw:
        words = dict(raw.execute("SELECT id, value FROM word"))
        rows = raw.execute("SELECT kind, lane, day, subject, n FROM cell WHERE kind IN (3, 5)").fetchall()
    names = {Kind.ACTION: lambda subject: words[subject], Kind.STATUS: lambda subject: subject}
    assert {(Kind(kind).name, lane, day, names[kind](subject)): n for kind, lane, day, subject, n in rows} == wanted


def test_every_event_is_within_reach(whole):
    with contextlib.closing(sqlite3.connect(whole)) as raw:
        reach = {slot: (first, last) for slot, first, last in raw.execute("SELECT slot, first, last FROM reach")}
        rows = raw.execute("SELECT seq, time FROM event").fetchall()
    assert rows and all(reach[time // REACH_MS][0] <= seq <= reach[time // REACH_MS][1] for seq, time in rows)


@pytest.mark.parametrize("version", [3, 4, 7])
def test_a_store_of_an_older_format_is_counted_once_it_is_brought_up_to_date(whole, tmp_path, version):
    """In the days of the zone that it is opened with; from format 4 on it has been counted before."""
    old = tmp_path / "old.db"
    with contextlib.closing(sqlite3.connect(old)) as raw:
        for script in MIGRATIONS[:version]:
            raw.executescript(script)
        raw.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        raw.execute(f"PRAGMA user_version = {version}")
        raw.execute("ATTACH ? AS whole", (str(whole),))
        for (table,) in raw.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'").fetchall():
            columns = ", ".join(name for (name,) in raw.execute("SELECT name FROM pragma_table_info(?)", (table,)))
            raw.execute(f"INSERT OR REPLACE INTO main.{table} ({columns}) SELECT {columns} FROM whole.{table}")
        raw.commit()
    open_writer(old, "process", ZONE).close()
    assert not findings(old)
    with contextlib.closing(sqlite3.connect(old)) as raw:
        assert raw.execute("PRAGMA user_version").fetchone() == (VERSION,)
        raw.execute("ATTACH ? AS whole", (str(whole),))
        for table in ("day", "reach", "cell", "presence", "session", "event"):
            assert not raw.execute(f"SELECT * FROM main.{table} EXCEPT SELECT * FROM whole.{table}").fetchall()
            assert not raw.execute(f"SELECT * FROM whole.{table} EXCEPT SELECT * FROM main.{table}").fetchall()


def test_a_recount_that_fails_leaves_nothing_behind(place):
    changed(place, "UPDATE event SET more = '{' WHERE more IS NOT NULL")
    before = text_of(place)
    with contextlib.closing(open_writer(place, "process")) as writer:
        with pytest.raises(sqlite3.OperationalError, match="malformed JSON"):
            list(differences(writer, ZONE))
        assert not writer.execute("SELECT name FROM temp.sqlite_master WHERE name NOT LIKE 'arriv%'").fetchall()
    assert text_of(place) == before


@pytest.mark.parametrize(
    ("referrer", "facts", "host", "source"),
    [
        ("https://www.google.com/", {}, HOST, ["www.google.com", None, None, None, HOST]),
        ("android-app://a.b", {"utm_source": "x", "utm_campaign": "é"}, None, ["a.b", "x", None, "é", None]),
        (None, {"utm_medium": "email", "trigger": "page.visit"}, HOST, [None, None, "email", None, HOST]),
        ("nothing", {}, HOST, [None, None, None, None, HOST]),
    ],
)
def test_a_source_is_one_text(referrer, facts, host, source):
    assert json.loads(source_of(referrer, facts, host)) == source


def test_a_finding_says_what_is_stored_and_what_was_counted():
    assert str(Finding("cell", "here", 1, None)) == "cell, here: 1 is stored, nothing was counted"
