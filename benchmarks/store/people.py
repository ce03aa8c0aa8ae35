"""Somebody's session as the items that intake hands to the store: pages, their confirmations, beacons of events.

Law: a `BrowserEvent` made here is the one that events/incoming.py would have made of what the tracker sends, and a
beacon comes when the tracker would send it: at once with a click, else a second after its first event, else with the
end of the page.
"""

from hashlib import blake2b
from random import Random
from typing import NamedTuple

from benchmarks.ids import tracker_id
from benchmarks.store.site import HOST, ORIGIN, Element, Page, Site
from proxy.events.catalogue import DWELL_MAX_MS
from proxy.events.incoming import BrowserEvent
from proxy.store.base import Confirmation, Item, Refusal, Visit
from proxy.visitors.ids import PageId, event_id, visitor_id
from proxy.visitors.times import MINUTE_MS

SILENT = 0.03
"""Of people: a blocker keeps the tracker out."""
MOBILE = 0.45
LANGUAGES = ("en-GB", "en-US", "de-DE", "pl-PL", "fr-FR")
STAYS_SHORT = 0.42
"""Sessions of one page."""
GOES_ON = 0.78
"""From any later page to another one."""
PAGES_MOST = 40
HOVERS_A_PAGE = 4.5
FLUSH_MS = 1_000
FORM_FIELDS = ("name", "town", "message")
Facts = tuple[tuple[str, object], ...]
Timed = tuple[int, Item]


class Person(NamedTuple):
    """Who it is; all but `came_back` follows from the uuid. `came_back`: was here before this session."""

    uuid: bytes
    came_back: bool
    mobile: bool
    silent: bool
    language: str


class Act(NamedTuple):
    """An event to be told, before it is known when."""

    time: int
    action: str
    name: str = ""
    amount: int | None = None
    facts: Facts = ()
    more: Facts = ()
    at_once: bool = False


