"""What the soak judges: the verdicts on samples and counts, and the stretches of time that are compared."""

from dataclasses import replace

import pytest

from benchmarks.load import LoadError
from benchmarks.soak.mix import BEACON, FIRST, KINDS, LONG, Requests, Visitor
from benchmarks.soak.shown import is_good, text
from benchmarks.soak.verdict import MB, Found, Phases, Stored, growth, lines, per_stalled, resident
from benchmarks.soak.watching import Sample, Seen

PARENT = Seen(rss=30 * MB, pss=20 * MB, private=18 * MB, sockets=3, descriptors=9, threads=2)
WORKER = Seen(rss=50 * MB, pss=40 * MB, private=38 * MB, sockets=3, descriptors=18, threads=2)
WRITER = Seen(rss=40 * MB, pss=30 * MB, private=28 * MB, sockets=4, descriptors=13, threads=1)
BEFORE = Sample(0.0, PARENT, WORKER, WRITER, cpu=0.0, tcp=0)
STORED = Stored(
    pages=900, pages_once=900, events=100, events_once=100, others=3, cut=5, failed=0, integrity="ok"
)  # fmt: skip
HALF_AN_HOUR = Phases.of(1_800)
STALLED = 10
SENT = {
    "asked": {"first": 2},
    "answered": {"first": 2},
    "seconds": 600.0,
    "longest_queue": 1,
    "page_ms": [1.0, 2.0, 3.0],
    "longest_ms": 4.0,
}


def with_memory(size: float, at: float) -> Sample:
    """The worker's, of which 12 MB are shared."""
    worker = replace(WORKER, rss=int(size), pss=int(size), private=int(size) - 12 * MB, sockets=160)
    return Sample(at, PARENT, worker, WRITER, cpu=at / 2, tcp=0)


def soaked(memory=lambda at: 80 * MB, phases: Phases = HALF_AN_HOUR) -> Found:
    """A run in which all is well; `memory`: of the worker, second by second."""
    return Found(
        phases=phases,
        before=BEFORE,
        samples=[with_memory(memory(at), at) for at in range(int(phases.seconds))],
        after=BEFORE,
        stalled=STALLED,
        wanted_rate=100.0,
        asked=180_000,
        answered=180_000,
        seconds=1_800.0,
        wrong={},
        log=[],
        stored=STORED,
    )


def faults(found: Found) -> list[str]:
    return [line.title for line in lines(found) if line.is_good is False]


def test_half_an_hour_compares_minutes_eleven_and_twelve_with_the_last_two():
    assert HALF_AN_HOUR.stall_at == 120 and HALF_AN_HOUR.is_warm
    assert HALF_AN_HOUR.early == (600, 720) and HALF_AN_HOUR.late == (1_680, 1_800)
    assert HALF_AN_HOUR.alone == (110, 120) and HALF_AN_HOUR.stalled == (122, 132)


@pytest.mark.parametrize("seconds", [15, 20, 60, 180, 600, 1_800, 36_000])
def test_stretches_follow_each_other_and_are_never_empty(seconds):
    phases = Phases.of(seconds)
    stretches = (phases.alone, phases.stalled, phases.early, phases.late)
    times = [at for stretch in stretches for at in stretch]
    assert times == sorted(times) and times[0] >= 0 and times[-1] == seconds
    assert all(end - begin >= 1 for begin, end in stretches)
    assert phases.alone[1] == phases.stall_at < phases.stalled[0]


def test_a_time_too_short_for_warm_memory_says_so_and_judges_all_the_rest():
    short = soaked(lambda at: 80 * MB + at * 100_000, Phases.of(600))
    unjudged = [line.title for line in lines(short) if line.is_good is None]
    assert unjudged == ["memory, from the early minutes to the last", "private memory, the same"]
    assert is_good(short) and not is_good(replace(short, answered=1))
    assert "too short to tell" in text(short, 200.0, SENT, {"stalled": 7})


def test_all_is_well():
    assert faults(soaked()) == []


def test_memory_may_become_five_megabytes_more_and_no_byte_beyond():
    early, late = HALF_AN_HOUR.early[1], HALF_AN_HOUR.late[0]
    allowed = soaked(lambda at: 80 * MB if at <= early else 85 * MB)
    assert growth(allowed, resident) == 5 * MB and faults(allowed) == []
    more = soaked(lambda at: 80 * MB if at < late else 85 * MB + 1)
    assert faults(more) == ["memory, from the early minutes to the last", "private memory, the same"]


