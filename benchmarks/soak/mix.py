"""What the well-behaved visitors of the soak test ask for, and how much of each. Pure but for its random source.

Shares are of all requests. They are nobody's site: there are more pages among them than a browser asks for, since pages
are what costs.
"""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks import beacons
from benchmarks.beacons import Teller
from benchmarks.load import ARRIVING, BROWSER, INSIDE, Fields
from benchmarks.load import IMAGE as IMAGE_FIELDS
from benchmarks.servers import IMAGE, MEDIUM, SMALL
from benchmarks.soak.site import TAKE

EVENTS = 10
POST_BYTES = 10_000
POST: Fields = (
    *BROWSER,
    ("accept", "*/*"),
    ("content-type", "application/json"),
    ("origin", "http://{authority}"),
    ("sec-fetch-mode", "cors"),
    ("sec-fetch-dest", "empty"),
    ("sec-fetch-site", "same-origin"),
    ("referer", "http://{authority}/"),
)


@dataclass(frozen=True, slots=True)
class Kind:
    """`share` in percent; `is_page`: it is answered with a page that is recorded; `status`: what it is answered."""

    name: str
    title: str
    share: int
    status: int = 200
    is_page: bool = False


RETURNING = Kind("returning", "7 KB page, returning visitors", 30, is_page=True)
FIRST = Kind("first", "7 KB page, first visits", 8, is_page=True)
LONG = Kind("long", "58 KB page, returning visitors", 10, is_page=True)
PICTURE = Kind("picture", "100 KB image", 25)
SAME = Kind("same", "the image again: 304", 15, status=304)
BEACON = Kind("beacon", "beacon of ten events", 8, status=202)
UPLOAD = Kind("upload", "POST of 10 KB", 4)
KINDS = (RETURNING, FIRST, LONG, PICTURE, SAME, BEACON, UPLOAD)


@dataclass(slots=True)
class Visitor:
    """A returning one: the cookie, the page that was shown last, and what its browser has confirmed, if anything."""

    cookie: str
    page: str
    teller: Teller | None = None


class Requests:
    """Makes them, as they go over the wire to 127.0.0.1:`port`; the same for the same seed and the same answers.

    Args:
        etag: of the image, for the 304.
    """

    def __init__(self, port: int, etag: str, visitors: Sequence[Visitor], seed: int) -> None:
        self._source = random.Random(seed)
        self._visitors = visitors
        self._authority = f"127.0.0.1:{port}"
        self._body = json.dumps({"text": "x" * (POST_BYTES - 12)}).encode()
        self._weights = [kind.share for kind in KINDS]
        conditional = (*IMAGE_FIELDS, ("if-none-match", etag))
        self._heads = {
            RETURNING: head("GET", SMALL, INSIDE, self._authority),
            FIRST: head("GET", SMALL, ARRIVING, self._authority),
            LONG: head("GET", MEDIUM, INSIDE, self._authority),
            PICTURE: head("GET", IMAGE, IMAGE_FIELDS, self._authority),
            SAME: head("GET", IMAGE, conditional, self._authority),
            BEACON: head("POST", beacons.PATH, beacons.FIELDS, self._authority),
            UPLOAD: head("POST", TAKE, POST, self._authority),
        }

    def next(self) -> tuple[Kind, Visitor | None, bytes, list[bytes]]:
        """What it is, whose it is (None: a first visit), its bytes, and the ids of the events that it tells."""
        kind = self._source.choices(KINDS, self._weights)[0]
        if kind is FIRST:
            return kind, None, self._heads[kind] + b"\r\n", []
        visitor = self._source.choice(self._visitors)
        begun = b"%bcookie: %b\r\n" % (self._heads[kind], visitor.cookie.encode())
        if kind is BEACON:
            body = self._beacon(visitor)
            return kind, visitor, sized(begun, body), [_id(one) for one in beacons.ids([body])]
        return kind, visitor, sized(begun, self._body) if kind is UPLOAD else begun + b"\r\n", []

    def _beacon(self, visitor: Visitor) -> bytes:
        """Ten events on the page that is shown; the first beacon of a page confirms it."""
        if visitor.teller is not None and visitor.teller.page == visitor.page:
            return beacons.beacon(self._source, visitor.teller, EVENTS)
        view = beacons.event_id(self._source, visitor.page)
        visitor.teller = Teller(visitor.cookie, visitor.page, view)
        showing = {"id": view, "uri": f"http://{self._authority}/", "title": "A page", "nav": "navigate"}
        told = beacons.beacon(self._source, visitor.teller, EVENTS)
        return b'{"confirm":%b,%b' % (json.dumps(showing).encode(), told.removeprefix(b"{"))


def head(method: str, path: str, fields: Fields, authority: str) -> bytes:
    """Of a request, without the empty line at its end."""
    lines = (
        f"{method} {path} HTTP/1.1",
        f"Host: {authority}",
        *(f"{name}: {value.format(authority=authority)}" for name, value in fields),
        "",
    )
    return "\r\n".join(lines).encode()


def sized(begun: bytes, body: bytes) -> bytes:
    """A request with a body, after its other fields."""
    return b"%bcontent-length: %d\r\n\r\n%b" % (begun, len(body), body)


def _id(text: str) -> bytes:
    return bytes.fromhex(text.replace("-", ""))
