"""Somebody walks through the report of a shop: opens every screen and uses every filter, with a script and without one.
Keys and the live page are in test_report_walk_keys.py, pictures in test_report_pictures.py.
"""

import re
from collections.abc import Iterator
from contextlib import closing
from typing import get_args
from urllib.parse import parse_qsl, urlsplit

import pytest
from looking import Looking, Numbers, looking, opened, screens_of
from playwright.sync_api import Locator, expect
from reports import TOKEN
from shopping import NAMES, NOW

from proxy.report.chosen import DEVICE, DID, KEYS, Chosen, filters_of
from proxy.report.numbers import count
from proxy.report.pages import device_word
from proxy.store.questions import Filter
from proxy.store.sqlite.questions import SqliteQuestions

DAYS = 15
"""As much as a week is compared with."""
WEEK = "/?range=7d"
PICKED = """() => [...document.querySelectorAll("main section a.pick[href^='/?']")].map(link =>
    [link.closest("section").getAttribute("aria-labelledby"), link.getAttribute("href")])"""
"""All rows of the overview that narrow it: the name of the card, and the address."""
ROW = """link => [...link.closest("tr, .funnel > span").querySelectorAll("data")].map(data => Number(data.value))"""
"""The numbers of a row, of its link."""


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    with opened(tmp_path_factory.mktemp("shop"), DAYS) as site:
        yield site


@pytest.fixture
def owner(engine, shop) -> Iterator[Looking]:
    with looking(engine, shop) as one:
        yield one


@pytest.fixture
def plain(engine, shop) -> Iterator[Looking]:
    """Somebody whose browser runs no scripts: whatever works for them works for everybody."""
    with looking(engine, shop, java_script_enabled=False) as one:
        yield one


@pytest.fixture(params=["owner", "plain"])
def anybody(request) -> Looking:
    return request.getfixturevalue(request.param)


# Screens -----------------------------------------------------------------------------------------------------------


def search(one: Looking) -> None:
    one.page.fill(".search [name=q]", "nobody at all")
    with one.page.expect_navigation():
        one.page.press(".search [name=q]", "Enter")
    assert one.heading() == "Nobody"


def visitor(one: Looking) -> None:
    one.open("/visitors?range=7d")
    who = one.page.locator("a.who").last
    name = who.inner_text()
    one.follow(who)
    assert one.heading() == name


def forget(one: Looking) -> None:
    visitor(one)
    uuid = one.page.locator(".uuid").inner_text()
    one.follow("text=Forget this visitor")
    assert one.heading() == "Forget this visitor?"
    one.is_in_order()
    one.follow(one.page.get_by_role("button", name="Forget", exact=True))
    assert one.heading() == "Forgotten"
    one.is_in_order()
    assert uuid not in {row["uuid"] for row in one.site.json("/visitors.json?range=7d")["visitors"]["rows"]}


BY_THEIR_WAYS = {"/search": search, "/visitors/{uuid:str}": visitor, "/visitors/{uuid:str}/forget": forget}
"""How somebody comes to the screens that no navigation leads to."""


def test_every_screen_is_opened_by_its_way_through_the_report(anybody):
    seen = set()
    links = anybody.page.locator("nav[aria-label=Report] a")
    for place in range(links.count()):
        anybody.follow(links.nth(place))
        path = urlsplit(anybody.address).path
        expect(anybody.page.locator("nav[aria-label=Report] [aria-current=page]")).to_have_attribute("href", path)
        assert anybody.page.title() == f"{anybody.heading()} · footfall"
        anybody.is_in_order()
        seen.add(path)
    for path, way in BY_THEIR_WAYS.items():
        way(anybody)
        anybody.is_in_order()
        seen.add(path)
    assert seen == screens_of(anybody.site)


THINGS = [
    *((path, "table a.pick[href*='of=']") for path in ("/paths", "/forms", "/attention", "/explore")),
    *(("/errors", f"[aria-labelledby={card}] a.pick") for card in ("failed", "slow")),
]
"""Screens that are about one thing as well, and what leads there."""


@pytest.mark.parametrize(("path", "link"), THINGS)
def test_the_screen_of_one_thing_is_opened_from_the_list_of_them(plain, path, link):
    plain.open(f"{path}?range=7d")
    assert plain.as_json()["of"] is None
    plain.follow(link)
    assert urlsplit(plain.address).path == path and plain.as_json()["of"]
    plain.is_in_order()


def test_all_screens_that_are_about_one_thing_are_among_those(shop):
    lists = {path for path in screens_of(shop) if path.count("/") == 1 and path != "/" and path != "/search"}
    assert {path for path in lists if "of" in shop.json(f"{path}.json?range=7d")} == {path for path, _ in THINGS}


