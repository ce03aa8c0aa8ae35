"""A small site in a process of its own: `python whole_site.py module:application` serves it and prints its port."""

import importlib
import os
import socket
import sys
import zlib
from typing import Any

from proxy.http.server import run

MEGABYTE = 1024 * 1024
_HEAD = b"<!doctype html><html><head><meta charset=utf-8><title>%b</title></head><body>"
_REST = b"<p>%b</p>" % (b"Lorem ipsum dolor sit amet. " * 100)
_PIECE = b"<p>" + os.urandom(MEGABYTE // 2).hex().encode() + b"</p>"
"""Hex digits: gzip makes half of them."""


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """`/large?megabytes=N` a page as large as that, `/coded?...` the same in gzip, `/*.css` an asset, else a page."""
    if scope["type"] == "lifespan":
        for event in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{event}.complete"})
        return
    path: str = scope["path"]
    headers = [(b"content-type", b"text/html"), (b"cache-control", b"public, max-age=600")]
    if path.endswith(".css"):
        headers[0] = (b"content-type", b"text/css")
        await _answer(send, headers, b"p { color: green }\n")
    elif path in ("/large", "/coded", "/download"):
        count = int(scope["query_string"].partition(b"=")[2])
        await _large(send, path, headers, count)
    else:
        await _answer(send, headers, _HEAD % path.encode() + _REST)


async def _answer(send: Any, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": 200, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})


async def _large(send: Any, path: str, headers: list[tuple[bytes, bytes]], count: int) -> None:
    first = _HEAD % b"large"
    pieces = [first] + [_PIECE] * count
    if path == "/coded":
        headers.append((b"content-encoding", b"gzip"))
        # After a full flush a piece can be repeated; only the check sum at the end, which nobody reads, is wrong.
        coder = zlib.compressobj(1, wbits=31)
        pieces = [coder.compress(piece) + coder.flush(zlib.Z_FULL_FLUSH) for piece in (first, _PIECE)]
        pieces += pieces[-1:] * (count - 1) + [coder.flush()]
    else:
        headers.append((b"content-length", b"%d" % sum(map(len, pieces))))
    if path == "/download":
        headers[0] = (b"content-type", b"application/octet-stream")
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for piece in pieces:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def main(name: str) -> int:
    module, _, attribute = name.partition(":")
    application = getattr(importlib.import_module(module), attribute)
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    print(listener.getsockname()[1], flush=True)
    return run(application, sockets=[listener], refused=lambda host, status: None, graceful_seconds=1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
