"""What holds attention as one object: the elements that people hover over, or one of them with all that is known of it.

Law: overview.py's. One element is asked about through its own sessions: `since` is from when on that is whole, with
filters or without.
"""

from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise

from proxy.events.event import LANES
from proxy.report.charts import histogram
from proxy.report.chosen import Chosen, did_text
from proxy.report.numbers import fine_ratio, ratio
from proxy.report.overview import Cards, Model, only
from proxy.report.ranges import Range
from proxy.store.questions import Attention, Did, ReportReader, Span, Touched

EDGES = (300, 500, 1_000, 1_500, 2_000, 3_000, 5_000, 7_000, 10_000, 15_000, 20_000, 30_000, 60_000)
"""Where the steps begin in which lengths of hovers are told, ms; the longest that is measured is the last."""
EVIDENCE_SHOWN = 10
"""Of hovers that were longer than usual, and of pages that came next."""


def attention(
    reader: ReportReader,
    span: Range,
    lane: int,
    element: Did | None,
    *,
    chosen: Sequence[Chosen] = (),
    limit: int,
) -> Model:
    """The elements of a range, at most `limit` of them (`hovers`), or, where one is asked for, that one (`of` is its
    text, `element` its parts, `attention` its numbers)."""
    cards = Cards()
    about = None if element is None else Touched(element.host, element.path, element.name)
    with reader.moment():
        several = bool(cards.ask("hosts", reader.has_several_hosts))
        with only(reader, cards, chosen, span, about) as told:
            within = Span(told["since"], span.until, lane)
            hovers = one = None
            if element is None:
                hovers = cards.ask("hovers", lambda: reader.hovers(within, limit))
            else:
                one = cards.ask("attention", lambda: reader.attention(within, element, EDGES, EVIDENCE_SHOWN))
    return {
        "range": {"name": span.name, "label": span.label, "since": span.since, "until": span.until},
        "lane": LANES[lane],
        **told,
        "several_hosts": several,
        "of": None if element is None else did_text(*element),
        "element": None if element is None else element._asdict(),
        "hovers": None if hovers is None else {"rows": [asdict(row) for row in hovers.rows], "total": hovers.total},
        "attention": None if one is None else _numbers(one),
        "late": cards.late,
    }


def _numbers(one: Attention) -> Model:
    """`steps`: below what edge each is, None where it is open; the first where there is any. `next`: `others` are the
    hovers that led to pages that are not among the rows."""
    following = one.following
    rows = [asdict(row) for row in following.pages.rows]
    others = one.hovers - following.left - following.alone - sum(row["n"] for row in rows)
    return {
        "hovers": one.hovers,
        "visitors": one.visitors,
        "cookieless": one.cookieless,
        "median_ms": one.median_ms,
        "p95_ms": one.p95_ms,
        "steps": _steps(one.steps),
        "unusual": {"hovers": one.unusual, "rows": [asdict(row) for row in one.longest]},
        "clicked": one.clicked,
        "clicked_share": fine_ratio(one.clicked, one.hovers),
        "clicks": one.clicks,
        "views": one.views,
        "hovers_per_view": ratio(one.hovers, one.views),
        "next": {
            "rows": rows,
            "total": following.pages.total,
            "others": others,
            "left": following.left,
            "alone": following.alone,
        },
    }


def _steps(numbers: Sequence[int]) -> list[Model]:
    ends = [*pairwise((0, *EDGES)), (EDGES[-1], None)]
    steps = [
        {"least_ms": least, "below_ms": below, "hovers": n} for (least, below), n in zip(ends, numbers, strict=True)
    ]
    return steps if numbers[0] else steps[1:]


def drawn(model: Model) -> Model:
    """What only the page needs: the histogram, None where there is nothing to draw."""
    one = model["attention"]
    if one is None or not one["hovers"]:
        return {"chart": None}
    steps = [(step["least_ms"], step["below_ms"], step["hovers"]) for step in one["steps"]]
    return {"chart": histogram(steps, ("hover", "hovers"))}
