"""Who may read the report: tokens, cookies, hosts and where to go on after signing in.

Law: pure. Secrets are compared in constant time, whatever their length. The cookie carries what follows from the
token, never the token itself, so that a cookie that leaks opens no other door and ends with the token.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence
from urllib.parse import parse_qsl, urlencode

COOKIE = "footfall_report"
COOKIE_SECONDS = 30 * 86_400
TOKEN_PARAM = "token"
LOCAL_HOSTS = frozenset(("127.0.0.1", "localhost", "::1"))
NEXT_MAX_CHARS = 2_048

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::[0-9]{1,5})?")
_MARK = re.compile(r"[\x00-\x20\x7f\\]")


class Access:
    """Knows one token."""

    __slots__ = ("_cookie", "_digest")

    def __init__(self, token: str) -> None:
        self._digest = _digest(token)
        self._cookie = hmac.digest(token.encode("utf-8", "replace"), b"footfall report cookie", "sha256").hex()

    def is_token(self, given: str) -> bool:
        """Whether this is the token."""
        return hmac.compare_digest(_digest(given), self._digest)

    def is_bearer(self, authorization: str) -> bool:
        """Whether an Authorization field brings the token."""
        scheme, _, given = authorization.partition(" ")
        return scheme.lower() == "bearer" and self.is_token(given.strip())

    def is_signed_in(self, cookies: Iterable[str]) -> bool:
        """Whether the Cookie fields have our cookie; with several of its name, any."""
        pairs = (pair.strip().partition("=") for field in cookies for pair in field.split(";"))
        values = [value for name, _, value in pairs if name == COOKIE]
        return any(hmac.compare_digest(_digest(value), _digest(self._cookie)) for value in values)

    def set_cookie(self) -> str:
        """The Set-Cookie value of whoever has brought the token.

        Lax: who follows a link to the report out of a mail or a chat, or the printed address itself, is signed in;
        under Strict the browser would keep the cookie back on such a way in and they would be asked for the token. It
        is as safe here: with Lax other sites can only have a page opened, as a whole tab (RFC 6265bis, "Top-level
        Navigations"), and what a GET opens changes nothing, can be framed by nobody and read by no other site
        (guard.py). A POST of another site comes without the cookie; one of another port or name of the same site comes
        with it, so the two forms that are posted (to sign in, to forget a visitor) are taken from our own origin only.
        """
        return f"{COOKIE}={self._cookie}; Path=/; Max-Age={COOKIE_SECONDS}; HttpOnly; SameSite=Lax"


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def host_of(fields: Sequence[str]) -> str | None:
    """The name in a Host field, without port and brackets, lower case; None where there is not exactly one good one."""
    if len(fields) != 1 or (match := _HOST.fullmatch(fields[0])) is None:
        return None
    return match[1].strip("[]").lower().rstrip(".") or None


def take_token(query: str) -> tuple[str | None, str]:
    """(the token in a query, the query without it)."""
    pairs = parse_qsl(query, keep_blank_values=True)
    tokens = [value for name, value in pairs if name == TOKEN_PARAM]
    rest = urlencode([(name, value) for name, value in pairs if name != TOKEN_PARAM])
    return (tokens[0] if tokens else None), rest


def own_place(text: str) -> str:
    """A place within the report to go on to: a path and query of ours. Anything that a browser might take for another
    site's address (`//host`, a backslash, a scheme) becomes the front page."""
    if not text.startswith("/") or text.startswith("//") or len(text) > NEXT_MAX_CHARS or _MARK.search(text):
        return "/"
    return text if text.isascii() else "/"


def is_same_origin(site: str | None, origin: str | None, host: str) -> bool:
    """Whether a form was sent by a page of ours: Sec-Fetch-Site says so (https://www.w3.org/TR/fetch-metadata/), or,
    where it is absent (plain http to a name that is not local), Origin is the host that was asked."""
    if site is not None:
        return site == "same-origin"
    return origin is not None and origin.partition("://")[2].lower() == host.lower()
