"""`python -m benchmarks.soak.unruly`: the visitors who do not behave, in a process of their own.

Told on standard input, as JSON in one line, where (`port`, `seed`); says `ready`, and begins: people who leave in the
middle of something, several a second, and WebSockets that come and go. `stall N`: from then on N visitors ask for a
large file and read nothing of it for a while, then leave and are followed by others. `end`: all leave; says what they
did, as JSON.
"""

import asyncio
import contextlib
import json
import random
import socket
import sys
from collections import Counter
from typing import Any

import uvloop
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from benchmarks.load import BROWSER, INSIDE
from benchmarks.servers import MEDIUM
from benchmarks.soak.browser import reset, source
from benchmarks.soak.mix import POST, head, sized
from benchmarks.soak.site import BIG, ECHO, GOODBYE, GOODBYE_CODE, LATE, SLOW, TAKE

LEAVING_A_SECOND = 8.0
STALL_SECONDS = 30.0
WEBSOCKETS = 50
WEBSOCKET_SECONDS = (2.0, 10.0)
ECHO_SECONDS = 0.5
"""Between two messages of a WebSocket, on average."""
LARGE_MESSAGE = 100_000
ANSWER_SECONDS = 30.0
"""For an echo, or the end of a WebSocket."""
PIECE_BYTES = 16 * 1_024
"""Of an answer, read at a time: twice that is less than any of those that are left in the middle."""
BROKEN_UPLOAD = 200_000
HALF = BROKEN_UPLOAD // 2
IN_HEAD, IN_UPLOAD, BEFORE_ANSWER, IN_PAGE, IN_FILE, IN_SLOW = MIDDLES = (
    "in the middle of a head",
    "in the middle of an upload",
    "before the answer",
    "in the middle of a page",
    "in the middle of a large file",
    "in the middle of a slow answer",
)


