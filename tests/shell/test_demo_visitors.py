"""Simulated visitors against the real thing: `footfall demo`, its store, and sites on which they find less."""

import http.client
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from whole import ended, free_port, stored
from wire import PATIENCE_SECONDS, ROOT, eventually

from proxy.demo.pages import read_page
from proxy.demo.plans import Fill, Follow, Look, Press, Submit
from proxy.demo.visitors import walk
from proxy.demo.walks import plan

START_SECONDS = 20.0


@dataclass
class Demo:
    """`footfall demo` in a directory of its own: through it, without it, and what it has stored."""

    address: str
    behind: str
    store: Path

    def events(self, *actions: str) -> list[dict]:
        return [event for event in stored(self.store) if event["action"] in actions]

    def ends_with(self, number: int, *actions: str) -> list[dict]:
        """So many events of these actions, and no more of them a moment later."""
        eventually(lambda: len(self.events(*actions)) >= number)
        found = self.events(*actions)
        assert len(found) == number, Counter(event["action"] for event in found)
        return found


@contextmanager
def footfall_demo(where: Path, **settings: str):
    port, log = free_port(), where / "demo.log"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FOOTFALL_")}
    ours = {f"FOOTFALL_{name.upper()}": value for name, value in settings.items()}
    with log.open("w") as written:
        process = subprocess.Popen(
            [sys.executable, "-m", "proxy", "demo", "--listen", f"127.0.0.1:{port}", "--report", "off"],
            cwd=where,
            env={**kept, "PYTHONPATH": str(ROOT), **ours},
            stdout=subprocess.DEVNULL,
            stderr=written,
            text=True,
        )
    try:
        assert eventually(lambda: found(log) and status_of(port, "/static/mark.svg") == 200, START_SECONDS), (
            log.read_text()
        )
        yield Demo(f"http://127.0.0.1:{port}", found(log), where / "footfall.db")
    finally:
        assert ended(process, START_SECONDS) == 0, log.read_text()
    assert "Traceback" not in log.read_text()


def found(log: Path) -> str:
    """The shop's own address, from what the command says."""
    said = re.search(r"without it +(http://[0-9.:]+)/", log.read_text())
    return said[1] if said else ""


