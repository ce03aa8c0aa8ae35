"""kill -9 of everything, again and again, on one store: what a visitor has seen whole is recorded, once.

The promise (VISITS.md section 6): a page view whose last byte was held until its commit is on disk. With a `hold_ms`
that is never reached this is every page that arrived whole; with the default one, every page but those that the
time-out let go, and these took that long.
"""

import contextlib
import os
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest
import wire
from crashes import another_writer, enter_what_was_staged, rollups_that_differ
from whole import KINDS, Serving, Visitor, event_of, integrity, now_ms, released, sites, stored, untagged
from whole_site import app as site

from proxy.app import Footfall
from proxy.config import Config

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "6"))
CLIENTS = 6
LOAD_SECONDS = (0.25, 0.7)
NEW_EVERY = 10
"""Every so many pages, a visitor without a cookie."""
DEFAULT_HOLD_MS, NEVER_MS = 250, 10_000
ROUNDING_SECONDS = 0.01
TWO_HOURS_MS = 2 * 3_600_000


@dataclass
class Page:
    """A page whose last byte a visitor has."""

    page_id: bytes
    seconds: float
    ended: float  # Unix time
    new: bool


@dataclass
class Client:
    """A browser that loads page after page until the connection breaks."""

    visitor: Visitor
    pages: list[Page] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)

    def browse(self) -> None:
        try:
            self.load_pages()
        finally:
            self.visitor.close()  # also where it was a new visitor's page that broke off: what is kept is dead by now

    def load_pages(self) -> None:
        number = 0
        while True:
            number += 1
            new = number % NEW_EVERY == 0
            visitor = Visitor(self.visitor.port) if new else self.visitor
            begun = time.monotonic()
            try:
                answer = visitor.navigate(b"/page/%d" % random.randrange(50))
            except (OSError, ValueError):  # a head that broke off is no number
                return
            finally:
                if new:
                    visitor.close()
            if not answer.whole:
                return
            _, page_id = untagged(answer.body)
            if page_id is None:
                self.odd.append(f"{answer.status} without a tag: {answer.body[:200]!r}")
                return
            self.pages.append(Page(page_id, time.monotonic() - begun, time.time(), new))


def crash(serving: Serving, clients: list[Client], *, parent_first: bool) -> None:
    """One round: start, browse, kill in the middle of it, at the earliest when a page has got through."""
    before = sum(len(client.pages) for client in clients)
    serving.start()
    threads = [threading.Thread(target=client.browse, daemon=True) for client in clients]
    for thread in threads:
        thread.start()
    threading.Event().wait(random.uniform(*LOAD_SECONDS))
    wire.eventually(lambda: sum(len(client.pages) for client in clients) > before)
    serving.kill(parent_first=parent_first)
    for thread in threads:
        thread.join(wire.PATIENCE_SECONDS)
    assert not any(thread.is_alive() for thread in threads)


def breaker_opened(log: Path) -> float:
    """Unix time from which pages were not held, going by the log; never: infinity."""
    lines = [line for line in log.read_text().splitlines() if "no longer held" in line]
    if not lines:
        return float("inf")
    return datetime.strptime(lines[0][:23], "%Y-%m-%d %H:%M:%S,%f").timestamp()


@pytest.mark.parametrize("hold_ms", [NEVER_MS, DEFAULT_HOLD_MS])
@pytest.mark.parametrize(("workers", "cores"), KINDS)
def test_every_page_seen_whole_is_recorded_once_whatever_is_killed(
    tmp_path: Path, workers: int, cores: int, hold_ms: int
) -> None:
    settings = {"store__hold_ms": str(hold_ms)}
    with sites() as upstream:
        serving = Serving(tmp_path, upstream, workers, settings, cores=cores)
        clients = [Client(Visitor(serving.port)) for _ in range(CLIENTS)]
        for number in range(ROUNDS):
            before = sum(len(client.pages) for client in clients)
            with another_writer(serving.store) if number % 4 > 1 else contextlib.nullcontext():
                crash(serving, clients, parent_first=bool(number % 2))
            assert [odd for client in clients for odd in client.odd] == []
            assert sum(len(client.pages) for client in clients) > before, "a round without load shows nothing"
    pages = {event_of(page.page_id, tmp_path): page for client in clients for page in client.pages}
    enter_what_was_staged(serving.store)
    events = stored(serving.store)
    times = Counter(str(event["id"]) for event in events)
    assert [event for event, number in times.items() if number > 1] == []
    visits = {str(event["id"]) for event in events if event["action"] == "page.visit"}
    missing = [page for event, page in pages.items() if event not in visits]
    opened = breaker_opened(serving.log)
    held = [page for page in missing if page.seconds < hold_ms / 1000 - ROUNDING_SECONDS and page.ended < opened]
    whose = f"{workers} workers, {cores or 'all'} cores, hold_ms {hold_ms}"
    print(f"{whose}: {len(pages)} pages seen whole, {len(missing)} not recorded")
    assert held == [], f"{len(held)} of {len(pages)}"
    if hold_ms == NEVER_MS:
        assert missing == []
        assert released(serving.store) == 0
    check_sessions(events, {b"%b" % client.visitor.cookies[b"footfall"] for client in clients})
    assert integrity(serving.store) == "ok"
    assert rollups_that_differ(serving.store) == []
    check_that_all_sessions_end_once(serving)


def check_sessions(events: list[dict[str, object]], cookies: set[bytes]) -> None:
    """All this took less than a time-out, so each visitor has one session, and none is over."""
    starts = Counter(event["session"] for event in events if event["action"] == "session.start")
    ends = Counter(event["session"] for event in events if event["action"] == "session.end")
    assert set(starts.values()) == {1} and ends == {}
    visits = [event for event in events if event["action"] == "page.visit"]
    assert {event["session"] for event in visits} == set(starts)
    sessions = {(event["uuid"], event["session"]) for event in visits}
    assert len(sessions) == len({uuid for uuid, _ in sessions}) == len(starts)
    returning = Counter(event["uuid"] for event in visits)
    assert len([uuid for uuid, number in returning.items() if number > 1]) >= len(cookies)


def check_that_all_sessions_end_once(serving: Serving) -> None:
    """Two processes that start two hours later both look for what is overdue."""
    config = Config(base=serving.where)
    for _ in range(2):
        with wire.serving(Footfall(site, config, clock_ms=lambda: now_ms() + TWO_HOURS_MS)):
            pass
    events = stored(serving.store)
    started = Counter(event["session"] for event in events if event["action"] == "session.start")
    ended = Counter(event["session"] for event in events if event["action"] == "session.end")
    assert ended == started and set(ended.values()) == {1}
    last: dict[object, object] = {}
    for event in events:
        if event["action"] == "page.visit":
            last[event["session"]] = max(int(str(event["time"])), int(str(last.get(event["session"], 0))))
    assert {e["session"]: e["time"] for e in events if e["action"] == "session.end"} == last
    assert integrity(serving.store) == "ok"
