"""What a store answers about one element that people hover over: rows with names.

Law: answers.py's. Nothing here depends on how long the list of hovered elements is: one element is asked about, by what
its page calls it.
"""

from dataclasses import dataclass

from proxy.store.questions.answers import NextRow, Ranking


@dataclass(frozen=True, slots=True)
class LongHover:
    """A hover that was longer than usual when it was stored: how long, what was known of its element before it (None
    where an older version kept nothing of that), when in UTC ms, whose, and in which session, if in any."""

    dwell_ms: int
    usual_ms: int | None
    usual_n: int | None
    time: int
    uuid: str
    session: str | None


@dataclass(frozen=True, slots=True)
class Following:
    """Where the sessions of hovers went on: for each hover in a session, the page of the first page.visit after it in
    that session, by time and seq and whenever that is, of another page than the element's. `pages`: by number; `left`:
    hovers with no such page.visit; `alone`: hovers outside any session, of which nothing is known. All hovers are
    these: the sum of all pages' numbers, `left` and `alone`."""

    pages: Ranking[NextRow]
    left: int
    alone: int


@dataclass(frozen=True, slots=True)
class Attention:
    """Of the hover events in the span on an element: how many `hovers`; `visitors` and `cookieless` as in
    `LaneTotals`; `median_ms`, `p95_ms` as in `HoverRow`, None where there are none. `steps`: how many lasted less than
    the first of the edges that were asked for, then as many as from each edge on and less than the next one; the last
    is open. `unusual`: those that were longer than usual when they were stored; `longest`: the longest of these, the
    longest first. `clicked`: those that say so, of themselves.

    Of the same span: `clicks`, the click events on the same element, and `views`, the page.visit events of its page."""

    hovers: int
    visitors: int
    cookieless: int
    median_ms: int | None
    p95_ms: int | None
    steps: tuple[int, ...]
    unusual: int
    longest: tuple[LongHover, ...]
    clicked: int
    clicks: int
    views: int
    following: Following
