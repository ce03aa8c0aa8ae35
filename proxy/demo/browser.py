"""A browser's half of HTTP for one simulated visitor: a connection that is kept, cookies, redirects, fetch fields.

Law: only what a browser would send, and nothing is kept but cookies and the names of files that it has already.
Errors are OSError and http.client.HTTPException, for whoever walks to give up on.
"""

import gzip
import http.client
import zlib
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

from proxy.demo.people import Device

ANSWER_SECONDS = 10.0
MOST_REDIRECTS = 5
MOST_BYTES = 4 * 1_048_576
"""Of an answer; a shop's page has a few thousand."""
DOCUMENTS = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
FORM_TYPE = "application/x-www-form-urlencoded"
BEACON_TYPE = "text/plain;charset=UTF-8"
MOVED_TO_GET = frozenset((301, 302, 303))
MOVED = MOVED_TO_GET | frozenset((307, 308))


class Answer(NamedTuple):
    """What was answered in the end, at which address."""

    url: str
    status: int
    kind: str
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


class Browser:
    """One visitor's browser at one site, `http://host:port`."""

    def __init__(self, address: str, device: Device, language: str) -> None:
        self._address = address
        parts = urlsplit(address)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=ANSWER_SECONDS)
        self._common = {
            "User-Agent": device.agent,
            "Accept-Language": language,
            "Accept-Encoding": "gzip, deflate",
        }
        self._cookies: dict[str, str] = {}
        self._has: dict[str, Answer] = {}

    def close(self) -> None:
        self._connection.close()

    def told(self, referrer: str) -> str:
        """What a page learns of the page before it: of another site its origin only, as is the rule of all browsers."""
        ours = _origin(referrer) == self._address
        return referrer if ours or not referrer else f"{_origin(referrer)}/"

    def open(self, url: str, referrer: str, form: bytes | None = None) -> Answer:
        """A page, in the address bar in the end; `form` makes it a POST."""
        told = self.told(referrer)
        site = "none" if not referrer else "same-origin" if told == referrer else "cross-site"
        fetch = {
            "Accept": DOCUMENTS,
            "Sec-Fetch-Dest": "document",
            "Sec-Fetch-Mode": "navigate",
            "Sec-Fetch-Site": site,
            "Sec-Fetch-User": "?1",
            "Upgrade-Insecure-Requests": "1",
        }
        for _ in range(MOST_REDIRECTS + 1):
            fields = {**fetch, "Referer": told} if told else fetch
            if form is not None:
                fields = {**fields, "Content-Type": FORM_TYPE, "Origin": self._address}
            answer, location = self._ask("GET" if form is None else "POST", url, fields, form)
            if answer.status not in MOVED or not location:
                return answer
            url = urljoin(url, location).partition("#")[0]
            if _origin(url) != self._address:  # a site that this browser does not go to
                return answer
            form = None if answer.status in MOVED_TO_GET else form
        return answer

    def load(self, url: str, page: str, kind: str) -> Answer:
        """A file of a page (`kind`: script, style, image), or what this browser already has."""
        known = self._has.get(url)
        if known is None:
            fields = {
                "Accept": "*/*",
                "Referer": page,
                "Sec-Fetch-Dest": kind,
                "Sec-Fetch-Mode": "no-cors",
                "Sec-Fetch-Site": "same-origin",
            }
            known = self._has[url] = self._ask("GET", url, fields, None)[0]
        return known

    def send(self, url: str, page: str, body: bytes, *, leaving: bool) -> Answer:
        """What the tracker sends: by fetch, or (leaving) as a beacon."""
        fields = {
            "Accept": "*/*",
            "Content-Type": BEACON_TYPE,
            "Origin": self._address,
            "Referer": page,
            "Sec-Fetch-Dest": "empty",
            "Sec-Fetch-Mode": "no-cors" if leaving else "cors",
            "Sec-Fetch-Site": "same-origin",
        }
        return self._ask("POST", url, fields, body)[0]

    def _ask(self, method: str, url: str, fields: dict[str, str], body: bytes | None) -> tuple[Answer, str]:
        """One request; (the answer, where it says that it moved to). A connection that the other side has closed
        meanwhile is opened once more."""
        sent = {**self._common, **fields}
        if self._cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        parts = urlsplit(url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        fresh = self._connection.sock is None
        try:
            got = self._exchange(method, target, sent, body)
        except (http.client.RemoteDisconnected, ConnectionError):
            self._connection.close()
            if fresh:
                raise
            got = self._exchange(method, target, sent, body)
        content = got.read(MOST_BYTES)
        if not got.isclosed():
            self._connection.close()
        for value in got.headers.get_all("Set-Cookie") or ():
            self._keep(value)
        if got.headers.get("Content-Encoding") == "gzip":
            try:
                content = gzip.decompress(content)
            except (EOFError, zlib.error) as wrong:
                raise OSError("an answer that is not gzip") from wrong
        return Answer(url, got.status, got.headers.get_content_type(), content), got.headers.get("Location") or ""

    def _exchange(self, method: str, target: str, sent: dict[str, str], body: bytes | None) -> http.client.HTTPResponse:
        try:
            self._connection.request(method, target, body, sent)
            return self._connection.getresponse()
        except BaseException:
            self._connection.close()
            raise

    def _keep(self, value: str) -> None:
        pair, *attributes = value.split(";")
        name, _, content = pair.strip().partition("=")
        if any(one.strip().lower() == "max-age=0" for one in attributes):
            self._cookies.pop(name, None)
        else:
            self._cookies[name] = content


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
