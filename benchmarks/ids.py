"""Ids of events and confirmations, as injected/tracker.js makes them.

Law: an id is that of the page's visit but for 64 random bits. So it begins with the server's time of the page, and is,
as that, a UUID of version 7.
"""

import random


def tracker_id(source: random.Random, visit: bytes) -> bytes:
    """A new id of 16 bytes on the page of this visit; the same for the same source."""
    made = source.randbytes(8)
    return visit[:7] + made[:1] + visit[8:9] + made[1:]
