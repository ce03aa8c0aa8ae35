"""The params of an event that was sent: of an object of JSON, what is clean, what is not defined, what was left out.

Law: pure, total, suspicious. What leaves this module is bounded, of the types that its definition says, and has no
secret in it, whether or not the sender looked; no refusal and no notice repeats a value (EVENTS.md sections 1 to 5).
"""

import json
from typing import NamedTuple

from proxy.events.catalogue import DWELL_MAX_MS, TAKEN_CHARS, Definition, Param, Rejection
from proxy.events.privacy import clean_uri
from proxy.events.sensitive import is_article_number, is_sensitive_name, why_sensitive
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
RESERVED = frozenset(
    "time ip uuid clientId eventUUID eventCreateTime modifiedBy apiKey businessProfileId session".split()
)
"""Params that nobody may send (EVENTS.md section 2)."""
SERVER_MADE = frozenset(("original_ago", "usual_ms", "usual_n"))
"""Params that the server adds, so that a browser cannot claim them."""
NEVER = RESERVED | SERVER_MADE

CHAR_MAX_BYTES = 4
"""In UTF-8; what JSON escapes, once control characters are gone, takes two."""
NUMBER_BYTES = 32
PUNCTUATION_BYTES = 4
"""Quotes, a colon and a comma, or brackets and a comma."""

Facts = tuple[tuple[str, object], ...]


class Notice(NamedTuple):
    """What was left out of an accepted event: a code of WIRE.md's warnings, and the param ('' if not to be named)."""

    code: str
    field: str


class Params(NamedTuple):
    """Clean params, by name; those that the definition does not know; what was left out and why."""

    values: dict[str, object]
    undefined: list[str]
    notices: list[Notice]
    refused: set[str]


def read_params(raw: object, definition: Definition) -> Params:
    """What an event sends as its `params`.

    Raises:
        Rejection: every code of WIRE.md that is about params.
    """
    if raw is None:
        raw = {}
    if not isinstance(raw, dict):
        raise Rejection("bad_type", "params", "params is not an object")
    params = Params({}, [], [], set())
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


def _read_param(params: Params, key: object, value: object, definition: Definition) -> None:
    if not isinstance(key, str):
        raise Rejection("bad_type", "", "a param has no name")
    param = definition.params.get(key)
    repeats = param is not None and param.repeats and isinstance(value, str) and len(value) <= TAKEN_CHARS
    if repeats and (key, value) in definition.taken:
        params.values[key] = value
        return
    if param is None:
        if key in NEVER or key in definition.server_made:
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
    if repeats and isinstance(clean, str) and clean == value:
        definition.taken.put((key, clean), None)
    if param is None and not definition.is_open:
        params.undefined.append(key)


def _is_refused(value: object, param: Param | None) -> bool:
    if param is not None:
        if param.type == "uri":
            return why_sensitive_uri(str(value)) is not None
        if param.each or (param.articles and isinstance(value, str) and is_article_number(value)):
            return False
        if param.is_own_number and isinstance(value, str):
            return why_sensitive(value, is_own_number=True) is not None
    return why_refused(value) is not None


def _read_in_context(params: Params, definition: Definition) -> None:
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


def placed(values: dict[str, object], definition: Definition) -> tuple[str, int | None, Facts, Facts]:
    """(name, amount, facts, more): where a BrowserEvent has them."""
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
        keys = sum([len(key) * CHAR_MAX_BYTES + PUNCTUATION_BYTES for key in value])
        return keys + sum(map(_weight, value.values())) + PUNCTUATION_BYTES
    if isinstance(value, list):
        return sum(map(_weight, value)) + PUNCTUATION_BYTES
    return NUMBER_BYTES
