"""What an item of a batch means, and who of the modules around knows.

Law: it is done within the writer's transaction, which undoes it where anything of it fails (writer.py).
"""

from proxy.store.base import (
    Confirmation,
    FormAnswer,
    Item,
    Kept,
    Once,
    OptOut,
    Result,
    Sweep,
    Swept,
    Visit,
)
from proxy.store.counters import Blocked, Outcomes, Unheld
from proxy.store.sqlite import blocked, confirmations, handing, results, senders, sessions, visits
from proxy.store.sqlite.keeping import Keeper
from proxy.store.sqlite.rows import WAITS
from proxy.store.sqlite.texts import SQL
from proxy.store.sqlite.work import Work
from proxy.visitors.sessions import Reason, Rules


def apply(work: Work, rules: Rules | None, keeper: Keeper, item: Item) -> Result:
    """Apply an item that is not done apart (Tidy, Forget). `rules` None: sessions are switched off."""
    if isinstance(item, Visit):
        visitor = visits.apply(work, rules, item)
        if visitor is not None and visitor.proof & WAITS:
            results.visited(work, rules, item, visitor)
        return None
    if isinstance(item, Confirmation):
        return confirmations.apply(work, rules, item)
    if isinstance(item, FormAnswer):
        results.answered(work, rules, item)
        return None
    if isinstance(item, Once):
        return None if senders.is_repeat(work.execute, item) else apply(work, rules, keeper, item.item)
    if isinstance(item, Kept):
        return keeper.keep(item.event)
    if isinstance(item, Sweep):
        results.forget(work, item.now)
        return sessions.sweep(work, rules, item.now) if rules is not None else Swept()
    if isinstance(item, Outcomes):
        word = work.dictionary.word
        for day, host, name, n in item.counts:
            work.execute(SQL["add_outcome"], (day, word(host), word(name), n))
        return None
    if isinstance(item, Blocked):
        blocked.add(work.execute, work.dictionary, item.pages)
        return None
    if isinstance(item, Unheld):
        work.execute(SQL["add_unheld"], item)
    elif isinstance(item, OptOut):
        _opt_out(work, rules, item)
    return None


def _opt_out(work: Work, rules: Rules | None, item: OptOut) -> None:
    visitor = work.visitor(item.uuid)
    if visitor is not None and rules is not None:
        visitor = handing.owner(work, visitor, item.time)
        sessions.end_open(work, visitor, Reason.OPT_OUT, item.time)
