"""Configuration: config.toml, environment and command line become one frozen `Config`, or one clear error.

The dataclasses below are the only list of keys. Each field carries its default, the sentence that documents
it and the check that guards it; config.toml as shipped and the README's table are tested against them.
What `load` returns is valid and normalised; the unit of a number is in its name.
Precedence: command line, then environment (`FOOTFALL_SITE__UPSTREAM`), then the file, then the default.
"""

import difflib
import json
import re
import reprlib
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import Field, asdict, dataclass, field, fields, replace
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Literal, TypeVar, cast, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit

from proxy import checks

ENVIRONMENT_PREFIX = "FOOTFALL_"
# Not ours to judge: what the tests read, and what Kubernetes and Docker links tell of a service named footfall.
FOREIGN_VARIABLE = re.compile(
    r"FOOTFALL_(?:TEST_.*|SERVICE_(?:HOST|PORT(?:_\w+)?)|PORT(?:_[0-9]+_(?:TCP|UDP)(?:_\w+)?)?)"
)
FILE_BYTES = 1_048_576  # a configuration file; ours is under 4 KB, a mistaken path may be anything
COOKIE_DAYS = 400  # browsers cap a cookie's life at 400 days (RFC 6265bis 5.5)
KEY_FILE = "footfall.key"

Value = TypeVar("Value")
Network = IPv4Network | IPv6Network


class ConfigError(Exception):
    """One line that names the source, the key and what is wrong with it."""


def _only_off(text: str) -> str:
    if text != "off":
        raise ValueError(f"this version has no report yet: must be 'off', not {text!r}")
    return text


def _key(default: Value, about: str, check: Callable[[Any], Any] = checks.as_it_is) -> Value:
    """A documented, checked field."""
    return field(default=default, metadata={"about": about, "check": check})


@dataclass(frozen=True, slots=True)
class Site:
    upstream: str = _key("", "the site to front, such as http://127.0.0.1:3000", checks.origin)
    listen: str = _key("127.0.0.1:8080", "where visitors, or the TLS terminator, connect", checks.listen)
    prefix: str = _key("/_footfall", "the path that footfall keeps for itself", checks.prefix)
    public_origin: str = _key("", "the site's public address; empty: taken from each request", checks.origin)
    trusted_proxies: tuple[str, ...] = _key(
        (), "addresses or networks whose X-Forwarded-* are believed", checks.networks
    )

    @property
    def listen_address(self) -> tuple[str, int]:
        return checks.split_address(self.listen)

    @property
    def trusted_networks(self) -> tuple[Network, ...]:
        return tuple(ip_network(text) for text in self.trusted_proxies)


@dataclass(frozen=True, slots=True)
class Report:
    listen: str = _key("off", "only off: this version has no report yet", _only_off)


@dataclass(frozen=True, slots=True)
class Store:
    url: str = _key("sqlite:///footfall.db", "where events are kept; relative to this file", checks.store_url)
    durability: Literal["process", "power"] = _key(
        "process", "what a commit survives: a killed process, or (power) a power cut too"
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


@dataclass(frozen=True, slots=True)
class Consent:
    gpc: bool = _key(True, "a browser that sends Sec-GPC: 1 is not tracked")
    dnt: bool = _key(False, "a browser that sends DNT: 1 is not tracked")


@dataclass(frozen=True, slots=True)
class Inject:
    enabled: bool = _key(True, "put the tracker's tag into HTML pages")
    csp: Literal["respect"] = _key("respect", "a page whose policy forbids the tag goes without it")


@dataclass(frozen=True, slots=True)
class Limits:
    connect_seconds: float = _key(5.0, "to reach the upstream, then 502 or 504", checks.between(0.1, 3_600))
    response_seconds: float = _key(60.0, "for the upstream's answer to begin, then 504", checks.between(0.1, 3_600))
    body_idle_seconds: float = _key(60.0, "between two pieces of a body", checks.between(0.1, 3_600))


@dataclass(frozen=True, slots=True)
class Config:
    """Everything there is to configure. `base` is the directory that relative paths start from."""

    site: Site = Site()
    report: Report = Report()
    store: Store = Store()
    visitor: Visitor = Visitor()
    session: Session = Session()
    tracking: Tracking = Tracking()
    consent: Consent = Consent()
    inject: Inject = Inject()
    limits: Limits = Limits()
    base: Path = Path()

    @property
    def store_path(self) -> Path:
        return self.base / self.store.url.removeprefix(checks.STORE_SCHEME)

    @property
    def key_path(self) -> Path:
        return self.base / KEY_FILE

    def with_upstream(self, url: str) -> "Config":
        return replace(self, site=replace(self.site, upstream=url))

    def to_json(self) -> str:
        return json.dumps(asdict(self), default=str)

    @classmethod
    def from_json(cls, text: str) -> "Config":
        """The reverse of `to_json`, for worker processes; the text is trusted, nothing is checked again."""
        raw = json.loads(text)
        base = Path(raw.pop("base"))
        tables = {}
        for name, table in raw.items():
            kind = type(getattr(cls(), name))
            tables[name] = kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in table.items()})
        return cls(**tables, base=base)


