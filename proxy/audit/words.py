"""What `footfall audit` says: for somebody at a terminal, and as JSON.

Law: text from the site is printed without control characters and within the width; in JSON it is ASCII. Mistakes come
first: whoever runs this wants to know what to put right, and where.
"""

import json
from collections.abc import Iterable, Iterator, Sequence

from proxy.audit.crawling import Unread
from proxy.audit.findings import Field, Suggestion
from proxy.audit.links import place_of
from proxy.audit.summary import Place, Summary
from proxy.paper import Paper, fitted, printable, wrapped

ROWS = 200
"""Of a part; JSON has all."""
PLACES = 3
"""Of a finding that is on more pages."""
NAMELESS = "(its own text)"
_CONTEXT, _SENDS = 9, 14
_SENT = {"value": "its value", "constant": "what data-track-value says", "filled": "only whether it is filled in"}


def in_words(found: Summary, *, width: int, colour: bool) -> Iterator[str]:
    """The audit as lines of at most `width` columns (60 at the least)."""
    paper = Paper.of(width, colour)
    yield paper.bold("footfall audit") + f"  {fitted(found.origin, paper.width - 16).rstrip()}"
    yield ""
    yield from _totals(paper, found)
    yield from _mistakes(paper, found)
    yield from _elements(paper, found)
    yield from _forms(paper, found)
    yield from _suggestions(paper, found)
    yield from _unread(paper, "Pages that could not be read", found.unread)
    yield from _unread(paper, "Links that were left alone", found.avoided)


def as_json(found: Summary) -> str:
    """All of it as one object."""
    told = {
        "site": found.origin,
        "pages": found.pages,
        "pages_not_read": found.known,
        "mistakes": [
            {"code": one.what.code, "subject": one.what.subject, "message": one.what.message, **_at(one.places)}
            for one in found.mistakes
        ],
        "mistakes_left_out": found.left_out,
        "elements": [
            {"name": one.what.name, "context": one.what.context, "events": one.what.events, **_at(one.places)}
            for one in found.elements
        ],
        "forms": [
            {
                "name": one.what.name,
                "events": one.what.events,
                "fields": [{"name": field.name, "sends": field.sends, "of": field.times} for field in one.what.fields],
                **_at(one.places),
            }
            for one in found.forms
        ],
        "suggestions": [
            {
                "form": one.what.name,
                "fields": [{"name": name, "filled_only": filled} for name, filled in one.what.fields],
                **_at(one.places),
            }
            for one in found.suggestions
        ],
        "unread": [_left(one) for one in found.unread],
        "left_alone": [_left(one) for one in found.avoided],
    }
    return json.dumps(told, indent=1)


# Parts -----------------------------------------------------------------------------------------------------------


def _totals(paper: Paper, found: Summary) -> Iterator[str]:
    rows = (
        ("Pages read", len(found.pages), f"{found.known:,} more are linked to (--pages)" if found.known else ""),
        ("Tagged elements", len(found.elements), ""),
        ("Tracked forms", len(found.forms), ""),
        ("Forms without a tag", len(found.suggestions), ""),
        ("Mistakes", len(found.mistakes) + found.left_out, ""),
    )
    for name, number, more in rows:
        yield f"  {name:20}{paper.bold(f'{number:>8,}')}{paper.soft(f'  {more}') if more else ''}"


def _mistakes(paper: Paper, found: Summary) -> Iterator[str]:
    yield from ("", paper.bold("Mistakes"))
    if not found.mistakes:
        yield paper.accent("  none")
    here = ""
    for one in found.mistakes[:ROWS]:
        [first, *others] = one.places
        if first.page != here:
            here = first.page
            yield f"  {paper.accent(fitted(here, paper.width - 2).rstrip())}"
        for number, line in enumerate(wrapped(one.what.message, paper.width - 10)):
            yield f"  {paper.bold(f'{first.line:>6}') if not number else ' ' * 6}  {line}"
        if others:
            yield paper.soft(f"          also on {_several(others, paper.width - 18)}")
    yield from _rest(paper, max(0, len(found.mistakes) - ROWS))
    if found.left_out:
        yield paper.soft(f"  and {found.left_out:,} more on pages that have too many to tell")


