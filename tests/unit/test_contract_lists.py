"""The contract's lists, spelled out once more: what goes missing from the code's own is missed here (EVENTS.md 2 to 5).

A test that takes its cases from the code cannot see that one of them is gone.
"""

import itertools

import pytest

from proxy.events.catalogue import DWELL_MAX_MS, STRING_MAX_CHARS, Rejection
from proxy.events.incoming import AGO_MAX_MS, read_app_event, read_event
from proxy.events.params import PARAMS_MAX, PARAMS_MAX_BYTES
from proxy.events.privacy import clean_uri
from proxy.events.sensitive import is_sensitive_name, why_sensitive
from proxy.events.shipped import SHIPPED
from proxy.events.values import DEPTH_MAX
from proxy.events.wire import BODY_MAX_BYTES, EVENTS_MAX
from proxy.intake import api, told

ID = "0188b4d6-7c00-7000-8000-000000000001"
NOW = 1_790_000_000_000


def taken(action: str, **params: object):
    return read_event({"id": ID, "action": action, "params": params})


# Limits --------------------------------------------------------------------------------------------------------------


def test_the_limits_are_those_of_the_contract():
    """Whose edges are tested by their names elsewhere."""
    assert AGO_MAX_MS == 30 * 60 * 1_000
    assert (PARAMS_MAX, STRING_MAX_CHARS, DEPTH_MAX, PARAMS_MAX_BYTES) == (32, 1_024, 2, 8_192)
    assert DWELL_MAX_MS == 60_000
    assert (EVENTS_MAX, BODY_MAX_BYTES) == (50, 32_768)
    assert (told.EVENTS_MAX, api.BODY_MAX_BYTES) == (1_000, 2**20)


WEEK_MS = 7 * 24 * 3_600 * 1_000


def test_what_an_app_tells_may_have_happened_a_week_ago_and_not_a_millisecond_longer():
    sent = {"id": ID, "action": "screen.view", "params": {"name": "Cart"}}
    assert read_app_event({**sent, "time": NOW - WEEK_MS}, SHIPPED, NOW).event.ago_ms == WEEK_MS
    with pytest.raises(Rejection) as caught:
        read_app_event({**sent, "time": NOW - WEEK_MS - 1}, SHIPPED, NOW)
    assert (caught.value.code, caught.value.field) == ("bad_type", "time")


# Names ---------------------------------------------------------------------------------------------------------------

RESERVED = (
    *("time", "ip", "uuid", "clientId", "eventUUID", "eventCreateTime", "modifiedBy", "apiKey", "businessProfileId"),
    "session",
)


@pytest.mark.parametrize("name", RESERVED)
def test_a_reserved_param_is_left_out_and_told_whoever_sends_it(name):
    from_browser = taken("link.click", **{"name": "Buy", name: "x"})
    sent = {"id": ID, "action": "screen.view", "params": {"name": "Cart", name: "x"}}
    from_app = read_app_event(sent, SHIPPED, NOW)
    for accepted in (from_browser, from_app):
        assert set(accepted.event.params) == {"name"}
        assert accepted.warnings == (("reserved_param", name),)


CONTEXTS = ("banner", "link", "button", "product", "menu", "image", "element")


@pytest.mark.parametrize("context", CONTEXTS)
def test_everything_that_can_be_hovered_over_and_clicked_is(context):
    for action, more in ((f"{context}.hover", {"dwell_ms": 400}), (f"{context}.click", {})):
        event = taken(action, name="Sale", sku="S1", **more).event
        assert (event.opens, event.keeps, event.undefined) == (True, True, ())
        assert event.params == {"name": "Sale", "sku": "S1", **more}


@pytest.mark.parametrize("via", ["mouse", "touch", "pen", "keyboard", "middle"])
def test_every_way_to_click_is_told(via):
    assert taken("link.click", name="Buy", via=via).event.params["via"] == via


CLIENT = ("applicationStarted", "login", "logout")
FROM_APPS = ("screen.view", "screen.click", "button.click", *(f"client.{what}" for what in CLIENT))


@pytest.mark.parametrize("action", FROM_APPS)
def test_what_apps_tell_is_taken_with_any_param_and_opens_and_keeps_a_session(action):
    sent = {"id": ID, "action": action, "params": {"name": "Cart", "mood": "good"}}
    event = read_app_event(sent, SHIPPED, NOW).event
    assert (event.opens, event.keeps, event.undefined) == (True, True, ())
    assert event.params == {"name": "Cart", "mood": "good"}


@pytest.mark.parametrize("action", ["screen.view", "screen.click", "button.click"])
def test_what_apps_show_has_a_name(action):
    with pytest.raises(Rejection) as caught:
        read_app_event({"id": ID, "action": action, "params": {}}, SHIPPED, NOW)
    assert (caught.value.code, caught.value.field) == ("missing_param", "name")


