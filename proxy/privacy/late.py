"""The visitor's page, loaded when somebody first asks for it.

Law: it answers as the page itself does. Its templates and all that reads the store are a quarter of what a worker
would load at its start, and most workers are never asked for it.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from proxy.privacy.paths import PATHS

Answer = Callable[[Request], Coroutine[Any, Any, Response]]


class LatePage:
    """`load`: who answers each of PATHS (`PrivacyPage.answers`); called in a thread until it has succeeded once: the
    site's own pages are served meanwhile."""

    def __init__(self, load: Callable[[], Sequence[Answer]]) -> None:
        self._load = load
        self._answers: Sequence[Answer] = ()
        self._loading = asyncio.Lock()

    def routes(self, prefix: str) -> list[Route]:
        """All that is answered here, by method."""
        return [
            Route(prefix + path, self._answer(place), methods=list(methods))
            for place, (path, methods) in enumerate(PATHS.items())
        ]

    def _answer(self, place: int) -> Answer:
        async def answer(request: Request) -> Response:
            async with self._loading:
                self._answers = self._answers or await asyncio.to_thread(self._load)
            return await self._answers[place](request)

        return answer
