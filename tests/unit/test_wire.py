"""The beacon's format: whatever the bytes are, a Beacon or a BadBeacon (WIRE.md, "Beacon")."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.events.privacy import URI_MAX_CHARS
from proxy.events.wire import (
    BODY_MAX_BYTES,
    CONSENTS,
    EVENTS_MAX,
    NAVS,
    TITLE_MAX_CHARS,
    TOKEN_MAX_CHARS,
    BadBeacon,
    Beacon,
    Showing,
    parse_beacon,
)

CONFIRM = {
    "id": "0188b4d6-7c00-7000-8000-000000000001",
    "uri": "https://shop.example/a?b=1&token=x#y",
    "title": " A\n",
    "referrer": "https://x.example/",
    "nav": "reload",
}


def parsed(document: object) -> Beacon:
    return parse_beacon(json.dumps(document).encode())


def showing(**changes: object) -> Showing:
    beacon = parsed({"v": 1, "confirm": {**CONFIRM, **changes}})
    assert beacon.showing is not None
    return beacon.showing


def test_a_whole_beacon():
    beacon = parsed({"v": 1, "page": "x" * 43, "confirm": CONFIRM, "events": [{"id": 1}, "?"], "more": [1]})
    assert beacon == Beacon(
        "x" * 43,
        Showing(
            id=CONFIRM["id"],
            uri="https://shop.example/a?b=1&token=removed",
            host="shop.example",
            path="/a",
            title="A",
            referrer="https://x.example/",
            nav="reload",
        ),
        ({"id": 1}, "?"),
    )


def test_the_least_beacon():
    assert parsed({"v": 1}) == Beacon("", None, ())
    assert parsed({"v": 1, "page": None, "confirm": None, "events": []}) == Beacon("", None, ())
    assert parsed({"v": 1, "page": 7}) == Beacon("", None, ())


@pytest.mark.parametrize("consent", sorted(CONSENTS))
def test_what_the_visitor_just_said_about_consent(consent):
    assert parsed({"v": 1, "consent": consent}) == Beacon("", None, (), consent=consent)


@pytest.mark.parametrize("consent", ["", "IN", "in ", "yes", True, None, 1, ["in"], {"in": 1}])
def test_anything_else_about_consent_says_nothing(consent):
    assert parsed({"v": 1, "consent": consent}).consent == ""


TOKENS = [
    ("a.b.c", "a.b.c"),
    ("x" * TOKEN_MAX_CHARS, "x" * TOKEN_MAX_CHARS),
    ("x" * (TOKEN_MAX_CHARS + 1), ""),
    (None, ""),
    (5, ""),
    ("\ud800", "?"),
]


@pytest.mark.parametrize(("sent", "token"), TOKENS)
def test_a_token_is_whole_or_none(sent, token):
    assert parsed({"v": 1, "token": sent}).token == token


def test_of_a_key_sent_twice_the_last_counts():
    assert parse_beacon(b'{"v": 2, "v": 1, "page": "a", "page": "b"}') == Beacon("b", None, ())


def test_a_wide_body_is_read_at_once():
    wide = b'{"v": 1, "x": [' + b",".join([b"[[[[[]]]]]"] * 2_900) + b"]}"
    assert len(wide) <= BODY_MAX_BYTES and parse_beacon(wide).events == ()


REFUSED = [
    (b"", "bad_json"),
    (b"{", "bad_json"),
    (b"\xff\xfe", "bad_json"),
    (b'{"v": 1} x', "bad_json"),
    (b'{"v": 1, "x": NaN}', "bad_json"),
    (b'{"v": 1, "x": -Infinity}', "bad_json"),
    (b'{"v": 1, "x": 1e999}', "bad_json"),
    (b'{"v": 1, "x": ' + b"9" * 5000 + b"}", "bad_json"),
    (b"[" * 20_000, "bad_json"),
    (b"[]", "bad_beacon"),
    (b"1", "bad_beacon"),
    (b'"x"', "bad_beacon"),
    (b"null", "bad_beacon"),
    (b"{}", "bad_version"),
    (b'{"v": 2}', "bad_version"),
    (b'{"v": "1"}', "bad_version"),
    (b'{"v": null}', "bad_version"),
    (b'{"v": true}', "bad_version"),
    (b'{"v": 1, "events": {}}', "bad_beacon"),
    (b'{"v": 1, "events": null}', "bad_beacon"),
    (b'{"v": 1, "events": "x"}', "bad_beacon"),
    (b'{"v": 1, "confirm": []}', "bad_confirm"),
    (b'{"v": 1, "confirm": "x"}', "bad_confirm"),
    (b'{"v": 1, "confirm": 0}', "bad_confirm"),
]


@pytest.mark.parametrize(("body", "code"), REFUSED)
def test_what_is_no_beacon_says_why(body, code):
    with pytest.raises(BadBeacon) as caught:
        parse_beacon(body)
    assert caught.value.code == code and str(caught.value)


def test_fifty_events_and_not_one_more():
    assert len(parsed({"v": 1, "events": [0] * EVENTS_MAX}).events) == 50
    with pytest.raises(BadBeacon) as caught:
        parsed({"v": 1, "events": [0] * (EVENTS_MAX + 1)})
    assert caught.value.code == "too_many_events"


def nested(depth: int) -> object:
    value: object = 1
    for level in range(depth):
        value = [value] if level % 2 else {"x": value}
    return value


def test_how_deep_an_event_is_nested_is_no_fault_of_the_others():
    beacon = parsed({"v": 1, "events": [nested(8), {"params": nested(300)}, 1]})
    assert [type(one) for one in beacon.events] == [list, dict, int]


def test_eight_levels_and_not_one_more():
    assert parsed({"v": 1, "x": nested(7)})
    with pytest.raises(BadBeacon) as caught:
        parsed({"v": 1, "x": nested(8)})
    assert caught.value.code == "too_deep"


def test_unusable_parts_of_a_confirmation_are_empty():
    assert showing(uri="about:blank").uri == ""
    assert showing(uri=7).host == ""
    assert showing(uri=None).path == ""
    assert showing(referrer="").referrer == ""
    assert showing(referrer="android-app://x").referrer == ""
    assert showing(title=["x"]).title == ""
    assert showing(id=5).id == ""
    assert parsed({"v": 1, "confirm": {}}).showing == Showing("", "", "", "", "", "", "navigate")


@pytest.mark.parametrize("nav", sorted(NAVS))
def test_the_ways_a_page_comes_to_be_shown(nav):
    assert showing(nav=nav).nav == nav


@pytest.mark.parametrize("nav", ["", "manual", "spa", "NAVIGATE", 1, None, "navigate\n"])
def test_any_other_way_is_a_navigation(nav):
    assert showing(nav=nav).nav == "navigate"


def test_lone_surrogates_and_nul_become_storable():
    shown = parse_beacon(
        b'{"v": 1, "confirm": {"id": "\\ud800", "title": "a\\udfff\\u0000b", "uri": "https://s/\\ud800\\u0000"}}'
    ).showing
    assert shown is not None
    assert (shown.id, shown.title) == ("?", "a? b")
    assert shown.uri == "https://s/?%00"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
BEACONS = st.fixed_dictionaries(
    {"v": st.just(1) | JSON},
    optional={
        "page": JSON | st.text(min_size=43, max_size=43),
        "events": JSON | st.lists(JSON, max_size=3),
        "consent": JSON | st.sampled_from(sorted(CONSENTS)),
        "token": JSON,
        "confirm": JSON
        | st.fixed_dictionaries(
            {},
            optional={
                "id": JSON,
                "uri": JSON | st.text(st.characters()).map(lambda rest: f"https://shop.example/{rest}"),
                "title": JSON | st.text(st.characters(), max_size=3000),
                "referrer": JSON | st.text(st.characters()).map(lambda rest: f"https://{rest}"),
                "nav": JSON | st.sampled_from(sorted(NAVS)),
            },
        ),
    },
)


def check_total(body: bytes) -> None:
    try:
        beacon = parse_beacon(body)
    except BadBeacon as error:
        assert error.code and str(error)
        return
    assert len(beacon.events) <= EVENTS_MAX
    assert beacon.consent in CONSENTS | {""}
    (beacon.page + beacon.token).encode("utf-8")
    shown = beacon.showing
    if shown is not None:
        assert all(term for _, term in shown.utm)
        for text in shown[:-1]:
            text.encode("utf-8")
        assert shown.nav in NAVS
        assert len(shown.title) <= TITLE_MAX_CHARS and shown.title.isprintable()
        assert len(shown.uri) <= URI_MAX_CHARS and len(shown.referrer) <= URI_MAX_CHARS
        assert bool(shown.uri) == bool(shown.host)
        assert "\x00" not in shown.uri + shown.host + shown.path + shown.referrer


@given(BEACONS)
def test_any_json_is_a_clean_beacon_or_a_refusal(document):
    check_total(json.dumps(document).encode())


@given(JSON)
def test_any_document_is_a_clean_beacon_or_a_refusal(document):
    check_total(json.dumps(document).encode())


@given(st.binary())
def test_any_bytes_are_a_beacon_or_a_refusal(body):
    check_total(body)
