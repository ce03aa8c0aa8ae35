"""Configuration: what is read from where, who wins, and one clear line for everything that is wrong."""

import pickle
from ipaddress import ip_network
from pathlib import Path

import pytest

from proxy.config import Config, ConfigError, keys, load
from proxy.tables import Site


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(text)
    return path


def error(path: Path | None = None, environ: dict[str, str] | None = None, **overrides: object) -> str:
    with pytest.raises(ConfigError) as caught:
        load(path, environ or {}, {name.replace("__", "."): value for name, value in overrides.items()})
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_nothing_given_is_the_defaults_in_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load(None, {}, {}) == Config(base=tmp_path)


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(tmp_path):
    path = written(tmp_path, "[store]\nhold_ms = 1\nqueue_events = 1000\n[session]\nmax_hours = 1\n")
    environ = {"FOOTFALL_STORE__HOLD_MS": "2", "FOOTFALL_STORE__QUEUE_EVENTS": "2000"}
    config = load(path, environ, {"store.hold_ms": 3})
    assert (config.store.hold_ms, config.store.queue_events, config.session.max_hours) == (3, 2000, 1)


def test_an_override_of_none_was_not_given(tmp_path):
    path = written(tmp_path, '[site]\nlisten = "127.0.0.1:9000"\n')
    assert load(path, {}, {"site.listen": None}).site.listen_address == ("127.0.0.1", 9000)


def test_the_environment_speaks_every_type():
    environ = {
        "FOOTFALL_SITE__UPSTREAM": "http://127.0.0.1:3000",
        "FOOTFALL_SITE__TRUSTED_PROXIES": "10.0.0.0/8, ::1",
        "FOOTFALL_CONSENT__DNT": "True",
        "FOOTFALL_LIMITS__CONNECT_SECONDS": "2.5",
        "FOOTFALL_VISITOR__MAX_AGE_DAYS": "30",
    }
    config = load(None, environ, {})
    assert config.site.trusted_networks == (ip_network("10.0.0.0/8"), ip_network("::1/128"))
    assert config.consent.dnt is True
    assert (config.limits.connect_seconds, config.visitor.max_age_days) == (2.5, 30)


def test_an_unknown_key_names_its_source_and_the_nearest_known_key(tmp_path):
    path = written(tmp_path, '[site]\nupstrem = "http://127.0.0.1:3000"\n')
    assert error(path) == f"{path}: site.upstrem: unknown key; did you mean site.upstream?"


@pytest.mark.parametrize(
    ("variable", "nearest"),
    [
        ("FOOTFALL_SITE__UPSTREM", "FOOTFALL_SITE__UPSTREAM"),
        ("FOOTFALL_SITE_UPSTREAM", "FOOTFALL_SITE__UPSTREAM"),
        ("FOOTFALL_UPSTREAM", "FOOTFALL_SITE__UPSTREAM"),
        ("FOOTFALL_STORE_HOLD_MS", "FOOTFALL_STORE__HOLD_MS"),
        ("FOOTFALL_SITE__TRUSTED__PROXIES", "FOOTFALL_SITE__TRUSTED_PROXIES"),
    ],
)
def test_an_unknown_variable_names_the_nearest_known_one(variable, nearest):
    assert error(environ={variable: "x"}) == f"{variable}: unknown key; did you mean {nearest}?"


def test_a_variable_that_is_like_no_key_is_an_error_too():
    assert error(environ={"FOOTFALL_": "x"}) == "FOOTFALL_: unknown key"
    assert error(environ={"FOOTFALL_ZZZZZZ": "x"}) == "FOOTFALL_ZZZZZZ: unknown key"
    assert error(environ={"FOOTFALL_PORTAL": "8080"}).startswith("FOOTFALL_PORTAL: unknown key")


def test_variables_of_the_tests_and_of_a_service_called_footfall_are_not_ours():
    environ = {
        "FOOTFALL_TEST_BROWSER": "/usr/bin/chromium",
        "FOOTFALL_SERVICE_HOST": "10.0.0.1",
        "FOOTFALL_SERVICE_PORT": "8080",
        "FOOTFALL_SERVICE_PORT_HTTP": "8080",
        "FOOTFALL_PORT": "tcp://10.0.0.1:8080",
        "FOOTFALL_PORT_8080_TCP": "tcp://10.0.0.1:8080",
        "FOOTFALL_PORT_8080_TCP_ADDR": "10.0.0.1",
        "FOOTFALLS": "9",
    }
    assert load(None, environ, {}) == load(None, {}, {})


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("[session]\nhold_ms = 1", "store.hold_ms"),
        ('upstream = "http://a"', "site.upstream"),
        ("[sesion]\nmax_hours = 2", "session.max_hours"),
    ],
)
def test_a_key_in_the_wrong_table_is_found(tmp_path, text, nearest):
    assert error(written(tmp_path, text)).endswith(f"unknown key; did you mean {nearest}?")


