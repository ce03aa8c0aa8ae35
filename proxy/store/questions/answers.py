"""What a store answers to the report's questions: rows with names.

Law: a number means what its docstring here says, whatever the engine, and equals a recount from the exported events.
"In" a span: `since <= time < until`, and of its lane. Nothing here is a text of ours: names, titles and addresses are
as visitors sent them.

"Visitors" are distinct uuids, of the lane `person` without those of whom a browser keeps no cookie: it is a new visitor
on each page, and these are `cookieless`, beside the visitors (VISITS.md section 3). Which they are the store knows, and
no export says. All else that they do is counted as anybody's.
"""

from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from proxy.events.event import Event

Row = TypeVar("Row")


class Span(NamedTuple):
    """Which events: UTC ms, `until` exclusive; `lane` an index of events/event.py, LANES."""

    since: int
    until: int
    lane: int


class Cursor(NamedTuple):
    """The row that a list goes on after: its time in UTC ms, and the store's own number of it."""

    time: int
    key: int


@dataclass(frozen=True, slots=True)
class LaneTotals:
    """`visitors`: distinct uuids of page.visit events, and of session.start events without a `uri`, which no page has
    opened but an app. `sessions`: session.start events; `bounces`: those whose session has one page.visit, whenever
    that is. `views`: page.visit events. `cookieless`: see above; of people only."""

    lane: int
    visitors: int
    sessions: int
    views: int
    bounces: int
    cookieless: int


@dataclass(frozen=True, slots=True)
class Slot:
    """A bar of the chart: page.visit events in `[since, until)`, and `visitors` as in `LaneTotals`."""

    since: int
    until: int
    views: int
    visitors: int


@dataclass(frozen=True, slots=True)
class Engaged:
    """Of the page.visit events in the span that have page.leave events, whenever these are: how many they are, and the
    median (the lower one of two) of their `engaged_ms`, added up for each; None where there are none. It is read from a
    histogram (events/dwell.py): at most 4.9 % off."""

    median_ms: int | None
    views: int


@dataclass(frozen=True, slots=True)
class Ranking(Generic[Row]):
    """The first rows of a list of `total` rows."""

    rows: tuple[Row, ...]
    total: int


@dataclass(frozen=True, slots=True)
class PageRow:
    """`views`, `visitors`: of the page.visit events whose address has this host and path. `title`: of the one of them
    with the highest seq that has one; where that is not among the latest 20,000 of the span, what a browser last called
    one of the page's addresses. `entries`: session.start events with such an address; `exits`: those whose session has
    its last page.visit here, whenever that is. `engaged_ms`: as in `Engaged`, of the views of this page."""

    host: str
    path: str
    title: str | None
    views: int
    visitors: int
    entries: int
    exits: int
    engaged_ms: int | None


@dataclass(frozen=True, slots=True)
class NextRow:
    """A page that was seen right after another one: `n` times in the sessions of the session.start events in the span,
    their page.visit events taken by time and seq. The same page again is not counted."""

    host: str
    path: str
    n: int


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
class Origins:
    """The first rows of `total` origins; `sessions`: of all of them, also of those that are not among the rows."""

    rows: tuple[SourceRow, ...]
    total: int
    sessions: int


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """session.start events of one `source`: what people came with (`WEB_DESKTOP`, `WEB_MOBILE`, `MOBILE_APP`, or what a
    server says of itself); None: of those that have none."""

    device: str | None
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
    rank), read from a histogram (events/dwell.py): at most 4.9 % off; `unusual`: those that were longer than usual when
    they were stored, with the longest as evidence."""

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
    """An element: page, name and action; its click events and their visitors."""

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
    """A form: page and name. `started`, `submitted`: form.start and form.submit events; `visitors`: of both."""

    host: str
    path: str
    name: str
    started: int
    submitted: int
    visitors: int
    fields: tuple[FieldRow, ...]


@dataclass(frozen=True, slots=True)
class FoundRow:
    """A visitor that was searched for; `first` and `last` of its sessions, None where it has none: UTC ms."""

    uuid: str
    first: int | None
    last: int | None


@dataclass(frozen=True, slots=True)
class VisitorRow:
    """A visitor with page.visit events in the span, or session.start events without a `uri`: how many `views`, in how
    many sessions either was, when the first and the last of both was, and where the last was (an app's is nowhere).
    `is_cookieless`: see above. `key` is the store's own, for asking on."""

    key: int
    uuid: str
    views: int
    sessions: int
    first: int
    last: int
    uri: str | None
    title: str | None
    start: Event | None
    is_cookieless: bool


@dataclass(frozen=True, slots=True)
class Visitors:
    """The first rows of a list of `total` visitors, and of `cookieless` ones among them."""

    rows: tuple[VisitorRow, ...]
    total: int
    cookieless: int


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
