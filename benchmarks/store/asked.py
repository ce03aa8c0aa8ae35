"""The report's questions, as its pages ask them, of a month of traffic: the whole of it, one day, one lane, and only
the sessions that have to do with a page, a source or an element. People's lane is the default.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TypeVar

from benchmarks.store.traffic import END, START
from proxy.report.attention import EDGES, EVIDENCE_SHOWN
from proxy.report.chosen import PAGE, SOURCES_READ, Chosen, page_text
from proxy.report.explore import PARAMS
from proxy.report.overview import CONFIRMED_WITHIN_MS, NOW_MS, REFUSED_READ, overview
from proxy.report.paths import STEPS_READ, TRAIL_PAGES
from proxy.report.people import EVENTS_SHOWN, LOOSE_SHOWN, SEARCHED, SESSIONS_SHOWN, VISITORS_SHOWN
from proxy.report.poll import BATCH
from proxy.report.ranges import spanning
from proxy.report.views import ROWS
from proxy.store.base import Query
from proxy.store.questions import (
    About,
    ActionUse,
    Began,
    CameFrom,
    Cursor,
    Did,
    Failed,
    Filter,
    Origin,
    ReportReader,
    Saw,
    Sent,
    Span,
    Touched,
)
from proxy.store.sqlite.questions import SqliteQuestions
from proxy.store.sqlite.reader import SqliteReader
from proxy.visitors.customers import MARK_BYTES
from proxy.visitors.ids import parse_uuid
from proxy.visitors.lanes import BOT, PERSON, UNPROVEN
from proxy.visitors.times import DAY_MS, HOUR_MS

WEEK_MS = 7 * DAY_MS
LAST_DAY = END // DAY_MS - 1
SHOWN = 10
"""Rows of a list on the overview."""
EXPORTED = 10_000
"""Events of an export: what comes after them costs the same again."""
PATIENCE_SECONDS = 600.0
"""For one question; the product's own patience would hide what it costs."""

Ask = Callable[[ReportReader], object]
Asked = TypeVar("Asked")


@dataclass(frozen=True, slots=True)
class Question:
    """`name` is the method's; `about`: what it is asked about."""

    name: str
    about: str
    ask: Ask

    @property
    def title(self) -> str:
        return f"{self.name}, {self.about}" if self.about else self.name


@dataclass(frozen=True, slots=True)
class Subject:
    """Somebody to ask about: of the visitors who came last, the one who saw the most, with the last session; a crawler;
    where the list of visitors goes on; the page that is seen most; the form that is sent most; the error that is met
    most; the element that is hovered over most; the last event."""

    path: Path
    visitor: int
    uuid: str
    session: int
    session_id: str
    crawler: int
    before: Cursor
    page: tuple[str, str]
    form: tuple[str, str, str]
    failed: Failed
    element: Did
    newest: int
    filters: tuple[tuple[str, Filter], ...]


class Part(NamedTuple):
    """What is answered about some sessions: since when (UTC ms) it is whole."""

    since: int

    @property
    def days(self) -> float | None:
        """Of the month, where it is not all of it."""
        return None if self.since <= START else (END - self.since) / DAY_MS


def open_questions(path: Path) -> SqliteQuestions:
    return SqliteQuestions(path, question_seconds=PATIENCE_SECONDS)


def subject(path: Path) -> Subject:
    with closing(open_questions(path)) as reader:
        people = reader.visitors(Span(END - WEEK_MS, END, PERSON), None, VISITORS_SHOWN).rows
        most = max(people, key=lambda row: row.views)
        crawler = reader.visitors(Span(END - DAY_MS, END, BOT), None, 1).rows[0]
        stay = reader.stays(most.key, None, 1)[0]
        before = Cursor(people[-1].last, people[-1].key)
        page = reader.pages(Span(END - WEEK_MS, END, PERSON), 1).rows[0]
        place = (page.host, page.path)
        used = reader.forms(Span(START, END, PERSON), 1).rows
        form = (used[0].host, used[0].path, used[0].name) if used else (*place, "")
        met = reader.failed(Span(START, END, PERSON), 1).rows
        failed = Failed(*(met[0].host, met[0].path, met[0].status) if met else (*place, 404))
        held = reader.hovers(Span(START, END, PERSON), 1).rows[0]
        element = Did(held.action, held.host, held.path, held.name)
        who = (most.key, most.uuid, stay.key, stay.id, crawler.key, before)
        return Subject(path, *who, place, form, failed, element, reader.newest(), tuple(_filters(reader)))


def _filters(reader: SqliteQuestions) -> Iterator[tuple[str, Filter]]:
    """What is seen, done and come from the most, and what is at the tenth place of its list, or at its end."""
    month = Span(START, END, PERSON)
    pages, sources, clicks = reader.pages(month, 10).rows, reader.sources(month, 10).rows, reader.clicks(month, 10).rows
    for words, place in (("the top", 0), ("the tenth", -1)):
        yield f"{words} page", Saw(pages[place].host, pages[place].path)
        came = sources[place]
        origin = Origin(came.referrer, came.utm_source, came.utm_medium, came.utm_campaign, came.host)
        yield f"{words} source", CameFrom((origin,))
        done = clicks[place]
        yield f"{words} element", Did(done.action, done.host, done.path, done.name)


