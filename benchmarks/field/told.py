"""The field's text for docs/performance.md and the README: the tables, and how the figures came about."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.command import Plan, machine, versions
from benchmarks.field.figures import Found
from benchmarks.field.halfway import MOST_A_SECOND
from benchmarks.field.measuring import TRIES
from benchmarks.field.peers import Peer
from benchmarks.field.tables import (
    FIRST,
    cpu,
    half_load,
    left_out,
    matrix,
    memory,
    mix,
    per_second,
    ratio,
    short,
    times,
)
from benchmarks.field.traffic import Traffic
from benchmarks.load import CONNECTIONS, LOADERS
from benchmarks.pace import SLOWER


@dataclass(frozen=True, slots=True)
class Told:
    """What was measured, and how much of it."""

    plan: Plan
    found: Found
    peers: Sequence[Peer]
    rows: Sequence[Traffic]
    rounds: int
    half_seconds: float
    sockets: int


def whole(told: Told) -> str:
    """All tables, for docs/performance.md."""
    found, peers = told.found, told.peers
    timed = [row for row in told.rows if not row.row.events]
    text = [f"Measured on {machine(versions(told.plan.programs))}."]
    if found.absent:
        text.append(f"Left out: {left_out(found)}.")
    if told.rows:
        text += ["### CPU microseconds per request", matrix(found, peers, told.rows, cpu)]
        text += [
            "### Times nginx with sub_filter (and gzip, where the site gzips)",
            matrix(found, peers, told.rows, ratio),
        ]
    if timed:
        text += ["### Requests a second at saturation", matrix(found, peers, timed, per_second)]
        text += ["### p50 / p99 at saturation, milliseconds", matrix(found, peers, timed, times)]
    if found.half:
        text += [f"### Half load, the {_title(told, FIRST)}", half_load(found, peers)]
    if found.memory or found.idle:
        text += ["### Memory, and WebSockets on which nothing is said", memory(found, peers, told.sockets)]
    return "\n\n".join((*text, "### How much was measured", *how(told)))


def _title(told: Told, key: str) -> str:
    return next((row.title for row in told.rows if row.key == key), key)


def how(told: Told) -> list[str]:
    """How the figures came about."""
    found, base = told.found, told.plan.requests
    shares, rows = parts(told.peers), parts(told.rows)
    lines = [
        f"Medians of {told.rounds} round{'s' * (told.rounds > 1)}, after one that warmed everything up; in each round"
        f" everybody in turn. A run is {base:,} requests, or a part of them for who is slower"
        f"{f' ({shares})' if shares else ''} and for what takes longer{f' ({rows})' if rows else ''}; {CONNECTIONS}"
        f" at least, over {CONNECTIONS} connections kept alive, of {LOADERS} visitors at a time.",
        f"Header fields of a request, Host included: {mix(told.rows)}.",
    ]
    if found.half:
        lines.append(
            f"Half load: {told.half_seconds:.0f} s a round at half of a proxy's own requests a second (at most"
            f" {MOST_A_SECOND:,}, which is what the sender can do), evenly; right before it as much directly to the"
            " site. An answer's time begins when its request was due. Above direct: the median of the rounds' own"
            " differences. Not held: rounds in which less than 95 % of the rate came back."
        )
    lines.append(
        f"Where a core was more than {SLOWER - 1:.0%} slower than at its best, before or after a row of a round, the"
        f" row was measured again, {TRIES - 1} time at most: that were {found.again}, and {found.disturbed} stayed"
        " disturbed."
    )
    return lines


def parts(those: Sequence[Peer] | Sequence[Traffic]) -> str:
    """Who or what gets which part of the requests; empty where all get all of them."""
    named: dict[int, list[str]] = {}
    for one in those:
        named.setdefault(one.share, []).append(one.title)
    return "; ".join(f"1/{share}: {', '.join(titles)}" for share, titles in sorted(named.items()) if share > 1)


def brief(told: Told) -> str:
    """For the README: a line for each proxy."""
    lines = [
        short(told.found, told.peers),
        f"Medians of {told.rounds} round{'s' * (told.rounds > 1)}, ratios to nginx with sub_filter in the same round;"
        f" {CONNECTIONS} connections that never wait: load, site and proxy share the cores."
        f" {machine(versions(told.plan.programs))}.",
    ]
    if told.found.absent:
        lines.insert(1, f"Left out: {left_out(told.found)}.")
    return "\n\n".join(lines)
