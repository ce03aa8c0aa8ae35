"""What a store must hold, told once more in lists and dictionaries: the reference that every engine is compared with.

Written from VISITS.md (sections 3, 5, 7), EVENTS.md (sections 4, 6) and the promises of proxy/store/base.py, not from
any engine. What is a rule and no storage is asked for where it stands: `place` and `joins`, `whose` and `meaning`.
Nothing is kept that follows from something else: lanes and a session's numbers are worked out when they are asked for.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from report_recount import page_of

from proxy.events.dwell import UNUSUAL_FROM_N, bucket_of, quantile
from proxy.store.base import Confirmation, Confirmed, OptOut, Sweep, Swept, Visit
from proxy.visitors.identity import PAIR_WITHIN_MS, Known, What, Who, meaning, whose
from proxy.visitors.ids import text_of
from proxy.visitors.sessions import REASON_NAMES, Reason, Rules, Session, ending, is_overdue, joins, place

CAUSE_WITHIN_MS = 500
CAUSES_BEFORE_MS = {".click": 2, ".submit": 1}
"""A click or a submit that is told within this time after the page that it asked for came so long before that page."""


@dataclass(eq=False)
class Stay:
    """A session: whose, what its session.start says, and why and when it was found to be over."""

    visitor: bytes
    mark: dict
    reason: Reason = Reason.OPEN
    found_over: int = 0


@dataclass(eq=False)
class Held:
    """An event, but for session.start and session.end."""

    id: bytes
    action: str
    time: int
    received: int
    visitor: bytes
    params: dict
    keeps: bool = True
    bot: bool = False
    confirmed: bool = True
    healed: bool = False
    undefined: tuple = ()
    view: "Held | None" = None
    session: Stay | None = None


@dataclass
class Model:
    rules: Rules = Rules()
    events: list[Held] = field(default_factory=list)
    sessions: list[Stay] = field(default_factory=list)
    known: dict[bytes, Held] = field(default_factory=dict)  # an event's or a confirmation's id -> what it stands for
    twins: dict[bytes, bytes] = field(default_factory=dict)
    seen: set[bytes] = field(default_factory=set)
    proven: set[bytes] = field(default_factory=set)  # their cookie came back with anything
    returned: set[bytes] = field(default_factory=set)  # their cookie came back with a page
    scripted: set[bytes] = field(default_factory=set)  # a script of one of their pages was at work
    titles: dict[str, str] = field(default_factory=dict)
    dwells: dict[tuple, list[int]] = field(default_factory=lambda: defaultdict(list))
    cases: Counter = field(default_factory=Counter)  # what came up, for whoever tunes a generator

    def apply(self, item):
        if isinstance(item, Visit):
            return self.visit(item)
        if isinstance(item, Confirmation):
            return self.confirm(item)
        if isinstance(item, OptOut):
            mine = [stay for stay in self.stays(self.who(item.uuid)) if not stay.reason]
            return self.end(mine, lambda session: Reason.OPT_OUT, item.time)
        assert isinstance(item, Sweep)
        late = [stay for stay in self.sessions if not stay.reason and is_overdue(self.told(stay), item.now, self.rules)]
        self.end(late, lambda session: ending(session, item.now, self.rules), item.now)
        return Swept(len(late))

    def who(self, uuid):
        while uuid in self.twins:
            uuid = self.twins[uuid]
        return uuid

    # Sessions --------------------------------------------------------------------------------------------------------

    def of(self, stay):
        return [held for held in self.events if held.session is stay]

    def stays(self, visitor):
        """A visitor's sessions, the earliest first."""
        return sorted(
            (stay for stay in self.sessions if stay.visitor == visitor), key=lambda stay: self.told(stay).start
        )

    def told(self, stay):
        """The session as the rules know it."""
        times = [held.time for held in self.of(stay)] or [stay.mark["time"]]
        kept = [held.time for held in self.of(stay) if held.keeps]
        return Session(self.sessions.index(stay), min(times), max(kept, default=min(times)), stay.reason)

    def end(self, stays, why, received):
        for stay in stays:
            stay.reason, stay.found_over = why(self.told(stay)), received

    def add(self, held, start=None):
        """Store an event, in the session that it belongs to. `start`: what a session.start says, if it may open one."""
        mine = [] if held.bot else [self.told(stay) for stay in self.stays(held.visitor)]
        where = place(mine, held.time, opens=start is not None, rules=self.rules)
        for close in where.closes:
            self.end([self.sessions[close.id]], lambda session, close=close: close.reason, held.received)
        if where.opens:
            mark = {"time": held.time, "received": held.received, "view": held.view, "order": len(self.events), **start}
            self.sessions.append(Stay(held.visitor, mark))
            self.cases["session of an app"] += mark.get("source") == "MOBILE_APP"
            held.session = self.sessions[-1]
        elif where.session is not None:
            held.session = self.sessions[where.session]
            self.cases["late opener"] += where.start < self.told(held.session).start
            self.cases["session goes on after its end"] += bool(held.session.reason)
        self.cases["nowhere"] += held.session is None
        self.known[held.id] = held
        self.events.append(held)
        return held

    def show(self, held, facts):
        """Store a page.visit, which is its own view and opens a session."""
        held.view = held
        uri, referrer = held.params["uri"], held.params.get("referrer")
        return self.add(held, None if held.bot else {"uri": uri, "referrer": referrer, **dict(facts)})

    def merge(self, twin, other):
        """A's rows become B's. Sessions that turn out to be one are made one, and the earlier session.start stays."""
        self.cases["merge"] += 1
        for mine in self.stays(twin):
            theirs = self.stays(other)
            same = next((one for one in theirs if joins(self.told(mine), self.told(one), self.rules)), None)
            mine.visitor = other
            self.cases["session moves" if same is None else "sessions become one"] += 1
            if same is not None:
                self.cases["one of them had ended"] += bool(mine.reason) != bool(same.reason)
                if (self.told(mine).start, mine.mark["order"]) < (self.told(same).start, same.mark["order"]):
                    same.mark = mine.mark
                for held in self.of(mine):
                    held.session = same
                self.sessions.remove(mine)
        for held in self.events:
            held.visitor = other if held.visitor == twin else held.visitor
        self.twins[twin] = other

    # What comes in ---------------------------------------------------------------------------------------------------

    def visit(self, item):
        if item.id in self.known:
            self.cases["repeat"] += not self.known[item.id].healed
            return self.complete(self.known[item.id], item)
        who = self.who(item.uuid)
        self.seen.add(who)
        if item.cookie_came_back:
            self.cases["cookie after all"] += who in self.scripted - self.proven
            self.cases["cookie proves"] += who not in self.proven and any(held.visitor == who for held in self.events)
            self.proven.add(who)
            self.returned.add(who)
        title = self.titles.get(item.uri) if ("status", 304) in item.facts else None
        params = {"uri": item.uri, "title": title, "referrer": item.referrer, "upstream_ms": item.upstream_ms}
        params.update(item.facts)
        held = Held(item.id, "page.visit", item.time, item.time, who, params, bot=item.bot, confirmed=False)
        self.show(held, item.session_facts)
        if held.session is not None:
            self.put_first(held)

    def put_first(self, page):
        """A page that is told just after the click or submit that asked for it came after that."""
        start = self.told(page.session).start
        for held in self.of(page.session):
            before = next((ms for ending, ms in CAUSES_BEFORE_MS.items() if held.action.endswith(ending)), None)
            if before is None or held.view is None or not page.time < held.time < page.time + CAUSE_WITHIN_MS:
                continue
            if held.view.time < page.time and page.params["referrer"] in (None, held.view.params["uri"]):
                if held.params.get("original_ago") is None:
                    held.params["original_ago"] = held.received - held.time
                held.time = max(page.time - before, held.view.time, start)
                self.cases["cause before its effect"] += 1

    def complete(self, held, item):
        """The server's own visit comes after it was healed: what only the server knows, and who was new at it."""
        if not held.healed:
            return
        self.cases["healed page completed"] += 1
        held.healed = False
        nav, referrer = held.params.get("nav", "navigate"), held.params.get("referrer") or item.referrer
        held.params.update({**dict(item.facts), "nav": nav, "referrer": referrer, "upstream_ms": item.upstream_ms})
        if self.who(item.uuid) not in self.seen:
            self.seen.add(item.uuid)
            self.twins[item.uuid] = held.visitor
        elif item.cookie_came_back:
            self.proven.add(self.who(item.uuid))
            self.returned.add(self.who(item.uuid))

    def confirm(self, message):
        page, now = message.page, message.received
        held = None if page is None else self.known.get(page.id)
        cookie = None if message.cookie is None else self.who(message.cookie)
        known = held and Known(0, held.visitor, held.confirmed, held.visitor not in self.returned)
        who = whose(page, known, cookie, has_cookie=cookie is not None, now_ms=now)
        repeat = self.known.get(message.id)
        if who is Who.NOBODY:
            return Confirmed(None)
        visitor = held.visitor if who is Who.OWNER else self.made(message, repeat) if who is Who.NEW else cookie
        if who is Who.MERGE:
            self.merge(held.visitor, cookie)
        self.seen.add(visitor)
        if cookie is not None:
            self.cases["cookie after all"] += visitor in self.scripted - self.proven
            self.proven.add(visitor)
        if message.id is not None and repeat is None and page is not None:
            same = held is not None and held.visitor == visitor
            self.showing(message, visitor, held, meaning(page, known, same_visitor=same, now_ms=now))
        self.cases["repeat"] += repeat is not None
        stored = sum([self.act(message, event, visitor) for event in message.events])
        return Confirmed(visitor, who in (Who.OWNER, Who.NEW), repeat is not None, stored)

    def made(self, message, repeat):
        """The new visitor, or the one that this very message has made and whose cookie got lost on the way."""
        if repeat is None and message.events:
            repeat = self.known.get(message.events[0].id)
        if repeat is None or repeat.visitor in self.proven or (message.page and message.id == message.page.id):
            return self.who(message.new_uuid)
        return repeat.visitor

    def showing(self, message, visitor, held, what):
        """What a confirmation does with its page: VISITS.md section 3, row by row."""
        if what is not What.NOTHING:
            self.cases["no cookie"] += visitor not in self.proven
            self.scripted.add(visitor)
        nav, asleep, again = message.nav, message.page.asleep, what is What.SHOW_AGAIN
        if again or (asleep and what is What.SHOW_UNCOUNTED):
            paired = [
                one
                for one in self.events
                if (one.visitor, one.action, one.confirmed) == (visitor, "page.visit", False)
                and one.params["uri"] == message.uri
                and one.time > message.received - PAIR_WITHIN_MS
            ]
            held, what = (paired[-1], What.CONFIRM) if paired else (None, what)
            self.cases["304 paired"] += bool(paired)
            self.cases["304 of an earlier session"] += held is not None and held.session is not self.stays(visitor)[-1]
        self.cases[what.name] += 1
        if what is What.CONFIRM:
            self.prove(held, message)
        elif message.uri:
            if again:
                nav = nav if nav == "bfcache" else "cache"
            elif what is What.SHOW_UNCOUNTED and not asleep:
                nav = "prerender"
            own, now = message.id if again else message.page.id, message.received
            params = {"uri": message.uri, "title": message.title or None, "referrer": message.referrer, "nav": nav}
            held = Held(own, "page.visit", now, now, visitor, params, healed=what is What.HEAL)
            self.show(held, message.session_facts)
        else:
            return
        self.known[message.id] = held
        if message.title:
            self.titles[held.params["uri"]] = message.title

    def prove(self, held, message):
        """A browser shows the page: a person's, with what only the browser knows."""
        held.confirmed = True
        if message.uri and message.uri.partition("?")[0] == held.params["uri"].partition("?")[0]:
            held.params["uri"] = message.uri
        said = {"title": message.title or None, "referrer": message.referrer, "nav": message.nav}
        held.params.update({key: value for key, value in said.items() if value is not None})

    def act(self, message, event, visitor):
        """One event of a browser; whether it is new."""
        if event.id in self.known:
            self.cases["repeat"] += 1
            return False
        self.scripted.add(visitor)
        named = [self.known.get(name) for name in (event.view, message.page and message.page.id)]
        mine = [one for one in named if one and one.action == "page.visit" and one.visitor == visitor]
        view = mine[0] if mine else None
        time, sent = message.received - event.ago_ms, event.sent_ago
        if view is not None and time < view.time:
            time, sent = min(view.time, message.received), event.ago_ms if sent is None else sent
        if sent is None and event.opens and view is not None:
            time, sent = self.before_its_effect(event, view, time)
        self.cases["late"] += event.ago_ms > 60_000
        params = {**event.params, "original_ago": sent}
        held = Held(event.id, event.action, time, message.received, visitor, params, event.keeps, view=view)
        held.undefined = event.undefined
        if event.action == "page.visit":
            if event.params.get("title"):
                self.titles[str(event.params["uri"])] = event.params["title"]
            return bool(self.show(held, message.session_facts))
        if event.action.endswith(".hover"):
            page = page_of(view.params["uri"]) if view is not None else (message.host, "")
            before = self.dwells[page, event.name]
            if len(before) >= UNUSUAL_FROM_N:
                self.cases["judged hover"] += 1
                params |= {"usual_ms": quantile(sorted(Counter(before).items()), 0.5), "usual_n": len(before)}
            before.append(bucket_of(event.amount))
        start = {"uri": view and view.params["uri"], **dict(message.session_facts), "trigger": event.action}
        return bool(self.add(held, start if event.opens else None))

    def before_its_effect(self, event, view, time):
        """A click or submit that is told just after the page which it asked for came before it."""
        before = next((ms for ending, ms in CAUSES_BEFORE_MS.items() if event.action.endswith(ending)), None)
        latest = self.stays(view.visitor)[-1]
        near = [held for held in self.events if time - CAUSE_WITHIN_MS < held.time <= time and held.session == latest]
        clicked = [
            held.time
            for held in self.events
            if held.action.endswith(".click") and held.view is view and held.session == latest
            if time < held.time < time + CAUSE_WITHIN_MS
        ]
        if event.action == "form.submit" and clicked:
            self.cases["cause after its effect"] += 1
            return min(max(clicked), time + event.ago_ms), event.ago_ms
        later = self.events[self.events.index(view) + 1 :]
        led = {"page.visit": [], "form.submit": []}
        for held in near:
            if (
                held.action == "page.visit"
                and held in later
                and held.params.get("referrer") in (None, view.params["uri"])
            ):
                led["page.visit"].append(held.time)
            if held.action == "form.submit" and held.view is view and event.action.endswith(".click"):
                led["form.submit"].append(held.time)
        times = [
            min(found) - (before if action == "page.visit" else 1)
            for action, found in led.items()
            if before and found and min(found) > view.time
        ]
        if not times:
            return time, None
        self.cases["cause after its effect"] += 1
        return max(min(times), view.time), event.ago_ms

    # What is held ----------------------------------------------------------------------------------------------------

    def lane(self, held):
        if held.bot:
            return "bot"
        return "person" if held.confirmed or held.visitor in self.proven else "unproven"

    def exported(self):
        """Events as they are exported, then the marks of their sessions. A session is named by the least id of its
        events, a mark by that and its action; `seq` is the place in this list."""
        names = {stay: text_of(min(held.id for held in self.of(stay))) for stay in self.sessions}
        rows = [self.row(held, text_of(held.id), held.action, held.params, names) for held in self.events]
        rows += [row for stay in self.sessions for row in self.marks(stay, names)]
        told = [{key: value for key, value in row.items() if value not in (None, {}, [])} for row in rows]
        return [{"seq": seq, **row} for seq, row in enumerate(told, 1)]

    def marks(self, stay, names):
        told, acts = self.told(stay), self.of(stay)
        mark = Held(b"", "", told.start, stay.mark["received"], stay.visitor, {}, view=stay.mark["view"], session=stay)
        mark.confirmed = "person" in map(self.lane, acts)
        said = {key: value for key, value in stay.mark.items() if key not in ("time", "received", "view", "order")}
        yield self.row(mark, f"session.start of {names[stay]}", "session.start", said, names)
        if stay.reason:
            mark.time, mark.received, mark.view = told.last, max(stay.found_over, told.last), None
            pages = [held for held in acts if held.action == "page.visit"]
            said = {
                "reason": REASON_NAMES[stay.reason],
                "duration_ms": told.last - told.start,
                "pages": len(pages),
                "events": len(acts),
                "uri": max(reversed(pages), key=lambda held: held.time).params["uri"] if pages else None,
            }
            yield self.row(mark, f"session.end of {names[stay]}", "session.end", said, names)

    def row(self, held, name, action, params, names):
        return {
            "id": name,
            "action": action,
            "time": held.time,
            "received": held.received,
            "uuid": text_of(held.visitor),
            "session": names.get(held.session),
            "page": held.view and text_of(held.view.id),
            "lane": self.lane(held),
            "cookieless": (self.lane(held) == "person" and held.visitor in self.scripted - self.proven) or None,
            "confirmed": (action == "page.visit" and held.confirmed) or None,
            "params": {key: value for key, value in params.items() if value is not None},
            "undefined": list(held.undefined),
        }
