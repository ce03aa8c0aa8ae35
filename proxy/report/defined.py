"""The events that are defined, and what of those that came was refused: where a marketer looks when a tag does not
arrive.

Law: the definitions are those that judge events (`footfall events --json` says the same); what was refused is told
without its values, of the latest that are kept.
"""

from collections.abc import Mapping, Sequence

from proxy.report.overview import REFUSED_READ, Model, refusals
from proxy.store.questions import ReportReader

UNDEFINED = "undefined_action"


def defined(reader: ReportReader, definitions: Sequence[Model], limit: int) -> Model:
    """Every definition, with how often such an event was refused; and the actions that came and are not defined, the
    `limit` latest."""
    found = refusals(reader, REFUSED_READ)  # all that are kept: none is left out of a number
    of: dict[str, list[Model]] = {}
    for row in found["rows"]:
        of.setdefault(row["action"], []).append(row)
    known = {str(one["action"]) for one in definitions}
    unknown = [row for row in found["rows"] if row["code"] == UNDEFINED and row["action"] not in known]
    return {
        "events": [{**one, **_refused(of.get(str(one["action"]), ()))} for one in definitions],
        "undefined": {"total": len(unknown), "rows": unknown[:limit]},
        "several_hosts": found["several_hosts"],
    }


def defined_rows(model: Model) -> list[Mapping[str, object]]:
    """The definitions as a table: lists and params as text, `name type required`."""
    return [
        {
            **one,
            "senders": ", ".join(one["senders"]),
            "params": "; ".join(_param(name, param) for name, param in one["params"].items()),
        }
        for one in model["events"]
    ]


def _refused(rows: Sequence[Model]) -> Model:
    return {
        "rejected": sum(row["n"] for row in rows),
        "last_rejected": max((row["last"] for row in rows), default=None),
        "reasons": sorted({row["code"] for row in rows}),
    }


def _param(name: str, param: Mapping[str, object]) -> str:
    return " ".join([name, str(param["type"]), *(["required"] if param["required"] else [])])
