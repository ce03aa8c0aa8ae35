"""A browser that is another customer's from now on: what is still on its way under the cookie that it had.

Law: a form that names another customer makes the browser another visitor (customers.py), and the request that is made
of it still has the old cookie. What the site answers belongs to whom the form does, whichever is told first: an answer
that comes later goes to the new visitor, by a note of the change, and one that was there before is brought to it
(results.py). That is so for half a minute; what still comes with the old cookie then is the old visitor's. Customers
who take turns by tokens hand nothing on: whichever of their cookies a request has, it is theirs.
"""

from proxy.events.results import ANSWER_WITHIN_MS, belong
from proxy.store.sqlite.rows import HANDED, VisitorRow
from proxy.store.sqlite.texts import SQL
from proxy.store.sqlite.work import Work

NOWHERE = {"host": "", "path": ""}
"""What a note of a change has instead of an address. It lies among the answers that wait, and goes as they do."""
NO_ANSWER = 0
"""The status of notes among the answers that wait."""
WAITING_MAX = 50
"""Answers to one visitor that wait, and notes among them: whoever posts without end, or is somebody else each time, is
not to make each form.submit or page look through it all."""
CHANGES_MAX = 8
"""Of a browser within half a minute, that are followed: more is nobody's typing, and each takes a look at the table."""


def hand(work: Work, visitor: VisitorRow, other: VisitorRow, time: int) -> None:
    """From this time on a visitor's browser is another one."""
    note = {"visitor": visitor.id, "time": time, **NOWHERE, "status": NO_ANSWER, "redirect": other.uuid.hex()}
    work.execute(SQL["add_form_answer"], {**note, "forms": "[]"})
    work.execute(SQL["prune_form_answers"], {"visitor": visitor.id, "most": WAITING_MAX})
    visitor.proof |= HANDED
    visitor.is_changed = True


def owner(work: Work, visitor: VisitorRow, time: int) -> VisitorRow:
    """Whose a request of this time is that has a visitor's cookie."""
    found, seen = _next(work, visitor, time), {visitor.id}
    while found is not None and found.id not in seen and len(seen) <= CHANGES_MAX:
        visitor, found = found, _next(work, found, time)
        seen.add(visitor.id)
    return visitor


def _next(work: Work, visitor: VisitorRow, time: int) -> VisitorRow | None:
    """Who a visitor's browser became around this time; None where it is still the same."""
    if not visitor.proof & HANDED:
        return None
    notes = work.execute(SQL["form_answers"], {"visitor": visitor.id, **NOWHERE}).fetchall()
    for _, noted, _, uuid, _ in reversed(notes):
        other = work.visitor(bytes.fromhex(uuid)) if belong(noted, time) else None
        if other is not None:
            return other
    if all(noted + 2 * ANSWER_WITHIN_MS < time for _, noted, *_ in notes):
        visitor.proof &= ~HANDED
        visitor.is_changed = True
    return None
