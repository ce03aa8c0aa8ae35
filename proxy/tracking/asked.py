"""What the fields of a request tell, whatever its path: whose it is, what kind it is, what becomes of its fields.

Law: nothing here depends on the path, the answer or the time of day, so that it holds for every request with the same
fields from the same side: it is left with a list of fields that is kept (fieldlist.py), and found there the next time.
"""

from proxy.asgi import UPGRADE, Scope
from proxy.fieldlist import FieldList
from proxy.page import fields as page_fields
from proxy.page.eligibility import kind_of, may_be_page, may_transform, read_fields
from proxy.tracking.settings import PEER, Tracking
from proxy.visitors.cookie import Identity
from proxy.visitors.lanes import Agent
from proxy.visitors.times import DAY_MS

UNREAD = Agent(bot=False, source="")
_ASKED = "tracking"
"""The fact of a list."""


class Asked:
    """`fields` by name, `scheme` and `host` as the public sees them, the Cookie field taken apart (None: there is
    none), the request's `Kind`; `page`: it asks for what may be a page; `upgrade`: for a WebSocket that the server can
    do; `plain`: no condition and no range is in it; `transforms`: what is answered may be changed."""

    __slots__ = (
        "_changed",
        "_identified",
        "_identity",
        "_peer",
        "_scheme",
        "_stand",
        "_tracking",
        "agent",
        "cookie",
        "fields",
        "host",
        "kind",
        "page",
        "plain",
        "scheme",
        "secure",
        "transforms",
        "upgrade",
    )

    def __init__(self, tracking: Tracking, scope: Scope, headers: FieldList, peer: object) -> None:
        self._tracking, self._peer, self._scheme = tracking, peer, scope.get("scheme")
        self.fields = fields = read_fields(headers)
        self.scheme, self.host = tracking.origin(scope, fields)
        self.secure = self.scheme == "https"
        header = fields.get(b"cookie")
        self.cookie = tracking.cookies.take_apart(header) if header is not None else None
        self.kind: str = kind_of(fields)
        self.page = may_be_page("GET", fields, self.kind)
        self.upgrade = b"upgrade" in fields and UPGRADE in (scope.get("extensions") or ())
        self.plain = page_fields.CONCERNED.isdisjoint(fields)
        self.transforms = may_transform(fields)
        self.agent = UNREAD
        self._stand: str | None = None
        self._identity: Identity | None = None
        self._identified: tuple[int, int] | None = None  # on which day, and when it was last heard of somebody erased
        self._changed: dict[bool, FieldList] = {}

    def is_for(self, tracking: Tracking, peer: object, scheme: object) -> bool:
        """Whether it was told to this tracking, from this side."""
        return self._tracking is tracking and self._peer == peer and self._scheme == scheme

    def identity(self, now_ms: int) -> Identity | None:
        """The visitor of the cookie, if it can be believed: that depends on the day, and on who was erased."""
        if self.cookie is None:
            return None
        at = (now_ms // DAY_MS, self._tracking.cookies.erased.version)
        if at != self._identified:
            self._identity = self._tracking.identify(self.cookie, secure=self.secure, now_ms=now_ms)
            self._identified = at
        return self._identity

    def standing(self) -> str:
        """Rows 13 and 14 of VISITS.md section 1, found when they are needed: never for an image. From then on the agent
        is known, too."""
        if self._stand is None:
            tracking = self._tracking
            self.agent = tracking.agents.read(self.fields.get(b"user-agent", b""))
            self._stand = tracking.standing(self.fields, self.cookie, self.agent)
        return self._stand

    def changed(self, headers: FieldList, candidate: bool) -> FieldList:
        """The fields that the application gets of a plain request, whose own are `headers`."""
        known = self._changed.get(candidate)
        if known is None:
            changes = self.changes(candidate)
            known = headers.changed(changes) if changes else headers
            if headers.facts is not None and known is not headers:
                self._changed[candidate] = known.kept()
        return known

    def changes(self, candidate: bool) -> page_fields.Replacements:
        """What is changed in them, but for conditions and ranges; `candidate`: for a page that may be tagged."""
        changes: page_fields.Replacements = {}
        cookie, tracking = self.cookie, self._tracking
        if cookie is not None and cookie.is_cut:
            changes[b"cookie"] = cookie.rest
        if candidate and tracking.inject:
            accepted = self.fields.get(b"accept-encoding")
            if accepted is not None:
                narrowed = tracking.sites.codings(accepted)
                if narrowed != accepted:
                    changes[b"accept-encoding"] = narrowed
        return changes


def asked_of(tracking: Tracking, scope: Scope, headers: FieldList) -> Asked:
    """What a request's fields tell, found once for a list that is kept."""
    facts, extensions = headers.facts, scope.get("extensions")
    peer = extensions.get(PEER) if extensions else None
    known: Asked | None = facts.get(_ASKED) if facts is not None else None
    if known is not None and known.is_for(tracking, peer, scope.get("scheme")):
        return known
    asked = Asked(tracking, scope, headers, peer)
    if facts is not None:
        facts[_ASKED] = asked
    return asked
