"""The report in a real browser: signing in, every page under its policy, light and dark, without a script, and live.

With FOOTFALL_TEST_SHOTS set to a folder, what was seen is kept there as pictures.
"""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from fronts import Front, poll, reloaded_until
from journeys import Journey
from playwright.sync_api import BrowserContext, Page, Route, expect
from upstream_site import Page as SitePage

from proxy.store.base import Visit
from proxy.store.sqlite.writer import SqliteWriter

SHOTS = os.environ.get("FOOTFALL_TEST_SHOTS", "")
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 375, "height": 812}
AXE = Path(__file__).parents[2] / ".judges" / "node_modules" / "axe-core" / "axe.min.js"
ENGINE_ALONE = True
CLICKS, ROUNDS, GOAL_MS = 60, 6, 100
SCHEMES = ("light", "dark")
OF_COLOURS = ("color-contrast", "link-in-text-block")
"""Rules whose verdict another scheme can change."""
PAGES = (
    *("/", "/?range=90d", "/visitors", "/paths", "/paths?of={host}/", "/live", "/live?kind=form&q=x", "/requests"),
    *("/attention", "/attention?of=banner.hover {host}/ Spring sale", "/forms", "/errors"),
    *("/errors?of=failed%20404%20{host}/nothing", "/explore", "/explore?of=page.visit", "/events", "/rejected"),
)
HOME = SitePage(
    "Morrow & Clay",
    body='<button id="on" data-track="Spring sale" data-track-as="banner">On</button><a href="/range">The range</a>',
)
HOVERING = """for (const dwell_ms of [...Array(30).keys()].map(n => 500 + 61 * n).concat(4_900, 8_000))
    footfall.event("banner.hover", {name: "Spring sale", dwell_ms})"""
"""Hovers, the last two of them longer than usual."""
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


