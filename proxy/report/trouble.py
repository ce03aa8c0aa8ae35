"""Errors and slow pages: which pages they are, and what people did after one of them.

Law: every number is the store's (store/questions/trouble.py).
"""

from collections.abc import Sequence
from dataclasses import asdict

from proxy.report.chosen import Chosen, trouble_of
from proxy.report.numbers import fine_ratio
from proxy.report.overview import Cards, Model, of_range, only, rows_of, slow_rows
from proxy.report.ranges import Range
from proxy.report.sheets import Table, followed, ranked
from proxy.store.questions import Afterwards, Late, ReportReader, Span

ENDINGS = ("left", "again", "others", "alone")
"""What came next, besides other pages by their names; they and those add up to the views."""


def trouble(
    reader: ReportReader, span: Range, lane: int, *, chosen: Sequence[Chosen] = (), of: str = "", limit: int
) -> Model:
    """Pages that failed and pages that were slow; with `of` (`failed 404 shop.example/range`, `slow
    shop.example/range`) what people did after that instead. What is odd names nothing."""
    cards, wanted = Cards(), trouble_of(of)
    with reader.moment():
        several = cards.ask("hosts", reader.has_several_hosts)
        with only(reader, cards, chosen, span, about=wanted) as told:
            within = Span(told["since"], span.until, lane)
            shown: Model
            if wanted is None:
                shown = {
                    "of": None,
                    "views": cards.ask("views", lambda: reader.lanes(within.since, within.until)[lane].views),
                    "failed": cards.ask("failed", lambda: rows_of(reader.failed(within, limit))),
                    "slow": cards.ask("slow", lambda: slow_rows(reader.slow(within, limit))),
                }
            else:
                after = cards.ask("after", lambda: reader.afterwards(within, wanted, limit))
                named = {"text": of, "status": None, **wanted._asdict()}
                shown = {"of": named, "after": None if after is None else _told(after)}
    return {
        **of_range(span, lane),
        **told,
        "several_hosts": bool(several),
        "late": cards.late,
        **shown,
    }


def trouble_table(model: Model, card: str) -> Table:
    """Pages that failed, or that were slow where `card` says so; or what came after one. Raises Late."""
    if model["of"] is not None:
        after = model["after"]
        if after is None:
            raise Late("after")
        return followed(after["ways"], {name: after[name]["n"] for name in ENDINGS})
    found = model["slow" if card == "slow" else "failed"]
    if found is None:
        raise Late("trouble")
    return ranked(found)


def _told(after: Afterwards) -> Model:
    """What came next as an object; `share`: of the views."""
    named = sum(row.n for row in after.ways.rows)
    others = after.views - after.alone - after.left - after.again - named
    ends = {"left": after.left, "again": after.again, "others": others, "alone": after.alone}
    rows = [{**asdict(row), "share": fine_ratio(row.n, after.views)} for row in after.ways.rows]
    return {
        "views": after.views,
        **{name: {"n": n, "share": fine_ratio(n, after.views)} for name, n in ends.items()},
        "ways": {"rows": rows, "total": after.ways.total},
    }
