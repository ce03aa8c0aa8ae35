"""Stories for stores: items with short names for ids, and what an engine holds as a table of text.

`ident("P1")` is an id of 16 bytes that reads as `P1` in a table. Times are told relative to `T`, a whole minute.
"""

import contextlib
import itertools
import re
import resource
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from proxy.events.catalogue import Catalogue, Definition
from proxy.events.event import Event
from proxy.events.incoming import BrowserEvent, read_app_event, read_event
from proxy.events.shipped import SHIPPED
from proxy.store.base import (
    Confirmation,
    Confirmed,
    Item,
    OptOut,
    Query,
    Reader,
    Retention,
    Sweep,
    Tidied,
    Tidy,
    Visit,
    Writer,
)
from proxy.store.questions import ReportReader
from proxy.store.sqlite.connection import open_reader
from proxy.store.sqlite.questions import SqliteQuestions
from proxy.store.sqlite.reader import SqliteReader
from proxy.store.sqlite.recount import differences
from proxy.store.sqlite.tidying import REST_MS
from proxy.store.sqlite.writer import SqliteWriter
from proxy.visitors.ids import PageId, parse_uuid, text_of
from proxy.visitors.lanes import PROOF_COOKIE, PROOF_SCRIPT, VOUCHED
from proxy.visitors.sessions import Rules

T = 1_700_000_040_000
SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
DAY = 24 * HOUR
HOST = "shop.example"
SITE = Catalogue((*SHIPPED, Definition("entries.count", {}, from_api=True)))
assert T % MINUTE == 0


def ident(name: str) -> bytes:
    return name.encode("ascii").rjust(16, b"\0")


def name_of(text: str | None) -> str:
    raw = parse_uuid(text) if text else None
    if raw is None:
        return "-"
    tail = raw.lstrip(b"\0")
    return tail.decode("ascii") if len(tail) < 9 and tail.isascii() else "?"


class Marks(NamedTuple):
    """What the report counts by and no export says: uuids of visitors of whom a browser keeps no cookie, and ids of
    page views that a browser has confirmed."""

    cookieless: set[str]
    confirmed: set[str]

    def put(self, event: Event) -> dict[str, object]:
        """An exported object with its marks, where it has any."""
        told = event.to_export()
        if event.lane == "person" and event.uuid in self.cookieless:
            told["cookieless"] = True
        if event.action == "page.visit" and event.id in self.confirmed:
            told["confirmed"] = True
        return told


@dataclass
class Engine:
    """An engine of the store under test, on one place of its own. Another engine joins the suite by another one."""

    name: str
    place: Path
    write: Callable[..., Writer]
    read: Callable[[Path], Reader]
    ask: Callable[[Path], ReportReader]
    recount: Callable[[Path], list[str]]
    """What is counted otherwise than its rows say, in words."""
    marks: Callable[[Path], "Marks"]
    _writers: dict[Rules | None, Writer] = field(default_factory=dict)

    @contextlib.contextmanager
    def writer(self, rules: Rules | None = Rules(), kept: Retention = Retention()) -> Iterator[Writer]:  # noqa: B008
        writer = self.write(self.place, rules, kept)
        try:
            yield writer
        finally:
            writer.close()

    @contextlib.contextmanager
    def reader(self) -> Iterator[Reader]:
        reader = self.read(self.place)
        try:
            yield reader
        finally:
            reader.close()

    @contextlib.contextmanager
    def asked(self) -> Iterator[ReportReader]:
        asked = self.ask(self.place)
        try:
            yield asked
        finally:
            asked.close()

    def append(self, *items: Item, rules: Rules | None = Rules()) -> list[object]:  # noqa: B008
        """A batch, from a process that goes on."""
        if rules not in self._writers:
            self._writers[rules] = self.write(self.place, rules)
        return list(self._writers[rules].append(items))

    def close(self) -> None:
        while self._writers:
            self._writers.popitem()[1].close()

    def events(self, query: Query = Query()) -> list[Event]:  # noqa: B008
        with self.reader() as reader:
            return list(reader.export(query))

    def outcomes(self) -> list[tuple[int, str, str, int]]:
        with self.reader() as reader:
            return reader.outcomes()  # type: ignore[attr-defined, no-any-return]


def sqlite(place: Path) -> Engine:
    return Engine(
        "sqlite",
        place,
        # So few that in every longer story some are added to the others.
        lambda path, rules, kept=Retention(): SqliteWriter(  # noqa: B008
            path, durability="process", rules=rules, fresh_cells=40, retention=kept
        ),
        SqliteReader,
        SqliteQuestions,
        sqlite_differences,
        sqlite_marks,
    )


