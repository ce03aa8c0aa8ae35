"""The guard's judgement: what callgrind wrote, what the reference says, and when it is too much."""

import json
import math
from dataclasses import replace

import pytest

from benchmarks.guard.requests import COUNTED, expected, head, requests_of
from benchmarks.guard.verdict import (
    RATIO,
    Reference,
    ReferenceFault,
    differences,
    highest_ratio,
    instructions,
    judged,
    lines,
    table,
    usual,
)
from benchmarks.load import INSIDE, FirstAnswer, Request
from benchmarks.rows import BARE, TEN, TRACKED, Visitors
from benchmarks.servers import ROOT

STATUS = """instrumentation: on
executed-bbs: 437
distinct-functions: 119
events: Ir
part: 0
threads: 1 2
current-tid: 1
events-1: 123000
frames-1: 2
function-1-0: uv_run
calls-1-0: 1
events-1-0: 1830
function-1-1: uv__run_timers
calls-1-1: 1
events-1-1: 1455
events-2: 456
frames-2: 0
"""
MADE_WITH = {"Python": "3.11.2 (GCC 12.2.0)", "SQLite": "3.40.1", "C library": "glibc 2.36", "machine": "x86_64"}
BEFORE = Reference(MADE_WITH, {"a page": 400_000, "an image": 300_000}, "a CPU", 4.0)


def found(page, image=300_000, ratio=4.0):
    return Reference(MADE_WITH, {"a page": page, "an image": image}, "a CPU", ratio)


def test_what_callgrind_counted_is_the_sum_of_its_threads():
    assert instructions(STATUS) == 123_456


@pytest.mark.parametrize(
    "text", ["", "no callgrind\n", STATUS.replace("events: Ir\n", "events: Ir Dr Dw\n"), "events: Ir\n"]
)
def test_what_is_no_count_of_instructions_is_not_taken_for_one(text):
    with pytest.raises(ValueError, match="does not say"):
        instructions(text)


def test_what_comes_by_the_clock_is_not_a_requests_and_what_all_of_them_take_is():
    calm = [1_000 + at % 7 for at in range(40)]
    disturbed = [count + 400 * (at % 3 > 0) for at, count in enumerate(calm)]
    assert usual(calm) <= usual(disturbed) <= 1.01 * usual(calm)
    assert usual([400, *calm[1:]]) == usual(calm)  # a single low one is as much an accident
    assert usual([count + 60 for count in disturbed]) == usual(disturbed) + 60
    assert usual([7]) == 7


def test_a_reference_is_read_as_it_was_written():
    assert Reference.parse(BEFORE.text()) == BEFORE
    assert json.loads(BEFORE.text())["instructions"] == {"a page": 400_000, "an image": 300_000}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{", "not what --update writes"),
        ("[]", "not what --update writes"),
        ("{}", "no 'instructions'"),
        ('{"made_with": {}, "processor": "", "ratio": 4.0, "instructions": {}}', "none at all"),
        ('{"made_with": {}, "processor": "", "ratio": 4.0, "instructions": {"a page": 0}}', "not more than 0"),
        ('{"made_with": {}, "processor": "", "ratio": 0, "instructions": {"a page": 1}}', "not more than 0"),
        (
            '{"made_with": {}, "processor": "", "ratio": 4.0, "instructions": {"a page": "many"}}',
            "not what --update writes",
        ),
    ],
)
def test_a_file_that_is_no_reference_says_why(text, fault):
    with pytest.raises(ReferenceFault, match=fault):
        Reference.parse(text)


def test_the_reference_of_this_tree_has_every_row_that_is_counted():
    kept = Reference.parse((ROOT / "benchmarks" / "guard.json").read_text())
    assert list(kept.instructions) == [row.title for row in COUNTED]
    assert kept.made_with.keys() == MADE_WITH.keys()


