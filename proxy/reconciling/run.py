"""Reads a log beside the store: the shell of `footfall reconcile`.

Law: the log is read once, line by line, and the store in short questions about the minutes that the log is at; memory
is bounded by what a minute or two of both have. Nothing is written.
"""

import contextlib
import gzip
import io
import os
import sys
import zlib
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, cast

from proxy.bounded import Bounded
from proxy.errors import StartError
from proxy.events.privacy import URI_MAX_CHARS
from proxy.intake.visits import Cleaner
from proxy.lines import Line, Source, lines_of
from proxy.page.eligibility import Outcome
from proxy.page.paths import Globs
from proxy.reconciling.judging import Judge, Side
from proxy.reconciling.log import FUTURE_MS, LINE_MAX_BYTES, Malformed, Request, read_line
from proxy.reconciling.matching import LATE_MS, SECOND_MS, Asked, Matcher, Viewed
from proxy.reconciling.reckoning import Reckoning, reckon
from proxy.reconciling.tally import DAY_MS, Tally
from proxy.store.base import StoreError
from proxy.store.questions import Late, ViewRow
from proxy.store.sqlite.questions import SqliteQuestions
from proxy.tables import Config
from proxy.visitors.lanes import BOT

STDIN = Path("-")
GZIP_MAGIC = b"\x1f\x8b"
STEP_MS = 60_000
"""Of the store's time, read at once."""
NEVER_MS = 2**62
PAGES_KNOWN = 50_000
"""Paths remembered as a page's."""
TOLD_EVERY_LINES = 5_000

At = Callable[[str, int, int], None]


class Options(NamedTuple):
    """`side`: whose log it is; `hosts`: which of ours it is of, none for all; `skip`: paths (globs) that do not come
    through footfall; `whole_days`: it has all of each day that it touches; `window_ms`: how far its times and ours may
    be apart; `shown`: how many lines of a kind are to be shown."""

    side: Side = "front"
    hosts: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    whole_days: bool = False
    window_ms: int = 5_000
    shown: int = 20


@dataclass(slots=True)
class _Place:
    """A line as what a page view's address is made of (intake/visits.py, `Request`)."""

    raw_path: bytes
    query: bytes
    method: str = "GET"
    scheme: str = "http"
    host: str = "-"
    fields: dict[bytes, bytes] = field(default_factory=dict)


class _Pending(NamedTuple):
    number: int
    text: bytes
    line: Request


def reconcile(config: Config, file: Path, options: Options, *, now_ms: int, at: At) -> Reckoning:
    """Set a log against the store.

    Args:
        file: the log, plain or gzip; `STDIN` for standard input.
        now_ms: UTC ms.
        at: told (what is done, bytes read, bytes in all).

    Raises:
        StartError: the log or the store cannot be read.
    """
    if not config.store_path.exists():
        raise StartError(f"{config.store_path}: no such file; nothing has been recorded there yet")
    try:
        with contextlib.ExitStack() as stack:
            opened = sys.stdin.buffer if file == STDIN else stack.enter_context(file.open("rb"))
            raw = cast(io.BufferedReader, opened)
            size = 0 if file == STDIN else os.fstat(raw.fileno()).st_size
            reader = stack.enter_context(contextlib.closing(SqliteQuestions(config.store_path)))
            run = _Run(config, reader, options, now_ms)
            for line in _told(lines_of(_plain(raw), LINE_MAX_BYTES), raw, size, at):
                run.take(line)
            return run.end()
    except (StoreError, Late) as error:
        raise StartError(f"the store took too long: {error}" if isinstance(error, Late) else str(error)) from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise StartError(f"{file}: the compressed log is cut off or damaged") from error
    except OSError as error:
        raise StartError(f"{file}: {error.strerror}") from error


def _plain(raw: io.BufferedReader) -> Source:
    """The log's own bytes."""
    return cast(Source, gzip.GzipFile(fileobj=raw)) if raw.peek(2)[:2] == GZIP_MAGIC else raw


def _told(lines: Iterator[Line], raw: io.BufferedReader, size: int, at: At) -> Iterator[Line]:
    at("reading the log", 0, size)
    for line in lines:
        if line.number % TOLD_EVERY_LINES == 0:
            at("reading the log", raw.tell() if size else 0, size)
        yield line


