"""What a list leaves out is counted: the numbers of a page add up to the totals at its top. Requests and page views
are one equation, and what it is out by is said."""

import re
from dataclasses import replace
from datetime import UTC

import pytest
from reports import MINUTE, T, confirm, does, page, report, sends, visit, words
from whole import Serving, Visitor, now_ms, outcomes, sites, stored

from proxy.page.eligibility import Outcome
from proxy.report.balance import MEANING, MORE_EVENTS, MORE_REQUESTS, balance
from proxy.report.chosen import SOURCES_READ
from proxy.report.pages import Templates
from proxy.report.ranges import range_of, spanning
from proxy.report.terminal import summary
from proxy.store.base import Outcomes
from proxy.store.questions import Late
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


# The equation -------------------------------------------------------------------------------------------------------


def counts(**told: int) -> Outcomes:
    return Outcomes(tuple((T // 86_400_000, "shop.example", name, n) for name, n in told.items()))


def lived(site) -> None:
    """Of seven served pages two are a bot's, three a person's, one is healed; a browser adds three."""
    site.write(visit("B1", "B", 0, bot=True), visit("B2", "B", 10, bot=True), visit("P1", "VA", 20))
    site.write(visit("P2", "VB", 30), confirm("C2", page("P2", 30), "VB", 400), visit("P3", "VB", 500, came_back=True))
    site.write(confirm("C3", page("P4", 600), "VB", 700), confirm("C4", page("P2", 30), "VB", MINUTE, nav="bfcache"))
    site.write(confirm("C5", page("P5", 900, counted=False), "VB", MINUTE, nav="navigate"))
    site.write(
        sends(page("P2", 30), "VB", does("page.visit", "E1", nav="spa", uri="https://shop.example/x"), at=MINUTE)
    )
    site.write(visit("P6", "VC", 2 * MINUTE, came_back=True))


def shown(site) -> dict[str, list[int]]:
    """The numbers of each table of the page, by its heading's id."""
    soup = site.page("/requests?range=today")
    tables = {name: soup.select(f"[aria-labelledby={name}] table data") for name in ("served", "counted")}
    tables["equation"] = soup.select(".equation data")
    return {name: [int(cell["value"]) for cell in cells] for name, cells in tables.items()}


def test_requests_are_the_sum_of_their_outcomes_and_visits_are_page_views(tmp_path):
    with report(tmp_path / "store.db") as site:
        lived(site)
        site.write(counts(visit=5, bot=2, asset=40, redirect=3, released_unsaved=2))
        said = site.json("/requests.json?range=today")
        assert said["requests"]["total"] == 50 == sum(row["n"] for row in said["requests"]["rows"])
        assert said["requests"]["released_unsaved"] == 2
        visits = said["visits"]
        assert visits["lanes"] == {"person": 3, "unproven": 1, "bot": 2} and visits["healed"] == 1
        assert {row["how"]: row["n"] for row in visits["added"]} == {"prerender": 1, "bfcache": 1, "spa": 1}
        assert visits["total"] == 10
        assert [(row["requests"], row["events"], row["difference"], row["why"]) for row in visits["equations"]] == [
            (5, 5, 0, ""),
            (2, 2, 0, ""),
        ]
        assert shown(site) == {
            "served": [40, 5, 3, 2, 50],
            "counted": [3, 1, 2, 1, 1, 1, 1, 10],
            "equation": [5, 5, 0, 0, 2, 2, 0, 0],
        }
        text = words(site.page("/requests?range=today").select_one("main").text)
        assert "every request is accounted for" in text and "2 of these pages were let go before" in text


def test_each_term_leads_to_what_it_is_made_of(tmp_path):
    with report(tmp_path / "store.db") as site:
        site.write(visit("P1", "A"), confirm("C1", page("P1"), "A", 100), visit("P2", "X", bot=True))
        soup = site.page("/requests?range=today")
        parts = {link["href"] for link in soup.select(".equation a")}
        assert parts == {"#served", "#counted"} and all(soup.select_one(part) for part in parts)
        for lane, views in (("person", 1), ("unproven", 0), ("bot", 1)):
            [link] = [link["href"] for link in soup.select("table a.pick") if link.text == lane]
            assert site.json(link.replace("/?", "/overview.json?"))["totals"]["views"] == views
            assert link.startswith("/?range=today&lane=")


@pytest.mark.parametrize(
    ("told", "people", "why"),
    [
        ({"visit": 7, "bot": 2}, [7, 5, 0, 2], MORE_REQUESTS),
        ({"visit": 7, "lost": 2, "bot": 2}, [7, 5, 2, 0], ""),
        ({"visit": 4, "bot": 2}, [4, 5, 0, -1], MORE_EVENTS),
        ({}, [0, 5, 0, -5], MORE_EVENTS),
    ],
)
def test_what_they_are_out_by_is_said(tmp_path, told, people, why):
    with report(tmp_path / "store.db") as site:
        lived(site)
        site.write(counts(**told))
        assert shown(site)["equation"][:4] == people
        row = site.json("/requests.json?range=today")["visits"]["equations"][0]
        assert row["why"] == why
        assert why in words(site.page("/requests?range=today").select_one("#equation").find_parent("section").text)


def test_the_terminal_prints_the_equation(tmp_path):
    with report(tmp_path / "store.db") as site:
        lived(site)
        site.write(counts(visit=7, bot=2, asset=1_234, lost=1))
        reader = SqliteQuestions(site.store)
        span = {"since_ms": site.clock[0] - 60 * MINUTE, "until_ms": site.clock[0], "now_ms": site.clock[0]}
        lines = list(summary(reader, zone=None, width=80, colour=False, **span))
        reader.close()
    text = "\n".join(lines)
    assert re.search(r"^  = requests served +1 243$", text, re.M) and re.search(
        r"^  = page views recorded +10$", text, re.M
    )
    assert re.search(r"^  person +served; .* 3$", text, re.M) and re.search(
        r"^  spa +no such request: .* 1$", text, re.M
    )
    assert "    visit: 7 requests = 5 page views + 1 lost + 1: counted without an event" in text
    assert "    bot: 2 requests = 2 page views" in lines


def test_every_outcome_is_said_what_it_is_and_fits_a_terminal():
    names = {value for name, value in vars(Outcome).items() if not name.startswith("_")}
    assert set(MEANING) == names and max(map(len, MEANING.values())) <= 52


def test_the_overview_leads_to_it_and_counts_only_requests(tmp_path):
    with report(tmp_path / "store.db") as site:
        lived(site)
        site.write(counts(visit=5, bot=2, released_unsaved=2, lost=1))
        card = site.page("/?range=today").select_one("[aria-labelledby=requests]")
        assert card.select_one("a.of")["href"] == "/requests?range=today"
        assert card.select_one("a.of data")["value"] == "7" and "lost" not in card.table.text


def test_days_of_the_equation_are_those_of_the_counters(tmp_path):
    """A page view of the day before is in neither sum."""
    with report(tmp_path / "store.db") as site:
        since_midnight = T % 86_400_000
        site.write(visit("P1", "VA", -since_midnight - 1), visit("P2", "VA", -since_midnight), counts(visit=1))
        row = site.json("/requests.json?range=today")["visits"]["equations"][0]
        assert (row["requests"], row["events"], row["difference"]) == (1, 1, 0)


def test_an_empty_store_has_an_equation_of_nothing(tmp_path):
    with report(tmp_path / "store.db") as site:
        site.write(counts())
        said = site.json("/requests.json")
        assert said["requests"]["total"] == said["visits"]["total"] == 0
        assert "every request is accounted for" in site.page("/requests").text


def test_what_a_crash_has_lost_of_the_counters_is_said_to_the_request(tmp_path):
    """Pages are on disk when they are there, the counters of the last second are not."""
    with sites() as upstream:
        served = Serving(tmp_path, upstream, settings={"store__hold_ms": "10000"})
        served.start()
        visitor = Visitor(served.port)
        for number in range(30):
            assert visitor.navigate(b"/%d" % number).status == 200
        served.kill(parent_first=True)
        visitor.close()
    counted, views = outcomes(served.store).get("visit", 0), len(stored(served.store, "page.visit"))
    assert views == 30
    reader = SqliteQuestions(served.store)
    now = now_ms()
    said = balance(reader, spanning(now - 3_600_000, now + 1, UTC), now_ms=now)
    reader.close()
    row = said["visits"]["equations"][0]
    assert (row["requests"], row["events"], row["difference"]) == (counted, 30, counted - 30)
    assert row["why"] == (MORE_EVENTS if counted < 30 else "")  # they are written once a second, perhaps just now


class Slow(SqliteQuestions):
    """A store with more events than can be read in time."""

    def made(self, since: int, until: int):
        raise Late("made")


def test_too_many_events_to_read_in_time_leave_the_requests(tmp_path):
    with report(tmp_path / "store.db") as site:
        lived(site)
        site.write(counts(visit=5, asset=2))
        reader = Slow(site.store)
        model = balance(reader, range_of("today", T, UTC), now_ms=T)
        reader.close()
    assert model["requests"]["total"] == 7 and model["visits"] is None
    text = Templates(zone=UTC, clock_ms=lambda: T, site="", version="1").render("requests.html", model=model).decode()
    assert "longer than five seconds" in text and "Do they balance?" not in text


def test_where_nothing_can_be_read_in_time_the_page_says_so(tmp_path):
    with report(tmp_path / "store.db", question_seconds=-1) as site:
        site.write(visit("P1", "VA", 0))
        answer = site.get("/requests.json")
        assert answer.status == 503 and b"store_late" in answer.body
