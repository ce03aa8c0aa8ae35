"""The live feed: one poller for all who watch, and nobody polls while nobody watches.

Law: a thread of its own asks the store every `POLL_SECONDS` whether somebody wrote (PRAGMA data_version: microseconds),
and only then for new rows and for lines that may have turned since (an unproven visit becomes a person's and gets its
title). Everything is bounded: watchers, what waits for each, what one catches up on. Who does not keep up is let go;
the browser comes back with the last seq that it has seen.
"""

import asyncio
import json
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from proxy.report.people import line_of
from proxy.report.poll import LOOK_SECONDS, Poll
from proxy.store.base import StoreError
from proxy.store.questions import Late, ReportReader, Told

POLL_SECONDS = 0.02
WATCHERS = 20
WAITING = 100
"""Messages that may wait for one watcher: two seconds of polls."""

log = logging.getLogger("footfall.report")

Line = dict[str, Any]
Shown = Callable[[Line], Line]


class Watcher:
    """Somebody who watches: what waits to be sent. Used in the event loop alone."""

    __slots__ = ("_messages", "_wake", "after", "ended")

    def __init__(self, after: int) -> None:
        self.after = after
        self.ended = False
        self._messages: deque[bytes] = deque()
        self._wake = asyncio.Event()

    def put(self, message: bytes) -> bool:
        """False where too much waits already: this watcher is too slow, and ended."""
        if len(self._messages) >= WAITING:
            self.end()
        if not self.ended:
            self._messages.append(message)
            self._wake.set()
        return not self.ended

    def end(self) -> None:
        self.ended = True
        self._wake.set()

    async def take(self, seconds: float) -> bytes:
        """What waits, in one piece; b'' where nothing came in time, or it has ended."""
        if not self._messages and not self.ended:
            try:
                await asyncio.wait_for(self._wake.wait(), seconds)
            except TimeoutError:
                return b""
        self._wake.clear()
        waiting = b"".join(self._messages)
        self._messages.clear()
        return waiting


class Feed:
    """Who watches, and the poller. `shown` makes what a line shows."""

    def __init__(self, open_reader: Callable[[], ReportReader], shown: Shown, clock_ms: Callable[[], int]) -> None:
        self._open_reader = open_reader
        self._shown = shown
        self._clock_ms = clock_ms
        self._lock = threading.Lock()
        self._pause = threading.Event()  # never set while somebody watches: a wait that can be cut short
        self._watchers: set[Watcher] = set()
        self._joining: list[Watcher] = []
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def __repr__(self) -> str:
        return f"<Feed watchers={self.watchers} {'polling' if self._thread else 'idle'}>"

    @property
    def watchers(self) -> int:
        """How many watch."""
        with self._lock:
            return len(self._watchers)

    # In the event loop -----------------------------------------------------------------------------------------

    def join(self, after: int) -> Watcher | None:
        """A watcher that is told of everything after the seq `after`; None where there are too many already."""
        watcher = Watcher(after)
        with self._lock:
            if len(self._watchers) >= WATCHERS or self._pause.is_set():
                return None
            self._loop = asyncio.get_running_loop()
            self._watchers.add(watcher)
            self._joining.append(watcher)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="live feed", daemon=True)
                self._thread.start()
        return watcher

    def leave(self, watcher: Watcher) -> None:
        with self._lock:
            self._watchers.discard(watcher)

    def stop(self) -> None:
        """End all streams, and take no more: the process is about to end."""
        self._pause.set()
        self._let_go()

    def _let_go(self) -> None:
        with self._lock:
            watchers, loop = list(self._watchers), self._loop
            self._watchers.clear()
        for watcher in watchers:
            if loop is not None and not loop.is_closed():
                loop.call_soon_threadsafe(watcher.end)

    def _deliver(self, watchers: Sequence[Watcher], message: bytes) -> None:
        for watcher in watchers:
            if not watcher.put(message):
                self.leave(watcher)

    # In the poller's thread ------------------------------------------------------------------------------------

    def _run(self) -> None:
        poll: Poll | None = None
        told, last = "", -1
        try:
            while self._is_watched():
                wait = POLL_SECONDS
                try:
                    poll = poll or Poll(self._open_reader(), last)
                    if poll.is_replaced():
                        poll.close()
                        poll, last = None, -1
                        self._send(None, message_of("reset", {}))
                        continue
                    self._step(poll)
                    told = ""
                except (StoreError, Late) as wrong:
                    if poll is not None:
                        last = poll.last
                        poll.close()
                    poll, wait = None, LOOK_SECONDS
                    if told != str(wrong):
                        told = str(wrong)
                        self._send(None, message_of("trouble", {"message": told}))
                self._pause.wait(wait)
        except Exception:
            log.exception("the live feed failed")
            with self._lock:
                self._thread = None
            self._let_go()  # their browsers come back
        finally:
            if poll is not None:
                poll.close()

    def _is_watched(self) -> bool:
        with self._lock:
            if self._watchers and not self._pause.is_set():
                return True
            self._thread = None
            self._joining.clear()
            return False

    def _step(self, poll: Poll) -> None:
        with self._lock:
            joining, self._joining = self._joining, []
        try:
            if not joining and not poll.has_changed():
                return
            with poll.reader.moment():
                lines, turned = poll.news()
                caught_up = [(watcher, poll.missed(watcher.after)) for watcher in joining]
        except (StoreError, Late):
            with self._lock:
                self._joining = [*joining, *self._joining]
            raise
        if lines or turned:
            self._send(None, self._message(poll, lines, turned), but=joining)
        for watcher, (old, new) in caught_up:
            self._send([watcher], self._message(poll, new, old))

    def _message(self, poll: Poll, lines: Sequence[Told], turned: Sequence[Told]) -> bytes:
        data = {
            "now": self._clock_ms(),
            "lines": [*self._readable(lines)],
            "turned": [*self._readable(turned)],
        }
        return message_of("lines", data, poll.last)

    def _readable(self, lines: Sequence[Told]) -> Iterator[dict[str, Any]]:
        """The lines as they are shown. One that cannot be (a fault of ours) is left out: the feed goes on."""
        for line in lines:
            try:
                yield self._shown(line_of(line))
            except Exception:
                log.exception("an event cannot be shown on the live page")

    def _send(self, watchers: Sequence[Watcher] | None, message: bytes, but: Sequence[Watcher] = ()) -> None:
        with self._lock:
            loop = self._loop
            watchers = [one for one in self._watchers if one not in but] if watchers is None else watchers
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._deliver, watchers, message)


def message_of(kind: str, data: object, seq: int | None = None) -> bytes:
    """One server-sent event (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""
    text = json.dumps(data, separators=(",", ":"))
    return (f"id: {seq}\n" if seq is not None else "").encode() + f"event: {kind}\ndata: {text}\n\n".encode()
