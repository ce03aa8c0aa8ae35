"""A site's own events: what can be configured, what it means, and one clear line for what is wrong (EVENTS.md 2, 3)."""

import json
import re
from dataclasses import asdict
from pathlib import Path

import pytest

from proxy.config import ConfigError, load
from proxy.definitions import EVENTS_MAX, TEXT_MAX_CHARS, BadDefinition, catalogue_of, from_plain, read_definitions
from proxy.events.catalogue import TYPES, Catalogue, Rejection, Sender
from proxy.events.incoming import read_event
from proxy.events.params import NEVER, PARAMS_MAX
from proxy.events.shipped import SHIPPED
from proxy.tables import Config
from proxy.vocabulary import as_plain, in_words, senders_of

ID = "0188b4d6-7c00-7000-8000-000000000001"
COUNT = {
    "label": "{entries} came in by {door}",
    "description": "People counted at a door",
    "anonymous": True,
    "retention_days": 90,
    "params": {
        "entries": {"type": "number", "required": True},
        "door": {"type": "string", "description": "which one"},
        "open": {"type": "boolean"},
        "since": {"type": "datetime"},
        "staff": {"type": "list"},
        "sensor": {"type": "object"},
        "note": {},
    },
}


def site(**tables: object) -> Catalogue:
    return catalogue_of(read_definitions({name.replace("__", "."): table for name, table in tables.items()}))


def wrong(**tables: object) -> BadDefinition:
    with pytest.raises(BadDefinition) as caught:
        site(**tables)
    assert "\n" not in str(caught.value)
    return caught.value


def test_an_action_that_is_not_defined_is_rejected_and_accepted_once_it_is():
    raw = {"id": ID, "action": "entries.count", "params": {"entries": "17", "door": "north"}}
    with pytest.raises(Rejection) as caught:
        read_event(raw, SHIPPED)
    assert caught.value.code == "undefined_action"
    event, warnings = read_event(raw, site(entries__count=COUNT))
    assert (event.action, event.params, event.opens, event.undefined) == (
        "entries.count",
        {"entries": 17, "door": "north"},
        False,
        (),
    )
    assert warnings == ()


SENT = [
    ({"entries": 1, "mood": "good"}, {"entries": 1, "mood": "good"}, ("mood",)),
    ({"entries": "1.5", "open": "true"}, {"entries": 1.5, "open": True}, ()),
    ({"entries": 1, "since": "2026-11-27T10:00:00Z"}, {"entries": 1, "since": "2026-11-27T10:00:00Z"}, ()),
    (
        {"entries": 1, "staff": ["a", "b"], "sensor": {"x": 1}},
        {"entries": 1, "staff": ["a", "b"], "sensor": {"x": 1}},
        (),
    ),
    ({"entries": 1, "note": None}, {"entries": 1}, ()),
]


@pytest.mark.parametrize(("sent", "kept", "undefined"), SENT)
def test_an_undefined_param_is_saved_and_marked_a_defined_one_converted(sent, kept, undefined):
    event = read_event({"id": ID, "action": "entries.count", "params": sent}, site(entries__count=COUNT)).event
    assert (event.params, event.undefined) == (kept, undefined)


def test_what_is_sent_defines_nothing():
    catalogue = site(entries__count=COUNT)
    for _ in range(2):
        event = read_event({"id": ID, "action": "entries.count", "params": {"entries": 1, "mood": "good"}}, catalogue)
        assert event.event.undefined == ("mood",)
    assert set(catalogue.get("entries.count").params) == set(COUNT["params"])


def test_what_a_definition_does_not_say():
    """Nobody but who has a token, no session begun, kept as long as all else; what happens keeps a session going."""
    plain = site(entries__count={}).get("entries.count")
    assert (plain.anonymous, plain.opens, plain.keeps, plain.retention_days) == (False, False, True, None)
    assert (plain.label, plain.description, dict(plain.params)) == ("", "", {})
    note = site(entries__count={"params": {"note": {}}}).get("entries.count").params["note"]
    assert (note.type, note.required, note.description) == ("string", False, "")


