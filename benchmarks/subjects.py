"""Parts of footfall as processes of their own: `python -m benchmarks.subjects KIND --socket FD ...`.

`hello`: only the server, the page answered from memory. `bare`: the intermediary, gate and forwarder, without tracking.
`tracking`: with tracking, but what it records is dropped before the recorder's queue. Standard input is the lifeline.
"""

import argparse
import socket
import sys
from pathlib import Path
from typing import Any

from proxy.app import Footfall
from proxy.config import Config
from proxy.http.fastpath import FastPath
from proxy.http.forward import Forwarder
from proxy.http.gate import Gate
from proxy.http.life import Life
from proxy.http.server import run
from proxy.http.upstream import Upstream
from proxy.tuning import tune

KINDS = ("hello", "bare", "tracking")
TOKEN = b"footfall-benchmark"
PREFIX = b"/_footfall"


def hello(page: bytes) -> Any:
    """An ASGI application that always answers with this page."""
    start = {
        "type": "http.response.start",
        "status": 200,
        "headers": [(b"content-type", b"text/html"), (b"content-length", b"%d" % len(page))],
    }
    body = {"type": "http.response.body", "body": page, "more_body": False}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for step in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{step}.complete"})
            return
        await send(start)
        await send(body)

    return app


def tracking(app: Any) -> Footfall:
    """Tracking around `app` whose visits get ticket 0, the recorder's word for a lost one: nothing waits for them."""
    footfall = Footfall(app, Config(base=Path.cwd()))
    footfall.recorder.record = lambda item: 0  # type: ignore[method-assign]
    return footfall


def application(kind: str, upstream: str, page: Path) -> tuple[Any, FastPath | None]:
    """And what passes by it."""
    if kind == "hello":
        return hello(page.read_bytes()), None
    forwarder = Forwarder(Upstream(upstream), via_token=TOKEN)
    footfall = tracking(forwarder) if kind == "tracking" else None
    app: Any = forwarder if footfall is None else footfall
    gate = Gate(app, prefix=PREFIX, via_token=TOKEN, trusted_proxies=(), refused=refused)
    return gate, None if footfall is None else FastPath(gate, forwarder, footfall.pages)


def refused(host: bytes, status: int) -> None:
    """Nobody counts."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.subjects")
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--socket", type=int, required=True)
    parser.add_argument("--upstream", required=True)
    parser.add_argument("--page", type=Path, required=True)
    given = parser.parse_args()
    app, fast = application(given.kind, given.upstream, given.page)
    tune()
    return run(
        app, fast=fast, sockets=[socket.socket(fileno=given.socket)], refused=refused, life=Life(sys.stdin.fileno())
    )


if __name__ == "__main__":
    sys.exit(main())
