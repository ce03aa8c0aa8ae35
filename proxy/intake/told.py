"""What apps and servers tell, read: a request of the API becomes messages for the store, and verdicts (WIRE.md, "API").

Law: pure. An event that is refused takes only itself along; nobody speaks for a visitor that neither the token nor the
event of a server names.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from proxy.events.catalogue import Catalogue, Rejection
from proxy.events.incoming import BrowserEvent, action_of, read_app_event
from proxy.events.wire import BadBeacon
from proxy.intake.claims import Claims
from proxy.intake.verdicts import id_in, rejection
from proxy.store.base import Confirmation, Refusal
from proxy.visitors.customers import KEY_MAX_CHARS, Customers, Marks
from proxy.visitors.ids import parse_uuid

EVENTS_MAX = 1_000
"""Of a request (EVENTS.md section 8)."""
APP, SERVER = "MOBILE_APP", "SERVER"
"""The source of sessions that a token's or a server's events open, where nobody says another one."""
FOR_ALL = ("client", "source")
"""What a request may say once for all of its events."""
_SOURCE = re.compile(r"[A-Z][A-Z0-9_]{1,31}")


class Whose(NamedTuple):
    """Whose an event is: a visitor's uuid, a customer's marks, or both; and the source of a session that it opens."""

    uuid: bytes | None
    customer: Marks
    source: str


class Told:
    """The events of one request. `claims`: of an app's token; None for a server, which names a client with each event,
    or one for all. `groups`: what is taken, by whose it is, each with its place in the request; `refusals`: what is
    kept of the others; `rejected` and `warnings`: what the answer says; `lost`: how many of what is taken are not
    stored."""

    def __init__(self, claims: Claims | None, catalogue: Catalogue, customers: Customers, received: int) -> None:
        self._claims = claims
        self._catalogue = catalogue
        self._customers = customers
        self._received = received
        self._for_all: Mapping[str, object] = {}
        self.groups: dict[Whose, list[tuple[int, BrowserEvent]]] = {}
        self.refusals: dict[Whose, list[Refusal]] = {}
        self.rejected: list[dict[str, object]] = []
        self.warnings: list[dict[str, object]] = []
        self.lost = 0

    def read(self, document: Mapping[str, object]) -> None:
        """Read a request's body.

        Raises:
            BadBeacon: `events` is no list, or too long.
        """
        events = document.get("events")
        if not isinstance(events, list):
            raise BadBeacon("bad_events", "events is not a list")
        if len(events) > EVENTS_MAX:
            raise BadBeacon("too_many_events", f"more than {EVENTS_MAX} events")
        # Not the whole document: an app may have put a hundred thousand keys into it, once more for each event.
        self._for_all = {key: document[key] for key in FOR_ALL if key in document}
        for index, raw in enumerate(events):
            self._read(index, raw)

    def reject(self, index: int, code: str, field: str, message: str) -> None:
        """Say that an event is not taken."""
        self.rejected.append(rejection(index, code, field, message))

    def lose(self, index: int, code: str, field: str, message: str) -> None:
        """Say that an event that was taken is not stored after all."""
        self.lost += 1
        self.reject(index, code, field, message)

    def _read(self, index: int, raw: object) -> None:
        sent: Mapping[str, object] = raw if isinstance(raw, dict) else {}
        whose = None
        try:
            whose = whose_is({**self._for_all, **sent}, self._claims, self._customers)
            event, notices = read_app_event(raw, self._catalogue, self._received)
        except Rejection as error:
            self.reject(index, error.code, error.field, str(error))
            if whose is not None:
                refused = Refusal(action_of(raw), error.code, error.field, id_in(sent, "id"))
                self.refusals.setdefault(whose, []).append(refused)
            return
        if self._claims is not None and "client" in sent:
            self.warnings.append({"index": index, "code": "reserved_param", "field": "client"})
        self.groups.setdefault(whose, []).append((index, event))
        self.warnings += [{"index": index, "code": code, "field": field} for code, field in notices]


def whose_is(sent: Mapping[str, object], claims: Claims | None, customers: Customers) -> Whose:
    """Whose something is that an app or a server sends.

    Raises:
        Rejection: `no_visitor`, `bad_id`, `bad_type`.
    """
    source = sent.get("source", APP if claims is not None else SERVER)
    if not isinstance(source, str) or not _SOURCE.fullmatch(source):
        raise Rejection("bad_type", "source", "source is 2 to 32 of A-Z 0-9 _, such as MOBILE_APP")
    if claims is not None:
        return Whose(claims.uuid, customers.marks(claims.customer), source)
    client = sent.get("client")
    if not isinstance(client, dict):
        raise Rejection("no_visitor", "client", "client is missing: {uuid} of a visitor or {customer}, its key")
    uuid, customer = client.get("uuid"), client.get("customer")
    raw = parse_uuid(uuid) if isinstance(uuid, str) else None
    if uuid is not None and raw is None:
        raise Rejection("bad_id", "client.uuid", "client.uuid is not a UUID")
    if customer is not None and (not isinstance(customer, str) or len(customer) > KEY_MAX_CHARS):
        raise Rejection(
            "bad_type", "client.customer", f"client.customer is no text of at most {KEY_MAX_CHARS} characters"
        )
    marks = customers.marks(customer or "")
    if raw is None and not marks:
        raise Rejection("no_visitor", "client", "client names neither uuid nor customer")
    return Whose(raw, marks, source)


def message(
    whose: Whose, host: str, received: int, events: Sequence[BrowserEvent], refusals: Sequence[Refusal] = ()
) -> Confirmation:
    """What the store is told."""
    return Confirmation(
        page=None,
        cookie=whose.uuid,
        new_uuid=b"",
        received=received,
        host=host,
        session_facts=(("source", whose.source),),
        events=tuple(events),
        refusals=tuple(refusals),
        customer=whose.customer,
    )
