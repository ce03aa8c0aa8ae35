"""A real server that collects beacons: *do this -> exactly these messages and not those*.

It serves pages that the test writes, with the tracker's tag in them as the proxy would put it, and keeps every message
that comes. How it answers is the test's to choose: at once, late, with another status, with nothing at all.
"""

import base64
import contextlib
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from fronts import poll
from playwright.sync_api import Browser, BrowserContext, Page, Request

from proxy.scripts import Tracker, load_tracker
from proxy.visitors.ids import event_id

COUNTED, NEW, ASLEEP = 1, 2, 4
"""Flags of a page id (VISITS.md section 3)."""
DEFAULTS = {"click": "auto", "hover": "off", "hoverMin": 300, "forms": True, "leave": True, "spa": False, "meta": False}
"""Hovers are off where a test is not about them: on a busy machine the pointer rests longer than anybody meant."""
HANG_SECONDS = 10.0
LATE_SECONDS = 1.0
"""How long is waited for a message of which the browser says that it failed."""
DOCUMENT = (
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>{tag}{head}</head>'
    "<body>{body}</body></html>\n"
)
CLOCK_SECONDS = 1_800_000_000
"""When it is for a browser whose clock the test moves."""
COLLECTOR = "/_footfall/events"
END = "/end"
"""A page without a tag, to which a visitor leaves."""


