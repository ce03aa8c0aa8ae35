"""What came by its action, and what the events of one action said."""

import pytest
from reports import MINUTE, T, confirm, does, page, report, sends, visit, words
from stories import DAY

from proxy.definitions import catalogue_of, read_definitions
from proxy.store.base import Sweep

OWN = {
    "basket.add": {
        "params": {
            "price": {"type": "number", "required": True},
            "colour": {"type": "string"},
            "gift": {"type": "boolean"},
            "shelf": {"type": "string"},
        }
    }
}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Two people put things into a basket; some of it is red, and one thing says what nobody has defined."""
    own = catalogue_of(read_definitions(OWN))
    with report(tmp_path_factory.mktemp("explore") / "store.db", now=40 * MINUTE, definitions=own) as running:
        for who, prices in (("A", (3, 7, 7)), ("B", (12, 3, 3))):
            of = page(f"P{who}")
            running.write(visit(f"P{who}", who), confirm(f"C{who}", of, who, 100))
            said = {"name": "Add", "via": "mouse", "note": "<b>x</b>", "waited_ms": 1_500}
            acts = [
                does("link.click", f"E{who}{n}", price=price, gift=price > 5, **said) for n, price in enumerate(prices)
            ]
            running.write(sends(of, who, *acts, at=MINUTE))
        running.write(visit("PX", "X", bot=True))
        yield running


def test_what_came_is_told_by_action_and_leads_to_what_it_said(site):
    told = site.json("/explore.json?range=today")
    rows = {row["action"]: row["events"] for row in told["actions"]["rows"]}
    assert rows["link.click"] == 6 and rows["page.visit"] == 2 and told["actions"]["total"] == len(rows)
    assert {
        row["action"]: row["events"] for row in site.json("/explore.json?range=today&lane=bot")["actions"]["rows"]
    } == {"page.visit": 1}
    links = [link["href"] for link in site.page("/explore?range=today").select("main table a.pick")]
    assert len(links) == len(rows)
    assert {words(site.page(link).h1.text) for link in links} == set(rows)
    assert len(site.sheet("/explore.csv?range=today")) == len(rows)


def test_an_action_is_told_by_its_params(site):
    told = site.json("/explore.json?range=today&of=link.click")
    assert told["of"] == {"text": "link.click", "defined": True}
    action = told["action"]
    assert (action["events"], action["visitors"]) == (6, 2)
    said = {one["name"]: one for one in action["params"]["rows"]}
    price = said["price"]
    assert (price["events"], price["lowest"], price["median"], price["highest"]) == (6, 3, 3, 12)
    assert [(row["value"], row["events"], row["share"]) for row in price["values"]["rows"]] == [
        (3, 3, 0.5),
        (7, 2, 0.3333),
        (12, 1, 0.1667),
    ]
    assert [(row["value"], row["events"]) for row in said["gift"]["values"]["rows"]] == [(False, 3), (True, 3)]
    assert said["name"]["defined"] and said["via"]["defined"] and not said["note"]["defined"]
    defined = [one["defined"] for one in action["params"]["rows"]]
    assert defined == sorted(defined, reverse=True)
    assert "outbound" in action["never"]


def test_the_page_says_it_as_text(site):
    soup = site.page("/explore?range=today&of=link.click")
    shown = words(soup.main.text)
    assert "6 events of 2 visitors" in shown and "from 3 to 12, half of the numbers at most 3" in shown
    assert "<b>x</b>" in shown and soup.main.b is None and "1.5 s" in shown
    assert "Never said" in shown and "not defined" in shown
    rows = site.sheet("/explore.csv?range=today&of=link.click")
    assert [row["events"] for row in rows if row["param"] == "price"] == ["3", "2", "1"]


def test_filters_narrow_it(site):
    for path in ("/explore.json?range=today", "/explore.json?range=today&of=link.click"):
        told = site.json(f"{path}&page=shop.example/nowhere")
        assert len(told["filters"]) == 1
        assert (told.get("actions") or told.get("action"))["events" if "of=" in path else "total"] == 0


@pytest.mark.parametrize("of", ["no.such", "basket.add"])
def test_of_what_never_came_it_says_so(site, of):
    told = site.json(f"/explore.json?range=today&of={of}")
    assert told["action"]["events"] == 0 and told["of"]["defined"] is (of == "basket.add")
    assert "None came in this range" in words(site.page(f"/explore?range=today&of={of}").main.text)
    if of == "basket.add":
        assert told["action"]["never"] == ["price", "colour", "gift", "shelf"]


@pytest.mark.parametrize("odd", ["x", "a..b", "%3Cb%3E", "a." + "b" * 400])
def test_what_names_no_action_is_the_whole_list(site, odd):
    assert site.json(f"/explore.json?range=today&of={odd}")["of"] is None


def test_the_definitions_lead_to_what_came(site):
    links = {link["href"] for link in site.page("/events").select("table.defined a.pick")}
    assert "/explore?of=basket.add" in links and "/explore?of=link.click" in links


def test_where_nothing_came_the_page_says_so(site):
    assert "Nothing came in this range" in words(site.page("/explore?range=yesterday").main.text)


def test_nothing_is_said_to_be_missing_of_what_is_not_known(tmp_path):
    """Of more params than are told, and of what a session's end says of its session."""
    with report(tmp_path / "store.db") as site:
        of = page("P1")
        own = {f"own_{n:03}": n for n in range(25)}
        acts = [does("link.click", f"E{n}", name="A", **own) for n in range(2)]
        acts.append(does("link.click", "E9", name="B", href="https://shop.example/b"))
        site.write(visit("P1", "A"), confirm("C1", of, "A", 100), sends(of, "A", *acts, at=MINUTE), Sweep(T + DAY))
        action = site.json("/explore.json?range=today&of=link.click")["action"]
        assert "href" not in action["never"] and "href" in {one["name"] for one in action["params"]["rows"]}
        assert "href" in words(site.page("/explore?range=today&of=link.click").main.text)
        ended = site.json("/explore.json?range=today&of=session.end")["action"]
        assert ended["events"] == 1 and ended["never"] == []
        assert "is told with each visitor" in words(site.page("/explore?range=today&of=session.end").main.text)
