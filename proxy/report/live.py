"""The live feed: one poller for all who watch, and nobody polls while nobody watches.

Law: a thread of its own asks the store every `POLL_SECONDS` whether somebody wrote (PRAGMA data_version: microseconds),
and only then for new rows and for lines that may have turned since (an unproven visit becomes a person's and gets its
title). A line is told to each watcher once; of lines that are too many for a message, their number. Everything is
bounded: watchers, what waits for each, what one catches up on. Who does not keep up is let go; the browser comes back
with how far it has been told, and of which store: who was told of another one is told to begin anew.
"""

import asyncio
import json
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from proxy.report.asked import Position
from proxy.report.numbers import count
from proxy.report.people import line_of
from proxy.report.poll import COUNTED, LOOK_SECONDS, News, Poll
from proxy.store.base import StoreError
from proxy.store.questions import Late, ReportReader, Told

POLL_SECONDS = 0.02
WATCHERS = 20
WAITING = 100
"""Messages that may wait for one watcher: two seconds of polls."""
WAITING_BYTES = 2 * 1024 * 1024
"""Bytes of them. The largest message, 400 lines of the longest texts, has less than one MiB."""

log = logging.getLogger("footfall.report")

Line = dict[str, Any]
Shown = Callable[[Line, bool], Line]
"""(event, whether there are pages of several hosts) -> what its line shows."""


class Watcher:
    """Somebody who watches: what waits to be sent. Used in the event loop alone."""

    __slots__ = ("_bytes", "_messages", "_wake", "ended", "is_told", "position")

    def __init__(self, position: Position) -> None:
        self.position = position
        self.ended = False
        self.is_told = False
        self._messages: deque[bytes] = deque()
        self._bytes = 0
        self._wake = asyncio.Event()

    def put(self, message: bytes) -> bool:
        """False where too much waits already: this watcher is too slow, and ended."""
        if len(self._messages) >= WAITING or self._bytes + len(message) > WAITING_BYTES:
            self.end()
            self._clear()
        if not self.ended:
            self.is_told = True
            self._messages.append(message)
            self._bytes += len(message)
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
        self._clear()
        return waiting

    def _clear(self) -> None:
        self._messages.clear()
        self._bytes = 0


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

    def join(self, position: Position) -> Watcher | None:
        """A watcher that is told of everything after `position`; None where there are too many already."""
        watcher = Watcher(position)
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
        trouble, position = "", None
        try:
            while self._is_watched():
                wait = POLL_SECONDS
                try:
                    poll = poll or self._begin(position)
                    if poll.is_gone():
                        position = poll.position
                        poll.close()
                        poll = None
                        continue
                    self._step(poll)
                    if trouble:
                        trouble = ""
                        self._send(self._caught_up(), self._message(poll, News((), (), 0), several_hosts=False))
                except (StoreError, Late) as wrong:
                    if poll is not None:
                        position = poll.position
                        poll.close()
                    poll, wait = None, LOOK_SECONDS
                    watchers = self._new() if trouble == str(wrong) else self._all()
                    trouble = str(wrong)
                    self._send(watchers, message_of("trouble", {"message": trouble}))
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

    def _begin(self, position: Position | None) -> Poll:
        """Opens the store to go on; where it is another one than was told of, its watchers are told to begin anew."""
        reader = self._open_reader()
        try:
            poll = Poll(reader, position)
        except BaseException:
            reader.close()
            raise
        if poll.is_other:
            self._send(self._caught_up(), message_of("reset", {}))
        return poll

    def _step(self, poll: Poll) -> None:
        with self._lock:
            joining, self._joining = self._joining, []
        try:
            if not joining and not poll.has_changed():
                return
            with poll.reader.moment():
                news = poll.news()
                missed = [
                    (watcher, poll.missed(watcher.position.seq) if poll.is_of_this(watcher.position) else None)
                    for watcher in joining
                ]
                several = poll.reader.has_several_hosts()
        except (StoreError, Late):
            with self._lock:
                self._joining = [*joining, *self._joining]
            raise
        if news.lines or news.turned:
            self._send(self._caught_up(but=joining), self._message(poll, news, several_hosts=several))
        for watcher, own in missed:
            message = message_of("reset", {}) if own is None else self._message(poll, own, several_hosts=several)
            self._send([watcher], message)

    def _message(self, poll: Poll, news: News, *, several_hosts: bool) -> bytes:
        told = b""
        if news.skipped:
            skipped = {"n": news.skipped, "seq": news.lines[0].event.seq, "text": skipped_text(news.skipped)}
            told = message_of("skipped", skipped)
        data = {
            "now": self._clock_ms(),
            "lines": [*self._readable(news.lines, several_hosts)],
            "turned": [*self._readable(news.turned, several_hosts)],
        }
        return told + message_of("lines", data, poll.position)

    def _readable(self, lines: Sequence[Told], several_hosts: bool) -> Iterator[dict[str, Any]]:
        """The lines as they are shown. One that cannot be (a fault of ours) is left out: the feed goes on."""
        for line in lines:
            try:
                yield self._shown(line_of(line), several_hosts)
            except Exception:
                log.exception("an event cannot be shown on the live page")

    def _all(self) -> list[Watcher]:
        with self._lock:
            return list(self._watchers)

    def _new(self) -> list[Watcher]:
        """Those who have been told nothing yet."""
        with self._lock:
            return [one for one in self._joining if not one.is_told]

    def _caught_up(self, but: Sequence[Watcher] = ()) -> list[Watcher]:
        """All but those who are still to be told what they have missed: what is news is among it."""
        with self._lock:
            return [one for one in self._watchers if one not in but and one not in self._joining]

    def _send(self, watchers: Sequence[Watcher], message: bytes) -> None:
        with self._lock:
            loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._deliver, watchers, message)


def skipped_text(number: int) -> str:
    """What is said of lines that are left out."""
    return f"and more than {count(COUNTED)} more" if number > COUNTED else f"and {count(number)} more"


def message_of(kind: str, data: object, position: Position | None = None) -> bytes:
    """One server-sent event (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""
    number = f"id: {position.text()}\n" if position is not None else ""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)  # half the bytes of escapes, or a third
    return f"{number}event: {kind}\ndata: {text}\n\n".encode("utf-8", "replace")
