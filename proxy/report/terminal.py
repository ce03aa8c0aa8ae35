"""The report as a summary for the terminal, and the same numbers as JSON.

Law: lines are paper.py's, the numbers those of the overview (overview.py) and of the equation (balance.py).
"""

import json
from collections.abc import Iterator, Sequence
from datetime import tzinfo

from proxy.events.event import LANES
from proxy.paper import Paper
from proxy.report import listing, numbers
from proxy.report.balance import recorded
from proxy.report.charts import UNITS, sparkline
from proxy.report.chosen import Chosen
from proxy.report.overview import Model, overview
from proxy.report.pages import filter_words
from proxy.report.paper import ends, fitted, plain
from proxy.report.ranges import before, spanning
from proxy.report.screens import Asked, Screen
from proxy.store.questions import ReportReader

ROWS = 8
WIDE, CHANGE_ACROSS = 72, 12
"""Columns: from which on changes are told, and how many these take."""


def summary(
    reader: ReportReader,
    *,
    chosen: Sequence[Chosen] = (),
    since_ms: int,
    until_ms: int,
    zone: tzinfo | None,
    now_ms: int,
    width: int,
    colour: bool,
) -> Iterator[str]:
    """The overview of people in `[since_ms, until_ms)` as lines of at most `width` columns (60 at the least).

    Raises:
        StoreError: the store cannot be read.
    """
    model = _model(reader, chosen, since_ms, until_ms, zone, now_ms)
    paper = Paper.of(width, colour)
    now = "" if model["people_now"] is None else f"{numbers.count(model['people_now'])} on the site now"
    yield from _heading(paper, model, zone, now)
    yield ""
    yield from _totals(paper, model, spanning(since_ms, until_ms, zone).unit)
    yield from listing.lanes(paper, model)
    yield from listing.pages(paper, model)
    yield from listing.following(paper, model)
    yield from listing.sources(paper, model)
    yield from listing.devices(paper, model)
    yield from listing.hovers(paper, model)
    yield from listing.clicks(paper, model)
    yield from listing.forms(paper, model)
    yield from listing.failed(paper, model)
    yield from listing.slow(paper, model)
    yield from listing.unconfirmed(paper, model, zone)
    if not model["filters"]:
        yield from listing.blocked(paper, model)
        yield from listing.requests(paper, model, zone)
        yield from listing.recorded(paper, model)
        yield from listing.rejected(paper, model)


def as_json(
    reader: ReportReader,
    *,
    chosen: Sequence[Chosen] = (),
    since_ms: int,
    until_ms: int,
    zone: tzinfo | None,
    now_ms: int,
) -> Iterator[str]:
    """The same numbers as the lines of one JSON object."""
    yield from json.dumps(_model(reader, chosen, since_ms, until_ms, zone, now_ms), indent=1).split("\n")


def screen(
    reader: ReportReader, page: Screen, asked: Asked, *, zone: tzinfo | None, width: int, colour: bool
) -> Iterator[str]:
    """Another page of people as lines, as `summary`. Raises StoreError."""
    model, paper = page.ask(reader, asked), Paper.of(width, colour)
    yield from _heading(paper, model, zone, page.title)
    yield from page.lines(paper, model, zone)


def screen_as_json(reader: ReportReader, page: Screen, asked: Asked) -> Iterator[str]:
    """The same numbers as the lines of one JSON object."""
    yield from json.dumps(page.ask(reader, asked), indent=1).split("\n")


def _model(
    reader: ReportReader, chosen: Sequence[Chosen], since_ms: int, until_ms: int, zone: tzinfo | None, now_ms: int
) -> Model:
    span = spanning(since_ms, until_ms, zone)
    earlier = before(span, now_ms, zone)
    model = overview(reader, span, LANES.index("person"), chosen=chosen, earlier=earlier, limit=ROWS, now_ms=now_ms)
    return {**model, "balance": None if chosen else recorded(reader, span, model["requests"])}


# Parts -----------------------------------------------------------------------------------------------------------


def _heading(paper: Paper, model: Model, zone: tzinfo | None, right: str) -> Iterator[str]:
    """The first lines of a page: its days, something at the right, its filters, and from when on it is whole."""
    since, until = model["range"]["since"], model["range"]["until"]
    span = " – ".join(dict.fromkeys((numbers.day(since, zone), numbers.day(until - 1, zone))))
    yield from ends(paper, "footfall", f"  {span}", right)
    yield from _filters(paper, model, zone)


def _filters(paper: Paper, model: Model, zone: tzinfo | None) -> Iterator[str]:
    for place, one in enumerate(model["filters"]):
        word, what = filter_words(one, model["several_hosts"])
        before = "  only sessions that" if not place else "  and"
        yield fitted(f"{before} {word} {what}", paper.width).rstrip()
    if model["since"] > model["range"]["since"]:
        since = numbers.moment(model["since"], zone, model["since"])
        yield paper.accent(f"  there is more than can be looked through at once: all since {since}")


def _totals(paper: Paper, model: Model, unit: str) -> Iterator[str]:
    totals, series = model["totals"], model["series"] or []
    earlier = model["earlier"] if paper.width >= WIDE else None
    then = earlier["totals"] if earlier else {}
    room = paper.width - 46 - (CHANGE_ACROSS if then else 0)
    lines = {name: _squeezed([slot[name] for slot in series], room) for name in ("visitors", "views")}
    each, bounced = totals["pages_per_session"], totals["bounce_rate"]
    rows = [
        ("Visitors", "visitors", numbers.count(totals["visitors"])),
        *[("  without cookies", "cookieless", numbers.count(totals["cookieless"]))] * bool(totals["cookieless"]),
        ("Page views", "views", numbers.count(totals["views"])),
        ("Sessions", "sessions", numbers.count(totals["sessions"])),
        ("Pages per session", "pages_per_session", numbers.NONE if each is None else f"{each:.1f}"),
        ("Bounce rate", "bounce_rate", numbers.share(bounced)),
        ("Time in use, median", "engaged_ms", numbers.length(totals["engaged_ms"])),
    ]
    for name, key, number in rows:
        value = paper.bold(f"{plain(number):>12}")
        if earlier:
            change = numbers.change(totals[key], then[key])
            change = numbers.points(earlier["bounce_points"]) if key == "bounce_rate" else change
            value += paper.soft(f"{plain(change):>{CHANGE_ACROSS}}")
        line = lines.get(key, "")
        tail = f"  {paper.accent(line)} {paper.soft(f'by {UNITS[unit].word}')}" if line else ""
        yield f"  {name:20}{value}{tail}".rstrip()
    if earlier:
        yield paper.soft(f"  changes are against {earlier['label']}")


def _squeezed(values: Sequence[int], room: int) -> str:
    """A sparkline of at most `room` characters: where there are more values, neighbours are added up."""
    each = -(-len(values) // max(1, room)) if values else 1
    return sparkline([sum(values[start : start + each]) for start in range(0, len(values), each)])
