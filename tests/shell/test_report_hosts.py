"""One proxy may serve several hosts: then a page is named by its host and its path, everywhere."""

from dataclasses import replace

import pytest
from reports import MINUTE, T, confirm, does, page, report, sends, visit, words

from proxy.report.terminal import summary
from proxy.store.base import Refusal
from proxy.store.sqlite.questions import SqliteQuestions

PATH = "/about"
ONE, OTHER = "shop.example", "blog.example:8443"
WHO = "/visitors/00000000-0000-0000-0000-000000005631"
"""Of `V1`."""


def looked_at(host: str, number: int):
    """Somebody looks at the page of one path on a host, and does one of everything there."""
    at, name = number * MINUTE, f"P{number}"
    where = {"host": host, "path": PATH, "uri": f"https://{host}{PATH}"}
    acts = (
        does("link.click", f"A{number}", name="Buy"),
        does("banner.hover", f"B{number}", name="Sale", dwell_ms=900),
        does("form.start", f"F{number}", form="letter"),
    )
    refused = (Refusal("basket.add", "undefined_action", "action"),)
    return [
        replace(visit(name, "V1", at, came_back=True), **where),
        confirm(f"C{number}", page(name, at, new=False), "V1", at + 9, title="About")._replace(**where),
        sends(page(name, at, new=False), "V1", *acts, at=at + 5_000)._replace(host=host, refusals=refused),
    ]


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    with report(tmp_path_factory.mktemp("several") / "store.db") as site:
        site.write(*looked_at(ONE, 1), *looked_at(OTHER, 2))
        yield site


@pytest.fixture(scope="module")
def single(tmp_path_factory):
    with report(tmp_path_factory.mktemp("single") / "store.db") as site:
        site.write(*looked_at(ONE, 1))
        yield site


PLACES = {
    "pages": ("/", "[aria-labelledby=pages] tbody small"),
    "hovers": ("/", "[aria-labelledby=attention] tbody small > bdi"),
    "clicks": ("/", "[aria-labelledby=clicks] tbody small"),
    "forms": ("/", "[aria-labelledby=forms] h3 small"),
    "refused events of the range": ("/", "[aria-labelledby=refused] tbody small"),
    "refused events": ("/rejected", "tbody td:nth-child(4)"),
    "a visitor's story": (WHO, ".story .visit .address"),
    "events as they happen": ("/live", "#feed .click .where"),
}


@pytest.mark.parametrize("place", PLACES)
def test_the_host_is_printed_where_there_are_several(several, single, place):
    path, selector = PLACES[place]
    shown = sorted(words(element.text).split()[-1] for element in several.page(path).select(selector))
    assert shown == sorted([f"{ONE}{PATH}", f"{OTHER}{PATH}"])
    [alone] = single.page(path).select(selector)
    assert words(alone.text).split()[-1] == PATH


def test_the_last_page_of_a_visitor_has_its_host(several, single):
    for site, shown in ((several, f"{OTHER}{PATH}"), (single, PATH)):
        assert words(site.page("/visitors").select_one("tbody td small").text) == shown


def test_the_json_always_has_the_host(several, single):
    for site, hosts in ((several, {ONE, OTHER}), (single, {ONE})):
        said = site.json("/overview.json")
        for card in ("pages", "hovers", "clicks", "forms", "rejected"):
            assert {row["host"] for row in said[card]["rows"]} == hosts
        assert {row["host"] for row in site.json("/rejected.json")["rows"]} == hosts
        for line in site.json("/live.json")["lines"]:
            assert line["where"]["uri"] is None or line["where"]["uri"].split("/")[2] in hosts
        assert said["several_hosts"] == (len(hosts) > 1)


def test_the_feed_names_the_host_of_what_happens_as_soon_as_there_are_two(tmp_path):
    with report(tmp_path / "store.db") as site:
        site.write(*looked_at(ONE, 1))
        watching = site.watch(after=site.json("/live.json")["after"])
        watching.event()
        site.write(*looked_at(ONE, 3))
        assert {line["where"] for line in watching.lines()} == {PATH}
        site.write(*looked_at(OTHER, 4))
        assert f"{OTHER}{PATH}" in {line["where"] for line in watching.lines()}
        watching.close()


def test_the_terminal_names_the_host(several, single):
    for site, shown in ((several, [f"{ONE}{PATH}", f"{OTHER}{PATH}"]), (single, [PATH])):
        reader = SqliteQuestions(site.store)
        lines = list(summary(reader, since_ms=T, until_ms=site.clock[0], zone=None, now_ms=T, width=100, colour=False))
        reader.close()
        for name in ("About", "Buy", "Sale", "letter"):
            found = [line.split()[1] for line in lines if line.startswith(f"  {name} ")]
            assert sorted(found) == sorted(shown), name


def test_a_page_that_is_not_known_does_not_make_a_second_host(tmp_path):
    with report(tmp_path / "store.db") as site:
        site.write(*looked_at(ONE, 1))
        refused = (Refusal("basket.add", "undefined_action", "action"),)
        site.write(sends(None, "V1", does("link.click", "X1", name="X"))._replace(host="x.example", refusals=refused))
        assert site.json("/overview.json")["several_hosts"] is False
