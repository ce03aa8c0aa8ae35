"""Forms: the tagged forms of a range, and how far people come with one of them and where they leave it.

Law: every number is the store's (store/questions/forms.py); here they are put in the order in which a form is used, and
set against the views of its page.
"""

from collections.abc import Sequence
from dataclasses import asdict

from proxy.report.chosen import Chosen, element_of
from proxy.report.numbers import fine_ratio
from proxy.report.overview import Cards, Model, of_range, only
from proxy.report.ranges import Range
from proxy.report.sheets import Table, ranked, whole
from proxy.store.questions import FormRow, FormUse, Late, Ranking, ReportReader, Span

STEPS = {"seen": "Saw its page", "started": "Started it", "submitted": "Sent it", "accepted": "Accepted"}
"""How far somebody comes; each of them is an object of a form's JSON."""
OUTCOMES = {"accepted": "Accepted", "rejected": "Rejected", "error": "Failed"}


def forms(
    reader: ReportReader, span: Range, lane: int, *, chosen: Sequence[Chosen] = (), of: str = "", limit: int
) -> Model:
    """The forms of a range; with `of`, that one (chosen.py, `element_text`) instead. What is odd names none."""
    cards, wanted = Cards(), element_of(of)
    shown: Model | None
    with reader.moment():
        several = cards.ask("hosts", reader.has_several_hosts)
        with only(reader, cards, chosen, span, about=wanted) as told:
            within = Span(told["since"], span.until, lane)
            if wanted is None:
                found = cards.ask("forms", lambda: reader.forms(within, limit))
                shown = None if found is None else _listed(found)
            else:
                use = cards.ask("form", lambda: reader.form(within, *wanted, limit))
                shown = None if use is None else _told(use)
    model: Model = {
        **of_range(span, lane),
        **told,
        "several_hosts": bool(several),
        "late": cards.late,
    }
    if wanted is None:
        return {**model, "of": None, "forms": shown}
    return {**model, "of": {"text": of, **wanted._asdict()}, "form": shown}


def forms_table(model: Model, card: str) -> Table:
    """The forms, or a part of one form: its steps, where none is asked for. Raises Late."""
    found = model["form" if model["of"] else "forms"]
    if found is None:
        raise Late("forms")
    if model["of"] is None:
        return ranked(found)
    if card in ("fields", "left"):
        return ranked(found[card])
    if card == "results":
        return whole(found["statuses"])
    return whole([{"step": step, **found[step]} for step in dict.fromkeys((*STEPS, *OUTCOMES))])


def _listed(found: Ranking[FormRow]) -> Model:
    return {"rows": [asdict(row) for row in found.rows], "total": found.total}


def _told(use: FormUse) -> Model:
    """A form as an object; `share`: of the views of its page."""
    steps = {name: asdict(getattr(use, name)) for name in dict.fromkeys((*STEPS, *OUTCOMES))}
    return {
        **{name: {**step, "share": fine_ratio(step["events"], use.seen.events)} for name, step in steps.items()},
        "results": sum(steps[name]["events"] for name in OUTCOMES),
        "statuses": [asdict(row) for row in use.statuses],
        "fields": {"rows": [asdict(row) for row in use.fields.rows], "total": use.fields.total},
        "left": {
            "views": use.left_views,
            "rows": [asdict(row) for row in use.left.rows],
            "total": use.left.total,
        },
    }
