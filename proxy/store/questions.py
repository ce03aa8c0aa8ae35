"""What the report asks of a store: few questions, named and typed, each with a deadline.

Law: a number means what its docstring here says, whatever the engine, and equals a recount from the exported events.
"In" a span: `since <= time < until`, and of its lane. A question that takes too long raises `Late`; the page that
asked goes on without it. Nothing here is a text of ours: names, titles and addresses are as visitors sent them.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar

from proxy.events.event import Event

Row = TypeVar("Row")


class Late(Exception):
    """A question was not answered within its deadline; it may be in a shorter range."""


class Span(NamedTuple):
    """Which events: UTC ms, `until` exclusive; `lane` an index of events/event.py, LANES."""

    since: int
    until: int
    lane: int


@dataclass(frozen=True, slots=True)
class LaneTotals:
    """`visitors`: distinct uuids of page.visit events. `sessions`: session.start events. `views`: page.visit events."""

    lane: int
    visitors: int
    sessions: int
    views: int


@dataclass(frozen=True, slots=True)
class Slot:
    """A bar of the chart: page.visit events in `[since, until)` and their distinct uuids."""

    since: int
    until: int
    views: int
    visitors: int


@dataclass(frozen=True, slots=True)
class Engaged:
    """`engaged_ms` of the page.leave events in the span, added up per page view: the median (the lower one of two)
    over the `views` that have any; None where there are none."""

    median_ms: int | None
    views: int


@dataclass(frozen=True, slots=True)
class Ranking(Generic[Row]):
    """The first rows of a list of `total` rows."""

    rows: tuple[Row, ...]
    total: int


@dataclass(frozen=True, slots=True)
class PageRow:
    """`views`, `visitors`: of the page.visit events whose address has this host and path. `title`: of the latest of
    them that has one. `entries`: session.start events with such an address. `engaged_ms`: as in `Engaged`, of the
    views of this page."""

    host: str
    path: str
    title: str | None
    views: int
    visitors: int
    entries: int
    engaged_ms: int | None


@dataclass(frozen=True, slots=True)
class SourceRow:
    """session.start events of one origin: the referrer's host, the three `utm_*` params, the host of the site."""

    referrer: str | None
    utm_source: str | None
    utm_medium: str | None
    utm_campaign: str | None
    host: str | None
    sessions: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """The longest hover in the span that was longer than usual, and what was known of its element before it."""

    dwell_ms: int
    usual_ms: int
    usual_n: int


@dataclass(frozen=True, slots=True)
class HoverRow:
    """An element: page, name and action. `hovers`: its hover events; `median_ms`, `p95_ms`: of their dwell_ms (nearest
    rank); `unusual`: those that were longer than usual when they were stored, with the longest as evidence."""

    host: str
    path: str
    name: str
    action: str
    hovers: int
    median_ms: int
    p95_ms: int
    unusual: int
    evidence: Evidence | None


@dataclass(frozen=True, slots=True)
class ClickRow:
    """An element: page, name and action; its click events and their distinct uuids."""

    host: str
    path: str
    name: str
    action: str
    clicks: int
    visitors: int


@dataclass(frozen=True, slots=True)
class FieldRow:
    """A field of a form. `changed`: field.change events. `filled`: form.submit events whose `fields` have it.
    `skipped`: form.submit events whose `skipped` has it."""

    name: str
    changed: int
    filled: int
    skipped: int


