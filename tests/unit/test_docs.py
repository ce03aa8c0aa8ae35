"""The documentation against the code: a key, a default or a command that is told of exists, and the reverse."""

import argparse
import json
import re
import tomllib
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

from packaging.specifiers import SpecifierSet

from benchmarks.field.peers import PEERS
from benchmarks.table import replaced
from proxy import loading
from proxy.arguments import CHILDREN, parser
from proxy.audit.crawling import MOST_REDIRECTS
from proxy.audit.fetching import ANSWER_SECONDS, PAGE_BYTES, READING_SECONDS
from proxy.audit.reading import LINKS_A_PAGE, MISTAKES_A_PAGE
from proxy.config import Config, keys, load
from proxy.crew import LAST_SECONDS
from proxy.events.privacy import PATH_MAX_CHARS, QUERY_MAX_PARAMS, URI_MAX_CHARS
from proxy.fieldlist import FieldList
from proxy.http.connection import ANSWER_FIELDS, ANSWER_HEAD_BYTES, BETWEEN_BYTES
from proxy.http.patience import HEADER_SECONDS, KEEP_ALIVE_SECONDS, STALLED_SECONDS
from proxy.http.server import GRACEFUL_SECONDS
from proxy.http.upgrade import CLOSING_SECONDS, EARLY_BYTES
from proxy.intake.blocked import BLOCKED_PAGES
from proxy.intake.visits import REFERRER_MAX_BYTES
from proxy.options import AUDITED_PAGES
from proxy.page.coding.base import MAX_STEP_BYTES
from proxy.page.coding.zstd import MAX_WINDOW_BYTES
from proxy.page.fields import LESS_USUAL, to_visitor
from proxy.privacy.asking import DOWNLOAD_SECONDS, DOWNLOADS, LATEST_SHOWN, READ_SECONDS, READERS, READERS_WAITING
from proxy.privacy.door import FORM_BYTES
from proxy.privacy.page import ERASURES_PER_SECOND, REQUEST_EVENTS
from proxy.reconciling.log import LINE_MAX_BYTES
from proxy.reconciling.matching import LATE_MS
from proxy.serving import DRAIN_SECONDS
from proxy.store.counters import BLOCKED_A_DAY, BLOCKED_KEPT
from proxy.store.questions import MOST_FILTERS
from proxy.store.sqlite.choosing import MOST_PICKED
from proxy.tracking.policies import NONCE_BYTES

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
SHIPPED = ROOT / "config.toml"
IN_HELP = {
    "--upstream": "site.upstream",
    "--listen": "site.listen",
    "--report": "report.listen",
    "--store": "store.url",
    "--workers": "site.workers",
}


def as_toml(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(json.dumps, value))}]"
    return json.dumps(value)  # strings, numbers and booleans are written alike


def commands() -> dict[str, argparse.ArgumentParser]:
    for action in parser("0.0.0")._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    raise AssertionError("no commands")


def test_the_shipped_file_is_the_defaults():
    assert load(SHIPPED, {}, {}) == Config(base=ROOT)


def test_the_shipped_file_has_every_key_once_with_its_comment():
    lines, table = [], ""
    for line in SHIPPED.read_text().splitlines():
        if line.startswith("["):
            table = line.strip("[]")
        elif "=" in line and not line.startswith("#"):
            lines.append(f"{table}.{line}")
    assert lines == [f"{name} = {as_toml(one.default)}  # {one.metadata['about']}" for name, one, _ in keys()]
    assert list(tomllib.loads(SHIPPED.read_text())) == list(dict.fromkeys(n.split(".")[0] for n, _, _ in keys()))


def test_the_readme_has_every_key_once_with_its_default():
    rows = re.findall(r"^\| `([a-z_]+\.[a-z_]+)` \| `(.*?)` \| (.*?) \|$", README, re.MULTILINE)
    assert rows == [(name, as_toml(one.default), one.metadata["about"]) for name, one, _ in keys()]


def test_the_readme_has_every_command_and_no_other():
    rows = re.findall(r"^\| `footfall ([a-z-]+)(?: [A-Z]+)?` \|", README, re.MULTILINE)
    assert rows == list(commands())
    assert set(loading.COMMANDS) == set(commands())
    assert set(loading.CHILDREN) == set(CHILDREN)


