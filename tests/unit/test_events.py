"""Events: names, labels of pages, and the exported form (EVENTS.md sections 1 and 2; WIRE.md, "Export")."""

import csv
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.events.event import EXPORT_KEYS, Event, is_action
from proxy.events.labels import label_of
from proxy.events.table import csv_lines

ACTIONS = [
    ("page.visit", True),
    ("a.b", True),
    ("client.applicationStarted", True),
    ("a-b_c.d.E.9", True),
    ("a." + "b" * 30, True),
    ("a." + "b" * 31, False),
    ("visit", False),
    ("a.", False),
    (".a", False),
    ("a..b", False),
    ("", False),
    ("..", False),
    ("a.b\n", False),
    ("a b.c", False),
    ("ą.b", False),
    ("a.٣", False),
    ("a.b{c}", False),
    ("a", False),
    ("ab", False),
    (".", False),
    ("...", False),
    ("A.B", True),
    ("a.b." + "c" * 28, True),
    ("a.b." + "c" * 29, False),
    ("a.b\r", False),
    ("\na.b", False),
    ("a.b\x00", False),
    ("entrées.count", False),
    ("entre\u0301es.count", False),
    ("zliczono.wejście", False),
    ("pаge.visit", False),  # a Cyrillic a
    ("page.νisit", False),  # a Greek nu
    ("ｐage.visit", False),  # full width
    ("page．visit", False),
    ("page․visit", False),  # a one dot leader
    ("page\u200b.visit", False),
    ("page,visit", False),
    ("page/visit", False),
]


@pytest.mark.parametrize(("name", "expected"), ACTIONS)
def test_the_grammar_of_action_names(name, expected):
    assert is_action(name) is expected


@given(st.text(max_size=40))
def test_a_well_formed_action_is_short_ascii_segments(name):
    if is_action(name):
        assert name.isascii() and 3 <= len(name) <= 32 and all(name.split(".")) and "." in name


LABELS = [
    ("page.visit", {"title": "Spring sale"}, "Visited page Spring sale"),
    ("page.visit", {"uri": "https://shop.example/a/b?c=1"}, "Visited page /a/b"),
    ("page.visit", {"uri": "https://shop.example"}, "Visited page /"),
    ("page.visit", {}, "Visited page /"),
    ("page.visit", {"title": "{uri} {title.__class__}", "uri": "u"}, "Visited page {uri} {title.__class__}"),
    ("session.start", {"uri": "u"}, "Started session"),
    ("session.end", {"reason": "timeout"}, "Session end"),
    ("entries.count", {}, "entries.count"),
]


@pytest.mark.parametrize(("action", "params", "label"), LABELS)
def test_labels_are_plain_substitution(action, params, label):
    assert label_of(action, params) == label


@given(st.text(), st.text())
def test_no_value_from_a_browser_is_a_template(title, uri):
    assert label_of("page.visit", {"title": title, "uri": uri}) == f"Visited page {title}"


def test_an_exported_event_has_its_keys_in_order_and_none_that_is_empty():
    whole = Event(1, "i", "page.visit", 5, 6, "u", "person", "s", "p", {"title": "T"}, ("x",)).to_export()
    assert tuple(whole) == EXPORT_KEYS
    assert list(whole.values()) == [
        *(1, "i", "page.visit", "Visited page T", 5, 6, "u", "s", "p", "person", {"title": "T"}, ["x"])
    ]
    least = Event(1, "i", "a.b", 0, 0, "u", "bot").to_export()
    assert list(least) == ["seq", "id", "action", "label", "time", "received", "uuid", "lane"]
    assert least["time"] == 0


CONTRACT_KEYS = "seq id action label time received uuid session page lane params undefined".split()
"""WIRE.md, "Export"."""


def test_an_export_has_the_contracts_keys_and_a_table_has_them_as_columns():
    assert list(EXPORT_KEYS) == CONTRACT_KEYS
    params = {"name": 'a "b", c', "list": [1, None], "none": "é"}
    whole = Event(1, "i", "a.b", 5, 6, "u", "person", "s", "p", params, ("x", "y")).to_export()
    least = Event(2, "j", "a.b", 0, 0, "u", "bot").to_export()
    head, first, second = csv.reader(csv_lines([whole, least]))
    assert head == CONTRACT_KEYS
    assert first[:10] == ["1", "i", "a.b", "a.b", "5", "6", "u", "s", "p", "person"]
    assert (json.loads(first[10]), json.loads(first[11])) == (params, ["x", "y"])
    assert second == ["2", "j", "a.b", "a.b", "0", "0", "u", "", "", "bot", "", ""]
