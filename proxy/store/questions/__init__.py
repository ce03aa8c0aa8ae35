"""What the report asks of a store: few questions, named and typed, each with a deadline.

Law: what a number means is said where it is answered (answers.py, recording.py) and here, and holds whatever the
engine. A question that takes too long raises `Late`; the page that asked goes on without it.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from proxy.store.questions.answers import (
    ClickRow,
    Cursor,
    DeviceRow,
    Engaged,
    Evidence,
    FieldRow,
    FormRow,
    FoundRow,
    HoverRow,
    LaneTotals,
    NextRow,
    Origins,
    PageRow,
    Ranking,
    Slot,
    SourceRow,
    Span,
    Stay,
    Told,
    VisitorRow,
    Visitors,
)
from proxy.store.questions.attention import Attention, Following, LongHover
from proxy.store.questions.explored import ActionRow, ActionUse, ParamUse, Value, ValueRow
from proxy.store.questions.filters import (
    MOST_FILTERS,
    About,
    Began,
    CameFrom,
    CameWith,
    Did,
    Failed,
    Filter,
    Origin,
    Saw,
    Sent,
    Touched,
    Waited,
)
from proxy.store.questions.forms import FieldUse, FormUse, LeftRow, StatusRow, Step
from proxy.store.questions.paths import Flow, Place, StepRow, TrailRow, Trails
from proxy.store.questions.people import PeopleReader
from proxy.store.questions.recording import (
    BlockedRow,
    MadeRow,
    OutcomeRow,
    Refused,
    Unconfirmed,
    UnconfirmedDay,
    UnconfirmedRow,
    Unheld,
    ViewRow,
    Without,
)
from proxy.store.questions.trouble import Afterwards, FailedRow, SlowRow

__all__ = [
    "MOST_FILTERS",
    "About",
    "ActionRow",
    "ActionUse",
    "Afterwards",
    "Attention",
    "Began",
    "BlockedRow",
    "CameFrom",
    "CameWith",
    "ClickRow",
    "Cursor",
    "DeviceRow",
    "Did",
    "Engaged",
    "Evidence",
    "Failed",
    "FailedRow",
    "FieldRow",
    "FieldUse",
    "Filter",
    "Flow",
    "Following",
    "FormRow",
    "FormUse",
    "FoundRow",
    "HoverRow",
    "LaneTotals",
    "Late",
    "LeftRow",
    "LongHover",
    "MadeRow",
    "NextRow",
    "Origin",
    "Origins",
    "OutcomeRow",
    "PageRow",
    "ParamUse",
    "Place",
    "Ranking",
    "Refused",
    "ReportReader",
    "Saw",
    "Sent",
    "Slot",
    "SlowRow",
    "SourceRow",
    "Span",
    "StatusRow",
    "Stay",
    "Step",
    "StepRow",
    "Told",
    "Touched",
    "TrailRow",
    "Trails",
    "Unconfirmed",
    "UnconfirmedDay",
    "UnconfirmedRow",
    "Unheld",
    "Value",
    "ValueRow",
    "ViewRow",
    "VisitorRow",
    "Visitors",
    "Waited",
    "Without",
]


class Late(Exception):
    """A question was not answered within its deadline; it may be in a shorter range."""


class ReportReader(PeopleReader, Protocol):
    """The report's side of a store. Used by one thread at a time. Every method may raise `Late` and a StoreError."""

    def moment(self, *, beside: bool = False) -> AbstractContextManager["ReportReader"]:
        """Within it all answers are about one state of the store. To be short: it holds the writer's clean-up. Yields
        one whose answers are about the same state: with `beside` another one where there can be one, for another
        thread, to which `only` means nothing."""
        ...

    def only(
        self, filters: Sequence[Filter], since: int, until: int, about: About | None = None
    ) -> AbstractContextManager[int]:
        """Within it lanes, slots, engaged, pages, unconfirmed, next_pages, sources, hovers, attention, clicks, forms
        and visitors are answered about the sessions that all `filters` (of which there are up to `MOST_FILTERS`) pick
        in `[since, until)`, and about no event outside any session. With no filter nothing changes. `about`: what is
        asked about besides (filters.py); what asks for it in its text is answered about that only.

        Yields from when on that is whole: `since`, or a later time where all was more than a deadline or a limit
        allows. The sessions are those that are picked from then on, and questions are to begin then: they are answered
        as exactly as for a shorter range."""
        ...

    def has_several_hosts(self) -> bool:
        """Whether there are pages of more than one host: a path alone does not name a page then."""
        ...

    def people(self, since: int) -> int:
        """Visitors of the lane `person` with an event at or after `since`, but for session.end."""
        ...

    def lanes(self, since: int, until: int) -> tuple[LaneTotals, ...]:
        """Totals of every lane, in the order of LANES."""
        ...

    def slots(self, edges: Sequence[tuple[int, int]], lane: int) -> tuple[Slot, ...]:
        """Bars between `edges`, which are in the order of their times and do not overlap."""
        ...

    def engaged(self, span: Span) -> Engaged: ...

    def pages(self, span: Span, limit: int) -> Ranking[PageRow]:
        """By views."""
        ...

    def unconfirmed(self, days: Sequence[tuple[int, int]], settled: int, limit: int) -> Unconfirmed:
        """Pages by how many views of people nobody confirmed; of `days`, one after the other, but for what happened at
        or after `settled`, UTC ms, and may be confirmed yet."""
        ...

    def next_pages(self, span: Span, host: str, path: str, limit: int) -> Ranking[NextRow]:
        """By number. Nothing of a page that nobody has seen."""
        ...

    def flow(self, span: Span, host: str, path: str, limit: int) -> Flow:
        """Within `only`, about this page (`Saw`): what came before and after it; `limit` rows of each side."""
        ...

    def trails(self, span: Span, most: int, limit: int) -> Trails:
        """Within `only`, about a page or sessions that `Began`: the ways of sessions, their first `most` pages."""
        ...

    def sources(self, span: Span, limit: int) -> Origins:
        """By sessions."""
        ...

    def hovers(self, span: Span, limit: int) -> Ranking[HoverRow]:
        """By those longer than usual, then by number."""
        ...

    def attention(self, span: Span, element: Did, edges: Sequence[int], limit: int) -> Attention:
        """Of one element, whose action is a hover. `edges`: of lengths, ms, from the least on; `limit`: of the longest
        hovers, and of the pages that came next. Reads every event of the time, or of the sessions that are picked."""
        ...

    def clicks(self, span: Span, limit: int) -> Ranking[ClickRow]: ...

    def forms(self, span: Span, limit: int) -> Ranking[FormRow]: ...

    def form(self, span: Span, host: str, path: str, name: str, limit: int) -> FormUse:
        """At most `limit` of its fields. To be asked within `only`, about `Touched`: it looks at every event."""
        ...

    def devices(self, span: Span, limit: int) -> Ranking[DeviceRow]:
        """By sessions."""
        ...

    def failed(self, span: Span, limit: int) -> Ranking[FailedRow]:
        """By views."""
        ...

    def slow(self, span: Span, limit: int) -> Ranking[SlowRow]:
        """By how many were slow."""
        ...

    def afterwards(self, span: Span, of: Failed | Waited, limit: int) -> Afterwards:
        """Within `only`, about that: what people did after it; `limit` of the ways."""
        ...

    def actions(self, span: Span, limit: int) -> Ranking[ActionRow]:
        """By number of events."""
        ...

    def action(self, span: Span, action: str, params: int, limit: int) -> ActionUse:
        """Within `only`, about that (`Sent`); so many `params`, and `limit` values of each."""
        ...

    def refused(self, since: int, until: int, limit: int) -> Ranking[Refused]:
        """The latest first."""
        ...

    def outcomes(self, first_day: int, last_day: int) -> tuple[OutcomeRow, ...]:
        """Days since 1970 in UTC, both inclusive."""
        ...

    def unheld(self, first_day: int, last_day: int) -> Unheld | None:
        """None where all pages were held. Days as of `outcomes`."""
        ...

    def made(self, since: int, until: int) -> tuple[MadeRow, ...]:
        """Page views of all lanes by how they came to be known. Reads every event of that time."""
        ...

    def blocked(self, first_day: int, last_day: int, limit: int) -> Without:
        """By views. Days since 1970 in UTC, both inclusive."""
        ...

    def identity(self) -> str:
        """Which store this is: another text for another file, or for the same one begun anew; '' while nothing is in
        it, so that nothing can have been told of it."""
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

    def number_after(self, seq: int, most: int) -> int:
        """How many events `after` would tell of without its limit; counted up to `most`."""
        ...

    def again(self, seqs: Sequence[int]) -> tuple[Told, ...]:
        """Events as they are now, in the order of seq; those that are gone are left out."""
        ...

    def is_current(self) -> bool: ...  # the store is still the one that was opened

    def close(self) -> None: ...  # never raises
