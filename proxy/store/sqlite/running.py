"""The common case in bulk: the next pages of people whose sessions are running.

Law: what this writes is what visits.py would have written for each of them; whatever is not that plain (a new
visitor, a session to open, a repeat, a 304, a twin) is left to it. A run of visits is one statement instead of four
each: sqlite3 gives the interpreter lock away at every step, and beside a busy event loop getting it back is a fight
that costs more than the rows.
"""

import json
from collections.abc import Sequence

from proxy.store.base import Item, Visit
from proxy.store.sqlite.tables import Tables
from proxy.store.sqlite.visits import NOT_MODIFIED
from proxy.visitors.lanes import PROOF_COOKIE, RETURNED
from proxy.visitors.sessions import Rules

ROW_BYTES = 96
"""Of one visit on its way into arrive.sql."""
NULL = -1
_PROVEN = PROOF_COOKIE | RETURNED


def apply_whole(tables: Tables, rules: Rules, batch: Sequence[Item]) -> bool:
    """Write a batch of nothing but plain visits in one step, which is its own transaction; False, and nothing
    written, where it holds anything else. Words and URIs that are new to this process need the longer way."""
    visits = [item for item in batch if isinstance(item, Visit)]
    if len(visits) != len(batch) or len(_chosen(visits)) != len(visits) or not all(map(tables.knows, visits)):
        return False
    return _arrive(tables, rules, visits, _packed(tables, visits), whole=True) == len(visits)


def apply(tables: Tables, rules: Rules, visits: Sequence[Visit]) -> list[Visit]:
    """Write those visits of a run that are plain; returns the others, in their order."""
    chosen = _chosen(visits)
    packed = _packed(tables, chosen)
    added = _arrive(tables, rules, chosen, packed, whole=False)
    plain = {visit.id for visit in chosen} if added else set()
    if 0 < added < len(chosen):
        places = json.loads(tables.execute_named("left_over", {**packed, "added": added}).fetchone()[0])
        plain.difference_update(chosen[place].id for place in places)
    return [visit for visit in visits if visit.id not in plain]


def _arrive(tables: Tables, rules: Rules, visits: Sequence[Visit], packed: dict[str, object], *, whole: bool) -> int:
    """How many of these were plain and are written; with `whole`, all of them or none."""
    if not packed or len({visit.id for visit in visits}) != len(visits):
        return 0
    values = {
        **packed,
        "action": tables.word("page.visit"),
        "proof": _PROVEN,
        "timeout": rules.timeout_ms,
        "longest": rules.max_ms,
        "whole": whole,
    }
    return int(tables.execute_named("arrive", values).rowcount)


def _chosen(visits: Sequence[Visit]) -> list[Visit]:
    """Those that may be plain. A visitor is chosen with all its visits or with none, and only where they come in the
    order of their times: what is left over is written afterwards, which must not change where it belongs."""
    odd: set[bytes] = set()
    latest: dict[bytes, int] = {}
    for visit in visits:
        uuid, time = visit.uuid, visit.time
        if visit.bot or not visit.cookie_came_back or NOT_MODIFIED in visit.facts or time < latest.get(uuid, time):
            odd.add(uuid)
        latest[uuid] = time
    return [visit for visit in visits if visit.uuid not in odd] if odd else list(visits)


def _packed(tables: Tables, visits: Sequence[Visit]) -> dict[str, object]:
    """The visits as arrive.sql reads them; nothing where there are none, or one does not fit (a bug of ours, which the
    longer way will find)."""
    rows = b"".join([_row(tables, visit) for visit in visits])
    if not visits or len(rows) != ROW_BYTES * len(visits):
        return {}
    return {"visits": rows, "times": json.dumps([visit.time for visit in visits])}


def _row(tables: Tables, visit: Visit) -> bytes:
    referrer, amount, facts = visit.referrer, visit.upstream_ms, tables.facts(visit.facts)
    return b"%b%b%16d%16d%16d%16d" % (
        visit.id,
        visit.uuid,
        tables.uri(visit.uri, visit.host, visit.path),
        NULL if referrer is None else tables.word(referrer),
        NULL if amount is None else amount,
        NULL if facts is None else facts,
    )
