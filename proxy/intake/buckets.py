"""Token buckets: how much the collector takes of one visitor and of one address (HTTP.md, X2).

Law: sans-I/O; `now` is an argument, in seconds of a clock that never goes back. What is refused takes nothing, of no
bucket, but the token of the message itself, which its reading has cost. What is remembered is bounded: forgetting a
bucket fills it.
"""

from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address

from proxy.bounded import Bounded

BURST_SECONDS = 10
"""A full bucket holds what it gains in this time: a page full of short hovers, or what a long outage has kept back."""
BUCKETS = 20_000
"""Remembered at once, about 4 MB."""
NETWORK_BITS = 64
"""Of an IPv6 address: what one subscriber is given (RFC 6177)."""


class Buckets:
    """One bucket a key, each gaining `per_second` tokens; 0: no limit."""

    __slots__ = ("_known", "_per_second", "_size")

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._size = per_second * BURST_SECONDS
        self._known: Bounded[object, tuple[float, float]] = Bounded(BUCKETS)

    def take(self, key: object, tokens: int, now: float) -> float:
        """Take `tokens`, at most a bucket full of them. Returns 0, or the seconds after which it is worth coming back;
        then nothing was taken."""
        if not self._per_second:
            return 0.0
        tokens_wanted = min(tokens, self._size)
        left, since = self._known.get(key, (self._size, now))
        left = min(self._size, left + (now - since) * self._per_second)
        if left < tokens_wanted:
            return (tokens_wanted - left) / self._per_second
        self._known.put(key, (left - tokens_wanted, now))
        return 0.0

    def give_back(self, key: object, tokens: int) -> None:
        """Undo what `take` has just done."""
        if key in self._known:
            left, since = self._known[key]
            self._known.put(key, (min(self._size, left + min(tokens, self._size)), since))


def take_all(wishes: Sequence[tuple[Buckets, object, int]], now: float) -> float:
    """Take (tokens of a key) from several buckets, or from none of them where one has too few. Returns what `take`
    returns."""
    for number, (buckets, key, tokens) in enumerate(wishes):
        wait = buckets.take(key, tokens, now)
        if wait:
            for before, its_key, its_tokens in wishes[:number]:
                before.give_back(its_key, its_tokens)
            return wait
    return 0.0


def network_of(address: str) -> str:
    """What stands for an address: itself, of an IPv6 one its first 64 bits."""
    try:
        known = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(known, IPv6Address):
        if known.ipv4_mapped is not None:
            return str(known.ipv4_mapped)
        return str(IPv6Address(int(known) >> (128 - NETWORK_BITS) << (128 - NETWORK_BITS)))
    return str(known)