UTM = {"utm_source": "a", "utm_medium": "b", "utm_campaign": "c", "utm_term": "d", "utm_content": "e"}
# What a browser may say of each event besides what it must.
OPTIONAL = [
    ("page.visit", {"uri": "https://shop.example/", "nav": "spa"}, {"title": "A", "referrer": "https://x.example/a"}),
    ("page.visit", {"uri": "https://shop.example/", "nav": "manual"}, UTM),
    ("page.leave", {"engaged_ms": 1}, {"scroll_pct": 80}),
    ("banner.hover", {"name": "A", "dwell_ms": 400}, {"clicked": True, "capped": True}),
    ("link.click", {"name": "A"}, {"href": "https://x.example/a", "outbound": True, "via": "mouse"}),
    ("form.start", {"form": "f"}, {"field": "email"}),
    ("field.change", {"form": "f", "field": "x", "filled": True}, {"dwell_ms": 9, "refocus": 2, "value": "a"}),
    ("form.submit", {"form": "f", "fields": {}}, {"skipped": {"pin": "word"}}),
]


@pytest.mark.parametrize(("action", "needed", "more"), OPTIONAL)
def test_what_an_event_may_say_besides_what_it_must(action, needed, more):
    event = taken(action, **needed, **more).event
    assert event.params == {**needed, **more} and event.undefined == ()
    assert set(more) <= set(SHIPPED.get(action).params)


FROM_SERVER = {
    "session.start": {"uri", "referrer", "source", "language", "trigger", "ip", *UTM},
    "session.end": {"reason", "duration_ms", "pages", "events", "uri"},
    "form.result": {"form", "status", "outcome", "redirect"},
}


@pytest.mark.parametrize("action", FROM_SERVER)
def test_what_the_server_says_is_defined_as_well(action):
    assert set(SHIPPED.get(action).params) == FROM_SERVER[action]


NAMED = [("banner.hover", "name", {"dwell_ms": 1}), ("link.click", "name", {}), ("form.start", "form", {})]


@pytest.mark.parametrize(("action", "key", "more"), NAMED)
def test_a_name_has_a_hundred_characters_and_not_one_more(action, key, more):
    assert taken(action, **{key: "ł" * 100}, **more).event.params[key] == "ł" * 100
    with pytest.raises(Rejection) as caught:
        taken(action, **{key: "ł" * 101}, **more)
    assert (caught.value.code, caught.value.field) == ("too_long", key)


# Never captured ------------------------------------------------------------------------------------------------------

WORDS = (
    *("password", "passwd", "pwd", "pass", "passcode", "passphrase", "pin", "otp", "mfa", "secret", "token", "csrf"),
    *("cvc", "cvv", "csc", "card", "cardnumber", "ccnum", "creditcard", "iban", "ssn", "pesel", "socialsecurity"),
    "routing",
)
QUERY_WORDS = ("code", "state", "auth", "session", "sid", "sig", "email", "key")
SHAPES = ("{}", "user_{}", "{}-2", "x[{}]", "the {}", "{}1")


@pytest.mark.parametrize("word", WORDS)
def test_a_field_named_by_a_word_of_secrets_is_never_kept(word):
    names = {shape.format(spelt) for shape in SHAPES for spelt in (word, word.upper())} | {f"user{word.title()}"}
    assert [name for name in names if not is_sensitive_name(name)] == []
    fields = dict.fromkeys(names, "hunter2")
    kept = taken("form.submit", form="f", fields={**fields, "city": "Brno"}).event.params
    assert kept == {"form": "f", "fields": {"city": "Brno"}, "skipped": dict.fromkeys(names, "word")}
    assert word not in taken("link.click", name="Buy", **{word: "hunter2"}).event.params


@pytest.mark.parametrize("word", WORDS)
def test_a_word_that_only_begins_or_ends_like_one_of_secrets_is_harmless(word):
    for name in (f"x{word}", f"{word}ish", f"re{word}al"):
        assert not is_sensitive_name(name), name


@pytest.mark.parametrize("word", [*WORDS, *QUERY_WORDS])
def test_a_query_value_under_a_word_of_secrets_is_replaced(word):
    for name in (word, word.upper(), f"my_{word}", f"user{word.title()}"):
        cleaned = clean_uri(f"https://ann:hunter2@shop.example/a?b=1&{name}=hunter2&c=2#hunter2")
        assert cleaned.uri == f"https://shop.example/a?b=1&{name}=removed&c=2"


@pytest.mark.parametrize("word", QUERY_WORDS)
def test_a_word_that_is_secret_in_addresses_alone_is_a_fields_name(word):
    assert taken("form.submit", form="f", fields={word: "x"}).event.params["fields"] == {word: "x"}


def passing(digits: int) -> str:
    """A number of so many digits that passes Luhn's check."""
    for last in itertools.count():
        number = f"{4 * 10 ** (digits - 1) + last}"
        doubled = [int(char) * (2 if place % 2 else 1) for place, char in enumerate(reversed(number))]
        if sum(one - 9 if one > 9 else one for one in doubled) % 10 == 0:
            return number
    raise AssertionError


@pytest.mark.parametrize("digits", range(11, 22))
def test_a_number_of_13_to_19_digits_that_passes_luhns_check_is_a_cards(digits):
    number = passing(digits)
    assert why_sensitive(number) == ("card" if 13 <= digits <= 19 else None)
    assert why_sensitive(number[:-1] + str((int(number[-1]) + 1) % 10)) is None
