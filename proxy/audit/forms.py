"""Tracked forms with their fields, and forms that could be tracked.

Law: pure. A form is any box with `data-track-form`; which fields are its own, and which of them are read, controls.py
says.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import urlsplit

from proxy.audit.controls import BUTTONS, FIELDS, Controls, kind_of, wants
from proxy.audit.document import Document, Element
from proxy.audit.findings import Code, Field, Form, Mistake, Suggestion, quoted
from proxy.audit.tags import name_mistakes

PROPOSED_CHARS: Final = 40
"""Of a name that is proposed."""
_GROUPS: Final = frozenset(("radio", "checkbox"))
_UNASKED: Final = BUTTONS | {"hidden", "password", "file"}
"""Inputs whose value is not worth proposing, or never captured."""
_PERSONAL_KINDS: Final = frozenset(("email", "tel", "textarea"))
_PERSONAL: Final = re.compile(
    r"mail|phone|mobile|\btel\b|name\b|address|street|postal|zip|birth|bday|message|comment", re.IGNORECASE
)
"""What identifies somebody, or what they wrote: that it was filled in is enough."""
_APART: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+")


def form_mistakes(boxes: Sequence[Element], fields: Sequence[Element], controls: Controls) -> Iterator[Mistake]:
    """Of the tracked forms and the tagged fields of a page."""
    seen: dict[str, int] = {}
    for box in boxes:
        name = box.get("data-track-form")
        if box.off:
            inside = sum(controls.box(field) is box for field in fields)
            told = f", nor are its {inside} tagged fields" if inside > 1 else ""
            message = f"the form {quoted(name)} is inside data-track-off: it is never tracked{told}"
            yield Mistake(box.line, Code.INSIDE_OFF, name, message)
            continue
        yield from name_mistakes(box, "data-track-form")
        if name and name in seen:
            message = f"the form {quoted(name)} is there twice, first on line {seen[name]}: they are counted as one"
            yield Mistake(box.line, Code.SAME_FORM, name, message)
        seen.setdefault(name, box.line)
    grouped: dict[tuple[int, str], list[Element]] = {}
    for field in fields:
        found = list(_field_mistakes(field, controls))
        yield from found
        own = controls.box(field)
        if not found and own is not None and not own.off:
            grouped.setdefault((id(own), field.get("data-track-field")), []).append(field)
    for (_, name), group in grouped.items():
        if len(group) > 1 and not is_group(group):
            message = f"the field {quoted(name)} is there twice in its form, first on line {group[0].line}"
            yield Mistake(group[1].line, Code.SAME_FIELD, name, message)


def is_group(fields: Sequence[Element]) -> bool:
    """Radio buttons or checkboxes, of which several of one name are one field; or a list, as `name[]` says."""
    kinds = {kind_of(field) for field in fields}
    return (len(kinds) == 1 and kinds <= _GROUPS) or all(field.get("name").endswith("[]") for field in fields)


def _field_mistakes(field: Element, controls: Controls) -> Iterator[Mistake]:
    name, box = field.get("data-track-field"), controls.box(field)
    if box is not None and box.off:
        return  # the form says it
    if controls.is_off(field):
        message = f"the field {quoted(name)} is inside data-track-off: it is never tracked"
        yield Mistake(field.line, Code.INSIDE_OFF, name, message)
    elif field.name not in FIELDS or kind_of(field) in BUTTONS:
        what = f"a {kind_of(field)}" if field.name not in FIELDS else f"an input of type {kind_of(field)}"
        message = f"{quoted(name)} is {what}: data-track-field belongs on an input, select or textarea"
        yield Mistake(field.line, Code.NO_FIELD, name, message)
    elif found := list(name_mistakes(field, "data-track-field")):
        yield from found
    elif box is None:
        message = f"the field {quoted(name)} is in no tracked form: data-track-form is missing around it"
        yield Mistake(field.line, Code.OUTSIDE_FORM, name, message)
    elif why := controls.why_never(field):
        yield Mistake(field.line, Code.NEVER_CAPTURED, name, f"the field {quoted(name)} is never captured: {why}")


def forms(
    boxes: Sequence[Element], fields: Sequence[Element], controls: Controls, document: Document
) -> Iterator[Form]:
    """The forms that are tracked, as far as their tags are right."""
    submitting = {id(one.box) for one in document.elements if one.name == "form" and one.box is not None}
    members: dict[int, dict[str, list[Element]]] = {}
    for field in fields:
        box = controls.box(field)
        if box is not None and not any(_field_mistakes(field, controls)):
            members.setdefault(id(box), {}).setdefault(field.get("data-track-field"), []).append(field)
    for box in boxes:
        if box.off:
            continue
        read = members.get(id(box), {})
        events = []
        if read and wants(box, "change"):
            changes = any(wants(field, "change") for group in read.values() for field in group)
            events += ["form.start", *(["field.change"] if changes else [])]
        if wants(box, "submit") and (box.form is not None or id(box) in submitting):
            events.append("form.submit")
        told = tuple(Field(group[0].line, name, _sends(group[0]), len(group)) for name, group in read.items())
        yield Form(box.line, box.get("data-track-form"), tuple(events), told)


def _sends(field: Element) -> str:
    if field.get("data-track-send") == "filled":
        return "filled"
    return "constant" if "data-track-value" in field.attributes else "value"


def suggestions(document: Document, controls: Controls) -> Iterator[Suggestion]:
    """A tag for each form that has none, and for its fields."""
    tracked = {id(one.form) for one in document.elements if one.box is one and one.form is not None}
    taken = {one.get("data-track-form") for one in document.elements}
    own: dict[int, list[Element]] = {}
    for one in document.elements:
        if one.name in FIELDS and not controls.is_off(one):
            own.setdefault(id(controls.owner(one)), []).append(one)
    for form in document.elements:
        if form.name != "form" or form.off or form.box is not None or id(form) in tracked:
            continue
        if form.get("method").lower() == "dialog":  # it closes a window of the page
            continue
        name = _unused(_form_name(form), taken)
        taken.add(name)
        yield Suggestion(form.line, name, tuple(_worth(own.get(id(form), ()), controls).items()))


def _worth(fields: Sequence[Element], controls: Controls) -> dict[str, bool]:
    """Names of the fields that are worth tagging, and whether only `filled` should be sent."""
    worth: dict[str, bool] = {}
    for field in fields:
        name = _slug(field.get("name") or field.get("id"))
        if name and kind_of(field) not in _UNASKED and not controls.why_never(field):
            told = " ".join(_APART.split(f"{field.get('name')} {field.get('id')} {field.get('autocomplete')}"))
            is_personal = kind_of(field) in _PERSONAL_KINDS or _PERSONAL.search(told) is not None
            worth.setdefault(name, is_personal)
    return worth


def _form_name(form: Element) -> str:
    try:
        path = urlsplit(form.get("action")).path
    except ValueError:  # brackets that are no address
        path = ""
    last = path.rstrip("/").rpartition("/")[2].partition(".")[0]
    role = "search" if form.get("role") == "search" else ""
    found = (form.get("id"), form.get("name"), form.get("aria-label"), role, last)
    return next(filter(None, map(_slug, found)), "form")


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text[: 4 * PROPOSED_CHARS]).encode("ascii", "ignore").decode("ascii")
    return "-".join(filter(None, _APART.split(plain))).lower()[:PROPOSED_CHARS].strip("-")


def _unused(name: str, taken: set[str]) -> str:
    number = 2
    free = name
    while free in taken:
        free = f"{name}-{number}"
        number += 1
    return free
