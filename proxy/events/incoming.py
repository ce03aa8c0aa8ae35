"""An event that was sent: whatever JSON it is becomes an Accepted or a Rejection (EVENTS.md sections 1 to 5, 8).

Law: pure, total, suspicious. A browser tells how long ago something happened, never when; an app or a server tells
when, and nothing before a week ago or after now is believed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from proxy.events.catalogue import Catalogue, Definition, Rejection, Sender
from proxy.events.columns import amount_key, target_key
from proxy.events.event import is_action
from proxy.events.params import Facts, Notice, placed, read_params
from proxy.events.sensitive import why_sensitive
from proxy.events.shipped import SHIPPED
from proxy.events.values import moment_of

AGO_MAX_MS = 1_800_000
"""A browser's event is never told as older than 30 min (EVENTS.md section 1)."""
TOLD_LATE_MS = 7 * 86_400_000
"""An app's event may be told this long after it happened (WIRE.md, "API"); ids are known a day longer."""
NUMBER_MAX = 2**53 - 1
"""A clock's number beyond this is nobody's, and is not kept."""

DERIVED_VERSIONS = (5, 8)
"""Of UUIDs that follow from something else (RFC 9562 sections 5.5 and 5.8): ends of sessions, and sessions."""

_UUID = re.compile(r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")


@dataclass(frozen=True, slots=True)
class BrowserEvent:
    """What a browser, an app or a server says happened. `id` and `view` are 16 bytes, `view` being a page.visit or a
    confirmation of one; `ago_ms` is 0 to 1,800,000 (through the API: 7 days) before the sending, `sent_ago` what was
    sent where that was clamped; `opens`: it may start a session; `keeps`: it moves the session's last activity;
    `name`: of the element or form, '' for others; `amount`: ms, see `proxy.events.columns`; `facts`: few-valued params;
    `more`: the event's own ones; `undefined`: names of those that its definition does not know."""

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


def read_event(raw: object, catalogue: Catalogue = SHIPPED, sender: Sender = Sender.BROWSER) -> Accepted:
    """One of a beacon's `events`, as parsed from JSON.

    Raises:
        Rejection: every code of WIRE.md that is about a single event's content.
    """
    sent = _object(raw)
    view = sent.get("view")
    view_id = None if view is None else _uuid(view, "view")
    definition = catalogue.for_sender(sent.get("action"), sender)
    return _accepted(sent, view_id, definition, _read_ago(sent.get("ago")))


def read_app_event(raw: object, catalogue: Catalogue, received: int) -> Accepted:
    """One of the `events` that an app or a server sends (WIRE.md, "API"). `received`: UTC ms.

    Raises:
        Rejection: as `read_event`.
    """
    sent = _object(raw)
    definition = catalogue.for_sender(sent.get("action"), Sender.API)
    return _accepted(sent, None, definition, read_time(sent.get("time"), received))


def made_by_server(definition: Definition, params: Mapping[str, object]) -> BrowserEvent:
    """An event that the server itself tells of, at the moment, without an id yet. Raises Rejection: bad params."""
    read = read_params(dict(params), definition)
    name, amount, facts, more = placed(read.values, definition)
    opens, keeps, undefined = definition.opens, definition.keeps, tuple(read.undefined)
    return BrowserEvent(b"", None, definition.action, 0, None, opens, keeps, name, amount, facts, more, undefined)


def _object(raw: object) -> Mapping[str, object]:
    if not isinstance(raw, dict):
        raise Rejection("bad_type", "", "an event is an object")
    return raw


def _accepted(
    sent: Mapping[str, object], view: bytes | None, definition: Definition, age: tuple[int, int | float | None]
) -> Accepted:
    event_id = _uuid(sent.get("id"), "id")
    if is_derived(event_id):
        raise Rejection("bad_id", "id", "id follows from something else: only the server makes such ids")
    params = read_params(sent.get("params"), definition)
    name, amount, facts, more = placed(params.values, definition)
    event = BrowserEvent(
        event_id,
        view,
        definition.action,
        *age,
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


def is_derived(known: bytes) -> bool:
    """Whether an id follows from something else, as those of a session, its end, a form.result and an order's events
    do: nobody but the server makes such ids, or somebody could take one first."""
    return known[6] >> 4 in DERIVED_VERSIONS


def _read_ago(ago: object) -> tuple[int, int | float | None]:
    """(ms, what was sent if that is something else): no event is in the future, none is older than 30 min."""
    if isinstance(ago, bool) or not isinstance(ago, (int, float)) or ago != ago:
        return 0, None
    if 0 <= ago <= AGO_MAX_MS:
        return int(ago), None
    return (AGO_MAX_MS if ago > 0 else 0), (ago if -NUMBER_MAX <= ago <= NUMBER_MAX else None)


def read_time(time: object, received: int, name: str = "time") -> tuple[int, int | float | None]:
    """(ms before `received`, what was sent if that is something else): what is still to come happens now. Raises
    Rejection: it is no time, or too long ago; `name` is its field."""
    if time is None:
        return 0, None
    sent = moment_of(time)
    if sent is None:
        raise Rejection("bad_type", name, f"{name} is neither ISO 8601 with its zone nor Unix ms")
    ago = received - sent
    if ago > TOLD_LATE_MS:
        raise Rejection("bad_type", name, f"{name} is more than 7 days ago")
    return (ago, None) if ago >= 0 else (0, max(ago, -NUMBER_MAX))
