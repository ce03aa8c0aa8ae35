"""A one-page site with footfall around it, in this process and over real sockets, for tests of its endpoints."""

import contextlib
import itertools
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from wire import Answer, Served, serving

from proxy.app import Footfall
from proxy.asgi import ASGIApp
from proxy.config import Config
from proxy.store.base import Query, StoreError
from proxy.store.sqlite.reader import SqliteReader

EVENTS = b"/_footfall/events"
HOLD_MS = 10_000
HOST = b"shop.example"
FIREFOX = b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAME = (b"sec-fetch-site", b"same-origin")
TEXT = (b"content-type", b"text/plain;charset=UTF-8")
PAGE = b"<!doctype html><html><head><meta charset=utf-8><title>Shop</title></head><body>hello</body></html>"
TAG = re.compile(rb'data-page="([\w-]{43})"')
NEW = (f"00000000-0000-4000-8000-{number:012x}" for number in itertools.count(1))

Fields = Sequence[tuple[bytes, bytes]]


async def site(scope: Any, receive: Any, send: Any) -> None:
    """One page, everywhere."""
    if scope["type"] != "http":
        raise RuntimeError("no lifespan")
    headers = [(b"content-type", b"text/html; charset=utf-8"), (b"content-length", b"%d" % len(PAGE))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": PAGE, "more_body": False})


@dataclass
class Shop:
    """A site with footfall around it, and its store."""

    served: Served
    config: Config
    cookie: bytes = b""

    def request(self, method: bytes, target: bytes, fields: Fields, body: bytes | None = None) -> Answer:
        head = [(b"host", HOST), (b"user-agent", FIREFOX), *fields]
        if self.cookie:
            head.append((b"cookie", self.cookie))
        if body is not None:
            head.append((b"content-length", b"%d" % len(body)))
        lines = b"".join(b"%b: %b\r\n" % pair for pair in head)
        return self.served.ask(
            b"%b %b HTTP/1.1\r\n%b\r\n%b" % (method, target, lines, body or b""), method.decode("ascii")
        )

    def navigate(self, path: bytes = b"/") -> tuple[str, Answer]:
        """The page id in the tag, and the whole answer. Its cookie is not kept."""
        fields = [(b"accept", b"text/html"), (b"sec-fetch-mode", b"navigate"), (b"sec-fetch-dest", b"document")]
        answer = self.request(b"GET", path, fields)
        found = TAG.search(answer.body)
        return (found[1].decode("ascii") if found else ""), answer

    def post(self, document: object, fields: Fields = (SAME, TEXT)) -> Answer:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        return self.request(b"POST", EVENTS, fields, body)

    def confirm(self, page: str, fields: Fields = (SAME, TEXT), **changes: object) -> Answer:
        origin = self.config.site.public_origin or "http://shop.example"
        confirm = {"id": next(NEW), "uri": f"{origin}/", "title": "Shop", "referrer": "", "nav": "navigate", **changes}
        return self.post({"v": 1, "page": page, "confirm": confirm, "events": []}, fields)

    def does(self, page: str, *events: object, fields: Fields = (SAME, TEXT), **more: object) -> Answer:
        """Events without a confirmation."""
        return self.post({"v": 1, "page": page, "events": list(events), **more}, fields)

    def outcomes(self) -> dict[str, int]:
        """Requests by what became of them; nothing before the store has its tables."""
        with contextlib.suppress(StoreError), contextlib.closing(SqliteReader(self.config.store_path)) as reader:
            return {name: number for _, _, name, number in reader.outcomes()}
        return {}

    def rows(self, action: str | None = "page.visit") -> list[dict[str, Any]]:
        """Events as they are exported; none before the store has its tables."""
        with contextlib.suppress(StoreError), contextlib.closing(SqliteReader(self.config.store_path)) as reader:
            return [event.to_export() for event in reader.export(Query(action=action))]
        return []


@contextlib.contextmanager
def shop(config: Config, site: ASGIApp = site) -> Iterator[Shop]:
    """Who has a page has its visit in the store, however long a busy machine takes to make that: the first page waits
    for it."""
    if config.store == Config().store:
        config = replace(config, store=replace(config.store, hold_ms=HOLD_MS))
    with serving(Footfall(site, config)) as served:
        yield Shop(served, config)


def told(answer: Answer) -> dict[str, Any]:
    """The document of an answer of ours, which nobody may keep and no other origin may read."""
    assert answer.get(b"content-type") == b"application/json"
    assert answer.get(b"cache-control") == b"no-store"
    assert not [name for name, _ in answer.fields if name.startswith(b"access-control-")]
    document = json.loads(answer.body)
    assert isinstance(document, dict)
    return document


def refused(answer: Answer) -> tuple[int, str]:
    document = told(answer)
    assert set(document) == {"error", "message"} and document["message"]
    assert answer.get(b"set-cookie") is None
    return answer.status, document["error"]


def event(action: str, ago: object = 0, /, *, id: str | None = None, **params: object) -> dict[str, object]:
    """An event as a tracker sends it."""
    return {"id": next(NEW) if id is None else id, "action": action, "ago": ago, "params": params}
