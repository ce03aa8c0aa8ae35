"""The SQLite side of the ways that sessions take (store/questions/paths.py).

Law: asking.py's. Asked about sessions that were picked (choosing.py) only: of these all pages are read, in memory.
"""

import json
from collections.abc import Sequence
from typing import Any

from proxy.store.questions.answers import Span
from proxy.store.questions.paths import Flow, Place, StepRow, TrailRow, Trails
from proxy.store.sqlite.asking import Asking


class Walked(Asking):
    """What came before and after a page, and whole ways."""

    def flow(self, span: Span, host: str, path: str, limit: int) -> Flow:
        rows = self._ask("report_flow", {**span._asdict(), "host": host, "path": path, "limit": limit})
        before, after = ([_step(row) for row in rows if row[0] == side] for side in (-1, 1))
        return Flow(rows[0][-1] if rows else 0, tuple(before), tuple(after))

    def trails(self, span: Span, most: int, limit: int) -> Trails:
        rows = self._ask("report_trails", {**span._asdict(), "most": most, "limit": limit})
        ways = [[int(page) for page in pages.split(",")] for pages, *_ in rows]
        places = self._places(sorted({page for way in ways for page in way}))
        found = [
            TrailRow(tuple(places[page] for page in way), bool(is_longer), n)
            for way, (_, is_longer, n, *_) in zip(ways, rows, strict=True)
        ]
        return Trails(tuple(found), *(rows[0][-2:] if rows else (0, 0)))

    def _places(self, pages: Sequence[int]) -> dict[int, Place]:
        return {page: Place(*place) for page, *place in self._ask("report_places", {"pages": json.dumps(pages)})}


def _step(row: Any) -> StepRow:
    _, *names, n, _ = row
    near, far = (None if host is None else Place(host, path) for host, path in (names[:2], names[2:]))
    return StepRow(near, far, n)
