"""The site behind us: a keep-alive pool of connections, their limits, and one coarse clock for all deadlines.

A request takes the connection used last, or opens one. Deadlines are counted in ticks of a single timer that runs
only while there is a connection: a timer for each request would cost more than it watches.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from urllib.parse import urlsplit

from proxy.http.answers import KnownAnswers
from proxy.http.connection import Connection
from proxy.http.dialing import UNIX, Address, dial
from proxy.http.errors import Overloaded, UpstreamRefused, UpstreamTimeout, VisitorStalled
from proxy.http.exchange import Exchange
from proxy.http.tls import UpstreamTls, client_context, harden
from proxy.http.websocket import SWITCHING

TICK_SECONDS = 0.25
IDLE_CONNECTIONS = 128  # kept open; the ones above are closed when their answer is done
OPEN_CONNECTIONS = 1024  # at once, opening ones included; above it visitors get 503
IDLE_SECONDS = 15.0  # a connection is not kept longer; nginx closes after 75, Apache and Node after 5
# A request that must not be sent twice (POST, or any body) gets a new connection unless an idle one is this young:
# upstream may be closing the older ones this very moment, and S4 forbids to try again.
FRESH_SECONDS = 1.0
WATCH_SECONDS = 0.5  # requests older than this are watched for the visitor's leaving

logger = logging.getLogger("footfall.http")

_DEFAULT_PORTS = {"http": 80, "https": 443}


def _authority(scheme: str, host: str, port: int) -> bytes:
    name = f"[{host}]" if ":" in host else host
    return (name if port == _DEFAULT_PORTS[scheme] else f"{name}:{port}").encode("ascii")


def _ticks(seconds: float) -> int:
    return max(1, round(seconds / TICK_SECONDS))


_IDLE_TICKS, _FRESH_TICKS, _WATCH_TICKS = map(_ticks, (IDLE_SECONDS, FRESH_SECONDS, WATCH_SECONDS))


class Upstream:
    """`url` is http(s)://host[:port] or unix:/path; https is verified (`tls` replaces the default context). Seconds:
    for a connection, for the head of an answer (counted from the last byte of request sent), between two pieces of body
    (not for event streams). `scheme` and `authority` are what it calls itself; a socket of this machine is `localhost`,
    as for any client that has no name for it. All methods but the constructor belong to the event loop's thread."""

    def __init__(
        self,
        url: str,
        *,
        connect_seconds: float = 5.0,
        response_seconds: float = 60.0,
        body_idle_seconds: float = 60.0,
        max_connections: int = OPEN_CONNECTIONS,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.url = url
        self.now = 0  # ticks
        self.answers = KnownAnswers()
        self._tls: ssl.SSLContext | None = None
        if url.startswith(UNIX):
            self._address: Address = url.removeprefix(UNIX)
            self.scheme, self.authority = b"http", b"localhost"
        else:
            parts = urlsplit(url)
            if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or parts.path.strip("/") or parts.query:
                raise ValueError(f"upstream must be http(s)://host[:port] or unix:/path, not {url!r}")
            self._address = (parts.hostname, parts.port or _DEFAULT_PORTS[parts.scheme])
            self.scheme, self.authority = parts.scheme.encode("ascii"), _authority(parts.scheme, *self._address)
            if parts.scheme == "https":
                self._tls = harden(tls) if tls else client_context()
        self._connect_ticks = _ticks(connect_seconds)
        self._response_ticks = _ticks(response_seconds)
        self._body_idle_ticks = _ticks(body_idle_seconds)
        self._max_connections = max_connections
        self._idle: list[Connection] = []
        self._connections: set[Connection] = set()
        self._opening: set[Exchange] = set()
        self._timer: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        busy = len(self._connections) - len(self._idle)
        return f"<Upstream {self.url} idle={len(self._idle)} busy={busy} opening={len(self._opening)}>"

    @property
    def open_connections(self) -> int:
        """Idle, busy and opening ones."""
        return len(self._connections) + len(self._opening)

    @property
    def busy_connections(self) -> int:
        """Those that carry an exchange, opening ones included."""
        return self.open_connections - len(self._idle)

    def begin(
        self,
        loop: asyncio.AbstractEventLoop,
        head: bytes,
        *,
        is_head: bool,
        length: int | None,
        retriable: bool,
        accept: bytes = b"",
    ) -> Exchange:
        """Sends `head` on an idle connection, or opens one for it. `length`: bytes of body that follow (None:
        chunked); `retriable`: may be sent a second time if the first reused connection was just being closed;
        `accept`: see Exchange."""
        exchange = Exchange(
            loop, head, is_head=is_head, length=length, retriable=retriable, now=self.now, accept=accept
        )
        idle = self._idle
        while idle:
            connection = idle[-1]
            if not retriable and self.now - connection.idle_since >= _FRESH_TICKS:
                break
            idle.pop()
            if connection.is_usable:
                connection.begin(exchange)
                return exchange
        self.open(exchange)
        return exchange

    def open(self, exchange: Exchange) -> None:
        """A new connection for `exchange`, which fails if there is none to be had."""
        if self.open_connections >= self._max_connections and not self._drop_idle():
            exchange.fail(Overloaded())
            return
        exchange.touched = self.now
        self._opening.add(exchange)
        exchange.opening = exchange.loop.create_task(self._connect(exchange))
        self._start_clock(exchange.loop)

    def release(self, connection: Connection) -> None:
        """Its answer has ended cleanly: the next request may have it."""
        if len(self._idle) >= IDLE_CONNECTIONS:
            connection.abort()
            return
        connection.idle_since = self.now
        self._idle.append(connection)

    def forget(self, connection: Connection) -> None:
        """It is closed."""
        self._connections.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)

    async def aclose(self) -> None:
        """Aborts everything. Exchanges that were under way fail."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for exchange in tuple(self._opening):
            exchange.fail(UpstreamRefused())
        for connection in tuple(self._connections):
            if connection.exchange is not None:
                connection.exchange.fail(UpstreamRefused())
            connection.abort()
        self._idle.clear()
        self._opening.clear()
        self._connections.clear()

    async def _connect(self, exchange: Exchange) -> None:
        connection: Connection | None = None
        try:
            connection = await self._dial(exchange.loop)
        except Exception as wrong:
            # An OSError is DNS, refused, unreachable, reset, and every ssl.SSLError. Whatever else it is (a name that
            # is none: UnicodeError), the visitor must not wait for it.
            if not isinstance(wrong, OSError):
                logger.error("cannot connect to %s: %r", self.url, wrong)
            exchange.opening = None
            exchange.fail(UpstreamRefused())
        finally:
            self._opening.discard(exchange)
        if connection is None:
            return
        exchange.opening = None
        if not connection.is_usable:
            exchange.fail(UpstreamRefused())
            return
        self._connections.add(connection)
        if exchange.error is None:
            connection.begin(exchange)
        else:
            self.release(connection)

    async def _dial(self, loop: asyncio.AbstractEventLoop) -> Connection:
        """OSError: there is no connection to be had. Cancellation leaves none behind."""
        connection = Connection(self)
        if self._tls is None:
            await dial(loop, self._address, connection)
            return connection
        layer = UpstreamTls(connection, self._tls, self._address[0], loop.create_future())
        await dial(loop, self._address, layer)
        try:
            await layer.ready
        except BaseException:
            layer.abort()
            raise
        return connection

    def _drop_idle(self) -> bool:
        """Makes room for a request that may not use an idle connection."""
        if not self._idle:
            return False
        connection = self._idle.pop(0)
        self._connections.discard(connection)
        connection.abort()
        return True

    # The clock -------------------------------------------------------------------------------------------------

    def _start_clock(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is None:
            self._timer = loop.call_later(TICK_SECONDS, self._tick, loop)

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        self.now += 1
        for exchange in tuple(self._opening):
            self._check(exchange, opening=True)
        for connection in tuple(self._connections):
            if connection.exchange is not None:
                self._check(connection.exchange, opening=False)
            elif self.now - connection.idle_since >= _IDLE_TICKS:
                connection.abort()
        if self._connections or self._opening:
            self._start_clock(loop)

    def _check(self, exchange: Exchange, *, opening: bool) -> None:
        """Deadlines of one exchange, and the watch over its visitor."""
        if exchange.watch is not None and self.now - exchange.begun >= _WATCH_TICKS:
            exchange.watch_visitor()
        waited = self.now - exchange.touched
        if opening:
            if waited >= self._connect_ticks:
                exchange.fail(UpstreamTimeout())
        elif exchange.status == 0:
            if waited >= self._response_ticks:
                connection = exchange.connection
                stalled = exchange.uploaded or (connection is not None and connection.is_stalled)
                exchange.fail(UpstreamTimeout() if stalled else VisitorStalled())
        elif waited >= self._body_idle_ticks and not exchange.is_paused and not _may_be_silent(exchange):
            exchange.fail(UpstreamTimeout())


def _may_be_silent(exchange: Exchange) -> bool:
    """S3: event streams and tunnels."""
    kind = exchange.fields.by_name.get(b"content-type", b"").lower()
    return exchange.status == SWITCHING or kind.startswith(b"text/event-stream")
