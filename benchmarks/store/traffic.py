"""A month of a site's traffic as one stream of store items in the order in which they come in; the same for the same
seed.

Law: a day follows from the seed, the size and its number alone, so that the day after the last one can be made without
those before it. A larger size is the same site with more visitors, not a longer time.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from random import Random

from benchmarks.store.people import Journey, Timed, person
from benchmarks.store.site import CRAWLERS, HOST, Site
from proxy.intake.handed import weight_of
from proxy.page.eligibility import Outcome
from proxy.store.base import Item, OptOut, Sweep, Visit
from proxy.store.counters import Blocked, BlockedPage, Outcomes, Unheld
from proxy.visitors.ids import bot_id, event_id, visitor_id
from proxy.visitors.times import DAY_MS, HOUR_MS, MINUTE_MS

DAYS = 30
FIRST_DAY = 20_604
"""Since 1970: 2026-05-31, in UTC."""
START = FIRST_DAY * DAY_MS
END = START + DAYS * DAY_MS
HOURS = (18, 11, 7, 5, 5, 8, 16, 28, 42, 52, 58, 60, 62, 60, 58, 57, 58, 62, 70, 80, 86, 76, 54, 32)
"""Sessions by hour of the day, the evening's the most."""
WEEK = (1.1, 1.08, 1.05, 1.02, 0.95, 0.85, 0.95)
"""By day of the week, the first one a Monday; their mean is 1."""
EVENTS_A_SESSION = 19.1
"""Rows of the store per session of people, with those of crawlers and tools: as this generator makes them."""
CRAWLED = 0.45
"""Pages asked for by crawlers, per session of people."""
TOOLS = 0.12
"""Visits by whatever never shows the page, per session of people."""
RETURNING = 0.38
"""Sessions of people who were here on a day before."""
RETURNS_AFTER_DAYS = 6.0
LOYAL = 0.25
"""Of returning ones: by the few who come again and again."""
OPTED_OUT = 0.002
BEFORE_DAYS = 60
"""People of these days before the first one come back in the month."""
TICK_MS = 5 * MINUTE_MS
"""Seldom, beside the product's seconds: of a small size the ticks would cost more than the events."""
OUTCOMES = (Outcome.VISIT, Outcome.ASSET, Outcome.BOT, Outcome.REDIRECT, Outcome.FRAGMENT, Outcome.HEAD_OR_OTHER)
REASONS = ("script-src", "meta: script-src", "sandbox")

Arrival = tuple[int, str, int]


@dataclass(frozen=True, slots=True)
class Traffic:
    """About `events` events in DAYS days."""

    seed: int
    events: int

    def items(self, first: int = 0, after: int = DAYS) -> Iterator[Item]:
        """Those of the days from `first` until before `after`, whose last sessions may go on into the next one."""
        site, number = Site(self.seed), count()
        waiting: list[tuple[int, int, Item]] = []
        for day in range(first, after):
            source = Random(f"day {day} of {self.events} {self.seed}")
            for time, kind, index in self._arrivals(source, day):
                while waiting and waiting[0][0] <= time:
                    yield heapq.heappop(waiting)[2]
                for at, item in self._come(source, site, time, kind, index):
                    heapq.heappush(waiting, (at, next(number), item))
        while waiting:
            yield heapq.heappop(waiting)[2]

    def sessions(self, day: int) -> int:
        """Of people."""
        return max(1, round(self.events / DAYS / EVENTS_A_SESSION * WEEK[(FIRST_DAY + day + 3) % 7]))

    def _new_before(self, day: int) -> int:
        """How many visitors had come by the start of a day."""
        return sum(self._new(one) for one in range(-BEFORE_DAYS, day))

    def _new(self, day: int) -> int:
        return max(1, round(self.sessions(day) * (1 - RETURNING)))

    def _arrivals(self, source: Random, day: int) -> list[Arrival]:
        """Who comes when, in that order: the kind, and for people the number of the visitor (new ones: -1 - number)."""
        start = START + day * DAY_MS
        sessions, new, known = self.sessions(day), self._new(day), self._new_before(day)
        people = [-1 - index for index in range(known, known + new)]
        people += [self._returning(source, known, new) for _ in range(sessions - new)]
        source.shuffle(people)
        hours = source.choices(range(24), HOURS, k=sessions)
        found: list[Arrival] = [
            (start + hour * HOUR_MS + source.randrange(HOUR_MS), "person", index)
            for hour, index in zip(hours, people, strict=True)
        ]
        for kind, share in (("bot", CRAWLED), ("tool", TOOLS)):
            found += [(start + source.randrange(DAY_MS), kind, 0) for _ in range(max(1, round(sessions * share)))]
        found += [(start + tick, "tick", max(1, sessions * TICK_MS // DAY_MS)) for tick in range(0, DAY_MS, TICK_MS)]
        return sorted(found)

    def _returning(self, source: Random, known: int, new: int) -> int:
        """A visitor of a day before: few days ago more likely than many, or one of the loyal ones."""
        if source.random() < LOYAL:
            return int(source.random() ** 3 * min(known, new * 4))
        return max(0, known - 1 - int(source.expovariate(1 / RETURNS_AFTER_DAYS) * new))

    def _come(self, source: Random, site: Site, time: int, kind: str, index: int) -> Sequence[Timed]:
        if kind == "person":
            who = person(self.seed, index if index >= 0 else -1 - index, index >= 0)
            items = Journey(source, site, who, time).items
            if source.random() < OPTED_OUT:
                ended = max(at for at, _ in items) + MINUTE_MS
                items.append((ended, OptOut(who.uuid, ended)))
            return items
        if kind == "tick":
            return _tick(source, site, time, index)
        page = site.entry(source)
        is_bot = kind == "bot"
        crawler = int(source.random() ** 2 * CRAWLERS)
        uuid = bot_id(f"Crawler-{crawler}/1.0") if is_bot else visitor_id(source.randbytes(16))
        ident, upstream_ms = event_id(time, source.randbytes(10)), int(source.lognormvariate(3.4, 1.4))
        facts = (("nav", "navigate"), ("status", 200 if source.random() < 0.95 else 404))
        told = (("source", "WEB_DESKTOP"), ("trigger", "page.visit"))
        visit = Visit(ident, uuid, time, HOST, page.path, page.uri, is_bot, False, None, upstream_ms, facts, told)
        return [(time, visit)]


def _tick(source: Random, site: Site, time: int, n: int) -> list[Timed]:
    """What a process writes by itself: counters, and the ends of sessions."""
    day = time // DAY_MS
    counts = tuple((day, HOST, str(name), n * (at * 7 % 10 + 1)) for at, name in enumerate(OUTCOMES))
    items: list[Timed] = [(time, Outcomes(counts)), (time, Sweep(time))]
    if source.random() < 0.2:
        blocked = BlockedPage(day, HOST, site.entry(source).path, source.choice(REASONS), n, time)
        items += [(time, Blocked((blocked,))), (time, Unheld(day, 1, time, time, time))]
    return items


def batches(items: Iterator[Item], weight: int) -> Iterator[list[Item]]:
    """Items in their order, as many together as have `weight` events, or an item more."""
    batch: list[Item] = []
    together = 0
    for item in items:
        batch.append(item)
        together += weight_of(item)
        if together >= weight:
            yield batch
            batch, together = [], 0
    if batch:
        yield batch
