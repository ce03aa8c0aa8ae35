"""The ASGI 3 interface as types, structurally the same as Starlette's, so that either side may be anybody's."""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

Headers = Iterable[tuple[bytes, bytes]]
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]


def raw_path_of(scope: Scope) -> bytes:
    """The path as it was sent; of a server that does not say, the decoded one (ASGI 3, `raw_path` is optional)."""
    raw_path: bytes | None = scope.get("raw_path")
    return raw_path if raw_path is not None else scope["path"].encode("utf-8")
