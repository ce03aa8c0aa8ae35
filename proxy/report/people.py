"""Visitors and their stories as objects: what the pages show and their JSON says.

Law: an event is told as its export tells it, with its label, and with what the report adds: where it happened, how
long nothing happened before it, and whether a hover was longer than usual. Values stay what visitors sent: text.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from proxy.events.dwell import is_unusual
from proxy.events.event import Event
from proxy.report.asked import LOOSE, Part, text_of, uuids_of
from proxy.report.channels import channel_of, merge
from proxy.report.chosen import Chosen
from proxy.report.overview import Cards, Model, of_range, only
from proxy.report.ranges import DAY_MS, Range
from proxy.store.questions import Cursor, ReportReader, SourceRow, Span, Stay, Told

VISITORS_SHOWN = 50
SEARCHED = 20
"""Visitors whom a search finds at the most."""
SESSIONS_SHOWN = 10
EVENTS_SHOWN = 300
"""Of one session on one page; a person's session seldom has a hundred."""
LOOSE_SHOWN = 100
"""Events outside any session on one page."""
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


def visitors(
    reader: ReportReader,
    span: Range,
    lane: int,
    before: Cursor | None,
    *,
    chosen: Sequence[Chosen] = (),
    limit: int = VISITORS_SHOWN,
) -> Model:
    """Who was there, the latest first: at most `limit` of them."""
    cards = Cards()
    with reader.moment():
        several = cards.ask("hosts", reader.has_several_hosts)
        with only(reader, cards, chosen, span) as told:
            within = Span(told["since"], span.until, lane)
            found = cards.ask("visitors", lambda: reader.visitors(within, before, limit + 1))
    shown = () if found is None else found.rows[:limit]
    rows = [_visitor(_plain(row)) for row in shown]
    return {
        **of_range(span, lane),
        **told,
        "several_hosts": bool(several),
        "visitors": None if found is None else {"rows": rows, "total": found.total, "cookieless": found.cookieless},
        "next": text_of(Cursor(shown[-1].last, shown[-1].key)) if found and len(found.rows) > len(shown) else None,
        "late": cards.late,
    }


def search(reader: ReportReader, wanted: str, marks: Sequence[bytes]) -> Model:
    """Who may be meant: the customer of that key, on whatever browsers, or else those whose uuid begins so; at most
    SEARCHED of them, `more` of whom it says."""
    uuids = uuids_of(wanted)
    with reader.moment():
        found = list(reader.customers(marks, SEARCHED + 1)) if marks else []
        how = "customer" if found else "uuid"
        if not found and uuids is not None:
            found = list(reader.beginning(*uuids, SEARCHED + 1))
    rows = [asdict(row) for row in found[:SEARCHED]]
    return {"wanted": wanted, "how": how if rows else None, "visitors": rows, "more": len(found) > SEARCHED}


def _plain(row: Any) -> Model:
    """A row as an object; events are left as they are."""
    return {name: getattr(row, name) for name in row.__dataclass_fields__}


def _visitor(row: Model) -> Model:
    start = row.pop("start")
    row.pop("key")
    return {**row, **_arrival(start)}


def visitor(reader: ReportReader, uuid: str, part: Part, *, now_ms: int) -> Model | None:
    """One visitor's sessions, the latest first, each with its events, or the part of them that is asked for; None
    where nobody has that uuid, or the visitor has no such session."""
    cards = Cards()
    with reader.moment():
        known = reader.visitor(uuid)
        if known is None:
            return None
        key, own = known
        several = cards.ask("hosts", reader.has_several_hosts)
        stays, following = _stays(reader, cards, key, part)
        if part.session not in (None, LOOSE) and not stays and not cards.late:
            return None
        sessions = [_session(reader, cards, stay, part.after) for stay in stays]
        # Events outside any session stand below the latest sessions, and not again below the earlier ones.
        loose = _loose(reader, cards, key, part, now_ms) if part.session == LOOSE or part == Part() else []
    for newer, start_after in zip(sessions, [*stays[1:], following], strict=False):
        newer["away_ms"] = None if start_after is None else newer["start"] - start_after.last
    return {
        "visitor": own,
        "several_hosts": bool(several),
        "sessions": sessions,
        "loose": story(loose[-LOOSE_SHOWN:]),
        "loose_before": _cursor_at(loose[-LOOSE_SHOWN]) if len(loose) > LOOSE_SHOWN else None,
        "next": None if following is None else text_of(Cursor(stays[-1].start, stays[-1].key)),
        "late": sorted(set(cards.late)),
    }


def _stays(reader: ReportReader, cards: Cards, key: int, part: Part) -> tuple[tuple[Stay, ...], Stay | None]:
    """(the sessions to show, the one that would come next)"""
    session = part.session
    if session == LOOSE:
        return (), None
    if session is not None:
        one = cards.ask("sessions", lambda: reader.stay_of(key, session))
        return () if one is None else (one,), None
    found = cards.ask("sessions", lambda: reader.stays(key, part.before, SESSIONS_SHOWN + 1)) or ()
    return found[:SESSIONS_SHOWN], found[SESSIONS_SHOWN] if len(found) > SESSIONS_SHOWN else None


def _loose(reader: ReportReader, cards: Cards, key: int, part: Part, now_ms: int) -> Sequence[Told]:
    """One more than is shown, where there are as many."""
    since = now_ms - CRAWLER_DAYS * DAY_MS
    return cards.ask("loose", lambda: reader.loose(key, since, part.before, LOOSE_SHOWN + 1)) or ()


def _session(reader: ReportReader, cards: Cards, stay: Stay, after: Cursor | None) -> Model:
    """A session with its events, or with those after one of them. Its first event is its session.start: nothing of it
    is earlier (VISITS.md section 7)."""
    told = cards.ask("sessions", lambda: reader.stay(stay.key, after, EVENTS_SHOWN + 1)) or ()
    first = told if after is None else cards.ask("sessions", lambda: reader.stay(stay.key, None, 1)) or ()
    start = next((one.event for one in first if one.event.action == "session.start"), None)
    shown, more = told[:EVENTS_SHOWN], len(told) > EVENTS_SHOWN
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
        "story": story(shown, None if after is None else after.time),
        "more": more,
        "after": _cursor_at(shown[-1]) if more else None,
    }


def _cursor_at(told: Told) -> str | None:
    return text_of(Cursor(told.event.time, told.event.seq))


def _arrival(start: Event | None) -> Model:
    """Where a session came from, by its session.start."""
    if start is None:
        return dict.fromkeys(("channel", "source", "campaign", "referrer", "device", "language", "ip"))
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
        "ip": params.get("ip"),
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


def story(told: Sequence[Told], before: int | None = None) -> list[Model]:
    """Events in their order, each with the pause before it; `before`: when the event before the first one was."""
    lines: list[Model] = []
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
