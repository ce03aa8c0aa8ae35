"""A site that is not there: its pages, what can be done on them, how its visitors come to it. The same for the same
seed.

Pages are asked for by Zipf's law (the page of rank k as often as 1 / k), as measured of web sites again and again
(Breslau et al., "Web Caching and Zipf-like Distributions", INFOCOM 1999).
"""

from itertools import accumulate
from random import Random
from typing import NamedTuple

HOST = "shop.example"
ORIGIN = f"https://{HOST}"
PAGES = 4_000
CRAWLERS = 40
SOURCES = 250
"""Addresses of other sites that lead here."""
LINKS = 8
"""Pages that a page leads to, besides the menu's."""
ELEMENTS = 6
FORMS_EVERY = 25
"""Pages from one with a form to the next."""
ZIPF = 1.0
KINDS = (("products", "product"), ("journal", "image"), ("collections", "banner"), ("help", "link"))
THINGS = "Harbour Tide Ember Field Dune Pine Cloud Amber Slate River Moss Coral".split()
WARES = "mug bowl teapot plate vase jug lamp tray kettle pitcher".split()
MENU = ("Range", "Workshop", "Journal", "Basket")
CAMPAIGNS = (
    ("google", "cpc", "spring-sale"),
    ("google", "cpc", "brand"),
    ("newsletter", "email", "2026-05"),
    ("newsletter", "email", "2026-06"),
    ("facebook", "social", "glazes"),
    ("instagram", "social", "glazes"),
)
SEARCHES = ("https://www.google.com/", "https://www.bing.com/", "https://duckduckgo.com/", "https://t.co/")


class Element(NamedTuple):
    """What can be hovered over and clicked. `dwell`: mean of the logarithm of its hovers' ms. `leads`: a page."""

    context: str
    name: str
    dwell: float
    leads: int


class Page(NamedTuple):
    """A page by its rank. `form`: the name of its form, '' where it has none; `links`: ranks of pages."""

    rank: int
    path: str
    uri: str
    title: str
    elements: tuple[Element, ...]
    form: str
    links: tuple[int, ...]


class Campaign(NamedTuple):
    """Params of an address, as part of it and as facts."""

    query: str
    facts: tuple[tuple[str, object], ...]


class Site:
    """The pages, and chance as it chooses among them."""

    def __init__(self, seed: int) -> None:
        source = Random(f"site {seed}")
        ranks = range(PAGES)
        self._zipf = list(accumulate(1 / (rank + 1) ** ZIPF for rank in ranks))
        self._sources_zipf = list(accumulate(1 / (rank + 1) for rank in range(SOURCES)))
        self.pages = [_page(source, rank, self._links(source)) for rank in ranks]
        self.sources = [_address(source, rank) for rank in range(SOURCES)]
        self.campaigns = [_campaign(*terms) for terms in CAMPAIGNS]

    def _links(self, source: Random) -> tuple[int, ...]:
        return tuple(source.choices(range(PAGES), cum_weights=self._zipf, k=LINKS))

    def entry(self, source: Random) -> Page:
        """Where somebody comes in."""
        return source.choices(self.pages, cum_weights=self._zipf)[0]

    def after(self, source: Random, page: Page) -> Page:
        """Where somebody goes from a page: mostly along one of its links."""
        if source.random() < 0.8:
            return self.pages[page.links[int(source.random() ** 2 * LINKS)]]
        return self.entry(source)

    def came_from(self, source: Random) -> str:
        """An address of another site."""
        return source.choices(self.sources, cum_weights=self._sources_zipf)[0]


def _page(source: Random, rank: int, links: tuple[int, ...]) -> Page:
    if rank == 0:
        path, title, context = "/", "Harbour Pottery", "banner"
    else:
        folder, context = KINDS[min(int(source.expovariate(1.2)), len(KINDS) - 1)]
        name = f"{source.choice(THINGS)} {source.choice(WARES)}"
        path = f"/{folder}/{name.lower().replace(' ', '-')}-{rank}"
        title = f"{name} no. {rank} - Harbour Pottery"
    elements = [Element("menu", name, source.gauss(6.2, 0.2), at) for at, name in enumerate(MENU)]
    for at in range(ELEMENTS):
        name = f"{source.choice(THINGS)} {source.choice(WARES)} {at + 1}"
        elements.append(Element(context, name, source.gauss(7.0, 0.5), links[at]))
    form = ("newsletter", "contact", "order")[rank // FORMS_EVERY % 3] if rank % FORMS_EVERY == 3 else ""
    return Page(rank, path, f"{ORIGIN}{path}", title, tuple(elements), form, links)


def _address(source: Random, rank: int) -> str:
    if rank < len(SEARCHES):
        return SEARCHES[rank]
    return f"https://{source.choice(THINGS).lower()}-{rank // 3}.example/{source.choice(WARES)}/{rank}"


def _campaign(origin: str, medium: str, name: str) -> Campaign:
    terms = (("utm_source", origin), ("utm_medium", medium), ("utm_campaign", name))
    return Campaign("?" + "&".join(f"{key}={value}" for key, value in terms), terms)
