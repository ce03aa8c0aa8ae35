"""CPU time of a question, cold and warm.

Cold: a new connection, and nothing of the file in the system's cache (asked to let go of it; what another process has
mapped stays). Warm: the same question again, of the same connection. CPU is the process's, user and system, which has
only one thread; waiting for the disk is in the time by the clock.
"""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.progress import Progress
from benchmarks.store.asked import Part, Question, open_questions, questions, subject
from benchmarks.store.filled import let_go
from proxy.store.sqlite.questions import QUESTION_SECONDS

COLD_RUNS, WARM_RUNS = 3, 5
ENOUGH_SECONDS = 1.5
"""Once it has taken this long by the clock, a figure is of the runs so far."""


@dataclass(frozen=True, slots=True)
class Took:
    """CPU and clock, in ms."""

    cpu_ms: float
    wall_ms: float

    @property
    def is_late(self) -> bool:
        """The report would have gone on without an answer."""
        return self.wall_ms > QUESTION_SECONDS * 1_000


@dataclass(frozen=True, slots=True)
class Answered:
    question: str
    cold: Took
    warm: Took
    days: float | None = None
    """Of the month, that were looked through where that was not all of it."""


def answered(path: Path) -> list[Answered]:
    """Every question, asked of a database that nobody writes to."""
    asked = questions(subject(path))
    progress = Progress("questions", len(asked))
    found = []
    for number, question in enumerate(asked):
        found.append(_answered(path, question))
        progress.at(number + 1)
    progress.end()
    return found


def _answered(path: Path, question: Question) -> Answered:
    cold = _middle(lambda: _cold(path, question), COLD_RUNS)
    with closing(open_questions(path)) as reader:
        answer = question.ask(reader)
        warm = _middle(lambda: _took(lambda: question.ask(reader)), WARM_RUNS)
    return Answered(question.title, cold, warm, answer.days if isinstance(answer, Part) else None)


def _cold(path: Path, question: Question) -> Took:
    for beside in (path, Path(f"{path}-wal")):
        let_go(beside)
    with closing(open_questions(path)) as reader:
        return _took(lambda: question.ask(reader))


def _took(ask: Callable[[], object]) -> Took:
    wall, cpu = time.perf_counter_ns(), time.process_time_ns()
    ask()
    spent, passed = time.process_time_ns() - cpu, time.perf_counter_ns() - wall
    return Took(spent / 1e6, passed / 1e6)


def _middle(measure: Callable[[], Took], most: int) -> Took:
    begun, runs = time.monotonic(), [measure()]
    while len(runs) < most and time.monotonic() - begun < ENOUGH_SECONDS:
        runs.append(measure())
    return Took(median(one.cpu_ms for one in runs), median(one.wall_ms for one in runs))
