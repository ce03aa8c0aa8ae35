"""The composition root: configuration in, applications and processes out.

Law: the only module that knows every room. `Footfall` is the tracking as ASGI middleware, around our forwarder or
around somebody's own application (WIRE.md, "In another application"); `run_worker` is one process of
`footfall serve`. No failure of the store, the secrets or the tracking stops a request.
"""

import asyncio
import contextlib
import gc
import hashlib
import json
import logging
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from proxy import config as configuration
from proxy.asgi import ASGIApp, Receive, Scope, Send, raw_path_of
from proxy.config import Config
from proxy.endpoints import OwnEndpoints, load_tracker, make_endpoints, script_path
from proxy.events.event import LANES
from proxy.events.table import csv_lines
from proxy.http.forward import Forwarder
from proxy.http.gate import Gate
from proxy.http.server import run
from proxy.http.upstream import Upstream
from proxy.intake.collector import Collector
from proxy.intake.recorder import Recorder
from proxy.keys import KeyFileError, load_keys
from proxy.keys import inspect as inspect_keys
from proxy.lifespan import live_inside
from proxy.page.eligibility import Outcome
from proxy.page.paths import Globs
from proxy.store.base import Query, StoreError, StoreUnavailable, StoreUnusable
from proxy.store.sqlite.reader import SqliteReader
from proxy.store.sqlite.writer import SqliteWriter
from proxy.tracking.middleware import TrackingMiddleware
from proxy.tracking.settings import Sites, Tracking
from proxy.visitors.cookie import CookieSigner, Key
from proxy.visitors.ids import PageIds, parse_uuid
from proxy.visitors.sessions import Rules
from proxy.visitors.times import HOUR_MS, MINUTE_MS

log = logging.getLogger("footfall")

SWEEP_EVERY_SECONDS = 10.0
"""How often overdue sessions are looked for; every worker does, twice does no harm."""
STOP_SECONDS = 10.0
"""How long a stopping process waits for its last batches."""
GC_THRESHOLDS = (50_000, 20, 50)
"""Allocations before a young collection, young ones before an older one, and so on."""


class StartError(Exception):
    """Something that the owner has to put right before footfall can work; one line."""


def now_ms() -> int:
    """The time, UTC milliseconds."""
    return time.time_ns() // 1_000_000


class Footfall:
    """The tracking around any ASGI application: `app = Footfall(app, config="config.toml")`.

    Args:
        app: what is tracked.
        config: a configuration file's path, a `Config`, or None for the defaults and the environment.
        clock_ms: UTC milliseconds; tests bring their own.
        keys: the signing keys; none: those of the secrets file, which is made where there is none.

    Raises:
        ConfigError: the configuration cannot be used.
        StartError: the secrets file cannot be used.
    """

    def __init__(
        self,
        app: ASGIApp,
        config: str | os.PathLike[str] | Config | None = None,
        *,
        clock_ms: Callable[[], int] = now_ms,
        keys: tuple[Key, ...] = (),
    ) -> None:
        if not isinstance(config, Config):
            config = configuration.load(Path(config) if config is not None else None, os.environ, {})
        self._app = app
        self._clock_ms = clock_ms
        keys = keys or keys_of(config)
        self.recorder = Recorder(
            lambda: open_writer(config),
            clock_ms=clock_ms,
            queue_events=config.store.queue_events,
            hold_ms=config.store.hold_ms,
        )
        tracker = load_tracker()
        prefix = config.site.prefix
        self._tracking = Tracking(
            recorder=self.recorder,
            cookies=CookieSigner(keys, name=config.visitor.cookie, max_age_days=config.visitor.max_age_days),
            page_ids=PageIds(tuple(key.secret for key in keys)),
            clock_ms=clock_ms,
            sites=Sites(prefix.encode("ascii"), script_path(prefix, tracker)),
            public_origin=config.site.public_origin,
            exclude=Globs(config.tracking.exclude),
            visits=config.tracking.visits,
            renew=config.visitor.renew,
            gpc=config.consent.gpc,
            dnt=config.consent.dnt,
            inject=config.inject.enabled,
        )
        collector = Collector(self.recorder, self._tracking.page_ids, self._tracking.cookies, clock_ms=clock_ms)
        self._own = OwnEndpoints(make_endpoints(prefix, tracker, collector, self._tracking), prefix.encode("ascii"))
        self._tracked = TrackingMiddleware(app, self._tracking)
        self._sweeper: asyncio.TimerHandle | None = None
        self._started = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection scope; anything but http and lifespan passes untouched."""
        if scope["type"] == "http":
            if not self._started:
                self.start()
            await (self._own if self._own.takes(raw_path_of(scope)) else self._tracked)(scope, receive, send)
        elif scope["type"] == "lifespan":
            await live_inside(self._app, scope, receive, send, start=self.start, stop=self.stop)
        else:
            await self._app(scope, receive, send)

    def count_refused(self, host: bytes, status: int) -> None:
        """Count a request that the gate answered (501: a WebSocket)."""
        if self._started:
            outcome = Outcome.WEBSOCKET if status == 501 else Outcome.REFUSED
            # Of a malformed request the host is not believed, nor kept.
            known = "" if status == 400 else self._tracking.origin({}, {b"host": host})[1]
            self.recorder.count(known, outcome)

    def start(self) -> None:
        """Start recording; servers without lifespan start it with the first request."""
        self._started = True
        self.recorder.start()
        self._sweep()

    async def stop(self) -> None:
        """Write what is waiting and stop recording. Sessions stay open: they are somebody else's to close."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        if self._started:
            left = await self.recorder.stop(STOP_SECONDS)
            if left:
                log.error("stopped with %d events not written: the store did not take them", left)
        self._started = False

    def _sweep(self) -> None:
        self.recorder.sweep()
        self._sweeper = asyncio.get_running_loop().call_later(SWEEP_EVERY_SECONDS, self._sweep)