@pytest.mark.parametrize("text", ["site = 3", "[nonsense]", "[site.upstream]\nx = 1", "[[site]]\nlisten = 'x'"])
def test_a_file_of_another_shape_is_an_error(tmp_path, text):
    assert str(tmp_path) in error(written(tmp_path, text))


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("store.hold_ms", True, "must be a whole number, not True"),
        ("store.hold_ms", 1.5, "must be a whole number, not 1.5"),
        ("store.hold_ms", -1, "must be between 0 and 60000, not -1"),
        ("limits.connect_seconds", float("nan"), "must be between 0.1 and 3600, not nan"),
        ("limits.connect_seconds", "5", "must be a number, not '5'"),
        ("consent.gpc", 1, "must be true or false, not 1"),
        ("tracking.exclude", "/admin/*", "must be a list of strings, not '/admin/*'"),
        ("tracking.exclude", ["admin/*"], "each must be a path that starts with '/'"),
        ("inject.csp", "ignore", "must be 'respect' or 'extend', not 'ignore'"),
        ("store.durability", "both", "must be 'process' or 'power', not 'both'"),
        ("store.durability", [], "must be 'process' or 'power', not []"),
        ("site.trusted_proxies", ["10.0.0.1/8"], "has host bits set"),
        ("site.prefix", "/_footfall/", "must be a path such as /_footfall"),
        ("site.prefix", "/a/../b", "must be a path such as /_footfall"),
        ("site.prefix", "", "must be a path such as /_footfall"),
        ("visitor.cookie", "foot fall", "must be 1 to 64"),
        ("visitor.cookie", "footfall_consent", "and not footfall_consent"),
        ("store.url", "postgres://h/d", "must be sqlite:///"),
        ("store.url", "sqlite:///:memory:", "must be sqlite:///"),
        ("store.url", "sqlite:///a.db?mode=ro", "must be sqlite:///"),
        ("store.url", "sqlite:///", "must be sqlite:///"),
        ("site.listen", "8080", "must be HOST:PORT"),
        ("site.listen", ":8080", "must be HOST:PORT"),
        ("site.listen", "127.0.0.1:65536", "must be HOST:PORT"),
        ("site.listen", "127.0.0.1:٣", "must be HOST:PORT"),
        ("report.listen", "8081", "must be HOST:PORT or 'off', not '8081'"),
        ("report.timezone", "Mars/Olympus", "must be a name such as Europe/Warsaw, not 'Mars/Olympus'"),
        ("report.token_file", " ", "must be the path of a file, not ' '"),
        ("report.hosts", ["http://a"], "each must be the name of a host, such as report.example, not 'http://a'"),
        ("consent.mode", "in", "must be 'opt-out' or 'opt-in', not 'in'"),
        ("capture.hover_min_ms", 50, "must be between 100 and 60000, not 50"),
        ("limits.connect_seconds", 10**400, "a number that is far too large"),
        ("session.max_hours", 10**400, "a number that is far too large"),
        ("site.listen", "a..b:8080", "must be HOST:PORT"),
        ("site.listen", ".a:8080", "must be HOST:PORT"),
        ("site.listen", "a..:8080", "must be HOST:PORT"),
        ("site.listen", "x" * 64 + ":8080", "must be HOST:PORT"),
        ("site.listen", "x." * 127 + "x:8080", "must be HOST:PORT"),
        ("site.upstream", "http://a..b:3000", "must be http://HOST[:PORT]"),
        ("site.upstream", "http://" + "x" * 64, "must be http://HOST[:PORT]"),
        ("site.upstream", "127.0.0.1:3000", "must be http://HOST[:PORT]"),
        ("site.upstream", "ftp://a", "must be http://HOST[:PORT]"),
        ("site.upstream", "http://a/path", "must be http://HOST[:PORT]"),
        ("site.upstream", "http://a/?q", "must be http://HOST[:PORT]"),
        ("site.upstream", "http://user:secret@a", "must be http://HOST[:PORT]"),
        ("site.upstream", "http://a:0", "must be http://HOST[:PORT]"),
        ("site.upstream", "http://a:99999", "must be http://HOST[:PORT]"),
        ("site.upstream", "http://[::1", "must be http://HOST[:PORT]"),
        ("site.upstream", "http://[nonsense]", "must be http://HOST[:PORT]"),
        ("site.upstream", "http://a b", "must be http://HOST[:PORT]"),
        ("site.upstream", "http://", "must be http://HOST[:PORT]"),
    ],
)
def test_a_wrong_value_is_one_line_with_key_and_reason(key, value, says):
    line = error(**{key.replace(".", "__"): value})
    assert line.startswith(f"command line: {key}: ")
    assert says in line


@pytest.mark.parametrize("host", ["x" * 63 + ".example", "x." * 126 + "x", "my_site-1.example.", "a--b", "[::1]"])
def test_a_host_name_may_be_as_long_as_the_resolver_takes(host):
    assert load(None, {}, {"site.listen": f"{host}:8080"}).site.listen == f"{host}:8080"
    assert load(None, {}, {"site.upstream": f"http://{host}:3000"}).site.upstream == f"http://{host}:3000"


