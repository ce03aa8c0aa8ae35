"""Events from browsers: whatever JSON comes is a clean event or a refusal (EVENTS.md sections 1 to 5; WIRE.md)."""

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from uuid import NAMESPACE_URL, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.events.catalogue import Catalogue, Definition, Param, Rejection
from proxy.events.incoming import AGO_MAX_MS, Accepted, BrowserEvent, action_of, read_event
from proxy.events.labels import CONTEXTS
from proxy.events.params import PARAMS_MAX, PARAMS_MAX_BYTES, RESERVED, Notice
from proxy.events.sensitive import is_sensitive_name, why_sensitive, why_sensitive_number
from proxy.events.shipped import SHIPPED
from proxy.events.values import is_key

ID = "0188b4d6-7c00-7000-8000-000000000001"
VIEW = "0188B4D67C0070008000000000000002"
CARD = "4111111111111111"
HOVER = {"name": "Spring sale", "dwell_ms": 2300}
SUBMIT = {"form": "newsletter", "fields": {"email": "a@b.example"}}
CHANGE = {"form": "newsletter", "field": "email", "filled": True}
VISIT = {"uri": "https://shop.example/a?b=1#c"}
SITE = Catalogue(
    (
        *SHIPPED,
        Definition(
            "all.types",
            {
                "s": Param("string"),
                "n": Param("number"),
                "b": Param("boolean"),
                "d": Param("datetime"),
                "l": Param("list"),
                "o": Param("object"),
            },
            anonymous=True,
        ),
    )
)


def taken(action: str, params: object, **more: object) -> Accepted:
    return read_event({"id": ID, "action": action, "params": params, **more}, SITE)


def params_of(action: str, params: object) -> dict[str, object]:
    return taken(action, params).event.params


def refusal(action: object, params: object, **more: object) -> tuple[str, str]:
    with pytest.raises(Rejection) as caught:
        read_event({"id": ID, "action": action, "params": params, **more}, SITE)
    assert str(caught.value)
    return caught.value.code, caught.value.field


def test_a_hover_with_everything():
    accepted = taken(
        "banner.hover",
        {**HOVER, "clicked": True, "capped": False, "sku": "S198", "price": 9.5, "sizes": ["S", "M"]},
        view=VIEW,
        ago=1200,
    )
    assert accepted == Accepted(
        BrowserEvent(
            id=bytes.fromhex(ID.replace("-", "")),
            view=bytes.fromhex(VIEW),
            action="banner.hover",
            ago_ms=1200,
            sent_ago=None,
            opens=True,
            keeps=True,
            name="Spring sale",
            amount=2300,
            facts=(("clicked", True), ("capped", False)),
            more=(("sku", "S198"), ("price", 9.5), ("sizes", ["S", "M"])),
            undefined=(),
        ),
        (),
    )


# action, params; what becomes of them: name, amount, facts, more
PLACES = [
    ("link.hover", HOVER, "Spring sale", 2300, {}, {}),
    (
        "link.click",
        {"name": "Buy", "href": "https://s.example/a?token=x#y", "outbound": False, "via": "touch", "sku": "1"},
        "Buy",
        None,
        {"href": "https://s.example/a?token=removed", "outbound": False, "via": "touch"},
        {"sku": "1"},
    ),
    ("form.start", {"form": "login", "field": "password"}, "login", None, {}, {"field": "password"}),
    (
        "field.change",
        {**CHANGE, "dwell_ms": 900, "refocus": 2, "value": "a"},
        "newsletter",
        900,
        {"filled": True, "refocus": 2},
        {"field": "email", "value": "a"},
    ),
    ("form.submit", SUBMIT, "newsletter", None, {}, {"fields": {"email": "a@b.example"}}),
    ("form.submit", {"form": "f", "fields": {}, "x": "1"}, "f", None, {}, {"fields": {}, "x": "1"}),
    ("page.leave", {"engaged_ms": 0, "scroll_pct": 101}, "", 0, {"scroll_pct": 100}, {}),
    ("page.visit", VISIT, "", None, {"nav": "manual"}, {"uri": "https://shop.example/a?b=1"}),
    (
        "page.visit",
        {"uri": "https://shop.example/?utm_source=news&utm_medium=", "nav": "spa", "title": " A\n", "og:type": "x"},
        "",
        None,
        {"nav": "spa", "utm_source": "news"},
        {"uri": "https://shop.example/?utm_source=news&utm_medium=", "title": "A", "og:type": "x"},
    ),
    (
        "page.visit",
        {**VISIT, "referrer": "about:blank"},
        "",
        None,
        {"nav": "manual"},
        {"uri": "https://shop.example/a?b=1"},
    ),
]


