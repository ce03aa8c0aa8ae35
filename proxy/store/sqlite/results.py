"""form.result: a form's submission, which a browser tells, and the site's answer to it, which the server saw, joined.

Law: whichever comes first, and in whichever process, an answer is that of one submission and a submission has one
result, whose id follows from it (EVENTS.md section 7). The answer to a form that is posted is a FormAnswer. To one that
is sent by GET it is most often a page, of which the page.visit tells all: nothing more is kept of such pages, and only
where a visitor has submitted a form that waits for one is it looked for.
"""

import json
from collections.abc import Collection
from typing import NamedTuple

from proxy.events.incoming import AGO_MAX_MS
from proxy.events.privacy import clean_uri
from proxy.events.results import ANSWER_BEFORE_MS, ANSWER_WITHIN_MS, belong, outcome_of
from proxy.store.base import ASKED, Confirmation, FormAnswer, Visit
from proxy.store.sqlite import giving, handing, sessions
from proxy.store.sqlite.dictionary import as_json
from proxy.store.sqlite.ledger import CONFIRMED
from proxy.store.sqlite.rows import WAITS, EventRow, VisitorRow
from proxy.store.sqlite.texts import SQL
from proxy.store.sqlite.visits import ANSWERS
from proxy.store.sqlite.work import Work
from proxy.visitors.ids import result_id
from proxy.visitors.lanes import IDENTIFIED, PERSON
from proxy.visitors.sessions import Rules

VISIT, SUBMIT, RESULT = "page.visit", "form.submit", "form.result"
NOBODY = 0
EVER = 2**62
"""Unix ms that no event reaches."""


class _Answer(NamedTuple):
    """What is known of an answer of the site."""

    time: int
    status: int
    redirect: str
    forms: Collection[str]


def answered(work: Work, rules: Rules | None, item: FormAnswer) -> None:
    """The site has answered: to a submission that is known, or to one that is still to be told of."""
    visitor = work.visitor(item.uuid)
    if visitor is None:
        return
    now = handing.owner(work, visitor, item.time)
    for one in dict.fromkeys((visitor, now)):  # a form of before the change may still wait
        for row in _unanswered(work, rules, one, item.time, item.time + ANSWER_BEFORE_MS):
            if belong(row.time, item.time) and _target(work, row) == (item.host, item.path):
                _add(work, rules, one, row, _Answer(item.time, item.status, item.redirect, item.forms))
                _is_known(work, one, item)
                return
    before = item.time - 2 * ANSWER_WITHIN_MS
    work.execute(SQL["remove_form_answers"], {"before": before, "visitor": NOBODY})
    _keep(work, now, item)


def meant(work: Work, visitor: VisitorRow, message: Confirmation) -> None:
    """An answer meant something. Where the visitor is a customer, the form that was answered may be another one's, and
    be told of later: then what it meant is to be found."""
    if message.asked is not None and visitor.proof & IDENTIFIED:
        (host, path), events = message.asked, tuple(event.id.hex() for event in message.events)
        _keep(work, visitor, FormAnswer(b"", message.received, host, path, handing.NO_ANSWER, "", events))


def _is_known(work: Work, visitor: VisitorRow, item: FormAnswer) -> None:
    """An answer has its form, and so has what it meant."""
    if visitor.proof & IDENTIFIED:
        work.execute(SQL["remove_note"], {**item._asdict(), "visitor": visitor.id})


def _keep(work: Work, visitor: VisitorRow, item: FormAnswer) -> None:
    values = {**item._asdict(), "visitor": visitor.id, "forms": json.dumps(item.forms)}
    work.execute(SQL["add_form_answer"], values)
    work.execute(SQL["prune_form_answers"], {"visitor": visitor.id, "most": handing.WAITING_MAX})


def forget(work: Work, now: int) -> None:
    """Answers go, be there later ones or not, once a browser's submission could not be told as that old any more."""
    work.execute(SQL["remove_form_answers"], {"before": now - AGO_MAX_MS - ANSWER_WITHIN_MS, "visitor": NOBODY})


def visited(work: Work, rules: Rules | None, item: Visit, visitor: VisitorRow) -> None:
    """The server has counted a page of a visitor who WAITS: it may be what a form that was submitted asked for."""
    seq = work.seq_of(item.id)
    page = work.event(seq) if seq else None
    asked = None if page is None else _asked(work, page)
    waits = False
    # For as long as an answer waits: of another process an earlier page may still come.
    for row in _unanswered(work, rules, visitor, item.time - ANSWER_WITHIN_MS, EVER):
        target = _target(work, row)
        if page is not None and asked is not None and target == asked and _may_answer(page, row):
            _add_page(work, rules, visitor, row, page)
            asked = None
        elif target is not None and target[1].endswith(ASKED):
            waits = True
    if not waits:
        visitor.proof &= ~WAITS
        visitor.is_changed = True


def submitted(work: Work, rules: Rules | None, visitor: VisitorRow, row: EventRow) -> None:
    """A browser has told of a submission: the answer to it may be known."""
    target = _target(work, row)
    if target is None:
        return
    host, path = target
    values = {"visitor": visitor.id, "host": host, "path": path}
    for key, time, status, redirect, forms in work.execute(SQL["form_answers"], values).fetchall():
        if status != handing.NO_ANSWER and belong(row.time, time):
            work.execute(SQL["remove_form_answer"], (key,))
            _add(work, rules, visitor, row, _Answer(time, status, redirect, json.loads(forms)))
            _is_known(work, visitor, FormAnswer(b"", time, host, path, status))
            return
    if not path.endswith(ASKED):
        return
    for page in _told(work, rules, visitor, VISIT, row.time - ANSWER_BEFORE_MS - 1, row.time + ANSWER_WITHIN_MS):
        if _may_answer(page, row) and _asked(work, page) == target:
            _add_page(work, rules, visitor, row, page)
            return
    if row.wait <= ANSWER_WITHIN_MS:
        visitor.proof |= WAITS
        visitor.is_changed = True


