"""The store in trouble, seen from outside: pages are served in time, the log says it once, recording resumes by itself.

Real requests through `footfall serve`. What was queued meanwhile is stored exactly once; what was lost is said.
"""

import contextlib
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest
from whole import (
    Serving,
    Visitor,
    event_of,
    eventually_stored,
    integrity,
    outcomes,
    released,
    serving,
    sites,
    stored,
    untagged,
)
from wire import eventually

from proxy.store.base import StoreError
from proxy.store.sqlite.questions import SqliteQuestions

HOLD_MS = 250
MARGIN_SECONDS = 0.5
"""For two shared cores; what matters is that nobody waits for the store, whose own time-out is 5 s."""
BREAKER_PAGES = 3
PROBE_EVERY = 100
NOT_TAKEN = "the store does not take events"
RESUMED = "the store takes events again"
NOT_HELD = "pages are no longer held"
DISK = "16m"
"""Room for a write-ahead log of 1,000 pages (4 MB), which is what SQLite lets it grow to, and for the store."""
HELD_AGAIN = "pages are held for their commit"


@pytest.fixture(scope="module")
def upstream() -> Iterator[int]:
    with sites() as port:
        yield port


def pages(served: Serving, count: int, visitor: Visitor | None = None) -> tuple[list[str], list[float]]:
    """Page after page; the ids of their events, and what each took in seconds."""
    visitor = visitor or Visitor(served.port)
    ids, seconds = [], []
    for number in range(count):
        begun = time.monotonic()
        answer = visitor.navigate(b"/page/%d" % number)
        seconds.append(time.monotonic() - begun)
        assert answer.status == 200 and answer.whole
        body, page_id = untagged(answer.body)
        assert page_id is not None and body.endswith(b"</p>")
        ids.append(event_of(page_id, served.where))
    assert max(seconds) < HOLD_MS / 1000 + MARGIN_SECONDS, max(seconds)
    return ids, seconds


def visits(store: Path) -> Counter[str]:
    return Counter(str(event["id"]) for event in stored(store, "page.visit"))


def recovers(served: Serving, store: Path, ids: list[str]) -> None:
    """Everything queued is stored, each once, nobody had to do anything, and pages are held again."""
    assert eventually(lambda: served.lines(RESUMED)), served.log.read_text()
    assert eventually_stored(store, set(ids))
    more, _ = pages(served, 2 * PROBE_EVERY)
    assert eventually_stored(store, {*ids, *more})
    assert visits(store) == Counter([*ids, *more])
    starts = Counter(event["session"] for event in stored(store, "session.start"))
    assert set(starts.values()) == {1}


def said_once(served: Serving, *words: str) -> None:
    for one in words:
        assert len(served.lines(one)) == 1, (one, served.log.read_text())
    assert served.lines("Traceback") == []


