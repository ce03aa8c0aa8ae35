"""The store's file spoilt, gone or not to be written, seen from outside: the site is served and told what to do.

As test_store_trouble.py: real requests through `footfall serve`, whose log is read.
"""

import contextlib
import json
import random
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from test_store_trouble import (
    DISK,
    NOT_TAKEN,
    RESUMED,
    fill,
    locked,
    pages,
    recovers,
    said_once,
    small_disk,
    stored_ids,
    visits,
)
from whole import FIREFOX, ROOT, Serving, Visitor, eventually_stored, integrity, serving, sites, untagged
from wire import eventually

from proxy.store.sqlite.connection import ADVICE

PAGE_BYTES = 4_096
AT_START = "the store cannot be written, the site is served without recording"
SEED = 5


@pytest.fixture(scope="module")
def upstream() -> Iterator[int]:
    with sites() as port:
        yield port


def spoil(store: Path, first: int, last: int | None, made: Callable[[], bytes]) -> None:
    """Overwrite pages of the file in its place; nothing of them is in its log."""
    with contextlib.closing(sqlite3.connect(store)) as connection:
        assert connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
    with store.open("r+b") as file:
        for page in range(first, last or store.stat().st_size // PAGE_BYTES):
            file.seek(page * PAGE_BYTES)
            file.write(made())


def zeros() -> bytes:
    return bytes(PAGE_BYTES)


def noise() -> bytes:
    return random.Random(SEED).randbytes(PAGE_BYTES)


def move_away(store: Path) -> None:
    for end in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            store.with_name(f"{store.name}{end}").rename(store.with_name(f"away.db{end}"))


def is_all_in_the_file(store: Path) -> bool:
    """Empties the log, and with it what its writer remembers of the file: what is still in one of them is not read from
    the file, and makes it whole again."""
    with contextlib.closing(sqlite3.connect(store)) as database:
        (busy, _, _), *_ = database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return not busy


SPOILT = pytest.mark.parametrize(
    ("first", "last", "made"),
    [(0, 1, zeros), (0, 1, noise), (1, None, zeros), (1, None, noise)],
    ids=["first page of zeros", "first page of noise", "the others of zeros", "the others of noise"],
)


@SPOILT
def test_a_file_that_is_spoilt_while_it_is_written(tmp_path, upstream, first, last, made):
    with serving(tmp_path, upstream) as served:
        before, _ = pages(served, 20)
        assert eventually_stored(served.store, set(before))
        assert eventually(lambda: is_all_in_the_file(served.store))
        spoil(served.store, first, last, made)
        ids, _ = pages(served, 20)
        assert eventually(lambda: served.lines(NOT_TAKEN))
        more, _ = pages(served, 10)
        told = served.lines(NOT_TAKEN)
        assert str(served.store) in told[0] and ADVICE in told[0] and "will not pass by itself" in told[0]
        move_away(served.store)
        recovers(served, served.store, [*ids, *more])
        said_once(served, NOT_TAKEN, RESUMED)
    assert integrity(served.store) == "ok"


@SPOILT
def test_a_file_that_is_spoilt_before_the_start(tmp_path, upstream, first, last, made):
    served = Serving(tmp_path, upstream)
    served.start()
    before, _ = pages(served, 20)
    served.stop()
    spoil(served.store, first, last, made)
    served.start()
    try:
        ids, _ = pages(served, 20)
        assert eventually(lambda: served.lines(NOT_TAKEN))
        assert str(served.store) in served.lines(NOT_TAKEN)[0] and ADVICE in served.lines(NOT_TAKEN)[0]
        assert len(served.lines(AT_START)) == 1  # what the tables are is told by more than the first page
        move_away(served.store)
        recovers(served, served.store, ids)
        said_once(served, NOT_TAKEN, RESUMED)
    finally:
        served.stop()
    assert integrity(served.store) == "ok" and not set(before) & set(visits(served.store))


def remount(disk: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(disk)], check=True, capture_output=True)


def test_a_disk_that_is_read_only_until_later(tmp_path, upstream):
    """As the kernel leaves a file system that had errors. Also root cannot write there."""
    with small_disk(tmp_path / "disk", DISK) as disk:
        store = disk / "footfall.db"
        served = Serving(tmp_path, upstream, settings={"store__url": "sqlite:///disk/footfall.db"})
        served.start()
        ids, _ = pages(served, 5)
        served.stop()
        remount(disk, "ro")
        served.start()
        try:
            late, _ = pages(served, 10)
            assert eventually(lambda: served.lines(NOT_TAKEN))
            assert "Read-only file system" in served.lines(NOT_TAKEN)[0]
            assert str(store) in served.lines(AT_START)[0]
            remount(disk, "rw")
            recovers(served, store, [*ids, *late])
            said_once(served, AT_START, NOT_TAKEN, RESUMED)
        finally:
            served.stop()
        assert integrity(store) == "ok"


