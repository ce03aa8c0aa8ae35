"""The common case in bulk: the next pages of people whose sessions are running.

Law: what this writes is what visits.py would have written for each of them; whatever is not that plain (a new
visitor, a session to open, a repeat, a 304, a twin) is left to it. A run of visits is one statement instead of four
each: sqlite3 gives the interpreter lock away at every step, and beside a busy event loop getting it back is a fight
that costs more than the rows.
"""

import json
from collections.abc import Sequence

from proxy.store.base import Visit
from proxy.store.sqlite.tables import Tables
from proxy.visitors.lanes import PROOF_COOKIE, RETURNED
from proxy.visitors.sessions import Rules

_PROVEN = PROOF_COOKIE | RETURNED
_NOT_MODIFIED = ("status", 304)


def apply(tables: Tables, rules: Rules, visits: Sequence[Visit]) -> list[Visit]:
    """Write those visits of a run that are plain; returns the others, in their order."""
    chosen = _chosen(visits)
    ids = [visit.id for visit in chosen]
    if not chosen or len(set(ids)) != len(ids):
        return list(visits)
    values = {
        "ids": b"".join(ids),
        "uuids": b"".join([visit.uuid for visit in chosen]),
        "rows": json.dumps([_row(tables, visit) for visit in chosen]),
        "action": tables.word("page.visit"),
        "proof": _PROVEN,
        "timeout": rules.timeout_ms,
        "longest": rules.max_ms,
    }
    added = tables.execute_named("arrive", values).rowcount
    if added == len(visits):
        return []
    plain = set(ids)
    if added < len(chosen):
        left = {"ids": values["ids"], "rows": values["rows"], "added": added}
        plain.difference_update(
            ids[place] for place in json.loads(tables.execute_named("left_over", left).fetchone()[0])
        )
    return [visit for visit in visits if visit.id not in plain]


def _chosen(visits: Sequence[Visit]) -> list[Visit]:
    """Those that may be plain. A visitor is chosen with all its visits or with none, and only where they come in the
    order of their times: what is left over is written afterwards, which must not change where it belongs."""
    odd: set[bytes] = set()
    latest: dict[bytes, int] = {}
    for visit in visits:
        uuid, time = visit.uuid, visit.time
        if visit.bot or not visit.cookie_came_back or _NOT_MODIFIED in visit.facts or time < latest.get(uuid, time):
            odd.add(uuid)
        latest[uuid] = time
    return [visit for visit in visits if visit.uuid not in odd] if odd else list(visits)


def _row(tables: Tables, visit: Visit) -> tuple[int | None, ...]:
    return (
        visit.time,
        tables.uri(visit.uri, visit.host, visit.path),
        None if visit.referrer is None else tables.word(visit.referrer),
        visit.upstream_ms,
        tables.facts(visit.facts),
    )