@pytest.mark.parametrize(
    ("now", "over"),
    [
        (found(400_000), []),
        (found(200_000, 100_000, 1.0), []),
        (found(419_999, 314_999, ratio=4.79), []),
        (found(420_400), ["a page"]),
        (found(420_400, 315_300), ["a page", "an image"]),
        (found(400_000, ratio=4.81), [RATIO]),
    ],
)
def test_more_than_may_be_added_is_too_much_and_nothing_else_is(now, over):
    shown = lines(now, BEFORE)
    assert [one.title for one in shown if one.is_over] == over
    assert [sentence.partition(": ")[0] for sentence in judged(shown)] == [one.partition(": ")[0] for one in over]


def test_a_sentence_says_how_much_was_added_to_what():
    assert judged(lines(found(440_000), BEFORE)) == [
        "a page: 440,000 is 10.0% more than 400,000; at most 5% may be added"
    ]


def test_the_table_has_every_figure_beside_its_reference():
    heading, _, *rows = table(lines(found(410_000, ratio=3.9), BEFORE)).splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert cells == [
        ["a page", "410,000", "400,000", "+2.5%"],
        ["an image", "300,000", "300,000", "+0.0%"],
        [RATIO, "3.90", "4.00", "-2.5%"],
    ]
    assert heading.startswith("| instructions per request")


def test_what_has_no_reference_is_shown_and_not_judged():
    alone = lines(found(10**9), None)
    assert not judged(alone) and "1,000,000,000" in table(alone)
    new = Reference(MADE_WITH, {"a page": 400_000, "a new row": 10**9}, "a CPU", 4.0)
    assert not judged(lines(new, BEFORE))


def test_counts_of_another_interpreter_library_or_machine_are_not_compared():
    assert differences(MADE_WITH, dict(MADE_WITH)) == []
    assert differences({**MADE_WITH, "Python": "3.13.1 (GCC 14)"}, MADE_WITH) == [
        "Python 3.13.1 (GCC 14), not 3.11.2 (GCC 12.2.0)"
    ]
    assert differences(MADE_WITH, {**MADE_WITH, "kernel": "6"}) == ["kernel unknown, not 6"]
    assert differences({**MADE_WITH, "machine": "aarch64"}, {}) == [
        f"{name} {version}, not unknown" for name, version in {**MADE_WITH, "machine": "aarch64"}.items()
    ]


def test_a_ratio_of_another_processor_is_not_compared_and_the_counts_are():
    other = replace(found(440_000, ratio=9.0), processor="another CPU")
    assert [one.partition(": ")[0] for one in judged(lines(other, BEFORE))] == ["a page"]
    assert highest_ratio(BEFORE, "a CPU") == pytest.approx(4.8) and highest_ratio(BEFORE, "another CPU") == math.inf


def test_rows_beside_nginx_and_the_bare_proxy_are_counted():
    assert (
        [row.title for row in COUNTED if row.is_reference]
        == [row.title for row in COUNTED if row.subject == BARE]
        == ["7 KB page, bare proxy: nothing tracked"]
    )
    assert TRACKED in COUNTED and TEN in COUNTED and len(COUNTED) == 6


def test_a_request_is_what_a_browser_sends_and_a_first_visit_has_no_cookie():
    visitors = Visitors([FirstAnswer(f"footfall={number}; Path=/", b"") for number in range(64)])
    for row in COUNTED:
        if row.events:
            continue
        made = requests_of(row, 8080, visitors, 20, seed=1)
        assert len(made) == 20 and made == requests_of(row, 8080, visitors, 20, seed=2)
        assert len(set(made)) == (8 if row.returning else 1)
        assert all((b"\r\nCookie: footfall=" in one) == row.returning for one in made)
    (one, *_) = requests_of(TRACKED, 8080, visitors, 1, seed=1)
    assert one == head(8080, Request("/small.html", INSIDE), "footfall=0")
    assert one.startswith(b"GET /small.html HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n") and one.endswith(b"\r\n\r\n")
    assert b"referer: http://127.0.0.1:8080/\r\n" in one


def test_a_tracked_page_counts_with_its_tag_alone_and_a_beacon_with_all_of_its_events():
    assert {row.title: expected(row) for row in COUNTED} == {
        row.title: '202 "accepted":10,' if row is TEN else "200 data-page=" if row.visits else "200" for row in COUNTED
    }
