"""What must not be added up twice, and may be sent twice: who was to say that it is stored may have ended before.

Law: a sender's numbers only rise, and no two senders have one name: what was made before a fork is each one's, and what
one that ended still has under way comes after what the next one writes.
"""

import itertools
import secrets

from proxy.store.base import FormAnswer, Once
from proxy.store.counters import Blocked, Outcomes, Unheld

SENDER_BYTES = 8


class Numbering:
    """Of one recorder, from one start to the next."""

    __slots__ = ("_numbers", "_sender")

    def __init__(self) -> None:
        self._sender, self._numbers = secrets.token_bytes(SENDER_BYTES), itertools.count(1)

    def once(self, item: FormAnswer | Outcomes | Blocked | Unheld, now_ms: int) -> Once:
        """The item under its number."""
        return Once(self._sender, next(self._numbers), now_ms, item)
