"""Requests of the API that are well-formed JSON and nothing else: each is refused, or taken, and costs its weight."""

import pytest

from proxy.events.catalogue import Rejection
from proxy.events.incoming import read_app_event
from proxy.events.kept import read_kept
from proxy.events.sensitive import why_sensitive
from proxy.events.shipped import SHIPPED
from proxy.events.transactions import read_transaction
from proxy.events.wire import parse_object
from proxy.intake.told import EVENTS_MAX, Told
from proxy.visitors.customers import Customers

NOW = 1_790_000_000_000
ID = "7d4d5e5c-5a3b-4c6e-9c7d-1f2e3d4c5b6a"


@pytest.mark.parametrize("time", [10**400, -(10**400), 1e308, -1, 253_402_300_800_000], ids=lambda time: str(time)[:8])
def test_a_number_that_is_no_time_is_refused(time):
    with pytest.raises(Rejection) as wrong:
        read_app_event({"id": ID, "action": "screen.view", "time": time, "params": {"name": "a"}}, SHIPPED, NOW)
    assert (wrong.value.code, wrong.value.field) == ("bad_type", "time")


def test_an_order_of_characters_that_are_none_is_taken_like_any_other():
    sent = rb'{"orderId": "\ud800 1", "value": 1, "revenue": 1, "products": [{"sku": "s", "name": "n"}]}'
    charge = read_transaction(parse_object(sent), SHIPPED, NOW).events[0]
    assert charge.params["orderId"] == "? 1"


class Counted(dict):
    """A body of which it is counted how often somebody goes through all of its keys."""

    copies = 0

    def keys(self):
        self.copies += 1
        return super().keys()

    def __iter__(self):
        self.copies += 1
        return super().__iter__()


def test_what_else_is_in_a_body_is_not_gone_through_again_for_each_event():
    body = Counted(client={"customer": "anna"}, source="POS", events=[0] * EVENTS_MAX)
    told = Told(None, SHIPPED, Customers([b"k" * 32]), NOW)
    told.read(body)
    assert len(told.rejected) == EVENTS_MAX
    assert body.copies <= 1
    (whose,) = told.refusals
    assert whose.source == "POS"


@pytest.mark.parametrize(
    ("sku", "is_kept"),
    [
        ("5901234000093", True),  # a GTIN that passes Luhn's check as well
        ("4222222222222", False),  # a card's number for tests, no GTIN
        ("4111111111111111", False),
        ("GB82 WEST 1234 5698 7654 32", False),
    ],
)
def test_an_article_number_is_no_cards(sku, is_kept):
    order = {"orderId": "A1", "products": [{"sku": sku, "name": "n"}]}
    if is_kept:
        bought = read_transaction(order, SHIPPED, NOW).events[1]
        assert bought.params["sku"] == sku
        exported = {"id": ID, "action": "product.buy", "time": NOW, "received": NOW, "uuid": ID, "lane": "person"}
        assert read_kept({**exported, "params": bought.params}).left_out == 0
        return
    with pytest.raises(Rejection) as wrong:
        read_transaction(order, SHIPPED, NOW)
    assert (wrong.value.code, wrong.value.field) == ("sensitive", "products[0].sku")


@pytest.mark.parametrize(
    ("order", "is_kept"),
    [
        ("4111111111111111", True),  # one number of this length in ten passes Luhn's check
        ("20261127000044", True),
        ("702-4567890-1234568", True),
        ("SO-20261127-00000002", True),
        ("4111 1111 1111 1111", False),
        ("4111-1111-1111-1111", False),
        ("3782 822463 10005", False),
        ("GB82 WEST 1234 5698 7654 32", False),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdefghijk", False),
    ],
)
def test_the_number_of_an_order_is_no_cards_unless_it_is_written_like_one(order, is_kept):
    assert why_sensitive(order) is not None, "as anything else"
    sent = {"orderId": order, "products": [{"sku": "s", "name": "n"}]}
    if is_kept:
        assert {event.params["orderId"] for event in read_transaction(sent, SHIPPED, NOW).events} == {order}
        exported = {"id": ID, "action": "product.buy", "time": NOW, "received": NOW, "uuid": ID, "lane": "person"}
        kept = read_kept({**exported, "params": {"orderId": order}})
        assert (dict(kept.event.more), kept.left_out) == ({"orderId": order}, 0)
        return
    with pytest.raises(Rejection) as wrong:
        read_transaction(sent, SHIPPED, NOW)
    assert (wrong.value.code, wrong.value.field) == ("sensitive", "orderId")


def test_what_is_no_number_of_an_order_may_still_not_look_like_a_cards():
    number, sold = "4111111111111111", {"sku": "s", "name": "n"}
    for change, field in (
        ({"orderId": "A1", "products": [{**sold, "sku": number}]}, "products[0].sku"),
        ({"orderId": "A1", "products": [{**sold, "name": number}]}, "products[0].name"),
        ({"orderId": "A1", "products": [sold], "currency": number}, "currency"),
        ({"orderId": "A1", "products": [sold], "orderNumber": number}, "orderNumber"),
    ):
        try:
            transaction = read_transaction(change, SHIPPED, NOW)
        except Rejection as wrong:
            assert (wrong.code, wrong.field) == ("sensitive", field)
        else:
            assert ("sensitive", field) in [(notice.code, name) for name, notice in transaction.warnings]
            assert number not in str(transaction.events)
    params = {"name": "Cart", "orderId": number}
    event, notices = read_app_event({"id": ID, "action": "screen.view", "params": params}, SHIPPED, NOW)
    assert event.params == {"name": "Cart"} and [tuple(one) for one in notices] == [("sensitive", "orderId")]
