"""`make bench-store` end to end: every row with figures, at sizes so small that nobody looks at them."""

import inspect
import json
import os
import re

import pytest
from test_benchmarks import bench, cells

from benchmarks.command import GOOD, PROBLEM, USAGE
from benchmarks.store.asked import Subject, questions, subject
from benchmarks.store.filled import filled
from benchmarks.store.shown import exponent, size
from benchmarks.store.traffic import Traffic
from proxy.store.questions import Cursor, Did, Failed, ReportReader, Saw
from proxy.store.sqlite.questions import SqliteQuestions

MODULE = "benchmarks.store"
NOT_QUESTIONS = {"moment", "only", "is_current", "close"}
NO_ANSWERS = {"export", "first screen"}
"""What is measured besides: of another reader, and all cards together."""
FILTERED = ("page", "source", "element")
FIGURE = r"[\d,]+(\.\d+)?( late)?(, \d+ d)?"
GROWTH = r"-?\d+\.\d\d|-"


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    return filled(Traffic(1, 20_000), tmp_path_factory.mktemp("store"))


def titles():
    filters = tuple((f"{words} {what}", Saw("", "")) for words in ("the top", "the tenth") for what in FILTERED)
    things = (("", ""), ("", "", ""), Failed("", "", 404), Did("", "", "", ""))
    about = Subject(os.devnull, 1, "", 1, "", 1, Cursor(0, 1), *things, 1, filters)
    return [question.title for question in questions(about)]


def test_every_row_is_printed_with_its_figures_and_nothing_is_left_behind(tmp_path):
    ran = bench("--events", "2000", "4000", module=MODULE, TMPDIR=str(tmp_path))
    assert ran.returncode == GOOD, ran.stderr
    events, asked = (part.splitlines() for part in ran.stdout.split("\n\n")[:2])
    assert cells(events[0]) == ["an event", "2 k", "4 k", "growth"]
    assert [cells(line)[0] for line in events[2:]] == [
        "CPU us, batches of 64",
        "bytes written, batches of 64",
        "bytes made dirty, batches of 64",
        "bytes of the file",
        "CPU us while filling",
        "events a second while filling",
    ]
    assert cells(asked[0]) == ["CPU ms of a question", "2 k cold", "warm", "4 k cold", "warm", "growth cold", "warm"]
    assert [cells(line)[0] for line in asked[2:]] == titles()
    for lines, growths in ((events, 1), (asked, 2)):
        for line in lines[2:]:
            _, *figures = cells(line)
            assert all(re.fullmatch(FIGURE, figure) for figure in figures[:-growths]), line
            assert all(re.fullmatch(GROWTH, figure) for figure in figures[-growths:]), line
    assert "\033" not in ran.stdout + ran.stderr and "\r" not in ran.stderr
    assert not list(tmp_path.iterdir())


def test_figures_as_json_and_a_database_that_is_kept_and_not_changed(tmp_path):
    def asked():
        ran = bench("--events", "1000", "--keep", str(tmp_path / "kept"), "--json", module=MODULE)
        assert ran.returncode == GOOD, ran.stderr
        return json.loads(ran.stdout), ran.stderr

    first, _ = asked()
    (place,) = (tmp_path / "kept").glob("*.db")
    before = place.read_bytes()
    again, said = asked()
    assert "kept, " in said and place.read_bytes() == before
    (one,), (other,) = first["sizes"], again["sizes"]
    assert one["database"] == other["database"] and one["database"]["traffic"] == {"seed": 5, "events": 1_000}
    assert list(one["questions"]) == titles()
    assert set(one["questions"]["newest"]["cold"]) == {"cpu_ms", "wall_ms"}
    assert one["event"]["cpu_us"] > 0 and one["event"]["handed"] > 0
    assert set(first["growth"].values()) == {None}  # of one size


def test_every_question_of_the_report_is_asked():
    asked = {name for name, _ in inspect.getmembers(ReportReader, inspect.isfunction) if not name.startswith("_")}
    assert asked - NOT_QUESTIONS == {title.partition(",")[0] for title in titles()} - NO_ANSWERS


def test_questions_have_something_to_answer(full):
    about = subject(full.path)
    reader = SqliteQuestions(full.path)
    empty = [one.title for one in questions(about) if not holds_something(one.ask(reader))]
    reader.close()
    # One host; a person whose events are all in sessions; nobody at midnight; and nobody does anything, or comes to a
    # second page, unproven.
    acts = ("engaged", "hovers", "clicks", "forms", "next_pages", "slow")
    seldom = ("refused, one day", "forms, one day", "unconfirmed, one day", "slow, one day")
    nothing = [f"{name}, {days}, lane unproven" for name in acts for days in ("30 days", "one day")]
    assert set(empty) <= {
        "has_several_hosts",
        "people, now",
        "loose, of a person",
        "customers, of nobody",
        *seldom,
        *nothing,
    }


def holds_something(answer):
    if hasattr(answer, "total"):
        return answer.total > 0
    return answer.views > 0 if hasattr(answer, "median_ms") else bool(answer)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--events", "0"), "must be 1 or more"),
        (("--events", "10"), "1,000 at least"),
        (("--keep",), "expected one argument"),
    ],
)
def test_wrong_usage_is_told(words, said):
    ran = bench(*words, module=MODULE)
    assert ran.returncode == USAGE and said in ran.stderr and not ran.stdout


def test_a_folder_that_cannot_be_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    ran = bench("--events", "1000", "--keep", str(tmp_path / "file" / "below"), module=MODULE)
    assert ran.returncode == PROBLEM
    assert "Not a directory" in ran.stderr.splitlines()[-1]


def test_growth_is_the_exponent_of_the_events():
    assert exponent(2, 20, 10) == pytest.approx(1)
    assert exponent(2, 2, 10) == 0
    assert exponent(1, 100, 10) == pytest.approx(2)
    assert exponent(0, 1, 10) is exponent(1, 1, 1) is None


@pytest.mark.parametrize(
    ("number", "said"), [(10_000_000, "10 M"), (2_500, "2,500"), (300_000, "300 k"), (12_500_000, "12.5 M")]
)
def test_a_size_is_said_as_people_say_it(number, said):
    assert size(number) == said