def questions(about: Subject) -> list[Question]:
    """Every one of them, in the order of store/questions."""
    asked = (_screens(about), _totals(), _rankings(about), _visitors(about), _feed(about), _exports(about))
    return [question for some in (*asked, _of_some(about)) for question in some]


def _screens(about: Subject) -> Iterator[Question]:
    """The overview with all its cards, as its page makes it."""
    month = replace(spanning(START, END, UTC), name="30d", label="30 days")

    def screen(*chosen: Chosen) -> Ask:
        def ask(reader: ReportReader) -> Part:
            model = overview(reader, month, PERSON, chosen=chosen, limit=ROWS, now_ms=END)
            return Part(model["since"])

        return ask

    yield Question("first screen", "30 days", screen())
    yield Question("first screen", "30 days, of the top page", screen(Chosen(PAGE, page_text(*about.page))))


def _of_some(about: Subject) -> Iterator[Question]:
    """Asked about the sessions that a filter picks, picking them included."""

    def asking(one: Filter, question: Callable[[ReportReader, Span], object]) -> Ask:
        def ask(reader: ReportReader) -> Part:
            with reader.moment(), reader.only([one], START, END) as since:
                question(reader, Span(since, END, PERSON))
            return Part(since)

        return ask

    form, element = Touched(*about.form), about.element
    yield Question("form", "30 days", _about(form, lambda reader, span: reader.form(span, *form, SHOWN)))
    held = Touched(element.host, element.path, element.name)
    ask = _about(held, lambda reader, span: reader.attention(span, element, EDGES, EVIDENCE_SHOWN))
    yield Question("attention", "of the top element", ask)
    for words, one in about.filters:
        yield Question("lanes", f"of {words}", asking(one, lambda reader, span: reader.lanes(span.since, span.until)))
        yield Question("pages", f"of {words}", asking(one, lambda reader, span: reader.pages(span, SHOWN)))
        yield Question("hovers", f"of {words}", asking(one, lambda reader, span: reader.hovers(span, SHOWN)))


