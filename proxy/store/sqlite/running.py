"""The common case in bulk: the next pages of people whose sessions are running.

Law: what this writes is what visits.py would have written for each of them; whatever is not that plain (a new
visitor, a session to open, a repeat, a 304, a twin) is left to it. A run of visits costs five statements instead of
four each: sqlite3 gives the interpreter lock away at every step, and beside a busy event loop each of those is a
change of threads, which costs more than the row.
"""

import json
from collections.abc import Sequence

from proxy.store.base import Visit
from proxy.store.sqlite.tables import Tables
from proxy.visitors.lanes import PROOF_COOKIE, RETURNED
from proxy.visitors.sessions import Reason, Rules, Session, contains

SHORTEST_RUN = 2
"""A single visit is cheaper on its own."""
_PROVEN = PROOF_COOKIE | RETURNED
_NOT_MODIFIED = ("status", 304)


def apply(tables: Tables, rules: Rules, visits: Sequence[Visit]) -> list[Visit]:
    """Write those visits of a run that are plain; returns the others, in their order.

    A visitor with any visit that is not plain is left whole to the caller, so that the order of its visits stays.
    """
    plain = _plain(tables, rules, visits)
    if len(plain) < SHORTEST_RUN:
        return list(visits)
    chosen = [visits[index] for index in plain]
    ids = b"".join(visit.id for visit in chosen)
    rows: list[tuple[int | None, ...]] = []
    moved: dict[int, tuple[int, int | None, int]] = {}
    for visit, (visitor, session, last) in zip(chosen, plain.values(), strict=True):
        uri = tables.uri(visit.uri, visit.host, visit.path)
        referrer = None if visit.referrer is None else tables.word(visit.referrer)
        facts = tables.facts(visit.facts)
        rows.append((visit.time, visitor, session, uri, referrer, visit.upstream_ms, facts))
        before, shown, pages = moved.get(session, (last, None, 0))
        newest = visit.time >= before
        moved[session] = (visit.time if newest else before, uri if newest else shown, pages + 1)
    values = {"ids": ids, "seq": tables.seq + 1, "rows": json.dumps(rows), "action": tables.word("page.visit")}
    sessions = json.dumps([(session, *numbers) for session, numbers in moved.items()])
    tables.run("running_claim", values)
    tables.run("running_add", values)
    tables.run("running_touch", {"sessions": sessions})
    tables.seq += len(rows)
    return [visit for index, visit in enumerate(visits) if index not in plain]


def _plain(tables: Tables, rules: Rules, visits: Sequence[Visit]) -> dict[int, tuple[int, int, int]]:
    """Which visits are plain: their place in the run -> their visitor's row, their session's, its last activity."""
    values = {
        "ids": b"".join(visit.id for visit in visits),
        "uuids": b"".join(visit.uuid for visit in visits),
        "rows": json.dumps([0] * len(visits)),
    }
    answer = tables.execute_named("running_read", values).fetchone()[0]
    known = {row[0]: row for row in json.loads(answer)}
    seen: set[bytes] = set()
    odd: set[bytes] = set()
    latest: dict[int, int] = {}
    plain: dict[int, tuple[int, int, int]] = {}
    for index, visit in enumerate(visits):
        row = known.get(index)
        if row is None or visit.bot or visit.id in seen or not visit.cookie_came_back or _NOT_MODIFIED in visit.facts:
            odd.add(visit.uuid)
            continue
        seen.add(visit.id)
        _, visitor, proof, session, start, last, reason = row
        now = Session(session, start, latest.get(session, last), reason)
        if reason != Reason.OPEN or proof & _PROVEN != _PROVEN or not contains(now, visit.time, rules):
            odd.add(visit.uuid)
            continue
        latest[session] = max(now.last, visit.time)
        plain[index] = (visitor, session, last)
    if odd:
        return {index: rows for index, rows in plain.items() if visits[index].uuid not in odd}
    return plain
