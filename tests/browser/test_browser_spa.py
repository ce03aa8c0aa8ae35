"""Single-page applications before the whole product: what is stored is what the visitor has seen and done.

A walk is compared to a model that knows addresses, history and the rules of EVENTS.md section 6, and nothing of how
they are kept.
"""

import contextlib
import os
import random
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from applications import copyparty, needs_copyparty
from fronts import poll, proxied
from playwright.sync_api import Page as Tab
from telling import read_events
from upstream_site import Page

STEPS = int(os.environ.get("SPA_STEPS", "25"))
SPA = {"FOOTFALL_CAPTURE__SPA": "true"}
PLACES = ("/shop", "/shop?page=2", "/shop?page=3", "/item/7", "/item/8?size=l", "/cart")
TITLE_MS = 150
"""How long after the address the application changes its title."""
QUIET_MS = 600
"""Longer than one address is one visit."""
APP = f"""<div id="app"><button data-track="Buy">Buy</button></div><script>
    const show = () => setTimeout(() => {{ document.title = "At " + location.pathname + location.search }}, {TITLE_MS});
    const go = (how, path) => {{ history[how + "State"]({{}}, "", path); show() }};
    addEventListener("popstate", show);
</script>"""
WITHOUT = '<script>Object.defineProperty(window, "navigation", {value: undefined})</script>'


@dataclass
class Model:
    """What a visitor has seen: (address, title, nav, referrer, step) of each view, and on which view each click was."""

    entries: list[str]
    index: int = 0
    views: list[tuple[str, str, str, str | None, int | None]] = field(default_factory=list)
    clicks: list[int] = field(default_factory=list)

    @property
    def here(self) -> str:
        return self.entries[self.index].partition("#")[0]

    def push(self, path: str) -> None:
        self.entries[self.index + 1 :] = [path]
        self.index += 1

    def replace(self, path: str) -> None:
        self.entries[self.index] = path

    def rest(self, nav: str = "spa", step: int | None = None) -> None:
        """The address has come to rest: a view, where it is another one or the page says so."""
        seen = self.views[-1][0]
        if self.here != seen or nav == "manual":
            self.views.append((self.here, f"At {self.here}", nav, seen, step))


class Walk:
    """A tab and its model, step by step."""

    def __init__(self, tab: Tab, seed: int) -> None:
        self.tab, self.random = tab, random.Random(seed)
        self.model = Model(["/shop"])
        self.model.views.append(("/shop", "Shop", "navigate", None, None))

    def step(self, number: int) -> None:
        acts = [self.push, self.replace, self.travel, self.fragment, self.burst, self.told, self.both, self.click]
        act = self.random.choices(acts, (5, 3, 4, 2, 3, 2, 2, 3))[0]
        act(number)
        self.quiet()

    def quiet(self) -> None:
        began = self.tab.evaluate("performance.now()")
        self.tab.wait_for_function(f"performance.now() > {began} + {QUIET_MS}", polling=20)

    def change(self, how: str) -> str:
        """What the page does, and the model."""
        path = self.random.choice(PLACES)
        (self.model.push if how == "push" else self.model.replace)(path)
        return f"go('{how}', '{path}')"

    def push(self, number: int) -> None:
        self.tab.evaluate(self.change("push"))
        self.model.rest()

    def replace(self, number: int) -> None:
        self.tab.evaluate(self.change("replace"))
        self.model.rest()

    def travel(self, number: int) -> None:
        by = self.random.choice([-3, -2, -1, -1, 1, 2])
        if 0 <= self.model.index + by < len(self.model.entries):
            self.tab.evaluate("by => new Promise(done => { addEventListener('popstate', done); history.go(by) })", by)
            self.model.index += by
            self.model.rest()

    def fragment(self, number: int) -> None:
        self.model.push(f"{self.model.here}#{number}")
        self.tab.evaluate("part => { location.hash = part }", str(number))

    def burst(self, number: int) -> None:
        changes = [self.change(self.random.choice(["push", "replace"])) for _ in range(self.random.randint(2, 6))]
        self.tab.evaluate(f"() => {{ {'; '.join(changes)} }}")
        self.model.rest()

    def told(self, number: int) -> None:
        """The application says so itself, twice."""
        self.tab.evaluate(
            f"document.title = 'At {self.model.here}'; footfall.visit({{step: {number}}}); footfall.visit()"
        )
        self.model.rest("manual", number)

    def both(self, number: int) -> None:
        """It says so as well."""
        change = self.change("push")
        if self.model.here == self.model.views[-1][0]:
            self.tab.evaluate(change)
        else:
            self.tab.evaluate(f"{change}; footfall.visit({{step: {number}}})")
            self.model.rest(step=number)

    def click(self, number: int) -> None:
        self.tab.click("button")
        self.model.clicks.append(len(self.model.views) - 1)


