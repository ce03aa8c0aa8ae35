"""Workers and the process that writes for all of them, whatever becomes of it: every page is counted, and counted once.

By its own numbers: what became of requests, and visits, are added up in different ways, and have to say the same.
"""

import contextlib
import os
import random
import signal
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import wire
from crashes import rollups_that_differ
from family import is_alive
from whole import KINDS, START_SECONDS, Serving, Visitor, event_of, integrity, serving, sites, stored, untagged

from proxy.store.sqlite.reader import SqliteReader

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")

several_cores = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one worker on one core writes itself")

BROWSERS = 4
ENDS = 4
HELD = {"store__hold_ms": "10000"}
"""As long as nobody has to wait."""


class Browsers:
    """They load page after page until it is over; all of them are answered, or `odd` says what happened."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.over = threading.Event()
        self.pages: list[bytes] = []
        self.odd: list[str] = []
        self._threads = [threading.Thread(target=self._browse, daemon=True) for _ in range(BROWSERS)]

    def __enter__(self) -> "Browsers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.over.set()
        for thread in self._threads:
            thread.join(wire.PATIENCE_SECONDS)
        assert not any(thread.is_alive() for thread in self._threads)

    def _browse(self) -> None:
        visitor = Visitor(self.port)
        while not self.over.is_set():
            try:
                answer = visitor.navigate(b"/page/%d" % random.randrange(50))
            except (OSError, ValueError) as error:
                self.odd.append(repr(error))
                return
            _, page_id = untagged(answer.body)
            if not answer.whole or page_id is None:
                self.odd.append(f"{answer.status}: {answer.body[:200]!r}")
                return
            self.pages.append(page_id)
        visitor.close()

    def go_on(self, pages: int = 20) -> bool:
        """Until so many more have come."""
        number = len(self.pages) + pages
        return wire.eventually(lambda: len(self.pages) >= number, START_SECONDS)


@contextlib.contextmanager
def browsed(where: Path, workers: int, cores: int = 0) -> Iterator[tuple[Serving, Browsers]]:
    """A service whose pages are loaded meanwhile."""
    with (
        sites() as upstream,
        serving(where, upstream, workers=workers, cores=cores, **HELD) as served,
        Browsers(served.port) as load,
    ):
        yield served, load


def counted(store: Path) -> int:
    with contextlib.closing(SqliteReader(store)) as reader:
        return sum(n for _, _, outcome, n in reader.outcomes() if outcome == "visit")


def check(where: Path, store: Path, browsers: Browsers) -> None:
    assert browsers.odd == []
    events = stored(store)
    assert [one for one, n in Counter(str(event["id"]) for event in events).items() if n > 1] == []
    visits = {str(event["id"]) for event in events if event["action"] == "page.visit"}
    assert visits == {event_of(page, where) for page in browsers.pages}
    assert counted(store) == len(visits)
    assert integrity(store) == "ok"
    assert rollups_that_differ(store) == []


@several_cores
@pytest.mark.parametrize("workers", [1, 2])
def test_one_process_has_the_store_open_for_writing_and_no_worker_has(tmp_path, workers):
    with browsed(tmp_path, workers) as (served, load):
        assert load.go_on()
        (writer,) = served.children("writer")
        assert holds_open(writer, served.store)
        those = served.children("worker")
        assert len(those) == workers and not any(holds_open(one, served.store) for one in those)
    check(tmp_path, served.store, load)


def holds_open(pid: int, store: Path) -> bool:
    return any(os.path.realpath(one) == str(store) for one in Path(f"/proc/{pid}/fd").iterdir())


def test_one_worker_on_one_core_writes_itself(tmp_path):
    with browsed(tmp_path, 1, cores=1) as (served, load):
        assert load.go_on()
        assert served.children("writer") == []
        assert holds_open(served.children("worker")[0], served.store)
    check(tmp_path, served.store, load)


def test_two_workers_on_one_core_have_a_process_that_writes(tmp_path):
    with browsed(tmp_path, 2, cores=1) as (served, load):
        assert load.go_on()
        assert len(served.children("writer")) == 1
    check(tmp_path, served.store, load)


@several_cores
@pytest.mark.parametrize("workers", [1, 2])
def test_killed_again_and_again_it_loses_nothing_and_counts_nothing_twice(tmp_path, workers):
    with browsed(tmp_path, workers) as (served, load):
        for _ in range(ENDS):
            assert load.go_on()
            (writer,) = served.children("writer")
            os.kill(writer, signal.SIGKILL)
            assert wire.eventually(lambda: served.children("writer") not in ([], [writer]), START_SECONDS)  # noqa: B023
        assert load.go_on()
    check(tmp_path, served.store, load)
    assert len(served.lines("writer ended after")) == ENDS
    assert not served.lines("Traceback")


@pytest.mark.parametrize(("workers", "cores"), KINDS)
def test_a_stop_signal_for_every_process_at_once_loses_nothing(tmp_path, workers, cores):
    """As a service manager sends it that knows no parent."""
    with sites() as upstream:
        served = Serving(tmp_path, upstream, workers, HELD, cores=cores)
        served.start()
        with Browsers(served.port) as load:
            assert load.go_on()
            load.over.set()  # what is on its way is answered
            for pid in served.family():
                os.kill(pid, signal.SIGTERM)
        assert served.process is not None and served.process.wait(START_SECONDS) == 0, served.log.read_text()
    check(tmp_path, served.store, load)
    assert not served.lines("did not end in time")


def test_workers_without_a_parent_finish_and_the_writing_process_after_them(tmp_path):
    with sites() as upstream:
        served = Serving(tmp_path, upstream, 2, HELD)
        served.start()
        with Browsers(served.port) as load:
            assert load.go_on()
            family = served.family()
            load.over.set()
            assert served.process is not None
            served.process.kill()
            served.process.wait()
        assert wire.eventually(lambda: not any(map(is_alive, family)), START_SECONDS)
    check(tmp_path, served.store, load)


def test_a_reload_brings_another_one_and_loses_nothing(tmp_path):
    config = tmp_path / "config.toml"
    with sites() as upstream:
        with serving(tmp_path, upstream, workers=2, **HELD) as served, Browsers(served.port) as load:
            assert load.go_on()
            before = served.children("writer")
            config.write_text("[store]\nhold_ms = 9000\n")
            assert served.process is not None
            served.process.send_signal(signal.SIGHUP)
            assert wire.eventually(lambda: served.lines("footfall: reloaded"), START_SECONDS), served.log.read_text()
            assert load.go_on()
            assert wire.eventually(lambda: len(served.children("writer")) == 1, START_SECONDS)
            assert served.children("writer") != before
        check(tmp_path, served.store, load)


def test_another_program_may_write_meanwhile(tmp_path):
    """An import, or somebody with a database tool."""
    with browsed(tmp_path, 2) as (served, load):
        assert load.go_on()
        for _ in range(10):
            with contextlib.closing(sqlite3.connect(served.store, timeout=10, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                threading.Event().wait(0.02)
                other.execute("COMMIT")
            assert load.go_on(2)
    check(tmp_path, served.store, load)
