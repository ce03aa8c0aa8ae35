"""Every row narrows its page to the sessions that have to do with it, and every filter goes away again: by the links of
the page alone, whatever their texts are."""

from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest
from reports import MINUTE, confirm, does, page, report, sends, visit, words
from stories import HOST
from test_report_pages import HOSTILE, hostile_items, is_harmless

from proxy.report.chosen import KEYS
from proxy.store.questions import MOST_FILTERS
from proxy.store.sqlite import choosing

PEOPLE = 12


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """People who see some pages each, from some places, and click on some things."""
    with report(tmp_path_factory.mktemp("shop") / "store.db", now=60 * MINUTE) as site:
        for who in range(PEOPLE):
            name, at = f"P{who}", who * MINUTE
            referrer = (None, "https://www.google.com/", "https://letter.example/")[who % 3]
            said = page(name, at)
            site.write(
                visit(name, f"V{who}", at, path=("/", "/range")[who % 2], referrer=referrer),
                confirm(f"C{who}", said, f"V{who}", at + 100, path=("/", "/range")[who % 2], title="Shop"),
                visit(f"Q{who}", f"V{who}", at + 500, path=f"/product/{who % 4}", came_back=True),
            )
            acts = [does("banner.click", f"E{who}", name="Sale"), does("form.start", f"F{who}", form="order")]
            acts += [does("banner.hover", f"H{who}", name="Sale", dwell_ms=900 + who)]
            site.write(sends(page(name, at, new=False), f"V{who}", *acts[: 1 + who % 3], at=at + 600))
        yield site


def links(soup):
    """{the address of a row's filter: its text}"""
    return {link["href"]: link.text for link in soup.select("section a.pick")}


def as_json(address):
    return f"/overview.json?{urlsplit(address).query}"


def tiles(soup):
    return [float(element["value"]) for element in soup.select(".tiles data")]


def test_every_row_is_a_link_to_what_it_has_to_do_with(shop):
    whole = shop.page("/?range=today&rows=all")
    found = links(whole)
    # Visitors, pages, sources, devices, clicks, hovers, forms that were begun, and the forms' own pages.
    assert len(found) == 1 + 6 + 3 + 1 + 2 + 2 + 2 + 2
    assert len(whole.select("#refused, #requests, #blocked")) == 3
    for address in found:
        soup, said = shop.page(address), shop.json(as_json(address))
        totals = [said["totals"][name] for name in ("visitors", "sessions", "views")]
        if address.startswith("/?"):
            assert tiles(soup)[:3] == totals
            assert len(soup.select(".filters a")) == 1 and not soup.select("#refused, #requests, #blocked")
        assert 0 < totals[0] <= PEOPLE


def test_filters_stack_and_each_goes_away_by_itself(shop):
    address, seen = "/?range=today&rows=all", []
    while True:
        narrower = [one for one in links(shop.page(address)) if one.startswith("/?") and one not in seen]
        seen += narrower
        deeper = [one for one in narrower if len(filters(one)) > len(filters(address))]
        if not deeper:
            break
        address = deeper[-1]
    assert len(filters(address)) >= 3
    soup = shop.page(address)
    for place, link in enumerate(soup.select(".filters a")):
        left = filters(address)[:place] + filters(address)[place + 1 :]
        assert filters(link["href"]) == left
        assert tiles(shop.page(link["href"]))[0] >= tiles(soup)[0]


def test_what_was_seen_next_is_told_of_the_page_that_is_filtered_by_last(shop):
    told = shop.json("/overview.json?range=today")["next"]
    assert told["of"] in ({"host": HOST, "path": "/"}, {"host": HOST, "path": "/range"}) and told["rows"]
    products = {"/": {"/product/0", "/product/2"}, "/range": {"/product/1", "/product/3"}}
    for path in products:
        other = f"/overview.json?range=today&page={HOST}/product/1&page={HOST}{path}"
        assert shop.json(other)["next"]["of"] == {"host": HOST, "path": path}
        told = shop.json(f"/overview.json?range=today&page={HOST}{path}")["next"]
        assert {row["path"] for row in told["rows"]} == products[path] and sum(row["n"] for row in told["rows"]) == 6
        assert f"After {path}" in words(shop.page(f"/?range=today&page={HOST}{path}").main.text)
        rows = shop.sheet(f"/overview.csv?range=today&card=next&page={HOST}{path}")
        assert [(row["after_host"], row["after_path"], row["n"]) for row in rows] == [(HOST, path, "3")] * 2
    assert shop.json("/overview.json?range=yesterday")["next"] == {"of": None, "rows": [], "total": 0}
    assert len(shop.sheet("/overview.csv?range=today&card=next")) > 0


def filters(address):
    return [pair for pair in parse_qsl(urlsplit(address).query) if pair[0] in KEYS]


def test_ranges_lanes_and_the_json_keep_the_filters(shop):
    address = f"/?range=today&lane=person&{'page=' + quote('shop.example/range', safe='')}"
    soup = shop.page(address)
    kept = [link["href"] for link in soup.select(".choose a, .lanes a, footer a")]
    assert len(kept) == 6 + 1 + 3 + 5 and all(filters(link) == filters(address) for link in kept)


