"""What must hold after the soak, judged from what was seen and counted. Pure: no clock, no process, no file.

Memory is what all processes of footfall have resident together, the median of a stretch of time, since single seconds
hold a garbage collection or a batch more or less.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.load import LoadError
from benchmarks.soak.watching import Sample, Seen

MB = 1_000_000
FLAT_BYTES = 5 * MB
STALLED_BYTES = 2 * MB
LEAST_RATE = 0.95
"""Of the rate that was wanted: less is no half load."""
WARM_SECONDS = 600.0
"""What is remembered up to a limit is full by then: SQLite's pages alone, 32 MB of them, took four to nine minutes of
half load on two slow cores."""

Stretch = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Phases:
    """Seconds since the load began: `alone` right before the stalled visitors come, `stalled` right after, so that not
    much else can have changed; `early` and `late` are compared."""

    seconds: float
    stall_at: float
    alone: Stretch
    stalled: Stretch
    early: Stretch
    late: Stretch

    @classmethod
    def of(cls, seconds: float) -> "Phases":
        """Of half an hour: stalled visitors from the third minute on, minutes 11 and 12 beside the last two. Shorter
        times are divided alike, as far as they go."""
        stall_at, early = min(120.0, seconds / 5), min(WARM_SECONDS, seconds * 0.6)
        settled, beside, compared = min(2.0, seconds / 50), min(10.0, seconds / 10), min(120.0, seconds / 10)
        return cls(
            seconds,
            stall_at,
            alone=(stall_at - beside, stall_at),
            stalled=(stall_at + settled, stall_at + settled + beside),
            early=(early, early + compared),
            late=(seconds - compared, seconds),
        )

    @property
    def is_warm(self) -> bool:
        """Whether what is compared says something of memory."""
        return self.early[0] >= WARM_SECONDS


@dataclass(frozen=True, slots=True)
class Stored:
    """What the store has of what was asked and told. `cut`: pages that were left in the middle, which it may have."""

    pages: int
    pages_once: int
    events: int
    events_once: int
    others: int
    cut: int
    failed: int
    integrity: str


@dataclass(frozen=True, slots=True)
class Found:
    """All that is judged. `wrong`: what was not as it should be, and how often; `log`: lines that complain."""

    phases: Phases
    before: Sample
    samples: Sequence[Sample]
    after: Sample
    stalled: int
    wanted_rate: float
    asked: int
    answered: int
    seconds: float
    wrong: Mapping[str, int]
    log: Sequence[str]
    stored: Stored


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that must hold. `is_good` None: it cannot be told, since the soak was too short."""

    title: str
    found: str
    wanted: str
    is_good: bool | None


def resident(sample: Sample) -> int:
    return sum(one.rss for one in sample.by_name.values())


def private(sample: Sample) -> int:
    return sum(one.private for one in sample.by_name.values())


def within(samples: Sequence[Sample], stretch: Stretch) -> list[Sample]:
    return [one for one in samples if stretch[0] <= one.at <= stretch[1]]


def usual(samples: Sequence[Sample], stretch: Stretch, measure: Callable[[Sample], int]) -> float:
    """The median, in bytes. Raises LoadError where nothing was seen then."""
    found = within(samples, stretch)
    if not found:
        raise LoadError(f"nothing was seen between {stretch[0]:.0f} and {stretch[1]:.0f} s")
    return median(map(measure, found))


def growth(found: Found, measure: Callable[[Sample], int]) -> float:
    """Bytes, from the early stretch to the late one."""
    return usual(found.samples, found.phases.late, measure) - usual(found.samples, found.phases.early, measure)


def per_stalled(found: Found) -> float:
    """Bytes that each stalled visitor has added when they came."""
    alone = usual(found.samples, found.phases.alone, resident)
    return (usual(found.samples, found.phases.stalled, resident) - alone) / found.stalled


def lines(found: Found) -> list[Line]:
    """Everything that must hold, in the order in which it is shown. Raises LoadError where too little was seen."""
    rate, each, stored = found.answered / found.seconds, per_stalled(found), found.stored
    return [
        Line(
            "answers a second, beside half load",
            f"{rate:.0f}",
            f"at least {LEAST_RATE:.0%} of {found.wanted_rate:.0f}",
            rate >= LEAST_RATE * found.wanted_rate,
        ),
        Line("requests not answered as they should be", *_none(found.asked - found.answered)),
        Line("anything else that went wrong", *_none(sum(found.wrong.values()))),
        Line("memory, from the early minutes to the last", *_flat(found, resident)),
        Line("private memory, the same", *_flat(found, private)),
        Line("memory of each stalled visitor", _mb(each), "at most 2 MB", each <= STALLED_BYTES),
        *(
            _back(title, found, measure)
            for title, measure in (
                ("sockets", lambda seen: seen.sockets),
                ("descriptors", lambda seen: seen.descriptors),
                ("threads", lambda seen: seen.threads),
            )
        ),
        Line("complaints in footfall's log", *_none(len(found.log))),
        Line("requests that footfall counted as failed", *_none(stored.failed)),
        Line(
            "pages answered whole: in the store once",
            f"{stored.pages_once:,}",
            f"all {stored.pages:,}",
            stored.pages_once == stored.pages,
        ),
        Line(
            "other pages in the store",
            f"{stored.others:,}",
            f"at most {stored.cut:,} left in the middle",
            stored.others <= stored.cut,
        ),
        Line(
            "events taken: in the store once",
            f"{stored.events_once:,}",
            f"all {stored.events:,}",
            stored.events_once == stored.events,
        ),
        Line("PRAGMA integrity_check", stored.integrity, "ok", stored.integrity == "ok"),
    ]


def _none(number: int) -> tuple[str, str, bool]:
    return f"{number:,}", "0", number == 0


def _flat(found: Found, measure: Callable[[Sample], int]) -> tuple[str, str, bool | None]:
    grown = growth(found, measure)
    return _mb(grown), "at most 5 MB more", grown <= FLAT_BYTES if found.phases.is_warm else None


def _mb(size: float) -> str:
    return f"{size / MB:.2f} MB"


def _back(title: str, found: Found, measure: Callable[[Seen], int]) -> Line:
    """Each process has as many as before, or fewer."""
    before, after = ([measure(seen) for seen in one.by_name.values()] for one in (found.before, found.after))
    good = all(now <= then for now, then in zip(after, before, strict=True))
    whose = ", ".join(found.before.by_name)
    return Line(f"{title} afterwards, {whose}", ", ".join(map(str, after)), ", ".join(map(str, before)), good)