def complaints(page: Page, *rules: str) -> list[str]:
    """What axe-core finds wrong with a page, for people who do not see it, or not its colours, or use no mouse; or what
    these rules alone find."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(AXE.read_text("utf-8"))
    return page.evaluate(
        """rules => axe.run(rules.length ? { runOnly: rules } : {}).then(found => found.violations.flatMap(one =>
            one.nodes.map(node => one.id + ": " + node.target.join(" ") + ": " + node.failureSummary)))""",
        rules,
    )


def look_around(running: Running) -> None:
    """Somebody looks at two pages of the site."""
    page = running.journey.person().new_page()
    page.goto(f"{running.front.url}/")
    page.click("#on")
    page.click("a")
    page.wait_for_url("**/range")
    page.wait_for_load_state()


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed")
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_every_page_is_shown_under_its_policy_and_is_as_wide_as_the_screen(running, size):
    """In the light and in the dark, by the system's choice."""
    look_around(running)
    shop = running.journey.person().new_page()
    shop.goto(f"{running.front.url}/")
    shop.evaluate(HOVERING)
    shop.evaluate("footfall.event('not.defined')")
    owner = running.owner(viewport=size)
    page = owner.new_page()
    page.goto(f"{running.url}/rejected")
    assert reloaded_until(page, page.locator("table.plain"))
    assert "not.defined" in page.inner_text("table.plain")
    page.goto(f"{running.url}/visitors")
    visitor = page.locator("a.who").first.get_attribute("href")
    stranger = running.journey.person(viewport=size).new_page()
    stranger.goto(f"{running.url}/")
    assert stranger.get_by_label("Token").count() == 1
    others = ("/search?q=nobody", "/no-such-page", visitor, f"{visitor}/forget", "/visitors/nobody/forget")
    for scheme in SCHEMES:
        stranger.emulate_media(color_scheme=scheme)
        assert complaints(stranger) == []
    colours: dict[str, set[str]] = {scheme: set() for scheme in SCHEMES}
    for path in (*PAGES, *others):
        page.goto(running.url + path.format(host=running.front.url.partition("://")[2]))
        assert page.locator("h1").count() == 1
        name = re.sub(r"\W+", "-", path.strip("/?"))[:20] or "overview"
        for scheme, seen in colours.items():
            page.emulate_media(color_scheme=scheme)
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], path
            assert complaints(page, *(() if scheme == SCHEMES[0] else OF_COLOURS)) == [], (path, scheme)
            seen.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
            shot(page, f"{name}-{scheme}-{size['width']}")
    for scheme, (colour,) in colours.items():
        assert (sum(map(int, re.findall(r"\d+", colour)[:3])) > 600) == (scheme == "light")


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_rows_narrow_the_page_and_filters_go_away_by_a_click(running, size):
    look_around(running)
    page = running.owner(viewport=size).new_page()
    page.goto(f"{running.url}/")
    clicked = page.locator("[aria-labelledby=clicks] a.pick")
    assert reloaded_until(page, clicked)
    whole = page.locator(".tiles").inner_text()
    for section, word in (("pages", "saw /range"), ("clicks", "clicked Spring sale, banner on /")):
        page.locator(f"[aria-labelledby={section}] a.pick", has_text=re.compile("The range|Spring sale")).click()
        expect(page.locator(".filters a").last).to_contain_text(word)
        page.wait_for_load_state()  # a page is read before its style sheet is there, and is wider then
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    assert page.locator(".filters a").count() == 2
    shot(page, f"filtered-{size['width']}")
    page.locator(".tiles a.pick").click()
    expect(page.locator("h1")).to_have_text("Visitors")
    assert page.locator(".filters a").count() == 2 and page.locator("a.who").count() == 1
    page.go_back()
    for left in (1, 0):
        page.locator(".filters a").first.focus()
        page.keyboard.press("Enter")
        expect(page.locator(".filters a")).to_have_count(left)
    assert page.locator(".tiles").inner_text() == whole


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed")
@pytest.mark.parametrize(
    ("scheme", "size", "scripts"), [("light", WIDE, True), ("dark", NARROW, True), ("light", NARROW, False)]
)
def test_a_visitor_is_forgotten_after_a_question_and_comes_back_as_another_one(running, scheme, size, scripts):
    browser = running.journey.person()
    tab = browser.new_page()
    tab.goto(f"{running.front.url}/")
    tab.click("#on")
    tab.goto(f"{running.front.url}/range")
    [cookie] = [one["value"] for one in browser.cookies() if one["name"] == "footfall"]
    owner = running.owner(color_scheme=scheme, viewport=size, java_script_enabled=scripts)
    page = owner.new_page()

    def looks_right(name: str) -> None:
        assert page.locator("h1").count() == 1
        if scripts:  # axe is one
            page.wait_for_load_state()
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
            assert complaints(page) == []
            shot(page, f"{name}-{scheme}-{size['width']}")

    page.goto(f"{running.url}/visitors")
    page.locator("a.who").first.click()
    uuid = page.locator(".uuid").inner_text()
    looks_right("visitor")
    with page.expect_download() as file:
        page.click("text=All of it as JSON lines")
    assert file.value.suggested_filename == f"footfall-{uuid}.jsonl"
    lines = Path(file.value.path()).read_text("utf-8").splitlines()
    assert {json.loads(line)["uuid"] for line in lines} == {uuid} and len(lines) >= 3
    page.click("text=Forget this visitor")
    expect(page.locator("h1")).to_have_text("Forget this visitor?")
    expect(page.locator(".goes")).to_contain_text("1 session, 2 page views")
    looks_right("forget")
    page.click("text=Keep")
    expect(page.locator("h1")).to_have_text(uuid[:8])
    assert uuid in running.front.visitors()
    page.click("text=Forget this visitor")
    page.get_by_role("button", name="Forget", exact=True).click()
    expect(page.locator("h1")).to_have_text("Forgotten")
    expect(page.locator("main tbody")).to_contain_text("page.visit")
    looks_right("forgotten")
    assert uuid not in running.front.visitors()

    def is_another() -> bool:
        """Workers hear of it with the next thing that they write; until then what comes of it is not taken."""
        browser.add_cookies([{"name": "footfall", "value": cookie, "url": running.front.url}])
        tab.goto(f"{running.front.url}/range")
        return cookie not in [one["value"] for one in browser.cookies()]

    assert poll(is_another, True)
    assert uuid not in running.front.visitors()
    page.goto(f"{running.url}/visitors/{uuid}")
    expect(page.locator("h1")).to_have_text("There is nothing here")
    running.journey.complaints.clear()  # the browser says that the answer was 404


