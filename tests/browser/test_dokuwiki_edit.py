"""A person logs in to a wiki, writes a page with its own editor, and reads it; all links are made from Host."""

import re
from pathlib import Path

from applications import NAME, PASSWORD, dokuwiki, needs_dokuwiki
from fronts import PAGES_ONLY, proxied
from playwright.sync_api import Browser

ENGINE_ALONE = True
pytestmark = needs_dokuwiki
ACTION_MS = 20_000
TEXT = "words and a [[start|link]]"


def written(browser: Browser, url: str, name: str) -> tuple[list[str], list[str]]:
    """What the pages were, and what was wrong with them; both without where that was."""
    complaints: list[str] = []
    context = browser.new_context(locale="en-GB")
    context.set_default_timeout(ACTION_MS)
    context.on("console", lambda said: complaints.append(f"{said.type}: {said.text.replace(url, '')}"))
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    page = context.new_page()
    page.goto(f"{url}/doku.php?id={name}")
    with page.expect_navigation():
        page.click("text=Log In")
    page.fill("input[name=u]", NAME)
    page.fill("input[name=p]", PASSWORD)
    with page.expect_navigation():
        page.click("form#dw__login button[type=submit]")
    with page.expect_navigation():
        page.click("a[accesskey=e]")
    page.fill("#wiki__text", TEXT)
    page.press("#wiki__text", "Control+a")
    page.click("button.toolbutton[title^=Bold]")
    with page.expect_navigation():
        page.click("#edbtn__preview")
    with page.expect_navigation():
        page.click("#edbtn__save")
    seen = [page.url, page.title(), page.inner_html("#dokuwiki__content .page")]
    seen += page.evaluate("[...document.links].map(link => link.href)")
    context.close()
    return [re.sub(r"sectok=\w+", "", one.replace(url, "").replace(name, "page")) for one in seen], complaints


def test_f9_a_page_is_written_and_read_on_the_public_host(browser: Browser, tmp_path: Path) -> None:
    with dokuwiki(tmp_path / "wiki") as port:
        url = f"http://127.0.0.1:{port}"
        direct = written(browser, url, "alone")
        with proxied(tmp_path / "footfall", url, **PAGES_ONLY) as footfall:
            through = written(browser, footfall.url, "front")
            footfall.stop()
            lines = footfall.lines()
    assert through == direct
    seen, _ = through
    assert seen[:2] == ["/doku.php?id=page", "page [A wiki]"] and "<strong>words and a" in seen[2]
    assert not [link for link in seen if "127.0.0.1" in link]
    page, edit = "/doku.php?id=front", "/doku.php?id=front&do=edit"
    login = "/doku.php?id=front&do=login&sectok="
    assert lines == [
        f"A1 person session.start {page}",
        f'A1 person page.visit {page} "front [A wiki]" navigate 200 confirmed',
        f'A1 person page.visit {login} "Log In [A wiki]" navigate 200 confirmed from {page}',
        f'A1 person page.visit {page} "front [A wiki]" navigate 200 confirmed from {login}',
        f'A1 person page.visit {edit} "✎ front [A wiki]" navigate 200 confirmed from {page}',
        f'A1 person page.visit {edit} "✎ front [A wiki]" navigate 200 POST confirmed from {edit}',
        f'A1 person page.visit {page} "front [A wiki]" navigate 200 confirmed from {edit}',
    ]
