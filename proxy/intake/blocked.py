"""Pages whose tag a policy forbids, counted between two flushes to the store.

Law: sans-I/O, and bounded: whoever makes up addresses fills one row. A page is counted under its cleaned address.
"""

from proxy.store.counters import Blocked, BlockedPage
from proxy.visitors.times import DAY_MS

BLOCKED_PAGES = 200
"""Pages and reasons told apart between two flushes; the others share one row a reason, of no host and no path."""

Key = tuple[int, str, str, str]


class BlockedPages:
    """Counts by day, host, path and reason."""

    __slots__ = ("_pages",)

    def __init__(self) -> None:
        self._pages: dict[Key, list[int]] = {}  # how often, and when last

    def __len__(self) -> int:
        return len(self._pages)

    def count(self, host: str, path: str, reason: str, now_ms: int) -> None:
        """One page that somebody saw without its tag."""
        key = (now_ms // DAY_MS, host, path, reason)
        if len(self._pages) >= BLOCKED_PAGES and key not in self._pages:
            key = (key[0], "", "", reason)
        known = self._pages.setdefault(key, [0, 0])
        known[0] += 1
        known[1] = max(known[1], now_ms)

    def take(self) -> Blocked:
        """What was counted since the last time."""
        pages, self._pages = self._pages, {}
        return Blocked(tuple(BlockedPage(*key, n, last) for key, (n, last) in pages.items()))
