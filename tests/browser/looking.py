"""Somebody who looks through the report: what a page shows, and whether it says the same as the JSON of its address.

Law: what there is to look at is asked of the product (its routes, its navigation, its cards), so that what is new there
is looked at too, or is missed.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect
from reports import TOKEN, Site, T, report
from shopping import CUSTOMERS, DAYS, NOW, items
from starlette.routing import Route

from proxy.report.views import ROWS
from proxy.store.sqlite.writer import SqliteWriter
from proxy.visitors.sessions import Rules

WIDE, NARROW = {"width": 1280, "height": 1100}, {"width": 375, "height": 812}
ACTION_MS = 10_000
REFUSED_ROWS = 5
"""Of refused events on the overview."""
Model = Mapping[str, Any]
Numbers = dict[str, list[float]]

SHOWN = """() => {
    const found = {}, sections = document.querySelectorAll("main section, main nav.lanes");
    for (const one of sections) {
        const values = [...one.querySelectorAll("data")].map(data => Number(data.value));
        const name = one.getAttribute("aria-labelledby") || one.getAttribute("aria-label");
        if (name) found[name] = values;
    }
    return found;
}"""
"""What a page's sections show: {name: the numbers in their order}."""
SOME_NUMBERS = "() => [...document.querySelectorAll('main data')].map(data => Number(data.value))"


@dataclass
class Looking:
    """Somebody with the report open. `complaints`: what the browser said, and what was asked of anybody else."""

    context: BrowserContext
    page: Page
    site: Site
    complaints: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.site.served.port}"

    @property
    def address(self) -> str:
        """Where they are, within the report."""
        return self.page.url.removeprefix(self.url)

    def open(self, address: str) -> None:
        self.page.goto(f"{self.url}{address}")

    def follow(self, link: Locator | str) -> None:
        """A click that leads to another page."""
        found = self.page.locator(link).first if isinstance(link, str) else link
        with self.page.expect_navigation():
            found.click()

    def press(self, key: str) -> None:
        """A key that leads to another page."""
        with self.page.expect_navigation():
            self.page.keyboard.press(key)

    def numbers(self) -> Numbers:
        return self.page.evaluate(SHOWN)

    def heading(self) -> str:
        expect(self.page.locator("h1")).to_have_count(1)
        return self.page.locator("h1").inner_text()

    def as_json(self) -> Model:
        """What the page's own link to its JSON leads to."""
        link = self.page.locator("footer a", has_text="This page as JSON").get_attribute("href")
        assert urlsplit(link).path.endswith(".json")
        return self.site.json(link)

    def is_in_order(self) -> None:
        """It has a heading, fits the screen, says no number that its JSON does not, and nobody complains."""
        assert self.heading(), self.address
        for size in (NARROW, WIDE):
            self.page.set_viewport_size(size)
            assert self.page.evaluate("document.documentElement.scrollWidth") <= size["width"], self.address
        if self.page.locator("footer a", has_text="This page as JSON").count():
            told = set(_numbers_in(self.as_json()))
            assert {*self.page.evaluate(SOME_NUMBERS)} <= told, self.address
        assert self.complaints == [], self.address

    def agrees(self, model: Model | None = None) -> Numbers:
        """Every card of the overview shows what the JSON of the same address (`model`) says; what they show."""
        shown, model = self.numbers(), self.as_json() if model is None else model
        for name, values in shown.items():
            assert values == [one for one in CARDS[name](model) if one is not None], (self.address, name)
        return shown


@contextmanager
def opened(where: Path, days: int = DAYS) -> Iterator[Site]:
    """The report of so many days of the shop, at NOW."""
    with report(where / "store.db", now=NOW - T, marks_of=CUSTOMERS.marks) as site:
        with closing(SqliteWriter(site.store, durability="process", rules=Rules())) as writer:
            for batch in items(days):
                writer.append(batch)
        yield site


def screens_of(site: Site) -> set[str]:
    """The paths of all pages, as the report's application knows them: what is no file, and no stream."""
    guarded: Any = site.app
    routes = guarded._app._app.routes  # the application behind its guard
    paths = {route.path for route in routes if isinstance(route, Route)}
    return {path for path in paths if "." not in path and not path.endswith("/stream")}


