"""The report's tables as CSV: one table a sheet, its columns named as in the JSON, no cell that a spreadsheet runs.

Law: pure. What a page shows in several tables is several sheets, each with the rows of its JSON, in their order; what
is an object there is columns of its own (`evidence_dwell_ms`), and what a row of forms has in its list of fields is a
sheet besides. Sources have a column more (`row`), which tells them from the rows that make their sessions add up. A
sheet that is cut says so in the head of its answer. A question that was too slow is `Late` here: a sheet without rows
would say that there was nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from proxy.events.event import EXPORT_KEYS
from proxy.events.table import csv_line
from proxy.report.overview import Model
from proxy.report.poll import COUNTED
from proxy.store.questions import Late

Rows = Sequence[Mapping[str, object]]

SHEET_ROWS = 1_000
"""Rows of a sheet that is a ranking or a list of visitors."""
SEPARATORS = (",", ";", "\t")

CARDS = (
    *("series", "totals", "lanes", "pages", "next", "sources", "devices", "hovers", "clicks", "forms", "fields"),
    *("failed", "slow", "unconfirmed", "unconfirmed_days"),
)
"""Sheets of the overview, of whatever lane and filters are chosen."""
MORE_CARDS = ("blocked", "requests", "rejected")
"""Those that no filter narrows, and that are empty under one."""
ASKED_FOR = {"fields": "forms", "lanes": "totals", "unconfirmed_days": "unconfirmed"}
"""What the overview is asked for where the sheet's name is another one."""


class Table(NamedTuple):
    """Rows of a sheet, which have the same keys. `is_cut`: there are more; `total`: how many in all, None where that is
    not known. `columns` are those of an export, whose cells may be objects; without them an object is columns."""

    rows: Rows
    total: int | None = None
    is_cut: bool = False
    columns: Sequence[str] = ()

    def text(self, separator: str = SEPARATORS[0]) -> str:
        """The sheet; nothing at all where there is no row, and no columns are known."""
        objects = {key for row in self.rows for key, value in row.items() if isinstance(value, Mapping)}
        flat = self.rows if self.columns else [_flat(row, objects) for row in self.rows]
        columns = self.columns or list(dict.fromkeys(key for row in flat for key in row))
        lines = [columns] * bool(columns) + [[row.get(key) for key in columns] for row in flat]
        return "".join(f"{csv_line(line, separator)}\r\n" for line in lines)

    def fields(self) -> dict[str, str]:
        """What its answer's head says of it: the table itself has no room for it."""
        total = {} if self.total is None else {"x-footfall-total": str(self.total)}
        cut = {"x-footfall-cut": "1"} if self.is_cut else {}
        return {"x-footfall-rows": str(len(self.rows)), **total, **cut}


def whole(rows: Rows) -> Table:
    """A table that has all rows that there are."""
    return Table(rows, len(rows))


def ranked(card: Model, rows: Rows | None = None) -> Table:
    """The first rows of a ranking; `rows` are these with others among them that it has besides."""
    shown: Rows = card["rows"]
    rows = shown if rows is None else rows
    more = card["total"] - len(shown)
    return Table(rows, len(rows) + more, more > 0)


def followed(ways: Model, ends: Mapping[str, int]) -> Table:
    """The pages that came next, then how often none of these did, and what did instead."""
    blank: Model = {"host": None, "path": None}
    pages = [{"next": "page", **{key: row[key] for key in ("host", "path", "n")}} for row in ways["rows"]]
    return ranked(ways, [*pages, *({"next": name, **blank, "n": n} for name, n in ends.items())])


def separator_of(query: Mapping[str, str]) -> str:
    """What is to be between cells: `sep`, of those that a spreadsheet knows; a comma where it is anything else."""
    wanted = query.get("sep", "")
    return wanted if wanted in SEPARATORS else SEPARATORS[0]


def card_of(query: Mapping[str, str]) -> str:
    """The sheet of the overview that an address asks for; the chart's numbers where it asks for none."""
    name = query.get("card", "")
    return name if name in CARDS or name in MORE_CARDS else CARDS[0]


