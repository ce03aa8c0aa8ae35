"""The field from its start to its text: what `python -m benchmarks` does after its first table."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from benchmarks.command import QUICK_REQUESTS, Plan, UsageError, say
from benchmarks.field import measuring, peers, traffic
from benchmarks.field.figures import Found
from benchmarks.field.idling import SOCKETS, allow_descriptors
from benchmarks.field.origin import site
from benchmarks.field.tables import FIRST
from benchmarks.field.told import Told
from benchmarks.servers import write_site

SOCKETS_ROW = "sockets"


@dataclass(frozen=True, slots=True)
class Choice:
    """Words of `--only` and `--row`, none for all."""

    only: Sequence[str] = ()
    rows: Sequence[str] = ()


def words(text: str) -> list[str]:
    """What stands between commas."""
    return [word.strip() for word in text.split(",") if word.strip()]


def check(choice: Choice) -> None:
    """Raises UsageError: a word names nothing."""
    keys = (*(row.key for row in traffic.ROWS), SOCKETS_ROW)
    for option, given, known in (
        ("--only", choice.only, sorted({name for one in peers.PEERS for name in (one.key, one.key.partition("-")[0])})),
        ("--row", choice.rows, keys),
    ):
        for word in given:
            if word not in known:
                raise UsageError(f"{option}: no {word}; there are {', '.join(known)}")


def run(plan: Plan, choice: Choice) -> Told:
    """Everything that was chosen, measured.

    Raises:
        StartError, LoadError, CountError, CpuError: it does not count.
    """
    allow_descriptors()
    plan = replace(plan, where=plan.where / "field")
    plan.where.mkdir()
    write_site(plan.where / "site")
    rows = traffic.chosen(choice.rows, plan.where)
    among, found, rounds = peers.chosen(choice.only), Found(), max(1, plan.rounds // 2)
    is_quick = plan.requests <= QUICK_REQUESTS
    half_seconds = measuring.QUICK_HALF_SECONDS if is_quick else measuring.HALF_SECONDS
    sockets = measuring.QUICK_SOCKETS if is_quick else SOCKETS
    with contextlib.ExitStack() as running:
        behind = running.enter_context(site(plan.programs.nginx, plan.where / "origin", plan.where / "site"))
        field = measuring.Field(plan, behind, running)
        needs_open = any(row.row.events for row in rows) and any(one.key == peers.ONE for one in among)
        field.start([*among, *([peers.OPEN] if needs_open else [])], found, say)
        say(f"{'; '.join(peer.title for peer in field.peers.values())}: running; rounds: {rounds}")
        if rows:
            measuring.measure(field, rows, found, rounds, say)
        half = next((row for row in rows if row.key == FIRST), None)
        if half:
            measuring.half_load(field, found, half, rounds, half_seconds, say)
        if not choice.rows or SOCKETS_ROW in choice.rows:
            seconds = measuring.QUICK_IDLE_SECONDS if is_quick else measuring.IDLE_SECONDS
            measuring.idling(field, found, sockets, seconds, say)
    return Told(plan, found, among, rows, rounds, half_seconds, sockets)
