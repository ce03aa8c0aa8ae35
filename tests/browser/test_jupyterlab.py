"""An application that lives on WebSockets: JupyterLab, with a kernel and a terminal behind them.

One person works without footfall, another with it: the same answers, the same complaints in the console, and no more
visits than pages. When they leave, nothing of theirs stays connected.
"""

import http.client
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from applications import PASSWORD, TOKEN, jupyterlab, needs_jupyterlab
from fronts import PAGES_ONLY, poll, proxied
from playwright.sync_api import Browser, Page

ENGINE_ALONE = True
pytestmark = needs_jupyterlab
ACTION_MS = 60_000
"""JupyterLab and its kernels take their time, more so on a busy machine."""
LARGE = 150_000
"""Larger than what any part of the way takes in one piece."""


SOCKETS = {"/api/events/subscribe", "/api/kernels//channels", "/terminals/websocket/"}
PLACES = re.compile(r"^ws://[^/]*|[\da-f-]{36}|\d+$|\?.*")
"""What differs from one WebSocket to the next of its kind."""


OF_THE_MACHINE = ("GL Driver Message", "task queue exceeded allotted deadline")


@dataclass
class Seen:
    """What somebody saw who worked with it."""

    complaints: list[str] = field(default_factory=list)
    sockets: set[str] = field(default_factory=set)
    answers: list[str] = field(default_factory=list)
    title: str = ""

    def complain(self, kind: str, text: str) -> None:
        """What is wrong with the page. How fast this machine draws, and computes, is its own affair."""
        if kind in ("error", "warning") and not any(part in text for part in OF_THE_MACHINE):
            self.complaints.append(f"{kind}: {text}")


def asked(port: int, path: str) -> list[dict[str, object]]:
    """What the server itself says to a script."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers={"Authorization": f"token {TOKEN}"})
    said: list[dict[str, object]] = json.loads(connection.getresponse().read())
    connection.close()
    return said


def run(page: Page, code: str) -> str:
    """Runs code in the console; what it says."""
    number = page.locator(".jp-OutputArea-output").count()
    page.click(".jp-CodeConsole-input .cm-content")
    page.keyboard.insert_text(code)
    page.keyboard.press("Shift+Enter")
    output = page.locator(".jp-OutputArea-output").nth(number)
    output.wait_for()
    return output.inner_text().strip()


def work(browser: Browser, url: str, made: Path) -> Seen:
    """Log in, compute in a console, write a file in a terminal, leave."""
    seen = Seen()
    context = browser.new_context(locale="en-GB")
    context.set_default_timeout(ACTION_MS)
    context.on("console", lambda said: seen.complain(said.type, said.text.replace(url, "")))
    context.on("weberror", lambda error: seen.complaints.append(str(error.error)))
    page = context.new_page()
    page.on("websocket", lambda opened: seen.sockets.add(re.sub(PLACES, "", opened.url)))
    page.goto(f"{url}/lab?reset")
    page.fill("input[type=password]", PASSWORD)
    page.click("button[type=submit]")
    page.click(".jp-LauncherCard[data-category=Console]")
    page.wait_for_selector("text=An enhanced Interactive Python")
    seen.answers.append(run(page, "6*7"))
    seen.answers.append(run(page, f"len('{'x' * LARGE}')"))
    seen.answers.append(run(page, f"len(print('y' * {LARGE}) or 'said')"))
    page.click("#jp-main-dock-panel .lm-TabBar-addButton")
    page.click(".jp-LauncherCard[title='Start a new terminal session']")
    page.wait_for_selector(".jp-Terminal .xterm-screen")
    page.keyboard.type(f"echo $((6*7)) > {made}\n")
    assert poll(lambda: made.exists() and made.read_text(), "42\n") == "42\n"
    seen.title = page.title()
    context.close()
    return seen


def test_w1_a_kernel_and_a_terminal_answer_as_without_it(browser: Browser, tmp_path: Path) -> None:
    with jupyterlab(tmp_path / "jupyterlab") as port:
        url = f"http://127.0.0.1:{port}"
        direct = work(browser, url, tmp_path / "alone.txt")
        with proxied(tmp_path / "footfall", url, **PAGES_ONLY) as front:
            through = work(browser, front.url, tmp_path / "front.txt")
            left = [0, 0]
            assert poll(lambda: [kernel["connections"] for kernel in asked(port, "/api/kernels")], left) == left
            front.counts(visit=2, websocket=len(SOCKETS))
            front.stop()
            lines = front.lines()
    assert direct.answers == ["42", str(LARGE), "y" * LARGE] and direct.sockets == SOCKETS
    assert through.answers == direct.answers
    assert (through.sockets, through.title, through.complaints) == (direct.sockets, direct.title, direct.complaints)
    assert lines == [
        "A1 person session.start /login?next=%2Flab%3Freset",
        'A1 person page.visit /login?next=%2Flab%3Freset "Jupyter Server" navigate 200 confirmed',
        'A1 person page.visit /lab?reset "JupyterLab" navigate 200 confirmed from /login?next=%2Flab%3Freset',
    ]
