"""Two months of the demo's shop: what its simulated visitors plan, as the items that intake would hand to a store.

Law: the same at every run, up to `NOW`; a page has what the shop's own page has, and an event is what
events/incoming.py makes of what a tracker sends. People come in the day, and more of them as time goes on.
"""

import http.client
from collections.abc import Iterator
from itertools import groupby
from random import Random
from typing import NamedTuple
from urllib.parse import parse_qsl, urljoin

from wire import serving

from proxy.demo.pages import Form, Page, read_page
from proxy.demo.people import FIRST_NAMES
from proxy.demo.plans import Act, Arrive, Fill, Follow, Look, Move, Plan, Press, Reload, Step, Submit
from proxy.demo.shop import app as shop_app
from proxy.demo.walks import plan
from proxy.events.incoming import BrowserEvent, read_event
from proxy.page.eligibility import Outcome
from proxy.store.base import Confirmation, FormAnswer, Item, Refusal, Sweep, Visit
from proxy.store.counters import Blocked, BlockedPage, Outcomes
from proxy.visitors.customers import Customers, mark_keys
from proxy.visitors.ids import PageId, event_id, text_of, visitor_id
from proxy.visitors.times import DAY_MS, HOUR_MS, MINUTE_MS

NOW = 1_781_714_520_000
"""17 June 2026, 16:42 UTC: a Wednesday."""
DAYS = 62
A_DAY, FEWER_A_DAY = 24, 0.16
"""Visitors of today, and how many fewer there were on each day before."""
WEEKEND = 0.62
RETURNING, UNPROVEN, SILENT, CUSTOMER = 0.22, 0.08, 0.03, 0.12
"""Of the people who come: who were here before, of whom nothing but a request is known, whose tracker says nothing, and
who are known as customers."""
SLOW = 0.015
"""Of the pages, on which the shop has to think."""
READS_TIMES = 6
"""A simulated visitor is in a hurry."""
HOST = "shop.example"
ORIGIN = f"https://{HOST}"
CUSTOMERS = Customers(mark_keys([b"a key of the test's customers..."]))
NAMES = tuple(f"{name}.{family}@example.com".lower() for family in ("Moss", "Reed", "Vale") for name in FIRST_NAMES)
"""By which the shop knows its customers."""
OTHERS = ((Outcome.ASSET, 3.1), (Outcome.REDIRECT, 0.14), (Outcome.PREFETCH, 0.08), (Outcome.HEAD_OR_OTHER, 0.05))
"""Other requests, for each page."""
SWEEPS = 10
"""More than it takes to end all sessions that are over."""
Timed = tuple[int, Item]


class Browser(NamedTuple):
    """Whose it is: the uuid, the customer's name ('' nobody's), and whether the cookie was there before."""

    uuid: bytes
    customer: str
    came_back: bool


