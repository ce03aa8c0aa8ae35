"""An event from a browser: whatever JSON it sends becomes an Accepted or a Rejection (EVENTS.md sections 1 to 5).

Law: pure, total, suspicious. What is accepted is clean, bounded, of the types that its definition says, and has no
secret in it, whether or not the tracker looked; no refusal and no notice repeats a value.
"""

import json
import re
from dataclasses import dataclass
from typing import NamedTuple

from proxy.events.catalogue import DWELL_MAX_MS, SHIPPED, Catalogue, Definition, Param, Rejection
from proxy.events.columns import amount_key, target_key
from proxy.events.event import is_action
from proxy.events.privacy import clean_uri
from proxy.events.sensitive import is_sensitive_name, why_sensitive
from proxy.events.values import (
    Absent,
    is_key,
    printable_key,
    read_value,
    split_fields,
    why_refused,
    why_sensitive_uri,
)

PARAMS_MAX = 32
PARAMS_MAX_BYTES = 8 * 1024
"""Of all params together, as JSON (EVENTS.md section 1)."""
AGO_MAX_MS = 1_800_000
"""An event is never told as older than 30 min (EVENTS.md section 1)."""
NUMBER_MAX = 2**53 - 1
"""A clock's number beyond this is nobody's, and is not kept."""

DERIVED_VERSION = 5
"""Of UUIDs that follow from a name (RFC 9562): a session.end has such an id, and a browser could take it first."""

RESERVED = frozenset(
    "time ip uuid clientId eventUUID eventCreateTime modifiedBy apiKey businessProfileId session".split()
)
"""Params that nobody may send (EVENTS.md section 2)."""
SERVER_MADE = frozenset(("original_ago", "usual_ms", "usual_n"))
"""Params that the server adds, so that a browser cannot claim them."""
_NEVER = RESERVED | SERVER_MADE

CHAR_MAX_BYTES = 4
"""In UTF-8; what JSON escapes, once control characters are gone, takes two."""
NUMBER_BYTES = 32
PUNCTUATION_BYTES = 4
"""Quotes, a colon and a comma, or brackets and a comma."""

Facts = tuple[tuple[str, object], ...]