@pytest.mark.parametrize(("action", "params", "name", "amount", "facts", "more"), PLACES)
def test_every_param_has_its_place(action, params, name, amount, facts, more):
    event = taken(action, params).event
    assert (event.name, event.amount, dict(event.facts), dict(event.more)) == (name, amount, facts, more)


OPENS_AND_KEEPS = [
    *((f"{context}.hover", HOVER, True, True) for context in CONTEXTS),
    *((f"{context}.click", {"name": "x"}, True, True) for context in CONTEXTS),
    ("page.visit", VISIT, True, True),
    ("page.leave", {"engaged_ms": 1}, False, True),
    ("page.leave", {"engaged_ms": 0}, False, False),
    ("form.start", {"form": "f"}, True, True),
    ("form.submit", SUBMIT, True, True),
    ("field.change", CHANGE, False, True),
]


@pytest.mark.parametrize(("action", "params", "opens", "keeps"), OPENS_AND_KEEPS)
def test_what_starts_and_what_keeps_a_session(action, params, opens, keeps):
    event = taken(action, params).event
    assert (event.opens, event.keeps) == (opens, keeps)


AGES = [
    (0, 0, None),
    (12.7, 12, None),
    (AGO_MAX_MS, AGO_MAX_MS, None),
    (AGO_MAX_MS + 1, AGO_MAX_MS, AGO_MAX_MS + 1),
    (1e15, AGO_MAX_MS, 1e15),
    (-1, 0, -1),
    (-0.5, 0, -0.5),
    (None, 0, None),
    ("1200", 0, None),
    (True, 0, None),
    ([], 0, None),
    (math.nan, 0, None),
    (math.inf, AGO_MAX_MS, None),
    (-math.inf, 0, None),
    (10**400, AGO_MAX_MS, None),
    (-(10**400), 0, None),
]


@pytest.mark.parametrize(("sent", "ago_ms", "kept"), AGES)
def test_no_event_is_in_the_future_and_none_is_older_than_half_an_hour(sent, ago_ms, kept):
    event = taken("banner.hover", HOVER, ago=sent).event
    assert (event.ago_ms, event.sent_ago) == (ago_ms, kept)


IDS = ["", "1", 7, None, [], ID[:-1], ID + "0", ID + "\n", " " + ID, ID.replace("-", "_"), "g" * 32, "٠" * 32]


@pytest.mark.parametrize("bad", IDS)
def test_an_id_is_a_uuid(bad):
    assert refusal("banner.hover", HOVER, id=bad) == ("bad_id", "id")
    if bad is not None:
        assert refusal("banner.hover", HOVER, view=bad) == ("bad_id", "view")


@pytest.mark.parametrize("raw", [None, 1, "x", [], True, 1.5])
def test_an_event_is_an_object(raw):
    with pytest.raises(Rejection) as caught:
        read_event(raw)
    assert (caught.value.code, caught.value.field) == ("bad_type", "")


