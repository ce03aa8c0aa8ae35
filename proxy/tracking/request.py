"""One request on its way to the application: read once, and rewritten where it may become a tagged page.

Law: the application sees what it would have seen without us, but for our cookie, which is cut out, and, on requests
that may become a tagged page, for conditionals, ranges and codings that would bring an answer we could not tag
(VISITS.md section 2; HTTP.md, C1, C2, E1).
"""

import time

from proxy.asgi import Scope, raw_path_of
from proxy.fieldlist import FieldList
from proxy.page import fields as page_fields
from proxy.page.eligibility import PAGE_METHODS, Standing
from proxy.passing import AHEAD
from proxy.tracking.asked import UNREAD, asked_of
from proxy.tracking.settings import Tracking


class TrackedRequest:
    """A request as the tracking sees it; `scope` is what the application gets. `foreign`: another server than ours
    has made it, so fields are lists there and back (ASGI promises less, but applications count on it). `asleep`: its
    tag does nothing until the visitor agrees. `transforms`: what is answered may be changed. `upgrade`: it asks for a
    WebSocket, and the server can do it; whatever the answer, that is no page."""

    __slots__ = (
        "agent",
        "asked",
        "asleep",
        "begun",
        "candidate",
        "cookie",
        "fields",
        "foreign",
        "host",
        "identity",
        "kind",
        "method",
        "now_ms",
        "query",
        "raw_path",
        "scheme",
        "scope",
        "secure",
        "stand",
        "transforms",
        "upgrade",
    )

    def __init__(self, tracking: Tracking, scope: Scope) -> None:
        extensions = scope.get("extensions")
        if extensions and AHEAD in extensions:
            _, self.begun, self.now_ms = extensions[AHEAD]
        else:
            self.begun, self.now_ms = time.perf_counter(), tracking.clock_ms()
        self.method: str = scope["method"]
        self.raw_path = raw_path_of(scope)
        self.query: bytes = scope.get("query_string") or b""
        given = scope["headers"]
        headers = FieldList.of(given)
        self.foreign = headers is not given
        self.asked = asked = asked_of(tracking, scope, headers)
        self.fields = asked.fields
        self.scheme, self.host, self.secure = asked.scheme, asked.host, asked.secure
        self.cookie = asked.cookie
        self.identity = asked.identity(self.now_ms)
        self.stand: str | None = None
        self.agent = UNREAD
        self.kind = asked.kind
        self.asleep = False
        self.upgrade, self.transforms = asked.upgrade, asked.transforms
        asks_for_page = asked.page and tracking.visits and not asked.upgrade and self.method in PAGE_METHODS
        self.candidate = asks_for_page and self._may_be_tagged(tracking)
        changed = asked.changed(headers, self.candidate) if asked.plain else self._changed(tracking, headers)
        self.scope = scope
        if changed is not headers:
            self.scope = {**scope, "headers": list(changed) if self.foreign else changed}

    def standing(self, tracking: Tracking) -> str:
        """Rows 12 to 14, decided when they are needed: never for an image. From then on the agent is known, too."""
        stand = self.stand
        if stand is None:
            stand = self.asked.standing()
            self.agent = self.asked.agent
            self.stand = stand = Standing.EXCLUDED if tracking.exclude.match(self.raw_path) else stand
        return stand

    def _may_be_tagged(self, tracking: Tracking) -> bool:
        """Whether this visitor's pages get a tag: an ordinary one's, and (asleep) those of one who may still agree."""
        standing = self.standing(tracking)
        if standing == Standing.OPTED_OUT:
            self.asleep = tracking.may_agree(self.fields)
            return self.asleep
        return standing == Standing.ORDINARY

    def is_cross_site_post(self) -> bool:
        """A POST from another site, on which a Lax cookie is not sent (3-D Secure, SAML)."""
        if self.method != "POST":
            return False
        site = self.fields.get(b"sec-fetch-site")
        if site is not None:
            return site == b"cross-site"
        origin = self.fields.get(b"origin")
        return origin is not None and origin.lower() != f"{self.scheme}://{self.host}".encode("latin-1", "replace")

    def _changed(self, tracking: Tracking, headers: FieldList) -> FieldList:
        """The fields that the application gets, where some of them are conditions, or ask for a range."""
        changes = page_fields.to_upstream(
            self.fields,
            # A cookie of a retired key is signed again on a whole answer only.
            keep_ours=self.candidate and self.identity is not None and not self.identity.stale and not self.asleep,
            drop_conditionals=self.candidate,
            drop_ours=self.stand == Standing.OPTED_OUT,
            drop_range=self.candidate and tracking.known.is_html(self.host, self.raw_path) is True,
        )
        changes.update(self.asked.changes(self.candidate))
        return headers.changed(changes) if changes else headers


def without_our_cookie(tracking: Tracking, scope: Scope) -> Scope:
    """A request that cannot be read, as the application gets it: as it came, but without our cookie (F7)."""
    headers = FieldList.of(scope["headers"])
    cookie = tracking.cookies.take_apart(b"; ".join(headers.values(b"cookie")))
    return {**scope, "headers": list(headers.changed({b"cookie": cookie.rest}))} if cookie.is_cut else scope
