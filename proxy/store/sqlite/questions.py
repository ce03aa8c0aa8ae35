"""The SQLite side of the report's questions (store/questions): all of them, of one file.

Law: asking.py's. Here is what belongs to no span and to nobody: counters, refusals, the live feed.
"""

import hashlib

from proxy.store.questions import BlockedRow, OutcomeRow, Ranking, Refused, Told, Without
from proxy.store.sqlite.asking import QUESTION_SECONDS, total_of
from proxy.store.sqlite.callers import Callers
from proxy.store.sqlite.choosing import Choosing
from proxy.store.sqlite.connection import mapped_errors
from proxy.store.sqlite.counted import FIELDS_SHOWN, Counted
from proxy.store.sqlite.reader import EVER

__all__ = ["FIELDS_SHOWN", "QUESTION_SECONDS", "SqliteQuestions"]

IDENTITY_CHARS = 16
"""Hexadecimal digits that tell one store from another."""


class SqliteQuestions(Counted, Callers, Choosing):
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

    def change(self) -> int:
        with mapped_errors(self._path):
            return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def newest(self) -> int:
        return int(self._one("report_newest", {})[0])

    def after(self, seq: int, limit: int) -> tuple[Told, ...]:
        rows = self._ask("report_after", {"seq": seq, "limit": limit})
        return self.again([seq for (seq,) in reversed(rows)])

    def number_after(self, seq: int, most: int) -> int:
        return int(self._one("report_number_after", {"seq": seq, "most": most})[0])
