"""The fast path leaves what the ordinary one leaves: the same requests by both, byte for byte and row by row."""

import contextlib
import gc
import gzip
import json
import pickle
import random
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import brotli
import pytest
from test_store_trouble import locked
from wire import ROOT, Answer, Origin, Seen, Served, Wire, certify, eventually, origin, serving

from proxy.app import Front, front_of
from proxy.config import Config
from proxy.definitions import Defined
from proxy.http.known import HEADS_REMEMBERED
from proxy.http.passage import Passage, Plan
from proxy.http.tls import server_context
from proxy.page.coding.whole import recoded
from proxy.page.coding.zstd import zstd
from proxy.page.usual import UsualHeads
from proxy.rulebook import Ruled
from proxy.store.base import Query, StoreError
from proxy.store.sqlite.reader import SqliteReader
from proxy.store.sqlite.writer import SqliteWriter
from proxy.tracking.fastpath import VAIN, Pages
from proxy.visitors.cookie import CookieSigner, Key
from proxy.visitors.ids import PageIds, text_of
from proxy.visitors.times import DAY_MS

KEYS = (Key(1, b"k" * 32),)
CHROME = b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
TIMES = 3
"""The first one is seen for the first time; the last one, and perhaps the second, may take the fast path."""
PAGE_ID = re.compile(rb'data-page="([\w-]{43})"')
COOKIE = re.compile(rb"footfall=[^;]+")
HTML = b"content-type: text/html; charset=utf-8\r\n"
DATE = b"date: Mon, 30 Nov 2026 06:00:00 GMT\r\n"


def page(size: int = 0, head: bytes = b"") -> bytes:
    start = b'<!doctype html>\n<html lang="en"><head>%b<title>A</title><link rel=a></head><body>' % head
    return start + b"<p>text" * ((size - len(start)) // 7 + 1) + b"</body></html>"


def answer(*fields: bytes, body: bytes | None = None, line: bytes = b"HTTP/1.1 200 OK", length: int = 0) -> bytes:
    body = page(500) if body is None else body
    lines = b"".join(one + b"\r\n" for one in fields)
    said = b"content-length: %d\r\n" % (length or len(body))
    return b"%b\r\n%b%b%b%b\r\n%b" % (line, DATE, HTML, said, lines, body)


def chunked(*pieces: bytes) -> bytes:
    body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (*pieces, b""))
    return b"HTTP/1.1 200 OK\r\n%b%btransfer-encoding: chunked\r\n\r\n%b" % (DATE, HTML, body)


