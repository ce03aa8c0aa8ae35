"""The visitor's cookie: issued, read, re-signed, and cut from what goes upstream. The only user of itsdangerous.

Law: the cookie names a visitor and the day of its first issue, and nothing else. A cookie that cannot be believed
(bad signature, over age, from the future) is no cookie: a new visitor, never an error (HTTP.md, X3).

Value: `base64url(version | uuid (16) | issued day (2) | key id (1)) . signature`, days since 1970-01-01.
"""

import hashlib
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from itsdangerous import BadSignature, Signer

from proxy.bounded import Bounded
from proxy.visitors.erased import Erased
from proxy.visitors.times import DAY_MS

NAME_HTTP = "footfall"
CONSENT_NAME = b"footfall_consent"
REPORT_NAME = b"footfall_report"
"""What the report's browser has: cookies know no ports, so the browser of an owner on this machine sends it here, too.
It opens the report, and is nothing for the site."""
CONSENT_IN, CONSENT_OUT = b"in", b"out"
CONSENT_DAYS = 395
"""How long a yes or no is remembered: as long as a visitor is by default."""
_VERSION = 1
_BODY_BYTES = 20
VERIFIED_CACHE_ENTRIES = 8192
"""Cookies whose signature was checked already: a check costs about 8 us, a look-up 0.1."""
HEADER_REMEMBERED_BYTES = 1024
"""Cookie headers up to this size are remembered taken apart: 16 MB at the most."""
_VALUE = re.compile(rb"[A-Za-z0-9_-]{27}\.[A-Za-z0-9_-]{43}")
"""20 bytes and a SHA-256, in the one alphabet that we write (the decoder would take another as well)."""
CLOCK_SKEW_DAYS = 1
"""An issue day may lie this far ahead: two machines behind one name, midnight between them."""


class Key(NamedTuple):
    """A signing key: its `id` (0 to 255) stands in the cookie, `secret` signs it."""

    id: int
    secret: bytes


@dataclass(frozen=True, slots=True)
class Identity:
    """What a believed cookie says: the visitor's `uuid` (16 bytes), the `issued_day` (days since 1970), and
    `stale`: signed by a retired key, to be re-signed with its issue day kept."""

    uuid: bytes
    issued_day: int
    stale: bool


@dataclass(frozen=True, slots=True)
class CookieHeader:
    """A Cookie header taken apart: `rest`, what is left for the site (None: nothing); our cookies' `values` on http
    and on https, in order; the site's consent cookie; whether `rest` is less than what came."""

    rest: bytes | None
    values_http: tuple[bytes, ...]
    values_https: tuple[bytes, ...]
    consent: bytes
    is_cut: bool


