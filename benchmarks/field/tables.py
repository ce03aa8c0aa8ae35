"""The field's figures as text. Pure: no clock, no process, no printing."""

from collections.abc import Callable, Sequence
from statistics import median

from benchmarks.field.figures import Cell, Found
from benchmarks.field.peers import FILTER, Peer
from benchmarks.field.traffic import Traffic
from benchmarks.load import Fields, Request
from benchmarks.table import columns

NOTHING = "–"
FIRST = "7k"
"""The row that is in the README, and that half load is of."""
MB, KB = 1_000_000, 1_000


def matrix(found: Found, peers: Sequence[Peer], rows: Sequence[Traffic], shown: Callable[[Cell], str]) -> str:
    """A line for each proxy, a column for each kind of traffic."""
    lines = [
        (peer.title, *(shown(cell) if (cell := found.cells.get((row.key, peer.key))) else NOTHING for row in rows))
        for peer in measured(found, peers)
    ]
    return columns(("through", *(row.title for row in rows)), lines)


def measured(found: Found, peers: Sequence[Peer]) -> list[Peer]:
    return [peer for peer in peers if any(key == peer.key for _, key in found.cells)]


def cpu(cell: Cell) -> str:
    return f"{median(cell.cpu):,.0f}"


def ratio(cell: Cell) -> str:
    """The median of the rounds' own, and the lowest and the highest."""
    return f"{cell.ratio:.2f} ({min(cell.ratios):.2f}–{max(cell.ratios):.2f})"


def per_second(cell: Cell) -> str:
    return f"{median(cell.per_second):,.0f}" if cell.per_second else NOTHING


def times(cell: Cell) -> str:
    return milliseconds(cell.times) if cell.took else NOTHING


def milliseconds(pair: tuple[float, float]) -> str:
    """p50 and p99."""
    return f"{pair[0] / 1_000:.2f} / {pair[1] / 1_000:.2f}"


def half_load(found: Found, peers: Sequence[Peer]) -> str:
    """Answers' times at half load, and what is above the site's own."""
    lines = [
        (
            peer.title,
            f"{half.rate:,.0f}",
            milliseconds(half.times),
            milliseconds(half.above),
            str(half.late) if half.late else "",
        )
        for peer in peers
        if (half := found.half.get(peer.key))
    ]
    return columns(("at half load, through", "requests/s", "p50 / p99, ms", "above direct, ms", "not held"), lines)


def memory(found: Found, peers: Sequence[Peer], sockets: int) -> str:
    """Peak memory, and idle WebSockets where they were measured."""
    lines = []
    for peer in peers:
        idle = found.idle.get(peer.key)
        if idle or peer.key in found.memory:
            lines.append(
                (
                    peer.title,
                    _peak(found, peer),
                    f"{idle.bytes_each / KB:.1f} KB" if idle else NOTHING,
                    f"{idle.cpu_us / 1_000:.1f} ms" if idle else NOTHING,
                )
            )
    headings = ("through", "peak memory", "an idle WebSocket", f"CPU a second of {sockets:,}")
    return columns(headings, lines)


def short(found: Found, peers: Sequence[Peer]) -> str:
    """One line for each proxy: the 7 KB page."""
    lines = []
    for peer in measured(found, peers):
        cell = found.cells.get((FIRST, peer.key))
        if cell:
            own = ("1", "") if peer.key == FILTER else (f"{cell.ratio:.2f}", span(cell.ratios))
            lines.append((peer.title, f"{cpu(cell)} us", *own, per_second(cell), _peak(found, peer)))
    return columns(("7 KB page, through", "CPU", "ratio", "from - to", "requests/s", "peak memory"), lines)


def _peak(found: Found, peer: Peer) -> str:
    return f"{found.memory[peer.key] / MB:.0f} MB" if peer.key in found.memory else NOTHING


def span(ratios: Sequence[float]) -> str:
    return f"{min(ratios):.2f} - {max(ratios):.2f}"


def mix(rows: Sequence[Traffic]) -> str:
    """How many header fields each kind of request carries, in words."""
    counted: dict[int, list[str]] = {}
    for row in rows:
        counted.setdefault(_number(row), []).append(row.title)
    parts = [f"{number} for {', '.join(titles)}" for number, titles in sorted(counted.items(), reverse=True)]
    return "; ".join(parts)


def _number(row: Traffic) -> int:
    """With Host; Cookie where somebody returns; Content-Length of a body, If-None-Match."""
    request: Request = row.row.request
    fields: Fields = request.fields
    has_body = row.posts or row.row.events > 0
    return len(fields) + 1 + row.row.returning + has_body + row.conditional


def left_out(found: Found) -> str:
    """Who is not in the tables, and why; empty where nobody is."""
    return "; ".join(f"{title}: {wrong}" for title, wrong in found.absent.items())