@pytest.mark.parametrize(
    ("sent", "code", "field"),
    [
        ({}, "missing_param", "entries"),
        ({"entries": "many"}, "bad_type", "entries"),
        ({"entries": 1, "open": "yes"}, "bad_type", "open"),
        ({"entries": 1, "since": "yesterday"}, "bad_type", "since"),
        ({"entries": 1, "staff": "a"}, "bad_type", "staff"),
        ({"entries": 1, "sensor": []}, "bad_type", "sensor"),
    ],
)
def test_a_missing_or_wrong_param_rejects_the_event_and_names_the_field(sent, code, field):
    with pytest.raises(Rejection) as caught:
        read_event({"id": ID, "action": "entries.count", "params": sent}, site(entries__count=COUNT))
    assert (caught.value.code, caught.value.field) == (code, field)


@pytest.mark.parametrize("name", sorted(NEVER))
def test_a_reserved_param_is_dropped_with_a_warning_and_cannot_be_defined(name):
    raw = {"id": ID, "action": "entries.count", "params": {"entries": 1, name: "x"}}
    event, warnings = read_event(raw, site(entries__count=COUNT))
    assert event.params == {"entries": 1} and warnings == (("reserved_param", name),)
    assert wrong(entries__count={"params": {name: {}}}).key == f'"entries.count".params.{name}'


def test_nobody_but_who_has_a_token_or_the_api_sends_what_is_not_anonymous():
    catalogue = site(entries__count={"opens": True})
    with pytest.raises(Rejection) as caught:
        catalogue.for_sender("entries.count", Sender.BROWSER)
    assert caught.value.code == "not_anonymous"
    for sender in (Sender.TRUSTED_BROWSER, Sender.API):
        assert catalogue.for_sender("entries.count", sender).opens


@pytest.mark.parametrize("action", ["client.login", "client.upgraded"])
def test_no_browser_sends_client_events_whatever_it_has(action):
    with pytest.raises(Rejection) as caught:
        site(client__upgraded={}).for_sender(action, Sender.TRUSTED_BROWSER)
    assert caught.value.code == "reserved_action"
    assert site(client__upgraded={}).for_sender(action, Sender.API)


@pytest.mark.parametrize("action", ["page.visit", "banner.hover", "form.submit", "form.result", "session.start"])
def test_the_api_cannot_say_what_only_browsers_or_the_server_see(action):
    with pytest.raises(Rejection) as caught:
        SHIPPED.for_sender(action, Sender.API)
    assert caught.value.code == "reserved_action"


def test_a_shipped_event_can_be_told_more_of_and_asked_more_of_but_not_less():
    more = {"params": {"sku": {"required": True}, "name": {"description": "as on the shelf"}}, "anonymous": True}
    catalogue = site(product__click=more)
    click = catalogue.get("product.click")
    assert click is not None and click.required == ("name", "sku") and click.params["name"].place == "name"
    assert SHIPPED.get("product.click").required == ("name",)
    assert wrong(screen__view={"anonymous": True}).key == '"screen.view".anonymous'
    assert wrong(page__leave={"opens": True}).key == '"page.leave".opens'
    assert wrong(product__click={"params": {"name": {"required": False}}}).key == '"product.click".params.name.required'
    assert wrong(product__click={"params": {"name": {"type": "number"}}}).key == '"product.click".params.name.type'
    assert wrong(page__visit={"params": {"status": {}}}).key == '"page.visit".params.status'
    assert not site(screen__view={"opens": False}).get("screen.view").opens


WRONG = [
    ({"anonymus": True}, ".anonymus", "unknown key; did you mean anonymous?"),
    ({"params": {"n": {"typ": "number"}}}, ".params.n.typ", "unknown key; did you mean type?"),
    ({"params": {"n": {"type": "nummber"}}}, ".params.n.type", "did you mean number?"),
    ({"params": {"n": {"type": 3}}}, ".params.n.type", "must be one of boolean"),
    ({"params": {"n n": {}}}, ".params.n n", "a param's name"),
    ({"params": {"password": {}}}, ".params.password", "never kept"),
    ({"params": {"n": "string"}}, ".params.n", "must be a table"),
    ({"params": []}, ".params", "must be a table"),
    ({"params": {f"p{n}": {} for n in range(PARAMS_MAX + 1)}}, ".params", "at most 32"),
    ({"label": 3}, ".label", "one line of text"),
    ({"label": "a\nb"}, ".label", "one line of text"),
    ({"description": "x" * (TEXT_MAX_CHARS + 1)}, ".description", "at most 500"),
    ({"opens": "yes"}, ".opens", "true or false"),
    ({"retention_days": -1}, ".retention_days", "0 (for ever) to"),
    ({"retention_days": True}, ".retention_days", "0 (for ever) to"),
]


