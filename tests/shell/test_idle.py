"""Sessions and time, with a clock of the test's: thirty minutes idle, to the millisecond, through real requests."""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import wire
from whole import FIREFOX, Visitor, integrity, stored
from whole_site import app as site

from proxy.app import Footfall
from proxy.config import Config
from proxy.tables import Session, Store, Tracking

START_MS = 1_800_000_000_000
SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
TIMEOUT_MS = 30 * MINUTE_MS
GRACE_MS = 60 * SECOND_MS
SWEPT_SECONDS = 15.0
"""The sweeper looks every 10 s."""


@dataclass
class Clock:
    now: int = START_MS

    def __call__(self) -> int:
        return self.now


@contextlib.contextmanager
def footfall(config: Config, clock: Clock) -> Iterator[Visitor]:
    """A process's life: start, one visitor's requests, an orderly end."""
    with wire.serving(Footfall(site, config, clock_ms=clock)) as served:
        visitor = Visitor(served.port)
        yield visitor
        visitor.close()


def start_and_stop(config: Config, clock: Clock) -> None:
    with footfall(config, clock):
        pass


def times(config: Config, action: str) -> list[int]:
    return [int(str(event["time"])) for event in stored(config.store_path, action)]


def end_of(config: Config) -> dict[str, object]:
    (end,) = stored(config.store_path, "session.end")
    return end


def test_a_page_at_29_59_999_joins_the_session_and_one_at_30_00_000_opens_another(tmp_path: Path) -> None:
    config, clock = Config(base=tmp_path), Clock()
    with footfall(config, clock) as visitor:
        visitor.navigate(b"/first")
        clock.now += TIMEOUT_MS - 1
        visitor.navigate(b"/second")
        last = clock.now
    assert times(config, "session.end") == []
    with footfall(config, clock) as again:
        again.cookies = visitor.cookies
        clock.now += TIMEOUT_MS
        again.navigate(b"/third")
    actions = [event["action"] for event in stored(config.store_path)]
    assert actions == ["session.start", "page.visit", "page.visit", "session.end", "session.start", "page.visit"]
    end = end_of(config)
    assert (end["time"], end["received"]) == (last, clock.now)
    assert end["params"] == {
        "reason": "timeout",
        "duration_ms": TIMEOUT_MS - 1,
        "pages": 2,
        "events": 2,
        "uri": "http://shop.example/second",
    }
    assert times(config, "session.start") == [START_MS, clock.now]
    visits = stored(config.store_path, "page.visit")
    assert len({visit["uuid"] for visit in visits}) == 1
    assert visits[0]["session"] == visits[1]["session"] == end["session"] != visits[2]["session"]


def test_a_start_ends_what_is_overdue_at_its_last_activity_and_nothing_else(tmp_path: Path) -> None:
    config, clock = Config(base=tmp_path), Clock()
    with footfall(config, clock) as early:
        early.navigate(b"/first")
        clock.now += MINUTE_MS
        early.navigate(b"/second")
        last = clock.now
    with footfall(config, clock) as late:
        clock.now += MINUTE_MS
        late.navigate(b"/other")
    # The sweeper gives late beacons a minute more.
    clock.now = last + TIMEOUT_MS + GRACE_MS - 1
    start_and_stop(config, clock)
    assert times(config, "session.end") == []
    clock.now += 1
    start_and_stop(config, clock)
    assert end_of(config)["time"] == last
    clock.now += HOUR_MS
    start_and_stop(config, clock)
    assert times(config, "session.end") == [last, last + MINUTE_MS]
    assert integrity(config.store_path) == "ok"


def test_stopping_ends_nothing_however_overdue(tmp_path: Path) -> None:
    config, clock = Config(base=tmp_path), Clock()
    with footfall(config, clock) as visitor:
        visitor.navigate(b"/first")
        clock.now += 2 * HOUR_MS
    assert times(config, "session.end") == []
    start_and_stop(config, clock)
    assert end_of(config)["time"] == START_MS


