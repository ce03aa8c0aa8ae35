"""The visitor's side: uvicorn's httptools protocol, trimmed and hardened, and the process around it.

The only importer of uvicorn, of which come the server, its lifespan and its flow control; requests are read by
reader.py, responses written by cycle.py, deadlines counted in sweeps over all connections, one a second (patience.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Generator, Sequence
from functools import partial
from types import FrameType
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import HANDLED_SIGNALS, ServerState

from proxy.asgi import ASGIApp
from proxy.fieldlist import FieldList
from proxy.http.cycle import Cycle
from proxy.http.errors import Overloaded, raw_page
from proxy.http.fastpath import FastPath
from proxy.http.halfclosed import watch_half_closed
from proxy.http.known import KnownRequests
from proxy.http.life import PARTING_TIMES, Life
from proxy.http.limits import DEFAULTS, Crowd, Limits, Network
from proxy.http.patience import HEADER_SECONDS, STALLED_SECONDS, Patience
from proxy.http.pipeline import Pipeline
from proxy.http.reader import RequestReader
from proxy.http.signals import handled
from proxy.http.target import whole_scope
from proxy.http.tls import VisitorTls
from proxy.http.upgrade import UpgradeCycle

LINGER_BYTES = 1024 * 1024  # of an upload read and dropped after its early answer, so that the answer is not lost
GRACEFUL_SECONDS = 30
Refused = Callable[[bytes, int], None]


class ServerProtocol(HttpToolsProtocol):
    """One visitor's connection. `refused(b"", status)` is called for each request that is malformed on the wire."""

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        refused: Refused,
        crowd: Crowd,
        limits: Limits,
        known: KnownRequests,
        patience: Callable[[], Patience],
        life: Life,
        fast: FastPath | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        del self.parser  # the reader has its own
        self.queue = Pipeline()
        self.written = 0  # bytes of responses given to the transport
        self.application = cast(ASGIApp, config.loaded_app)
        self._refused, self._crowd, self._fast = refused, crowd, fast
        self._place: str | None = None  # in the crowd
        self._reader = RequestReader(self, limits, known)
        self._answering: Cycle | None = None  # its response is under way
        self._refusal = b""  # to be written after the answers that are due before it
        self._discarded = 0
        self._parting = int(life.is_ending)  # how often in a row there was nothing to answer, since the server stops
        self._patience = patience()

    # asyncio.Protocol ------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._place = self._crowd.enter(self.client[0] if self.client else "")
        if self._place is None:
            self._refused(b"", 503)
            transport.write(raw_page(503, Overloaded().reason, closing=True))
            self._close(lingering=False)

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)

    def eof_received(self) -> bool:  # type: ignore[override]
        """True where an answer is due to a visitor who has said all that counts, and can be sent (halfclosed.py)."""
        last = self.queue[-1] if self.queue else self._answering
        if isinstance(last, UpgradeCycle):
            return last.put_eof() and self.transport.can_write_eof()
        if last is None or not (last.is_received and (self._refusal or self._reader.is_between)):
            return False
        last.keep_alive = last.keep_alive and bool(self._refusal)  # the refusal follows the last answer
        watch_half_closed(self.loop, self.transport, lambda: (self._answering, self.written))
        return self.transport.can_write_eof()

    def connection_lost(self, exc: Exception | None) -> None:
        self.connections.discard(self)
        self._crowd.leave(self._place)
        self._reader.let_go()
        if self._answering is not None:
            self._answering.disconnect()
        for cycle in self.queue:
            cycle.disconnect()
        self.queue.clear()
        self.flow.resume_writing()

    # What the reader tells -------------------------------------------------------------------------------------

    def accept(
        self, method: str, version: str, target: bytes, headers: FieldList, *, keep_alive: bool, expects_continue: bool
    ) -> Cycle:
        self._discarded = 0
        fast = self._fast if keep_alive and self._answering is None else None
        cycle: Cycle | None = None if fast is None else fast.passage(self, method, target, headers)
        if cycle is None:
            kind = UpgradeCycle if self._reader.upgrades else Cycle
            scope = whole_scope(self, method, version, target, headers)
            cycle = kind(self, scope, keep_alive=keep_alive, expects_continue=expects_continue)
        if self._parting:
            cycle.stop()
        if self._answering is None:
            self._begin(cycle)
        else:
            self.queue.wait(cycle)
            if self.queue.is_full:
                self.flow.pause_reading()
        return cycle

    def refuse(self, status: int, reason: str) -> None:
        """Our page for what is not HTTP, in its turn; then the connection is of no more use."""
        reader, cycle = self._reader, self._answering
        reader.deaf = True
        self._refused(b"", status)
        refusal = raw_page(status, reason)
        if cycle is None:
            self.transport.write(refusal)
            self._close(lingering=True)
        elif cycle is reader.cycle and not cycle.is_received:
            # Broken in the middle of its own body, which must not look whole to anyone (T4).
            cycle.disconnect()
            if not cycle.has_started:
                self.transport.write(refusal)
            self._close(lingering=True)
        else:
            self.queue.give_up(reader.cycle)
            self._refusal = refusal

    def hold(self) -> None:
        self.flow.pause_reading()

    def beyond(self, data: bytes) -> None:
        cycle = self._reader.cycle
        if not isinstance(cycle, UpgradeCycle) or cycle.complete:
            self.discard(len(data))
        elif cycle.put(data):
            self.flow.pause_reading()

    def discard(self, count: int) -> None:
        self._discarded += count
        if self._discarded > LINGER_BYTES and self._answering is None:
            self.transport.close()

    # Responses -------------------------------------------------------------------------------------------------

    def _begin(self, cycle: Cycle) -> None:
        self._answering = cycle
        cycle.start()

    def on_response_complete(self) -> None:
        cycle = self._answering
        self._answering = None
        self._patience.restart()
        self.server_state.total_requests += 1
        if cycle is None or self.transport.is_closing():
            return
        if not cycle.keep_alive:
            self._close(lingering=not cycle.is_received)
        elif self.queue:
            self._begin(self.queue.popleft())
        elif self._refusal:
            self.transport.write(self._refusal)
            self._close(lingering=True)
        if self.flow.read_paused and not self.queue.is_full:
            self.flow.resume_reading()

    def on_application_end(self, cycle: Cycle) -> None:
        """Its task is over, whether or not the response is whole."""
        if cycle.task is not None:
            self.tasks.discard(cycle.task)
        if cycle is self._answering:
            self._answering = None
            self._patience.restart()

    def _close(self, *, lingering: bool) -> None:
        """`lingering`: unread bytes are still coming, and closing over them would reset the connection, which takes
        the answer from the visitor before he has read it (RFC 9112 9.6)."""
        self._reader.deaf = True
        if lingering and self.transport.can_write_eof():
            self.transport.write_eof()
            self.flow.resume_reading()
        else:
            self.transport.close()

    # Called by the server --------------------------------------------------------------------------------------

    def shutdown(self) -> None:
        """Called again and again (life.py)."""
        last = self.queue[-1] if self.queue else self._answering
        for one in filter(None, {self._answering, last}):
            one.stop(is_last=one is last)
        is_idle = last is None and (self._reader.is_between or self._reader.deaf)
        self._parting = self._parting + 1 if is_idle else 1
        if self._parting > PARTING_TIMES:
            self.transport.close()

    def sweep(self) -> bool:
        """Ends what has waited too long, and tells whether it has."""
        return self._patience.ends(
            self.transport,
            self._reader,
            written=self.written,
            is_held=self.flow.read_paused,
            is_due=self._answering is not None,
            is_tunnel=isinstance(self._answering, UpgradeCycle) and self._answering.upgraded,
        )