@pytest.mark.parametrize(("table", "where", "what"), WRONG)
def test_what_is_wrong_is_said_with_its_key(table, where, what):
    error = wrong(entries__count=table)
    assert error.key == f'"entries.count"{where}' and what in str(error)


@pytest.mark.parametrize(
    ("action", "what"),
    [
        ("count", "with a dot inside"),
        ("a" * 33 + ".b", "3 to 32"),
        ("entries.count\n", "3 to 32"),
        ("Page.visit", "differs from page.visit in case only"),
        ("session.pause", "made by footfall alone"),
        ("żółw.count", "3 to 32"),
    ],
)
def test_a_name_that_cannot_be_an_action_is_refused(action, what):
    assert what in str(wrong(**{action: {}}))


def test_two_actions_that_differ_in_case_only_are_refused():
    assert wrong(**{"a.b": {}, "A.b": {}}).key == '"A.b"'


def test_there_is_a_limit():
    assert str(EVENTS_MAX) in str(wrong(**{f"a.b{n}": {} for n in range(EVENTS_MAX + 1)}))


def test_a_table_whose_name_lacks_its_quotes_is_told_so(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text("[events.product.buy]\nlabel = 'x'\n")
    with pytest.raises(ConfigError, match=r'events\."product": .*, with quotes'):
        load(path, {}, {})


def test_definitions_come_from_the_file_or_as_json_from_the_environment(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text(
        '[events."entries.count"]\nanonymous = true\n[events."entries.count".params]\nn = {type = "number"}\n'
    )
    config = load(path, {}, {})
    assert config.events == read_definitions(
        {"entries.count": {"anonymous": True, "params": {"n": {"type": "number"}}}}
    )
    assert Config.from_json(config.to_json()) == config
    told = load(path, {"FOOTFALL_EVENTS": json.dumps({"a.b": {}})}, {})
    assert [one.action for one in told.events] == ["a.b"]
    with pytest.raises(ConfigError, match=r"^FOOTFALL_EVENTS: must be JSON"):
        load(path, {"FOOTFALL_EVENTS": "a.b"}, {})
    path.write_text('[events."entries.count"]\nanonymos = true\n')
    with pytest.raises(ConfigError, match=rf'^{path}: events\."entries\.count"\.anonymos: unknown key; did you'):
        load(path, {}, {})


def test_what_was_read_comes_back_from_what_workers_are_told():
    defined = read_definitions({"entries.count": COUNT})
    assert from_plain([asdict(one) for one in defined]) == defined


def test_labels_and_retention_are_those_of_the_definitions():
    catalogue = site(
        entries__count=COUNT, a__b={"retention_days": 0}, page__leave={"retention_days": 7, "label": "Gone"}
    )
    assert catalogue.labels["entries.count"] == COUNT["label"] and catalogue.labels["page.leave"] == "Gone"
    assert "a.b" not in catalogue.labels and catalogue.labels["page.visit"] == "Visited page {title}"
    assert catalogue.retention == {"entries.count": 90, "a.b": None, "page.leave": 7}


def test_the_command_tells_what_holds():
    catalogue = site(entries__count=COUNT, page__leave={"retention_days": 7})
    plain = {str(one["action"]): one for one in as_plain(catalogue)}
    assert next(iter(plain)) == "entries.count" and len(plain) == len(list(SHIPPED)) + 1
    for one in catalogue:
        assert plain[one.action]["anonymous"] is one.anonymous
        assert plain[one.action]["senders"] == senders_of(one)
    assert plain["entries.count"]["params"]["entries"] == {"type": "number", "required": True}
    assert senders_of(catalogue.get("client.login")) == ["api"]
    assert senders_of(catalogue.get("session.end")) == ["server"]
    text = "\n".join(in_words(catalogue, 80))
    assert "kept for 90 days" in text and "which one" in text and all(one.action in text for one in catalogue)
    assert max(map(len, text.splitlines())) <= 80


def test_every_type_can_be_configured():
    for kind in TYPES:
        assert site(a__b={"params": {"n": {"type": kind}}}).get("a.b").params["n"].type == kind


def test_the_shipped_file_tells_how(tmp_path):
    text = (Path(__file__).parents[2] / "config.toml").read_text()
    examples = re.findall(r"^# (\[.*|[a-z_]+ = .*)$", text, re.MULTILINE)
    path = tmp_path / "config.toml"
    path.write_text("\n".join(examples))
    config = load(path, {}, {})
    assert len(config.events) == len(config.rules) == 1
