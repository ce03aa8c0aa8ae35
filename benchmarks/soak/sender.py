"""`python -m benchmarks.soak.sender`: the well-behaved visitors, in a process of their own.

Told on standard input, as JSON in one line, where (`port`, `folder`, `seed`); says `ready`. Then, again and again:
`saturate SECONDS` asks as fast as it is answered and says requests a second; `send RATE SECONDS` asks that often,
however fast the answers come, and says what became of it, as JSON. The ids of all pages that were answered whole, and
of all events that were taken, are in the folder's PAGES and EVENTS_TOLD, 16 bytes each.
"""

import asyncio
import http.client
import json
import sys
import time
from array import array
from base64 import urlsafe_b64decode
from collections import Counter, deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.beacons import PAGE
from benchmarks.load import ARRIVING, CONNECTIONS, LoadError, Request, first_visits
from benchmarks.servers import IMAGE, SIZES, SMALL
from benchmarks.soak.browser import Answer, Browser, source
from benchmarks.soak.mix import BEACON, EVENTS, PICTURE, UPLOAD, Kind, Requests, Visitor
from benchmarks.soak.site import TAKEN

VISITORS = 256
"""Returning ones: enough that none of them sends more events than a person can make."""
REQUESTS_OF_CONNECTION = 500
"""Then it is closed, and opened anew."""
TICK_SECONDS = 0.001
"""Requests that are due are asked at most that late: the event loop's timers know whole milliseconds, and one that is
shorter than that keeps a core busy with waiting."""
LAST_SECONDS = 30.0
"""For the answers that are due when everything was asked."""
PAGES, EVENTS_TOLD = "pages.ids", "events.ids"
END_OF_PAGE = b"</html>\n"
QUANTILES = (0.5, 0.9, 0.99)


class Sender:
    """CONNECTIONS connections, what waits for one, and what has become of it so far. Use `connect` before all else."""

    def __init__(self, port: int, requests: Requests, pages: Any, events: Any) -> None:
        self._port, self._requests = port, requests
        self._pages, self._events = pages, events
        self._idle: list[Browser] = []
        self._busy: dict[Browser, tuple[Kind, Visitor | None, list[bytes], float]] = {}
        self._waiting: deque[float] = deque()
        self._connecting: set[asyncio.Task[None]] = set()
        self._is_open = True
        self._asks_on = False
        self._forget()

    def _forget(self) -> None:
        self.asked: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.wrong: Counter[str] = Counter()
        self.longest_queue = 0
        self._seconds = array("f")

    async def connect(self) -> None:
        await asyncio.gather(*(self._open(number) for number in range(CONNECTIONS)))

    async def _open(self, number: int) -> None:
        loop = asyncio.get_running_loop()
        lost: Callable[[Browser], None] = lambda browser: self._lost(browser, number)  # noqa: E731
        try:
            made = await loop.create_connection(
                lambda: Browser(self._take, lost), "127.0.0.1", self._port, local_addr=source(number)
            )
        except OSError as wrong:
            self.wrong[f"cannot connect: {wrong.strerror}"] += 1
            await asyncio.sleep(0.1)
            await self._open(number)
            return
        self._ready(made[1])

    def _lost(self, browser: Browser, number: int) -> None:
        busy = self._busy.pop(browser, None)
        if busy is not None:
            self.wrong[f"{busy[0].title}: the connection was closed before its answer"] += 1
        elif browser in self._idle:
            self._idle.remove(browser)
            self.wrong["an idle connection was closed"] += self._is_open
        if self._is_open:
            task = asyncio.get_running_loop().create_task(self._open(number))
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)

    # Asking

    async def saturate(self, seconds: float) -> float:
        """Answers a second, where every connection asks again as soon as it is answered."""
        self._asks_on = True
        begun = time.perf_counter()
        for browser in self._idle[:]:
            self._idle.remove(browser)
            self._ask(browser, time.perf_counter())
        await asyncio.sleep(seconds)
        took, found = time.perf_counter() - begun, self.answered.total()
        self._asks_on = False
        await self._settle()
        return found / took

    async def send(self, rate: float, seconds: float) -> dict[str, Any]:
        """An answer's time begins when its request was due, not when it could be asked."""
        self._forget()
        begun, number, most = time.perf_counter(), 0, int(rate * seconds)
        while number < most:
            now = time.perf_counter()
            while number < most and (due := begun + number / rate) <= now:
                self._waiting.append(due)
                number += 1
            self._dispatch()
            self.longest_queue = max(self.longest_queue, len(self._waiting))
            await asyncio.sleep(max(TICK_SECONDS, begun + number / rate - time.perf_counter()))
        asking = time.perf_counter() - begun
        await self._settle()
        return self._told(asking)

    async def _settle(self) -> None:
        deadline = time.perf_counter() + LAST_SECONDS
        while (self._busy or self._waiting) and time.perf_counter() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    def _dispatch(self) -> None:
        while self._waiting and self._idle:
            self._ask(self._idle.pop(), self._waiting.popleft())

    def _ask(self, browser: Browser, since: float) -> None:
        kind, visitor, request, events = self._requests.next()
        self._busy[browser] = kind, visitor, events, since
        self.asked[kind.name] += 1
        browser.ask(request)

    # Answers

    def _take(self, browser: Browser, answer: Answer) -> None:
        busy = self._busy.pop(browser, None)
        if busy is None:
            self.wrong["an answer to nothing"] += 1
            return
        kind, visitor, events, since = busy
        fault = self._judge(kind, visitor, answer)
        if fault:
            self.wrong[f"{kind.title}: {answer.status}, {fault}"] += 1
        else:
            self.answered[kind.name] += 1
            self._events.write(b"".join(events))
            if kind.is_page:
                self._seconds.append(time.perf_counter() - since)
        if browser.asked >= REQUESTS_OF_CONNECTION:
            browser.close()
        else:
            self._ready(browser)

    def _judge(self, kind: Kind, visitor: Visitor | None, answer: Answer) -> str:
        """What is wrong with it, nothing where it is as it should be."""
        body = answer.body
        if answer.status != kind.status:
            return bytes(body[:100]).decode("latin-1").replace("\n", " ")
        if kind.is_page:
            tag = PAGE.search(body, 0, 2_000)
            if tag is None:
                return "without a tag"
            if not body.endswith(END_OF_PAGE):
                return "without its end"
            page = tag[1].decode()
            if visitor is not None:
                visitor.page = page
            self._pages.write(_visit(page))
        elif kind is BEACON and b'"accepted":%d,' % EVENTS not in body:
            return bytes(body[:100]).decode("latin-1")
        elif (kind is PICTURE and len(body) != SIZES[IMAGE]) or (kind is UPLOAD and body != TAKEN):
            return f"{len(body)} bytes"
        return ""

    def _ready(self, browser: Browser) -> None:
        if self._asks_on:
            self._ask(browser, time.perf_counter())
        elif self._waiting:
            self._ask(browser, self._waiting.popleft())
        else:
            self._idle.append(browser)

    def _told(self, asking: float) -> dict[str, Any]:
        seconds = sorted(self._seconds)
        quantiles = [1_000 * seconds[int(len(seconds) * one)] for one in QUANTILES] if seconds else []
        return {
            "asked": dict(self.asked),
            "answered": dict(self.answered),
            "wrong": dict(self.wrong),
            "seconds": asking,
            "longest_queue": self.longest_queue,
            "unanswered": len(self._busy) + len(self._waiting),
            "page_ms": quantiles,
            "longest_ms": 1_000 * seconds[-1] if seconds else 0.0,
        }

    async def close(self) -> None:
        self._is_open = False
        for browser in (*self._idle, *self._busy):
            browser.close()
        await asyncio.gather(*self._connecting, return_exceptions=True)
        await asyncio.sleep(0.1)


