"""WIRE.md, "Configuration", key by key: its default, its environment variable, and what `footfall check` says of it."""

import json
from pathlib import Path
from typing import Any, get_args, get_origin
from zoneinfo import ZoneInfo

import pytest

from proxy.cli import main
from proxy.config import Config, ConfigError, keys, load

KEYS = {name: (one.default, kind) for name, one, kind in keys()}

CONTRACT = {
    "site.prefix": "/_footfall",
    "site.listen": "127.0.0.1:8080",
    "site.upstream": "",
    "site.public_origin": "",
    "site.trusted_proxies": (),
    "report.listen": "127.0.0.1:8081",
    "store.url": "sqlite:///footfall.db",
    "store.durability": "process",
    "store.retention_days": 395,
    "store.hold_ms": 250,
    "visitor.cookie": "footfall",
    "visitor.max_age_days": 395,
    "visitor.renew": False,
    "session.timeout_minutes": 30,
    "session.max_hours": 24,
    "tracking.exclude": (),
    "capture.click": "auto",
    "capture.hover": "auto",
    "consent.mode": "opt-out",
    "consent.gpc": True,
    "consent.dnt": False,
    "inject.enabled": True,
    "inject.csp": "respect",
}
"""Defaults that the contract states; of every key config.toml and the README have it (test_docs.py)."""

TEXTS: dict[str, tuple[str, object, str]] = {
    "site.upstream": ("http://127.0.0.1:3000", "http://127.0.0.1:3000", "127.0.0.1:3000"),
    "site.listen": ("127.0.0.1:9000", "127.0.0.1:9000", "9000"),
    "site.prefix": ("/-/walk", "/-/walk", "walk"),
    "site.public_origin": ("https://shop.example", "https://shop.example", "shop.example"),
    "site.trusted_proxies": ("10.0.0.0/8, unix", ("10.0.0.0/8", "unix"), "10.0.0.1/8"),
    "report.listen": ("127.0.0.1:9001", "127.0.0.1:9001", "9001"),
    "report.hosts": ("report.example, r.example", ("report.example", "r.example"), "http://report.example"),
    "report.token_file": ("password", "password", "folder/"),
    "report.timezone": ("Europe/Warsaw", "Europe/Warsaw", "Mars/Olympus"),
    "store.url": ("sqlite:///other.db", "sqlite:///other.db", "other.db"),
    "visitor.cookie": ("walk", "walk", "a walk"),
    "tracking.exclude": ("/admin/*, /x", ("/admin/*", "/x"), "admin"),
    "identity.field": ("email", "email", "x" * 101),
    "api.jwt_keys": ("HS256:app.key", ("HS256:app.key",), "app.key"),
    "api.jwt_audience": ("app", "app", " "),
    "api.server_keys": (f"shop:{'0' * 64}", (f"shop:{'0' * 64}",), "shop:secret"),
    "tls.cert_file": ("cert.pem", "cert.pem", "folder/"),
    "tls.key_file": ("key.pem", "key.pem", "folder/"),
    "tls.upstream_ca_file": ("ca.pem", "ca.pem", "folder/"),
}
"""Of keys that are strings, or lists of them: one in the environment, what it means, and one that is refused."""


def another(key: str) -> tuple[str, object]:
    """A value that is not the default: as the environment has it, and as it is meant."""
    default, kind = KEYS[key]
    if key in TEXTS:
        return TEXTS[key][:2]
    if kind is bool:
        return ("false", False) if default else ("true", True)
    if get_origin(kind) is not None:
        other = next(one for one in get_args(kind) if one != default)
        return other, other
    assert kind in (int, float), f"{key}: say in TEXTS what it may be"
    return str(default + 1), default + 1


def wrong(key: str) -> list[str]:
    """Values that are refused, as the environment has them."""
    if key in TEXTS:
        return [TEXTS[key][2]]
    return ["-1", "many"] if KEYS[key][1] in (int, float) else ["perhaps"]