def test_with_as_many_filters_as_there_can_be_rows_are_no_links(shop):
    query = "&".join(f"page=shop.example/{n}" for n in range(MOST_FILTERS))
    said = shop.page(f"/?range=today&{query}&page=shop.example/range")
    assert len(said.select(".filters a")) == MOST_FILTERS
    query = "&".join(
        [f"page=shop.example/{path}" for path in ("range", "product/1")] + ["did=banner.click shop.example/range Sale"]
    )
    narrow = shop.page(f"/?range=today&{quote(query, safe='=&')}")
    assert len(narrow.select(".filters a")) == 3 and tiles(narrow)[0] == PEOPLE / 4


def test_visitors_are_listed_under_the_same_filters(shop):
    query = "range=today&lane=person&page=shop.example/range"
    said, soup = shop.json(f"/visitors.json?{query}"), shop.page(f"/visitors?{query}")
    assert said["visitors"]["total"] == PEOPLE / 2 == len(soup.select("a.who"))
    assert shop.page(f"/?{query}").select_one(".tiles a.pick")["href"] == f"/visitors?{query.replace('/', '%2F')}"


def test_what_could_not_be_looked_through_is_said(shop, monkeypatch):
    monkeypatch.setattr(choosing, "STEP_EVENTS", 1)
    monkeypatch.setattr(choosing, "WIDE_PART", 0.5)  # of so few events each slot has many
    monkeypatch.setattr(choosing, "MOST_PICKED", 1)
    query = "range=today&lane=person&source=search+google.com"
    said, soup = shop.json(f"/overview.json?{query}"), shop.page(f"/?{query}")
    assert said["since"] > said["range"]["since"] and 0 < said["totals"]["visitors"] < PEOPLE / 3
    assert "all numbers are of what happened since" in words(soup.select_one(".late").text)
    assert [slot["since"] >= said["since"] for slot in said["series"]] == [True] * len(said["series"])
    assert 0 < len(said["series"]) < 24
    opened = [shop.json(as_json(bar["href"]))["range"]["until"] for bar in soup.select("a.slot")]
    assert opened == [slot["until"] for slot in said["series"]]
    whole = shop.json(f"/overview.json?{query.replace('source', 'nothing')}")
    assert whole["since"] == whole["range"]["since"] and whole["filters"] == []


def test_hostile_texts_are_text_in_filters(tmp_path):
    with report(tmp_path / "store.db") as site:
        for number, text in enumerate(HOSTILE):
            site.write(*hostile_items(number, text))
        found = links(site.page("/?range=today&rows=all"))
        assert len(found) > 3 * len(HOSTILE)
        together = {}
        for address in found:
            if address.startswith("/?"):
                said, shown = site.json(as_json(address)), site.json(f"/visitors.json?{urlsplit(address).query}")
                assert len(said["filters"]) == len(filters(address)) == 1 and said["totals"]["visitors"] >= 1
                who = tuple(sorted(row["uuid"] for row in shown["visitors"]["rows"]))
                together.setdefault(who, []).extend(filters(address))
            else:
                assert not is_told(site.page(address))
        assert len(together) > len(HOSTILE) / 2 and sum(map(len, together.values())) > 3 * len(HOSTILE)
        for chosen in together.values():  # a page is of all that one of them did, in every kind of filter
            for some in batched(chosen, MOST_FILTERS):
                soup = site.page(f"/?{urlencode([('range', 'today'), ('lane', 'person'), *some])}")
                assert not is_told(soup)
                assert len(soup.select(".filters a")) == len(some) and tiles(soup)[0] >= 1


def is_told(soup):
    """What nobody may see of it but as text: `1337` is what a template would make of one of the texts."""
    is_harmless(soup)
    return "1337" in words(soup.get_text(" "))


def batched(many, size):
    return [many[begin : begin + size] for begin in range(0, len(many), size)]


def test_a_param_that_nobody_has_defined_is_kept_and_is_no_row_and_no_filter(tmp_path):
    with report(tmp_path / "store.db", now=5 * MINUTE) as site:
        told = [does("form.start", "E1", form="order", moodOfDay="sunny-side"), does("banner.click", "E2", name="Sale")]
        site.write(visit("P1", "A"), confirm("C1", page("P1"), "A"), sends(page("P1"), "A", *told, at=MINUTE))
        for target in ("/?range=today&rows=all", "/overview.json?range=today", "/visitors?range=today"):
            shown = site.get(target).body
            assert b"sunny-side" not in shown and b"moodOfDay" not in shown, target
        whole = site.page("/?range=today&rows=all")
        assert "order" in words(whole.get_text()) and not any("mood" in address.lower() for address in links(whole))
        (visitor,) = site.json("/visitors.json?range=today")["visitors"]["rows"]
        story = site.get(f"/visitors/{visitor['uuid']}.json").body
        assert b'"moodOfDay"' in story and b"sunny-side" in story