class Unruly:
    """`did` counts what was done by name, `wrong` what should not have happened."""

    def __init__(self, port: int, seed: int) -> None:
        self._port, self._source = port, random.Random(seed)
        self._tasks: set[asyncio.Task[None]] = set()
        self.did: Counter[str] = Counter()
        self.wrong: Counter[str] = Counter()
        authority = f"127.0.0.1:{port}"
        upload = head("POST", TAKE, POST, authority)
        files = {IN_PAGE: MEDIUM, IN_FILE: BIG, IN_SLOW: SLOW, BEFORE_ANSWER: LATE}
        self._requests = {name: head("GET", path, INSIDE, authority) + b"\r\n" for name, path in files.items()}
        self._requests[IN_UPLOAD] = sized(upload, b"x" * BROKEN_UPLOAD)[: len(upload) + HALF]
        self._requests[IN_HEAD] = upload[: len(upload) // 2]

    def begin(self) -> None:
        self._start(self._keep_leaving())
        for number in range(WEBSOCKETS):
            self._start(self._keep_talking(number))

    def stall(self, number: int) -> None:
        for one in range(number):
            self._start(self._keep_stalling(one / number))

    def _start(self, what: Any) -> None:
        task = asyncio.get_running_loop().create_task(what)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (wrong := task.exception()) is not None:
            self.wrong[f"{type(wrong).__name__}: {wrong}"] += 1

    async def end(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self) -> socket.socket:
        sock = socket.socket()
        sock.setblocking(False)
        try:
            sock.bind(source(self._source.randrange(1_000)))
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self._port))
        except BaseException:
            sock.close()
            raise
        return sock

    def _leave(self, sock: socket.socket) -> None:
        if self._source.random() < 0.5:
            reset(sock)
        sock.close()

    # Those who leave in the middle

    async def _keep_leaving(self) -> None:
        while True:
            self._start(self._leave_in_the_middle(self._source.choice(MIDDLES)))
            await asyncio.sleep(self._source.expovariate(LEAVING_A_SECOND))

    async def _leave_in_the_middle(self, where: str) -> None:
        loop = asyncio.get_running_loop()
        sock = await self._connected()
        self.did[f"left {where}"] += 1
        try:
            await loop.sock_sendall(sock, self._requests[where])
            if where in (IN_PAGE, IN_FILE, IN_SLOW):
                for _ in range(self._source.randrange(3)):
                    await asyncio.wait_for(loop.sock_recv(sock, PIECE_BYTES), ANSWER_SECONDS)
            await asyncio.sleep(self._source.expovariate(5.0))
        finally:
            self._leave(sock)

    # Those who read nothing

    async def _keep_stalling(self, share: float) -> None:
        """`share`: how much of the first time is left out, so that they do not all leave at once."""
        seconds = STALL_SECONDS * (1 - share / 2)
        while True:
            sock = await self._connected()
            self.did["stalled"] += 1
            try:
                await asyncio.get_running_loop().sock_sendall(sock, self._requests[IN_FILE])
                await asyncio.sleep(seconds)
            finally:
                self._leave(sock)
            seconds = STALL_SECONDS

    # WebSockets

    async def _keep_talking(self, number: int) -> None:
        address = f"ws://127.0.0.1:{self._port}{ECHO}"
        agent = dict(BROWSER)["user-agent"]
        while True:
            try:
                talk = await connect(
                    address, local_addr=source(number), user_agent_header=agent, open_timeout=ANSWER_SECONDS
                )
            except (OSError, TimeoutError, WebSocketException) as wrong:
                self.wrong[f"a WebSocket was not opened: {type(wrong).__name__}: {wrong}"] += 1
                await asyncio.sleep(1)
                continue
            self.did["WebSocket opened"] += 1
            try:
                await self._talk(talk)
            except (OSError, TimeoutError, WebSocketException) as wrong:
                self.wrong[f"a WebSocket failed: {type(wrong).__name__}: {wrong}"] += 1
            finally:
                talk.transport.abort()

    async def _talk(self, talk: ClientConnection) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + self._source.uniform(*WEBSOCKET_SECONDS)
        while loop.time() < until:
            size = LARGE_MESSAGE if self._source.random() < 0.02 else self._source.randrange(2_000)
            said = self._source.randbytes(size) if self._source.random() < 0.5 else "e" * size
            await talk.send(said)
            if await asyncio.wait_for(talk.recv(), ANSWER_SECONDS) != said:
                self.wrong["a WebSocket said something else"] += 1
            self.did["WebSocket echo"] += 1
            await asyncio.sleep(self._source.expovariate(1 / ECHO_SECONDS))
        await self._part(talk, self._source.randrange(3))

    async def _part(self, talk: ClientConnection, how: int) -> None:
        """Closed by us, by the site, or reset."""
        if how == 0:
            await talk.close()
            if talk.close_code != 1_000:
                self.wrong[f"a WebSocket was closed with {talk.close_code} instead of 1000"] += 1
            self.did["WebSocket closed"] += 1
        elif how == 1:
            await talk.send(GOODBYE)
            await asyncio.wait_for(talk.wait_closed(), ANSWER_SECONDS)
            if talk.close_code != GOODBYE_CODE:
                self.wrong[f"a WebSocket was closed with {talk.close_code} instead of {GOODBYE_CODE}"] += 1
            self.did["WebSocket closed by the site"] += 1
        else:
            reset(talk.transport.get_extra_info("socket"))
            talk.transport.abort()
            self.did["WebSocket reset"] += 1


async def _obey(told: dict[str, Any]) -> None:
    unruly = Unruly(told["port"], told["seed"])
    unruly.begin()
    print("ready", flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        word, *numbers = line.split()
        if word == "stall":
            unruly.stall(int(numbers[0]))
        else:
            break
    await unruly.end()
    print(json.dumps({"did": dict(unruly.did), "wrong": dict(unruly.wrong)}), flush=True)


def main() -> int:
    told = json.loads(sys.stdin.readline())
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(_obey(told))
    return 0


if __name__ == "__main__":
    sys.exit(main())