_UUID = re.compile(r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")


class Notice(NamedTuple):
    """What was left out of an accepted event: a code of WIRE.md's warnings, and the param ('' if not to be named)."""

    code: str
    field: str


@dataclass(frozen=True, slots=True)
class BrowserEvent:
    """What a browser says happened. `id` and `view` are 16 bytes, `view` being a page.visit or a confirmation of one;
    `ago_ms` is 0 to 1,800,000 before the sending, `sent_ago` what was sent where that was clamped; `opens`: it may
    start a session; `keeps`: it moves the session's last activity; `name`: of the element or form, '' for others;
    `amount`: ms, see `proxy.events.columns`; `facts`: few-valued params; `more`: the event's own ones; `undefined`:
    names of those that its definition does not know."""

    id: bytes
    view: bytes | None
    action: str
    ago_ms: int
    sent_ago: int | float | None
    opens: bool
    keeps: bool
    name: str
    amount: int | None
    facts: Facts
    more: Facts
    undefined: tuple[str, ...]

    @property
    def params(self) -> dict[str, object]:
        """All params in one."""
        params: dict[str, object] = {target_key(self.action): self.name} if self.name else {}
        if self.amount is not None:
            params[amount_key(self.action)] = self.amount
        params.update(self.facts)
        params.update(self.more)
        return params


class Accepted(NamedTuple):
    """An event that is taken, and what was left out of it."""

    event: BrowserEvent
    warnings: tuple[Notice, ...]


class _Params(NamedTuple):
    """Clean params, by name; those that the definition does not know; what was left out and why."""

    values: dict[str, object]
    undefined: list[str]
    notices: list[Notice]
    refused: set[str]


def read_event(raw: object, catalogue: Catalogue = SHIPPED) -> Accepted:
    """One of a beacon's `events`, as parsed from JSON.

    Raises:
        Rejection: every code of WIRE.md that is about a single event's content.
    """
    if not isinstance(raw, dict):
        raise Rejection("bad_type", "", "an event is an object")
    event_id = _uuid(raw.get("id"), "id")
    if event_id[6] >> 4 == DERIVED_VERSION:
        raise Rejection("bad_id", "id", "id follows from something else: only the server makes such ids")
    view = raw.get("view")
    view_id = None if view is None else _uuid(view, "view")
    definition = catalogue.for_browser(raw.get("action"))
    ago_ms, sent_ago = _read_ago(raw.get("ago"))
    params = _read_params(raw.get("params"), definition)
    name, amount, facts, more = _placed(params.values, definition)
    event = BrowserEvent(
        event_id,
        view_id,
        definition.action,
        ago_ms,
        sent_ago,
        definition.opens,
        definition.keeps and not (definition.action == "page.leave" and amount == 0),
        name,
        amount,
        facts,
        more,
        tuple(params.undefined),
    )
    return Accepted(event, tuple(params.notices))


def action_of(raw: object) -> str:
    """The action of an event that was refused, where it is well-formed and may be kept, else ''."""
    action = raw.get("action") if isinstance(raw, dict) else None
    return action if isinstance(action, str) and is_action(action) and why_sensitive(action) is None else ""


def _uuid(text: object, field: str) -> bytes:
    if not isinstance(text, str) or _UUID.fullmatch(text) is None:
        raise Rejection("bad_id", field, f"{field} is not a UUID")
    return bytes.fromhex(text.replace("-", ""))


def _read_ago(ago: object) -> tuple[int, int | float | None]:
    """(ms, what was sent if that is something else): no event is in the future, none is older than 30 min."""
    if isinstance(ago, bool) or not isinstance(ago, (int, float)) or ago != ago:
        return 0, None
    if 0 <= ago <= AGO_MAX_MS:
        return int(ago), None
    return (AGO_MAX_MS if ago > 0 else 0), (ago if -NUMBER_MAX <= ago <= NUMBER_MAX else None)


def _read_params(raw: object, definition: Definition) -> _Params:
    if raw is None:
        raw = {}
    if not isinstance(raw, dict):
        raise Rejection("bad_type", "params", "params is not an object")
    params = _Params({}, [], [], set())
    sent = [item for item in raw.items() if item[1] is not None]
    _check_number(len(sent))
    for key, value in sent:
        _read_param(params, key, value, definition)
    for key, default in definition.defaults:
        params.values.setdefault(key, default)
    _read_in_context(params, definition)
    for key in definition.required:
        if key not in params.values:
            if key in params.refused:
                raise Rejection("sensitive", key, f"{key} looks like something that is never kept")
            raise Rejection("missing_param", key, f"{key} is missing")
    _check_number(len(params.values))
    if _weight(params.values) > PARAMS_MAX_BYTES:
        size = len(json.dumps(params.values, ensure_ascii=False, separators=(",", ":")).encode())
        if size > PARAMS_MAX_BYTES:
            raise Rejection("too_long", "params", f"params are at most {PARAMS_MAX_BYTES} bytes")
    return params


def _check_number(number: int) -> None:
    if number > PARAMS_MAX:
        raise Rejection("too_many_params", "params", f"more than {PARAMS_MAX} params")


def _read_param(params: _Params, key: object, value: object, definition: Definition) -> None:
    if not isinstance(key, str):
        raise Rejection("bad_type", "", "a param has no name")
    param = definition.params.get(key)
    if param is None:
        if key in _NEVER or key in definition.server_made:
            params.notices.append(Notice("reserved_param", key))
            return
        if not is_key(key):
            raise Rejection("bad_type", "", "a param's name is 1 to 64 of A-Z a-z 0-9 _ . : -")
        if is_sensitive_name(key) or why_sensitive(key) is not None:
            params.notices.append(Notice("sensitive", printable_key(key)))
            return
    try:
        clean = read_value(key, value, param)
    except Absent:
        return
    if _is_refused(clean, param):
        params.notices.append(Notice("sensitive", key))
        params.refused.add(key)
        return
    params.values[key] = clean
    if param is None and not definition.is_open:
        params.undefined.append(key)


def _is_refused(value: object, param: Param | None) -> bool:
    if param is not None:
        if param.type == "uri":
            return why_sensitive_uri(str(value)) is not None
        if param.each:
            return False
    return why_refused(value) is not None


def _read_in_context(params: _Params, definition: Definition) -> None:
    """What params of one event say about each other."""
    values, action = params.values, definition.action
    if "capped" in definition.params and values.get("dwell_ms") == DWELL_MAX_MS:
        values["capped"] = True
    if action == "form.submit":
        _read_fields(values)
    elif action == "field.change":
        if is_sensitive_name(str(values.get("field", ""))):
            raise Rejection("sensitive", "field", "a field of this name is never read")
        if "value" in params.refused:
            raise Rejection("sensitive", "value", "value looks like something that is never kept")
    elif action == "page.visit" and "uri" in values:
        uri = clean_uri(str(values["uri"]))
        for key, term in uri.utm if uri is not None else ():
            if term and why_sensitive(term) is None and len(values) < PARAMS_MAX:
                values.setdefault(key, term)


def _read_fields(values: dict[str, object]) -> None:
    fields, skipped = values.get("fields"), values.pop("skipped", None)
    if isinstance(fields, dict):
        kept, refused = split_fields(fields, skipped if isinstance(skipped, dict) else {})
        values["fields"] = kept
        if refused:
            values["skipped"] = refused


def _placed(values: dict[str, object], definition: Definition) -> tuple[str, int | None, Facts, Facts]:
    """(name, amount, facts, more) of a BrowserEvent."""
    name, amount = "", None
    facts: list[tuple[str, object]] = []
    more: list[tuple[str, object]] = []
    known = definition.params
    for key, value in values.items():
        param = known.get(key)
        place = "more" if param is None else param.place
        if place == "name":
            name = str(value)
        elif place == "amount" and isinstance(value, int):
            amount = value
        else:
            (facts if place == "facts" else more).append((key, value))
    return name, amount, tuple(facts), tuple(more)


def _weight(value: object) -> int:
    """Bytes that a value takes at most as JSON in UTF-8; cheaper than making it."""
    if isinstance(value, str):
        return len(value) * CHAR_MAX_BYTES + PUNCTUATION_BYTES
    if isinstance(value, dict):
        return sum(_weight(key) + _weight(item) for key, item in value.items()) + PUNCTUATION_BYTES
    if isinstance(value, list):
        return sum(map(_weight, value)) + PUNCTUATION_BYTES
    return NUMBER_BYTES
