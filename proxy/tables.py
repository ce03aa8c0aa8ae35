"""What there is to configure: every key with its default, the sentence that documents it and the check that guards it.

Law: the dataclasses below are the only list of keys; config.toml as shipped and the README's table are tested against
them. A `Config` is valid and normalised; the unit of a number is in its name.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import Field, asdict, dataclass, field, fields, replace
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Literal, TypeVar, cast, get_type_hints
from zoneinfo import ZoneInfo

from proxy import checks
from proxy.definitions import Defined, from_plain
from proxy.rulebook import Ruled, rules_from_plain

COOKIE_DAYS = 400  # browsers cap a cookie's life at 400 days (RFC 6265bis 5.5)
KEY_FILE = "footfall.key"

Value = TypeVar("Value")
Network = IPv4Network | IPv6Network


def _key(default: Value, about: str, check: Callable[[Any], Any] = checks.as_it_is) -> Value:
    """A documented, checked field."""
    return field(default=default, metadata={"about": about, "check": check})


@dataclass(frozen=True, slots=True)
class Site:
    upstream: str = _key("", "the site to front, such as http://127.0.0.1:3000 or unix:/run/site.sock", checks.upstream)
    listen: str = _key(
        "127.0.0.1:8080", "where visitors, or the TLS terminator, connect; or unix:/run/footfall.sock", checks.listen
    )
    prefix: str = _key("/_footfall", "the path that footfall keeps for itself", checks.prefix)
    public_origin: str = _key("", "the site's public address; empty: taken from each request", checks.origin)
    trusted_proxies: tuple[str, ...] = _key(
        (),
        "addresses or networks whose X-Forwarded-* are believed; unix: who connects to a unix socket",
        checks.networks,
    )
    workers: int = _key(1, "worker processes, on one address and one store", checks.between(1, 64))
    preserve_host: bool = _key(
        True, "false: the site is asked under the name in upstream, not the visitor's, and its redirects are put right"
    )

    @property
    def listen_address(self) -> tuple[str, int]:
        """Host and port; of a socket of this machine its whole address and 0."""
        return (self.listen, 0) if checks.socket_path(self.listen) else checks.split_address(self.listen)

    @property
    def trusted_networks(self) -> tuple[Network, ...]:
        return tuple(ip_network(text) for text in self.trusted_proxies if text != checks.PEER_UNIX)

    @property
    def trusts_unix(self) -> bool:
        return checks.PEER_UNIX in self.trusted_proxies


@dataclass(frozen=True, slots=True)
class Report:
    listen: str = _key("127.0.0.1:8081", "where the report is read; off: no report", checks.listen_or_off)
    hosts: tuple[str, ...] = _key(
        (),
        "names and addresses under which the report may be reached, besides localhost and its own",
        checks.host_names,
    )
    token_file: str = _key(
        "footfall.token", "holds the report's password, made on first start; relative to this file", checks.file_name
    )
    timezone: str = _key(
        "", "days and hours of the report, such as Europe/Warsaw; empty: this machine's", checks.timezone
    )

    @property
    def listen_address(self) -> tuple[str, int] | None:
        return None if self.listen == checks.OFF else checks.split_address(self.listen)

    @property
    def zone(self) -> ZoneInfo | None:
        return ZoneInfo(self.timezone) if self.timezone else None


@dataclass(frozen=True, slots=True)
class Store:
    url: str = _key("sqlite:///footfall.db", "where events are kept; relative to this file", checks.store_url)
    durability: Literal["process", "power"] = _key(
        "process", "what a commit survives: a killed process, or (power) a power cut too"
    )
    retention_days: int = _key(
        395,
        "events older than this go, a session with its last one; 0: they are kept for ever",
        checks.between(0, 36_500),
    )
    hold_ms: int = _key(250, "a page's last byte waits at most this long for its commit", checks.between(0, 60_000))
    queue_events: int = _key(10_000, "events a worker keeps while the store is slow", checks.between(100, 1_000_000))


@dataclass(frozen=True, slots=True)
class Visitor:
    cookie: str = _key("footfall", "the cookie's name; on https it is prefixed with __Host-", checks.cookie)
    max_age_days: int = _key(395, "how long a visitor is remembered", checks.between(1, COOKIE_DAYS))
    renew: bool = _key(False, "whether each page extends that time")


@dataclass(frozen=True, slots=True)
class Session:
    timeout_minutes: int = _key(30, "a session ends after this long without activity", checks.between(1, 1_440))
    max_hours: int = _key(24, "and never lasts longer than this", checks.between(1, 168))


@dataclass(frozen=True, slots=True)
class Tracking:
    visits: bool = _key(True, "record page.visit")
    sessions: bool = _key(True, "record session.start and session.end")
    exclude: tuple[str, ...] = _key((), "paths that are proxied but never counted, such as /admin/*", checks.globs)
    ip: Literal["none", "masked"] = _key(
        "none", "masked: a session keeps the network that its visitor came from, a /24 of IPv4 or a /48 of IPv6"
    )


Capturing = Literal["auto", "tagged", "off"]


@dataclass(frozen=True, slots=True)
class Capture:
    click: Capturing = _key("auto", "clicks: auto (links and buttons too), tagged (only data-track) or off")
    hover: Capturing = _key("auto", "hovers: auto (links, buttons, images too), tagged (only data-track) or off")
    hover_min_ms: int = _key(
        300, "the shortest hover of a tagged element that is kept; of others at least 1000", checks.between(100, 60_000)
    )
    forms: bool = _key(True, "forms and fields that are tagged with data-track-form and data-track-field")
    spa: bool = _key(False, "single-page applications: a changed path or query is a page.visit without a request")
    meta: bool = _key(False, "what a page says of itself in <meta property>, og:* and product:*, with its page.visit")
    leave: bool = _key(True, "page.leave: how long a page was in use and how far it was scrolled")


@dataclass(frozen=True, slots=True)
class Consent:
    mode: Literal["opt-out", "opt-in"] = _key(
        "opt-out", "opt-in: nobody is tracked before footfall.on() or the cookie footfall_consent=in"
    )
    gpc: bool = _key(True, "a browser that sends Sec-GPC: 1 is not tracked")
    dnt: bool = _key(False, "a browser that sends DNT: 1 is not tracked")
    page: bool = _key(
        True, "the page /_footfall/privacy, where visitors see what is held of their browser, stop it, take or erase it"
    )


@dataclass(frozen=True, slots=True)
class Identity:
    field: str = _key(
        "", "the tagged field whose value is a customer's key, such as email; kept as a keyed hash", checks.field_name
    )


@dataclass(frozen=True, slots=True)
class Api:
    jwt_keys: tuple[str, ...] = _key(
        (),
        "what tokens are verified with: HS256:FILE (a secret), RS256:FILE or ES256:FILE (a public key, PEM)",
        checks.jwt_keys,
    )
    jwt_audience: str = _key("footfall", "what aud in a token has to be", checks.audience)
    server_keys: tuple[str, ...] = _key(
        (), "servers that may use the API, as `footfall key NAME` prints them: NAME:HASH", checks.server_keys
    )


@dataclass(frozen=True, slots=True)
class Inject:
    enabled: bool = _key(True, "put the tracker's tag into HTML pages")
    csp: Literal["respect", "extend"] = _key(
        "respect",
        "a page whose policy forbids the tag goes without it; extend: a nonce for the tag is added to the policy",
    )


@dataclass(frozen=True, slots=True)
class Tls:
    cert_file: str = _key(
        "", "serve https: the certificate and its chain (PEM); relative to this file", checks.file_name_or_none
    )
    key_file: str = _key("", "its private key (PEM); empty: in the certificate's file", checks.file_name_or_none)
    upstream_ca_file: str = _key(
        "", "authorities (PEM) that vouch for an https upstream, instead of the system's", checks.file_name_or_none
    )
    upstream_verify: bool = _key(True, "an https upstream must prove who it is; false: it is believed")


@dataclass(frozen=True, slots=True)
class Limits:
    header_bytes: int = _key(64 * 1024, "the head of a request, then 431", checks.between(1_024, 1_048_576))
    header_fields: int = _key(200, "its fields, then 431", checks.between(10, 1_000))
    target_bytes: int = _key(16 * 1024, "its target, path and query, then 414", checks.between(256, 65_536))
    connections: int = _key(10_000, "visitors' connections at once, a worker, then 503", checks.between(1, 1_000_000))
    connections_per_address: int = _key(
        1_000,
        "the same of one address (IPv6: a /64), but of trusted proxies; 0: no limit",
        checks.between(0, 1_000_000),
    )
    header_seconds: float = _key(20.0, "for the head of a request, from its first byte", checks.between(1, 3_600))
    connect_seconds: float = _key(5.0, "to reach the upstream, then 502 or 504", checks.between(0.1, 3_600))
    response_seconds: float = _key(60.0, "for the upstream's answer to begin, then 504", checks.between(0.1, 3_600))
    body_idle_seconds: float = _key(60.0, "between two pieces of a body", checks.between(0.1, 3_600))
    visitor_events_per_second: int = _key(
        20,
        "what the collector takes of one visitor, and the API of one token's; ten times as much at once; 0: no limit",
        checks.between(0, 100_000),
    )
    address_events_per_second: int = _key(
        1_000, "what the collector takes of one address (IPv6: a /64)", checks.between(0, 100_000)
    )
    server_events_per_second: int = _key(
        2_000, "what the API takes of one server's key; ten times as much at once", checks.between(0, 100_000)
    )


@dataclass(frozen=True, slots=True)
class Config:
    """Everything there is to configure. `events` are the site's own definitions (definitions.py), `rules` what its
    answers mean (rulebook.py); `base` is the directory that relative paths start from."""

    site: Site = Site()
    report: Report = Report()
    store: Store = Store()
    visitor: Visitor = Visitor()
    session: Session = Session()
    tracking: Tracking = Tracking()
    capture: Capture = Capture()
    consent: Consent = Consent()
    inject: Inject = Inject()
    identity: Identity = Identity()
    api: Api = Api()
    tls: Tls = Tls()
    limits: Limits = Limits()
    events: tuple[Defined, ...] = ()
    rules: tuple[Ruled, ...] = ()
    base: Path = Path()

    @property
    def store_path(self) -> Path:
        return self.base / self.store.url.removeprefix(checks.STORE_SCHEME)

    @property
    def key_path(self) -> Path:
        return self.base / KEY_FILE

    def path_of(self, name: str) -> Path | None:
        """A file that the configuration names, or none."""
        return self.base / name if name else None

    @property
    def token_path(self) -> Path:
        return self.base / self.report.token_file

    def with_upstream(self, url: str) -> "Config":
        return replace(self, site=replace(self.site, upstream=url))

    def to_json(self) -> str:
        return json.dumps(asdict(self), default=str)

    @classmethod
    def from_json(cls, text: str) -> "Config":
        """The reverse of `to_json`, for worker processes; the text is trusted, nothing is checked again."""
        raw = json.loads(text)
        base, events = Path(raw.pop("base")), from_plain(raw.pop("events"))
        rules = rules_from_plain(raw.pop("rules"))
        tables = {}
        for name, table in raw.items():
            kind = type(getattr(cls(), name))
            tables[name] = kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in table.items()})
        return cls(**tables, events=events, rules=rules, base=base)


def keys() -> Iterator[tuple[str, Field[Any], Any]]:
    """Every key as (dotted name, its field, its type), in the order of the file; but those that a site makes up."""
    for table in fields(Config):
        if table.name not in ("events", "rules", "base"):
            hints = get_type_hints(table.type)
            for one in fields(cast(Any, table.type)):
                yield f"{table.name}.{one.name}", one, hints[one.name]
