"""From one page of a site to the others: in what order, how far, and what became of each.

Law: no I/O and no clock; it is given what fetches and what reads. Every address is asked for once. A path that is new
comes before further queries of one that is known, so that a calendar without an end does not use up all pages.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from proxy.audit import links
from proxy.audit.findings import Findings

MOST_REDIRECTS: Final = 5
"""One after the other."""
AVOIDED_KEPT: Final = 100
"""Links that were left alone, and pages that could not be read, as they are told."""
ADDRESSES_KEPT: Final = 100_000
"""So many are told apart; links beyond them are not followed."""
MOVED: Final = frozenset((301, 302, 303, 307, 308))


class Unreadable(Exception):
    """Why a page could not be read, in a few words."""


class Unreachable(Exception):
    """Why the site could not be read at all."""


class Answer(NamedTuple):
    """A page's text, or (where `location` is not '') where it has moved."""

    text: str
    location: str = ""


class Page(NamedTuple):
    """A page that was read; `url` is where it was found in the end."""

    url: str
    findings: Findings


class Unread(NamedTuple):
    """A page that was not read, why, and where the link to it stands (`page` '': it was asked for)."""

    url: str
    why: str
    page: str
    line: int


@dataclass(slots=True)
class Site:
    """What was read. `unread`: what should have been and could not; `avoided`: links that were left alone; `known`: so
    many more pages were linked to than might be read."""

    origin: str
    pages: list[Page] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    avoided: list[Unread] = field(default_factory=list)
    known: int = 0


Fetch = Callable[[str], Answer]
Read = Callable[[str], Findings]
At = Callable[[str, int, int], None]


def crawl(start: str, fetch: Fetch, read: Read, *, most: int, prefix: str, at: At) -> Site:
    """Read at most `most` pages from `start` on. `prefix`: a path whose pages are footfall's own.

    Raises:
        Unreachable: the first page cannot be read.
    """
    return _Crawl(start, fetch, read, most, prefix, at).run()


class _Crawl:
    def __init__(self, start: str, fetch: Fetch, read: Read, most: int, prefix: str, at: At) -> None:
        self._site = Site(links.origin_of(start))
        self._fetch, self._read, self._most, self._prefix, self._at = fetch, read, most, prefix, at
        self._seen = {start}
        self._paths = {urlsplit(start).path}
        self._next: deque[Unread] = deque([Unread(start, "", "", 0)])
        self._later: deque[Unread] = deque()

    def run(self) -> Site:
        asked = 0
        while asked < self._most and (self._next or self._later):
            link = (self._next or self._later).popleft()
            self._at("reading pages", asked, min(self._most, asked + 1 + len(self._next) + len(self._later)))
            asked += 1
            try:
                page = self._page(link.url, is_first=asked == 1)
            except Unreadable as why:
                if asked == 1:
                    raise Unreachable(f"{link.url}: {why}") from None
                if len(self._site.unread) < AVOIDED_KEPT:
                    self._site.unread.append(link._replace(why=str(why)))
                continue
            if page is not None:
                self._site.pages.append(page)
                for found in self._found(page):
                    is_new = urlsplit(found.url).path not in self._paths
                    self._paths.add(urlsplit(found.url).path)
                    (self._next if is_new else self._later).append(found)
        self._site.known = len(self._next) + len(self._later)
        return self._site

    def _page(self, url: str, *, is_first: bool) -> Page | None:
        """The page, after redirects; None where they lead to one that is known. Raises Unreadable."""
        for _ in range(MOST_REDIRECTS + 1):
            answer = self._fetch(url)
            if not answer.location:
                return Page(url, self._read(answer.text))
            target = links.resolved(url, answer.location)
            if target is None:
                raise Unreadable("redirects to no address")
            if links.origin_of(target) != self._site.origin:
                if not (is_first and _is_same_site(self._site.origin, target)):
                    raise Unreadable(f"redirects off the site, to {target}")
                self._site.origin = links.origin_of(target)
            if word := links.acts(target, ""):
                raise Unreadable(f'redirects to an address with "{word}" in it: {links.place_of(target)}')
            if target != url and target in self._seen:
                return None
            self._seen.add(target)
            url = target
        raise Unreadable(f"redirects more than {MOST_REDIRECTS} times")

    def _found(self, page: Page) -> Iterator[Unread]:
        """The links of a page that are to be followed. Those that had better not are kept aside."""
        base = links.resolved(page.url, page.findings.base) or page.url if page.findings.base else page.url
        for link in page.findings.links:
            url = links.resolved(base, link.href)
            if url is None or url in self._seen or links.origin_of(url) != self._site.origin:
                continue
            if len(self._seen) >= ADDRESSES_KEPT:
                return
            self._seen.add(url)
            if links.is_file(url) or links.is_below(url, self._prefix):
                continue
            if word := links.acts(url, link.text):
                if len(self._site.avoided) < AVOIDED_KEPT:
                    why = f'"{word}": asking for it might do that'
                    self._site.avoided.append(Unread(url, why, page.url, link.line))
                continue
            yield Unread(url, "", page.url, link.line)


def _is_same_site(origin: str, target: str) -> bool:
    """Whether a site says with this redirect how it wants to be called: by https, with or without www."""
    own, other = (urlsplit(url).hostname or "" for url in (origin, target))
    return own.removeprefix("www.") == other.removeprefix("www.")