def test_a_column_is_opened_by_a_click_down_to_five_minutes_and_steps_lead_on(running):
    look_around(running)
    page = running.owner(java_script_enabled=False).new_page()
    page.goto(f"{running.url}/?range=7d&page=127.0.0.1%3A{running.front.url.rpartition(':')[2]}%2Frange")
    expect(page.locator(".filters a")).to_have_count(1)
    for bars in (24, 12):
        page.locator(".chart a.slot").filter(has=page.locator("rect.views")).last.click()
        expect(page.locator(".chart .slot")).to_have_count(bars)
        expect(page.locator(".tiles dd").nth(2)).to_have_text("2")
        assert page.locator(".filters a").count() == 1
    assert not page.locator(".chart a.slot").count()
    hour = page.locator("h1").inner_text()
    page.click("text=Before this")
    expect(page.locator("h1")).not_to_have_text(hour)
    expect(page.locator(".tiles dd").nth(2)).to_have_text("0")
    page.click("text=After this")
    expect(page.locator("h1")).to_have_text(hour)
    page.click("text=Other days")
    page.fill("[name=from]", "2026-01-05")
    page.fill("[name=to]", "2026-02-04")
    page.click("text=Show")
    expect(page.locator("h1")).to_have_text("5 January – 4 February 2026")
    assert page.locator(".filters a").count() == 1 and page.locator(".chart .slot").count() == 31


def test_keys_choose_a_range_lead_to_pages_and_search(running):
    look_around(running)
    page = running.owner().new_page()
    page.goto(f"{running.url}/")
    page.keyboard.press("w")
    expect(page.locator("h1")).to_have_text("7 days")
    page.wait_for_load_state()  # until its script listens
    page.keyboard.press("[")
    expect(page.locator("h1")).not_to_have_text("7 days")
    page.wait_for_load_state()  # until its script listens
    before = page.locator("h1").inner_text()
    page.keyboard.press("]")
    expect(page.locator("h1")).not_to_have_text(before)
    page.wait_for_load_state()  # until its script listens
    page.keyboard.press("v")
    expect(page.locator("h1")).to_have_text("Visitors")
    page.wait_for_load_state()  # until its script listens
    who = page.locator("a.who").first.inner_text()
    page.keyboard.press("/")
    page.keyboard.type(who)
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text(who)
    page.wait_for_load_state()  # until its script listens
    page.keyboard.press("/")
    page.keyboard.type("woldy")  # letters are letters where somebody types
    expect(page.locator("[name=q]")).to_have_value("woldy")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Nobody")
    page.wait_for_load_state()  # until its script listens


def test_keys_are_listed_and_can_be_turned_off(running):
    page = running.owner().new_page()
    page.goto(f"{running.url}/")
    page.keyboard.press("?")
    listed = page.locator("#keys-table tr")
    expect(listed.filter(has_text="Search for a visitor").locator("kbd")).to_have_text("/")
    expect(listed.filter(has_text="30 days").locator("kbd")).to_have_text("m")
    keys = page.locator("#keys-table kbd").all_inner_texts()
    assert len(keys) == len(set(keys)) == page.locator("[data-key]").count() + 1
    page.keyboard.press("m")  # not while they are read
    page.click("#keys-on")
    page.keyboard.press("Escape")
    page.keyboard.press("m")
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_hidden()
    page.reload()
    page.keyboard.press("m")
    page.click("#keys-open")
    expect(page.locator("#keys-on")).not_to_be_checked()
    expect(page.locator("h1")).to_have_text("Today")
    page.click("#keys-on")
    page.click("text=Close")
    page.keyboard.press("Control+m")
    expect(page.locator("h1")).to_have_text("Today")
    page.keyboard.press("m")
    expect(page.locator("h1")).to_have_text("30 days")


