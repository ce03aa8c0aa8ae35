"""`footfall backup`: a whole copy or what was there before, and never anything in the way of the store."""

import contextlib
import fcntl
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from stories import MINUTE, files_at_most, sqlite, visit

from proxy.backup import backup
from proxy.errors import StartError
from proxy.store.base import Query
from proxy.store.sqlite import connection
from proxy.store.sqlite.connection import APPLICATION_ID
from proxy.store.sqlite.copying import STEP_PAGES
from proxy.store.sqlite.reader import SqliteReader
from proxy.store.sqlite.writer import SqliteWriter
from proxy.visitors.sessions import Rules

ROOT = Path(__file__).parents[2]
PAGE_BYTES = 4_096
APPEND_SECONDS = 1.0
"""An append beside a backup, on two shared cores. A writer that is kept out waits for SQLite's patience, 5 s."""
DEADLINE_SECONDS = 30.0


def silent(title: str, done: int, total: int) -> None:
    pass


def large(store: Path) -> None:
    """A store of several steps."""
    long, at = "x" * 1_000, 0
    with contextlib.closing(SqliteWriter(store, durability="process", rules=Rules())) as writer:
        while store.stat().st_size < 3 * STEP_PAGES * PAGE_BYTES:
            batch = [visit(f"P{at + n}", "G", at + n, bot=True, path=f"/{long}{at + n}") for n in range(1_000)]
            writer.append(batch)
            at += len(batch)


@pytest.fixture(scope="module")
def filled(tmp_path_factory) -> Path:
    store = tmp_path_factory.mktemp("large") / "store.db"
    large(store)
    return store


@pytest.fixture
def store(filled, tmp_path) -> Path:
    """A copy of its own of a large store that was closed."""
    place = tmp_path / "store.db"
    place.write_bytes(filled.read_bytes())
    return place


def ids(place: Path) -> list[str]:
    with contextlib.closing(SqliteReader(place)) as reader:
        return [event.id for event in reader.export(Query(action="page.visit"))]


def check(place: Path) -> str:
    with contextlib.closing(sqlite3.connect(place)) as raw:
        return str(raw.execute("PRAGMA integrity_check").fetchone()[0])


def beside(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"store.db", "store.db-wal", "store.db-shm"}


def test_a_copy_is_one_file_of_its_owners_with_all_that_the_store_holds(tmp_path):
    """Also what is in its log only."""
    engine, target = sqlite(tmp_path / "store.db"), tmp_path / "copy.db"
    told = []
    with engine.writer() as writer:
        writer.append([visit("P1", "A"), visit("P2", "A", MINUTE)])
        assert (tmp_path / "store.db-wal").stat().st_size > 0
        size = backup(engine.place, target, force=False, at=lambda *one: told.append(one))
    assert beside(tmp_path) == {"copy.db"}
    assert target.stat().st_mode & 0o777 == 0o600 and target.stat().st_size == size
    assert list(sqlite(target).events()) == list(engine.events())
    pages = size // PAGE_BYTES
    assert told == [("copying", pages, pages), ("checking the copy", 0, 0)]


def test_a_copy_is_read_where_nothing_can_be_written_and_goes_on_as_a_store(tmp_path):
    engine, folder = sqlite(tmp_path / "store.db"), tmp_path / "kept"
    folder.mkdir()
    engine.append(visit("P1", "A"))
    backup(engine.place, folder / "copy.db", force=False, at=silent)
    # As on a medium that cannot be written (root may write anywhere): a file in WAL mode would not open like this.
    with contextlib.closing(sqlite3.connect(f"file:{folder}/copy.db?immutable=1", uri=True)) as raw:
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    assert len(ids(folder / "copy.db")) == 1 and beside(folder) == {"copy.db"}
    sqlite(folder / "copy.db").append(visit("P2", "A", 1))
    assert len(ids(folder / "copy.db")) == 2 and len(ids(engine.place)) == 1


def test_a_store_of_an_older_format_is_copied_as_it_is(tmp_path):
    old = tmp_path / "store.db"
    with contextlib.closing(sqlite3.connect(old)) as raw:
        raw.executescript((Path(connection.__file__).parent / "schema.sql").read_text())
        raw.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        raw.execute("PRAGMA user_version = 1")
    backup(old, tmp_path / "copy.db", force=False, at=silent)
    with contextlib.closing(sqlite3.connect(tmp_path / "copy.db")) as raw:
        assert raw.execute("PRAGMA user_version").fetchone() == (1,)


