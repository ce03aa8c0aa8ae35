"""The pictures of the report that README shows. To take them anew, while the machine does nothing else:

FOOTFALL_TEST_SHOTS=docs .venv/bin/python -m pytest tests/browser/test_report_pictures.py
"""

import os
import re
import threading
from pathlib import Path

from fronts import ROOT, demonstrated
from looking import WIDE, Looking, looking, opened
from playwright.sync_api import Page, expect

from proxy.demo.visitors import walk

ENGINE_ALONE = True
SHOTS = os.environ.get("FOOTFALL_TEST_SHOTS", "")
VISITORS, WALK_SECONDS, SEED, LINES = 14, 10.0, 7, 20
"""Of the live page: who walks the demo's shop, for how long, and how many lines of it there are to see."""
BELOW = 28
BOTTOM = """last => Math.round(Math.max(
    ...[...document.querySelectorAll(last)].map(one => one.getBoundingClientRect().bottom + scrollY)))"""
PATIENCE_MS = 30_000


def picture(page: Page, name: str, last: str, below: int = BELOW) -> None:
    """The page, as far as the last thing that is to be seen, and so many px below it."""
    clip = {"x": 0, "y": 0, "width": WIDE["width"], "height": page.evaluate(BOTTOM, last) + below}
    path = Path(SHOTS) / f"{name}.png" if SHOTS else None
    assert page.screenshot(clip=clip, full_page=True, path=path, animations="disabled").startswith(b"\x89PNG")


def of_the_overview(one: Looking) -> None:
    one.open("/?range=30d")
    heights = {tile.bounding_box()["height"] for tile in one.page.locator(".tiles dd").all()}
    assert len(heights) == 1, "a number and its change are in two lines"
    picture(one.page, "report", "[aria-labelledby=attention] tbody tr")


def of_paths(one: Looking) -> None:
    one.open("/paths?range=30d")
    one.follow(one.page.locator("[aria-labelledby=around] a.pick", has_text="/range"))
    picture(one.page, "report-paths", "[aria-labelledby=before], [aria-labelledby=after]")


PICTURES = {"report": of_the_overview, "report-paths": of_paths}
LIVE = "report-live"


def test_the_pictures_that_the_readme_shows_are_taken(browser, tmp_path):
    assert {*PICTURES, LIVE} == {*re.findall(r"\]\(docs/([\w-]+)\.png\)", (ROOT / "README.md").read_text())}
    with opened(tmp_path) as shop, looking(browser, shop) as one:
        for take in PICTURES.values():
            take(one)


def test_a_picture_of_the_live_page_is_taken_while_simulated_visitors_walk_the_demo(journey, tmp_path):
    front = journey.enter(demonstrated(tmp_path / "demo", "--listen", f"127.0.0.1:{8080 if SHOTS else 0}"))
    found = re.search(r"what visitors do +(http://\S+)", front.log.read_text())
    page = journey.person(viewport=WIDE, color_scheme="light").new_page()
    page.goto(found[1])
    page.click("nav >> text=Live")
    expect(page.locator("#state")).to_have_text("Listening")
    walking = threading.Thread(target=walk, args=(front.url, VISITORS, WALK_SECONDS, SEED, print, None))
    walking.start()
    page.locator("#feed li.form").first.wait_for(timeout=PATIENCE_MS)
    page.locator(f"#feed li >> nth={4 * LINES}").wait_for(timeout=PATIENCE_MS)
    picture(page, LIVE, f"#feed li:nth-child({LINES})", below=0)
    for row in ("#prompt", "#gathered"):
        assert float(page.locator(f"{row} td").nth(1).get_attribute("data-ms")) > 0
    walking.join()
    journey.leave()
    front.stop()
    assert journey.complaints == []
