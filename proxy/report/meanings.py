"""What the overview's numbers mean, a plain sentence each: on its tiles and columns, and in the list at its foot.

Law: words only; what they say is what store/questions/answers.py and overview.py say more exactly. A card's numbers are
named here alone, so that the page and the list use the same names.
"""

from collections.abc import Mapping
from typing import NamedTuple

from proxy.events.dwell import UNUSUAL_FROM_N, UNUSUAL_MIN_MS, UNUSUAL_TIMES
from proxy.report.numbers import length


class Meaning(NamedTuple):
    """What a number is called, and what it counts."""

    name: str
    text: str


class Card(NamedTuple):
    """The numbers of a part of the page, and what that is called."""

    title: str
    numbers: Mapping[str, Meaning]


CARDS: Mapping[str, Card] = {
    "totals": Card(
        "Totals",
        {
            "visitors": Meaning(
                "Visitors",
                "Different visitors who saw a page or used an app, each counted once. People whose browser keeps no "
                "cookie are not among them, but counted beside them.",
            ),
            "sessions": Meaning("Sessions", "Stays on the site that began in this time."),
            "views": Meaning("Page views", "Pages that were looked at: each time counts, reloading too."),
            "pages_per_session": Meaning("Pages per session", "Page views divided by sessions."),
            "bounce_rate": Meaning("Bounce rate", "The share of sessions in which one page was looked at and no more."),
            "engaged": Meaning(
                "Time in use, median",
                "Half of the pages that were looked at were in use, in front of the visitor, no longer than this. "
                "Pages that never said how long are left out; it is at most 4.9 % off.",
            ),
        },
    ),
    "series": Card(
        "Page views and visitors",
        {
            "views": Meaning("Page views", "Pages that were looked at in this part of the time."),
            "visitors": Meaning(
                "Visitors", "Different visitors in this part of the time; one who was there in two counts in both."
            ),
        },
    ),
    "hovers": Card(
        "What holds attention",
        {
            "element": Meaning("Element", "What was hovered over: its name, its kind and its page."),
            "hovers": Meaning("Hovers", "How often the pointer rested on the element long enough to be told."),
            "median": Meaning("Median", "Half of these hovers were no longer than this; at most 4.9 % off."),
            "p95": Meaning("95 of 100 below", "95 of 100 of these hovers were no longer than this; at most 4.9 % off."),
            "unusual": Meaning(
                "Longer than usual",
                f"Hovers of at least {length(UNUSUAL_MIN_MS)} that lasted {UNUSUAL_TIMES} times as long as is usual on "
                f"the element or longer, once {UNUSUAL_FROM_N} were known; with the longest of them.",
            ),
        },
    ),
    "pages": Card(
        "Pages",
        {
            "page": Meaning("Page", "A page by its address, whatever its query; its latest title above it."),
            "views": Meaning("Views", "How often the page was looked at."),
            "visitors": Meaning("Visitors", "Different visitors who looked at the page."),
            "entries": Meaning("Entries", "Sessions that began on the page."),
            "exits": Meaning("Exits", "Sessions that began in this time and ended on the page."),
            "engaged": Meaning("In use", "Half of the views of the page were in use no longer than this."),
        },
    ),
    "next": Card(
        "Next pages",
        {
            "page": Meaning("Page", "A page that was seen right after this one in a session."),
            "times": Meaning("Times", "How often that was; the same page again is not counted."),
        },
    ),
    "sources": Card(
        "Sources",
        {
            "source": Meaning("Source", "Where sessions came from: a site, or what a campaign’s link says of itself."),
            "channel": Meaning("Channel", "What kind of source it is; Direct came without a referrer."),
            "sessions": Meaning("Sessions", "Sessions that began by coming from there."),
        },
    ),
    "devices": Card(
        "Devices",
        {
            "device": Meaning(
                "Device",
                "What sessions came with: a desktop or a mobile browser, or what an app calls itself.",
            ),
            "sessions": Meaning("Sessions", "Sessions that began with it."),
        },
    ),
    "clicks": Card(
        "Clicks",
        {
            "element": Meaning("Element", "What was clicked: its name, its kind and its page."),
            "clicks": Meaning("Clicks", "How often the element was clicked."),
            "visitors": Meaning("Visitors", "Different visitors who clicked it."),
        },
    ),
    "fields": Card(
        "Fields of forms",
        {
            "field": Meaning("Field", "A tagged field of the form."),
            "changed": Meaning("Changed", "How often somebody changed what is in the field."),
            "filled": Meaning("Sent filled", "How often the form was sent with something in the field."),
            "skipped": Meaning(
                "Not read", "How often the form was sent and this field not read: nothing like it is captured."
            ),
        },
    ),
    "failed": Card(
        "Errors",
        {
            "page": Meaning("Page", "A page by its address, whatever its query, that came with an error."),
            "status": Meaning("Status", "What the site answered: 4xx blames the request, 5xx is the site’s own fault."),
            "views": Meaning("Views", "How often the page came with this status."),
            "exits": Meaning("Left", "Sessions that began in this time and ended on this page, with this status."),
        },
    ),
    "slow": Card(
        "Slow pages",
        {
            "page": Meaning("Page", "A page by its address, for which the site needed a second or more."),
            "slow": Meaning("Slow views", "How often it needed so long until its answer began."),
            "share": Meaning("Share", "Slow views as a part of all views of the page."),
            "median": Meaning("Median", "Half of the slow views took the site no longer than this; at most 4.9 % off."),
            "p95": Meaning("95 of 100 below", "95 of 100 slow views took no longer than this; at most 4.9 % off."),
            "exits": Meaning("Left", "Sessions that began in this time and ended with a slow view of this page."),
        },
    ),
    "unconfirmed": Card(
        "Pages that nobody confirmed",
        {
            "page": Meaning("Page", "A page by its address, whatever its query."),
            "unconfirmed": Meaning("Not confirmed", "Views by people of which the tracker never said anything."),
            "views": Meaning("Of views", "All views by people, without those of the last minute."),
            "share": Meaning("Share", "Views that nobody confirmed as a part of all of these."),
        },
    ),
    "blocked": Card(
        "Pages where the tag cannot run",
        {
            "page": Meaning("Page", "A page by its address, and what keeps the tag from running on it."),
            "views": Meaning("Views", "How often the page was looked at without its tag running."),
            "last": Meaning("Last", "When that happened last."),
        },
    ),
    "requests": Card(
        "Requests",
        {
            "outcome": Meaning("Outcome", "What became of a request; each has one outcome."),
            "requests": Meaning("Requests", "Requests to the site with this outcome."),
        },
    ),
    "rejected": Card(
        "Rejected events",
        {
            "reason": Meaning("Reason", "Why nothing of the event was kept."),
            "event": Meaning("Event", "What the event is called."),
            "times": Meaning("Times", "How often such an event was refused, of the latest 1 000."),
        },
    ),
}
"""By the part of the page, in its order."""
