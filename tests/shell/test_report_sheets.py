"""Sheets: what is cut says so, what is between cells is chosen, and the rows of the sources add up."""

import csv
import io
from dataclasses import replace

import pytest
from reports import MINUTE, does, page, report, sends, visit

from proxy.report.sheets import Table

MANY = 1_005
SEPARATORS = {
    ";": ";",
    "%3B": ";",
    "%09": "\t",
    ",": ",",
    "%2C": ",",
    "": ",",
    "|": ",",
    ";;": ",",
    "%0A": ",",
    "x": ",",
}


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """More pages, visitors and sources than a sheet has rows."""
    with report(tmp_path_factory.mktemp("sheets") / "store.db") as running:
        running.write(
            *(
                visit(f"P{n}", f"V{n}", n, path=f"/{n:04}", came_back=True, referrer=f"https://site{n}.example/")
                for n in range(MANY)
            )
        )
        own = replace(visit("Q1", "W1", 5_000, came_back=True), referrer="https://shop.example/0001")
        running.write(own, visit("Q2", "W2", 5_001, came_back=True))
        yield running


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """A site whose texts have what is special in a sheet."""
    names = ("a;b", "a,b", 'say "hi"', "=1+1", "=1;2", "@x", "-5;", ";=1")
    with report(tmp_path_factory.mktemp("sheets") / "store.db") as running:
        running.write(visit("P0", "lmno"))
        acts = (does("link.click", f"C{n}", name=name) for n, name in enumerate(names))
        running.write(sends(page("P0"), "lmno", *acts, at=MINUTE))
        yield running


def said(site, target: str) -> tuple[int, str | None, bool]:
    """What the head of a sheet says: rows, rows in all, whether it is cut; its rows are as many."""
    answer = site.get(target)
    assert answer.status == 200
    fields = dict(answer.fields)
    rows = int(fields[b"x-footfall-rows"])
    assert rows == len(list(csv.DictReader(io.StringIO(answer.body.decode(), newline=""))))
    total = fields.get(b"x-footfall-total")
    return rows, total and total.decode(), b"x-footfall-cut" in fields


def test_a_sheet_that_is_cut_says_so_in_the_head_of_its_answer(many):
    assert said(many, "/overview.csv?card=pages") == (1_000, str(MANY + 1), True)
    assert said(many, "/visitors.csv") == (1_000, str(MANY + 2), True)
    assert said(many, "/overview.csv?card=sources") == (1_002, str(MANY + 1 + 1 + 1), True)


def test_a_sheet_that_is_whole_says_how_many_rows_it_has(many, few):
    assert said(many, "/overview.csv") == (24, "24", False)
    assert said(many, "/overview.csv?card=totals") == (9, "9", False)
    for target in ("/overview.csv?card=pages", "/visitors.csv", "/overview.csv?card=sources"):
        assert said(few, target) == (1, "1", False)
    assert said(few, "/overview.csv?card=fields") == (0, "0", False)
    assert said(few, "/live.csv") == (10, "10", False)
    assert said(few, "/rejected.csv") == said(few, "/search.csv?q=nobody") == (0, "0", False)
    who = few.json("/visitors.json")["visitors"]["rows"][0]["uuid"]
    assert said(few, f"/visitors/{who}.csv") == (10, "10", False)


def test_the_latest_events_that_are_not_all_say_so(many):
    rows, total, is_cut = said(many, "/live.csv?after=1")
    assert (rows, is_cut) == (60, True) and int(total) == 2 * (MANY + 2) - 1
    assert said(many, "/live.csv?after=1&q=/0001") == (0, None, True)
    assert said(many, "/live.csv") == (60, "60", False)  # nobody was told anything: it is the latest


def test_a_link_to_a_sheet_says_whether_it_will_be_cut(many, few):
    cut = "The first 1\u202f000 of these 1\u202f006 rows as CSV"
    for site, title in ((many, cut), (few, "These rows as CSV")):
        soup = site.page("/")
        assert soup.select_one("a[href*='card=pages']")["title"] == title
    assert "1\u202f007" in many.page("/visitors").select_one("a[href*='.csv']")["title"]


def test_the_sessions_of_the_sources_add_up(many):
    rows = many.sheet("/overview.csv?card=sources")
    assert [row["row"] for row in rows] == ["source"] * 1_000 + ["others", "continued"]
    assert [row["sessions"] for row in rows[-2:]] == ["6", "1"]
    assert all(row[name] == "" for row in rows[-2:] for name in ("channel", "name", "campaign"))
    assert sum(int(row["sessions"]) for row in rows) == many.json("/overview.json")["totals"]["sessions"]


@pytest.mark.parametrize(("asked", "between"), SEPARATORS.items())
def test_what_is_between_cells_is_chosen_among_three(few, asked, between):
    plain = few.sheet("/overview.csv?card=clicks")
    text = few.get(f"/overview.csv?card=clicks&sep={asked}").body.decode()
    assert list(csv.DictReader(io.StringIO(text, newline=""), delimiter=between)) == plain
    assert len(plain) == 8 and text.startswith(between.join(("host", "path", "name", "action", "clicks", "visitors")))


@pytest.mark.parametrize("between", [",", ";", "\t"])
def test_whatever_is_between_cells_none_is_a_formula(few, between):
    asked = {",": ",", ";": ";", "\t": "%09"}[between]
    text = few.get(f"/overview.csv?card=clicks&sep={asked}").body.decode()
    cells = [cell for row in csv.reader(io.StringIO(text, newline=""), delimiter=between) for cell in row]
    assert {"'=1+1", "'=1;2", "'@x", "'-5;", "a;b", "a,b", 'say "hi"'} <= {*cells}
    assert not [cell for cell in cells if cell[:1] in {*"=+-@\t\r"}]


@pytest.mark.parametrize(
    "target",
    ["/visitors.csv?", "/live.csv?", "/search.csv?q=0000&", "/requests.csv?", "/events.csv?", "/rejected.csv?"],
)
def test_every_sheet_takes_it(few, target):
    text = few.get(f"{target}sep=;").body.decode()
    rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=";"))
    assert rows == few.sheet(target)
    assert not rows or len(rows[0]) > 1


def test_a_story_is_led_to_with_it(few):
    who = few.json("/visitors.json")["visitors"]["rows"][0]["uuid"]
    assert few.get(f"/visitors/{who}.csv?sep=;").body.startswith(b"seq;id;")
    led = few.get(f"/visitors/{who.upper()}.csv?sep=;")
    assert (led.status, led.get(b"location")) == (303, f"/visitors/{who}.csv?sep=%3B".encode())
    assert b"sep" not in few.get(f"/visitors/{who.upper()}.csv").get(b"location")


@pytest.mark.parametrize("between", [",", ";", "\t"])
def test_a_cell_is_in_quotes_where_it_has_what_is_between_them(between):
    texts = ["a,b", "a;b", "a\tb", 'a"b', "a\nb", "a\r\nb", "=a", "\t=a", "\r", "-", None, 5, -5]
    text = Table([dict(enumerate(texts))], columns=range(len(texts))).text(between)
    _, cells = csv.reader(io.StringIO(text, newline=""), delimiter=between)
    assert cells == [*texts[:6], "'=a", "'\t=a", "'\r", "'-", "", "5", "-5"]
