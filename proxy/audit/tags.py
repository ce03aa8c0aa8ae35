"""The attributes of one element, each against what the tracker and the collector make of it.

Law: pure. What is judged by the server's own rules (actions, params, secrets) is judged by its own code here too. An
attribute that does nothing where it stands is a mistake: somebody meant something by it.
"""

import difflib
from collections.abc import Iterator
from typing import Final

from proxy.audit.controls import wants
from proxy.audit.document import Element
from proxy.audit.findings import Code, Mistake, quoted
from proxy.events.catalogue import NAME_MAX_CHARS, Catalogue, Rejection, Sender
from proxy.events.labels import CONTEXTS
from proxy.events.params import PARAMS_MAX, RESERVED, SERVER_MADE
from proxy.events.privacy import clean_text
from proxy.events.sensitive import is_sensitive_name, why_sensitive
from proxy.events.values import Absent, is_key, read_value

PREFIX: Final = "data-track"
PARAM: Final = "data-track-p-"
ROLES: Final = {"data-track": "element", "data-track-form": "form", "data-track-field": "field"}
KNOWN: Final = (*ROLES, *(f"{PREFIX}-{name}" for name in ("as", "on", "value", "send", "off")))
WORDS: Final = {"element": ("click", "hover"), "form": ("submit", "change"), "field": ("change", "submit")}
"""What `data-track-on` may say, by what is tagged."""
NEAR: Final = 0.9
"""How alike a short attribute and a known one are of which one letter is another: `-az` and `-as`."""
_OWN: Final = {
    "element": frozenset("name href outbound via dwell_ms capped clicked".split()),
    "form": frozenset("form fields skipped".split()),
}
"""Params that the tracker fills itself."""
_MEANT: Final = {"name": "data-track", "label": "data-track", "context": "data-track-as", "type": "data-track-as"}
_SQUASHED: Final = {one.replace("-", ""): one for one in KNOWN}


def roles_of(element: Element) -> tuple[str, ...]:
    """What it is tagged as: `element`, `form`, `field`."""
    return tuple(role for attribute, role in ROLES.items() if attribute in element.attributes)


def usual_context(element: Element) -> str:
    """The context without `data-track-as` (EVENTS.md section 5)."""
    if element.name in ("a", "area") and ("href" in element.attributes or "xlink:href" in element.attributes):
        return "link"
    kind = element.get("type").lower()
    if element.name == "button" or kind in ("submit", "button") or element.get("role") == "button":
        return "button"
    return "image" if element.name == "img" else "element"


def context_of(element: Element) -> str:
    return element.get("data-track-as") or usual_context(element)


def actions_of(element: Element) -> tuple[str, ...]:
    """What a tagged element sends."""
    return tuple(f"{context_of(element)}.{kind}" for kind in WORDS["element"] if wants(element, kind))


def unknown_attributes(element: Element) -> Iterator[Mistake]:
    for name in element.attributes:
        if name in KNOWN or name.startswith(PARAM):
            continue
        squashed = _SQUASHED.get(name.replace("-", "").replace("_", ""))
        if not name.startswith(f"{PREFIX}-") and squashed is None:
            continue
        rest = name.removeprefix(f"{PREFIX}-")
        near = difflib.get_close_matches(rest, [one.removeprefix(f"{PREFIX}-") for one in KNOWN[1:]], n=1)
        near = [f"{PREFIX}-{one}" for one in near] or difflib.get_close_matches(name, KNOWN, n=1, cutoff=NEAR)
        right = squashed or _MEANT.get(rest) or "".join(near)
        hint = f"did you mean {right}?" if right else f"a param of one's own is written {PARAM}{rest}"
        message = f"{_shown(name)} is no attribute of footfall: {_shown(hint)}"
        yield Mistake(element.line, Code.UNKNOWN_ATTRIBUTE, name, message)


def name_mistakes(element: Element, attribute: str) -> Iterator[Mistake]:
    """Of the name that an element, form or field is given."""
    name = element.get(attribute)
    if not clean_text(name, NAME_MAX_CHARS):
        what = "the element's own text is taken" if attribute == PREFIX and not name else "nothing is recorded"
        yield Mistake(element.line, Code.EMPTY_NAME, attribute, f"{attribute} has no name in it: {what}")
    elif len(name) > NAME_MAX_CHARS:
        what = f"cut after {NAME_MAX_CHARS}" if attribute == PREFIX else "refused"
        message = f"the name {quoted(name)} has {len(name):,} characters, more than {NAME_MAX_CHARS}: it is {what}"
        yield Mistake(element.line, Code.LONG_NAME, name, message)
    elif reason := why_sensitive(name):
        # The name is not repeated: nothing that looks like a secret is shown anywhere.
        message = f"what {attribute} says looks like a secret ({reason}): its events are refused"
        yield Mistake(element.line, Code.SENSITIVE_NAME, attribute, message)