@contextlib.contextmanager
def locked(store: Path) -> Iterator[None]:
    """Another process that has begun to write, and does not go on (nor would it, if it were stopped)."""
    program = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=10);"
        "c.execute('BEGIN IMMEDIATE'); print('locked', flush=True); sys.stdin.read(); c.execute('ROLLBACK')"
    )
    command = [sys.executable, "-c", program, str(store)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None and process.stdout is not None
    try:
        assert process.stdout.readline() == "locked\n"
        yield
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_store_that_cannot_be_opened_until_later(tmp_path: Path, upstream: int, workers: int) -> None:
    """Its folder is a regular file at first: also root cannot write there."""
    folder = tmp_path / "data"
    folder.write_text("in the way")
    url = "sqlite:///data/footfall.db"
    with serving(tmp_path, upstream, workers=workers, store__url=url) as served:
        assert len(served.lines("the store cannot be written, the site is served without recording")) == 1
        ids, seconds = pages(served, 20)
        assert median(seconds) < HOLD_MS / 2000  # most are not held: the breaker is open
        folder.unlink()
        folder.mkdir()
        assert eventually(lambda: len(served.lines(RESUMED)) == workers)
        recovers(served, folder / "footfall.db", ids)
        for words in (NOT_TAKEN, RESUMED):
            assert len(served.lines(words)) == workers, served.log.read_text()
    assert outcomes(folder / "footfall.db") == {"visit": 20 + 2 * PROBE_EVERY}
    assert 1 <= released(folder / "footfall.db") <= BREAKER_PAGES * workers + 3
    with contextlib.closing(SqliteQuestions(folder / "footfall.db")) as reader:
        found = reader.unheld(0, 99_999)
    assert found is not None and 1 <= found.times <= workers  # which the report is told, once it can be
    assert integrity(folder / "footfall.db") == "ok"


def test_a_writer_that_is_stuck_for_a_moment_is_waited_for(tmp_path: Path, upstream: int) -> None:
    """Shorter than SQLite's own patience (5 s): nothing fails, pages are let go by their time-out."""
    with serving(tmp_path, upstream) as served:
        ids, _ = pages(served, 2)
        with locked(served.store):
            late, seconds = pages(served, 30)
            assert all(took >= HOLD_MS / 1000 - 0.01 for took in seconds[:BREAKER_PAGES])
            assert median(seconds) < HOLD_MS / 2000
            assert visits(served.store) == Counter(ids)
        assert eventually_stored(served.store, {*ids, *late})
        more, _ = pages(served, 2 * PROBE_EVERY)
        assert eventually(lambda: served.lines(HELD_AGAIN))
        said_once(served, NOT_HELD, HELD_AGAIN)
        assert served.lines(NOT_TAKEN) == []
    assert visits(served.store) == Counter([*ids, *late, *more])
    assert outcomes(served.store) == {"visit": 32 + 2 * PROBE_EVERY}
    assert BREAKER_PAGES <= released(served.store) <= BREAKER_PAGES + 3


def test_a_writer_that_is_stuck_for_longer_is_said_and_survived(tmp_path: Path, upstream: int) -> None:
    """Longer than SQLite's own patience: the batch fails, is kept, and is tried again."""
    with serving(tmp_path, upstream) as served:
        ids, _ = pages(served, 2)
        with locked(served.store):
            late, _ = pages(served, 10)
            assert eventually(lambda: served.lines(NOT_TAKEN), 15)
            later, seconds = pages(served, 10)
            assert median(seconds) < HOLD_MS / 2000
        recovers(served, served.store, [*ids, *late, *later])
        said_once(served, NOT_TAKEN, RESUMED, NOT_HELD, HELD_AGAIN)
        assert "locked" in served.lines(NOT_TAKEN)[0]
    assert integrity(served.store) == "ok"


def test_a_full_queue_loses_events_says_how_many_and_never_a_page(tmp_path: Path, upstream: int) -> None:
    queue = 100
    with serving(tmp_path, upstream, store__queue_events=str(queue)) as served:
        ids, _ = pages(served, 2)
        with locked(served.store):
            late, _ = pages(served, 3 * queue)
            assert len(served.lines("events are being lost")) == 1
        assert eventually(lambda: visits(served.store).total() > len(ids) + 1)
        more, _ = pages(served, 2 * PROBE_EVERY)
        assert eventually_stored(served.store, {*ids, *more})
    found = visits(served.store)
    assert set(found.values()) == {1} and found.keys() <= {*ids, *late, *more}
    lost = len(ids) + len(late) + len(more) - found.total()
    # A sweep or the counters of a second may have taken a place.
    assert 2 * queue <= lost <= 2 * queue + 10
    said = served.lines("were lost")
    assert len(said) == 1 and re.search(rf"\b{lost}\b", said[0]), (lost, served.log.read_text())
    # Counters are not lost with the events.
    assert outcomes(served.store)["visit"] == len(ids) + len(late) + len(more)


@contextlib.contextmanager
def small_disk(where: Path, size: str) -> Iterator[Path]:
    where.mkdir()
    mount = shutil.which("mount")
    if mount is None:
        pytest.skip("no mount command: no small disk can be made")
    command = [mount, "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(where)]
    if subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("a small tmpfs cannot be mounted here (it takes root)")
    try:
        yield where
    finally:
        subprocess.run(["umount", "-l", str(where)], check=True)


def fill(disk: Path) -> Path:
    """Takes all the room that is left, to the last byte."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        for size in (65_536, 4_096, 1):
            with contextlib.suppress(OSError):
                while file.write(b"x" * size):
                    pass
    return filler


def test_a_full_disk_stops_the_recording_and_not_the_site(tmp_path: Path, upstream: int) -> None:
    with small_disk(tmp_path / "disk", DISK) as disk:
        store = disk / "footfall.db"
        with serving(tmp_path, upstream, store__url="sqlite:///disk/footfall.db") as served:
            ids, _ = pages(served, 20)
            filler = fill(disk)
            while not served.lines(NOT_TAKEN):
                ids += pages(served, 10)[0]
                assert len(ids) < 5_000, "the disk is never full"
            assert "full" in served.lines(NOT_TAKEN)[0]
            late, _ = pages(served, 50)
            filler.unlink()
            recovers(served, store, [*ids, *late])
            # Closing the file after a failure may free some of its log, and recording resume for a moment: that is
            # not said again, unless it lasts.
            said = [line for line in served.log.read_text().splitlines() if NOT_TAKEN in line or RESUMED in line]
            assert [NOT_TAKEN in line for line in said] in ([True, False], [True, False] * 2)
        assert integrity(store) == "ok"
        assert outcomes(store)["visit"] == len(ids) + len(late) + 2 * PROBE_EVERY


def test_a_disk_that_is_full_from_the_start(tmp_path: Path, upstream: int) -> None:
    with small_disk(tmp_path / "disk", DISK) as disk:
        store = disk / "footfall.db"
        filler = fill(disk)
        with serving(tmp_path, upstream, store__url="sqlite:///disk/footfall.db") as served:
            ids, _ = pages(served, 10)
            filler.unlink()
            recovers(served, store, ids)
        assert integrity(store) == "ok"


def test_a_store_that_is_moved_away_is_made_anew(tmp_path: Path, upstream: int) -> None:
    """The events before are in the file that was moved, whole; those after it are in a new one, soon."""
    store, away = tmp_path / "footfall.db", tmp_path / "away.db"
    with serving(tmp_path, upstream) as served:
        before, _ = pages(served, 5)
        assert eventually_stored(store, set(before))
        for end in ("", "-wal", "-shm"):
            (tmp_path / f"footfall.db{end}").rename(tmp_path / f"away.db{end}")
        after: list[str] = []

        def new_file_takes_events() -> bool:
            after.extend(pages(served, 1)[0])
            return bool(set(stored_ids(store)) & set(after))

        assert eventually(new_file_takes_events), served.log.read_text()
        said_once(served, NOT_TAKEN, RESUMED)
    assert integrity(away) == integrity(store) == "ok"
    assert visits(away) + visits(store) == Counter([*before, *after])


def stored_ids(store: Path) -> list[str]:
    """The visits of a store that may not be there yet, or not be whole."""
    with contextlib.suppress(StoreError):
        return list(visits(store))
    return []


def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path, upstream: int) -> None:
    store = tmp_path / "footfall.db"
    with contextlib.closing(sqlite3.connect(store)) as connection:
        connection.execute("CREATE TABLE theirs (a)")
        connection.commit()
    before = store.read_bytes()
    with pytest.raises(AssertionError, match="another program"):
        Serving(tmp_path, upstream).start()
    assert store.read_bytes() == before


def test_a_stop_while_the_store_is_stuck_says_what_is_not_written(tmp_path: Path, upstream: int) -> None:
    served = Serving(tmp_path, upstream)
    served.start()
    pages(served, 1)
    with locked(served.store):
        pages(served, 10)
        served.stop()
        assert [line for line in served.lines("not written") if re.search(r"\b1\d\b", line)], served.log.read_text()
    assert visits(served.store).total() == 1


def test_requests_at_once_are_all_let_go_in_time(tmp_path: Path, upstream: int) -> None:
    """Thirty visitors at the very moment at which the store stops."""
    with serving(tmp_path, upstream) as served:
        with locked(served.store):
            results: list[tuple[list[str], list[float]]] = []
            threads = [threading.Thread(target=lambda: results.append(pages(served, 1))) for _ in range(30)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert len(results) == 30
        ids = [one for ids, _ in results for one in ids]
        assert eventually_stored(served.store, set(ids))
    assert visits(served.store) == Counter(ids)
    assert (outcomes(served.store), released(served.store)) == ({"visit": 30}, 30)