REFUSED = [
    ("visit", {}, "bad_action", "action"),
    (None, {}, "bad_action", "action"),
    ("session.end", {}, "reserved_action", "action"),
    ("entries.count", {}, "undefined_action", "action"),
    ("form.result", {}, "not_anonymous", "action"),
    ("banner.hover", None, "missing_param", "name"),
    ("banner.hover", {"name": "x"}, "missing_param", "dwell_ms"),
    ("banner.hover", {"name": None, "dwell_ms": 1}, "missing_param", "name"),
    ("banner.hover", {"name": " \u200b\n", "dwell_ms": 1}, "missing_param", "name"),
    ("banner.hover", {"name": 7, "dwell_ms": 1}, "bad_type", "name"),
    ("banner.hover", {"name": "x" * 101, "dwell_ms": 1}, "too_long", "name"),
    ("banner.hover", [], "bad_type", "params"),
    ("banner.hover", "x", "bad_type", "params"),
    *(
        ("banner.hover", {"name": "x", "dwell_ms": bad}, "bad_type", "dwell_ms")
        for bad in (-1.5, 1.5, True, "x", "1e", "1 ", "٣", math.nan, math.inf, "9" * 50, [], {}, "1e999")
    ),
    ("banner.hover", {**HOVER, "clicked": "yes"}, "bad_type", "clicked"),
    ("banner.hover", {**HOVER, "clicked": 1}, "bad_type", "clicked"),
    ("banner.hover", {**HOVER, "n": math.nan}, "bad_type", "n"),
    ("banner.hover", {**HOVER, "n": [math.inf]}, "bad_type", "n"),
    ("banner.hover", {**HOVER, "n": 2**63}, "bad_type", "n"),
    ("banner.hover", {**HOVER, "x": "y" * 1025}, "too_long", "x"),
    ("banner.hover", {**HOVER, "x": ["y" * 1025]}, "too_long", "x"),
    ("banner.hover", {**HOVER, "x": {"y" * 101: 1}}, "too_long", "x"),
    ("banner.hover", {**HOVER, "x": [[[]]]}, "too_deep", "x"),
    ("banner.hover", {**HOVER, "x": {"y": {"z": {}}}}, "too_deep", "x"),
    ("banner.hover", {**HOVER, "a b": 1}, "bad_type", ""),
    ("banner.hover", {**HOVER, "": 1}, "bad_type", ""),
    ("banner.hover", {**HOVER, "k" * 65: 1}, "bad_type", ""),
    ("banner.hover", {**HOVER, "k\n": 1}, "bad_type", ""),
    ("banner.click", {"name": "x", "via": "telepathy"}, "bad_type", "via"),
    ("banner.click", {"name": "x", "href": 1}, "bad_type", "href"),
    ("page.visit", {}, "missing_param", "uri"),
    ("page.visit", {"uri": "/a"}, "bad_type", "uri"),
    ("page.visit", {**VISIT, "nav": "navigate"}, "bad_type", "nav"),
    ("form.submit", {"form": "f"}, "missing_param", "fields"),
    ("form.submit", {"form": "f", "fields": []}, "bad_type", "fields"),
    ("form.submit", {"form": "f", "fields": {}, "skipped": "x"}, "bad_type", "skipped"),
    ("field.change", {"form": "f", "field": "x"}, "missing_param", "filled"),
    ("all.types", {"d": "yesterday"}, "bad_type", "d"),
    ("all.types", {"l": {}}, "bad_type", "l"),
    ("all.types", {"s": 1}, "bad_type", "s"),
]


@pytest.mark.parametrize(("action", "params", "code", "field"), REFUSED)
def test_what_is_wrong_is_refused_and_named(action, params, code, field):
    assert refusal(action, params) == (code, field)


CONVERTED = [
    (
        "banner.hover",
        {"name": "x", "dwell_ms": "2300", "clicked": "true"},
        {"name": "x", "dwell_ms": 2300, "clicked": True},
    ),
    ("banner.hover", {"name": "x", "dwell_ms": 5.0}, {"name": "x", "dwell_ms": 5}),
    ("all.types", {"n": "-1.5e2", "b": "false"}, {"n": -150.0, "b": False}),
    ("all.types", {"n": "12"}, {"n": 12}),
    ("all.types", {"s": "12"}, {"s": "12"}),
    ("all.types", {"d": "2026-11-26T19:42:10Z"}, {"d": "2026-11-26T19:42:10Z"}),
    ("all.types", {"d": 1764186130001}, {"d": 1764186130001}),
    ("all.types", {"l": [1, None, "", "a\x00"], "o": {"a": None, "b": [None]}}, {"l": [1, "a"], "o": {"b": []}}),
    ("banner.hover", {**HOVER, "x": None, "y": "", "z": " a\x00\ud800b "}, {**HOVER, "z": "a ?b"}),
]


@pytest.mark.parametrize(("action", "sent", "kept"), CONVERTED)
def test_values_are_cleaned_and_strings_that_are_numbers_become_numbers(action, sent, kept):
    assert params_of(action, sent) == kept


@pytest.mark.parametrize("told", [-1, -3_600_000, "-1", -1e300, -(10**30)])
def test_a_length_of_less_than_nothing_is_of_a_clock_that_was_set_back_and_counts_as_nothing(told):
    assert params_of("field.change", {**CHANGE, "dwell_ms": told})["dwell_ms"] == 0
    left = taken("page.leave", {"engaged_ms": told, "scroll_pct": told}).event
    assert (left.params, left.keeps) == ({"engaged_ms": 0, "scroll_pct": 0}, False)