def test_a_key_that_is_typed_with_altgr_is_taken_and_one_with_ctrl_and_alt_is_not(running):
    """On Windows AltGr is Ctrl and Alt, and on many keyboards it is needed for a bracket."""
    page = running.owner().new_page()
    page.goto(f"{running.url}/")
    press = """more => document.body.dispatchEvent(new KeyboardEvent(
        "keydown", {key: "[", ctrlKey: true, altKey: true, bubbles: true, cancelable: true, ...more}))"""
    assert page.evaluate(press, {})
    assert not page.evaluate(press, {"modifierAltGraph": True})
    expect(page.locator("h1")).not_to_have_text("Today")


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


@pytest.mark.parametrize("way", ["a page of it", "the printed address"])
def test_who_follows_a_link_from_elsewhere_is_not_asked_for_the_token_again(running, way):
    """A mail, a chat, a note: a page of another site (localhost is another one than 127.0.0.1)."""
    path = "/visitors?range=7d" if way == "a page of it" else f"/?token={running.token}"
    link = SitePage("A chat", body=f'<a href="{running.url}{path}">The report</a>')
    running.journey.complaints.clear()
    elsewhere = running.journey.site(home=link)
    owner = running.owner() if way == "a page of it" else running.journey.person()
    page = owner.new_page()
    page.goto(elsewhere.url.replace("127.0.0.1", "localhost"))
    page.click("a")
    expect(page.locator("h1")).to_have_text("Visitors" if way == "a page of it" else "Today")
    page.reload()
    expect(page.locator("h1")).to_have_text("Visitors" if way == "a page of it" else "Today")


def test_without_a_script_every_page_says_the_same(running):
    look_around(running)
    owner = running.owner(java_script_enabled=False)
    page = owner.new_page()
    page.goto(f"{running.url}/")
    expect(page.locator(".tiles dd").first).to_have_text("1")
    page.click("nav >> text=30 days")
    expect(page.locator("h1")).to_have_text("30 days")
    page.click(".chart summary")
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
    assert poll(lambda: (tab.evaluate("0"), bool(held))[1], True)
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


def stream_of(*messages: tuple[str, dict[str, object]]) -> str:
    return "".join(f"event: {kind}\ndata: {json.dumps(data)}\n\n" for kind, data in messages)


def line_of(seq: int, lane: str = "person") -> dict[str, object]:
    words = {"who": "w", "label": f"line {seq}", "detail": "", "where": "", "clock": "", "iso": "", "evidence": ""}
    told = {
        "seq": seq,
        "time": 0,
        "received": 0,
        "uuid": "u",
        "kind": "click",
        "group": "click",
        "action": "link.click",
    }
    return {**told, **words, "lane": lane, "lane_word": lane}


def shown_on(page: Page) -> list[float]:
    return [float(item.get_attribute("data-seq") or 0) for item in page.locator("#feed li").all()]


