"""What the report says of what is not known: visitors without a cookie, pages that nobody confirmed, pages that were
not held. The page, its JSON and the terminal say the same."""

import contextlib
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from reports import MINUTE, Site, T, confirm, page, report, visit, words
from shops import event, shop

from proxy.config import Config
from proxy.report.terminal import summary
from proxy.store.base import Item, Outcomes
from proxy.store.counters import Unheld
from proxy.store.sqlite.questions import SqliteQuestions
from proxy.visitors.lanes import PERSON

DAY = 24 * 60 * MINUTE
TODAY = T // DAY


def printed(site: Site, days: int = 1) -> list[str]:
    now = site.clock[0]
    midnight = (now // DAY + 1) * DAY
    reader = SqliteQuestions(site.store)
    span = {"since_ms": midnight - days * DAY, "until_ms": midnight, "now_ms": now}
    lines = list(summary(reader, zone=ZoneInfo("UTC"), width=90, colour=False, **span))
    reader.close()
    return [words(line) for line in lines]


def part(lines: list[str], title: str) -> list[str]:
    """The lines of a table of the terminal."""
    begin = next(place for place, line in enumerate(lines) if line.startswith(title))
    return lines[begin + 1 : lines.index("", begin)]


# Visitors without a cookie -----------------------------------------------------------------------------------------


def somebody(number: int, *, cookie: bool) -> list[Item]:
    who = f"V{number}"
    return [
        visit(f"P{number}", who, number * 1_000),
        confirm(f"C{number}", page(f"P{number}"), who if cookie else None, number * 1_000 + 200),
    ]


def test_browsers_that_keep_no_cookie_are_counted_beside_the_visitors(tmp_path):
    with report(tmp_path / "store.db", now=2 * MINUTE) as site:
        site.write(*(item for number in range(5) for item in somebody(number, cookie=number < 2)))
        said = site.json("/overview.json")
        assert (said["totals"]["visitors"], said["totals"]["cookieless"], said["totals"]["views"]) == (2, 3, 5)
        assert [(row["lane"], row["visitors"], row["cookieless"]) for row in said["lanes"]] == [
            ("bot", 0, 0),
            ("unproven", 0, 0),
            ("person", 2, 3),
        ]
        assert said["people_now"] == 2 and sum(slot["visitors"] for slot in said["series"]) == 2
        shown = site.page("/")
        assert words(shown.select_one(".tiles dd").text) == "2+ 3 without cookies"
        assert "2 visitors, 3 without cookies" in words(shown.select_one("nav.lanes a[aria-current]").text)
        listed = site.json("/visitors.json")["visitors"]
        assert (listed["total"], listed["cookieless"], len(listed["rows"])) == (2, 3, 5)
        assert sum(row["is_cookieless"] for row in listed["rows"]) == 3
        shown = site.page("/visitors")
        assert "2 people and 3 without cookies, who are new on every page" in words(shown.select_one(".lead").text)
        assert [words(mark.text) for mark in shown.select("tbody th .lane")] == ["no cookie"] * 3
        lines = printed(site)
        assert "without cookies 3" in lines
        assert "3 more keep no cookie, and are new on every page" in part(lines, "Lanes")


def test_of_visitors_without_a_cookie_nothing_is_said_where_there_are_none(tmp_path):
    with report(tmp_path / "store.db") as site:
        site.write(*somebody(1, cookie=True))
        assert site.json("/overview.json")["totals"]["cookieless"] == 0
        shown = site.page("/")
        shown.select_one(".meant").decompose()  # what the words mean is said whatever there is
        assert "cookie" not in shown.text and "cookie" not in site.page("/visitors").text
        assert not any("cookie" in line for line in part(printed(site), "Lanes"))


def test_a_beacon_without_the_cookie_that_the_page_has_set_tells_that_it_is_not_kept(tmp_path):
    """Through the server: one browser keeps it, another one never does, a third one lost it and takes the next."""

    def counted() -> tuple[int, int]:
        with contextlib.closing(SqliteQuestions(there.config.store_path)) as reader:
            totals = reader.lanes(0, 2**60)[PERSON]
            return totals.visitors, totals.cookieless

    with shop(Config(base=tmp_path)) as there:
        kept, answer = there.navigate()
        there.cookie = (answer.get(b"set-cookie") or b"").partition(b";")[0]
        assert there.cookie and there.confirm(kept).status == 202
        assert counted() == (1, 0)
        there.cookie = b""
        for number in range(2):
            page_id, _ = there.navigate()
            answer = there.confirm(page_id)
            assert answer.get(b"set-cookie") is not None
            assert counted() == (1, number + 1)
        there.cookie = (answer.get(b"set-cookie") or b"").partition(b";")[0]
        assert there.does(page_id, event("page.leave", engaged_ms=10, scroll_pct=1)).status == 202
        assert counted() == (2, 1)


# Pages that nobody confirmed ---------------------------------------------------------------------------------------


def seen(number: int, at: int, path: str, *, confirmed: bool) -> list[Item]:
    told = [visit(f"P{number}", "V1", at, path=path, came_back=True)]
    return told + [confirm(f"C{number}", page(f"P{number}", at, new=False), "V1", at + 200, path=path)] * confirmed


def test_pages_whose_tracker_never_said_anything_are_counted_by_page_and_day(tmp_path):
    with report(tmp_path / "store.db", now=DAY + 10 * MINUTE) as site:
        site.write(*(item for n in range(8) for item in seen(n, n * 1_000, "/pay", confirmed=n >= 2)))
        site.write(*(item for n in range(8, 12) for item in seen(n, DAY + n * 1_000, "/", confirmed=n >= 9)))
        site.write(*seen(12, DAY + 9 * MINUTE - 1, "/", confirmed=False), visit("P13", "V2", DAY + 100))
        site.write(*seen(14, DAY + 9 * MINUTE, "/", confirmed=False))  # which is not a minute old
        card = site.json("/overview.json?range=7d")["unconfirmed"]
        assert (card["views"], card["unconfirmed"], card["share"]) == (13, 4, 0.3077)
        assert [(row["path"], row["views"], row["unconfirmed"], row["share"]) for row in card["rows"]] == [
            ("/", 5, 2, 0.4),
            ("/pay", 8, 2, 0.25),
        ]
        days = [(day["views"], day["unconfirmed"], day["share"]) for day in card["days"]]
        assert days == [(0, 0, None)] * 5 + [(8, 2, 0.25), (5, 2, 0.4)]
        shown = site.page("/?range=7d").select_one("[aria-labelledby=unconfirmed]")
        assert words(shown.select_one(".funnel").text) == "4 of 13 page views31 %"
        cells = [words(cell.text) for cell in shown.select("tbody")[0].select("td")]
        assert cells == ["2", "5", "40 %", "2", "8", "25 %"]
        assert len(shown.select("details tbody tr")) == 7
        lines = part(printed(site, days=7), "Pages that nobody confirmed")
        assert [line.split()[-4:] for line in lines] == [
            ["2", "5", "40", "%"],
            ["2", "8", "25", "%"],
            ["2", "8", "25", "%"],
            ["2", "5", "40", "%"],
            ["4", "13", "31", "%"],
        ]
        site.clock[0] += MINUTE
        assert site.json("/overview.json?range=7d")["unconfirmed"]["unconfirmed"] == 5


def test_they_are_two_sheets_which_the_page_leads_to(tmp_path):
    with report(tmp_path / "store.db", now=DAY + 10 * MINUTE) as site:
        site.write(*seen(1, 0, "/pay", confirmed=False), *seen(2, DAY, "/", confirmed=True))
        said = site.json("/overview.json?range=7d")["unconfirmed"]
        shown = site.page("/?range=7d").select_one("[aria-labelledby=unconfirmed]")
        pages, days = (site.sheet(link["href"]) for link in shown.select('a[href*=".csv"]'))
        assert [(row["path"], row["unconfirmed"], row["views"]) for row in pages] == [("/pay", "1", "1")]
        assert [(row["since"], row["unconfirmed"]) for row in days] == [
            (f"{row['since']}", f"{row['unconfirmed']}") for row in said["days"]
        ]


def test_of_a_long_range_their_days_are_the_bars_of_the_chart_and_called_so(tmp_path):
    with report(tmp_path / "store.db", now=DAY + 10 * MINUTE) as site:
        site.write(*seen(1, 0, "/pay", confirmed=False))
        day = datetime.fromtimestamp(T / 1000, UTC).date()
        for since, word, name in ((150, "week", "the week of Mon "), (500, "month", f"{day:%b %Y}")):
            address = f"/?from={day - timedelta(days=since)}&to={day}"
            shown = site.page(address).select_one("[aria-labelledby=unconfirmed] details")
            assert words(shown.select_one("summary").text) == f"By {word}"
            assert words(shown.select_one("thead th").text) == word.capitalize()
            assert words(shown.select("tbody th")[-1].text).startswith(name)


def test_where_all_pages_are_confirmed_it_says_so_and_the_terminal_says_nothing(tmp_path):
    with report(tmp_path / "store.db") as site:
        site.write(*seen(1, 0, "/", confirmed=True))
        shown = site.page("/").select_one("[aria-labelledby=unconfirmed]")
        assert words(shown.select_one(".empty").text) == "None of 1 page view of people."
        assert not any(line.startswith("Pages that nobody") for line in printed(site))


def test_under_a_filter_they_are_those_of_its_sessions(tmp_path):
    with report(tmp_path / "store.db") as site:
        site.write(*seen(1, 0, "/", confirmed=True), *seen(2, 60 * MINUTE, "/pay", confirmed=False))
        site.clock[0] += 60 * MINUTE
        assert site.json("/overview.json")["unconfirmed"]["unconfirmed"] == 1
        card = site.json("/overview.json?page=shop.example/")["unconfirmed"]
        assert (card["views"], card["unconfirmed"]) == (1, 0)


# Pages that were not held ------------------------------------------------------------------------------------------


def moment(ms: int) -> str:
    then = datetime.fromtimestamp(ms / 1000, UTC)
    return f"{then:%a} {then.day} {then:%b}, {then:%H:%M}"


SERVED = Outcomes(((TODAY, "shop.example", "visit", 5), (TODAY, "", "released_unsaved", 3)))


def test_while_pages_are_not_held_for_their_commit_the_report_says_so(tmp_path):
    with report(tmp_path / "store.db") as site:
        site.write(visit("P1", "V1"), SERVED, Unheld(TODAY, 1, T, T + 10 * MINUTE - 2_000, 0))
        told = {"times": 1, "first": T, "last": T + 10 * MINUTE - 2_000, "now": True}
        assert site.json("/overview.json")["requests"]["unheld"] == told
        assert site.json("/requests.json")["requests"]["unheld"] == told
        for path in ("/", "/requests"):
            [line] = site.page(path).select(".unheld")
            assert words(line.text).startswith("Pages are not held until they are on disk, since 22:14: the store ")
        assert "3 of these pages were let go" in words(site.page("/").select_one("[aria-labelledby=requests]").text)
        said = f"pages are not held until they are on disk: the store answers too late (1 time since {moment(T)})"
        assert said in " ".join(printed(site))
        assert any("3 let go before they were on disk" in line for line in printed(site))


@pytest.mark.parametrize("over", [T + 2 * MINUTE, 0])
def test_when_it_is_over_or_nobody_says_so_any_more_it_was_so(tmp_path, over):
    """A process that was killed cannot say that it is over."""
    with report(tmp_path / "store.db") as site:
        site.write(visit("P1", "V1"), SERVED, Unheld(TODAY, 2, T, T + 2 * MINUTE, over))
        told = site.json("/overview.json")["requests"]["unheld"]
        assert (told["now"], told["times"]) == (False, 2)
        [line] = site.page("/").select(".unheld")
        assert words(line.text).startswith("Pages were not held until they were on disk, 2 times from 2")
        said = f"2 times from {moment(T)} to {moment(T + 2 * MINUTE)}: the store answered too late"
        assert f"pages were not held until they were on disk, {said}" in " ".join(printed(site))


def test_it_is_open_where_another_process_closed_its_own_before(tmp_path):
    with report(tmp_path / "store.db") as site:
        ends = T + 10 * MINUTE - 5_000
        site.write(visit("P1", "V1"), Unheld(TODAY, 1, T, ends, ends), Unheld(TODAY, 1, T, ends + 1, 0))
        assert site.json("/overview.json")["requests"]["unheld"]["now"] is True
        site.write(Unheld(TODAY, 0, ends + 2, ends + 2, ends + 2))
        assert site.json("/overview.json")["requests"]["unheld"]["now"] is False


def test_a_range_in_which_all_pages_were_held_has_no_such_line(tmp_path):
    with report(tmp_path / "store.db", now=DAY) as site:
        site.write(visit("P1", "V1"), SERVED, Unheld(TODAY, 1, T, T, T))
        assert site.json("/overview.json")["requests"]["unheld"] is None
        assert site.page("/").select_one(".unheld") is None
        assert site.page("/?range=7d").select_one(".unheld") is not None
        assert not any("not held" in line for line in printed(site))
