"""A real Chromium, real people (one browser context each) and the whole product between them and a site."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cache
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright, sync_playwright
from upstream_site import Page, Site, site_of

pytest.register_assert_rewrite("fronts", "telling")

from fronts import Front, proxied  # noqa: E402  (its assertions are to say what they saw)

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.0.0 Safari/537.36"
"""An ordinary one: HeadlessChrome is on the list of bots. A switch, not a context's option, which workers ignore."""
QUIET = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-sync",
    "--no-first-run",
    "--no-pings",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
)
"""This browser speaks to this machine only."""
WITHOUT_BFCACHE = "--disable-back-forward-cache"
"""What playwright starts Chromium with unless it is told not to."""
ACTION_MS = 10_000
STOP_SECONDS = 10.0


def executable(playwright: Playwright) -> str:
    """The browser to use: named by the environment, installed, or playwright's own."""
    named = (os.environ.get("FOOTFALL_TEST_BROWSER"), os.environ.get("CHROMIUM"))
    found = [path for name in (*named, *NAMES) if name and (path := shutil.which(name))]
    path = found[0] if found else playwright.chromium.executable_path
    if not Path(path).exists():
        pytest.fail("no Chromium: run scripts/setup-test, or name one in FOOTFALL_TEST_BROWSER", pytrace=False)
    return path


@cache
def agent(path: str) -> str:
    """The User-Agent that a person's Chromium of this version sends."""
    said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=STOP_SECONDS).stdout
    major = re.search(r"\d+", said)
    assert major is not None, f"{path} --version says {said!r}"
    return AGENT.format(major=major[0])


def launch(playwright: Playwright, *, bfcache: bool = False) -> Browser:
    """A Chromium for playwright to drive."""
    path = executable(playwright)
    return playwright.chromium.launch(
        executable_path=path,
        args=[*QUIET, f"--user-agent={agent(path)}", "--lang=en-GB"],
        ignore_default_args=[WITHOUT_BFCACHE] if bfcache else None,
    )


@contextmanager
def unattended(playwright: Playwright, profile: Path, url: str) -> Iterator[None]:
    """A Chromium that nobody drives, on one page: under a debugger it prerenders nothing."""
    path = executable(playwright)
    words = ("--headless=new", "--remote-debugging-port=0", f"--user-data-dir={profile}", f"--user-agent={agent(path)}")
    process = subprocess.Popen(
        [path, *words, *QUIET, "--lang=en-GB", "--accept-lang=en-GB", url],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """One Chromium for a module, as playwright starts it: without the back/forward cache."""
    chromium = launch(playwright)
    yield chromium
    chromium.close()


class Journey:
    """A site, footfall before it, and the people who walk through it; all of it ends with the test."""

    def __init__(self, browser: Browser, where: Path, stack: ExitStack) -> None:
        self._browser, self._where, self._stack = browser, where, stack
        self._people: list[BrowserContext] = []
        self.complaints: list[str] = []

    def site(self, **pages: Page) -> Site:
        """A site whose pages are these."""
        return self._stack.enter_context(site_of({_path(name): page for name, page in pages.items()}))

    def front(self, site: Site | str, *words: str) -> Front:
        """`footfall serve` before a site."""
        url = site if isinstance(site, str) else site.url
        return self.enter(proxied(self._where, url, *words))

    def enter(self, running: AbstractContextManager[Front]) -> Front:
        return self._stack.enter_context(running)

    def person(self, browser: Browser | None = None, **options: object) -> BrowserContext:
        """Somebody without a cookie. What their pages complain about is a failure of the test."""
        context = (browser or self._browser).new_context(**{"locale": "en-GB", **options})
        context.set_default_timeout(ACTION_MS)
        context.on("console", lambda said: self._complain(said.type, said.text))
        context.on("weberror", lambda error: self._complain("error", str(error.error)))
        self._people.append(context)
        return context

    def _complain(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(f"{kind}: {text}")

    def leave(self) -> None:
        """Everybody closes their browser."""
        while self._people:
            self._people.pop().close()

    def ends(self, front: Front, *expected: str, any_order: bool = False) -> None:
        """These events are stored, and when everybody has left and footfall has stopped it is still these only."""
        front.tells(*expected, any_order=any_order)
        self.leave()
        front.stop()
        assert front.lines(any_order=any_order) == (sorted(expected) if any_order else list(expected))
        assert self.complaints == []


def _path(name: str) -> str:
    return "/" + ("" if name == "home" else name.replace("_", "."))


@pytest.fixture
def journey(browser: Browser, tmp_path: Path) -> Iterator[Journey]:
    with ExitStack() as stack:
        walking = Journey(browser, tmp_path / "footfall", stack)
        yield walking
        walking.leave()
