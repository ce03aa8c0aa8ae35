"""The report's other pages for a terminal: what each asks, and what it may be about.

Law: the models are those that a browser gets; their lines are screenlines.py's. A page has a `--of` where it can be
about one thing, which is named as its address names it.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import tzinfo
from typing import NamedTuple

from proxy.events.event import LANES, is_action
from proxy.paper import Paper
from proxy.report import people, screenlines
from proxy.report.attention import attention
from proxy.report.chosen import Chosen, element_of, hovered_of, page_of, trouble_of
from proxy.report.explore import explore
from proxy.report.forms import forms
from proxy.report.overview import Model
from proxy.report.paths import paths
from proxy.report.ranges import Range
from proxy.report.trouble import trouble
from proxy.store.questions import ReportReader

ROWS = 20
"""Of each list."""
PERSON = LANES.index("person")


class Asked(NamedTuple):
    """What a page is asked for: a range, filters, what it is about (''), and the definitions that judge events."""

    span: Range
    chosen: Sequence[Chosen] = ()
    of: str = ""
    definitions: Sequence[Model] = ()

    def given(self) -> Model:
        """As every page's model takes it."""
        return {"span": self.span, "lane": PERSON, "chosen": self.chosen, "limit": ROWS}


class Screen(NamedTuple):
    """A page. `named`: how what it can be about is named, as `is_named` knows it; '' where that is nothing."""

    title: str
    ask: Callable[[ReportReader, Asked], Model]
    lines: Callable[[Paper, Model, tzinfo | None], Iterator[str]]
    named: str = ""
    is_named: Callable[[str], bool] = bool


def _visitors(reader: ReportReader, asked: Asked) -> Model:
    return people.visitors(reader, before=None, **asked.given())


def _paths(reader: ReportReader, asked: Asked) -> Model:
    return paths(reader, of=page_of(asked.of), **asked.given())


def _forms(reader: ReportReader, asked: Asked) -> Model:
    return forms(reader, of=asked.of, **asked.given())


def _attention(reader: ReportReader, asked: Asked) -> Model:
    return attention(reader, of=hovered_of(asked.of), **asked.given())


def _errors(reader: ReportReader, asked: Asked) -> Model:
    return trouble(reader, of=asked.of, **asked.given())


def _explore(reader: ReportReader, asked: Asked) -> Model:
    return explore(reader, of=asked.of, definitions=asked.definitions, **asked.given())


SCREENS = {
    "visitors": Screen("Visitors", _visitors, screenlines.visitors),
    "paths": Screen("Paths", _paths, screenlines.paths, "HOST/PATH", lambda of: page_of(of) is not None),
    "forms": Screen("Forms", _forms, screenlines.forms, "'HOST/PATH NAME'", lambda of: element_of(of) is not None),
    "attention": Screen(
        "Attention",
        _attention,
        screenlines.attention,
        "'ACTION HOST/PATH NAME', its action a hover's",
        lambda of: hovered_of(of) is not None,
    ),
    "errors": Screen(
        "Errors and slow pages",
        _errors,
        screenlines.errors,
        "'failed STATUS HOST/PATH' or 'slow HOST/PATH'",
        lambda of: trouble_of(of) is not None,
    ),
    "explore": Screen("Events", _explore, screenlines.explore, "ACTION", is_action),
}
"""By the word that asks for them, which is that of their address."""