def test_no_error_repeats_a_password_of_an_address():
    assert "secret" not in error(site__upstream="http://user:secret@site.example")


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("HTTP://Site.Example:80/", "http://site.example"),
        ("https://site.example:443", "https://site.example"),
        ("https://site.example:8443/", "https://site.example:8443"),
        ("http://[0:0:0:0:0:0:0:1]:3000", "http://[::1]:3000"),
        ("", ""),
    ],
)
def test_an_origin_is_normalised(given, normal):
    assert load(None, {}, {"site.public_origin": given}).site.public_origin == normal


@pytest.mark.parametrize(
    ("listen", "upstream"),
    [
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("127.0.0.1:8080", "http://localhost:8080"),
        ("0.0.0.0:8080", "http://127.0.0.1:8080"),
        ("[::]:8080", "http://[::1]:8080"),
        ("127.0.0.1:80", "http://localhost"),
        ("shop.example:8080", "http://SHOP.example:8080"),
    ],
)
def test_x4_an_upstream_that_is_our_own_listener_is_refused(listen, upstream):
    line = error(site__listen=listen, site__upstream=upstream)
    assert line == f"site.upstream: {upstream.lower()} is footfall's own site.listen"


def test_x4_another_port_or_machine_is_not_our_own():
    for upstream in ("http://127.0.0.1:8082", "http://10.0.0.1:8080", "https://127.0.0.1"):
        assert load(None, {}, {"site.upstream": upstream}).site.upstream == upstream


def test_x4_the_report_is_neither_the_site_nor_its_upstream():
    assert error(site__upstream="http://localhost:8081").endswith("is footfall's own report.listen")
    assert error(report__listen="localhost:8080") == ("report.listen: localhost:8080 is footfall's own site.listen")
    off = load(None, {}, {"site.upstream": "http://localhost:8081", "report.listen": "off"})
    assert off.report.listen_address is None


def test_paths_start_from_the_configuration_file(tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    config = load(written(tmp_path, ""), {}, {})
    assert (config.store_path, config.key_path) == (tmp_path / "footfall.db", tmp_path / "footfall.key")
    config = load(None, {}, {"store.url": "sqlite:////var/lib/footfall/a.db"})
    assert config.store_path == Path("/var/lib/footfall/a.db")
    assert config.key_path == Path("/footfall.key")


def test_a_file_that_is_missing_huge_or_no_toml_is_one_line(tmp_path):
    assert error(tmp_path / "none.toml") == f"{tmp_path}/none.toml: No such file or directory"
    assert "not valid TOML" in error(written(tmp_path, "[site\n"))
    (tmp_path / "config.toml").write_bytes(b"\xff\xfe")
    assert "not valid TOML" in error(tmp_path / "config.toml")
    assert "larger than" in error(written(tmp_path, "#" * 1_048_577))
    assert "Is a directory" in error(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        f"site = {'[' * 50_000}{']' * 50_000}",
        f"site = {'[' * 50_000}",
        "site = " + "{a = " * 20_000 + "1" + "}" * 20_000,
        f"[site]\nupstream{'.a' * 5_000} = 1",
    ],
)
def test_a_file_that_is_nested_too_deep_is_one_short_line(tmp_path, text):
    line = error(written(tmp_path, text))
    assert line.startswith(f"{tmp_path}/config.toml: ")
    assert len(line) < 500


def test_a_worker_gets_exactly_what_its_parent_had(tmp_path):
    overrides = {"site.trusted_proxies": ["::1"], "tracking.exclude": ["/a", "/b/*"], "limits.connect_seconds": 2}
    config = load(written(tmp_path, ""), {}, overrides)
    assert Config.from_json(config.to_json()) == config
    assert pickle.loads(pickle.dumps(config)) == config


def test_every_default_passes_its_own_check():
    for name, one, _ in keys():
        assert one.metadata["check"](one.default) == one.default, name


def test_an_upstream_can_be_put_in_later():
    config = Config(site=Site(listen="127.0.0.1:1")).with_upstream("http://127.0.0.1:2")
    assert config.site == Site(upstream="http://127.0.0.1:2", listen="127.0.0.1:1")


KEYS = {
    "site": "upstream listen prefix public_origin trusted_proxies preserve_host",
    "report": "listen token_file timezone",
    "store": "url durability retention_days hold_ms queue_events",
    "visitor": "cookie max_age_days renew",
    "session": "timeout_minutes max_hours",
    "tracking": "visits sessions exclude",
    "capture": "click hover hover_min_ms forms leave",
    "consent": "mode gpc dnt",
    "inject": "enabled csp",
    "tls": "upstream_ca_file upstream_verify cert_file key_file",
    "limits": "header_bytes header_fields target_bytes connections connections_per_address header_seconds "
    "body_idle_seconds connect_seconds response_seconds",
    "identity": "field",
    "api": "jwt_keys server_keys",
}


@pytest.mark.parametrize("key", [f"{table}.{key}" for table, all_keys in KEYS.items() for key in all_keys.split()])
def test_every_key_of_the_contract_is_one(tmp_path, key):
    """WIRE.md, "Configuration"."""
    assert key in {name for name, _, _ in keys()}
    table, name = key.split(".")
    wrong = f'[{table}]\n{name}s = "x"\n'
    assert f"did you mean {key}?" in error(written(tmp_path, wrong))
