"""The latest events for the live page: all of them, or those that its filter lets through.

Law: pure but for one look at the store. A filter asks for what a line shows, so that the page's script, which has
nothing else, says the same of a line. Of what is left out it is said how much, and how far was looked.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from proxy.events.event import LANES
from proxy.report.asked import WANTED_CHARS, Position
from proxy.report.numbers import count
from proxy.report.overview import Model
from proxy.report.people import line_of
from proxy.report.poll import skipped_by
from proxy.store.questions import ReportReader

SHOWN = 60
"""Lines of an answer."""
LOOKED_AT = (300, 2_000)
"""Of how many of the latest events those are looked for that a filter lets through: of more where the first do not
fill an answer. 2,000 take 90 ms."""
KINDS = {"visit": "Visits", "hover": "Hovers", "click": "Clicks", "form": "Forms", "session": "Sessions"}
OTHER = "other"
GROUPS = {**KINDS, OTHER: "Other"}
"""Kinds of events that a filter tells apart."""
BOT = LANES[0]
_IN_A_GROUP = {"field": "form"}

Shown = Callable[[Model, bool], Mapping[str, Any]]
"""(event, whether there are pages of several hosts) -> what its line shows."""


class Sieve(NamedTuple):
    """What the live page is to show: events of a kind, those that were longer than usual, those with a text, and
    whether those of bots."""

    kind: str | None = None
    unusual: bool = False
    text: str = ""
    bots: bool = True

    def query(self, **others: object) -> dict[str, object]:
        """What an address says to ask for it, but for `others`; what is None is left out of an address."""
        own = {"kind": self.kind, "unusual": "1" if self.unusual else None, "q": self.text or None}
        return {**own, "bots": None if self.bots else "0", **others}

    def passes(self, shown: Mapping[str, Any]) -> bool:
        """Whether it lets a line through; live.js says the same."""
        if self.kind is not None and shown["group"] != self.kind:
            return False
        if (self.unusual and not shown["evidence"]) or (not self.bots and shown["lane"] == BOT):
            return False
        text = self.text.lower()
        told = (shown["where"], shown["who"], shown["action"], shown["label"])
        return str(shown["uuid"]).startswith(text) or any(text in str(part).lower() for part in told)


def sieve_of(query: Mapping[str, str]) -> Sieve:
    """The filter that an address asks for: `kind`, `unusual=1`, `q`, `bots=0`. Nothing but a hover is longer than
    usual, so that asking for that is asking for hovers."""
    kind, unusual = query.get("kind", ""), query.get("unusual", "") == "1"
    kind = "hover" if unusual else kind
    text, bots = query.get("q", "").strip()[:WANTED_CHARS], query.get("bots", "") != "0"
    return Sieve(kind if kind in GROUPS else None, unusual, text, bots)


def group_of(kind: str) -> str:
    """What a filter calls a kind of event."""
    group = _IN_A_GROUP.get(kind, kind)
    return group if group in KINDS else OTHER


def latest(reader: ReportReader, position: Position, sieve: Sieve, shown: Shown, now_ms: int) -> Model:
    """The latest events after a position that a filter lets through; of all where nobody was told anything, or of
    another store. `skipped`: how many more of them there are; under a filter, among the `looked` events that were
    looked through, and `unread` is how many were not. Both are 0 for somebody who was told nothing."""
    with reader.moment():
        newest = Position(reader.newest(), reader.identity())
        after = position.seq if position.store in ("", newest.store) else 0
        several = reader.has_several_hosts()
        passed: list[Model] = []
        is_asked = sieve != Sieve()
        for most in LOOKED_AT if is_asked else (SHOWN,):
            found = [line_of(one) for one in reader.after(after, most)]
            passed = [line for line in found if not is_asked or sieve.passes(shown(line, several))]
            if len(passed) >= SHOWN or len(found) < most:
                break
        left_out = skipped_by(reader, after, len(found)) if after and len(found) == most else 0
    return {
        "now": now_ms,
        "newest": newest.seq,
        "after": newest.text(),
        "several_hosts": several,
        "filter": sieve._asdict(),
        "skipped": (len(passed[:-SHOWN]) if after else 0) if is_asked else left_out,
        "looked": len(found),
        "is_all": len(found) < most,
        "unread": left_out if is_asked else 0,
        "lines": passed[-SHOWN:],
    }


def none_text(model: Model) -> str:
    """What is said where there is no line."""
    sieve = Sieve(**model["filter"])
    if sieve == Sieve():
        return "Nothing has happened yet. Open the site through footfall and look at a page."
    what = "Nothing of this kind" if sieve != Sieve(bots=False) else "Nothing"
    latest_of = "has come yet" if model["is_all"] else f"is among the latest {count(model['looked'])} events"
    return f"{what} {latest_of}." + ("" if sieve.bots else " Bots are not shown.")
