"""How much of a visitor there may be: of a head (F4), and of connections at once (T6). No I/O, no clock.

Whoever is over a limit of connections is told 503 and let go, before anything of his is read (by https let go alone: to
tell him would cost a handshake); those who are there go on undisturbed. A front that is trusted (site.trusted_proxies)
speaks for many, and counts only in all.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

PREFIX_BITS = 64  # what one household or server has of IPv6: one address to us


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one head: bytes as received, fields, bytes of its target. Of this process: connections, and those of one
    address (0: no limit)."""

    header_bytes: int = 64 * 1024
    header_fields: int = 200
    target_bytes: int = 16 * 1024
    connections: int = 10_000
    connections_per_address: int = 1_000


DEFAULTS = Limits()
Network = IPv4Network | IPv6Network


class Crowd:
    """The connections that are there; `enter` one before it is read, `leave` with what that returned. `told` is
    called with 1 or -1 whenever their number changes."""

    def __init__(
        self, limits: Limits, trusted: Sequence[Network] = (), told: Callable[[int], None] = lambda change: None
    ) -> None:
        self._most = limits.connections
        self._most_per_address = limits.connections_per_address
        self._trusted = trusted
        self._told = told
        self._all = 0
        self._by_address: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"<Crowd {self._all} of {len(self._by_address)} addresses>"

    def enter(self, address: str) -> str | None:
        """The name under which it is counted, empty for one that only counts in all; None: there is no room."""
        if self._all >= self._most:
            return None
        name = self._name(address) if self._most_per_address else ""
        if name:
            count = self._by_address.get(name, 0)
            if count >= self._most_per_address:
                return None
            self._by_address[name] = count + 1
        self._all += 1
        self._told(1)
        return name

    def leave(self, name: str | None) -> None:
        if name is None:
            return
        self._all -= 1
        self._told(-1)
        if name:
            self._by_address[name] -= 1
            if not self._by_address[name]:
                del self._by_address[name]

    def _name(self, address: str) -> str:
        try:
            parsed = ip_address(address)
        except ValueError:  # a Unix socket: whoever stands in front of us
            return ""
        if isinstance(parsed, IPv6Address):
            parsed = parsed.ipv4_mapped or parsed
        if any(parsed in network for network in self._trusted):
            return ""
        if isinstance(parsed, IPv6Address):
            return str(IPv6Network((parsed, PREFIX_BITS), strict=False))
        return str(parsed)
