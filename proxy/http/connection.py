"""One connection to upstream: an asyncio.Protocol over httptools' response parser. No awaits, no timers.

It carries one exchange at a time and judges the answer's framing (RFC 9112 6.3). What it cannot judge is broken, and
a connection is reused only after an answer that ended exactly where its framing said. The parser is asked for heads
and chunked bodies; bodies of known length and those that end with the connection pass by reference, as does all that
follows a 101 which answers the handshake of a WebSocket (RFC 6455 4.1). A connection that was asked for one is never
reused.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, cast

from proxy.asgi import Piece
from proxy.fieldlist import Collected
from proxy.http.answers import ANSWER_FIELDS, ANSWER_HEAD_BYTES, BETWEEN_BYTES, CHUNKED, INTERIM_ANSWERS, judged
from proxy.http.errors import UpstreamBroken
from proxy.http.exchange import PIECE_BYTES
from proxy.http.headers import BODILESS
from proxy.http.known import HEAD_END
from proxy.http.parser import AnswerParser, CallbackError, ParserError, Upgrade, answer_parser
from proxy.http.tunnel import probe_peer
from proxy.http.websocket import SWITCHING, is_accepted

if TYPE_CHECKING:
    from proxy.http.exchange import Exchange
    from proxy.http.upstream import Upstream

_UNTIL_CLOSE = sys.maxsize


class Connection(asyncio.Protocol):
    __slots__ = (
        "_block", "_collected", "_exchange", "_fed", "_heard", "_interim", "_keep", "_left", "_parser", "_transport",
        "_upstream", "idle_since", "is_stalled", "on_header", "served",
    )  # fmt: skip

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._transport: asyncio.Transport = cast(asyncio.Transport, None)
        self._exchange: Exchange | None = None
        self._parser: AnswerParser | None = None
        self._block = b""  # the head that is being parsed, where it may be kept
        self._collected = Collected()
        self.on_header = self._collected.add  # the parser's callback, as the methods below
        self._left = 0  # bytes of body still to come past the parser
        self._fed = 0  # bytes since the request, or since the head, or since the body last moved
        self._heard = False  # any byte of the current answer
        self._interim = 0
        self._keep = False
        self.is_stalled = False  # upstream does not read what we write
        self.served = 0  # answers completed
        self.idle_since = 0  # tick

    def __repr__(self) -> str:
        return f"<Connection {self._exchange or 'idle'} served={self.served}>"

    @property
    def exchange(self) -> Exchange | None:
        return self._exchange

    @property
    def is_usable(self) -> bool:
        return self._exchange is None and not self._transport.is_closing()

    # What the pool and the exchange ask for ----------------------------------------------------------------------

    def begin(self, exchange: Exchange) -> None:
        """Sends the exchange's head; its answer goes there from now on."""
        self._exchange = exchange
        self._heard = False
        self._fed = self._interim = 0
        if self._collected:
            # The trailers of the answer before, which the parser has taken to heart as well.
            self._collected.forget()
            self._parser = None
        exchange.connection = self
        self._transport.write(exchange.head)
        if not exchange.uploaded:
            exchange.writable()

    def write(self, data: bytes) -> None:
        if self._exchange is not None and not self._transport.is_closing():
            self._exchange.touched = self._upstream.now
            self._transport.write(data)

    def end_writing(self) -> None:
        """The end of the visitor's direction of a tunnel. TLS cannot be closed by halves here; then both end."""
        exchange = self._exchange
        if exchange is None or self._transport.is_closing():
            return
        if self._transport.can_write_eof():
            self._transport.write_eof()
            return
        self._exchange = exchange.connection = None
        self._transport.close()
        exchange.complete = True
        exchange.wake()

    def resume(self) -> None:
        """The visitor has taken what was held back."""
        if self._exchange is not None and not self._transport.is_closing():
            self._exchange.touched = self._upstream.now
            self._transport.resume_reading()

    def abort(self) -> None:
        self._exchange = None
        self._transport.abort()

    # asyncio.Protocol ------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(clean=False)
        self._upstream.forget(self)
        self._parser = None  # it holds us as we hold it

    def eof_received(self) -> None:
        self._end(clean=True)

    def pause_writing(self) -> None:
        self.is_stalled = True

    def resume_writing(self) -> None:
        self.is_stalled = False
        if self._exchange is not None:
            self._exchange.writable()

    def data_received(self, data: bytes) -> None:
        exchange = self._exchange
        if exchange is None:
            # Unasked: a 408 before closing, or the tail of a lie about the length.
            self._transport.abort()
            return
        if self._left:
            self._pass(exchange, data)
        else:
            try:
                if self._heard or not self._repeat(exchange, data):
                    self._heard = True
                    self._parse(exchange, data)
            except UpstreamBroken as broken:
                exchange.fail(broken)
                return
        if exchange.complete:
            self._finish(exchange)
        elif exchange.status:
            if not self._fed:
                exchange.touched = self._upstream.now
            if exchange.is_full():
                self._transport.pause_reading()
        else:
            return
        exchange.wake()

    def _repeat(self, exchange: Exchange, data: bytes) -> bool:
        """The first bytes of an answer: a head that the parser has read before, and that says where the body ends.
        Chunks are the parser's, which is given the shortest head with which it stands behind this one."""
        end = data.find(HEAD_END) + len(HEAD_END)
        answers = self._upstream.answers
        head = answers.find(data[:end]) if not exchange.is_head else None
        if head is None:
            self._block = answers.block(data, end)
            return False
        self._heard = True
        self._keep = head.keep
        exchange.begin_answer(head)
        if head.chunked:
            exchange.touched = self._upstream.now
            self._parse(exchange, CHUNKED)
            self._parse(exchange, memoryview(data)[end:])
            return True
        self._left = 0 if head.status in BODILESS else head.length or 0
        if len(data) > end or not self._left:
            self._pass(exchange, data[end:] if len(data) < PIECE_BYTES else memoryview(data)[end:])
        return True

    def _pass(self, exchange: Exchange, data: Piece) -> None:
        """Body past the parser, by reference."""
        left = self._left - len(data)
        if left < 0:
            data = data[:left]
            self._keep = False
            left = 0
        self._left = left
        exchange.put(data)
        exchange.complete = left == 0

    def _parse(self, exchange: Exchange, data: Piece) -> None:
        """UpstreamBroken: not HTTP, or more of it than the limits allow."""
        self._fed += len(data)
        if self._parser is None:
            self._parser = answer_parser(self)
        try:
            self._parser.feed_data(data)
        except CallbackError as error:
            raise error.__context__ if isinstance(error.__context__, UpstreamBroken) else error from None
        except (ParserError, Upgrade) as error:
            if exchange.status == SWITCHING and isinstance(error, Upgrade):
                exchange.put(data[error.args[0] :])
            # Past a complete answer it is only the connection that is spoilt ("Data after Connection: close").
            elif not exchange.complete:
                raise UpstreamBroken(str(error)) from None
            self._keep = False
        if len(self._collected) > ANSWER_FIELDS or (not exchange.status and self._fed > ANSWER_HEAD_BYTES):
            raise UpstreamBroken("header too large")
        if exchange.complete or not exchange.status:
            return
        if self._fed > BETWEEN_BYTES:
            raise UpstreamBroken("chunk extensions or trailers too large")
        if exchange.is_head:
            # The parser cannot be told that no body follows a HEAD; it is replaced.
            self._parser = None
            exchange.complete = True
        elif not exchange.chunked:
            self._parser = None
            self._left = _UNTIL_CLOSE if exchange.length is None else exchange.length - exchange.buffered

    def _finish(self, exchange: Exchange) -> None:
        """The answer has ended; the forwarder may still be reading it."""
        self._exchange = exchange.connection = None
        self.served += 1
        # An answer to an upload that goes on is the end of this connection: what is still written to it would be
        # read as the next request.
        reusable = self._keep and exchange.uploaded and not exchange.is_paused and not exchange.accept
        if reusable and not self._transport.is_closing():
            self._upstream.release(self)
        else:
            self._transport.abort()

    def _end(self, *, clean: bool) -> None:
        """Upstream has closed. `clean`: with a FIN, which ends a body that has no other end (RFC 9112 6.3 rule 8)."""
        exchange = self._exchange
        if exchange is None:
            return
        if exchange.status and not exchange.chunked and exchange.length is None and clean:
            self._keep = False
            exchange.complete = True
            self._finish(exchange)
            exchange.wake()
        elif exchange.retriable and self.served and not self._heard:
            # It closed an idle connection just as we used it (RFC 9112 9.3.1).
            exchange.retriable = False
            self._exchange = exchange.connection = None
            self._upstream.forget(self)  # it has no place among those that are open, or there may be none left
            self._upstream.open(exchange)
        else:
            exchange.fail(UpstreamBroken("connection closed early"))

    # The parser's callbacks ----------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        # Behind a complete answer: what begins there, be it whole or not, is nobody's.
        self._keep = self._keep and (self._exchange is None or not self._exchange.complete)

    def on_headers_complete(self) -> None:
        exchange, parser = self._exchange, self._parser
        if exchange is None or parser is None or exchange.complete:
            raise UpstreamBroken("unasked answer")
        fields = self._collected.take()
        if exchange.status:  # known already: this was CHUNKED
            self._fed = 0
            return
        block, self._block = self._block, b""
        status = parser.get_status_code()
        if 100 <= status < 200 and status != SWITCHING:
            self._interim += 1
            if self._interim > INTERIM_ANSWERS or len(fields) > ANSWER_FIELDS:
                raise UpstreamBroken("too many interim answers, or fields in them")
            return
        head = judged(status, parser.get_http_version(), parser.should_keep_alive(), fields)
        if status == SWITCHING:
            if not exchange.accept or not is_accepted(fields, exchange.accept):
                raise UpstreamBroken("unasked 101")
            probe_peer(self._transport)
        elif block and not exchange.is_head:
            self._upstream.answers.keep(block, head)
        self._keep = head.keep
        exchange.begin_answer(head)
        self._fed = 0

    def on_body(self, body: bytes) -> None:
        self._fed = 0
        exchange = self._exchange
        if exchange is not None and not exchange.is_head:
            exchange.put(body)
        else:
            self._keep = False

    def on_message_complete(self) -> None:
        exchange = self._exchange
        if exchange is not None and exchange.status:
            exchange.complete = exchange.status != SWITCHING
