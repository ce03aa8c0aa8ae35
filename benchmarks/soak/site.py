"""The site of the soak test: nginx for files, and behind it a small application for what is no file.

`python -m benchmarks.soak.site --socket FD` is the application. It echoes WebSockets (a text that begins with GOODBYE
closes them), reads uploads to their end, and answers slowly (piece by piece) or late.
"""

import argparse
import asyncio
import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvicorn

from benchmarks.process import START_SECONDS
from benchmarks.servers import Server, nginx, write_site

ECHO, TAKE, SLOW, LATE, BIG = "/echo", "/take", "/slow", "/late", "/big.data"
BIG_BYTES = 300 * 1_000_000
"""Of a file without content: it takes no room."""
GOODBYE = "goodbye"
GOODBYE_CODE = 4_000
TAKEN = b"taken\n"
PIECE, PIECES, PIECE_SECONDS = b"piece\n" * 200, 40, 0.05
LATE_SECONDS = 1.5

NGINX = """
    types {{ text/html html; image/png bin; }}
    map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
    upstream behind {{ server 127.0.0.1:{behind}; keepalive 32; }}
    server {{
        listen 127.0.0.1:{port};
        root {root};
        location ~ ^/(echo|take|slow|late)$ {{
            proxy_pass http://behind;
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_buffering off;
            proxy_request_buffering off;
        }}
    }}
"""


@contextlib.contextmanager
def site(program: str, where: Path) -> Iterator[Server]:
    """The whole of it, running; files below `where`."""
    where.mkdir(parents=True)
    root = where / "files"
    write_site(root)
    with (root / BIG.lstrip("/")).open("wb") as big:
        big.truncate(BIG_BYTES)
    with _behind() as port, nginx(program, where / "origin", "origin", NGINX, root=root, behind=port) as server:
        yield server


@contextlib.contextmanager
def _behind() -> Iterator[int]:
    """The port of the application, which listens before it runs: nobody has to wait for it."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        port, number = listener.getsockname()[1], listener.fileno()
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.soak.site", "--socket", str(number)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=(number,),
        )
    try:
        yield int(port)
    finally:
        process.terminate()
        try:
            process.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def application(scope: Any, receive: Any, send: Any) -> None:
    """ASGI: http and websocket."""
    if scope["type"] == "websocket":
        await _echo(receive, send)
        return
    path = scope["path"]
    if path == TAKE and not await _read_whole(receive):
        return
    if path == LATE:
        await asyncio.sleep(LATE_SECONDS)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    if path == SLOW:
        for _ in range(PIECES):
            await send({"type": "http.response.body", "body": PIECE, "more_body": True})
            await asyncio.sleep(PIECE_SECONDS)
    await send({"type": "http.response.body", "body": TAKEN})


async def _read_whole(receive: Any) -> bool:
    while (message := await receive())["type"] == "http.request":
        if not message.get("more_body", False):
            return True
    return False


async def _echo(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        text = message.get("text")
        if text is not None and text.startswith(GOODBYE):
            await send({"type": "websocket.close", "code": GOODBYE_CODE})
            return
        await send({"type": "websocket.send", "text": text, "bytes": message.get("bytes")})


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m benchmarks.soak.site")
    options.add_argument("--socket", type=int, required=True)
    listener = socket.socket(fileno=options.parse_args().socket)
    config = uvicorn.Config(
        application,
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_keep_alive=120,
        timeout_graceful_shutdown=1,
    )
    uvicorn.Server(config).run([listener])
    return 0


if __name__ == "__main__":
    sys.exit(main())