@pytest.mark.parametrize("paused", [False, True])
def test_a_line_is_shown_once_and_in_its_place_however_often_it_is_told(running, paused):
    """The list that the page came with and the stream may overlap, and so may two streams, one after the other."""
    look_around(running)
    page = running.owner().new_page()
    held: list[Route] = []
    page.route("**/live/stream?*", lambda route: held.append(route))
    page.goto(f"{running.url}/live")
    expect(page.locator("#state")).to_have_text("Connecting")
    before = shown_on(page)
    assert {1, 2} <= {*before}
    if paused:
        page.click("#pause")
    told, late = (
        ("lines", {"now": 0, "turned": [], "lines": [*map(line_of, seqs)]}) for seqs in ((2, 900, 900, 903), (902,))
    )
    answer = stream_of(told, late, ("skipped", {"n": 7, "seq": 900, "text": "and 7 more"}), told)
    held.pop(0).fulfill(content_type="text/event-stream", body=answer)
    expect(page.locator("#state")).to_have_text("Not connected; trying again")
    if paused:
        assert shown_on(page) == before
        page.click("#pause")
    assert shown_on(page) == [903, 902, 900, 899.5, *before]
    expect(page.locator("#feed .more")).to_have_text("and 7 more")


def test_of_events_that_are_too_many_at_once_the_page_says_how_many_there_were(running):
    page = running.owner().new_page()
    page.goto(f"{running.url}/live")
    expect(page.locator("#state")).to_have_text("Listening")
    with page.expect_response("**/live/lines.json"):
        page.check("#bots")
    writer = SqliteWriter(running.front.store, durability="process", rules=None)
    visits = [replace(VISIT, id=n.to_bytes(16, "big"), uuid=n.to_bytes(16, "big")) for n in range(1, 251)]
    writer.append(visits)
    expect(page.locator("#feed li")).to_have_count(201)
    expect(page.locator("#feed li").last).to_have_text("and 50 more")
    page.click("#pause")
    visits = [replace(VISIT, id=n.to_bytes(16, "big"), uuid=n.to_bytes(16, "big")) for n in range(301, 1_101)]
    for begin in range(0, 800, 100):
        writer.append(visits[begin : begin + 100])
        expect(page.locator("#state")).to_have_text(f"{begin + 100} waiting")
    writer.close()
    page.click("#pause")
    # 500 are held, of which there is room for 300.
    expect(page.locator("#feed li")).to_have_count(300)
    running.journey.complaints.clear()


def test_a_filter_narrows_what_is_shown_and_what_comes(running):
    page = running.owner().new_page()
    page.goto(f"{running.url}/live")
    expect(page.locator("#state")).to_have_text("Listening")
    shown, click = page.locator("#feed li:visible"), page.locator("#feed li.click:visible")
    page.keyboard.press("4")
    expect(page.locator("#nothing")).to_have_text(
        "Nothing of this kind has come yet. Bots are not shown. Show all events"
    )
    expect(page).to_have_url(f"{running.url}/live?kind=click")
    look_around(running)
    expect(click.first).to_contain_text("Spring sale")
    expect(page.locator("#feed li.visit:not(.unproven)")).to_have_count(2)  # hidden, and turned meanwhile
    assert shown.count() == click.count()
    before = shown.count()
    page.click("#pause")
    look_around(running)
    expect(page.locator("#state")).to_have_text(f"{before} waiting")  # clicks, of more that came
    assert shown.count() == before
    page.click("text=Visits")
    expect(shown).to_have_count(2)
    expect(shown.first).to_contain_text("Visited page The range")
    expect(page.locator("#state")).to_have_text("2 waiting")
    page.keyboard.press("t")
    page.keyboard.type("/RANGE")
    expect(shown).to_have_count(1)
    expect(page.locator("#state")).to_have_text("1 waiting")
    page.click("#pause")
    expect(shown).to_have_count(2)
    expect(page).to_have_url(f"{running.url}/live?kind=visit&q=%2FRANGE")
    page.reload()
    expect(page.locator("#state")).to_have_text("Listening")
    expect(shown).to_have_count(2)
    look_around(running)
    expect(shown).to_have_count(3)
    page.check("[name=unusual]")
    expect(page.locator("#sift [aria-current]")).to_have_text("Hovers")
    expect(page.locator("#nothing")).to_contain_text("Nothing of this kind has come yet.")
    shot(page, "live-nothing")
    page.click("text=Show all events")
    expect(page).to_have_url(f"{running.url}/live")
    expect(page.locator("#feed li.visit:visible")).to_have_count(6)
    expect(page.locator("#feed li.session:visible")).to_have_count(3)
    assert shown_on(page) == sorted(shown_on(page), reverse=True)
    assert page.locator("#sift [name=q]").input_value() == "" and not page.is_checked("[name=unusual]")


