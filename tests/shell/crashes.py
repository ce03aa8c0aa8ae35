"""What tests of kill -9 share: browsers that send beacons and remember what was acknowledged, and what a store must
hold afterwards. `CHECKS` is the list to add to.
"""

import contextlib
import json
import random
import sqlite3
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import wire
from whole import Visitor, event_of, integrity, now_ms, stored, untagged
from whole_site import app as site

from proxy.app import Footfall
from proxy.config import Config
from proxy.store.sqlite.connection import open_reader
from proxy.store.sqlite.recount import differences
from proxy.store.sqlite.writer import SqliteWriter
from proxy.visitors.sessions import Rules

BEACON = [
    (b"Sec-Fetch-Site", b"same-origin"),
    (b"Sec-Fetch-Mode", b"no-cors"),
    (b"Content-Type", b"text/plain;charset=UTF-8"),
]
NEW_EVERY = 12
"""Every so many pages, a visitor without a cookie."""
TWO_HOURS_MS = 2 * 3_600_000
MARKS = ("session.start", "session.end")

Event = dict[str, Any]


# Browsers ------------------------------------------------------------------------------------------------------------


@dataclass
class Browser:
    """Loads pages, confirms them and tells what is done on them. Like the tracker it sends a message again, with the
    same ids, until it is answered. `acknowledged`: ids of events of which a 202 said that they are held; `shown`: page
    ids of confirmations that were answered so; `repeats`: events whose first answer did not arrive."""

    port: int
    dice: random.Random
    visitor: Visitor = field(init=False)
    acknowledged: set[str] = field(default_factory=set)
    shown: set[bytes] = field(default_factory=set)
    repeats: int = 0
    odd: list[str] = field(default_factory=list)
    page: bytes = b""
    waiting: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        self.visitor = Visitor(self.port)

    def browse(self, over: threading.Event) -> None:
        """Until it is over; a connection that breaks is made again."""
        while not over.is_set() and not self.odd:
            try:
                self.step()
            except (OSError, ValueError):  # a head that broke off is no number
                over.wait(0.01)
        self.visitor.close()

    def step(self) -> None:
        self.visitor.port = self.port  # a server that was started again may have another
        if self.waiting is None and (not self.page or self.dice.randrange(2)):
            self.load()
        elif self.waiting is None:
            self.waiting = self.message()
        if self.waiting is not None:
            self.send(self.waiting)

    def load(self) -> None:
        """The next page; what its script sends first is the confirmation."""
        if self.dice.randrange(NEW_EVERY) == 0:
            self.visitor.close()
            self.visitor = Visitor(self.port)
        path = b"/page/%d" % self.dice.randrange(50)
        answer = self.visitor.navigate(path)
        if not answer.whole:
            return
        _, page = untagged(answer.body)
        if page is None:
            self.odd.append(f"{answer.status} without a tag: {answer.body[:200]!r}")
            return
        self.page = page
        showing = {"id": self.uuid(), "uri": f"http://shop.example{path.decode()}", "title": "A", "nav": "navigate"}
        self.waiting = {**self.message(), "confirm": showing}

    def uuid(self) -> str:
        return str(UUID(int=self.dice.getrandbits(128), version=4))

    def message(self) -> dict[str, Any]:
        events = [self.event() for _ in range(self.dice.randrange(6))]
        return {"v": 1, "page": self.page.decode(), "events": events}

    def event(self) -> Event:
        action, params = self.dice.choice(
            (
                ("banner.hover", {"name": "Sale", "dwell_ms": self.dice.randrange(300, 9_000)}),
                ("link.click", {"name": "Buy", "via": "mouse"}),
                ("form.start", {"form": "letter"}),
                ("field.change", {"form": "letter", "field": "email", "filled": True}),
                ("form.submit", {"form": "letter", "fields": {"email": "a@example.org"}}),
                ("page.leave", {"engaged_ms": self.dice.randrange(0, 2_000, 1_000)}),
            )
        )
        return {"id": self.uuid(), "action": action, "ago": self.dice.randrange(200), "params": params}

    def send(self, message: dict[str, Any]) -> None:
        answer = self.visitor.ask(b"POST", b"/_footfall/events", BEACON, json.dumps(message).encode())
        if not answer.whole or answer.status == 503:
            return
        told = json.loads(answer.body) if answer.status == 202 else {}
        number = len(message["events"])
        if told.get("rejected") != [] or told["accepted"] + told["duplicates"] != number:
            self.odd.append(f"{answer.status}: {answer.body[:300]!r} to {message}")
            return
        self.repeats += told["duplicates"]
        self.acknowledged |= {event["id"] for event in message["events"]}
        if "confirm" in message:
            self.shown.add(message["page"].encode())
        self.waiting = None


