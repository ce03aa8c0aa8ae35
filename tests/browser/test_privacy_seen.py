"""The visitor's page in a real browser: what is held is seen, taken, stopped and erased; light, dark, narrow, without a
script; and other sites get nowhere with it.

With FOOTFALL_TEST_SHOTS set to a folder, what was seen is kept there as pictures.
"""

import itertools
import json
import os
import re
from pathlib import Path

import pytest
from fronts import Front, poll, reloaded_until
from journeys import Journey
from playwright.sync_api import BrowserContext, Page, expect
from upstream_site import Page as SitePage
from upstream_site import Site

ENGINE_ALONE = True
SHOTS = os.environ.get("FOOTFALL_TEST_SHOTS", "")
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 375, "height": 800}
PRIVACY = "/_footfall/privacy"
HOME = SitePage("Morrow & Clay", body='<button id="on" data-track="Spring sale">On</button><a href="/range">Range</a>')
HOSTILE = "The range <script>alert(1)</script>"
RANGE = SitePage(HOSTILE.replace("<", "&lt;"), body=f'<a href="{PRIVACY}">Your visits</a>')
CONTRAST = """() => {
  const luminance = colour => {
    const parts = colour.match(/[\\d.]+/g).map(Number);
    const [r, g, b] = parts.slice(0, 3).map(x => (x /= 255) <= .03928 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const behind = e => {
    for (; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor;
      if (!/, 0\\)$/.test(colour)) return colour;
    }
  };
  return [...document.querySelectorAll("body *")]
    .filter(e => [...e.childNodes].some(x => x.nodeType == 3 && x.data.trim()) && e.checkVisibility())
    .map(e => {
      const [one, other] = [luminance(getComputedStyle(e).color), luminance(behind(e))].sort((a, b) => b - a);
      return [(one + .05) / (other + .05), e.localName, e.textContent.trim().slice(0, 40)];
    })
    .filter(([ratio]) => ratio < 4.5);
}"""
"""Texts that stand out too little from what is behind them (WCAG 2.2, 1.4.3: 4.5 to 1)."""
SMALL = """() => [...document.querySelectorAll("button, .button, input[type=checkbox], header a")]
  .map(e => [e.getBoundingClientRect(), e.textContent]).filter(([box]) => Math.min(box.width, box.height) < 20)
  .map(([box, text]) => text)"""
LANDMARKS = """() => ({
  lang: document.documentElement.lang,
  title: document.title,
  parts: ["header", "main", "footer"].map(x => document.querySelectorAll("body > " + x).length),
  headings: [...document.querySelectorAll("h1,h2,h3,h4")].map(x => +x.localName[1]),
  unnamed: [...document.querySelectorAll("main section")].filter(
    x => !document.getElementById(x.getAttribute("aria-labelledby"))?.textContent.trim()).length,
  unlabelled: [...document.querySelectorAll("input:not([type=hidden])")].filter(x => !x.labels.length).length,
  ids: [...document.querySelectorAll("[id]")].map(x => x.id),
  silent: [...document.querySelectorAll("button, a")].filter(x => !x.textContent.trim()).length,
})"""


@pytest.fixture
def site(journey: Journey) -> Site:
    return journey.site(home=HOME, range=RANGE)


@pytest.fixture
def front(journey: Journey, site: Site) -> Front:
    return journey.front(site, "--workers", "2")


def shot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"privacy-{name}.png", full_page=True)


def look_around(front: Front, person: BrowserContext) -> Page:
    """Two pages of the site, and what the store says of them."""
    page = person.new_page()
    page.goto(f"{front.url}/")
    page.click("#on")
    page.click("a")
    page.wait_for_url("**/range")
    page.wait_for_load_state()
    return page


def settled(page: Page, *lines: str) -> None:
    """The page, loaded until these lines are there: the tracker tells within a second."""
    for line in lines:
        there = page.locator(".lines li", has_text=line)
        assert reloaded_until(page, there), page.locator("main").inner_text()


def cookies(person: BrowserContext) -> set[str]:
    return {str(cookie["name"]) for cookie in person.cookies()}