def sqlite_differences(path: Path) -> list[str]:
    with contextlib.closing(open_reader(path)) as connection:
        return [str(finding) for finding in differences(connection, None)]


def sqlite_marks(path: Path) -> Marks:
    with contextlib.closing(open_reader(path)) as connection:
        people = connection.execute("SELECT uuid, proof FROM visitor").fetchall()
        views = connection.execute("SELECT id FROM event WHERE state & 1").fetchall()
    scripted = {text_of(uuid) for uuid, proof in people if proof & PROOF_SCRIPT}
    others = {text_of(uuid) for uuid, proof in people if proof & (PROOF_COOKIE | VOUCHED)}
    return Marks(scripted - others, {text_of(view) for (view,) in views})


def unmarked(event: Mapping[str, object]) -> dict[str, object]:
    """An exported object as it is exported."""
    return {key: value for key, value in event.items() if key not in ("cookieless", "confirmed")}


def exported(path: Path, query: Query = Query()) -> list[dict[str, object]]:  # noqa: B008
    """The events of a file as exported objects, with their marks."""
    marks = sqlite_marks(path)
    with contextlib.closing(SqliteReader(path)) as reader:
        return [marks.put(event) for event in reader.export(query)]


ENGINES: Mapping[str, Callable[[Path], Engine]] = {"sqlite": sqlite}


def visit(
    name: str,
    who: str,
    at: int = 0,
    *,
    path: str = "/",
    query: str = "",
    came_back: bool = False,
    bot: bool = False,
    status: int = 200,
    referrer: str | None = None,
    upstream_ms: int | None = 7,
    facts: tuple[tuple[str, object], ...] = (),
    device: str | None = "WEB_DESKTOP",
) -> Visit:
    """A page that the server counted, of the visitor `who`, `at` ms after T."""
    return Visit(
        id=ident(name),
        uuid=ident(who),
        time=T + at,
        host=HOST,
        path=path,
        uri=f"https://{HOST}{path}{query}",
        bot=bot,
        cookie_came_back=came_back,
        referrer=referrer,
        upstream_ms=upstream_ms,
        facts=(("nav", "navigate"), ("status", status), *facts),
        session_facts=(*((("source", device),) if device else ()), ("trigger", "page.visit")),
    )


