"""Somebody's FastAPI application, plain or with footfall wrapped around it, under plain uvicorn.

`python whole_fastapi.py PORT plain|tracked|bare FOLDER` runs it: `tracked` has its store and `started`/`stopped` marks
in FOLDER, `bare` is a tracked ASGI application that knows no lifespan.
"""

import asyncio
import base64
import contextlib
import hashlib
import os
import struct
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response, WebSocket
from fastapi.responses import HTMLResponse, RedirectResponse, StreamingResponse

from proxy import Footfall
from proxy.config import Config

PAGE = "<!doctype html><html><head><meta charset=utf-8><title>{0}</title></head><body><h1>{0}</h1></body></html>"
ETAG = '"v1"'


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, str]]:
    folder = Path(os.environ["SITE_FOLDER"])
    (folder / "started").touch()
    yield {"greeting": "Hello from the lifespan"}
    (folder / "stopped").touch()


app = FastAPI(lifespan=lifespan, default_response_class=HTMLResponse)


@app.get("/")
async def home(request: Request) -> str:
    return PAGE.format(request.state.greeting)


@app.get("/products/{name}")
async def product(name: str, request: Request) -> Response:
    headers = {"etag": ETAG, "cache-control": "no-cache"}
    if request.headers.get("if-none-match") == ETAG:
        return Response(status_code=304, headers=headers)
    return HTMLResponse(PAGE.format(name), headers=headers)


@app.head("/products/{name}")
async def product_head(name: str) -> Response:
    return HTMLResponse(PAGE.format(name))


@app.post("/order")
async def order(request: Request) -> str:
    return PAGE.format(f"Thank you for {(await request.body()).decode()}")


@app.get("/old")
async def old() -> Response:
    return RedirectResponse("/products/new", 302)


@app.get("/style.css")
async def style() -> Response:
    return Response("p { color: green }", media_type="text/css")


@app.get("/cookies")
async def cookies(request: Request) -> Response:
    """What the application sees of our doing: nothing (but that a proxy is one)."""
    seen = [f"{name}: {value}" for name, value in request.headers.items() if "footfall" in f"{name}{value}".lower()]
    seen = [line for line in seen if not line.startswith("via:")]
    return Response("\n".join(seen), media_type="text/plain")


@app.get("/stream")
async def stream() -> StreamingResponse:
    async def pieces() -> AsyncIterator[str]:
        head, _, rest = PAGE.format("Progress").partition("<h1>")
        yield head
        for number in range(3):
            yield f"<p>{number}</p>"
            await asyncio.sleep(0.2)
        yield rest

    return StreamingResponse(pieces(), media_type="text/html")


@app.get("/news")
async def news() -> StreamingResponse:
    async def pieces() -> AsyncIterator[str]:
        for number in range(3):
            yield f"data: {number}\n\n"
            await asyncio.sleep(0.2)

    return StreamingResponse(pieces(), media_type="text/event-stream")


@app.websocket("/echo")
async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    while (text := await websocket.receive_text()) != "bye":
        await websocket.send_text(text.upper())
    await websocket.close()


async def bare(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Many an ASGI application asserts that it is asked for http only."""
    assert scope["type"] == "http"
    body = PAGE.format("bare").encode()
    headers = [(b"content-type", b"text/html; charset=utf-8"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class TinyWebSocket(asyncio.Protocol):
    """The WebSocket side of uvicorn for short text messages (RFC 6455): no library for it has to be installed."""

    def __init__(self, config: uvicorn.Config, server_state: Any, app_state: dict[str, Any], _loop: Any = None) -> None:
        self.app = config.loaded_app
        self.state = app_state
        self.buffer = b""
        self.messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.key = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.key and b"\r\n\r\n" in self.buffer:
            head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
            self._upgrade(head.split(b"\r\n"))
        while self.key and len(self.buffer) >= 6 and len(self.buffer) >= 6 + (self.buffer[1] & 127):
            length = self.buffer[1] & 127
            mask, masked = self.buffer[2:6], self.buffer[6 : 6 + length]
            text = bytes(byte ^ mask[n % 4] for n, byte in enumerate(masked)).decode()
            self.buffer = self.buffer[6 + length :]
            self.messages.put_nowait({"type": "websocket.receive", "text": text})

    def _upgrade(self, lines: list[bytes]) -> None:
        headers = [tuple(line.split(b": ", 1)) for line in lines[1:]]
        headers = [(name.lower(), value) for name, value in headers]
        self.key = dict(headers)[b"sec-websocket-key"]
        path = lines[0].split()[1].decode()
        scope = {
            "type": "websocket",
            "asgi": {"version": "3.0"},
            "scheme": "ws",
            "path": path,
            "raw_path": path.encode(),
        }
        scope |= {
            "query_string": b"",
            "headers": headers,
            "subprotocols": [],
            "state": self.state.copy(),
            "root_path": "",
        }
        self.messages.put_nowait({"type": "websocket.connect"})
        self.task = asyncio.get_running_loop().create_task(self.app(scope, self.messages.get, self.send))

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "websocket.accept":
            digest = hashlib.sha1(self.key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
            head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            self.transport.write(head + b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n")
        elif message["type"] == "websocket.send":
            text = message["text"].encode()
            self.transport.write(bytes((0x81, len(text))) + text)
        else:
            self.transport.write(b"\x88\x02" + struct.pack("!H", 1000))
            self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self.messages.put_nowait({"type": "websocket.disconnect", "code": 1006})

    def shutdown(self) -> None:
        self.transport.close()


def main(port: str, kind: str, folder: str) -> None:
    os.environ["SITE_FOLDER"] = folder
    tracked = Footfall(bare if kind == "bare" else app, Config(base=Path(folder))) if kind != "plain" else app
    uvicorn.run(tracked, host="127.0.0.1", port=int(port), ws=TinyWebSocket, log_level="warning")  # type: ignore[arg-type]


if __name__ == "__main__":
    main(*sys.argv[1:])