@pytest.mark.parametrize(("action", "params"), [("banner.hover", HOVER), ("field.change", CHANGE)])
def test_a_dwell_of_more_than_a_minute_is_a_minute_and_capped(action, params):
    for dwell_ms in (60_000, 61_000, 10**30, 1e300, "61000"):
        kept = params_of(action, {**params, "dwell_ms": dwell_ms})
        assert (kept["dwell_ms"], kept["capped"]) == (60_000, True)
    assert "capped" not in params_of(action, {**params, "dwell_ms": 59_999})


def test_thirty_two_params_and_not_one_more():
    extra = {f"x{n}": n for n in range(PARAMS_MAX - 2)}
    assert len(params_of("banner.hover", {**HOVER, **extra, "nothing": None})) == 32
    assert refusal("banner.hover", {**HOVER, **extra, "one": 1}) == ("too_many_params", "params")


def test_a_campaign_never_makes_a_visit_too_large():
    uri = "https://s.example/?utm_source=a&utm_medium=b&utm_term=c"
    extra = {f"x{n}": n for n in range(PARAMS_MAX - 3)}
    kept = params_of("page.visit", {"uri": uri, "nav": "manual", **extra})
    assert len(kept) == PARAMS_MAX and kept["utm_source"] == "a" and "utm_medium" not in kept


def test_what_is_filled_in_counts_as_well():
    extra = {f"x{n}": n for n in range(PARAMS_MAX - 1)}
    assert refusal("page.visit", {**VISIT, **extra}) == ("too_many_params", "params")


def test_a_campaign_without_a_name_is_none():
    uri = "https://s.example/?utm_source=%20&utm_term=x"
    assert params_of("page.visit", {"uri": uri}) == {"uri": uri, "nav": "manual", "utm_term": "x"}


def test_eight_kibibytes_and_not_one_byte_more():
    fields = {f"f{n}": "ą" * 500 for n in range(8)}
    room = PARAMS_MAX_BYTES - len(
        json.dumps({"form": "f", "fields": {**fields, "g": ""}}, ensure_ascii=False, separators=(",", ":")).encode()
    )
    assert params_of("form.submit", {"form": "f", "fields": {**fields, "g": "x" * room}})
    assert refusal("form.submit", {"form": "f", "fields": {**fields, "g": "x" * (room + 1)}}) == ("too_long", "params")


def test_a_long_address_is_cut_and_no_reason_to_lose_a_click():
    href = "https://s.example/" + "a" * 400 + "?" + "b" * 3000
    assert params_of("link.click", {"name": "x", "href": href}) == {"name": "x", "href": href[:1024]}


@pytest.mark.parametrize(
    ("href", "kept"),
    [
        ("https://s.example/archive/4111/1111/1111/1111/", True),
        ("https://s.example/4111%2F1111%2F1111%2F1111", False),
        ("https://s.example/4111_1111_1111_1111", False),
    ],
)
def test_the_slashes_of_a_path_join_no_number(href, kept):
    assert params_of("link.click", {"name": "x", "href": href}).get("href") == (href if kept else None)


@pytest.mark.parametrize("href", ["mailto:a@b.example", "tel:+48600700800", "javascript:void 0", "#top", ""])
def test_a_link_that_leads_to_no_page_has_no_href(href):
    assert params_of("link.click", {"name": "x", "href": href}) == {"name": "x"}


@pytest.mark.parametrize("key", [*sorted(RESERVED), "original_ago", "usual_ms", "usual_n"])
def test_reserved_params_are_dropped_and_named(key):
    accepted = taken("banner.hover", {**HOVER, key: 5})
    assert accepted.event.params == HOVER
    assert accepted.warnings == (Notice("reserved_param", key),)


@pytest.mark.parametrize("key", ["status", "method", "upstream_ms"])
def test_what_only_the_server_knows_of_a_page_is_not_taken_from_a_browser(key):
    accepted = taken("page.visit", {**VISIT, key: 5})
    assert key not in accepted.event.params and accepted.event.amount is None
    assert accepted.warnings == (Notice("reserved_param", key),)


UNDEFINED = [
    ("page.leave", {"engaged_ms": 1}, ("x",)),
    ("form.start", {"form": "f"}, ("x",)),
    ("field.change", CHANGE, ("x",)),
    ("all.types", {}, ("x",)),
    ("banner.hover", HOVER, ()),
    ("banner.click", {"name": "a"}, ()),
    ("form.submit", SUBMIT, ()),
    ("page.visit", VISIT, ()),
]


