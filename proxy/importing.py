"""`footfall import`: the store's own export, from a file or standard input, into a store.

Law: a line is in the store or it is said why not. Whatever was committed stays, and importing the same again adds only
what is missing: so it may be stopped at any moment and begun again. Memory is bounded by a line and a batch.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import NamedTuple

from proxy.errors import StartError
from proxy.events.catalogue import Rejection
from proxy.events.kept import START, read_kept
from proxy.events.table import csv_cells, from_csv
from proxy.files import erased_of, open_writer
from proxy.lines import Line, Source, lines_of
from proxy.store.base import Kept, Result, Stored, StoreError, Writer
from proxy.tables import Config

LINE_MAX_BYTES = 128 * 1024
"""Several times what an event can be."""
BATCH_EVENTS = 500
"""In one transaction: others that write wait so long."""
PAUSE_MOST_SECONDS = 0.25
STDIN = Path("-")
_COLUMNS = frozenset(("id", "action", "time", "received", "uuid", "lane"))
"""Without which no line can be read."""
_BOM = b"\xef\xbb\xbf"

At = Callable[[str, int, int], None]
Complain = Callable[[int, str], None]


class Outcome(NamedTuple):
    """Lines by what became of them, and params that were left out since they are never kept."""

    stored: int
    known: int
    bad: int
    left_out: int


def in_words(done: Outcome) -> Iterator[str]:
    """What became of all lines."""
    yield f"{done.stored:,} events imported"
    if done.known:
        yield f"{done.known:,} were there already"
    if done.left_out:
        yield f"{done.left_out:,} params left out that are never kept"
    if done.bad:
        yield f"{done.bad:,} lines not taken"


def import_all(config: Config, file: Path, *, at: At, complain: Complain) -> Outcome:
    """Import a file, `STDIN` for standard input.

    Args:
        at: told (what is done, bytes read, bytes in all).
        complain: told (line, why it was not taken).

    Raises:
        StartError: the file is none of ours or cannot be read, or the store takes nothing; what it took is kept.
    """
    try:
        with ExitStack() as stack:
            source = sys.stdin.buffer if file == STDIN else stack.enter_context(file.open("rb"))
            size = 0 if file == STDIN else os.fstat(source.fileno()).st_size
            run = _Run(at, complain, size)
            lines = _lines(source)
            head = next(lines, None)
            read = _reader_of(head, file)
            writer = stack.enter_context(closing(open_writer(config, erased_of(config))))
            run.all(writer, lines if read.head else _before(head, lines), read)
    except StoreError as error:
        raise StartError(f"{error}; what was imported is kept, import the same again to go on") from error
    except OSError as error:
        raise StartError(f"{file}: {error.strerror}") from error
    return Outcome(run.stored, run.known, run.bad, run.left_out)


class _Reader:
    """What a line says: JSON, or CSV under `head`."""

    def __init__(self, head: list[str]) -> None:
        self.head = head

    def __call__(self, text: bytes) -> object:
        try:
            line = text.decode()
        except UnicodeDecodeError:
            raise ValueError("not UTF-8") from None
        try:
            return from_csv(self.head, line) if self.head else json.loads(line, parse_constant=_no_constant)
        except json.JSONDecodeError as error:
            raise ValueError(f"not JSON: {error.msg}") from error
        except RecursionError as error:
            raise ValueError("nested too deep") from error


class _Run:
    """An import under way, its counts so far."""

    def __init__(self, at: At, complain: Complain, size: int) -> None:
        self._at, self._complain, self._size = at, complain, size
        self._waiting: list[tuple[int, Kept]] = []
        self.stored = self.known = self.bad = self.left_out = 0

    def all(self, writer: Writer, lines: Iterator[Line], read: _Reader) -> None:
        self._at("importing", 0, self._size)
        for line in lines:
            self._take(line, read)
            # A session.start is in one batch with the page that comes after it (store/base.py, `Kept`).
            if len(self._waiting) >= BATCH_EVENTS and self._waiting[-1][1].event.action != START:
                self._write(writer)
                self._at("importing", line.read, self._size)
        if self._waiting:
            self._write(writer)

    def _take(self, line: Line, read: _Reader) -> None:
        if line.text is None:
            return self._refuse(line.number, f"longer than {LINE_MAX_BYTES:,} bytes")
        if not line.text.strip():
            return None
        try:
            event, left_out = read_kept(read(line.text.rstrip(b"\r\n")))
        except (ValueError, Rejection) as wrong:
            return self._refuse(line.number, str(wrong))
        self.left_out += left_out
        self._waiting.append((line.number, Kept(event)))
        return None

    def _write(self, writer: Writer) -> None:
        begun = time.monotonic()
        results = writer.append([item for _, item in self._waiting])
        for (number, _), result in zip(self._waiting, results, strict=True):
            self._count(number, result)
        self._waiting = []
        time.sleep(min(time.monotonic() - begun, PAUSE_MOST_SECONDS))  # others write too

    def _count(self, number: int, result: Result) -> None:
        if not isinstance(result, Stored):
            self._refuse(number, "could not be stored")
        elif result.reason:
            self._refuse(number, result.reason)
        elif result.is_new:
            self.stored += 1
        else:
            self.known += 1

    def _refuse(self, number: int, why: str) -> None:
        self.bad += 1
        self._complain(number, why)


def _lines(source: Source) -> Iterator[Line]:
    for line in lines_of(source, LINE_MAX_BYTES):
        yield line._replace(text=line.text.removeprefix(_BOM)) if line.number == 1 and line.text else line


def _reader_of(first: Line | None, file: Path) -> _Reader:
    """How the lines are to be read, from the first one: an object, or the names of the columns."""
    text = b"{}" if first is None else first.text or b""
    if text.lstrip()[:1] == b"{":
        return _Reader([])
    try:
        head = csv_cells(text.decode().rstrip("\r\n"))
    except ValueError:
        head = []
    if not set(head) >= _COLUMNS or len(set(head)) != len(head):
        raise StartError(f"{file}: not an export of footfall: neither JSON lines nor CSV with its columns")
    return _Reader(head)


def _before(first: Line | None, lines: Iterator[Line]) -> Iterator[Line]:
    if first is not None:
        yield first
    yield from lines


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")
