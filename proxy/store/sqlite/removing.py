"""Sessions and events that go, with everything that follows from them.

Law: a session goes as a whole, or loses events while it keeps its beginning and its end; whatever is counted is counted
off, and whatever text was named is suspected (leftovers.py). Which rows go is decided elsewhere.
"""

import json
from collections.abc import Iterable
from typing import NamedTuple

from proxy.store.sqlite import leftovers
from proxy.store.sqlite.bulk import run_many
from proxy.store.sqlite.dictionary import FIELD, FORM_SUBMIT, TARGET, URI, WORD
from proxy.store.sqlite.fields import fields_of
from proxy.store.sqlite.ledger import NOBODY
from proxy.store.sqlite.rows import EventRow, SessionRow
from proxy.store.sqlite.saving import save
from proxy.store.sqlite.texts import SQL
from proxy.store.sqlite.work import Work


class Limits(NamedTuple):
    """Times (UTC ms) before which events go: of all, and of actions (words) that have their own."""

    limit: int
    own: dict[int, int]

    def of(self, row: EventRow) -> int:
        return self.own.get(row.action, self.limit)


class Removing:
    """One step. `most`: how many events it may remove, unless a session of that size is the first."""

    def __init__(self, work: Work, limits: Limits, most: int) -> None:
        self._work = work
        self._limits = limits
        self.most = most
        self.events = self.sessions = 0
        self.visitors: set[int] = set()
        self.texts: leftovers.Texts = {WORD: set(), URI: set(), TARGET: set()}
        word = work.dictionary.word
        self._visit, self._leave = word("page.visit"), word("page.leave")
        self._marks = (word("session.start"), word("session.end"))

    def save(self) -> None:
        """Write everything, also that nothing is left of some visitors, and of whoever turned out to be one of them."""
        execute = self._work.execute
        save(self._work)
        rows = [(visitor,) for visitor in sorted(self.visitors)]
        run_many(execute, "remove_visitors_many", rows)
        run_many(execute, "remove_twins_many", rows)
        run_many(execute, "remove_customers_many", rows)
        leftovers.suspect(execute, self.texts)

    def remove_due(self, due: list[tuple[int, int | None, int | None]], place: int) -> int | None:
        """Remove rows of events_due.sql in their order. Returns after which seq something is left; None: nothing is."""
        work = self._work
        work.load_events(seq for seq, session, _ in due if session is None)
        for seq, session, number in due:
            if seq not in work.gone:
                left = self.most - self.events
                if left <= 0 or (session is not None and self.events and (number or 0) > left):
                    return place
                if session is None:
                    row = work.event(seq)
                    if row is not None:
                        self.remove_act(row)
                elif not self._is_gone(session) and not self.remove_session(work.session(session), left):
                    return place
            place = seq
        return None

    def _is_gone(self, session: int) -> bool:
        known = self._work.sessions.get(session)
        return known is not None and known.is_gone

    def remove_session(self, session: SessionRow, most: int) -> bool:
        """Remove a session that is over, or as many of its last events as may go; False where some are left."""
        work = self._work
        if session.events > most:
            acts = [row for row in work.latest_of(session.id, most + len(self._marks)) if row.action not in self._marks]
            for row in acts:
                self.remove_act(row)
            if acts:
                return session.is_gone
        self._end(session)
        return True

    def _end(self, session: SessionRow) -> None:
        """Nothing of a session is left but what has a longer time of its own."""
        work = self._work
        visitor = work.visitor_at(session.visitor)
        # Visits first: then no page.leave has to be counted off one that goes as well.
        for row in sorted(work.events_of(session.id), key=lambda row: row.action != self._visit):
            self._remove(row, longer=row.action not in self._marks)
        session.is_gone = True
        self.sessions += 1
        self._suspect(URI, (session.uri, session.entry))
        self._suspect(WORD, (session.source, session.device))
        self.visitors.add(visitor.id)
        if visitor.session is session:
            left = work.sessions_of(visitor.id)
            visitor.session = left[-1] if left else None
            visitor.is_changed = True

    def remove_act(self, row: EventRow) -> None:
        """Remove an event before its session, if it has one."""
        session = None if row.session is None else self._work.session(row.session)
        self._remove(row, longer=session is not None)
        if session is not None:
            session.events -= 1
            if row.action == self._visit:
                session.pages -= 1
                session.is_rechained = True
            if session.events <= 0:
                self._end(session)

    def _remove(self, row: EventRow, *, longer: bool) -> None:
        """Remove an event, or (`longer`) take it out of its session where its own time is longer."""
        work = self._work
        self.visitors.add(row.visitor)
        if longer and row.time >= self._limits.of(row):
            work.change(row, session=None, view=None if row.view in work.gone else row.view)
            return
        work.remove_event(row)
        self._suspect_texts(row)
        self.events += row.visitor != NOBODY
        if row.action == self._leave and row.amount is not None and row.view:
            self._count_off_engaged(row, row.view)

    def _count_off_engaged(self, row: EventRow, seq: int) -> None:
        """The page view was in use for as long as those of its page.leave events say that are left."""
        work = self._work
        view = work.event(seq)
        if view is None or view.action != self._visit:
            return
        values = {"view": seq, "action": self._leave, "visitor": row.visitor}
        (text,) = work.execute(SQL["leaves_of"], values).fetchone()
        left = [ms for leave, ms in json.loads(text) if leave not in work.gone]
        work.change(view, engaged=sum(left) if left else None)

    def _suspect_texts(self, row: EventRow) -> None:
        self._suspect(WORD, (row.title, row.referrer, row.facts, row.undefined))
        self._suspect(URI, (row.uri,))
        self._suspect(TARGET, (row.target,))
        sort, _ = self._work.dictionary.act(row.action)
        if sort in (FIELD, FORM_SUBMIT) and row.more is not None:
            self._suspect(WORD, (self._work.dictionary.word(name) for name, _ in fields_of(sort, row.more)))

    def _suspect(self, kind: int, ids: Iterable[int | None]) -> None:
        self.texts[kind].update(one for one in ids if one is not None)
