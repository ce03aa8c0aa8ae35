"""The tracker as it is served: small, whole, and with the installation's settings."""

import gzip
import json
import re
from itertools import product
from pathlib import Path

import pytest
import rjsmin

from proxy.app import tracker_of
from proxy.config import Config
from proxy.scripts import Tracker, load_tracker, shortened
from proxy.tables import Capture

INJECTED = Path(__file__).parents[2] / "injected"
SOURCES = {name: (INJECTED / name).read_text("utf-8") for name in ("tracker.js", "forms.js", "spa.js", "meta.js")}
SETTINGS = {
    "click": "auto",
    "hover": "tagged",
    "hoverMin": 60_000,
    "forms": True,
    "leave": False,
    "spa": False,
    "meta": False,
}
PAGE_BYTES = 3_072
"""EVENTS.md section 9: what every visitor of a site has to load because of us."""
FORMS_BYTES = 2_400
"""What is loaded besides where there is a tagged form; it may become less."""
SPA_BYTES = 1_000
"""What that is more where the addresses of a single-page application are watched."""
META_BYTES = 350
"""What it is more where it is told what a page says of itself."""
CAPTURES = [
    dict(zip(SETTINGS, values, strict=True))
    for values in product(("off", "tagged", "auto"), ("off", "tagged", "auto"), (60_000,), *[(True, False)] * 4)
]
"""Every combination; of the lengths of a hover the one that is the longest to say."""


@pytest.fixture(scope="module")
def tracker():
    return load_tracker(SETTINGS)


@pytest.mark.parametrize("settings", CAPTURES, ids=lambda one: "-".join(map(str, one.values())))
def test_what_every_page_loads_weighs_no_more_than_it_may(settings):
    made = load_tracker(settings)
    assert len(made.page.gzipped) <= PAGE_BYTES
    more = SPA_BYTES * bool(settings["spa"]) + META_BYTES * bool(settings["meta"])
    assert len(made.part.gzipped) <= FORMS_BYTES * bool(settings["forms"] or not more) + more
    assert gzip.decompress(made.page.gzipped) == made.page.body
    for name, others in (("leave", b"page.leave"), ("spa", b"currententrychange")):
        assert (others in made.page.body) == settings[name]
    assert not re.search(rb"#if|#else|#end|\bsettings\b", made.page.body + made.part.body)


def test_what_it_was_told_is_its_last_line(tracker):
    assert SOURCES["tracker.js"].splitlines()[-1] == "})();"
    told = json.loads(tracker.page.body.decode().rpartition("})(")[2].removesuffix(");"))
    assert told.pop("forms") == f"./forms.{tracker.part.version}.js"
    assert told.items() < SETTINGS.items()


def test_settings_stand_where_they_are_used(tracker):
    page = tracker.page.body.decode()
    assert '=="hover"?1:2;' in page and ">=60000&&" in page and f'import("./{tracker.part.name}#"+' in page


def test_the_configuration_says_what_it_has():
    for name in ("spa", "meta", "forms"):
        only = {"forms": False, "spa": False, "meta": False, name: True}
        assert tracker_of(Config(base=INJECTED, capture=Capture(**only))).part.name.startswith(f"{name}.")


def test_where_forms_are_off_there_is_no_address_for_them():
    made = load_tracker({**SETTINGS, "forms": False})
    assert b'"forms":false' in made.page.body and b"forms." not in made.page.body


def test_a_page_script_without_a_place_for_settings_is_refused():
    with pytest.raises(ValueError, match="settings"):
        Tracker("let settings = {}", "", "", "", SETTINGS)


def test_the_version_follows_the_settings_and_all_sources():
    page = "(function () { $settings.part; %s })()"
    versions = {
        Tracker(page % one, forms, spa, meta, {**SETTINGS, **more}).page.version
        for one, forms, spa, meta, more in [
            ("", "export {}", "", "", {}),
            ("", "export {}", "", "", {"hoverMin": 1}),
            ("1", "export {}", "", "", {}),
            ("", "export { };1", "", "", {}),
            ("", "export {}", "", "", {"spa": True}),
            ("", "export {}", "1", "", {"spa": True}),
            ("", "export {}", "", "", {"meta": True}),
            ("", "export {}", "", "1", {"meta": True}),
        ]
    }
    assert len(versions) == 8


