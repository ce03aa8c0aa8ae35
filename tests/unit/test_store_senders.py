"""What has no id of its own is applied once, whoever hands it over again, and in whatever batch."""

import sqlite3
from contextlib import closing

import pytest
from stories import DAY, HOST, MINUTE, T, check_promises, does, ident, page, sends, visit

from proxy.store.base import FormAnswer, Once
from proxy.store.counters import Blocked, BlockedPage, Outcomes, Unheld
from proxy.store.sqlite.naming import named
from proxy.store.sqlite.senders import KEPT_DAYS

ONE, OTHER = b"sender 1", b"sender 2"
TODAY = T // DAY


def counted(number: int, *, sender: bytes = ONE, at: int = 0) -> Once:
    return Once(sender, number, T + at, Outcomes(((TODAY, HOST, "visit", 1),)))


def number_of_visits(engine) -> int:
    return sum(n for *_, n in engine.outcomes())


def senders(engine) -> set[bytes]:
    with closing(sqlite3.connect(engine.place)) as raw:
        return {one for (one,) in raw.execute("SELECT id FROM sender")}


@pytest.mark.parametrize("are_together", [True, False])
def test_a_number_is_applied_once(engine, are_together):
    items = [counted(1), counted(2), counted(2), counted(1), counted(1, sender=OTHER), counted(3), counted(3)]
    for batch in [items] if are_together else [[item] for item in items]:
        assert engine.append(*batch) == [None] * len(batch)
    assert number_of_visits(engine) == 4


def test_each_kind_is_added_up_once(engine):
    kinds = (
        Outcomes(((TODAY, HOST, "asset", 5),)),
        Blocked((BlockedPage(TODAY, HOST, "/", "policy", 2, T),)),
        Unheld(TODAY, 1, T, T + 5, 0),
    )
    for _ in range(2):
        engine.append(*(Once(ONE, number, T, item) for number, item in enumerate(kinds, 1)))
    assert number_of_visits(engine) == 5
    with engine.asked() as asked:
        assert asked.unheld(TODAY, TODAY).times == 1
    with closing(sqlite3.connect(engine.place)) as raw:
        assert raw.execute("SELECT sum(n) FROM blocked").fetchone() == (2,)


def test_one_answer_of_the_site_is_not_two(engine):
    """A second one would be the result of the next form that is sent to the same address."""
    answer = Once(ONE, 1, T + 1_050, FormAnswer(ident("A"), T + 1_050, HOST, "/letter", 200))
    engine.append(visit("P1", "A"), answer)
    engine.append(answer)
    for name, at in (("E1", 1_000), ("E2", 1_020)):
        submit = does("form.submit", name, form="letter", fields={}, target=f"https://{HOST}/letter")
        engine.append(sends(page("P1"), "A", submit, at=at))
    assert [event.action for event in engine.events()].count("form.result") <= 1
    check_promises(engine)


def test_what_is_rolled_back_was_not_applied(engine):
    """A batch that an item of it spoils is done again item by item, under the same numbers."""
    spoilt = Once(ONE, 2, T, Outcomes(((TODAY, HOST, "visit", None),)))  # type: ignore[arg-type]
    engine.append(counted(1), spoilt, counted(3))
    assert number_of_visits(engine) == 2
    engine.append(counted(3), counted(4))
    assert number_of_visits(engine) == 3


def test_senders_of_whom_nothing_came_for_long_are_forgotten(engine):
    engine.append(counted(1), counted(1, sender=OTHER))
    engine.append(counted(2, sender=OTHER, at=KEPT_DAYS * DAY))
    assert senders(engine) == {ONE, OTHER}
    engine.append(counted(1, sender=b"sender 3", at=(KEPT_DAYS + 1) * DAY + MINUTE))
    assert senders(engine) == {OTHER, b"sender 3"}


def test_what_is_numbered_is_looked_up_with_the_rest_of_its_batch():
    answer = FormAnswer(ident("A"), T, HOST, "/letter", 200)
    assert named([Once(ONE, 1, T, answer)]) == named([answer]) == ([], [], [ident("A")])
