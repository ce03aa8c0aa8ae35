"""A page's text as a tree of elements with the lines on which they begin, nested as browsers nest them.

Law: pure and total; whatever the text is, there is a tree. What no browser makes an element of (comments, the content
of a textarea, of a template or of noscript, where scripts run) is not in `elements`. One pass over the tree, whatever
its depth: what holds for all that is inside an element is handed down, not looked up.

The only importer of BeautifulSoup. It nests what is written; that `<li>` ends the `<li>` before it is said here (WHATWG
HTML 13.1.2.4, optional tags), since a page without end tags would be one long `data-track-off` otherwise.
"""

import bisect
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from bs4 import BeautifulSoup, Tag

from proxy.events.values import storable

ENDING_DEPTH = 64
"""So far above a start tag the element is looked for that it ends."""

_BLOCKS: Final = (
    "address article aside blockquote center details dialog dir div dl fieldset figcaption figure footer form h1 h2 h3 "
    "h4 h5 h6 header hgroup hr main menu nav ol p pre section table ul"
).split()
_CELLS: Final = frozenset(("td", "th"))
_ROWS: Final = _CELLS | {"tr"}
_ENDS: Final[Mapping[str, frozenset[str]]] = {
    **dict.fromkeys(_BLOCKS, frozenset(("p",))),
    "li": frozenset(("li",)),
    "dt": frozenset(("dt", "dd")),
    "dd": frozenset(("dt", "dd")),
    "option": frozenset(("option",)),
    "optgroup": frozenset(("option", "optgroup")),
    "td": _CELLS,
    "th": _CELLS,
    "tr": _ROWS,
    **dict.fromkeys(("tbody", "thead", "tfoot"), _ROWS | {"tbody", "thead", "tfoot"}),
}
"""By start tag: the open elements that it ends."""
_SCOPES: Final = frozenset("html body table caption button object template ul ol menu dl select fieldset".split())
"""It ends nothing beyond these; inside a cell, nothing beyond the cell."""
_UNSEEN: Final = frozenset("textarea title noscript template iframe noembed noframes xmp script style".split())


class _Soup(BeautifulSoup):
    """BeautifulSoup that knows which end tags may be left out."""

    def handle_starttag(self, name: str, *rest: Any, **more: Any) -> Tag | None:
        for ended in _ENDS.get(name, ()):
            if self.open_tag_counter.get(ended) and self._is_near(ended, name):
                self.handle_endtag(ended)
        return super().handle_starttag(name, *rest, **more)

    def _is_near(self, name: str, starting: str) -> bool:
        tag: Tag | None = self.currentTag
        for _ in range(ENDING_DEPTH):
            if tag is None or tag.name == name:
                return tag is not None
            if tag.name in _SCOPES or (tag.name in _CELLS and starting not in _ROWS):
                return False
            tag = tag.parent
        return False


@dataclass(frozen=True, slots=True)
class Element:
    """`name` in lower case, `line` where it begins, `off`: inside (or with) `data-track-off`. Around it, or itself, the
    innermost each: `box` has `data-track-form`, `form` is a `<form>`, `label` a `<label>`."""

    tag: Tag
    name: str
    line: int
    attributes: Mapping[str, str]
    off: bool
    box: "Element | None"
    form: "Element | None"
    label: "Element | None"

    def get(self, attribute: str) -> str:
        return self.attributes.get(attribute, "")

    def text(self) -> str:
        return self.tag.get_text()


class Document:
    """The elements of a page in their order, and its inline scripts."""

    def __init__(self, text: str) -> None:
        # As browsers read it (WHATWG HTML 13.2.3.5), so that lines are those of any editor. `<![` begins a comment up
        # to the next `>` (13.2.5.42); html.parser rejects the whole page for some of them.
        self._text = storable(text).replace("\r\n", "\n").replace("\r", "\n").replace("<![", "<!-[")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it looks like XML, or like the name of a file
            soup = _Soup(self._text, "html.parser", multi_valued_attributes=None, on_duplicate_attribute="ignore")
        self._ends = [place for place, char in enumerate(self._text) if char == "\n"]
        self.elements: list[Element] = []
        self.scripts: list[Element] = []
        known: dict[int, Element | None] = {}
        for tag in soup.descendants:
            if isinstance(tag, Tag):
                known[id(tag)] = self._read(tag, known)
        self.by_id: dict[str, Element] = {}
        for element in self.elements:
            if element.get("id"):
                self.by_id.setdefault(element.get("id"), element)

    def __repr__(self) -> str:
        return f"<Document of {len(self.elements)} elements, {len(self.scripts)} scripts>"

    def code_of(self, script: Element) -> tuple[str, int]:
        """What stands in a script, and the line on which it begins."""
        code = "".join(str(child) for child in script.tag.contents)
        before = self._ends[script.line - 2] + 1 if script.line > 1 else 0
        start = self._text.find(code, before + (script.tag.sourcepos or 0)) if code else -1
        return code, script.line if start < 0 else bisect.bisect_left(self._ends, start) + 1

    def _read(self, tag: Tag, known: Mapping[int, Element | None]) -> Element | None:
        """None: no browser makes an element of it."""
        above = known.get(id(tag.parent))
        if above is None and id(tag.parent) in known:
            return None
        name = tag.name.lower()
        attributes = {key.lower(): value if isinstance(value, str) else "" for key, value in tag.attrs.items()}
        off = "data-track-off" in attributes or (above is not None and above.off)
        element = Element(
            tag=tag,
            name=name,
            line=tag.sourceline or 1,
            attributes=attributes,
            off=off,
            box=None if above is None else above.box,
            form=None if above is None else above.form,
            label=None if above is None else above.label,
        )
        if "data-track-form" in attributes:
            object.__setattr__(element, "box", element)
        if name in ("form", "label"):
            object.__setattr__(element, name, element)
        if name == "script":
            self.scripts.append(element)
        else:
            self.elements.append(element)
        is_shadow = name == "template" and attributes.get("shadowrootmode") in ("open", "closed")
        return None if name in _UNSEEN and not is_shadow else element