PARTS = ["F", "FS", "S", "", "FM", "FSM", "SM", "M"]


@pytest.mark.parametrize("has", PARTS)
def test_the_part_has_what_the_settings_ask_for(has):
    settings = {**SETTINGS, "forms": "F" in has, "spa": "S" in has, "meta": "M" in has}
    made = Tracker("(function () {})()", '"F";', '"S";', '"M";', settings)
    assert made.part.body.decode().replace('"', "").replace(";", "") == (has or "F")
    assert made.part.name.partition(".")[0] == {"S": "spa", "M": "meta"}.get("".join(has.strip("F"))[:1], "forms")
    assert made.has_part == bool(has) and made.part.version in made.part.name


@pytest.mark.parametrize("has", [has for has in PARTS if has])
def test_a_part_is_one_module_that_listens(has):
    made = load_tracker({**SETTINGS, "forms": "F" in has, "spa": "S" in has, "meta": "M" in has})
    assert made.part.body.count(b"export function listen(") == 1


def test_what_is_only_for_other_settings_is_left_out():
    text = "(function () {\n  // #if spa\n  1;\n  // #else\n  2;\n  // #end\n  // #if leave\n  3;\n  // #end\n})()"
    made = [Tracker(text, "", "", "", {**SETTINGS, "spa": spa}).page.body.decode() for spa in (True, False)]
    assert [re.sub(r"\D", "", one.partition("})(")[0]) for one in made] == ["1", "2"]


def test_names_of_ours_become_short_the_same_in_both_and_none_that_is_taken():
    first, second = shortened("let $queue, a, d; $queue = $wait({ $queue, e: '$&' });", "b($wait, `${$queue}$1`, B.c)")
    assert first == "let N, a, d; N = o({ N, e: '$&' });"
    assert second == "b(o, `${N}$1`, B.c)"


def test_when_all_letters_are_taken_they_become_two():
    names = [f"$name{number:02}" for number in range(80)]
    [text] = shortened(" ".join(names + names[:1]))
    short = text.split()
    assert len(set(short)) == 80 and max(map(len, short)) == 2 and short[0] == short[-1] == "e"


def test_nothing_of_what_is_shortened_is_left_and_no_text_of_the_page_is_touched(tracker):
    for script in (tracker.page, tracker.part, load_tracker({**SETTINGS, "spa": True, "meta": True}).part):
        assert not re.search(r"\$[A-Za-z]", script.body.decode())
    for source in SOURCES.values():
        texts = re.findall(r'"(?:[^"\\\n]|\\.)*"', rjsmin.jsmin(source))
        assert len(texts) > 1 and not [one for one in texts if re.search(r"\$[A-Za-z]", one)]
    assert load_tracker(SETTINGS).page.body == tracker.page.body


def test_a_semicolon_before_a_closing_brace_is_no_part_of_a_text_and_no_empty_loop():
    """Nor is a line's end after one the end of a statement that has no other: the browser's tests would not begin."""
    for text in map(rjsmin.jsmin, SOURCES.values()):
        assert not [one for one in re.findall(r'"(?:[^"\\\n]|\\.)*"|`[^`]*`', text) if ";}" in one]
        assert not re.search(r"\b(?:for|while)\((?:[^()]|\([^()]*\))*\);", text)


FORBIDDEN = ["innerHTML", "eval(", "new Function", "preventDefault", "unload", "console.log", "debugger"]


@pytest.mark.parametrize("word", FORBIDDEN)
@pytest.mark.parametrize("spa", [False, True])
def test_they_have_none_of_what_they_must_not_use(word, spa):
    made = load_tracker({**SETTINGS, "spa": spa, "meta": True})
    assert word not in (made.page.body + made.part.body).decode()


@pytest.mark.parametrize("spa", [False, True])
def test_they_leave_one_global(spa):
    made = load_tracker({**SETTINGS, "spa": spa, "meta": True})
    code = (made.page.body + made.part.body).decode()
    assert re.findall(r"\bwindow\.(\w+) *=[^=]", code) == ["footfall"]
