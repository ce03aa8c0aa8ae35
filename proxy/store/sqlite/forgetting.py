"""A visitor is erased: locked out at once, then all rows of it go, and all texts that only it has named.

Law: from the first transaction on the visitor has no name in the store but keyed hashes (visitors/erased.py), of its
uuids and of its pages that may still be open: whatever comes of it after that is not taken, so that the rest can be
done in steps, between which others write. What is deleted is overwritten (connection.py, `secure_delete`), and the log,
which has older copies of whole pages, is emptied at the end.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, TypeVar

from proxy.events.dwell import bucket_of
from proxy.store.base import Forget, Forgotten
from proxy.store.sqlite import leftovers
from proxy.store.sqlite.bulk import run_many
from proxy.store.sqlite.connection import BUSY_TIMEOUT_MS, POLL_MS
from proxy.store.sqlite.dictionary import HOVER
from proxy.store.sqlite.removing import Limits, Removing
from proxy.store.sqlite.texts import SQL
from proxy.store.sqlite.walks import keep, walk_at
from proxy.store.sqlite.work import Work

EVENTS_AT_ONCE = 128
LOOKED_AT = 4_000
"""Rows that are looked at in one transaction for texts that they name."""
IDS_AT_ONCE = 2_000
FLUSH_SECONDS = 5.0
"""How long readers may keep the write-ahead log from being emptied."""
RETRY_SECONDS = 0.005
ALL = Limits((1 << 62), {})

Done = TypeVar("Done")
Transaction = Callable[[Callable[[], Done]], Done]


class Locked(NamedTuple):
    """Who was locked out, and the numbers of all its events."""

    receipt: Forgotten
    seqs: tuple[int, ...] = ()


class Part(NamedTuple):
    """What a step has removed: events by their action, sessions."""

    events: Counter[str]
    sessions: int


def lock_out(work: Work, item: Forget) -> Locked:
    """Take a visitor's name, and the ids by which anything that is still on its way could be found to be its own."""
    work.begin(())
    execute = work.execute
    row = execute(SQL["visitor_main"], (item.uuid,)).fetchone()
    if row is None:
        return Locked(Forgotten(False, was_erased=work.heard.is_erased(item.uuid), uuids=(item.uuid,)))
    visitor, is_crawler = row
    uuids = tuple(uuid for (uuid,) in execute(SQL["visitor_uuids"], {"visitor": visitor}))
    if is_crawler:
        return Locked(Forgotten(True, is_crawler=True, uuids=uuids))
    events = execute(SQL["visitor_ids"], {"visitor": visitor, "visit": work.dictionary.word("page.visit")}).fetchall()
    for uuid in uuids:
        execute(SQL["add_erased"], (work.heard.erased.marks(uuid)[0], item.now, 1))
    for _, page, is_open in events:
        if is_open:
            execute(SQL["add_erased"], (work.heard.erased.marks(page)[0], item.now, 0))
    run_many(execute, "remove_ids_many", [(id,) for _, id, _ in events])
    execute(SQL["unname_visitor"], (visitor,))
    execute(SQL["remove_twins"], (visitor,))
    execute(SQL["remove_customer"], (visitor,))
    execute(SQL["remove_form_answers"], {"before": 0, "visitor": visitor})
    execute(SQL["remove_notes"], (json.dumps([uuid.hex() for uuid in uuids]),))
    execute(SQL["add_erasing"], (visitor,))
    execute(SQL["note_erased"])
    return Locked(Forgotten(True, uuids=uuids, ids=len(events)), tuple(seq for seq, _, _ in events))


