"""The report in a real browser: signing in, every page under its policy, light and dark, without a script, and live.

With FOOTFALL_TEST_SHOTS set to a folder, what was seen is kept there as pictures.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fronts import Front
from journeys import Journey
from playwright.sync_api import BrowserContext, Page, Route, expect
from upstream_site import Page as SitePage

SHOTS = os.environ.get("FOOTFALL_TEST_SHOTS", "")
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
CLICKS, ROUNDS, GOAL_MS = 60, 3, 100
PAGES = ("/", "/?range=90d", "/visitors", "/live", "/rejected")
HOME = SitePage(
    "Morrow & Clay",
    body='<button id="on" data-track="Spring sale" data-track-as="banner">On</button><a href="/range">The range</a>',
)
RANGE = SitePage("The range <script>alert(1)</script>".replace("<", "&lt;"))


@dataclass
class Running:
    """footfall before a site, and its report."""

    front: Front
    url: str
    token: str
    journey: Journey

    def owner(self, **options: object) -> BrowserContext:
        """Somebody who has opened the address that `footfall serve` prints."""
        person = self.journey.person(**options)
        page = person.new_page()
        page.goto(f"{self.url}/?token={self.token}")
        expect(page).to_have_url(f"{self.url}/")
        page.close()
        return person


@pytest.fixture
def running(journey: Journey) -> Iterator[Running]:
    site = journey.site(home=HOME, range=RANGE)
    front = journey.front(site, "--report", "127.0.0.1:0", "--workers", "2")
    found = [
        url for url in re.findall(r"http://127\.0\.0\.1:\d+", front.log.read_text()) if url not in (front.url, site.url)
    ]
    assert len(set(found)) == 1, front.log.read_text()
    token = (front.where / "footfall.token").read_text().strip()
    yield Running(front, found[0], token, journey)


def shot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


def look_around(running: Running) -> None:
    """Somebody looks at two pages of the site."""
    page = running.journey.person().new_page()
    page.goto(f"{running.front.url}/")
    page.click("#on")
    page.click("a")
    page.wait_for_url("**/range")
    page.wait_for_load_state()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_every_page_is_shown_under_its_policy_and_is_as_wide_as_the_screen(running, scheme, size):
    look_around(running)
    owner = running.owner(color_scheme=scheme, viewport=size)
    page = owner.new_page()
    page.goto(f"{running.url}/visitors")
    visitor = page.locator("a.who").first.get_attribute("href")
    colours = set()
    for path in (*PAGES, visitor):
        page.goto(f"{running.url}{path}")
        assert page.locator("h1").count() == 1
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], path
        colours.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        shot(page, f"{path.strip('/?').replace('/', '-')[:12] or 'overview'}-{scheme}-{size['width']}")
    [colour] = colours
    assert (sum(map(int, re.findall(r"\d+", colour)[:3])) > 600) == (scheme == "light")


def test_somebody_signs_in_with_the_form_and_comes_to_where_they_wanted(running):
    page = running.journey.person().new_page()
    page.goto(f"{running.url}/visitors?range=7d")
    expect(page.locator("h1")).to_have_text("Sign in")
    page.fill("#token", running.token)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{running.url}/visitors?range=7d")
    expect(page.locator("h1")).to_have_text("Visitors")
    assert page.evaluate("document.cookie") == ""
    running.journey.complaints.clear()  # the browser says that the first answer was 401


def test_without_a_script_every_page_says_the_same(running):
    look_around(running)
    owner = running.owner(java_script_enabled=False)
    page = owner.new_page()
    page.goto(f"{running.url}/")
    expect(page.locator(".tiles dd").first).to_have_text("1")
    page.click("nav >> text=30 days")
    expect(page.locator("h1")).to_have_text("30 days")
    page.click("summary")
    expect(page.locator(".chart tbody tr").last).to_be_visible()
    page.goto(f"{running.url}/live")
    expect(page.locator("#feed li").filter(has_text="Visited page Morrow & Clay")).to_have_count(1)
    expect(page.locator("#tools")).to_be_hidden()


def test_a_visit_appears_in_the_feed_as_unproven_and_turns_to_a_person_with_its_title(running):
    page = running.owner().new_page()
    page.goto(f"{running.url}/live")
    expect(page.locator("#state")).to_have_text("Listening")
    visitor = running.journey.person()
    held: list[Route] = []
    visitor.route("**/_footfall/events", lambda route: held.append(route))
    tab = visitor.new_page()
    tab.goto(f"{running.front.url}/range")
    line = page.locator("#feed li.visit")
    expect(line).to_have_count(1)
    expect(line).to_contain_text("Visited page /range")
    expect(line.locator(".lane")).to_have_text("not proven yet")
    seq = line.get_attribute("data-seq")
    while held:
        held.pop().continue_()
    expect(page.locator(f'#feed [data-seq="{seq}"]')).to_contain_text(
        "Visited page The range <script>alert(1)</script>"
    )
    expect(line.locator(".lane")).to_have_text("person")


def test_the_feed_can_be_paused_and_goes_on_where_it_was(running):
    page = running.owner().new_page()
    page.goto(f"{running.url}/live")
    expect(page.locator("#state")).to_have_text("Listening")
    page.click("#pause")
    look_around(running)
    expect(page.locator("#state")).to_contain_text("waiting")
    expect(page.locator("#feed li")).to_have_count(0)
    page.click("#pause")
    expect(page.locator("#feed li.visit")).to_have_count(2)
    shown = [int(item.get_attribute("data-seq")) for item in page.locator("#feed li").all()]
    assert shown == sorted(shown, reverse=True)


def clicked(running: Running, times: int) -> tuple[int, float, float]:
    """(events, median, p95) that the live page shows, in ms, after so many clicks on the site."""
    page = running.owner().new_page()
    page.goto(f"{running.url}/live")
    expect(page.locator("#state")).to_have_text("Listening")
    tab = running.journey.person().new_page()
    tab.goto(f"{running.front.url}/")
    tab.wait_for_load_state()
    for n in range(times):
        tab.click("#on")
        expect(page.locator("#feed li.click").filter(has_text="Spring sale")).to_have_count(n + 1)
    shown = page.locator("#prompt td")
    count = int(shown.nth(3).inner_text())
    median, p95 = (float(shown.nth(n).get_attribute("data-ms") or "nan") for n in (1, 2))
    print(f"from a click to its line: median {median} ms, p95 {p95} ms of {count}")
    shot(page, "live-clicks")
    page.close()
    tab.close()
    return count, median, p95


def test_from_a_click_to_its_line_it_takes_less_than_a_tenth_of_a_second(running):
    """As the page itself says. On a machine that is busy with other things one quiet round of three is enough."""
    rounds = []
    while len(rounds) < ROUNDS and not (rounds and rounds[-1][2] < GOAL_MS):
        rounds.append(clicked(running, CLICKS))
    assert all(count >= CLICKS and 0 < median <= p95 for count, median, p95 in rounds)
    assert min(p95 for _, _, p95 in rounds) < GOAL_MS, rounds


def test_a_tab_that_nobody_sees_gives_its_connection_back_and_catches_up(running):
    page = running.owner().new_page()
    page.goto(f"{running.url}/live")
    expect(page.locator("#state")).to_have_text("Listening")
    page.evaluate(
        """hidden => {
            Object.defineProperty(document, "hidden", { get: () => window.isHidden, configurable: true });
            window.isHidden = true;
            document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )
    look_around(running)
    other = page.context.new_page()
    other.goto(f"{running.url}/live")
    expect(other.locator("#feed li.visit")).to_have_count(2)
    assert page.locator("#feed li").count() == 0
    page.evaluate("() => { window.isHidden = false; document.dispatchEvent(new Event('visibilitychange')); }")
    expect(page.locator("#feed li.visit")).to_have_count(2)


def test_the_site_and_its_report_stop_in_order_while_somebody_watches(running):
    page = running.owner().new_page()
    page.goto(f"{running.url}/live")
    expect(page.locator("#state")).to_have_text("Listening")
    running.front.stop()
    expect(page.locator("#state")).to_have_text("Not connected; trying again")
    running.journey.complaints.clear()  # the browser says that nobody answers
