"""The site's rules: which of its answers mean something, such as that somebody has logged in.

Law: pure. It is the site's real answer that counts, by its request's method and path and its own status (EVENTS.md
section 7).
"""

from collections.abc import Iterable
from typing import NamedTuple

from proxy.events.incoming import BrowserEvent
from proxy.page.paths import Globs


class Rule(NamedTuple):
    """Requests of `method` to `paths`, answered with one of `statuses` (both ends included), are `event`, whose id is
    to be made anew each time."""

    method: str
    paths: Globs
    statuses: tuple[tuple[int, int], ...]
    event: BrowserEvent


class Rules:
    """All rules of a site."""

    __slots__ = ("_methods", "_rules")

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self._rules = tuple(rules)
        self._methods = frozenset(rule.method for rule in self._rules)

    def __bool__(self) -> bool:
        return bool(self._rules)

    def meant(self, method: str, raw_path: bytes, status: int) -> tuple[BrowserEvent, ...]:
        """What an answer means, in the order of the rules."""
        if method not in self._methods:
            return ()
        return tuple(
            rule.event
            for rule in self._rules
            if rule.method == method
            and any(low <= status <= high for low, high in rule.statuses)
            and rule.paths.match(raw_path)
        )
