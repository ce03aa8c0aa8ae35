"""A whole site's findings: what stands on several pages is one thing with several places.

Law: pure. A menu with a mistake in it is on every page and is put right once, so it is one mistake; two of the same on
one page stay two.
"""

from collections.abc import Callable, Hashable, Iterable
from typing import Generic, NamedTuple, TypeVar

from proxy.audit.crawling import Site, Unread
from proxy.audit.findings import Element, Findings, Form, Mistake, Suggestion
from proxy.audit.links import place_of

One = TypeVar("One", Element, Form, Mistake, Suggestion)


class Place(NamedTuple):
    """A line of a page; `page` is its path and query."""

    page: str
    line: int


class Found(NamedTuple, Generic[One]):
    """One thing, as it is on the first of the pages that have it, and all places, in the order of the pages."""

    what: One
    places: tuple[Place, ...]


class Summary(NamedTuple):
    """All that is told of a site. `left_out`: mistakes beyond the most of a page."""

    origin: str
    pages: tuple[str, ...]
    mistakes: tuple[Found[Mistake], ...]
    elements: tuple[Found[Element], ...]
    forms: tuple[Found[Form], ...]
    suggestions: tuple[Found[Suggestion], ...]
    unread: tuple[Unread, ...]
    avoided: tuple[Unread, ...]
    left_out: int
    known: int


def summarise(site: Site) -> Summary:
    """The findings of all pages of a site, each once."""
    return Summary(
        origin=site.origin,
        pages=tuple(place_of(page.url) for page in site.pages),
        mistakes=_merged(site, lambda found: found.mistakes, lambda one: (one.code, one.subject)),
        elements=_merged(site, lambda found: found.elements, lambda one: (one.context, one.name, one.events)),
        forms=_merged(site, lambda found: found.forms, _key_of_form),
        suggestions=_merged(site, lambda found: found.suggestions, lambda one: (one.name, one.fields)),
        unread=tuple(site.unread),
        avoided=tuple(site.avoided),
        left_out=sum(page.findings.left_out for page in site.pages),
        known=site.known,
    )


def _key_of_form(form: Form) -> Hashable:
    return form.name, form.events, tuple((field.name, field.sends, field.times) for field in form.fields)


def _merged(
    site: Site, of: Callable[[Findings], Iterable[One]], key: Callable[[One], Hashable]
) -> tuple[Found[One], ...]:
    kept: dict[Hashable, tuple[One, list[Place]]] = {}
    for page in site.pages:
        here: dict[Hashable, int] = {}
        for one in of(page.findings):
            nth = here[key(one)] = here.get(key(one), 0) + 1
            place = Place(place_of(page.url), one.line)
            kept.setdefault((key(one), nth), (one, []))[1].append(place)
    return tuple(Found(one, tuple(places)) for one, places in kept.values())
