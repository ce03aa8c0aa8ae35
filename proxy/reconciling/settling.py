"""What lines became that no stored event shows: lines by what they may be, outcomes by how many were counted.

Law: pure. A line is explained if all lines can be given an outcome that they may have, each outcome to as many as it
counted. That is a maximum flow from lines to counters (groups of equal lines are one node); what it leaves over on
either side nothing explains. Which line of a group is left over it cannot say, and does not.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar

Key = TypeVar("Key")


class Settled(NamedTuple):
    """`given`: how many lines of a group have an outcome, by (place of the group, outcome); `left`: how many have none,
    by place of the group; `spare`: what is left of the counters."""

    given: dict[tuple[int, str], int]
    left: dict[int, int]
    spare: dict[str, int]


def settle(groups: Sequence[tuple[Sequence[str], int]], counted: Mapping[str, int], endless: frozenset[str]) -> Settled:
    """Give outcomes to groups of lines.

    Args:
        groups: (what its lines may be, the likeliest first; how many they are). An earlier group is served before a
            later one: what is left over is as late as it can be.
        counted: how many lines an outcome takes.
        endless: outcomes that take any number.
    """
    given: dict[tuple[int, str], int] = {}
    left: dict[int, int] = {}
    spare = dict(counted)
    for at, (_, number) in enumerate(groups):
        while number:
            path = _way(groups, at, given, spare, endless)
            if path is None:
                left[at] = number
                break
            number -= _send(path, number, given, spare, endless)
    return Settled({key: n for key, n in given.items() if n}, left, {name: n for name, n in spare.items() if n})


def _way(
    groups: Sequence[tuple[Sequence[str], int]],
    start: int,
    given: Mapping[tuple[int, str], int],
    spare: Mapping[str, int],
    endless: frozenset[str],
) -> list[tuple[int, str]] | None:
    """The shortest way from a group to an outcome that still takes lines: steps (group, outcome that it gets), each
    after the first taking the outcome of the step before away from its group."""
    came: dict[str, tuple[int, str | None]] = {}
    seen = {start}
    waiting: deque[tuple[int, str | None]] = deque([(start, None)])
    while waiting:
        group, through = waiting.popleft()
        for outcome in groups[group][0]:
            if outcome in came:
                continue
            came[outcome] = (group, through)
            if outcome in endless or spare.get(outcome, 0) > 0:
                return _steps(came, outcome)
            for other in range(len(groups)):
                if other not in seen and given.get((other, outcome), 0) > 0:
                    seen.add(other)
                    waiting.append((other, outcome))
    return None


def _steps(came: Mapping[str, tuple[int, str | None]], outcome: str) -> list[tuple[int, str]]:
    steps: list[tuple[int, str]] = []
    at: str | None = outcome
    while at is not None:
        group, through = came[at]
        steps.append((group, at))
        at = through
    return steps[::-1]


def _send(
    path: Sequence[tuple[int, str]],
    number: int,
    given: dict[tuple[int, str], int],
    spare: dict[str, int],
    endless: frozenset[str],
) -> int:
    """As many lines as the way takes."""
    last = path[-1][1]
    most = number if last in endless else min(number, spare[last])
    # Each group on the way gives up the outcome of the step before it.
    most = min([most, *(given[group, path[at][1]] for at, (group, _) in enumerate(path[1:]))])
    for at, (group, outcome) in enumerate(path):
        given[group, outcome] = given.get((group, outcome), 0) + most
        if at:
            given[group, path[at - 1][1]] -= most
    if last not in endless:
        spare[last] -= most
    return most
