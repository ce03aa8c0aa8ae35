"""The report's tables as CSV: one table a sheet, its columns named as in the JSON, no cell that a spreadsheet runs.

Law: pure. What a page shows in several tables is several sheets, each with the rows of its JSON, in their order; what
is an object there is columns of its own (`evidence_dwell_ms`), and what a row of forms has in its list of fields is a
sheet besides. A question that was too slow is `Late` here: a sheet has no room to say so, and without rows it would say
that there was nothing.
"""

from collections.abc import Iterable, Mapping, Sequence

from proxy.events.table import csv_line, csv_lines
from proxy.report.overview import Model
from proxy.store.questions import Late

Rows = Sequence[Mapping[str, object]]

CARDS = (
    *("series", "totals", "lanes", "pages", "sources", "hovers", "clicks", "forms", "fields"),
    *("unconfirmed", "unconfirmed_days"),
)
"""Sheets of the overview, of whatever lane and filters are chosen."""
MORE_CARDS = ("blocked", "requests", "rejected")
"""Those that no filter narrows, and that are empty under one."""
ASKED_FOR = {"fields": "forms", "lanes": "totals", "unconfirmed_days": "unconfirmed"}
"""What the overview is asked for where the sheet's name is another one."""


def sheet(rows: Rows) -> str:
    """A table of rows, which have the same keys; nothing at all where there is none."""
    objects = {key for row in rows for key, value in row.items() if isinstance(value, Mapping)}
    flat = [_flat(row, objects) for row in rows]
    columns = list(dict.fromkeys(key for row in flat for key in row))
    lines = [csv_line(columns)] if columns else []
    return "".join(f"{line}\r\n" for line in (*lines, *(csv_line(row.get(key) for key in columns) for row in flat)))


def events_sheet(lines: Iterable[dict[str, object]]) -> str:
    """Events with the columns of the export."""
    return "".join(f"{line}\r\n" for line in csv_lines(lines))


def card_of(query: Mapping[str, str]) -> str:
    """The sheet of the overview that an address asks for; the chart's numbers where it asks for none."""
    name = query.get("card", "")
    return name if name in CARDS or name in MORE_CARDS else CARDS[0]


def card_rows(model: Model, card: str) -> Sequence[Model]:
    """The rows of a card of the overview; () where filters leave none. Raises Late."""
    if card == "fields":
        return [_field(form, field) for form in card_rows(model, "forms") for field in form["fields"]]
    found = model["unconfirmed" if card == "unconfirmed_days" else card]
    if found is None:
        if model["late"]:
            raise Late(card)
        return ()
    if card == "totals":
        then = (model["earlier"] or {}).get("totals", {})
        return [{"name": name, "value": value, "earlier": then.get(name)} for name, value in found.items()]
    rows: Sequence[Model] = (
        found if isinstance(found, list) else found["days" if card == "unconfirmed_days" else "rows"]
    )
    return rows


def attention_rows(model: Model) -> Rows:
    """The elements; of one element, how long it was hovered over. Raises Late."""
    found = model["hovers" if model["of"] is None else "attention"]
    if found is None:
        raise Late("attention")
    rows: Rows = found["rows" if model["of"] is None else "steps"]
    return rows


def visitors_rows(model: Model) -> Rows:
    """Who was there. Raises Late."""
    if model["visitors"] is None:
        raise Late("visitors")
    rows: Rows = model["visitors"]["rows"]
    return rows


def requests_rows(model: Model) -> Rows:
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
    return rows


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