def test_every_option_and_command_is_explained():
    text = parser("0.0.0").format_help()
    for name, command in commands().items():
        assert re.search(rf"^    {name} +\S", text, re.MULTILINE), name
        for action in command._actions:
            assert action.help, f"{name} {action.option_strings}"


def test_the_defaults_in_the_help_are_the_configurations():
    defaults = {name: one.default for name, one, _ in keys()}
    for command in commands().values():
        for action in command._actions:
            key = IN_HELP.get(action.option_strings[0]) if action.option_strings else None
            if key and defaults[key]:
                assert f"({defaults[key]})" in (action.help or ""), action.option_strings


def test_documented_environment_variables_and_keys_exist():
    known = {name for name, _, _ in keys()}
    for path in (ROOT / "README.md", ROOT / "docs" / "deploy.md", ROOT / "CHANGELOG.md", SHIPPED):
        for table, key in re.findall(r"FOOTFALL_([A-Z]+)__([A-Z_]+)", path.read_text()):
            assert f"{table}.{key}".lower() in known, f"{path.name}: FOOTFALL_{table}__{key}"
    for block in re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / "deploy.md").read_text(), re.DOTALL):
        tables = tomllib.loads(block)
        assert {f"{table}.{key}" for table in tables for key in tables[table]} <= known


def test_every_front_in_the_documentation_sets_all_that_is_believed_of_it():
    text = (ROOT / "docs" / "deploy.md").read_text()
    fronts = [block for block in re.findall(r"```\w*\n(.*?)```", text, re.DOTALL) if "8080" in block and "{" in block]
    assert len(fronts) == 2  # nginx, Caddy
    for block in fronts:
        for name in ("X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-For"):
            assert re.search(rf"^ +(?:proxy_set_header|header_up) {name} [${{]\w+}}?;?$", block, re.MULTILINE), name
        assert re.search(r'^ +(?:proxy_set_header Forwarded "";|header_up -Forwarded)$', block, re.MULTILINE)


def limits() -> str:
    return README.partition("## Limits")[2].partition("\n## ")[0]


