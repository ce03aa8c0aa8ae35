"""What the store has after the soak, beside the ids of what was answered (sender.py), once footfall has ended."""

import contextlib
import uuid
from collections import Counter
from pathlib import Path

from benchmarks.soak.sender import EVENTS_TOLD, PAGES
from benchmarks.soak.verdict import Stored
from proxy.store.base import Query
from proxy.store.sqlite.connection import open_writer
from proxy.store.sqlite.reader import SqliteReader

ID_BYTES = 16
VISIT = "page.visit"
FAILED = "failed"


def count(store: Path, folder: Path, *, cut: int) -> Stored:
    """`cut`: pages that were left in the middle. Raises StoreError."""
    pages, events = _ids(folder / PAGES), _ids(folder / EVENTS_TOLD)
    visits: Counter[bytes] = Counter()
    others: Counter[bytes] = Counter()
    with contextlib.closing(SqliteReader(store)) as reader:
        for event in reader.export(Query()):
            (visits if event.action == VISIT else others)[uuid.UUID(str(event.id)).bytes] += 1
        failed = sum(number for _, _, outcome, number in reader.outcomes() if outcome == FAILED)
    return Stored(
        pages=len(pages),
        pages_once=sum(visits[one] == 1 for one in set(pages)),
        events=len(events),
        events_once=sum(others[one] == 1 for one in set(events)),
        others=visits.total() - sum(visits[one] for one in set(pages)),
        cut=cut,
        failed=failed,
        integrity=_integrity(store),
    )


def _ids(path: Path) -> list[bytes]:
    held = path.read_bytes()
    return [held[at : at + ID_BYTES] for at in range(0, len(held), ID_BYTES)]


def _integrity(store: Path) -> str:
    with contextlib.closing(open_writer(store, "process")) as connection:
        return "; ".join(str(row[0]) for row in connection.execute("PRAGMA integrity_check(3)"))
