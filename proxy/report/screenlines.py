"""The lines of the report's other pages for a terminal: each the numbers of its page's JSON, as tables.

Law: listing.py's. What is about one thing begins with how often that was; rows beyond those that are shown are told.
"""

import shlex
from collections.abc import Callable, Iterator
from datetime import tzinfo
from typing import Any

from proxy.paper import Paper, columns_of
from proxy.report import listing, numbers
from proxy.report.attention import ENDINGS
from proxy.report.charts import span_name
from proxy.report.chosen import did_text, element_text, failed_text, page_text
from proxy.report.forms import OUTCOMES, STEPS
from proxy.report.overview import Model
from proxy.report.pages import value_text
from proxy.report.paper import counts, fitted, named, place, plain, table

VALUES = 8
"""Of a param."""
ENDING_WORDS = {
    "again": "The same page again",
    "others": "Other pages",
    "left": "Left",
    "alone": "Not known: outside any session",
}
Rows = list[tuple[str, tuple[str, ...]]]


def visitors(paper: Paper, model: Model, zone: tzinfo | None) -> Iterator[str]:
    card = model["visitors"]
    rows: Rows = [
        (
            row["uuid"],
            (*counts(row["views"], row["sessions"]), numbers.moment(row["last"], zone, model["range"]["until"])),
        )
        for row in (card or {"rows": ()})["rows"]
    ]
    yield from table(paper, "Visitors, the latest first", ("Views", "Sessions", "Last seen"), rows, card)
    yield from _more(paper, card and {**card, "total": card["total"] + card["cookieless"]})


def paths(paper: Paper, model: Model, zone: tzinfo | None) -> Iterator[str]:
    flow = model["flow"]
    if model["of"] is not None:
        of = _whole(model["of"])
        yield from table(paper, f"Around {of}", ("Times",), [] if flow is None else [(of, counts(flow["times"]))], flow)
        for side, title, then, end in (
            ("before", "Before it", "before that", "began here"),
            ("after", "After it", "then", "left"),
        ):
            rows = [] if flow is None else list(_side(flow[side], model, then, end))
            yield from table(paper, title, ("Times",), rows, flow)
    trails = model["trails"]
    ways: Rows = [
        (
            " › ".join([place(one, model) for one in row["pages"]] + ["…"] * row["is_longer"]),
            counts(row["sessions"]),
        )
        for row in (trails or {"rows": ()})["rows"]
    ]
    title = "Common whole paths" if model["of"] is None else "Whole paths with it"
    yield from table(paper, title, ("Sessions",), ways, trails)
    yield from _more(paper, trails)
    if model["of"] is None:
        pages = None if model["pages"] is None else {"rows": model["pages"]}
        yield from _one_of(paper, pages, lambda row: page_text(row["host"], row["path"]))


