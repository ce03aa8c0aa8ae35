"""The composition root: configuration in, applications and processes out.

Law: the only module that knows every room. `Footfall` is the tracking as ASGI middleware, around our forwarder or
around somebody's own application (WIRE.md, "In another application"); `run_worker` is one process of
`footfall serve`. No failure of the store, the secrets or the tracking stops a request.
"""

import hashlib
import logging
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

from proxy import config as configuration
from proxy.apikeys import authority_left, authority_of
from proxy.asgi import ASGIApp, Receive, Scope, Send, raw_path_of
from proxy.certificates import upstream_context, visitors_context
from proxy.clock import now_ms
from proxy.config import Config
from proxy.definitions import catalogue_of
from proxy.endpoints import OwnEndpoints, make_endpoints, part_path, script_path
from proxy.events.catalogue import Catalogue
from proxy.events.incoming import made_by_server
from proxy.files import keys_of, open_reader
from proxy.http.fastpath import FastPath
from proxy.http.forward import Forwarder
from proxy.http.gate import Gate
from proxy.http.life import Life
from proxy.http.limits import Limits
from proxy.http.server import run
from proxy.http.upstream import Upstream
from proxy.intake.api import Api
from proxy.intake.authority import Authority
from proxy.intake.chores import chores
from proxy.intake.collector import Collector
from proxy.intake.identifying import Identifier
from proxy.intake.recorder import Recorder
from proxy.lifespan import live_inside
from proxy.loading import visitor_page
from proxy.page.eligibility import Outcome
from proxy.page.paths import Globs
from proxy.privacy.late import LatePage
from proxy.recording import writing_of
from proxy.scripts import Tracker, load_tracker
from proxy.tracking.fastpath import Pages
from proxy.tracking.middleware import TrackingMiddleware
from proxy.tracking.rules import Rule, Rules
from proxy.tracking.settings import Sites, Tracking
from proxy.tuning import tune
from proxy.visitors.cookie import CookieSigner, Key
from proxy.visitors.customers import Customers, mark_keys
from proxy.visitors.erased import Erased
from proxy.visitors.ids import PageIds

log = logging.getLogger("footfall")

STOP_SECONDS = 10.0
"""How long a stopping process waits for its last batches."""


class Footfall:
    """The tracking around any ASGI application: `app = Footfall(app, config="config.toml")`.

    Args:
        app: what is tracked.
        config: a configuration file's path, a `Config`, or None for the defaults and the environment.
        clock_ms: UTC milliseconds; tests bring their own.
        keys: the signing keys; none: those of the secrets file, which is made where there is none.
        authority: who may use the API; None: as the configuration says.
        door: where whoever writes for this process takes connections (crew.py); None: it writes itself.

    Raises:
        ConfigError: the configuration cannot be used.
        StartError: the secrets file, or a file that api.jwt_keys names, cannot be used.
    """

    def __init__(
        self,
        app: ASGIApp,
        config: str | os.PathLike[str] | Config | None = None,
        *,
        clock_ms: Callable[[], int] = now_ms,
        keys: tuple[Key, ...] = (),
        authority: Authority | None = None,
        door: socket.socket | None = None,
    ) -> None:
        if not isinstance(config, Config):
            config = configuration.load(Path(config) if config is not None else None, os.environ, {})
        self._app, self._started, keys = app, False, keys or keys_of(config)
        erased = Erased(key.secret for key in keys)
        self.recorder = Recorder(
            writing_of(config, erased, door),
            clock_ms=clock_ms,
            queue_events=config.store.queue_events,
            hold_ms=config.store.hold_ms,
        )
        self._chores = chores(self.recorder, clock_ms)
        tracker, prefix = tracker_of(config), config.site.prefix
        self._tracking = tracking_of(config, keys, erased, self.recorder, tracker, clock_ms)
        catalogue, authority = catalogue_of(config.events), authority or authority_of(config)
        customers = Customers(mark_keys(key.secret for key in keys))
        collector = Collector(
            self.recorder,
            self._tracking.page_ids,
            self._tracking.cookies,
            catalogue,
            Identifier(customers, config.identity.field, authority.tokens),
            clock_ms=clock_ms,
            per_visitor=config.limits.visitor_events_per_second,
            per_address=config.limits.address_events_per_second,
        )
        api = Api(
            self.recorder,
            authority,
            catalogue,
            customers,
            open_reader=lambda: open_reader(config),
            clock_ms=clock_ms,
            per_visitor=config.limits.visitor_events_per_second,
            per_server=config.limits.server_events_per_second,
        )
        privacy = LatePage(lambda: visitor_page(config, keys, self._tracking)) if config.consent.page else None
        endpoints = make_endpoints(prefix, tracker, collector, api, self._tracking, privacy)
        self._own = OwnEndpoints(endpoints, prefix.encode("ascii"))
        self._tracked = TrackingMiddleware(app, self._tracking)
        self.pages = Pages(self._tracking)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection scope; anything but http and lifespan passes untouched."""
        await self.serve(scope, receive, send)

    def serve(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """The same with one coroutine less, for whoever does not tell an application by its being one: our server."""
        if scope["type"] == "lifespan":
            return live_inside(self._app, scope, receive, send, start=self._start_anyway, stop=self.stop)
        if scope["type"] != "http":
            return self._app(scope, receive, send)
        if not self._started:
            self._start_anyway()  # nobody said that the server starts
        return (self._own if self._own.takes(raw_path_of(scope)) else self._tracked)(scope, receive, send)

    def count_refused(self, host: bytes, status: int) -> None:
        """Count a request that the gate answered."""
        if self._started:
            # Of a malformed request the host is not believed, nor kept.
            known = "" if status == 400 else self._tracking.origin({}, {b"host": host})[1]
            self.recorder.count(known, Outcome.REFUSED)

    def _start_anyway(self) -> None:
        """Whatever happens, the site is served (S5)."""
        try:
            self.start()
        except Exception:
            log.exception("recording could not be started; the site is served without it")

    def start(self) -> None:
        """Start recording; servers without lifespan start it with the first request."""
        self._started = True
        self.recorder.start()
        for chore in self._chores:
            chore.start()

    async def stop(self) -> None:
        """Write what is waiting and stop recording. Sessions stay open: they are somebody else's to close."""
        for chore in self._chores:
            chore.stop()
        if self._started:
            left = await self.recorder.stop(STOP_SECONDS)
            if left:
                log.error("stopped with %d events not written: the store did not take them", left)
        self._started = False


