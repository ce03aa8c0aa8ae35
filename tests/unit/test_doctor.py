"""`footfall doctor`: what is not right with a store is found, said in words and, where it can, made right."""

import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from stories import DAY, HOUR, MINUTE, confirm, does, page, sends, sqlite, sweep, visit

from proxy.store.base import StoreUnavailable
from proxy.store.sqlite.examining import examine, mend

ROOT = Path(__file__).parents[2]
PAGE_BYTES = 4096
NEW = page("P2", MINUTE, new=False)
STORY = (
    visit("P1", "V1"),
    confirm("C1", page("P1"), "V1", 200),
    visit("P2", "V1", MINUTE, path="/range", came_back=True),
    confirm("C2", NEW, "V1", MINUTE + 200, path="/range"),
    sends(NEW, "V1", does("banner.click", "E1", name="Sale"), does("page.leave", "E2", engaged_ms=0), at=2 * MINUTE),
    visit("P3", "V2", 2 * HOUR),
    sweep(DAY),
    visit("P4", "V1", 2 * DAY, came_back=True),
)


def silent(title, done, total):
    pass


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    engine = sqlite(tmp_path_factory.mktemp("whole") / "store.db")
    engine.append(*STORY)
    engine.close()
    return engine.place


@pytest.fixture
def place(whole, tmp_path):
    return Path(shutil.copy(whole, tmp_path / "store.db"))


def changed(path, *texts):
    with closing(sqlite3.connect(path)) as raw:
        for text in texts:
            assert raw.execute(text).rowcount, text
        raw.commit()


def words(path, most=5):
    return [one for several in examine(path, None, most=most, at=silent).findings for one in several.first]


def test_a_store_that_is_in_order_has_no_findings_and_a_size(place):
    found = examine(place, None, most=5, at=silent)
    assert (found.faults, found.findings, found.foreign_days) == ((), (), 0)
    assert sum(size for _, size in found.sizes) == place.stat().st_size
    assert found.days == 3


DAMAGE = (
    ("UPDATE event SET uri = 99 WHERE seq = 2", "uri of event 2 is not in uri"),
    ("UPDATE event SET visitor = 9 WHERE seq = 2", "visitor of event 2 is not in visitor"),
    ("DELETE FROM visitor WHERE id = 2", "visitor of session 2 is not in visitor"),
    ("DELETE FROM word WHERE value = 'banner.click'", "action of event 4 is not in word"),
    ("UPDATE event SET view = 77 WHERE seq = 4", "view of event 4, event 77, is not there"),
    ("UPDATE visitor SET session = 2 WHERE id = 1", "latest session of visitor 1, 2, is not there or somebody else's"),
    ("UPDATE session SET last = 5 WHERE id = 2", "session 2: begins at 1700007240000 and ends at 5"),
    ("UPDATE session SET start = start - 1 WHERE id = 2", "its session.start is of 1700007240000"),
    ("UPDATE session SET reason = 0 WHERE id = 2", "session 2: 1 session.end, but it is open"),
    ("DELETE FROM event WHERE seq = 6", "session 2: 0 session.start instead of one"),
    (
        "UPDATE event SET time = time + 9 WHERE seq = 7",
        "session 2: last activity is of 1700007240000, an event of it is",
    ),
    ("UPDATE event SET time = time - 9 WHERE seq = 7", "session 2: begins at 1700007240000, an event of it is of"),
    ("UPDATE event SET visitor = 2 WHERE seq = 4", "session 1: 1 of its events are another visitor's"),
    ("UPDATE event SET more = '{' WHERE seq = 4", "params of event 4 cannot be read"),
    ("UPDATE day SET until = start", "ends at"),
    ("UPDATE session SET events = 9 WHERE id = 1", "session, events of 1: 9 is stored, 4 was counted"),
    ("UPDATE cell SET n = n + 1 WHERE kind = 1", "cell, VIEWS of person, 2023-11-14: 3 is stored, 2 was counted"),
)


@pytest.mark.parametrize(("statement", "said"), DAMAGE)
def test_what_is_not_right_is_found_and_said(place, statement, said):
    changed(place, statement)
    assert any(said in one for one in words(place)), words(place)


