"""The ways that sessions take: what came before and after a page, two steps each way, and whole ways.

Law: each step is told with its number, and whatever has no place of its own is in "others", so that the numbers of a
side add up to how often the page was come to.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from proxy.report.chosen import Chosen, page_text
from proxy.report.overview import Cards, Model, of_range, only
from proxy.report.ranges import Range
from proxy.report.sheets import Table, ranked
from proxy.store.questions import Began, Flow, Late, ReportReader, Saw, Span, StepRow

STEPS_READ = 5_000
"""Pairs of pages of one side of a page; rarer ones are in "others"."""
ROWS_TOLD = 1_000
"""Pairs in the JSON and in a sheet."""
NODES_SHOWN = 6
"""Pages that have a place of their own in a step."""
TRAIL_PAGES = 5
PAGES_SHOWN = 20
"""Pages to choose from where none is asked about."""
PAGE, END, OTHERS = "page", "end", "others"
"""What a node stands for; `end`: the session began there, or was over."""

Node = tuple[str, str, str]
"""What it stands for, host and path."""
_END: Node = (END, "", "")
_OTHERS: Node = (OTHERS, "", "")


def paths(
    reader: ReportReader, span: Range, lane: int, *, of: Saw | None, chosen: Sequence[Chosen] = (), limit: int
) -> Model:
    """Ways through the page `of`, or all ways where it is None, with the pages to go on from. At most `limit` ways."""
    cards = Cards()
    with reader.moment():
        several = cards.ask("hosts", reader.has_several_hosts)
        pages = None
        if of is None:
            with only(reader, cards, chosen, span) as told:
                whole = Span(told["since"], span.until, lane)
                pages = cards.ask("pages", lambda: reader.pages(whole, PAGES_SHOWN))
        with only(reader, cards, chosen, span, of or Began()) as told:
            within = Span(told["since"], span.until, lane)
            flow = None if of is None else cards.ask("flow", lambda: reader.flow(within, *of, STEPS_READ))
            trails = cards.ask("trails", lambda: reader.trails(within, TRAIL_PAGES, limit))
    return {
        **of_range(span, lane),
        **told,
        "several_hosts": bool(several),
        "of": None if of is None else {"text": page_text(*of), **of._asdict()},
        "flow": None if flow is None else _flow(flow),
        "pages": None
        if pages is None
        else [{"host": row.host, "path": row.path, "views": row.views} for row in pages.rows],
        "trails": None
        if trails is None
        else {
            "rows": [
                {
                    "pages": [place._asdict() for place in row.pages],
                    "is_longer": row.is_longer,
                    "sessions": row.sessions,
                }
                for row in trails.rows
            ],
            "total": trails.total,
            "sessions": trails.sessions,
        },
        "late": cards.late,
    }


def _flow(flow: Flow) -> Model:
    return {"times": flow.times, "before": side_of(flow.before, flow.times), "after": side_of(flow.after, flow.times)}


def side_of(rows: Sequence[StepRow], times: int) -> Model:
    """One side of a page: `near` and `far` nodes, most frequent first, others and ends last; `links` [place in near,
    place in far, n]; `rows`: the pairs themselves. Every one of `times` is in one near node."""
    near, far = Counter[Node](), Counter[Node]()
    for row in rows:
        near[_node(row.near)] += row.n
        if row.near is not None:
            far[_node(row.far)] += row.n
    nears, fars = _shown(near), _shown(far)
    links: Counter[tuple[Node, Node]] = Counter()
    for row in rows:
        if row.near is not None:
            one, other = _node(row.near), _node(row.far)
            links[one if one in nears else _OTHERS, other if other in (*fars, _END) else _OTHERS] += row.n
    # Pairs that were not read: of which pages, nobody knows.
    links[_OTHERS, _OTHERS] += times - near.total()
    sums = [Counter({node: near[node] for node in (*nears, _END)}), Counter[Node]()]
    sums[0][_OTHERS] = times - sums[0].total()
    for (_, node), n in links.items():
        sums[1][node] += n
    order = [
        [node for node in (*shown, _OTHERS, _END) if of[node]] for shown, of in zip((nears, fars), sums, strict=True)
    ]
    return {
        "near": [_told(node, sums[0][node]) for node in order[0]],
        "far": [_told(node, sums[1][node]) for node in order[1]],
        "links": sorted([order[0].index(one), order[1].index(other), n] for (one, other), n in links.items() if n),
        "rows": [_row(row) for row in rows[:ROWS_TOLD]],
    }


def _node(place: Any) -> Node:
    return _END if place is None else (PAGE, *place)


def _shown(counted: Counter[Node]) -> list[Node]:
    """The pages that have a place of their own."""
    pages = sorted((node for node in counted if node[0] == PAGE), key=lambda node: (-counted[node], node))
    return pages[:NODES_SHOWN]


def _told(node: Node, n: int) -> Model:
    what, host, path = node
    return {"what": what, "host": host, "path": path, "n": n}


def _row(row: StepRow) -> Model:
    named = {"near": row.near, "far": row.far}
    return {**{name: None if place is None else place._asdict() for name, place in named.items()}, "n": row.n}


def paths_table(model: Model) -> Table:
    """Whole ways, a page a column, or with a page the pairs of either side. Raises Late."""
    trails, flow = model["trails"], model["flow"]
    if (trails if model["of"] is None else flow) is None:
        raise Late("paths")
    if model["of"] is None:
        return ranked(trails, [_trail(row) for row in trails["rows"]])
    rows = [_pair(side, row) for side in ("before", "after") for row in flow[side]["rows"]]
    is_cut = sum(row["n"] for row in rows) < 2 * flow["times"]
    return Table(rows, None if is_cut else len(rows), is_cut)


def _trail(row: Model) -> Model:
    pages = {f"page_{place + 1}": _text(row["pages"], place) for place in range(TRAIL_PAGES)}
    return {**pages, "is_longer": row["is_longer"], "sessions": row["sessions"]}


def _pair(side: str, row: Model) -> Model:
    places = {f"{name}_{key}": (row[name] or {}).get(key) for name in ("near", "far") for key in ("host", "path")}
    return {"side": side, **places, "n": row["n"]}


def _text(pages: Sequence[Model], place: int) -> str | None:
    return f"{pages[place]['host']}{pages[place]['path']}" if place < len(pages) else None
