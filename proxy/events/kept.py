"""An exported event, read again: whatever JSON a line holds becomes a KeptEvent or a Rejection (WIRE.md, "Export").

Law: pure, total, suspicious. What this version exported is read as what it was; keys that are not known are passed
over; what is never captured is left out again, whoever wrote the file (EVENTS.md section 5). What only serves to be
read (`seq`, `label`, a session.end's numbers) is not believed. No refusal repeats a value.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from proxy.events.addresses import masked
from proxy.events.catalogue import STRING_MAX_CHARS, Catalogue, Definition, Param, Rejection
from proxy.events.columns import amount_key
from proxy.events.event import LANES, is_action
from proxy.events.meta import clean_one, is_meta
from proxy.events.params import RESERVED, Facts
from proxy.events.privacy import CleanUri, clean_title, clean_uri
from proxy.events.sensitive import is_article_number, is_sensitive_name, why_sensitive
from proxy.events.shipped import SHIPPED
from proxy.events.values import (
    INTEGER_MAX,
    MOMENT_MAX_MS,
    Absent,
    clean,
    is_key,
    read_value,
    split_fields,
    storable,
    why_refused,
    why_sensitive_uri,
)

PARAMS_MAX = 64
"""A stored event has at most 32 that were sent, and what the server adds."""
UUID_CHARS = 36

START, END, VISIT, LEAVE = "session.start", "session.end", "page.visit", "page.leave"
_VISIT_FACTS = frozenset(("nav", "status", "method"))
"""Of a page.visit that the server counted; the other ones are its definition's."""


@dataclass(frozen=True, slots=True)
class KeptEvent:
    """An event that a store had. `id`, `uuid`, `session` and `page` are 16 bytes, times UTC ms, `lane` an index into
    LANES; the texts are clean. `uri`: of a page.visit or session.start, with `host` and `path` ('' without). `name`,
    `amount`, `facts` and `more`: as of a BrowserEvent. `keeps`: it moves its session's last activity. `reason`: why a
    session ended, '' for anything but a session.end."""

    id: bytes
    action: str
    time: int
    received: int
    uuid: bytes
    session: bytes | None
    page: bytes | None
    lane: int
    uri: str = ""
    host: str = ""
    path: str = ""
    title: str = ""
    referrer: str | None = None
    name: str = ""
    amount: int | None = None
    facts: Facts = ()
    more: Facts = ()
    undefined: tuple[str, ...] = ()
    keeps: bool = True
    reason: str = ""


class Read(NamedTuple):
    """An event, and how many of its params were left out because they are never kept."""

    event: KeptEvent
    left_out: int


def read_kept(raw: object, catalogue: Catalogue = SHIPPED) -> Read:
    """An object of an export.

    Raises:
        Rejection: what is wrong with it, for people.
    """
    if not isinstance(raw, dict):
        raise Rejection("bad_type", "", "not an object")
    action, values = _action(raw), _sent(raw)
    time, received = _time(raw, "time"), _time(raw, "received")
    if received < time:
        raise Rejection("bad_type", "received", "received is before time")
    lane, session = raw.get("lane"), _id_or_none(raw, "session")
    if lane not in LANES:
        raise Rejection("bad_type", "lane", f"lane is none of {', '.join(LANES)}")
    if action in (START, END) and session is None:
        raise Rejection("bad_id", "session", f"a {action} without session")
    definition = catalogue.get(action)
    reason = _text(values, "reason") if action == END else ""
    told, left_out = ({}, 0) if action == END else _params(values, definition)
    uri = _uri(values, "uri") if action in (VISIT, START) else None
    if action == VISIT and uri is None:
        raise Rejection("bad_type", "uri", "uri is not an absolute http or https URI")
    referrer = _uri(values, "referrer") if action in (VISIT, START) else None
    title = clean_title(_text(values, "title"), STRING_MAX_CHARS) if action == VISIT else ""
    name, amount, facts, more = _placed(told, action, definition)
    event = KeptEvent(
        id=_id(raw, "id"),
        action=action,
        time=time,
        received=received,
        uuid=_id(raw, "uuid"),
        session=session,
        page=_id_or_none(raw, "page"),
        lane=LANES.index(lane),
        uri=uri.uri if uri else "",
        host=uri.host if uri else "",
        path=uri.path if uri else "",
        title=title,
        referrer=referrer.uri if referrer else None,
        name=name,
        amount=amount,
        facts=facts,
        more=more,
        undefined=_names(raw.get("undefined")),
        keeps=definition is None or (definition.keeps and not (action == LEAVE and amount == 0)),
        reason=reason,
    )
    return Read(event, left_out)


def _action(raw: Mapping[str, object]) -> str:
    action = raw.get("action")
    if not isinstance(action, str) or not is_action(action):
        raise Rejection("bad_action", "action", "action is 3 to 32 of A-Z a-z 0-9 . _ - with a dot inside")
    return action


def _sent(raw: Mapping[str, object]) -> dict[str, object]:
    sent = raw.get("params")
    if sent is not None and not isinstance(sent, dict):
        raise Rejection("bad_type", "params", "params is not an object")
    return {str(key): value for key, value in (sent or {}).items()}


