"""What holds attention as one object: the elements that people hover over, or one of them with all that is known of it.

Law: overview.py's. One element is asked about through its own sessions: `since` is from when on that is whole, with
filters or without.
"""

from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise

from proxy.report.charts import Histogram, histogram
from proxy.report.chosen import Chosen, did_text
from proxy.report.numbers import fine_ratio, ratio
from proxy.report.overview import Cards, Model, of_range, only
from proxy.report.ranges import Range
from proxy.report.sheets import Table, followed, ranked, whole
from proxy.store.questions import Attention, Did, HoverRow, Late, Ranking, ReportReader, Span, Touched

EDGES = (300, 500, 1_000, 1_500, 2_000, 3_000, 5_000, 7_000, 10_000, 15_000, 20_000, 30_000, 60_000)
"""Where the steps begin in which lengths of hovers are told, ms; the longest that is measured is the last."""
ENDINGS = ("others", "left", "alone")
"""What came next, besides the pages that are named; they and those add up to the hovers."""
EVIDENCE_SHOWN = 10
"""On the page: hovers that were longer than usual, and pages that came next."""


def attention(
    reader: ReportReader, span: Range, lane: int, *, chosen: Sequence[Chosen] = (), of: Did | None, limit: int
) -> Model:
    """The elements of a range (`hovers`), or `of` one instead (`attention`). `limit`: of rows of a ranking, and of the
    hovers that were longer than usual."""
    cards = Cards()
    shown: Model | None
    with reader.moment():
        several = cards.ask("hosts", reader.has_several_hosts)
        with only(reader, cards, chosen, span, of and Touched(of.host, of.path, of.name)) as told:
            within = Span(told["since"], span.until, lane)
            if of is None:
                found = cards.ask("hovers", lambda: reader.hovers(within, limit))
                shown = None if found is None else _listed(found)
            else:
                one = cards.ask("attention", lambda: reader.attention(within, of, EDGES, limit))
                shown = None if one is None else _told(one)
    model: Model = {
        **of_range(span, lane),
        **told,
        "several_hosts": bool(several),
        "late": cards.late,
    }
    if of is None:
        return {**model, "of": None, "hovers": shown}
    return {**model, "of": {"text": did_text(*of), **of._asdict()}, "attention": shown}


def attention_table(model: Model, card: str) -> Table:
    """The elements, or a part of one: how long it was hovered over, where none is asked for. Raises Late."""
    found = model["attention" if model["of"] else "hovers"]
    if found is None:
        raise Late("attention")
    if model["of"] is None:
        return ranked(found)
    if card == "next":
        return followed(found["next"], {name: found["next"][name] for name in ENDINGS})
    return ranked(found["unusual"]) if card == "unusual" else whole(found["lengths"])


def _listed(found: Ranking[HoverRow]) -> Model:
    return {"rows": [asdict(row) for row in found.rows], "total": found.total}


def _told(one: Attention) -> Model:
    """An element as an object. `lengths`: below what edge each is, None where it is open; the first where there is any.
    `next`: `others` are the hovers that led to pages that are not among the rows."""
    following = one.following
    rows = [asdict(row) for row in following.pages.rows]
    others = one.hovers - following.left - following.alone - sum(row["n"] for row in rows)
    return {
        "hovers": one.hovers,
        "visitors": one.visitors,
        "cookieless": one.cookieless,
        "median_ms": one.median_ms,
        "p95_ms": one.p95_ms,
        "lengths": _lengths(one.steps),
        "unusual": {"rows": [asdict(row) for row in one.longest], "total": one.unusual},
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


def _lengths(numbers: Sequence[int]) -> list[Model]:
    ends = [*pairwise((0, *EDGES)), (EDGES[-1], None)]
    steps = [
        {"least_ms": least, "below_ms": below, "hovers": n} for (least, below), n in zip(ends, numbers, strict=True)
    ]
    return steps if numbers[0] else steps[1:]


def drawn(model: Model) -> Histogram | None:
    """The lengths of one element's hovers as a chart; None where there are none."""
    one = model.get("attention")
    if not one or not one["hovers"]:
        return None
    steps = [(step["least_ms"], step["below_ms"], step["hovers"]) for step in one["lengths"]]
    return histogram(steps, ("hover", "hovers"))
