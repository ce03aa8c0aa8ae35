"""Token buckets: what they let through over any stretch of time, and who shares one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.intake.buckets import BUCKETS, BURST_SECONDS, Buckets, network_of, take_all


def test_a_full_bucket_gives_ten_seconds_worth_at_once_and_then_its_rate():
    buckets = Buckets(5)
    assert [buckets.take("A", 1, 100.0) for _ in range(5 * BURST_SECONDS)] == [0.0] * (5 * BURST_SECONDS)
    assert buckets.take("A", 1, 100.0) == pytest.approx(0.2)
    assert buckets.take("A", 1, 100.2) == 0.0
    assert buckets.take("A", 2, 100.2) == pytest.approx(0.4)


def test_what_is_refused_takes_nothing():
    buckets = Buckets(1)
    buckets.take("A", 8, 0.0)
    assert buckets.take("A", 3, 0.0) == pytest.approx(1.0)
    assert buckets.take("A", 2, 0.0) == 0.0


def test_who_is_refused_by_one_bucket_has_taken_nothing_of_another():
    few, many = Buckets(1), Buckets(2)
    few.take("A", 8, 0.0)
    assert take_all(((many, "A", 3), (few, "A", 3)), 0.0) == pytest.approx(1.0)
    assert take_all(((few, "A", 3), (many, "A", 3)), 0.0) == pytest.approx(1.0)
    assert many.take("A", 2 * BURST_SECONDS, 0.0) == 0.0
    assert take_all(((few, "A", 2), (many, "A", 1)), 0.0) == pytest.approx(0.5)
    assert few.take("A", 2, 0.0) == 0.0


def test_both_buckets_are_spent_and_one_without_limit_counts_nothing():
    few, many, none = Buckets(1), Buckets(2), Buckets(0)
    assert take_all(((few, "A", 4), (none, "A", 10**9), (many, "A", 4)), 0.0) == 0.0
    assert few.take("A", BURST_SECONDS, 0.0) == pytest.approx(4.0)
    assert many.take("A", 2 * BURST_SECONDS, 0.0) == pytest.approx(2.0)
    assert take_all((), 0.0) == take_all(((none, "A", 1),), 0.0) == 0.0


def test_one_that_wants_more_than_a_bucket_holds_waits_for_a_full_one():
    buckets = Buckets(1)
    assert buckets.take("A", 1_000, 0.0) == 0.0
    assert buckets.take("A", 1_000, 0.0) == pytest.approx(BURST_SECONDS)


def test_everybody_has_a_bucket_of_their_own_and_nought_is_no_limit():
    buckets = Buckets(1)
    assert [buckets.take(name, BURST_SECONDS, 0.0) for name in "AB"] == [0.0, 0.0]
    assert all(Buckets(0).take("A", 10**9, 0.0) == 0.0 for _ in range(3))


def test_what_is_remembered_is_bounded():
    buckets = Buckets(1)
    for number in range(BUCKETS + 10):
        buckets.take(number, 1, 0.0)
    assert len(buckets._known) <= BUCKETS


@given(st.integers(1, 50), st.lists(st.tuples(st.floats(0, 5), st.integers(1, 60)), max_size=40))
def test_never_more_than_the_burst_and_the_rate(rate, story):
    buckets, now, given_out = Buckets(rate), 0.0, 0
    for pause, tokens in story:
        now += pause
        tokens = min(tokens, rate * BURST_SECONDS)
        wait = buckets.take("A", tokens, now)
        assert wait >= 0
        given_out += 0 if wait else tokens
        assert given_out <= rate * (BURST_SECONDS + now) + 1e-6


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::9", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("unknown", "unknown"),
        ("", ""),
    ],
)
def test_an_ipv6_address_counts_as_its_first_half(address, network):
    assert network_of(address) == network
