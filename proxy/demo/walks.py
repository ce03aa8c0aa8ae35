"""Made-up walks through the shop: who comes when and from where, what they look at, click and fill in, when they leave.

Law: pure, and the same for the same seed. What is really on a page, and so what a browser would tell of it, the one who
walks finds there.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random
from urllib.parse import quote

from proxy.demo.catalogue import PRODUCTS, Product
from proxy.demo.people import (
    COUNTRIES,
    COUPONS,
    DESKTOPS,
    FIRST_NAMES,
    LANGUAGES,
    LOOKS,
    NOTES,
    PHONE_EVERY,
    PHONES,
    WAYS,
)
from proxy.demo.plans import Act, Arrive, Fill, Follow, Look, Move, Plan, Press, Reload, Step, Submit

MOST_VISITORS = 1_000
TALES = (
    *("bounce",) * 3,
    *("stroll",) * 5,
    *("subscribe",) * 3,
    *("buy",) * 4,
    *("hesitate",) * 2,
    *("get lost", "take the gift", "read"),
)
"""What twenty visitors do, dealt like cards: some of everything also where there are few."""
ARRIVING_SHARE = 0.6
"""Of the time: after that nobody comes any more, so that nearly all walks end by themselves."""
SPREAD = 0.4
"""Of the logarithm of a look's length: most are between two thirds and one and a half times the usual one."""
SHORTEST_MS, LONGEST_MS = 120, 12_000
LINGERING_SHARE = 0.6
LINGERING_TIMES = (4.0, 7.0)
"""Some looks last this many times longer than is usual, which the report calls longer than usual; not so many as the
share says, which is the last visitor's: of those before it grows, since at first nobody knows what is usual."""
RETURN_SHARE = 0.25


def plan(visitors: int, seconds: float, seed: int) -> tuple[Plan, ...]:
    """Walks of 1 to MOST_VISITORS visitors, in the order in which they come, all over after about `seconds`.

    Raises:
        ValueError: too many visitors, or none; no time.
    """
    if not 1 <= visitors <= MOST_VISITORS:
        raise ValueError(f"1 to {MOST_VISITORS} visitors, not {visitors}")
    if not 1 <= seconds < math.inf:
        raise ValueError(f"at least a second, not {seconds}")
    random = Random(seed)
    tales: list[str] = []
    while len(tales) < visitors:
        tales += random.sample(TALES, len(TALES))
    end_ms = int(seconds * 1_000)
    gap_ms = end_ms * ARRIVING_SHARE / visitors
    starts = [int((number + random.random() - 0.5) * gap_ms) for number in range(1, visitors)]
    return tuple(
        _Visitor(
            random,
            start,
            end_ms,
            tales[number],
            is_phone=number % PHONE_EVERY == PHONE_EVERY - 1,
            lingering=LINGERING_SHARE * (number / visitors) ** 3,
        ).plan()
        for number, start in enumerate((0, *starts))
    )


