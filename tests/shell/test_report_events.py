"""The page of the events that are defined: what may come, and why something does not arrive."""

import json
import re

from reports import MINUTE, T, confirm, page, report, visit, words
from test_cli import footfall

from proxy.definitions import catalogue_of, read_definitions
from proxy.events.shipped import SHIPPED
from proxy.store.base import Refusal
from proxy.vocabulary import as_plain

OWN = {
    "basket.add": {
        "description": "Somebody <b>buys</b>",
        "opens": True,
        "retention_days": 400,
        "label": "Added {colour}",
        "params": {"price": {"type": "number", "required": True}, "colour": {"type": "string"}},
    }
}


def refused(name, *refusals, at=0):
    """A visit whose page sends what is refused."""
    said = confirm(f"C{name}", page(name, at), "V1", at + 10)
    return visit(name, "V1", at), said._replace(refusals=tuple(Refusal(*one) for one in refusals), host="shop.example")


def test_every_definition_is_told_as_the_command_tells_it(tmp_path):
    own = catalogue_of(read_definitions(OWN))
    (tmp_path / "config.toml").write_text(
        '[events."basket.add"]\nopens = true\nretention_days = 400\ndescription = "Somebody <b>buys</b>"\n'
        'label = "Added {colour}"\nparams = {price = {type = "number", required = true}, colour = {type = "string"}}\n'
    )
    printed = json.loads(footfall(tmp_path, "events", "--json").stdout)["events"]
    with report(tmp_path / "store.db", definitions=own) as site:
        site.write(*refused("P1"))
        said = site.json("/events.json")
        told = [{key: one[key] for key in printed[0]} for one in said["events"]]
        assert told == printed == as_plain(own) and {one["rejected"] for one in said["events"]} == {0}
        soup = site.page("/events")
        assert [row["id"] for row in soup.select("table.defined tbody tr")] == [one["action"] for one in printed]
        first = words(soup.select_one("table.defined tbody tr").get_text(" "))
        assert first == (
            "basket.add Somebody <b>buys</b> told as “ Added {colour} ” price number required colour string "
            "browser with a token, api begins one 400 days 0"
        )
        rows = site.sheet("/events.csv")
        assert [row["action"] for row in rows] == [one["action"] for one in printed]
        assert rows[0]["params"] == "price number required; colour string"


def test_what_was_refused_is_told_with_its_definition_or_as_undefined(tmp_path):
    own = catalogue_of(read_definitions(OWN))
    with report(tmp_path / "store.db", definitions=own) as site:
        missing, unknown = ("basket.add", "missing_param", "price"), ("banner.shown", "undefined_action", "action")
        site.write(*refused("P1", missing, missing, ("basket.add", "bad_type", "price"), unknown))
        site.write(*refused("P2", unknown, ("link.click", "too_long", "name"), ("", "bad_action", "action"), at=MINUTE))
        said = site.json("/events.json")
        counts = {one["action"]: (one["rejected"], one["reasons"]) for one in said["events"] if one["rejected"]}
        assert counts == {"basket.add": (3, ["bad_type", "missing_param"]), "link.click": (1, ["too_long"])}
        last = {one["action"]: one["last_rejected"] for one in said["events"]}
        assert last["basket.add"] < last["link.click"] and last["page.visit"] is None and last["link.click"] > T
        rows = said["undefined"]["rows"]
        assert sum(row["n"] for row in rows) == 2 and {row["action"] for row in rows} == {"banner.shown"}
        assert said["undefined"]["total"] == len(rows)
        text = words(site.page("/events").main.text)
        assert '[events."banner.shown"]' in text and "Came, but are not defined" in text
        links = site.page("/events").select("table.defined td a")
        assert [(link["href"], link["title"]) for link in links] == [
            ("/rejected", "bad_type, missing_param"),
            ("/rejected", "too_long"),
        ]


def test_what_is_defined_by_now_is_not_told_as_undefined(tmp_path):
    unknown = ("basket.add", "undefined_action", "action")
    with report(tmp_path / "store.db") as site:
        site.write(*refused("P1", unknown))
        assert [row["action"] for row in site.json("/events.json")["undefined"]["rows"]] == ["basket.add"]
    with report(tmp_path / "store.db", definitions=catalogue_of(read_definitions(OWN))) as site:
        said = site.json("/events.json")
        assert said["undefined"]["rows"] == [] and said["events"][0]["rejected"] == 1


def test_without_own_events_it_says_how_to_define_one(tmp_path):
    with report(tmp_path / "store.db") as site:
        site.write(*refused("P1"))
        text = words(site.page("/events").main.text)
        assert re.search(r'None yet. A table \[events."basket.add"\]', text) and "not defined" not in text
        assert len(site.page("/events").select("table.defined tbody tr")) == len(list(SHIPPED))
