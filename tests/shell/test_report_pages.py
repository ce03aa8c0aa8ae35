"""The report's pages: the same numbers as their JSON, and whatever visitors sent is text."""

import gzip
import itertools
import json
import re
import uuid
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from bs4 import BeautifulSoup
from reports import MINUTE, T, app, confirm, page, report, tells, visit, words, write

from proxy.events.event import EXPORT_KEYS
from proxy.events.incoming import BrowserEvent, read_event
from proxy.store.base import Item, Refusal
from proxy.store.counters import Blocked, BlockedPage, Outcomes

HOST = "shop.example"
LISTS = ("/attention", "/forms")
"""Rankings with a page each."""
HOSTILE = (
    "<script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "--><script>alert(1)</script><!--",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><title></title><script>alert(1)</script></svg>",
    "<style>*{display:none}</style>",
    "<base href=//evil.example/>",
    "<meta http-equiv=refresh content=0;url=//evil.example>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<template><p>",
    "<plaintext>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    '" onmouseover="alert(1)" x="',
    "' autofocus onfocus='alert(1)",
    "` onclick=alert(1)",
    "javascript:alert(1)",
    "JaVaScRiPt://%0aalert(1)",
    "data:text/html,<script>alert(1)</script>",
    "{{ 191 * 7 }}",
    "{% raw %}{{ site }}{% endraw %}",
    "{# nothing #}",
    "${191*7} #{191*7} <%= 191*7 %>",
    "{params.__class__} {0.__class__} %s %(a)s",
    "&lt;b&gt; &amp; &#60;script&#62;",
    "\u202egnp.exe \u2066x\u2069",
    "\u200b\u200d\ufeff zero width",
    "a\u0301\u0302\u0303\u0304 combining",
    "مرحبا عالم",
    "日本語のページ 🏺👩‍👩‍👧",
    "=1+1",
    "@SUM(A1)",
    "../../etc/passwd",
    "C:\\Windows\\system32",
    "'; DROP TABLE event; --",
    '" OR 1=1 --',
    "\\u003cscript\\u003e",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    "null",
    "undefined",
    "None",
    "constructor",
    "__proto__",
    "items",
    "0",
    "x" * 900,
    "]]>",
    "<![CDATA[ x ]]>",
    "\\",
)


def act(number: int, action: str, ago: int = 0, **params: object):
    told = {"id": str(uuid.UUID(int=number + 10**20)), "action": action, "ago": ago, "params": params}
    return read_event(told).event


def raw(number: int, action: str, name: str = "", amount: int | None = None, **more: object) -> BrowserEvent:
    """An event past all checks of the collector: the report must not rely on them."""
    told = uuid.UUID(int=number + 10**20).bytes
    return BrowserEvent(told, None, action, 0, None, True, True, name, amount, (), tuple(more.items()), ())


def hostile_items(number: int, text: str) -> list[Item]:
    """Everything that a visitor can say, said with this text."""
    who, name, at = f"V{number}", f"P{number}", number * 1_000
    uri, referrer = f"https://{HOST}/{text}?q={text}", f"https://evil.example/{text}"
    seen = replace(visit(name, who, at), uri=uri, path=f"/{text}", referrer=referrer, ip=text)
    seen.session_facts = (("source", text), ("language", text), ("utm_source", text), ("utm_campaign", text))
    acts = (
        raw(number * 10, "link.click", text, href=text, via=text),
        raw(number * 10 + 1, "banner.hover", text, 2_000, sku=text),
        raw(number * 10 + 2, "form.start", text, field=text),
        raw(number * 10 + 3, "field.change", text, field=text, filled=True, value=text),
        raw(number * 10 + 4, "form.submit", text, fields={text: text, "several": [text, text]}, skipped={text: text}),
        raw(number * 10 + 5, "page.leave", "", 1_000, scroll_pct=text),
    )
    said = confirm(f"C{number}", page(name, at), who, at + 10, title=text, referrer=referrer)
    refusals = (Refusal(text, text, text), Refusal(text, "undefined_action", "action"))
    return [seen, said._replace(uri=uri, path=f"/{text}", host=HOST, events=acts, refusals=refusals)]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    store = tmp_path_factory.mktemp("hostile") / "store.db"
    with report(store) as running:
        for number, text in enumerate(HOSTILE):
            running.write(*hostile_items(number, text))
        yield running


