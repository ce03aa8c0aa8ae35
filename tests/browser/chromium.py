"""The Chromium that the tests use: an ordinary one, which speaks to this machine only."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.0.0 Safari/537.36"
"""An ordinary one: HeadlessChrome is on the list of bots. A switch, not a context's option, which workers ignore."""
SHELL = "chromium-headless-shell"
"""The same engine without a window round it that nobody sees: a new page costs a quarter of the CPU (0.14 instead of
0.58 s)."""
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
STOP_SECONDS = 10.0


def executable(playwright: Playwright) -> str:
    """The browser to use: named by the environment, installed, or playwright's own."""
    named = (os.environ.get("FOOTFALL_TEST_BROWSER"), os.environ.get("CHROMIUM"))
    found = [path for name in (*named, *NAMES) if name and (path := shutil.which(name))]
    path = found[0] if found else playwright.chromium.executable_path
    if not Path(path).exists():
        pytest.fail("no Chromium: run scripts/setup-test, or name one in FOOTFALL_TEST_BROWSER", pytrace=False)
    return path


def bare(playwright: Playwright) -> str:
    """The engine alone, or the whole browser where it is not installed."""
    return shutil.which(SHELL) or executable(playwright)


@cache
def agent(path: str) -> str:
    """The User-Agent that a person's Chromium of this version sends."""
    said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=STOP_SECONDS).stdout
    major = re.search(r"\d+", said)
    assert major is not None, f"{path} --version says {said!r}"
    return AGENT.format(major=major[0])


def launch(playwright: Playwright, *, bfcache: bool = False, path: str = "") -> Browser:
    """A Chromium for playwright to drive: the whole browser, unless told otherwise."""
    path = path or executable(playwright)
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
