"""Who asks for an endpoint of ours: a request there is read as one for a page is.

Law: one reading for all of them, or one would know a visitor that another does not.
"""

from typing import NamedTuple

from proxy.asgi import Scope
from proxy.fieldlist import FieldList
from proxy.page.eligibility import Fields, read_fields
from proxy.tracking.settings import Tracking
from proxy.visitors.cookie import CookieHeader


class Asker(NamedTuple):
    """A request's `fields` and Cookie field (None: it has none); the public origin and host; whether it is https; the
    address ('' where the server does not say); the uuid of the believed cookie; whether it brought a cookie of ours at
    all, to be believed or not."""

    fields: Fields
    cookie: CookieHeader | None
    origin: bytes
    host: str
    secure: bool
    address: str
    uuid: bytes | None
    has_cookie: bool


def asker_of(tracking: Tracking, scope: Scope, now_ms: int) -> Asker:
    """Who asks."""
    fields = read_fields(FieldList.of(scope["headers"]))
    scheme, host = tracking.origin(scope, fields)
    secure = scheme == "https"
    header, client = fields.get(b"cookie"), scope.get("client")
    cookie = tracking.cookies.take_apart(header) if header is not None else None
    identity = tracking.identify(cookie, secure=secure, now_ms=now_ms)
    values = () if cookie is None else cookie.values_https if secure else cookie.values_http
    return Asker(
        fields=fields,
        cookie=cookie,
        origin=tracking.sites.site(scheme, host).origin,
        host=host,
        secure=secure,
        address=client[0] if client else "",
        uuid=None if identity is None else identity.uuid,
        has_cookie=bool(values),
    )