def page(name: str, at: int = 0, *, new: bool = True, counted: bool = True) -> PageId:
    return PageId(ident(name), counted, new, (T + at) // MINUTE)


def confirm(
    name: str | None,
    of: PageId | None,
    cookie: str | None = None,
    at: int = 0,
    *,
    path: str = "/",
    query: str = "",
    title: str = "Home",
    referrer: str | None = None,
    nav: str = "navigate",
    new: str = "N",
) -> Confirmation:
    """A browser with the cookie of visitor `cookie` shows a page, or (`name` None) merely says whose it is."""
    return Confirmation(
        page=of,
        cookie=None if cookie is None else ident(cookie),
        new_uuid=ident(new),
        received=T + at,
        id=None if name is None else ident(name),
        uri=f"https://{HOST}{path}{query}" if name is not None else "",
        host=HOST if name is not None else "",
        path=path if name is not None else "",
        title=title if name is not None else "",
        referrer=referrer,
        nav=nav,
        session_facts=(("source", "WEB_DESKTOP"), ("trigger", "page.visit")),
    )


def does(action: str, event: str, /, *, view: str | None = None, ago: object = 0, **params: object) -> BrowserEvent:
    """What somebody does on a page, as the collector hands it on; `event` is its id."""
    raw = {"id": ident(event).hex(), "action": action, "ago": ago, "params": params}
    return read_event(raw if view is None else {**raw, "view": ident(view).hex()}).event


def sends(of: PageId | None, cookie: str | None, *events: BrowserEvent, at: int = 0, new: str = "N") -> Confirmation:
    """A message that confirms nothing and brings events."""
    return confirm(None, of, cookie, at, new=new)._replace(host=HOST, events=events)


def app(event: str, *, at: int, told: int, action: str = "screen.view", **params: object) -> BrowserEvent:
    """What an app tells at `told` of what happened at `at`."""
    params = {"name": "Cart", **params} if action == "screen.view" else params
    raw = {"id": ident(event).hex(), "action": action, "time": T + at, "params": params}
    return read_app_event(raw, SITE, T + told).event


def tells(*events: BrowserEvent, at: int, who: str | None = None, customer: tuple[bytes, ...] = ()) -> Confirmation:
    """What an app sends, of a visitor or a customer."""
    message = sends(None, who, *events, at=at)
    return message._replace(customer=customer, session_facts=(("source", "MOBILE_APP"),))


def sweep(at: int) -> Sweep:
    return Sweep(T + at)


def tidy(writer: Writer, at: int) -> Tidied:
    """All steps of clearing away that are due; what they came to."""
    total = Tidied()
    for now in itertools.count(T + at, REST_MS):
        (done,) = writer.append([Tidy(now)])
        assert isinstance(done, Tidied)
        total = Tidied(False, *(one + other for one, other in zip(total[1:], done[1:], strict=True)))
        if not done.more:
            return total
    raise AssertionError


def opt_out(who: str, at: int) -> OptOut:
    return OptOut(ident(who), T + at)


def confirmed(
    who: str | None, *, cookie: bool = False, repeated: bool = False, stored: int = 0, failed: Sequence[str] = ()
) -> Confirmed:
    return Confirmed(None if who is None else ident(who), cookie, repeated, stored, tuple(map(ident, failed)))


def clock(ms: int) -> str:
    """Milliseconds after T in their largest whole unit: `0`, `5m`, `61s`, `1799999`."""
    for unit, name in ((HOUR, "h"), (MINUTE, "m"), (SECOND, "s")):
        if ms and ms % unit == 0:
            return f"{ms // unit}{name}"
    return str(ms)


def rows(events: Sequence[Event], columns: Sequence[str]) -> list[list[str]]:
    """Events as rows of text; sessions are named s1, s2 ... as they appear, any other column is a param."""
    counter = itertools.count(1)
    sessions: dict[str | None, str] = {None: "-"}
    table = []
    for event in events:
        if event.session not in sessions:
            sessions[event.session] = f"s{next(counter)}"
        cells = {
            "action": event.action,
            "id": name_of(event.id),
            "time": clock(event.time - T),
            "received": clock(event.received - T),
            "visitor": name_of(event.uuid),
            "session": sessions[event.session],
            "page": name_of(event.page),
            "lane": event.lane,
            "duration": clock(int(str(event.params.get("duration_ms", -1)))),
        }
        table.append([cells.get(column) or str(event.params.get(column, "-")) for column in columns])
    return table


def holds(engine: Engine, text: str, query: Query = Query(), *, ordered: bool = True) -> None:  # noqa: B008
    """The engine's events are those of a table of text, whose first line names the columns."""
    head, *lines = [re.split(r"\s{2,}", line.strip()) for line in text.strip().splitlines()]
    found = rows(engine.events(query), head)
    if not ordered:
        found, lines = sorted(found), sorted(lines)
    assert found == lines, "\n".join(["held:", table_of([head, *found]), "expected:", table_of([head, *lines])])


def table_of(table: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[index]) for row in table if index < len(row)) for index in range(len(table[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)) for row in table)


def keeps(event: Event) -> bool:
    """Whether an event moves its session's last activity (EVENTS.md section 4)."""
    return event.action != "page.leave" or bool(event.params["engaged_ms"])


def check_promises(engine: Engine, *, thinned: bool = False) -> None:
    """What holds of every store at any time, whatever came in, in whatever order and from how many processes.

    `thinned`: events may have gone before their sessions, which keep their beginning and their end."""
    found = engine.recount(engine.place)
    assert found == [], "\n".join(found[:20])
    events = engine.events()
    assert [event.seq for event in events] == sorted({event.seq for event in events})
    assert len({event.id for event in events}) == len(events), "an id twice"
    sessions: dict[str, list[Event]] = {}
    for event in events:
        assert event.received >= event.time, "received before it happened"
        if event.session is not None:
            sessions.setdefault(event.session, []).append(event)
    for members in sessions.values():
        starts = [event for event in members if event.action == "session.start"]
        ends = [event for event in members if event.action == "session.end"]
        acts = [event for event in members if event.action not in ("session.start", "session.end")]
        assert len(starts) == 1 and len(ends) <= 1 and acts
        assert {event.uuid for event in members} == {starts[0].uuid}
        first = min(event.time for event in acts)
        assert starts[0].time == first or (thinned and starts[0].time < first)
        assert all(starts[0].seq < event.seq for event in acts if event.time == starts[0].time)
        last = max([starts[0].time, *(event.time for event in acts if keeps(event))])
        assert "person" not in {event.lane for event in acts} or starts[0].lane == "person"
        for end in ends:
            assert end.time == last or (thinned and end.time > last)
            assert end.params["duration_ms"] == end.time - starts[0].time
            assert end.params["events"] == len(acts)
            assert end.params["pages"] == sum(event.action == "page.visit" for event in acts)
            assert end.lane == starts[0].lane


@contextlib.contextmanager
def files_at_most(size: int) -> Iterator[None]:
    """No file of this process may grow beyond `size` bytes meanwhile: a full disk, as a write sees it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
