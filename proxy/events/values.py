"""The values of an event's params: cleaned, bounded, and of the type that their definition says.

Law: pure and total. A value leaves this module as JSON that can be stored and shown, without nulls, control
characters and secrets, or with a Rejection that repeats nothing of it.
"""

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from proxy.events.catalogue import NAME_MAX_CHARS, STRING_MAX_CHARS, Param, Rejection
from proxy.events.privacy import clean_text, clean_uri, unquote
from proxy.events.sensitive import OTHER_REASON, REASONS, is_sensitive_name, why_sensitive, why_sensitive_number

DEPTH_MAX = 2
"""A param may be an object of lists: the fields of a form, of which one has several values."""
INTEGER_MAX = 2**63 - 1
"""What the store and every reader of its JSON can hold."""

DATE_MAX_CHARS = 40
MOMENT_MAX_MS = 253_402_300_799_999
"""The last ms of the year 9999: the calendar goes no further."""

_KEY = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_NUMBER = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,4})?")
_BOOLEANS = {"true": True, "false": False}


def is_key(key: object) -> bool:
    """Whether this is a well-formed name of a param (EVENTS.md section 1)."""
    return isinstance(key, str) and _KEY.fullmatch(key) is not None


def printable_key(key: object) -> str:
    """The name of a param, where it may be repeated in an answer or kept with a refusal, else ''."""
    return key if isinstance(key, str) and is_key(key) and why_sensitive(key) is None else ""