def test_a_running_process_ends_idle_sessions_by_itself(tmp_path: Path) -> None:
    config, clock = Config(base=tmp_path, store=Store(hold_ms=10_000)), Clock()
    with footfall(config, clock) as visitor:
        visitor.navigate(b"/first")
        clock.now += TIMEOUT_MS + GRACE_MS
        assert wire.eventually(lambda: times(config, "session.end"), SWEPT_SECONDS)
        assert end_of(config)["time"] == START_MS
        # The visitor comes back afterwards: another session, the end stays where it was.
        visitor.navigate(b"/second")
    assert times(config, "session.end") == [START_MS]
    assert times(config, "session.start") == [START_MS, clock.now]


def test_processes_that_start_together_end_each_session_once(tmp_path: Path) -> None:
    config, clock = Config(base=tmp_path), Clock()
    with footfall(config, clock) as browser:
        for _ in range(40):
            browser.cookies.clear()
            browser.navigate(b"/first")
            clock.now += 1
    clock.now += HOUR_MS
    threads = [threading.Thread(target=start_and_stop, args=(config, clock)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ends = stored(config.store_path, "session.end")
    assert len(ends) == len({end["session"] for end in ends}) == len({end["id"] for end in ends}) == 40
    assert sorted(times(config, "session.end")) == [START_MS + n for n in range(40)]


def test_a_session_is_never_longer_than_a_day(tmp_path: Path) -> None:
    config, clock = Config(base=tmp_path), Clock()
    with footfall(config, clock) as visitor:
        while clock.now < START_MS + 24 * HOUR_MS:
            visitor.navigate(b"/again")
            last = clock.now
            clock.now += 29 * MINUTE_MS
        visitor.navigate(b"/again")
    end = end_of(config)
    assert end["time"] == last < START_MS + 24 * HOUR_MS <= clock.now
    assert end["params"]["reason"] == "max_length"  # type: ignore[index]
    assert times(config, "session.start") == [START_MS, clock.now]


def test_the_timeout_can_be_configured_and_sessions_switched_off(tmp_path: Path) -> None:
    clock = Clock()
    short = Config(base=tmp_path, session=Session(timeout_minutes=1))
    with footfall(short, clock) as visitor:
        visitor.navigate(b"/first")
        clock.now += MINUTE_MS - 1
        visitor.navigate(b"/second")
        clock.now += MINUTE_MS
        visitor.navigate(b"/third")
    assert times(short, "session.end") == [START_MS + MINUTE_MS - 1]
    (tmp_path / "off").mkdir()
    off = Config(base=tmp_path / "off", tracking=Tracking(sessions=False))
    with footfall(off, clock) as visitor:
        visitor.navigate(b"/first")
        clock.now += HOUR_MS
        visitor.navigate(b"/second")
    assert [event["action"] for event in stored(off.store_path)] == ["page.visit"] * 2
    assert all("session" not in event for event in stored(off.store_path))


def test_crawlers_and_visitors_who_opted_out_keep_no_session_going(tmp_path: Path) -> None:
    config, clock = Config(base=tmp_path), Clock()
    with footfall(config, clock) as visitor:
        visitor.navigate(b"/first")
        clock.now += MINUTE_MS
        crawler = [(b"User-Agent", b"Googlebot/2.1 (+http://www.google.com/bot.html)"), (b"Accept", b"text/html")]
        visitor.ask(b"GET", b"/crawled", crawler)
        clock.now += MINUTE_MS
        visitor.ask(b"GET", b"/private", [FIREFOX, (b"Accept", b"text/html"), (b"Sec-GPC", b"1")])
        assert visitor.cookies == {}
    end = end_of(config)
    assert (end["time"], end["params"]["reason"]) == (START_MS, "opt_out")  # type: ignore[index]
    assert times(config, "session.start") == [START_MS]
    assert [visit["lane"] for visit in stored(config.store_path, "page.visit")] == ["unproven", "bot"]
