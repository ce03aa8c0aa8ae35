"""Which sessions a question is about, where it is not about all of them.

Law: a filter picks whole sessions, and several pick those that all of them do. So what is counted under a filter is
what the same sessions are counted for without one, and equals a recount from their exported events. What a question is
about, where it is about one thing, picks as a filter does; without filters beside it, events outside any session that
meet it are picked as well, each by itself.
"""

from typing import NamedTuple

MOST_FILTERS = 8
"""At a time; each costs a look at every event."""


class Saw(NamedTuple):
    """Sessions with a page.visit of a page in the time that is asked about."""

    host: str
    path: str


class Did(NamedTuple):
    """Sessions with an event of an action (`banner.click`, `form.submit`) on an element or form in the time that is
    asked about. `name`: what its page calls it."""

    action: str
    host: str
    path: str
    name: str


class Origin(NamedTuple):
    """What sessions are told apart by: the referrer's host, the three `utm_*` params, the host of the site."""

    referrer: str | None
    utm_source: str | None
    utm_medium: str | None
    utm_campaign: str | None
    host: str | None


class CameFrom(NamedTuple):
    """Sessions whose session.start is of one of these origins, whenever that was."""

    origins: tuple[Origin, ...]


Filter = Saw | Did | CameFrom


class Touched(NamedTuple):
    """Sessions with a page.visit of a page, or with an event on an element or form of it, in the time that is asked
    about. `name`: what its page calls it."""

    host: str
    path: str
    name: str


class Began(NamedTuple):
    """Sessions whose session.start is in the time that is asked about."""


About = Saw | Touched | Began
