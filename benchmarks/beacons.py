"""The other load: beacons, each with events of its own, as the trackers of several visitors' browsers send them.

h2load sends one body again and again, which would be one beacon and its repeats. So these are sent by a process of ours
(benchmarks/sender.py), which has made them all before it is told to go: none of its time is anybody's but its own.
"""

import contextlib
import http.client
import json
import random
import re
import subprocess
import sys
import uuid
from base64 import urlsafe_b64decode
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from benchmarks.ids import tracker_id
from benchmarks.load import BROWSER, CONNECTIONS, SECONDS, Fields, FirstAnswer, LoadError

PATH = "/_footfall/events"
AGO_MS = 900
"""Events are younger than this when they are sent: the tracker waits for more of them for less than a second."""
PAGE = re.compile(rb'data-page="([\w-]{43})"')
FIELDS: Fields = (
    *BROWSER,
    ("accept", "*/*"),
    ("content-type", "text/plain;charset=UTF-8"),
    ("origin", "http://{authority}"),
    ("sec-fetch-mode", "cors"),
    ("sec-fetch-dest", "empty"),
    ("sec-fetch-site", "same-origin"),
    ("referer", "http://{authority}/"),
)
HOVERED = (
    ("banner", "Spring sale"),
    ("menu", "Range"),
    ("product", "Harbour mug"),
    ("product", "Tide bowl"),
    ("product", "Ember teapot"),
    ("product", "Field plate"),
    ("button", "Order"),
    ("image", "A vase, a teapot and a mug on a shelf"),
)
CLICKED = (("menu", "Workshop"), ("product", "Dune vase"))


@dataclass(frozen=True, slots=True)
class Teller:
    """A visitor with a page that is shown: the cookie, the page's id in its tag, the id of its confirmation."""

    cookie: str
    page: str
    view: str


def tellers(port: int, answers: Sequence[FirstAnswer]) -> list[Teller]:
    """The visitors who got these pages, which their browsers confirm now. Raises LoadError where that is refused."""
    found = []
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        for answer in answers:
            tag = PAGE.search(answer.body)
            if tag is None:
                raise LoadError("a page without a tag, whose visitor can tell nothing")
            page = tag[1].decode()
            teller = Teller(answer.cookie, page, event_id(random.Random(), page))
            showing = {"id": teller.view, "uri": f"http://127.0.0.1:{port}/", "title": "A page", "nav": "navigate"}
            body = json.dumps({"v": 1, "page": teller.page, "confirm": showing, "events": []})
            connection.request("POST", PATH, body, headers(port, teller))
            taken = connection.getresponse()
            said = taken.read()
            if taken.status != 202 or json.loads(said)["rejected"]:
                raise LoadError(f"{PATH}: a confirmation was answered {taken.status}")
            found.append(teller)
    finally:
        connection.close()
    return found


def headers(port: int, teller: Teller) -> dict[str, str]:
    """A beacon's fields, but Host and Content-Length."""
    fields = {name: value.format(authority=f"127.0.0.1:{port}") for name, value in FIELDS}
    return {**fields, "cookie": teller.cookie}


def beacon(source: random.Random, teller: Teller, events: int) -> bytes:
    """The body of one beacon, with new ids: one event is a click; ten are seven hovers, two clicks and page.leave."""
    told = []
    params: dict[str, object]
    for number in range(events):
        if number == 9:
            action, params = "page.leave", {"engaged_ms": source.randrange(1_000, 60_000), "scroll_pct": 80}
        elif number in (0, 8):
            context, name = source.choice(CLICKED)
            action, params = f"{context}.click", {"name": name, "via": "mouse", "href": "http://127.0.0.1/products/1"}
        else:
            context, name = source.choice(HOVERED)
            action, params = f"{context}.hover", {"name": name, "dwell_ms": int(source.lognormvariate(7, 0.5)) + 300}
        ago = source.randrange(AGO_MS)
        told.append(
            {"id": event_id(source, teller.page), "view": teller.view, "action": action, "params": params, "ago": ago}
        )
    return json.dumps({"v": 1, "page": teller.page, "events": told}, separators=(",", ":")).encode()


def event_id(source: random.Random, page: str) -> str:
    """A new id on the page that the tag carries; the same for the same source."""
    return str(uuid.UUID(bytes=tracker_id(source, urlsafe_b64decode(page + "=")[1:17])))


def ids(bodies: Sequence[bytes]) -> list[str]:
    """The ids of all events of these beacons."""
    return [event["id"] for body in bodies for event in json.loads(body)["events"]]


def bodies(seed: int, number: int, among: Sequence[Teller], events: int) -> list[bytes]:
    """So many beacons of these visitors in turn; the same for the same seed."""
    source = random.Random(seed)
    return [beacon(source, among[at % len(among)], events) for at in range(number)]


class Sender:
    """A process that has its beacons ready. `go` sends them all and returns when all are answered."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def go(self) -> None:
        """Raises LoadError where an answer is missing, or is not the one that was to be expected."""
        said = self.hear("go")
        if said != "good":
            raise LoadError(f"{PATH}: {said}")

    def hear(self, told: str) -> str:
        """The answer to a line."""
        assert self._process.stdin is not None and self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(f"{told}\n")
            self._process.stdin.flush()
        return self._process.stdout.readline().strip() or "the sender ended"


@contextlib.contextmanager
def sender(port: int, seed: int, number: int, among: Sequence[Teller], events: int, expected: str) -> Iterator[Sender]:
    """A Sender of `bodies(seed, number, among, events)`, over CONNECTIONS connections. `expected` is what every answer
    begins with, and what its body has in it after a space: `202 "accepted":10`."""
    told = {
        "port": port,
        "seed": seed,
        "number": number,
        "among": [asdict(one) for one in among],
        "events": events,
        "expected": expected,
        "connections": CONNECTIONS,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.sender"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        ready = Sender(process)
        said = ready.hear(json.dumps(told))
        if said != "ready":
            raise LoadError(f"beacons could not be made: {said}")
        yield ready
    finally:
        process.kill()
        process.communicate()
