"""Content-Security-Policy in a real browser: a page with footfall complains of no more than without it, its own scripts
do what they did, and of the tracker runs what can."""

import base64
import contextlib
import hashlib
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fronts import PAGES_ONLY, proxied
from playwright.sync_api import Browser, ConsoleMessage, Error
from playwright.sync_api import Page as Tab
from telling import read_events
from upstream_site import Page, Site, script

from proxy.store.sqlite.questions import SqliteQuestions

TEXT = "window.inline = 1"
HASH = f"'sha256-{base64.b64encode(hashlib.sha256(TEXT.encode()).digest()).decode()}'"
OWN = f'<script>{TEXT}</script><script nonce="abc">window.nonced = 1</script><script src="/own.js"></script>'
BODY = """<p onclick="window.handled = 1">here</p>
<form data-track-form="news"><input data-track-field="mail"></form>"""
STATE = "[window.inline, window.nonced, window.own, window.handled].map(value => value ?? 0)"
QUIET_SECONDS = 1.0
"""What is blocked is complained of at once; it is the beacons that take a moment."""
TABS = 16
LOADED, NOTHING = {"confirmed", "form.start"}, set()

# The policy ({here}: host and port), what of the tracker runs when it is respected, and when it is extended.
POLICIES = [
    ("", LOADED, LOADED),
    ("default-src 'self'", LOADED, LOADED),
    ("script-src 'self' 'unsafe-inline'", LOADED, LOADED),
    ("script-src 'nonce-abc'", LOADED, LOADED),
    ("script-src 'nonce-abc' 'strict-dynamic'", LOADED, LOADED),
    ("script-src 'nonce-abc' 'strict-dynamic' 'unsafe-inline' https:", LOADED, LOADED),
    ("require-trusted-types-for 'script'; trusted-types 'none'; script-src 'self'", LOADED, LOADED),
    ("script-src {here}/_footfall/", LOADED, LOADED),
    ("script-src {here}/_footfall/t.js {here}/_footfall/forms.js", NOTHING, LOADED),  # its version is in its name
    # only a nonce helps
    ("script-src {here}/_footfall/t.js", NOTHING, LOADED),
    ("script-src 'none'", NOTHING, LOADED),
    ("script-src", NOTHING, LOADED),
    ("script-src cdn.example", NOTHING, LOADED),
    ("script-src {here}/own.js", NOTHING, LOADED),
    (f"script-src {HASH}", NOTHING, LOADED),
    (f"script-src 'strict-dynamic' {HASH}", NOTHING, LOADED),
    (f"script-src 'strict-dynamic' 'unsafe-inline' {HASH} https:", NOTHING, LOADED),
    ("script-src 'self' 'unsafe-inline' 'strict-dynamic'", NOTHING, LOADED),
    ("script-src 'self'; script-src-elem {here}/own.js", NOTHING, LOADED),
    ("script-src 'unsafe-inline'; script-src-elem {here}/own.js", NOTHING, LOADED),
    ("script-src 'none'; script-src-attr 'unsafe-inline'", NOTHING, LOADED),
    ("default-src 'none'; connect-src 'self'", NOTHING, LOADED),
    ("default-src {here}/own.js data:; connect-src 'self'", NOTHING, LOADED),
    ("script-src 'nonce-abc', script-src 'nonce-def'", NOTHING, LOADED),
    ("script-src 'self' 'unsafe-inline', script-src cdn.example", NOTHING, LOADED),
    ("require-trusted-types-for 'script'; trusted-types 'none'; script-src 'none'", NOTHING, LOADED),
    # nothing helps
    ("script-src 'unsafe-inline'", NOTHING, NOTHING),
    ("script-src 'unsafe-inline' {here}/own.js", NOTHING, NOTHING),
    ("default-src 'unsafe-inline'; connect-src 'self'", NOTHING, NOTHING),
    ("default-src 'none'", NOTHING, NOTHING),
    ("connect-src 'none'", NOTHING, NOTHING),
    ("script-src 'none'; connect-src cdn.example", NOTHING, NOTHING),
    ("sandbox allow-forms", NOTHING, NOTHING),
    ("sandbox allow-scripts", NOTHING, NOTHING),
    # in a meta
    ("meta: script-src 'none'", NOTHING, NOTHING),
    ("meta: script-src cdn.example", NOTHING, NOTHING),
    ("meta: default-src 'self'; script-src 'self' 'nonce-abc'", LOADED, LOADED),
    ("script-src cdn.example meta: script-src 'self'", NOTHING, LOADED),
    ("script-src cdn.example meta: script-src 'nonce-abc'", NOTHING, NOTHING),
    # of integrity
    ("integrity: blocked-destinations=(script)", NOTHING, NOTHING),
    ("integrity: blocked-destinations=(style script), sources=(other inline), endpoints=(x)", NOTHING, NOTHING),
    ("integrity: blocked-destinations=(style)", LOADED, LOADED),
    ("integrity: blocked-destinations=(script), sources=(other)", LOADED, LOADED),
    ("integrity: blocked-destinations=(script), !", LOADED, LOADED),
    ("script-src cdn.example integrity: blocked-destinations=(script)", NOTHING, NOTHING),
]


@dataclass
class Seen:
    """A page as a browser saw it: what it complained of, what its own scripts did; and what of it is stored."""

    complaints: list[str] = field(default_factory=list)
    state: list[int] = field(default_factory=list)
    stored: set[str] = field(default_factory=set)
    reason: str = ""


