"""A real Chromium, real people (one browser context each) and the whole product between them and a site."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

pytest.register_assert_rewrite("collecting", "fronts", "journeys", "telling")

from chromium import bare, launch  # noqa: E402
from collecting import Stage, collecting  # noqa: E402
from journeys import Journey  # noqa: E402  (its assertions are to say what they saw)


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def browser(request: pytest.FixtureRequest, playwright: Playwright) -> Iterator[Browser]:
    """One Chromium for a module, as playwright starts it: without the back/forward cache. A module that says
    `ENGINE_ALONE` is about what pages do, and needs no window round them."""
    is_alone = getattr(request.module, "ENGINE_ALONE", False)
    chromium = launch(playwright, path=bare(playwright)) if is_alone else launch(playwright)
    yield chromium
    chromium.close()


@pytest.fixture(scope="module")
def engine(playwright: Playwright) -> Iterator[Browser]:
    """One Chromium for a module of many pages that are looked at one by one: all but the window."""
    chromium = launch(playwright, path=bare(playwright))
    yield chromium
    chromium.close()


@pytest.fixture
def journey(browser: Browser, tmp_path: Path) -> Iterator[Journey]:
    with ExitStack() as stack:
        walking = Journey(browser, tmp_path / "footfall", stack)
        yield walking
        walking.leave()


@pytest.fixture
def stage(engine: Browser) -> Iterator[Stage]:
    """Pages with the tracker in them and a server that keeps what they send: no proxy, no store."""
    with ExitStack() as stack:
        yield Stage(engine, stack.enter_context(collecting()), stack)
