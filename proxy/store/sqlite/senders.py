"""Who has sent what must not be applied twice, and up to which number.

Law: numbers of a sender ascend; one that is not above its last is a repeat. It is noted in the transaction that applies
what it numbers.
"""

from collections.abc import Callable
from typing import Any

from proxy.store.base import Once
from proxy.store.sqlite.texts import SQL
from proxy.visitors.times import DAY_MS

KEPT_DAYS = 8
"""After which nothing is sent again."""


def is_repeat(execute: Callable[..., Any], item: Once) -> bool:
    """Whether this was applied before; it is noted that it is now."""
    values = {"id": item.sender, "number": item.number, "day": item.time // DAY_MS}
    if execute(SQL["note_sender"], values).rowcount:
        return False
    if not execute(SQL["add_sender"], values).rowcount:
        return True
    execute(SQL["remove_senders"], {**values, "days": KEPT_DAYS})
    return False
