"""What `footfall events` prints: every action that is known, who sends it, what it does and what its params are.

Law: made from the same catalogue that judges events, so it cannot say anything else than what holds.
"""

import textwrap
from collections.abc import Iterator

from proxy.events.catalogue import Catalogue, Definition, Param
from proxy.events.shipped import SHIPPED

INDENT = "    "
NARROWEST = 40
"""Columns that a text gets at least."""


def as_plain(catalogue: Catalogue) -> list[dict[str, object]]:
    """The definitions, one object each; a site's own first."""
    return [
        {
            "action": one.action,
            "shipped": SHIPPED.get(one.action) is not None,
            "senders": senders_of(one),
            "anonymous": one.anonymous,
            "opens": one.opens,
            "keeps": one.keeps,
            "label": one.label,
            "description": one.description,
            "retention_days": one.retention_days,
            "any_param": one.is_open,
            "params": {name: _plain_param(param) for name, param in one.params.items()},
        }
        for one in ordered(catalogue)
    ]


def in_words(catalogue: Catalogue, width: int) -> Iterator[str]:
    """The same for a terminal of so many columns."""
    for one in ordered(catalogue):
        yield one.action
        yield from _wrapped(one.description, width)
        yield from _wrapped("; ".join(_facts(one)), width)
        yield from _params(one, width)
        yield ""


def ordered(catalogue: Catalogue) -> list[Definition]:
    """A site's own events first, each kind in the order in which it was defined."""
    return sorted(catalogue, key=lambda one: SHIPPED.get(one.action) is not None)


def senders_of(one: Definition) -> list[str]:
    """Who may send it: `browser`, `browser with a token`, `api`; nobody but the server itself: `server`."""
    found = ["browser"] if one.anonymous else []
    if one.from_api:
        is_reserved = one.action.startswith("client.")
        found += [] if one.anonymous or is_reserved else ["browser with a token"]
        found += ["api"]
    return found or ["server"]


def _facts(one: Definition) -> Iterator[str]:
    yield "from " + ", ".join(senders_of(one))
    yield "opens a session" if one.opens else "opens no session"
    if one.retention_days is not None:
        yield f"kept for {one.retention_days} days" if one.retention_days else "kept for ever"
    if one.label:
        yield f"told as “{one.label}”"


def _params(one: Definition, width: int) -> Iterator[str]:
    column = max((len(name) for name in one.params), default=0)
    for name, param in one.params.items():
        words = [param.type, "required" if param.required else "", param.description]
        if param.choices:
            words.append(f"one of {', '.join(param.choices)}")
        first = f"{INDENT}{name.ljust(column)}  "
        told = ", ".join(filter(None, words))
        yield textwrap.fill(
            told, max(width, len(first) + NARROWEST), initial_indent=first, subsequent_indent=" " * len(first)
        )
    if one.is_open:
        yield f"{INDENT}and any other"


def _wrapped(text: str, width: int) -> Iterator[str]:
    if text:
        yield textwrap.fill(text, max(width, NARROWEST), initial_indent="  ", subsequent_indent="  ")


def _plain_param(param: Param) -> dict[str, object]:
    plain: dict[str, object] = {"type": param.type, "required": param.required}
    if param.description:
        plain["description"] = param.description
    if param.choices:
        plain["choices"] = list(param.choices)
    return plain
