"""What is told of one form of a span (store/questions/forms.py): from rows, since no cell has its page views.

Law: asking.py's. To be asked about the sessions that have to do with the form: of a long span there is much else.
"""

import json
from itertools import groupby

from proxy.events.dwell import quantile
from proxy.store.questions import FieldUse, FormUse, LeftRow, Ranking, Span, StatusRow, Step
from proxy.store.sqlite.asking import Asking, total_of

_NOBODY = Step(0, 0, 0)


class Formed(Asking):
    """One form."""

    def form(self, span: Span, host: str, path: str, name: str, limit: int) -> FormUse:
        form = {**self._reach(span.since, span.until), "lane": span.lane, "host": host, "path": path, "name": name}
        steps = {what: Step(*numbers) for what, *numbers in self._ask("report_form_steps", form)}
        left = self._ask("report_form_left", {**form, "limit": limit})
        return FormUse(
            seen=steps.get("page.visit", _NOBODY),
            started=steps.get("form.start", _NOBODY),
            submitted=steps.get("form.submit", _NOBODY),
            accepted=steps.get("accepted", _NOBODY),
            rejected=steps.get("rejected", _NOBODY),
            error=steps.get("error", _NOBODY),
            statuses=tuple(StatusRow(*row) for row in self._ask("report_form_statuses", form)),
            fields=self._fields(form, limit),
            left=Ranking(tuple(LeftRow(*row[:2]) for row in left), total_of(left)),
            left_views=int(left[0][2]) if left else 0,
        )

    def _fields(self, form: dict[str, object], limit: int) -> Ranking[FieldUse]:
        rows = self._ask("report_form_fields", {**form, "limit": limit})
        shown = json.dumps([row[0] for row in rows])
        lasted = self._ask("report_form_lengths", {**form, "fields": shown}) if rows else []
        median = {
            field: quantile([(bucket, n) for _, bucket, n in part], 0.5)
            for field, part in groupby(lasted, key=lambda row: row[0])
        }
        found = [
            FieldUse(field, changed, visitors, cookieless, median.get(field), *numbers)
            for field, changed, visitors, cookieless, *numbers, _ in rows
        ]
        return Ranking(tuple(found), total_of(rows))