def _side(side: Model, model: Model, then: str, end: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    def words(node: Model) -> str:
        return {"end": end, "others": "other pages"}.get(node["what"]) or place(node, model)

    for number, near in enumerate(side["near"]):
        yield words(near), counts(near["n"])
        far = [(n, words(side["far"][other])) for one, other, n in side["links"] if one == number]
        if far:
            said = ", ".join(f"{name} {numbers.count(n)}" for n, name in sorted(far, key=lambda pair: -pair[0]))
            yield f"\1{then}: {said}", ()


def forms(paper: Paper, model: Model, zone: tzinfo | None) -> Iterator[str]:
    if model["of"] is None:
        yield from listing.forms(paper, model)
        yield from _more(paper, model["forms"])
        yield from _one_of(paper, model["forms"], lambda row: element_text(row["host"], row["path"], row["name"]))
        return
    form, name = model["form"], named(model["of"]["name"], _whole(model["of"]))
    if form is None:
        yield from table(paper, name, ("Times",), [], None)
        return
    yield from table(
        paper,
        name,
        ("Times", "Of views", "Visitors"),
        [
            (
                word,
                (
                    *counts(form[step]["events"]),
                    numbers.fine_share(form[step]["share"]),
                    *counts(form[step]["visitors"]),
                ),
            )
            for step, word in STEPS.items()
            if step != "accepted" or form["results"]
        ],
        form,
    )
    fields: Rows = [
        (
            field["name"],
            (
                *counts(field["changed"], field["visitors"]),
                numbers.length(field["median_ms"]),
                *counts(field["refocused"], field["filled"], field["skipped"]),
            ),
        )
        for field in form["fields"]["rows"]
    ]
    heads = ("Changed", "Visitors", "Median", "Came back", "Filled", "Not read")
    yield from table(paper, "Fields", heads, fields, form["fields"])
    yield from _more(paper, form["fields"])
    left: Rows = [(row["field"] or "none changed", counts(row["views"])) for row in form["left"]["rows"]]
    yield from table(paper, "The last field before leaving", ("Page views",), left, form["left"])
    yield from _more(paper, form["left"])
    answers: Rows = [
        (f"{OUTCOMES[row['outcome']]}, {row['status']}", counts(row["results"])) for row in form["statuses"]
    ]
    yield from table(paper, "What the site answered", ("Times",), answers, form)


def attention(paper: Paper, model: Model, zone: tzinfo | None) -> Iterator[str]:
    if model["of"] is None:
        yield from listing.hovers(paper, model)
        yield from _more(paper, model["hovers"])
        yield from _one_of(
            paper, model["hovers"], lambda row: did_text(row["action"], row["host"], row["path"], row["name"])
        )
        return
    one, name = model["attention"], named(model["of"]["name"], _whole(model["of"]))
    if one is None:
        yield from table(paper, name, ("Hovers",), [], None)
        return
    lasting = (numbers.length(one["median_ms"]), numbers.length(one["p95_ms"]))
    cells = (*counts(one["hovers"], one["visitors"]), *lasting, *counts(one["clicked"]))
    heads = ("Hovers", "Visitors", "Median", "95 % below", "Clicked")
    yield from table(paper, name, heads, [("All", cells)], one)
    steps: Rows = [
        (span_name(step["least_ms"], step["below_ms"]), counts(step["hovers"]))
        for step in one["lengths"]
        if step["hovers"]
    ]
    yield from table(paper, "How long", ("Hovers",), steps, one)
    unusual: Rows = [
        (row["uuid"], (numbers.length(row["dwell_ms"]), numbers.length(row["usual_ms"])))
        for row in one["unusual"]["rows"]
    ]
    yield from table(paper, "Longer than usual", ("Lasted", "Usually"), unusual, one["unusual"])
    yield from _more(paper, one["unusual"])
    following: Rows = [(place(row, model), counts(row["n"])) for row in one["next"]["rows"]]
    following += [(ENDING_WORDS[name], counts(one["next"][name])) for name in ENDINGS if one["next"][name]]
    yield from table(paper, "Which page came next", ("Hovers",), following, one["next"])


def errors(paper: Paper, model: Model, zone: tzinfo | None) -> Iterator[str]:
    if model["of"] is None:
        yield from listing.failed(paper, model)
        yield from _more(paper, model["failed"])
        yield from _one_of(
            paper, model["failed"], lambda row: f"failed {failed_text(row['status'], row['host'], row['path'])}"
        )
        yield from listing.slow(paper, model)
        yield from _more(paper, model["slow"])
        yield from _one_of(paper, model["slow"], lambda row: f"slow {page_text(row['host'], row['path'])}")
        if model["failed"] and model["slow"] and not (model["failed"]["rows"] or model["slow"]["rows"]):
            yield ""
            yield paper.soft("  no page came with an error, and none took a second")
        return
    after, of = model["after"], model["of"]
    what = f"{of['status']} {_whole(of)}" if of["status"] else f"{_whole(of)}, slow"
    rows: Rows = []
    if after is not None:
        rows = [
            (place(row, model), (*counts(row["n"]), numbers.fine_share(row["share"]))) for row in after["ways"]["rows"]
        ]
        for ending, word in ENDING_WORDS.items():
            if after[ending]["n"]:
                rows.append((word, (*counts(after[ending]["n"]), numbers.fine_share(after[ending]["share"]))))
        rows.append(("= views", (*counts(after["views"]), "")))
    yield from table(paper, f"What came after {what}", ("Times", "Share"), rows, after)


def explore(paper: Paper, model: Model, zone: tzinfo | None) -> Iterator[str]:
    if model["of"] is None:
        actions = model["actions"]
        rows: Rows = [(row["action"], counts(row["events"])) for row in (actions or {"rows": ()})["rows"]]
        yield from table(paper, "What came", ("Events",), rows, actions)
        yield from _more(paper, actions)
        yield from _one_of(paper, actions, lambda row: str(row["action"]))
        return
    action, of = model["action"], model["of"]["text"]
    whole: Rows = [] if action is None else [("All", counts(action["events"], action["visitors"]))]
    yield from table(paper, of, ("Events", "Visitors"), whole, action)
    if action is None:
        return
    if action["never"]:
        never = fitted(f"    never said: {', '.join(action['never'])}", paper.width)
        yield paper.soft(never.rstrip())
    for one in action["params"]["rows"]:
        yield from _param(paper, one)
    yield from _more(paper, action["params"], "params")


def _param(paper: Paper, one: Model) -> Iterator[str]:
    shown = one["values"]["rows"][:VALUES]
    rows: Rows = [
        (_said(one, row["value"]), (*counts(row["events"]), numbers.fine_share(row["share"]))) for row in shown
    ]
    if one["lowest"] is not None and one["lowest"] != one["highest"]:
        least, half, most = (_said(one, one[name]) for name in ("lowest", "median", "highest"))
        rows.append((f"\1from {least} to {most}, half of the numbers at most {half}", ()))
    if not shown:
        rows.append((f"\1lists or objects, in {numbers.several(one['events'], 'event', 'events')}", ()))
    name = one["name"] if one["defined"] else f"{one['name']}, not defined"
    yield from table(paper, name, ("Times", "Share"), rows, one)
    yield from _more(paper, {**one["values"], "rows": shown}, "values")


def _said(param: Model, value: Any) -> str:
    return numbers.length(value) if numbers.is_length(param["name"], value) else value_text(value)


def _more(paper: Paper, card: Model | None, what: str = "") -> Iterator[str]:
    """How many rows there are in all, where that is more than there are here."""
    if card is not None and len(card["rows"]) < card["total"]:
        yield paper.soft(f"    {len(card['rows'])} of {plain(numbers.count(card['total']))} {what}".rstrip())


def _one_of(paper: Paper, card: Model | None, text: Callable[[Model], str]) -> Iterator[str]:
    """How the first row is asked about, as it is typed; left out where that does not fit."""
    if card is None or not card["rows"]:
        return
    line = f"    --of {shlex.quote(text(card['rows'][0]))}"
    if line.isprintable() and sum(map(columns_of, line)) <= paper.width:
        yield paper.soft(line)


def _whole(of: Model) -> str:
    """Where a thing is, with its host: what is not there is told from what nobody used."""
    return numbers.place_of(of["host"], of["path"], True)
