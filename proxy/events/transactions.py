"""A transaction: what a shop's server says was bought becomes one `transaction.charge` and a `product.buy` per item.

Law: pure, and one thing: it is taken whole, or refused with the field at fault. The ids of its events follow from its
`orderId`, so that an order that is sent twice is kept once (EVENTS.md section 8).
"""

import uuid
from collections.abc import Mapping
from typing import NamedTuple

from proxy.events.catalogue import Catalogue, Definition, Rejection
from proxy.events.incoming import BrowserEvent, read_time
from proxy.events.params import Notice, placed, read_params
from proxy.events.values import Absent, read_value

PRODUCTS_MAX = 500
OWN = frozenset(("orderId", "client", "recordedAt", "products", "source"))
"""Fields of a transaction that are not params of its `transaction.charge` as they stand."""
AMOUNTS = ("value", "revenue", "finalUnitPrice")
"""Numbers, or objects of an `amount` and its `currency`."""

_ORDERS = uuid.UUID("c3f0b3a0-0b1e-5d6e-9a5d-6a5e0f6f7a11")


class Transaction(NamedTuple):
    """Its events, the charge first, and what was left out of them: (field, notice)."""

    events: tuple[BrowserEvent, ...]
    warnings: tuple[tuple[str, Notice], ...]


def read_transaction(raw: Mapping[str, object], catalogue: Catalogue, received: int) -> Transaction:
    """A transaction as it was sent. `received`: UTC ms.

    Raises:
        Rejection: what is wrong; its field is a path such as `products[2].sku`.
    """
    order = _order(raw.get("orderId"), catalogue)
    products = raw.get("products")
    if not isinstance(products, list) or not products:
        raise Rejection("missing_param", "products", "products is no list of at least one")
    if len(products) > PRODUCTS_MAX:
        raise Rejection("too_long", "products", f"at most {PRODUCTS_MAX} products")
    age = read_time(raw.get("recordedAt"), received, "recordedAt")
    sent = {key: value for key, value in raw.items() if key not in OWN}
    own = {**_flat(sent), "orderId": order, "products": len(products)}
    events, warnings = [], []
    for name, params, action in [
        ("", own, "transaction.charge"),
        *((f"products[{place}]", _product(place, one, order), "product.buy") for place, one in enumerate(products)),
    ]:
        definition = catalogue.get(action)
        assert definition is not None
        event, notices = _event(uuid.uuid5(_ORDERS, f"{order}\0{name}").bytes, name, params, definition, age)
        events.append(event)
        warnings += [(f"{name}.{one.field}".lstrip("."), one) for one in notices]
    return Transaction(tuple(events), tuple(warnings))


def _order(sent: object, catalogue: Catalogue) -> str:
    """An order's number as it is kept: it is the same order however it was padded."""
    charge = catalogue.get("transaction.charge")
    try:
        return str(read_value("orderId", sent, None if charge is None else charge.params["orderId"]))
    except Absent:
        raise Rejection("missing_param", "orderId", "orderId is missing") from None


def _product(place: int, raw: object, order: str) -> dict[str, object]:
    if not isinstance(raw, dict):
        raise Rejection("bad_type", f"products[{place}]", "a product is an object")
    sent = {key: value for key, value in _flat(raw).items() if value is not None}
    return {"quantity": 1, **sent, "orderId": order}


def _flat(raw: Mapping[str, object]) -> dict[str, object]:
    """Amounts with their currency as numbers, and the currency beside them."""
    flat = dict(raw)
    for name in AMOUNTS:
        amount = raw.get(name)
        if isinstance(amount, dict) and set(amount) <= {"amount", "currency"}:
            flat[name] = amount.get("amount")
            if flat.get("currency") is None:
                flat["currency"] = amount.get("currency")
    return flat


def _event(
    event_id: bytes,
    name: str,
    params: dict[str, object],
    definition: Definition,
    age: tuple[int, int | float | None],
) -> tuple[BrowserEvent, list[Notice]]:
    try:
        read = read_params(params, definition)
    except Rejection as wrong:
        raise Rejection(wrong.code, f"{name}.{wrong.field}".strip("."), str(wrong)) from None
    told, amount, facts, more = placed(read.values, definition)
    undefined, opens, keeps = tuple(read.undefined), definition.opens, definition.keeps
    action = definition.action
    event = BrowserEvent(event_id, None, action, *age, opens, keeps, told, amount, facts, more, undefined)
    return event, read.notices