def _totals() -> Iterator[Question]:
    yield Question("has_several_hosts", "", lambda reader: reader.has_several_hosts())
    yield Question("people", "now", lambda reader: reader.people(END - NOW_MS))
    yield from _of_ranges("lanes", lambda reader, since: reader.lanes(since, END))
    yield from _of_spans("slots", lambda reader, span: reader.slots(_edges(span), span.lane))
    yield from _of_spans("engaged", lambda reader, span: reader.engaged(span))
    yield from _of_ranges("outcomes", lambda reader, since: reader.outcomes(since // DAY_MS, LAST_DAY))
    yield from _of_ranges("unheld", lambda reader, since: reader.unheld(since // DAY_MS, LAST_DAY))


def _rankings(about: Subject) -> Iterator[Question]:
    yield from _of_spans("pages", lambda reader, span: reader.pages(span, SHOWN))
    settled = END - CONFIRMED_WITHIN_MS
    yield from _of_ranges("unconfirmed", lambda reader, since: reader.unconfirmed(_days(since), settled, SHOWN))
    yield from _of_spans("next_pages", lambda reader, span: reader.next_pages(span, *about.page, SHOWN))
    for words, thing in (("of the top page", Saw(*about.page)), ("of all", Began())):
        yield Question("trails", words, _about(thing, lambda reader, span: reader.trails(span, TRAIL_PAGES, SHOWN)))
    yield Question(
        "flow",
        "of the top page",
        _about(Saw(*about.page), lambda reader, span: reader.flow(span, *about.page, STEPS_READ)),
    )
    yield from _of_spans("sources", lambda reader, span: reader.sources(span, SOURCES_READ))
    yield from _of_spans("devices", lambda reader, span: reader.devices(span, SHOWN))
    yield from _of_spans("failed", lambda reader, span: reader.failed(span, SHOWN))
    yield from _of_spans("slow", lambda reader, span: reader.slow(span, SHOWN))
    yield Question(
        "afterwards",
        "of a 404",
        _about(about.failed, lambda reader, span: reader.afterwards(span, about.failed, SHOWN)),
    )
    yield from _of_spans("actions", lambda reader, span: reader.actions(span, SHOWN))
    for action in ("page.visit", "banner.hover"):
        ask = partial(_action, action=action)
        yield Question("action", action, _about(Sent(action), ask))
    yield from _of_spans("hovers", lambda reader, span: reader.hovers(span, SHOWN))
    yield from _of_spans("clicks", lambda reader, span: reader.clicks(span, SHOWN))
    yield from _of_spans("forms", lambda reader, span: reader.forms(span, SHOWN))
    yield from _of_ranges("refused", lambda reader, since: reader.refused(since, END, REFUSED_READ))
    # It reads events, and a month of them takes longer than the report waits.
    yield Question("made", "one day", lambda reader: reader.made(LAST_DAY * DAY_MS, END))
    yield from _of_ranges("blocked", lambda reader, since: reader.blocked(since // DAY_MS, LAST_DAY, SHOWN))


def _action(reader: ReportReader, span: Span, action: str) -> ActionUse:
    return reader.action(span, action, PARAMS, SHOWN)


def _visitors(about: Subject) -> Iterator[Question]:
    key, before = about.visitor, about.before
    yield from _of_spans("visitors", lambda reader, span: reader.visitors(span, None, VISITORS_SHOWN + 1))
    month = Span(START, END, PERSON)
    yield Question(
        "visitors", "30 days, second page", lambda reader: reader.visitors(month, before, VISITORS_SHOWN + 1)
    )
    yield Question("visitor", "one", lambda reader: reader.visitor(about.uuid))
    first, last = (bytes.fromhex(about.uuid[:8] + end * 24) for end in "0f")
    yield Question("beginning", "eight characters", lambda reader: reader.beginning(first, last, SEARCHED + 1))
    yield Question("customers", "of nobody", lambda reader: reader.customers([bytes(MARK_BYTES)], SEARCHED + 1))
    yield Question("stays", "of a visitor", lambda reader: reader.stays(key, None, SESSIONS_SHOWN + 1))
    yield Question("stay_of", "one", lambda reader: reader.stay_of(key, about.session_id))
    yield Question("stay", "events of a session", lambda reader: reader.stay(about.session, None, EVENTS_SHOWN + 1))
    yield Question("loose", "of a person", lambda reader: reader.loose(key, END - DAY_MS, None, LOOSE_SHOWN + 1))
    yield Question(
        "loose",
        "of a crawler, one day",
        lambda reader: reader.loose(about.crawler, END - DAY_MS, None, LOOSE_SHOWN + 1),
    )


def _feed(about: Subject) -> Iterator[Question]:
    seq = about.newest - BATCH
    yield Question("identity", "", lambda reader: reader.identity())
    yield Question("change", "", lambda reader: reader.change())
    yield Question("newest", "", lambda reader: reader.newest())
    yield Question("after", f"{BATCH} events", lambda reader: reader.after(seq, BATCH))
    yield Question("number_after", f"{BATCH} events", lambda reader: reader.number_after(seq, BATCH))
    yield Question("again", f"{BATCH} events", lambda reader: reader.again(range(seq + 1, about.newest + 1)))


def _exports(about: Subject) -> Iterator[Question]:
    """The other reader's only question (store/base.py), with a connection of its own."""
    day = Query(since=END - DAY_MS, until=END)
    for words, query in (
        (f"first {EXPORTED:,} events", Query()),
        ("one day", day),
        ("one day, page.visit", day._replace(action="page.visit")),
        ("one day, lane bot", day._replace(lane=BOT)),
        ("one visitor", Query(visitor=parse_uuid(about.uuid))),
    ):
        yield Question("export", words, _export(about.path, query))


def _export(path: Path, query: Query) -> Ask:
    def ask(_: ReportReader) -> int:
        with closing(SqliteReader(path)) as reader:
            return sum(1 for _ in islice(reader.export(query), EXPORTED))

    return ask


def _about(thing: About, question: Callable[[ReportReader, Span], object]) -> Ask:
    """Asked about one thing, picking its sessions included."""

    def ask(reader: ReportReader) -> Part:
        with reader.moment(), reader.only((), START, END, thing) as since:
            question(reader, Span(since, END, PERSON))
        return Part(since)

    return ask


def _of_ranges(name: str, ask: Callable[[ReportReader, int], object]) -> Iterator[Question]:
    """Asked from some time on."""
    for words, since in (("30 days", START), ("one day", LAST_DAY * DAY_MS)):
        yield Question(name, words, _bound(ask, since))


def _of_spans(name: str, ask: Callable[[ReportReader, Span], object]) -> Iterator[Question]:
    """Asked of people's lane, and of another one."""
    for words, since in (("30 days", START), ("one day", LAST_DAY * DAY_MS)):
        yield Question(name, words, _bound(ask, Span(since, END, PERSON)))
        yield Question(name, f"{words}, lane unproven", _bound(ask, Span(since, END, UNPROVEN)))


def _bound(ask: Callable[[ReportReader, Asked], object], about: Asked) -> Ask:
    return lambda reader: ask(reader, about)


def _days(since: int) -> list[tuple[int, int]]:
    return [(at, at + DAY_MS) for at in range(since, END, DAY_MS)]


def _edges(span: Span) -> list[tuple[int, int]]:
    """The bars of the chart: days, or the hours of one."""
    step = DAY_MS if span.until - span.since > DAY_MS else HOUR_MS
    return [(at, at + step) for at in range(span.since, span.until, step)]