class _Visitor:
    """One visitor while they are being made up."""

    def __init__(
        self, random: Random, start_ms: int, end_ms: int, tale: str, *, is_phone: bool, lingering: float
    ) -> None:
        self._random = random
        self._start_ms = start_ms
        self._room_ms = end_ms - start_ms
        self._tale = tale
        self._lingering = lingering
        self._device = random.choice(PHONES if is_phone else DESKTOPS)
        self._way = random.choices([way for way, _ in WAYS], [weight for _, weight in WAYS])[0]

    def plan(self) -> Plan:
        """The story, as far as there is time for it; of the first page at least that it is seen."""
        language = self._random.choice(LANGUAGES)
        steps: list[Step] = []
        left = self._room_ms
        for step in self._story():
            if step.lasts_ms > left:
                steps += [] if steps else [_cut(step, left)]
                break
            left -= step.lasts_ms
            steps.append(step)
        return Plan(self._start_ms, self._device, language, tuple(steps))

    def _story(self) -> Iterator[Step]:
        stories: dict[str, Callable[[], Iterator[Step]]] = {
            "bounce": self._bounce,
            "stroll": self._stroll,
            "subscribe": self._subscribe,
            "buy": self._buy,
            "hesitate": self._hesitate,
            "get lost": self._get_lost,
            "take the gift": self._take_the_gift,
            "read": self._read,
        }
        yield from stories[self._tale]()
        if self._random.random() < RETURN_SHARE:
            self._way = WAYS[0][0]
            yield from self._stroll()

    # Stories ----------------------------------------------------------------------------------------------------------

    def _bounce(self) -> Iterator[Step]:
        yield self._arrive(self._random.choice(("/", "/", _path(self._product()))))

    def _stroll(self) -> Iterator[Step]:
        yield self._arrive("/")
        if self._random.random() < 0.15:
            yield self._page(Reload(), "/")
        yield self._follow("See the range", "/range")
        first, second = self._random.sample(PRODUCTS, 2)
        yield self._follow(first.name, _path(first), press="Shipping and returns")
        yield self._follow("Range", "/range")
        yield self._follow(second.name, _path(second))

    def _subscribe(self) -> Iterator[Step]:
        acts = [self._fill("newsletter", "email", self._email())]
        if self._random.random() < 0.6:
            acts.append(self._fill("newsletter", "topics", self._random.choice(("seconds", "courses"))))
        yield self._arrive("/", *acts)
        yield self._page(Submit("newsletter", self._aim()), "/newsletter")
        yield self._follow("Back to the shop", "/")

    def _buy(self) -> Iterator[Step]:
        yield self._arrive("/")
        if self._random.random() < 0.4:
            product = PRODUCTS[1]
            yield self._follow("Spring sale", _path(product), self._fill("order", "quantity", "2"))
        else:
            product = self._product()
            yield self._follow(product.name, _path(product))
        yield self._page(Submit("order", self._aim()), "/checkout", *self._checkout())
        yield self._page(Submit("checkout", self._aim()), "/thanks")
        yield self._follow("Back to the shop", "/")

    def _hesitate(self) -> Iterator[Step]:
        """Forgets the address, is told, and completes the order; or does not, and leaves."""
        product = self._product()
        yield self._arrive(_path(product))
        yield self._page(Submit("order", self._aim()), "/checkout", *self._checkout(forgets="address"))
        late = self._fill("checkout", "address", self._address())
        yield self._page(Submit("checkout", self._aim()), "/checkout", late, status=422)
        if self._random.random() < 0.5:
            yield self._page(Submit("checkout", self._aim()), "/thanks")

    def _get_lost(self) -> Iterator[Step]:
        yield self._arrive("/products/moss-jug", status=404)
        yield self._follow("See what survived", "/range")
        product = self._product()
        yield self._follow(product.name, _path(product))

    def _take_the_gift(self) -> Iterator[Step]:
        """Its address leads elsewhere."""
        yield self._arrive("/")
        yield self._follow("Gift of the month", "/products/ember-teapot", press="Shipping and returns")
        yield self._follow("Checkout", "/checkout")

    def _read(self) -> Iterator[Step]:
        yield self._arrive("/")
        yield self._follow("How it is made", "/about")
        yield self._follow("read the letter", "/")

    # Their parts ------------------------------------------------------------------------------------------------------

    def _arrive(self, path: str, *acts: Act, status: int = 200) -> Step:
        query = f"?{self._way.query}" if self._way.query else ""
        return replace(self._page(Arrive(self._way.referrer), path, *acts, status=status), ask=path + query)

    def _follow(self, name: str, path: str, *acts: Act, press: str = "") -> Step:
        if press and self._random.random() < 0.3:
            acts = (*acts, Press(press, self._between(400, 1_500)))
        return self._page(Follow(name, self._aim()), path, *acts)

    def _page(self, move: Move, path: str, *acts: Act, status: int = 200) -> Step:
        every = (*self._looks(path), *acts)
        scrolled = self._between(25, 100)
        return Step(move, "", path, status, every, self._between(400, 2_200), scrolled)

    def _looks(self, path: str) -> Iterator[Look]:
        kind = "/products/" if path.startswith("/products/") else path
        product = next((one.name for one in PRODUCTS if _path(one) == path), "")
        for name, usual_ms, share in LOOKS.get(kind, ()):
            looks, dwell, wait = self._random.random() < share, self._dwell(usual_ms), self._between(150, 700)
            if looks and not self._device.touch and (product or kind != "/products/"):
                yield Look(name.format(product=product), wait, dwell)

    def _dwell(self, usual_ms: int) -> int:
        dwell = usual_ms * math.exp(self._random.gauss(0, SPREAD))
        if self._random.random() < self._lingering:
            dwell = usual_ms * self._random.uniform(*LINGERING_TIMES)
        return int(min(max(dwell, SHORTEST_MS), LONGEST_MS))

    def _checkout(self, forgets: str = "") -> Iterator[Act]:
        """What is typed at the checkout: nobody here has a card, a password or a telephone."""
        random = self._random
        wanted = [
            ("name", random.choice(FIRST_NAMES), 1.0),
            ("email", self._email(), 1.0),
            ("letters", "yes", 0.3),
            ("country", random.choice(COUNTRIES), 0.8),
            ("address", self._address(), 1.0),
            ("delivery", random.choice(("courier", "door")), 0.4),
            ("coupon", random.choice(COUPONS), 1.0),
            ("wrap", "yes", 0.25),
            ("notes", random.choice(NOTES), 1.0),
        ]
        for name, value, share in wanted:
            if random.random() < share and value and name != forgets:
                yield self._fill("checkout", name, value)

    def _fill(self, form: str, name: str, value: str) -> Fill:
        typed = self._between(200, 500) + 25 * len(value)
        return Fill(form, name, value, self._between(80, 350), typed)

    def _product(self) -> Product:
        return self._random.choices(PRODUCTS, (5, 4, 6, 2, 3, 2))[0]

    def _aim(self) -> int:
        return self._between(250, 900)

    def _between(self, low: int, high: int) -> int:
        return self._random.randint(low, high)

    def _email(self) -> str:
        return f"{self._random.choice(FIRST_NAMES).lower().replace('ê', 'e')}@example.com"

    def _address(self) -> str:
        return f"{self._between(1, 90)} Kiln Lane"


def _cut(step: Step, room_ms: int) -> Step:
    """The page, with as much of what is done there as there is time for."""
    while step.acts and step.lasts_ms > room_ms:
        step = replace(step, acts=step.acts[:-1])
    return step


def _path(product: Product) -> str:
    return f"/products/{quote(product.slug)}"
