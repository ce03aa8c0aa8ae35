"""Figures as text. Pure: no clock, no process, no printing.

The text is Markdown, to be read in a terminal as well: columns are padded.
"""

import math
import re
from collections.abc import Sequence
from statistics import median

from benchmarks.rows import Figures

START, END = "<!-- bench:start -->", "<!-- bench:end -->"
PEERS = "peers"
"""The other pair of markers: peers:start, peers:end."""
HEADINGS = ("CPU per request", "footfall", "nginx", "ratio", "from - to")
REFERENCE = "for comparison"


def ratios(figures: Figures) -> list[float]:
    """Ours to the peer's, round by round; infinite where a run was too short for a clock that counts in ticks."""
    return [ours / peer if peer else math.inf for ours, peer in zip(figures.ours, figures.peers, strict=True)]


def ratio(figures: Figures) -> float:
    """The median of the paired ratios, which is not the ratio of the medians."""
    return median(ratios(figures))


def table(rows: Sequence[Figures]) -> str:
    """One line a row; reference rows last, below a line of their own."""
    lines = [_line(figures) for figures in rows if not figures.row.is_reference]
    below = [_line(figures) for figures in rows if figures.row.is_reference]
    if below:
        lines += [(f"*{REFERENCE}*", "", "", "", ""), *below]
    return columns(HEADINGS, lines)


def _line(figures: Figures) -> tuple[str, ...]:
    found = ratios(figures)
    return (
        figures.row.title,
        f"{median(figures.ours):.0f} us",
        f"{median(figures.peers):.0f} us",
        f"{ratio(figures):.2f}",
        f"{min(found):.2f} - {max(found):.2f}",
    )


def columns(headings: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table, its first column to the left, the others to the right, padded."""
    widths = [max(len(line[at]) for line in (headings, *lines)) for at in range(len(headings))]

    def shown(cells: Sequence[str]) -> str:
        first, *others = (
            cell.rjust(width) if at else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return f"| {' | '.join((first, *others))} |"

    rule = "|".join(("-" * (widths[0] + 2), *(f"{'-' * (width + 1)}:" for width in widths[1:])))
    return "\n".join((shown(headings), f"|{rule}|", *map(shown, lines)))


def replaced(document: str, text: str, name: str = "bench") -> str | None:
    """The document with `text` between its markers; None where it does not have exactly one pair of them."""
    start, end = f"<!-- {name}:start -->", f"<!-- {name}:end -->"
    between = re.compile(f"{re.escape(start)}.*?{re.escape(end)}", re.DOTALL)
    if len(between.findall(document)) != 1:
        return None
    return between.sub(lambda _: f"{start}\n{text}\n{end}", document)
