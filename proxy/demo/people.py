"""The simulated visitors' browsers, languages and ways to the shop, and how long they look at what: plain data.

The brands are those that an owner would see in a report. Every agent is an ordinary browser's with a product token of
its own behind it, by which the server knows that nobody was there (`source = SIMULATED`).
"""

from dataclasses import dataclass

TOKEN = "footfall-demo/1"
_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


@dataclass(frozen=True, slots=True)
class Device:
    """A browser: its User-Agent, and whether its pointer is a finger (`touch`), which hovers over nothing."""

    agent: str
    touch: bool = False


@dataclass(frozen=True, slots=True)
class Way:
    """How somebody comes to the shop: the page that had the link ('' none, or none that is told), and what the
    link's address has behind the path."""

    referrer: str
    query: str = ""


DESKTOPS = tuple(
    Device(f"Mozilla/5.0 ({agent} {TOKEN}")
    for agent in (
        f"Windows NT 10.0; Win64; x64) {_WEBKIT} Chrome/142.0.0.0 Safari/537.36",
        f"Windows NT 10.0; Win64; x64) {_WEBKIT} Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
        "Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0",
        "Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15",
        f"Macintosh; Intel Mac OS X 10_15_7) {_WEBKIT} Chrome/142.0.0.0 Safari/537.36",
        "X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    )
)
PHONES = tuple(
    Device(f"Mozilla/5.0 ({agent} {TOKEN}", touch=True)
    for agent in (
        "iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/26.0 Mobile/15E148 Safari/604.1",
        f"Linux; Android 10; K) {_WEBKIT} Chrome/142.0.0.0 Mobile Safari/537.36",
        "Android 15; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0",
    )
)
PHONE_EVERY = 5

LANGUAGES = (
    "en-GB,en;q=0.9",
    "en-US,en;q=0.9",
    "de-DE,de;q=0.9,en;q=0.7",
    "fr-FR,fr;q=0.9,en;q=0.6",
    "pt-PT,pt;q=0.9,en;q=0.8",
    "nl-NL,nl;q=0.9,en;q=0.8",
    "pl-PL,pl;q=0.9,en;q=0.7",
    "sv-SE,sv;q=0.9,en;q=0.8",
)

WAYS = (
    (Way(""), 6),
    (Way("https://www.google.com/"), 5),
    (Way("https://duckduckgo.com/"), 1),
    (Way("https://www.bing.com/"), 1),
    (Way("https://www.instagram.com/"), 2),
    (Way("https://www.pinterest.com/"), 1),
    (Way("https://www.reddit.com/"), 1),
    (Way("https://clay.example/the-best-mugs-of-the-year"), 1),
    (Way("", "utm_source=letter&utm_medium=email&utm_campaign=spring-41"), 3),
    (Way("https://www.instagram.com/", "utm_source=instagram&utm_medium=social&utm_campaign=spring-41"), 2),
)
"""Each with its weight."""

LOOKS: dict[str, tuple[tuple[str, int, float], ...]] = {
    "/": (
        ("Spring sale", 1_100, 1.0),
        ("See the range", 600, 0.35),
        ("Harbour mug", 900, 0.3),
        ("Ember teapot", 1_000, 0.35),
        ("Dune vase", 900, 0.2),
        ("Workshop", 450, 0.15),
    ),
    "/range": (
        ("Harbour mug", 900, 0.5),
        ("Tide bowl", 900, 0.4),
        ("Ember teapot", 1_200, 0.5),
        ("Field plate", 800, 0.3),
        ("Slate carafe", 900, 0.3),
    ),
    "/products/": (
        ("{product}, large picture", 1_700, 0.8),
        ("Order", 700, 0.4),
        ("Shipping and returns", 800, 0.25),
    ),
    "/about": (("A vase, a teapot and a mug on a shelf", 1_500, 0.6), ("Range", 500, 0.3)),
    "/checkout": (("Place the order", 600, 0.35),),
}
"""Of a page: what the pointer rests on, the usual length in ms, and how many of a hundred rest on it at all."""

FIRST_NAMES = ("Ada", "Bruno", "Clara", "Emil", "Inês", "Jan", "Maud", "Nils", "Olga", "Zofia")
COUNTRIES = ("PT", "DE", "FR", "GB", "NL", "PL", "SE", "AT", "IE")
NOTES = (
    "",
    "",
    "",
    "It is for my sister, please no bill in the box.",
    "After six, the bell is broken.",
    "Blue if you can!",
)
COUPONS = ("", "", "", "SPRING41", "KILN10")