def storable(text: str) -> str:
    """Text that UTF-8 can carry: lone surrogates are replaced."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


class Absent(Exception):
    """Nothing is left of a value: it counts as not sent."""


def read_value(key: str, value: object, param: Param | None) -> object:
    """A value as its param wants it; any JSON where the definition knows none (`param` None).

    Raises:
        Rejection: `bad_type`, `too_long`, `too_deep`.
        Absent: null, an empty text, a URI that is not http(s) and not required.
    """
    if value is None:
        raise Absent
    if param is None:
        return clean(key, value)
    return _READERS[param.type](key, value, param)


def clean(key: str, value: object, depth: int = 0, max_chars: int = STRING_MAX_CHARS) -> object:
    """Any JSON value without nulls and empty texts.

    Raises:
        Rejection: `bad_type` (a number that is not finite or too large), `too_long`, `too_deep`.
        Absent: nothing is left of it.
    """
    if isinstance(value, str):
        if len(value) > max_chars:
            raise Rejection("too_long", key, f"a text is at most {max_chars} characters")
        text = clean_text(value, max_chars)
        if not text:
            raise Absent
        return text
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        return _number(key, value)
    if value is None:
        raise Absent
    if depth == DEPTH_MAX:
        raise Rejection("too_deep", key, f"params are nested at most {DEPTH_MAX} deep")
    if isinstance(value, list):
        return [item for item in (_kept(key, item, depth + 1) for item in value) if item is not None]
    if isinstance(value, dict):
        cleaned: dict[str, object] = {}
        for name, item in value.items():
            inner, kept = _inner_name(key, name), _kept(key, item, depth + 1)
            if inner and kept is not None:
                cleaned.setdefault(inner, kept)
        return cleaned
    raise Rejection("bad_type", key, "this is no JSON value")


def _kept(key: str, value: object, depth: int) -> object | None:
    try:
        return clean(key, value, depth)
    except Absent:
        return None


def _inner_name(key: str, name: object) -> str:
    """The name of a form's field is a marketer's text, not a key."""
    if not isinstance(name, str):
        raise Rejection("bad_type", key, "a field has no name")
    if len(name) > NAME_MAX_CHARS:
        raise Rejection("too_long", key, f"a field's name is at most {NAME_MAX_CHARS} characters")
    return clean_text(name, NAME_MAX_CHARS)


def _number(key: str, number: int | float) -> int | float:
    if isinstance(number, float):
        if not math.isfinite(number):
            raise Rejection("bad_type", key, "the number is not finite")
    elif not -INTEGER_MAX <= number <= INTEGER_MAX:
        raise Rejection("bad_type", key, "the number is too large")
    return number


def _read_string(key: str, value: object, param: Param) -> object:
    if not isinstance(value, str):
        raise Rejection("bad_type", key, f"{key} is not a string")
    text = clean(key, value, max_chars=param.max_chars)
    if param.choices and text not in param.choices:
        raise Rejection("bad_type", key, f"{key} is none of {', '.join(param.choices)}")
    return text


def _read_number(key: str, value: object, param: Param) -> int | float:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value) if set(value) & set(".eE") else int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Rejection("bad_type", key, f"{key} is not a number")
    return _number(key, value)


def _read_measure(key: str, value: object, param: Param) -> int:
    """A whole number from 0; more than the most that is measured counts as the most, and less than nothing, of a clock
    that was set back meanwhile, as nothing."""
    if type(value) is not int:
        number = _read_number(key, value, param)
        if number != int(number):
            raise Rejection("bad_type", key, f"{key} is not a whole number")
        value = int(number)
    return max(0, min(value, param.most))


def _read_boolean(key: str, value: object, param: Param) -> bool:
    if isinstance(value, str):
        value = _BOOLEANS.get(value)
    if not isinstance(value, bool):
        raise Rejection("bad_type", key, f"{key} is neither true nor false")
    return value


def _read_datetime(key: str, value: object, param: Param) -> object:
    """ISO 8601, or Unix ms. Kept as it was written."""
    if not isinstance(value, str):
        return _read_number(key, value, param)
    text = str(clean(key, value))
    if _date_of(text) is None:
        raise Rejection("bad_type", key, f"{key} is not a date of ISO 8601")
    return text


def _date_of(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def moment_of(value: object) -> int | None:
    """Unix ms, whole or ISO 8601 with its zone (a local time is nobody's), as Unix ms; None where it is neither."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    if not isinstance(value, str):
        return int(value) if 0 <= value <= MOMENT_MAX_MS else None
    date = _date_of(value) if len(value) <= DATE_MAX_CHARS else None
    if date is None or date.tzinfo is None:
        return None
    try:
        return (date - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    except OverflowError:
        return None


def _read_list(key: str, value: object, param: Param) -> object:
    if not isinstance(value, list):
        raise Rejection("bad_type", key, f"{key} is not a list")
    return clean(key, value)


def _read_object(key: str, value: object, param: Param) -> object:
    if not isinstance(value, dict):
        raise Rejection("bad_type", key, f"{key} is not an object")
    return clean(key, value)


def _read_any(key: str, value: object, param: Param) -> object:
    return clean(key, value)


def _read_uri(key: str, value: object, param: Param) -> str:
    """Cleaned; where what is left still shows a secret, without its query. Length is no fault: it is cut."""
    if not isinstance(value, str):
        raise Rejection("bad_type", key, f"{key} is not a string")
    cleaned = clean_uri(storable(value))
    if cleaned is None:
        if param.required:
            raise Rejection("bad_type", key, f"{key} is not an absolute http or https URI")
        raise Absent
    return cleaned.uri.partition("?")[0] if why_sensitive_uri(cleaned.uri) else cleaned.uri


_READERS: Mapping[str, Callable[[str, object, Param], object]] = {
    "string": _read_string,
    "number": _read_number,
    "measure": _read_measure,
    "boolean": _read_boolean,
    "datetime": _read_datetime,
    "list": _read_list,
    "object": _read_object,
    "uri": _read_uri,
    "any": _read_any,
}


def why_sensitive_uri(uri: str) -> str | None:
    """`why_sensitive`, read as it is written and as it is meant. The slashes of a path join no number: that of a
    query's value is found by `clean_uri`."""
    text = uri.replace("/", "|")
    return why_sensitive(text) or (why_sensitive(unquote(text)) if "%" in text or "+" in text else None)


def why_refused(value: object) -> str | None:
    """The reason why a clean value may not be kept: it, or something in it, is sensitive (`word` for a name)."""
    if isinstance(value, str):
        return why_sensitive(value)
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return why_sensitive_number(value)
    if isinstance(value, list):
        return next(filter(None, map(why_refused, value)), None) or why_sensitive(" ".join(map(_shown, value)))
    if isinstance(value, dict):
        for name, item in value.items():
            reason = "word" if is_sensitive_name(name) else why_sensitive(name) or why_refused(item)
            if reason is not None:
                return reason
    return None


def _shown(item: object) -> str:
    """An item of a list, beside the others: a card's number may come in four boxes of one name."""
    return str(item) if isinstance(item, (str, int)) else ""


def split_fields(
    fields: Mapping[str, object], skipped: Mapping[str, object]
) -> tuple[dict[str, object], dict[str, str]]:
    """A form's clean fields without those that are never captured, and all that were skipped, with the reason."""
    refused: dict[str, str] = {}
    for name, reason in skipped.items():
        if why_sensitive(name) is None:
            refused[name] = reason if isinstance(reason, str) and reason in REASONS else OTHER_REASON
    kept: dict[str, object] = {}
    for name, value in fields.items():
        if why_sensitive(name) is not None or name in refused:
            continue
        reason = "word" if is_sensitive_name(name) else why_refused(value)
        if reason is None:
            kept[name] = value
        else:
            refused[name] = reason
    return kept, refused
