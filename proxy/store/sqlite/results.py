"""form.result: a form's submission, which a browser tells, and the site's answer to it, which the server saw, joined.

Law: whichever comes first, and in whichever process, an answer is that of one submission and a submission has one
result, whose id follows from it (EVENTS.md section 7).
"""

import json
from collections.abc import Collection
from typing import NamedTuple

from proxy.events.incoming import AGO_MAX_MS
from proxy.events.privacy import clean_uri
from proxy.events.results import ANSWER_BEFORE_MS, ANSWER_WITHIN_MS, belong, outcome_of
from proxy.store.base import FormAnswer
from proxy.store.sqlite import sessions
from proxy.store.sqlite.dictionary import as_json
from proxy.store.sqlite.ledger import CONFIRMED
from proxy.store.sqlite.rows import EventRow, VisitorRow
from proxy.store.sqlite.texts import SQL
from proxy.store.sqlite.work import Work
from proxy.visitors.ids import result_id
from proxy.visitors.lanes import PERSON
from proxy.visitors.sessions import Rules

SUBMIT, RESULT = "form.submit", "form.result"
NOBODY = 0
WAITING_MAX = 50
"""Answers to one visitor that wait: whoever posts without end is not to make each form.submit look through it all."""


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
    for row in reversed(_submissions(work, rules, visitor, item.time)):
        is_its_own = belong(row.time, item.time) and _target(work, row) == (item.host, item.path)
        if is_its_own and work.seq_of(result_id(row.id)) is None:
            _add(work, rules, visitor, row, _Answer(item.time, item.status, item.redirect, item.forms))
            return
    before = item.time - 2 * ANSWER_WITHIN_MS
    work.execute(SQL["remove_form_answers"], {"before": before, "visitor": NOBODY})
    work.execute(
        SQL["add_form_answer"],
        {
            "visitor": visitor.id,
            "time": item.time,
            "host": item.host,
            "path": item.path,
            "status": item.status,
            "redirect": item.redirect,
            "forms": json.dumps(item.forms),
        },
    )
    work.execute(SQL["prune_form_answers"], {"visitor": visitor.id, "most": WAITING_MAX})


def forget(work: Work, now: int) -> None:
    """Answers go, be there later ones or not, once a browser's submission could not be told as that old any more."""
    work.execute(SQL["remove_form_answers"], {"before": now - AGO_MAX_MS - ANSWER_WITHIN_MS, "visitor": NOBODY})


def submitted(work: Work, rules: Rules | None, visitor: VisitorRow, row: EventRow) -> None:
    """A browser has told of a submission: the answer to it may be known."""
    target = _target(work, row)
    if target is None:
        return
    values = {"visitor": visitor.id, "host": target[0], "path": target[1]}
    for key, time, status, redirect, forms in work.execute(SQL["form_answers"], values).fetchall():
        if belong(row.time, time):
            work.execute(SQL["remove_form_answer"], (key,))
            _add(work, rules, visitor, row, _Answer(time, status, redirect, json.loads(forms)))
            return


def _submissions(work: Work, rules: Rules | None, visitor: VisitorRow, time: int) -> list[EventRow]:
    """What a visitor has submitted a moment before, the latest first. `rules` None: without sessions."""
    submit, after, until = work.dictionary.word(SUBMIT), time - ANSWER_WITHIN_MS - 1, time + ANSWER_BEFORE_MS
    if rules is None:
        return work.loose_since(visitor.id, submit, after, until)
    session = visitor.session
    if session is None or session.last < time - ANSWER_WITHIN_MS:
        return []
    return work.told_since(session.id, NOBODY, after, until, submit)


def _target(work: Work, row: EventRow) -> tuple[str, str] | None:
    """Where a form was sent: host and path; None where the browser did not say so."""
    to = dict(work.dictionary.facts_of(row.facts)).get("to")
    uri = clean_uri(to) if isinstance(to, str) else None
    return None if uri is None else (uri.host, uri.path)


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
