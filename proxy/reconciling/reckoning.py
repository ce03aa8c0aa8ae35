"""The reckoning: what the lines came to, beside what was counted, and what nothing explains.

Law: pure. Counters are of whole days in UTC. On days that the log covers they are compared, and every line and every
count must find its other side; on days of which it has a part they only say how many lines there can be at the most of
each outcome, and nothing is compared but page views. What may be on either side of midnight is not held against it.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from proxy.page.eligibility import Outcome
from proxy.reconciling.judging import ELSEWHERE, OWN, UNCOUNTED, Side
from proxy.reconciling.settling import settle
from proxy.reconciling.tally import DAY_MS, Group, Shown, Tally
from proxy.report.balance import BESIDE, LOST

OTHER_DAY: Final = "other_day"
SILENT: Final = "are of days of which nothing was counted here: footfall was not there, or it is too long ago"
UNSTORED: Final = "counted as a visit, but no event of it is stored (its visitor was erased, or it was lost)"
PAGES = (Outcome.VISIT, Outcome.BOT)
_LOOKS = ("file", "plain", "page")
_ALWAYS_OPEN = frozenset(
    (
        *(Outcome.PREFETCH, Outcome.WEBSOCKET, Outcome.ABORTED, Outcome.FAILED, Outcome.REFUSED),
        *(ELSEWHERE, OTHER_DAY),
    )
)
"""What hardly any line rules out."""
_UNSEEN_BEHIND = frozenset((Outcome.REFUSED, Outcome.FAILED, Outcome.ABORTED))
"""What the site need not have seen."""

Counted = tuple[int, str, str, int]
"""(day since 1970, host, outcome, n)."""


@dataclass(slots=True)
class Row:
    """An outcome: lines that became it (`sure`: of these, so many that the line alone tells or an event shows), and as
    many as were counted: None where that is not compared, and then there can be `at_most` so many."""

    outcome: str
    lines: int = 0
    sure: int = 0
    ours: int | None = None
    at_most: int | None = None

    @property
    def difference(self) -> int | None:
        return None if self.ours is None else self.ours - self.lines


@dataclass(frozen=True, slots=True)
class Problem:
    """`n` lines (or counts) that nothing explains, and why; `of` the lines that are shown some."""

    why: str
    n: int
    lines: tuple[Shown, ...] = ()
    of: int = 0


@dataclass(slots=True)
class Days:
    """The days that the log covers (`is_whole`), those of which it has a part, or those of which nothing was counted
    here (`is_silent`); days since 1970 in UTC. `rows` and `left`, the lines that can be nothing, are all lines."""

    listed: Sequence[int]
    is_whole: bool
    is_silent: bool
    rows: list[Row] = field(default_factory=list)
    left: int = 0
    problems: list[Problem] = field(default_factory=list)

    @property
    def first(self) -> int:
        return self.listed[0]

    @property
    def last(self) -> int:
        return self.listed[-1]


class _Merged(NamedTuple):
    outcomes: tuple[str, ...]
    n: int
    groups: list[Group]


@dataclass(frozen=True, slots=True)
class Reckoning:
    """All of it. `is_explained`: nothing is left over."""

    side: Side
    tally: Tally
    days: tuple[Days, ...]
    problems: tuple[Problem, ...]
    hosts: tuple[str, ...]

    @property
    def is_explained(self) -> bool:
        return not self.problems


def reckon(
    tally: Tally,
    counted: Iterable[Counted],
    *,
    side: Side,
    hosts: Collection[str],
    whole_days: bool,
    records: bool,
) -> Reckoning:
    """Compare.

    Args:
        hosts: only these are ours; none: all.
        whole_days: the log has all lines of every day that it touches, whatever its first and last line say.
        records: whether visits are recorded at all.
    """
    counts = [row for row in counted if not hosts or row[1] in hosts]
    found = tuple(_days(tally, {row[0] for row in counts}, whole_days=whole_days))
    for days in found:
        _compare(tally, days, counts, side, records=records)
    problems = [problem for days in found for problem in days.problems]
    for kind, number, why in (
        ("malformed", tally.malformed, "cannot be read"),
        ("late", tally.late, "more than a minute older than lines before them: sort the log by time"),
    ):
        if number:
            problems.append(Problem(why, number, tuple(tally.examples[kind]), number))
    if tally.missed:
        problems.append(Problem("page views of ours in the log's time that are on no line", tally.missed))
    return Reckoning(side, tally, found, tuple(problems), tuple(sorted({row[1] for row in counts if row[1]})))


def _days(tally: Tally, counted: Collection[int], *, whole_days: bool) -> Iterable[Days]:
    """Those that are covered, those that are not, and those of which nothing was `counted`, where there are any."""
    if tally.first is None:
        return
    days = range(tally.first // DAY_MS, tally.last // DAY_MS + 1)
    whole = [day for day in days if whole_days or (tally.first < day * DAY_MS and tally.last >= (day + 1) * DAY_MS)]
    covered, lined = set(whole), {group.day for group in tally.groups} | {day for day, _ in tally.matched}
    part = [day for day in days if day not in covered and day in counted]
    silent = [day for day in days if day not in counted and day in lined]
    for some, is_whole, is_silent in (
        ([day for day in whole if day in counted], True, False),
        (part, False, False),
        (silent, False, True),
    ):
        if some:
            yield Days(some, is_whole, is_silent)


def _compare(tally: Tally, days: Days, counted: Iterable[Counted], side: Side, *, records: bool) -> None:
    """Fill in what became of the lines of these days."""
    within = set(days.listed)
    counts: Counter[str] = Counter()
    for day, _, name, n in counted:
        if day in within:
            counts[name] += n
    lost = counts[LOST]
    for name in BESIDE:
        counts.pop(name, None)
    rows = {name: Row(name) for name in PAGES}
    for (day, name), n in tally.matched.items():
        if day in within:
            rows[name].lines += n
            rows[name].sure += n
    groups = _groups(tally, days)
    # A visit or a bot that no event shows: as many as were counted beyond those that one does.
    room = {name: max(0, n - rows[name].lines) if name in PAGES else n for name, n in counts.items()}
    if not days.is_whole and records:
        room = {name: n for name, n in room.items() if name not in PAGES}
    settled = settle([(group.outcomes, group.n) for group in groups], room, frozenset((*UNCOUNTED, OTHER_DAY)))
    for (at, outcome), n in settled.given.items():
        row = rows.setdefault(outcome, Row(outcome))
        row.lines += n
        row.sure += n if _is_sure(groups[at].outcomes, outcome) else 0
        if outcome in PAGES and records:
            known = min(n, lost)
            lost -= known
            if n > known:
                days.problems.append(_problem(UNSTORED, n - known, groups[at], tally))
    days.left = sum(settled.left.values())
    if days.is_silent and settled.left:
        left = [groups[at] for at in settled.left]
        merged = _Merged((), days.left, [group for one in left for group in one.groups])
        days.problems.append(_problem(SILENT, merged.n, merged, tally))
    else:
        for at, n in settled.left.items():
            days.problems.append(_problem(_why(groups[at].outcomes, days.is_whole, side), n, groups[at], tally))
    if days.is_whole:
        days.problems += _spare(settled.spare, tally, days, side)
    days.rows = _told(rows, counts, is_whole=days.is_whole)


def _told(rows: dict[str, Row], counts: Counter[str], *, is_whole: bool) -> list[Row]:
    """The rows with what was counted, the most lines first."""
    for name in {*rows, *counts} - UNCOUNTED - {OTHER_DAY}:
        row = rows.setdefault(name, Row(name))
        if is_whole:
            row.ours = counts[name]
        elif name not in PAGES:
            row.at_most = counts[name]
    told = [row for row in rows.values() if row.lines or row.ours]
    return sorted(told, key=lambda row: (-row.lines, row.outcome))


def _is_sure(outcomes: Sequence[str], outcome: str) -> bool:
    """Whether the line alone tells it, but for a load in advance or no answer at all."""
    return len(outcomes) == 1 or [name for name in outcomes if name not in _ALWAYS_OPEN] == [outcome]


def _groups(tally: Tally, days: Days) -> list[_Merged]:
    """Groups of these days put together, what is told apart least at the end: that is what is left over."""
    within, merged = set(days.listed), dict[tuple[tuple[str, ...], str], list[Group]]()
    for group in tally.groups:
        if group.day in within:
            is_outer = days.is_whole and (group.day, group.edge) in ((days.first, -1), (days.last, 1))
            outcomes = (*group.verdict.outcomes, OTHER_DAY) if is_outer else group.verdict.outcomes
            merged.setdefault((outcomes, group.verdict.look), []).append(group)
    order = sorted(merged, key=lambda key: (len(key[0]) > 2, _LOOKS.index(key[1]), len(key[0])))
    return [_Merged(key[0], sum(tally.groups[group] for group in merged[key]), merged[key]) for key in order]


def _problem(why: str, n: int, merged: _Merged, tally: Tally) -> Problem:
    lines = sorted(line for group in merged.groups for line in tally.examples[group])
    return Problem(why, n, tuple(lines), merged.n)


def _why(outcomes: Sequence[str], is_whole: bool, side: Side) -> str:
    if not outcomes:
        return "cannot have come through footfall (--skip: such paths do not)"
    names = ", ".join(name for name in outcomes if name not in (*PAGES, ELSEWHERE, OTHER_DAY, OWN)) or outcomes[0]
    more = "more lines than were counted" if is_whole else "more lines than were counted in all of these days"
    page = ", and no page view is stored" if any(name in PAGES for name in outcomes) else ""
    front = "; or does the server in front answer them by itself (--skip)?" if side == "front" else ""
    return f"may be {names}: {more}{page}{front}"


def _spare(spare: Mapping[str, int], tally: Tally, days: Days, side: Side) -> list[Problem]:
    """Counts without a line."""
    borrowed = tally.edges[days.first - 1, 1] + tally.edges[days.last + 1, -1]
    missed = tally.missed
    problems = []
    for name, n in spare.items():
        if side == "site" and name in _UNSEEN_BEHIND:
            continue
        if name in PAGES:
            n, missed = n - min(n, missed), missed - min(n, missed)
        n, borrowed = n - min(n, borrowed), borrowed - min(n, borrowed)
        if n:
            problems.append(
                Problem(f"counted as {name}, and on no line: another way in, or a log that is not whole", n)
            )
    return problems
