"""kill -9 under load with beacons: what a 202 has acknowledged is in the store, once, whatever is killed (issue 5).

Six rounds each in `make test`, fifty in `make crash` (CRASH_ROUNDS in the environment). The seed of the browsers' dice
is printed; the moments of the kills are the machine's.
"""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import wire
from crashes import BEACON, Browser, Held, another_writer, browsing, check, end_all_sessions, number_acknowledged
from whole import HERE, KINDS, Serving, Visitor, integrity, now_ms, serving, sites, stored
from wire import ROOT

from proxy.keys import load_keys
from proxy.visitors.cookie import CookieSigner
from proxy.visitors.ids import PageIds

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "6"))
BROWSERS = 6
TURNS = 5
AT_ONCE = 100
LOAD_SECONDS = (0.1, 0.7)
UNHURRIED = {
    "store__hold_ms": "10000",
    "limits__visitor_events_per_second": "0",
    "limits__address_events_per_second": "0",
}


def browsers(port: int) -> list[Browser]:
    seed = random.randrange(2**32)
    print(f"dice: {seed}")
    return [Browser(port, random.Random(seed + number)) for number in range(BROWSERS)]


def load(those: list[Browser]) -> None:
    """For a random while, at the least until one more message is acknowledged."""
    before = number_acknowledged(those)
    threading.Event().wait(random.uniform(*LOAD_SECONDS))
    assert wire.eventually(lambda: number_acknowledged(those) > before), "a round without load shows nothing"


@pytest.mark.parametrize(("workers", "cores"), KINDS)
def test_every_acknowledged_event_is_stored_once_whatever_is_killed(tmp_path: Path, workers: int, cores: int) -> None:
    with sites() as upstream:
        serving = Serving(tmp_path, upstream, workers, UNHURRIED, cores=cores)
        those = browsers(serving.port)
        for number in range(ROUNDS):
            serving.start()
            busy = another_writer(serving.store) if number % 4 == 3 else contextlib.nullcontext()
            with busy, browsing(those):
                load(those)
                if number % 3 == 2:  # one of them only: its parent starts another
                    os.kill(random.choice(serving.family()[1:]), signal.SIGKILL)
                    load(those)
                serving.kill(parent_first=bool(number % 2))
    held = check(tmp_path, those)
    assert set(sessions_by_visitor(held).values()) == {1}, "all this took less than a time-out"
    whose = f"{workers} workers, {cores or 'all'} cores, {ROUNDS} rounds"
    print(f"{whose}: {held}, {sum(one.repeats for one in those)} of them when sent again")
    check_that_all_sessions_end(tmp_path, those)


def sessions_by_visitor(held: Held) -> Counter[object]:
    return Counter(event["uuid"] for event in held.events if event["action"] == "session.start")


def check_that_all_sessions_end(where: Path, those: list[Browser]) -> None:
    end_all_sessions(where)
    sessions = check(where, those).sessions()
    assert {Counter(event["action"] for event in members)["session.end"] for members in sessions.values()} == {1}


# A clock that is set back --------------------------------------------------------------------------------------------


@contextlib.contextmanager
def clocked(where: Path) -> Iterator[int]:
    """footfall in a process of its own that is killed at the end; its port."""
    environ = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{HERE}"}
    command = [sys.executable, str(HERE / "whole_clock.py"), str(where)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def test_the_same_when_the_clock_is_set_back_an_hour_in_the_middle(tmp_path: Path) -> None:
    """Two processes on one store; from the middle of a round on, their clocks are an hour slow."""
    those = browsers(0)
    for number in range(ROUNDS):
        with browsing(those), clocked(tmp_path) as one, clocked(tmp_path) as other:
            for turn, browser in enumerate(those):
                browser.port = (one, other)[turn % 2]
            load(those)
            if number == ROUNDS // 2:
                (tmp_path / "back").touch()
                load(those)
    held = check(tmp_path, those)
    assert set(sessions_by_visitor(held).values()) <= {1, 2}, "one before, and one an hour earlier"
    assert len([uuid for uuid, number in sessions_by_visitor(held).items() if number == 2]) >= 1
    print(f"clock set back, {ROUNDS} rounds: {held}, {sum(one.repeats for one in those)} of them when sent again")
    check_that_all_sessions_end(tmp_path, those)


# A hundred at once ---------------------------------------------------------------------------------------------------


def written(pid: int) -> int:
    """Bytes that a process has written, to sockets too."""
    return int(dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text().splitlines())["wchar"])


@pytest.mark.parametrize("cookie", [True, False])
def test_a_hundred_first_beacons_of_a_new_visitor_at_once_give_one_session(tmp_path: Path, cookie: bool) -> None:
    """Of a page whose visit the store does not know, so that any of them may be the first thing that is known of the
    visitor: with the visitor's cookie, or without one, where the first that is stored makes the visitor. Which worker
    takes a connection is the system's to say: again, where one of them took all."""
    assert any(a_hundred_at_once(tmp_path / str(turn), cookie) for turn in range(TURNS)), "both workers took part"


def a_hundred_at_once(where: Path, cookie: bool) -> bool:
    """Whether both workers took part."""
    where.mkdir()
    with sites() as upstream, serving(where, upstream, workers=2, **UNHURRIED) as running:
        keys = load_keys(where / "footfall.key")
        minute = now_ms() // 60_000
        page = PageIds(tuple(key.secret for key in keys)).sign(uuid4().bytes, True, True, minute).decode()
        believed = CookieSigner(keys).set_cookie(uuid4().bytes, minute // 1440, now_ms=now_ms(), secure=False)
        jar = dict([believed.partition(b";")[0].split(b"=", 1)]) if cookie else {}
        before = {pid: written(pid) for pid in running.family()[1:]}
        answers = all_at_once(running.port, jar, page)
        assert [answer["accepted"] for answer in answers] == [1] * AT_ONCE
        both = all(written(pid) - number > 1_000 for pid, number in before.items())
    events = stored(where / "footfall.db")
    actions = Counter(event["action"] for event in events)
    assert (actions["session.start"], actions["page.visit"], actions["link.click"]) == (1, AT_ONCE, AT_ONCE)
    assert len({event["uuid"] for event in events}) == len({event["session"] for event in events}) == 1
    assert integrity(where / "footfall.db") == "ok"
    return both


def all_at_once(port: int, jar: dict[bytes, bytes], page: str) -> list[dict[str, Any]]:
    """What the answers say to as many beacons, each on a connection of its own."""
    ready, answers = threading.Barrier(AT_ONCE), []

    def send() -> None:
        click = {"id": str(uuid4()), "action": "link.click", "ago": 0, "params": {"name": "Buy"}}
        showing = {"id": str(uuid4()), "uri": "http://shop.example/", "title": "A", "nav": "navigate"}
        body = json.dumps({"v": 1, "page": page, "confirm": showing, "events": [click]}).encode()
        visitor = Visitor(port)
        visitor.cookies.update(jar)
        ready.wait(wire.PATIENCE_SECONDS)
        answers.append(json.loads(visitor.ask(b"POST", b"/_footfall/events", BEACON, body).body))
        visitor.close()

    threads = [threading.Thread(target=send, daemon=True) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(wire.PATIENCE_SECONDS)
    return answers