def uuid_of(number: int) -> str:
    return str(uuid.UUID(bytes=f"V{number}".encode().rjust(16, b"\0")))


def is_harmless(soup: BeautifulSoup) -> None:
    """The page is made of our own elements only: what a visitor sent is text in it."""
    names = {element.name for element in soup(True)}
    assert not names & {"iframe", "object", "embed", "style", "base", "plaintext", "video", "audio", "math"}
    assert [script["src"] for script in soup("script")] in (["/static/keys.js"], ["/static/keys.js", "/static/live.js"])
    assert {image["src"] for image in soup("img")} == {"/static/mark.svg"}
    assert len(soup("title", recursive=True)) == 1 + len(soup.select("svg .slot > title"))
    for element in soup(True):
        for name, value in element.attrs.items():
            assert not name.startswith("on") and name not in ("style", "srcdoc"), element
            if name in ("href", "src", "action"):
                assert value.startswith(("/", "#", "http://", "https://")) or value == "", element
                if value.startswith("http"):
                    assert element["rel"] == ["noreferrer"] and "\n" not in value
    assert len(soup("h1")) == 1 and soup.find("footer") is not None


@pytest.mark.parametrize("path", ["/?range=today&rows=all", "/visitors", *LISTS, "/live", "/rejected", "/events"])
def test_hostile_texts_are_text_on_every_page(hostile, path):
    soup = hostile.page(path)
    is_harmless(soup)
    said = words(soup.get_text(" "))
    shown = {text for text in HOSTILE if words(text)[:100] in said}
    assert shown == set(HOSTILE) if path != "/live" else len(shown) >= 8
    assert "1337" not in said


@pytest.mark.parametrize("path", ["/paths", "/paths?of=shop.example/"])
def test_hostile_texts_are_harmless_where_pages_are_told_by_their_paths(hostile, path):
    is_harmless(hostile.page(path))


@pytest.mark.parametrize("number", range(len(HOSTILE)), ids=range(len(HOSTILE)))
def test_a_visitors_story_shows_a_hostile_text_wherever_it_was_sent(hostile, number):
    soup, text = hostile.page(f"/visitors/{uuid_of(number)}"), words(HOSTILE[number])[:100]
    is_harmless(soup)
    assert "1337" not in words(soup.get_text(" "))
    assert text in words(soup.select_one(".story .visit p").text)
    for kind in ("click", "hover", "form", "field"):
        assert text in words(soup.select_one(f".story .{kind} p").text)
    assert all(text in words(value.text) for value in soup.select(".fields dd"))
    assert all(text in words(name.text) for name in soup.select(".fields dt") if name.text != "several")
    assert text in words(soup.select_one(".facts").text)


def test_an_address_of_a_script_is_never_a_link(hostile):
    for number in range(len(HOSTILE)):
        for link in hostile.page(f"/visitors/{uuid_of(number)}")("a"):
            assert link["href"].startswith(("/", "#", "https://"))


@pytest.mark.parametrize("referrer", ["http://[evil/x", "https://:80/", "http://evil.example:port/", "https://a@b/"])
def test_a_referrer_that_is_no_address_is_shown_as_it_is(tmp_path, referrer):
    with report(tmp_path / "store.db") as site:
        site.write(visit("P1", "V1", referrer=referrer), confirm("C1", page("P1"), "V1", 9, referrer=referrer))
        assert referrer in words(site.page(f"/visitors/{uuid_of(1)}").text)
        assert site.json("/overview.json?range=today")["sources"]["rows"][0]["channel"] == "referral"
        assert site.get("/visitors?range=today").status == 200


