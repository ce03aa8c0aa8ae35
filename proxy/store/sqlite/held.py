"""The SQLite side of what a visitor may know (store/questions/held.py).

Law: asking.py's. What is counted with every event is told as it is counted; what is not is counted here, up to a limit.
"""

import json

from proxy.events.event import Event
from proxy.store.questions.held import Held
from proxy.store.sqlite.asking import Asking
from proxy.store.sqlite.reader import event_of

LOOSE_COUNTED = 10_000
"""Events outside any session that are counted, some ten milliseconds: there are many only where `tracking.sessions` is
off."""


class SqliteHeld(Asking):
    """Answers about one database file (`HeldReader`).

    Raises:
        StoreUnavailable: there is no such file, it is empty, or it cannot be read now.
        StoreUnusable: the file is another program's, or a newer version's.
    """

    def held(self, uuid: bytes, latest: int) -> Held:
        with self.moment():
            known = self._one("held_visitor", {"uuid": uuid})
            if known is None:
                return Held()
            key, is_crawler = known
            if is_crawler:
                return Held(is_crawler=True)
            sessions, begun, views, events, is_customer = self._one("held_sums", {"visitor": key})
            loose, first, seen = self._one("held_loose", {"visitor": key, "most": LOOSE_COUNTED + 1})
            seqs = self._ask("held_latest", {"visitor": key, "most": latest})
            counted = min(loose, LOOSE_COUNTED)
            return Held(
                since=min((time for time in (begun, first) if time is not None), default=None),
                sessions=sessions,
                views=views + min(seen, counted),
                others=events - views + counted - min(seen, counted),
                is_more=loose > LOOSE_COUNTED,
                is_customer=bool(is_customer),
                latest=self._events([seq for (seq,) in seqs]),
            )

    def _events(self, seqs: list[int]) -> tuple[Event, ...]:
        rows = self._ask("report_events", {"seqs": json.dumps(seqs)})
        found = (event_of(row[:-2], self._labels) for row in rows)
        return tuple(sorted(found, key=lambda event: (event.time, event.seq), reverse=True))
