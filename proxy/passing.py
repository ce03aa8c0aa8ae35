"""What the server and the tracking say to each other of a page that passes without an application (http/fastpath.py,
http/passage.py, tracking/fastpath.py)."""

from collections.abc import Awaitable
from typing import Any, NamedTuple, Protocol

from proxy.asgi import Piece, Scope
from proxy.fieldlist import FieldList

OK = 200
"""The status of a page that may pass so."""
AHEAD = "footfall.ahead"
"""In the extensions of a scope: the site has been asked already. With the exchange that is under way, when that began
(`time.perf_counter`), and the time of the request (UTC ms)."""


class Waiter(Protocol):
    """What is told a result as an asyncio.Future is, and is none: nobody has to be woken to hear of it."""

    def done(self) -> bool:
        """Whether it wants to hear no more."""

    def set_result(self, result: Any, /) -> None:
        """Told once each time that it is given to somebody. Raises nothing."""


class Held(Waiter, Protocol):
    """A page that waits for its commit, of which it is told. `has_started`: its beginning has gone."""

    @property
    def has_started(self) -> bool: ...

    def let_go(self) -> Awaitable[None]:
        """The commit is late: all but the last byte goes."""


class Page(NamedTuple):
    """A page to be sent: the `headers` of its answer; what there is of its body and is not sent, in two pieces; the
    ticket of what its end waits for. `waits_shortly`: its last piece may not wait long, but for its last byte. Where
    its fields say no length it goes in chunks."""

    headers: FieldList
    start: bytes
    rest: Piece
    ticket: int
    waits_shortly: bool


class Asker(Protocol):
    """Somebody whose pages may pass so, for all that the fields of his request say."""

    def begins(self, raw_path: bytes) -> tuple[int, bytes] | None:
        """The time of a request for this path (UTC ms), whatever its query, and who he is; None: it is to take the
        ordinary path."""

    def page(
        self, target: bytes, begun: float, now_ms: int, who: bytes, headers: FieldList, body: Piece, *, is_whole: bool
    ) -> Page | None:
        """The page that an answer (OK) with this body, or one that begins so, makes of what was asked for (`target`:
        the path with its query), and all recorded of it. None, or an error: nothing is."""

    def hold(self, page: Page, held: Held) -> bool:
        """Whether what is left of it has to wait for its commit, of which it will be told."""

    def released(self, held: Held) -> None:
        """What `waits_shortly` waits no more."""


class Askers(Protocol):
    """Who knows them."""

    def may_ask(self, headers: FieldList) -> bool:
        """Whether any request with these fields may pass so."""

    def knows(self, raw_path: bytes, headers: FieldList) -> bool:
        """Whether a path is worth finding out who asks for it."""

    def asker(self, scope: Scope) -> tuple[Asker, Scope] | None:
        """Who asks, and the request as the site gets it; the scope has passed the gate. An asker does not know the list
        of fields: he is kept with it."""