def test_a_filter_works_without_a_script(running):
    look_around(running)
    page = running.owner(java_script_enabled=False).new_page()
    page.goto(f"{running.url}/live")
    page.click("text=Visits")
    expect(page.locator("#feed li")).to_have_count(2)
    page.fill("#sift [name=q]", "/range")
    page.click("#sift button")
    expect(page).to_have_url(f"{running.url}/live?kind=visit&q=%2Frange")
    expect(page.locator("#feed li")).to_have_count(1)
    page.check("[name=unusual]")
    page.click("#sift button")
    expect(page.locator("#nothing")).to_be_visible()
    page.click("text=Show all events")
    expect(page.locator("#feed li.visit")).to_have_count(2)


def test_what_a_filter_hides_takes_no_place_of_what_is_shown(running):
    """Of thousands of hidden lines the last are kept; what is asked for afterwards has no gap."""
    look_around(running)
    page = running.owner().new_page()
    page.goto(f"{running.url}/live?kind=visit")
    expect(page.locator("#state")).to_have_text("Listening")
    shown = page.locator("#feed li:visible")
    expect(shown).to_have_count(2)
    writer = SqliteWriter(running.front.store, durability="process", rules=None)
    for begin in range(1, 1_001, 100):
        visits = [
            replace(VISIT, id=n.to_bytes(16, "big"), uuid=n.to_bytes(16, "big")) for n in range(begin, begin + 100)
        ]
        writer.append(visits)
        newest = page.locator("#feed li").first
        expect(newest.locator(".who")).to_have_attribute("href", re.compile(f"{begin + 99:012x}$"))
    writer.close()
    expect(shown).to_have_count(2)
    expect(page.locator("#feed li")).to_have_count(702)
    page.check("#bots")
    expect(shown).to_have_count(300)
    page.uncheck("#bots")
    expect(shown).to_have_count(2)
    page.click("text=Hovers")
    expect(page.locator("#nothing")).to_contain_text("Nothing of this kind has come yet. Bots are not shown.")
    running.journey.complaints.clear()


VISIT = Visit(
    id=b"",
    uuid=b"",
    time=1_700_000_000_000,
    host="shop.example",
    path="/",
    uri="https://shop.example/",
    bot=True,
    cookie_came_back=False,
    referrer=None,
    upstream_ms=None,
    facts=(("nav", "navigate"), ("status", 200)),
    session_facts=(),
)


def clicked(running: Running, times: int) -> tuple[int, float, float]:
    """(events, median, p95) that the live page shows, in ms, after so many clicks on the site."""
    page = running.owner().new_page()
    page.goto(f"{running.url}/live")
    expect(page.locator("#state")).to_have_text("Listening")
    tab = running.journey.person().new_page()
    tab.goto(f"{running.front.url}/")
    tab.wait_for_load_state()
    clicks = page.locator("#feed li.click").filter(has_text="Spring sale")
    before = clicks.count()  # of an earlier round
    for n in range(times):
        tab.click("#on")
        expect(clicks).to_have_count(before + n + 1)
    shown = page.locator("#prompt td")
    count = int(shown.nth(3).inner_text())
    median, p95 = (float(shown.nth(n).get_attribute("data-ms") or "nan") for n in (1, 2))
    print(f"from a click to its line: median {median} ms, p95 {p95} ms of {count}")
    shot(page, "live-clicks")
    page.close()
    tab.close()
    return count, median, p95


@pytest.mark.alone
def test_from_a_click_to_its_line_it_takes_less_than_a_tenth_of_a_second(running):
    """As the page itself says. On a machine that is busy with other things one quiet round of six is enough."""
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
