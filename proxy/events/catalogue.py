"""Which actions there are, what their params are, and which of them a browser may send.

Law: definitions are data. An action that is not defined is rejected with the reason, and the rest of its batch is
kept; a param that its definition does not know is saved and named as undefined (EVENTS.md sections 3 and 4).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from types import MappingProxyType

from proxy.bounded import Bounded
from proxy.events.event import is_action
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
TAKEN = 1_000
"""Texts remembered of an action: a site's elements and links are told of again and again, by everybody. None of them is
any visitor's; they go when there are so many, and with the process."""
TAKEN_CHARS = 200
"""Of such a text at most."""

TYPES = frozenset(("string", "number", "boolean", "datetime", "list", "object"))
"""What a configured param may be."""
SHIPPED_TYPES = TYPES | {"measure", "uri", "any"}
"""`measure`: a whole number, counted from 0 to `most`. `uri`: absolute, http(s), cleaned."""

SESSION_PREFIX, CLIENT_PREFIX = "session.", "client."
TRANSACTIONS = frozenset(("transaction.charge", "product.buy"))


class Sender(Enum):
    """Who sends an event: a browser, a browser whose page has a token, an app or a server through the API."""

    BROWSER = auto()
    TRUSTED_BROWSER = auto()
    API = auto()


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
    one by one, so that one secret takes only itself out. `repeats`: it is the site's own text, the same from everybody.
    `articles`: a whole article number is none of a card, though every tenth passes for one; `is_own_number`: the same
    of whatever number the sender gave to something of its own."""

    type: str
    required: bool = False
    description: str = ""
    max_chars: int = STRING_MAX_CHARS
    most: int = 0
    choices: tuple[str, ...] = ()
    default: str | None = None
    place: str = "more"
    each: bool = False
    articles: bool = False
    is_own_number: bool = False
    repeats: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.type not in SHIPPED_TYPES:
            raise ValueError(f"{self.type} is no type of params")
        object.__setattr__(self, "repeats", self.place == "name" or self.type == "uri" or bool(self.choices))


@dataclass(frozen=True, slots=True)
class Definition:
    """An action. `anonymous`: a browser may send it without a token; `opens`: it may start a session; `keeps`: it moves
    the session's last activity; `is_open`: any further param is its own, so none is undefined; `server_made`: further
    params that only the server says; `from_api`: an app or a server may send it; `label`: its template, the action
    itself where that is empty; `retention_days`: how long it is kept, None: as everything else, 0: for ever. `taken`:
    texts that repeat, and were taken as they are: by (name of the param, text).

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
    from_api: bool = False
    label: str = ""
    retention_days: int | None = None
    taken: Bounded[tuple[str, str], None] = field(init=False, repr=False, compare=False)
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
        object.__setattr__(self, "taken", Bounded(TAKEN))
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

    @property
    def labels(self) -> dict[str, str]:
        """The templates of labels, by action, where there is one."""
        return {action: one.label for action, one in self._by_action.items() if one.label}

    @property
    def retention(self) -> dict[str, int | None]:
        """For how many days events are kept whose definition says so, by action; None: for ever."""
        found = {action: one.retention_days for action, one in self._by_action.items()}
        return {action: days or None for action, days in found.items() if days is not None}

    def for_sender(self, action: object, sender: Sender) -> Definition:
        """The definition of an action that this sender may send.

        Raises:
            Rejection: `bad_action`, `reserved_action`, `undefined_action`, `not_anonymous`.
        """
        if isinstance(action, str):
            definition = self._by_action.get(action)
            if definition is not None and _may_send(definition, sender):
                return definition
        raise self._refusal(action, sender)

    def _refusal(self, action: object, sender: Sender) -> Rejection:
        if not isinstance(action, str) or not is_action(action):
            return Rejection("bad_action", "action", "an action is 3 to 32 of A-Z a-z 0-9 . _ - with a dot inside")
        if action in TRANSACTIONS:
            message = f"{action} is made from a transaction; transactions have their own endpoint, api/v1/transactions"
            return Rejection("reserved_action", "action", message)
        if action.startswith(SESSION_PREFIX):
            return Rejection("reserved_action", "action", "session.* is made by the server")
        if action.startswith(CLIENT_PREFIX) and sender is not Sender.API:
            return Rejection("reserved_action", "action", "client.* never comes from a browser")
        if action not in self._by_action:
            return Rejection("undefined_action", "action", "this action is not defined")
        if sender is Sender.API:
            return Rejection("reserved_action", "action", f"{action} is told by browsers or by the server alone")
        return Rejection("not_anonymous", "action", f"{action} is not taken from a browser without a token")


def _may_send(definition: Definition, sender: Sender) -> bool:
    if sender is Sender.API:
        return definition.from_api
    if definition.anonymous:
        return True
    is_reserved = definition.action.startswith((SESSION_PREFIX, CLIENT_PREFIX))
    return sender is Sender.TRUSTED_BROWSER and definition.from_api and not is_reserved
