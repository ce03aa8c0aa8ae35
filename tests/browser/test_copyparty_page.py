"""A person uploads a file by copyparty's own page, which hashes it in workers, sends it in pieces, and whose policy
names a nonce without 'strict-dynamic'."""

import hashlib
import os
from pathlib import Path

from applications import copyparty, needs_copyparty, on_disk
from fronts import PAGES_ONLY, poll, proxied
from playwright.sync_api import Browser, ConsoleMessage

ENGINE_ALONE = True
pytestmark = needs_copyparty
FILE = os.urandom(20 * 1024 * 1024 + 77)
ACTION_MS = 20_000


def complaint(said: ConsoleMessage) -> str:
    """What is wrong, or "". The site has no icon; when a browser asks for one is its own affair."""
    is_wrong = said.type in ("error", "warning") and not said.location["url"].endswith("/favicon.ico")
    return said.text if is_wrong else ""


def complaints_of_upload(browser: Browser, url: str, file: Path, kept: Path) -> list[str]:
    """Upload a file until it is there as it is here; what the page was told of in the console as wrong."""
    complaints: list[str] = []
    context = browser.new_context(locale="en-GB")
    context.set_default_timeout(ACTION_MS)
    context.on("console", lambda said: complaints.append(complaint(said)))
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    page = context.new_page()
    page.goto(url)
    page.click("#ops >> a[data-dest=up2k]")
    page.locator("#file1").set_input_files(str(file))
    page.click("#modal-ok")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert poll(lambda: kept.exists() and hashlib.sha256(kept.read_bytes()).hexdigest(), digest) == digest
    page.locator("#u2tab", has_text=file.name).locator("text=/done|ok/i").first.wait_for()
    context.close()
    return [one for one in complaints if one]


def test_a_page_that_sends_large_files_from_workers_does_so_through_footfall(browser: Browser, tmp_path: Path) -> None:
    alone, front = tmp_path / "alone.bin", tmp_path / "front.bin"
    alone.write_bytes(FILE)
    front.write_bytes(FILE[::-1])  # else the server would know it
    with on_disk() as where, copyparty(where) as port:
        url, files = f"http://127.0.0.1:{port}", where / "files"
        direct = complaints_of_upload(browser, url, alone, files / alone.name)
        with proxied(tmp_path / "footfall", url, **PAGES_ONLY) as footfall:
            through = complaints_of_upload(browser, footfall.url, front, files / front.name)
            footfall.stop()
            lines = footfall.lines()
    assert through == direct == []
    assert lines == [
        "A1 person session.start /",
        'A1 person page.visit / "Files" navigate 200 confirmed',
    ]
