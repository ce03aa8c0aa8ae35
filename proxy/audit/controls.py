"""Fields: which form each is of, and which are never captured.

Law: pure; decides what injected/forms.js decides, by the same attributes in the same order. `why_never` says the reason
in words and repeats nothing of the field's value.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from proxy.audit.document import Document, Element
from proxy.audit.findings import quoted
from proxy.events.catalogue import STRING_MAX_CHARS
from proxy.events.sensitive import SENSITIVE_WORDS, is_sensitive_name, why_sensitive, words_of

FIELDS: Final = frozenset(("input", "select", "textarea"))
BUTTONS: Final = frozenset(("submit", "button", "image", "reset"))
"""Inputs in which nobody enters anything."""
_LABELABLE: Final = FIELDS | {"button", "meter", "output", "progress"}
_SECRET_AUTOCOMPLETE: Final = re.compile(r"\b(?:cc-|(?:current|new)-password|one-time-code)[\w-]*", re.IGNORECASE)
_NAMING: Final = ("name", "id", "data-track-field", "aria-label", "placeholder")


def kind_of(element: Element) -> str:
    """An input's type, as browsers read it, else the element's name."""
    return (element.get("type").lower() or "text") if element.name == "input" else element.name


def wants(element: Element, kind: str) -> bool:
    """Whether its `data-track-on`, if any, lets this through."""
    given = element.attributes.get("data-track-on")
    return given is None or kind in given.split()


class Controls:
    """The fields of one page."""

    def __init__(self, document: Document) -> None:
        self._by_id = document.by_id
        self._labels = _labels(document)
        self._passwords = frozenset(
            name for one in document.elements if kind_of(one) == "password" for name in self._names(one)
        )

    def owner(self, field: Element) -> Element | None:
        """Its form, as browsers have it: the one that `form` names, or the one around it."""
        if field.get("form"):
            named = self._by_id.get(field.get("form"))
            return named if named is not None and named.name == "form" else None
        return field.form

    def box(self, field: Element) -> Element | None:
        """The tracked form, or box, that it belongs to."""
        owner = self.owner(field) if field.get("form") else None
        return (owner or field).box

    def is_off(self, field: Element) -> bool:
        box = self.box(field)
        return field.off or (box is not None and box.off)

    def why_never(self, field: Element) -> str:
        """Why it is never captured, in words that follow "is never captured: "; '' if it may be."""
        kind, constant = kind_of(field), field.attributes.get("data-track-value")
        if kind == "password":
            return "it is a password field"
        if not self._passwords.isdisjoint(self._names(field)):
            return "a password field of this form has the same name"
        if found := _SECRET_AUTOCOMPLETE.search(field.get("autocomplete")):
            return f'its autocomplete is "{found[0].lower()}"'
        for source, text in self._called(field):
            if is_sensitive_name(text):
                return f"its {source} says {_sensitive_word(text)}"
        if constant is None:
            if kind == "hidden":
                return "it is a hidden field; a word instead of its value can be sent with data-track-value"
            if kind == "file" and field.get("data-track-send") != "filled":
                return 'it is a file; whether there is one can be sent with data-track-send="filled"'
            return ""
        if len(constant) > STRING_MAX_CHARS:
            return f"its data-track-value is longer than {STRING_MAX_CHARS:,} characters"
        return "its data-track-value looks like a secret" if why_sensitive(constant) else ""

    def _called(self, field: Element) -> Iterator[tuple[str, str]]:
        for attribute in _NAMING:
            yield attribute, field.get(attribute)
        for label in self._labels.get(id(field.tag), ()):
            yield "label", label

    def _names(self, field: Element) -> list[tuple[str, str, str]]:
        form = self.box(field) or self.owner(field)
        key = "" if form is None else form.get("data-track-form") or form.get("id")
        named = ("name", "data-track-field")
        return [(key, attribute, field.get(attribute)) for attribute in named if field.get(attribute)]


def _labels(document: Document) -> dict[int, list[str]]:
    """What the labels of a field say, by the field's tag: those that name it, and the one around it, of which it is the
    first field (WHATWG HTML 4.10.4)."""
    found: dict[int, list[str]] = {}
    used: set[int] = set()
    for one in document.elements:
        if one.name == "label" and "for" in one.attributes:
            named = document.by_id.get(one.get("for"))
            if named is not None:
                found.setdefault(id(named.tag), []).append(one.text())
        label = one.label
        if one.name in _LABELABLE and kind_of(one) != "hidden" and label is not None and "for" not in label.attributes:
            if id(label) not in used:
                found.setdefault(id(one.tag), []).append(label.text())
            used.add(id(label))
    return found


def _sensitive_word(text: str) -> str:
    found = words_of(unicodedata.normalize("NFKC", text)) & SENSITIVE_WORDS
    return quoted(min(found, key=len))