def page_id(flags: int = COUNTED, visit: bytes = b"") -> str:
    """What the tag carries: well-formed, of nobody."""
    visit = visit or event_id(time.time_ns() // 1_000_000, os.urandom(10))
    made = bytes((1,)) + visit + bytes((flags,)) + bytes(14)
    return base64.urlsafe_b64encode(made).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class Shown:
    """A page as it is served: its tag's id, its markup, and the part that it loads ("" where there is none)."""

    id: str
    markup: str
    part: str


@dataclass(frozen=True, slots=True)
class Message:
    """One request to the collector. `kind` is what sent it (`fetch` or `ping`, a beacon), `at` when it came."""

    body: dict[str, object]
    size: int
    type: str
    at: float
    cookie: str
    raw: str

    @property
    def events(self) -> list[dict[str, object]]:
        return list(self.body["events"])

    @property
    def page(self) -> object:
        return self.body["page"]

    @property
    def part(self) -> int:
        """What a page tells first, between, and last."""
        leaves = any(event["action"] == "page.leave" for event in self.events)
        return -1 if "confirm" in self.body else int(leaves)


@dataclass(slots=True)
class Answer:
    """How the collector answers: after `wait` is set (if any), with this status and body; `drops`: not at all."""

    status: int = 202
    body: str = '{"accepted": 0, "duplicates": 0, "rejected": [], "warnings": []}'
    wait: threading.Event | None = None
    drops: bool = False


def accepted(number: int) -> Answer:
    """The answer where a test says nothing else."""
    return Answer()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that closes in the middle is none."""


class Collector:
    """Pages with the tracker in them, and what they send."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.coming = 0
        self.answer: Callable[[int], Answer] = accepted
        self.pages: dict[str, Shown] = {}
        self.requests: list[tuple[str, str, float]] = []
        self.settings: dict[str, object] = dict(DEFAULTS)
        self.holds: dict[str, threading.Event] = {}
        self.part_go = threading.Event()
        self.part_go.set()
        self._trackers: dict[str, Tracker] = {}
        self._lock = threading.Lock()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                collector.serve(self)

            do_POST = do_GET

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def page(
        self,
        path: str,
        body: str = "",
        *,
        head: str = "",
        early: str = "",
        title: str = "Page",
        flags: int = COUNTED,
        id: str = "",
        tags: int = 1,
        tagged: bool = True,
        **settings: object,
    ) -> str:
        """Serve a page. `early` is markup before the tag, `id` what the tag carries, `settings` are the tracker's;
        returns the address."""
        name = f"t{len(self._trackers)}.js"
        self._trackers[name] = load_tracker({**self.settings, **settings})
        made = id or page_id(flags)
        part = f"{self.url}/_footfall/{self._trackers[name].part.name}#0" if self._trackers[name].has_part else ""
        tag = f'<script async src="/_footfall/{name}" data-page="{made}"></script>' * (tags if tagged else 0)
        self.pages[path] = Shown(made, DOCUMENT.format(title=title, tag=early + tag, head=head, body=body), part)
        return self.url + path

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        path = urlsplit(handler.path).path
        with self._lock:
            self.coming += path == COLLECTOR
        body = handler.rfile.read(int(handler.headers.get("content-length", 0)))
        with self._lock:
            self.requests.append((handler.command, path, time.monotonic()))
        if path in self.holds:
            self.holds[path].wait(HANG_SECONDS)
        if path == COLLECTOR:
            self._collect(handler, body)
        elif path.startswith("/_footfall/"):
            _send(handler, 200, self._script(path.rpartition("/")[2]), "text/javascript")
        elif path == END:
            _send(handler, 200, b"<!doctype html><title>End</title>", "text/html")
        elif path in self.pages:
            _send(handler, 200, self.pages[path].markup.encode(), "text/html; charset=utf-8")
        else:
            _send(handler, 200 if path == "/favicon.ico" else 404, b"", "image/x-icon")

    def _script(self, name: str) -> bytes:
        """One of ours; a part waits for `part_go`."""
        parts = {tracker.part.name: tracker.part.body for tracker in self._trackers.values()}
        if name in parts:
            self.part_go.wait(HANG_SECONDS)
            return parts[name]
        return self._trackers[name].page.body

    def _collect(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        with self._lock:
            self.coming -= 1
            number = len(self.messages)
            self.messages.append(
                Message(
                    json.loads(body),
                    len(body),
                    handler.headers.get("content-type", ""),
                    time.monotonic(),
                    handler.headers.get("cookie", ""),
                    body.decode(),
                )
            )
        answer = self.answer(number)
        if answer.wait is not None:
            answer.wait.wait(HANG_SECONDS)
        if answer.drops:
            handler.close_connection = True
            return
        with contextlib.suppress(OSError):
            _send(handler, answer.status, answer.body.encode(), "application/json")

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _send(handler: BaseHTTPRequestHandler, status: int, body: bytes, kind: str) -> None:
    handler.send_response(status)
    handler.send_header("Content-Type", kind)
    body = b"" if status == 204 else body
    if status != 204:
        handler.send_header("Content-Length", str(len(body)))
    handler.send_header("Cache-Control", "no-store")
    handler.end_headers()
    handler.wfile.write(body)


class Stage:
    """One person before pages of one collector, on a clock that stands still unless the test moves it."""

    def __init__(self, browser: Browser, collector: Collector, stack: contextlib.ExitStack) -> None:
        self._browser, self._stack = browser, stack
        self.collector = collector
        self.complaints: list[str] = []
        self.moving = False
        self._sent: list[str] = []
        self._failed: list[str] = []
        self._finished: list[str] = []
        self._still: list[BrowserContext] = []

    def person(self, *, moving: bool = False, **options: object) -> BrowserContext:
        """Somebody's browser. `moving`: on a real clock."""
        context = self._browser.new_context(**{"locale": "en-GB", **options})
        self._stack.callback(context.close)
        context.set_default_timeout(HANG_SECONDS * 1000)
        context.on("console", lambda said: self._complain(said.type, said.text, said.location["url"]))
        context.on("weberror", lambda error: self._complain("error", str(error.error), ""))
        context.on("request", self._send)
        context.on("requestfailed", self._fail)
        context.on("requestfinished", self._finish)
        self.moving = moving
        if not moving:
            context.clock.install(time=CLOCK_SECONDS)
            context.clock.pause_at(CLOCK_SECONDS + 60)
            self._still.append(context)
            context.on("close", lambda closed: self._still.remove(closed))
        return context

    def _complain(self, kind: str, text: str, url: str) -> None:
        """What is said at all, but the browser's own advice and its own line about a request that failed."""
        if kind not in ("verbose", "info") and not text.startswith("Failed to load resource:"):
            self.complaints.append(f"{kind}: {text}")

    def open(self, body: str = "", *, moving: bool = False, options: dict | None = None, **served: object) -> Page:
        """A page with this body, in front of somebody new, confirmed."""
        page = self.person(moving=moving, **(options or {})).new_page()
        self.show(page, self.collector.page("/one", body, **served))
        return page

    def show(self, page: Page, url: str) -> None:
        """Go to a page, until its showing is confirmed and it listens to its forms."""
        wanted = len(self.confirmations) + 1
        page.goto(url)
        assert poll(lambda: self.push(page) or len(self.confirmations), wanted) == wanted
        if self.collector.answer is accepted:
            self.answered(page)
        shown = self.collector.pages.get(urlsplit(url).path)
        if shown and shown.part and "data-track-form" in shown.markup and self.collector.part_go.is_set():
            self.listens(page)

    def listens(self, page: Page) -> None:
        """Until the part that a page loads is there."""
        address = self.collector.pages[urlsplit(page.url).path].part
        page.evaluate("address => import(address).then(() => 0)", address)

    def push(self, page: Page) -> None:
        """The tracker sends in a task of its own, for which a clock that stands still must be moved."""
        if not self.moving:
            page.clock.run_for(1)

    def _send(self, request: Request) -> None:
        if request.url.endswith(COLLECTOR):
            self._sent.append(request.post_data or "")

    def _fail(self, request: Request) -> None:
        if request.url.endswith(COLLECTOR):
            self._failed.append(request.post_data or "")

    def _finish(self, request: Request) -> None:
        if request.url.endswith(COLLECTOR):
            self._finished.append(request.post_data or "")

    @property
    def messages(self) -> list[Message]:
        """What came, in the order in which the browser sent it: what travels side by side may overtake.

        The browser does not tell of what a page sends while it goes; that comes after the page's others.
        """
        turns: dict[str, list[int]] = {}
        for turn, body in reversed(list(enumerate(self._sent))):
            turns.setdefault(body, []).append(turn)
        came = [
            (turns[message.raw].pop() if turns.get(message.raw) else None, message)
            for message in list(self.collector.messages)
        ]
        last: dict[object, int] = {}
        for turn, message in came:
            if turn is not None:
                last[message.page] = max(turn, last.get(message.page, turn))

        def rank(pair: tuple[int | None, Message]) -> tuple[float, int]:
            turn, message = pair
            if turn is not None:
                return turn, 0
            return last.get(message.page, len(self._sent)) + 0.5, message.part

        return [message for _, message in sorted(came, key=rank)]

    @property
    def confirmations(self) -> list[dict[str, object]]:
        return [message.body["confirm"] for message in self.messages if "confirm" in message.body]

    @property
    def events(self) -> list[dict[str, object]]:
        """Every event once, in the order in which they were sent."""
        seen: dict[object, dict[str, object]] = {}
        for message in self.messages:
            for event in message.events:
                seen.setdefault(event["id"], event)
        return list(seen.values())

    def lines(self, *, leaves: bool = False) -> list[str]:
        """What came, as lines, without the leaves unless asked."""
        return [self.line(event) for event in self.events if leaves or event["action"] != "page.leave"]

    def line(self, event: dict[str, object]) -> str:
        """action "name" and the other params by name."""
        params = dict(event["params"])
        subject = params.pop("name", params.pop("form", None))
        words = [str(event["action"])] + ([] if subject is None else [f'"{subject}"'])
        return " ".join(words + [f"{key}={self._shown(params[key])}" for key in sorted(params)])

    def _shown(self, value: object) -> str:
        return value.replace(self.collector.url, "") if isinstance(value, str) else json.dumps(value)

    def tells(self, *expected: str) -> None:
        """By now, or soon, exactly these."""
        assert poll(lambda: self._due() or self.lines(), list(expected)) == list(expected)

    def _due(self) -> None:
        """What is due now is done: an answer that comes while a clock stands still lets the next message go."""
        for context in self._still:
            context.clock.run_for(0)

    def leave(self, page: Page) -> None:
        """Walk away from a page, and wait for its last word."""
        if self.collector.answer is accepted:
            self.answered(page)
        before = self._leaves()
        page.goto(self.collector.url + END)
        poll(lambda: self._leaves() > before, True)
        assert self._leaves() > before
        # What was sent before it travels beside it, and may come later: message by message, since the browser does not
        # tell of the last ones. What it has told of is heard only while it is asked something.
        page.evaluate("0")
        poll(lambda: not self.travelling() and self.collector.coming == 0, True)
        # What is under way when its page goes "fails" to whoever watches the browser, and comes nevertheless.
        poll(lambda: not self._missing(), True, LATE_SECONDS)

    def travelling(self) -> Counter[str]:
        """What the browser told of that has neither come nor failed."""
        return self._missing() - Counter(self._failed)

    def answered(self, page: Page) -> None:
        """Wait until what a page has sent has its answers: it sends one thing after the other."""

        def waiting() -> Counter[str]:
            page.evaluate("0")  # what the browser tells of requests is heard meanwhile
            self._due()
            return Counter(self._sent) - Counter(self._finished) - Counter(self._failed)

        poll(waiting, Counter())

    def _missing(self) -> Counter[str]:
        came = Counter(one.raw for one in list(self.collector.messages))
        return Counter(body for body in self._sent if body) - came

    def _leaves(self) -> int:
        return sum(event["action"] == "page.leave" for event in self.events)

    def ends(self, page: Page, *expected: str) -> None:
        """The visitor leaves, and these came and nothing else; nothing was said on the console."""
        self.leave(page)
        assert self.lines() == list(expected)
        assert self.complaints == []


@contextlib.contextmanager
def collecting() -> Iterator[Collector]:
    collector = Collector()
    try:
        yield collector
    finally:
        collector.close()
