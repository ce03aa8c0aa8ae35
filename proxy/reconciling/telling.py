"""The reckoning as lines for people, and as one JSON object.

Law: pure; what a log says is printed without control characters.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from proxy.page.eligibility import Outcome
from proxy.reconciling.judging import ELSEWHERE, OWN
from proxy.reconciling.matching import Viewed
from proxy.reconciling.reckoning import OTHER_DAY, Days, Problem, Reckoning, Row
from proxy.reconciling.tally import DAY_MS
from proxy.report.balance import MADE, MEANING

TEXT_CHARS = 160
"""Of a line that is shown."""
_WORDS: Final = {
    OWN: "footfall's own: the tracker and what it sends; not proxied, not counted",
    ELSEWHERE: "never came to footfall: answered in front of it, or asked of the site directly",
    OTHER_DAY: "at midnight: counted in the day beside",
    Outcome.VISIT: "each is a page.visit of its own",
    Outcome.BOT: "each is a page.visit of its own, in the lane of bots",
}
_SIDES: Final = {"front": "in front of footfall", "site": "the site's, behind footfall"}


def lines_of(found: Reckoning, name: str, shown: int) -> Iterator[str]:
    """For people; `shown` lines of what nothing explains."""
    tally = found.tally
    if tally.first is None:
        yield f"{name}: {tally.lines:,} lines, none of which can be compared"
    else:
        span = f"{_moment(tally.first)} to {_moment(tally.last)} UTC"
        yield f"{name}: {tally.lines:,} lines, {span}; {_SIDES[found.side]}"
    for days in found.days:
        yield ""
        yield from _table(days)
    if tally.added:
        yield ""
        yield "Page views that no request was made for, so that no line is missing:"
        yield from (
            f"  {n:>12,} {how:10} {MADE.get(how, 'told by its browser')}" for how, n in sorted(tally.added.items())
        )
    yield ""
    if found.is_explained:
        yield "Every line is explained."
        return
    if len(found.hosts) > 1 and any(tally.missed_shown):
        yield f"Counted are {len(found.hosts)} hosts; --host NAME compares with those that the log is of."
    yield f"Nothing explains {sum(problem.n for problem in found.problems):,}:"
    yield from _problems(found, shown)


def _table(days: Days) -> Iterator[str]:
    between = " to " if days.last - days.first == len(days.listed) - 1 else " and "
    span = between.join(dict.fromkeys((_day(days.first), _day(days.last))))
    if days.is_whole:
        yield f"{span} (UTC), which the log covers: its lines beside what was counted"
    elif days.is_silent:
        yield f"{span} (UTC), of which nothing was counted here"
    else:
        yield f"{span} (UTC), of which the log has a part: only page views are compared, since counters are of"
        yield "whole days (--whole-days: the log has all lines of these days)"
    yield f"  {'outcome':14}{'in the log':>12}{'in ours':>12}{'difference':>12}"
    for row in days.rows:
        difference = "" if row.difference is None else f"{row.difference:,}"
        yield f"  {row.outcome:14}{row.lines:>12,}{_ours(row):>12}{difference:>12}  {_explanation(row)}"
    if days.left:
        yield f"  {'(unexplained)':14}{days.left:>12,}"
    ours = [row.ours for row in days.rows if row.ours is not None]
    total = f"{sum(ours):,}" if ours else ""
    yield f"  {'= all':14}{sum(row.lines for row in days.rows) + days.left:>12,}{total:>12}".rstrip()


def _ours(row: Row) -> str:
    return "" if row.ours is None else f"{row.ours:,}"


def _explanation(row: Row) -> str:
    said = _WORDS.get(row.outcome) or MEANING.get(row.outcome, "")
    if row.difference and row.difference < 0:
        said += "; a crash loses the counters of its last second"
    if row.sure < row.lines and row.outcome not in (OTHER_DAY,):
        told = f"{row.sure:,} told by the line, " if row.sure else ""
        left = row.lines - row.sure
        said += f" ({told}{left:,} by what was counted)" if row.ours is not None else f" ({told}{left:,} may be)"
    return said


def _problems(found: Reckoning, shown: int) -> Iterator[str]:
    for problem in found.problems:
        yield f"  {problem.n:>8,} {problem.why}"
        if problem.lines and problem.of > problem.n:
            yield f"           {problem.n:,} of these {problem.of:,}; the log does not tell which:"
        told = problem.lines[:shown]
        yield from (f"           line {line.number:,}: {_clean(line.text)}" for line in told)
        if problem.lines and problem.of > len(told):
            yield f"           and {problem.of - len(told):,} more (--lines N)"
    if found.tally.missed_shown:
        yield "           page views that are on no line:"
    for view in found.tally.missed_shown[:shown]:
        yield f"           {_moment(view.time)} UTC: {_clean(_view(view))}"


def _view(view: Viewed) -> str:
    method = "POST" if view.is_post else "GET"
    return f"{method} {view.address} {view.status if view.status is not None else ''} ({view.outcome})"


def as_json(found: Reckoning, name: str, shown: int) -> str:
    """For a program. Times UTC ms, days since 1970."""
    tally = found.tally
    told: dict[str, Any] = {
        "log": name,
        "side": found.side,
        "lines": tally.lines,
        "first": tally.first,
        "last": tally.last if tally.first is not None else None,
        "malformed": tally.malformed,
        "out_of_order": tally.late,
        "days": [
            {
                "days": list(days.listed),
                "is_whole": days.is_whole,
                "is_silent": days.is_silent,
                "rows": [
                    {
                        "outcome": row.outcome,
                        "lines": row.lines,
                        "told_by_the_line": row.sure,
                        "counted": row.ours,
                        "counted_at_most": row.at_most,
                        "difference": row.difference,
                        "explanation": _explanation(row),
                    }
                    for row in days.rows
                ],
                "unexplained_lines": days.left,
            }
            for days in found.days
        ],
        "page_views_without_a_request": dict(sorted(tally.added.items())),
        "page_views_without_a_line": [{"time": view.time, "address": view.address} for view in tally.missed_shown],
        "is_explained": found.is_explained,
        "unexplained": [_problem(problem, shown) for problem in found.problems],
    }
    return json.dumps(told)


def _problem(problem: Problem, shown: int) -> dict[str, Any]:
    return {
        "why": problem.why,
        "n": problem.n,
        "of": problem.of,
        "lines": [{"number": line.number, "text": line.text} for line in problem.lines[:shown]],
    }


def _clean(text: str) -> str:
    cut = text if len(text) <= TEXT_CHARS else f"{text[: TEXT_CHARS - 1]}…"
    return "".join(char if char.isprintable() else "?" for char in cut)


def _moment(ms: int) -> str:
    return f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms):%Y-%m-%d %H:%M:%S}"


def _day(day: int) -> str:
    return _moment(day * DAY_MS)[:10]
