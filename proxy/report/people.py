"""Visitors and their stories as objects: what the pages show and their JSON says.

Law: an event is told as its export tells it, with its label, and with what the report adds: where it happened, how
long nothing happened before it, and whether a hover was longer than usual. Values stay what visitors sent: text.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from proxy.events.dwell import is_unusual
from proxy.events.event import LANES, Event
from proxy.report.channels import channel_of, merge
from proxy.report.overview import Cards, Model
from proxy.report.ranges import DAY_MS, Range
from proxy.store.questions import ReportReader, SourceRow, Span, Stay, Told

VISITORS_SHOWN = 50
SESSIONS_SHOWN = 10
EVENTS_SHOWN = 300
"""Of one session: the first ones; a person's session seldom has a hundred."""
LOOSE_SHOWN = 100
CRAWLER_DAYS = 7
"""How far back a crawler's page views are looked for: no index leads to them."""
KINDS = {
    "visit": "visit",
    "hover": "hover",
    "click": "click",
    "leave": "leave",
    "start": "form",
    "submit": "form",
    "result": "form",
    "change": "field",
}
DEVICES = {"WEB_DESKTOP": "desktop", "WEB_MOBILE": "mobile", "MOBILE_APP": "app", "SIMULATED": "simulated"}


def visitors(reader: ReportReader, span: Range, lane: int, before: tuple[int, int] | None) -> Model:
    """Who was there, the latest first."""
    cards = Cards()
    with reader.moment():
        found = cards.ask(
            "visitors",
            lambda: reader.visitors(Span(span.since, span.until, lane), before, VISITORS_SHOWN),
        )
    rows = [] if found is None else [_visitor(_plain(row)) for row in found.rows]
    last = None if found is None or len(found.rows) < VISITORS_SHOWN else found.rows[-1]
    return {
        "range": {"name": span.name, "label": span.label, "since": span.since, "until": span.until},
        "lane": LANES[lane],
        "visitors": None if found is None else {"rows": rows, "total": found.total},
        "next": None if last is None else f"{last.last}-{last.key}",
        "late": cards.late,
    }


def _plain(row: Any) -> Model:
    """A row as an object; events are left as they are."""
    return {name: getattr(row, name) for name in row.__dataclass_fields__}


def _visitor(row: Model) -> Model:
    start = row.pop("start")
    row.pop("key")
    return {**row, **_arrival(start)}


def visitor(reader: ReportReader, uuid: str, before: int | None, *, now_ms: int) -> Model | None:
    """One visitor's sessions, the latest first, each with its events; None where nobody has that uuid."""
    cards = Cards()
    with reader.moment():
        known = reader.visitor(uuid)
        if known is None:
            return None
        key, own = known
        stays = cards.ask("sessions", lambda: reader.stays(key, before, SESSIONS_SHOWN + 1)) or ()
        shown = stays[:SESSIONS_SHOWN]
        told = [cards.ask("sessions", partial(reader.stay, stay.key, EVENTS_SHOWN)) for stay in shown]
        loose = cards.ask("loose", lambda: reader.loose(key, now_ms - CRAWLER_DAYS * DAY_MS, LOOSE_SHOWN))
    sessions = [_session(stay, events or ()) for stay, events in zip(shown, told, strict=True)]
    for newer, older in zip(sessions, stays[1:], strict=False):
        newer["away_ms"] = newer["start"] - older.last
    return {
        "visitor": own,
        "sessions": sessions,
        "loose": story(loose or ()),
        "next": shown[-1].start if len(stays) > SESSIONS_SHOWN else None,
        "late": sorted(set(cards.late)),
    }


def _session(stay: Stay, told: Sequence[Told]) -> Model:
    start = next((one.event for one in told if one.event.action == "session.start"), None)
    return {
        "id": stay.id,
        "start": stay.start,
        "last": stay.last,
        "duration_ms": stay.last - stay.start,
        "reason": stay.reason,
        "pages": stay.pages,
        "events": stay.events,
        "away_ms": None,
        **_arrival(start),
        "lane": None if start is None else start.lane,
        "story": story(told),
        "more": len(told) == EVENTS_SHOWN,
    }


def _arrival(start: Event | None) -> Model:
    """Where a session came from, by its session.start."""
    if start is None:
        return {"channel": None, "source": None, "campaign": None, "referrer": None, "device": None, "language": None}
    params = start.params
    row = _source_row(start)
    sources, _ = merge([row])
    channel = channel_of(row.referrer, row.host, row.utm_source, row.utm_medium, row.utm_campaign)
    return {
        "channel": channel,
        "source": sources[0].name if sources else None,
        "campaign": sources[0].campaign if sources else None,
        "referrer": params.get("referrer"),
        "device": DEVICES.get(str(params.get("source"))),
        "language": params.get("language"),
    }


def _source_row(start: Event) -> SourceRow:
    source, medium, campaign = (start.params.get(key) for key in ("utm_source", "utm_medium", "utm_campaign"))
    return SourceRow(
        _host(start.params.get("referrer")),
        _text(source),
        _text(medium),
        _text(campaign),
        _host(start.params.get("uri")),
        1,
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _host(uri: object) -> str | None:
    """The host of a cleaned address, as store questions tell it: between :// and the next slash."""
    return uri.partition("://")[2].partition("/")[0] or None if isinstance(uri, str) else None


def kind_of(action: str) -> str:
    """What sort of event it is, for its mark."""
    return "session" if action.startswith("session.") else KINDS.get(action.rpartition(".")[2], "other")


def story(told: Sequence[Told]) -> list[Model]:
    """Events in their order, each with the pause before it."""
    lines: list[Model] = []
    before: int | None = None
    for one in told:
        pause = None if before is None else one.event.time - before
        lines.append({**line_of(one), "pause_ms": pause})
        before = one.event.time
    return lines


def line_of(told: Told) -> Model:
    """An event as the report tells it: its export, and what the report adds."""
    event = told.event
    return {
        **event.to_export(),
        "params": dict(event.params),
        "kind": kind_of(event.action),
        "where": {"uri": told.uri, "title": told.title},
        "unusual": unusual_of(event),
    }


def unusual_of(event: Event) -> Model | None:
    """The evidence of a hover that was longer than usual."""
    if not event.action.endswith(".hover"):
        return None
    dwell, usual, number = (event.params.get(key) for key in ("dwell_ms", "usual_ms", "usual_n"))
    if not (isinstance(dwell, int) and isinstance(usual, int) and isinstance(number, int)):
        return None
    return {"dwell_ms": dwell, "usual_ms": usual, "usual_n": number} if is_unusual(dwell, usual, number) else None