@pytest.mark.parametrize(("action", "params", "undefined"), UNDEFINED)
def test_a_param_that_the_definition_does_not_know_is_kept_and_named(action, params, undefined):
    event = taken(action, {**params, "x": "1"}).event
    assert event.undefined == undefined and dict(event.more)["x"] == "1"


# What the browser sent as fields and skipped; what is kept as either.
FORMS = [
    ({"email": "a"}, None, {"email": "a"}, None),
    ({"email": "a", "password": "hunter2"}, None, {"email": "a"}, {"password": "word"}),
    ({"cardNumber": "x", "cvv2": "123", "otp1": "4"}, None, {}, dict.fromkeys(["cardNumber", "cvv2", "otp1"], "word")),
    ({"passenger": "A", "experience": "B"}, None, {"passenger": "A", "experience": "B"}, None),
    ({"notes": CARD}, None, {}, {"notes": "card"}),
    ({"notes": f"my card is {CARD} 12/27"}, None, {}, {"notes": "card"}),
    ({"notes": int(CARD)}, None, {}, {"notes": "card"}),
    ({"notes": ["a", CARD]}, None, {}, {"notes": "card"}),
    ({"notes": ["4111", "1111", "1111", "1111"]}, None, {}, {"notes": "card"}),
    ({"notes": {"x": CARD}, "more": {"password": "x"}}, None, {}, {"notes": "card", "more": "word"}),
    ({"notes": "4111\u200b1111\u200b1111\u200b1111"}, None, {}, {"notes": "card"}),
    ({"n": "123-45-6789", "i": "GB82 WEST 1234 5698 7654 32"}, None, {}, {"n": "ssn", "i": "iban"}),
    ({"pass\u200bword": "x"}, None, {}, {"pass word": "word"}),
    ({"ｐａｓｓｗｏｒｄ": "x"}, None, {}, {"ｐａｓｓｗｏｒｄ": "word"}),
    ({CARD: "x", "a": "b"}, None, {"a": "b"}, None),
    (
        {"a": "b"},
        {"pw": "password", "f": "file", "h": "hidden"},
        {"a": "b"},
        {"pw": "password", "f": "file", "h": "hidden"},
    ),
    ({}, {"x": "hunter2", "y": 5, "z": ["card"]}, {}, {"x": "other", "y": "other", "z": "other"}),
    ({}, {CARD: "card", "a": "other"}, {}, {"a": "other"}),
    ({"a": "b"}, {"a": "autocomplete"}, {}, {"a": "autocomplete"}),
    ({"a": "b"}, {}, {"a": "b"}, None),
    (
        {"two words": ["x", "y"], "Imię": True, "empty": "", "null": None},
        None,
        {"two words": ["x", "y"], "Imię": True},
        None,
    ),
]


@pytest.mark.parametrize(("fields", "skipped", "kept", "refused"), FORMS)
def test_a_field_that_is_never_captured_is_skipped_with_the_reason(fields, skipped, kept, refused):
    accepted = taken("form.submit", {"form": "f", "fields": fields, "skipped": skipped})
    expected = {"form": "f", "fields": kept} | ({} if refused is None else {"skipped": refused})
    assert accepted.event.params == expected and accepted.warnings == ()


SENSITIVE = [
    ("field.change", {**CHANGE, "field": "password"}, "field"),
    ("field.change", {**CHANGE, "field": "cvv2"}, "field"),
    ("field.change", {**CHANGE, "field": CARD}, "field"),
    ("field.change", {**CHANGE, "value": CARD}, "value"),
    ("field.change", {**CHANGE, "value": {"pin": "1"}}, "value"),
    ("banner.hover", {"name": CARD, "dwell_ms": 1}, "name"),
    ("form.submit", {"form": f"a {CARD}", "fields": {}}, "form"),
    ("page.visit", {"uri": f"https://s.example/{CARD}"}, "uri"),
]


@pytest.mark.parametrize(("action", "params", "field"), SENSITIVE)
def test_an_event_about_a_secret_is_refused(action, params, field):
    assert refusal(action, params) == ("sensitive", field)