def pieces_of(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def head_and_rest(whole: bytes) -> list[bytes]:
    head, end, rest = whole.partition(b"\r\n\r\n")
    return [head + end, rest]


def coded(body: bytes, coding: str = "gzip", *, in_chunks: bool = False) -> bytes:
    """An answer whose body is these bytes, as they are."""
    field = b"content-encoding: " + coding.encode()
    if in_chunks:
        return chunked(body[:60], body[60:]).replace(HTML, HTML + field + b"\r\n")
    return answer(field, body=body)


def drawn(size: int) -> bytes:
    """A page that no coding makes much smaller."""
    return page(500) + random.Random(1).randbytes(size // 2).hex().encode()


BY_CHANCE = {"gzip-in-two", "chunked-head-alone", "chunked-broken"}
"""Where the machine is slow their pieces come at once."""
NONCES = (
    b"content-security-policy: default-src 'none'; script-src 'nonce-YWJj' 'nonce-ZGVm'; connect-src 'self'",
    b"content-security-policy: script-src-elem 'strict-dynamic' 'nonce-ZGVm'",
)
META = b"""<meta http-equiv=content-security-policy content="script-src 'none'">"""
ANSWERS: dict[str, list[bytes]] = {
    "plain": [answer()],
    "large": [answer(body=page(20_000))],  # more than waits whole, and little enough to arrive in one read
    "larger": [answer(body=page(200_000))],
    "largest": [answer(body=page(700_000))],
    "without-a-date": [answer().replace(DATE, b"")],
    "in-two": [answer()[:300], answer()[300:]],
    "cut": [answer(length=9_000)],
    "longer": [answer() + b"and more"],
    "empty": [answer(body=b"")],
    "chunked": [chunked(page(500))],
    "chunked-in-two": [chunked(page(500), b"<p>more")[:-12], chunked(page(500), b"<p>more")[-12:]],
    "chunked-in-many": list(pieces_of(chunked(page(500)), 200)),
    "chunked-end-alone": [chunked(page(500))[:-5], b"0\r\n\r\n"],
    "chunked-end-in-two": [chunked(page(500))[:-5], b"0\r\n", b"\r\n"],
    "chunked-with-trailers": [chunked(page(500))[:-2], b"x-sum: 1\r\n\r\n"],
    "chunked-cut": [chunked(page(500))[:-5], b""],
    "chunked-broken": [chunked(page(500))[:-5], b"nonsense\r\n"],
    "chunked-large": [chunked(page(9_000), drawn(400_000))],
    "chunked-beginning-alone": [chunked(page(9_000))[:220], chunked(page(9_000))[220:]],
    "chunked-head-alone": head_and_rest(chunked(page(9_000))),
    "until-closed-in-two": [answer(b"connection: close").replace(b"content-length", b"x-length"), b"<p>more"],
    "until-closed": [answer(b"connection: close").replace(b"content-length", b"x-length")],
    "closing": [answer(b"connection: close")],
    "old": [answer(line=b"HTTP/1.0 200 OK")],
    "named-fields": [answer(b"connection: x-secret", b"x-secret: 1")],
    "early-hints": [b"HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n" + answer()],
    "etag": [answer(b'etag: "abc"', b"accept-ranges: bytes", b"last-modified: Mon, 30 Nov 2026 05:00:00 GMT")],
    "modified": [answer(b"last-modified: Mon, 30 Nov 2026 05:00:00 GMT", b"vary: Cookie")],
    "cached": [answer(b"cache-control: public, max-age=60", b"cdn-cache-control: max-age=9", b"age: 3")],
    "digest": [answer(b"content-md5: abc", b"repr-digest: sha-256=:abc:")],
    "no-transform": [answer(b"cache-control: no-transform")],
    "tagged-before": [answer(b"x-footfall: tagged")],
    "sets-a-cookie": [answer(b"set-cookie: session=1; Path=/", b"set-cookie: a=b")],
    "sets-our-cookie": [answer(b"set-cookie: footfall=stolen; Path=/")],
    "policy": [answer(b"content-security-policy: script-src 'self'; connect-src 'self'")],
    "policy-with-a-nonce": [answer(b"content-security-policy: script-src 'nonce-YWJj'; object-src 'none'")],
    "policies-with-nonces": [answer(*NONCES)],
    "policies-with-other-nonces": [answer(NONCES[0], NONCES[1].replace(b"ZGVm", b"Z2hp"))],
    "policy-of-reports": [answer(b"content-security-policy-report-only: script-src 'none'")],
    "large-with-a-nonce": [answer(NONCES[0], body=page(262_000))],
    "larger-with-a-nonce": [answer(NONCES[0], body=page(700_000))],
    "in-two-with-a-nonce": [answer(NONCES[0])[:400], answer(NONCES[0])[400:]],
    "chunked-with-a-nonce": [chunked(page(500)).replace(HTML, HTML + NONCES[0] + b"\r\n")],
    "gzip-with-a-nonce": [coded(gzip.compress(page(9_000))).replace(HTML, HTML + NONCES[0] + b"\r\n")],
    "forbidding": [answer(b"content-security-policy: script-src 'none'")],
    "integrity": [answer(b"integrity-policy: blocked-destinations=(script)")],
    "meta-policy": [answer(body=page(500, META))],
    "comment": [answer(body=page(500, b"<!-- hello -->"))],
    "no-document": [answer(body=b"<p>hello</p>")],
    "attachment": [answer(b"content-disposition: attachment")],
    "not-found": [answer(line=b"HTTP/1.1 404 Not Found")],
    "broken": [answer(line=b"HTTP/1.1 500 Internal Server Error")],
    "elsewhere": [answer(b"location: /plain", line=b"HTTP/1.1 302 Found")],
    "unchanged": [b'HTTP/1.1 304 Not Modified\r\n%betag: "abc"\r\n\r\n' % DATE],
    "text": [answer().replace(b"text/html", b"text/plain")],
    "odd-charset": [answer().replace(b"utf-8", b"utf-16")],
    "no-charset": [answer().replace(b"; charset=utf-8", b"")],
    "gzip": [coded(gzip.compress(page(9_000)))],
    "gzip-in-chunks": [coded(gzip.compress(page(9_000)), in_chunks=True)],
    "gzip-in-two": [coded(gzip.compress(drawn(9_000)))[:600], coded(gzip.compress(drawn(9_000)))[600:]],
    "gzip-large": [coded(gzip.compress(drawn(50_000)))],  # more than waits whole
    "gzip-larger": [coded(gzip.compress(drawn(100_000)))],
    "gzip-much-to-read": [coded(gzip.compress(page(3_000_000)))],
    "gzip-two-members": [coded(gzip.compress(page(500)) + gzip.compress(b"<p>more"))],
    "gzip-of-what-is-less-usual": [coded(gzip.compress(page(500, b"<!-- hello -->")))],
    "gzip-of-a-policy": [coded(gzip.compress(page(500, META)))],
    "gzip-of-no-document": [coded(gzip.compress(b"<p>hello</p>"))],
    "gzip-of-nothing": [coded(gzip.compress(b""))],
    "gzip-cut-short": [coded(gzip.compress(page(9_000))[:-9])],
    "gzip-broken": [coded(gzip.compress(drawn(9_000))[:-3_000] + b"*" * 2_992 + gzip.compress(page(9_000))[-8:])],
    "gzip-with-a-wrong-sum": [coded(gzip.compress(page(9_000))[:-8] + bytes(8))],
    "gzip-with-more-behind": [coded(gzip.compress(page(9_000)) + b"and more")],
    "not-gzip": [coded(page(500))],
    "gzip-twice": [coded(gzip.compress(gzip.compress(page(500))), "gzip, gzip")],
    "deflate": [coded(zlib.compress(page(9_000)), "deflate")],
    "br": [coded(brotli.compress(page(9_000)), "br")],
    "zstd": [coded(zstd.compress(page(9_000)), "zstd")],
    "no-answer": [b"nonsense\r\n\r\n"],
    "closed": [],
}
FAST = {
    *("plain", "large", "larger", "without-a-date", "longer", "closing", "old", "named-fields", "etag"),
    *("early-hints", "modified", "cached", "digest", "largest", "cut", "in-two", "chunked", "sets-a-cookie"),
    *("gzip", "gzip-in-chunks", "gzip-large", "gzip-two-members", "gzip-cut-short", "gzip-broken"),
    *("gzip-with-more-behind", "deflate", "br", "zstd", "until-closed", "until-closed-in-two", "chunked-in-two"),
    *("chunked-in-many", "chunked-end-alone", "chunked-end-in-two", "chunked-with-trailers", "chunked-cut"),
    *("chunked-large", "chunked-beginning-alone"),
    *("policy", "policy-with-a-nonce", "policies-with-nonces", "policy-of-reports", "larger-with-a-nonce"),
    *("large-with-a-nonce", "in-two-with-a-nonce", "chunked-with-a-nonce", "gzip-with-a-nonce"),
}
"""Answers that pass by the fast path, or begin to, where the request may."""
LAST = {
    *("cut", "chunked-cut", "chunked-broken", "longer", "until-closed", "until-closed-in-two", "closing", "old"),
    *("no-answer", "closed"),
}
"""Answers after which the connection ends."""


FETCH = (b"sec-fetch-site", b"sec-fetch-mode", b"sec-fetch-dest")
SOCKET = (b"upgrade: websocket", b"connection: upgrade", b"sec-websocket-version: 13")
UNLIKE = ("id", "time", "received", "session", "page", "upstream_ms")
"""What no two rows have in common."""
OURS = text_of(b"visitor" + bytes(9))[:16]
"""How the uuids of the visitors begin whose cookies are made here."""
IDS = PageIds(tuple(key.secret for key in KEYS))


UNSAVED = "released_unsaved"
READERS: dict[bytes, Callable[[], Any]] = {
    b"gzip": lambda: zlib.decompressobj(31),
    b"deflate": zlib.decompressobj,
    b"br": brotli.Decompressor,
    b"zstd": zstd.ZstdDecompressor,
}


def fields(*more: bytes, without: tuple[bytes, ...] = (), cookie: bytes = b"footfall=%b") -> list[bytes]:
    """Those of a navigation of somebody who was here before."""
    usual = [
        b"host: shop.example",
        b"user-agent: " + CHROME,
        b"accept: text/html,*/*;q=0.8",
        b"accept-language: en-GB,en;q=0.9",
        b"accept-encoding: gzip, deflate, br, zstd",
        b"sec-fetch-site: same-origin",
        b"sec-fetch-mode: navigate",
        b"sec-fetch-dest: document",
        b"referer: http://shop.example/from?utm_source=x&a=b",
        b"cookie: theme=dark; %b; a=b" % cookie,
    ]
    return [line for line in usual if line.partition(b":")[0] not in without] + list(more)


REQUESTS: dict[str, tuple[bytes, bytes, list[bytes], bytes]] = {
    # method, what follows the path, fields, what follows the head
    "page": (b"GET", b"", fields(), b""),
    "phone": (b"GET", b"", fields(b"sec-ch-ua-mobile: ?1", b"sec-gpc: 0"), b""),
    "without-fetch-fields": (b"GET", b"", fields(without=FETCH), b""),
    "query": (b"GET", b"?a=b", fields(), b""),
    "bare-query": (b"GET", b"?", fields(), b""),
    "campaign": (b"GET", b"?utm_source=news&utm_medium=mail&email=ada@x.example&q=%3F%2f", fields(), b""),
    "odd-query": (b"GET", "?é=[]&&;a?b=c\"'<>%zz".encode(), fields(), b""),
    "fragment": (b"GET", b"?a=b#c?d", fields(), b""),
    "long-query": (b"GET", b"?utm_campaign=" + b"x" * 3_000, fields(), b""),
    "head": (b"HEAD", b"", fields(), b""),
    "form": (b"POST", b"", fields(b"content-length: 3"), b"a=b"),
    "body": (b"GET", b"", fields(b"content-length: 3"), b"a=b"),
    "no-body": (b"GET", b"", fields(b"content-length: 0"), b""),
    "last": (b"GET", b"", fields(b"connection: close"), b""),
    "keep-alive": (b"GET", b"", fields(b"connection: keep-alive"), b""),
    "new": (b"GET", b"", fields(cookie=b"b=c"), b""),
    "without-cookies": (b"GET", b"", fields(without=(b"cookie",)), b""),
    "forged": (b"GET", b"", fields(cookie=b"footfall=AAAAAAAAAAAAAAAAAAAAAAAAAAA." + b"A" * 43), b""),
    "twice": (b"GET", b"", fields(b"cookie: footfall=%b"), b""),
    "condition": (b"GET", b"", fields(b'if-none-match: W/"abc~ff"'), b""),
    "range": (b"GET", b"", fields(b"range: bytes=0-9"), b""),
    "untransformed": (b"GET", b"", fields(b"cache-control: no-transform"), b""),
    "gpc": (b"GET", b"", fields(b"sec-gpc: 1"), b""),
    "said-no": (b"GET", b"", fields(cookie=b"footfall=%b; footfall_consent=out"), b""),
    "crawler": (b"GET", b"", [*fields(without=(b"user-agent",)), b"user-agent: Googlebot/2.1"], b""),
    "prefetch": (b"GET", b"", fields(b"sec-purpose: prefetch"), b""),
    "frame": (b"GET", b"", [*fields(without=(b"sec-fetch-dest",)), b"sec-fetch-dest: iframe"], b""),
    "script": (b"GET", b"", [*fields(without=(b"sec-fetch-mode",)), b"sec-fetch-mode: cors"], b""),
    "forwarded": (b"GET", b"", fields(b"x-forwarded-for: 203.0.113.9", b"x-forwarded-host: other.example"), b""),
    "secure": (b"GET", b"", fields(b"x-forwarded-proto: https", cookie=b"__Host-footfall=%b"), b""),
    "websocket": (b"GET", b"", fields(*SOCKET), b""),
    "unknown-host": (b"GET", b"", [*fields(without=(b"host",)), b"host: bad host"], b""),
}
QUERIES = {"query", "bare-query", "campaign", "fragment", "long-query"}
PASSES = {"page", "phone", "without-fetch-fields", "keep-alive", "forwarded", *QUERIES}
"""Requests that may end on the fast path."""


@dataclass
class Side:
    """One way of serving the same site."""

    served: Served
    site: Origin
    config: Config
    front: Front | None = None  # of the fast one
    sent: int = 0
    counted: list[bytes] = field(default_factory=list)  # ids of page views, as their tags have them

    def ask(self, wire: Wire, request: bytes, method: str) -> Any:
        wire.send(request)
        self.sent += 1
        try:
            line, found = wire.head()
            while line.split()[1].startswith(b"1"):
                line, found = wire.head()
        except (ConnectionError, IndexError):
            return "closed"
        named = dict(found)
        body, whole = b"", True
        if method == "HEAD" or line.split()[1] in (b"204", b"304"):
            pass
        elif named.get(b"transfer-encoding") == b"chunked":
            body, whole = wire.chunks()
        elif b"content-length" in named:
            body = wire.exactly(int(named[b"content-length"]))
            whole = len(body) == int(named[b"content-length"])
        else:
            body = wire.rest()
        found = [(name, b"" if name == b"date" else COOKIE.sub(b"footfall=", value)) for name, value in found]
        body = decoded(body, named.get(b"content-encoding", b""))
        return line, found, PAGE_ID.sub(b"", body), self._read(body), whole

    def _read(self, body: bytes) -> Any:
        """What the tag says, but for the time and the id."""
        found = PAGE_ID.search(body)
        told = None if found is None else IDS.read(found[1].decode())
        if told is not None and told.counted:
            self.counted.append(told.id)
        return None if told is None else (told.counted, told.visitor_new, told.asleep)

    def rows(self, path: bytes) -> list[Any]:
        with contextlib.suppress(StoreError), contextlib.closing(SqliteReader(self.config.store_path)) as reader:
            events = [event.to_export() for event in reader.export(Query())]
            of_path = [one for one in events if f"shop.example{path.decode()}" in json.dumps(one)]
            return [_without(one) for one in of_path]
        return []

    def ids(self) -> set[object]:
        with contextlib.closing(SqliteReader(self.config.store_path)) as reader:
            return {event.to_export()["id"] for event in reader.export(Query())}

    def outcomes(self) -> dict[str, int]:
        with contextlib.suppress(StoreError), contextlib.closing(SqliteReader(self.config.store_path)) as reader:
            return {f"{host} {name}": number for _, host, name, number in reader.outcomes() if name != UNSAVED}
        return {}

    @property
    def unsaved(self) -> int:
        """Pages that were let go uncommitted, which is a matter of the machine's pace."""
        with contextlib.closing(SqliteReader(self.config.store_path)) as reader:
            return sum(number for _, _, name, number in reader.outcomes() if name == UNSAVED)

    @property
    def is_told(self) -> bool:
        """Whether every request is counted."""
        return sum(self.outcomes().values()) >= self.sent


def decoded(body: bytes, coding: bytes) -> bytes:
    """What can be read of it, byte by byte as far as it goes, and that it goes no further."""
    make = READERS.get(coding)
    reader, read = None if make is None else make(), []
    if reader is None:
        return body
    feed = reader.process if coding == b"br" else reader.decompress
    try:
        for at in range(len(body)):
            read.append(feed(body[at : at + 1]))
            if getattr(reader, "eof", False):
                return b"".join((*read, decoded(reader.unused_data + body[at + 1 :], coding)))
    except Exception as error:
        read.append(type(error).__name__.encode())
    return b"".join(read) if read else body


def _without(document: Any) -> Any:
    if isinstance(document, dict):
        kept = {key: _without(value) for key, value in document.items() if key not in UNLIKE}
        return kept | ({"uuid": "new"} if "uuid" in kept and not kept["uuid"].startswith(OURS) else {})
    return document


def handle(wire: Wire, seen: Seen) -> bool:
    wire.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    name = seen.line.split()[1].partition(b"?")[0].decode().lstrip("/")
    for number, piece in enumerate(ANSWERS[name]):
        if number:
            time.sleep(0.01)
        wire.send(piece)
    return name not in LAST


@contextlib.contextmanager
def side(
    where: Path,
    *,
    fast: bool,
    site: Callable[[Wire, Seen], object] = handle,
    config: Config = Config(),  # noqa: B008
    **life: Any,
) -> Iterator[Side]:
    """`life`: of the server, where it is in this process. The store is there, so that no first page waits for it."""
    where.mkdir(exist_ok=True)
    SqliteWriter(replace(config, base=where).store_path, durability="process", rules=None).close()
    with origin(site) as there:
        config = replace(config, base=where, site=replace(config.site, upstream=there.url))
        if fast:
            front = front_of(config, KEYS, None)
            with serving(front.app, fast=front.fast, **life) as served:
                yield Side(served, there, config, front)
        else:
            with apart(config) as served:
                yield Side(served, there, config)


_ORDINARY = """
import pickle, socket, sys
from proxy.app import front_of
from proxy.http.life import Life
from proxy.http.server import run
config, keys = pickle.load(sys.stdin.buffer)
listener = socket.create_server(("127.0.0.1", 0), backlog=256)
print(listener.getsockname()[1], flush=True)
front = front_of(config, keys, None)
sys.exit(run(front.app, sockets=[listener], refused=front.refused, life=Life(sys.stdin.fileno()), graceful_seconds=2))
"""


@contextlib.contextmanager
def apart(config: Config) -> Iterator[Served]:
    """Without the fast path, in a process of its own: timers of two uvloops in one process may be late."""
    command = [sys.executable, "-c", _ORDINARY]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)
    assert process.stdin is not None and process.stdout is not None
    try:
        pickle.dump((config, KEYS), process.stdin)
        process.stdin.flush()
        yield Served(int(process.stdout.readline()), [])
    finally:
        process.stdin.close()
        assert process.wait(20) == 0
        process.stdout.close()


@pytest.fixture(scope="module")
def passed() -> Iterator[list[bytes]]:
    """The targets of pages that passed, or began to, by the fast path."""
    found: list[bytes] = []
    patch, passes = pytest.MonkeyPatch(), Passage._passes

    def noted(self: Passage, exchange: Any) -> bool:
        has = passes(self, exchange)
        found.extend([self._target] if has else [])
        return has

    patch.setattr(Passage, "_passes", noted)
    yield found
    patch.undo()


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory, passed: list[bytes]) -> Iterator[tuple[Side, Side]]:
    where = tmp_path_factory.mktemp("sides")
    patient = replace(Config(), store=replace(Config().store, hold_ms=20_000))
    with (
        side(where / "fast", fast=True, config=patient) as fast,
        side(where / "ordinary", fast=False, config=patient) as ordinary,
    ):
        yield fast, ordinary


