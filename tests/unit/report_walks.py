"""Made-up walks through a site as items for a store, told by Hypothesis; times are ms after stories.T."""

import uuid
from dataclasses import dataclass

from hypothesis import strategies as st
from stories import HOST, MINUTE, SECOND, T, app, confirm, page, tells, visit

from proxy.events.incoming import read_event
from proxy.store.base import Confirmation, Item, Refusal, Sweep
from proxy.store.counters import Outcomes

PATHS = ("/", "/range", "/products/tide-bowl")
REFERRERS = (None, "https://www.google.com/", "https://blog.example/best?x=1", f"https://{HOST}/", "http://t.co/a")
UTM = ((), (("utm_source", "letter"), ("utm_medium", "email")), (("utm_source", "ad"), ("utm_campaign", "spring")))
NAMES = ("Spring sale", "Spring sale", "Spring sale", "Tide bowl", "<script>alert(1)</script>")
"""One that many hover over, so that its history is long enough to judge by."""
CONTEXTS = ("banner", "link", "product")
FIELDS = ("email", "name", "items", "constructor")


@dataclass(frozen=True)
class Step:
    """Somebody looks at a page for `stay` ms and does something there."""

    who: int
    wait: int
    path: str
    bot: bool
    confirmed: bool
    referrer: str | None
    utm: tuple[tuple[str, str], ...]
    stay: int
    acts: tuple[tuple[str, int, dict[str, object]], ...]
    refused: bool
    app: str | None = None
    """Whose app tells of a screen before: this visitor's, or that of one who sees no page."""


def act() -> st.SearchStrategy[tuple[str, int, dict[str, object]]]:
    """(action, how long ago in thousandths of the stay, params)"""
    ago = st.integers(0, 1_000)
    element = st.tuples(st.sampled_from(CONTEXTS), st.sampled_from(NAMES))
    hover = st.tuples(element, ago, st.one_of(st.integers(300, 2_000), st.integers(2_000, 60_000)), st.booleans()).map(
        lambda told: (f"{told[0][0]}.hover", told[1], {"name": told[0][1], "dwell_ms": told[2], "clicked": told[3]})
    )
    click = st.tuples(element, ago).map(lambda told: (f"{told[0][0]}.click", told[1], {"name": told[0][1]}))
    form = st.sampled_from(("newsletter", "order"))
    start = st.tuples(form, ago).map(lambda told: ("form.start", told[1], {"form": told[0]}))
    more = st.fixed_dictionaries({}, optional={"dwell_ms": st.integers(0, 90_000), "refocus": st.integers(0, 3)})
    change = st.tuples(form, ago, st.sampled_from(FIELDS), st.booleans(), more).map(
        lambda told: ("field.change", told[1], {"form": told[0], "field": told[2], "filled": told[3], **told[4]})
    )
    submit = st.tuples(form, ago, st.sets(st.sampled_from(FIELDS)), st.booleans()).map(
        lambda told: (
            "form.submit",
            told[1],
            {
                "form": told[0],
                "fields": dict.fromkeys(sorted(told[2]), "text"),
                **({"skipped": {"pass": "type"}} if told[3] else {}),
            },
        )
    )
    leave = st.tuples(ago, st.integers(0, 90_000)).map(lambda told: ("page.leave", told[0], {"engaged_ms": told[1]}))
    return st.one_of(hover, hover, click, start, change, submit, leave)


def steps() -> st.SearchStrategy[list[Step]]:
    one = st.builds(
        Step,
        who=st.integers(0, 3),
        wait=st.one_of(st.integers(0, 20 * SECOND), st.integers(0, 50 * MINUTE)),
        path=st.sampled_from(("/", "/", *PATHS)),
        bot=st.integers(0, 9).map(lambda n: n == 0),
        confirmed=st.integers(0, 9).map(lambda n: n < 8),
        referrer=st.sampled_from(REFERRERS),
        utm=st.sampled_from(UTM),
        stay=st.integers(SECOND, 5 * MINUTE),
        acts=st.lists(act(), max_size=20).map(tuple),
        refused=st.integers(0, 9).map(lambda n: n == 0),
        app=st.sampled_from((*[None] * 8, "V", "A")),
    )
    return st.lists(one, min_size=1, max_size=14)


def act_of(number: int, action: str, ago: int, params: dict[str, object]):
    told = {"id": str(uuid.UUID(int=number + 10**20)), "action": action, "ago": ago, "params": params}
    return read_event(told).event


def items(walk: list[Step]) -> tuple[list[Item], int]:
    """(what happens, when it is over in ms after T)."""
    now, made, seen = 0, [], set()
    for place, step in enumerate(walk):
        now += step.wait
        if step.app is not None:
            made.append(tells(app(f"S{place}", at=now - step.wait // 2, told=now), at=now, who=f"{step.app}{step.who}"))
        who, name = f"{'B' if step.bot else 'V'}{step.who}", f"P{place}"
        back = who in seen and not step.bot
        seen.add(who)
        facts = {"path": step.path, "came_back": back, "bot": step.bot, "referrer": step.referrer, "facts": step.utm}
        opened = visit(name, who, now, **facts)
        opened.session_facts = (("source", "WEB_DESKTOP"), *step.utm, ("trigger", "page.visit"))
        made.append(opened)
        if step.bot or not step.confirmed:
            continue
        told = confirm(
            f"C{place}", page(name, now, new=not back), who, now + 200, path=step.path, title=f"{name} of {step.path}"
        )
        made.append(told)
        acts = tuple(
            act_of(place * 100 + number, action, ago * step.stay // 1_000, params)
            for number, (action, ago, params) in enumerate(step.acts)
        )
        later = confirm(None, page(name, now, new=not back), who, now + 200 + step.stay)
        refusals = (Refusal("basket.add", "undefined_action", "action"),) if step.refused else ()
        made.append(later._replace(host=HOST, events=acts, refusals=refusals))
        now += 200 + step.stay
    made.sort(key=_time)
    day = T // 86_400_000
    made += [Outcomes(((day, HOST, "visit", len(walk)), (day, HOST, "asset", 7 * len(walk)))), Sweep(T + now)]
    return made, now


def _time(item: Item) -> int:
    return item.received if isinstance(item, Confirmation) else item.time