def word_mistakes(element: Element, catalogue: Catalogue) -> Iterator[Mistake]:
    """Of data-track-as, -on, -send, and of those that do nothing where they stand."""
    roles = roles_of(element)
    is_target = "element" in roles or usual_context(element) != "element"
    if "data-track-as" in element.attributes:
        if is_target:
            yield from _context_mistakes(element, catalogue)
        else:
            yield _no_effect(element, "data-track-as", "there is no data-track on the element")
    if "data-track-on" in element.attributes:
        yield from _on_mistakes(element, roles)
    for name in ("data-track-value", "data-track-send"):
        if name in element.attributes and "field" not in roles:
            yield _no_effect(element, name, "there is no data-track-field on the element")
    send = element.attributes.get("data-track-send")
    if send is not None and send != "filled" and "field" in roles:
        message = f'data-track-send says {quoted(send)}: only "filled" is known, and the value itself is sent'
        yield Mistake(element.line, Code.UNKNOWN_WORD, send, message)


def param_mistakes(element: Element, catalogue: Catalogue, actions: tuple[str, ...]) -> Iterator[Mistake]:
    """Of data-track-p-…, and of params that are missing; `actions`: that are sent with them."""
    given = {name.removeprefix(PARAM): text for name, text in element.attributes.items() if name.startswith(PARAM)}
    roles = [role for role in roles_of(element) if role in _OWN]
    own = frozenset().union(*(_OWN[role] for role in roles or ("element",)))
    if given and not roles and usual_context(element) == "element":
        yield _no_effect(element, PARAM + min(given), "there is neither data-track nor data-track-form on the element")
        return
    if len(given) + len(own) > PARAMS_MAX:
        message = f"{len(given)} params and its own are more than {PARAMS_MAX}: its events are refused"
        yield Mistake(element.line, Code.BAD_PARAM, PARAM, message)
    for key, text in given.items():
        if why := _why_bad(key, text, own) or _why_refused(key, text, catalogue, actions):
            yield Mistake(element.line, Code.BAD_PARAM, PARAM + key, f"{_shown(PARAM + key)}: {why}")
    for action in actions:
        definition = catalogue.get(action)
        for key in () if definition is None else definition.required:
            if key not in given and key not in own:
                message = f"{action} needs the param {key}: {PARAM}{key} is missing"
                yield Mistake(element.line, Code.BAD_PARAM, PARAM + key, message)


def _why_bad(key: str, text: str, own: frozenset[str]) -> str:
    if not is_key(key):
        return "a param's name is 1 to 64 of a-z 0-9 _ . : -"
    if key in own:
        return f"{key} is what the tracker fills itself"
    if key in RESERVED | SERVER_MADE:
        return f"{key} is reserved, and left out"
    if is_sensitive_name(key) or why_sensitive(key):
        return "a param of this name is never kept"
    return "what it says looks like a secret, and is left out" if why_sensitive(text) else ""


def _why_refused(key: str, text: str, catalogue: Catalogue, actions: tuple[str, ...]) -> str:
    for action in actions:
        definition = catalogue.get(action)
        try:
            read_value(key, text, None if definition is None else definition.params.get(key))
        except Rejection as why:
            return f"{action} is refused: {why}"
        except Absent:
            pass
    return ""


def _context_mistakes(element: Element, catalogue: Catalogue) -> Iterator[Mistake]:
    word = element.get("data-track-as")
    actions = [f"{word}.{kind}" for kind in WORDS["element"] if wants(element, kind)] or [f"{word}.click"]
    if word and all(_is_sent(action, catalogue) for action in actions):
        return
    near = difflib.get_close_matches(word.strip().lower(), CONTEXTS, n=1)
    right = f"did you mean {near[0]}?" if near else f"it is one of {', '.join(CONTEXTS)}"
    if not word:
        right = f"it is taken for {usual_context(element)}"
    yield Mistake(element.line, Code.UNKNOWN_WORD, word, f"data-track-as says {quoted(word)}: {right}")


def _on_mistakes(element: Element, roles: tuple[str, ...]) -> Iterator[Mistake]:
    words = element.get("data-track-on").split()
    if not roles:
        yield _no_effect(element, "data-track-on", "there is no tag on the element that it could limit")
    elif not words:
        message = "data-track-on is empty: nothing of the element is tracked"
        yield Mistake(element.line, Code.NO_EFFECT, "data-track-on", message)
    else:
        useful = dict.fromkeys(word for role in roles for word in WORDS[role])
        known = dict.fromkeys(word for some in WORDS.values() for word in some)
        for word in dict.fromkeys(words):
            if word not in known:
                near = difflib.get_close_matches(word.lower(), known, n=1)
                right = f"did you mean {near[0]}?" if near else f"known here: {', '.join(useful)}"
                message = f"data-track-on says {quoted(word)}: {right}"
                yield Mistake(element.line, Code.UNKNOWN_WORD, word, message)
            elif word not in useful:
                message = f"data-track-on says {quoted(word)}: a tagged {roles[0]} has only {' and '.join(useful)}"
                yield Mistake(element.line, Code.NO_EFFECT, word, message)


def _is_sent(action: str, catalogue: Catalogue) -> bool:
    try:
        catalogue.for_sender(action, Sender.BROWSER)
    except Rejection:
        return False
    return True


def _no_effect(element: Element, attribute: str, why: str) -> Mistake:
    return Mistake(element.line, Code.NO_EFFECT, attribute, f"{_shown(attribute)} does nothing here: {why}")


def _shown(text: str) -> str:
    """An attribute's name, or a sentence with one in it, cut: there are names without an end."""
    return text if len(text) <= NAME_MAX_CHARS else f"{text[: NAME_MAX_CHARS - 1]}…"
