"""A page on its way from the one connection to the other, without an application between (fastpath.py).

Law: what has begun ends as on the ordinary path, and is never asked again. It goes on in a task, as there, where it has
to wait for the visitor, where he has left, where the site fails, and where the server stops: somebody has to be there
to give it up.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, NamedTuple

from proxy.asgi import DONE, Message, Piece, Scope
from proxy.fieldlist import FieldList
from proxy.http.cycle import Cycle
from proxy.http.exchange import Exchange
from proxy.http.forward import Forwarder
from proxy.http.heads import STATUS_LINES, written
from proxy.http.target import whole_scope
from proxy.passing import AHEAD, OK, Asker, Page

if TYPE_CHECKING:
    from proxy.http.server import ServerProtocol

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


class Passage(Cycle):
    """A request on its way, whose application is run only if it takes the ordinary path after all. It waits
    (passing.py) for the answer, for more of it once its page has begun, then, held, for the commit of the page."""

    __slots__ = (
        "_asker",
        "_begun",
        "_exchange",
        "_forwarder",
        "_headers",
        "_now_ms",
        "_page",
        "_plan",
        "_target",
        "_who",
    )

    def __init__(
        self,
        protocol: ServerProtocol,
        forwarder: Forwarder,
        plan: Plan,
        target: bytes,
        headers: FieldList,
        begins: tuple[int, bytes],
    ) -> None:
        super().__init__(protocol, plan.said, keep_alive=True, expects_continue=False)
        self._forwarder = forwarder
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
        self._exchange = exchange = self._forwarder.ask(loop, b"GET %b%b" % (self._target, self._plan.rest))
        if exchange.error is None:
            exchange.tell(self)
        else:
            self._take_ordinary_path(exchange)

    def stop(self, *, is_last: bool = True) -> None:
        super().stop(is_last=is_last)
        self._take_a_task()  # whoever ends the server in a while has one to cancel

    def disconnect(self) -> None:
        super().disconnect()
        self._take_a_task()  # what is under way is given up by whoever knows how long it lasts

    def done(self) -> bool:
        return False

    def set_result(self, result: Any, /) -> None:
        try:
            exchange = self._exchange
            if exchange is None:
                self._end_page()
            elif self._started:
                self._go_on(exchange)
            elif not self._passes(exchange):
                self._take_ordinary_path(exchange)
        except Exception:
            self._give_up()

    def _give_up(self) -> None:
        """As where an application fails whose answer has begun."""
        logger.exception("a page could not be sent")
        if self._exchange is not None:
            self._exchange.close()
        self._exchange = self._page = None
        self.cut()
        self._protocol.on_application_end(self)

    def _passes(self, exchange: Exchange) -> bool:
        """There is news of the answer: whether it is one that can be sent from here."""
        asker = self._asker
        if asker is None or exchange.status != OK or exchange.error is not None or not exchange.buffered:
            return False
        body = exchange.take()
        is_whole = exchange.complete and not exchange.buffered
        page = self._judged(exchange, asker, body, is_whole)
        if page is None:
            exchange.put_back(body)
            return False
        self._page = page
        if is_whole:
            self._hold(asker, page)
        else:
            self._write_start(page, page.rest)
            self._page = page._replace(start=b"", rest=b"")  # it may be a while until the end
            self._go_on(exchange)
        return True

    def _judged(self, exchange: Exchange, asker: Asker, body: Piece, is_whole: bool) -> Page | None:
        try:
            headers = self._forwarder.fields(exchange, self._plan.said)
            return asker.page(self._target, self._begun, self._now_ms, self._who, headers, body, is_whole=is_whole)
        except Exception:
            logger.exception("an answer could not be judged on the fast path; it takes the ordinary one")
            return None

    def _go_on(self, exchange: Exchange) -> None:
        """Pass on what has come of a body that has begun."""
        while exchange.error is None and not self._protocol.flow.write_paused:
            body = exchange.take()
            if exchange.complete and not exchange.buffered:
                self._end_with(body)
                return
            if body:
                self._frame(body, True)
            if not exchange.buffered:
                exchange.tell(self)
                return
        self._take_a_task()

    def _end_with(self, body: Piece) -> None:
        """The last piece of a body that has begun."""
        page, asker = self._page, self._asker
        if page is not None and asker is not None:
            self._page = page = page._replace(start=b"", rest=body)
            self._hold(asker, page)

    def _hold(self, asker: Asker, page: Page) -> None:
        self._exchange = None
        if not asker.hold(page, self):
            self._end_page()

    def let_go(self) -> Awaitable[None]:
        page = self._page
        try:
            if page is None or self.disconnected:
                pass
            elif not self._started:
                self._write_start(page, page.rest[:-1])
                self._page = page._replace(start=b"", rest=bytes(page.rest[-1:]))
            elif len(page.rest) > 1:
                self._frame(memoryview(page.rest)[:-1], True)
                self._page = page._replace(rest=page.rest[-1:])
        except Exception:
            self._give_up()
        return DONE

    def _end_page(self) -> None:
        page, self._page = self._page, None
        if page is not None and page.waits_shortly and self._asker is not None:
            self._asker.released(self)
        if page is None or self.disconnected:
            self._protocol.on_application_end(self)
        elif self._started:
            self._frame(page.rest, False)
            self._end()
        else:
            self._write_start(page, page.rest, is_end=True)
            self._end()

    def _write_start(self, page: Page, rest: Piece, *, is_end: bool = False) -> None:
        lines, length, _ = written(page.headers)
        size = len(page.start) + len(rest)
        framing = before = after = b""
        if length is not None:
            self._left = length - size
        else:
            self._chunked, framing = True, b"\r\ntransfer-encoding: chunked"
            before, after = b"%x\r\n" % size, b"\r\n0\r\n\r\n" if is_end else b"\r\n"
        closing = b"" if self.keep_alive else b"\r\nconnection: close"
        self._started = True
        head = b"%b%b%b%b\r\n\r\n%b%b" % (STATUS_LINES[OK], lines, framing, closing, before, page.start)
        self._write(head, rest, after)

    def _take_a_task(self) -> None:
        """What is under way goes on in one: as on the ordinary path, or on it."""
        exchange = self._exchange
        if exchange is None:
            return
        if not self._started:
            self._take_ordinary_path(exchange)
            return
        self._exchange = None
        exchange.tell(None)
        self.task = task = asyncio.Task(self._pass_rest(exchange), loop=self._protocol.loop, name="page")
        self._protocol.tasks.add(task)

    async def _pass_rest(self, exchange: Exchange) -> None:
        is_whole = False
        try:
            is_whole = await self._forwarder.pass_rest(exchange, self.receive, self._send_piece)
        except asyncio.CancelledError:
            pass  # the graceful deadline has passed
        except Exception:
            logger.exception("a page could not be sent")
        if self.task is not None:
            self._protocol.tasks.discard(self.task)
        if not is_whole:
            self._page = None
            self.cut()
            self._protocol.on_application_end(self)

    async def _send_piece(self, message: Message) -> None:
        if message["more_body"]:
            await self.send(message)
            return
        if not self.disconnected:
            await self._protocol.flow.drain()
        self._end_with(message["body"])

    def _take_ordinary_path(self, exchange: Exchange) -> None:
        self._exchange = None
        exchange.tell(None)
        self.scope = whole_scope(self._protocol, "GET", "1.1", self._target, self._headers)
        self.scope["extensions"][AHEAD] = (exchange, self._begun, self._now_ms)
        super().start()