# The same numbers ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def busy(tmp_path_factory):
    store = tmp_path_factory.mktemp("busy") / "store.db"
    with report(store, now=40 * MINUTE) as running:
        for who in range(30):
            name, at = f"P{who}", who * MINUTE
            path = ("/", "/range", "/about")[who % 3]
            acts = [
                act(who * 20 + n, "banner.hover", name="Spring sale", dwell_ms=1_000 + 37 * n) for n in range(who % 5)
            ]
            acts += [
                act(who * 20 + 10, "link.click", name="On"),
                act(who * 20 + 11, "page.leave", engaged_ms=500 * who),
            ]
            acts += [
                act(who * 20 + 12, "form.start", form="letter"),
                act(who * 20 + 13, "form.submit", form="letter", fields={"email": "a"}),
            ]
            running.write(
                visit(name, f"V{who // 2}", at, path=path, came_back=who % 2 == 1, bot=who == 29, **went_wrong(who)),
                confirm(f"C{who}", page(name, at), f"V{who // 2}", at + 400, path=path, title=path)._replace(
                    host=HOST, events=tuple(acts)
                ),
            )
        running.write(Outcomes(((T // 86_400_000, HOST, "visit", 29), (T // 86_400_000, HOST, "asset", 1_234))))
        running.write(
            blocked("/about", "script-src blocks the tag", 7), blocked("/", "sandbox without allow-scripts", 2)
        )
        yield running


def went_wrong(who: int) -> dict[str, int]:
    """Some find nothing, some wait."""
    return {0: {"status": 404}, 1: {"upstream_ms": 2_000}}.get(who % 7, {})


def blocked(path: str, reason: str, n: int, *, host: str = HOST, day: int = T // 86_400_000, last: int = T) -> Blocked:
    return Blocked((BlockedPage(day, host, path, reason, n, last),))


def numbers_of(soup: BeautifulSoup) -> list[float]:
    return [float(element["value"]) for element in soup("data")]


@pytest.mark.parametrize("lane", ["person", "unproven", "bot"])
@pytest.mark.parametrize("span", ["today", "7d", "90d", "yesterday"])
def test_a_page_and_its_json_say_the_same(busy, lane, span):
    soup = busy.page(f"/?range={span}&lane={lane}&rows=all")
    said = busy.json(f"/overview.json?range={span}&lane={lane}")
    totals = said["totals"]
    shown = [float(element["value"]) for element in soup.select(".tiles data")]
    names = ("visitors", "sessions", "views", "pages_per_session", "bounce_rate", "engaged_ms")
    wanted = [totals[name] for name in names]
    assert shown == [value for value in wanted if value is not None]
    assert float(soup.select_one(".now data")["value"]) == said["people_now"]
    bars = [[float(cell["value"]) for cell in row("data")] for row in soup.select(".chart tbody tr")]
    assert bars == [[slot["views"], slot["visitors"]] for slot in said["series"]]
    table = [numbers_of(row) for row in soup.select("#pages ~ * tbody tr, [aria-labelledby=pages] tbody tr")]
    keys = ("views", "visitors", "entries", "exits", "engaged_ms")
    assert table == [[row[key] for key in keys if row[key] is not None] for row in said["pages"]["rows"]]
    for name, keys in (
        ("clicks", ("clicks", "visitors")),
        ("sources", ("sessions",)),
        ("requests", ("n",)),
        ("blocked", ("views",)),
    ):
        table = [numbers_of(row) for row in soup.select(f"[aria-labelledby={name}] tbody tr")]
        assert table == [[row[key] for key in keys] for row in said[name]["rows"]]
    table = [numbers_of(row) for row in soup.select("[aria-labelledby=attention] tbody tr")]
    keys = ("hovers", "median_ms", "p95_ms")
    assert [row[:3] for row in table] == [[row[key] for key in keys] for row in said["hovers"]["rows"]]
    forms = [numbers_of(form) for form in soup.select(".funnel")]
    assert forms == [[form[key] for key in ("started", "submitted", "visitors")] for form in said["forms"]["rows"]]


@pytest.mark.parametrize("whose", ["busy", "hostile"])
def test_every_number_of_the_overview_says_what_it_counts_there_and_at_the_foot(request, whose):
    soup = request.getfixturevalue(whose).page("/?range=7d&rows=all")
    told = {dt.get_text(): dt.find_next_sibling("dd").get_text() for dt in soup.select(".meant dt")}
    sentences = {dd.get_text() for dd in soup.select(".meant dd")}
    named = soup.select("th.n, thead th[title], .tiles dt")
    assert len(soup.select(".tiles dt")) == 6 and len(soup.select("th.n")) >= 15
    for one in named:
        assert one["title"] in sentences and one.get_text() in told, one
    assert all(re.fullmatch(r"[A-Z0-9].*\.", text, re.DOTALL) for text in sentences)
    assert "open" not in soup.select_one(".meant").attrs


def test_the_overview_is_light(busy):
    assert len(gzip.compress(busy.get("/?range=90d&rows=all").body)) < 60_000


CARDS = (
    *("series", "lanes", "pages", "next", "sources", "devices", "hovers", "clicks", "forms", "failed", "slow"),
    *("blocked", "requests", "rejected"),
)


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("lane", ["person", "unproven"])
def test_a_sheet_has_the_rows_of_the_json(busy, lane, card):
    found = busy.json(f"/overview.json?range=today&lane={lane}")[card]
    rows = found if isinstance(found, list) else found["rows"]
    sheet = busy.sheet(f"/overview.csv?range=today&lane={lane}&card={card}")
    if card == "sources":
        sheet = [line for line in sheet if line["row"] == "source"]
    assert len(sheet) == len(rows)
    for line, row in zip(sheet, rows, strict=True):
        for key, value in row.items():
            if isinstance(value, dict):
                assert {name: line[f"{key}_{name}"] for name in value} == {k: f"{v}" for k, v in value.items()}
            elif not isinstance(value, list):
                assert line.get(key, "") == ("" if value is None else f"{value}")


def test_totals_and_fields_are_sheets_too(busy):
    said = busy.json("/overview.json?range=today")
    totals = busy.sheet("/overview.csv?range=today&card=totals")
    assert {row["name"]: row["value"] for row in totals} == {name: f"{n}" for name, n in said["totals"].items()}
    fields = busy.sheet("/overview.csv?range=today&card=fields")
    told = [(form["name"], field) for form in said["forms"]["rows"] for field in form["fields"]]
    assert [(row["form"], row["field"], row["filled"]) for row in fields] == [
        (form, field["name"], f"{field['filled']}") for form, field in told
    ]
    assert fields


def test_without_a_card_a_sheet_is_the_charts(busy):
    for query in ("", "&card=nothing"):
        assert len(busy.sheet(f"/overview.csv?range=today{query}")) == 24


def test_every_other_page_is_a_sheet_too(busy):
    listed = busy.json("/visitors.json?range=today")["visitors"]["rows"]
    assert [row["uuid"] for row in busy.sheet("/visitors.csv?range=today")] == [row["uuid"] for row in listed]
    who = listed[3]["uuid"]
    story = busy.json(f"/visitors/{who}.json")
    seqs = [line["seq"] for session in reversed(story["sessions"]) for line in session["story"]]
    sheet = busy.sheet(f"/visitors/{who}.csv")
    assert [int(row["seq"]) for row in sheet] == seqs and list(sheet[0]) == list(EXPORT_KEYS)
    latest = [line["seq"] for line in busy.json("/live.json")["lines"]]
    assert [int(row["seq"]) for row in busy.sheet("/live.csv")] == latest
    assert {row["side"] for row in busy.sheet("/requests.csv?range=today")} == {"requests", "page views"}
    assert busy.sheet("/rejected.csv") == []


def test_a_page_names_the_sheets_that_there_are(busy):
    links = {link["href"] for link in busy.page("/?range=today").select("a") if ".csv" in link["href"]}
    assert {re.search("card=([a-z]+)", link)[1] for link in links} == {*CARDS, "totals", "fields"} - {"rejected"}
    for link in links:
        assert busy.sheet(link)


@pytest.mark.parametrize("card", ["pages", "clicks", "hovers", "forms", "fields", "sources", "rejected"])
def test_no_cell_of_a_sheet_is_a_formula(hostile, card):
    sheet = hostile.sheet(f"/overview.csv?range=today&card={card}")
    cells = [cell for row in sheet for cell in row.values()]
    assert cells and not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@", "\t", "\r")]
    if card == "clicks":
        wanted = {f"'{text}" if text[0] in "=+-@" else text for text in HOSTILE}
        assert {row["name"] for row in sheet} == wanted


def test_a_sheet_is_no_page(busy):
    answer = busy.get("/overview.csv?range=today")
    assert answer.get(b"content-type") == b"text/csv; charset=utf-8"
    assert answer.get(b"x-content-type-options") == b"nosniff"
    refused = busy.get("/visitors.csv", signed_in=False)
    assert refused.status == 401 and json.loads(refused.body)["error"] == "unauthorized"
    missing = busy.get("/visitors/nobody.csv")
    assert missing.status == 404 and json.loads(missing.body)["error"] == "not_found"


def test_the_busy_store_has_something_to_compare(busy):
    said = busy.json("/overview.json?range=today")
    assert said["totals"]["views"] == 30 and said["hovers"]["rows"] and said["forms"]["rows"][0]["submitted"] == 10
    assert said == busy.json("/index.json?range=today")


def test_visitors_are_listed_with_the_numbers_of_the_json(busy):
    soup, said = busy.page("/visitors?range=today"), busy.json("/visitors.json?range=today")
    table = [numbers_of(row) for row in soup.select("table.plain tbody tr")]
    assert table == [[row["sessions"], row["views"]] for row in said["visitors"]["rows"]]
    links = [link["href"] for link in soup.select("a.who")]
    assert links == [f"/visitors/{row['uuid']}" for row in said["visitors"]["rows"]]
    assert float(soup.select_one(".lead data")["value"]) == said["visitors"]["total"] == 15


def test_an_apps_visitor_is_listed_without_a_page(tmp_path):
    store = tmp_path / "store.db"
    write(store, visit("P1", "V1"), tells(app("E1", at=MINUTE, told=MINUTE), at=MINUTE, who="V2"))
    with report(store) as site:
        soup, said = site.page("/visitors?range=today"), site.json("/visitors.json?range=today")
        (row,) = said["visitors"]["rows"]
        assert (row["views"], row["sessions"], row["uri"], row["device"]) == (0, 1, None, "app")
        (line,) = soup.select("tbody tr")
        assert [words(cell.text) for cell in line("td")][:1] == ["–"] and "app" in words(line.th.text)
        assert said["visitors"]["total"] == 1 == site.json("/overview.json?range=today")["totals"]["visitors"]
        story = site.page(f"/visitors/{row['uuid']}")
        assert "Viewed screen Cart" in words(story.text)


def test_a_day_on_which_only_apps_were_there_is_compared_with(tmp_path):
    day = 24 * 60 * MINUTE
    store = tmp_path / "store.db"
    write(store, tells(app("E1", at=MINUTE, told=MINUTE), at=MINUTE, who="V1"))
    with report(store, now=day + 10 * MINUTE) as site:
        for number, who in enumerate(("V2", "V3")):
            at = day + number * MINUTE
            site.write(tells(app(f"E{who}", at=at, told=at), at=at, who=who))
        said, soup = site.json("/overview.json?range=today"), site.page("/?range=today")
        assert (said["totals"]["visitors"], said["earlier"]["totals"]["visitors"]) == (2, 1)
        assert words(soup.select_one(".tiles small").contents[0]) == "↑ 100 %"
        assert site.json("/overview.json?range=yesterday")["earlier"] is None
        tomorrow = datetime.fromtimestamp((T + 2 * day) / 1000, UTC).date()
        assert site.json(f"/overview.json?range={tomorrow}")["earlier"] is None


def test_the_bounce_rate_is_compared_in_points_and_says_both_rates(tmp_path):
    day = 24 * 60 * MINUTE
    store = tmp_path / "store.db"
    write(store, *(visit(f"A{n}", who, n, came_back=True) for n, who in enumerate(("V1", "V2", "V2"))))
    with report(store, now=day + 10 * MINUTE) as site:
        site.write(*(visit(f"B{n}", who, day + n, came_back=True) for n, who in enumerate(("V3", "V4", "V4", "V5"))))
        said, soup = site.json("/overview.json?range=today"), site.page("/?range=today")
        assert said["earlier"]["bounce_points"] == 17
        change = soup.select(".tiles dd")[4].small
        assert words(change.contents[0]) == "+17 points"
        assert words(change["title"]).startswith("67 % against 50 %, ")
        assert words(change.span.get_text()).startswith("against 50 %, ")


def test_a_visitors_story_tells_every_event_of_the_json(busy):
    link = busy.page("/visitors?range=today").select("a.who")[3]["href"]
    soup, said = busy.page(link), busy.json(f"{link}.json")
    lines = [line for session in said["sessions"] for line in session["story"]]
    shown = soup.select(".story li:not(.pause)")
    assert len(shown) == len(lines) > 5
    for item, line in zip(shown, lines, strict=True):
        assert words(line["label"]) in words(item.text)


def test_the_live_page_without_a_script_shows_the_latest_events(busy):
    soup, said = busy.page("/live"), busy.json("/live.json")
    shown = [int(item["data-seq"]) for item in soup.select("#feed > li")]
    assert shown == [line["seq"] for line in reversed(said["lines"])] and shown == sorted(shown, reverse=True)
    assert soup.select_one("noscript meta[http-equiv=refresh]") is not None or "refresh" in soup.head.noscript.text


def test_every_page_has_its_landmarks_and_its_tables_their_heads(busy):
    visitor = busy.page("/visitors").select("a.who")[0]["href"]
    for path in (
        "/",
        "/visitors",
        "/attention",
        busy.page("/attention").select("a.pick")[0]["href"],
        "/forms",
        "/forms?range=today&of=shop.example/%20letter",
        "/errors",
        "/explore",
        "/explore?of=banner.hover",
        "/errors?of=failed%20404%20shop.example/gone",
        "/live",
        "/requests",
        "/events",
        "/paths",
        "/paths?of=shop.example/",
        "/rejected",
        visitor,
        f"{visitor}/forget",
    ):
        soup = busy.page(path)
        assert soup.html["lang"] == "en" and len(soup("main")) == len(soup("h1")) == 1
        assert soup.select_one("a.skip")["href"] == "#main" and soup.main["id"] == "main"
        assert all(cell.get("scope") for cell in soup.select("th"))
        levels = [int(head.name[1]) for head in soup(["h1", "h2", "h3"])]
        assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
        for element in soup.select("[aria-labelledby]"):
            assert soup.find(id=element["aria-labelledby"]) is not None
        identities = [element["id"] for element in soup.select("[id]")]
        assert len(identities) == len(set(identities))


def test_the_network_that_a_session_came_from_is_told_with_it(tmp_path):
    with report(tmp_path / "store.db") as running:
        running.write(replace(visit("P1", "V1"), ip="203.0.113.0/24"), visit("P2", "V2"))
        for number, ip in ((1, "203.0.113.0/24"), (2, None)):
            assert [session["ip"] for session in running.json(f"/visitors/{uuid_of(number)}.json")["sessions"]] == [ip]
            soup = running.page(f"/visitors/{uuid_of(number)}")
            assert ("203.0.113.0/24" in soup.select_one(".stay .facts").text) == bool(ip)


def test_a_twin_leads_to_the_visitor_that_it_turned_out_to_be(tmp_path):
    with report(tmp_path / "store.db") as site:
        site.write(visit("P1", "VA"), visit("P2", "VB", 100), confirm("C1", page("P1"), "VB", 500))
        twin, other = (str(uuid.UUID(bytes=name.rjust(16, b"\0"))) for name in (b"VA", b"VB"))
        answer = site.get(f"/visitors/{twin}")
        assert (answer.status, answer.get(b"location")) == (303, f"/visitors/{other}".encode())
        assert len(site.json(f"/visitors/{other}.json")["sessions"][0]["story"]) == 3


def test_a_bots_pages_are_told_though_it_has_no_session(tmp_path):
    with report(tmp_path / "store.db") as site:
        site.write(visit("P1", "VB", bot=True), visit("P2", "VB", 100, bot=True))
        who = site.json("/visitors.json?range=90d&lane=bot")["visitors"]["rows"][0]
        assert (who["views"], who["sessions"]) == (2, 0)
        story = site.json(f"/visitors/{who['uuid']}.json")
        assert [line["action"] for line in story["loose"]] == ["page.visit"] * 2 and not story["sessions"]
        assert len(site.page(f"/visitors/{who['uuid']}").select(".story li")) == 2


def test_a_long_history_is_told_in_parts(tmp_path):
    with report(tmp_path / "store.db", now=30 * 24 * 60 * MINUTE) as site:
        site.write(*(visit(f"P{n}", "VA", n * 60 * MINUTE, came_back=n > 0) for n in range(25)))
        who = str(uuid.UUID(bytes=b"VA".rjust(16, b"\0")))
        path, seen = f"/visitors/{who}", []
        while path is not None:
            soup = site.page(path)
            seen += [item["datetime"] for item in soup.select(".stay h2 time")]
            following = soup.select_one(".next a")
            path = following["href"] if following is not None else None
        assert len(seen) == 50 and len(set(seen)) == 25  # day and clock of each
        assert json.loads(site.get(f"/visitors/{who}.json").body)["sessions"][0]["away_ms"] == 60 * MINUTE


# Where the tag cannot run ------------------------------------------------------------------------------------------


def test_pages_where_the_tag_cannot_run_are_named_with_the_reason_and_what_to_do(tmp_path):
    with report(tmp_path / "store.db") as site:
        site.write(visit("P1", "V1"))
        assert "None: no page’s policy forbids the tag" in words(
            site.page("/").select_one("[aria-labelledby=blocked]").text
        )
        site.write(
            blocked("/pay", "script-src blocks the tag", 3, last=T + MINUTE),
            blocked("/pay", "script-src blocks the tag", 4, day=T // 86_400_000 - 1, last=T - 86_400_000),
            blocked("/map", "meta: default-src blocks the collector", 9),
        )
        said = site.json("/overview.json?range=7d")["blocked"]
        assert (said["total"], said["views"]) == (2, 16)
        rows = [(row["host"], row["path"], row["reason"], row["views"], row["last"]) for row in said["rows"]]
        assert rows == [
            (HOST, "/map", "meta: default-src blocks the collector", 9, T),
            (HOST, "/pay", "script-src blocks the tag", 7, T + MINUTE),
        ]
        card = site.page("/?range=7d").select_one("[aria-labelledby=blocked]")
        first, second = (words(row.text) for row in card.select("tbody tr"))
        assert first.startswith("/mapThe Content-Security-Policy in the page's <meta> does not allow the tag to send")
        assert "Let script-src allow 'self', or set inject.csp = \"extend\", which adds a nonce" in second
        assert site.json("/overview.json?range=yesterday")["blocked"]["rows"][0]["views"] == 4


def test_where_the_tag_cannot_run_hosts_are_named_where_there_are_several_and_the_rest_is_one_row(tmp_path):
    with report(tmp_path / "store.db") as site:
        other = replace(visit("P2", "V2"), host="blog.example", uri="https://blog.example/", path="/")
        site.write(visit("P1", "V1"), other)
        site.write(blocked("/a", "script-src blocks the tag", 2), blocked("", "script-src blocks the tag", 1, host=""))
        shown = [words(row.th.bdi.text) for row in site.page("/").select("[aria-labelledby=blocked] tbody tr")]
        assert shown == ["shop.example/a", "other pages"]