def keys_of(config: Config) -> tuple[Key, ...]:
    """The signing keys, made on first start. Raises StartError."""
    try:
        return load_keys(config.key_path)
    except KeyFileError as error:
        raise StartError(str(error)) from error


def open_writer(config: Config) -> SqliteWriter:
    """The store of this configuration, for writing. Raises StoreError."""
    session = config.session
    rules = Rules(session.timeout_minutes * MINUTE_MS, session.max_hours * HOUR_MS)
    return SqliteWriter(
        config.store_path,
        durability=config.store.durability,
        rules=rules if config.tracking.sessions else None,
    )


def prepare(config: Config) -> tuple[Key, ...]:
    """What the parent does before workers start: the secrets file, and the store's schema.

    A store that cannot be written now may be later, so it only warns: the site is served. One that never can be
    (another program's file) is refused.

    Returns:
        The signing keys, for the workers: a file that is removed or spoilt meanwhile must not divide them.

    Raises:
        StartError: the secrets file or the store needs its owner.
    """
    keys = keys_of(config)
    try:
        open_writer(config).close()
    except StoreUnusable as error:
        raise StartError(str(error)) from error
    except StoreUnavailable as error:
        log.error("the store cannot be written, the site is served without recording until it can: %s", error)
    return keys


def inspect(config: Config) -> list[str]:
    """What `footfall serve` would stumble over on this machine, a line each: an existing secrets file or store that
    cannot be used. Makes nothing."""
    wrong = inspect_keys(config.key_path)
    problems = [] if wrong is None else [wrong]
    if config.store_path.exists():
        try:
            SqliteReader(config.store_path).close()
        except StoreUnavailable as error:
            log.debug("the store: %s", error)
        except StoreError as error:
            problems.append(str(error))
    return problems


def via_token(keys: tuple[Key, ...]) -> bytes:
    """This installation's name in Via fields, by which it recognises its own requests."""
    return b"footfall-" + hashlib.sha256(b"via\0" + keys[-1].secret).hexdigest()[:8].encode("ascii")


def tune_collector() -> None:
    """What was loaded stays: the cycle collector need not look at it again, and need not look often (3 % of a
    worker's time with Python's defaults; requests leave next to no cycles)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


def run_worker(config: Config, keys: tuple[Key, ...], sockets: list[socket.socket], lifeline: int) -> int:
    """One process of `footfall serve`: proxy on the shared sockets until the signal or the parent's end."""
    token = via_token(keys)
    upstream = Upstream(
        config.site.upstream,
        connect_seconds=config.limits.connect_seconds,
        response_seconds=config.limits.response_seconds,
        body_idle_seconds=config.limits.body_idle_seconds,
    )
    footfall = Footfall(Forwarder(upstream, via_token=token), config, keys=keys)
    gate = Gate(
        footfall,
        prefix=config.site.prefix.encode("ascii"),
        via_token=token,
        trusted_proxies=config.site.trusted_networks,
        refused=footfall.count_refused,
    )
    tune_collector()
    return run(
        gate,
        sockets=sockets,
        refused=footfall.count_refused,
        lifeline=lifeline,
        body_idle_seconds=config.limits.body_idle_seconds,
    )


def export(
    config: Config,
    *,
    format: str,
    since_ms: int | None,
    until_ms: int | None,
    action: str | None,
    visitor: str | None,
    lane: str | None,
) -> Iterator[str]:
    """The stored events as lines of JSON or CSV, in `seq` order (WIRE.md, "Export").

    Raises:
        StartError: there is no store, it cannot be read, or the filter is malformed.
    """
    uuid = parse_uuid(visitor) if visitor is not None else None
    if visitor is not None and uuid is None:
        raise StartError(f"--visitor {visitor}: not a UUID")
    query = Query(since_ms, until_ms, action, uuid, LANES.index(lane) if lane is not None else None)
    try:
        with contextlib.closing(SqliteReader(config.store_path)) as reader:
            rows = (event.to_export() for event in reader.export(query))
            yield from csv_lines(rows) if format == "csv" else (json.dumps(row, ensure_ascii=False) for row in rows)
    except StoreError as error:
        raise StartError(str(error)) from error
