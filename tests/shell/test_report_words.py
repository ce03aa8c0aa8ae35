"""What is there once is told in the singular, on every page and in the terminal."""

import re

import pytest
from reports import MINUTE, T, confirm, does, page, report, sends, visit, words

from proxy.report.terminal import summary
from proxy.store.sqlite.questions import SqliteQuestions

WRONG = re.compile(
    r"(?<![\d.,\u202f])1 (visitors|sessions|page views|pages|people|bots|hovers|clicks|events|times|(more )?sources)\b"
)
WHO = "/visitors/00000000-0000-0000-0000-000000005631"
"""Of `V1`."""
ELEMENT = "/attention?of=banner.hover+shop.example/+Sale"


@pytest.fixture
def site(tmp_path):
    """One of everything, in every lane."""
    with report(tmp_path / "store.db", now=40 * MINUTE) as running:
        acts = (
            does("form.start", "F1", form="letter"),
            does("link.click", "E1", name="Buy"),
            does("banner.hover", "E2", name="Sale", dwell_ms=1_000),
        )
        running.write(
            visit("P1", "V1"), confirm("C1", page("P1"), "V1", 500), sends(page("P1"), "V1", *acts, at=MINUTE)
        )
        running.write(visit("P2", "V2", 90), visit("P3", "V3", 99, bot=True))
        yield running


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/?lane=bot",
        "/visitors",
        "/visitors?lane=bot",
        "/paths?of=shop.example/",
        "/attention",
        ELEMENT,
        "/forms",
        "/errors",
        "/explore",
        "/explore?of=banner.hover",
        "/errors?of=failed%20404%20shop.example/gone",
        "/live",
        "/requests",
        "/events",
        "/rejected",
        WHO,
        f"{WHO}/forget",
    ],
)
def test_what_is_there_once_is_told_in_the_singular(site, path):
    soup = site.page(path)
    said = [words(part.text) for part in soup.select("p, span, title, small, h2, li")]
    said += [element["aria-label"] for element in soup.select("[aria-label]")]
    said += [f"{cell.text} {cell['data-of']}" for cell in soup.select("[data-of]")]
    assert [text for text in said if WRONG.search(text)] == []
    if path == "/":
        shown = " | ".join(said)
        for told in ("1 visitor", "1 session", "1 page view", "1 page view, most of them (1)", "1 hover"):
            assert re.search(rf"{re.escape(told)}(?!s)", shown), told
    if path.startswith("/visitors?") or path == "/visitors":
        assert re.match(r"1 (person|bot) · Today", words(soup.select_one(".lead .quiet").text))


def test_the_terminal_says_what_was_unusual_once_in_the_singular(site):
    hovers = [does("banner.hover", f"H{n}", name="Sale", dwell_ms=1_000) for n in range(12)]
    for n, hover in enumerate([*hovers, does("banner.hover", "H99", name="Sale", dwell_ms=9_000)]):
        site.write(sends(page("P1"), "V1", hover, at=2 * MINUTE + n * 1_000))
    reader = SqliteQuestions(site.store)
    span = {"since_ms": T - 60 * MINUTE, "until_ms": site.clock[0], "now_ms": site.clock[0]}
    said = words("\n".join(summary(reader, zone=None, width=100, colour=False, **span)))
    reader.close()
    assert re.search(r"longer than usual 1 time, the longest 9\.0 s \(usually [\d.]+ s, 13 hovers\)", said)


def test_feed_story_and_overview_say_what_was_longer_than_usual_with_its_evidence(tmp_path):
    hovers = [does("banner.hover", f"H{n}", name="Spring sale", dwell_ms=1_100) for n in range(20)]
    longer = does("banner.hover", "LONG", name="Spring sale", dwell_ms=8_200)
    with report(tmp_path / "store.db", now=5 * MINUTE) as running:
        running.write(visit("P1", "V1"), confirm("C1", page("P1"), "V1", 100))
        running.write(sends(page("P1"), "V1", *hovers, at=MINUTE), sends(page("P1"), "V1", longer, at=2 * MINUTE))
        for path in ("/live", WHO, "/?range=today"):
            said = words(running.page(path).get_text())
            assert said.count("8.2 s (usually 1.1 s, 20 hovers)") == 1, path
