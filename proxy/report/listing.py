"""The lists of the report's summary for the terminal, each a table of the overview's card or of the equation.

Law: lines are paper.py's, numbers the model's. A card that was late says so; one without rows is left out where it is
about what should not be.
"""

import textwrap
from collections.abc import Iterator
from datetime import tzinfo
from typing import Any

from proxy.paper import Paper
from proxy.report import numbers
from proxy.report.overview import Model
from proxy.report.pages import CHANNEL_WORDS, LANE_WORDS, device_word, evidence_text, others_text
from proxy.report.paper import counts, named, place, plain, table

SERVED_WORDS = {
    "person": "served; confirmed, or the cookie came back",
    "unproven": "served; nothing but one request is known",
    "bot": "served to a crawler",
}


def lanes(paper: Paper, model: Model) -> Iterator[str]:
    rows = []
    for row in reversed(model["lanes"] or []):
        rows.append((LANE_WORDS[row["lane"]][0], counts(row["visitors"], row["sessions"], row["views"])))
        if row["cookieless"]:
            rows.append((f"\1{numbers.count(row['cookieless'])} more keep no cookie, and are new on every page", ()))
    yield from table(paper, "Lanes", ("Visitors", "Sessions", "Views"), rows, model["lanes"])


def pages(paper: Paper, model: Model) -> Iterator[str]:
    rows = [
        (
            named(row["title"], place(row, model)),
            (*counts(row["views"], row["visitors"], row["entries"], row["exits"]), numbers.length(row["engaged_ms"])),
        )
        for row in _rows(model["pages"])
    ]
    yield from table(paper, "Pages", ("Views", "Visitors", "Entries", "Exits", "In use"), rows, model["pages"])


def following(paper: Paper, model: Model) -> Iterator[str]:
    card = model["next"]
    if card is not None and not card["rows"]:
        return
    rows = [(place(row, model), counts(row["n"])) for row in _rows(card)]
    title = "Next pages" if card is None else f"Next pages, after {place(card['of'], model)}"
    yield from table(paper, title, ("Times",), rows, card)


def sources(paper: Paper, model: Model) -> Iterator[str]:
    rows = []
    for row in _rows(model["sources"]):
        name = "no referrer" if row["channel"] == "direct" else row["name"]
        campaign = f" ({row['campaign']})" if row["campaign"] is not None else ""
        rows.append((f"{CHANNEL_WORDS[row['channel']]}: {name}{campaign}", counts(row["sessions"])))
    card = model["sources"]
    if card is not None and card["others"]["sessions"]:
        rows.append((f"Others: {others_text(card['others'])}", counts(card["others"]["sessions"])))
    if card is not None and card["continued"]:
        rows.append(("Went on from a page that was still open", counts(card["continued"])))
    yield from table(paper, "Sources", ("Sessions",), rows, model["sources"])


def hovers(paper: Paper, model: Model) -> Iterator[str]:
    rows = []
    for row in _rows(model["hovers"]):
        lasting = (numbers.length(row["median_ms"]), numbers.length(row["p95_ms"]))
        rows.append((named(row["name"], place(row, model)), (*counts(row["hovers"]), *lasting)))
        if row["unusual"] and row["evidence"] is not None:
            times = numbers.several(row["unusual"], "time", "times")
            rows.append((f"\0longer than usual {times}, the longest {evidence_text(row['evidence'])}", ()))
    yield from table(paper, "What holds attention", ("Hovers", "Median", "95 % below"), rows, model["hovers"])


def clicks(paper: Paper, model: Model) -> Iterator[str]:
    rows = [
        (named(row["name"], place(row, model)), counts(row["clicks"], row["visitors"]))
        for row in _rows(model["clicks"])
    ]
    yield from table(paper, "Clicks", ("Clicks", "Visitors"), rows, model["clicks"])


def forms(paper: Paper, model: Model) -> Iterator[str]:
    rows = []
    for row in _rows(model["forms"]):
        used = counts(row["started"], row["submitted"], row["visitors"])
        rows.append((named(row["name"], place(row, model)), used))
        for field in row["fields"]:
            told = (f"{numbers.count(field[kind])} {kind}" for kind in ("changed", "filled", "skipped") if field[kind])
            rows.append((f"\1{field['name']}: {', '.join(told)}", ()))
    yield from table(paper, "Forms", ("Started", "Submitted", "Visitors"), rows, model["forms"])


def devices(paper: Paper, model: Model) -> Iterator[str]:
    rows = [(device_word(row["device"]), counts(row["sessions"])) for row in _rows(model["devices"])]
    yield from table(paper, "Devices", ("Sessions",), rows, model["devices"])


def failed(paper: Paper, model: Model) -> Iterator[str]:
    if model["failed"] is not None and not model["failed"]["rows"]:
        return
    rows = [
        (f"{row['status']} {place(row, model)}", counts(row["views"], row["exits"])) for row in _rows(model["failed"])
    ]
    yield from table(paper, "Errors", ("Views", "Left"), rows, model["failed"])


