"""What a browser finds on a page: the tracker's tag, what can be clicked, the forms, the files that belong to it.

Law: pure; a page's text in, a `Page` out, and never an error: what is not understood is not found. It reads the markup
of the demo's shop and of pages like it, with `data-track*` as EVENTS.md section 5 has it, and is no browser.
"""

from dataclasses import dataclass, field
from html.parser import HTMLParser

NAME_CHARS = 100
"""Of an element's name; so much of a text is taken where nothing names it."""
PARAM = "data-track-p-"
VOID = frozenset(("br", "hr", "img", "input", "link", "meta"))
SECRET_AUTOCOMPLETE = frozenset(("current-password", "new-password", "one-time-code"))
Attributes = dict[str, str]


@dataclass(frozen=True, slots=True)
class Element:
    """What can be pointed at: its name, its context (`banner`), where it leads ('' nowhere), its own params, whether
    it was tagged, and what its tag is limited to (empty: nothing)."""

    name: str
    context: str
    href: str
    params: tuple[tuple[str, str], ...]
    tagged: bool
    only: frozenset[str] = frozenset()

    def tells(self, kind: str) -> bool:
        """Whether it is watched for `hover` or `click`."""
        return not self.only or kind in self.only


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a form as the page has it: `name` and `value` are what is posted, `chosen` is false for boxes that
    are not ticked; `tag` is the name it is tracked by ('' not at all), `refused` why its value is never sent."""

    name: str
    value: str
    kind: str
    chosen: bool
    tag: str
    constant: str | None
    filled_only: bool
    tells_changes: bool
    refused: str


@dataclass(frozen=True, slots=True)
class Form:
    """A form: `name` is the one it is tracked by ('' not at all), `button` what submits it."""

    name: str
    action: str
    method: str
    params: tuple[tuple[str, str], ...]
    fields: tuple[Field, ...]
    button: Element | None


@dataclass(frozen=True, slots=True)
class Page:
    """A page: what its tag says ('' and '' without one), and what there is on it, in its order."""

    title: str
    page_id: str
    tracker: str
    elements: tuple[Element, ...]
    forms: tuple[Form, ...]
    files: tuple[str, ...]

    def element(self, name: str) -> Element | None:
        """The first element of this name, a tagged one before all others."""
        named = [one for one in self.elements if one.name == name]
        return next((one for one in named if one.tagged), named[0] if named else None)

    def form(self, name: str) -> Form | None:
        """The tracked form of this name."""
        return next((one for one in self.forms if one.name == name), None)


NOTHING = Page("", "", "", (), (), ())


def read_page(text: str) -> Page:
    """Everything of a page that a simulated visitor can use."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return reader.page()


@dataclass(slots=True)
class _Opened:
    """An element that has begun: its text is collected where it may be its name."""

    tag: str
    attributes: Attributes
    off: bool
    text: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Begun:
    attributes: Attributes
    fields: list[Field] = field(default_factory=list)
    button: Element | None = None


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._open: list[_Opened] = []
        self._title = self._page_id = self._tracker = ""
        self._elements: list[Element] = []
        self._forms: list[_Begun] = []
        self._files: list[str] = []
        self._form: _Begun | None = None

    def page(self) -> Page:
        forms = [
            Form(
                one.attributes.get("data-track-form", ""),
                one.attributes.get("action", ""),
                one.attributes.get("method", "get").lower(),
                _params(one.attributes),
                tuple(one.fields),
                one.button,
            )
            for one in self._forms
        ]
        return Page(self._title, self._page_id, self._tracker, tuple(self._elements), tuple(forms), tuple(self._files))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        off = "data-track-off" in attributes or any(one.off for one in self._open)
        opened = _Opened(tag, attributes, off)
        if tag == "form":
            self._form = _Begun(attributes)
            self._forms.append(self._form)
        elif tag == "script" and "data-page" in attributes:
            self._page_id, self._tracker = attributes["data-page"], attributes.get("src", "")
        elif tag in ("script", "img") and attributes.get("src"):
            self._files.append(attributes["src"])
        elif tag == "link" and attributes.get("href"):
            self._files.append(attributes["href"])
        if tag == "input":
            self._field(opened, attributes.get("value", ""))
        if tag in VOID:
            self._element(opened)
        else:
            self._open.append(opened)

    def handle_data(self, data: str) -> None:
        for one in self._open:
            one.text.append(data)

    def handle_endtag(self, tag: str) -> None:
        if all(one.tag != tag for one in self._open):
            return
        while self._open:
            opened = self._open.pop()
            self._closed(opened)
            if opened.tag == tag:
                return

    def _closed(self, opened: _Opened) -> None:
        text = " ".join("".join(opened.text).split())
        if opened.tag == "title":
            self._title = text
        elif opened.tag == "form":
            self._form = None
        elif opened.tag == "option" and self._open:
            if "selected" in opened.attributes or "value" not in self._open[-1].attributes:
                self._open[-1].attributes["value"] = opened.attributes.get("value", text)
        elif opened.tag in ("select", "textarea"):
            value = opened.attributes.get("value", "") if opened.tag == "select" else "".join(opened.text)
            self._field(opened, value)
        self._element(opened)

    def _field(self, opened: _Opened, value: str) -> None:
        if self._form is None or not opened.attributes.get("name"):
            return
        given = opened.attributes
        kind = given.get("type", "text").lower() if opened.tag == "input" else opened.tag
        box = kind in ("checkbox", "radio")
        tag = given.get("data-track-field", "") if not opened.off else ""
        self._form.fields.append(
            Field(
                name=given["name"],
                value=value or ("on" if box else ""),
                kind=kind,
                chosen=not box or "checked" in given,
                tag=tag,
                constant=given.get("data-track-value"),
                filled_only=given.get("data-track-send") == "filled",
                tells_changes="change" in given.get("data-track-on", "").split(),
                refused=_why_refused(kind, given),
            )
        )

    def _element(self, opened: _Opened) -> None:
        given, tag = opened.attributes, opened.tag
        link, button = tag == "a" and "href" in given, tag == "button"
        tagged = bool(given.get("data-track"))
        if opened.off or not (tagged or link or button or tag == "img"):
            return
        text = " ".join("".join(opened.text).split())
        name = given.get("data-track") or given.get("aria-label") or given.get("alt") or text
        usual = "link" if link else "button" if button else "image" if tag == "img" else "element"
        element = Element(
            name[:NAME_CHARS],
            given.get("data-track-as") or usual,
            given.get("href", "") if link else "",
            _params(given),
            tagged,
            frozenset(given.get("data-track-on", "").split()),
        )
        if name:
            self._elements.append(element)
        if button and given.get("type", "submit") == "submit" and self._form is not None:
            self._form.button = self._form.button or element


def _params(attributes: Attributes) -> tuple[tuple[str, str], ...]:
    return tuple((name[len(PARAM) :], value) for name, value in attributes.items() if name.startswith(PARAM) and value)


def _why_refused(kind: str, attributes: Attributes) -> str:
    """The reason why a tagged field's value is never sent, '' where it may be."""
    words = attributes.get("autocomplete", "").lower().split()
    if kind == "password":
        return "password"
    if any(word.startswith("cc-") or word in SECRET_AUTOCOMPLETE for word in words):
        return "autocomplete"
    return "hidden" if kind == "hidden" and "data-track-value" not in attributes else ""
