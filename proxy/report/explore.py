"""Events by their action, and of one action what its events said: each param that came, with its values.

Law: every number is the store's (store/questions/explored.py); what a param should be is said by the definitions that
judge events. Params that are defined come first, in the order of their definition.
"""

from collections.abc import Sequence
from dataclasses import asdict

from proxy.events.event import is_action
from proxy.report.chosen import Chosen
from proxy.report.numbers import fine_ratio
from proxy.report.overview import Cards, Model, of_range, only, rows_of
from proxy.report.ranges import Range
from proxy.report.sheets import Table, ranked
from proxy.store.questions import ActionUse, Late, ParamUse, ReportReader, Sent, Span

PARAMS, VALUES = 100, 100
"""Of one action, and of a param, that are told."""
OF_SESSION = "session.end"
"""What it says is its session's, and told with each visitor."""


def explore(
    reader: ReportReader,
    span: Range,
    lane: int,
    *,
    definitions: Sequence[Model],
    chosen: Sequence[Chosen] = (),
    of: str = "",
    limit: int,
) -> Model:
    """The actions of a range; with `of`, that one instead. What is odd names none."""
    cards = Cards()
    wanted = Sent(of) if is_action(of) else None
    shown: Model
    with reader.moment():
        several = cards.ask("hosts", reader.has_several_hosts)
        with only(reader, cards, chosen, span, about=wanted) as told:
            within = Span(told["since"], span.until, lane)
            if wanted is None:
                shown = {"of": None, "actions": cards.ask("actions", lambda: rows_of(reader.actions(within, limit)))}
            else:
                use = cards.ask("action", lambda: reader.action(within, of, PARAMS, min(limit, VALUES)))
                defined = next((one for one in definitions if one["action"] == of), None)
                params = {} if defined is None or of == OF_SESSION else defined["params"]
                action = None if use is None else _told(use, params)
                shown = {"of": {"text": of, "defined": defined is not None}, "action": action}
    return {
        **of_range(span, lane),
        **told,
        "several_hosts": bool(several),
        "late": cards.late,
        **shown,
    }


def explore_table(model: Model) -> Table:
    """The actions; of one, its params with their values, a row each. Raises Late."""
    found = model["action" if model["of"] else "actions"]
    if found is None:
        raise Late("actions")
    if model["of"] is None:
        return ranked(found)
    params = found["params"]["rows"]
    rows = [
        {"param": one["name"], "defined": one["defined"], "value": row["value"], "events": row["events"]}
        for one in params
        for row in one["values"]["rows"] or ({"value": None, "events": one["events"]},)  # lists and objects
    ]
    more = sum(one["values"]["total"] - len(one["values"]["rows"]) for one in params)
    is_cut = bool(more) or found["params"]["total"] > len(params)
    return Table(rows, None if is_cut else len(rows), is_cut)


def _told(use: ActionUse, params: Model) -> Model:
    """An action as an object; `share`: of its events."""
    places = {name: place for place, name in enumerate(params)}
    rows = sorted(use.params.rows, key=lambda one: places.get(one.name, len(places)))  # else as they were
    is_whole = use.params.total == len(use.params.rows)
    return {
        "events": use.events,
        "visitors": use.visitors,
        "cookieless": use.cookieless,
        "params": {"rows": [_param(one, use.events, params.get(one.name)) for one in rows], "total": use.params.total},
        "never": [name for name in params if is_whole and name not in {one.name for one in use.params.rows}],
    }


def _param(one: ParamUse, events: int, defined: Model | None) -> Model:
    values = [{**asdict(row), "share": fine_ratio(row.events, events)} for row in one.values.rows]
    return {
        "name": one.name,
        "defined": defined is not None,
        "type": None if defined is None else defined["type"],
        "events": one.events,
        "share": fine_ratio(one.events, events),
        "lowest": one.lowest,
        "median": one.median,
        "highest": one.highest,
        "values": {"rows": values, "total": one.values.total},
    }