class _Server(uvicorn.Server):
    """uvicorn's server with a life of ours (life.py), which returns after a signal."""

    def __init__(self, config: uvicorn.Config, life: Life) -> None:
        super().__init__(config)
        self._life = life

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._life.end(self, sockets)
        await super().shutdown(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(self._life.left(sockets))
        self._life.begin(self, sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Twice means no more than once: a service manager may tell every process, and the parent tells its children,
        too. Who is in a hurry, the parent kills."""
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        with handled(HANDLED_SIGNALS, self.handle_exit):
            yield


def run(
    app: ASGIApp,
    *,
    sockets: Sequence[socket.socket],
    refused: Refused,
    life: Life | None = None,
    graceful_seconds: int = GRACEFUL_SECONDS,
    header_seconds: float = HEADER_SECONDS,
    body_idle_seconds: float = STALLED_SECONDS,
    limits: Limits = DEFAULTS,
    trusted_proxies: Sequence[Network] = (),
    tls: ssl.SSLContext | None = None,
    fast: FastPath | None = None,
) -> int:
    """Serves `app` on bound `sockets`, with `tls` by https, until SIGTERM or SIGINT (in the main thread only) or until
    the lifeline of its `life` ends, then finishes for at most `graceful_seconds`. Returns 0, or 1 where the application
    did not start. `header_seconds`: a visitor's for a head, `body_idle_seconds`: how long he may take nothing of an
    answer (both in sweeps). `trusted_proxies` are not counted by their address. `fast`: for what needs no `app`."""
    patience = partial(Patience, header_seconds=header_seconds, stalled_seconds=body_idle_seconds)
    life = life or Life()
    crowd = Crowd(limits, trusted_proxies, life.count)
    shared: dict[str, Any] = {"limits": limits, "known": KnownRequests(), "patience": patience, "life": life}
    made = partial(ServerProtocol, refused=refused, crowd=crowd, fast=fast, **shared)
    config = uvicorn.Config(
        cast(Any, app),
        # Explicit: uvicorn would silently fall back to asyncio and to h11, which is laxer (T9).
        loop="uvloop",
        http=cast(Any, made if tls is None else lambda *given, **named: VisitorTls(made(*given, **named), tls)),
        ws="none",
        interface="asgi3",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=graceful_seconds,
    )
    try:
        _Server(config, life).run(list(sockets))
    except SystemExit:
        return 1
    return 0
