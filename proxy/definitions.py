"""A site's own events: the tables `[events."product.buy"]` of its configuration, checked, and the catalogue they make.

Law: pure. What is read is whole and right, or refused with the key at fault; an event that footfall knows by itself can
be told more of, and asked more of, never less (EVENTS.md section 3).
"""

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from proxy.events.catalogue import CLIENT_PREFIX, SESSION_PREFIX, TYPES, Catalogue, Definition, Param
from proxy.events.event import is_action
from proxy.events.params import NEVER, PARAMS_MAX
from proxy.events.sensitive import is_sensitive_name
from proxy.events.shipped import SHIPPED
from proxy.events.values import is_key

EVENTS_MAX = 500
"""Definitions of a site."""
TEXT_MAX_CHARS = 500
"""Of a label or a description."""
RETENTION_MAX_DAYS = 36_500
SHOWN_CHARS = 64
"""Of what is no action, in a message."""
KEYS = ("label", "description", "anonymous", "opens", "retention_days", "params")
PARAM_KEYS = ("type", "required", "description")

_BARE = re.compile(r"[A-Za-z0-9_-]{1,30}")
"""A key that TOML takes without quotes: [events.product.buy] is a table `product`."""


class BadDefinition(ValueError):
    """`key` is where, dotted, below `events`; the message completes it."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


@dataclass(frozen=True, slots=True)
class DefinedParam:
    """A param as it is configured; None: not said."""

    name: str
    type: str | None = None
    required: bool | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Defined:
    """An action as it is configured; None: not said."""

    action: str
    label: str | None = None
    description: str | None = None
    anonymous: bool | None = None
    opens: bool | None = None
    retention_days: int | None = None
    params: tuple[DefinedParam, ...] = ()


def read_definitions(raw: object) -> tuple[Defined, ...]:
    """The tables under `events`, as TOML or JSON has them.

    Raises:
        BadDefinition: with the first thing that is wrong.
    """
    tables = _table("", raw)
    if len(tables) > EVENTS_MAX:
        raise BadDefinition("", f"at most {EVENTS_MAX} events, not {len(tables)}")
    found = tuple(_defined(action, table) for action, table in tables.items())
    catalogue_of(found)
    return found


def from_plain(plain: Iterable[Mapping[str, Any]]) -> tuple[Defined, ...]:
    """The reverse of `dataclasses.asdict`."""
    return tuple(Defined(**{**one, "params": tuple(DefinedParam(**p) for p in one["params"])}) for one in plain)


def catalogue_of(defined: Iterable[Defined]) -> Catalogue:
    """What footfall knows by itself, and what a site adds.

    Raises:
        BadDefinition: two actions differ in case only, or an event is asked less of than it is by itself.
    """
    known = {one.action: one for one in SHIPPED}
    spelt = {action.lower(): action for action in known}
    for one in defined:
        other = spelt.setdefault(one.action.lower(), one.action)
        if other != one.action:
            raise BadDefinition(quoted(one.action), f"differs from {other} in case only")
        shipped = known.get(one.action)
        known[one.action] = _new(one) if shipped is None else _extended(shipped, one)
    return Catalogue(known.values())


def quoted(action: str) -> str:
    """An action as a key of TOML, in one line and of bounded length whatever it is."""
    return json.dumps(action[:SHOWN_CHARS], ensure_ascii=False)


def _new(one: Defined) -> Definition:
    key = quoted(one.action)
    if one.action.startswith(SESSION_PREFIX):
        raise BadDefinition(key, "session.* is made by footfall alone")
    if one.anonymous and one.action.startswith(CLIENT_PREFIX):
        raise BadDefinition(f"{key}.anonymous", "client.* never comes from a browser")
    return Definition(
        one.action,
        {param.name: _param(param) for param in one.params},
        anonymous=bool(one.anonymous),
        opens=bool(one.opens),
        description=one.description or "",
        from_api=True,
        label=one.label or "",
        retention_days=one.retention_days,
    )


def _param(param: DefinedParam) -> Param:
    return Param(param.type or "string", required=bool(param.required), description=param.description or "")


def _extended(shipped: Definition, one: Defined) -> Definition:
    """A shipped event with what a site adds to it."""
    key = quoted(one.action)
    for name, wish, is_so in (("anonymous", one.anonymous, shipped.anonymous), ("opens", one.opens, shipped.opens)):
        if wish and not is_so:
            raise BadDefinition(f"{key}.{name}", f"{one.action} is footfall's own, and cannot be loosened")
    params = dict(shipped.params)
    for param in one.params:
        known = params.get(param.name)
        if known is None:
            if param.name in shipped.server_made:
                raise BadDefinition(f"{key}.params.{param.name}", "footfall says this itself")
            params[param.name] = _param(param)
            continue
        where = f"{key}.params.{param.name}"
        if param.type not in (None, known.type):
            raise BadDefinition(f"{where}.type", f"is {known.type}: {one.action} is footfall's own")
        if param.required is False and known.required:
            raise BadDefinition(f"{where}.required", f"{one.action} is footfall's own, and cannot be loosened")
        description = param.description or known.description
        params[param.name] = replace(known, required=known.required or bool(param.required), description=description)
    return replace(
        shipped,
        params=params,
        anonymous=shipped.anonymous and one.anonymous is not False,
        opens=shipped.opens and one.opens is not False,
        label=one.label or shipped.label,
        description=one.description or shipped.description,
        retention_days=one.retention_days if one.retention_days is not None else shipped.retention_days,
    )


def _defined(action: str, raw: object) -> Defined:
    key = quoted(action)
    if not is_action(action):
        quotes = f'; its table is [events."{action}.…"], with quotes' if _BARE.fullmatch(action) else ""
        raise BadDefinition(key, f"an action is 3 to 32 of A-Z a-z 0-9 . _ - with a dot inside{quotes}")
    table = _table(key, raw, KEYS)
    retention = table.get("retention_days")
    if retention is not None and (type(retention) is not int or not 0 <= retention <= RETENTION_MAX_DAYS):
        raise BadDefinition(f"{key}.retention_days", f"must be 0 (for ever) to {RETENTION_MAX_DAYS} days")
    if retention is not None and action.startswith(SESSION_PREFIX):
        raise BadDefinition(f"{key}.retention_days", "session.* goes with the last event of its session")
    params = _table(f"{key}.params", table.get("params", {}))
    if len(params) > PARAMS_MAX:
        raise BadDefinition(f"{key}.params", f"at most {PARAMS_MAX} params, not {len(params)}")
    return Defined(
        action,
        _text(table, "label", key),
        _text(table, "description", key),
        _flag(table, "anonymous", key),
        _flag(table, "opens", key),
        retention,
        tuple(_defined_param(f"{key}.params.{name}", name, param) for name, param in params.items()),
    )


def _defined_param(key: str, name: str, raw: object) -> DefinedParam:
    if not is_key(name):
        raise BadDefinition(key, "a param's name is 1 to 64 of A-Z a-z 0-9 _ . : -")
    if name in NEVER:
        raise BadDefinition(key, "a param of this name is never kept: it is reserved")
    if is_sensitive_name(name):
        raise BadDefinition(key, "a param of this name is never kept: it may hold what must not be kept")
    table = _table(key, raw, PARAM_KEYS)
    kind = table.get("type")
    if kind is not None and (not isinstance(kind, str) or kind not in TYPES):
        near = nearest(str(kind), TYPES)
        raise BadDefinition(f"{key}.type", f"must be one of {', '.join(sorted(TYPES))}{near}")
    return DefinedParam(name, kind, _flag(table, "required", key), _text(table, "description", key))


def _table(key: str, raw: object, known: tuple[str, ...] = ()) -> Mapping[str, object]:
    if not isinstance(raw, Mapping):
        raise BadDefinition(key, "must be a table")
    for name in raw:
        if known and name not in known:
            raise BadDefinition(f"{key}.{name}", f"unknown key{nearest(str(name), known)}")
    return raw


def _text(table: Mapping[str, object], name: str, key: str) -> str | None:
    text = table.get(name)
    if text is None:
        return None
    if not isinstance(text, str) or len(text) > TEXT_MAX_CHARS or not text.isprintable():
        raise BadDefinition(f"{key}.{name}", f"must be one line of text, at most {TEXT_MAX_CHARS} characters")
    return text


def _flag(table: Mapping[str, object], name: str, key: str) -> bool | None:
    flag = table.get(name)
    if flag is not None and not isinstance(flag, bool):
        raise BadDefinition(f"{key}.{name}", "must be true or false")
    return flag


def nearest(name: str, known: Iterable[str]) -> str:
    """What may have been meant, as the end of a message; '' where nothing is near."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""
