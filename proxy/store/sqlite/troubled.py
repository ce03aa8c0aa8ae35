"""Pages that came with an error, or late, and what people did after that (store/questions/trouble.py).

Law: which page views these are is said in rollups.py.
"""

import json

from proxy.events.dwell import quantile
from proxy.store.questions import Afterwards, Failed, FailedRow, NextRow, Ranking, SlowRow, Span, Waited
from proxy.store.sqlite.asking import total_of
from proxy.store.sqlite.counted import Counted, histograms


class Troubled(Counted):
    """What went wrong."""

    def failed(self, span: Span, limit: int) -> Ranking[FailedRow]:
        rows = self._ask_span("report_failed", span, limit=limit)
        return Ranking(tuple(FailedRow(*row[:-1]) for row in rows), total_of(rows))

    def slow(self, span: Span, limit: int) -> Ranking[SlowRow]:
        rows = self._ask_span("report_slow", span, limit=limit)
        shown = json.dumps([row[0] for row in rows])
        took = histograms(self._ask_span("report_slow_lengths", span, pages=shown)) if rows else {}
        found = [
            SlowRow(host, path, slow, views, quantile(took[page], 0.5), quantile(took[page], 0.95), exits)
            for page, host, path, slow, views, exits, _ in rows
        ]
        return Ranking(tuple(found), total_of(rows))

    def afterwards(self, span: Span, of: Failed | Waited, limit: int) -> Afterwards:
        values = {**span._asdict(), **of._asdict(), "limit": limit}
        values["status"] = of.status if isinstance(of, Failed) else None
        views, alone, left, again = self._one("report_afterwards", values)
        rows = self._ask("report_afterwards_ways", values)
        ways = Ranking(tuple(NextRow(*row[:-1]) for row in rows), total_of(rows))
        return Afterwards(views, alone, left, again, ways)