def step(work: Work, most: int = EVENTS_AT_ONCE) -> Part | None:
    """Remove some events of somebody who is locked out; None where nobody is."""
    work.begin(())
    execute = work.execute
    row = execute(SQL["next_erasing"]).fetchone()
    if row is None:
        return None
    visitor, is_there = row
    if not is_there:
        execute(SQL["remove_erasing"], (visitor,))
        return Part(Counter(), 0)
    removing = Removing(work, ALL, most)
    work.visitor_at(visitor)
    removing.visitors.add(visitor)
    for (session,) in execute(SQL["some_sessions_of"], (visitor, most)).fetchall():
        if removing.events < most:
            removing.remove_session(work.session(session), most - removing.events)
    if removing.events < most:
        seqs = json.loads(execute(SQL["some_loose_of"], (visitor, most)).fetchone()[0])
        work.load_events(seqs)
        for seq in seqs:
            event = work.event(seq)
            if event is not None:
                removing.remove_act(event)
    part = Part(_actions(work), removing.sessions)
    targets = _count_off_dwells(work)
    removing.save()
    execute(SQL["remove_empty_dwells"], (json.dumps(targets),))
    work.forget()
    return part


def _actions(work: Work) -> Counter[str]:
    return Counter(work.dictionary.text(row.action) or "" for row in work.gone.values())


def _count_off_dwells(work: Work) -> list[int]:
    """Its hovers are nobody's history any more; returns of which elements."""
    targets = set()
    for row in work.gone.values():
        if row.target is not None and row.amount is not None and work.dictionary.act(row.action).sort == HOVER:
            work.dwells[row.target][bucket_of(row.amount)] -= 1
            targets.add(row.target)
    return sorted(targets)


def sweep_texts(work: Work, now: int, *, is_first: bool) -> int | None:
    """Go on looking for texts that nothing names, from the beginning where `is_first`; how many were removed, None at
    the end."""
    work.begin(())
    walk = leftovers.begin(work, now) if is_first else walk_at(work.execute, "texts")
    if walk is None or walk.place is None:
        return None
    removed = leftovers.step(work, walk, LOOKED_AT).texts
    keep(work.execute, walk)
    return removed


def forget(work: Work, transaction: Transaction[object], item: Forget) -> Forgotten:
    """Erase a visitor; see store/base.py. `transaction` runs something in one."""
    locked = _gently(transaction, lambda: lock_out(work, item))
    assert isinstance(locked, Locked)
    receipt = locked.receipt
    if receipt.is_crawler:
        return receipt
    events: Counter[str] = Counter()
    sessions = 0
    while isinstance(part := _gently(transaction, lambda: step(work)), Part):
        events += part.events
        sessions += part.sessions
    ids = _ids(work, locked.seqs)
    for start in range(0, len(ids), IDS_AT_ONCE):
        some = [(id,) for id in ids[start : start + IDS_AT_ONCE]]
        _gently(transaction, partial(run_many, work.execute, "remove_ids_many", some))
    texts, is_first = 0, True
    while isinstance(removed := _gently(transaction, partial(sweep_texts, work, item.now, is_first=is_first)), int):
        texts, is_first = texts + removed, False
    _gently(transaction, lambda: work.begin(()))  # this process has heard of it, too
    return receipt._replace(
        events=dict(sorted(events.items())),
        sessions=sessions,
        ids=receipt.ids + len(ids),
        texts=texts,
        is_flushed=_flush(work),
    )


def _ids(work: Work, seqs: Sequence[int]) -> list[bytes]:
    """Ids of confirmations of what is gone: they have no index by what they stand for, so all are read, but no lock is
    held for it."""
    if not seqs:
        return []
    return [id for (id,) in work.execute(SQL["ids_of_seqs"], {"seqs": json.dumps(seqs)})]


def _flush(work: Work) -> bool:
    """Empty the write-ahead log; readers that are in the midst of something are waited for."""
    until = time.monotonic() + FLUSH_SECONDS
    # While it waits for readers nobody writes, so that they come to an end: SQLite has to do the waiting.
    work.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    try:
        while True:
            busy, _, _ = work.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if not busy:
                return True
            if time.monotonic() >= until:
                return False
            time.sleep(RETRY_SECONDS)
    finally:
        work.execute(f"PRAGMA busy_timeout = {POLL_MS}")


def _gently(transaction: Transaction[object], work: Callable[[], object]) -> object:
    """A transaction, and a rest that is as long: whoever waits for the lock only looks for it now and then."""
    begun = time.monotonic()
    done = transaction(work)
    time.sleep(time.monotonic() - begun)
    return done