@contextlib.contextmanager
def browsing(browsers: list[Browser]) -> Iterator[None]:
    """All of them at once, meanwhile; at the end each of them has stopped, and none has met what it did not expect."""
    over = threading.Event()
    threads = [threading.Thread(target=browser.browse, args=(over,), daemon=True) for browser in browsers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(wire.PATIENCE_SECONDS)
    assert not any(thread.is_alive() for thread in threads)
    assert [odd for browser in browsers for odd in browser.odd] == []


def number_acknowledged(browsers: list[Browser]) -> int:
    return sum(len(browser.acknowledged) + len(browser.shown) for browser in browsers)


# What is held --------------------------------------------------------------------------------------------------------


@dataclass
class Held:
    """A store after all that, and what was promised of it."""

    where: Path
    events: list[Event]
    acknowledged: set[str]
    shown: set[str]

    @classmethod
    def of(cls, where: Path, browsers: list[Browser]) -> "Held":
        acknowledged = {id for browser in browsers for id in browser.acknowledged}
        shown = {event_of(page, where) for browser in browsers for page in browser.shown}
        enter_what_was_staged(where / "footfall.db")
        return cls(where, stored(where / "footfall.db"), acknowledged, shown)

    def __str__(self) -> str:
        promised = f"{len(self.acknowledged)} events and {len(self.shown)} pages acknowledged"
        return f"{promised}, {len(self.events)} events held, {len(self.sessions())} sessions"

    def sessions(self) -> dict[object, list[Event]]:
        sessions = defaultdict(list)
        for event in self.events:
            if "session" in event:
                sessions[event["session"]].append(event)
        return sessions


def check_that_nothing_acknowledged_is_missing(held: Held) -> None:
    missing = held.acknowledged - {event["id"] for event in held.events}
    assert missing == set(), f"{len(missing)} of {len(held.acknowledged)}"
    pages = {event["id"]: event for event in held.events if event["action"] == "page.visit"}
    assert held.shown - pages.keys() == set(), f"pages that were shown, of {len(held.shown)}"
    assert {(pages[id]["lane"], pages[id]["params"].get("title")) for id in held.shown} == {("person", "A")}


def check_that_nothing_is_there_twice(held: Held) -> None:
    assert [id for id, number in Counter(event["id"] for event in held.events).items() if number > 1] == []


def check_that_sessions_start_once(held: Held) -> None:
    """And hold what is theirs: one visitor, from the first event on."""
    for members in held.sessions().values():
        acts = [event for event in members if event["action"] not in MARKS]
        [start] = [event for event in members if event["action"] == "session.start"]
        assert start["time"] == min(event["time"] for event in acts)
        assert {event["uuid"] for event in members} == {start["uuid"]}
        assert [event["action"] for event in members].count("session.end") <= 1


def check_that_ends_say_what_was(held: Held) -> None:
    """The numbers of every session that is over, counted again."""
    for members in held.sessions().values():
        acts = [event for event in members if event["action"] not in MARKS]
        kept = [event for event in acts if event["action"] != "page.leave" or event["params"]["engaged_ms"]]
        pages = [event for event in acts if event["action"] == "page.visit"]
        for end in (event for event in members if event["action"] == "session.end"):
            first, last = min(event["time"] for event in acts), max(event["time"] for event in kept)
            told = (end["time"], *(end["params"][name] for name in ("duration_ms", "pages", "events")))
            assert told == (last, last - first, len(pages), len(acts))


def check_that_the_file_is_whole(held: Held) -> None:
    assert integrity(held.where / "footfall.db") == "ok"


def check_that_rollups_equal_a_recount(held: Held) -> None:
    assert rollups_that_differ(held.where / "footfall.db") == []


def enter_what_was_staged(store: Path) -> None:
    """As the next start does: what is stored is only there to be read when it was entered (store/sqlite/staging.py)."""
    SqliteWriter(store, durability="process", rules=Rules()).close()


def rollups_that_differ(store: Path) -> list[str]:
    """What is counted otherwise than a recount would, in words."""
    with contextlib.closing(open_reader(store)) as connection:
        connection.execute("BEGIN")
        return [str(finding) for finding in differences(connection, None)]


CHECKS: tuple[Callable[[Held], None], ...] = (
    check_that_nothing_acknowledged_is_missing,
    check_that_nothing_is_there_twice,
    check_that_sessions_start_once,
    check_that_ends_say_what_was,
    check_that_the_file_is_whole,
    check_that_rollups_equal_a_recount,
)
"""Asked of the store while sessions are open, and again when all of them are over."""


def check(where: Path, browsers: list[Browser]) -> Held:
    held = Held.of(where, browsers)
    for one in CHECKS:
        one(held)
    return held


def end_all_sessions(where: Path) -> None:
    """Two processes that start two hours later both look for what is overdue."""
    for _ in range(2):
        with wire.serving(Footfall(site, Config(base=where), clock_ms=lambda: now_ms() + TWO_HOURS_MS)):
            pass


@contextlib.contextmanager
def another_writer(store: Path) -> Iterator[None]:
    """Somebody else who writes to the store most of the time, so that pages really wait for their commit."""
    stop = threading.Event()

    def write() -> None:
        with contextlib.closing(sqlite3.connect(store, isolation_level=None, timeout=10)) as connection:
            while not stop.wait(0.02):
                with contextlib.suppress(sqlite3.OperationalError):
                    connection.execute("BEGIN IMMEDIATE")
                    stop.wait(0.06)
                    connection.execute("ROLLBACK")

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