def test_a_number_that_only_keeps_its_place_is_no_finding(place):
    changed(place, "UPDATE event SET visitor = 0, session = NULL WHERE seq = (SELECT max(seq) FROM event)")
    assert not any("visitor of event" in one for one in words(place, most=50))


def test_only_the_first_findings_are_told_and_all_are_counted(place):
    changed(place, "UPDATE event SET uri = 99")
    (events,) = [one for one in examine(place, None, most=2, at=silent).findings if one.table == "event"]
    assert len(events.first) == 2 and events.number > 5 and events.mends == 0


def test_a_repair_makes_right_what_is_counted_while_others_write(place):
    engine = sqlite(place)
    with engine.writer() as writer:
        writer.append((visit("P5", "V1", 2 * DAY + MINUTE, came_back=True),))
        changed(place, "DELETE FROM cell", "DELETE FROM presence", "UPDATE session SET pages = 7", "DELETE FROM reach")
        assert words(place)
        mend(place, "process", None, silent)
        assert words(place) == []
        # What this writer remembers is still true.
        writer.append((visit("P6", "V1", 2 * DAY + 2 * MINUTE, came_back=True), visit("P7", "V3", 4 * DAY)))
    assert words(place) == []


def test_a_repair_that_gets_no_turn_changes_nothing(place):
    changed(place, "DELETE FROM cell")
    with closing(sqlite3.connect(place)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="locked"):
            mend(place, "process", None, silent, patience_ms=1)
    assert any(one.startswith("cell, ") for one in words(place))


def doctor(place: Path, *options: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "proxy", "doctor", *options, "--store", f"sqlite:///{place}"]
    kept = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    return subprocess.run(command, cwd=place.parent, env=kept, capture_output=True, text=True, input=stdin)


def test_as_a_command(place):
    well = doctor(place)
    assert (well.returncode, well.stderr) == (0, "")
    assert well.stdout.startswith(
        "the file is whole, everything leads somewhere, and what is counted is what was recorded\n"
    )
    changed(place, "UPDATE cell SET n = n + 1 WHERE kind = 1", "UPDATE event SET uri = 99 WHERE seq = 5")
    ill = doctor(place, stdin="y\n")  # nobody is asked
    assert ill.returncode == 1 and "repaired" not in ill.stdout
    assert "  uri of event 5 is not in uri\n" in ill.stdout and "cell, VIEWS of person" in ill.stdout
    told = json.loads(doctor(place, "--json").stdout)
    assert {one["table"]: one["mends"] for one in told["findings"]}["event"] == 0 and "repaired" not in told
    mended = doctor(place, "--repair")
    assert mended.returncode == 1 and "repaired: " in mended.stdout and "counting makes none right" in mended.stdout
    changed(place, "UPDATE event SET uri = NULL WHERE seq = 5", "UPDATE cell SET n = n + 1 WHERE kind = 1")
    last = json.loads((done := doctor(place, "--repair", "--json")).stdout)
    assert (done.returncode, last["findings"]) == (0, []) and last["repaired"]["cell"] >= 1 and last["bytes"]["event"]
    assert doctor(place, "--sure").returncode == 2


@pytest.mark.parametrize("damage", [bytes(PAGE_BYTES), random.Random(1).randbytes(PAGE_BYTES)], ids=["zeros", "noise"])
def test_a_file_that_is_not_whole_is_said_to_be_and_not_repaired(place, damage):
    with closing(sqlite3.connect(place)) as raw:
        (page_number,) = raw.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'event'").fetchone()
    with place.open("r+b") as file:
        file.seek((page_number - 1) * PAGE_BYTES)
        file.write(damage)
    before = place.read_bytes()
    done = doctor(place, "--repair")
    assert done.returncode == 1 and place.read_bytes() == before
    assert "the file is damaged" in done.stdout and "Traceback" not in done.stderr


def test_no_store_and_another_programs_are_a_line(tmp_path):
    none = doctor(tmp_path / "store.db")
    assert none.returncode == 1 and none.stderr.endswith("nothing has been recorded there yet\n")
    (tmp_path / "other.db").write_bytes(b"no database" * 1_000)
    other = doctor(tmp_path / "other.db")
    assert other.returncode == 1 and other.stderr.count("\n") == 1
