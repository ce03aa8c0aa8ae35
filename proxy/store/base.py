"""What a store takes, what it gives back, and what it promises. Every engine keeps these promises.

Law: `append` is the only way in. It is **durable** when it returns (as far as the engine's durability setting says),
**idempotent** by event id (an item that comes again adds nothing; it may show that two visitors are one; what has no id
comes as `Once`, by number), **all or nothing**, and it decides sessions, confirmations and lanes against the store's
own state, so that any number of processes agree. Items of a batch are applied in their order. What is durable may be
there to be read a moment later; nobody is told what it came to before that.

A `seq` is given once: every event's is higher than that of any event before it, also of one that is gone.

    StoreError                 the store's fault; nothing of the batch was kept
     +- StoreUnavailable       may pass by itself: disk full, locked, read-only, missing; try the same batch again
     +- StoreUnusable          will not pass: another program's file, a newer version's file
         +- StoreDamaged       nobody's mistake: the file is not whole, or not a database any more
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple, Protocol

from proxy.events.event import Event
from proxy.events.incoming import BrowserEvent
from proxy.events.kept import KeptEvent
from proxy.store.counters import Blocked, Outcomes, Unheld
from proxy.store.done import Confirmed as Confirmed
from proxy.store.done import Forgotten as Forgotten
from proxy.store.done import Stored as Stored
from proxy.store.done import Swept as Swept
from proxy.store.done import Tidied as Tidied
from proxy.visitors.customers import Marks
from proxy.visitors.ids import PageId


class StoreError(Exception):
    """The store could not do what was asked; the message says what and why in one line."""


class StoreUnavailable(StoreError):
    """It may work later: the batch is whole and may be tried again."""


class StoreUnusable(StoreError):
    """It will not work however often it is tried: somebody has to look at it."""


class StoreDamaged(StoreUnusable):
    """What is in the file makes no sense: it has to be moved away, and a new one is made."""


@dataclass(slots=True)
class Visit:
    """A page.visit counted by the server at the response head.

    `id` and `uuid` are 16 bytes, `time` and `received` UTC ms, `uri` cleaned, `host` and `path` its roll-up key.
    `cookie_came_back`: the visitor's cookie was on the request. `facts` are params that are few in number
    (`nav`, `status`, `method`, `utm_*`); `session_facts` those of a session.start that this visit may cause, and `ip`
    the network that it says then, '' where that is not kept. The fields are of the store's format (schema_12.sql).
    """

    id: bytes
    uuid: bytes
    time: int
    host: str
    path: str
    uri: str
    bot: bool
    cookie_came_back: bool
    referrer: str | None
    upstream_ms: int | None
    facts: tuple[tuple[str, object], ...]
    session_facts: tuple[tuple[str, object], ...]
    ip: str = ""


VISIT_VALUES: Callable[[Visit], tuple[object, ...]] = attrgetter(*Visit.__slots__)


class Refusal(NamedTuple):
    """An event that was not taken, kept for the report: a code of WIRE.md, the well-formed action and the name of the
    param at fault, '' where there is none. Never a value. `id` and `view` as of an event that is taken, None where it
    has none; a known id is a repeat."""

    action: str
    code: str
    field: str
    id: bytes | None = None
    view: bytes | None = None


class Confirmation(NamedTuple):
    """What a browser sends: that it shows a page (VISITS.md section 3), and what is done on it.

    `page` is the verified page id or None; `cookie` the believed cookie's uuid or None; `new_uuid` is used where a
    new visitor has to be made. `id` is the confirmation's own id, None where the beacon confirms nothing (it may
    still show that two visitors are one). `uri`, `host`, `path` and `referrer` are cleaned; uri is '' if unusable,
    host never; `utm` is the campaign that it names. `events` belong to the view that they name, else to the page.
    `customer`: marks of the customer that it is from the event `customer_from` on, () where nobody says so: tied to the
    visitor, or made one of its own where that is another customer's. An app, with no page or cookie, names it alone.
    `takes_turns`: a token of the page says so, and other pages of the same browser may have another customer's.
    `described`: what the page of the showing `described_view` says of itself, clean. `asked`: of what the server tells
    of an answer of the site, what was asked for (FormAnswer). `ip`: as of a Visit.
    """

    page: PageId | None
    cookie: bytes | None
    new_uuid: bytes
    received: int
    id: bytes | None = None
    uri: str = ""
    host: str = ""
    path: str = ""
    title: str = ""
    referrer: str | None = None
    nav: str = "navigate"
    utm: tuple[tuple[str, object], ...] = ()
    session_facts: tuple[tuple[str, object], ...] = ()
    events: tuple[BrowserEvent, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    customer: Marks = ()
    customer_from: int = 0
    takes_turns: bool = False
    described: tuple[tuple[str, str], ...] = ()
    described_view: bytes | None = None
    asked: tuple[str, str] | None = None
    ip: str = ""


ASKED = "?"
"""What the path of a FormAnswer ends in where it was asked for by GET, as such an address does before its query."""


class FormAnswer(NamedTuple):
    """What the site answered, at `time` (UTC ms), to a visitor's request that looks like a form: a POST to the cleaned
    `host` and `path`, or (the path with ASKED behind it) a GET of them with a query, where that is no page.visit.
    `redirect`: where it leads, cleaned, '' for nowhere; `forms`: names of the tracked forms on the page that was
    answered. With the form.submit that it belongs to it makes one form.result (EVENTS.md section 7); where none is told
    of, it is forgotten within half an hour."""

    uuid: bytes
    time: int
    host: str
    path: str
    status: int
    redirect: str = ""
    forms: tuple[str, ...] = ()


class OptOut(NamedTuple):
    """A visitor said no: the session that was open ends, nothing else is written. `time` UTC ms."""

    uuid: bytes
    time: int


class Sweep(NamedTuple):
    """Take one small step of ending the sessions that are overdue at `now` (UTC ms). Any process may, as often as it
    likes."""

    now: int


class Tidy(NamedTuple):
    """Take one small step of clearing away what need not be kept at `now` (UTC ms). Any process may, as often as it
    likes: where nothing is due, nothing happens. It is applied after the rest of its batch, in a transaction of its
    own, and its failing is no failure of the batch."""

    now: int


class Forget(NamedTuple):
    """Erase a visitor, and whoever turned out to be the same: nothing of them is left, and nothing that is still on
    its way is taken any more. It is applied after the rest of its batch: first the visitor is locked out, in one
    transaction, then all rows go in many of some 10 ms, which takes seconds where there are millions of events. What a
    killed process leaves of it is done by whoever takes steps of a Tidy. Twice changes nothing. `now`: UTC ms."""

    uuid: bytes
    now: int


class Kept(NamedTuple):
    """An event that a store had before, from its export; in the export's order, whatever else is in the store.

    It is stored as what it says: its time, visitor (of a twin, the visitor that it turned out to be), lane and params.
    An event that is known already, however long ago it came in, changes nothing: so the same export twice, in whatever
    pieces, is stored once. It joins the session whose id it names, whoever knew of it first: one that is known goes on,
    and is of the visitor that the store says; one that is not begins with its session.start, or, until that comes, with
    one made of its first event. The rules of sessions (`Rules`) are not asked: the other store did. A session.start
    should be in one batch with the page.visit that it names, which comes right after it.

    What an export does not say is made up for: a page.visit of a person counts as confirmed where only a browser could
    have told what is known of it; a hover is not judged again; twins, customers and cookies' proofs are not known, and
    a visitor counts as one whose browser keeps its cookie.
    """

    event: KeptEvent


class Once(NamedTuple):
    """What has no id of its own, and would be added once more if it came again: it is applied the first time only.
    `sender`: 8 bytes that are made up when a process begins to record; of one sender, each `number` is higher than the
    one before. `time`: UTC ms, by which senders are forgotten."""

    sender: bytes
    number: int
    time: int
    item: FormAnswer | Outcomes | Blocked | Unheld


Item = Visit | Confirmation | FormAnswer | OptOut | Outcomes | Blocked | Unheld | Sweep | Kept | Tidy | Forget | Once


class Retention(NamedTuple):
    """How long events are kept, in days; None is for ever. `by_action`: of some actions, instead.

    A session goes, with its events, when the last of them is older than `days`. Events of it whose own time is longer
    stay without it; those whose own time is shorter go before it, and it keeps its beginning and its end. A
    session.start and a session.end have no time of their own."""

    days: int | None = None
    by_action: Mapping[str, int | None] = {}


Result = Confirmed | Stored | Swept | Tidied | Forgotten | None


class Query(NamedTuple):
    """Which events to export: times in UTC ms (`since` inclusive), seqs later than `after`, the rest by equality."""

    since: int | None = None
    until: int | None = None
    action: str | None = None
    visitor: bytes | None = None
    lane: int | None = None
    after: int = 0


class Writer(Protocol):
    """The writing side. Used by one thread; a process has one."""

    def append(self, batch: Sequence[Item]) -> list[Result]:
        """Apply a batch; see the law above.

        Returns:
            One result an item: `Confirmed`, `Stored` (None where a fault of ours kept it out), `Swept`, `Tidied`,
            `Forgotten`, None for anything else.

        Raises:
            StoreUnavailable: nothing was kept, the batch may be tried again.
            StoreUnusable: nothing was kept, and trying again will not help.
        """
        ...

    def rest(self) -> float | None:
        """Do what can wait, now that a batch's results were told; not calling it costs `append` time. Returns after how
        many seconds to call it once more where no batch comes before, None where that need not be. Never raises."""
        ...

    def close(self) -> None:
        """Give the file back. Never raises."""
        ...


class Giver(Protocol):
    """The writing side where another process writes. Used in one event loop, which it never keeps waiting."""

    def give(self, batch: Sequence[Item], answered: Callable[[list[Result] | Exception], None]) -> None:
        """Have a batch applied, after those that were given before; see the law above. Beside a batch with a Forget no
        other is given.

        Args:
            answered: is called with what `append` returns, of one batch after the other. Of an error only the oldest
                that is not answered hears: all others share its fate, and the giver is closed. That may be before this
                returns.
        """
        ...

    @property
    def is_closed(self) -> bool:
        """Whether it takes no more: who writes has ended, or `close` was called."""
        ...

    def close(self) -> None:
        """Hear no more. What was not answered may have been applied. Never raises."""
        ...


class Reader(Protocol):
    """The reading side: short questions, never in the way of the writer."""

    def export(self, query: Query) -> Iterator[Event]:
        """Events in `seq` order, in steps, so that a long export never stops the writer's clean-up."""
        ...

    def close(self) -> None:
        """Give the file back. Never raises."""
        ...
