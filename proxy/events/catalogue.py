"""Which actions there are, what their params are, and which of them a browser may send.

Law: definitions are data. An action that is not defined is rejected with the reason, and the rest of its batch is
kept; a param that its definition does not know is saved and named as undefined (EVENTS.md sections 3 and 4).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from proxy.events.event import is_action
from proxy.events.labels import CONTEXTS
from proxy.events.sensitive import is_sensitive_name

STRING_MAX_CHARS = 1_024
"""Of any text among the params (EVENTS.md section 1)."""
NAME_MAX_CHARS = 100
"""Of the name of an element, a form or a field (EVENTS.md section 5)."""
TERM_MAX_CHARS = 256
"""Of a campaign's `utm_*`, as the proxy cuts those that it reads itself."""
DWELL_MAX_MS = 60_000
"""A hover is not measured for longer; it is `capped` then (EVENTS.md section 5)."""
ENGAGED_MAX_MS = 86_400_000
"""No session is longer than 24 h (EVENTS.md section 6)."""
REFOCUS_MAX = 1_000

TYPES = frozenset(("string", "number", "boolean", "datetime", "list", "object"))
"""What a configured param may be."""
SHIPPED_TYPES = TYPES | {"measure", "uri", "any"}
"""`measure`: a whole number from 0; more than `most` counts as `most`. `uri`: absolute, http(s), cleaned."""

VIAS = ("mouse", "touch", "pen", "keyboard", "middle")
BROWSER_NAVS = ("manual", "spa")
"""How a page.visit that is an event of its own came about; the other ways are told by a confirmation."""

SERVER_ONLY_PREFIXES = ("session.", "client.")
TRANSACTIONS = frozenset(("transaction.charge", "product.buy"))


