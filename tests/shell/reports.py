"""The real report on a real socket, over a store that the real writer wrote."""

import contextlib
import csv
import io
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote
from zoneinfo import ZoneInfo

from bs4 import BeautifulSoup
from wire import Answer, Served, Wire, serving

from proxy.events.catalogue import Catalogue
from proxy.events.shipped import SHIPPED
from proxy.report.app import Report, make_report
from proxy.report.keeping import FORGET_SECONDS, Keeper
from proxy.reportkeeper import ReportKeeper
from proxy.store.base import Item
from proxy.store.sqlite.questions import SqliteQuestions
from proxy.store.sqlite.writer import SqliteWriter
from proxy.tables import Config, Store
from proxy.visitors.erased import erasure_keys
from proxy.visitors.sessions import Rules
from proxy.vocabulary import as_plain

sys.path.append(str(Path(__file__).parents[1] / "unit"))

from stories import MINUTE, T, app, confirm, does, page, sends, tells, visit

__all__ = ["MINUTE", "Site", "T", "app", "confirm", "does", "page", "report", "sends", "tells", "visit"]

TOKEN = "a-token-of-the-report"
SECRET = b"a secret of thirty-two bytes...."
"""Of the signing key."""


@dataclass
class Site:
    """The report, and the store that it shows; `now` is its clock, ms after T."""

    served: Served
    app: Report
    store: Path
    clock: list[int] = field(default_factory=list)
    cookie: bytes = b""

    def ask(self, request: bytes, method: str = "GET") -> Answer:
        return self.served.ask(request, method)

    def get(self, target: str, fields: bytes = b"", *, host: str = "localhost", signed_in: bool = True) -> Answer:
        """A page, as somebody who is signed in sees it."""
        if signed_in:
            fields += b"Authorization: Bearer " + TOKEN.encode() + b"\r\n"
        line = f"GET {target} HTTP/1.1\r\nHost: {host}:{self.served.port}\r\n".encode("latin-1")
        return self.ask(line + fields + b"\r\n")

    def json(self, target: str) -> dict[str, object]:
        answer = self.get(target)
        assert answer.status == 200, (target, answer.status, answer.body)
        return json.loads(answer.body)

    def sheet(self, target: str) -> list[dict[str, str]]:
        answer = self.get(target)
        assert answer.status == 200, (target, answer.status, answer.body)
        return list(csv.DictReader(io.StringIO(answer.body.decode(), newline="")))

    def page(self, target: str) -> BeautifulSoup:
        answer = self.get(target)
        assert answer.status == 200, (target, answer.status, answer.body)
        return BeautifulSoup(answer.body, "html5lib")

    def write(self, *items: Item) -> None:
        """As another process would."""
        write(self.store, *items)

    def watch(self, after: int | str | None = None, fields: bytes = b"") -> "Watching":
        return Watching(self.served.connect(), self.served.port, after, fields)


class Watching:
    """Somebody who reads the live feed from a socket."""

    def __init__(self, wire: Wire, port: int, after: int | str | None, fields: bytes = b"") -> None:
        self.wire = wire
        query = "" if after is None else f"?after={after}"
        wire.send(
            f"GET /live/stream{query} HTTP/1.1\r\nHost: localhost:{port}\r\nAuthorization: Bearer {TOKEN}\r\n".encode()
            + fields
            + b"\r\n"
        )
        line, self.fields = wire.head()
        self.status = int(line.split()[1])
        self._text = b""

    def event(self) -> tuple[str, dict[str, object], str | None]:
        """The next event: its kind, its data, its id."""
        while True:
            while b"\n\n" not in self._text:
                size = int(self.wire.until(b"\r\n"), 16)
                if size == 0:
                    raise EOFError("the stream is over")
                self._text += self.wire.exactly(size + 2)[:size]
            block, self._text = self._text.split(b"\n\n", 1)
            said = dict(line.split(": ", 1) for line in block.decode().splitlines() if ": " in line)
            if "event" in said:
                return said["event"], json.loads(said["data"]), said.get("id")

    def lines(self) -> list[dict[str, object]]:
        """The next new lines; what has only turned is passed over, as are numbers of skipped ones."""
        while True:
            kind, data, _ = self.event()
            assert kind in ("lines", "skipped"), (kind, data)
            if data.get("lines"):
                return data["lines"]

    def close(self) -> None:
        self.wire.close()


def write(path: Path, *items: Item) -> None:
    writer = SqliteWriter(path, durability="process", rules=Rules())
    try:
        writer.append(items)
    finally:
        writer.close()


def keeper_of(store: Path) -> ReportKeeper:
    config = Config(base=store.parent, store=Store(url=f"sqlite:///{store.name}"))
    return ReportKeeper(config, erasure_keys([SECRET]))


@contextlib.contextmanager
def report(
    store: Path,
    *,
    hosts: frozenset[str] | None = None,
    now: int = 10 * MINUTE,
    question_seconds: float = 5.0,
    marks_of: Callable[[str], Sequence[bytes]] = lambda key: (),
    definitions: Catalogue = SHIPPED,
    forget_seconds: float = FORGET_SECONDS,
    keeper: Callable[[Path], Keeper] = lambda store: keeper_of(store),
) -> Iterator[Site]:
    """The report of a store, at `now` ms after T, until the test is over."""
    clock = [T + now]
    app = make_report(
        lambda: SqliteQuestions(store, question_seconds=question_seconds),
        open_keeper=lambda: keeper(store),
        marks_of=marks_of,
        definitions=as_plain(definitions),
        token=TOKEN,
        hosts=hosts,
        zone=ZoneInfo("UTC"),
        clock_ms=lambda: clock[0],
        site="https://shop.example",
        version="9.9.9",
        forget_seconds=forget_seconds,
    )
    with serving(app) as served:
        try:
            yield Site(served, app, store, clock)
        finally:
            app.stop()


def address(text: str) -> str:
    return quote(text, safe="")


def words(text: str) -> str:
    """Text as it is read: white space as one space."""
    return re.sub(r"\s+", " ", text).strip()
