"""Pages that pass without an application between the visitor and the site: decided as by those that are there, by the
same functions, without their messages, coroutines and tasks.

Law: a page that comes by here leaves the same bytes, and the same is recorded of it, as by the ordinary path. Here is
only what is most plain: a GET of somebody who was here before, of a path that is known to be that of a page (and has
passed the gate), for a page that comes whole in one piece. All else takes the ordinary path: from the beginning, or
with the answer that is under way; nothing is asked twice. So does what fails here before it is recorded.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, NamedTuple

from proxy.asgi import DONE, Piece, Scope
from proxy.fieldlist import FieldList
from proxy.http.cycle import Cycle
from proxy.http.errors import VisitorError
from proxy.http.exchange import Exchange
from proxy.http.forward import Forwarder
from proxy.http.gate import Gate
from proxy.http.heads import STATUS_LINES, written
from proxy.http.target import whole_scope
from proxy.passing import AHEAD, OK, Asker, Askers, Page

if TYPE_CHECKING:
    from proxy.http.server import ServerProtocol

_PLAN = "fast path"  # the fact of a list of fields: what becomes of a GET that has them

logger = logging.getLogger("footfall.http")


class Plan(NamedTuple):
    """What becomes of a GET that has these fields, from this side; it is kept with them, and knows them not. `asker`:
    None where it takes the ordinary path; `said`: by the gate, in a scope; `rest`: of the head for the site, behind the
    target."""

    address: str
    scheme: str | None
    asker: Asker | None
    said: Scope
    rest: bytes


NOBODYS = Plan("", None, None, {}, b"")


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
        if target.find(b"?") >= 0 or protocol.flow.write_paused:
            return None
        client = protocol.client
        if plan is None or plan.scheme != protocol.scheme or plan.address != (client[0] if client else ""):
            if not self._askers.knows(target, headers):
                return None
            plan = facts[_PLAN] = self._plan(protocol, target, headers)
        begins = None if plan.asker is None else plan.asker.begins(target)
        return None if begins is None else Passage(protocol, self, plan, target, headers, begins)

    def _plan(self, protocol: ServerProtocol, target: bytes, headers: FieldList) -> Plan:
        scope = whole_scope(protocol, "GET", "1.1", target, headers)
        try:
            found = self._askers.asker(scope) if self._gate.admits(scope) else None
            if found is None:
                return NOBODYS
            asker, for_site = found
            head = self.forwarder.head(for_site, "GET", target)
            if head.length != 0:
                return NOBODYS
        except VisitorError:
            return NOBODYS
        address, said = protocol.client[0] if protocol.client else "", {"extensions": scope["extensions"]}
        return Plan(address, protocol.scheme, asker, said, head.data.removeprefix(b"GET " + target))


class Passage(Cycle):
    """A request on its way, whose application is run only if it takes the ordinary path after all. It waits
    (passing.py) twice: for the answer, then, held, for the commit of its page."""

    __slots__ = ("_asker", "_begun", "_exchange", "_fast", "_headers", "_now_ms", "_page", "_plan", "_target", "_who")

    def __init__(
        self,
        protocol: ServerProtocol,
        fast: FastPath,
        plan: Plan,
        target: bytes,
        headers: FieldList,
        begins: tuple[int, bytes],
    ) -> None:
        super().__init__(protocol, plan.said, keep_alive=True, expects_continue=False)
        self._fast = fast
        self._plan = plan
        self._asker = plan.asker
        self._target = target
        self._headers = headers
        self._now_ms, self._who = begins
        self._begun = time.perf_counter()
        self._exchange: Exchange | None = None
        self._page: Page | None = None

    def start(self) -> None:
        """Ask the site."""
        loop = self._protocol.loop
        self._exchange = exchange = self._fast.forwarder.ask(loop, b"GET %b%b" % (self._target, self._plan.rest))
        if exchange.error is None:
            exchange.tell(self)
        else:
            self._take_ordinary_path(exchange)

    def stop(self, *, is_last: bool = True) -> None:
        super().stop(is_last=is_last)
        if self._exchange is not None:  # whoever ends the server in a while has a task to cancel
            self._take_ordinary_path(self._exchange)

    def disconnect(self) -> None:
        super().disconnect()
        if self._exchange is not None:  # what is under way is given up by whoever knows how long it lasts
            self._take_ordinary_path(self._exchange)

    def done(self) -> bool:
        return False

    def set_result(self, result: Any, /) -> None:
        try:
            exchange = self._exchange
            if exchange is None:
                self._end_page()
            elif not self._passes(exchange):
                self._take_ordinary_path(exchange)
        except Exception:
            self._give_up()

    def _give_up(self) -> None:
        """As where an application fails whose answer has begun."""
        logger.exception("a page could not be sent")
        self.cut()
        self._protocol.on_application_end(self)

    def _passes(self, exchange: Exchange) -> bool:
        """There is news of the answer: whether it is one that can be sent from here."""
        body, asker = exchange.whole, self._asker
        if body is None or exchange.status != OK or asker is None:
            return False
        try:
            headers = self._fast.forwarder.fields(exchange, self._plan.said)
            page = asker.page(self._target, self._begun, self._now_ms, self._who, headers, body)
        except Exception:
            logger.exception("an answer could not be judged on the fast path; it takes the ordinary one")
            return False
        if page is None:
            return False
        self._exchange, self._page = None, page
        if not asker.hold(page, self):
            self._end_page()
        return True

    def let_go(self) -> Awaitable[None]:
        page = self._page
        try:
            if page is not None and not (self.disconnected or self._started):
                self._write_start(page, page.rest[:-1])
                self._page = page._replace(start=b"", rest=page.rest[-1:])
        except Exception:
            self._give_up()
        return DONE

    def _end_page(self) -> None:
        page, self._page = self._page, None
        if page is not None and page.is_large and self._asker is not None:
            self._asker.released(self)
        if page is None or self.disconnected:
            self._protocol.on_application_end(self)
        elif self._started:
            self._left = 0
            self._write(b"", page.rest, b"")
            self._end()
        else:
            self._write_start(page, page.rest)
            self._end()

    def _write_start(self, page: Page, rest: Piece) -> None:
        closing = b"" if self.keep_alive else b"\r\nconnection: close"
        self._started, self._left = True, len(page.rest) - len(rest)
        head = b"%b%b%b\r\n\r\n%b" % (STATUS_LINES[OK], written(page.headers)[0], closing, page.start)
        self._write(head, rest, b"")

    def _take_ordinary_path(self, exchange: Exchange) -> None:
        self._exchange = None
        exchange.tell(None)
        self.scope = whole_scope(self._protocol, "GET", "1.1", self._target, self._headers)
        self.scope["extensions"][AHEAD] = (exchange, self._begun, self._now_ms)
        super().start()
