"""Row by row: footfall is started under valgrind, warmed up, and sent a fixed number of requests while it is counted.

A page is asked for when the one before it has been answered, on one connection. So each is a transaction of its own,
and what it costs does not depend on how many came together meanwhile. They are counted in short stretches, of which
the usual one tells (verdict.py). footfall is kept to one core, on which its worker writes itself: all that a page takes
is in the one process that is counted.
"""

import contextlib
import os
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import sender
from benchmarks.guard.counting import Valgrind
from benchmarks.guard.requests import COUNTED, expected, requests_of
from benchmarks.guard.verdict import usual
from benchmarks.progress import Progress
from benchmarks.rows import BARE, ONE, Row, Visitors
from benchmarks.servers import SMALL, UNLIMITED, Server, footfall, part

REQUESTS = 160
STRETCH = 4
"""Pages that are counted together. Fewer, and what it takes to be asked for the count is a part of it; more, and each
stretch has something in it that came by the clock. A beacon is as long as four pages: they are counted one by one."""
WARMING = 40
"""Requests of a row before those that are counted."""
PATIENT = {**UNLIMITED, "FOOTFALL_STORE__HOLD_MS": "60000"}
"""A commit takes long under valgrind, and no page may go without it."""


def count(tool: Valgrind, tree: Path, where: Path, site: Server, requests: int, *, profiled: bool) -> dict[str, int]:
    """Instructions per request by the title of each row, where a run has so many `requests` of a page.

    Raises:
        LoadError: an answer is missing, or is not what it should be.
        StartError, ToolError: no process could be counted.
    """
    by = tool.runner(tree)
    found: dict[str, int] = {}
    with (
        part(where / BARE, BARE, site, where / "site" / SMALL.lstrip("/"), by=by) as bare,
        _on_one_core(),
        footfall(where / ONE, site, settings=PATIENT, by=by) as one,
        contextlib.closing(Progressing(sum(row.requests(requests) + WARMING for row in COUNTED))) as done,
    ):
        visitors = Visitors.of(one, telling=True)
        for row in COUNTED:
            server = bare if row.subject == BARE else one
            found[row.title] = _counted(tool, server, row, visitors, row.requests(requests), done)
            if profiled:
                tool.profile(server)
        for server in (bare, one):
            tool.end(server)
    return found


@contextlib.contextmanager
def _on_one_core() -> Iterator[None]:
    """What is started meanwhile, and we."""
    ours = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(ours)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, ours)


class Progressing:
    """Draws how far it is as requests are taken, of the whole run's."""

    def __init__(self, requests: int) -> None:
        self._progress = Progress("counting", requests)
        self._done = 0

    def close(self) -> None:
        self._progress.end()

    def of(self, requests: Sequence[bytes]) -> Iterator[bytes]:
        for request in requests:
            yield request
            self._done += 1
            self._progress.at(self._done)


def _counted(tool: Valgrind, server: Server, row: Row, visitors: Visitors, number: int, done: Progressing) -> int:
    """Instructions per request, of so many."""
    warming = requests_of(row, server.port, visitors, WARMING, seed=1)
    counted = requests_of(row, server.port, visitors, number, seed=2)
    selector = sender.connections(server.port, 1)

    def send(requests: Sequence[bytes]) -> None:
        sender.send_all(selector, done.of(requests), expected(row))

    stretch = 1 if row.events else STRETCH
    windows, before = [], 0
    try:
        send(warming)
        tool.begin(server)
        for start in range(0, number, stretch):
            part = counted[start : start + stretch]
            send(part)
            now = tool.so_far(server)
            windows.append(round((now - before) / len(part)))
            before = now
    finally:
        for key in list(selector.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.close()
        selector.close()
    return usual(windows)