TAKEN_OUT = [
    ("banner.hover", {**HOVER, "password": "x"}, "password"),
    ("banner.hover", {**HOVER, "cardNumber": "x"}, "cardNumber"),
    ("banner.hover", {**HOVER, "x": CARD}, "x"),
    ("banner.hover", {**HOVER, "x": int(CARD)}, "x"),
    ("banner.hover", {**HOVER, "x": [{"pin": 1}]}, "x"),
    ("banner.hover", {**HOVER, CARD: 1}, ""),
    ("page.leave", {"engaged_ms": 1, "x": CARD}, "x"),
    ("page.visit", {**VISIT, "title": f"Thank you {CARD}"}, "title"),
    ("page.visit", {**VISIT, "referrer": f"https://x.example/{CARD}"}, "referrer"),
    ("link.click", {"name": "x", "href": "https://x.example/4111%201111%201111%201111"}, "href"),
]


@pytest.mark.parametrize(("action", "params", "field"), TAKEN_OUT)
def test_any_other_secret_is_taken_out_and_named_without_its_value(action, params, field):
    accepted = taken(action, params)
    assert accepted.warnings == (Notice("sensitive", field),)
    secret = next(key for key in params if key in (field, CARD))
    assert secret not in accepted.event.params and secret not in accepted.event.undefined


def test_a_secret_in_a_query_is_replaced_and_the_visit_kept():
    kept = params_of("page.visit", {"uri": f"https://s.example/a?b=1&q={CARD}&utm_term={CARD}"})
    assert kept["uri"] == "https://s.example/a?b=1&q=removed&utm_term=removed"


def test_an_id_that_only_the_server_makes_is_refused():
    with pytest.raises(Rejection) as caught:
        read_event({"id": str(uuid5(NAMESPACE_URL, "x")), "action": "link.click", "params": {"name": "x"}})
    assert (caught.value.code, caught.value.field) == ("bad_id", "id")


@pytest.mark.parametrize("name", ["Forgot password?", "Pay by card", "PIN: what is it"])
def test_words_are_secrets_in_names_of_fields_only(name):
    assert params_of("button.click", {"name": name}) == {"name": name}


ACTIONS = [
    ({"action": "entries.count"}, "entries.count"),
    ({"action": "banner.hover"}, "banner.hover"),
    ({"action": "visit"}, ""),
    ({"action": f"a.{CARD}"}, ""),
    ({"action": 5}, ""),
    ({}, ""),
    ([], ""),
    (None, ""),
]


@pytest.mark.parametrize(("raw", "action"), ACTIONS)
def test_the_action_of_a_refused_event_is_kept_only_if_it_is_one(raw, action):
    assert action_of(raw) == action


KEYS = st.sampled_from(
    [
        *{key for one in SHIPPED for key in one.params},
        *sorted(RESERVED),
        "usual_ms",
        "password",
        "pin",
        "x",
        "y:z",
        CARD,
        "a b",
        "",
    ]
)
TEXT = st.text(st.characters(), max_size=30)
SECRETS = [CARD, "4111 1111 1111 1111", "078-05-1120", "GB82 WEST 1234 5698 7654 32", "-----BEGIN PRIVATE KEY-----"]
SCALAR = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | TEXT
    | st.sampled_from(["true", "12", "1.5", "manual", "mouse", int(CARD), "x" * 1025, "ą" * 900])
    | TEXT.map(lambda rest: f"https://shop.example/{rest}")
    | TEXT.map(lambda term: f"https://shop.example/?utm_source={term}&password={term}")
)
JSON = st.recursive(
    SCALAR,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | TEXT, inner, max_size=4),
    max_leaves=12,
)


def likely(action: str) -> st.SearchStrategy[dict[str, object]]:
    """An event that may well be taken: what its action needs, some of it spoiled, and more."""
    needed = {"name": "n", "form": "f", "field": "e", "filled": True, "fields": {"a": "b"}, "dwell_ms": 7}
    base = {**needed, "uri": "https://shop.example/", "engaged_ms": 9}
    definition = SHIPPED.get(action)
    assert definition is not None
    good = {key: base[key] for key in definition.required if key in base}
    return st.fixed_dictionaries(
        {
            "id": st.just(ID),
            "action": st.just(action),
            "ago": JSON,
            "params": st.dictionaries(KEYS | TEXT.filter(is_key), JSON, max_size=6).map(lambda more: {**good, **more})
            | st.dictionaries(KEYS, JSON, max_size=6).map(lambda more: {**more, **good}),
        }
    )