def test_the_screens_of_strangers_and_of_wrong_addresses(owner):
    page = owner.page
    owner.context.clear_cookies()
    page.goto(f"{owner.url}/requests?range=7d")
    expect(page.locator("h1")).to_have_text("Sign in")
    page.fill("#token", "not this one")
    page.click("button")
    expect(page.locator("[role=alert]")).to_be_visible()
    page.fill("#token", TOKEN)
    page.click("button")
    expect(page.locator("h1")).to_have_text("Requests")
    page.goto(f"{owner.url}/no-such-page")
    expect(page.locator("h1")).to_have_text("There is nothing here")
    assert [re.search("[0-9]{3}", said)[0] for said in owner.complaints] == ["401", "401", "404"]
    owner.complaints.clear()


# Rows that are filters ---------------------------------------------------------------------------------------------


def rows_of_each_kind(one: Looking) -> dict[tuple[str, ...], str]:
    """{the card, what is filtered by, and what was done: the address of the first such row}"""
    found: dict[tuple[str, ...], str] = {}
    for card, href in one.page.evaluate(PICKED):
        key, text = [pair for pair in parse_qsl(urlsplit(href).query) if pair[0] in KEYS][-1]
        deed = text.partition(" ")[0].rpartition(".")[2] if key == DID else ""
        found.setdefault((card, key, deed), href)
    return found


def narrowed(one: Looking, card: str, href: str) -> Numbers:
    """A click on a row: what it says stays as it is, and every card is of its sessions."""
    row = one.page.locator(f'[aria-labelledby={card}] a.pick[href="{href}"]')
    said, chips = row.evaluate(ROW), one.page.locator(".filters a").count()
    one.follow(row)
    assert one.address == href
    chip = one.page.locator(".filters a").last
    expect(one.page.locator(".filters a")).to_have_count(chips + 1)
    model = one.as_json()
    told = model["filters"][-1]
    text = device_word(told["text"]) if told["kind"] == DEVICE else told["text"]
    assert text in chip.inner_text() or told.get("channel") == "direct"
    if card == "next":  # it is about the page that was chosen now
        assert model["next"]["of"] == {"host": told["host"], "path": told["path"]}
    else:
        kept = slice(0, 1) if card == "slow" else slice(None)  # all its views are of fewer sessions, too
        assert row.evaluate(ROW)[kept] == said[kept]
    return one.agrees(model)


def test_every_kind_of_row_narrows_every_card_and_goes_away_again(anybody):
    anybody.open(WEEK)
    whole, kinds = anybody.agrees(), rows_of_each_kind(anybody)
    assert {key for _, key, _ in kinds} == {*KEYS}
    asked = [Chosen(*pair) for href in kinds.values() for pair in parse_qsl(urlsplit(href).query) if pair[0] in KEYS]
    with closing(SqliteQuestions(anybody.site.store, question_seconds=5)) as reader:
        assert {type(one) for one in filters_of(reader, asked, 0, NOW)} == {*get_args(Filter)}
    for kind, href in kinds.items():
        fewer = narrowed(anybody, kind[0], href)
        assert 0 < fewer["Totals"][1] < whole["Totals"][1], kind
        anybody.follow(".filters a")
        assert anybody.address == f"{WEEK}&lane=person" and anybody.numbers() == whole, kind


def test_filters_add_up_go_along_to_other_pages_and_go_away_one_by_one(owner):
    owner.open(WEEK)
    whole = owner.agrees()
    first = narrowed(owner, "pages", rows_of_each_kind(owner)["pages", "page", ""])
    both = narrowed(owner, "sources", rows_of_each_kind(owner)["sources", "source", ""])
    assert both["Totals"][1] < first["Totals"][1] < whole["Totals"][1]
    kept = owner.page.locator(".filters a").all_inner_texts()
    for name, link in (("Visitors", ".tiles a.pick"), ("Paths", "[aria-labelledby=pages] .note a")):
        owner.follow(link)
        assert owner.heading() == name and owner.page.locator(".filters a").all_inner_texts() == kept
        owner.is_in_order()
        if name == "Visitors":
            assert owner.page.locator("tbody tr").count() == both["Totals"][0]
        owner.page.go_back()
    owner.follow(".filters a >> nth=0")
    assert owner.page.locator(".filters a").all_inner_texts() == kept[1:]
    assert first["Totals"][1] != owner.agrees()["Totals"][1] < whole["Totals"][1]
    owner.follow(".filters a")
    assert owner.numbers() == whole


