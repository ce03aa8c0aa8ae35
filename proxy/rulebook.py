"""The site's rules: the tables [[rules]] of its configuration, checked. What an answer of the site means is said there.

Law: pure. A rule that could never make its event is refused here, with the key at fault, not found out later
(EVENTS.md section 7).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from proxy.definitions import BadDefinition, nearest
from proxy.events.catalogue import Catalogue, Rejection
from proxy.events.params import read_params

RULES_MAX = 100
KEYS = ("method", "path", "status", "action", "params")
METHOD = "POST"
STATUS = ("200-399",)
"""What a rule without `status` means: the site did not refuse."""
_METHOD = re.compile(r"[A-Z]{3,16}")
_STATUS = re.compile(r"([1-5][0-9]{2})(?:-([1-5][0-9]{2}))?")


@dataclass(frozen=True, slots=True)
class Ruled:
    """A rule as it is configured: requests of `method` to the glob `path`, answered with one of `statuses` (ranges,
    both ends included), are an event `action` with `params`."""

    method: str
    path: str
    statuses: tuple[tuple[int, int], ...]
    action: str
    params: tuple[tuple[str, str | int | float | bool], ...] = ()


def read_rules(raw: object, catalogue: Catalogue) -> tuple[Ruled, ...]:
    """The tables, as TOML or JSON has them.

    Raises:
        BadDefinition: with the first thing that is wrong; its key begins with the rule's number, from 1.
    """
    if not isinstance(raw, list):
        raise BadDefinition("", "must be tables, [[rules]]")
    if len(raw) > RULES_MAX:
        raise BadDefinition("", f"at most {RULES_MAX} rules, not {len(raw)}")
    return tuple(_rule(f"{number}", table, catalogue) for number, table in enumerate(raw, 1))


def rules_from_plain(plain: Iterable[Mapping[str, Any]]) -> tuple[Ruled, ...]:
    """The reverse of `dataclasses.asdict`, after JSON."""
    return tuple(
        Ruled(
            one["method"],
            one["path"],
            tuple((low, high) for low, high in one["statuses"]),
            one["action"],
            tuple((key, value) for key, value in one["params"]),
        )
        for one in plain
    )


def _rule(key: str, raw: object, catalogue: Catalogue) -> Ruled:
    if not isinstance(raw, Mapping):
        raise BadDefinition(key, "must be a table")
    for name in raw:
        if name not in KEYS:
            raise BadDefinition(f"{key}.{name}", f"unknown key{nearest(str(name), KEYS)}")
    method, path, action = raw.get("method", METHOD), raw.get("path"), raw.get("action")
    if not isinstance(method, str) or not _METHOD.fullmatch(method):
        raise BadDefinition(f"{key}.method", "must be a method in capitals, such as POST")
    if not isinstance(path, str) or not path.startswith("/"):
        raise BadDefinition(f"{key}.path", "must be a path that starts with '/', such as /login or /accounts/*")
    definition = catalogue.get(action) if isinstance(action, str) else None
    if definition is None:
        near = nearest(str(action), [one.action for one in catalogue])
        raise BadDefinition(f"{key}.action", f"must be an action that is defined{near}")
    if not definition.from_api:
        raise BadDefinition(f"{key}.action", f"{action} is made otherwise, a rule cannot make it")
    params = raw.get("params", {})
    if not isinstance(params, Mapping) or not all(isinstance(value, (str, int, float)) for value in params.values()):
        raise BadDefinition(f"{key}.params", "must be a table of texts, numbers, true or false")
    try:
        read = read_params(dict(params), definition)
    except Rejection as wrong:
        raise BadDefinition(f"{key}.params", str(wrong)) from None
    if read.notices:
        raise BadDefinition(f"{key}.params.{read.notices[0].field}", "a param of this name or value is never kept")
    return Ruled(
        method, path, _statuses(key, raw.get("status", list(STATUS))), definition.action, tuple(params.items())
    )


def _statuses(key: str, raw: object) -> tuple[tuple[int, int], ...]:
    found = []
    for one in raw if isinstance(raw, list) else [raw]:
        match = _STATUS.fullmatch(str(one)) if isinstance(one, (str, int)) else None
        if match is None:
            raise BadDefinition(f"{key}.status", "must be a status such as 302, a range such as '200-299', or a list")
        low = int(match[1])
        high = int(match[2] or low)
        if high < low:
            raise BadDefinition(f"{key}.status", f"{one} is no range")
        found.append((low, high))
    if not found:
        raise BadDefinition(f"{key}.status", "must name a status")
    return tuple(found)
