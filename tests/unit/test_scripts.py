"""The tracker as it is served: small, whole, and with the installation's settings."""

import gzip
import json
import re
from pathlib import Path

import pytest
import rjsmin

from proxy.scripts import Tracker, load_tracker, shortened

INJECTED = Path(__file__).parents[2] / "injected"
SOURCES = {name: (INJECTED / name).read_text("utf-8") for name in ("tracker.js", "forms.js")}
SETTINGS = {"click": "auto", "hover": "tagged", "hoverMin": 60_000, "forms": True, "leave": False}
PAGE_BYTES = 3_072
"""EVENTS.md section 9: what every visitor of a site has to load because of us."""
FORMS_BYTES = 2_400
"""What is loaded besides where there is a tagged form; it may become less."""
LAST_LINE = '})({ click: "auto", hover: "auto", hoverMin: 300, forms: false, leave: true });'


@pytest.fixture(scope="module")
def tracker():
    return load_tracker(SETTINGS)


def test_what_every_page_loads_weighs_no_more_than_it_may(tracker):
    assert len(tracker.page.gzipped) <= PAGE_BYTES
    assert len(tracker.forms.gzipped) <= FORMS_BYTES
    assert gzip.decompress(tracker.page.gzipped) == tracker.page.body


def test_the_settings_take_the_place_of_the_last_line(tracker):
    assert SOURCES["tracker.js"].splitlines()[-1] == LAST_LINE
    assert SOURCES["tracker.js"].rindex("})(") == len(SOURCES["tracker.js"].rstrip()) - len(LAST_LINE)
    told = json.loads(tracker.page.body.decode().rpartition("})(")[2].removesuffix(");"))
    assert told == {**SETTINGS, "forms": f"./forms.{tracker.forms.version}.js"}


def test_where_forms_are_off_there_is_no_address_for_them():
    made = load_tracker({**SETTINGS, "forms": False})
    assert b'"forms":false' in made.page.body and b"forms." not in made.page.body


def test_a_page_script_without_a_place_for_settings_is_refused():
    with pytest.raises(ValueError, match="settings"):
        Tracker("let settings = {}", "", SETTINGS)


def test_the_version_follows_the_settings_and_both_sources():
    versions = {
        Tracker(page, forms, {**SETTINGS, **more}).page.version
        for page, forms, more in [
            ("(function (x) {})({})", "export {}", {}),
            ("(function (x) {})({})", "export {}", {"hoverMin": 1}),
            ("(function (x) {1})({})", "export {}", {}),
            ("(function (x) {})({})", "export { };1", {}),
        ]
    }
    assert len(versions) == 4


def test_names_of_ours_become_short_the_same_in_both_and_none_that_is_taken():
    first, second = shortened("let $queue, a, d; $queue = $wait({ $queue, e: '$&' });", "b($wait, `${$queue}$1`, B.c)")
    assert first == "let t, a, d; t = n({ t, e: '$&' });"
    assert second == "b(n, `${t}$1`, B.c)"


def test_when_all_letters_are_taken_they_become_two():
    names = [f"$name{number:02}" for number in range(80)]
    [text] = shortened(" ".join(names + names[:1]))
    short = text.split()
    assert len(set(short)) == 80 and max(map(len, short)) == 2 and short[0] == short[-1] == "e"


def test_nothing_of_what_is_shortened_is_left_and_no_text_of_the_page_is_touched(tracker):
    for script, name in ((tracker.page, "tracker.js"), (tracker.forms, "forms.js")):
        text = script.body.decode()
        assert not re.search(r"\$[A-Za-z]", text)
        texts = re.findall(r'"(?:[^"\\\n]|\\.)*"', rjsmin.jsmin(SOURCES[name]))
        assert len(texts) > 40 and not [one for one in texts if re.search(r"\$[A-Za-z]", one)]
    assert load_tracker(SETTINGS).page.body == tracker.page.body


def test_a_semicolon_before_a_closing_brace_is_no_part_of_a_text_and_no_empty_loop():
    """Nor is a line's end after one the end of a statement that has no other: the browser's tests would not begin."""
    for text in map(rjsmin.jsmin, SOURCES.values()):
        assert not [one for one in re.findall(r'"(?:[^"\\\n]|\\.)*"|`[^`]*`', text) if ";}" in one]
        assert not re.search(r"\b(?:for|while)\((?:[^()]|\([^()]*\))*\);", text)


FORBIDDEN = ["innerHTML", "eval(", "new Function", "preventDefault", "unload", "console.log", "debugger"]


@pytest.mark.parametrize("word", FORBIDDEN)
def test_they_have_none_of_what_they_must_not_use(tracker, word):
    assert word not in (tracker.page.body + tracker.forms.body).decode()


def test_they_leave_one_global(tracker):
    code = (tracker.page.body + tracker.forms.body).decode()
    assert re.findall(r"\bwindow\.(\w+) *=[^=]", code) == ["footfall"]
