"""A walk through a site: the site, footfall before it, the people, and the one assertion that ends it."""

from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

from fronts import PAGES_ONLY, Front, proxied
from playwright.sync_api import Browser, BrowserContext
from upstream_site import Page, Site, site_of

ACTION_MS = 10_000
"""Longest that a click or a load may take."""


class Journey:
    """A site, footfall before it, and the people who walk through it; all of it ends with the test."""

    def __init__(self, browser: Browser, where: Path, stack: ExitStack) -> None:
        self._browser, self._where, self._stack = browser, where, stack
        self._people: list[BrowserContext] = []
        self.complaints: list[str] = []

    def site(self, **pages: Page) -> Site:
        """A site whose pages are these."""
        return self._stack.enter_context(site_of({_path(name): page for name, page in pages.items()}))

    def front(self, site: Site | str, *words: str, acts: bool = False, **more: str) -> Front:
        """`footfall serve` before a site. `acts`: with all that it captures by itself, not only what is tagged; `more`
        is its environment."""
        url = site if isinstance(site, str) else site.url
        return self.enter(proxied(self._where, url, *words, **({} if acts else PAGES_ONLY), **more))

    def enter(self, running: AbstractContextManager[Front]) -> Front:
        return self._stack.enter_context(running)

    def person(self, browser: Browser | None = None, **options: object) -> BrowserContext:
        """Somebody without a cookie. What their pages complain about is a failure of the test."""
        context = (browser or self._browser).new_context(**{"locale": "en-GB", **options})
        context.set_default_timeout(ACTION_MS)
        context.on("console", lambda said: self._complain(said.type, said.text))
        context.on("weberror", lambda error: self._complain("error", str(error.error)))
        self._people.append(context)
        return context

    def _complain(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(f"{kind}: {text}")

    def leave(self) -> None:
        """Everybody closes their browser."""
        while self._people:
            self._people.pop().close()

    def ends(self, front: Front, *expected: str, any_order: bool = False) -> None:
        """These events are stored, and when everybody has left and footfall has stopped it is still these only."""
        front.tells(*expected, any_order=any_order)
        self.leave()
        front.stop()
        assert front.lines(any_order=any_order) == (sorted(expected) if any_order else list(expected))
        assert self.complaints == []


def _path(name: str) -> str:
    return "/" + ("" if name == "home" else name.replace("_", "."))