def variable(key: str) -> str:
    return f"FOOTFALL_{key.replace('.', '__').upper()}"


def of(config: Config, key: str) -> object:
    table, _, name = key.partition(".")
    return getattr(getattr(config, table), name)


def written(folder: Path, key: str, value: Any) -> Path:
    table, _, name = key.partition(".")
    path = folder / "config.toml"
    path.write_text(f"[{table}]\n{name} = {json.dumps(value)}\n")
    return path


@pytest.mark.parametrize("key", sorted(CONTRACT))
def test_a_default_is_the_contracts(key):
    assert of(load(None, {}, {}), key) == CONTRACT[key]


@pytest.mark.parametrize("key", sorted(KEYS))
def test_every_key_can_be_said_in_the_environment_which_wins_over_the_file(tmp_path, key):
    text, value = another(key)
    assert value != KEYS[key][0] == of(load(None, {}, {}), key)
    assert of(load(None, {variable(key): text}, {}), key) == value
    path = written(tmp_path, key, KEYS[key][0])
    assert of(load(path, {}, {}), key) == KEYS[key][0]
    assert of(load(path, {variable(key): text}, {}), key) == value


@pytest.mark.parametrize("key", sorted(KEYS))
def test_a_wrong_value_in_the_environment_is_said_with_its_variable_and_key(key):
    for text in wrong(key):
        with pytest.raises(ConfigError) as caught:
            load(None, {variable(key): text}, {})
        assert str(caught.value).startswith(f"{variable(key)}: {key}: ") and "\n" not in str(caught.value)


def test_check_shows_every_value(tmp_path, capsys):
    path = tmp_path / "config.toml"
    tables: dict[str, list[str]] = {}
    for key in KEYS:
        table, _, name = key.partition(".")
        tables.setdefault(table, []).append(f"{name} = {json.dumps(another(key)[1])}")
    path.write_text("".join(f"[{table}]\n" + "\n".join(lines) + "\n" for table, lines in tables.items()))
    assert main(["check", "--config", str(path)]) in (0, 1)  # 1: it names files that are not there
    said = capsys.readouterr().out.splitlines()
    assert [key for key in KEYS if f"{key} = {another(key)[1]!r}" not in said] == []


@pytest.mark.parametrize("key", sorted(KEYS))
def test_a_wrong_value_in_the_file_is_said_with_the_file_and_the_key(tmp_path, key):
    refused = [wrong(key)[0]] if isinstance(another(key)[1], tuple) else wrong(key)[0]
    for text in (json.dumps(refused), "{ a = 1 }"):
        path = tmp_path / "config.toml"
        path.write_text(f"[{key.partition('.')[0]}]\n{key.partition('.')[2]} = {text}\n")
        with pytest.raises(ConfigError) as caught:
            load(path, {}, {})
        assert str(caught.value).startswith(f"{path}: {key}: ") and "\n" not in str(caught.value)


@pytest.mark.parametrize("table", sorted({key.partition(".")[0] for key in KEYS}))
def test_check_says_what_is_wrong_in_one_line(tmp_path, table, capsys):
    key = min(key for key in KEYS if key.startswith(f"{table}."))
    path = tmp_path / "config.toml"
    path.write_text(f"[{table}]\n{key.partition('.')[2]} = {{ a = 1 }}\n")
    assert main(["check", "--config", str(path)]) == 2
    said = capsys.readouterr()
    assert said.err.startswith(f"footfall: {path}: {key}: ") and said.err.count("\n") == 1 and said.out == ""


def test_the_reports_days_are_those_of_its_zone_or_of_this_machine():
    assert load(None, {"FOOTFALL_REPORT__TIMEZONE": "Europe/Warsaw"}, {}).report.zone == ZoneInfo("Europe/Warsaw")
    assert load(None, {}, {}).report.zone is None
