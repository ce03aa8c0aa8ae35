"""The page of what holds attention: the elements, and one of them with all that is known of it."""

from urllib.parse import parse_qs, quote, urlsplit

import pytest
from reports import MINUTE, T, confirm, does, page, report, sends, visit, words
from test_report_pages import HOSTILE, hostile_items, is_harmless

from proxy.report.attention import EVIDENCE_SHOWN
from proxy.store.sqlite import choosing

SALE = "banner.hover shop.example/range Sale"
OF = f"of={quote(SALE)}"
SECOND = 1_000


def hover(event, ms, **params):
    return does("banner.hover", event, name="Sale", dwell_ms=ms, **params)


@pytest.fixture
def shop(tmp_path):
    """V1 hovers ten times for a second, once for 8 s and clicks; goes on, comes back, hovers and stays; V2 and V3 each
    hover for 400 ms, V2 goes to a product then."""
    with report(tmp_path / "store.db", now=60 * MINUTE) as site:
        said = page("P1")
        site.write(visit("P1", "V1", path="/range"), confirm("C1", said, "V1", 1, path="/range"))
        for n in range(10):
            site.write(sends(said, "V1", hover(f"E{n}", 1_000), at=(n + 1) * SECOND))
        site.write(
            sends(said, "V1", hover("L1", 8_000, clicked=True), at=30 * SECOND),
            sends(said, "V1", does("banner.click", "K1", name="Sale"), at=31 * SECOND),
            visit("P2", "V1", MINUTE, path="/", came_back=True),
            visit("P3", "V1", 2 * MINUTE, path="/range", came_back=True),
            sends(page("P3", 2 * MINUTE, new=False), "V1", hover("E20", 1_200), at=3 * MINUTE),
        )
        for n, who in enumerate(("V2", "V3")):
            at = (10 + n) * MINUTE
            said = page(f"Q{n}", at)
            site.write(visit(f"Q{n}", who, at, path="/range"), confirm(f"D{n}", said, who, at + 1, path="/range"))
            site.write(sends(said, who, hover(f"F{n}", 400), at=at + 5 * SECOND))
        site.write(visit("Q9", "V2", 12 * MINUTE, path="/product/1", came_back=True))
        site.write(sends(page("P1"), "V1", does("link.hover", "M1", name="Home", dwell_ms=2_500), at=20 * SECOND))
        yield site


def test_the_elements_are_listed_and_lead_to_their_own_pages(shop):
    said = shop.json("/attention.json?range=today")
    assert [(row["name"], row["hovers"], row["unusual"]) for row in said["hovers"]["rows"]] == [
        ("Sale", 14, 1),
        ("Home", 1, 0),
    ]
    assert said["of"] is None and "attention" not in said and said["hovers"]["total"] == 2
    assert [row["name"] for row in shop.sheet("/attention.csv?range=today")] == ["Sale", "Home"]
    soup = shop.page("/attention?range=today")
    links = [link["href"] for link in soup.select("table.attention a.pick")]
    assert [parse_qs(urlsplit(link).query)["of"] for link in links] == [[SALE], ["link.hover shop.example/range Home"]]
    assert shop.page(links[0]).h1.text == "Sale" and shop.page(links[1]).h1.text == "Home"
    assert soup.select_one('nav[aria-label="Report"] a[aria-current]').text == "Attention"


def test_an_element_is_told_with_all_that_is_known_of_it(shop):
    said = shop.json(f"/attention.json?range=today&{OF}")
    one = said["attention"]
    place = {"action": "banner.hover", "host": "shop.example", "path": "/range", "name": "Sale"}
    assert said["of"] == {"text": SALE, **place} and "hovers" not in said and said["late"] == []
    counts = ("hovers", "visitors", "cookieless", "clicked", "clicks", "views", "hovers_per_view")
    assert [one[name] for name in counts] == [14, 3, 0, 1, 1, 4, 3.5]
    assert abs(one["median_ms"] / 1_000 - 1) < 0.05 and abs(one["p95_ms"] / 8_000 - 1) < 0.05
    steps = {(step["least_ms"], step["below_ms"]): step["hovers"] for step in one["lengths"] if step["hovers"]}
    assert steps == {(300, 500): 2, (1_000, 1_500): 11, (7_000, 10_000): 1}
    assert one["lengths"][0]["least_ms"] == 300 and one["lengths"][-1]["below_ms"] is None
    [longest] = one["unusual"]["rows"]
    assert one["unusual"]["total"] == 1 and (longest["dwell_ms"], longest["usual_n"]) == (8_000, 10)
    assert longest["time"] == T + 30 * SECOND
    assert [(row["path"], row["n"]) for row in one["next"]["rows"]] == [("/", 11), ("/product/1", 1)]
    assert (one["next"]["left"], one["next"]["others"], one["next"]["alone"]) == (2, 0, 0)
    rows = shop.sheet(f"/attention.csv?range=today&{OF}")
    assert next(row for row in rows if row["hovers"] != "0") == {"least_ms": "300", "below_ms": "500", "hovers": "2"}
    assert sum(int(row["hovers"]) for row in rows) == 14
    assert [row["dwell_ms"] for row in shop.sheet(f"/attention.csv?range=today&{OF}&card=unusual")] == ["8000"]
    rows = shop.sheet(f"/attention.csv?range=today&{OF}&card=next")
    assert [(row["next"], row["path"], row["n"]) for row in rows] == [
        ("page", "/", "11"),
        ("page", "/product/1", "1"),
        ("others", "", "0"),
        ("left", "", "2"),
        ("alone", "", "0"),
    ]


