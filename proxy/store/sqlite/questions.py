"""The SQLite side of the report's questions (store/questions): all of them, of one file.

Law: asking.py's. Here is what belongs to no span and to nobody: counters, refusals, the live feed.
"""

import hashlib

from proxy.store.questions import BlockedRow, MadeRow, OutcomeRow, Ranking, Refused, Told, Unheld, ViewRow, Without
from proxy.store.sqlite.asking import QUESTION_SECONDS, total_of
from proxy.store.sqlite.attended import Attended
from proxy.store.sqlite.callers import Callers
from proxy.store.sqlite.choosing import Choosing
from proxy.store.sqlite.counted import FIELDS_SHOWN
from proxy.store.sqlite.exploring import Exploring
from proxy.store.sqlite.formed import Formed
from proxy.store.sqlite.ledger import CONFIRMED
from proxy.store.sqlite.reader import EVER
from proxy.store.sqlite.rollups import REACH_MS
from proxy.store.sqlite.troubled import Troubled
from proxy.store.sqlite.visits import HEALED, SHOWN_NAVS
from proxy.store.sqlite.walked import Walked

__all__ = ["FIELDS_SHOWN", "QUESTION_SECONDS", "SqliteQuestions"]

IDENTITY_CHARS = 16
"""Hexadecimal digits that tell one store from another."""


class SqliteQuestions(Troubled, Callers, Choosing, Walked, Attended, Formed, Exploring):
    """Answers the report's questions about one database file (store/questions, `ReportReader`).

    Raises:
        StoreUnavailable: there is no such file, it is empty, or it cannot be read now.
        StoreUnusable: the file is another program's, or a newer version's.
    """

    def has_several_hosts(self) -> bool:
        return bool(self._one("report_hosts", {})[0])

    def people(self, since: int) -> int:
        return int(self._one("report_people", self._reach(since, EVER))[0])

    def outcomes(self, first_day: int, last_day: int) -> tuple[OutcomeRow, ...]:
        return tuple(OutcomeRow(*row) for row in self._ask("report_outcomes", {"first": first_day, "last": last_day}))

    def outcomes_of_hosts(self, first_day: int, last_day: int) -> list[tuple[int, str, str, int]]:
        """The same by day and host: (day, host, name, n)."""
        rows = self._ask("outcomes", {})
        return [row for row in rows if first_day <= row[0] <= last_day]

    def unheld(self, first_day: int, last_day: int) -> Unheld | None:
        row = self._one("report_unheld", {"first": first_day, "last": last_day})
        return None if row[0] is None else Unheld(*row)

    def made(self, since: int, until: int) -> tuple[MadeRow, ...]:
        found: dict[tuple[int, str], int] = {}
        for lane, served, healed, nav, n in self._ask("report_made", self._reach(since, until)):
            key = lane, _how(nav, bool(served), bool(healed))
            found[key] = found.get(key, 0) + n
        return tuple(MadeRow(*key, n) for key, n in sorted(found.items()))

    def known(self) -> tuple[int, list[int]]:
        """The times that have events: (length, beginnings) of slots, ms and UTC ms."""
        return REACH_MS, [begin for (begin,) in self._ask("report_known", {})]

    def views(self, since: int, until: int) -> list[ViewRow]:
        """The page.visit events of a time, by time and seq. To be asked for times so short that they fit in memory."""
        found = []
        for time, host, path, uri, lane, nav, status, method, took, state in self._ask(
            "report_views", self._reach(since, until)
        ):
            how, is_post = _how(nav, status is not None, bool(state & HEALED)), method == "POST"
            found.append(ViewRow(time, host, path, uri, lane, how, status, is_post, took, bool(state & CONFIRMED)))
        return found

    def refused(self, since: int, until: int, limit: int) -> Ranking[Refused]:
        rows = self._ask("report_refused", {"since": since, "until": until, "limit": limit})
        return Ranking(tuple(Refused(*row[:-1]) for row in rows), total_of(rows))

    def blocked(self, first_day: int, last_day: int, limit: int) -> Without:
        rows = self._ask("report_blocked", {"first": first_day, "last": last_day, "limit": limit})
        return Without(tuple(BlockedRow(*row[:5]) for row in rows), total_of(rows), int(rows[0][5]) if rows else 0)

    # The live feed ---------------------------------------------------------------------------------------------

    def identity(self) -> str:
        """Of the file and of the name in it: a file's number alone is used again when it is gone."""
        row = self._one("report_name", {})
        return "" if row is None else hashlib.sha256(b"%d %d %b" % (*self._file, row[0])).hexdigest()[:IDENTITY_CHARS]

    def newest(self) -> int:
        return int(self._one("report_newest", {})[0])

    def after(self, seq: int, limit: int) -> tuple[Told, ...]:
        rows = self._ask("report_after", {"seq": seq, "limit": limit})
        return self.again([seq for (seq,) in reversed(rows)])

    def number_after(self, seq: int, most: int) -> int:
        return int(self._one("report_number_after", {"seq": seq, "most": most})[0])


def _how(nav: str, served: bool, healed: bool) -> str:
    """How a page view came to be known (store/questions, `MadeRow`)."""
    if served or healed:
        return "served" if served else "healed"
    return nav if nav in SHOWN_NAVS else "consent"
