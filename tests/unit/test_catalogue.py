"""Definitions: the table of shipped events, who may send them, and what a site may add (EVENTS.md sections 2 to 4)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.definitions import BadDefinition, read_definitions
from proxy.events.catalogue import Catalogue, Definition, Param, Rejection, Sender
from proxy.events.event import is_action
from proxy.events.shipped import SHIPPED

CONTEXTS = ("banner", "link", "button", "product", "menu", "image", "element")

# action: (required params, a browser may send it, opens, keeps, open to any param), as EVENTS.md section 4 has it
TABLE = {
    "session.start": ("uri", False, False, False, False),
    "session.end": ("reason duration_ms pages events", False, False, False, False),
    "page.visit": ("uri nav", True, True, True, True),
    "page.leave": ("engaged_ms", True, False, True, False),
    **{f"{context}.hover": ("name dwell_ms", True, True, True, True) for context in CONTEXTS},
    **{f"{context}.click": ("name", True, True, True, True) for context in CONTEXTS},
    "form.start": ("form", True, True, True, False),
    "field.change": ("form field filled", True, False, True, False),
    "form.submit": ("form fields", True, True, True, True),
    "form.result": ("form status outcome", False, False, True, False),
    "screen.view": ("name", False, True, True, True),
    "screen.click": ("name", False, True, True, True),
    "client.applicationStarted": ("", False, True, True, True),
    "client.login": ("", False, True, True, True),
    "client.logout": ("", False, True, True, True),
    "transaction.charge": ("orderId products", False, False, True, True),
    "product.buy": ("orderId sku quantity", False, False, True, True),
}


def test_the_shipped_definitions_are_the_table():
    assert {
        one.action: (" ".join(one.required), one.anonymous, one.opens, one.keeps, one.is_open) for one in SHIPPED
    } == TABLE


REFUSALS = [
    *((action, "bad_action") for action in (None, 7, [], {}, True, "", "visit", "a.", "page.visit\n", "a" * 40 + ".b")),
    *((action, "reserved_action") for action in ("session.start", "session.end", "session.x", "client.login")),
    *((action, "reserved_action") for action in ("client.x", "transaction.charge", "product.buy")),
    *((action, "undefined_action") for action in ("sessions.start", "product.buyer", "entries.count", "page.Visit")),
    *((action, "undefined_action") for action in ("form.x", "card.hover", "banner.drag")),
    *((action, "not_anonymous") for action in ("screen.view", "screen.click", "form.result")),
]


@pytest.mark.parametrize(("action", "code"), REFUSALS)
def test_what_a_browser_may_not_send_is_rejected_with_the_reason(action, code):
    with pytest.raises(Rejection) as caught:
        SHIPPED.for_sender(action, Sender.BROWSER)
    assert (caught.value.code, caught.value.field) == (code, "action") and str(caught.value)


@pytest.mark.parametrize("action", sorted(one.action for one in SHIPPED))
def test_a_case_twin_of_a_shipped_action_is_another_action_and_cannot_be_defined(action):
    for twin in {action.upper(), action.title(), action.swapcase()} - {action}:
        for sender in Sender:
            with pytest.raises(Rejection) as caught:
                SHIPPED.for_sender(twin, sender)
            assert caught.value.code == "undefined_action"
        with pytest.raises(BadDefinition, match="in case only"):
            read_definitions({twin: {}})


RESERVED = ["session.start", "session.end", "session.mine", "transaction.charge", "product.buy"]


@pytest.mark.parametrize("sender", Sender)
@pytest.mark.parametrize("action", RESERVED)
def test_nobody_sends_what_is_reserved(action, sender):
    with pytest.raises(Rejection) as caught:
        SHIPPED.for_sender(action, sender)
    assert (caught.value.code, caught.value.field) == ("reserved_action", "action")


@pytest.mark.parametrize("sender", [Sender.BROWSER, Sender.TRUSTED_BROWSER])
@pytest.mark.parametrize("action", ["client.login", "client.logout", "client.applicationStarted", "client.mine"])
def test_no_browser_sends_what_is_a_clients(action, sender):
    with pytest.raises(Rejection) as caught:
        SHIPPED.for_sender(action, sender)
    assert (caught.value.code, caught.value.field) == ("reserved_action", "action")


@pytest.mark.parametrize("action", ["transaction.charge", "product.buy"])
def test_the_refusal_of_a_transaction_says_where_transactions_go(action):
    with pytest.raises(Rejection, match="transactions have their own endpoint"):
        SHIPPED.for_sender(action, Sender.BROWSER)


@given(st.text(max_size=40))
def test_an_action_that_is_not_defined_is_never_repeated(action):
    with pytest.raises(Rejection) as caught:
        SHIPPED.for_sender(f"{action}4111111111111111", Sender.BROWSER)
    assert "4111111111111111" not in str(caught.value) + caught.value.field


def test_a_site_adds_its_own_definitions():
    site = Catalogue((*SHIPPED, Definition("entries.count", {"n": Param("number", required=True)}, anonymous=True)))
    assert site.for_sender("entries.count", Sender.BROWSER).required == ("n",)
    assert site.for_sender("banner.hover", Sender.BROWSER) is SHIPPED.get("banner.hover")
    assert SHIPPED.get("entries.count") is None
    assert repr(site) == f"<Catalogue of {len(TABLE) + 1} actions>"


def test_a_sites_event_is_not_taken_from_a_browser_unless_it_says_so():
    with pytest.raises(Rejection) as caught:
        Catalogue([Definition("entries.count", {})]).for_sender("entries.count", Sender.BROWSER)
    assert caught.value.code == "not_anonymous"


@pytest.mark.parametrize("other", ["a.b", "A.b"])
def test_two_definitions_that_differ_at_most_in_case_are_an_error(other):
    with pytest.raises(ValueError, match="defined twice"):
        Catalogue(Definition(action, {}) for action in ("a.b", other))


@pytest.mark.parametrize("name", ["password", "cardNumber", "cvv2"])
def test_a_param_that_is_never_kept_cannot_be_defined(name):
    with pytest.raises(ValueError, match=name):
        Definition("a.b", {name: Param("string")})


def test_what_is_malformed_cannot_be_defined():
    with pytest.raises(ValueError):
        Definition("visit", {})
    with pytest.raises(ValueError):
        Param("text")


def test_a_definition_does_not_change_with_the_table_it_was_made_from():
    params = {"n": Param("number")}
    definition = Definition("a.b", params)
    params["password"] = Param("string")
    assert set(definition.params) == {"n"}
    with pytest.raises(TypeError):
        definition.params["m"] = Param("string")  # type: ignore[index]


def test_every_shipped_action_is_well_formed_and_its_default_is_one_of_its_choices():
    for definition in SHIPPED:
        assert is_action(definition.action)
        for param in definition.params.values():
            assert param.default is None or param.default in param.choices
