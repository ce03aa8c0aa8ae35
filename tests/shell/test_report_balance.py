"""What a list leaves out is counted: the numbers of a page add up to the totals at its top."""

import re
from dataclasses import replace

import pytest
from reports import MINUTE, does, page, report, sends, visit, words

from proxy.report.chosen import SOURCES_READ
from proxy.report.terminal import summary
from proxy.store.sqlite.questions import SqliteQuestions

ORIGINS = SOURCES_READ + 300
AGAIN = 40
"""Sessions from an origin that everybody knows."""
FOR_PEOPLE = "?range=today&lane=person"


def somebody(number: int, referrer: str | None):
    return visit(f"{number}", f"v{number}", number, came_back=True, referrer=referrer)


@pytest.fixture(scope="module")
def crowded(tmp_path_factory):
    """More origins than are put together to sources, and people who went on from a page of the site."""
    with report(tmp_path_factory.mktemp("crowded") / "store.db") as site:
        referrers = [f"https://r{n}.example/" for n in range(ORIGINS)]
        referrers += ["https://known.example/"] * AGAIN + ["https://shop.example/"] * 7
        site.write(*(somebody(n, referrer) for n, referrer in enumerate(referrers)))
        yield site


def test_sessions_by_source_add_up_to_all_sessions(crowded):
    said = crowded.json(f"/overview.json{FOR_PEOPLE}")
    card = said["sources"]
    assert said["totals"]["sessions"] == ORIGINS + AGAIN + 7 and card["continued"] == 7
    assert card["rows"][0]["name"] == "known.example" and len(card["rows"]) == 100
    assert card["others"] == {"sessions": ORIGINS - 99, "sources": card["total"] - 100, "more_origins": 302}
    assert sum(row["sessions"] for row in card["rows"]) + card["others"]["sessions"] + 7 == said["totals"]["sessions"]


@pytest.mark.parametrize("rows", ["", "&rows=all"])
def test_the_page_shows_the_rest_as_others(crowded, rows):
    soup = crowded.page(f"/{FOR_PEOPLE}{rows}")
    table = [float(cell["value"]) for cell in soup.select("[aria-labelledby=sources] tbody data")]
    others = soup.select_one("[aria-labelledby=sources] tr.others")
    continued = float(soup.select_one("[aria-labelledby=sources] .note data")["value"])
    assert "Others" in others.text and "at least" in others.text and float(others.data["value"]) > ORIGINS - 100
    sessions = float(soup.select(".tiles data")[1]["value"])
    assert sum(table) + continued == sessions == ORIGINS + AGAIN + 7


def test_the_terminal_prints_the_rest_as_others(crowded):
    reader = SqliteQuestions(crowded.store)
    span = {"since_ms": crowded.clock[0] - 60 * MINUTE, "until_ms": crowded.clock[0], "now_ms": crowded.clock[0]}
    lines = list(summary(reader, zone=None, width=80, colour=False, **span))
    reader.close()
    begin = next(n for n, line in enumerate(lines) if line.startswith("Sources"))
    table = lines[begin + 1 : lines.index("", begin)]
    assert any(line.startswith("  Others: at least") for line in table)
    assert sum(int(re.sub(r"\D", "", line[68:])) for line in table) == ORIGINS + AGAIN + 7


def test_nothing_is_said_of_others_where_there_are_none(tmp_path):
    with report(tmp_path / "store.db") as site:
        site.write(somebody(1, "https://a.example/"), somebody(2, None))
        assert site.json(f"/overview.json{FOR_PEOPLE}")["sources"]["others"]["sessions"] == 0
        assert "Others" not in site.page(f"/{FOR_PEOPLE}").text


def test_a_list_that_is_longer_than_its_longest_page_says_so(crowded):
    short, long = (crowded.page(f"/{FOR_PEOPLE}{rows}") for rows in ("", "&rows=all"))
    assert words(short.select_one("[aria-labelledby=sources] a.of").text).startswith("More of at least 4")
    assert words(long.select_one("[aria-labelledby=sources] .of").text).startswith("100 of at least 4")
    assert long.select_one("[aria-labelledby=sources] a.of") is None


# On the site now ---------------------------------------------------------------------------------------------------


def test_who_is_on_the_site_now_are_as_many_people_as_the_list_of_visitors_has(tmp_path):
    """Somebody with two sessions is one person, in both."""
    with report(tmp_path / "store.db", now=64 * MINUTE) as site:
        for who in ("VA", "VB"):
            site.write(visit(f"{who}1", who, 0, came_back=True), visit(f"{who}2", who, 60 * MINUTE, came_back=True))
        one = visit("VC1", "VC", 61 * MINUTE, came_back=True)
        early = replace(visit("VA3", "VA", 29 * MINUTE, came_back=True), id=b"late".rjust(16, b"\0"))
        site.write(one, early, visit("VD1", "VD", 62 * MINUTE), visit("VE1", "VE", 62 * MINUTE, bot=True))
        said = site.json(f"/visitors.json{FOR_PEOPLE}")["visitors"]
        assert said["total"] == 3
        assert site.json("/overview.json")["people_now"] == said["total"]
        assert words(site.page("/").select_one(".now").text) == "3 people on the site now"


def test_two_sessions_within_five_minutes_are_one_person(tmp_path):
    with report(tmp_path / "store.db", now=33 * MINUTE) as site:
        site.write(visit("P1", "VA", 0, came_back=True), visit("P2", "VA", 31 * MINUTE, came_back=True))
        # What comes late belongs to the session in which it happened: its last activity moves into the five minutes.
        site.write(sends(page("P1", 0), "VA", does("link.click", "E1", name="Buy", ago=MINUTE), at=29 * MINUTE + 500))
        said = site.json("/overview.json")
        assert said["totals"]["sessions"] == 2 and said["totals"]["visitors"] == 1
        site.clock[0] -= MINUTE  # both sessions did something within the last five minutes
        assert site.json("/overview.json")["people_now"] == 1
        assert words(site.page("/").select_one(".now").text) == "1 person on the site now"
        assert site.json(f"/visitors.json{FOR_PEOPLE}")["visitors"]["total"] == 1