@dataclass(frozen=True, slots=True)
class FormRow:
    """A form: page and name. `started`, `submitted`: form.start and form.submit events; `visitors`: distinct uuids of
    both."""

    host: str
    path: str
    name: str
    started: int
    submitted: int
    visitors: int
    fields: tuple[FieldRow, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """Events that were refused for one reason (code of WIRE.md, field at fault, action), of the latest 1,000 kept:
    how many, and when the last."""

    code: str
    field: str
    action: str
    host: str | None
    path: str | None
    n: int
    last: int


@dataclass(frozen=True, slots=True)
class OutcomeRow:
    """Requests by what became of them (VISITS.md section 1)."""

    name: str
    n: int


@dataclass(frozen=True, slots=True)
class VisitorRow:
    """A visitor with page.visit events in the span: how many, in how many sessions, when the first and the last was,
    and where the last was. `key` is the store's own, for asking on."""

    key: int
    uuid: str
    views: int
    sessions: int
    first: int
    last: int
    uri: str | None
    title: str | None
    start: Event | None


@dataclass(frozen=True, slots=True)
class Stay:
    """A session. `pages` and `events` as its session.end says or would say. `reason`: None while it is open."""

    key: int
    id: str
    start: int
    last: int
    reason: str | None
    pages: int
    events: int


@dataclass(frozen=True, slots=True)
class Told:
    """An event and the page it happened on: address and title of its page.visit, where that is known."""

    event: Event
    uri: str | None
    title: str | None


class ReportReader(Protocol):
    """The report's side of a store. Used by one thread. Every method may raise `Late` and a StoreError."""

    def moment(self) -> AbstractContextManager[None]:
        """Within it all answers are about one state of the store. To be short: it holds the writer's clean-up."""
        ...

    def people(self, since: int) -> int:
        """Distinct sessions of persons with an event at or after `since`."""
        ...

    def lanes(self, since: int, until: int) -> tuple[LaneTotals, ...]:
        """Totals of every lane, in the order of LANES."""
        ...

    def slots(self, edges: Sequence[tuple[int, int]], lane: int) -> tuple[Slot, ...]: ...

    def engaged(self, span: Span) -> Engaged: ...

    def pages(self, span: Span, limit: int) -> Ranking[PageRow]:
        """By views."""
        ...

    def sources(self, span: Span, limit: int) -> Ranking[SourceRow]:
        """By sessions."""
        ...

    def hovers(self, span: Span, limit: int) -> Ranking[HoverRow]:
        """By those longer than usual, then by number."""
        ...

    def clicks(self, span: Span, limit: int) -> Ranking[ClickRow]: ...

    def forms(self, span: Span, limit: int) -> Ranking[FormRow]: ...

    def refused(self, since: int, until: int, limit: int) -> Ranking[Refused]:
        """The latest first."""
        ...

    def outcomes(self, first_day: int, last_day: int) -> tuple[OutcomeRow, ...]:
        """Days since 1970 in UTC, both inclusive."""
        ...

    def visitors(self, span: Span, before: tuple[int, int] | None, limit: int) -> Ranking[VisitorRow]:
        """By their last page.visit, the latest first; `before`: (last, key) of the row to go on after."""
        ...

    def visitor(self, uuid: str) -> tuple[int, str] | None:
        """(key, uuid) of a visitor; of a twin, those of the visitor that it turned out to be."""
        ...

    def stays(self, visitor: int, before: int | None, limit: int) -> tuple[Stay, ...]:
        """A visitor's sessions, the latest first; `before`: begun before this time."""
        ...

    def stay(self, session: int, limit: int) -> tuple[Told, ...]:
        """The events of a session, in the order in which they happened."""
        ...

    def loose(self, visitor: int, since: int, limit: int) -> tuple[Told, ...]:
        """A visitor's latest events outside any session; of a crawler those since `since`."""
        ...

    def change(self) -> int:
        """A number that is another one whenever somebody has written since. Costs microseconds."""
        ...

    def newest(self) -> int:
        """The highest seq; 0 where there is none."""
        ...

    def after(self, seq: int, limit: int) -> tuple[Told, ...]:
        """The `limit` latest events after `seq`, in the order of seq, but for session.end: those are written when a
        session is long over."""
        ...

    def again(self, seqs: Sequence[int]) -> tuple[Told, ...]:
        """Events as they are now, in the order of seq; those that are gone are left out."""
        ...

    def is_current(self) -> bool: ...  # the store is still the one that was opened

    def close(self) -> None: ...  # never raises
