"""Errors, slow pages and devices: on the overview, on a page of their own, as filters; what people did after them."""

import pytest
from reports import MINUTE, address, confirm, page, report, visit, words
from stories import HOST

GONE, SLOW = f"failed 404 {HOST}/gone", f"slow {HOST}/search"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A, with a telephone, finds nothing, tries again and goes home; B leaves at once; C waits, and leaves; a crawler
    finds nothing either."""
    with report(tmp_path_factory.mktemp("errors") / "store.db", now=40 * MINUTE) as running:
        gone, phone = {"path": "/gone", "status": 404}, {"device": "WEB_MOBILE"}
        running.write(
            visit("P1", "A", **gone, **phone),
            confirm("C1", page("P1"), "A", 100, path="/gone"),
            visit("P2", "A", MINUTE, came_back=True, **gone, **phone),
            visit("P3", "A", 2 * MINUTE, came_back=True, **phone),
            visit("P4", "B", 3 * MINUTE, **gone),
            confirm("C4", page("P4", 3 * MINUTE), "B", 3 * MINUTE + 100, path="/gone"),
            visit("P5", "C", 4 * MINUTE, path="/search", upstream_ms=3_000),
            confirm("C5", page("P5", 4 * MINUTE), "C", 4 * MINUTE + 100, path="/search"),
            visit("P6", "D", 5 * MINUTE, path="/search", upstream_ms=999, device=None),
            confirm("C6", page("P6", 5 * MINUTE), "D", 5 * MINUTE + 100, path="/search"),
            visit("P7", "X", 6 * MINUTE, bot=True, **gone),
        )
        yield running


def of(text):
    return f"range=today&of={address(text)}"


def test_what_failed_and_what_was_slow_is_told_with_how_many_left(site):
    for path in ("/errors.json", "/overview.json"):
        told = site.json(f"{path}?range=today")
        assert told["failed"]["rows"] == [{"host": HOST, "path": "/gone", "status": 404, "views": 3, "exits": 1}]
        [slow] = told["slow"]["rows"]
        assert (slow["path"], slow["slow"], slow["views"], slow["share"], slow["exits"]) == ("/search", 1, 2, 0.5, 1)
        assert abs(slow["median_ms"] - 3_000) <= 150 and slow["p95_ms"] == slow["median_ms"]
    assert site.json("/errors.json?range=today&lane=bot")["failed"]["rows"][0]["views"] == 1


def test_devices_add_up_to_all_sessions(site):
    told = site.json("/overview.json?range=today")
    assert {row["device"]: row["sessions"] for row in told["devices"]["rows"]} == {
        "WEB_DESKTOP": 2,
        "WEB_MOBILE": 1,
        None: 1,
    }
    assert sum(row["sessions"] for row in told["devices"]["rows"]) == told["totals"]["sessions"]
    shown = words(site.page("/?range=today").select_one("[aria-labelledby=devices]").text)
    assert "Desktop browser" in shown and "Mobile browser" in shown and "Not told" in shown


def test_every_row_leads_to_what_people_did_after_it(site):
    soup = site.page("/errors?range=today")
    links = [link["href"] for link in soup.select("section a.pick")]
    assert len(links) == 2
    assert [words(site.page(link).h1.text) for link in links] == ["404 on /gone", "/search"]
    shown = words(site.page(links[0]).main.text)
    assert "After 3 page views" in shown and "They left" in shown and "The same page again" in shown
    after = site.json(f"/errors.json?{of(GONE)}")["after"]
    ends = {name: after[name]["n"] for name in ("left", "again", "others", "alone")}
    assert (after["views"], ends) == (3, {"left": 1, "again": 1, "others": 0, "alone": 0})
    assert [(row["path"], row["n"], row["share"]) for row in after["ways"]["rows"]] == [("/", 1, 0.3333)]
    assert site.json(f"/errors.json?{of(SLOW)}")["after"]["left"]["n"] == 1


def test_of_a_crawler_it_is_not_known_what_came_next(site):
    after = site.json(f"/errors.json?{of(GONE)}&lane=bot")["after"]
    assert (after["views"], after["alone"]["n"]) == (1, 1)
    assert "Not known" in words(site.page(f"/errors?{of(GONE)}&lane=bot").main.text)


@pytest.mark.parametrize(
    ("query", "said", "visitors"),
    [
        (f"failed=404%20{HOST}/gone", "met 404 on /gone", 2),
        (f"slow={HOST}/search", "waited for /search", 1),
        ("device=WEB_MOBILE", "came with Mobile browser", 1),
        (f"device=WEB_DESKTOP&failed=404%20{HOST}/gone", "came with Desktop browser", 1),
        ("device=WEB_DESKTOP&device=WEB_MOBILE", "came with Mobile browser", 0),
        ("device=fridge", "came with fridge", 0),
    ],
)
def test_each_narrows_the_page_to_its_sessions(site, query, said, visitors):
    told = site.json(f"/overview.json?range=today&{query}")
    assert told["totals"]["visitors"] == visitors
    assert said in words(site.page(f"/?range=today&{query}").select_one(".filters").text)
    assert len(told["filters"]) == query.count("=")


def test_the_overviews_rows_are_these_filters(site):
    links = {link["href"].partition("range=today&")[2] for link in site.page("/?range=today").select("section a.pick")}
    shown = "\n".join(sorted(links))
    for part in ("failed=404+shop.example%2Fgone", "slow=shop.example%2Fsearch", "device=WEB_MOBILE"):
        assert part in shown
    assert "device=None" not in shown


@pytest.mark.parametrize(
    "odd", ["failed 404", "failed 200 h/a", "failed 4040 h/a", "slow h", "slow https://h/", "x", "404 h/a"]
)
def test_what_names_nothing_is_the_whole_list(site, odd):
    assert site.json(f"/errors.json?{of(odd)}")["of"] is None


@pytest.mark.parametrize("odd", ["failed=404", "failed=399%20h/a", "slow=h", "device="])
def test_what_is_odd_is_no_filter(site, odd):
    assert site.json(f"/overview.json?range=today&{odd}")["filters"] == []


def test_its_sheets_have_the_rows_of_the_json(site):
    assert [row["status"] for row in site.sheet("/errors.csv?range=today")] == ["404"]
    assert [row["slow"] for row in site.sheet("/errors.csv?range=today&card=slow")] == ["1"]
    rows = site.sheet(f"/errors.csv?{of(GONE)}")
    assert [(row["next"], row["path"], row["n"]) for row in rows] == [
        ("page", "/", "1"),
        ("left", "", "1"),
        ("again", "", "1"),
        ("others", "", "0"),
        ("alone", "", "0"),
    ]


def test_where_nothing_went_wrong_the_page_says_so(site):
    shown = words(site.page("/errors?range=today&lane=unproven").main.text)
    assert "every page came as it was asked for" not in shown  # of none it is not said
    shown = words(site.page("/errors?range=today&page=shop.example/nowhere").main.text)
    assert shown.count("None with these filters") == 2
    some = site.page(f"/?range=today&page={HOST}/search&device=WEB_MOBILE").select("#failed, #slow")
    assert all("None with these filters" in words(one.find_parent("section").text) for one in some) and len(some) == 2
    assert "Nobody met this" in words(site.page(f"/errors?{of(GONE)}&range=yesterday").main.text)


def test_where_all_went_well_the_page_says_so(tmp_path):
    with report(tmp_path / "store.db") as site:
        site.write(visit("P1", "A"), confirm("C1", page("P1"), "A", 100))
        for path in ("/errors?range=today", "/?range=today"):
            shown = words(site.page(path).main.text)
            assert "every page came as it was asked for" in shown and "within a second" in shown


def test_rows_of_crawlers_are_no_filters(site):
    """They have no session that could be picked."""
    soup = site.page("/?range=today&lane=bot")
    assert "404" in soup.select_one("[aria-labelledby=failed] td").text and not soup.select(
        "section a.pick[href^='/?']"
    )
