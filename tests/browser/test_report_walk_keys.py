"""Somebody uses the report by its keys, all that its `?` lists on any screen; and narrows the live page."""

from collections.abc import Callable, Iterator
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from fronts import poll
from looking import Looking, looking, opened
from playwright.sync_api import Locator, expect
from shopping import HOST, NOW, ORIGIN

from proxy.store.base import Visit
from proxy.visitors.ids import event_id, visitor_id

DAYS = 3
STAYS = "window.hasStayed = true"
HAS_STAYED = """() => Boolean(window.hasStayed && !document.querySelector("dialog[open]"))"""
"""Whether nothing has led to another page, nor opened the list of keys."""
STATE = """() => [location.href, document.activeElement.tagName, ...document.querySelectorAll(
    "[aria-current], [aria-pressed], :checked")].map(one => one.outerHTML || one)"""
FOCUS_IS_OUT = "() => !document.activeElement.closest('#keys')"
"""A browser takes the focus out of what is hidden when it draws next, not at once."""
SHOWN = """() => [...document.querySelectorAll("#feed li:not([hidden])")].map(item => Number(item.dataset.seq))"""

GROUPS_SHOWN = """() => [...document.querySelectorAll("#feed li:not([hidden])")].map(item => item.dataset.group)"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    with opened(tmp_path_factory.mktemp("shop"), DAYS) as site:
        yield site


@pytest.fixture
def owner(engine, shop) -> Iterator[Looking]:
    with looking(engine, shop) as one:
        yield one


def live(one: Looking) -> None:
    one.open("/live")
    expect(one.page.locator("#state")).to_have_text("Listening")


def screens(one: Looking) -> list[str]:
    """Where the navigation leads to."""
    return [link.get_attribute("href") for link in one.page.locator("nav[aria-label=Report] a").all()]


def listed(one: Looking) -> dict[str, str]:
    """{key: what it does}, as the screen lists its keys by `?`; Escape closes the list."""
    one.page.keyboard.press("?")
    expect(one.page.locator("#keys")).to_be_visible()
    rows = [row.inner_text().split("\t") for row in one.page.locator("#keys-table tr").all()]
    one.page.keyboard.press("Escape")
    expect(one.page.locator("#keys")).to_be_hidden()
    one.page.wait_for_function(FOCUS_IS_OUT)
    assert len({key for key, _ in rows}) == len(rows), "a key for two things"
    return {key.strip(): does.strip() for key, does in rows}


# What a key does, by what it presses -------------------------------------------------------------------------------


def leads(one: Looking, key: str, link: Locator) -> None:
    href = link.get_attribute("href")
    one.press(key)
    assert one.address == href and one.heading()


def shows(one: Looking, **wanted: str) -> None:
    """The live page shows the latest events that are wanted, and its address says so."""
    asked = {name: value for name, value in wanted.items() if value}
    expect(one.page).to_have_url(f"{one.url}/live" + (f"?{urlencode(asked)}" if asked else ""))
    lines = one.site.json(f"/live.json?{urlencode({**asked, 'bots': '0'})}")["lines"]
    seqs = sorted((line["seq"] for line in lines), reverse=True)
    assert poll(lambda: one.page.evaluate(SHOWN)[: len(seqs)], seqs) == seqs  # and of earlier ones what there was
    if kind := wanted.get("kind"):
        assert {*one.page.evaluate(GROUPS_SHOWN)} == {kind}


def sifts(one: Looking, key: str, link: Locator) -> None:
    one.page.keyboard.press(key)
    expect(link).to_have_attribute("aria-current", "true")
    shows(one, kind=link.get_attribute("data-kind"))


def ticks(one: Looking, key: str, box: Locator) -> None:
    live(one)
    one.page.keyboard.press(key)
    expect(box).to_be_checked()
    shows(one, kind="hover", unusual="1")
    assert one.page.locator("#feed li:visible .evidence:empty").count() == 0
    one.page.keyboard.press(key)
    expect(box).not_to_be_checked()


def pauses(one: Looking, key: str, button: Locator) -> None:
    """What comes waits meanwhile."""
    live(one)
    before = one.page.evaluate(SHOWN)
    one.page.keyboard.press(key)
    expect(button).to_have_attribute("aria-pressed", "true")
    at, uuid, facts = NOW - 1_000, visitor_id(b"somebody who is new"[:16]), (("nav", "navigate"), ("status", 200))
    told = (HOST, "/about", f"{ORIGIN}/about", False, False, None, 5, facts, ())
    one.site.write(Visit(event_id(at, b"0123456789"), uuid, at, *told))
    expect(one.page.locator("#state")).to_have_text("2 waiting")  # a session, and its first page
    assert one.page.evaluate(SHOWN) == before
    one.page.keyboard.press(key)
    expect(button).to_have_attribute("aria-pressed", "false")
    assert poll(lambda: one.page.evaluate(SHOWN)[2:], before) == before
    expect(one.page.locator("#feed li.visit").first).to_contain_text("/about")


def types(one: Looking, key: str, field: Locator) -> None:
    """Where somebody types, keys are letters."""
    one.page.evaluate(STAYS)
    one.page.keyboard.press(key)
    expect(field).to_be_focused()
    every = "".join(one.page.evaluate("[...document.querySelectorAll('[data-key]')].map(one => one.dataset.key)"))
    one.page.keyboard.type(f"{every}?")
    expect(field).to_have_value(f"{every}?")
    assert one.page.evaluate(HAS_STAYED)
    field.fill("")
    field.blur()


BY_ELEMENT: dict[str, Callable[[Looking, str, Locator], None]] = {
    "a[data-kind]": sifts,
    "a": leads,
    "input[type=search]": types,
    "input[type=checkbox]": ticks,
    "button[aria-pressed]": pauses,
}


def test_every_key_that_a_screen_lists_does_what_it_says(owner):
    done: set[tuple[str, str]] = set()
    for path in screens(owner):
        owner.open(path)
        for key, does in listed(owner).items():
            if (key, does) in done or key == "?":
                continue
            if owner.address != path:
                owner.open(path)
            element = owner.page.locator(f'[data-key="{key}"]')
            assert element.count() == 1
            kind = next((one for one in BY_ELEMENT if element.evaluate("(it, one) => it.matches(one)", one)), None)
            assert kind is not None, f"nobody has tried {key} yet: {does}"
            BY_ELEMENT[kind](owner, key, element)
            done.add((key, does))
    assert {"o", "v", "p", "l", "/", "d", "w", "[", "1", "7", "u", "t", "s"} <= {key for key, _ in done}


@pytest.mark.parametrize("held", ["Control", "Alt", "Meta"])
def test_no_key_is_taken_together_with_one_that_is_the_browsers(owner, held):
    for path in ("/", "/live"):
        owner.open(path)
        keys = listed(owner)
        owner.page.evaluate(STAYS)
        before = owner.page.evaluate(STATE)
        for key in keys:
            owner.page.keyboard.press(f"{held}+{key}")
        assert owner.page.evaluate(HAS_STAYED) and owner.page.evaluate(STATE) == before


def test_no_key_is_taken_where_a_day_is_typed(owner):
    owner.page.click("text=Other days")
    owner.page.evaluate(STAYS)
    owner.page.focus("[name=from]")
    owner.page.keyboard.type("vwp[/?")
    assert owner.page.evaluate(HAS_STAYED)
    owner.page.keyboard.type("01022026")
    expect(owner.page.locator("[name=from]")).not_to_have_value("")


def test_the_live_page_is_narrowed_by_a_text_and_shows_bots_where_they_are_wanted(owner):
    live(owner)
    owner.page.keyboard.press("t")
    owner.page.keyboard.type("/CHECKOUT")
    shows(owner, q="/CHECKOUT")
    who = owner.site.json("/live.json?bots=0")["lines"][-1]["uuid"]
    owner.page.fill("#sift [name=q]", who[:8])
    shows(owner, q=who[:8])
    assert {*owner.page.locator("#feed li:visible .who").all_inner_texts()} == {who[:8]}
    owner.page.fill("#sift [name=q]", "nothing that is there")
    expect(owner.page.locator("#nothing")).to_be_visible()
    owner.page.click("text=Show all events")
    expect(owner.page.locator("#bots")).to_be_checked()
    seqs = [line["seq"] for line in owner.site.json("/live.json")["lines"]][::-1]
    assert poll(lambda: owner.page.evaluate(SHOWN)[: len(seqs)], seqs) == seqs
    owner.is_in_order()


def test_the_live_page_is_narrowed_by_links_and_a_form_where_no_script_runs(engine, shop):
    with looking(engine, shop, java_script_enabled=False) as plain:
        plain.open("/live")
        links = plain.page.locator("#sift [data-kind]")
        for place in range(links.count()):
            plain.follow(links.nth(place))
            lines = plain.as_json()["lines"]
            assert lines and plain.page.locator("#feed li").count() == len(lines)
        plain.is_in_order()
        plain.follow(links.first)
        for name, value in (("q", "/checkout"), ("unusual", "1")):
            if name == "q":
                plain.page.fill("#sift [name=q]", value)
            else:
                plain.page.check("#sift [name=unusual]")
            plain.follow("#sift button")
            assert (name, value) in parse_qsl(urlsplit(plain.address).query)
            assert plain.page.locator("#feed li").count() == len(plain.as_json()["lines"])
