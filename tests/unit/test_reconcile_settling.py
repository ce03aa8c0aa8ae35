"""Lines to counters: as many as can be have an outcome, held against trying everything."""

from functools import lru_cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.reconciling.settling import settle

ENDLESS = frozenset(("elsewhere",))


@pytest.mark.parametrize(
    ("groups", "counted", "given_", "left", "spare"),
    [
        ([], {"asset": 2}, {}, {}, {"asset": 2}),
        ([(("asset", "frame"), 3)], {"asset": 2, "frame": 1}, {(0, "asset"): 2, (0, "frame"): 1}, {}, {}),
        ([(("asset",), 3)], {"asset": 2}, {(0, "asset"): 2}, {0: 1}, {}),
        ([((), 2)], {"asset": 2}, {}, {0: 2}, {"asset": 2}),
        ([(("elsewhere",), 9)], {}, {(0, "elsewhere"): 9}, {}, {}),
        # The second group can be nothing else: the first gives way.
        (
            [(("asset", "frame"), 2), (("asset",), 2)],
            {"asset": 2, "frame": 2},
            {(0, "frame"): 2, (1, "asset"): 2},
            {},
            {},
        ),
        # A chain of two.
        (
            [(("a", "b"), 1), (("b", "c"), 1), (("a",), 1)],
            {"a": 1, "b": 1, "c": 1},
            {(0, "b"): 1, (1, "c"): 1, (2, "a"): 1},
            {},
            {},
        ),
        # What is left over is of the last group.
        ([(("asset",), 2), (("asset", "visit"), 2)], {"asset": 3}, {(0, "asset"): 2, (1, "asset"): 1}, {1: 1}, {}),
    ],
)
def test_what_goes_where(groups, counted, given_, left, spare):
    found = settle(groups, counted, ENDLESS)
    assert (found.given, found.left, found.spare) == (given_, left, spare)


names = st.sampled_from("abcd")
some = st.lists(st.tuples(st.lists(names, max_size=3, unique=True).map(tuple), st.integers(1, 3)), max_size=4)


@given(some, st.dictionaries(names, st.integers(0, 3)))
def test_as_many_as_can_be_and_nobody_twice(groups, counted):
    found = settle(groups, counted, frozenset())
    for at, (outcomes, number) in enumerate(groups):
        got = {name: n for (group, name), n in found.given.items() if group == at}
        assert set(got) <= set(outcomes) and sum(got.values()) + found.left.get(at, 0) == number
    for name, n in counted.items():
        assert sum(m for (_, one), m in found.given.items() if one == name) + found.spare.get(name, 0) == n
    lines = [outcomes for outcomes, number in groups for _ in range(number)]
    assert sum(found.given.values()) == best(tuple(lines), tuple(sorted(counted.items())))


@lru_cache(maxsize=100_000)
def best(lines, counted):
    """The most lines that can have an outcome, by trying all."""
    if not lines:
        return 0
    first, rest = lines[0], lines[1:]
    found = best(rest, counted)
    for at, (name, n) in enumerate(counted):
        if n and name in first:
            found = max(found, 1 + best(rest, (*counted[:at], (name, n - 1), *counted[at + 1 :])))
    return found
