"""The contract's rules and the tests that would fail if they were broken: tests/rules/*.toml, a table a rule.

Whether a test does fail is for whoever writes the entry to try; here it is checked that there is one.
"""

import ast
import functools
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "tests" / "rules").glob("*.toml"))
KEYS = {"id", "says", "tests"}
SECTIONS = {"events": range(1, 10)}
"""Of which there is a rule at least; of a file that is not named here any."""
TEST = re.compile(r"(tests/(?:unit|shell|browser)/test_\w+\.py)::(test_\w+)")


def rules(path: Path) -> list[dict[str, object]]:
    document = tomllib.loads(path.read_text("utf-8"))
    assert list(document) == ["rule"], f"{path.name} is a list of [[rule]]"
    return document["rule"]


@functools.cache
def names_in(path: str) -> frozenset[str]:
    """Names of a file's tests, which is read and not imported."""
    body = ast.parse((ROOT / path).read_text("utf-8")).body
    return frozenset(one.name for one in body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef))


def wrong(rule: dict[str, object], name: str) -> list[str]:
    """What is not right with an entry."""
    found = [] if rule.keys() == KEYS else [f"its keys are {sorted(rule)}"]
    if not re.fullmatch(rf"{name.upper()} [0-9]?.*\S", str(rule.get("id", ""))):
        found.append(f"its id does not begin with {name.upper()}")
    if not str(rule.get("says", "")).strip():
        found.append("it says nothing")
    tests = rule.get("tests")
    if not isinstance(tests, list) or not tests or len(set(tests)) < len(tests):
        return [*found, "its tests are no list of at least one, each once"]
    for test in tests:
        match = TEST.fullmatch(test)
        if match is None or not (ROOT / match[1]).is_file() or match[2] not in names_in(match[1]):
            found.append(f"there is no {test}")
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_rule_names_tests_that_there_are(path):
    broken = {rule.get("id"): found for rule in rules(path) if (found := wrong(rule, path.stem))}
    assert broken == {}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_section_has_rules_and_no_rule_is_there_twice(path):
    ids = [str(rule["id"]) for rule in rules(path)]
    assert ids and len(set(ids)) == len(ids)
    for section in SECTIONS.get(path.stem, ()):
        assert any(one.startswith(f"{path.stem.upper()} {section} ") for one in ids), section


def test_there_is_a_map():
    assert "events" in {path.stem for path in FILES}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"tests": []}, "no list of at least one"),
        ({"tests": ["tests/unit/test_rules_map.py::test_there_is_none"]}, "there is no tests/unit"),
        ({"tests": ["tests/unit/test_of_nothing.py::test_there_is_a_map"]}, "there is no tests/unit"),
        ({"tests": ["tests/unit/test_rules_map.py::wrong"]}, "there is no tests/unit"),
        ({"tests": ["tests/unit/test_rules_map.py::test_there_is_a_map"] * 2}, "each once"),
        ({"says": " "}, "says nothing"),
        ({"id": "VISITS 1 a"}, "does not begin with EVENTS"),
        ({"more": 1}, "its keys are"),
    ],
)
def test_an_entry_that_is_not_right_is_found(change, why):
    good = {"id": "EVENTS 1 a", "says": "b", "tests": ["tests/unit/test_rules_map.py::test_there_is_a_map"]}
    assert wrong(good, "events") == []
    (found,) = wrong({**good, **change}, "events")
    assert why in found
