"""Pages that pass without an application between the visitor and the site: decided as by those that are there, by the
same functions, without their messages, coroutines and tasks.

Law: a page that comes by here leaves the same bytes, and the same is recorded of it, as by the ordinary path. Here is
only what is most plain: a GET of somebody who was here before, of a path that is known to be that of a page (and has
passed the gate), with a query or without. All else takes the ordinary path: from the beginning, or with the answer that
is under way; nothing is asked twice. So does what fails here before it is recorded; a page that has begun ends here
(passage.py).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from proxy.fieldlist import FieldList
from proxy.http.errors import VisitorError
from proxy.http.forward import Forwarder
from proxy.http.gate import Gate
from proxy.http.passage import NOBODYS, Passage, Plan
from proxy.http.target import whole_scope
from proxy.passing import Askers

if TYPE_CHECKING:
    from proxy.http.server import ServerProtocol

_PLAN = "fast path"  # the fact of a list of fields: what becomes of a GET that has them

logger = logging.getLogger("footfall.http")


class FastPath:
    """Through `gate` and `forwarder`, for those that `askers` know."""

    def __init__(self, gate: Gate, forwarder: Forwarder, askers: Askers) -> None:
        self._gate = gate
        self._askers = askers
        self.forwarder = forwarder

    def passage(self, protocol: ServerProtocol, method: str, target: bytes, headers: FieldList) -> Passage | None:
        """Of a request before which nothing waits, and behind which the connection goes on; None: it takes the ordinary
        path, as one with a head that is not kept (known.py)."""
        try:
            return self._passage(protocol, method, target, headers)
        except Exception:
            logger.exception("a request could not be read for the fast path; it takes the ordinary one")
            if headers.facts is not None:
                headers.facts[_PLAN] = NOBODYS
            return None

    def _passage(self, protocol: ServerProtocol, method: str, target: bytes, headers: FieldList) -> Passage | None:
        facts = headers.facts
        if facts is None or method != "GET":
            return None
        plan: Plan | None = facts.get(_PLAN)
        if plan is None:
            if not self._askers.may_ask(headers):
                facts[_PLAN] = NOBODYS
                return None
        elif plan.asker is None:  # as for all images of a page
            return None
        if protocol.flow.write_paused:
            return None
        path = target.partition(b"?")[0]
        client = protocol.client
        if plan is None or plan.scheme != protocol.scheme or plan.address != (client[0] if client else ""):
            if not self._askers.knows(path, headers):
                return None
            plan = facts[_PLAN] = self._plan(protocol, path, headers)
        begins = None if plan.asker is None else plan.asker.begins(path)
        return None if begins is None else Passage(protocol, self.forwarder, plan, target, headers, begins)

    def _plan(self, protocol: ServerProtocol, path: bytes, headers: FieldList) -> Plan:
        """Found for one path, and the same for every other one and its query."""
        scope = whole_scope(protocol, "GET", "1.1", path, headers)
        try:
            found = self._askers.asker(scope) if self._gate.admits(scope) else None
            if found is None:
                return NOBODYS
            asker, for_site = found
            head = self.forwarder.head(for_site, "GET", path)
            if head.length != 0:
                return NOBODYS
        except VisitorError:
            return NOBODYS
        address, said = protocol.client[0] if protocol.client else "", {"extensions": scope["extensions"]}
        return Plan(address, protocol.scheme, asker, said, head.data.removeprefix(b"GET " + path))