def status_of(port: int, target: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", target, headers={"Accept": "*/*"})
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    with footfall_demo(tmp_path_factory.mktemp("demo")) as running:
        yield running


def text_of(address: str, path: str) -> str:
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=5)
    if path == "/newsletter":  # only a POST leads there
        connection.request("POST", path, "email=ada%40example.com")
    else:
        connection.request("GET", path)
    text = connection.getresponse().read().decode()
    connection.close()
    return text


def clicks_and_forms(plans, behind: str) -> Counter:
    """(what, name) that these plans lead to, by what the shop's own pages say of their elements."""
    pages = {shown: read_page(text_of(behind, shown)) for shown in {step.shown for one in plans for step in one.steps}}
    told: Counter = Counter()
    for one in plans:
        for before, step in zip((None, *one.steps), one.steps, strict=False):
            page, on = pages[step.shown], before and pages[before.shown]
            if isinstance(step.move, Follow):
                told["click", on.element(step.move.name).name] += 1
            elif isinstance(step.move, Submit):
                told["click", on.form(step.move.form).button.name] += 1
                told["submit", step.move.form] += 1
            begun = set()
            for act in step.acts:
                if isinstance(act, Press):
                    told["click", act.name] += 1
                elif isinstance(act, Fill):
                    field = next(one for one in page.form(act.form).fields if one.name == act.field)
                    if field.tag and act.form not in begun:
                        begun.add(act.form)
                        told["start", act.form] += 1
                    if field.tag:
                        told["change", f"{act.form}.{field.tag}"] += 1
    return told


def as_told(event: dict) -> tuple[str, str]:
    params, kind = event["params"], event["action"].rpartition(".")[2]
    if event["action"] == "field.change":
        return "change", f"{params['form']}.{params['field']}"
    return kind, params.get("name") or params["form"]


def test_a_walk_leaves_exactly_what_was_planned(demo):
    visitors, seconds, seed = 12, 14.0, 11
    plans = plan(visitors, seconds, seed)
    steps = [step for one in plans for step in one.steps]
    said: list[str] = []
    assert walk(demo.address, visitors, seconds, seed, said.append, None) == 0
    assert said[0] == "12 simulated visitors will walk the site for about 14 s"

    visits = demo.ends_with(len(steps), "page.visit")
    shown = Counter((urlsplit(event["params"]["uri"]).path, event["params"]["status"]) for event in visits)
    assert shown == Counter((step.shown, step.status) for step in steps)
    assert all(event["params"]["title"] and event["lane"] == "person" for event in visits)
    sessions = demo.events("session.start")
    assert len(sessions) == visitors == len({event["uuid"] for event in sessions})
    assert {event["params"]["source"] for event in sessions} == {"SIMULATED"}
    assert Counter(event["params"].get("utm_campaign") for event in sessions) == Counter(
        "spring-41" if "utm_campaign" in one.steps[0].ask else None for one in plans
    )
    assert {event["params"].get("referrer", "") for event in sessions} <= {
        re.sub(r"(?<=example/).*", "", one.steps[0].move.referrer) for one in plans
    }

    demo.ends_with(len(steps), "page.leave")
    events = [event for event in stored(demo.store) if event["action"].partition(".")[0] not in ("page", "session")]
    # What the shop answered is not theirs to tell: each form that was sent has one such event.
    results = [event for event in events if event["action"] == "form.result"]
    sent = [event for event in events if event["action"] == "form.submit"]
    assert Counter(event["params"]["form"] for event in results) == Counter(one["params"]["form"] for one in sent)
    assert {event["params"]["outcome"] for event in results} <= {"accepted"}
    events = [event for event in events if event not in results]
    hovers = [event for event in events if event["action"].endswith(".hover")]
    others = [event for event in events if not event["action"].endswith(".hover")]
    assert Counter(map(as_told, others)) == clicks_and_forms(plans, demo.behind)
    looks = [act for step in steps for act in step.acts if isinstance(act, Look)]
    rested = Counter(event["params"]["name"] for event in hovers if not event["params"].get("clicked"))
    assert Counter(look.name for look in looks if look.dwell_ms >= 1_000) <= rested
    assert rested <= Counter(look.name for look in looks)
    assert all(event["params"]["dwell_ms"] >= 300 for event in hovers)

    pages, told = re.fullmatch(r"the simulated visitors have left: (\d+) pages, (\d+) events", said[1]).groups()
    assert (int(pages), int(told)) == (len(steps), len(events) + len(steps))
    by_id = {event["id"]: event for event in visits}
    for event in events:
        assert by_id[event["page"]]["time"] <= event["time"] <= event["received"]
        assert by_id[event["page"]]["uuid"] == event["uuid"]
    for event in demo.events("form.submit"):
        if event["params"]["form"] == "checkout":
            assert "skipped" not in event["params"]
            assert event["params"]["fields"]["campaign"] == "spring-41"
            assert not set(event["params"]["fields"]) & {"name", "address", "phone"}


def test_what_is_switched_off_is_not_told(tmp_path):
    with footfall_demo(tmp_path, capture__hover="off", capture__click="off", capture__leave="false") as quiet:
        assert walk(quiet.address, 4, 5, 5, lambda line: None, None) == 0
        steps = [step for one in plan(4, 5, 5) for step in one.steps]
        quiet.ends_with(len(steps), "page.visit")
        assert not [one for one in stored(quiet.store) if one["action"].endswith((".hover", ".click", ".leave"))]


def test_without_the_tag_they_walk_and_tell_nothing(demo):
    said: list[str] = []
    assert walk(demo.behind, 3, 3, 2, said.append, None) == 0
    steps = [step for one in plan(3, 3, 2) for step in one.steps]
    assert said[1] == f"the simulated visitors have left: {len(steps)} pages, 0 events"


def test_without_a_site_they_give_up_and_say_so():
    said: list[str] = []
    assert walk(f"http://127.0.0.1:{free_port()}", 2, 1, 0, said.append, None) == 1
    assert re.fullmatch(r"the simulated visitors have left: 0 pages, 0 events; 2 of 2 gave up \(.*refused.*\)", said[1])


def test_they_are_gone_when_the_parent_is(demo):
    reading, writing = os.pipe()
    said: list[str] = []
    done: list[int] = []
    walking = threading.Thread(target=lambda: done.append(walk(demo.behind, 20, 60, 1, said.append, reading)))
    began = time.monotonic()
    walking.start()
    assert eventually(lambda: said)
    os.close(writing)
    walking.join(PATIENCE_SECONDS)
    os.close(reading)
    assert done == [0]
    assert time.monotonic() - began < PATIENCE_SECONDS


def has_browser_events(store: Path) -> bool:
    return any(event["action"].partition(".")[0] not in ("page", "session") for event in stored(store))


def test_the_command_sends_them_and_goes_on_without_them(tmp_path):
    port, log = free_port(), tmp_path / "demo.log"
    with log.open("w") as written:
        process = subprocess.Popen(
            [sys.executable, "-m", "proxy", "demo", "--listen", f"127.0.0.1:{port}", "--visitors", "5"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "FOOTFALL_REPORT__LISTEN": "off"},
            stderr=written,
            text=True,
        )
    try:
        said = "5 simulated visitors will walk the site"
        assert eventually(lambda: said in log.read_text(), START_SECONDS), log.read_text()
        assert eventually(lambda: has_browser_events(tmp_path / "footfall.db"))
        process.send_signal(signal.SIGINT)
        assert process.wait(START_SECONDS) == 0
    finally:
        ended(process)
    assert "Traceback" not in log.read_text()