@contextmanager
def looking(browser: Browser, site: Site, **options: Any) -> Iterator[Looking]:
    """Somebody who has opened the address that `footfall serve` prints."""
    context = browser.new_context(**{"locale": "en-GB", "viewport": WIDE, "color_scheme": "light", **options})
    context.set_default_timeout(ACTION_MS)
    page = context.new_page()
    one = Looking(context, page, site)
    context.on("console", lambda said: _complain(one, said.type, said.text))
    context.on("weberror", lambda error: _complain(one, "error", str(error.error)))
    context.on("request", lambda asked: asked.url.startswith(one.url) or one.complaints.append(f"asks {asked.url}"))
    one.open(f"/?token={TOKEN}")
    expect(page).to_have_url(f"{one.url}/")
    try:
        yield one
    finally:
        context.close()
    assert one.complaints == []


def _complain(one: Looking, kind: str, text: str) -> None:
    if kind in ("error", "warning"):
        one.complaints.append(f"{kind}: {text}")


def _numbers_in(told: object) -> Iterator[float]:
    if isinstance(told, dict | list):
        for one in told.values() if isinstance(told, dict) else told:
            yield from _numbers_in(one)
        if isinstance(told, list):
            yield len(told)
    elif isinstance(told, int | float) and not isinstance(told, bool):
        yield told


# What each card of the overview is to show, of its JSON ------------------------------------------------------------


def _cells(card: str, *columns: str, most: int = ROWS) -> Callable[[Model], list[float | None]]:
    return lambda model: [row[column] for row in model[card]["rows"][:most] for column in columns]


def _totals(model: Model) -> list[float | None]:
    totals = model["totals"]
    rest = [totals[name] for name in ("sessions", "views", "pages_per_session", "bounce_rate", "engaged_ms")]
    return [totals["visitors"], totals["cookieless"] or None, *rest]


def _lanes(model: Model) -> list[float | None]:
    rows = reversed(model["lanes"])
    return [n for row in rows for n in (row["visitors"], row["cookieless"] or None, row["sessions"], row["views"])]


def _hovers(model: Model) -> list[float | None]:
    rows = model["hovers"]["rows"][:ROWS]
    return [n for row in rows for n in (row["hovers"], row["median_ms"], row["p95_ms"], row["unusual"] or None)]


def _sources(model: Model) -> list[float | None]:
    rows = model["sources"]["rows"]
    others = model["sources"]["others"]["sessions"] + sum(row["sessions"] for row in rows[ROWS:])
    return [*(row["sessions"] for row in rows[:ROWS]), others or None, model["sources"]["continued"] or None]


def _forms(model: Model) -> Iterator[float | None]:
    for form in model["forms"]["rows"][:ROWS]:
        yield from (form["started"], form["submitted"], form["visitors"])
        yield from (one[name] for one in form["fields"] for name in ("changed", "filled", "skipped"))


def _unconfirmed(model: Model) -> Iterator[float | None]:
    card, columns = model["unconfirmed"], ("unconfirmed", "views", "share")
    if not card["unconfirmed"]:
        yield card["views"]
        return
    days = card["days"] if len(card["days"]) > 1 else []
    yield from (card[name] for name in columns)
    yield from (row[name] for row in [*card["rows"][:ROWS], *days] for name in columns)


def _refused(model: Model) -> list[float | None]:
    card = model["rejected"]
    return [card["events"] or None, *(row["n"] for row in card["rows"][:REFUSED_ROWS])]


CARDS: Mapping[str, Callable[[Model], Any]] = {
    "Totals": _totals,
    "Lane": _lanes,
    "over-time": lambda model: [slot[name] for slot in model["series"] for name in ("views", "visitors")],
    "attention": _hovers,
    "pages": _cells("pages", "views", "visitors", "entries", "exits", "engaged_ms"),
    "next": _cells("next", "n"),
    "sources": _sources,
    "devices": _cells("devices", "sessions"),
    "failed": _cells("failed", "views", "exits"),
    "slow": _cells("slow", "slow", "share", "median_ms", "p95_ms", "exits"),
    "clicks": _cells("clicks", "clicks", "visitors"),
    "forms": _forms,
    "unconfirmed": _unconfirmed,
    "blocked": _cells("blocked", "views"),
    "requests": lambda model: [model["requests"]["total"], *(row["n"] for row in model["requests"]["rows"])],
    "refused": _refused,
}
"""By the name of its section. A card that is not here is a failure: what it shows is to be compared, too."""
