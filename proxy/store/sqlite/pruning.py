"""Ids by which a repeat is recognised, and that no repeat is expected of any more.

Law: an id goes when what it stands for came in more than `IDS_DAYS` ago; what an id that is gone means is said in
VISITS.md section 3 ("unknown otherwise"). Most ids begin with their time, and the old ones lie side by side; those that
others have made lie anywhere, so that all are gone through.
"""

from proxy.store.base import Tidied
from proxy.store.sqlite.rollups import REACH_MS
from proxy.store.sqlite.texts import SQL
from proxy.store.sqlite.walks import Walk
from proxy.store.sqlite.work import Work
from proxy.visitors.times import DAY_MS

IDS_DAYS = 8
"""An app may send what it has kept for 7 days (WIRE.md, "API")."""
MARKS_DAYS = 401
"""An erased visitor's cookie is as old as a browser keeps one at the most, and is not renewed."""
FIRST, LAST = b"", b"\xff" * 17
"""Before and after every id."""


def begin(work: Work, now: int) -> Walk:
    """A walk through all ids: those of events up to `until` go."""
    work.execute(SQL["remove_erased"], {"visitors": now - MARKS_DAYS * DAY_MS, "pages": now - IDS_DAYS * DAY_MS})
    values = {"limit": now - IDS_DAYS * DAY_MS, "reach_ms": REACH_MS}
    return Walk("ids", now, FIRST, work.execute(SQL["seq_come_before"], values).fetchone()[0])


def step(work: Work, walk: Walk, size: int) -> Tidied:
    """Look at the next `size` ids."""
    row = work.execute(SQL["ids_until"], {"place": walk.place, "size": size - 1}).fetchone()
    end = LAST if row is None else row[0]
    gone = work.execute(SQL["remove_ids"], {"place": walk.place, "end": end, "until": walk.until}).rowcount
    walk.place = None if row is None else end
    return Tidied(ids=gone)