def cookie_of(number: int) -> bytes:
    return CookieSigner(KEYS).value(b"visitor%09d" % number, int(time.time() * 1000) // DAY_MS)


def request(name: str, path: bytes, cookie: bytes) -> tuple[bytes, str]:
    method, behind, lines, body = REQUESTS[name]
    head = b"".join(line.replace(b"%b", cookie) + b"\r\n" for line in lines)
    return b"%b %b%b HTTP/1.1\r\n%b\r\n%b" % (method, path, behind, head, body), method.decode()


def compare(sides: tuple[Side, Side], path: bytes, names: Iterable[str], check: Callable[[str], None]) -> None:
    """Each request TIMES times, by a visitor of its own; `check` is called after each."""
    for one in sides:
        one.site.seen.clear()
    for number, name in enumerate(names):
        told, method = request(name, path, cookie_of(number))
        got: list[list[Any]] = []
        for one in sides:
            wire, said = one.served.connect(), []
            for _ in range(TIMES):
                said.append(one.ask(wire, told, method))
                if said[-1] == "closed" or not said[-1][-1] or (b"connection", b"close") in said[-1][1]:
                    wire.close()
                    wire = one.served.connect()
            wire.close()
            got.append(said)
        assert got[0] == got[1], name
        check(name)
    fast, ordinary = sides
    asked, asked_before = ([(seen.line, seen.fields, seen.body) for seen in one.site.seen] for one in sides)
    assert [_addressed(one, fast) for one in asked] == [_addressed(one, ordinary) for one in asked_before]
    assert eventually(lambda: fast.is_told and ordinary.is_told), (fast.outcomes(), ordinary.outcomes())
    eventually(lambda: fast.rows(path) == ordinary.rows(path))
    assert fast.rows(path) == ordinary.rows(path)
    assert fast.outcomes() == ordinary.outcomes()
    assert all({text_of(one) for one in side.counted} <= side.ids() for side in sides)


def _addressed(seen: Any, side: Side) -> str:
    """Where the site is asked under its own name, that has another port on each side."""
    return repr(seen).replace(f":{side.site.port}", ":port")


@pytest.mark.parametrize("name", ANSWERS)
def test_both_paths_leave_the_same(sides: tuple[Side, Side], passed: list[bytes], name: str) -> None:
    def check(asks: str) -> None:
        if name not in BY_CHANCE:
            assert bool(passed) is (name in FAST and asks in PASSES), (asks, passed)
        passed.clear()

    passed.clear()
    compare(sides, b"/" + name.encode(), REQUESTS, check)


OTHERS = ("new", "crawler", "gpc", "head")
RULE = Ruled("GET", "/plain", ((200, 200),), "basket.opened")
BASE = Config()
SETTINGS: dict[str, tuple[Config, bool]] = {
    # and whether a returning visitor's page takes the fast path
    "own-name": (replace(BASE, site=replace(BASE.site, preserve_host=False)), True),
    "public-origin": (replace(BASE, site=replace(BASE.site, public_origin="https://www.example")), False),
    "trusted": (replace(BASE, site=replace(BASE.site, trusted_proxies=("127.0.0.1",))), True),
    "masked": (replace(BASE, tracking=replace(BASE.tracking, ip="masked")), True),
    "no-sessions": (replace(BASE, tracking=replace(BASE.tracking, sessions=False)), True),
    "no-visits": (replace(BASE, tracking=replace(BASE.tracking, visits=False)), False),
    "excluded": (replace(BASE, tracking=replace(BASE.tracking, exclude=("/pl*",))), False),
    "no-tag": (replace(BASE, inject=replace(BASE.inject, enabled=False)), False),
    "renewed": (replace(BASE, visitor=replace(BASE.visitor, renew=True)), False),
    "asked-first": (replace(BASE, consent=replace(BASE.consent, mode="opt-in")), False),
    "rules": (replace(BASE, events=(Defined("basket.opened"),), rules=(RULE,)), False),
    "not-held": (replace(BASE, store=replace(BASE.store, hold_ms=0)), True),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_both_paths_leave_the_same_whatever_is_configured(tmp_path: Path, passed: list[bytes], name: str) -> None:
    config, passes = SETTINGS[name]
    found: dict[str, bool] = {}

    def check(asks: str) -> None:
        found[asks] = bool(passed)
        passed.clear()

    passed.clear()
    where = tmp_path
    with side(where / "a", fast=True, config=config) as fast, side(where / "b", fast=False, config=config) as other:
        compare((fast, other), b"/plain", ("page", "forwarded", "campaign", "secure", *OTHERS), check)
    assert found["secure"] is (name in ("trusted", "public-origin"))
    assert found["page"] is found["campaign"] is passes and not any(found[one] for one in OTHERS)


@pytest.fixture
def extending(tmp_path: Path) -> Iterator[tuple[Side, Side]]:
    config = replace(BASE, inject=replace(BASE.inject, csp="extend"))
    with side(tmp_path / "a", fast=True, config=config) as one, side(tmp_path / "b", fast=False, config=config) as two:
        yield one, two


def test_policies_are_extended_only_where_they_have_to_be(extending: tuple[Side, Side], passed: list[bytes]) -> None:
    passed.clear()
    compare(extending, b"/policy-with-a-nonce", ("page",), lambda _: None)
    assert passed
    passed.clear()
    told, _ = request("page", b"/forbidding", cookie_of(1))
    wire = extending[0].served.connect()
    given = []
    for _ in range(TIMES):
        wire.send(told)
        got = wire.answer()
        given += [nonce_of_policy(got), nonce_of_tag(got)]
    assert not passed and given[::2] == given[1::2] and len(set(given)) == TIMES
    wire.close()


def nonce_of_policy(got: Answer) -> bytes:
    return (got.get(b"content-security-policy") or b"").partition(b"'nonce-")[2].partition(b"'")[0]


def nonce_of_tag(got: Answer) -> bytes:
    assert PAGE_ID.search(got.body)
    return got.body.partition(b' nonce="')[2].partition(b'"')[0]


def test_each_page_has_its_own_nonce(tmp_path: Path, passed: list[bytes]) -> None:
    """Also where a head comes again that is remembered with what was made of it."""
    given = [b"b25l", b"dHdv", b"b25l", b"dHdv", b"b25l", b"dGhyZWU", b"dHdv", b"Zm91cg"]
    left = iter([given[0], *given])

    def policed(wire: Wire, seen: Seen) -> bool:
        wire.send(answer(b"content-security-policy: script-src 'nonce-%b'" % next(left)))
        return True

    with side(tmp_path / "one", fast=True, site=policed) as one:
        told, method = request("page", b"/plain", cookie_of(1))
        wire = one.served.connect()
        assert one.ask(wire, told, method)[-1]
        passed.clear()
        for nonce in given:
            wire.send(told)
            got = wire.answer()
            assert (nonce_of_policy(got), nonce_of_tag(got)) == (nonce, nonce)
        wire.close()
        assert len(passed) == len(given)


# A page on its way ----------------------------------------------------------------------------------------------------


class Waiting:
    """A site that answers when it is told to, but at once for the first time."""

    def __init__(self) -> None:
        self.go_on = threading.Semaphore(0)
        self.asked = 0

    def __call__(self, wire: Wire, seen: Seen) -> bool:
        self.asked += 1
        if self.asked > 1:
            self.go_on.acquire(timeout=10)
        return handle(wire, seen)


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[tuple[Waiting, Side]]:
    site = Waiting()
    with side(tmp_path / "one", fast=True, site=site) as one:
        told, method = request("page", b"/plain", cookie_of(1))
        wire = one.served.connect()
        assert one.ask(wire, told, method)[-2]
        wire.close()
        yield site, one
        for _ in range(9):
            site.go_on.release()


def test_what_follows_waits_for_its_turn(waiting: tuple[Waiting, Side], passed: list[bytes]) -> None:
    site, one = waiting
    told, _ = request("page", b"/plain", cookie_of(1))
    wire = one.served.connect()
    passed.clear()
    wire.send(told)
    assert eventually(lambda: site.asked == 2)
    wire.send(told * 2 + b"GET /_footfall/none HTTP/1.1\r\nhost: shop.example\r\n\r\n")
    time.sleep(0.05)
    assert site.asked == 2
    for _ in range(3):
        site.go_on.release()
    answers = [wire.answer() for _ in range(4)]
    assert [answer.status for answer in answers] == [200, 200, 200, 404]
    assert len({PAGE_ID.search(answer.body)[0] for answer in answers[:3]}) == 3  # type: ignore[index]
    assert passed == [b"/plain"]
    assert eventually(lambda: len(one.rows(b"/plain")) == 5)  # with the session's start
    wire.close()


def test_a_visitor_who_leaves_is_counted_and_waits_for_nothing(
    waiting: tuple[Waiting, Side], monkeypatch: pytest.MonkeyPatch
) -> None:
    site, one = waiting
    begun: list[bytes] = []
    start = Passage.start
    monkeypatch.setattr(Passage, "start", lambda self: (begun.append(self._target), start(self))[1])
    told, _ = request("page", b"/plain", cookie_of(1))
    wire = one.served.connect()
    wire.send(told)
    assert eventually(lambda: site.asked == 2)
    wire.close()
    # T15: what is asked for a visitor who has left is given up after half a second.
    assert eventually(lambda: one.outcomes().get("shop.example aborted") == 1)
    assert begun == [b"/plain"]
    site.go_on.release()
    assert eventually(lambda: one.site.live == 0)
    assert len(one.rows(b"/plain")) == 2


def test_a_visitor_who_says_no_more_gets_the_page(
    waiting: tuple[Waiting, Side], passed: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxy.http.halfclosed.HALF_CLOSED_SECONDS", 10.0)  # what a busy machine may take
    site, one = waiting
    told, _ = request("page", b"/plain", cookie_of(1))
    wire = one.served.connect()
    passed.clear()
    wire.send(told)
    wire.sock.shutdown(socket.SHUT_WR)
    assert eventually(lambda: site.asked == 2)
    site.go_on.release()
    got = wire.answer()
    assert got.whole and got.get(b"connection") == b"close" and passed == [b"/plain"] and wire.is_closed()


def test_an_error_takes_the_ordinary_path(
    waiting: tuple[Waiting, Side],
    passed: list[bytes],
    monkeypatch: pytest.MonkeyPatch,
    caplog: Any,
) -> None:
    site, one = waiting
    told, method = request("page", b"/plain", cookie_of(1))
    passed.clear()
    monkeypatch.setattr(UsualHeads, "place", lambda *_, **__: 1 // 0)
    site.go_on.release()
    wire = one.served.connect()
    line, _, body, tagged, whole = one.ask(wire, told, method)
    wire.close()
    assert line == b"HTTP/1.1 200 OK" and whole and body == ANSWERS["plain"][0].partition(b"\r\n\r\n")[2] and not tagged
    assert not passed and "on the fast path" in caplog.text
    assert eventually(lambda: len(one.rows(b"/plain")) == 3)


LATE = [("plain", False), ("gzip", False), ("large", True), ("gzip-large", True), ("chunked", True)]


@pytest.mark.parametrize(("name", "let_go"), LATE)
def test_a_page_whose_commit_is_late(tmp_path: Path, passed: list[bytes], name: str, let_go: bool) -> None:
    """One of some size goes but for its last byte, a small one waits as a whole."""
    config = replace(BASE, store=replace(BASE.store, hold_ms=20_000))
    with side(tmp_path / "one", fast=True, config=config) as one:
        told, method = request("page", b"/" + name.encode(), cookie_of(1))
        wire = one.served.connect()
        for _ in range(TIMES):
            assert one.ask(wire, told, method)[-2]
        passed.clear()
        with locked(one.config.store_path):
            wire.send(told)
            assert eventually(lambda: passed)
            if let_go:
                assert wire.fill()
            before = everything(wire)
        assert wire.fill()
        rest = everything(wire) - before
        got = wire.answer()
        assert got.whole and PAGE_ID.search(decoded(got.body, got.get(b"content-encoding") or b""))
        wire.close()
        last = len(b"1\r\n>\r\n0\r\n\r\n") if got.get(b"content-length") is None else 1
        assert rest == last if let_go else not before


def everything(wire: Wire) -> int:
    """That has come so far: how much it is."""
    wire.sock.settimeout(0.3)
    with contextlib.suppress(TimeoutError):
        while wire.fill():
            pass
    wire.sock.settimeout(10)
    return len(wire.buffer)


def test_a_page_that_is_held_too_long_is_let_go(tmp_path: Path, passed: list[bytes]) -> None:
    config = replace(BASE, store=replace(BASE.store, hold_ms=300))
    with side(tmp_path / "one", fast=True, config=config) as one:
        told, method = request("page", b"/plain", cookie_of(1))
        wire = one.served.connect()
        for _ in range(TIMES):
            assert one.ask(wire, told, method)[-2]
        before = one.unsaved
        with locked(one.config.store_path):
            begun = time.monotonic()
            assert one.ask(wire, told, method)[-2]
            assert 0.25 < time.monotonic() - begun < 5
        wire.close()
        assert eventually(lambda: one.unsaved > before)
        assert eventually(lambda: len(one.rows(b"/plain")) == TIMES + 2)


def test_a_server_that_stops_says_so_with_the_page_that_is_under_way(tmp_path: Path, passed: list[bytes]) -> None:
    site = Waiting()
    with side(tmp_path / "one", fast=True, site=site, stopping=site.go_on.release, graceful_seconds=8) as one:
        told, method = request("page", b"/plain", cookie_of(1))
        wire = one.served.connect()
        assert one.ask(wire, told, method)[-2]
        passed.clear()
        wire.send(told)
        assert eventually(lambda: site.asked == 2)
    got = wire.answer()
    assert got.whole and got.get(b"connection") == b"close" and PAGE_ID.search(got.body)
    wire.close()
    assert not passed and len(one.rows(b"/plain")) == 3


@pytest.mark.parametrize("behind", [0, 1])
def test_a_server_that_stops_does_not_wait_for_a_silent_site_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, behind: int
) -> None:
    begun, start = [], Passage.start
    monkeypatch.setattr(Passage, "start", lambda self: (begun.append(self._target), start(self))[1])
    left = []
    for fast in (True, False):
        site = Waiting()
        with side(tmp_path / str(fast), fast=fast, site=site) as one:
            told, method = request("page", b"/plain", cookie_of(1))
            wire = one.served.connect()
            assert one.ask(wire, told, method)[-2]
            wire.send(told)
            assert eventually(lambda: site.asked == 2)  # noqa: B023
            wire.send(told * behind)
        site.go_on.release()
        assert not wire.fill() and not wire.buffer
        wire.close()
        left.append((one.outcomes(), len(one.rows(b"/plain")), site.asked))
    assert left[0] == left[1] and begun == [b"/plain"], left


def test_a_head_from_another_address_is_not_the_same(tmp_path: Path, passed: list[bytes]) -> None:
    with side(tmp_path / "one", fast=True) as one:
        told, method = request("page", b"/plain", cookie_of(1))
        for address in ("127.0.0.1", "127.0.0.2", "127.0.0.1"):
            passed.clear()
            near = (address, 0)
            wire = Wire(socket.create_connection(("127.0.0.1", one.served.port), source_address=near))
            for _ in range(TIMES):
                assert one.ask(wire, told, method)[3] == (True, False, False)
            wire.close()
            assert passed
            assert one.site.seen[-1].all(b"x-forwarded-for") == [address.encode()]


def test_a_page_by_https(tmp_path: Path, passed: list[bytes]) -> None:
    where = certify(tmp_path)
    trusting = ssl.create_default_context(cafile=where / "cert.pem")
    tls = server_context(where / "cert.pem", where / "key.pem")
    with side(tmp_path / "one", fast=True, tls=tls) as one:
        sock = socket.create_connection(("127.0.0.1", one.served.port))
        wire = Wire(trusting.wrap_socket(sock, server_hostname="localhost"))
        told, method = request("secure", b"/plain?a=b", cookie_of(1))
        said = []
        for _ in range(TIMES):
            passed.clear()
            said.append(one.ask(wire, told, method))
        wire.close()
        assert passed == [b"/plain?a=b"] and said[0] == said[1] == said[2] and said[0][-1]
        visits = lambda: [row for row in one.rows(b"/plain?a=b") if row["action"] == "page.visit"]  # noqa: E731
        assert eventually(lambda: len(visits()) == TIMES) and "https://shop.example/plain?a=b" in json.dumps(visits())


def test_a_cookie_of_a_retired_key_is_signed_anew(tmp_path: Path, passed: list[bytes], monkeypatch: Any) -> None:
    monkeypatch.setattr(sys.modules[__name__], "KEYS", (Key(2, b"n" * 32), *KEYS))
    with side(tmp_path / "one", fast=True) as one:
        old = CookieSigner(KEYS[1:]).value(b"visitor%09d" % 1, int(time.time() * 1000) // DAY_MS)
        told, method = request("page", b"/plain", old)
        wire = one.served.connect()
        passed.clear()
        for _ in range(TIMES):
            assert b"set-cookie" in dict(one.ask(wire, told, method)[1])
        wire.close()
        assert not passed


@pytest.mark.parametrize("name", ["plain", "large"])
def test_who_leaves_while_his_page_is_held_holds_nothing(tmp_path: Path, passed: list[bytes], name: str) -> None:
    config = replace(BASE, store=replace(BASE.store, hold_ms=20_000))
    with side(tmp_path / "one", fast=True, config=config) as one:
        told, method = request("page", b"/" + name.encode(), cookie_of(1))
        wire = one.served.connect()
        for _ in range(TIMES):
            assert one.ask(wire, told, method)[-2]
        passed.clear()
        with locked(one.config.store_path):
            wire.send(told)
            assert eventually(lambda: passed)
            if name == "large":
                wire.head()
            wire.close()
            other = one.served.connect()
            other.send(b"GET /_footfall/none HTTP/1.1\r\nhost: shop.example\r\n\r\n")
            assert other.answer().status == 404
            other.close()
        assert eventually(lambda: len(one.rows(b"/" + name.encode())) == TIMES + 2)
        assert one.front is not None
        tracking = one.front.fast._askers._tracking  # type: ignore[attr-defined]
        assert eventually(lambda: not (tracking.heads._fresh or tracking.heads._old or tracking.recorder._waiters))
        assert one.served.get(b"/plain").status == 200


def test_who_was_erased_is_somebody_else_from_then_on(tmp_path: Path, passed: list[bytes]) -> None:
    with side(tmp_path / "one", fast=True) as one:
        told, method = request("page", b"/plain", cookie_of(1))
        wire = one.served.connect()
        for _ in range(TIMES):
            assert one.ask(wire, told, method)[3] == (True, False, False)
        assert passed and one.front is not None
        erased = one.front.fast._askers._tracking.cookies.erased  # type: ignore[attr-defined]
        erased.put(erased.marks(b"visitor%09d" % 1))
        passed.clear()
        _, found, _, page, _ = one.ask(wire, told, method)
        assert page == (True, True, False) and b"set-cookie" in dict(found) and not passed
        wire.close()


@pytest.mark.parametrize("what", ["may_ask", "knows", "asker"])
def test_a_request_that_cannot_be_read_takes_the_ordinary_path(
    tmp_path: Path, passed: list[bytes], monkeypatch: pytest.MonkeyPatch, caplog: Any, what: str
) -> None:
    monkeypatch.setattr(Pages, what, lambda *_: 1 // 0)
    with side(tmp_path / "one", fast=True) as one:
        passed.clear()
        told, method = request("page", b"/plain", cookie_of(1))
        wire = one.served.connect()
        for _ in range(TIMES):
            assert one.ask(wire, told, method)[3] == (True, False, False)
        wire.close()
        assert not passed and "for the fast path" in caplog.text
        assert eventually(lambda: len(one.rows(b"/plain")) == TIMES + 1)


def test_what_is_read_in_vain_is_not_read_each_time(
    tmp_path: Path, passed: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[bytes] = []
    monkeypatch.setattr("proxy.tracking.fastpath.recoded", lambda *given: read.append(given[0]) or recoded(*given))
    with side(tmp_path / "one", fast=True) as one:
        told, method = request("page", b"/gzip-of-what-is-less-usual", cookie_of(1))
        wire = one.served.connect()
        passed.clear()
        for _ in range(1 + 1 + VAIN + 1):  # the first one comes to an address of which nothing is known
            assert one.ask(wire, told, method)[3] == (True, False, False)
        assert len(read) == 2 and not passed
        wire.close()


def test_plans_go_with_the_fields_that_they_are_for(tmp_path: Path, passed: list[bytes]) -> None:
    """Without the collector of cycles: there are as many of them as heads are remembered."""
    with side(tmp_path / "one", fast=True) as one:
        wire = one.served.connect()
        passed.clear()
        gc.collect()
        gc.disable()
        try:
            for number in range(HEADS_REMEMBERED + 300):
                told, method = request("page", b"/plain", cookie_of(number))
                assert one.ask(wire, told, method)[-1]
            plans = sum(type(one) is Plan for one in gc.get_objects())
        finally:
            gc.enable()
        wire.close()
        assert len(passed) > HEADS_REMEMBERED and plans < 400