def pages_of_sessions(store: Path) -> list[int]:
    with contextlib.closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
        return [pages for (pages,) in connection.execute("SELECT pages FROM session")]


def left(store: Path) -> set[object]:
    """The pages that were left."""
    return {event.page for event in read_events(store)[0] if event.action == "page.leave"}


@pytest.mark.parametrize(("seed", "early"), [(1, ""), (2, ""), (3, WITHOUT)], ids=["told", "told again", "asked"])
def test_a_walk_is_stored_as_it_was(journey, seed, early):
    site = journey.site(shop=Page("Shop", head=early, body=APP))
    front = journey.front(site, **SPA)
    tab = journey.person().new_page()
    tab.goto(f"{front.url}/shop")
    walk = Walk(tab, seed)
    walk.quiet()
    for number in range(STEPS):
        walk.step(number)
    model = walk.model
    tab.goto("about:blank")  # a browser that closes at once takes along what its last page has not sent yet
    assert poll(lambda: len(left(front.store)), len(model.views)) == len(model.views)
    journey.leave()
    front.stop()
    events, confirmed = read_events(front.store)
    front.lines()  # and each of them has what such an event has
    visits = sorted((event for event in events if event.action == "page.visit"), key=lambda one: (one.time, one.seq))

    def short(uri: object) -> str | None:
        return None if uri is None else str(uri).removeprefix(front.url).partition("#")[0]

    seen = []
    for visit in visits:
        told = visit.params
        seen.append((short(told["uri"]), told["title"], told["nav"], short(told.get("referrer")), told.get("step")))
    assert seen == model.views
    assert len(model.views) > STEPS / 3 and {view[2] for view in model.views} == {"navigate", "spa", "manual"}
    numbers = {visit.id: number for number, visit in enumerate(visits)}
    clicks = sorted((event for event in events if event.action == "button.click"), key=lambda one: (one.time, one.seq))
    assert [numbers[click.page] for click in clicks] == model.clicks
    assert left(front.store) == set(numbers)
    assert len({visit.session for visit in visits}) == 1 and pages_of_sessions(front.store) == [len(model.views)]
    assert {visit.seq for visit in visits} <= confirmed
    assert [one.path for one in site.seen if one.path != "/favicon.ico"] == ["/shop"]
    assert journey.complaints == []


def test_who_closes_the_tab_right_after_a_change_has_seen_it(journey):
    site = journey.site(shop=Page("Shop", body=APP))
    front = journey.front(site, **SPA)
    tab = journey.person().new_page()
    tab.goto(f"{front.url}/shop")
    front.tells("A1 person session.start /shop", 'A1 person page.visit /shop "Shop" navigate 200 confirmed')
    tab.evaluate("history.pushState({}, '', '/cart'); document.title = 'Cart'")
    tab.close(run_before_unload=True)
    journey.ends(
        front,
        "A1 person session.start /shop",
        'A1 person page.visit /shop "Shop" navigate 200 confirmed',
        'A1 person page.visit /cart "Cart" spa confirmed from /shop',
    )


@needs_copyparty
def test_folders_of_copyparty_are_pages_although_it_asks_for_none(journey, tmp_path):
    with copyparty(tmp_path / "copyparty") as port:
        for folder in ("music/old", "texts"):
            os.makedirs(tmp_path / "copyparty" / "files" / folder)
        with proxied(tmp_path / "front", f"http://127.0.0.1:{port}", **SPA, FOOTFALL_CAPTURE__CLICK="off") as front:
            tab = journey.person().new_page()
            tab.goto(front.url)
            seen = [""]
            for link in ("music/", "music/old/", None, None, "texts/"):
                if link is None:
                    tab.go_back()
                    seen.append(seen[1] if len(seen) == 3 else "")
                else:
                    tab.locator(f"#files a[href^='/{link}']").first.click()
                    seen.append(link)
                tab.wait_for_url(f"{front.url}/{seen[-1]}")
                began = tab.evaluate("performance.now()")
                tab.wait_for_function(f"performance.now() > {began} + {QUIET_MS}")
            journey.leave()
            front.stop()
            events, _ = read_events(front.store)
    told = [event.params["uri"] for event in events if event.action == "page.visit"]
    assert told == [f"{front.url}/{path}" for path in seen]
