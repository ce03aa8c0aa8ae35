"""What every request of a process shares: configuration, signers, and what is remembered between requests.

Law: nothing here changes a request; it answers what VISITS.md asks about one (whose, where, may it be tracked).
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from proxy.asgi import Scope
from proxy.bounded import Bounded
from proxy.events.addresses import masked
from proxy.intake.recorder import Recorder
from proxy.intake.visits import Cleaner, public_host
from proxy.page.coding.offered import narrow_accept_encoding
from proxy.page.eligibility import Fields, Standing
from proxy.page.paths import Globs, KnownPaths
from proxy.page.tagging import Site
from proxy.page.usual import UsualHeads
from proxy.tracking.heads import HeldHeads
from proxy.tracking.rules import Rules
from proxy.visitors.cookie import CONSENT_IN, CONSENT_OUT, CookieHeader, CookieSigner, Identity
from proxy.visitors.ids import PageIds
from proxy.visitors.lanes import Agent, Agents

PEER = "footfall.peer"
"""Scope extension of our gate: what a trusted peer says of the request (proxy/http/gate.py)."""
RANDOM_BYTES = 4_096
REMEMBERED = 1_024
"""Hosts and Accept-Encoding values remembered in the form that is needed."""
REMEMBERED_BYTES = 256
"""The longest of them that is remembered."""


class Refusal:
    """Why nothing may be recorded of a browser: a signal that it sends, the consent cookie, or, where everybody is
    asked first, that it has none. Plain strings, as those of `Outcome` (page/eligibility.py)."""

    NONE: Final = ""
    GPC: Final = "gpc"
    DNT: Final = "dnt"
    SAID_NO: Final = "said_no"
    NOT_ASKED: Final = "not_asked"


class Random:
    """Random bytes of the system, fetched by the page: a system call for each id costs five times as much."""

    __slots__ = ("_bytes", "_used")

    def __init__(self) -> None:
        self._bytes = b""
        self._used = 0

    def take(self, count: int) -> bytes:
        """`count` bytes that were never given out before."""
        start = self._used
        end = start + count
        if end > len(self._bytes):
            self._bytes, start, end = os.urandom(RANDOM_BYTES), 0, count
        self._used = end
        return self._bytes[start:end]


class Sites:
    """The sites served, by scheme and host; and what their visitors' Accept-Encoding becomes."""

    __slots__ = ("_codings", "_hosts", "_part", "_prefix", "_sites", "_src")

    def __init__(self, prefix: bytes, src: bytes, part: bytes | None = None) -> None:
        self._prefix = prefix
        self._src = src
        self._part = part
        self._sites: Bounded[tuple[str, str], Site] = Bounded(REMEMBERED)
        self._hosts: Bounded[bytes, str] = Bounded(REMEMBERED)
        self._codings: Bounded[bytes, bytes] = Bounded(REMEMBERED)

    def site(self, scheme: str, host: str) -> Site:
        """What a tag on this host needs to know."""
        known = self._sites.get((scheme, host))
        if known is None:
            origin = f"{scheme}://{host}".encode("latin-1", "replace")
            script = self._src.partition(b"?")[0]
            known = Site(origin, self._src, script, self._prefix + b"/events", self._part)
            self._sites.put((scheme, host), known)
        return known

    def host(self, value: bytes) -> str:
        """A Host field's value as the key of roll-ups."""
        known = self._hosts.get(value)
        if known is None:
            known = public_host(value)
            if len(value) <= REMEMBERED_BYTES:
                self._hosts.put(value, known)
        return known

    def codings(self, accepted: bytes) -> bytes:
        """An Accept-Encoding value, less what we could not decode."""
        known = self._codings.get(accepted)
        if known is None:
            known = narrow_accept_encoding(accepted) or accepted
            if len(accepted) <= REMEMBERED_BYTES:
                self._codings.put(accepted, known)
        return known


@dataclass(frozen=True, slots=True)
class Tracking:
    """What every request needs; one per process."""

    recorder: Recorder
    cookies: CookieSigner
    page_ids: PageIds
    clock_ms: Callable[[], int]
    sites: Sites
    public_origin: str
    exclude: Globs
    visits: bool = True
    renew: bool = False
    gpc: bool = True
    dnt: bool = False
    opt_in: bool = False
    inject: bool = True
    extend: bool = False
    ip: bool = False
    rules: Rules = Rules()
    agents: Agents = field(default_factory=Agents)
    cleaner: Cleaner = field(default_factory=Cleaner)
    known: KnownPaths = field(default_factory=KnownPaths)
    usual: UsualHeads = field(default_factory=UsualHeads)
    random: Random = field(default_factory=Random)
    heads: HeldHeads = field(default_factory=HeldHeads)

    def origin(self, scope: Scope, fields: Fields) -> tuple[str, str]:
        """The public scheme and host of a request (WIRE.md, "public origin")."""
        if self.public_origin:
            scheme, _, host = self.public_origin.partition("://")
            return scheme, host
        extensions = scope.get("extensions")
        peer = extensions.get(PEER) if extensions else None
        value = peer.host if peer is not None else fields.get(b"host", b"")
        return scope.get("scheme", "http"), self.sites.host(value)

    def network(self, scope: Scope) -> str:
        """Where a request comes from, as far as that is kept: '' where it is not, or the peer has no address."""
        client = scope.get("client") if self.ip else None
        return masked(client[0]) if client else ""

    def identify(self, cookie: CookieHeader | None, *, secure: bool, now_ms: int) -> Identity | None:
        """The visitor of the request's cookie, if it can be believed."""
        if cookie is None:
            return None
        values = cookie.values_https if secure else cookie.values_http
        return self.cookies.read(values, now_ms) if values else None

    def opted_out(self, fields: Fields, cookie: CookieHeader | None) -> bool:
        """VISITS.md section 4: nothing may be recorded of this browser."""
        return self.refusal(fields, cookie) != Refusal.NONE

    def refusal(self, fields: Fields, cookie: CookieHeader | None) -> str:
        """Why nothing may be recorded of this browser, a `Refusal`."""
        signal = self._signal(fields)
        if signal != Refusal.NONE:
            return signal
        consent = cookie.consent if cookie is not None else b""
        if consent == CONSENT_OUT:
            return Refusal.SAID_NO
        return Refusal.NOT_ASKED if self.opt_in and consent != CONSENT_IN else Refusal.NONE

    def may_agree(self, fields: Fields) -> bool:
        """Whether whoever is not tracked may still say yes on the page: its tag is put in, asleep."""
        return self.opt_in and self._signal(fields) == Refusal.NONE

    def _signal(self, fields: Fields) -> str:
        if self.gpc and fields.get(b"sec-gpc") == b"1":
            return Refusal.GPC
        return Refusal.DNT if self.dnt and fields.get(b"dnt") == b"1" else Refusal.NONE

    def standing(self, fields: Fields, cookie: CookieHeader | None, agent: Agent) -> str:
        """Rows 13 and 14 of VISITS.md section 1."""
        if agent.bot:
            return Standing.BOT
        return Standing.OPTED_OUT if self.opted_out(fields, cookie) else Standing.ORDINARY