def items(days: int = DAYS) -> Iterator[list[Item]]:
    """Everything of so many days up to NOW in the order of its time, some hundreds at once."""
    random = Random(41)
    pages = _pages()
    known: list[Browser] = []
    told: list[Timed] = []
    for ago in range(days - 1, -1, -1):
        midnight = NOW // DAY_MS * DAY_MS - ago * DAY_MS
        is_weekend = midnight // DAY_MS % 7 in (2, 3)  # since Thursday, 1 January 1970
        number = (A_DAY - FEWER_A_DAY * ago) * (WEEKEND if is_weekend else 1) * random.uniform(0.85, 1.15)
        told += _day(random, pages, known, midnight, round(number), ago)
    told = sorted((one for one in told if one[0] <= NOW), key=lambda one: one[0])
    for _, hours in groupby(told, key=lambda one: one[0] // (12 * HOUR_MS)):
        yield [item for _, item in hours]
    yield from ([Sweep(NOW)] for _ in range(SWEEPS))


def _day(
    random: Random, pages: dict[str, Page], known: list[Browser], midnight: int, number: int, day: int
) -> list[Timed]:
    told: list[Timed] = []
    for one in plan(number, 60, random.randrange(10**6)):
        begin = midnight + int(random.triangular(6.5, 23.2, 18) * HOUR_MS)
        if day == 0 and random.random() < 0.4:
            begin = NOW - random.randrange(9 * MINUTE_MS)  # they are on the site now
        is_back = len(known) > 20 and random.random() < RETURNING
        who = random.choice(known) if is_back else _somebody(random)
        told += Walk(random, pages, who, one, begin).told
        known += [] if is_back else [who._replace(came_back=True)]
    told += [_bot(random, midnight + random.randrange(DAY_MS)) for _ in range(number // 3)]
    served = [item for at, item in told if isinstance(item, Visit) and at <= NOW]
    counts = [(Outcome.VISIT, sum(not one.bot for one in served)), (Outcome.BOT, sum(one.bot for one in served))]
    counts += [(name, round(times * random.uniform(0.9, 1.2) * len(served))) for name, times in OTHERS]
    at = min(midnight + DAY_MS - 1, NOW)
    told.append((at, Outcomes(tuple((midnight // DAY_MS, HOST, str(name), n) for name, n in counts))))
    if day % 9 == 0:
        policy = "the page's Content-Security-Policy forbids it: script-src 'none'"
        told.append((at, Blocked((BlockedPage(midnight // DAY_MS, HOST, "/checkout", policy, 2, at),))))
    return told


def _somebody(random: Random) -> Browser:
    customer = random.choice(NAMES) if random.random() < CUSTOMER else ""
    return Browser(visitor_id(random.randbytes(16)), customer, False)


def _bot(random: Random, at: int) -> Timed:
    uuid, path = visitor_id(bytes([random.randrange(5)]) * 16), random.choice(("/", "/range", "/about"))
    facts, told = (("nav", "navigate"), ("status", 200)), (("source", "WEB_DESKTOP"), ("trigger", "page.visit"))
    event = event_id(at, random.randbytes(10))
    return at, Visit(event, uuid, at, HOST, path, f"{ORIGIN}{path}", True, False, None, 9, facts, told)


def _pages() -> dict[str, Page]:
    """What there is on each page of the shop."""
    planned = {step.shown for one in plan(400, 60, 1) for step in one.steps}
    with serving(shop_app()) as shop:
        connection = http.client.HTTPConnection("127.0.0.1", shop.port, timeout=10)

        def text(path: str) -> str:
            is_sent = path == "/newsletter"
            connection.request("POST" if is_sent else "GET", path, "email=ada%40example.com" if is_sent else None)
            return connection.getresponse().read().decode()

        return {path: read_page(text(path)) for path in sorted(planned)}


class Walk:
    """One plan, walked from `begin` on: `told` is what came of it, each with its time."""

    def __init__(self, random: Random, pages: dict[str, Page], who: Browser, one: Plan, begin: int) -> None:
        self.told: list[Timed] = []
        self._random, self._pages, self._who, self._plan = random, pages, who, one
        self._is_silent = random.random() < SILENT
        self._is_unproven = not who.came_back and random.random() < UNPROVEN
        self._at, self._before = begin, ""
        self._sent: Form | None = None
        steps = one.steps[: 1 if self._is_unproven else None]
        for number, step in enumerate(steps):
            self._step(step, steps[number + 1].move if number + 1 < len(steps) else None, number == 0)

    def _step(self, step: Step, onward: Move | None, is_first: bool) -> None:
        page, move = self._pages[step.shown], step.move
        uri = urljoin(ORIGIN, step.ask or step.shown)
        referrer = move.referrer if isinstance(move, Arrive) else self._before
        utm = tuple(parse_qsl(uri.partition("?")[2]))
        device = "WEB_MOBILE" if self._plan.device.touch else "WEB_DESKTOP"
        facts = (("source", device), ("language", self._plan.language[:5]), *utm, ("trigger", "page.visit"))
        nav = "reload" if isinstance(move, Reload) else "navigate"
        posted: tuple[tuple[str, object], ...] = ()
        if isinstance(move, Submit) and self._sent is not None and self._sent.method == "post":
            posted = (("method", "POST"),) if step.status >= 400 or step.shown == self._sent.action else ()
            status = step.status if posted else 303
            answer = FormAnswer(self._who.uuid, self._at - 5, HOST, self._sent.action, status)
            self.told.append((answer.time, answer))
        elif isinstance(move, Submit) and self._sent is not None:
            uri += "?product=" + self._before.rpartition("/")[2]
        came_back = self._who.came_back or not is_first
        visit = Visit(
            *(self._id(), self._who.uuid, self._at, HOST, step.shown, uri, False, came_back, referrer or None),
            *(self._took(), (("nav", "navigate"), ("status", step.status), *posted, *utm), facts),
        )
        self.told.append((self._at, visit))
        self._before = uri
        if self._is_silent or self._is_unproven:
            self._at += step.lasts_ms
            return
        of = PageId(visit.id, True, not came_back, self._at // MINUTE_MS)
        shown = self._id()
        confirmation = Confirmation(
            *(of, self._who.uuid, visitor_id(self._random.randbytes(16)), self._at + 240, shown, uri, HOST, step.shown),
            *(page.title, referrer or None, nav, utm, facts),
        )
        self.told.append((self._at + 240, confirmation))
        said = confirmation._replace(id=None, uri="", path="", title="", referrer=None, utm=())
        self._acts(step, onward, page, said, shown)

    def _took(self) -> int:
        """How long the shop needs, now and then too long."""
        return self._random.randint(1_000, 3_400) if self._random.random() < SLOW else self._random.randint(6, 60)

    def _acts(self, step: Step, onward: Move | None, page: Page, message: Confirmation, view: bytes) -> None:
        """What is done on the page, told when it is left."""
        begin, begun = self._at, set[str]()
        found: list[tuple[int, str, dict[str, object]]] = []
        for act in step.acts:
            self._at += act.wait_ms + (0 if isinstance(act, Press) else act.dwell_ms)
            if isinstance(act, Fill):
                tag = next((one.tag for one in page.form(act.form).fields if one.name == act.field), "")
                if tag and act.form not in begun:
                    begun.add(act.form)
                    found.append((self._at - act.dwell_ms, "form.start", {"form": act.form, "field": tag}))
                if tag:
                    told = {"form": act.form, "field": tag, "filled": True, "dwell_ms": act.dwell_ms, "refocus": 0}
                    found.append((self._at, "field.change", told))
            else:
                found += self._pointed(page, act)
        self._at += step.read_ms * READS_TIMES
        if isinstance(onward, Follow | Submit):
            found += self._leading(page, step, onward)
        used = {"engaged_ms": self._at - begin, "scroll_pct": step.scroll_pct}
        found.append((self._at, "page.leave", used))
        refused: tuple[Refusal, ...] = ()
        if self._random.random() < 0.004:
            refused = (Refusal("newsletter.popup", "undefined_action", ""),)
        events = tuple(self._event(view, *one) for one in found)
        marks = CUSTOMERS.marks(self._who.customer) if self._who.customer else ()
        self.told.append(
            (self._at, message._replace(received=self._at, events=events, refusals=refused, customer=marks))
        )
        self._at += 90

    def _pointed(self, page: Page, act: Act) -> Iterator[tuple[int, str, dict[str, object]]]:
        element = page.element(act.name)
        if element is not None and isinstance(act, Look) and element.tells("hover") and act.dwell_ms >= 300:
            told = {**dict(element.params), "name": element.name, "dwell_ms": act.dwell_ms}
            yield self._at, f"{element.context}.hover", told
        elif element is not None and isinstance(act, Press) and element.tells("click"):
            yield self._at, f"{element.context}.click", {"name": element.name, "via": "mouse"}

    def _leading(self, page: Page, step: Step, move: Follow | Submit) -> Iterator[tuple[int, str, dict[str, object]]]:
        """The click that leads on, and the form that is sent."""
        self._at += move.aim_ms
        form = self._sent = page.form(move.form) if isinstance(move, Submit) else None
        element = page.element(move.name) if isinstance(move, Follow) else form.button
        via = "touch" if self._plan.device.touch else "mouse"
        if element is not None and element.tells("click"):
            yield self._at, f"{element.context}.click", {**dict(element.params), "name": element.name, "via": via}
        if form is not None:
            typed = {act.field for act in step.acts if isinstance(act, Fill)}
            fields = {one.tag: True for one in form.fields if one.tag and not one.refused and one.name in typed}
            skipped = {one.tag: one.refused for one in form.fields if one.tag and one.refused}
            told = {
                "form": form.name,
                "fields": fields,
                "to" if form.method == "post" else "asks": urljoin(ORIGIN, form.action),
            }
            yield self._at, "form.submit", {**told, "skipped": skipped} if skipped else told

    def _event(self, view: bytes, at: int, action: str, params: dict[str, object]) -> BrowserEvent:
        raw = {"id": text_of(self._id()), "view": text_of(view), "action": action, "ago": self._at - at}
        return read_event({**raw, "params": params}).event

    def _id(self) -> bytes:
        return event_id(self._at, self._random.randbytes(10))
