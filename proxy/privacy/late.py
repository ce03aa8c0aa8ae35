"""The visitor's page, loaded when somebody first asks for it.

Law: it answers as the page itself does. Its templates and all that reads the store are a quarter of what a worker
would load at its start, and most workers are never asked for it.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from proxy.privacy.paths import PATHS

Answer = Callable[[Request], Coroutine[Any, Any, Response]]


class Page(Protocol):
    """What `proxy/privacy/page.py` has: who answers each of PATHS."""

    def answers(self) -> Sequence[Answer]: ...


class LatePage:
    """`load` is called in a thread until it has succeeded once: the site's own pages are served meanwhile."""

    def __init__(self, load: Callable[[], Page]) -> None:
        self._load = load
        self._loading: asyncio.Task[Sequence[Answer]] | None = None

    def routes(self, prefix: str) -> list[Route]:
        """All that is answered here, by method."""
        return [
            Route(prefix + path, self._answer(place), methods=list(methods))
            for place, (path, methods) in enumerate(PATHS.items())
        ]

    def _answer(self, place: int) -> Answer:
        async def answer(request: Request) -> Response:
            if self._loading is None or (self._loading.done() and self._loading.exception() is not None):
                self._loading = asyncio.create_task(asyncio.to_thread(lambda: self._load().answers()))
            answers = await asyncio.shield(self._loading)
            return await answers[place](request)

        return answer
