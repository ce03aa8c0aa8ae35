"""Stored events as lines that a person can read and a test can compare whole: *do this -> exactly these*.

    A1 person session.start /one
    A1 person page.visit /one "One" navigate 200 confirmed
    A1 person page.visit /two "Two" navigate 200 confirmed from /one

Visitors are letters and sessions numbers, in the order in which they appear. What is the same in every event (ids,
times, labels, the source) is asserted here, once, instead of being written into each line.
"""

import contextlib
import json
import sqlite3
import string
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from proxy.events.event import Event
from proxy.store.base import Query
from proxy.store.sqlite.reader import SqliteReader

BROWSER_NAVS = ("bfcache", "cache", "prerender", "manual", "spa")
"""What only a browser can have reported: the server saw no request for it, so there is no upstream time."""
OF_PAGES = ("page.visit", "session.start", "session.end")
FOR_SCRIPTS = ("asset", "head_or_other", "redirect")
"""Outcomes that depend on what a browser fetches besides (an icon, the service worker's script)."""


def read_events(store: Path) -> tuple[list[Event], set[int]]:
    """All events, and the `seq` of those that a browser confirmed."""
    with contextlib.closing(SqliteReader(store)) as reader:
        events = list(reader.export(Query()))
    with contextlib.closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
        confirmed = {seq for (seq,) in connection.execute("SELECT seq FROM event WHERE state & 1")}
    return events, confirmed


def read_outcomes(store: Path) -> dict[str, int]:
    """Requests by outcome, without those that no page view hangs on."""
    counts: dict[str, int] = {}
    with contextlib.closing(SqliteReader(store)) as reader:
        for _, _, outcome, number in reader.outcomes():
            if outcome not in FOR_SCRIPTS:
                counts[outcome] = counts.get(outcome, 0) + number
    return counts


def told(
    events: Sequence[Event], confirmed: Iterable[int], origins: Mapping[str, str], *, leaves: bool = False
) -> list[str]:
    """The events as lines. `origins` gives an origin the name that it has in them, "" for the site's own. Every page is
    left at some time: that is told only to those who ask."""
    confirmed = set(confirmed)
    uris = {event.id: event.params["uri"] for event in events if event.action == "page.visit"}
    visitors: dict[str, str] = {}
    sessions: dict[str, str] = {}
    lines = []
    for event in events:
        check(event, events)
        if event.action == "page.leave" and not leaves:
            continue
        letter = visitors.setdefault(event.uuid, string.ascii_uppercase[len(visitors)])
        number = "-" if event.session is None else sessions.setdefault(event.session, str(len(sessions) + 1))
        rest = _rest(event, event.seq in confirmed, origins) if event.action in OF_PAGES else _act(event, uris, origins)
        lines.append(f"{letter}{number} {event.lane} {event.action} {rest}")
    return lines


def _act(event: Event, uris: Mapping[str, object], origins: Mapping[str, str]) -> str:
    """Where, on what, and the params by name; how long only by whether it is told (`*`). Whether the store had to put
    an event before the page that it led to is chance."""
    params = {key: value for key, value in event.params.items() if key != "original_ago"}
    words = [_short(uris.get(event.page, "nowhere"), origins)]
    words += [f'"{params.pop(key)}"' for key in ("name", "form") if key in params]
    for key in sorted(params):
        value = params[key]
        shown = "*" if key.endswith("_ms") else _short(value, origins) if isinstance(value, str) else json.dumps(value)
        words.append(f"{key}={shown}")
    return " ".join(words)


def _rest(event: Event, confirmed: bool, origins: Mapping[str, str]) -> str:
    params = event.params
    if event.action == "session.end":
        return f"{params['reason']} after {params['pages']} at {_short(params['uri'], origins)}"
    words = [_short(params["uri"], origins)]
    if event.action == "page.visit":
        title = params.get("title")
        words.append("untitled" if title is None else f'"{title}"')
        words.append(str(params["nav"]))
        words += [str(params[key]) for key in ("status", "method") if key in params]
        words.append("confirmed" if confirmed else "unconfirmed")
    if "referrer" in params:
        words.append(f"from {_short(params['referrer'], origins)}")
    return " ".join(words)


def _short(uri: object, origins: Mapping[str, str]) -> str:
    text = str(uri)
    for origin, name in origins.items():
        if text == origin or text.startswith(f"{origin}/"):
            return name + text.removeprefix(origin)
    return text


def check(event: Event, events: Sequence[Event]) -> None:
    """What every event has, whatever the journey."""
    export, params = event.to_export(), event.params
    assert event.time <= event.received, export
    assert "undefined" not in export
    if event.action == "page.visit":
        assert event.page == event.id, export
        assert event.uuid != event.id
        assert export["label"] == f"Visited page {params.get('title') or _path(params['uri'])}"
        if params["nav"] not in BROWSER_NAVS:
            assert isinstance(params["upstream_ms"], int) and params["upstream_ms"] >= 0, export
    elif event.action == "session.start":
        assert export["label"] == "Started session"
        assert (params["source"], params["language"], params["trigger"]) == ("WEB_DESKTOP", "en-GB", "page.visit"), (
            export
        )
        opened = [other for other in events if other.session == event.session and other.action == "page.visit"]
        first = min(opened, key=lambda other: other.time)
        assert first.time == event.time, (export, first.to_export())
        assert event.seq < first.seq, (export, first.to_export())
    elif event.action == "session.end":
        assert export["label"] == "Session end"
    else:
        check_act(event, events)


def check_act(event: Event, events: Sequence[Event]) -> None:
    """What a person did on a page: on one that is known, not before it, in its session and in words. Only who has lost
    their cookie leaves a page that is not theirs."""
    export = event.to_export()
    if event.action == "page.leave" and not event.page:
        assert event.session is None, export
        return
    [page] = [other for other in events if other.id == event.page]
    assert page.action == "page.visit" and page.time <= event.time, (page.to_export(), export)
    assert (event.uuid, event.session, event.lane) == (page.uuid, page.session, page.lane), (page.to_export(), export)
    assert export["label"] and "{" not in str(export["label"]), export


def _path(uri: object) -> str:
    return "/" + str(uri).split("/", 3)[3].partition("?")[0]