class Rejection(Exception):
    """An event that is not taken: `code` of WIRE.md, the `field` at fault ('' where it cannot be named safely), a
    message for people. Nothing in it repeats a value."""

    def __init__(self, code: str, field: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.field = field


@dataclass(frozen=True, slots=True)
class Param:
    """What a param must be: `type` of SHIPPED_TYPES, at most `max_chars` (string), at most `most` (measure), one of
    `choices` (string, if any). `default` stands in where it is absent. `place` is where a BrowserEvent has it:
    `name`, `amount`, `facts` (few-valued, kept in the store's dictionary) or `more`. `each`: what is in it is judged
    one by one, so that one secret takes only itself out."""

    type: str
    required: bool = False
    description: str = ""
    max_chars: int = STRING_MAX_CHARS
    most: int = 0
    choices: tuple[str, ...] = ()
    default: str | None = None
    place: str = "more"
    each: bool = False

    def __post_init__(self) -> None:
        if self.type not in SHIPPED_TYPES:
            raise ValueError(f"{self.type} is no type of params")


@dataclass(frozen=True, slots=True)
class Definition:
    """An action. `anonymous`: a browser may send it; `opens`: it may start a session; `keeps`: it moves the session's
    last activity; `is_open`: any further param is its own, so none is undefined; `server_made`: further params that
    only the server says.

    Raises:
        ValueError: the action is malformed, or a param's name is one that is never kept.
    """

    action: str
    params: Mapping[str, Param]
    anonymous: bool = False
    opens: bool = False
    keeps: bool = True
    is_open: bool = False
    server_made: frozenset[str] = frozenset()
    description: str = ""
    required: tuple[str, ...] = field(init=False)
    defaults: tuple[tuple[str, str], ...] = field(init=False)

    def __post_init__(self) -> None:
        if not is_action(self.action):
            raise ValueError("an action is 3 to 32 of A-Z a-z 0-9 . _ - with a dot inside")
        for name in self.params:
            if is_sensitive_name(name):
                raise ValueError(f"{name} of {self.action}: params of this name are never kept")
        required = tuple(name for name, param in self.params.items() if param.required)
        defaults = tuple((name, param.default) for name, param in self.params.items() if param.default is not None)
        object.__setattr__(self, "params", MappingProxyType(dict(self.params)))
        object.__setattr__(self, "required", required)
        object.__setattr__(self, "defaults", defaults)


class Catalogue:
    """The definitions of a site, by action.

    Raises:
        ValueError: an action is defined twice, be it in another case (EVENTS.md section 2).
    """

    def __init__(self, definitions: Iterable[Definition]) -> None:
        self._by_action: dict[str, Definition] = {}
        seen: dict[str, str] = {}
        for definition in definitions:
            other = seen.setdefault(definition.action.lower(), definition.action)
            if definition.action in self._by_action or other != definition.action:
                raise ValueError(f"{definition.action} is defined twice, as {other}")
            self._by_action[definition.action] = definition

    def __repr__(self) -> str:
        return f"<Catalogue of {len(self._by_action)} actions>"

    def __iter__(self) -> Iterator[Definition]:
        return iter(self._by_action.values())

    def get(self, action: str) -> Definition | None:
        """The definition of an action, or None."""
        return self._by_action.get(action)

    def for_browser(self, action: object) -> Definition:
        """The definition of an action that a browser may send.

        Raises:
            Rejection: `bad_action`, `reserved_action`, `undefined_action`, `not_anonymous`.
        """
        if isinstance(action, str):
            definition = self._by_action.get(action)
            if definition is not None and definition.anonymous:
                return definition
        raise self._refusal(action)

    def _refusal(self, action: object) -> Rejection:
        if not isinstance(action, str) or not is_action(action):
            return Rejection("bad_action", "action", "an action is 3 to 32 of A-Z a-z 0-9 . _ - with a dot inside")
        if action in TRANSACTIONS:
            message = f"{action} is made from a transaction; transactions have their own endpoint, api/v1/transactions"
            return Rejection("reserved_action", "action", message)
        if action.startswith(SERVER_ONLY_PREFIXES):
            return Rejection("reserved_action", "action", "session.* and client.* never come from a browser")
        if action not in self._by_action:
            return Rejection("undefined_action", "action", "this action is not defined")
        return Rejection("not_anonymous", "action", f"{action} is not taken from a browser without a token")


_NAME = Param("string", required=True, max_chars=NAME_MAX_CHARS, place="name")
_FORM = Param("string", required=True, max_chars=NAME_MAX_CHARS, place="name")
_URI = Param("uri", required=True)
_MORE_URI = Param("uri")
_TEXT = Param("string")
_FLAG = Param("boolean", place="facts")
_COUNT = Param("measure", most=2**53 - 1)
_TERM = Param("string", max_chars=TERM_MAX_CHARS, place="facts")
_DWELL = Param("measure", most=DWELL_MAX_MS, place="amount")
_UTM = dict.fromkeys(("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"), _TERM)

_HOVER = {"name": _NAME, "dwell_ms": replace(_DWELL, required=True), "clicked": _FLAG, "capped": _FLAG}
_CLICK = {
    "name": _NAME,
    "href": Param("uri", place="facts"),
    "outbound": _FLAG,
    "via": Param("string", choices=VIAS, place="facts"),
}
_SOURCES = ("WEB_DESKTOP", "WEB_MOBILE", "MOBILE_APP", "SIMULATED")
_REASONS = ("timeout", "max_length", "identity", "opt_out")
_OUTCOMES = ("accepted", "rejected", "error")


def _from_browser(action: str, params: Mapping[str, Param], *, opens: bool = True, is_open: bool = False) -> Definition:
    return Definition(action, params, anonymous=True, opens=opens, is_open=is_open)


def _from_app(action: str, params: Mapping[str, Param]) -> Definition:
    return Definition(action, params, opens=True, is_open=True)


_SESSION_START = {
    "uri": _URI,
    "referrer": _MORE_URI,
    "source": Param("string", choices=_SOURCES),
    "language": _TEXT,
    **_UTM,
    "trigger": _TEXT,
}
_SESSION_END = {
    "reason": Param("string", required=True, choices=_REASONS),
    "duration_ms": replace(_COUNT, required=True),
    "pages": replace(_COUNT, required=True),
    "events": replace(_COUNT, required=True),
    "uri": _MORE_URI,
}
_PAGE_VISIT = {
    "uri": _URI,
    "nav": Param("string", required=True, choices=BROWSER_NAVS, default="manual", place="facts"),
    "title": _TEXT,
    "referrer": _MORE_URI,
    **_UTM,
}
_PAGE_LEAVE = {
    "engaged_ms": Param("measure", required=True, most=ENGAGED_MAX_MS, place="amount"),
    "scroll_pct": Param("measure", most=100, place="facts"),
}
_FORM_START = {"form": _FORM, "field": Param("string", max_chars=NAME_MAX_CHARS)}
_FIELD_CHANGE = {
    "form": _FORM,
    "field": Param("string", required=True, max_chars=NAME_MAX_CHARS),
    "filled": replace(_FLAG, required=True),
    "dwell_ms": _DWELL,
    "capped": _FLAG,
    "refocus": Param("measure", most=REFOCUS_MAX, place="facts"),
    "value": Param("any"),
}
_FORM_SUBMIT = {
    "form": _FORM,
    "fields": Param("object", required=True, each=True),
    "skipped": Param("object", each=True),
}
_FORM_RESULT = {
    "form": _FORM,
    "status": replace(_COUNT, required=True),
    "outcome": Param("string", required=True, choices=_OUTCOMES),
    "redirect": _MORE_URI,
}
_APP_NAME = {"name": replace(_NAME, place="more")}

SHIPPED = Catalogue(
    (
        Definition("session.start", _SESSION_START, keeps=False),
        Definition("session.end", _SESSION_END, keeps=False),
        Definition(
            "page.visit",
            _PAGE_VISIT,
            anonymous=True,
            opens=True,
            is_open=True,
            server_made=frozenset(("status", "method", "upstream_ms")),
        ),
        _from_browser("page.leave", _PAGE_LEAVE, opens=False),
        *(_from_browser(f"{context}.hover", _HOVER, is_open=True) for context in CONTEXTS),
        *(_from_browser(f"{context}.click", _CLICK, is_open=True) for context in CONTEXTS),
        _from_browser("form.start", _FORM_START),
        _from_browser("field.change", _FIELD_CHANGE, opens=False),
        _from_browser("form.submit", _FORM_SUBMIT, is_open=True),
        Definition("form.result", _FORM_RESULT),
        _from_app("screen.view", _APP_NAME),
        _from_app("screen.click", _APP_NAME),
        *(_from_app(f"client.{what}", {}) for what in ("applicationStarted", "login", "logout")),
    )
)
"""The table of EVENTS.md section 4. `button.click` is one definition for browsers and apps."""
