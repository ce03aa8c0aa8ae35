"""The ASGI 3 interface as types, structurally the same as Starlette's, so that either side may be anybody's."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from typing import Any

Headers = Iterable[tuple[bytes, bytes]]
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Piece = bytes | memoryview
"""Of a body. The forwarder sends either, and our own server takes either. Others are given bytes, as ASGI says:
tracking around somebody's application sends nothing else (`TrackedRequest.foreign`)."""
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

UPGRADE = "footfall.upgrade"
"""The extension that our server offers in the scope of an http request that asks for a WebSocket. An application that
answers it with status 101 has the connection: from then on `http.request` brings what the visitor sends and
`http.response.body` what he is sent, raw bytes both; `more_body` is False at the end of a direction. The 101's own
Upgrade and Connection are the server's. Any other answer is an ordinary one; without the extension there is no 101."""


AT_ONCE = "footfall.at_once"
"""True in an `http.response.start`, or in a small piece of a body, says that the next piece follows within the same
turn of the event loop: our server waits for it, and makes one write of both; the tracking keeps a head back for it, and
has no clock for that. Whoever says so may not wait for anything in between."""


class _Done:
    """Nothing to wait for: an empty iterator is all that `await` asks for, and costs a third of a coroutine."""

    __slots__ = ()
    __await__: Callable[[], Iterator[None]] = ().__iter__


DONE: Awaitable[None] = _Done()  # type: ignore[assignment]


def raw_path_of(scope: Scope) -> bytes:
    """The path as it was sent; of a server that does not say, the decoded one (ASGI 3, `raw_path` is optional)."""
    raw_path: bytes | None = scope.get("raw_path")
    return raw_path if raw_path is not None else scope["path"].encode("utf-8")