def test_beside_a_writer_it_ends_has_all_from_before_it_began_and_stops_no_append(store):
    """The writer is another process to the copying: `footfall backup` is run as it is typed."""
    target = store.with_name("copy.db")
    before = set(ids(store))
    seconds: list[float] = []
    over = threading.Event()

    def write() -> None:
        with contextlib.closing(SqliteWriter(store, durability="process", rules=Rules())) as writer:
            while not over.is_set():
                begun = time.monotonic()
                at = 10_000_000 + len(seconds)
                writer.append([visit(f"Q{len(seconds)}", "H", at, bot=True)])
                seconds.append(time.monotonic() - begun)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while len(seconds) < 20:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        acknowledged = len(seconds)
        command = [sys.executable, "-m", "proxy", "backup", str(target), "--store", f"sqlite:///{store}"]
        done = subprocess.run(
            command, cwd=store.parent, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
        )
        written = len(seconds) - acknowledged
    finally:
        over.set()
        thread.join()
    assert done.returncode == 0, done.stderr
    assert written > 20 and max(seconds) < APPEND_SECONDS, (written, max(seconds))
    found = ids(target)
    assert before < set(found) and len(found) == len(set(found)) >= len(before) + acknowledged
    assert check(target) == check(store) == "ok"
    # What it holds of the writer's is its beginning, without a gap.
    assert ids(store)[: len(found)] == found


def refused(store: Path, target: Path, words: str, *, force: bool = False) -> None:
    with pytest.raises(StartError, match=words) as found:
        backup(store, target, force=force, at=silent)
    assert "\n" not in str(found.value)


def test_what_is_there_is_kept_unless_it_may_be_overwritten(tmp_path):
    engine, target = sqlite(tmp_path / "store.db"), tmp_path / "copy.db"
    engine.append(visit("P1", "A"))
    target.write_text("mine")
    refused(engine.place, target, r"copy\.db: is there already; --force overwrites it")
    assert target.read_text() == "mine"
    backup(engine.place, target, force=True, at=silent)
    assert len(ids(target)) == 1 and beside(tmp_path) == {"copy.db"}


def test_the_store_itself_under_any_name_is_never_overwritten(tmp_path):
    engine = sqlite(tmp_path / "store.db")
    engine.append(visit("P1", "A"))
    (tmp_path / "link.db").symlink_to("store.db")
    (tmp_path / "same.db").hardlink_to(tmp_path / "store.db")
    (tmp_path / "there").symlink_to(".")
    for name in (
        "store.db",
        "link.db",
        "same.db",
        "there/store.db",
        "store.db-wal",
        "store.db-shm",
        "store.db-journal",
    ):
        refused(engine.place, tmp_path / name, "the store itself", force=True)
    assert len(ids(engine.place)) == 1


@pytest.mark.parametrize("end", ["-wal", "-journal"])
def test_a_log_that_would_be_taken_for_the_copys_own_is_in_the_way(tmp_path, end):
    engine = sqlite(tmp_path / "store.db")
    engine.append(visit("P1", "A"))
    (tmp_path / f"copy.db{end}").write_bytes(b"x")
    refused(engine.place, tmp_path / "copy.db", f"copy.db{end}: belongs to a database", force=True)


def test_a_folder_that_is_missing_or_no_folder_or_a_target_that_is_no_file(tmp_path):
    engine = sqlite(tmp_path / "store.db")
    engine.append(visit("P1", "A"))
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    refused(engine.place, tmp_path / "none" / "copy.db", "none: no such folder")
    refused(engine.place, tmp_path / "file" / "copy.db", "file: no such folder")
    refused(engine.place, tmp_path / "folder", "folder: not a file", force=True)
    refused(engine.place, tmp_path / "pipe", "pipe: not a file", force=True)
    refused(engine.place, tmp_path / ("n" * 250), "File name too long")
    assert beside(tmp_path) == {"file", "folder", "pipe"}


def test_without_a_store_nothing_is_made(tmp_path):
    refused(tmp_path / "store.db", tmp_path / "copy.db", r"store\.db: no such file; nothing has been recorded")
    (tmp_path / "store.db").touch()
    refused(tmp_path / "store.db", tmp_path / "copy.db", "nothing has been recorded there yet")
    (tmp_path / "store.db").write_bytes(b"not a database at all, but long enough to be looked at" * 40)
    refused(tmp_path / "store.db", tmp_path / "copy.db", r"store\.db is damaged, .*not a database")
    assert beside(tmp_path) == set()


