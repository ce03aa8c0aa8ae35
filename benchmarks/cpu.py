"""CPU time of running processes, thread by thread, as Linux counts it in /proc.

`schedstat` has what `stat` has as utime + stime, in nanoseconds where `stat` has ticks of 10 ms; kernels without it
are read by their ticks. A thread that ended would take its time with it, so that is an error, not a gap.
"""

import os
from dataclasses import dataclass
from pathlib import Path

TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
UTIME, STIME = 11, 12
"""Fields of `stat` after the command's closing parenthesis (proc_pid_stat(5), numbers 14 and 15)."""


class CpuError(Exception):
    """A process or thread went away while it was being measured."""


@dataclass(frozen=True, slots=True)
class Spent:
    """CPU nanoseconds by thread id of a process and all its descendants; `main` are the processes' first threads."""

    threads: dict[int, int]
    main: frozenset[int]

    def since(self, before: "Spent") -> "Spent":
        """What was spent after `before`. Raises CpuError if one of its threads is gone."""
        gone = before.threads.keys() - self.threads.keys()
        if gone:
            raise CpuError(f"a thread or process ended while it was being measured: {', '.join(map(str, gone))}")
        return Spent({tid: ns - before.threads.get(tid, 0) for tid, ns in self.threads.items()}, self.main)

    def per(self, requests: int) -> "Spent":
        """The share of one request, to the nanosecond."""
        return Spent({tid: ns // requests for tid, ns in self.threads.items()}, self.main)

    @property
    def total_us(self) -> float:
        return sum(self.threads.values()) / 1_000

    @property
    def main_us(self) -> float:
        """Of the processes' first threads: in footfall the event loops."""
        return sum(ns for tid, ns in self.threads.items() if tid in self.main) / 1_000


def spent(pid: int) -> Spent:
    """CPU time so far of the process and of every descendant. Raises CpuError where the process is gone."""
    try:
        tree = processes(pid)
        threads = {tid: _thread_ns(one, tid) for one in tree for tid in _threads(one)}
    except OSError as wrong:
        raise CpuError(f"process {pid} or one of its children went away: {wrong.strerror}") from None
    return Spent(threads, frozenset(tree))


def processes(pid: int) -> list[int]:
    """It and all its descendants, parents before their children."""
    found = [pid]
    for tid in _threads(pid):
        for child in Path(f"/proc/{pid}/task/{tid}/children").read_text().split():
            found += processes(int(child))
    return found


def _threads(pid: int) -> list[int]:
    return [int(name) for name in os.listdir(f"/proc/{pid}/task")]


def _thread_ns(pid: int, tid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/task/{tid}/schedstat").read_text().split()[0])
    except FileNotFoundError:
        fields = Path(f"/proc/{pid}/task/{tid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[UTIME]) + int(fields[STIME])) * TICK_NS