def bring(work: Work, rules: Rules | None, was: VisitorRow, visitor: VisitorRow, row: EventRow, view: int) -> None:
    """A form, on the page `view`, has made a browser another visitor: what the site had answered to it before that was
    told belongs to whom the form does. The answer, what it meant by the site's rules, and the page that it was."""
    target = _target(work, row)
    if target is None:
        return
    host, path = target
    values = {"visitor": was.id, "host": host, "path": path}
    for key, time, status, _, events in work.execute(SQL["form_answers"], values).fetchall():
        if not belong(row.time, time):
            continue
        if status != handing.NO_ANSWER:
            work.execute(SQL["move_form_answer"], {"id": key, "other": visitor.id})
            continue
        for event in json.loads(events):
            seq = work.seq_of(bytes.fromhex(event))
            meant = work.event(seq) if seq else None
            if meant is not None and meant.visitor == was.id:
                giving.give(work, meant, was, visitor, row)
        work.execute(SQL["remove_form_answer"], (key,))
    for page in _told(work, rules, was, VISIT, row.time - ANSWER_BEFORE_MS - 1, row.time + ANSWER_WITHIN_MS):
        if page.seq > view and target in (_asked(work, page), _posted(work, page)):
            giving.give(work, page, was, visitor, row)


def _unanswered(work: Work, rules: Rules | None, visitor: VisitorRow, time: int, until: int) -> list[EventRow]:
    """What a visitor has submitted, until another time, that an answer at `time` or later may belong to, and that has
    none: in its order. `rules` None: without sessions."""
    rows = _told(work, rules, visitor, SUBMIT, time - ANSWER_WITHIN_MS - 1, until)
    return [row for row in rows if work.seq_of(result_id(row.id)) is None]


def _told(work: Work, rules: Rules | None, visitor: VisitorRow, action: str, after: int, until: int) -> list[EventRow]:
    """Events of a visitor, after a time and until another one, in their order."""
    word = work.dictionary.word(action)
    if rules is None:
        return work.loose_since(visitor.id, word, after, until)[::-1]
    session = visitor.session
    if session is None or session.last <= after:
        return []
    return work.told_since(session.id, NOBODY, after, until, word)[::-1]


def _may_answer(page: EventRow, submit: EventRow) -> bool:
    """Whether a page can have come of a submission: never the one that it was made on, nor one before that."""
    return belong(submit.time, page.time) and (submit.view is None or page.seq > submit.view)


def _target(work: Work, row: EventRow) -> tuple[str, str] | None:
    """Where a form was sent, as a FormAnswer has it; None where the browser did not say so."""
    facts = dict(work.dictionary.facts_of(row.facts))
    to = facts.get("to")
    uri = clean_uri(str(to or facts.get("asks", "")))
    return None if uri is None else (uri.host, uri.path if to else uri.path + ASKED)


def _asked(work: Work, page: EventRow) -> tuple[str, str] | None:
    """What a page was asked for as, likewise; None where that was no form, or no GET, or was one form's already."""
    facts = dict(work.dictionary.facts_of(page.facts))
    uri = None if page.uri is None else clean_uri(work.dictionary.address(page.uri).text)
    if uri is None or ASKED not in uri.uri or page.state & ANSWERS or "status" not in facts or "method" in facts:
        return None
    return uri.host, uri.path + ASKED


def _posted(work: Work, page: EventRow) -> tuple[str, str] | None:
    """The same of a page that answers a POST."""
    is_posted = dict(work.dictionary.facts_of(page.facts)).get("method") == "POST"
    uri = clean_uri(work.dictionary.address(page.uri).text) if is_posted and page.uri is not None else None
    return None if uri is None else (uri.host, uri.path)


def _add_page(work: Work, rules: Rules | None, visitor: VisitorRow, submit: EventRow, page: EventRow) -> None:
    """A page is the answer. That it has the form as well says nothing: a search shows what was looked for."""
    work.change(page, state=page.state | ANSWERS)
    _add(work, rules, visitor, submit, _Answer(page.time, work.dictionary.status_of(page.facts) or 0, "", ()))


def _add(work: Work, rules: Rules | None, visitor: VisitorRow, submit: EventRow, answer: _Answer) -> None:
    dictionary, time = work.dictionary, max(answer.time, submit.time)
    received = max(time, submit.time + submit.wait)
    session = None if rules is None else sessions.join(work, rules, visitor, time, None)
    form = "" if submit.target is None else dictionary.target_name(submit.target)
    outcome = outcome_of(answer.status, form, answer.forms)
    seq = work.next_seq()
    event = result_id(submit.id)
    work.claim(event, seq)
    work.add_event(
        EventRow(
            seq,
            event,
            time,
            received - time,
            dictionary.word(RESULT),
            visitor.id,
            None if session is None else session.id,
            submit.view,
            PERSON,
            CONFIRMED,
            facts=dictionary.facts((("status", answer.status), ("outcome", outcome))),
            target=submit.target,
            more=as_json({"redirect": answer.redirect}) if answer.redirect else None,
        )
    )
    if session is not None:
        sessions.touch(work, session, time, keeps=True)
        sessions.turn(work, session)
