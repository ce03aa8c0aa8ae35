"""Lanes: which of `bot`, `unproven` and `person` a visit is in, and what a User-Agent tells.

Law: a visit is in exactly one lane; it moves from unproven to person and never back (VISITS.md section 5).
"""

from dataclasses import dataclass

from crawleruseragents import is_crawler

from proxy.bounded import Bounded

BOT, UNPROVEN, PERSON = 0, 1, 2
"""Indexes into `events.event.LANES`; the numbers that the store keeps."""

PROOF_SCRIPT, PROOF_COOKIE, RETURNED, IDENTIFIED, VOUCHED = 1, 2, 4, 8, 16
"""What has been proven of a visitor, as bits: a browser confirmed a page; the cookie came back with anything; the
cookie came back with a page request, or the site said which customer it is (both end the chance of being somebody's
twin); somebody told of it who knows no cookies: another store's export, or a server that names the customer."""
_OF_COOKIES = PROOF_SCRIPT | PROOF_COOKIE | VOUCHED

AGENT_CACHE_ENTRIES = 4096
"""User-Agents remembered: an uncached look-up costs 150 us, a cached one 0.1 (MEASURED.md)."""

AGENT_MAX_CHARS = 512
SIMULATED = "footfall-demo/"
"""Product token of the visitors that `footfall demo --visitors` makes up: they are told as such, not hidden."""


@dataclass(frozen=True, slots=True)
class Agent:
    """What a User-Agent tells: a crawler?, and the `source` of a session (`WEB_DESKTOP`, `WEB_MOBILE`, `SIMULATED`)."""

    bot: bool
    source: str


class Agents:
    """User-Agents judged, each once."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: Bounded[bytes, Agent] = Bounded(AGENT_CACHE_ENTRIES)

    def read(self, user_agent: bytes) -> Agent:
        """Judge a User-Agent header's value; empty counts as a bot (VISITS.md section 1, row 13)."""
        user_agent = user_agent[:AGENT_MAX_CHARS]  # what is remembered is bounded too
        agent = self._known.get(user_agent)
        if agent is None:
            agent = self._known.put(user_agent, judge(user_agent.decode("latin-1")))
        return agent


def judge(user_agent: str) -> Agent:
    """`Agents.read` without its memory."""
    if SIMULATED in user_agent:
        return Agent(False, "SIMULATED")
    bot = not user_agent.strip() or bool(is_crawler(user_agent))
    mobile = "Mobi" in user_agent or "Android" in user_agent
    return Agent(bot, "WEB_MOBILE" if mobile else "WEB_DESKTOP")


def is_cookieless(proof: int) -> bool:
    """Whether a visitor is one of a browser that, as far as is known, never stores the cookie: such a browser is a new
    visitor on each page (VISITS.md section 3). A script of a page was at work, and not once did the cookie come with
    what it sent, nor with anything later; a browser that stores it brings it with the first message of the first page.
    """
    return proof & _OF_COOKIES == PROOF_SCRIPT


def lane_of(*, bot: bool, cookie_came_back: bool, confirmed: bool) -> int:
    """The lane of a visit, as a number."""
    if bot:
        return BOT
    return PERSON if cookie_came_back or confirmed else UNPROVEN