def test_the_readmes_limits_are_the_codes():
    text = limits()
    for number, unit in (
        (URI_MAX_CHARS, "characters, of its path"),
        (PATH_MAX_CHARS, ", of its query"),
        (QUERY_MAX_PARAMS, "params"),
        (REFERRER_MAX_BYTES, "bytes is not stored"),
        (MAX_STEP_BYTES // 1024, "KiB; zstd"),
        (MAX_WINDOW_BYTES // 1024 // 1024, "MB, larger ones"),
        (BLOCKED_A_DAY, "a day, "),
        (BLOCKED_KEPT, "in all days, "),
        (BLOCKED_PAGES, "a second and worker"),
        (HEADER_SECONDS, "s for a request's head"),
        (KEEP_ALIVE_SECONDS, "s between two requests"),
        (STALLED_SECONDS, "s while a visitor takes nothing"),
        (ANSWER_HEAD_BYTES // 1024, "KiB, "),
        (ANSWER_FIELDS, "fields, then 502"),
        (BETWEEN_BYTES // 1024, "KiB of trailers"),
        (EARLY_BYTES // 1024, "KiB before the 101"),
        (CLOSING_SECONDS, "s to close"),
        (LINE_MAX_BYTES // 1024, "KiB, 60 s out of order"),
        (LATE_MS // 1000, "s out of order"),
        (MOST_FILTERS, "at a time"),
        (MOST_PICKED, "events of the sessions"),
        (AUDITED_PAGES, r"pages \(`--pages`\)"),
        (PAGE_BYTES // 1024 // 1024, "MiB and "),
        (round(ANSWER_SECONDS), "s each"),
        (round(READING_SECONDS), "s to look through"),
        (MOST_REDIRECTS, "redirects in a row"),
        (LINKS_A_PAGE, "links and"),
        (MISTAKES_A_PAGE, "mistakes a page"),
        (LATEST_SHOWN, "events; 2 look-ups"),
        (READERS, "look-ups at once"),
        (READERS_WAITING, "waiting, "),
        (int(READ_SECONDS), "s; "),
        (DOWNLOADS, "files at once"),
        (int(DOWNLOAD_SECONDS // 60), "min each"),
        (FORM_BYTES // 1024, "KiB, good for an hour"),
        (REQUEST_EVENTS, "events of its address"),
        (int(ERASURES_PER_SECOND), "erasures a second"),
    ):
        assert re.search(rf"\b{number:,} ?{unit}", text), f"{number:,} {unit}"


def test_the_readme_says_how_long_a_nonce_is():
    assert f"a nonce of {8 * NONCE_BYTES}\nrandom bits" in README


def test_the_readme_names_every_field_that_a_tagged_answer_loses_or_gains():
    head = [
        (name.encode(), b"1") for name in sorted(name.decode() for name in LESS_USUAL | {b"accept-ranges", b"etag"})
    ]
    after = {name for name, _ in to_visitor(FieldList.of(head), tagged=True, length=None)}
    before = {name for name, _ in head}
    told = README.partition("## What it changes")[2].partition("\n## ")[0].lower()
    for name in before ^ after:
        assert f"`{name.decode()}" in told, name


def test_the_readme_says_what_a_cache_in_front_no_longer_does():
    """VISITS.md section 2: every HTML answer is private, tagged or not."""
    said = " ".join(README.split())
    assert "A CDN or cache in front no longer keeps your HTML; images, scripts and styles it still does." in said


def test_links_between_documents_lead_somewhere():
    for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text()):
            assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_the_page_on_performance_says_what_each_proxy_does():
    text = (ROOT / "docs" / "performance.md").read_text()
    assert "](docs/performance.md)" in README
    told = text.partition("## Who is measured")[2].partition("\n## ")[0]
    assert re.findall(r"^\| ([^|]+) \| \S", told, re.MULTILINE)[1:] == [peer.title for peer in PEERS]
    for path in (ROOT / "README.md", ROOT / "docs" / "performance.md"):
        assert replaced(path.read_text(), "", "peers") is not None, path.name


def test_make_help_tells_of_every_target():
    makefile = (ROOT / "Makefile").read_text()
    targets = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert targets and set(targets[1].split()) == set(re.findall(r"^([a-z-]+): ## ", makefile, re.MULTILINE))


def test_the_locks_hold_names_versions_and_hashes_and_no_addresses():
    for path in (*ROOT.glob("*.lock"), *(ROOT / "benchmarks" / "peers").glob("*.lock")):
        text = path.read_text()
        assert "://" not in text
        assert not re.search(r"^(-|\S+ @)", text, re.MULTILINE)
        entries = re.split(r"^(?=[a-z])", text, flags=re.MULTILINE)[1:]
        for entry in entries:
            assert re.match(r"[a-z0-9._-]+==\S+( ; [^\\]+)? \\\n", entry), entry[:60]
            assert "--hash=sha256:" in entry, entry[:60]


def test_the_lock_of_what_node_runs_holds_hashes_and_no_addresses():
    text = (ROOT / "benchmarks" / "peers" / "package-lock.json").read_text()
    assert "://" not in text
    packages = json.loads(text)["packages"]
    asked = json.loads((ROOT / "benchmarks" / "peers" / "package.json").read_text())["dependencies"]
    assert packages.pop("")["dependencies"] == asked
    for name, package in packages.items():
        assert package["version"] and package["integrity"].startswith("sha512-"), name
    assert {name: packages[f"node_modules/{name}"]["version"] for name in asked} == asked


def test_what_is_locked_runs_on_the_oldest_python_that_is_promised():
    promised = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"].removeprefix(">=")
    for name in re.findall(r"^([a-z0-9._-]+)==", (ROOT / "requirements-dev.lock").read_text(), re.MULTILINE):
        try:
            needed = metadata(name).get("Requires-Python")
        except PackageNotFoundError:  # for another platform
            continue
        assert SpecifierSet(needed or "").contains(f"{promised}.0"), f"{name} needs Python {needed}"


def test_whoever_stops_us_waits_longer_than_we_do():
    text = (ROOT / "docs" / "deploy.md").read_text()
    waits = [int(seconds) for seconds in re.findall(r"(?:TimeoutStopSec=|--stop-timeout )(\d+)", text)]
    assert len(waits) == 2
    assert min(waits) > DRAIN_SECONDS + LAST_SECONDS and DRAIN_SECONDS > GRACEFUL_SECONDS
