"""What is counted of a span: totals, the chart, and the rankings (store/questions).

Law: only names and sums; who somebody is, is asked elsewhere (callers.py).
"""

import json
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from proxy.events.dwell import quantile
from proxy.events.event import LANES
from proxy.events.labels import CONTEXTS
from proxy.store.questions import (
    ClickRow,
    DeviceRow,
    Engaged,
    Evidence,
    FieldRow,
    FormRow,
    HoverRow,
    LaneTotals,
    NextRow,
    Origins,
    PageRow,
    Ranking,
    Slot,
    SourceRow,
    Span,
    Unconfirmed,
    UnconfirmedDay,
    UnconfirmedRow,
)
from proxy.store.sqlite.asking import Asking, total_of
from proxy.visitors.times import HOUR_MS

FIELDS_SHOWN = 100
"""Of one form: whoever makes up field names must not crowd out another form's."""
TITLE_EVENTS = 20_000
"""Numbers of events, the latest of a span, among which the titles of its pages are looked for: some milliseconds."""

_HOVERS = json.dumps([f"{context}.hover" for context in CONTEXTS])
_CLICKS = json.dumps([f"{context}.click" for context in CONTEXTS])


class Counted(Asking):
    """Totals and rankings."""

    def lanes(self, since: int, until: int) -> tuple[LaneTotals, ...]:
        found = {row[0]: row for row in self._ask_of("report_lanes", since, until, {})}
        return tuple(LaneTotals(*found.get(lane, (lane, 0, 0, 0, 0, 0))) for lane in range(len(LANES)))

    def slots(self, edges: Sequence[tuple[int, int]], lane: int) -> tuple[Slot, ...]:
        extents = self._ask("report_extents", {"edges": json.dumps(edges)}) if edges else []
        days = [(place, *row[:2]) for place, row in enumerate(extents) if row[2] and not self._raw]
        asked = {"edges": json.dumps(days), "lane": lane}
        found = {place: numbers for place, *numbers in self._ask("report_slots_days", asked)}
        others = {place: edge for place, edge in enumerate(edges) if place not in found}
        hours = {place: since // HOUR_MS for place, (since, until) in others.items() if _is_hour(since, until)}
        if hours and not self._raw:
            found |= self._count_hours(hours, lane)
        bars = {place: edge for place, edge in others.items() if place not in found}
        found |= self._read_bars("report_slots", bars, lane=lane)
        return tuple(Slot(*edge, *found.get(place, (0, 0))) for place, edge in enumerate(edges))

    def _count_hours(self, hours: Mapping[int, int], lane: int) -> dict[int, list[int]]:
        """Page views and visitors of some bars, each an hour since 1970 in UTC."""
        low, high = min(hours.values()), max(hours.values())
        first, last, _ = self._extent(low * HOUR_MS, (high + 1) * HOUR_MS)
        asked: dict[str, object] = {"low": low, "high": high, "first": first, "last": last, "lane": lane}
        found: dict[int, list[int]] = {hour: numbers for hour, *numbers in self._ask("report_slots_hours", asked)}
        return {place: found.get(hour, [0, 0]) for place, hour in hours.items()}

    def _read_bars(self, name: str, bars: Mapping[int, tuple[int, int]], **values: object) -> dict[int, list[int]]:
        """What there is of some bars, from the rows. One look at each row, whatever the number of bars."""
        if not bars:
            return {}
        places = list(bars)
        starts = [since for since, _ in bars.values()]

        def bar_of(time: int) -> int | None:
            place = places[bisect_right(starts, time) - 1]
            return place if time < bars[place][1] else None

        self._connection.create_function("bar_of", 1, bar_of, deterministic=True)
        reach = self._reach(starts[0], max(until for _, until in bars.values()))
        return {place: numbers for place, *numbers in self._ask(name, {**reach, **values})}

    def engaged(self, span: Span) -> Engaged:
        histogram = self._ask_span("report_engaged", span)
        return Engaged(_middle(histogram), sum(n for _, n in histogram))

    def pages(self, span: Span, limit: int) -> Ranking[PageRow]:
        rows = self._ask_span("report_pages", span, limit=limit)
        shown = json.dumps([row[0] for row in rows])
        used = histograms(self._ask_span("report_pages_used", span, pages=shown)) if rows else {}
        titles = self._titles(span, [row[0] for row in rows])
        found = [
            PageRow(host, path, titles.get(page), views, visitors, entries, exits, _middle(used.get(page, ())))
            for page, host, path, views, visitors, entries, exits, _ in rows
        ]
        return Ranking(tuple(found), total_of(rows))

    def unconfirmed(self, days: Sequence[tuple[int, int]], settled: int, limit: int) -> Unconfirmed:
        found = self._unconfirmed_days(days, settled)
        told = tuple(UnconfirmedDay(*day, *found.get(place, (0, 0))) for place, day in enumerate(days))
        since, until = (days[0][0], days[-1][1]) if days else (0, 0)
        young = self._reach(max(since, settled), until)
        asked = {f"young_{name}": value for name, value in young.items()}
        rows = self._ask_of("report_unconfirmed", since, until, {**asked, "settled": settled, "limit": limit})
        return Unconfirmed(told, tuple(UnconfirmedRow(*row[:-1]) for row in rows), total_of(rows))

    def _unconfirmed_days(self, days: Sequence[tuple[int, int]], settled: int) -> dict[int, list[int]]:
        """People's page views of some days by their place, and those of them that nobody confirmed."""
        extents = self._ask("report_extents", {"edges": json.dumps(days)}) if days else []
        whole = [(place, *row[:2]) for place, row in enumerate(extents) if row[2] and not self._raw]
        rows = self._ask("report_unconfirmed_bars_days", {"edges": json.dumps(whole)})
        found = {place: numbers for place, *numbers in rows}
        young = {place: (max(days[place][0], settled), days[place][1]) for place in found}
        young = {place: (since, until) for place, (since, until) in young.items() if since < until}
        for place, (n,) in self._read_bars("report_unconfirmed_young", young).items():
            found[place] = [number - n for number in found[place]]
        others = {place: day for place, day in enumerate(days) if place not in {one[0] for one in whole}}
        return found | self._read_bars("report_unconfirmed_bars", others, settled=settled)

    def _titles(self, span: Span, pages: Sequence[int]) -> dict[int, str]:
        """What pages are called; see `PageRow`."""
        if not pages:
            return {}
        asked = {**self._reach(span.since, span.until), "lane": span.lane, "latest": TITLE_EVENTS}
        rows = self._ask("report_titles", {**asked, "pages": json.dumps(pages)})
        titles = {page: title for page, title, _ in rows}
        others = json.dumps([page for page in pages if page not in titles])
        rows = self._ask("report_titles_known", {"pages": others})
        return titles | {page: title for page, title, _ in rows}

    def next_pages(self, span: Span, host: str, path: str, limit: int) -> Ranking[NextRow]:
        name = "report_next_pages_picked" if self._are_picked else "report_next_pages"
        rows = self._ask_span(name, span, host=host, path=path, limit=limit)
        return Ranking(tuple(NextRow(*row[:-1]) for row in rows), total_of(rows))

    def sources(self, span: Span, limit: int) -> Origins:
        rows = self._ask_span("report_sources", span, limit=limit)
        sessions = int(rows[0][-2]) if rows else 0
        return Origins(tuple(SourceRow(*row[:-2]) for row in rows), total_of(rows), sessions)

    def devices(self, span: Span, limit: int) -> Ranking[DeviceRow]:
        rows = self._ask_span("report_devices", span, limit=limit)
        return Ranking(tuple(DeviceRow(*row[:-1]) for row in rows), total_of(rows))

    def hovers(self, span: Span, limit: int) -> Ranking[HoverRow]:
        rows = self._marked(span, limit) or self._ask_span("report_hovers", span, actions=_HOVERS, limit=limit)
        asked: dict[str, object] = {"actions": _HOVERS, "elements": json.dumps([row[0] for row in rows])}
        lasted = histograms(self._ask_span("report_hover_lengths", span, **asked)) if rows else {}
        unusual = {**asked, "elements": json.dumps([row[0] for row in rows if row[6]])}
        longest = self._ask("report_hover_evidence", {**span._asdict(), **unusual})
        evidence = {element: row for element, *row in longest}
        found = [_hover(row, lasted[row[0]], evidence.get(row[0])) for row in rows]
        return Ranking(tuple(found), total_of(rows))

    def _marked(self, span: Span, limit: int) -> list[Any]:
        """The first elements where all of them were hovered over for longer than usual, as of most sites they were."""
        extent = self._extent(span.since, span.until)
        if not extent.whole:
            return []
        asked = {"first": extent.first, "last": extent.last, "lane": span.lane, "actions": _HOVERS, "limit": limit}
        return self._ask("report_hovers_marked_days", asked)

    def clicks(self, span: Span, limit: int) -> Ranking[ClickRow]:
        rows = self._ask_span("report_clicks", span, actions=_CLICKS, limit=limit)
        return Ranking(tuple(ClickRow(*row[:-1]) for row in rows), total_of(rows))

    def forms(self, span: Span, limit: int) -> Ranking[FormRow]:
        rows = self._ask_span("report_forms", span, limit=limit)
        shown = json.dumps([row[0] for row in rows])
        fields: dict[int, list[FieldRow]] = {}
        for target, *field in self._ask_span("report_fields", span, forms=shown, most=FIELDS_SHOWN) if rows else ():
            fields.setdefault(target, []).append(FieldRow(*field))
        found = [
            FormRow(host, path, name, started, submitted, visitors, tuple(fields.get(target, ())))
            for target, host, path, name, started, submitted, visitors, _ in rows
        ]
        return Ranking(tuple(found), total_of(rows))

    def _ask_span(self, name: str, span: Span, **values: object) -> list[Any]:
        return self._ask_of(name, span.since, span.until, {**values, "lane": span.lane})


def _is_hour(since: int, until: int) -> bool:
    """Whether a bar is one of those that are counted: so many minutes past the hour, as in some zones, it is none."""
    return until - since == HOUR_MS and since % HOUR_MS == 0


def histograms(rows: Iterable[tuple[int, int, int]]) -> dict[int, list[tuple[int, int]]]:
    """(subject, bucket, n) rows, sorted, as a histogram (events/dwell.py) of each subject."""
    return {subject: [row[1:] for row in part] for subject, part in groupby(rows, key=lambda row: row[0])}


def _middle(histogram: Sequence[tuple[int, int]]) -> int | None:
    return quantile(histogram, 0.5) if histogram else None


def _hover(row: Any, lasted: Sequence[tuple[int, int]], longest: Sequence[Any] | None) -> HoverRow:
    _, host, path, name, action, hovers, unusual, _ = row
    evidence = None if longest is None or None in longest else Evidence(*longest)
    return HoverRow(host, path, name, action, hovers, quantile(lasted, 0.5), quantile(lasted, 0.95), unusual, evidence)
