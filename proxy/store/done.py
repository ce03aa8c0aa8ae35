"""What became of what was given to a store (base.py), one result an item.

Law: a result says what is kept, never what was meant to be.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Stored(NamedTuple):
    """What became of a Kept: whether it was new, or why it cannot be stored ('' where it can)."""

    is_new: bool
    reason: str = ""


class Confirmed(NamedTuple):
    """What became of a Confirmation: the visitor it belongs to (None: rejected as `no_visitor`), whether that
    visitor's cookie is to be set by the answer, whether it was a repeat, and how many of its events were stored (the
    others were repeats). `failed`: ids, of events or the confirmation, that a fault of ours kept from being stored;
    the rest is, and these would fail again."""

    uuid: bytes | None
    set_cookie: bool = False
    repeated: bool = False
    stored: int = 0
    failed: tuple[bytes, ...] = ()


class Swept(NamedTuple):
    """How many sessions a sweep ended. `more`: there may be others that are overdue."""

    ended: int = 0
    more: bool = False


class Tidied(NamedTuple):
    """What a step cleared away: ids that may not be repeated, events, sessions, texts. `more`: the next is due soon."""

    more: bool = False
    ids: int = 0
    events: int = 0
    sessions: int = 0
    texts: int = 0


class Forgotten(NamedTuple):
    """The receipt of a Forget. `is_known`: the visitor was there; `was_erased`: had been erased before; `is_crawler`:
    it is none, and nothing was erased. `uuids`: its own, and those of whoever turned out to be the same. What went:
    `events` by action, sessions, ids of confirmations and events, texts (words, addresses, elements, pages).
    `is_flushed`: the write-ahead log was emptied, so that no file of the store has what went."""

    is_known: bool
    was_erased: bool = False
    is_crawler: bool = False
    uuids: tuple[bytes, ...] = ()
    events: Mapping[str, int] = {}
    sessions: int = 0
    ids: int = 0
    texts: int = 0
    is_flushed: bool = False
