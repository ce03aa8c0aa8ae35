"""The numbers of the report once more, from what `footfall export` says: plain Python, no SQL, nothing of the report
but the steps in which lengths of time are told (events/dwell.py).

`events` are exported objects (dictionaries) with two marks that no export has (stories.Marks): `cookieless`, of a
person of whom a browser keeps no cookie, `confirmed`, of a page.visit. `span` is (since, until, lane).
"""

import itertools
from collections import Counter, defaultdict
from urllib.parse import urlsplit

from proxy.events.dwell import bucket_of, ms_of

CONTEXTS = ("banner", "link", "button", "product", "menu", "image", "element")


def within(events, span, *actions):
    since, until, lane = span
    return [
        event
        for event in events
        if since <= event["time"] < until and event["lane"] == lane and (not actions or event["action"] in actions)
    ]


def params(event):
    return event.get("params", {})


def rank(values, hundredths):
    """Nearest rank: the smallest value that at least so many of a hundred are not above."""
    ordered = sorted(values)
    return ordered[-(-len(ordered) * hundredths // 100) - 1] if ordered else None


def page_of(uri):
    parts = urlsplit(uri)
    return (parts.netloc, parts.path or "/")


def told(ms):
    """A length of time as a histogram tells it."""
    return None if ms is None else ms_of(bucket_of(ms))


def arrivals(events, span):
    """page.visit events, and session.start events of apps, who show no page."""
    found = within(events, span, "page.visit", "session.start")
    return [event for event in found if event["action"] == "page.visit" or "uri" not in params(event)]


def visits_of_sessions(events):
    """{session: its page.visit events by time and seq}"""
    found = defaultdict(list)
    for event in sorted(events, key=lambda event: (event["time"], event["seq"])):
        if event["action"] == "page.visit" and "session" in event:
            found[event["session"]].append(event)
    return found


def who(events):
    """The visitors of events: who keeps no cookie is none."""
    return {event["uuid"] for event in events if "cookieless" not in event}


def cookieless(events):
    return {event["uuid"] for event in events if "cookieless" in event}


def totals(events, span):
    visits, sessions = within(events, span, "page.visit"), within(events, span, "session.start")
    pages = visits_of_sessions(events)
    return {
        "visitors": len(who(arrivals(events, span))),
        "sessions": len(sessions),
        "views": len(visits),
        "bounces": sum(len(pages[event["session"]]) == 1 for event in sessions),
        "cookieless": len(cookieless(arrivals(events, span))),
    }


def engaged_by_view(events, span):
    used = Counter()
    for event in events:
        if event["action"] == "page.leave" and "page" in event and "engaged_ms" in params(event):
            used[event["page"]] += params(event)["engaged_ms"]
    return {event["id"]: used[event["id"]] for event in within(events, span, "page.visit") if event["id"] in used}


def engaged(events, span):
    used = engaged_by_view(events, span)
    return told(rank(used.values(), 50)), len(used)


def people(events, since):
    there = [event for event in events if event["time"] >= since and event["lane"] == "person"]
    return len(who(event for event in there if event["action"] != "session.end"))


def pages(events, span):
    """{(host, path): (title, views, visitors, entries, exits, median engaged ms)}"""
    where = {event["id"]: page_of(params(event)["uri"]) for event in events if event["action"] == "page.visit"}
    seen, entered, used = defaultdict(list), Counter(), defaultdict(list)
    for event in within(events, span, "page.visit"):
        seen[where[event["id"]]].append(event)
    sessions, left = visits_of_sessions(events), Counter()
    for event in within(events, span, "session.start"):
        if "uri" in params(event):
            entered[page_of(params(event)["uri"])] += 1
        if sessions[event["session"]]:
            left[page_of(params(sessions[event["session"]][-1])["uri"])] += 1
    for view, ms in engaged_by_view(events, span).items():
        used[where[view]].append(ms)
    answer = {}
    for page, visits in seen.items():
        titles = [
            params(visit)["title"] for visit in sorted(visits, key=lambda one: one["seq"]) if "title" in params(visit)
        ]
        answer[page] = (
            titles[-1] if titles else None,
            len(visits),
            len(who(visits)),
            entered[page],
            left[page],
            told(rank(used[page], 50)),
        )
    return answer


def unconfirmed(events, since, until, settled):
    """({(host, path): (views, unconfirmed)} of pages that have unconfirmed ones, the same of all pages)"""
    found = defaultdict(lambda: [0, 0])
    for event in within(events, (since, until, "person"), "page.visit"):
        missing = "confirmed" not in event
        if not missing or event["time"] < settled:
            for place in (page_of(params(event)["uri"]), None):
                found[place][0] += 1
                found[place][1] += missing
    of_all = tuple(found.pop(None, (0, 0)))
    return {page: tuple(numbers) for page, numbers in found.items() if numbers[1]}, of_all


def titles(events):
    """{(host, path): all titles that it ever had}"""
    found = defaultdict(set)
    for event in events:
        if event["action"] == "page.visit" and "title" in params(event):
            found[page_of(params(event)["uri"])].add(params(event)["title"])
    return found


def next_pages(events, span, page):
    """{(host, path): how often it was seen right after `page`}"""
    sessions, found = visits_of_sessions(events), Counter()
    for event in within(events, span, "session.start"):
        pages = [page_of(params(visit)["uri"]) for visit in sessions[event["session"]]]
        found.update(two for one, two in itertools.pairwise(pages) if one == page != two)
    return dict(found)


def sources(events, span):
    """{(referrer's host, utm_source, utm_medium, utm_campaign, host): sessions}"""
    found = Counter()
    for event in within(events, span, "session.start"):
        said = params(event)
        referrer = urlsplit(said["referrer"]).netloc if "referrer" in said else None
        host = urlsplit(said["uri"]).netloc if "uri" in said else None
        found[(referrer, said.get("utm_source"), said.get("utm_medium"), said.get("utm_campaign"), host)] += 1
    return dict(found)


def element_of(event, events, host):
    """(host, path, name, action); the path is '' where the page is not known."""
    visits = {one["id"]: params(one)["uri"] for one in events if one["action"] == "page.visit"}
    page = page_of(visits[event["page"]]) if event.get("page") in visits else (host, "")
    name = params(event)["form" if event["action"].startswith(("form.", "field.")) else "name"]
    return (*page, name, event["action"])


def hovers(events, span, host):
    """{element: (hovers, median, p95, longer than usual, evidence)}"""
    by_element = defaultdict(list)
    for event in within(events, span, *(f"{context}.hover" for context in CONTEXTS)):
        by_element[element_of(event, events, host)].append(event)
    answer = {}
    for element, found in by_element.items():
        lasted = [params(event)["dwell_ms"] for event in found]
        long = [event for event in found if is_long(params(event))]
        best = max(long, key=lambda event: (params(event)["dwell_ms"], -event["seq"]), default=None)
        evidence = best and tuple(params(best)[key] for key in ("dwell_ms", "usual_ms", "usual_n"))
        answer[element] = (len(found), told(rank(lasted, 50)), told(rank(lasted, 95)), len(long), evidence)
    return answer


def is_long(said):
    """EVENTS.md section 4: at least 10 hovers known, and at least 1.5 s and twice the usual."""
    return said.get("usual_n", 0) >= 10 and said["dwell_ms"] >= max(1_500, 2 * said["usual_ms"])


def clicks(events, span, host):
    """{element: (clicks, visitors)}"""
    by_element = defaultdict(list)
    for event in within(events, span, *(f"{context}.click" for context in CONTEXTS)):
        by_element[element_of(event, events, host)].append(event)
    return {element: (len(found), len(who(found))) for element, found in by_element.items()}


def forms(events, span, host):
    """{(host, path, form): (started, submitted, visitors, {field: (changed, filled, skipped)})}"""
    fields = defaultdict(lambda: defaultdict(lambda: [0, 0, 0]))
    answer = {}
    used = defaultdict(list)
    for event in within(events, span, "form.start", "form.submit", "field.change"):
        form = element_of(event, events, host)[:3]
        said = params(event)
        if event["action"] == "field.change":
            fields[form][said["field"]][0] += 1
            continue
        used[form].append(event)
        for name in said.get("fields", {}) if event["action"] == "form.submit" else ():
            fields[form][name][1] += 1
        for name in said.get("skipped", {}) if event["action"] == "form.submit" else ():
            fields[form][name][2] += 1
    for form, found in used.items():
        kinds = Counter(event["action"] for event in found)
        told = {name: tuple(numbers) for name, numbers in fields[form].items()}
        answer[form] = (kinds["form.start"], kinds["form.submit"], len(who(found)), told)
    return answer


def form_use(events, span, form, host):
    """{steps: {step: (events, visitors, cookieless)}, statuses: {(outcome, status): n}, fields: {field: (changed,
    visitors, cookieless, median ms, refocused, refocus, filled, skipped)}, left: {the field changed last, or None: page
    views}} of a form (host, path, name)"""
    seen = [one for one in within(events, span, "page.visit") if page_of(params(one)["uri"]) == form[:2]]
    acts = within(events, span, "form.start", "field.change", "form.submit", "form.result")
    acts = [event for event in acts if element_of(event, events, host)[:3] == tuple(form)]
    by = defaultdict(list)
    for event in acts:
        by[params(event).get("outcome", event["action"])].append(event)
    steps = {"seen": seen, "started": by["form.start"], "submitted": by["form.submit"]}
    steps |= {outcome: by[outcome] for outcome in ("accepted", "rejected", "error")}
    results = [params(event) for event in acts if event["action"] == "form.result"]
    return {
        "steps": {name: (len(some), len(who(some)), len(cookieless(some))) for name, some in steps.items()},
        "statuses": dict(Counter((said["outcome"], said["status"]) for said in results)),
        "fields": _fields(by["field.change"], by["form.submit"]),
        "left": _left(acts),
    }


def _fields(changes, submits):
    names = {params(event)["field"] for event in changes}
    names |= {name for event in submits for key in ("fields", "skipped") for name in params(event).get(key, {})}
    answer = {}
    for name in names:
        own = [event for event in changes if params(event)["field"] == name]
        back = [params(event).get("refocus", 0) for event in own]
        median = told(rank([params(event)["dwell_ms"] for event in own if "dwell_ms" in params(event)], 50))
        sent = [sum(name in params(event).get(key, {}) for event in submits) for key in ("fields", "skipped")]
        counts = (len(own), len(who(own)), len(cookieless(own)), median, sum(n > 0 for n in back), sum(back))
        answer[name] = (*counts, *sent)
    return answer


def _left(acts):
    views, left = defaultdict(list), Counter()
    for event in sorted(acts, key=lambda event: (event["time"], event["seq"])):
        if "page" in event and event["action"] != "form.result":
            views[event["page"]].append(event)
    for done in views.values():
        if all(event["action"] != "form.submit" for event in done):
            changed = [params(event)["field"] for event in done if event["action"] == "field.change"]
            left[changed[-1] if changed else None] += 1
    return dict(left)


def visitors(events, span):
    """[(uuid, views, sessions, first, last, uri, title, is_cookieless)], the latest first but for ties"""
    by_uuid = defaultdict(list)
    for event in arrivals(events, span):
        by_uuid[event["uuid"]].append(event)
    answer = []
    for uuid, there in by_uuid.items():
        last = max(there, key=lambda event: (event["time"], event["seq"]))
        sessions = {event["session"] for event in there if "session" in event}
        times, views = [event["time"] for event in there], sum(event["action"] == "page.visit" for event in there)
        where = (params(last).get("uri"), params(last).get("title"))
        answer.append((uuid, views, len(sessions), min(times), max(times), *where, "cookieless" in last))
    return sorted(answer, key=lambda row: -row[4])
