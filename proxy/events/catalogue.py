"""Which actions there are, and which of them a browser may send.

Law: an action that is not defined is rejected, with the reason, and the rest of its batch is kept (EVENTS.md
section 3).
"""

from proxy.events.event import is_action

SERVER_ONLY_PREFIXES = ("session.", "client.")
SERVER_ONLY = frozenset(("transaction.charge", "product.buy"))


class Rejection(Exception):
    """An event that is not taken: `code` of WIRE.md, the `field` at fault, a message for people."""

    def __init__(self, code: str, field: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.field = field


def check_browser_action(action: object) -> None:
    """Raise Rejection unless a browser may send this action. This version defines none that it may."""
    if not isinstance(action, str) or not is_action(action):
        raise Rejection("bad_action", "action", "an action is 3 to 32 of A-Z a-z 0-9 . _ - with a dot inside")
    if action.startswith(SERVER_ONLY_PREFIXES) or action in SERVER_ONLY:
        raise Rejection("reserved_action", "action", f"{action} is recorded by the server only")
    raise Rejection("undefined_action", "action", f"{action} is not defined")
