"""The ways around a page as a drawing: five columns of bars, and bands between them as wide as their numbers.

Law: pure; charts.py's but for one thing: bands are curves, so that everything is in the drawing's own units, and it is
scaled as a whole. Where there is no room for it the tables beside it say the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, BAR = 1_160, 9
COLUMNS = (0, 240, 480, 720, 960)
"""Where the bars of a step begin."""
TALL = 300
"""What all of the times are high together, without gaps."""
GAP, LEAST, LINE = 10, 2, 22
"""Between two bars, the least of one, and what its text takes."""
TOP = 12


@dataclass(frozen=True, slots=True)
class Box:
    """A bar: where, and the node that it stands for."""

    x: float
    y: float
    height: float
    node: dict[str, Any]
    is_before: bool


@dataclass(frozen=True, slots=True)
class Drawing:
    """`bands`: the `d` of paths."""

    boxes: tuple[Box, ...]
    bands: tuple[str, ...]
    height: float
    width: int = WIDTH
    bar: int = BAR


def draw(flow: dict[str, Any], of: dict[str, Any]) -> Drawing:
    """A flow (report/paths.py) around the page `of`."""
    times, before, after = flow["times"], flow["before"], flow["after"]
    scale = TALL / max(1, times)
    middle = [{"what": "of", **of, "n": times}]
    columns = [before["far"], before["near"], middle, after["near"], after["far"]]
    boxes = [
        _column(nodes, x, scale, is_before=place < 2)
        for place, (nodes, x) in enumerate(zip(columns, COLUMNS, strict=True))
    ]
    links = (
        [[far, near, n] for near, far, n in before["links"]],
        [[place, 0, node["n"]] for place, node in enumerate(before["near"]) if node["what"] != "end"],
        [[0, place, node["n"]] for place, node in enumerate(after["near"]) if node["what"] != "end"],
        after["links"],
    )
    bands = [band for place, some in enumerate(links) for band in _bands(boxes[place], boxes[place + 1], some, scale)]
    flat = tuple(box for column in boxes for box in column)
    return Drawing(flat, tuple(bands), round(max(_below(column) for column in boxes) + TOP, 1))


def _column(nodes: Sequence[dict[str, Any]], x: float, scale: float, *, is_before: bool) -> list[Box]:
    boxes, y = [], float(TOP)
    for node in nodes:
        height = max(LEAST, node["n"] * scale)
        boxes.append(Box(x, round(y, 1), round(height, 1), node, is_before))
        y += max(height + GAP, LINE)
    return boxes


def _below(column: Sequence[Box]) -> float:
    return max((box.y + max(box.height, LINE) for box in column), default=0)


def _bands(left: Sequence[Box], right: Sequence[Box], links: Sequence[Sequence[int]], scale: float) -> list[str]:
    out, into = ([box.y for box in boxes] for boxes in (left, right))
    found = []
    for one, other, n in sorted(links, key=lambda link: (link[0], link[1])):
        wide = max(1.0, n * scale)
        x0, x1 = left[one].x + BAR, right[other].x
        y0, y1, bend = out[one], into[other], (x1 - x0) / 2
        found.append(
            f"M{x0:g} {y0:.1f}C{x0 + bend:g} {y0:.1f} {x1 - bend:g} {y1:.1f} {x1:g} {y1:.1f}v{wide:.1f}"
            f"C{x1 - bend:g} {y1 + wide:.1f} {x0 + bend:g} {y0 + wide:.1f} {x0:g} {y0 + wide:.1f}z"
        )
        out[one] += n * scale
        into[other] += n * scale
    return found
