"""Labels of everything that is shipped: what a marketer reads (EVENTS.md section 1, "label")."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.events.labels import CONTEXTS, TEMPLATES, label_of
from proxy.events.shipped import SHIPPED
from proxy.events.values import is_key

LABELS = [
    ("banner.hover", {"name": "Spring sale"}, "Hovered over Spring sale"),
    ("button.click", {"name": "Buy now"}, "Clicked Buy now"),
    ("form.start", {"form": "newsletter"}, "Started form newsletter"),
    ("field.change", {"form": "newsletter", "field": "email"}, "Changed email in newsletter"),
    ("form.submit", {"form": "newsletter"}, "Submitted newsletter"),
    ("form.result", {"form": "newsletter", "outcome": "accepted"}, "The site's answer to newsletter: accepted"),
    ("page.leave", {"engaged_ms": 5}, "Left the page"),
    ("screen.view", {"name": "Basket"}, "Viewed screen Basket"),
    ("client.login", {}, "Logged in"),
    ("banner.hover", {"name": "{name} {dwell_ms}", "dwell_ms": 3}, "Hovered over {name} {dwell_ms}"),
    ("banner.hover", {}, "Hovered over "),
]


@pytest.mark.parametrize(("action", "params", "label"), LABELS)
def test_a_label_says_what_happened(action, params, label):
    assert label_of(action, params) == label


def test_every_shipped_action_has_a_label_and_no_label_is_of_anything_else():
    assert set(TEMPLATES) == {definition.action for definition in SHIPPED}
    assert {f"{context}.{what}" for context in CONTEXTS for what in ("hover", "click")} < set(TEMPLATES)


def test_every_param_in_a_label_is_one_that_its_action_has():
    for definition in SHIPPED:
        filled = label_of(definition.action, dict.fromkeys(definition.params, "x"))
        assert "{" not in filled and "  " not in filled and not filled.endswith(" ")


def test_a_site_may_bring_its_own_templates():
    templates = {"entries.count": "{n} came in by {door}"}
    assert label_of("entries.count", {"n": 3, "door": "A"}, templates) == "3 came in by A"
    assert label_of("banner.hover", {"name": "x"}, templates) == "banner.hover"


@given(st.from_regex(r"[A-Za-z0-9_.:-]{1,64}", fullmatch=True))
def test_a_template_may_name_every_param_that_may_be_sent(key):
    assert is_key(key)
    assert label_of("door.opened", {key: "north"}, {"door.opened": f"By {{{key}}}, {{{key}}}"}) == "By north, north"


def test_a_template_reaches_no_attribute_no_item_and_no_conversion():
    params = {"door": "north", "door.upper": "A", "list": [1, 2]}
    for text, label in (
        ("{door.upper}", "A"),
        ("{door.title} {door.__class__}", " "),
        ("{list[0]}", "{list[0]}"),
        ("{door!r} {door:>9}", "{door!r} {door:>9}"),
        ("{} { door }", "{} { door }"),
    ):
        assert label_of("door.opened", params, {"door.opened": text}) == label


@given(st.text(), st.text())
def test_no_value_from_a_browser_is_a_template(form, field):
    assert label_of("field.change", {"form": form, "field": field}) == f"Changed {field} in {form}"