def _id(raw: Mapping[str, object], key: str) -> bytes:
    text = raw.get(key)
    if isinstance(text, str) and len(text) <= UUID_CHARS:
        digits = text.replace("-", "")
        if len(digits) == 32 and digits.isalnum():
            try:
                return bytes.fromhex(digits)
            except ValueError:
                pass
    raise Rejection("bad_id", key, f"{key} is not a UUID")


def _id_or_none(raw: Mapping[str, object], key: str) -> bytes | None:
    return None if raw.get(key) is None else _id(raw, key)


def _time(raw: Mapping[str, object], key: str) -> int:
    value = raw.get(key)
    if type(value) is not int or not 0 <= value <= MOMENT_MAX_MS:
        raise Rejection("bad_type", key, f"{key} is not a time in Unix ms")
    return value


def _text(values: Mapping[str, object], key: str) -> str:
    value = values.get(key)
    return storable(value) if isinstance(value, str) else ""


def _uri(values: Mapping[str, object], key: str) -> CleanUri | None:
    text = _text(values, key)
    return clean_uri(text) if text else None


def _names(raw: object) -> tuple[str, ...]:
    if not isinstance(raw, list):
        return ()
    return tuple(name for name in raw[:PARAMS_MAX] if is_key(name) and not is_sensitive_name(name))


def _params(sent: Mapping[str, object], definition: Definition | None) -> tuple[dict[str, object], int]:
    """Clean params, but for those that have a column of their own; and how many were left out."""
    if len(sent) > PARAMS_MAX:
        raise Rejection("too_many_params", "params", f"more than {PARAMS_MAX} params")
    action = "" if definition is None else definition.action
    columns = {VISIT: ("uri", "title", "referrer"), START: ("uri", "referrer")}.get(action, ())
    values: dict[str, object] = {}
    left_out = 0
    for key, value in sent.items():
        if key in columns:
            continue
        param = None if definition is None else definition.params.get(key)
        try:
            kept = _value(key, value, param, is_visit=action == VISIT)
        except Absent:
            continue
        if kept is None:
            left_out += 1
            if param is not None and param.place == "name":
                raise Rejection("sensitive", key, f"{key} looks like something that is never kept")
        else:
            values[key] = kept
    if action == START and "ip" in values:
        network = masked(str(values.pop("ip")))
        values |= {"ip": network} if network else {}
        left_out += not network
    if action == "field.change" and is_sensitive_name(str(values.get("field", ""))):
        raise Rejection("sensitive", "field", "a field of this name is never read")
    fields = values.get("fields")
    if action == "form.submit" and isinstance(fields, dict):
        skipped = values.pop("skipped", None)
        values["fields"], refused = split_fields(fields, skipped if isinstance(skipped, dict) else {})
        left_out += len(fields) - len(values["fields"])  # type: ignore[arg-type]
        if refused:
            values["skipped"] = refused
    return values, left_out


def _value(key: str, value: object, param: Param | None, *, is_visit: bool) -> object:
    """A clean value, of a page.visit or not; None where it is never kept. Raises Rejection, Absent."""
    if param is None:
        if not is_key(key):
            raise Rejection("bad_type", "", "a param's name is 1 to 64 of A-Z a-z 0-9 _ . : -")
        if key in RESERVED or is_sensitive_name(key) or why_sensitive(key) is not None:
            return None
    elif param.type == "uri":
        uri = read_value(key, value, param)
        return None if why_sensitive_uri(str(uri)) is not None else uri
    kept = clean(key, value)
    if is_visit and is_meta(key) and isinstance(kept, str):
        return clean_one(key, kept, "") or None
    if param is not None and param.each:
        return kept
    if param is not None and param.articles and is_article_number(str(kept)):
        return kept
    if param is not None and param.is_own_number and isinstance(kept, str):
        return kept if why_sensitive(kept, is_own_number=True) is None else None
    return None if why_refused(kept) is not None else kept


def _placed(
    values: Mapping[str, object], action: str, definition: Definition | None
) -> tuple[str, int | None, Facts, Facts]:
    """(name, amount, facts, more), as a BrowserEvent has them."""
    name, amount = "", None
    facts: list[tuple[str, object]] = []
    more: list[tuple[str, object]] = []
    for key, value in values.items():
        param = None if definition is None else definition.params.get(key)
        place = "more" if param is None else param.place
        if (action == START and key != "ip") or (action == VISIT and key in _VISIT_FACTS):
            place = "facts"
        if place == "name" and isinstance(value, str):
            name = value
        elif (place == "amount" or (action == VISIT and key == amount_key(VISIT))) and _is_amount(value):
            amount = int(str(value))
        elif place == "facts" and isinstance(value, (str, int, float)):
            facts.append((key, value))
        else:
            more.append((key, value))
    return name, amount, tuple(facts), tuple(more)


def _is_amount(value: object) -> bool:
    return type(value) is int and 0 <= value <= INTEGER_MAX