def _visit(page: str) -> bytes:
    """The id of a page's visit, from what its tag carries."""
    return urlsafe_b64decode(page + "=")[1:17]


def _arrive(port: int, pages: Any) -> tuple[list[Visitor], str]:
    """Everybody who will return was here once; and the image's ETag."""
    visitors = []
    for answer in first_visits(port, Request(SMALL, ARRIVING), VISITORS):
        tag = PAGE.search(answer.body)
        if tag is None:
            raise LoadError("a page without a tag")
        visitors.append(Visitor(answer.cookie, tag[1].decode()))
        pages.write(_visit(tag[1].decode()))
    return visitors, _etag(port)


def _etag(port: int) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LAST_SECONDS)
    try:
        connection.request("GET", IMAGE)
        answer = connection.getresponse()
        answer.read()
        return answer.getheader("etag") or ""
    finally:
        connection.close()


async def _obey(told: dict[str, Any], pages: Any, events: Any) -> None:
    visitors, etag = _arrive(told["port"], pages)
    sender = Sender(told["port"], Requests(told["port"], etag, visitors, told["seed"]), pages, events)
    await sender.connect()
    print("ready", flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        word, *numbers = line.split()
        if word == "saturate":
            print(await sender.saturate(float(numbers[0])), flush=True)
        elif word == "send":
            said = await sender.send(float(numbers[0]), float(numbers[1]))
            pages.flush()
            events.flush()
            print(json.dumps(said), flush=True)
        else:
            break
    await sender.close()


def main() -> int:
    told = json.loads(sys.stdin.readline())
    folder = Path(told["folder"])
    try:
        with (folder / PAGES).open("wb") as pages, (folder / EVENTS_TOLD).open("wb") as events:
            uvloop.run(_obey(told, pages, events))
    except (LoadError, OSError) as wrong:
        print(" ".join(str(wrong).split()) or type(wrong).__name__, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
