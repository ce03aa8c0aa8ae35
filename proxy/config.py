"""Configuration: config.toml, environment and command line become one frozen `Config`, or one clear error.

What `load` returns is valid and normalised. Precedence: command line, then environment (`FOOTFALL_SITE__UPSTREAM`),
then the file, then the default. Which keys there are is said in tables.py.
"""

import difflib
import json
import re
import reprlib
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Literal, get_args, get_origin
from urllib.parse import urlsplit

from proxy import checks
from proxy.definitions import BadDefinition, Defined, catalogue_of, read_definitions
from proxy.rulebook import Ruled, read_rules
from proxy.tables import Config, keys

__all__ = ["Config", "ConfigError", "keys", "load", "refuse_a_circle"]

ENVIRONMENT_PREFIX = "FOOTFALL_"
# Not ours to judge: what the tests read, and what Kubernetes and Docker links tell of a service named footfall.
FOREIGN_VARIABLE = re.compile(
    r"FOOTFALL_(?:TEST_.*|SERVICE_(?:HOST|PORT(?:_\w+)?)|PORT(?:_[0-9]+_(?:TCP|UDP)(?:_\w+)?)?)"
)
JSON_VARIABLES = {"FOOTFALL_EVENTS": "events", "FOOTFALL_RULES": "rules"}
"""All definitions, or rules, at once, as JSON."""
FILE_BYTES = 1_048_576  # a configuration file; ours is under 4 KB, a mistaken path may be anything


class ConfigError(Exception):
    """One line that names the source, the key and what is wrong with it."""


def load(path: Path | None, environ: Mapping[str, str], overrides: Mapping[str, object]) -> Config:
    """Read, merge and check; raises ConfigError. `overrides` maps dotted keys to values, None: not given.

    Relative paths start from the directory of `path`, or from the working directory without one.
    """
    known = {name: (one, kind) for name, one, kind in keys()}
    found: dict[str, tuple[str, object]] = {}
    if path is not None:
        found.update(_from_file(path))
    for variable, text in environ.items():
        if variable in JSON_VARIABLES:
            found[JSON_VARIABLES[variable]] = (variable, _from_json(variable, text))
        elif variable.startswith(ENVIRONMENT_PREFIX) and not FOREIGN_VARIABLE.fullmatch(variable):
            name = variable.removeprefix(ENVIRONMENT_PREFIX).replace("__", ".", 1).lower()
            if name not in known:
                raise ConfigError(f"{variable}: unknown key{_nearest(name, known, _as_variable)}")
            found[name] = (variable, _from_text(text, known[name][1]))
    found.update({name: ("command line", value) for name, value in overrides.items() if value is not None})
    events = _definitions(*found.pop("events", ("", {})))
    rules = _rules(*found.pop("rules", ("", [])), events)
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
    empty = Config(base=base, events=events, rules=rules)
    config = replace(empty, **{name: replace(getattr(empty, name), **t) for name, t in tables.items()})
    refuse_a_circle(config)
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
        if table in ("events", "rules"):
            found[table] = (str(path), content_of)
        elif isinstance(content_of, dict):
            found.update({f"{table}.{key}": (str(path), value) for key, value in content_of.items()})
            if not content_of and table not in (one.name for one in fields(Config)):
                found[table] = (str(path), content_of)
        else:
            found[table] = (str(path), content_of)
    return found


def _definitions(source: str, raw: object) -> tuple[Defined, ...]:
    try:
        return read_definitions(raw)
    except BadDefinition as wrong:
        key = f"events.{wrong.key}" if wrong.key else "events"
        raise ConfigError(f"{source}: {key}: {wrong}") from None


def _rules(source: str, raw: object, events: tuple[Defined, ...]) -> tuple[Ruled, ...]:
    try:
        return read_rules(raw, catalogue_of(events))
    except BadDefinition as wrong:
        key = f"rules.{wrong.key}" if wrong.key else "rules"
        raise ConfigError(f"{source}: {key}: {wrong}") from None


def _from_json(variable: str, text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ConfigError(f"{variable}: must be JSON, as the tables of the file would be") from None


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


def refuse_a_circle(config: Config) -> None:
    """Raises ConfigError. An upstream that is our own listener would answer every request with itself, or show the
    report to everybody (X4); two listeners need two addresses."""
    listeners = {"site.listen": _known_as(*config.site.listen_address)}
    report = config.report.listen_address
    if report is not None:
        listeners["report.listen"] = _known_as(*report)
        if report[1] and listeners["site.listen"] == listeners["report.listen"]:
            raise ConfigError(f"report.listen: {config.report.listen} is footfall's own site.listen")
    if not config.site.upstream:
        return
    if checks.socket_path(config.site.upstream):
        target = _known_as(config.site.upstream, 0)
    else:
        parts = urlsplit(config.site.upstream)
        target = _known_as(parts.hostname or "", parts.port or {"http": 80, "https": 443}[parts.scheme])
    for key, address in listeners.items():
        if address == target:
            raise ConfigError(f"site.upstream: {config.site.upstream} is footfall's own {key}")


def _known_as(host: str, port: int) -> tuple[str, int]:
    return checks.machine(host), port
