"""What a store answers about one form: how far people come with it, and where they leave it.

Law: answers.py's. All of it is about events in the span; a form's events are those whose element it is: page and name.
"""

from dataclasses import dataclass

from proxy.store.questions.answers import Ranking


@dataclass(frozen=True, slots=True)
class Step:
    """How far somebody comes with a form: `events`, and distinct `visitors` of them, with those of whom a browser keeps
    no cookie beside them (answers.py)."""

    events: int
    visitors: int
    cookieless: int


@dataclass(frozen=True, slots=True)
class FieldUse:
    """A field of a form. `changed`: field.change events; `visitors`: of these, as in `Step`. `median_ms`: of their
    dwell_ms (the lower one of two), read from a histogram (events/dwell.py), at most 4.9 % off; None where none has
    one. `refocused`: those whose `refocus` is above 0; `refocus`: all of these added up. `filled` and `skipped`: as of
    a FieldRow."""

    name: str
    changed: int
    visitors: int
    cookieless: int
    median_ms: int | None
    refocused: int
    refocus: int
    filled: int
    skipped: int


@dataclass(frozen=True, slots=True)
class StatusRow:
    """form.result events of one outcome (`accepted`, `rejected`, `error`) and one status of the site's answer."""

    outcome: str
    status: int
    results: int


@dataclass(frozen=True, slots=True)
class LeftRow:
    """Page views that a form was left on, by the `field` that was changed last, by time and seq; None: by those on
    which none was changed."""

    field: str | None
    views: int


@dataclass(frozen=True, slots=True)
class FormUse:
    """One form. `seen`: page.visit events whose address has its page's host and path; `started`, `submitted`:
    form.start and form.submit events; `accepted`, `rejected`, `error`: form.result events by outcome, `statuses` by
    status as well, by number.

    `fields`: the first ones of all that were changed, sent filled or skipped, by `filled`, then `changed`.

    `left`: of the `left_views` page views on which the form was started or a field of it was changed, and on which it
    was not submitted: the first rows, by number, of all fields that were changed last."""

    seen: Step
    started: Step
    submitted: Step
    accepted: Step
    rejected: Step
    error: Step
    statuses: tuple[StatusRow, ...]
    fields: Ranking[FieldUse]
    left: Ranking[LeftRow]
    left_views: int
