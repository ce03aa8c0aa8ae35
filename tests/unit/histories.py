"""Histories of a few browsers as items for a store, told by Hypothesis: what a server would hand over, in an order in
which it could arrive, with what gets lost, comes late, comes twice, and turns out to be somebody else's.

A browser has a cookie jar, pages that it shows and a server that counts them; the jar decides who is new, not the dice,
so that what comes up is what happens. Times are ms after stories.T.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from hypothesis import strategies as st
from stories import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    T,
    app,
    confirm,
    does,
    ident,
    opt_out,
    page,
    sends,
    sweep,
    tells,
    visit,
)

from proxy.store.base import Item, Sweep
from proxy.visitors.ids import PageId

PATHS = ("/", "/a", "/b")
REFERRERS = (None, None, "https://www.google.com/", "https://shop.example/", "https://shop.example/a")
GAPS = (0, 1, 200, SECOND, 20 * SECOND, MINUTE, MINUTE, 9 * MINUTE, 25 * MINUTE, 29 * MINUTE, 31 * MINUTE, HOUR)
LONG = (*GAPS, 5 * HOUR, 23 * HOUR)
DELAYS = (0, 0, 0, 0, 0, 0, 0, 1, 300, SECOND, 2 * SECOND, MINUTE)
"""Between the moment that an item is of and its turn in the store."""
AGES = (0, 0, 0, 400, SECOND, 20 * SECOND, 10 * MINUTE, 29 * MINUTE, HOUR)
STEPS = (
    *("go", "go", "follow", "tabs", "tabs", "post", "again", "show", "show", "kept", "kept"),
    *("act", "act", "act", "acts", "many", "follow", "nap", "bank", "follow", "many", "script"),
    *("prefetch", "lost", "lost", "slow", "repeat", "repeat", "clear", "sweep", "opt out", "crawl", "app"),
)


class Shown(NamedTuple):
    """A page in a browser: its signed id, its address, and the ids of the confirmations sent of it."""

    of: PageId
    name: str
    path: str
    told: list[str]


@dataclass
class Browser:
    """`jar`: the visitor whose cookie it has; `keeps_cookies`: or it never has one."""

    keeps_cookies: bool
    jar: str | None = None
    pages: list[Shown] = field(default_factory=list)


class _Walk:
    """A history being told: items with the moment at which each reaches the store."""

    def __init__(self, draw, *, start: int, clock_back: bool) -> None:
        self.draw = draw
        self.now, self.behind = start, 0  # what the server's clock says, and by how much it was set back
        self.items: list[tuple[int, Item]] = []
        self.number = 0
        # The server's clock is set back once, an hour, in the middle of it.
        self.back_at = draw(st.integers(2, 12)) if clock_back else -1
        self.browsers = [Browser(draw(st.integers(0, 5)) > 0) for _ in range(draw(st.integers(1, 3)))]

    def pick(self, *choices):
        return self.draw(st.sampled_from(choices))

    def name(self, letter: str) -> str:
        self.number += 1
        return f"{letter}{self.number}"

    def put(self, item: Item, delay: int | None = None) -> None:
        self.items.append((self.behind + self.now + (self.pick(*DELAYS) if delay is None else delay), item))

    def step(self, number: int) -> None:
        self.now += self.pick(*(GAPS if self.draw(st.integers(0, 4)) else LONG))
        if number == self.back_at:
            self.now -= HOUR
            self.behind += HOUR
        browser = self.browsers[self.draw(st.integers(0, len(self.browsers) - 1))]
        kind = self.pick(*STEPS)
        if kind in ("act", "acts", "again", "kept", "script", "many", "show") and not browser.pages:
            kind = "go"
        getattr(self, "_" + kind.replace(" ", "_"))(browser)

    # What a browser does ---------------------------------------------------------------------------------------------

    def open(
        self,
        browser: Browser,
        *,
        status: int = 200,
        path: str | None = None,
        slow: int | None = None,
        typed: bool = False,
    ) -> Shown:
        """A page is asked for; the answer may bring a cookie."""
        who, path = browser.jar, path or self.pick(*PATHS)
        back, name = who is not None, self.name("P")
        who = who or self.name("V")
        referrer = None if typed else self.pick(*REFERRERS)
        went = {"status": self.pick(200, 200, 200, 404, 503) if status == 200 else status}
        went |= {
            "upstream_ms": self.pick(7, 7, 999, 1_000, 4_200),
            "device": self.pick("WEB_DESKTOP", "WEB_MOBILE", None),
        }
        counted = visit(name, who, self.now, path=path, came_back=back, referrer=referrer, **went)
        self.put(counted, slow)
        if browser.keeps_cookies:
            browser.jar = who
        shown = Shown(page(name, self.now, new=not back), name, path, [])
        if status != 304:
            browser.pages.append(shown)
        return shown

    def confirmed(self, browser: Browser, shown: Shown, *, nav: str = "navigate") -> None:
        """The page is shown, and says so. What it has no cookie for, the answer brings."""
        new, name = self.name("N"), self.name("C")
        query, title = self.pick("", "", "?x=1"), self.pick("", shown.path, name)
        told = confirm(
            name, shown.of, browser.jar, self.now, path=shown.path, query=query, title=title, nav=nav, new=new,
            referrer=self.pick(*REFERRERS),
        )  # fmt: skip
        self.put(told)
        shown.told.append(name)
        if browser.keeps_cookies and browser.jar is None:
            browser.jar = self.owner_of(shown) if shown.of.visitor_new and shown.of.counted else new

    def owner_of(self, shown: Shown) -> str | None:
        uuids = [item.uuid for _, item in self.items if getattr(item, "id", None) == ident(shown.name)]
        return uuids[0].lstrip(b"\0").decode() if uuids else None

    def _go(self, browser: Browser) -> None:
        shown = self.open(browser)
        self.now += self.pick(0, 200, SECOND)
        if self.draw(st.integers(0, 3)):
            self.confirmed(browser, shown)

    def _tabs(self, browser: Browser) -> None:
        """Several tabs at once: without a cookie each is a new visitor, and the last cookie stays."""
        had, tabs = browser.jar, []
        for _ in range(self.pick(2, 2, 3)):
            browser.jar = had
            tabs.append(self.open(browser))
            self.now += self.pick(0, 1, 30)
        self.now += self.pick(0, SECOND, 20 * MINUTE)
        for shown in self.draw(st.permutations(tabs)):
            if self.draw(st.integers(0, 4)):
                self.confirmed(browser, shown)

    def _post(self, browser: Browser) -> None:
        """Back from the bank: a POST from another site brings no cookie and takes none."""
        had, browser.jar = browser.jar, None
        shown = self.open(browser)
        browser.jar = had
        self.now += self.pick(200, SECOND, MINUTE)
        self.confirmed(browser, shown)

    def _bank(self, browser: Browser) -> None:
        """The same, but it takes long, and the session that was left for the bank is over when the page says so."""
        self.open(browser, slow=0)
        self.now += 27 * MINUTE
        had, browser.jar = browser.jar, None
        shown = self.open(browser, slow=0)
        browser.jar = had
        self.now += 5 * MINUTE
        self._sweep(browser)
        self.now += self.pick(2, MINUTE)
        self.confirmed(browser, shown)

    def _nap(self, browser: Browser) -> None:
        """A laptop is closed, the session is ended, and when it wakes it sends what it still had."""
        shown = self.open(browser, slow=0)
        self.now += self.pick(0, 10 * MINUTE)
        events = tuple(self.event(shown, ago=self.pick(20, 25, 29) * MINUTE) for _ in range(2))
        self.now += 32 * MINUTE
        self._sweep(browser)
        late = sends(shown.of, browser.jar, *events, at=self.now - self.pick(3, 5) * MINUTE, new=self.name("N"))
        self.put(late, MINUTE)

    def _again(self, browser: Browser) -> None:
        """Asked for again and not changed (304): the browser shows its copy."""
        shown = self.pick(*browser.pages)
        self.open(browser, status=304, path=shown.path)
        self.now += self.pick(0, SECOND, 29 * SECOND, 30 * SECOND)
        self.confirmed(browser, shown, nav="reload")

    def _show(self, browser: Browser) -> None:
        self.confirmed(browser, browser.pages[-1])

    def _kept(self, browser: Browser) -> None:
        """Out of the browser's own cache."""
        self.confirmed(browser, self.pick(*browser.pages), nav=self.pick("bfcache", "back_forward"))

    def _prefetch(self, browser: Browser) -> None:
        """A page that was fetched ahead, or slept until the visitor agreed, is shown after all."""
        new, asleep = browser.jar is None, self.draw(st.booleans())
        of = page(self.name("P"), self.now, new=new, counted=False)._replace(asleep=asleep)
        shown = Shown(of, f"P{self.number}", self.pick(*PATHS), [])
        browser.pages.append(shown)
        self.now += self.pick(SECOND, HOUR)
        self.confirmed(browser, shown)

    def _lost(self, browser: Browser) -> None:
        """The visit is lost in a crash, or on its way in another process when the page is confirmed already."""
        shown = self.open(browser, slow=self.pick(20 * SECOND, 2 * MINUTE))
        if self.draw(st.booleans()):
            self.items.pop()
        self.now += self.pick(200, SECOND, 29 * MINUTE)
        self.confirmed(browser, shown)

    def _slow(self, browser: Browser) -> None:
        """Another process takes its time: the second page is stored before the first."""
        self.open(browser, slow=10 * MINUTE)
        self.now += self.pick(SECOND, 5 * MINUTE)
        self.open(browser, slow=0)

    def _act(self, browser: Browser, number: int = 1) -> None:
        shown = self.pick(*browser.pages, browser.pages[-1])
        events = tuple(self.event(shown) for _ in range(number))
        self.put(sends(shown.of, browser.jar, *events, at=self.now, new=self.name("N")))

    def _acts(self, browser: Browser) -> None:
        self._act(browser, self.pick(2, 3, 4))

    def _follow(self, browser: Browser) -> None:
        """A link is clicked, and the page that it leads to is counted before the click is told, or just after that."""
        shown = self.open(browser, slow=0)
        self.now += self.pick(SECOND, MINUTE)
        click = does(self.pick("link.click", "form.submit"), self.name("E"), name="Buy", form="letter", fields={})
        self.open(browser, slow=self.pick(0, 0, 600), typed=True)
        self.now += self.pick(0, 100, 499, 500)
        self.put(sends(shown.of, browser.jar, click, at=self.now, new=self.name("N")), 0)

    def _app(self, browser: Browser) -> None:
        """An app, of the browser's visitor or of one who never sees a page, tells of its screens, some of them late."""
        who = self.pick(browser.jar or "A1", "A1", "A2")
        ages = [self.pick(*AGES, 40 * MINUTE, DAY) for _ in range(self.pick(1, 1, 2))]
        events = (app(self.name("E"), at=self.now - age, told=self.now) for age in ages)
        self.put(tells(*events, at=self.now, who=who))

    def _many(self, browser: Browser) -> None:
        """One element, often enough to know what is usual."""
        shown = browser.pages[-1]
        hovers = tuple(
            does("banner.hover", self.name("E"), ago=index, name="Sale", dwell_ms=self.pick(700, 900, 5_000))
            for index in range(11)
        )
        self.put(sends(shown.of, browser.jar, *hovers, at=self.now, new=self.name("N")))

    def event(self, shown: Shown, ago: int | None = None):
        action, params = self.pick(
            ("link.click", {"name": "Buy"}),
            ("banner.click", {"name": "Sale"}),
            ("banner.hover", {"name": "Sale", "dwell_ms": 1_200}),
            ("banner.hover", {"name": "Sale", "dwell_ms": 9_000}),
            ("page.leave", {"engaged_ms": 0}),
            ("page.leave", {"engaged_ms": 4_000}),
            ("form.start", {"form": "letter"}),
            ("field.change", {"form": "letter", "field": "email", "filled": True}),
            ("form.submit", {"form": "letter", "fields": {"email": "a"}, "skipped": {"pin": "word"}}),
        )
        view = self.pick(None, *shown.told[-2:])
        ago = self.pick(*AGES) if ago is None else ago
        return does(action, self.name("E"), view=view, ago=ago, **params)

    def _script(self, browser: Browser) -> None:
        """Another page without a request."""
        shown, path = browser.pages[-1], self.pick(*PATHS)
        made = does(
            "page.visit", self.name("E"), view=self.pick(None, *shown.told[-1:]), ago=self.pick(*AGES),
            uri=f"https://shop.example{path}", **({"title": "App"} if self.draw(st.booleans()) else {}),
        )  # fmt: skip
        self.put(sends(shown.of, browser.jar, made, self.event(shown), at=self.now, new=self.name("N")))

    # What happens besides --------------------------------------------------------------------------------------------

    def _repeat(self, browser: Browser) -> None:
        """The answer got lost, and what was sent is sent again; a sweep is not sent by anybody."""
        sent = [item for _, item in self.items if not isinstance(item, Sweep)][-4:]
        if sent:
            item = self.pick(*sent)
            again = hasattr(item, "new_uuid") and self.draw(st.booleans())
            self.put(item._replace(new_uuid=ident(self.name("N")), received=T + self.now) if again else item)

    def _clear(self, browser: Browser) -> None:
        browser.jar = None

    def _sweep(self, browser: Browser) -> None:
        self.put(sweep(self.now))

    def _opt_out(self, browser: Browser) -> None:
        if browser.jar is not None:
            self.put(opt_out(browser.jar, self.now))

    def _crawl(self, browser: Browser) -> None:
        self.put(visit(self.name("P"), "G", self.now, bot=True, path=self.pick(*PATHS)))


@st.composite
def histories(draw, *, start: int = 0, clock_back: bool = False, most: int = 14) -> list[Item]:
    """Items in the order in which they reach the store; a last sweep, days later, ends what is open."""
    walk = _Walk(draw, start=start, clock_back=clock_back)
    for number in range(draw(st.integers(3, most))):
        walk.step(number)
    told = [item for _, item in sorted(walk.items, key=lambda pair: pair[0])]
    return [*told, sweep(walk.now + 3 * DAY)] if draw(st.booleans()) else told
