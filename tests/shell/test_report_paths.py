"""The page of paths: what a known story's ways are, as a page, as JSON and as a sheet."""

from urllib.parse import parse_qs, urlsplit

import pytest
from reports import MINUTE, report, visit, words

OF = "of=shop.example%2Frange"
WAYS = (
    ("/", "/range", "/basket"),
    ("/", "/range", "/basket"),
    ("/news", "/range"),
    ("/range", "/range", "/", "/range"),
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Four people, each with one session."""
    with report(tmp_path_factory.mktemp("shop") / "store.db", now=60 * MINUTE) as site:
        for who, way in enumerate(WAYS):
            for step, path in enumerate(way):
                at, came_back = who * MINUTE + step * 1_000, step > 0
                site.write(visit(f"P{who}{step}", f"V{who}", at, path=path, came_back=came_back))
        yield site


def numbers(nodes):
    return {node["path"] or node["what"]: node["n"] for node in nodes}


def test_what_came_before_and_after_a_page(shop):
    flow = shop.json(f"/paths.json?{OF}")["flow"]
    assert flow["times"] == 5  # the last one came twice; the same page again is no step
    assert numbers(flow["before"]["near"]) == {"/": 3, "/news": 1, "end": 1}
    assert numbers(flow["before"]["far"]) == {"end": 3, "/range": 1}
    assert numbers(flow["after"]["near"]) == {"/basket": 2, "/": 1, "end": 2}
    assert numbers(flow["after"]["far"]) == {"/range": 1, "end": 2}


def test_whole_paths_are_told_with_their_sessions(shop):
    for query, rows in (("", 3), (f"&{OF}", 3), ("&of=shop.example%2Fbasket", 1), ("&of=shop.example%2Fnowhere", 0)):
        trails = shop.json(f"/paths.json?range=today{query}")["trails"]
        assert len(trails["rows"]) == trails["total"] == rows
        if rows:
            first = trails["rows"][0]
            assert [page["path"] for page in first["pages"]] == list(WAYS[0]) and first["sessions"] == 2


def test_a_page_draws_its_ways_and_says_them_in_tables(shop):
    soup = shop.page(f"/paths?range=today&{OF}")
    drawn = sorted(words(text.text) for text in soup.select("svg text"))
    middle, before, after = ["/range 5"], ["/ 3", "/news 1", "began here 1"], ["/basket 2", "/ 1", "left 2"]
    assert drawn == sorted([*middle, *before, "began here 3", "/range 1", *after, "left 2", "/range 1"])
    told = {
        part: [words(row.get_text(" ")) for row in soup.select(f"section[aria-labelledby={part}] tbody tr")]
        for part in ("before", "after", "trails")
    }
    assert told["before"] == ["/ after began here 2 after /range 1 3", "/news after began here 1 1", "began here 1"]
    assert told["after"] == ["/basket then left 2 2", "/ then /range 1 1", "left 2"]
    assert told["trails"][0] == "/ /range /basket 2"


def test_every_page_leads_to_its_own_paths_and_keeps_range_lane_and_filters(shop):
    kept = "range=today&lane=unproven&page=shop.example%2F"
    soup = shop.page(f"/paths?{kept}&{OF}")
    links = [link["href"] for link in soup.select("main a, footer a") if "/paths" in link["href"]]
    assert links
    for address in links:
        query = parse_qs(urlsplit(address).query)
        assert query.get("page") == ["shop.example/"] or "remove" in str(soup.find("a", href=address))
    for link in soup.select(".choose a, .lanes a, .filters a"):
        assert parse_qs(urlsplit(link["href"]).query)["of"] == ["shop.example/range"]
    assert soup.select_one("form.days input[name=of], .days input[name=of]")["value"] == "shop.example/range"
    for link in soup.select("section a.pick"):
        assert shop.get(link["href"]).status == 200


def test_sheets_have_the_ways_and_the_steps(shop):
    rows = shop.sheet("/paths.csv?range=today")
    assert rows[0]["page_1"] == "shop.example/" and rows[0]["page_4"] == "" and rows[0]["sessions"] == "2"
    steps = shop.sheet(f"/paths.csv?range=today&{OF}")
    for side in ("before", "after"):
        assert sum(int(row["n"]) for row in steps if row["side"] == side) == 5


@pytest.mark.parametrize("odd", ["", "nonsense", "https://shop.example/", "%FF", "shop.example", "a" * 5_000 + "/"])
def test_a_page_that_is_none_is_not_asked_about(shop, odd):
    said = shop.json(f"/paths.json?of={odd}")
    assert said["of"] is None and said["flow"] is None and said["trails"]["total"] == 3


def test_nobody_there_says_what_to_do(shop):
    soup = shop.page("/paths?of=shop.example%2Fnowhere")
    assert "Nobody came to this page" in words(soup.main.text) and not soup.select("svg text")