def test_its_page_shows_them_and_leads_to_who_it_was(shop):
    soup = shop.page(f"/attention?range=today&{OF}")
    tiles = [words(tile.text) for tile in soup.select(".tiles dd")]
    assert tiles[:2] == ["14", "3"] and tiles[4].startswith("1") and tiles[5] == "3.50"
    assert "1 click on it in all, with or without a hover; 4 views of its page." in words(soup.main.text)
    theirs = shop.page(soup.select_one(".tiles a.pick")["href"])
    assert len(theirs.select("a.who")) == 3 and "hovered over" in theirs.select_one(".filters a").text
    titles = [title.text for title in soup.select(".lengths title")]
    assert "0.3–0.5 s: 2 hovers" in titles and "7–10 s: 1 hover" in titles and "60 s or longer: 0 hovers" in titles
    table = [[words(cell.text) for cell in row.select("th, td")] for row in soup.select(".lengths tbody tr")]
    assert ["1–1.5 s", "11"] in table and len(table) == len(titles)
    [link] = soup.select("#unusual a.who, [aria-labelledby=unusual] a.who")
    story = shop.page(link["href"])
    assert "Sale" in story.text and "session=" in link["href"]
    following = [
        [words(part) for part in row.stripped_strings] for row in soup.select("[aria-labelledby=next] tbody tr")
    ]
    assert following == [["/", "11"], ["/product/1", "1"], ["Left", "no other page came in the session", "2"]]


def test_ranges_lanes_filters_and_sheets_keep_the_element(shop):
    query = f"range=today&lane=person&{OF}&page=shop.example%2Fproduct%2F1"
    soup, said = shop.page(f"/attention?{query}"), shop.json(f"/attention.json?{query}")
    assert said["attention"]["hovers"] == 1 and said["attention"]["views"] == 1
    links = [link["href"] for link in soup.select(".choose a, .filters a, footer p a")]
    assert len(links) == 6 + 1 + 3 + 1 + 2
    assert all(parse_qs(urlsplit(link).query)["of"] == [SALE] for link in links)
    assert soup.select_one(".days input[name=of]")["value"] == SALE
    assert "of=" not in soup.select_one(".lead p a")["href"]


def test_what_is_no_element_asks_for_nothing(shop):
    for odd in ("nonsense", "banner.click shop.example/range Sale", "banner.hover", "x.hover a/b c", "%ff"):
        assert shop.json(f"/attention.json?range=today&of={quote(odd, safe='%')}")["hovers"]["total"] == 2
    said = shop.json("/attention.json?range=today&of=banner.hover+shop.example/+Nothing")
    assert said["attention"]["hovers"] == 0 and said["attention"]["median_ms"] is None
    assert "Nobody hovered over it" in shop.page("/attention?range=today&of=banner.hover+shop.example/+Nothing").text


def test_the_overview_leads_to_it(shop):
    soup = shop.page("/?range=today")
    card = soup.select_one("section[aria-labelledby=attention]")
    assert card.select_one(".note a")["href"] == "/attention?range=today&lane=person"
    own = [link["href"] for link in card.select("th small a")]
    assert own[0].startswith("/attention?") and shop.page(own[0]).h1.text == "Sale"


def test_what_could_not_be_looked_through_is_said_without_filters_too(shop, monkeypatch):
    monkeypatch.setattr(choosing, "STEP_EVENTS", 1)
    monkeypatch.setattr(choosing, "WIDE_PART", 0.5)
    monkeypatch.setattr(choosing, "MOST_PICKED", 1)
    said, soup = shop.json(f"/attention.json?range=today&{OF}"), shop.page(f"/attention?range=today&{OF}")
    assert said["since"] > said["range"]["since"] and 0 < said["attention"]["hovers"] < 14
    assert "all numbers are of what happened since" in words(soup.select_one(".late").text)


def test_only_the_longest_are_shown_and_the_number_is_told(tmp_path):
    with report(tmp_path / "store.db", now=60 * MINUTE) as site:
        site.write(visit("P1", "V1", path="/range"), confirm("C1", page("P1"), "V1", 1, path="/range"))
        for n in range(40):
            length = 1_000 if n < 27 else 5_000 + n
            site.write(sends(page("P1"), "V1", hover(f"E{n}", length), at=(n + 1) * SECOND))
        unusual = site.json(f"/attention.json?range=today&{OF}")["attention"]["unusual"]
        assert [row["dwell_ms"] for row in unusual["rows"]] == [5_039 - n for n in range(13)] and unusual["total"] == 13
        card = site.page(f"/attention?range=today&{OF}").select_one("[aria-labelledby=unusual]")
        shown = [int(row.data["value"]) for row in card.select("tbody tr")]
        assert shown == [5_039 - n for n in range(EVIDENCE_SHOWN)] and card.select_one(".of").text == "10 of 13"


def test_hostile_names_have_pages_of_their_own(tmp_path):
    with report(tmp_path / "store.db") as site:
        for number, text in enumerate(HOSTILE):
            site.write(*hostile_items(number, text))
        links = [link["href"] for link in site.page("/attention?range=today").select("a.pick")]
        assert len(links) == len(set(links)) >= len(HOSTILE) - 1
        for link in links:
            soup = site.page(link)
            is_harmless(soup)
            query = urlsplit(link).query
            assert site.json(f"/attention.json?{query}")["attention"]["hovers"] == 1
