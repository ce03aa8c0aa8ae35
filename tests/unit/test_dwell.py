"""How long elements are usually hovered over: a histogram against exact quantiles (EVENTS.md section 4)."""

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.events.catalogue import DWELL_MAX_MS
from proxy.events.dwell import BUCKETS, bucket_of, is_unusual, ms_of, quantile

ERROR_MAX = 0.049
TIMES = st.lists(st.integers(1, DWELL_MAX_MS), min_size=1, max_size=200)


def histogram(times: list[int]) -> list[tuple[int, int]]:
    return sorted(Counter(map(bucket_of, times)).items())


def exact(times: list[int], hundredths: int) -> int:
    """The nearest rank, in whole numbers."""
    return sorted(times)[max(1, -(-hundredths * len(times) // 100)) - 1]


def test_every_time_is_told_within_five_per_cent():
    worst = max(abs(ms_of(bucket_of(ms)) - ms) / ms for ms in range(1, DWELL_MAX_MS + 1))
    assert worst <= ERROR_MAX


def test_buckets_are_a_tenth_wide_and_in_order():
    buckets = [bucket_of(ms) for ms in range(DWELL_MAX_MS + 1)]
    assert buckets == sorted(buckets)
    assert set(buckets) == set(range(BUCKETS)) and BUCKETS == 107
    assert bucket_of(1_000) + 15 == bucket_of(4_177)  # 1.1 ** 15 = 4.18


def test_what_stands_for_a_bucket_is_in_it():
    assert [bucket_of(ms_of(bucket)) for bucket in range(BUCKETS)] == list(range(BUCKETS))


@pytest.mark.parametrize(("ms", "like"), [(-5, 0), (DWELL_MAX_MS + 1, DWELL_MAX_MS), (10**12, DWELL_MAX_MS)])
def test_times_out_of_range_count_as_the_nearest(ms, like):
    assert bucket_of(ms) == bucket_of(like)


@pytest.mark.parametrize(("bucket", "like"), [(-1, 0), (10_000, BUCKETS - 1)])
def test_buckets_out_of_range_count_as_the_nearest(bucket, like):
    assert ms_of(bucket) == ms_of(like)


@given(TIMES, st.integers(0, 100))
def test_a_quantile_is_within_five_per_cent_of_the_exact_one(times, hundredths):
    told, true = quantile(histogram(times), hundredths / 100), exact(times, hundredths)
    assert abs(told - true) / true <= ERROR_MAX


@given(TIMES)
def test_the_median_is_within_five_per_cent_of_the_exact_one(times):
    true = sorted(times)[math.ceil(len(times) / 2) - 1]
    assert abs(quantile(histogram(times), 0.5) - true) / true <= ERROR_MAX


def test_of_nothing_the_median_is_nothing():
    assert quantile([], 0.5) == 0


UNUSUAL = [
    (1_500, 700, 10, True),
    (1_499, 700, 10, False),
    (1_500, 700, 9, False),
    (1_500, 750, 10, True),
    (1_501, 751, 10, False),
    (1_502, 751, 10, True),
    (8_200, 1_100, 412, True),
    (60_000, 0, 0, False),
]


@pytest.mark.parametrize(("dwell_ms", "usual_ms", "usual_n", "unusual"), UNUSUAL)
def test_longer_than_usual_needs_a_habit_and_a_real_difference(dwell_ms, usual_ms, usual_n, unusual):
    assert is_unusual(dwell_ms, usual_ms, usual_n) is unusual