def test_somebody_sees_takes_stops_resumes_and_erases_what_is_held(journey, front, site):
    person = journey.person()
    page = look_around(front, person)
    page.click("a")  # the site's own link to it
    page.wait_for_url(f"**{PRIVACY}")
    settled(page, "Visited page Morrow & Clay", "Clicked Spring sale", "The range <script>")
    expect(page.locator(".state h2")).to_have_text("This browser is being recorded")
    expect(page.locator(".sums dd").first).to_have_text("2")
    for line in (
        "Visited page Morrow & Clay",
        "Clicked Spring sale",
        f"Visited page {HOSTILE}",
    ):
        expect(page.locator(".lines li", has_text=line)).to_have_count(1)

    with page.expect_download() as taking:
        page.click("text=Download what is held")
    assert taking.value.suggested_filename == "your-visits.json"
    file = json.loads(Path(taking.value.path()).read_text())
    assert file["complete"] and file["site"] == front.url
    assert [event["label"] for event in file["events"] if event["action"] == "page.visit"] == [
        "Visited page Morrow & Clay",
        f"Visited page {HOSTILE}",
    ]

    page.click("text=Stop recording this browser")
    expect(page.locator(".state h2")).to_have_text("This browser is not recorded")
    assert page.url == front.url + PRIVACY and cookies(person) == {"footfall_consent"}
    asked = len(site.asked("/"))
    page.goto(f"{front.url}/")
    assert len(site.asked("/")) == asked + 1
    assert page.evaluate("document.querySelector('script')") is None and cookies(person) == {"footfall_consent"}
    before = front.visitors()

    page.goto(front.url + PRIVACY)
    page.click("text=Record again")
    expect(page.locator(".state h2")).to_have_text("Nothing is recorded of this browser yet")
    page.goto(f"{front.url}/range")
    assert cookies(person) == {"footfall_consent", "footfall"}
    page.goto(front.url + PRIVACY)
    settled(page, "The range")
    expect(page.locator(".sums dd").first).to_have_text("1")
    [new] = front.visitors() - before

    page.click("text=Erase what is held…")
    expect(page.locator("h1")).to_contain_text("Erase what")
    assert new in front.visitors()
    page.click("text=Keep it")
    expect(page.locator("h1")).to_contain_text("Your visits to")
    page.click("text=Erase what is held…")
    page.check("text=Also stop recording")
    page.click("text=Erase it all")
    expect(page.locator("h1")).to_have_text("It is erased")
    expect(page.locator(".sums dd").first).to_have_text("1")
    expect(page.locator("main")).to_contain_text("This browser is no longer recorded")
    assert cookies(person) == {"footfall_consent"} and front.visitors() == before
    page.goto(f"{front.url}/range")
    page.goto(front.url + PRIVACY)
    expect(page.locator("main")).to_contain_text("no cookie to find it by")
    journey.leave()
    front.stop()
    assert front.visitors() == before
    assert not [line for line in front.lines() if PRIVACY in line]
    assert journey.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_every_page_of_it_is_readable(journey, front, scheme, size):
    person = journey.person(color_scheme=scheme, viewport=size)
    page = person.new_page()
    colours = set()

    def looks(name: str, words: str) -> None:
        expect(page.locator("main")).to_contain_text(words)  # a click does not wait for the page that it leads to
        page.wait_for_load_state()
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], name
        assert page.evaluate(CONTRAST) == [], name
        assert page.evaluate(SMALL) == [], name
        said = page.evaluate(LANDMARKS)
        assert said["lang"] == "en" and said["title"] and said["parts"] == [1, 1, 1], name
        levels = said["headings"]
        assert levels.count(1) == 1 and levels[0] == 1, name
        assert all(after - before <= 1 for before, after in itertools.pairwise(levels)), (name, levels)
        assert (said["unnamed"], said["unlabelled"], said["silent"]) == (0, 0, 0), name
        assert len(said["ids"]) == len(set(said["ids"])), name
        colours.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        shot(page, f"{name}-{scheme}-{size['width']}")

    page.goto(front.url + PRIVACY)
    looks("new", "Nothing is recorded of this browser yet")
    look_around(front, person).close()
    page.goto(front.url + PRIVACY)
    settled(page, "The range")
    looks("page", "This browser is being recorded")
    page.click("text=Erase what is held…")
    looks("erase", "Erase what")
    page.click("text=Erase it all")
    looks("receipt", "It is erased")
    page.goto(front.url + PRIVACY)
    page.click("text=Do not record")
    looks("stopped", "This browser is not recorded")
    page.goto(f"{front.url}{PRIVACY}/erase")
    looks("problem", "To the page about your visits")
    [colour] = colours
    assert (sum(map(int, re.findall(r"\d+", colour)[:3])) > 600) == (scheme == "light")
    # The browser says that the last answer was a 404; nothing else.
    assert [line for line in journey.complaints if "404" not in line] == []


