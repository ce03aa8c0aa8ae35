"""Real footfall processes before a site, each with a store of its own, and what a test asks of them.

A `Front` is ended by SIGTERM before its store is read for the last time: by then everything that was on its way is
written, so "and nothing else" is known without waiting for what does not come.
"""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Locator, Page
from telling import read_events, read_outcomes, told

ROOT = Path(__file__).parents[2]
PAGES_ONLY = {"FOOTFALL_CAPTURE__CLICK": "tagged", "FOOTFALL_CAPTURE__HOVER": "tagged"}
"""For walks that are about pages: clicking on from one to the next is not what they tell."""
PATIENCE_SECONDS = 10.0
HOLD_MS = 10_000
"""How long a page waits for its commit: no disk is so slow that one goes unsaved, which would be counted."""
STORE = "footfall.db"
FIRST_ADDRESS = r"(http://127\.0\.0\.1:\d+)/(?s:.*)Ctrl-C stops"
"""Of those that are said at the start, once all are."""


def reloaded_until(page: Page, there: Locator) -> bool:
    """The page is loaded again until something is on it; False if it is not in time."""
    return poll(lambda: bool(there.count()) or (page.reload(), bool(there.count()))[1], True) is True


def poll(what: Callable[[], object], wanted: object, seconds: float = PATIENCE_SECONDS) -> object:
    """What `what()` says once it is `wanted`, or at the deadline."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while (found := what()) != wanted and time.monotonic() < deadline:
        pause.wait(0.02)
    return found


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FOOTFALL_")}
    ours = {"FOOTFALL_REPORT__LISTEN": "off", "FOOTFALL_STORE__HOLD_MS": str(HOLD_MS)}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **ours, **more}


@dataclass(slots=True)
class Front:
    """What visitors connect to; `url` is its origin."""

    process: subprocess.Popen[str]
    url: str
    where: Path
    log: Path
    origins: dict[str, str] = field(default_factory=dict)
    hosts: tuple[str, ...] = ("127.0.0.1", "localhost")

    @property
    def store(self) -> Path:
        return self.where / STORE

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def at(self, host: str) -> str:
        """This front's origin under another of its names."""
        return f"http://{host}:{self.port}"

    def lines(self, *, any_order: bool = False, leaves: bool = False) -> list[str]:
        """What is stored, without the leaves unless asked. `any_order`: of pages that race, as a set, without the one
        that opened the session."""
        origins = {self.at(host): "" for host in self.hosts} | self.origins
        found = told(*read_events(self.store), origins, leaves=leaves)
        return sorted(re.sub(r"(session\.start) .*", r"\1", line) for line in found) if any_order else found

    def visitors(self) -> set[str]:
        """The uuids that events are stored under."""
        return {event.uuid for event in read_events(self.store)[0]}

    def tells(self, *expected: str, any_order: bool = False) -> None:
        """By now, or soon, exactly these events are stored."""
        wanted = sorted(expected) if any_order else list(expected)
        assert poll(lambda: self.lines(any_order=any_order), wanted) == wanted

    def counts(self, **expected: int) -> None:
        """By now, or soon, exactly these outcomes are counted."""
        assert poll(lambda: read_outcomes(self.store), expected) == expected

    def export(self) -> str:
        """What the command says of the store."""
        command = [sys.executable, "-m", "proxy", "export", "--store", f"sqlite:///{STORE}"]
        done = subprocess.run(
            command, cwd=self.where, env=environment(), capture_output=True, text=True, timeout=PATIENCE_SECONDS
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    def stop(self) -> None:
        """End in order; whatever was on its way is in the store afterwards."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE_SECONDS) in (0, -signal.SIGTERM), self.log.read_text()
        said = self.log.read_text()
        assert not re.search(r"Traceback|\bERROR\b|\bCRITICAL\b", said), said


def proxied(where: Path, upstream: str, *words: str, **more: str) -> contextlib.AbstractContextManager[Front]:
    """`footfall serve` before `upstream`; `more` is its environment."""
    command = [sys.executable, "-m", "proxy", "serve", "--upstream", upstream, "--listen", "127.0.0.1:0"]
    return _running(where, [*command, "--store", f"sqlite:///{STORE}", *words], FIRST_ADDRESS, more)


def demonstrated(where: Path, *words: str) -> contextlib.AbstractContextManager[Front]:
    """`footfall demo`, its report included."""
    command = [sys.executable, "-m", "proxy", "demo", "--listen", "127.0.0.1:0", "--report", "127.0.0.1:0"]
    return _running(where, [*command, "--store", f"sqlite:///{STORE}", *words], FIRST_ADDRESS, {})


def wrapped(where: Path, factory: str, **more: str) -> contextlib.AbstractContextManager[Front]:
    """An application of tests/browser/shop_app.py under plain uvicorn; `tracked` has footfall around it. `more` is its
    environment."""
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "--factory",
        f"shop_app:{factory}",
        "--app-dir",
        str(Path(__file__).parent),
    ]
    ready = {"FOOTFALL_STORE__URL": f"sqlite:///{STORE}", **PAGES_ONLY, **more}
    return _running(
        where, [*command, "--host", "127.0.0.1", "--port", "0"], r"running on (http://127\.0\.0\.1:\d+)", ready
    )


@contextlib.contextmanager
def _running(where: Path, command: list[str], address: str, more: Mapping[str, str]) -> Iterator[Front]:
    where.mkdir(exist_ok=True)
    log = where / "log.txt"
    with log.open("w") as stderr:
        process = subprocess.Popen(command, cwd=where, env=environment(**more), stderr=stderr, stdout=stderr, text=True)
    try:
        poll(lambda: re.search(address, log.read_text()) is not None or process.poll() is not None, True)
        found = re.search(address, log.read_text())
        assert found is not None, log.read_text()
        front = Front(process, found[1], where, log)
        poll(lambda: _answers(front.port), True)
        yield front
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