def pages(here: str) -> dict[str, Page]:
    """A page for every policy, with scripts of its own of every kind."""
    made = {"/own.js": script("window.own = 1")}
    for number, (told, _, _) in enumerate(POLICIES):
        text, _, integrity = told.format(here=here).partition("integrity: ")
        policy, _, meta = text.partition("meta: ")
        head = f'<meta http-equiv="Content-Security-Policy" content="{meta}">' if meta else ""
        fields = {"Content-Security-Policy": policy, "Integrity-Policy": integrity}
        headers = {name: value for name, value in fields.items() if value}
        made[f"/{number}"] = Page("One", head + OWN, BODY, headers)
    return made


def complaint(text: str, url: str) -> str:
    """What was refused; which directive refused it is told with its sources, and these may be more."""
    return re.sub(r",? (because it )?violates .*", "", text.replace(url, ""), flags=re.DOTALL)


def look_at_all(browser: Browser, site: Site, url: str) -> list[Seen]:
    """Every page, used by one visitor."""
    site.pages.update(pages(url.removeprefix("http://")))
    found = [Seen() for _ in POLICIES]
    context = browser.new_context(locale="en-GB")
    tabs = [context.new_page() for _ in range(TABS)]
    for start in range(0, len(POLICIES), TABS):
        listening = []
        for page, (number, seen) in zip(tabs, enumerate(found[start : start + TABS], start), strict=False):
            listening.append((page, *listen(page, seen, url)))
            page.goto(f"{url}/{number}")
            page.click("p")
            page.fill("input", "Ada")
            seen.state = page.evaluate(STATE)
        for page, *_ in listening:
            page.wait_for_load_state("networkidle")
        threading.Event().wait(QUIET_SECONDS)
        for page, console, error in listening:
            page.goto("about:blank")  # what waits to be sent is sent; what was said meanwhile has arrived
            page.remove_listener("console", console)
            page.remove_listener("pageerror", error)
    context.close()
    return found


def listen(page: Tab, seen: Seen, url: str) -> tuple[Callable[[ConsoleMessage], None], Callable[[Error], None]]:
    """Keep what a page complains of; what does so."""

    def console(said: ConsoleMessage) -> None:
        seen.complaints.append(complaint(said.text, url))

    def error(what: Error) -> None:
        seen.complaints.append(complaint(str(what), url))

    page.on("console", console)
    page.on("pageerror", error)
    return console, error


def look_through(browser: Browser, site: Site, where: Path, csp: str) -> list[Seen]:
    """The same with footfall before the site, and what it has stored."""
    with proxied(where / csp, site.url, **PAGES_ONLY, FOOTFALL_INJECT__CSP=csp) as front:
        found = look_at_all(browser, site, front.url)
        front.stop()
        events, confirmed = read_events(front.store)
        visits = {
            event.id: int(str(event.params["uri"]).rpartition("/")[2]) for event in events if event.page == event.id
        }
        for event in events:
            if event.page in visits:
                found[visits[event.page]].stored.add(event.action)
                if event.id in visits and event.seq in confirmed:
                    found[visits[event.page]].stored.add("confirmed")
        with contextlib.closing(SqliteQuestions(front.store)) as reader:
            for row in reader.blocked(0, 99_999, 100).rows:
                assert row.views == 1
                found[int(row.path[1:])].reason = row.reason
    return found


@pytest.fixture(scope="module")
def looks(engine, tmp_path_factory):
    """Every page without footfall, with it, and with it where it may extend policies."""
    where, site = tmp_path_factory.mktemp("policies"), Site({})
    try:
        alone = look_at_all(engine, site, site.url)
        yield alone, *(look_through(engine, site, where, csp) for csp in ("respect", "extend"))
    finally:
        site.close()


NUMBERED = pytest.mark.parametrize("number", range(len(POLICIES)), ids=[policy for policy, _, _ in POLICIES])


@NUMBERED
def test_the_console_shows_nothing_that_was_not_there_before_and_the_page_works_as_before(looks, number):
    alone, respected, extended = (look[number] for look in looks)
    assert sorted(respected.complaints) == sorted(alone.complaints)
    assert set(extended.complaints) <= set(alone.complaints)
    assert len(extended.complaints) <= len(alone.complaints)
    assert respected.state == extended.state == alone.state


@NUMBERED
def test_the_visit_is_recorded_whatever_runs_of_the_tracker_and_why_nothing_does_is_told(looks, number):
    _, *wanted = POLICIES[number]
    for look, runs in zip(looks[1:], wanted, strict=True):
        seen = look[number]
        assert "page.visit" in seen.stored
        assert seen.stored & LOADED == runs
        assert bool(seen.reason) == (runs == NOTHING)


def test_the_pages_do_complain_and_do_run_scripts_of_every_kind(looks):
    """Else there would be nothing to compare."""
    alone = looks[0]
    assert alone[0].state == [1, 1, 1, 1] and alone[0].complaints == []
    assert sum(bool(seen.complaints) for seen in alone) > 15
    assert {tuple(seen.state) for seen in alone} >= {
        (0, 0, 0, 0),
        (0, 1, 0, 0),
        (0, 0, 1, 0),
        (1, 0, 0, 0),
        (1, 1, 1, 1),
    }