BROWSER_ACTIONS = sorted(one.action for one in SHIPPED if one.anonymous)
EVENTS = st.sampled_from(BROWSER_ACTIONS).flatmap(likely) | st.fixed_dictionaries(
    {}, optional={"id": JSON | st.just(ID), "view": JSON, "action": JSON, "ago": JSON, "params": JSON}
)


def leaves(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item)
    else:
        yield value


def check_accepted(accepted: Accepted) -> None:
    event = accepted.event
    params = event.params
    text = json.dumps(params, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    assert len(text.encode("utf-8")) <= PARAMS_MAX_BYTES
    assert len(params) <= PARAMS_MAX and all(map(is_key, params))
    assert 0 <= event.ago_ms <= AGO_MAX_MS
    json.dumps(event.sent_ago, allow_nan=False)
    assert event.amount is None or event.amount >= 0
    assert not set(params) & (RESERVED | {"usual_ms", "usual_n", "original_ago"})
    assert not any(is_sensitive_name(key) for key in params) and set(event.undefined) <= set(params)
    for leaf in leaves(params):
        assert leaf is not None and leaf != ""
        assert (
            isinstance(leaf, bool)
            or (why_sensitive_number if isinstance(leaf, int | float) else why_sensitive)(leaf) is None
        )
    again = read_event(
        {"id": event.id.hex(), "action": event.action, "ago": event.ago_ms, "params": params},
    )
    assert again.warnings == ()
    assert again.event.params == params
    assert (again.event.facts, again.event.more, again.event.undefined) == (event.facts, event.more, event.undefined)
    for code, field in accepted.warnings:
        assert code in ("reserved_param", "sensitive") and (field == "" or is_key(field))


@given(EVENTS | JSON)
def test_any_json_is_a_clean_event_that_reads_as_itself_or_a_refusal(raw):
    try:
        accepted = read_event(raw)
    except Rejection as error:
        assert error.code and str(error) and (error.field == "" or is_key(error.field))
        return
    check_accepted(accepted)


@pytest.mark.parametrize("action", BROWSER_ACTIONS)
@given(st.data())
def test_what_is_nearly_right_is_taken_clean_or_refused(action, data):
    raw = data.draw(likely(action))
    try:
        accepted = read_event(raw)
    except Rejection as error:
        assert is_key(error.field) or error.field == ""
        return
    check_accepted(accepted)


@given(
    st.sampled_from(BROWSER_ACTIONS).flatmap(likely),
    st.sampled_from(SECRETS),
    st.sampled_from(["{}", "my {}", "\u200b{}\n", "no:{}!"]),
    st.sampled_from(["name", "form", "fields", "skipped", "field", "value", "href", "title", "x", "via", "filled"]),
    st.sampled_from(["text", "list", "object", "key", "name"]),
)
def test_a_secret_is_in_no_event_no_notice_and_no_refusal(raw, secret, shape, key, way):
    text = shape.format(secret)
    value = {"text": text, "list": ["a", text], "object": {"a": text}, "key": {text: "a"}, "name": "a"}[way]
    params = {**raw["params"], (text if way == "name" else key): value}
    shown = ""
    try:
        accepted = read_event({**raw, "params": params})
        shown = json.dumps([accepted.event.params, accepted.event.undefined, accepted.warnings], ensure_ascii=False)
    except Rejection as error:
        shown = f"{error.code} {error.field} {error}"
    assert secret not in shown


@pytest.mark.parametrize(
    "value", ["Spring sale", "  Spring  sale ", CARD, f"card {CARD}", "x" * 101, "ada@example.com", "", "?token=secret"]
)
@pytest.mark.parametrize("key", ["name", "href"])
def test_what_was_taken_or_refused_once_is_so_again(key, value):
    """Also where a text is remembered: what is judged anew and what is not says the same."""

    def said(catalogue, text):
        sent = {"id": ID, "action": "link.click", "params": {"name": "a", key: text}}
        try:
            event, notices = read_event(sent, catalogue)
        except Rejection as error:
            return error.code, error.field
        return event.params, notices

    for text in (value, f"http://site.example/?q={value}"):
        anew = Catalogue(replace(one) for one in SHIPPED)
        assert said(SITE, text) == said(SITE, text) == said(anew, text)
    assert not SITE.get("link.click").taken.keys() & {(key, CARD), (key, f"card {CARD}")}