def person(seed: int, index: int, came_back: bool) -> Person:
    """The visitor of that number, now and whenever else."""
    digest = blake2b(b"%d %d" % (seed, index), digest_size=24).digest()
    mobile, silent = digest[16] < MOBILE * 256, digest[17] < SILENT * 256
    language = LANGUAGES[min(digest[18] // 50, len(LANGUAGES) - 1)]
    return Person(visitor_id(digest[:16]), came_back, mobile, silent, language)


class Journey:
    """One session: `items` has everything of it, in any order."""

    def __init__(self, source: Random, site: Site, who: Person, start: int) -> None:
        self._source = source
        self._site = site
        self._who = who
        self.items: list[Timed] = []
        self._session_facts: Facts = ()
        self._walk(start)

    def _walk(self, start: int) -> None:
        source, site = self._source, self._site
        page, time, came_back = site.entry(source), start, self._who.came_back
        query, terms, referrer = self._origin()
        self._describe(terms)
        number = 0
        while True:
            number += 1
            last = number == PAGES_MOST or source.random() < (STAYS_SHORT if number == 1 else 1 - GOES_ON)
            uri = page.uri + query
            time, page_after = self._show(page, uri, terms, referrer, time, came_back, last=last)
            if last:
                return
            page, referrer, query, terms, came_back = page_after, uri, "", (), True
            self._describe(terms)

    def _origin(self) -> tuple[str, Facts, str | None]:
        """(query, its campaign as facts, referrer) of the first page."""
        chance = self._source.random()
        if chance < 0.12:
            campaign = self._source.choice(self._site.campaigns)
            return campaign.query, campaign.facts, None
        return "", (), self._site.came_from(self._source) if chance < 0.65 else None

    def _describe(self, terms: Facts) -> None:
        source = "WEB_MOBILE" if self._who.mobile else "WEB_DESKTOP"
        self._session_facts = (
            ("source", source),
            ("language", self._who.language),
            *terms,
            ("trigger", "page.visit"),
        )

    def _show(
        self, page: Page, uri: str, terms: Facts, referrer: str | None, time: int, came_back: bool, *, last: bool
    ) -> tuple[int, Page]:
        """A page and all that is done on it; (when, which) the next one is."""
        source, who = self._source, self._who
        visit_id = event_id(time, source.randbytes(10))
        status = 200 if source.random() < 0.985 else source.choice((404, 404, 404, 500))
        facts: Facts = (("nav", "navigate"), ("status", status), *terms)
        upstream_ms = int(source.lognormvariate(3.4, 1.4))
        session_facts = self._session_facts
        self.items.append(
            (
                time,
                Visit(
                    visit_id,
                    who.uuid,
                    time,
                    HOST,
                    page.path,
                    uri,
                    False,
                    came_back,
                    referrer,
                    upstream_ms,
                    facts,
                    session_facts,
                ),
            )
        )
        engaged = int(min(source.lognormvariate(9.6, 1.1), 20 * MINUTE_MS)) + 1_000
        leaves = time + 400 + engaged
        element = None if last else source.choice(page.elements)
        if not who.silent:
            tag = PageId(visit_id, True, not came_back, time // MINUTE_MS)
            view = self._confirm(page, tag, uri, referrer, time)
            self._tell(tag, view, self._acts(page, element, time + 400, leaves, engaged))
        if element is not None and source.random() < 0.5:
            return leaves + 150, self._site.pages[element.leads]
        return leaves + 150, self._site.after(source, page)

    def _confirm(self, page: Page, tag: PageId, uri: str, referrer: str | None, time: int) -> bytes:
        """The page is shown; returns the confirmation's id, which its events name as their view."""
        source = self._source
        view = tracker_id(source, tag.id)
        received = time + 150 + int(source.lognormvariate(5, 0.6))
        nav = "reload" if source.random() < 0.02 else "navigate"
        self._send(
            received,
            tag,
            id=view,
            uri=uri,
            path=page.path,
            title=page.title,
            referrer=referrer,
            nav=nav,
        )
        if source.random() < 0.02:  # back to it later, out of the browser's cache
            again = tracker_id(source, tag.id)
            shown = {"uri": uri, "path": page.path, "title": page.title, "referrer": referrer, "nav": "bfcache"}
            self._send(received + 30_000, tag, id=again, **shown)
        return view

    def _send(self, received: int, tag: PageId, **more: object) -> None:
        new_uuid = visitor_id(self._source.randbytes(16))
        message = Confirmation(tag, self._who.uuid, new_uuid, received, host=HOST, session_facts=self._session_facts)
        self.items.append((received, message._replace(**more)))  # type: ignore[arg-type]

    def _acts(self, page: Page, element: Element | None, since: int, until: int, engaged: int) -> list[Act]:
        """What is done on a page from `since` to `until`, in order; `element` is what is clicked at last."""
        source = self._source
        acts = [] if self._who.mobile else self._hovers(page, since, until)
        via = "touch" if self._who.mobile else "mouse"
        if page.form and source.random() < 0.3:
            acts += self._form(page.form, since, until)
        if source.random() < 0.12:
            other = source.choice(page.elements)
            time = source.randrange(since, until)
            acts.append(Act(time, f"{other.context}.click", other.name, None, (("via", via),), at_once=True))
        if element is not None:
            facts: Facts = (("via", via), ("href", f"{ORIGIN}{self._site.pages[element.leads].path}"))
            acts.append(Act(until - 60, f"{element.context}.click", element.name, None, facts, (), True))
        acts.append(Act(until, "page.leave", "", engaged, (("scroll_pct", source.randrange(10, 101)),)))
        return sorted(acts, key=lambda act: act.time)

    def _hovers(self, page: Page, since: int, until: int) -> list[Act]:
        source, acts = self._source, []
        time = since + int(source.expovariate(HOVERS_A_PAGE / (until - since)))
        while time < until:
            element = page.elements[int(source.random() ** 1.5 * len(page.elements))]
            dwell = min(int(source.lognormvariate(element.dwell, 0.6)) + 300, DWELL_MAX_MS)
            time += dwell
            if time < until:
                facts = (("capped", True),) if dwell == DWELL_MAX_MS else ()
                acts.append(Act(time, f"{element.context}.hover", element.name, dwell, facts))
            time += int(source.expovariate(HOVERS_A_PAGE / (until - since)))
        return acts

    def _form(self, form: str, since: int, until: int) -> list[Act]:
        source = self._source
        step = (until - since) // (len(FORM_FIELDS) + 2)
        acts = [Act(since + step, "form.start", form, None, (), (("field", FORM_FIELDS[0]),))]
        fields: dict[str, object] = {}
        for at, field in enumerate(FORM_FIELDS, start=1):
            if source.random() < 0.25:
                return acts
            fields[field] = f"{source.choice('ABCDEFGH')}{source.randrange(10_000)}"
            dwell = min(max(step // 2, 1), DWELL_MAX_MS)
            facts: Facts = (("filled", True),)
            facts = (*facts, ("capped", True)) if dwell == DWELL_MAX_MS else facts
            acts.append(Act(since + step * at + dwell, "field.change", form, dwell, facts, (("field", field),)))
        submitted = since + step * (len(FORM_FIELDS) + 1)
        return [*acts, Act(submitted, "form.submit", form, None, (), (("fields", fields),), True)]

    def _tell(self, tag: PageId, view: bytes, acts: list[Act]) -> None:
        """Put the acts of a page into beacons."""
        waiting: list[Act] = []
        for act in acts:
            if waiting and act.time > waiting[0].time + FLUSH_MS:
                self._beacon(tag, view, waiting, waiting[0].time + FLUSH_MS)
                waiting = []
            waiting.append(act)
            if act.at_once:
                self._beacon(tag, view, waiting, act.time)
                waiting = []
        if waiting:
            self._beacon(tag, view, waiting, waiting[-1].time)

    def _beacon(self, tag: PageId, view: bytes, acts: list[Act], sent: int) -> None:
        source = self._source
        events = tuple(_event(source, act, tag, view, sent - act.time) for act in acts)
        refusals: tuple[Refusal, ...] = ()
        if source.random() < 0.002:
            refused = tracker_id(source, tag.id)
            refusals = (Refusal("basket.add", "undefined_action", "action", refused, view),)
        self._send(sent + 40, tag, events=events, refusals=refusals)


def _event(source: Random, act: Act, tag: PageId, view: bytes, ago_ms: int) -> BrowserEvent:
    opens = act.action not in ("page.leave", "field.change")
    return BrowserEvent(
        id=tracker_id(source, tag.id),
        view=view,
        action=act.action,
        ago_ms=ago_ms,
        sent_ago=None,
        opens=opens,
        keeps=True,
        name=act.name,
        amount=act.amount,
        facts=act.facts,
        more=act.more,
        undefined=(),
    )