def test_a_folder_that_goes_and_comes_back(tmp_path, upstream):
    folder, away = tmp_path / "data", tmp_path / "away"
    folder.mkdir()
    with serving(tmp_path, upstream, store__url="sqlite:///data/footfall.db") as served:
        before, _ = pages(served, 5)
        assert eventually_stored(folder / "footfall.db", set(before))
        folder.rename(away)
        ids: list[str] = []

        def is_told() -> bool:
            ids.extend(pages(served, 1)[0])
            return bool(served.lines(NOT_TAKEN))

        assert eventually(is_told)
        assert str(folder / "footfall.db") in served.lines(NOT_TAKEN)[0]
        assert "No such file or directory" in served.lines(NOT_TAKEN)[0]
        away.rename(folder)
        recovers(served, folder / "footfall.db", [*before, *ids])
        said_once(served, NOT_TAKEN, RESUMED)
    assert integrity(folder / "footfall.db") == "ok"


def test_a_full_queue_is_503_with_retry_after_and_the_same_beacon_is_taken_later(tmp_path, upstream):
    queue = 100
    with serving(tmp_path, upstream, store__queue_events=str(queue)) as served:
        visitor = Visitor(served.port)
        page_id = untagged(visitor.navigate(b"/page/1").body)[1] or b""
        event = {"id": str(uuid4()), "action": "button.click", "ago": 5, "params": {"name": "Buy"}}
        body = json.dumps({"v": 1, "page": page_id.decode(), "events": [event]}).encode()
        fields = [FIREFOX, (b"Content-Type", b"text/plain;charset=UTF-8"), (b"Sec-Fetch-Site", b"same-origin")]
        with locked(served.store):
            pages(served, 2 * queue)
            refused = visitor.ask(b"POST", b"/_footfall/events", fields, body)
            assert refused.status == 503 and json.loads(refused.body)["error"] == "overloaded"
            assert int(refused.all(b"retry-after")[0]) > 0
        assert eventually(lambda: served.lines("were lost"))
        taken = visitor.ask(b"POST", b"/_footfall/events", fields, body)
        again = visitor.ask(b"POST", b"/_footfall/events", fields, body)
        assert [(one.status, json.loads(one.body)["accepted"]) for one in (taken, again)] == [(202, 1), (202, 0)]


def footfall_backup(where: Path, target: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "proxy", "backup", str(target)]
    return subprocess.run(command, cwd=where, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)


def test_a_backup_while_pages_are_served_has_every_page_from_before_it_and_delays_none(tmp_path, upstream):
    target, over, meanwhile = tmp_path / "copy.db", threading.Event(), list[str]()
    with serving(tmp_path, upstream, workers=2) as served:
        before, _ = pages(served, 30)
        assert eventually_stored(served.store, set(before))

        def walk() -> None:
            visitor = Visitor(served.port)
            while not over.is_set():
                meanwhile.extend(pages(served, 5, visitor)[0])

        walker = threading.Thread(target=walk)
        walker.start()
        try:
            done = footfall_backup(tmp_path, target)
        finally:
            over.set()
            walker.join()
        assert done.returncode == 0 and done.stderr.endswith("whole\n"), done.stderr
        assert meanwhile and eventually_stored(served.store, {*before, *meanwhile})
        found = visits(target)
        assert set(before) <= set(found) <= {*before, *meanwhile} and set(found.values()) == {1}
        assert served.lines("ERROR") == []
    assert integrity(target) == "ok" and visits(served.store) == Counter([*before, *meanwhile])


def test_a_backup_onto_a_disk_that_is_full_leaves_nothing_and_the_store_alone(tmp_path, upstream):
    with small_disk(tmp_path / "disk", DISK) as disk:
        with serving(tmp_path, upstream) as served:
            ids, _ = pages(served, 20)
            assert eventually_stored(served.store, set(ids))
            filler = fill(disk)
            with filler.open("r+b") as file:
                file.truncate(filler.stat().st_size - 4 * PAGE_BYTES)
            done = footfall_backup(tmp_path, disk / "copy.db")
            assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
            assert "copy.db.part: " in done.stderr and "full" in done.stderr, done.stderr
            assert [path.name for path in disk.iterdir()] == ["filler"]
            filler.unlink()
            assert footfall_backup(tmp_path, disk / "copy.db").returncode == 0
            assert set(stored_ids(disk / "copy.db")) == set(ids)
        assert integrity(disk / "copy.db") == "ok"