def test_without_a_script_and_by_keyboard_alone_it_works(journey, front):
    person = journey.person(java_script_enabled=False)
    page = person.new_page()
    page.goto(f"{front.url}/")
    page.goto(front.url + PRIVACY)
    expect(page.locator(".state h2")).to_have_text("This browser is being recorded")
    page.keyboard.press("Tab")
    expect(page.locator("header a")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("button", has_text="Stop recording")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".state h2")).to_have_text("This browser is not recorded")
    assert cookies(person) == {"footfall_consent"}


def test_another_site_can_neither_frame_nor_send_nor_read_it(journey, front):
    """localhost is another site than 127.0.0.1; another port of 127.0.0.1 is another origin of the same site, to which
    the browser sends the same cookies."""
    person = journey.person()
    victim = look_around(front, person)
    victim.goto(front.url + PRIVACY)
    settled(victim, "The range")
    token = victim.locator("input[name=token]").first.get_attribute("value")
    kept = person.cookies()
    forms = "".join(
        f'<form id="{action}" method="post" action="{front.url}{PRIVACY}/{action}">'
        f'<input name="token" value="{token}"><input name="stop" value="1"></form>'
        for action in ("stop", "erase", "download", "record")
    )
    evil = journey.site(home=SitePage("Evil", body=forms + f'<iframe src="{front.url}{PRIVACY}/erase"></iframe>'))
    for origin in (evil.url, evil.url.replace("127.0.0.1", "localhost")):
        page = person.new_page()
        page.goto(origin)
        assert page.frames[1].locator("button").count() == 0
        read = page.evaluate(
            "url => fetch(url, { credentials: 'include' }).then(x => x.text(), x => 'refused')", front.url + PRIVACY
        )
        assert read == "refused"
        opaque = page.evaluate(
            "url => fetch(url, { credentials: 'include', mode: 'no-cors' }).then(() => 'came', () => 'refused')",
            front.url + PRIVACY,
        )
        assert opaque == "refused"
        for action in ("stop", "erase", "download", "record"):
            page.goto(origin)
            page.evaluate(f"document.getElementById('{action}').submit()")
            expect(page.locator("h1")).to_have_text("This did not come from this site")
        assert person.cookies() == kept
    victim.reload()
    expect(victim.locator(".state h2")).to_have_text("This browser is being recorded")
    expect(victim.locator(".sums dd").first).to_have_text("2")
    journey.complaints.clear()  # the browser says what it has refused, and which answers were 403


def test_a_tab_that_lies_open_is_told_to_open_the_page_again(journey, front):
    person = journey.person()
    page = look_around(front, person)
    page.goto(front.url + PRIVACY)
    other = person.new_page()
    other.goto(f"{front.url}{PRIVACY}/erase")
    other.click("text=Erase it all")
    expect(other.locator("h1")).to_have_text("It is erased")
    page.click("text=Stop recording this browser")
    expect(page.locator("h1")).to_have_text("This page is out of date")
    page.click("text=To the page about your visits")
    expect(page.locator(".state h2")).to_have_text("Nothing is recorded of this browser yet")
    journey.complaints.clear()  # the browser says that an answer was 403


def test_the_trackers_off_and_on_and_the_page_agree(journey, front):
    """What one says, the other shows."""
    person = journey.person()
    page = look_around(front, person)
    with page.expect_response("**/_footfall/events"):
        page.evaluate("footfall.off()")
    # The answer takes the visitor's cookie away, perhaps after the test has heard of it.
    assert poll(lambda: {cookie["name"] for cookie in person.cookies()}, {"footfall_consent"}) == {"footfall_consent"}
    there = person.new_page()
    there.goto(front.url + PRIVACY)
    expect(there.locator(".state h2")).to_have_text("This browser is not recorded")
    off = {cookie["name"]: (cookie["value"], cookie["sameSite"], cookie["path"]) for cookie in person.cookies()}
    there.click("text=Record again")
    expect(there.locator(".state h2")).not_to_have_text("This browser is not recorded")
    page.goto(f"{front.url}/")
    there.goto(front.url + PRIVACY)
    expect(there.locator(".state h2")).to_have_text("This browser is being recorded")
    there.click("text=Stop recording")
    expect(there.locator(".state h2")).to_have_text("This browser is not recorded")
    now = {cookie["name"]: (cookie["value"], cookie["sameSite"], cookie["path"]) for cookie in person.cookies()}
    assert now == off == {"footfall_consent": ("out", "Lax", "/")}
    # The first page still has its tracker: what it says now is not taken.
    before = len(front.lines())
    with page.expect_response("**/_footfall/events") as said:
        page.click("#on")
    assert {one["code"] for one in said.value.json()["rejected"]} == {"opted_out"}
    assert len([line for line in front.lines() if "session.end" not in line]) <= before
