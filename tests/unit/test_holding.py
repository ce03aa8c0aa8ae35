"""The breaker: three time-outs in a row, then one probe in a hundred (VISITS.md section 6)."""

from proxy.intake.holding import OPEN_AFTER_TIMEOUTS, PROBE_EVERY, Breaker, Spells
from proxy.store.counters import Unheld
from proxy.visitors.times import DAY_MS


def opened() -> Breaker:
    breaker = Breaker()
    assert [breaker.timed_out() for _ in range(OPEN_AFTER_TIMEOUTS)] == [False, False, True]
    return breaker


def test_three_time_outs_in_a_row_open_it_once():
    breaker = opened()
    assert breaker.open
    assert not breaker.timed_out()


def test_a_commit_in_time_starts_the_count_again():
    breaker = Breaker()
    for _ in range(10):
        assert not breaker.timed_out()
        assert not breaker.timed_out()
        assert not breaker.committed()
    assert breaker.may_hold() and not breaker.open


def test_while_open_one_page_in_a_hundred_is_held():
    breaker = opened()
    held = [breaker.may_hold() for _ in range(3 * PROBE_EVERY)]
    assert [index for index, may in enumerate(held, 1) if may] == [100, 200, 300]


def test_one_commit_closes_it_and_three_more_time_outs_open_it_again():
    breaker = opened()
    assert breaker.committed()
    assert not breaker.committed()
    assert breaker.may_hold()
    assert [breaker.timed_out() for _ in range(3)] == [False, False, True]


def test_it_tells_its_state():
    assert repr(Breaker()) == "<Breaker closed, 0 time-outs in a row>"
    assert repr(opened()) == "<Breaker open, 3 time-outs in a row>"


def test_when_it_was_open_is_told_by_day_and_what_was_told_is_not_told_again():
    spells = Spells()
    spells.see(DAY_MS - 5, opened=True)
    spells.see(DAY_MS - 1)
    assert spells.take() == (Unheld(0, 1, DAY_MS - 5, DAY_MS - 1, 0),) and not spells
    spells.see(DAY_MS + 3)
    spells.see(DAY_MS + 4, closed=True)
    spells.see(DAY_MS + 9, opened=True)
    assert spells.take() == (Unheld(1, 1, DAY_MS + 3, DAY_MS + 9, DAY_MS + 4),)
    assert spells.take() == ()