def test_memory_that_grows_all_the_time_is_not_flat_and_less_of_it_is():
    assert growth(soaked(lambda at: 80 * MB + at * 10_000), resident) == pytest.approx(10.8 * MB, rel=0.01)
    assert faults(soaked(lambda at: 80 * MB - at * 10_000)) == []


def test_a_few_seconds_with_much_memory_are_not_what_is_usual():
    assert faults(soaked(lambda at: 300 * MB if 1_700 < at < 1_730 else 80 * MB)) == []


def test_stalled_visitors_have_two_megabytes_each():
    at_their_coming = HALF_AN_HOUR.stall_at
    allowed = soaked(lambda at: 60 * MB if at <= at_their_coming else (60 + 2 * STALLED) * MB)
    assert per_stalled(allowed) == 2 * MB and faults(allowed) == []
    more = soaked(lambda at: 60 * MB if at <= at_their_coming else (60 + 2 * STALLED) * MB + STALLED)
    assert faults(more) == ["memory of each stalled visitor"]


@pytest.mark.parametrize("what", ["sockets", "descriptors", "threads"])
@pytest.mark.parametrize("whose", ["parent", "worker", "writer"])
def test_what_is_left_open_is_a_fault_and_what_was_closed_is_none(what, whose):
    process = getattr(BEFORE, whose)
    for number, expected in ((1, [f"{what} afterwards, parent, worker, writer"]), (-1, [])):
        changed = replace(process, **{what: getattr(process, what) + number})
        assert faults(replace(soaked(), after=replace(BEFORE, **{whose: changed}))) == expected


@pytest.mark.parametrize(
    "changes, title",
    [
        ({"asked": 180_001}, "requests not answered as they should be"),
        ({"wrong": {"7 KB page: 502": 1}}, "anything else that went wrong"),
        ({"log": ["ERROR"]}, "complaints in footfall's log"),
        ({"seconds": 1_900.0}, "answers a second, beside half load"),
        ({"stored": replace(STORED, pages_once=899)}, "pages answered whole: in the store once"),
        ({"stored": replace(STORED, events_once=99)}, "events taken: in the store once"),
        ({"stored": replace(STORED, others=6)}, "other pages in the store"),
        ({"stored": replace(STORED, failed=1)}, "requests that footfall counted as failed"),
        ({"stored": replace(STORED, integrity="row 3 missing")}, "PRAGMA integrity_check"),
    ],
)
def test_each_fault_is_told_by_a_line_of_its_own(changes, title):
    assert faults(replace(soaked(), **changes)) == [title]


def test_samples_that_are_missing_are_no_verdict():
    with pytest.raises(LoadError, match="nothing was seen between"):
        lines(replace(soaked(), samples=[]))


def test_the_mix_is_all_of_it_and_comes_as_stated():
    assert sum(kind.share for kind in KINDS) == 100
    page = "A" * 43
    made = Requests(8080, '"tag"', [Visitor("footfall=1", page)], seed=1)
    asked = [made.next() for _ in range(5_000)]
    for kind in KINDS:
        assert sum(one[0] is kind for one in asked) == pytest.approx(50 * kind.share, rel=0.25)
    for kind, visitor, request, events in asked:
        assert (b"cookie: footfall=1\r\n" in request) == (kind is not FIRST) == (visitor is not None)
        assert len(events) == 10 * (kind is BEACON)
        assert kind is not LONG or request.endswith(b"\r\n\r\n")
    told = [event for *_, events in asked for event in events]
    assert len(set(told)) == len(told)


def test_only_the_first_beacon_of_a_page_confirms_it():
    visitor = Visitor("footfall=1", "A" * 43)
    made = Requests(8080, '"tag"', [visitor], seed=1)

    def beacons(number):
        found = [request for kind, _, request, _ in (made.next() for _ in range(2_000)) if kind is BEACON]
        return [b'"confirm"' in request for request in found[:number]]

    assert beacons(3) == [True, False, False]
    visitor.page = "B" * 43
    assert beacons(3) == [True, False, False]