def _elements(paper: Paper, found: Summary) -> Iterator[str]:
    if not found.elements:
        return
    room = (paper.width - 2 - _CONTEXT - _SENDS - 2) // 2
    where = paper.width - 2 - _CONTEXT - room - _SENDS - 2
    yield from ("", paper.bold("Tagged elements") + " " * max(0, room + _CONTEXT - 13) + paper.soft("sends"))
    for one in found.elements[:ROWS]:
        sends = " ".join(action.rpartition(".")[2] for action in one.what.events) or "nothing"
        named = f"{fitted(one.what.context, _CONTEXT - 1)} {fitted(one.what.name or NAMELESS, room)}"
        yield f"  {named}  {sends:{_SENDS - 2}}  {paper.soft(_several(one.places, where))}"
    yield from _rest(paper, len(found.elements) - ROWS)


def _forms(paper: Paper, found: Summary) -> Iterator[str]:
    if not found.forms:
        return
    yield from ("", paper.bold("Tracked forms"))
    for one in found.forms[:ROWS]:
        room = paper.width // 2 - 4
        yield f"  {fitted(one.what.name, room)}  {paper.soft(_several(one.places, paper.width - room - 4))}"
        yield paper.soft(f"    {fitted(' '.join(one.what.events) or 'sends nothing', paper.width - 4).rstrip()}")
        for field in one.what.fields:
            yield f"    {fitted(field.name, 24)}  {fitted(_sent(field), paper.width - 30).rstrip()}"
    yield from _rest(paper, len(found.forms) - ROWS)


def _suggestions(paper: Paper, found: Summary) -> Iterator[str]:
    if not found.suggestions:
        return
    yield from ("", paper.bold("Forms without a tag, and what it could be"))
    for one in found.suggestions[:ROWS]:
        room = paper.width // 2 - 4
        tag = f'data-track-form="{one.what.name}"'
        yield f"  {fitted(tag, room)}  {paper.soft(_several(one.places, paper.width - room - 4))}"
        for line in _tags(one.what):
            yield f"    {fitted(line, paper.width - 4).rstrip()}"
    yield from _rest(paper, len(found.suggestions) - ROWS)


def _unread(paper: Paper, title: str, rows: Sequence[Unread]) -> Iterator[str]:
    if not rows:
        return
    yield from ("", paper.bold(title))
    for one in rows:
        room = paper.width // 2 - 4
        yield f"  {fitted(place_of(one.url), room)}  {fitted(one.why, paper.width - room - 4).rstrip()}"
        if one.page:
            link = f"    linked to from {place_of(one.page)}:{one.line}"
            yield paper.soft(fitted(link, paper.width).rstrip())


# How -------------------------------------------------------------------------------------------------------------


def _tags(suggestion: Suggestion) -> Iterator[str]:
    for name, filled in suggestion.fields:
        yield f'data-track-field="{name}"' + (' data-track-send="filled"' if filled else "")


def _sent(field: Field) -> str:
    return _SENT[field.sends] + (f", of {field.times} boxes" if field.times > 1 else "")


def _several(places: Sequence[Place], room: int) -> str:
    """The first places, and how many there are besides, in so many columns."""
    for number in range(min(PLACES, len(places)), 0, -1):
        named = ", ".join(f"{printable(place.page)}:{place.line}" for place in places[:number])
        left = len(places) - number
        for more in (f" and {left:,} more", f" +{left:,}") if left else ("",):
            if len(named) + len(more) <= room:
                return named + more
    tail = f":{places[0].line}{more}"
    return fitted(places[0].page, max(1, room - len(tail))).rstrip() + tail


def _rest(paper: Paper, number: int) -> Iterator[str]:
    if number > 0:
        yield paper.soft(f"  and {number:,} more (--json has them)")


def _at(places: Iterable[Place]) -> dict[str, object]:
    return {"places": [{"page": place.page, "line": place.line} for place in places]}


def _left(one: Unread) -> dict[str, object]:
    linked = {"linked_from": {"page": place_of(one.page), "line": one.line}} if one.page else {}
    return {"page": place_of(one.url), "why": one.why, **linked}
