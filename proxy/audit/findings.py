"""What is found on one page: what is tagged, what is a mistake, what could be tagged.

Law: data only, all of it text from the site as it stands there; whoever shows it cuts and cleans it. Lines count from
1.
"""

from dataclasses import dataclass
from enum import StrEnum

SHOWN_CHARS = 60
"""Of a text of the site inside a message."""


class Code(StrEnum):
    """The kinds of mistakes."""

    UNKNOWN_ATTRIBUTE = "unknown_attribute"
    UNKNOWN_WORD = "unknown_word"
    NO_EFFECT = "no_effect"
    EMPTY_NAME = "empty_name"
    LONG_NAME = "long_name"
    SENSITIVE_NAME = "sensitive_name"
    SAME_NAME = "same_name"
    SAME_FORM = "same_form"
    SAME_FIELD = "same_field"
    OUTSIDE_FORM = "outside_form"
    NEVER_CAPTURED = "never_captured"
    NO_FIELD = "no_field"
    BAD_PARAM = "bad_param"
    INSIDE_OFF = "inside_off"
    UNKNOWN_CALL = "unknown_call"
    BAD_ACTION = "bad_action"


@dataclass(frozen=True, slots=True)
class Mistake:
    """`subject`: what it is about (a name, an attribute, an action), `message`: what is wrong and what is right."""

    line: int
    code: Code
    subject: str
    message: str


@dataclass(frozen=True, slots=True)
class Element:
    """A tagged element: its context, and the actions that it will send."""

    line: int
    name: str
    context: str
    events: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """A tagged field that is read. `sends`: `value`, `constant` or `filled`; `times`: of how many boxes it is."""

    line: int
    name: str
    sends: str
    times: int = 1


@dataclass(frozen=True, slots=True)
class Form:
    """A tracked form or box, the actions that it will send, and the fields that are read."""

    line: int
    name: str
    events: tuple[str, ...]
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A form without a tag: a name for it, and (name, whether only `filled` should be sent) of fields worth tagging."""

    line: int
    name: str
    fields: tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True)
class Link:
    """Where a page leads, as it is written there: `base` is what it is resolved against. `text`: what it says."""

    line: int
    href: str
    text: str


@dataclass(frozen=True, slots=True)
class Findings:
    """All of one page. `left_out`: mistakes beyond the most that are told of one page."""

    elements: tuple[Element, ...] = ()
    forms: tuple[Form, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    base: str = ""
    links: tuple[Link, ...] = ()
    left_out: int = 0


def quoted(text: str) -> str:
    """Text of the site inside a message: in quotes, on one line, and short."""
    flat = " ".join(text[: 4 * SHOWN_CHARS].split())
    return f'"{flat}"' if len(text) <= SHOWN_CHARS else f'"{flat[: SHOWN_CHARS - 1]}…"'
