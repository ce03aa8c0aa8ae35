"""What a store answers about the events of one action: how many, and what they said.

Law: as of answers.py. A value is that of a param as it is exported: a text, a number, true or false. What is a list or
an object is no value; how often a param had one is counted all the same.
"""

from dataclasses import dataclass

from proxy.store.questions.answers import Ranking

Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class ActionRow:
    """An action, and its events in the span."""

    action: str
    events: int


@dataclass(frozen=True, slots=True)
class ValueRow:
    """A value of a param, and how many events had it."""

    value: Value
    events: int


@dataclass(frozen=True, slots=True)
class ParamUse:
    """`events` that had this param; its `values` by number; of those that are numbers the `lowest`, the `median` (the
    lower one of two, of all events that had one) and the `highest`, None where none is."""

    name: str
    events: int
    lowest: int | float | None
    median: int | float | None
    highest: int | float | None
    values: Ranking[ValueRow]


@dataclass(frozen=True, slots=True)
class ActionUse:
    """The `events` of an action in the span, the `visitors` who sent them, and its params by how many events had them.
    Those of a session.end are its session's, and not told here."""

    events: int
    visitors: int
    cookieless: int
    params: Ranking[ParamUse]