class CookieSigner:
    """Issues and reads visitor cookies. `keys[0]` signs; the others only verify (rotation). `erased`: whose cookies
    count as none; asked only where a signature is checked, and once more for all when somebody was erased."""

    __slots__ = (
        "_current",
        "_erased_at",
        "_headers",
        "_max_age_days",
        "_signers",
        "_verified",
        "erased",
        "name_http",
        "name_https",
    )

    def __init__(
        self,
        keys: tuple[Key, ...],
        *,
        name: str = NAME_HTTP,
        max_age_days: int = 395,
        erased: Erased | None = None,
    ) -> None:
        self.erased = erased or Erased(())
        self._erased_at = self.erased.version
        self._signers = {key.id: _signer(key.secret) for key in keys}
        self._current = keys[0].id
        self._max_age_days = max_age_days
        self._verified: Bounded[bytes, Identity] = Bounded(VERIFIED_CACHE_ENTRIES)
        self._headers: Bounded[bytes, CookieHeader] = Bounded(VERIFIED_CACHE_ENTRIES)
        self.name_http = name.encode("ascii")
        self.name_https = b"__Host-" + self.name_http

    def name(self, secure: bool) -> bytes:
        """The cookie's name on https (`__Host-` prefixed) and on http."""
        return self.name_https if secure else self.name_http

    def value(self, uuid: bytes, issued_day: int) -> bytes:
        """The signed value for a visitor first seen on `issued_day`."""
        body = b"%c%b%b%c" % (_VERSION, uuid, issued_day.to_bytes(2, "big"), self._current)
        return self._signers[self._current].sign(urlsafe_b64encode(body).rstrip(b"="))

    def take_apart(self, header: bytes) -> CookieHeader:
        """Take a Cookie header apart; a browser sends the same one with every request."""
        known = self._headers.get(header)
        if known is None:
            rest = cut(header, (self.name_http, self.name_https, REPORT_NAME))
            known = CookieHeader(
                rest,
                tuple(values_of(header, self.name_http)),
                tuple(values_of(header, self.name_https)),
                _consent(values_of(header, CONSENT_NAME)),
                rest is not header,
            )
            if len(header) <= HEADER_REMEMBERED_BYTES:
                self._headers.put(header, known)
        return known

    def read(self, values: Sequence[bytes], now_ms: int) -> Identity | None:
        """The first value that can be believed, or None (two cookies of our name: first valid wins)."""
        if self._erased_at != self.erased.version:
            self._erased_at = self.erased.version
            self._verified.clear()
        today = now_ms // DAY_MS
        for value in values:
            identity = self._verified.get(value) or self._verify(value)
            # Over age, or from the future, it is no cookie.
            if identity is not None and -CLOCK_SKEW_DAYS <= today - identity.issued_day < self._max_age_days:
                return identity
        return None

    def set_cookie(self, identity_uuid: bytes, issued_day: int, *, now_ms: int, secure: bool) -> bytes:
        """The whole Set-Cookie value; its Max-Age ends with the cookie's age, so re-signing never extends it."""
        left = max(0, self._max_age_days - (now_ms // DAY_MS - issued_day)) * 86_400
        return self._field(self.value(identity_uuid, issued_day), left, secure)

    def expire_cookie(self, *, secure: bool) -> bytes:
        """The Set-Cookie value that removes our cookie from a browser that opted out."""
        return self._field(b"", 0, secure)

    def _field(self, value: bytes, max_age: int, secure: bool) -> bytes:
        tail = b"; Secure" if secure else b""
        return b"%b=%b; Path=/; Max-Age=%d; HttpOnly; SameSite=Lax%b" % (
            self.name(secure),
            value,
            max_age,
            tail,
        )

    def _verify(self, value: bytes) -> Identity | None:
        if _VALUE.fullmatch(value) is None:
            return None
        try:
            body = urlsafe_b64decode(value.partition(b".")[0] + b"=")
        except ValueError:
            return None
        if len(body) != _BODY_BYTES or body[0] != _VERSION or body[19] not in self._signers:
            return None
        try:
            self._signers[body[19]].unsign(value)
        except BadSignature:
            return None
        if self.erased.has(body[1:17]):
            return None
        return self._verified.put(
            value, Identity(body[1:17], int.from_bytes(body[17:19], "big"), body[19] != self._current)
        )


def _signer(secret: bytes) -> Signer:
    """A signer whose key is derived from the secret and the salt once, not for each cookie (8 -> 4 us)."""
    salted = Signer(secret, salt=b"footfall cookie", key_derivation="hmac", digest_method=hashlib.sha256)
    return Signer(salted.derive_key(), salt=salted.salt, key_derivation="none", digest_method=hashlib.sha256)


def consent_cookie(consent: bytes, *, secure: bool) -> bytes:
    """The Set-Cookie value that keeps a visitor's yes or no. Scripts may read it: the site's own consent tool does. The
    server sends it because some browsers forget within a week what a script has set."""
    tail = b"; Secure" if secure else b""
    return b"%b=%b; Path=/; Max-Age=%d; SameSite=Lax%b" % (CONSENT_NAME, consent, CONSENT_DAYS * 86_400, tail)


def _consent(values: Sequence[bytes]) -> bytes:
    """What consent cookies say: two of them may come, of a domain and of its host, and one no is a no."""
    return CONSENT_OUT if CONSENT_OUT in values else values[0] if values else b""


def values_of(header: bytes, name: bytes) -> list[bytes]:
    """All values of the cookie `name` in a Cookie header, in order. Names are compared to the letter."""
    if name not in header:
        return []
    found = []
    for part in header.split(b";"):
        key, _, value = part.strip(b" \t").partition(b"=")
        if key == name:
            found.append(value)
    return found


def cut(header: bytes, names: tuple[bytes, ...]) -> bytes | None:
    """The Cookie header without the cookies of `names`, every other byte kept; None where nothing is left.

    A separator goes with the cookie that is cut, so the site sees what it would have seen without us.
    """
    if not any(name in header for name in names):
        return header
    parts = header.split(b";")
    ours = [part.partition(b"=")[0].strip(b" \t") in names for part in parts]
    if not any(ours):
        return header
    rest = b";".join(part for part, cut_it in zip(parts, ours, strict=True) if not cut_it)
    if ours[0]:
        rest = rest.lstrip(b" \t")
    return rest if rest.strip(b" \t") else None


def is_ours(set_cookie: bytes, names: tuple[bytes, ...]) -> bool:
    """Whether an upstream's Set-Cookie value sets a cookie of our name (F7: only such a one is dropped)."""
    return set_cookie.partition(b";")[0].partition(b"=")[0].strip(b" \t") in names