def test_a_full_disk_leaves_what_was_there_and_nothing_else(store):
    target = store.with_name("copy.db")
    target.write_text("mine")
    with files_at_most(2 * STEP_PAGES * PAGE_BYTES):
        refused(store, target, r"copy\.db\.part: (database or disk is full|disk I/O error)", force=True)
    assert target.read_text() == "mine" and beside(store.parent) == {"copy.db"}
    assert check(store) == "ok"


@pytest.mark.parametrize("damage", [bytes(PAGE_BYTES), random.Random(1).randbytes(PAGE_BYTES)], ids=["zeros", "noise"])
def test_the_copy_of_a_damaged_store_gets_no_name(store, damage):
    target, pages = store.with_name("copy.db"), store.stat().st_size // PAGE_BYTES
    target.write_text("mine")
    with store.open("r+b") as file:
        for page in range(pages // 2, pages // 2 + 40):
            file.seek(page * PAGE_BYTES)
            file.write(damage)
    refused(store, target, r"store\.db is damaged, its copy was checked: .", force=True)
    assert target.read_text() == "mine" and beside(store.parent) == {"copy.db"}


def test_two_at_once_are_one_and_what_a_killed_one_left_is_no_matter(tmp_path):
    engine, target, draft = sqlite(tmp_path / "store.db"), tmp_path / "copy.db", tmp_path / "copy.db.part"
    engine.append(visit("P1", "A"))
    with draft.open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        refused(engine.place, target, r"copy\.db\.part: another backup is writing it")
        assert draft.exists()
    draft.write_bytes(b"half a copy" * 5_000)
    (tmp_path / "copy.db.part-journal").write_bytes(b"its journal")
    backup(engine.place, target, force=False, at=silent)
    assert len(ids(target)) == 1 and beside(tmp_path) == {"copy.db"}


def test_a_draft_that_is_a_link_to_somewhere_is_not_followed(tmp_path):
    engine = sqlite(tmp_path / "store.db")
    engine.append(visit("P1", "A"))
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "copy.db.part").symlink_to("precious")
    refused(engine.place, tmp_path / "copy.db", r"copy\.db\.part: ")
    assert (tmp_path / "precious").read_text() == "mine"


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_stopped_in_the_middle_it_leaves_at_most_a_draft_and_the_next_one_works(store, how):
    target, draft = store.with_name("copy.db"), store.with_name("copy.db.part")
    command = [sys.executable, "-m", "proxy", "backup", target.name, "--store", f"sqlite:///{store}"]
    for _ in range(5):  # it may be done before the signal comes
        with subprocess.Popen(command, cwd=store.parent, env={**os.environ, "PYTHONPATH": str(ROOT)}) as process:
            deadline, was_there = time.monotonic() + DEADLINE_SECONDS, False
            while process.poll() is None and not was_there:
                with contextlib.suppress(FileNotFoundError):
                    was_there = draft.stat().st_size > 0
                assert time.monotonic() < deadline
            process.send_signal(how)
        if was_there and process.returncode:
            break
        assert process.returncode == 0
        target.unlink()
    assert process.returncode == {signal.SIGINT: 1, signal.SIGKILL: -signal.SIGKILL}[how]
    assert not target.exists()
    assert how is signal.SIGKILL or beside(store.parent) == set()
    backup(store, target, force=False, at=silent)
    assert ids(target) == ids(store) and beside(store.parent) == {"copy.db"}


def test_a_failure_says_what_failed_in_one_line_and_a_success_how_much_there_is(store):
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "proxy", "backup", *words, "--store", f"sqlite:///{store}"]
        kept = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.run(command, cwd=store.parent, env=kept, capture_output=True, text=True)

    done = run("copy.db")
    size = store.with_name("copy.db").stat().st_size
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"footfall: copy.db: {size / 1e6:,.1f} MB, whole\n"
    assert ((again := run("copy.db")).returncode, again.stdout) == (1, "")
    assert re.fullmatch(r"footfall: copy\.db: is there already; --force overwrites it\n", again.stderr)
    assert run("copy.db", "--force").returncode == 0
    for words in ((), ("",), ("folder/",), ("..",)):
        wrong = run(*words)
        assert wrong.returncode == 2 and wrong.stderr.startswith("footfall: ") and wrong.stderr.count("\n") == 1
