"""What a visitor did and the page that it asked for travel side by side, and either may be told first.

Law: a click or a submit comes before the page that it led to, and a button's click before the submit that it makes, in
whichever order they are told. Only what is told a moment apart is put in order, and by the page as its server tells of
it; when it was told to have happened is kept beside it.
"""

import json
from collections.abc import Iterator

from proxy.events.incoming import BrowserEvent
from proxy.store.sqlite import sessions
from proxy.store.sqlite.dictionary import CLICK, Facts, as_json
from proxy.store.sqlite.reading import LATEST_TOLD
from proxy.store.sqlite.rows import EventRow, SessionRow
from proxy.store.sqlite.work import Work

VISIT, LEAVE, END = "page.visit", "page.leave", "session.end"
SUBMIT, CLICK_ENDING = "form.submit", ".click"
CAUSE_WITHIN_MS = 500
"""What is done on a page this long after what it leads to is taken for its cause. Nobody clicks again so soon."""
CAUSES_BEFORE_MS = {CLICK_ENDING: 2, ".submit": 1}
"""How long before that page they are put."""
LATEST = 2 * LATEST_TOLD
"""Events of a session among which its last activity is found: half of them may be told of another time now."""
BEFORE_ALL = 0
"""A seq that no event has."""


def before_its_effect(
    work: Work, event: BrowserEvent, view: EventRow, session: SessionRow, time: int
) -> tuple[int, Facts]:
    """A click, or a submit, that was told later than what it led to: it came first all the same."""
    before = _ms_before(event.action)
    if before is None:
        return time, ()
    if event.action == SUBMIT and session.last > time:
        clicked = max(_clicks_after(work, view, session, time), default=time)
        if clicked > time:  # and the click that it comes from was longer on its way
            return min(clicked, time + event.ago_ms), (("original_ago", event.ago_ms),)
    led: list[int] = []
    # Most often there is nothing to look for: no later page, no form, nothing done a moment ago.
    if session.viewed is not None and session.viewed > view.time:
        asked = min((row.time for row in _next_pages(work, view, session, time)), default=view.time)
        led += [asked - before] if asked > view.time else []
    is_click = event.action.endswith(CLICK_ENDING)
    if is_click and session.submitted is not False and session.last > time - CAUSE_WITHIN_MS:
        sent = min((row.time for row in _submits(work, view, session, time)), default=view.time)
        led += [sent - 1] if sent > view.time else []
    if not led:
        return time, ()
    return max(min(led), view.time), (("original_ago", event.ago_ms),)


def _next_pages(work: Work, view: EventRow, session: SessionRow, time: int) -> Iterator[EventRow]:
    """The pages that the visitor asked for from this one, a moment before `time`: page.visits that name it as their
    referrer, or name none."""
    dictionary = work.dictionary
    visit = dictionary.word(VISIT)
    uri = None if view.uri is None else dictionary.address(view.uri).text
    for row in work.told_since(session.id, view.seq, time - CAUSE_WITHIN_MS, time, visit):
        if row.referrer is None or dictionary.text(row.referrer) == uri:
            yield row


def _submits(work: Work, view: EventRow, session: SessionRow, time: int) -> Iterator[EventRow]:
    """What was submitted on a page a moment before `time`."""
    submit = work.dictionary.word(SUBMIT)
    for row in work.told_since(session.id, view.seq, time - CAUSE_WITHIN_MS, time, submit):
        if row.view == view.seq:
            yield row


def _clicks_after(work: Work, view: EventRow, session: SessionRow, time: int) -> Iterator[int]:
    """When there were clicks on a page, a moment after `time`."""
    for row in work.told_since(session.id, view.seq, time, time + CAUSE_WITHIN_MS - 1):
        if row.view == view.seq and work.dictionary.act(row.action).sort == CLICK:
            yield row.time


def put_first(work: Work, session: SessionRow, page: EventRow) -> None:
    """A page was asked for before what its session is known to have done since: what asked for it came first all the
    same."""
    since = work.told_since(session.id, BEFORE_ALL, page.time, page.time + CAUSE_WITHIN_MS - 1)
    causes = [(row, time) for row in since if (time := _when_asked(work, row, page)) is not None]
    was_last = any(row.time == session.last for row, _ in causes)
    for row, time in causes:
        _move(work, row, max(time, session.start))
    if was_last:
        end, leave = work.dictionary.word(END), work.dictionary.word(LEAVE)
        latest = work.latest_of(session.id, LATEST)  # of its time, not lately told
        kept = [row.time for row in latest if row.action != end and (row.action != leave or row.amount)]
        sessions.set_last(work, session, max(page.time, *kept))


def _ms_before(action: str) -> int | None:
    return next((ms for ending, ms in CAUSES_BEFORE_MS.items() if action.endswith(ending)), None)


def _when_asked(work: Work, row: EventRow, page: EventRow) -> int | None:
    """When a click or a submit came that may have asked for `page`, from where it was made; None for anything else."""
    before = _ms_before(work.dictionary.text(row.action) or "")
    view = None if row.view is None or before is None else work.event(row.view)
    if before is None or view is None or view.uri is None or view.time >= page.time:
        return None
    referrer = work.dictionary.text(page.referrer)
    is_from = referrer in (None, work.dictionary.address(view.uri).text)
    return max(page.time - before, view.time) if is_from else None


def _move(work: Work, row: EventRow, time: int) -> None:
    more = {} if row.more is None else json.loads(row.more)
    work.change(row, time=time, wait=row.wait + row.time - time, more=as_json({"original_ago": row.wait} | more))