def keys() -> Iterator[tuple[str, Field[Any], Any]]:
    """Every key as (dotted name, its field, its type), in the order of the file."""
    for table in fields(Config):
        if table.name != "base":
            hints = get_type_hints(table.type)
            for one in fields(cast(Any, table.type)):
                yield f"{table.name}.{one.name}", one, hints[one.name]


def load(path: Path | None, environ: Mapping[str, str], overrides: Mapping[str, object]) -> Config:
    """Read, merge and check; raises ConfigError. `overrides` maps dotted keys to values, None: not given.

    Relative paths start from the directory of `path`, or from the working directory without one.
    """
    known = {name: (one, kind) for name, one, kind in keys()}
    found: dict[str, tuple[str, object]] = {}
    if path is not None:
        found.update(_from_file(path))
    for variable, text in environ.items():
        if variable.startswith(ENVIRONMENT_PREFIX) and not FOREIGN_VARIABLE.fullmatch(variable):
            name = variable.removeprefix(ENVIRONMENT_PREFIX).replace("__", ".", 1).lower()
            if name not in known:
                raise ConfigError(f"{variable}: unknown key{_nearest(name, known, _as_variable)}")
            found[name] = (variable, _from_text(text, known[name][1]))
    found.update({name: ("command line", value) for name, value in overrides.items() if value is not None})
    tables: dict[str, dict[str, Any]] = {}
    for name, (source, value) in found.items():
        if name not in known:
            raise ConfigError(f"{source}: {name}: unknown key{_nearest(name, known)}")
        one, kind = known[name]
        try:
            good = one.metadata["check"](_typed(value, kind))
        except ValueError as wrong:
            raise ConfigError(f"{source}: {name}: {wrong}") from None
        except OverflowError:  # TOML's whole numbers have no end
            raise ConfigError(f"{source}: {name}: a number that is far too large") from None
        table, _, key = name.partition(".")
        tables.setdefault(table, {})[key] = good
    base = path.absolute().parent if path is not None else Path.cwd()
    empty = Config(base=base)
    config = replace(empty, **{name: replace(getattr(empty, name), **t) for name, t in tables.items()})
    _refuse_a_circle(config)
    return config


def _from_file(path: Path) -> dict[str, tuple[str, object]]:
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES + 1)
        if len(content) > FILE_BYTES:
            raise ConfigError(f"{path}: larger than {FILE_BYTES} bytes, not a configuration")
        tables = tomllib.loads(content.decode())
    except OSError as wrong:
        raise ConfigError(f"{path}: {wrong.strerror}") from None
    except ValueError as wrong:  # also tomllib.TOMLDecodeError and UnicodeDecodeError
        raise ConfigError(f"{path}: not valid TOML: {wrong}") from None
    except RecursionError:
        raise ConfigError(f"{path}: nested too deep, not a configuration") from None
    found: dict[str, tuple[str, object]] = {}
    for table, content_of in tables.items():
        if isinstance(content_of, dict):
            found.update({f"{table}.{key}": (str(path), value) for key, value in content_of.items()})
            if not content_of and table not in (one.name for one in fields(Config)):
                found[table] = (str(path), content_of)
        else:
            found[table] = (str(path), content_of)
    return found


def _from_text(text: str, kind: Any) -> object:
    """An environment variable as its key's type; what does not parse is left for `_typed` to refuse."""
    if kind is bool:
        return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}.get(text.lower(), text)
    if kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            return text
    if get_origin(kind) is tuple:
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def _typed(value: object, kind: Any) -> object:
    """The value if it has the key's type (a whole number serves as a float), else ValueError."""
    if get_origin(kind) is Literal:
        if value in get_args(kind):
            return value
        raise ValueError(f"must be {' or '.join(map(repr, get_args(kind)))}, not {_shown(value)}")
    if get_origin(kind) is tuple:
        if isinstance(value, list | tuple) and all(isinstance(part, str) for part in value):
            return tuple(value)
        raise ValueError(f"must be a list of strings, not {_shown(value)}")
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is kind:  # not isinstance: True is an int in Python, not in TOML
        return value
    word = {str: "a string", int: "a whole number", float: "a number", bool: "true or false"}[kind]
    raise ValueError(f"must be {word}, not {_shown(value)}")


def _shown(value: object) -> str:
    """The value for a message: of bounded length, and of bounded depth, where `repr` itself would fail."""
    return reprlib.repr(value)


def _as_variable(name: str) -> str:
    return ENVIRONMENT_PREFIX + name.replace(".", "__").upper()


def _nearest(name: str, known: Mapping[str, object], written: Callable[[str], str] = str) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    if not near:  # a right key in the wrong table
        last = name.rpartition(".")[2]
        near = [key for key in known if key.partition(".")[2] == last][:1]
    return f"; did you mean {written(near[0])}?" if near else ""


def _refuse_a_circle(config: Config) -> None:
    """An upstream that is our own listener would answer every request with itself (X4)."""
    if not config.site.upstream:
        return
    parts = urlsplit(config.site.upstream)
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    target = (checks.machine(parts.hostname or ""), port)
    host, own_port = config.site.listen_address
    if target == (checks.machine(host), own_port):
        raise ConfigError(f"site.upstream: {config.site.upstream} is footfall's own site.listen")
