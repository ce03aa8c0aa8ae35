"""What is asked about one element that people hover over (store/questions, `Attention`).

Law: asking.py's; from the rows of events alone, since no cells are kept of what is asked here. So it is to be asked
about sessions that were picked (choosing.py), or about a short time.
"""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from proxy.events.dwell import quantile
from proxy.store.questions import Attention, Did, Following, LongHover, NextRow, Ranking, Span
from proxy.store.sqlite.asking import Asking
from proxy.visitors.ids import text_of

CLICK = "click"


class Attended(Asking):
    """One element, and who looked at it for how long."""

    def attention(self, span: Span, element: Did, edges: Sequence[int], limit: int) -> Attention:
        asked = {**self._reach(span.since, span.until), "lane": span.lane, **element._asdict()}
        context = element.action.rpartition(".")[0]
        hovers, alone, visitors, cookieless, unusual, clicked = self._one("report_element_sums", asked)
        lengths = self._ask("report_element_lengths", {**asked, "edges": json.dumps(list(edges))})
        histogram, steps = _lengths(lengths, len(edges) + 1)
        clicks, views = self._one("report_element_beside", {**asked, "click": f"{context}.{CLICK}"})
        longest = self._ask("report_element_evidence", {**asked, "limit": limit})
        return Attention(
            hovers,
            visitors,
            cookieless,
            quantile(histogram, 0.5) if histogram else None,
            quantile(histogram, 0.95) if histogram else None,
            steps,
            unusual,
            tuple(map(_long, longest)),
            clicked,
            clicks,
            views,
            _following(self._ask("report_element_next", {**asked, "limit": limit}), alone),
        )


def _lengths(rows: Sequence[tuple[int, int, int]], number: int) -> tuple[list[tuple[int, int]], tuple[int, ...]]:
    """(a histogram of events/dwell.py, how many in each of so many steps) of (bucket, step, n), by bucket."""
    buckets: Counter[int] = Counter()
    steps = [0] * number
    for bucket, step, n in rows:
        buckets[bucket] += n
        steps[step] += n
    return sorted(buckets.items()), tuple(steps)


def _long(row: Any) -> LongHover:
    dwell_ms, usual_ms, usual_n, time, uuid, session = row
    return LongHover(dwell_ms, usual_ms, usual_n, time, text_of(uuid), None if session is None else text_of(session))


def _following(rows: Sequence[Any], alone: int) -> Following:
    """The first row is of no page: how many left, and how many pages there are."""
    (_, _, left, total), *pages = rows
    return Following(Ranking(tuple(NextRow(*row[:3]) for row in pages), total), left, alone)