@pytest.mark.parametrize(
    "path", [WEEK, *(f"/{name}?range=7d" for name in ("visitors", "forms", "attention", "errors", "explore"))]
)
def test_lanes(plain, path):
    plain.open(path)
    links = plain.page.locator("nav[aria-label=Lane] a")
    found = []
    for place in range(links.count()):
        plain.follow(links.nth(place))
        expect(links.nth(place)).to_have_attribute("aria-current", "true")
        found.append(plain.as_json()["lane"])
        plain.is_in_order()
        if path == WEEK:
            plain.agrees()
    assert found == ["person", "unproven", "bot"]


# Time --------------------------------------------------------------------------------------------------------------


def days(one: Looking, first: str, last: str) -> None:
    """What the form for other days leads to."""
    one.page.click("text=Other days")
    one.page.fill("[name=from]", first)
    one.page.fill("[name=to]", last)
    one.follow("details.days button")


def test_every_range_steps_between_them_and_what_they_are_compared_with(plain):
    links = plain.page.locator("nav[aria-label=Range] a")
    for place in range(links.count()):
        name = links.nth(place).inner_text()
        plain.follow(links.nth(place))
        assert plain.heading() == name
        plain.agrees()
        earlier = plain.as_json()["earlier"]
        if earlier is not None:
            expect(plain.page.locator(".tiles .note")).to_have_text(f"Changes are against {earlier['label']}.")
            was = f"{count(earlier['totals']['views'])}, {earlier['label']}"
            expect(plain.page.locator(".tiles dd").nth(2).locator("small")).to_have_attribute("title", was)
    plain.follow("nav[aria-label=Range] a >> text=Yesterday")
    now, then = plain.agrees(), plain.as_json()["earlier"]["totals"]
    plain.follow("[rel=prev]")
    assert plain.heading() == "15 June 2026" and plain.as_json()["totals"] == then
    plain.agrees()
    plain.follow("[rel=next]")
    assert plain.heading() == "16 June 2026" and plain.agrees() == now
    days(plain, "2026-06-10", "2026-06-16")
    assert plain.heading() == "10 – 16 June 2026"
    assert len(plain.as_json()["series"]) == 7
    plain.agrees()


def test_a_column_is_opened_down_to_five_minutes_with_what_it_counted(plain):
    plain.open(WEEK)
    for bars in (24, 12):
        series = plain.as_json()["series"]
        place = max(range(len(series)), key=lambda at: series[at]["views"])
        plain.follow(plain.page.locator(".chart a.slot").nth(place))
        assert plain.page.locator(".chart .slot").count() == bars
        shown = plain.agrees()["Totals"]
        assert (shown[0], shown[2]) == (series[place]["visitors"], series[place]["views"])
    assert plain.page.locator(".chart a.slot").count() == 0


# One thing ---------------------------------------------------------------------------------------------------------


def picked(one: Looking, link: Locator) -> None:
    """A click on a row that leads to a page about one thing, and what it says there is what its JSON says."""
    before = one.address
    one.follow(link)
    assert one.address != before
    one.is_in_order()


def test_paths_around_a_page_and_a_form_by_itself(plain):
    plain.open("/paths?range=7d")
    for card in ("trails", "around"):
        link = plain.page.locator(f"[aria-labelledby={card}] a.pick").last
        name = link.inner_text()
        picked(plain, link)
        assert plain.heading() == f"Paths around {name}" and plain.as_json()["flow"]["times"] > 0
        picked(plain, plain.page.locator(".flow a text").last)
        assert plain.heading().startswith("Paths around ") and plain.heading() != f"Paths around {name}"
        plain.follow("text=All paths")
        assert plain.heading() == "Paths" and plain.as_json()["of"] is None
    plain.open("/forms?range=7d")
    link = plain.page.locator("a.pick").first
    name = link.inner_text()
    picked(plain, link)
    assert plain.heading() == name == plain.as_json()["of"]["name"]
    plain.follow("text=All forms")
    assert plain.heading() == "Forms"


def test_a_visitor_is_found_by_their_uuid_its_beginning_and_as_a_customer(owner):
    owner.open("/visitors?range=7d")
    who = owner.page.locator("a.who").first.get_attribute("href").rpartition("/")[2]
    of_a_customer = (one for one in NAMES if owner.site.json(f"/search.json?q={one}")["how"] == "customer")
    for wanted in (who, who[:8], next(of_a_customer)):
        found = owner.site.json(f"/search.json?q={wanted}")["visitors"]
        owner.page.fill(".search [name=q]", wanted)
        with owner.page.expect_navigation():
            owner.page.press(".search [name=q]", "Enter")
        if len(found) == 1:
            assert owner.page.locator(".uuid").inner_text() == found[0]["uuid"]
        else:
            assert owner.page.locator("a.uuid").all_inner_texts() == [row["uuid"] for row in found]
        owner.is_in_order()
