"""Which param a stored event's `target` and `amount` are: one place for who writes and who reads them."""

_AMOUNTS = {"page.visit": "upstream_ms", "page.leave": "engaged_ms"}


def target_key(action: str) -> str:
    """The param that names what an event is about: a form, or an element."""
    return "form" if action.startswith(("form.", "field.")) else "name"


def amount_key(action: str) -> str:
    """The param that is an event's number, in ms."""
    return _AMOUNTS.get(action, "dwell_ms")