def tracker_of(config: Config) -> Tracker:
    """The tracker that does what the configuration says."""
    capture = config.capture
    return load_tracker(
        {
            "click": capture.click,
            "hover": capture.hover,
            "hoverMin": capture.hover_min_ms,
            "forms": capture.forms,
            "leave": capture.leave,
            "spa": capture.spa,
            "meta": capture.meta,
        }
    )


def tracking_of(
    config: Config,
    keys: tuple[Key, ...],
    erased: Erased,
    recorder: Recorder,
    tracker: Tracker,
    clock_ms: Callable[[], int],
) -> Tracking:
    """What every request of a process shares."""
    prefix = config.site.prefix
    part = part_path(prefix, tracker) if tracker.has_part else None
    return Tracking(
        recorder=recorder,
        cookies=CookieSigner(keys, name=config.visitor.cookie, max_age_days=config.visitor.max_age_days, erased=erased),
        page_ids=PageIds(tuple(key.secret for key in keys)),
        clock_ms=clock_ms,
        sites=Sites(prefix.encode("ascii"), script_path(prefix, tracker), part),
        public_origin=config.site.public_origin,
        exclude=Globs(config.tracking.exclude),
        visits=config.tracking.visits,
        renew=config.visitor.renew,
        gpc=config.consent.gpc,
        dnt=config.consent.dnt,
        opt_in=config.consent.mode == "opt-in",
        inject=config.inject.enabled,
        extend=config.inject.csp == "extend",
        ip=config.tracking.ip == "masked",
        rules=rules_of(config, catalogue_of(config.events)),
    )


def rules_of(config: Config, catalogue: Catalogue) -> Rules:
    """What answers of the site mean."""
    made = []
    for rule in config.rules:
        definition = catalogue.get(rule.action)
        if definition is not None:
            event = made_by_server(definition, dict(rule.params))
            made.append(Rule(rule.method, Globs((rule.path,)), rule.statuses, event))
    return Rules(made)


def via_token(keys: tuple[Key, ...]) -> bytes:
    """This installation's name in Via fields, by which it recognises its own requests."""
    return b"footfall-" + hashlib.sha256(b"via\0" + keys[-1].secret).hexdigest()[:8].encode("ascii")


def limits_of(config: Config) -> Limits:
    limits = config.limits
    return Limits(
        header_bytes=limits.header_bytes,
        header_fields=limits.header_fields,
        target_bytes=limits.target_bytes,
        connections=limits.connections,
        connections_per_address=limits.connections_per_address,
    )


class Front(NamedTuple):
    """What a worker serves, what passes by it, and who is told of a refused request."""

    app: Gate
    fast: FastPath
    refused: Callable[[bytes, int], None]


def front_of(config: Config, keys: tuple[Key, ...], door: socket.socket | None) -> Front:
    """The proxy before the configured site. `door`: see `Footfall`."""
    token = via_token(keys)
    upstream = Upstream(
        config.site.upstream,
        tls=upstream_context(config),
        connect_seconds=config.limits.connect_seconds,
        response_seconds=config.limits.response_seconds,
        body_idle_seconds=config.limits.body_idle_seconds,
    )
    site = config.site
    forwarder = Forwarder(upstream, via_token=token, preserve_host=site.preserve_host, public_origin=site.public_origin)
    footfall = Footfall(forwarder, config, keys=keys, authority=authority_left(config), door=door)
    gate = Gate(
        footfall.serve,
        prefix=site.prefix.encode("ascii"),
        via_token=token,
        trusted_proxies=site.trusted_networks,
        trusts_unix=site.trusts_unix,
        refused=footfall.count_refused,
    )
    return Front(gate, FastPath(gate, forwarder, footfall.pages), footfall.count_refused)


def run_worker(
    config: Config, keys: tuple[Key, ...], sockets: list[socket.socket], life: Life, door: socket.socket | None
) -> int:
    """One process of `footfall serve`: proxy on the shared sockets until the signal or the parent's end. `door`: where
    who writes for all of them takes connections; None: it writes itself."""
    front = front_of(config, keys, door)
    tune()
    return run(
        front.app,
        fast=front.fast,
        sockets=sockets,
        refused=front.refused,
        life=life,
        header_seconds=config.limits.header_seconds,
        limits=limits_of(config),
        trusted_proxies=config.site.trusted_networks,
        body_idle_seconds=config.limits.body_idle_seconds,
        tls=visitors_context(config),
    )
