"""The events of one action, and what they said (store/questions/explored.py).

Law: asking.py's. What they said is read from the rows of those that were picked: no cell has it.
"""

from itertools import groupby
from operator import itemgetter
from typing import Any

from proxy.events.columns import amount_key, target_key
from proxy.store.questions import ActionRow, ActionUse, ParamUse, Ranking, Span, Value, ValueRow
from proxy.store.sqlite.asking import Asking, total_of

OF_SESSION = "session.end"
"""Its params are its session's, and in no row of its own."""


class Exploring(Asking):
    """Actions."""

    def actions(self, span: Span, limit: int) -> Ranking[ActionRow]:
        rows = self._ask_of("report_actions", span.since, span.until, {"lane": span.lane, "limit": limit})
        return Ranking(tuple(ActionRow(*row[:-1]) for row in rows), total_of(rows))

    def action(self, span: Span, action: str, params: int, limit: int) -> ActionUse:
        asked: dict[str, object] = {**span._asdict(), "of": action, "params": params, "limit": limit}
        events, visitors, cookieless = self._one("report_action_sums", asked)
        keys = {"target_key": target_key(action), "amount_key": amount_key(action)}
        rows = [] if action == OF_SESSION else self._ask("report_action_params", {**asked, **keys})
        found = [_param(part, list(said)) for part, said in groupby(rows, key=itemgetter(0, 1, 2, 3, 4, 5))]
        return ActionUse(events, visitors, cookieless, Ranking(tuple(found), total_of(rows)))


def _param(part: tuple[Any, ...], said: list[Any]) -> ParamUse:
    name, events, lowest, median, highest, total = part
    rows = tuple(ValueRow(_value(kind, value), n) for *_, kind, value, n, _ in said if kind is not None)
    return ParamUse(name, events, lowest, median, highest, Ranking(rows, total))


def _value(kind: str, value: Any) -> Value:
    """A value of JSON as one of Python; SQLite tells true and false as numbers."""
    found: Value = bool(value) if kind in ("true", "false") else value
    return found