class _Run:
    """A log under way."""

    def __init__(self, config: Config, reader: SqliteQuestions, options: Options, now_ms: int) -> None:
        self._reader = reader
        self._options = options
        self._latest = now_ms + FUTURE_MS
        self._records = config.tracking.visits
        prefix = config.site.prefix.encode("ascii")
        self._judge = Judge(options.side, prefix, Globs(config.tracking.exclude), Globs(options.skip))
        self._cleaner = Cleaner()
        self._tally = Tally(options.shown, options.window_ms)
        self._matcher = Matcher(options.window_ms, self._settled, self._missed)
        self._pages: Bounded[str, None] = Bounded(PAGES_KNOWN)
        self._slot_ms, self._slots = reader.known()
        self._read_until: int | None = None
        self._undecided: deque[Viewed | tuple[int, str]] = deque()

    def take(self, line: Line) -> None:
        """The next line."""
        tally = self._tally
        text = b"" if line.text is None else line.text.rstrip(b"\r\n")
        if line.text is not None and not text:
            return
        tally.lines += 1
        try:
            if line.text is None:
                raise Malformed(f"longer than {LINE_MAX_BYTES:,} bytes")
            request = read_line(text)
            if not 0 <= request.time < self._latest:
                raise Malformed("its time is in the future, or before 1970")
        except Malformed as wrong:
            tally.bad(line.number, text, str(wrong))
            return
        if request.time < tally.last - LATE_MS:
            tally.old(line.number, text)
            return
        tally.timed(request.time)
        self._compare(_Pending(line.number, text, request))

    def end(self) -> Reckoning:
        """There are no more lines."""
        tally, options = self._tally, self._options
        if tally.first is not None:
            self._read(tally.last + options.window_ms + SECOND_MS)
            self._matcher.end()
            # Of the first and the last seconds some lines may be elsewhere, unless it is said that they are all here.
            end = tally.last + options.window_ms + SECOND_MS
            self._decide(end if options.whole_days else tally.last - options.window_ms)
        first, last = (tally.first or 0) // DAY_MS, tally.last // DAY_MS
        counted = self._reader.outcomes_of_hosts(first, last)
        return reckon(
            tally,
            counted,
            side=options.side,
            hosts=options.hosts,
            whole_days=options.whole_days,
            records=self._records,
        )

    def _compare(self, pending: _Pending) -> None:
        line = pending.line
        verdict = self._judge.judge(line)
        if not verdict.page or not self._records:
            self._tally.open(line.time, verdict, pending.number, pending.text)
            return
        self._read(line.time + self._options.window_ms + SECOND_MS)
        clean = self._cleaner.page(_Place(line.path, line.query))
        address = clean.uri.removeprefix("http://-")
        is_post = line.method == "POST"
        self._matcher.line(Asked(line.time, clean.path, address, line.status, is_post, verdict.page, pending))

    def _read(self, until: int) -> None:
        """Page views until a time are known, and no more of them than need be."""
        tally = self._tally
        if self._read_until is None:
            self._read_until = tally.last - self._options.window_ms - LATE_MS
        while (begin := self._next(self._read_until)) < until:
            self._read_until = begin + STEP_MS
            for view in self._reader.views(begin, self._read_until):
                self._view(view)
            self._matcher.passed(min(tally.last, self._read_until))
            self._decide(min(tally.last, self._read_until) - LATE_MS)
        self._matcher.passed(tally.last)

    def _next(self, time: int) -> int:
        """When the next events are, at the earliest: a night without any is not asked about minute by minute."""
        at = bisect_right(self._slots, time)
        if at and time < self._slots[at - 1] + self._slot_ms:
            return time
        return self._slots[at] if at < len(self._slots) else NEVER_MS

    def _view(self, view: ViewRow) -> None:
        if self._options.hosts and view.host not in self._options.hosts:
            return
        if view.how in ("served", "healed"):
            self._pages.put(view.path, None)
            address = view.uri.partition("://")[2].removeprefix(view.host)
            outcome = Outcome.BOT if view.lane == BOT else Outcome.VISIT
            took, may_differ = view.took_ms or 0, view.is_confirmed or len(view.uri) >= URI_MAX_CHARS
            seen = Viewed(view.time, view.path, address, view.status, view.is_post, outcome, took, may_differ)
            self._matcher.view(seen)
        else:
            self._undecided.append((view.time, view.how))

    def _settled(self, asked: Asked, view: Viewed | None) -> None:
        pending = cast(_Pending, asked.key)
        if view is not None:
            self._tally.match(asked.time, asked.outcome)
            return
        verdict = self._judge.judge(pending.line, is_known_page=asked.path in self._pages)
        self._tally.open(asked.time, verdict, pending.number, pending.text)

    def _missed(self, view: Viewed) -> None:
        self._undecided.append(view)

    def _decide(self, until: int) -> None:
        """What of ours lies within the log's time, now that the log is later than `until`."""
        first, kept = self._tally.first or 0, deque[Viewed | tuple[int, str]]()
        begin = first // DAY_MS * DAY_MS if self._options.whole_days else first + self._options.window_ms
        for one in self._undecided:
            time = one.time if isinstance(one, Viewed) else one[0]
            if time > (until if isinstance(one, Viewed) else self._tally.last + SECOND_MS):
                kept.append(one)
            elif not isinstance(one, Viewed):
                self._tally.added[one[1]] += 1 if time >= first else 0
            elif time >= begin and one.status is not None:  # else it is dated at a browser's message, not the request
                self._tally.miss(one)
        self._undecided = kept
