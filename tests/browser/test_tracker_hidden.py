"""A tab that is really hidden, behind another one. Playwright keeps every tab as visible as the first; this Chromium is
driven by its own protocol instead, two tabs in one window."""

import contextlib
import json
import re
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import QUIET, executable
from collecting import Collector, collecting
from fronts import PATIENCE_SECONDS, poll
from playwright.sync_api import Playwright
from websockets.sync.client import ClientConnection, connect

BANNER = '<div data-track="Sale" style="position: absolute; left: 0; top: 0; width: 200px; height: 100px"></div>'
SPY = """<script>
const times = [];
addEventListener("pointerover", event => times.push(["over", event.timeStamp]), true);
addEventListener("visibilitychange", event => times.push([document.visibilityState, event.timeStamp]), true);
</script>"""


class Tab:
    """One tab of a browser that was started with a port for its protocol."""

    def __init__(self, browser: "Tabs", told: dict[str, str], socket: ClientConnection) -> None:
        self._browser, self._id, self._socket = browser, told["id"], socket
        self._number = 0

    def show(self) -> None:
        self._browser.ask(f"/json/activate/{self._id}")

    def evaluate(self, script: str) -> Any:
        return self.call("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def point(self, x: int, y: int) -> None:
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def call(self, method: str, **params: object) -> dict[str, Any]:
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": params}))
        while (answer := json.loads(self._socket.recv(PATIENCE_SECONDS))).get("id") != self._number:
            pass
        assert "error" not in answer, answer
        return answer["result"]


class Tabs:
    """A browser by its protocol's address."""

    def __init__(self, port: str, stack: contextlib.ExitStack) -> None:
        self._address, self._stack = f"http://127.0.0.1:{port}", stack

    def ask(self, path: str, method: str = "GET") -> bytes:
        request = urllib.request.Request(self._address + path, method=method)
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
            return answer.read()

    def open(self, url: str) -> Tab:
        """A new tab in front of the others."""
        told = json.loads(self.ask(f"/json/new?{url}", "PUT"))
        return Tab(self, told, self._stack.enter_context(connect(told["webSocketDebuggerUrl"])))


@pytest.fixture
def tabs(playwright: Playwright, tmp_path: Path) -> Iterator[Tabs]:
    command = [executable(playwright), "--headless=new", "--remote-debugging-port=0", f"--user-data-dir={tmp_path}"]
    process = subprocess.Popen([*command, *QUIET, "about:blank"], stderr=subprocess.DEVNULL)
    port = tmp_path / "DevToolsActivePort"
    try:
        assert poll(lambda: port.exists() and bool(re.match(r"\d+\n", port.read_text())), True)
        with contextlib.ExitStack() as stack:
            yield Tabs(port.read_text().split()[0], stack)
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as made:
        yield made


def told(collector: Collector) -> list[tuple[str, dict[str, Any]]]:
    return [(event["action"], event["params"]) for message in list(collector.messages) for event in message.events]


def test_a_tab_that_is_hidden_ends_the_hover_and_its_hidden_time_does_not_count(
    tabs: Tabs, collector: Collector
) -> None:
    tab = tabs.open(collector.page("/one", BANNER, early=SPY, hover="auto"))
    assert poll(lambda: any("confirm" in message.body for message in list(collector.messages)), True)
    tab.point(400, 400)
    tab.point(50, 50)
    time.sleep(0.7)
    other = tabs.open("about:blank")
    hidden_away = ["element.hover", "page.leave"]
    assert poll(lambda: [action for action, _ in told(collector)], hidden_away) == hidden_away
    assert tab.evaluate("document.visibilityState") == "hidden"
    time.sleep(1)
    tab.show()
    assert poll(lambda: tab.evaluate("document.visibilityState"), "visible") == "visible"
    tab.point(400, 400)
    time.sleep(0.5)
    other.show()
    assert poll(lambda: len(told(collector)), 3) == 3
    times = tab.evaluate("times")
    hidden = [at for what, at in times if what == "hidden"]
    [over] = [at for what, at in times if what == "over" and at < hidden[0]][-1:]
    (first, hover), (second, leave), (third, again) = told(collector)
    assert (first, second, third) == ("element.hover", "page.leave", "page.leave")
    assert hover["name"] == "Sale" and abs(hover["dwell_ms"] - (hidden[0] - over)) <= 50
    shown = next(at for what, at in times if what == "visible")
    assert leave["engaged_ms"] <= hidden[0] + 50
    # the second hidden away told what came since it was shown again, and nothing of the time between
    assert 400 <= again["engaged_ms"] <= hidden[1] - shown + 50