def card_table(model: Model, card: str) -> Table:
    """A card of the overview; without rows where filters leave none. Raises Late."""
    if card == "fields":
        is_cut = card_table(model, "forms").is_cut
        forms = model["forms"]["rows"] if model["forms"] else ()
        fields = [_field(form, field) for form in forms for field in form["fields"]]
        return Table(fields, None if is_cut else len(fields), is_cut)
    found = model["unconfirmed" if card == "unconfirmed_days" else card]
    if found is None:
        if model["late"]:
            raise Late(card)
        return whole(())
    if card == "totals":
        then = (model["earlier"] or {}).get("totals", {})
        return whole([{"name": name, "value": value, "earlier": then.get(name)} for name, value in found.items()])
    if card == "sources":
        return ranked(found, _sources(found))
    if card == "next":
        return ranked(found, [{"after": found["of"], **row} for row in found["rows"]])
    if card == "unconfirmed_days":
        return whole(found["days"])
    if isinstance(found, list) or card == "requests":
        return whole(found if isinstance(found, list) else found["rows"])
    return ranked(found)


def visitors_table(model: Model) -> Table:
    """Who was there. `total` is of the whole list, also where it goes on from a row. Raises Late."""
    found = model["visitors"]
    if found is None:
        raise Late("visitors")
    return Table(found["rows"], found["total"] + found["cookieless"], model["next"] is not None)


def search_table(model: Model) -> Table:
    """Who may be meant by what was searched for."""
    found = model["visitors"]
    return Table(found, None if model["more"] else len(found), model["more"])


def latest_table(model: Model) -> Table:
    """The latest events, as they are exported; cut where somebody who was told before is told of not all of them."""
    left_out, unread = model["skipped"], model["unread"]
    is_known = not unread and left_out <= COUNTED
    total = len(model["lines"]) + left_out if is_known else None
    return Table(model["lines"], total, bool(left_out or unread), EXPORT_KEYS)


def story_table(model: Model) -> Table:
    """A visitor's events as they are exported, by time; cut where there are more sessions, or more of one."""
    sessions = model["sessions"]
    lines = [line for session in sessions for line in session["story"]] + model["loose"]
    goes_on = model["next"] or model["loose_before"] or any(session["more"] for session in sessions)
    lines.sort(key=lambda line: (line["time"], line["seq"]))
    return Table(lines, None if goes_on else len(lines), bool(goes_on), EXPORT_KEYS)


def requests_table(model: Model) -> Table:
    """Both sides of the equation: requests by outcome, page views by lane and by how they came. Raises Late."""
    rows: list[Mapping[str, object]] = [
        {"side": "requests", "name": row["name"], "n": row["n"]} for row in model["requests"]["rows"]
    ]
    visits = model["visits"]
    if visits is None:
        raise Late("visits")
    rows += [{"side": "page views", "name": name, "n": n} for name, n in visits["lanes"].items()]
    rows.append({"side": "page views", "name": "healed", "n": visits["healed"]})
    rows += [{"side": "page views", "name": row["how"], "n": row["n"]} for row in visits["added"]]
    return whole(rows)


def _sources(card: Model) -> Rows:
    """Sessions by source, then those of all others, then those that went on from a page of the site: all sessions."""
    rows: list[Model] = [{**row, "row": "source"} for row in card["rows"]]
    besides = (("others", card["others"]["sessions"]), ("continued", card["continued"]))
    blank = dict.fromkeys(("channel", "name", "campaign"))
    return rows + [{**blank, "sessions": sessions, "row": name} for name, sessions in besides if sessions]


def _field(form: Model, field: Model) -> Model:
    counts = {key: value for key, value in field.items() if key != "name"}
    return {"host": form["host"], "path": form["path"], "form": form["name"], "field": field["name"], **counts}


def _flat(row: Mapping[str, object], objects: Iterable[str]) -> dict[str, object]:
    """A row whose objects are columns; a list in it has a sheet of its own, or is left out."""
    flat: dict[str, object] = {}
    for key, value in row.items():
        if isinstance(value, Mapping):
            flat |= {f"{key}_{name}": part for name, part in value.items()}
        elif key not in objects and not isinstance(value, list | tuple):
            flat[key] = value
    return flat