def slow(paper: Paper, model: Model) -> Iterator[str]:
    if model["slow"] is not None and not model["slow"]["rows"]:
        return
    rows = [
        (
            place(row, model),
            (*counts(row["slow"], row["views"]), numbers.length(row["median_ms"]), *counts(row["exits"])),
        )
        for row in _rows(model["slow"])
    ]
    yield from table(paper, "Slow pages", ("Slow", "Of", "Median", "Left"), rows, model["slow"])


def unconfirmed(paper: Paper, model: Model, zone: tzinfo | None) -> Iterator[str]:
    """By page, then the days on which there were any."""
    card = model["unconfirmed"]
    if card is not None and not card["unconfirmed"]:
        return
    rows: list[tuple[str, tuple[str, ...]]] = []
    if card is not None:
        days = [(numbers.day(row["since"], zone), row) for row in card["days"] if row["unconfirmed"]]
        named = [(place(row, model), row) for row in card["rows"]]
        rows += [(name, _parts(row)) for name, row in [*named, *(days if len(card["days"]) > 1 else []), ("All", card)]]
    yield from table(paper, "Pages that nobody confirmed", ("Views", "Of", "Share"), rows, card)


def _parts(row: Model) -> tuple[str, ...]:
    return (*counts(row["unconfirmed"], row["views"]), numbers.fine_share(row["share"]))


def blocked(paper: Paper, model: Model) -> Iterator[str]:
    if model["blocked"] is not None and not model["blocked"]["rows"]:
        return
    rows = []
    for row in _rows(model["blocked"]):
        rows.append((numbers.beyond_or_place(row["host"], row["path"], model["several_hosts"]), counts(row["views"])))
        said = f"{row['why']}. {row['advice']}".rstrip()
        rows += [(f"\1{line}", ()) for line in textwrap.wrap(plain(said), paper.width - 4, break_on_hyphens=False)]
    yield from table(paper, "Pages where the tag cannot run", ("Views",), rows, model["blocked"])


def requests(paper: Paper, model: Model, zone: tzinfo | None) -> Iterator[str]:
    card = model["requests"]
    if card is not None and not card["rows"]:
        return
    rows = [(f"{row['name'].replace('_', ' '):14} {row['meaning']}", counts(row["n"])) for row in _rows(card)]
    if card is not None:
        rows.append(("= requests served", counts(card["total"])))
        if card["released_unsaved"]:
            rows.append((f"\1{numbers.count(card['released_unsaved'])} let go before they were on disk", ()))
        if card["unheld"] is not None:
            rows += [(f"\0{line}", ()) for line in textwrap.wrap(unheld_text(card["unheld"], zone), paper.width - 4)]
    yield from table(paper, "Requests, by days in UTC", ("Requests",), rows, card)


def unheld_text(told: Model, zone: tzinfo | None) -> str:
    """Whether pages are held for their commit, and since when or when they were not."""
    times = numbers.several(told["times"], "time", "times")
    first, last = (numbers.moment(told[name], zone, 0) for name in ("first", "last"))
    if told["now"]:
        return plain(f"pages are not held until they are on disk: the store answers too late ({times} since {first})")
    return plain(
        f"pages were not held until they were on disk, {times} from {first} to {last}: the store answered too late"
    )


def recorded(paper: Paper, model: Model) -> Iterator[str]:
    """The other side of the equation, and what it is out by."""
    card = model["balance"]
    if card is not None and not card["total"] and not any(row["requests"] for row in card["equations"]):
        return
    rows = []
    if card is not None:
        lanes = card["lanes"]
        rows += [(f"{name:14} {said}", counts(lanes[name])) for name, said in SERVED_WORDS.items()]
        rows += [("healed         served, lost in a crash, told again", counts(card["healed"]))] * bool(card["healed"])
        rows += [(f"{row['how']:14} no such request: {row['meaning']}", counts(row["n"])) for row in card["added"]]
        rows.append(("= page views recorded", counts(card["total"])))
        for row in card["equations"]:
            rows += [(f"\1{line}", ()) for line in textwrap.wrap(equation_text(row), paper.width - 4)]
    yield from table(paper, "Page views recorded of them", ("Views",), rows, card)


def equation_text(row: Model) -> str:
    """`visit: 1 200 requests = 1 198 page views + 2: why`."""
    lost = f" + {numbers.count(row['lost'])} lost" if row["lost"] else ""
    events = numbers.several(row["events"], "page view", "page views")
    said = f"{row['outcome']}: {numbers.several(row['requests'], 'request', 'requests')} = {events}{lost}"
    if not row["difference"]:
        return plain(said)
    sign = "+" if row["difference"] > 0 else "-"
    return plain(f"{said} {sign} {numbers.count(abs(row['difference']))}: {row['why']}")


def rejected(paper: Paper, model: Model) -> Iterator[str]:
    if model["rejected"] is not None and not model["rejected"]["events"]:
        return
    rows = []
    for row in _rows(model["rejected"]):
        what = " ".join(part for part in (row["code"], row["action"], row["field"]) if part)
        rows.append((named(what, place(row, model) if row["path"] else ""), counts(row["n"])))
    yield from table(paper, "Rejected events", ("Times",), rows, model["rejected"])


# How -------------------------------------------------------------------------------------------------------------


def _rows(card: Model | None) -> list[Any]:
    return [] if card is None else card["rows"]
