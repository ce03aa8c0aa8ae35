"""The overview as one object: what its page shows, its JSON says and the terminal prints.

Law: every number is made here once. A question that was too slow leaves its card None and its name in `late`; the
rest of the page is as good as without it. What the numbers mean is said in store/questions.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from typing import Any, TypeVar

from proxy.events.event import LANES
from proxy.report.aside import Aside
from proxy.report.balance import requests
from proxy.report.blocked import words_of
from proxy.report.channels import merge
from proxy.report.chosen import EVER, PAGE, SOURCES_READ, Chosen, filters_of, page_of, told_of
from proxy.report.numbers import fine_ratio, points_between, ratio
from proxy.report.ranges import Earlier, Range, utc_days
from proxy.store.questions import About, Late, Ranking, ReportReader, Saw, SlowRow, Span

NOW_MS = 5 * 60_000
"""Who did something within this time is on the site."""
CONFIRMED_WITHIN_MS = 60_000
"""A page that is younger may be confirmed yet, and is no unconfirmed one: the tracker says so in the second in which it
runs, and tries again for some twenty seconds where it cannot."""
REFUSED_READ = 1_000
"""All that a store keeps (WIRE.md, "Beacon")."""

TOTALS = ("lanes", "engaged")
"""Questions that the totals are made of."""

Answer = TypeVar("Answer")
Model = dict[str, Any]


class Cards:
    """Asks questions; one that is late is None and remembered. With `wanted` no others than these are asked, and the
    rest is None."""

    def __init__(self, wanted: Collection[str] | None = None) -> None:
        self.late: list[str] = []
        self.is_over = False
        """Whether no question is to be asked any more."""
        self._wanted = wanted

    def ask(self, name: str, question: Callable[[], Answer]) -> Answer | None:
        if self._wanted is not None and name not in self._wanted:
            return None
        try:
            if not self.is_over:
                return question()
            self.late.append(name)
            return None
        except Late:
            self.late.append(name)
            return None


def overview(
    reader: ReportReader,
    span: Range,
    lane: int,
    *,
    chosen: Sequence[Chosen] = (),
    earlier: Earlier | None = None,
    wanted: Collection[str] | None = None,
    limit: int,
    now_ms: int,
) -> Model:
    """All numbers of the overview; times are UTC ms, lengths ms. With filters only what sessions have is told:
    requests, refusals and pages without the tag are None. Who is on the site now is so without any. `earlier`: what the
    totals are compared with, and by how many percentage points the bounce rate is above it; `wanted`: names of the
    cards that are asked for, of all where it is None; `totals` means those and the lanes."""
    cards = Cards(None if wanted is None else {*wanted, *(TOTALS if "totals" in wanted else ())})
    # Sessions that are picked are known to the reader only that has picked them; one card alone needs no other reader.
    with reader.moment(beside=not chosen and wanted is None) as other, Aside(reader, other) as aside:
        model: Model = {
            **of_range(span, lane),
            "several_hosts": bool(cards.ask("hosts", reader.has_several_hosts)),
            "people_now": cards.ask("people_now", lambda: reader.people(now_ms - NOW_MS)),
            "blocked": None if chosen else cards.ask("blocked", lambda: _blocked(reader, span, limit)),
            "rejected": None
            if chosen
            else cards.ask("rejected", lambda: rejected(reader, span.since, span.until, limit)),
            "requests": None if chosen else cards.ask("requests", lambda: requests(reader, span, now_ms)),
        }
        with only(reader, cards, chosen, span) as told:
            within = Span(told["since"], span.until, lane)
            days, settled = _since(span.days, within.since), now_ms - CONFIRMED_WITHIN_MS
            # With the hovers that these are asked beside, they are four fifths of all that the questions take.
            begun = {
                "pages": aside.start(lambda one: rows_of(one.pages(within, limit))),
                "clicks": aside.start(lambda one: rows_of(one.clicks(within, limit))),
                "unconfirmed": aside.start(lambda one: _unconfirmed(one, days, settled, limit)),
            }
            model |= {**told, **_of_sessions(reader, cards, begun, chosen, span.edges, within, limit)}
        is_whole = model["since"] == span.since and not cards.late
        is_compared = earlier is not None and is_whole and (wanted is None or "totals" in wanted)
        then = _earlier(reader, chosen, earlier, lane) if earlier is not None and is_compared else None
        if then is not None:
            rates = (of["bounce_rate"] for of in (model["totals"], then["totals"]))
            then["bounce_points"] = points_between(*rates)
        model["earlier"] = then
    return {**model, "late": cards.late}


def of_range(span: Range, lane: int) -> Model:
    """What every page of a range says of it first."""
    shown = {"name": span.name, "label": span.label, "since": span.since, "until": span.until}
    return {"range": shown, "lane": LANES[lane]}


@contextmanager
def only(
    reader: ReportReader, cards: Cards, chosen: Sequence[Chosen], span: Range, about: About | None = None
) -> Iterator[Model]:
    """Within it questions are asked about the sessions that filters pick: `filters`, and from when on the answers are
    whole (`since`), which is later than the range's beginning where all was more than could be looked through. Where
    the sessions could not be found in time, every question about them is late."""
    told = {"filters": [told_of(one) for one in chosen], "since": span.since}
    with ExitStack() as stack:
        try:
            filters = filters_of(reader, chosen, span.since, span.until)
            told["since"] = stack.enter_context(reader.only(filters, span.since, span.until, about))
        except Late:
            cards.late.append("filters")
            cards.is_over = True
        yield told


def _earlier(reader: ReportReader, chosen: Sequence[Chosen], earlier: Earlier, lane: int) -> Model | None:
    """The totals of the time before; None where they cannot be told whole, or nobody was there."""
    try:
        filters = filters_of(reader, chosen, earlier.since, earlier.until)
        with reader.only(filters, earlier.since, earlier.until) as since:
            totals, _ = _totals(reader, Cards(), Span(earlier.since, earlier.until, lane))
    except Late:
        return None
    # An app's sessions have no page; somebody without a cookie is no visitor.
    is_told = since == earlier.since and any(totals[name] for name in ("visitors", "sessions", "views"))
    return {**earlier._asdict(), "totals": totals} if is_told else None


def _of_sessions(
    reader: ReportReader,
    cards: Cards,
    begun: dict[str, Callable[[], Model]],
    chosen: Sequence[Chosen],
    edges: Sequence[tuple[int, int]],
    within: Span,
    limit: int,
) -> Model:
    bars = _since(edges, within.since)
    hovers = cards.ask("hovers", lambda: rows_of(reader.hovers(within, limit)))
    totals, lanes = _totals(reader, cards, within)
    found: Model = {
        "series": cards.ask("series", lambda: [asdict(slot) for slot in reader.slots(bars, within.lane)]),
        "sources": cards.ask("sources", lambda: _sources(reader, within, limit)),
        "devices": cards.ask("devices", lambda: rows_of(reader.devices(within, limit))),
        "hovers": hovers,
        "forms": cards.ask("forms", lambda: rows_of(reader.forms(within, limit))),
        "failed": cards.ask("failed", lambda: rows_of(reader.failed(within, limit))),
        "slow": cards.ask("slow", lambda: slow_rows(reader.slow(within, limit))),
    }
    # What was begun last may not have been come to, and nothing waits for the clicks.
    unconfirmed, pages = (cards.ask(name, begun[name]) for name in ("unconfirmed", "pages"))
    following = cards.ask("next", lambda: _next(reader, cards, chosen, pages, within, limit))
    clicks = cards.ask("clicks", begun["clicks"])
    first: Model = {"totals": totals, "lanes": lanes, "pages": pages, "next": following, "clicks": clicks}
    return {**first, **found, "unconfirmed": unconfirmed}


def _since(edges: Sequence[tuple[int, int]], since: int) -> list[tuple[int, int]]:
    """Bars, as far as they are not before a time."""
    return [(max(begin, since), end) for begin, end in edges if end > since]


def refusals(reader: ReportReader, limit: int) -> Model:
    """All refused events that are kept, by reason."""
    with reader.moment():
        return {**rejected(reader, 0, EVER, limit), "several_hosts": reader.has_several_hosts()}


def rejected(reader: ReportReader, since: int, until: int, limit: int) -> Model:
    """Refused events by reason; `events` counts all that are kept in the range."""
    found = reader.refused(since, until, REFUSED_READ)
    return {
        "events": sum(row.n for row in found.rows),
        "total": found.total,
        "rows": [asdict(row) for row in found.rows[:limit]],
    }


def _totals(reader: ReportReader, cards: Cards, within: Span) -> tuple[Model, list[Model] | None]:
    """The totals of a lane, and the sums of every lane."""
    lanes = cards.ask("lanes", lambda: reader.lanes(within.since, within.until))
    engaged = cards.ask("engaged", lambda: reader.engaged(within))
    own = None if lanes is None else lanes[within.lane]
    totals: Model = {
        "visitors": own and own.visitors,
        "cookieless": own and own.cookieless,
        "sessions": own and own.sessions,
        "views": own and own.views,
        "bounces": own and own.bounces,
        "pages_per_session": own and ratio(own.views, own.sessions),
        "bounce_rate": own and ratio(own.bounces, own.sessions),
        "engaged_ms": engaged and engaged.median_ms,
        "engaged_views": engaged and engaged.views,
    }
    counts = ("visitors", "cookieless", "sessions", "views")
    told = [{"lane": LANES[row.lane], **{name: getattr(row, name) for name in counts}} for row in lanes or ()]
    return totals, told or None


def rows_of(ranking: Ranking[Any]) -> Model:
    """A ranking as an object."""
    return {"rows": [asdict(row) for row in ranking.rows], "total": ranking.total}


def _next(
    reader: ReportReader, cards: Cards, chosen: Sequence[Chosen], pages: Model | None, within: Span, limit: int
) -> Model:
    """What was seen right after a page, `of`: the one that a filter names last, else the one that is seen most."""
    named = [page for one in chosen if one.key == PAGE and (page := page_of(one.text)) is not None]
    if not named and "pages" in cards.late:
        raise Late("next")
    if not named:
        most = pages or rows_of(reader.pages(within, 1))  # alone, as a sheet is
        named = [Saw(row["host"], row["path"]) for row in most["rows"][:1]]
    if not named:
        return {"of": None, "rows": [], "total": 0}
    page = named[-1]
    return {"of": page._asdict(), **rows_of(reader.next_pages(within, page.host, page.path, limit))}


def slow_rows(ranking: Ranking[SlowRow]) -> Model:
    """Pages that the site was slow with; `share`: of their views."""
    rows = [{**asdict(row), "share": fine_ratio(row.slow, row.views)} for row in ranking.rows]
    return {"rows": rows, "total": ranking.total}


def _sources(reader: ReportReader, within: Span, limit: int) -> Model:
    """Sessions by source. Those of `rows`, of `others` and `continued` are all sessions: `others` are those of the
    sources that are not among the rows, and of origins that were too rare to be put together to sources."""
    found = reader.sources(within, SOURCES_READ)
    sources, continued = merge(found.rows)
    shown = sources[:limit]
    others = {
        "sessions": found.sessions - continued - sum(source.sessions for source in shown),
        "sources": len(sources) - len(shown),
        "more_origins": found.total - len(found.rows),
    }
    rows = [asdict(source) for source in shown]
    return {"rows": rows, "total": len(sources), "others": others, "continued": continued}


def _unconfirmed(reader: ReportReader, days: Sequence[tuple[int, int]], settled: int, limit: int) -> Model:
    """People's page views that no browser has confirmed, by page and by day, and their share."""
    found = reader.unconfirmed(days, settled, limit)
    views, missing = (sum(getattr(day, name) for day in found.days) for name in ("views", "unconfirmed"))
    days_of, rows = (
        [{**asdict(one), "share": fine_ratio(one.unconfirmed, one.views)} for one in part]
        for part in (found.days, found.rows)
    )
    return {
        "settled": settled,
        "views": views,
        "unconfirmed": missing,
        "share": fine_ratio(missing, views),
        "days": days_of,
        "rows": rows,
        "total": found.total,
    }


def _blocked(reader: ReportReader, span: Range, limit: int) -> Model:
    """Visits to pages that went without their tag, by page and reason; a row of no host and no path is all others."""
    first, last = utc_days(span.since, span.until)
    found = reader.blocked(first, last, limit)
    rows = [{**asdict(row), **words_of(row.reason)._asdict()} for row in found.rows]
    return {"first_day": first, "last_day": last, "rows": rows, "total": found.total, "views": found.views}
