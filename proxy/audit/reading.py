"""One page's text in, all that is found on it out.

Law: pure and total. The tag that footfall itself puts into pages has no attribute of a marketer's and is no finding.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from proxy.audit import calls, forms, tags
from proxy.audit.controls import Controls
from proxy.audit.document import Document
from proxy.audit.document import Element as Tagged
from proxy.audit.findings import Code, Element, Findings, Link, Mistake, quoted
from proxy.events.catalogue import NAME_MAX_CHARS, Catalogue
from proxy.events.privacy import clean_text

MISTAKES_A_PAGE: Final = 200
"""Further ones are counted."""
TAGGED_A_PAGE: Final = 2_000
"""Elements, forms and suggestions, of each."""
LINKS_A_PAGE: Final = 1_000
LINK_TEXT_CHARS: Final = 100
_SCRIPT_TYPES: Final = frozenset(
    ("", "module", "text/javascript", "application/javascript", "text/ecmascript", "application/ecmascript")
)


def read_page(text: str, catalogue: Catalogue) -> Findings:
    """What is found on a page. `catalogue`: the events that the site's configuration knows."""
    document = Document(text)
    controls = Controls(document)
    boxes = [one for one in document.elements if "data-track-form" in one.attributes]
    fields = [one for one in document.elements if "data-track-field" in one.attributes]
    tagged = [one for one in document.elements if "data-track" in one.attributes and not one.off]
    mistakes = [
        *_attribute_mistakes(document, catalogue),
        *_same_names(tagged),
        *forms.form_mistakes(boxes, fields, controls),
        *calls.judge(list(_calls(document)), catalogue),
    ]
    mistakes.sort(key=lambda one: one.line)
    return Findings(
        elements=tuple(map(_element, tagged[:TAGGED_A_PAGE])),
        forms=tuple(islice(forms.forms(boxes, fields, controls, document), TAGGED_A_PAGE)),
        suggestions=tuple(islice(forms.suggestions(document, controls), TAGGED_A_PAGE)),
        mistakes=tuple(mistakes[:MISTAKES_A_PAGE]),
        left_out=max(0, len(mistakes) - MISTAKES_A_PAGE),
        base=next((one.get("href") for one in document.elements if one.name == "base" and one.get("href")), ""),
        links=tuple(_links(document)),
    )


def _attribute_mistakes(document: Document, catalogue: Catalogue) -> Iterator[Mistake]:
    for one in document.elements:
        if not any(name.startswith(("data-track", "data_track", "datatrack")) for name in one.attributes):
            continue
        yield from tags.unknown_attributes(one)
        if one.off:
            if "data-track" in one.attributes:
                name = one.get("data-track")
                message = f"{quoted(name)} is inside data-track-off: it is never tracked"
                yield Mistake(one.line, Code.INSIDE_OFF, name, message)
            continue
        actions: tuple[str, ...] = ()
        if "data-track" in one.attributes:
            yield from tags.name_mistakes(one, "data-track")
            actions = tuple(action for action in tags.actions_of(one) if catalogue.get(action))
        if "data-track-form" in one.attributes:
            actions = (*actions, "form.submit")
        yield from tags.word_mistakes(one, catalogue)
        yield from tags.param_mistakes(one, catalogue, actions)


def _same_names(tagged: Sequence[Tagged]) -> Iterator[Mistake]:
    lines: dict[str, list[int]] = {}
    for one in tagged:
        if name := clean_text(one.get("data-track"), NAME_MAX_CHARS):
            lines.setdefault(name, []).append(one.line)
    for name, found in lines.items():
        if len(found) > 1:
            number = "two" if len(found) == 2 else f"{len(found):,}"
            message = f"{number} elements are called {quoted(name)}, the first on line {found[0]}: they count as one"
            yield Mistake(found[1], Code.SAME_NAME, name, message)


def _element(one: Tagged) -> Element:
    return Element(one.line, one.get("data-track"), tags.context_of(one), tags.actions_of(one))


def _calls(document: Document) -> Iterator[calls.Call]:
    for script in document.scripts:
        if not script.get("src") and script.get("type").strip().lower() in _SCRIPT_TYPES:
            yield from calls.calls(*document.code_of(script))
    for one in document.elements:
        for name, code in one.attributes.items():
            if name.startswith("on") and "footfall" in code:
                yield from (call._replace(line=one.line) for call in calls.calls(code, one.line))


def _links(document: Document) -> Iterator[Link]:
    left = LINKS_A_PAGE
    for one in document.elements:
        if not left:
            return
        if one.name in ("a", "area") and one.get("href") and "download" not in one.attributes:
            left -= 1
            said = (_asked(one), one.text() or one.get("aria-label") or one.get("title"))
            yield Link(one.line, one.get("href"), " ".join(" ".join(said)[:LINK_TEXT_CHARS].split()))


def _asked(link: Tagged) -> str:
    """A word for a link that scripts make more of than a GET, or that asks before it does something."""
    method = link.get("data-method").lower()
    asks = "data-confirm" in link.attributes or "confirm(" in link.get("onclick")
    return method if method not in ("", "get") else "confirm" if asks else ""
